-- Question: what are the accounts of a run worth, all of them or those named?
-- Grain:    one row per account, in bytewise order; none for a run that tells nothing of worth.
-- Parameters: run String; accounts Array(String), empty for all.
-- As of:    the run. Whoever asks has found the run committed before.
SELECT
    account, alive, no_purchase, purchases, spend, spend_by, lifetime_value, lifetime_low, lifetime_high,
    lifetime_model, lifetime_value_by, lifetime_why, loyalty, loyalty_uncapped, loyalty_cap, loyalty_profile, loyalty_why, loyalty_story,
    loyalty_children, satisfaction, response_rate, value, value_existing, value_potential, value_influence, value_learning,
    tier, level, cell, verdict, wallet_state, wallet, wallet_low, wallet_high, wallet_spend, wallet_share, wallet_potential,
    wallet_why, wallet_author, wallet_period, wallet_width, wallet_trend, wallet_no_trend, indicators, attitudes, wallets, wallet_flags,
    recommendations, value_parts, because, breaches, worth_hash
FROM written_worths
WHERE run_id = {run:String}
    AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
ORDER BY written_worths.account
