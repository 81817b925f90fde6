-- Question: which payments settle nothing, or came before their invoice?
-- Grain:    one row per check and source: 'unsettled' = payments of which nobody can tell what is paid, because they are in
--           another currency than their invoice and one of the two is not known in base currency; 'foreign' = payments of the
--           invoice of another account; 'early' = payments before their invoice was issued; of all payments whose invoice there
--           is, with the first three.
-- Invoice:  the one of that id of the payment's own source, or the only one, as features take it (payments.sql).
-- Of:       payments; not asked where they have no row.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark; of rows with one key the newest counts.
SELECT counted.1 AS check, 'payments' AS table_name, counted.2 AS column_name, from_source, '' AS subject, counted.3 AS found, rows AS total,
    arrayStringConcat(counted.4, '\n') AS examples
FROM
(
    SELECT
        from_source,
        count() AS rows,
        [
            ('unsettled', 'amount_base', countIf(unsettled), groupArraySortedIf(3)(id, unsettled)),
            ('foreign', 'account', countIf(empty(own)), groupArraySortedIf(3)(id, empty(own))),
            ('early', 'paid_at', countIf(early), groupArraySortedIf(3)(id, early))
        ] AS columns
    FROM
    (
        SELECT
            from_source,
            id,
            arrayFilter(b -> b.1 = account, bills) AS own,
            -- (account, source, issued_at, currency, whether it is known in base currency)
            if(length(own) = 1, own, arrayFilter(b -> b.2 = from_source, own)) AS bill,
            arrayExists(b -> b.4 != money AND NOT (b.5 AND based), bill) AS unsettled,
            arrayExists(b -> paid < b.3, bill) AS early
        FROM
        (
            SELECT toString(source) AS from_source, id, newest.1 AS account, newest.2 AS invoice, newest.3 AS paid, upper(newest.4) AS money, newest.5 AS based
            FROM (SELECT source, id, argMax((account, invoice, paid_at, currency, isNotNull(amount_base)), (recorded_at, load)) AS newest FROM payments WHERE load <= {watermark:UInt64} GROUP BY source, id)
        ) AS p
        INNER JOIN
        (
            SELECT id AS invoice, groupArray((newest.1, from_source, newest.2, upper(newest.3), newest.4)) AS bills
            FROM
            (
                SELECT toString(source) AS from_source, id, argMax((account, issued_at, currency, isNotNull(amount_base)), (recorded_at, load)) AS newest
                FROM invoices WHERE load <= {watermark:UInt64} GROUP BY from_source, id
            )
            GROUP BY id
        ) AS i ON p.invoice = i.invoice
    )
    GROUP BY from_source
)
ARRAY JOIN columns AS counted
