-- Question: how broad is what an account buys, and what did it begin or cease to buy?
-- Grain:    one row per account × cutoff with at least one order line seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
--           Those of terms.sql.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark.
-- Amounts:  base currency (amount_base), the account's own where a source gives none. A category or product counts as
--           bought in a window when its net, returns and corrections included, is above 0. Lines without a
--           category or product don't count; an account whose lines all lack it gets NULL.
-- Rests:    the window of 90 days leaves out days on which the account rests, as in orders.sql; that of 365 doesn't.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                if(category = '', 0, cityHash64(category)),
                if(product = '', 0, cityHash64(product)),
                toUnixTimestamp(ordered_at),
                toUnixTimestamp(recorded_at),
                ifNull(amount_base, amount)))) AS lines
        FROM order_lines
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    ),
    terms AS
    (
        -- Include: terms.sql
    ),
    goods AS
    (
        -- Lines lie sorted by category and product, so a net is a difference of running sums at the shelf's last line.
        SELECT
            account,
            lines.3 AS times,
            lines.4 AS recorded,
            lines.5 AS amounts,
            arrayMap(c -> c != 0, lines.1) AS has_category,
            arrayMap(p -> p != 0, lines.2) AS has_product,
            arrayMap((c, n) -> c != n, lines.1, arrayShiftLeft(lines.1, 1, 18446744073709551615)) AS category_ends,
            arrayMap((p, n, e) -> p != n OR e, lines.2, arrayShiftLeft(lines.2, 1, 18446744073709551615), category_ends) AS product_ends,
            arrayFilter((c, e) -> e, lines.1, category_ends) AS categories,
            arrayFilter((p, e) -> e, lines.2, product_ends) AS products,
            shelves,
            spans
        FROM history
        LEFT ANY JOIN terms USING (account)
    ),
    as_of AS
    (
        SELECT
            account, cutoff, known_at, times, recorded, amounts, has_category, has_product, category_ends, product_ends, categories, products,
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            arrayFilter(d -> 0, [today]) AS days,
            shelf,
            pauses
        FROM goods
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at,
            arrayResize(shelves, length({cutoffs:Array(DateTime('UTC'))})) AS shelf, arrayResize(spans, length({cutoffs:Array(DateTime('UTC'))})) AS pauses
    ),
    paced AS
    (
        SELECT
            account, cutoff, known_at, times, recorded, amounts, has_category, has_product, category_ends, product_ends, categories, products,
            today, shelf, pauses,
            -- Include: beats.sql
        FROM as_of
    ),
    framed AS
    (
        SELECT
            account, cutoff, known_at, times, recorded, amounts, has_category, has_product, category_ends, product_ends, categories, products,
            -- Include: windows.sql
        FROM paced
    ),
    sums AS
    (
        SELECT
            account,
            cutoff,
            categories,
            products,
            arrayMap((t, r) -> t < toUnixTimestamp(cutoff) AND r <= toUnixTimestamp(known_at), times, recorded) AS seen,
            arrayExists((s, c) -> s AND c, seen, has_category) AS sorted_by_category,
            arrayExists((s, p) -> s AND p, seen, has_product) AS named_products,
            arrayMap((s, a) -> if(s, a, 0), seen, amounts) AS known,
            arrayMap((t, a) -> if(t >= toUnixTimestamp(cutoff) - widths[2] * 86400, a, 0), times, known) AS known_90d,
            arrayMap((t, a) -> if(t >= toUnixTimestamp(cutoff) - 365 * 86400, a, 0), times, known) AS known_365d,
            arrayCumSum(known_365d) AS running_365d,
            arrayFilter((s, e) -> e, arrayCumSum(known), category_ends) AS sums_ever,
            arrayFilter((s, e) -> e, arrayCumSum(known_90d), category_ends) AS sums_90d,
            arrayFilter((s, e) -> e, running_365d, category_ends) AS sums_365d,
            arrayFilter((s, e) -> e, running_365d, product_ends) AS product_sums
        FROM framed
        WHERE has(seen, 1)
    ),
    nets AS
    (
        SELECT
            account,
            cutoff,
            arrayMap((c, x, y) -> if(c = 0, 0, x - y), categories, sums_ever, arrayShiftRight(sums_ever, 1)) AS ever,
            arrayMap((c, x, y) -> if(c = 0, 0, x - y), categories, sums_90d, arrayShiftRight(sums_90d, 1)) AS last_90d,
            arrayMap((c, x, y) -> if(c = 0, 0, x - y), categories, sums_365d, arrayShiftRight(sums_365d, 1)) AS last_365d,
            arrayCount((p, x, y) -> p != 0 AND x > y, products, product_sums, arrayShiftRight(product_sums, 1)) AS product_count,
            arraySum(x -> greatest(x, 0), last_365d) AS bought_365d,
            sorted_by_category,
            named_products
        FROM sums
    )
SELECT
    account,
    cutoff,
    if(sorted_by_category, arrayCount(x -> x > 0, last_90d), NULL) AS categories_90d,
    if(sorted_by_category, arrayCount(x -> x > 0, last_365d), NULL) AS categories_365d,
    if(sorted_by_category, arrayCount(x -> x > 0, ever), NULL) AS categories_ever,
    if(sorted_by_category, arrayCount((x, y) -> x > 0 AND y <= x, last_90d, ever), NULL) AS categories_gained_90d,
    if(sorted_by_category, arrayCount((x, y) -> x <= 0 AND y - x > 0, last_90d, last_365d), NULL) AS categories_lost_90d,
    if(named_products, product_count, NULL) AS products_365d,
    if(bought_365d > 0, arraySum(x -> if(x > 0, log(toFloat64(bought_365d) / toFloat64(x)) * toFloat64(x) / toFloat64(bought_365d), 0), last_365d), NULL) AS category_entropy_365d,
    if(bought_365d > 0, toFloat64(arrayMax(last_365d)) / toFloat64(bought_365d), NULL) AS top_category_share_365d
FROM nets
SETTINGS short_circuit_function_evaluation = 'disable'
