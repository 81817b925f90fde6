-- Question: how often, how regularly, for how much and since when does the account order?
-- Grain:    one row per account × cutoff with at least one order line seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
--           Those of terms.sql.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark.
-- Amounts:  base currency (amount_base), the account's own where a source gives none; discount and cost are compared
--           with the account's own amount of the same lines. discount is what was taken off the amount, cost the
--           line's whole cost.
-- Purchase: an order whose net of everything seen under its id is above 0; it stands at its first line. A buying day
--           is a day, in tz, with a purchase. Returns are lines whose net, corrections included, is below 0.
-- Rhythm:   recency, gaps, silences and comebacks count the days on which the account doesn't rest: all but those of its
--           pauses, from the day of the start to the day before the end, and the holidays of its country. A purchase on a day
--           of rest counts as one of the next working day. Windows of 30, 90, 180 and 360 days are as many days of these
--           (windows.sql), those of 365 days, tenure and buying days are of the calendar: a year holds its feasts.
-- Rests:    as terms.sql says.
-- Contacts: contact_cadence_days and contact_overdue_days are those of an account that was never contacted: its first contact is
--           due a cadence after its first purchase. contact.sql says them of the others.
-- Shape:    lines of one account collapse into movements (order, instant, recording), which do not depend on a cutoff;
--           each cutoff then filters the movements. Ages are seconds before the cutoff. Missing is NULL. What is used several
--           times stands in a stage of its own, since an engine works an alias out anew wherever it stands (planning a
--           question about one account took 137 ms of processor time otherwise, 117 so). Without
--           short_circuit_function_evaluation = 'disable' every guarded array is filtered again (8.6 s of processor
--           time instead of 6.6 for 10 million lines).
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(order_id),
                toUnixTimestamp(ordered_at),
                cityHash64(line, product),
                toUnixTimestamp(recorded_at),
                ifNull(amount_base, amount),
                ifNull(discount, 0),
                if(isNull(discount), toDecimal64(0, 4), amount + assumeNotNull(discount)),
                ifNull(cost, 0),
                if(isNull(cost), toDecimal64(0, 4), amount)))) AS lines
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
    movements AS
    (
        SELECT
            account,
            shelves,
            spans,
            cadences,
            arrayCumSum(lines.5) AS line_sums,
            -- What a line returns is the negative part of its running net: a correction adds a difference, and for any
            -- known_at the sum over what was recorded is right.
            arrayMap((o, t, i, o1, t1, i1) -> o != o1 OR t != t1 OR i != i1,
                lines.1, lines.2, lines.3, arrayShiftRight(lines.1, 1), arrayShiftRight(lines.2, 1), arrayShiftRight(lines.3, 1)) AS opens,
            arrayMap((o, t, r, o1, t1, r1) -> o != o1 OR t != t1 OR r != r1,
                lines.1, lines.2, lines.4, arrayShiftLeft(lines.1, 1), arrayShiftLeft(lines.2, 1), arrayShiftLeft(lines.4, 1)) AS closes,
            arrayFill((s, opened) -> opened, arrayMap((s, a) -> s - a, line_sums, lines.5), opens) AS line_bases,
            arrayMap((s, a, b, opened) -> least(s - b, 0) - if(opened, toDecimal128(0, 4), least(s - a - b, 0)), line_sums, lines.5, line_bases, opens) AS line_returns,
            arrayFilter((x, k) -> k, line_sums, closes) AS sums,
            arrayFilter((x, k) -> k, arrayCumSum(line_returns), closes) AS returns,
            arrayFilter((x, k) -> k, arrayCumSum(lines.6), closes) AS discounts,
            arrayFilter((x, k) -> k, arrayCumSum(lines.7), closes) AS grosses,
            arrayFilter((x, k) -> k, arrayCumSum(lines.8), closes) AS costs,
            arrayFilter((x, k) -> k, arrayCumSum(lines.9), closes) AS revenues,
            arrayFilter((x, k) -> k, lines.2, closes) AS times,
            arrayZip(
                arrayFilter((x, k) -> k, lines.1, closes),
                times,
                arrayMap(t -> toInt32(toUInt16(toDate(toDateTime(t, 'UTC'), {tz:String}))), times),
                arrayFilter((x, k) -> k, lines.4, closes),
                arrayMap((x, y) -> x - y, sums, arrayShiftRight(sums, 1)),
                arrayMap((x, y) -> x - y, returns, arrayShiftRight(returns, 1)),
                arrayMap((x, y) -> x - y, discounts, arrayShiftRight(discounts, 1)),
                arrayMap((x, y) -> x - y, grosses, arrayShiftRight(grosses, 1)),
                arrayMap((x, y) -> x - y, costs, arrayShiftRight(costs, 1)),
                arrayMap((x, y) -> x - y, revenues, arrayShiftRight(revenues, 1))) AS moves
        FROM history
        LEFT ANY JOIN terms USING (account)
    ),
    as_of AS
    (
        SELECT
            account,
            cutoff,
            toUnixTimestamp(cutoff) AS now,
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            toInt32(toRelativeMonthNum(cutoff - INTERVAL 1 SECOND, {tz:String})) AS this_month,
            arrayFilter(m -> m.2 < toUnixTimestamp(cutoff) AND m.4 <= toUnixTimestamp(known_at), moves) AS seen,
            arrayMap(t -> toInt64(now) - t, seen.2) AS ages,
            shelf,
            pauses,
            cadence
        FROM movements
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at,
            arrayResize(shelves, length({cutoffs:Array(DateTime('UTC'))})) AS shelf, arrayResize(spans, length({cutoffs:Array(DateTime('UTC'))})) AS pauses,
            arrayResize(cadences, length({cutoffs:Array(DateTime('UTC'))}), toInt64({cadence_days:Array(UInt16)}[1])) AS cadence
        WHERE notEmpty(seen)
    ),
    bought AS
    (
        SELECT
            account, cutoff, today, this_month,
            seen, ages,
            -- An order stands at its first line; its net is everything seen under its id.
            arrayFilter((x, o, b) -> o != b, ages, seen.1, arrayShiftRight(seen.1, 1)) AS order_ages,
            arrayFilter((x, o, b) -> o != b, seen.3, seen.1, arrayShiftRight(seen.1, 1)) AS order_days,
            arrayFilter((x, o, a) -> o != a, arrayCumSum(seen.5), seen.1, arrayShiftLeft(seen.1, 1)) AS order_sums,
            arrayFilter((x, o, a) -> o != a, arrayCumSum(seen.6), seen.1, arrayShiftLeft(seen.1, 1)) AS return_sums,
            arrayMap((x, y) -> x - y, order_sums, arrayShiftRight(order_sums, 1)) AS order_nets,
            arrayMap((x, y) -> x - y, return_sums, arrayShiftRight(return_sums, 1)) AS order_returns,
            arrayReverseSort(arrayFilter(p -> p.3 > 0, arrayZip(order_ages, order_days, order_nets))) AS purchases,
            arrayCompact(purchases.2) AS days,
            shelf, pauses, cadence
        FROM as_of
    ),
    paced AS
    (
        SELECT
            account, cutoff, today, this_month, seen, ages, order_ages, order_returns, purchases, days, shelf, pauses, cadence,
            -- Include: beats.sql
        FROM bought
    ),
    gapped AS
    (
        SELECT
            account, cutoff, today, this_month, seen, ages, order_ages, order_returns, purchases, days, cadence,
            beats[-1] - beats[-2] AS recency,
            beats[-1] - beats[1] AS first_recency,
            arrayPopFront(arrayDifference(arrayCompact(arrayPopBack(beats)))) AS gaps,
            arrayFilter((d, g) -> g != 0, days, arrayDifference(arrayPopBack(beats))) AS gap_days,
            -- Include: windows.sql
        FROM paced
    ),
    measured AS
    (
        SELECT
            account, cutoff,
            seen, ages, order_ages, order_returns,
            purchases.1 AS p_ages,
            purchases.3 AS p_nets,
            days,
            gap_days,
            gaps,
            recency,
            first_recency,
            cadence,
            arraySort(gaps) AS sorted_gaps,
            length(gaps) AS gap_count,
            arraySum(gaps) AS gap_sum,
            arraySum(g -> g * g, gaps) AS gap_squares,
            empty(days) AS never,
            today - days[1] AS tenure,
            (toInt64(sorted_gaps[greatest(1, intDiv(gap_count + 1, 2))]) + sorted_gaps[greatest(1, intDiv(gap_count + 2, 2))]) / 2 AS gap_median,
            arrayCompact(arrayMap(d -> toInt32(toRelativeMonthNum(toDate(d))), days)) AS months,
            this_month,
            today,
            widths,
            cut,
            arrayCount(a -> a <= widths[1] * 86400, p_ages) AS n30,
            arrayCount(a -> a <= widths[2] * 86400, p_ages) AS n90,
            arrayCount(a -> a <= widths[3] * 86400, p_ages) AS n180,
            arrayCount(a -> a <= widths[4] * 86400, p_ages) AS n360,
            arrayCount(a -> a <= 365 * 86400, p_ages) AS n365,
            arrayCount(a -> a > 275 * 86400 AND a <= 365 * 86400, p_ages) AS n_last_year,
            arraySum((a, x) -> if(a <= widths[1] * 86400, x, 0), ages, seen.5) AS s30,
            arraySum((a, x) -> if(a <= widths[2] * 86400, x, 0), ages, seen.5) AS s90,
            arraySum((a, x) -> if(a <= widths[3] * 86400, x, 0), ages, seen.5) AS s180,
            arraySum((a, x) -> if(a <= widths[4] * 86400, x, 0), ages, seen.5) AS s360,
            arraySum((a, x) -> if(a <= 365 * 86400, x, 0), ages, seen.5) AS s365,
            arraySum((a, x) -> if(a > 275 * 86400 AND a <= 365 * 86400, x, 0), ages, seen.5) AS s_last_year,
            arraySum(seen.5) AS s_total,
            arraySum((a, x) -> if(a <= widths[2] * 86400, x, 0), p_ages, p_nets) AS b90,
            arraySum((a, x) -> if(a <= 365 * 86400, x, 0), p_ages, p_nets) AS b365,
            -arraySum((a, x) -> if(a <= 365 * 86400, x, 0), ages, seen.6) AS returned365,
            arraySum((a, x) -> if(a <= widths[2] * 86400, x, 0), ages, seen.7) AS discount90,
            arraySum((a, x) -> if(a <= widths[2] * 86400, x, 0), ages, seen.8) AS gross90,
            arraySum((a, x) -> if(a <= 365 * 86400, x, 0), ages, seen.7) AS discount365,
            arraySum((a, x) -> if(a <= 365 * 86400, x, 0), ages, seen.8) AS gross365,
            arraySum((a, x) -> if(a <= 365 * 86400, x, 0), ages, seen.9) AS cost365,
            arraySum((a, x) -> if(a <= 365 * 86400, x, 0), ages, seen.10) AS revenue365
        FROM gapped
    )
SELECT
    account,
    cutoff,
    if(never, NULL, toDateTime(toUnixTimestamp(cutoff) - arrayMax(p_ages), 'UTC')) AS first_purchase_at,
    if(never, NULL, toDateTime(toUnixTimestamp(cutoff) - arrayMin(p_ages), 'UTC')) AS last_purchase_at,
    if(never, NULL, toInt32(today - days[-1] - recency)) AS days_rested,
    n30 AS orders_30d,
    n90 AS orders_90d,
    n180 AS orders_180d,
    n365 AS orders_365d,
    length(p_ages) AS orders_total,
    arrayCount(d -> today - d <= widths[2], days) AS buying_days_90d,
    arrayCount(d -> today - d <= 365, days) AS buying_days_365d,
    length(days) AS buying_days_total,
    if(never, NULL, recency) AS recency_days,
    if(gap_count = 0, NULL, gap_median) AS gap_median_days,
    if(gap_count = 0, NULL, gap_sum / gap_count) AS gap_mean_days,
    if(gap_count < 2, NULL, sqrt(greatest(0, toInt64(gap_count * gap_squares) - gap_sum * gap_sum) / (gap_count * (gap_count - 1)))) AS gap_spread_days,
    if(gap_count = 0, NULL, arrayMax(gaps)) AS gap_max_days,
    if(gap_count = 0, NULL, gaps[-1]) AS gap_last_days,
    if(gap_count = 0, NULL, recency / nullIf(gap_median, 0)) AS recency_to_gap,
    gap_spread_days / gap_mean_days AS gap_variation,
    if(n180 = 0 OR cut, NULL, (2 * toInt64(n90) - toInt64(n180)) / n180) AS orders_trend_90d,
    if(n360 = 0 OR cut, NULL, (2 * toInt64(n180) - toInt64(n360)) / n360) AS orders_trend_180d,
    if(never OR tenure < 365, NULL, n_last_year) AS orders_last_year_90d,
    toFloat64(s30) AS spend_30d,
    toFloat64(s90) AS spend_90d,
    toFloat64(s180) AS spend_180d,
    toFloat64(s365) AS spend_365d,
    toFloat64(s_total) AS spend_total,
    if(never, NULL, toFloat64(s365) / greatest(1, least(365, tenure))) AS spend_per_day,
    if(cut, NULL, toFloat64(2 * s90 - s180) / nullIf(toFloat64(abs(s90) + abs(s180 - s90)), 0)) AS spend_trend_90d,
    if(cut, NULL, toFloat64(2 * s180 - s360) / nullIf(toFloat64(abs(s180) + abs(s360 - s180)), 0)) AS spend_trend_180d,
    if(never OR tenure < 365, NULL, toFloat64(s_last_year)) AS spend_last_year_90d,
    toFloat64(b365) / nullIf(n365, 0) AS basket_mean_365d,
    if(never, NULL, toFloat64(p_nets[-1])) AS basket_last,
    (toFloat64(b90) * n365 - toFloat64(b365) * n90) / nullIf(toFloat64(b90) * n365 + toFloat64(b365) * n90, 0) AS basket_trend_90d,
    toFloat64(arrayReverseSort(arrayMap((a, x) -> if(a <= 365 * 86400, x, toDecimal128(0, 4)), p_ages, p_nets))[1]) / nullIf(toFloat64(b365), 0) AS largest_order_share_365d,
    toFloat64(returned365) AS returns_365d,
    if(s365 + returned365 <= 0, NULL, toFloat64(returned365) / toFloat64(s365 + returned365)) AS returns_share_365d,
    arrayCount((a, x) -> a <= 365 * 86400 AND x < 0, order_ages, order_returns) AS return_orders_365d,
    if(gross90 <= 0, NULL, toFloat64(discount90) / toFloat64(gross90)) AS discount_share_90d,
    if(gross365 <= 0, NULL, toFloat64(discount365) / toFloat64(gross365)) AS discount_share_365d,
    if(revenue365 <= 0, NULL, toFloat64(revenue365 - cost365) / toFloat64(revenue365)) AS margin_share_365d,
    if(never, NULL, tenure) AS tenure_days,
    if(never, NULL, least(1, length(months) / greatest(1, this_month - months[1] + 1))) AS active_month_share,
    if(never, NULL, arrayCount(m -> this_month - m < 12, months)) AS active_months_12m,
    if(never, NULL, greatest(recency, arrayMax(gaps))) AS longest_silence_days,
    if(arrayMax(arrayMap((g, d) -> if(today - d <= widths[2], g, 0), gaps, gap_days)) = 0, NULL, arrayMax(arrayMap((g, d) -> if(today - d <= widths[2], g, 0), gaps, gap_days))) AS comeback_gap_days,
    if(never, NULL, arrayCount(a -> a * 2 <= p_ages[1], p_ages) / length(p_ages)) AS recent_half_orders_share,
    nullIf(cadence, 0) AS contact_cadence_days,
    if(never OR cadence = 0, NULL, first_recency - cadence) AS contact_overdue_days
FROM measured
SETTINGS short_circuit_function_evaluation = 'disable'
