-- Question: what is declared of the account's spending with everybody in each category, and of our place among its suppliers?
-- Grain:    one row per account × cutoff × category with an amount above 0 or a rank as of the cutoff; category '' is the whole.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    rows of wallets with period < cutoff, recorded_at <= known_at, load <= watermark.
-- Amount:   amounts of one category and period add up (a correction is a reversal plus the new value); the newest period with
--           an amount counts, as in wallet_categories.sql. Who said so stands in its row recorded last, no reversal.
-- Rank:     of the rows of a period the one recorded last says whether there is a rank; the newest period with one counts.
WITH
    history AS
    (
        SELECT
            account,
            category,
            arraySort(r -> (r.1, r.2, r.3, r.6), groupArray((
                toUnixTimestamp(period),
                toUnixTimestamp(recorded_at),
                load,
                isNotNull(amount),
                ifNull(amount, 0),
                ifNull(rank, 0),
                ifNull(suppliers, 0),
                author,
                origin))) AS rows
        FROM wallets
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account, category
    ),
    as_of AS
    (
        SELECT
            account,
            category,
            cutoff,
            arrayFilter(r -> r.1 < toUnixTimestamp(cutoff) AND r.2 <= toUnixTimestamp(known_at), rows) AS seen,
            arrayFilter(r -> r.4, seen) AS amounts,
            arraySum((p, a) -> if(p = arrayMax(amounts.1), a, 0), amounts.1, amounts.5) AS amount,
            arrayFilter(r -> r.1 = arrayMax(amounts.1) AND r.5 > 0, amounts)[-1] AS said,
            arrayFilter((r, p, i) -> (i = length(seen) OR r.1 != p) AND r.6 > 0,
                seen, arrayShiftLeft(seen.1, 1), arrayEnumerate(seen))[-1] AS ranked
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
SELECT
    account,
    cutoff,
    category,
    if(amount > 0, toFloat64(amount), NULL) AS declared,
    if(amount > 0, toDateTime(said.1, 'UTC'), NULL) AS period,
    if(amount > 0, toDateTime(said.2, 'UTC'), NULL) AS recorded_at,
    if(amount > 0, said.8, '') AS author,
    if(amount > 0, said.9, '') AS origin,
    ranked.6 AS rank,
    ranked.7 AS suppliers,
    if(ranked.6 > 0, toDateTime(ranked.1, 'UTC'), NULL) AS ranked_period,
    if(ranked.6 > 0, toDateTime(ranked.2, 'UTC'), NULL) AS ranked_at,
    ranked.8 AS ranked_author,
    ranked.9 AS ranked_origin
FROM as_of
WHERE amount > 0 OR ranked.6 > 0
SETTINGS short_circuit_function_evaluation = 'disable'
