-- Question: which amounts are in a currency that nobody converted?
-- Grain:    one row per source and currency other than the base: lines without amount_base, of its lines.
-- Parameters: base_currency String; watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'currencies' AS check, 'order_lines' AS table_name, 'amount_base' AS column_name, toString(source) AS from_source, currency AS subject,
    countIf(isNull(amount_base)) AS found, count() AS total
FROM order_lines WHERE load <= {watermark:UInt64} AND currency NOT IN ('', {base_currency:String}) GROUP BY from_source, currency
