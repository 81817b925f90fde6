-- Question: which rows stand there twice?
-- Grain:    one row per table and source: surplus rows with the key, values and recording of another row of the source.
--           A correction has other values, a later recording or a reversal, so it is none.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'duplicates' AS check, 'order_lines' AS table_name, 'line' AS column_name, toString(source) AS from_source, '' AS subject,
    count() - uniqExact(sipHash128(account, order_id, line, product, amount, ordered_at, recorded_at)) AS found, count() AS total
FROM order_lines WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'duplicates', 'interactions', 'id', toString(source) AS from_source, '', count() - uniqExact(sipHash128(id, recorded_at)), count()
FROM interactions WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'duplicates', 'contracts', 'id', toString(source) AS from_source, '', count() - uniqExact(sipHash128(id, recorded_at)), count()
FROM contracts WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'duplicates', 'wallets', 'period', toString(source) AS from_source, '', count() - uniqExact(sipHash128(account, category, period, ifNull(amount, 0), isNull(amount), ifNull(rank, 0), ifNull(suppliers, 0), recorded_at)), count()
FROM wallets WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'duplicates', 'assessments', 'id', toString(source) AS from_source, '', count() - uniqExact(sipHash128(id, recorded_at)), count()
FROM assessments WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'duplicates', 'accounts', 'account', toString(source) AS from_source, '', count() - uniqExact(sipHash128(account, ifNull(toUnixTimestamp(valid_from), 0), recorded_at)), count()
FROM accounts WHERE load <= {watermark:UInt64} GROUP BY from_source
