-- Question: how much does the account say it spends in a year with all its suppliers?
-- Grain:    one row per account × cutoff with at least one amount declared as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    as in parts/amounts.sql. Rows without an amount rank suppliers and declare nothing here.
-- Whole:    a declaration without a category speaks of the whole wallet and goes before the sum of the categories.
WITH
    declared AS
    (
        -- Include: amounts.sql
    ),
    totals AS
    (
        SELECT
            account,
            cutoff,
            countIf(category = '' AND newest.3) > 0 AS whole,
            countIf(category != '' AND newest.2 > 0) AS parts,
            if(whole, sumIf(newest.2, category = ''), sumIf(newest.2, category != '' AND newest.2 > 0)) AS amount,
            if(whole, maxIf(newest.1, category = ''), maxIf(newest.1, category != '' AND newest.2 > 0)) AS period
        FROM declared
        GROUP BY account, cutoff
        HAVING max(arrayExists(r -> r.5, seen))
    )
SELECT
    account,
    cutoff,
    if(whole OR parts > 0, toFloat64(amount), NULL) AS wallet_declared,
    if(whole OR parts > 0, toInt32(toUInt16(toDate(cutoff, {tz:String}))) - toInt32(toUInt16(toDate(toDateTime(period, 'UTC'), {tz:String}))), NULL) AS wallet_age_days,
    parts AS wallet_categories
FROM totals
SETTINGS short_circuit_function_evaluation = 'disable'
