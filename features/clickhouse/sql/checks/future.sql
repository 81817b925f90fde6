-- Question: which rows tell of what has not happened yet?
-- Grain:    one row per table and instant.
-- Parameters: now DateTime('UTC'); watermark UInt64.
-- As of:    everything up to the watermark. Contracts may begin, and wallets be planned, in the future.
SELECT 'future' AS check, 'order_lines' AS table_name, 'ordered_at' AS column_name, toString(source) AS from_source, '' AS subject, countIf(ordered_at > {now:DateTime('UTC')}) AS found, count() AS total
FROM order_lines WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'future', 'order_lines', 'recorded_at', toString(source) AS from_source, '', countIf(recorded_at > {now:DateTime('UTC')}), count()
FROM order_lines WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'future', 'interactions', 'at', toString(source) AS from_source, '', countIf(at > {now:DateTime('UTC')}), count()
FROM interactions WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'future', 'assessments', 'at', toString(source) AS from_source, '', countIf(at > {now:DateTime('UTC')}), count()
FROM assessments WHERE load <= {watermark:UInt64} GROUP BY from_source
