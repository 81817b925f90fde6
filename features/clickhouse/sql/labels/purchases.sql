-- Question: what did the account buy after the cutoff, and did it come back?
-- Grain:    one row per account × question with at least one order line in [cutoff, cutoff + 2H).
-- Parameters: the questions, arrays of equal length: cutoffs Array(DateTime('UTC')); horizons Array(Int64) = H in days;
--           known_by Array(Int64), Unix seconds. accounts Array(String), empty = all; from_account, to_account String: the
--           range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    the newest knowledge of each question: every line with load <= watermark that was recorded by known_by. A purchase in
--           a window is an order begun in it whose net of the lines up to the window's end is above 0; spend counts every
--           line in it. asked is the question's number, from 1.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(order_id),
                toInt64(toUnixTimestamp(ordered_at)),
                ifNull(amount_base, amount),
                toInt64(toUnixTimestamp(recorded_at))))) AS lines,
            -- When the last line of each line's order came.
            arrayReverseFill((t, o, a) -> o != a, lines.2, lines.1, arrayShiftLeft(lines.1, 1)) AS ends
        FROM order_lines
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    ),
    spans AS
    (
        SELECT
            account,
            span.1 AS start,
            span.2 AS days,
            -- The orders that reach into the window, in which questions of one cutoff and horizon look.
            arrayFilter((l, e) -> e >= start AND l.2 < start + 2 * days * 86400, lines, ends) AS part
        FROM history
        ARRAY JOIN arrayDistinct(arrayZip(arrayMap(c -> toInt64(toUnixTimestamp(c)), {cutoffs:Array(DateTime('UTC'))}), {horizons:Array(Int64)})) AS span
        WHERE notEmpty(part)
    ),
    windows AS
    (
        SELECT
            account,
            question.4 AS asked,
            start,
            start + days * 86400 AS middle,
            arrayFilter(l -> l.4 <= question.3, part) AS far,
            arrayFilter(l -> l.2 < middle, far) AS near,
            arrayFilter((t, o, b) -> o != b, near.2, near.1, arrayShiftRight(near.1, 1)) AS near_times,
            arrayFilter((s, o, a) -> o != a, arrayCumSum(near.3), near.1, arrayShiftLeft(near.1, 1)) AS near_sums,
            arrayFilter((t, o, b) -> o != b, far.2, far.1, arrayShiftRight(far.1, 1)) AS far_times,
            arrayFilter((s, o, a) -> o != a, arrayCumSum(far.3), far.1, arrayShiftLeft(far.1, 1)) AS far_sums
        FROM spans
        ARRAY JOIN arrayFilter(q -> q.1 = start AND q.2 = days, arrayZip(
            arrayMap(c -> toInt64(toUnixTimestamp(c)), {cutoffs:Array(DateTime('UTC'))}), {horizons:Array(Int64)}, {known_by:Array(Int64)},
            arrayEnumerate({cutoffs:Array(DateTime('UTC'))}))) AS question
        WHERE arrayExists(l -> l.2 >= start, far)
    )
SELECT
    account,
    asked,
    arrayCount((t, s, b) -> t >= start AND s > b, near_times, near_sums, arrayShiftRight(near_sums, 1)) AS orders,
    toFloat64(arraySum((t, a) -> if(t >= start, a, 0), near.2, near.3)) AS spend,
    arrayCount((t, s, b) -> t >= middle AND s > b, far_times, far_sums, arrayShiftRight(far_sums, 1)) AS orders_after
FROM windows
SETTINGS short_circuit_function_evaluation = 'disable'
