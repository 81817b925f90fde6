-- Question: do returns outweigh sales?
-- Grain:    one row per source: what was returned of what was sold, in whole units of money.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'returns' AS check, 'order_lines' AS table_name, 'amount' AS column_name, toString(source) AS from_source, '' AS subject,
    toInt64(-sumIf(ifNull(amount_base, amount), ifNull(amount_base, amount) < 0)) AS found,
    toInt64(sumIf(ifNull(amount_base, amount), ifNull(amount_base, amount) > 0)) AS total
FROM order_lines WHERE load <= {watermark:UInt64} GROUP BY from_source
