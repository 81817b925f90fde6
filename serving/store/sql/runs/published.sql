-- Question: which score run of a purpose is the newest, or was before a cutoff? Of purpose live that is the published one.
-- Grain:    one row, or none.
-- Parameters: purpose String; before Int64: the cutoff, in Unix seconds, lies before it.
-- As of:    the newest commit.
SELECT
    run_id, commit, kind, purpose, cutoff, known_at, watermark, definitions_hash, config_hash, engine, model, rung, grade,
    horizon_days, currency, margin_rate, data_through, rows, committed_at, fingerprints,
    kept_features, worth_definitions
FROM committed_runs
WHERE kind = 'score'
    AND purpose = {purpose:String}
    AND toInt64(toUnixTimestamp(cutoff)) < {before:Int64}
ORDER BY committed_runs.cutoff DESC, committed_runs.commit DESC, committed_runs.run_id DESC
LIMIT 1
