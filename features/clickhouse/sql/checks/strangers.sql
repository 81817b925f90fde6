-- Question: which accounts of the facts does the accounts table not know?
-- Grain:    one row per table of facts with any row, when there is an accounts table: accounts unknown of accounts, with the
--           first three.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'strangers' AS check, table_name, 'account' AS column_name, '' AS from_source, '' AS subject, countIf(stranger) AS found, count() AS total,
    arrayStringConcat(groupArraySortedIf(3)(account, stranger), '\n') AS examples
FROM
(
    SELECT table_name, account, account NOT IN (SELECT account FROM accounts WHERE load <= {watermark:UInt64}) AS stranger
    FROM
    (
        SELECT 'order_lines' AS table_name, account FROM order_lines WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'interactions', account FROM interactions WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'contracts', account FROM contracts WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'wallets', account FROM wallets WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'outcomes', account FROM outcomes WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'people', account FROM people WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'invoices', account FROM invoices WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'payments', account FROM payments WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'touches', account FROM touches WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'consents', account FROM consents WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'account_links', account FROM account_links WHERE load <= {watermark:UInt64} AND kind != 'group' GROUP BY account
        UNION ALL
        SELECT 'pauses', account FROM pauses WHERE load <= {watermark:UInt64} GROUP BY account
        UNION ALL
        SELECT 'assessments', account FROM assessments WHERE load <= {watermark:UInt64} GROUP BY account
    )
    WHERE (SELECT count() FROM accounts WHERE load <= {watermark:UInt64}) > 0
)
GROUP BY table_name
