-- Question: what did some accounts buy?
-- Grain:    one row per account × product bought as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of length 1; accounts Array(String); watermark UInt64.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark and an amount above 0.
SELECT
    account,
    product
FROM order_lines
WHERE load <= {watermark:UInt64}
  AND ordered_at < {cutoffs:Array(DateTime('UTC'))}[1]
  AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
  AND account IN {accounts:Array(String)}
  AND amount > 0
  AND product != ''
GROUP BY account, product
