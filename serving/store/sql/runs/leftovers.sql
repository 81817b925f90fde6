-- Question: which runs have rows that no reader may see, and for how long has nothing been written to them?
-- Grain:    one row per table × run.
-- Parameters: none.
-- As of:    now, by the warehouse's clock. dropped says that the run was taken back; otherwise it was never committed.
SELECT name, run_id, silent_seconds, run_id IN (SELECT run_id FROM dropped_runs) AS dropped
FROM
(
    SELECT 'written_scores' AS name, run_id, dateDiff('second', max(written_at), now('UTC')) AS silent_seconds
    FROM written_scores
    WHERE run_id NOT IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
    GROUP BY run_id
    UNION ALL
    SELECT 'written_worths' AS name, run_id, dateDiff('second', max(written_at), now('UTC')) AS silent_seconds
    FROM written_worths
    WHERE run_id NOT IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
    GROUP BY run_id
    UNION ALL
    SELECT 'written_feature_rows' AS name, run_id, dateDiff('second', max(written_at), now('UTC')) AS silent_seconds
    FROM written_feature_rows
    WHERE run_id NOT IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
    GROUP BY run_id
    UNION ALL
    SELECT 'written_feature_values' AS name, run_id, dateDiff('second', max(written_at), now('UTC')) AS silent_seconds
    FROM written_feature_values
    WHERE run_id NOT IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
    GROUP BY run_id
)
ORDER BY name, run_id
