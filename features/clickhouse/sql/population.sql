-- Question: who had bought as of each cutoff, first and last?
-- Grain:    one row per account × cutoff with at least one order line seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
--           Those of terms.sql.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark. A purchase is an order whose
--           net of everything seen under its id is above 0; it stands at its first line.
-- Rests:    days_rested are the days since the last purchase on which the account rests, as recency in orders.sql leaves
--           them out.
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
    terms AS
    (
        -- Include: terms.sql
    ),
    as_of AS
    (
        SELECT
            account,
            cutoff,
            shelf,
            pauses,
            arrayFilter(l -> l.2 < toUnixTimestamp(cutoff) AND l.3 <= toUnixTimestamp(known_at), lines) AS seen,
            arrayFilter((t, o, b) -> o != b, seen.2, seen.1, arrayShiftRight(seen.1, 1)) AS order_times,
            arrayFilter((s, o, a) -> o != a, arrayCumSum(seen.4), seen.1, arrayShiftLeft(seen.1, 1)) AS sums,
            arrayFilter((t, s, b) -> s > b, order_times, sums, arrayShiftRight(sums, 1)) AS purchases
        FROM history
        LEFT ANY JOIN terms USING (account)
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at,
            arrayResize(shelves, length({cutoffs:Array(DateTime('UTC'))})) AS shelf, arrayResize(spans, length({cutoffs:Array(DateTime('UTC'))})) AS pauses
        WHERE notEmpty(seen)
    ),
    bought AS
    (
        SELECT
            account,
            cutoff,
            shelf,
            pauses,
            arrayMin(purchases) AS first,
            arrayMax(purchases) AS last,
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            if(empty(purchases), [], [toInt32(toUInt16(toDate(toDateTime(last, 'UTC'), {tz:String})))]) AS days
        FROM as_of
    ),
    paced AS
    (
        SELECT
            account, cutoff, first, last, today, days,
            -- Include: beats.sql
        FROM bought
    )
SELECT
    account,
    cutoff,
    if(empty(days), NULL, toDateTime(first, 'UTC')) AS first_purchase_at,
    if(empty(days), NULL, toDateTime(last, 'UTC')) AS last_purchase_at,
    if(empty(days), NULL, toInt32(today - days[1] - (beats[-1] - beats[1]))) AS days_rested
FROM paced
SETTINGS short_circuit_function_evaluation = 'disable'
