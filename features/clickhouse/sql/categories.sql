-- Question: which categories does any order line name?
-- Grain:    one row per category.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of length 1; watermark UInt64.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at and load <= watermark.
SELECT DISTINCT category
FROM order_lines
WHERE load <= {watermark:UInt64}
  AND ordered_at < {cutoffs:Array(DateTime('UTC'))}[1]
  AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
  AND category != ''
