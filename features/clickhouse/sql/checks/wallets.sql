-- Question: which wallets are declared below what the account spends here alone?
-- Grain:    one row: pairs of account and category ('' is the whole) whose newest declared amount is below their own spend of the
--           365 days before the newest order, of those with a declared amount; with the first three.
-- Of:       wallets; not asked where they have no row.
-- Parameters: now DateTime('UTC'); watermark UInt64.
-- As of:    everything up to the watermark. Amounts of one period add up, because a correction is a reversal and the new value.
WITH (SELECT max(ordered_at) FROM order_lines WHERE load <= {watermark:UInt64} AND ordered_at <= {now:DateTime('UTC')}) AS newest
SELECT 'below_spend' AS check, 'wallets' AS table_name, 'amount' AS column_name, '' AS from_source, '' AS subject, countIf(below) AS found, count() AS total,
    arrayStringConcat(groupArraySortedIf(3)(if(category = '', account, concat(account, '/', category)), below), '\n') AS examples
FROM
(
    SELECT d.account AS account, d.category AS category, d.declared < s.spend AS below
    FROM
    (
        SELECT account, category, argMax(amount, period) AS declared
        FROM
        (
            SELECT account, category, period, sum(ifNull(ifNull(amount_base, amount), 0)) AS amount
            FROM wallets WHERE load <= {watermark:UInt64} AND period <= newest GROUP BY account, category, period HAVING amount > 0
        )
        GROUP BY account, category
    ) AS d
    LEFT JOIN
    (
        SELECT account, of, sum(ifNull(amount_base, amount)) AS spend
        FROM order_lines
        ARRAY JOIN arrayDistinct(['', toString(category)]) AS of
        WHERE load <= {watermark:UInt64} AND account IN (SELECT account FROM wallets WHERE load <= {watermark:UInt64})
            AND ordered_at <= newest AND ordered_at > newest - INTERVAL 365 DAY
        GROUP BY account, of
    ) AS s ON d.account = s.account AND d.category = s.of
)
HAVING total > 0
