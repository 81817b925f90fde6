-- Question: how many rows has each table, and of which source?
-- Grain:    one row per table × source with any row.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'extent' AS check, 'order_lines' AS table_name, '' AS column_name, toString(source) AS from_source, '' AS subject, count() AS found, count() AS total
FROM order_lines WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'extent', 'accounts', '', toString(source) AS from_source, '', count(), count()
FROM accounts WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'extent', 'interactions', '', toString(source) AS from_source, '', count(), count()
FROM interactions WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'extent', 'contracts', '', toString(source) AS from_source, '', count(), count()
FROM contracts WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'extent', 'wallets', '', toString(source) AS from_source, '', count(), count()
FROM wallets WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'extent', 'assessments', '', toString(source) AS from_source, '', count(), count()
FROM assessments WHERE load <= {watermark:UInt64} GROUP BY from_source
