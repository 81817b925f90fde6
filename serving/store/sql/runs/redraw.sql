-- Question: none; gives a committed run a later number when another run has drawn the same one.
-- Grain:    one row, or none when the run's number is its own.
-- Parameters: run String.
-- As of:    now. Whoever commits asks so until nothing changes, and only then tells the number: of two runs with one number
--           the later to be written sees the other. Rivals that draw again together take different numbers, in the order
--           of their names.
INSERT INTO runs (run_id, commit, kind, purpose, cutoff, known_at, watermark, definitions_hash, config_hash, engine, model, rung,
    grade, horizon_days, currency, margin_rate, data_through, rows, checksum, fingerprints, kept_features, worth_definitions, committed_at)
SELECT
    run_id, newest + 1 + before, kind, purpose, cutoff, known_at, watermark, definitions_hash, config_hash, engine, model, rung,
    grade, horizon_days, currency, margin_rate, data_through, rows, checksum, fingerprints, kept_features, worth_definitions, now('UTC')
FROM
(
    SELECT
        run_id, kind, purpose, cutoff, known_at, watermark, definitions_hash, config_hash, engine, model, rung, grade,
        horizon_days, currency, margin_rate, data_through, rows, checksum, fingerprints, kept_features, worth_definitions
    FROM runs
    WHERE run_id = {run:String}
    LIMIT 1
) AS own
CROSS JOIN (SELECT max(commit) AS newest FROM runs) AS c
CROSS JOIN
(
    SELECT count() AS rivals, countIf(run_id < {run:String}) AS before
    FROM runs
    WHERE run_id != {run:String} AND runs.commit = (SELECT max(commit) FROM runs WHERE run_id = {run:String})
) AS t
WHERE rivals > 0
