-- Question: which orders stand in more than one source, so that they count twice?
-- Grain:    one row: orders of several sources, of all orders.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'twice' AS check, 'order_lines' AS table_name, 'order_id' AS column_name, '' AS from_source, '' AS subject, countIf(sources > 1) AS found, count() AS total
FROM
(
    SELECT uniqExact(source) AS sources FROM order_lines WHERE load <= {watermark:UInt64} GROUP BY account, order_id
)
