-- Question: from when to when did each account buy, where does it live and who owns it?
-- Grain:    one row per account with an order line as of the cutoff, and one per account of the accounts table.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of length 1; watermark UInt64.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark and an amount above 0; the newest version of
--           the account as in profiles.sql, also when it has ended: where an account lived that is no more is what is asked.
SELECT
    account,
    toInt64(toUnixTimestamp(min(ordered_at))) AS first_at,
    toInt64(toUnixTimestamp(max(ordered_at))) AS last_at,
    '' AS address,
    '' AS tax_number,
    '' AS parent
FROM order_lines
WHERE load <= {watermark:UInt64}
  AND ordered_at < {cutoffs:Array(DateTime('UTC'))}[1]
  AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
  AND amount > 0
GROUP BY account
UNION ALL
SELECT
    account,
    toInt64(0) AS first_at,
    toInt64(0) AS last_at,
    newest.1 AS address,
    newest.2 AS tax_number,
    newest.3 AS parent
FROM
(
    SELECT account, argMax((address, tax_number, parent), (ifNull(toUnixTimestamp(valid_from), 0), toUnixTimestamp(recorded_at), load)) AS newest
    FROM accounts
    WHERE load <= {watermark:UInt64}
      AND (isNull(valid_from) OR valid_from < {cutoffs:Array(DateTime('UTC'))}[1])
      AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
    GROUP BY account
)
