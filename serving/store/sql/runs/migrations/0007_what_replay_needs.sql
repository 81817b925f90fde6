-- Question: what lets a run be proved where its facts no longer can?
-- Grain:    as in step 0001: one row per run.
-- As of:    as in step 0002.
-- Columns:  fingerprints is JSON, one entry per mapped source: what it held of what was known at known_at; empty in runs
--           before and where no source is mapped. kept_features counts the rows of feature_rows and, feature by feature, of
--           feature_values that a run of scores keeps under its own name; 0 when it keeps none.
ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS fingerprints String,
    ADD COLUMN IF NOT EXISTS kept_features Int64
-- next
CREATE OR REPLACE VIEW committed_runs AS
SELECT
    run_id, commit, kind, purpose, cutoff, known_at, watermark, definitions_hash, config_hash, engine, model, rung, grade,
    horizon_days, currency, margin_rate, data_through, rows, checksum, committed_at, fingerprints, kept_features
FROM runs
WHERE run_id NOT IN (SELECT run_id FROM dropped_runs)
ORDER BY runs.commit DESC
LIMIT 1 BY run_id
