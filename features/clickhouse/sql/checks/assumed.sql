-- Question: of how many rows is it only assumed when the business knew them?
-- Grain:    one row per table and source: rows recorded at the very instant of their event.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'assumed' AS check, 'order_lines' AS table_name, 'recorded_at' AS column_name, toString(source) AS from_source, '' AS subject, countIf(recorded_at = ordered_at) AS found, count() AS total
FROM order_lines WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'assumed', 'interactions', 'recorded_at', toString(source) AS from_source, '', countIf(recorded_at = at), count()
FROM interactions WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'assumed', 'contracts', 'recorded_at', toString(source) AS from_source, '', countIf(recorded_at = start), count()
FROM contracts WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'assumed', 'wallets', 'recorded_at', toString(source) AS from_source, '', countIf(recorded_at = period), count()
FROM wallets WHERE load <= {watermark:UInt64} GROUP BY from_source
