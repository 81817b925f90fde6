-- Question: what does the account owe, since when, and how soon does it usually pay?
-- Grain:    one row per account × cutoff with at least one invoice seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    an invoice or payment reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when
--           that version's issued_at or paid_at < cutoff; due_at may lie ahead.
-- Paid:     by the account's payments that name the invoice's id, in the invoice's own currency, at the last instant that
--           brings their sum up to the amount. Invoices of 0 and payments of no invoice don't count.
-- Credit notes are invoices of less than 0. What isn't paid out of them is taken off what is open, down to 0; no invoice becomes
--           paid, or less overdue, by them, because nobody says by which.
-- Amounts:  in base currency, at the rate of the invoice.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((kind, row_key, recorded, load, invoice_key, at, due, amount, base))) AS versions
        FROM
        (
            SELECT
                account, 0 AS kind, cityHash64(source, id) AS row_key, toUnixTimestamp(recorded_at) AS recorded, load, cityHash64(id) AS invoice_key,
                toInt64(toUnixTimestamp(issued_at)) AS at, toInt64(toUnixTimestamp(due_at)) AS due, amount, ifNull(amount_base, amount) AS base
            FROM invoices
            WHERE load <= {watermark:UInt64}
              AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
              AND account >= {from_account:String}
              AND ({to_account:String} = '' OR account <= {to_account:String})
            UNION ALL
            SELECT
                account, 1 AS kind, cityHash64(source, id) AS row_key, toUnixTimestamp(recorded_at) AS recorded, load, cityHash64(invoice) AS invoice_key,
                toInt64(toUnixTimestamp(paid_at)) AS at, toInt64(0) AS due, amount, toDecimal64(0, 4) AS base
            FROM payments
            WHERE load <= {watermark:UInt64}
              AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
              AND account >= {from_account:String}
              AND ({to_account:String} = '' OR account <= {to_account:String})
        )
        GROUP BY account
    ),
    as_of AS
    (
        SELECT
            account,
            cutoff,
            toInt64(toUnixTimestamp(cutoff)) AS now,
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            arrayFilter(v -> v.3 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, n, i) -> v.6 < now AND (i = length(known) OR v.1 != n.1 OR v.2 != n.2), known, arrayShiftLeft(known, 1), arrayEnumerate(known)) AS newest,
            -- (invoice, 0 itself or 1 a payment, instant, amount, due, in base currency), each invoice before its payments
            arraySort(arrayMap(v -> (v.5, v.1, v.6, v.8, v.7, v.9), newest)) AS rows,
            arrayMap((k, b) -> k != b, rows.1, arrayShiftRight(rows.1, 1)) AS opens,
            arrayMap((k, n) -> k != n, rows.1, arrayShiftLeft(rows.1, 1)) AS closes,
            -- The invoice that a row stands under, (owed, issued, due, in base currency); owed is 0 under none.
            arrayFill((x, o) -> o, arrayMap(r -> (if(r.2 = 0, r.4, toDecimal64(0, 4)), r.3, r.5, r.6), rows), opens) AS heads,
            arrayCumSum(arrayMap(r -> if(r.2 = 1, r.4, toDecimal64(0, 4)), rows)) AS running,
            arrayMap((x, b) -> x - b, running, arrayFill((x, o) -> o, running, opens)) AS paid,
            arrayMap((r, h, p) -> r.2 = 1 AND p >= h.1 AND p - r.4 < h.1, rows, heads, paid) AS crosses,
            arrayFill((x, o, c) -> o OR c, arrayMap((r, c) -> if(c, r.3, 0), rows, crosses), opens, crosses) AS crossed,
            -- (due, its day, day of issue, open, owed, in base currency, paid or 0, its day), of each invoice
            arrayMap((h, p, c) -> (
                h.3,
                toInt32(toUInt16(toDate(toDateTime(h.3, 'UTC'), {tz:String}))),
                toInt32(toUInt16(toDate(toDateTime(h.2, 'UTC'), {tz:String}))),
                h.1 - p,
                h.1,
                h.4,
                if(p >= h.1, c, 0),
                toInt32(toUInt16(toDate(toDateTime(if(p >= h.1, c, 0), 'UTC'), {tz:String})))),
                arrayFilter((x, e, h) -> e AND h.1 > 0, heads, closes, heads),
                arrayFilter((x, e, h) -> e AND h.1 > 0, paid, closes, heads),
                arrayFilter((x, e, h) -> e AND h.1 > 0, crossed, closes, heads)) AS bills,
            -- (open, owed, in base currency), of each credit note: all below 0
            arrayFilter(c -> c.1 < 0, arrayMap((h, p) -> (h.1 - p, h.1, h.4),
                arrayFilter((x, e, h) -> e AND h.1 < 0, heads, closes, heads),
                arrayFilter((x, e, h) -> e AND h.1 < 0, paid, closes, heads))) AS credits
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE arrayExists(v -> v.1 = 0, newest)
    ),
    sorted AS
    (
        SELECT
            account,
            cutoff,
            today,
            credits,
            arrayFilter(b -> b.4 > 0, bills) AS open,
            arrayFilter(b -> b.2 < today, open) AS overdue,
            arrayFilter(b -> b.1 >= now - 365 * 86400 AND b.2 < today, bills) AS matured,
            -- (paid, days from issue to payment)
            arrayMap(b -> (b.7, greatest(b.8 - b.3, 0)), arrayFilter(b -> b.7 >= now - 365 * 86400 AND b.7 != 0, bills)) AS settled,
            arrayFilter(s -> s.1 >= now - 90 * 86400, settled) AS settled_90d,
            length(settled_90d) AS n_late,
            length(settled) - length(settled_90d) AS n_early,
            arraySum(settled_90d.2) AS days_late,
            arraySum(settled.2) - arraySum(settled_90d.2) AS days_early
        FROM as_of
    )
SELECT
    account,
    cutoff,
    toFloat64(arraySum(b -> toDecimal256(b.4, 4) * b.6 / b.5, overdue)) AS overdue_amount,
    length(overdue) AS invoices_overdue,
    if(empty(overdue), NULL, today - arrayMin(overdue.2)) AS overdue_days,
    greatest(0, toFloat64(arraySum(b -> toDecimal256(b.4, 4) * b.6 / b.5, open) + arraySum(c -> toDecimal256(c.1, 4) * c.3 / c.2, credits))) AS open_amount,
    if(empty(matured), NULL, arrayCount(b -> b.7 = 0 OR b.8 > b.2, matured) / length(matured)) AS invoices_late_share_365d,
    if(empty(settled), NULL, arraySum(settled.2) / length(settled)) AS days_to_pay_365d,
    if(n_late = 0 OR n_early = 0, NULL, (toInt64(days_late * n_early) - toInt64(days_early * n_late)) / nullIf(days_late * n_early + days_early * n_late, 0)) AS days_to_pay_trend_90d
FROM sorted
SETTINGS short_circuit_function_evaluation = 'disable'
