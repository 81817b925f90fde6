-- Question: which targets had a manager over a period?
-- Grain:    one row per manager × period of a target that begins in the period.
-- Parameters: since UInt64 in Unix seconds, the period's beginning; cutoffs, known_at Array(DateTime('UTC')) of length 1, its
--           end; watermark UInt64.
-- As of:    the newest row of a manager and period with recorded_at <= known_at, load <= watermark. A target counts whole for
--           the period in which its own begins.
SELECT
    manager,
    toInt64(toUnixTimestamp(period)) AS begins,
    argMax(amount, (recorded_at, load)) AS target
FROM targets
WHERE load <= {watermark:UInt64}
  AND period < {cutoffs:Array(DateTime('UTC'))}[1]
  AND toUnixTimestamp(period) >= {since:UInt64}
  AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
GROUP BY manager, period
