-- Question: what is declared of the account's spending with everybody in each category, and of our place among its suppliers?
-- Grain:    one row per account × cutoff × category with an amount above 0 or a rank as of the cutoff; category '' is the whole.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    as in parts/amounts.sql.
-- Amount:   who said so stands in its row recorded last, no reversal.
-- Rank:     of the rows of a period the one recorded last says whether there is a rank; the newest period with one counts.
WITH
    amounts AS
    (
        -- Include: amounts.sql
    ),
    said AS
    (
        SELECT
            account,
            cutoff,
            category,
            newest.2 AS amount,
            arrayFilter(r -> r.1 = newest.1 AND r.6 > 0, seen)[-1] AS spoken,
            arrayFilter(r -> r.4 > 0, latest)[-1] AS ranked
        FROM amounts
    )
SELECT
    account,
    cutoff,
    category,
    if(amount > 0, toFloat64(amount), NULL) AS declared,
    if(amount > 0, toDateTime(spoken.1, 'UTC'), NULL) AS period,
    if(amount > 0, toDateTime(spoken.2, 'UTC'), NULL) AS recorded_at,
    if(amount > 0, spoken.8, '') AS author,
    if(amount > 0, spoken.9, '') AS origin,
    ranked.4 AS rank,
    ranked.7 AS suppliers,
    if(ranked.4 > 0, toDateTime(ranked.1, 'UTC'), NULL) AS ranked_period,
    if(ranked.4 > 0, toDateTime(ranked.2, 'UTC'), NULL) AS ranked_at,
    ranked.8 AS ranked_author,
    ranked.9 AS ranked_origin
FROM said
WHERE amount > 0 OR ranked.4 > 0
SETTINGS short_circuit_function_evaluation = 'disable'
