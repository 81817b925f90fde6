-- Question: what are the scores of a run, of all its accounts or of those named?
-- Grain:    one row per account, in bytewise order.
-- Parameters: run String; accounts Array(String), empty for all.
-- As of:    the run. Whoever asks has found the run committed before.
SELECT
    account, name, segment, region, manager, unscorable, margin, base, probability, percentile, band, stage, value_at_risk,
    run_rate, change_probability, change_previous_cutoff, model_changed, up, down, row_hash
FROM written_scores
WHERE run_id = {run:String}
    AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
ORDER BY written_scores.account
