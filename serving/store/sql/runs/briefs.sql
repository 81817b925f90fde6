-- Question: what do lists show of the worth of a run's accounts?
-- Grain:    one row per account, in bytewise order; none for a run that tells nothing of worth.
-- Parameters: run String; accounts Array(String), empty for all.
-- As of:    the run. Whoever asks has found the run committed before.
SELECT account, loyalty, lifetime_value, wallet_share, wallet_potential, tier, verdict, loyalty_story
FROM written_worths
WHERE run_id = {run:String}
    AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
ORDER BY written_worths.account
