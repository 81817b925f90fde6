-- Question: what was the account billed over a period, what did it pay, and what did it owe before and after?
-- Grain:    one row per account with an invoice or payment seen as of the period's end.
-- Parameters: since UInt64 in Unix seconds, the period's beginning; cutoffs, known_at Array(DateTime('UTC')) of length 1, its
--           end; accounts Array(String), empty = all; from_account, to_account String: the range from … to, both included,
--           to = '' is open; watermark UInt64; tz String.
-- As of:    as in features/payments.sql: an invoice or payment reads as its newest version with recorded_at <= known_at,
--           load <= watermark, and is seen when that version's issued_at or paid_at < cutoff; due_at may lie ahead.
-- Paid:     by the account's payments that name the invoice, up to its amount. Ids are of one source: a payment is of the invoice
--           of its own source; without one of another source's, if exactly one has that id. What was owed at the beginning is
--           told by what is known at the end.
-- Currency: as in features/payments.sql: payments in the invoice's own currency count as they are, others by what they and the
--           invoice are in base currency. Of an invoice with a payment in another currency, of which either is not known,
--           nobody can tell what is open: it counts as invoiced, and stands neither in what fell due nor in what is open.
-- Settled:  as in features/payments.sql: a rest of no more than 3 % of what was paid in other currencies is none.
-- Credit notes are invoices of less than 0: they lower what was invoiced. What isn't paid out of them is taken off what is open,
--           down to 0; they lower neither what fell due nor what is overdue, because nobody says of which invoice.
-- Amounts:  in base currency, at the rate of the invoice; what was received at the rate of the payment.
WITH
    newest AS
    (
        SELECT
            account,
            payment,
            argMax(version, (recorded, load)) AS v
        FROM
        (
            SELECT
                account, 0 AS payment, cityHash64(source, id) AS row_key, toUnixTimestamp(recorded_at) AS recorded, load,
                (id, toUnixTimestamp(issued_at), toDate(due_at, {tz:String}), toUnixTimestamp(due_at), amount, ifNull(amount_base, amount),
                    isNotNull(amount_base), cityHash64(source), cityHash64(upper(currency))) AS version
            FROM invoices
            WHERE load <= {watermark:UInt64}
              AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
              AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
              AND account >= {from_account:String}
              AND ({to_account:String} = '' OR account <= {to_account:String})
            UNION ALL
            SELECT
                account, 1 AS payment, cityHash64(source, id) AS row_key, toUnixTimestamp(recorded_at) AS recorded, load,
                (invoice, toUnixTimestamp(paid_at), toDate(paid_at, {tz:String}), toUnixTimestamp(paid_at), amount, ifNull(amount_base, amount),
                    isNotNull(amount_base), cityHash64(source), cityHash64(upper(currency))) AS version
            FROM payments
            WHERE load <= {watermark:UInt64}
              AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
              AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
              AND account >= {from_account:String}
              AND ({to_account:String} = '' OR account <= {to_account:String})
        )
        GROUP BY account, payment, row_key
    ),
    named AS
    (
        SELECT
            account,
            payment,
            v,
            -- The source of the only invoice of that id, else the paper's own.
            cityHash64(v.1, if(countIf(payment = 0) OVER (PARTITION BY account, v.1) = 1, maxIf(v.8, payment = 0) OVER (PARTITION BY account, v.1), v.8)) AS bill
        FROM newest
        WHERE v.2 < toUnixTimestamp({cutoffs:Array(DateTime('UTC'))}[1])
    ),
    headed AS
    (
        SELECT
            account,
            payment,
            v,
            bill,
            sumIf(v.5, payment = 0) OVER (PARTITION BY account, bill) AS due_amount,
            sumIf(v.6, payment = 0) OVER (PARTITION BY account, bill) AS due_base,
            maxIf(v.7, payment = 0) OVER (PARTITION BY account, bill) AS due_based,
            maxIf(v.9, payment = 0) OVER (PARTITION BY account, bill) AS money,
            -- How a payment counts: 0 not at all, 1 in the invoice's currency, 2 in base currency, 3 nobody can tell.
            multiIf(payment = 0 OR due_amount = 0, 0, v.9 = money, 1, v.7 AND due_based AND due_base != 0, 2, 3) AS way
        FROM named
    ),
    bills AS
    (
        SELECT
            account,
            countIf(payment = 0) AS papers,
            toInt64(minIf(v.2, payment = 0)) AS issued_at,
            minIf(v.3, payment = 0) AS due_day,
            toInt64(minIf(v.4, payment = 0)) AS due_at,
            toDecimal256(sumIf(v.5, payment = 0), 4) AS owed,
            toDecimal256(sumIf(v.6, payment = 0), 4) AS base,
            toDecimal256(sumIf(v.5, way = 1), 4) AS direct,
            toDecimal256(toDecimal256(sumIf(v.6, way = 2), 4) * owed / if(base = 0, 1, base), 4) AS converted,
            if(100 * abs(owed - direct - converted) <= 3 * abs(converted), owed, direct + converted) AS paid,
            toDecimal256(sumIf(v.5, way = 1 AND v.2 < {since:UInt64}), 4) AS direct_before,
            toDecimal256(toDecimal256(sumIf(v.6, way = 2 AND v.2 < {since:UInt64}), 4) * owed / if(base = 0, 1, base), 4) AS converted_before,
            if(100 * abs(owed - direct_before - converted_before) <= 3 * abs(converted_before), owed, direct_before + converted_before) AS paid_before,
            countIf(way = 3) = 0 AS clear,
            countIf(payment = 1 AND v.2 >= {since:UInt64}) AS receipts,
            countIf(payment = 1) AS receipts_known,
            sumIf(v.6, payment = 1 AND v.2 >= {since:UInt64}) AS receipt,
            clear AND owed > 0 AND due_at >= {since:UInt64} AND due_at < toUnixTimestamp({cutoffs:Array(DateTime('UTC'))}[1]) AS falls_due,
            -- What is left of the invoice, or of the credit note, in base currency.
            if(owed > 0, greatest(owed - paid, 0), least(owed - paid, 0)) * base / if(owed = 0, 1, owed) * clear AS rest,
            if(owed > 0, greatest(owed - paid_before, 0), least(owed - paid_before, 0)) * base / if(owed = 0, 1, owed) * clear AS rest_before
        FROM headed
        GROUP BY account, bill
    )
SELECT
    account,
    sum(papers) AS invoices,
    sum(receipts) AS payments,
    sum(receipts_known) AS payments_known,
    toDecimal64(sumIf(base, papers > 0 AND issued_at >= {since:UInt64}), 4) AS invoiced,
    toDecimal64(sum(receipt), 4) AS received,
    toDecimal64(sumIf(base, falls_due), 4) AS due,
    toDecimal64(round(sumIf(base - rest, falls_due), 4), 4) AS collected,
    toDecimal64(round(greatest(sumIf(rest_before, papers > 0 AND issued_at < {since:UInt64}), 0), 4), 4) AS open_before,
    toDecimal64(round(greatest(sum(rest), 0), 4), 4) AS open,
    toDecimal64(round(sumIf(rest, owed > 0 AND due_day < toDate({cutoffs:Array(DateTime('UTC'))}[1], {tz:String})), 4), 4) AS overdue
FROM bills
GROUP BY account
