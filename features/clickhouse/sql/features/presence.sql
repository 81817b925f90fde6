-- Question: since when, when last, for how much and how broadly does the account buy?
-- Grain:    one row per account × cutoff with at least one order line seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
--           Those of terms.sql.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark.
-- Amounts:  base currency (amount_base), the account's own where a source gives none.
-- Purchase: as in orders.sql, categories as in breadth.sql: the columns are theirs, and both files answer the same.
-- Rests:    as terms.sql says; days_rested as in orders.sql.
-- Shape:    lines of one account collapse into movements (order, instant, recording), which do not depend on a cutoff, and lie
--           once more by category, so that a net is a difference of running sums. On 10 million lines of 200,000 accounts one
--           cutoff more costs 0.8 s of processor time, by the two files 7.4 s.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(order_id),
                toUnixTimestamp(ordered_at),
                toUnixTimestamp(recorded_at),
                if(category = '', 0, cityHash64(category)),
                ifNull(amount_base, amount)))) AS lines
        FROM order_lines
        WHERE load <= {watermark:UInt64}
          AND ordered_at < arrayMax({cutoffs:Array(DateTime('UTC'))})
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    ),
    terms AS
    (
        -- Include: terms.sql
    ),
    movements AS
    (
        SELECT
            account,
            shelves,
            spans,
            arrayMap((o, t, r, o1, t1, r1) -> o != o1 OR t != t1 OR r != r1,
                lines.1, lines.2, lines.3, arrayShiftLeft(lines.1, 1), arrayShiftLeft(lines.2, 1), arrayShiftLeft(lines.3, 1)) AS closes,
            arrayFilter((x, k) -> k, arrayCumSum(lines.5), closes) AS sums,
            arrayZip(
                arrayFilter((x, k) -> k, lines.1, closes),
                arrayFilter((x, k) -> k, lines.2, closes),
                arrayFilter((x, k) -> k, lines.3, closes),
                arrayMap((x, y) -> x - y, sums, arrayShiftRight(sums, 1))) AS moves,
            arraySort(arrayZip(lines.4, lines.2, lines.3, lines.5)) AS by_category,
            arrayMap((c, n) -> c != n, by_category.1, arrayShiftLeft(by_category.1, 1, 18446744073709551615)) AS ends,
            arrayFilter((c, e) -> e, by_category.1, ends) AS categories
        FROM history
        LEFT ANY JOIN terms USING (account)
    ),
    as_of AS
    (
        SELECT
            account,
            cutoff,
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            categories,
            arrayFilter(m -> m.2 < toUnixTimestamp(cutoff) AND m.3 <= toUnixTimestamp(known_at), moves) AS seen,
            -- An order stands at its first line; its net is everything seen under its id.
            arrayFilter((t, o, b) -> o != b, seen.2, seen.1, arrayShiftRight(seen.1, 1)) AS order_times,
            arrayFilter((s, o, a) -> o != a, arrayCumSum(seen.4), seen.1, arrayShiftLeft(seen.1, 1)) AS order_sums,
            arrayFilter((t, s, b) -> s > b, order_times, order_sums, arrayShiftRight(order_sums, 1)) AS purchases,
            arraySum((t, a) -> if(t >= toUnixTimestamp(cutoff) - 365 * 86400, a, 0), seen.2, seen.4) AS spend,
            arrayExists((c, t, r) -> c != 0 AND t < toUnixTimestamp(cutoff) AND r <= toUnixTimestamp(known_at), by_category.1, by_category.2, by_category.3) AS sorted,
            arrayFilter((s, e) -> e, arrayCumSum(
                (t, r, a) -> if(t < toUnixTimestamp(cutoff) AND t >= toUnixTimestamp(cutoff) - 365 * 86400 AND r <= toUnixTimestamp(known_at), a, 0),
                by_category.2, by_category.3, by_category.4), ends) AS category_sums,
            arrayMap(t -> toInt32(toUInt16(toDate(toDateTime(t, 'UTC'), {tz:String}))), if(empty(purchases), [], [arrayMax(purchases)])) AS days,
            shelf,
            pauses
        FROM movements
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at,
            arrayResize(shelves, length({cutoffs:Array(DateTime('UTC'))})) AS shelf, arrayResize(spans, length({cutoffs:Array(DateTime('UTC'))})) AS pauses
        WHERE notEmpty(seen)
    ),
    paced AS
    (
        SELECT
            account, cutoff, today, categories, purchases, spend, sorted, category_sums, days,
            -- Include: beats.sql
        FROM as_of
    )
SELECT
    account,
    cutoff,
    if(empty(purchases), NULL, toDateTime(arrayMin(purchases), 'UTC')) AS first_purchase_at,
    if(empty(purchases), NULL, toDateTime(arrayMax(purchases), 'UTC')) AS last_purchase_at,
    if(empty(purchases), NULL, toInt32(today - days[1] - (beats[-1] - beats[1]))) AS days_rested,
    if(empty(purchases), NULL, today - toInt32(toUInt16(toDate(toDateTime(arrayMin(purchases), 'UTC'), {tz:String})))) AS tenure_days,
    toFloat64(spend) AS spend_365d,
    if(sorted, arrayCount((c, x, y) -> c != 0 AND x > y, categories, category_sums, arrayShiftRight(category_sums, 1)), NULL) AS categories_365d
FROM paced
SETTINGS short_circuit_function_evaluation = 'disable'
