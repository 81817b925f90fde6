-- Question: what does each source hold as of each cutoff, and since when?
-- Grain:    one row per source × cutoff with at least one row seen.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; watermark UInt64.
-- As of:    rows with event time < cutoff, recorded_at <= known_at, load <= watermark.
SELECT 'order_lines' AS source, cutoff, count() AS rows, min(toDateTime(ordered_at, 'UTC')) AS first_at, max(toDateTime(ordered_at, 'UTC')) AS last_at
FROM order_lines
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64} AND ordered_at < cutoff AND recorded_at <= known_at
GROUP BY cutoff
UNION ALL
SELECT 'contracts' AS source, cutoff, count() AS rows, min(toDateTime(start, 'UTC')) AS first_at, max(toDateTime(start, 'UTC')) AS last_at
FROM contracts
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64} AND start < cutoff AND recorded_at <= known_at
GROUP BY cutoff
UNION ALL
SELECT 'wallets' AS source, cutoff, count() AS rows, min(toDateTime(period, 'UTC')) AS first_at, max(toDateTime(period, 'UTC')) AS last_at
FROM wallets
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64} AND period < cutoff AND recorded_at <= known_at
GROUP BY cutoff
UNION ALL
SELECT 'interactions' AS source, cutoff, count() AS rows, min(toDateTime(at, 'UTC')) AS first_at, max(toDateTime(at, 'UTC')) AS last_at
FROM interactions
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64} AND at < cutoff AND recorded_at <= known_at
GROUP BY cutoff
