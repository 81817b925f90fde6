-- Question: which rows answer something, or name somebody, that isn't there?
-- Grain:    one row per table, column and source: rows without their counterpart, of those that name one. Nothing is missed of
--           a table that has no row at all, because it is optional.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark. A counterpart counts whoever's it is and whenever it was recorded.
SELECT 'reference' AS check, 'interactions' AS table_name, 'ref' AS column_name, toString(source) AS from_source, 'complaint' AS subject,
    countIf(ref NOT IN (SELECT id FROM interactions WHERE lower(kind) = 'complaint' AND load <= {watermark:UInt64})) AS found, count() AS total
FROM interactions WHERE load <= {watermark:UInt64} AND lower(kind) = 'complaint_resolved' GROUP BY from_source
UNION ALL
SELECT 'reference', 'interactions', 'person', toString(source) AS from_source, 'person',
    countIf(person NOT IN (SELECT id FROM people WHERE load <= {watermark:UInt64})), count()
FROM interactions WHERE load <= {watermark:UInt64} AND person != '' AND (SELECT count() FROM people WHERE load <= {watermark:UInt64}) > 0 GROUP BY from_source
UNION ALL
SELECT 'reference', 'payments', 'invoice', toString(source) AS from_source, 'invoice',
    countIf(invoice NOT IN (SELECT id FROM invoices WHERE load <= {watermark:UInt64})), count()
FROM payments WHERE load <= {watermark:UInt64} GROUP BY from_source
UNION ALL
SELECT 'reference', 'targets', 'manager', toString(source) AS from_source, 'manager',
    countIf(manager NOT IN (SELECT manager FROM managers WHERE load <= {watermark:UInt64})), count()
FROM targets WHERE load <= {watermark:UInt64} AND (SELECT count() FROM managers WHERE load <= {watermark:UInt64}) > 0 GROUP BY from_source
UNION ALL
SELECT 'reference', 'accounts', 'account_manager', toString(source) AS from_source, 'manager',
    countIf(account_manager NOT IN (SELECT manager FROM managers WHERE load <= {watermark:UInt64})), count()
FROM accounts WHERE load <= {watermark:UInt64} AND account_manager != '' AND (SELECT count() FROM managers WHERE load <= {watermark:UInt64}) > 0 GROUP BY from_source
