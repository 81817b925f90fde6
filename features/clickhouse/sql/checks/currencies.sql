-- Question: which amounts are in a currency that nobody converted?
-- Grain:    one row per table, source and currency other than the base: rows without amount_base, of its rows with an amount, with the first
--           three.
-- Parameters: base_currency String; watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'currencies' AS check, 'order_lines' AS table_name, 'amount_base' AS column_name, toString(source) AS from_source, currency AS subject,
    countIf(isNull(amount_base)) AS found, count() AS total, arrayStringConcat(groupArraySortedIf(3)(concat(account, '/', order_id), isNull(amount_base)), '\n') AS examples
FROM order_lines WHERE load <= {watermark:UInt64} AND currency NOT IN ('', {base_currency:String}) GROUP BY from_source, currency
UNION ALL
SELECT 'currencies', 'invoices', 'amount_base', toString(source) AS from_source, currency, countIf(isNull(amount_base)), count(), arrayStringConcat(groupArraySortedIf(3)(id, isNull(amount_base)), '\n')
FROM invoices WHERE load <= {watermark:UInt64} AND currency NOT IN ('', {base_currency:String}) GROUP BY from_source, currency
UNION ALL
SELECT 'currencies', 'payments', 'amount_base', toString(source) AS from_source, currency, countIf(isNull(amount_base)), count(), arrayStringConcat(groupArraySortedIf(3)(id, isNull(amount_base)), '\n')
FROM payments WHERE load <= {watermark:UInt64} AND currency NOT IN ('', {base_currency:String}) GROUP BY from_source, currency
UNION ALL
SELECT 'currencies', 'contracts', 'amount_base', toString(source) AS from_source, currency, countIf(isNull(amount_base)), count(), arrayStringConcat(groupArraySortedIf(3)(id, isNull(amount_base)), '\n')
FROM contracts WHERE load <= {watermark:UInt64} AND isNotNull(amount) AND currency NOT IN ('', {base_currency:String}) GROUP BY from_source, currency
UNION ALL
SELECT 'currencies', 'wallets', 'amount_base', toString(source) AS from_source, currency, countIf(isNull(amount_base)), count(), arrayStringConcat(groupArraySortedIf(3)(concat(account, '/', toString(toDate(period))), isNull(amount_base)), '\n')
FROM wallets WHERE load <= {watermark:UInt64} AND isNotNull(amount) AND currency NOT IN ('', {base_currency:String}) GROUP BY from_source, currency
