-- Question: which features of an account does a run keep as of a cutoff?
-- Grain:    one row per feature.
-- Parameters: run, account String; cutoff Int64 (Unix seconds).
-- As of:    the cutoff. Whoever asks has found the run by kept_rows.sql.
SELECT feature, value
FROM written_feature_values
WHERE run_id = {run:String} AND account = {account:String} AND cutoff = toDateTime({cutoff:Int64}, 'UTC')
ORDER BY feature
