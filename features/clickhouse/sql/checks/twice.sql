-- Question: which orders stand in more than one source, so that they count twice?
-- Grain:    one row: orders of several sources, of all orders, with the first three.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'twice' AS check, 'order_lines' AS table_name, 'order_id' AS column_name, '' AS from_source, '' AS subject, countIf(sources > 1) AS found, count() AS total,
    arrayStringConcat(groupArraySortedIf(3)(if(sources > 1, concat(account, '/', order_id), ''), sources > 1), '\n') AS examples
FROM
(
    SELECT account, order_id, uniqExact(source) AS sources FROM order_lines WHERE load <= {watermark:UInt64} GROUP BY account, order_id
)
