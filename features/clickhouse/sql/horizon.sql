-- Question: how long do accounts usually wait between buying days?
-- Grain:    one row: the number of accounts with at least 3 buying days and the 85th percentile of their median gaps.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of length 1; watermark UInt64; tz String.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark.
-- Gaps:     are of the calendar, days of rest included, since the horizon that they are asked for is.
WITH
    orders AS
    (
        SELECT
            account,
            order_id,
            min(ordered_at) AS at
        FROM order_lines
        WHERE load <= {watermark:UInt64}
          AND ordered_at < {cutoffs:Array(DateTime('UTC'))}[1]
          AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
        GROUP BY account, order_id
        HAVING sum(ifNull(amount_base, amount)) > 0
    ),
    rhythms AS
    (
        SELECT
            account,
            arraySort(groupUniqArray(toInt32(toUInt16(toDate(at, {tz:String}))))) AS days,
            arraySort(arrayPopFront(arrayDifference(days))) AS gaps,
            length(gaps) AS n,
            (toInt64(gaps[greatest(1, intDiv(n + 1, 2))]) + gaps[greatest(1, intDiv(n + 2, 2))]) / 2 AS gap_median
        FROM orders
        GROUP BY account
        HAVING length(days) >= 3
    )
SELECT
    count() AS accounts,
    if(accounts = 0, NULL, toFloat64(quantileExact(0.85)(gap_median))) AS gap_days
FROM rhythms
