-- Question: how much does the account pay below list price or on promotion, and where do the list prices of its goods go?
-- Grain:    one row per account × cutoff with at least one order line seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark. A correction takes back the line as it
--           was and gives it anew, so that a line was bought where its amounts add up to more than 0; returns don't count.
-- Amounts:  the account's own currency, which is that of list_price; list price is that of one unit.
-- Move:     of each product bought at two instants of the window or more: what the window's quantity costs at the last list
--           price against the first, all products together. Of one instant, the cheapest list price
--           stands first and the dearest last.
-- Response: over the moves of a product's list price from one instant at which it was bought to the next, the change of
--           its quantity at the former price against the move at the former quantity: -2 is a quantity that fell by
--           2 % for each 1 % more. Pressure: the move of the last 90 days times the response to the moves before.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                if(product = '', 0, cityHash64(product)),
                toInt64(toUnixTimestamp(ordered_at)),
                ifNull(list_price, 0),
                cityHash64(order_id, line, promotion),
                promotion != '',
                toUnixTimestamp(recorded_at),
                amount,
                ifNull(quantity, 0)))) AS lines
        FROM order_lines
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    ),
    as_of AS
    (
        SELECT
            account,
            cutoff,
            toInt64(toUnixTimestamp(cutoff)) AS now,
            arrayFilter(l -> l.2 < now AND l.6 <= toUnixTimestamp(known_at), lines) AS seen,
            arrayMap((a, b, i) -> i = length(seen) OR a.1 != b.1 OR a.2 != b.2 OR a.3 != b.3 OR a.4 != b.4, seen, arrayShiftLeft(seen, 1), arrayEnumerate(seen)) AS ends,
            arrayFilter((s, e) -> e, arrayCumSum(seen.7), ends) AS sums,
            arrayFilter((s, e) -> e, arrayCumSum(seen.8), ends) AS quantities,
            -- (product, ordered, list price or 0, promoted, paid, quantity), of the last 365 days, by product and instant
            arrayFilter(b -> b.5 > 0 AND b.2 >= now - 365 * 86400,
                arrayMap((l, x, y, q, r) -> (l.1, l.2, l.3, l.5, x - y, q - r),
                    arrayFilter((l, e) -> e, seen, ends), sums, arrayShiftRight(sums, 1), quantities, arrayShiftRight(quantities, 1))) AS bought
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    ),
    listed AS
    (
        SELECT
            account,
            cutoff,
            arrayFilter(b -> b.2 >= now - 90 * 86400, bought) AS bought_90d,
            bought,
            -- (ordered, paid, at list price)
            arrayMap(b -> (b.2, b.5, toDecimal128(b.3, 4) * b.6), arrayFilter(b -> b.3 > 0 AND b.6 > 0, bought)) AS priced,
            arrayFilter(p -> p.1 >= now - 90 * 86400, priced) AS priced_90d,
            toFloat64(arraySum(bought.5)) AS paid,
            toFloat64(arraySum(bought_90d.5)) AS paid_90d,
            toFloat64(arraySum(priced.3)) AS at_list,
            toFloat64(arraySum(priced_90d.3)) AS at_list_90d,
            arrayFilter(b -> b.1 != 0 AND b.3 > 0 AND b.6 > 0, bought) AS goods,
            arrayMap((p, q) -> p != q, goods.1, arrayShiftRight(goods.1, 1)) AS opens,
            arrayMap((p, q) -> p != q, goods.1, arrayShiftLeft(goods.1, 1)) AS closes,
            arrayFilter((x, o) -> o, goods, opens) AS firsts,
            arrayFilter((x, c) -> c, goods, closes) AS lasts,
            arrayFilter((x, c) -> c, arrayCumSum(goods.6), closes) AS running,
            -- (quantity, first list price, last), of products bought at two instants or more
            arrayFilter(m -> m.4, arrayMap((f, l, x, y) -> (x - y, f.3, l.3, f.2 != l.2), firsts, lasts, running, arrayShiftRight(running, 1))) AS moved,
            toFloat64(arraySum(m -> toDecimal128(m.2, 4) * m.1, moved)) AS at_first,
            toFloat64(arraySum(m -> toDecimal128(m.3, 4) * m.1, moved)) AS at_last,
            -- (product, instant, list price, quantity), the instants at which each product was bought
            arrayMap((g, n, i) -> i = length(goods) OR g.1 != n.1 OR g.2 != n.2, goods, arrayShiftLeft(goods, 1), arrayEnumerate(goods)) AS leaves,
            arrayFilter((x, e) -> e, goods, leaves) AS dearest,
            arrayFilter((x, e) -> e, arrayCumSum(goods.6), leaves) AS until,
            arrayMap((g, x, y) -> (g.1, g.2, toDecimal128(g.3, 4), x - y), dearest, until, arrayShiftRight(until, 1)) AS times,
            -- (instant, moved by, at the former price, quantity moved by at the former price), of each move of a list price
            arrayMap((g, b) -> (g.2, (g.3 - b.3) * b.4, b.3 * b.4, if(g.3 > b.3, g.4 - b.4, b.4 - g.4) * b.3),
                arrayFilter((g, b) -> g.1 = b.1 AND g.3 != b.3, times, arrayShiftRight(times, 1)),
                arrayFilter((b, g) -> g.1 = b.1 AND g.3 != b.3, arrayShiftRight(times, 1), times)) AS moves,
            arrayFilter(m -> m.1 >= now - 90 * 86400, moves) AS moves_90d,
            arrayFilter(m -> m.1 < now - 90 * 86400, moves) AS moves_before
        FROM as_of
    )
SELECT
    account,
    cutoff,
    if(empty(bought_90d), NULL, toFloat64(arraySum(b -> if(b.4, b.5, 0), bought_90d)) / paid_90d) AS promotion_share_90d,
    if(empty(bought), NULL, toFloat64(arraySum(b -> if(b.4, b.5, 0), bought)) / paid) AS promotion_share_365d,
    if(empty(priced_90d), NULL, greatest(0, (at_list_90d - toFloat64(arraySum(priced_90d.2))) / at_list_90d)) AS list_discount_share_90d,
    if(empty(priced), NULL, greatest(0, (at_list - toFloat64(arraySum(priced.2))) / at_list)) AS list_discount_share_365d,
    if(empty(moved), NULL, (at_last - at_first) / at_first) AS list_price_change_365d,
    if(empty(moves), NULL, toFloat64(arraySum(moves.4)) / toFloat64(arraySum(m -> abs(m.2), moves))) AS list_price_response_365d,
    if(empty(moves_90d) OR empty(moves_before), NULL,
        toFloat64(arraySum(moves_90d.2)) / toFloat64(arraySum(moves_90d.3))
            * (toFloat64(arraySum(moves_before.4)) / toFloat64(arraySum(m -> abs(m.2), moves_before)))) AS list_price_pressure_90d
FROM listed
SETTINGS short_circuit_function_evaluation = 'disable'
