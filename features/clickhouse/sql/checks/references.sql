-- Question: which rows answer something, or name somebody, that isn't there?
-- Grain:    one row per table, column and source: rows without their counterpart, of those that name one, with the first three
--           and what they name. Nothing is missed of a table that has no row at all, because it is optional.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark. A counterpart counts whoever's it is and whenever it was recorded.
SELECT 'reference' AS check, table_name, column_name, from_source, subject, countIf(lost) AS found, count() AS total,
    arrayStringConcat(arrayMap(p -> concat(p.1, ' → ', p.2), groupArraySortedIf(3)((name, ref), lost)), '\n') AS examples
FROM
(
    SELECT 'interactions' AS table_name, 'ref' AS column_name, toString(source) AS from_source, 'complaint' AS subject, id AS name, ref,
        ref NOT IN (SELECT id FROM interactions WHERE lower(kind) = 'complaint' AND load <= {watermark:UInt64}) AS lost
    FROM interactions WHERE load <= {watermark:UInt64} AND lower(kind) = 'complaint_resolved'
    UNION ALL
    SELECT 'interactions', 'ref', toString(source), 'promise', id, ref,
        ref NOT IN (SELECT id FROM interactions WHERE lower(kind) = 'promise' AND load <= {watermark:UInt64})
    FROM interactions WHERE load <= {watermark:UInt64} AND lower(kind) = 'promise_kept'
    UNION ALL
    SELECT 'interactions', 'ref', toString(source), 'account', id, ref,
        ref NOT IN (SELECT account FROM accounts WHERE load <= {watermark:UInt64})
            AND ref NOT IN (SELECT account FROM order_lines WHERE load <= {watermark:UInt64})
    FROM interactions WHERE load <= {watermark:UInt64} AND ref != '' AND lower(kind) = 'referral'
    UNION ALL
    SELECT 'interactions', 'person', toString(source), 'person', id, person,
        person NOT IN (SELECT id FROM people WHERE load <= {watermark:UInt64})
    FROM interactions WHERE load <= {watermark:UInt64} AND person != '' AND (SELECT count() FROM people WHERE load <= {watermark:UInt64}) > 0
    UNION ALL
    SELECT 'interactions', 'manager', toString(source), 'manager', id, manager,
        manager NOT IN (SELECT manager FROM managers WHERE load <= {watermark:UInt64})
    FROM interactions WHERE load <= {watermark:UInt64} AND manager != '' AND (SELECT count() FROM managers WHERE load <= {watermark:UInt64}) > 0
    UNION ALL
    SELECT 'assessments', 'person', toString(source), 'person', id, person,
        person NOT IN (SELECT id FROM people WHERE load <= {watermark:UInt64})
    FROM assessments WHERE load <= {watermark:UInt64} AND person != '' AND (SELECT count() FROM people WHERE load <= {watermark:UInt64}) > 0
    UNION ALL
    SELECT 'payments', 'invoice', toString(source), 'invoice', id, invoice,
        invoice NOT IN (SELECT id FROM invoices WHERE load <= {watermark:UInt64})
    FROM payments WHERE load <= {watermark:UInt64}
    UNION ALL
    SELECT 'invoices', 'order_id', toString(source), 'order', id, order_id,
        order_id NOT IN (SELECT order_id FROM order_lines WHERE load <= {watermark:UInt64} AND order_id IN (SELECT order_id FROM invoices WHERE load <= {watermark:UInt64}))
    FROM invoices WHERE load <= {watermark:UInt64} AND order_id != ''
        AND (SELECT count() FROM invoices WHERE load <= {watermark:UInt64} AND order_id != '') > 0
    UNION ALL
    SELECT 'targets', 'manager', toString(source), 'manager', toString(toDate(period)), manager,
        manager NOT IN (SELECT manager FROM managers WHERE load <= {watermark:UInt64})
    FROM targets WHERE load <= {watermark:UInt64} AND (SELECT count() FROM managers WHERE load <= {watermark:UInt64}) > 0
    UNION ALL
    SELECT 'managers', 'lead', toString(source), 'manager', manager, lead,
        lead NOT IN (SELECT manager FROM managers WHERE load <= {watermark:UInt64})
    FROM managers WHERE load <= {watermark:UInt64} AND lead != ''
    UNION ALL
    SELECT 'accounts', 'account_manager', toString(source), 'manager', account, account_manager,
        account_manager NOT IN (SELECT manager FROM managers WHERE load <= {watermark:UInt64})
    FROM accounts WHERE load <= {watermark:UInt64} AND account_manager != '' AND (SELECT count() FROM managers WHERE load <= {watermark:UInt64}) > 0
    UNION ALL
    SELECT 'account_links', 'other', toString(source), 'account', account, other,
        other NOT IN (SELECT account FROM accounts WHERE load <= {watermark:UInt64})
            AND other NOT IN (SELECT account FROM order_lines WHERE load <= {watermark:UInt64})
    FROM account_links WHERE load <= {watermark:UInt64} AND kind != 'group'
)
GROUP BY table_name, column_name, from_source, subject
