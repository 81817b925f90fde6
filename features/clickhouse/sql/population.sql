-- Question: who had bought as of each cutoff, first and last?
-- Grain:    one row per account × cutoff with at least one order line seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark. A purchase is an order whose
--           net of everything seen under its id is above 0; it stands at its first line.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((cityHash64(order_id), toUnixTimestamp(ordered_at), toUnixTimestamp(recorded_at), ifNull(amount_base, amount)))) AS lines
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
            arrayFilter(l -> l.2 < toUnixTimestamp(cutoff) AND l.3 <= toUnixTimestamp(known_at), lines) AS seen,
            arrayFilter((t, o, b) -> o != b, seen.2, seen.1, arrayShiftRight(seen.1, 1)) AS order_times,
            arrayFilter((s, o, a) -> o != a, arrayCumSum(seen.4), seen.1, arrayShiftLeft(seen.1, 1)) AS sums,
            arrayFilter((t, s, b) -> s > b, order_times, sums, arrayShiftRight(sums, 1)) AS purchases
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
SELECT
    account,
    cutoff,
    if(empty(purchases), NULL, toDateTime(arrayMin(purchases), 'UTC')) AS first_purchase_at,
    if(empty(purchases), NULL, toDateTime(arrayMax(purchases), 'UTC')) AS last_purchase_at
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
