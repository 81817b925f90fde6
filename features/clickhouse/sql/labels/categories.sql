-- Question: what did the account buy regularly in each category, when was more due, and what came?
-- Grain:    one row per account × cutoff × category with at least least_days buying days in the 365 days before the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; horizon_days UInt64 = H; least_days UInt64, 2 or
--           more; accounts Array(String), empty = all; from_account, to_account String: the range from … to, both
--           included, to = '' is open; watermark, recorded_by UInt64, the latter in Unix seconds, 0 = whenever; tz String.
--           Those of terms.sql, with the holidays of the 800 days from the cutoff on.
-- As of:    before: lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark. After: the newest knowledge,
--           every line with load <= watermark that was recorded by recorded_by, in [cutoff, cutoff + H) and the next H.
-- Purchase: the lines of one order in one category whose net is above 0; before the cutoff of everything seen, after it of
--           the lines up to the window's end. A buying day is a day, in tz, with a purchase of the category.
-- Due:      gap_days is the median gap between the buying days of the 365 days, at least 1, in days on which the account doesn't
--           rest, as orders.sql counts them; due_day is the day that is as many of them, rounded up, after the last buying day,
--           and no day of rest. A pause counts up to the cutoff, a holiday from there on as well, if it was known by known_at.
--           Where all buying days lie within one rest there is no gap, and no row.
--           Days are counted from 1970-01-01.
-- Amounts:  base currency, returns and corrections included. tenure_days reach back to the first line seen of the category,
--           or, of the others, of any other category. Lines without a category say nothing.
WITH
    history AS
    (
        SELECT
            account,
            category,
            arraySort(groupArray((
                cityHash64(order_id),
                toInt64(toUnixTimestamp(ordered_at)),
                toInt64(toUnixTimestamp(recorded_at)),
                ifNull(amount_base, amount)))) AS lines
        FROM order_lines
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
          AND category != ''
        GROUP BY account, category
    ),
    terms AS
    (
        -- Include: terms.sql
    ),
    resting AS
    (
        SELECT
            account,
            category,
            lines,
            shelves,
            spans
        FROM history
        LEFT ANY JOIN terms USING (account)
    ),
    windows AS
    (
        SELECT
            account,
            category,
            cutoff,
            toInt64(toUnixTimestamp(cutoff)) AS now,
            now + toInt64({horizon_days:UInt64}) * 86400 AS middle,
            middle + toInt64({horizon_days:UInt64}) * 86400 AS finish,
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            arrayFilter(l -> l.2 < now AND l.3 <= toInt64(toUnixTimestamp(known_at)), lines) AS seen,
            arrayFilter(l -> {recorded_by:UInt64} = 0 OR l.3 <= toInt64({recorded_by:UInt64}), lines) AS told,
            arrayFilter(l -> l.2 < middle, told) AS near,
            arrayFilter(l -> l.2 < finish, told) AS far,
            arrayFilter((t, o, b) -> o != b, seen.2, seen.1, arrayShiftRight(seen.1, 1)) AS order_times,
            arrayFilter((s, o, a) -> o != a, arrayCumSum(seen.4), seen.1, arrayShiftLeft(seen.1, 1)) AS sums,
            arrayFilter((t, s, b) -> s > b, order_times, sums, arrayShiftRight(sums, 1)) AS purchases,
            arrayFilter((t, o, b) -> o != b, near.2, near.1, arrayShiftRight(near.1, 1)) AS near_times,
            arrayFilter((s, o, a) -> o != a, arrayCumSum(near.4), near.1, arrayShiftLeft(near.1, 1)) AS near_sums,
            arrayFilter((t, o, b) -> o != b, far.2, far.1, arrayShiftRight(far.1, 1)) AS far_times,
            arrayFilter((s, o, a) -> o != a, arrayCumSum(far.4), far.1, arrayShiftLeft(far.1, 1)) AS far_sums,
            arraySort(arrayDistinct(arrayMap(t -> toInt32(toUInt16(toDate(toDateTime(t, 'UTC'), {tz:String}))),
                arrayFilter(t -> t >= now - 365 * 86400, purchases)))) AS days,
            arraySum(l -> if(l.2 >= now - 365 * 86400, l.4, 0), seen) AS spend,
            arraySum(l -> if(l.2 >= now, l.4, 0), near) AS spend_after,
            if(empty(seen), 99999999999, arrayMin(seen.2)) AS first,
            shelf,
            pauses
        FROM resting
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at,
            arrayResize(shelves, length({cutoffs:Array(DateTime('UTC'))})) AS shelf, arrayResize(spans, length({cutoffs:Array(DateTime('UTC'))})) AS pauses
    ),
    together AS
    (
        SELECT
            account,
            cutoff,
            category,
            now,
            today,
            days,
            shelf,
            pauses,
            arrayCount((t, s, b) -> t >= now AND s > b, near_times, near_sums, arrayShiftRight(near_sums, 1)) AS orders,
            arrayCount((t, s, b) -> t >= middle AND s > b, far_times, far_sums, arrayShiftRight(far_sums, 1)) AS orders_after,
            spend,
            first,
            sum(spend) OVER (PARTITION BY account, cutoff) AS spend_all,
            sum(spend_after) OVER (PARTITION BY account, cutoff) - spend_after AS other_after,
            arraySort(groupArray(first) OVER (PARTITION BY account, cutoff)) AS firsts,
            -- The first line of any category but this one.
            if(firsts[1] = first, firsts[2], firsts[1]) AS other_first
        FROM windows
    ),
    paced AS
    (
        SELECT
            account, cutoff, category, today, shelf, pauses, orders, orders_after, spend, first, spend_all, other_after, other_first,
            days,
            -- Include: beats.sql
        FROM together
        WHERE length(days) >= greatest({least_days:UInt64}, 2)
    ),
    spaced AS
    (
        SELECT
            account, cutoff, category, today, shelf, pauses, orders, orders_after, spend, first, spend_all, other_after, other_first,
            days AS bought,
            beats[-2] AS last_beat,
            arraySort(arrayPopFront(arrayDifference(arrayCompact(arrayPopBack(beats))))) AS gaps,
            greatest(1, (toInt64(gaps[greatest(1, intDiv(length(gaps) + 1, 2))]) + gaps[greatest(1, intDiv(length(gaps) + 2, 2))]) / 2) AS gap_days,
            toInt32(ceil(gap_days)) AS gap
        FROM paced
        WHERE notEmpty(gaps) -- bought within one rest only: nobody knows how often
    ),
    ahead AS
    (
        SELECT
            account, cutoff, category, today, shelf, pauses, orders, orders_after, spend, first, spend_all, other_after, other_first,
            last_beat, gap_days, gap, bought,
            -- The days of which one is due: without rests the only one, else those from the last buying day on; no account rests
            -- more than every other day, but for two months together and its pauses.
            arrayMap(d -> toInt32(d), if(shelf = 0 AND empty(pauses), range(toInt64(bought[-1] + gap), toInt64(bought[-1] + gap + 1)),
                range(toInt64(bought[-1]), least(toInt64(bought[-1] + 2 * gap + 62) + arraySum(p -> p.2 - p.1, pauses), toInt64(today + 800))))) AS days
        FROM spaced
    ),
    placed AS
    (
        SELECT
            account, cutoff, category, today, shelf, pauses, orders, orders_after, spend, first, spend_all, other_after, other_first,
            last_beat, gap_days, gap, bought, days,
            -- Include: beats.sql
        FROM ahead
    )
SELECT
    account,
    cutoff,
    category,
    length(bought) AS buying_days,
    gap_days,
    today,
    bought[-1] AS last_day,
    arrayLast((d, b) -> b <= last_beat + gap, days, arrayPopBack(beats)) AS due_day,
    orders,
    orders_after,
    toFloat64(spend) AS spend_365d,
    today - toInt32(toUInt16(toDate(toDateTime(first, 'UTC'), {tz:String}))) AS tenure_days,
    toFloat64(spend_all - spend) AS other_spend_365d,
    if(other_first IN (0, 99999999999), 0, today - toInt32(toUInt16(toDate(toDateTime(other_first, 'UTC'), {tz:String})))) AS other_tenure_days,
    toFloat64(other_after) AS other_spend_after
FROM placed
SETTINGS short_circuit_function_evaluation = 'disable'
