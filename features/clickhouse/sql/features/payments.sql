-- Question: what does the account owe, since when, and how soon does it usually pay?
-- Grain:    one row per account × cutoff with at least one invoice seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    an invoice or payment reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when
--           that version's issued_at or paid_at < cutoff; due_at may lie ahead.
-- Paid:     by the account's payments that name the invoice's id, at the last instant that brings their sum up to the amount. Ids
--           are of one source: a payment is of the invoice of its own source; without one of another source's, if exactly one has
--           that id. Invoices of 0 and payments of no invoice don't count.
-- Currency: payments in the invoice's own currency count as they are, others by what they and the invoice are in base currency.
--           An invoice with a payment in another currency, of which either is not known, is left out: nobody can tell what is open.
-- Settled:  a rest of no more than 3 % of what was paid in other currencies is none. The rates of two days stand between such a
--           payment and its invoice, and what they make of it would be owed for ever; 3 % is about what the rates of large
--           currencies move in a month, the usual term. Paid in the invoice's own currency, every cent of a rest is owed.
-- Credit notes are invoices of less than 0. What isn't paid out of them is taken off what is open, down to 0; no invoice becomes
--           paid, or less overdue, by them, because nobody says by which.
-- Amounts:  in base currency, at the rate of the invoice.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((kind, row_key, recorded, load, invoice_key, at, due, amount, base, based, origin, money))) AS versions
        FROM
        (
            SELECT
                account, 0 AS kind, cityHash64(source, id) AS row_key, toUnixTimestamp(recorded_at) AS recorded, load, cityHash64(id) AS invoice_key,
                toInt64(toUnixTimestamp(issued_at)) AS at, toInt64(toUnixTimestamp(due_at)) AS due, amount, ifNull(amount_base, amount) AS base,
                isNotNull(amount_base) AS based, cityHash64(source) AS origin, cityHash64(upper(currency)) AS money
            FROM invoices
            WHERE load <= {watermark:UInt64}
              AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
              AND account >= {from_account:String}
              AND ({to_account:String} = '' OR account <= {to_account:String})
            UNION ALL
            SELECT
                account, 1 AS kind, cityHash64(source, id) AS row_key, toUnixTimestamp(recorded_at) AS recorded, load, cityHash64(invoice) AS invoice_key,
                toInt64(toUnixTimestamp(paid_at)) AS at, toInt64(0) AS due, amount, ifNull(amount_base, 0) AS base,
                isNotNull(amount_base) AS based, cityHash64(source) AS origin, cityHash64(upper(currency)) AS money
            FROM payments
            WHERE load <= {watermark:UInt64}
              AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
              AND account >= {from_account:String}
              AND ({to_account:String} = '' OR account <= {to_account:String})
        )
        GROUP BY account
    ),
    -- Each stage stands by itself, since an engine works an alias out anew wherever it stands.
    placed AS
    (
        SELECT
            account,
            cutoff,
            arrayFilter(v -> v.3 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, n, i) -> v.6 < toInt64(toUnixTimestamp(cutoff)) AND (i = length(known) OR v.1 != n.1 OR v.2 != n.2), known, arrayShiftLeft(known, 1), arrayEnumerate(known)) AS newest,
            -- (id of the invoice, 0 itself or 1 a payment, source, instant, amount, due, in base currency, whether that is known, currency)
            arraySort(arrayMap(v -> (v.5, v.1, v.11, v.6, v.8, v.7, v.9, v.10, v.12), newest)) AS papers
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE arrayExists(v -> v.1 = 0, newest)
    ),
    named AS
    (
        SELECT
            account,
            cutoff,
            papers,
            -- The source of the only invoice of that id, 0 where there is none or several.
            arrayFill((x, p, b) -> p.1 != b.1, arrayMap((p, n) -> if(p.2 = 0 AND (n.2 = 1 OR n.1 != p.1), p.3, 0), papers, arrayShiftLeft(papers, 1)), papers, arrayShiftRight(papers, 1)) AS only
        FROM placed
    ),
    billed AS
    (
        SELECT
            account,
            cutoff,
            -- (invoice, 0 itself or 1 a payment, instant, amount, due, in base currency, whether that is known, currency), each invoice
            -- before its payments
            arraySort(arrayMap((p, o) -> (cityHash64(p.1, if(o = 0, p.3, o)), p.2, p.4, p.5, p.6, p.7, p.8, p.9), papers, only)) AS rows
        FROM named
    ),
    headed AS
    (
        SELECT
            account,
            cutoff,
            rows,
            arrayMap((k, b) -> k != b, rows.1, arrayShiftRight(rows.1, 1)) AS opens,
            -- The invoice that a row stands under, (owed, issued, due, in base currency, whether that is known, currency); owed is 0 under none.
            arrayFill((x, o) -> o, arrayMap(r -> (if(r.2 = 0, r.4, toDecimal64(0, 4)), r.3, r.5, r.6, r.7, r.8), rows), opens) AS heads,
            -- How a payment counts: 0 not at all, 1 in the invoice's currency, 2 in base currency, 3 nobody can tell.
            arrayMap((r, h) -> multiIf(r.2 = 0 OR h.1 = 0, 0, r.8 = h.6, 1, r.7 AND h.5 AND h.4 != 0, 2, 3), rows, heads) AS ways
        FROM billed
    ),
    added AS
    (
        SELECT
            account,
            cutoff,
            rows,
            opens,
            heads,
            arrayCumSum((r, w) -> if(w = 1, r.4, toDecimal64(0, 4)), rows, ways) AS own,
            arrayCumSum((r, w) -> if(w = 2, r.6, toDecimal64(0, 4)), rows, ways) AS foreign,
            arrayCumSum(w -> w = 3, ways) AS unclear
        FROM headed
    ),
    summed AS
    (
        SELECT
            account,
            cutoff,
            rows,
            opens,
            heads,
            arrayMap((k, n) -> k != n, rows.1, arrayShiftLeft(rows.1, 1)) AS closes,
            arrayMap((x, b) -> toDecimal256(x - b, 4), own, arrayFill((x, o) -> o, own, opens)) AS direct,
            arrayMap((y, c, h) -> toDecimal256(toDecimal256(y - c, 4) * h.1 / if(h.4 = 0, 1, h.4), 4), foreign, arrayFill((x, o) -> o, foreign, opens), heads) AS converted,
            arrayMap((x, b) -> x = b, unclear, arrayFill((x, o) -> o, unclear, opens)) AS clear
        FROM added
    ),
    paid_up AS
    (
        SELECT
            account,
            cutoff,
            rows,
            opens,
            heads,
            closes,
            arrayMap((d, c, h) -> if(100 * abs(h.1 - d - c) <= 3 * abs(c), toDecimal256(h.1, 4), d + c), direct, converted, heads) AS paid,
            clear
        FROM summed
    ),
    as_of AS
    (
        SELECT
            account,
            cutoff,
            toInt64(toUnixTimestamp(cutoff)) AS now,
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            arrayMap((r, h, p, b) -> r.2 = 1 AND p >= h.1 AND b < h.1, rows, heads, paid, arrayShiftRight(paid, 1)) AS crosses,
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
                arrayFilter((x, e, h, k) -> e AND k AND h.1 > 0, heads, closes, heads, clear),
                arrayFilter((x, e, h, k) -> e AND k AND h.1 > 0, paid, closes, heads, clear),
                arrayFilter((x, e, h, k) -> e AND k AND h.1 > 0, crossed, closes, heads, clear)) AS bills,
            -- (open, owed, in base currency), of each credit note: all below 0
            arrayFilter(c -> c.1 < 0, arrayMap((h, p) -> (h.1 - p, h.1, h.4),
                arrayFilter((x, e, h, k) -> e AND k AND h.1 < 0, heads, closes, heads, clear),
                arrayFilter((x, e, h, k) -> e AND k AND h.1 < 0, paid, closes, heads, clear))) AS credits
        FROM paid_up
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
