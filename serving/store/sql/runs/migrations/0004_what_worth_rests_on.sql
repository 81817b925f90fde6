-- Question: where does it lie what the worth of an account rests on: attitudes, weights, contradictions, declarations?
-- Grain:    as in step 0003: one row per run × account.
-- As of:    as in step 0003.
-- Columns:  rows of runs before have none of these: missing numbers and empty texts are not told. attitudes is JSON, empty
--           when there are none. loyalty_profile names the weights, loyalty_why says why there is no score, loyalty_story is
--           the code of a contradiction with the risk of leaving, loyalty_children counts whose mean the score is.
--           wallet_author and wallet_period (seconds since 1970) are of the declaration that the wallet rests on.
ALTER TABLE written_worths
    ADD COLUMN IF NOT EXISTS lifetime_why LowCardinality(String) AFTER lifetime_model,
    ADD COLUMN IF NOT EXISTS loyalty_profile LowCardinality(String) AFTER loyalty_cap,
    ADD COLUMN IF NOT EXISTS loyalty_why LowCardinality(String) AFTER loyalty_profile,
    ADD COLUMN IF NOT EXISTS loyalty_story LowCardinality(String) AFTER loyalty_why,
    ADD COLUMN IF NOT EXISTS loyalty_children Nullable(Float64) AFTER loyalty_story,
    ADD COLUMN IF NOT EXISTS wallet_author LowCardinality(String) AFTER wallet_why,
    ADD COLUMN IF NOT EXISTS wallet_period Nullable(Float64) AFTER wallet_author,
    ADD COLUMN IF NOT EXISTS wallet_width Nullable(Float64) AFTER wallet_period,
    ADD COLUMN IF NOT EXISTS wallet_trend Nullable(Float64) AFTER wallet_width,
    ADD COLUMN IF NOT EXISTS attitudes String AFTER indicators
-- next
CREATE OR REPLACE VIEW worths AS
SELECT
    run_id, account, alive, no_purchase, purchases, spend, spend_by, lifetime_value, lifetime_low, lifetime_high,
    lifetime_model, lifetime_why, loyalty, loyalty_uncapped, loyalty_cap, loyalty_profile, loyalty_why, loyalty_story,
    loyalty_children, satisfaction, response_rate, value, value_existing, value_potential, value_influence, value_learning,
    tier, level, cell, verdict, wallet_state, wallet, wallet_low, wallet_high, wallet_spend, wallet_share, wallet_potential,
    wallet_why, wallet_author, wallet_period, wallet_width, wallet_trend, indicators, attitudes, wallets, wallet_flags,
    recommendations, because, breaches
FROM written_worths
WHERE run_id IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
