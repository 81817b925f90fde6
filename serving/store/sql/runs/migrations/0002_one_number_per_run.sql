-- Question: which runs are committed, each under which number?
-- Grain:    one row per committed run that was not dropped.
-- As of:    now. Two processes that commit at the same instant may draw one number; the run of at least one of them then
--           stands in runs once more, under a later number (redraw.sql), and its greatest one counts.
CREATE VIEW IF NOT EXISTS committed_runs AS
SELECT
    run_id, commit, kind, purpose, cutoff, known_at, watermark, definitions_hash, config_hash, engine, model, rung, grade,
    horizon_days, currency, margin_rate, data_through, rows, checksum, committed_at
FROM runs
WHERE run_id NOT IN (SELECT run_id FROM dropped_runs)
ORDER BY runs.commit DESC
LIMIT 1 BY run_id
