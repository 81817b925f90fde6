-- Question: what did the account buy after the cutoff, and did it come back?
-- Grain:    one row per account × cutoff with at least one order line in [cutoff, cutoff + 2H).
-- Parameters: cutoffs Array(DateTime('UTC')); horizon_days UInt64 = H; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
--           recorded_by UInt64, Unix seconds, 0 = whenever.
-- As of:    the newest knowledge: every line with load <= watermark that was recorded by recorded_by. A purchase in a
--           window is an order begun in it whose net of the lines up to the window's end is above 0; spend counts every
--           line in it.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((cityHash64(order_id), toInt64(toUnixTimestamp(ordered_at)), ifNull(amount_base, amount)))) AS lines
        FROM order_lines
        WHERE load <= {watermark:UInt64}
          AND ({recorded_by:UInt64} = 0 OR toUnixTimestamp(recorded_at) <= {recorded_by:UInt64})
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    ),
    windows AS
    (
        SELECT
            account,
            cutoff,
            toInt64(toUnixTimestamp(cutoff)) AS start,
            start + toInt64({horizon_days:UInt64}) * 86400 AS middle,
            middle + toInt64({horizon_days:UInt64}) * 86400 AS finish,
            arrayFilter(l -> l.2 < middle, lines) AS near,
            arrayFilter(l -> l.2 < finish, lines) AS far,
            arrayFilter((t, o, b) -> o != b, near.2, near.1, arrayShiftRight(near.1, 1)) AS near_times,
            arrayFilter((s, o, a) -> o != a, arrayCumSum(near.3), near.1, arrayShiftLeft(near.1, 1)) AS near_sums,
            arrayFilter((t, o, b) -> o != b, far.2, far.1, arrayShiftRight(far.1, 1)) AS far_times,
            arrayFilter((s, o, a) -> o != a, arrayCumSum(far.3), far.1, arrayShiftLeft(far.1, 1)) AS far_sums
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff
        WHERE arrayExists(l -> l.2 >= start AND l.2 < finish, lines)
    )
SELECT
    account,
    cutoff,
    arrayCount((t, s, b) -> t >= start AND s > b, near_times, near_sums, arrayShiftRight(near_sums, 1)) AS orders,
    toFloat64(arraySum((t, a) -> if(t >= start, a, 0), near.2, near.3)) AS spend,
    arrayCount((t, s, b) -> t >= middle AND s > b, far_times, far_sums, arrayShiftRight(far_sums, 1)) AS orders_after
FROM windows
SETTINGS short_circuit_function_evaluation = 'disable'
