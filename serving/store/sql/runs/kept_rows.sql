-- Question: which runs keep the features of an account as of a run's cutoff: the run itself, or runs of features of the
--           same definitions?
-- Grain:    one row per such run, the run itself first, then the newest; at most limit.
-- Parameters: run, account, definitions String; cutoff Int64 (Unix seconds); limit UInt64.
-- As of:    the run's cutoff. Whoever asks has found the run committed before.
SELECT run_id, status, first_purchase, last_purchase
FROM written_feature_rows
WHERE account = {account:String}
    AND cutoff = toDateTime({cutoff:Int64}, 'UTC')
    AND (run_id = {run:String}
        OR run_id IN (SELECT run_id FROM committed_runs WHERE kind = 'features' AND definitions_hash = {definitions:String}))
ORDER BY run_id = {run:String} DESC, run_id DESC
LIMIT {limit:UInt64}
