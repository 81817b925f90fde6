-- Question: which optional values that features speak of are never or rarely there?
-- Grain:    one row per column of order_lines, with the lines that lack it.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT
    'empty' AS check,
    'order_lines' AS table_name,
    counted.1 AS column_name,
    '' AS from_source,
    '' AS subject,
    counted.2 AS found,
    rows AS total
FROM
(
    SELECT
        count() AS rows,
        [('category', countIf(empty(category))), ('product', countIf(empty(product))), ('cost', countIf(isNull(cost))), ('discount', countIf(isNull(discount)))] AS columns
    FROM order_lines
    WHERE load <= {watermark:UInt64}
)
ARRAY JOIN columns AS counted
WHERE rows > 0
