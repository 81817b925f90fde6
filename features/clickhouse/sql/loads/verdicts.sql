-- Question: how did the comparison end, and when are its corrections known?
-- Grain:    one row: rows of the load by verdict, and the instant at which corrections without a time of their own are
--           recorded: now, or just after what they correct if that claims to be recorded later.
-- Parameters: load UInt64.
-- As of:    the load under way.
SELECT
    sumIf(rows, verdict = 'same') AS unchanged,
    sumIf(rows, verdict != 'same') AS changed,
    greatest(now('UTC'), maxIf(known_at, verdict = 'assumed') + INTERVAL 1 SECOND) AS corrected_at
FROM load_verdicts
WHERE load = {load:UInt64}
