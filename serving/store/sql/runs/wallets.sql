-- Question: what do the accounts of a run spend with everybody, in all categories together, and how is that known?
-- Grain:    one row per account, in bytewise order; none for a run that tells nothing of worth.
-- Parameters: run String; accounts Array(String), empty for all.
-- As of:    the run. Whoever asks has found the run committed before.
SELECT account, wallet_state, wallet, wallet_spend
FROM written_worths
WHERE run_id = {run:String}
    AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
ORDER BY written_worths.account
