-- Question: did the goods come when they were promised, how long did they take, and why were they sent back?
-- Grain:    one row per account × cutoff with at least one line seen that has a promise, a delivery or a reason of return.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark; a delivery from the cutoff on reads
--           as none yet. A correction takes back the line as it was, dates and all, and gives it anew, so that a line stands
--           with those dates under which its amounts add up to more than 0, and came back where they add up to less.
-- Late:     delivered on a later day, in tz, than the promised one; or that day is over without a delivery. A line belongs
--           to the window in which its promise falls.
-- Reason:   by its beginning (reasons.sql): for quality, service or price; other are those that are no fault of ours and those
--           that nobody knows. Amounts in base currency, the account's own where none.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(order_id, line, product, ordered, promised, delivered, reason),
                recorded, ordered, promised, delivered, reason, paid))) AS lines
        FROM
        (
            SELECT
                account,
                order_id,
                line,
                product,
                toUnixTimestamp(recorded_at) AS recorded,
                toInt64(toUnixTimestamp(ordered_at)) AS ordered,
                toInt64(ifNull(toUnixTimestamp(promised_at), 0)) AS promised,
                toInt64(ifNull(toUnixTimestamp(delivered_at), 0)) AS delivered,
                -- Include: reasons.sql
                AS reason,
                ifNull(amount_base, amount) AS paid
            FROM order_lines
            WHERE load <= {watermark:UInt64}
              AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
              AND account >= {from_account:String}
              AND ({to_account:String} = '' OR account <= {to_account:String})
              AND (isNotNull(promised_at) OR isNotNull(delivered_at) OR return_reason != '')
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
            arrayFilter(l -> l.3 < now AND l.2 <= toUnixTimestamp(known_at), lines) AS seen,
            arrayMap((k, n) -> k != n, seen.1, arrayShiftLeft(seen.1, 1)) AS ends,
            arrayFilter((s, e) -> e, arrayCumSum(seen.7), ends) AS sums,
            -- (ordered, promised or 0, delivered or 0, reason, their days, net)
            arrayMap((l, x, y) -> (
                l.3,
                l.4,
                if(l.5 < now, l.5, 0),
                l.6,
                toInt32(toUInt16(toDate(toDateTime(l.3, 'UTC'), {tz:String}))),
                toInt32(toUInt16(toDate(toDateTime(l.4, 'UTC'), {tz:String}))),
                toInt32(toUInt16(toDate(toDateTime(l.5, 'UTC'), {tz:String}))),
                x - y), arrayFilter((l, e) -> e, seen, ends), sums, arrayShiftRight(sums, 1)) AS nets
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    ),
    sorted AS
    (
        SELECT
            account,
            cutoff,
            now,
            today,
            arrayFilter(n -> n.8 > 0, nets) AS sent,
            -- (promised, late, days late so far, still missing), of promises whose day is over
            arrayMap(n -> (n.2, if(n.3 != 0, n.7, today) > n.6, if(n.3 != 0, n.7, today) - n.6, n.3 = 0),
                arrayFilter(n -> n.2 != 0 AND n.6 < today, sent)) AS due,
            arrayFilter(d -> d.1 >= now - 90 * 86400, due) AS due_90d,
            arrayFilter(d -> d.1 >= now - 365 * 86400, due) AS due_365d,
            arrayFilter(d -> d.2, due_365d) AS late_365d,
            arrayMap(n -> greatest(n.7 - n.5, 0), arrayFilter(n -> n.3 != 0 AND n.3 >= now - 365 * 86400, sent)) AS travels,
            arrayMap(n -> (n.4, -n.8), arrayFilter(n -> n.8 < 0 AND n.4 != 0 AND n.1 >= now - 365 * 86400, nets)) AS returned,
            toFloat64(arraySum(returned.2)) AS returned_sum
        FROM as_of
    )
SELECT
    account,
    cutoff,
    if(empty(due_90d), NULL, arrayCount(d -> d.2, due_90d) / length(due_90d)) AS late_delivery_share_90d,
    if(empty(due_365d), NULL, length(late_365d) / length(due_365d)) AS late_delivery_share_365d,
    if(empty(late_365d), NULL, arraySum(late_365d.3) / length(late_365d)) AS days_late_mean_365d,
    arrayCount(d -> d.4, due_365d) AS deliveries_overdue,
    if(empty(travels), NULL, arraySum(travels) / length(travels)) AS delivery_days_mean_365d,
    if(empty(returned), NULL, toFloat64(arraySum(r -> if(r.1 = 1, r.2, toDecimal128(0, 4)), returned)) / returned_sum) AS returns_quality_share_365d,
    if(empty(returned), NULL, toFloat64(arraySum(r -> if(r.1 = 2, r.2, toDecimal128(0, 4)), returned)) / returned_sum) AS returns_service_share_365d,
    if(empty(returned), NULL, toFloat64(arraySum(r -> if(r.1 = 3, r.2, toDecimal128(0, 4)), returned)) / returned_sum) AS returns_price_share_365d,
    if(empty(returned), NULL, toFloat64(arraySum(r -> if(r.1 > 3, r.2, toDecimal128(0, 4)), returned)) / returned_sum) AS returns_other_share_365d
FROM sorted
SETTINGS short_circuit_function_evaluation = 'disable'
