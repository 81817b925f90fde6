-- Question: where does it lie why the share of an account's whole wallet has no trend?
-- Grain:    as in step 0003: one row per run × account.
-- As of:    as in step 0003.
-- Columns:  rows of runs before have none: an empty text is not told. In wallets, which is JSON, no_trend says it by category.
ALTER TABLE written_worths
    ADD COLUMN IF NOT EXISTS wallet_no_trend LowCardinality(String) AFTER wallet_trend
-- next
CREATE OR REPLACE VIEW worths AS
SELECT
    run_id, account, alive, no_purchase, purchases, spend, spend_by, lifetime_value, lifetime_low, lifetime_high,
    lifetime_model, lifetime_value_by, lifetime_why, loyalty, loyalty_uncapped, loyalty_cap, loyalty_profile, loyalty_why, loyalty_story,
    loyalty_children, satisfaction, response_rate, value, value_existing, value_potential, value_influence, value_learning,
    tier, level, cell, verdict, wallet_state, wallet, wallet_low, wallet_high, wallet_spend, wallet_share, wallet_potential,
    wallet_why, wallet_author, wallet_period, wallet_width, wallet_trend, wallet_no_trend, indicators, attitudes, wallets, wallet_flags,
    recommendations, value_parts, because, breaches
FROM written_worths
WHERE run_id IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
