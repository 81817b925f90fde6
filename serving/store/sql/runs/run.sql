-- Question: what is known of a run?
-- Grain:    one row, or none when it was never committed or was dropped.
-- Parameters: run String.
-- As of:    now.
SELECT
    run_id, commit, kind, purpose, cutoff, known_at, watermark, definitions_hash, config_hash, engine, model, rung, grade,
    horizon_days, currency, margin_rate, data_through, rows, committed_at, fingerprints,
    kept_features, worth_definitions
FROM committed_runs
WHERE run_id = {run:String}
LIMIT 1
