-- Question: which runs are there, newest commit first?
-- Grain:    one row per committed run that was not dropped, at most limit.
-- Parameters: limit UInt64.
-- As of:    now.
SELECT
    run_id, commit, kind, purpose, cutoff, known_at, watermark, definitions_hash, config_hash, engine, model, rung, grade,
    horizon_days, currency, margin_rate, data_through, rows, committed_at, fingerprints,
    kept_features, worth_definitions
FROM committed_runs
ORDER BY committed_runs.commit DESC, committed_runs.run_id DESC
LIMIT {limit:UInt64}
