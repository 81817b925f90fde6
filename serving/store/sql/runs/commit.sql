-- Question: none; commits a run: from this row on its rows are seen.
-- Grain:    one row, or none when the rows are not all there, because another process took the run for an abandoned one, or
--           when the run was given up. The warehouse decides that in one statement, however late the statement comes.
-- Parameters: run, kind, purpose, definitions_hash, config_hash, engine, model, rung, grade, currency, checksum, fingerprints,
--           worth_definitions String;
--           cutoff, known_at, data_through Int64 (Unix seconds that a DateTime holds); watermark UInt64; horizon_days, rows,
--           kept_features, expected Int64; margin_rate Float64.
-- As of:    now.
INSERT INTO runs (run_id, commit, kind, purpose, cutoff, known_at, watermark, definitions_hash, config_hash, engine, model, rung,
    grade, horizon_days, currency, margin_rate, data_through, rows, checksum, fingerprints, kept_features, worth_definitions,
    committed_at)
SELECT
    {run:String}, newest + 1, {kind:String}, {purpose:String}, toDateTime({cutoff:Int64}, 'UTC'), toDateTime({known_at:Int64}, 'UTC'),
    {watermark:UInt64}, {definitions_hash:String}, {config_hash:String}, {engine:String}, {model:String}, {rung:String},
    {grade:String}, {horizon_days:Int64}, {currency:String}, {margin_rate:Float64}, toDateTime({data_through:Int64}, 'UTC'),
    {rows:Int64}, {checksum:String}, {fingerprints:String}, {kept_features:Int64}, {worth_definitions:String}, now('UTC')
FROM (SELECT max(commit) AS newest FROM runs) AS c
CROSS JOIN (SELECT count() AS scores FROM written_scores WHERE run_id = {run:String}) AS s
CROSS JOIN (SELECT count() AS worths FROM written_worths WHERE run_id = {run:String}) AS w
CROSS JOIN (SELECT count() AS feature_rows FROM written_feature_rows WHERE run_id = {run:String}) AS r
CROSS JOIN (SELECT count() AS feature_values FROM written_feature_values WHERE run_id = {run:String}) AS v
CROSS JOIN (SELECT count() AS given_up FROM dropped_runs WHERE run_id = {run:String}) AS d
WHERE toInt64(scores + worths + feature_rows + feature_values) = {expected:Int64} AND given_up = 0
