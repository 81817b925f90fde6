-- Question: where does it lie what proves that an account's worth was told so?
-- Grain:    as in steps 0001 and 0003: one row per run, and per run × account.
-- As of:    as in steps 0002 and 0003.
-- Columns:  worth_hash is the digest of what is told of the account; worth_definitions fingerprints what worth was told of
--           beside the features. Runs before have neither: an empty text is not told.
ALTER TABLE written_worths
    ADD COLUMN IF NOT EXISTS worth_hash String AFTER breaches
-- next
CREATE OR REPLACE VIEW worths AS
SELECT
    run_id, account, alive, no_purchase, purchases, spend, spend_by, lifetime_value, lifetime_low, lifetime_high,
    lifetime_model, lifetime_value_by, lifetime_why, loyalty, loyalty_uncapped, loyalty_cap, loyalty_profile, loyalty_why, loyalty_story,
    loyalty_children, satisfaction, response_rate, value, value_existing, value_potential, value_influence, value_learning,
    tier, level, cell, verdict, wallet_state, wallet, wallet_low, wallet_high, wallet_spend, wallet_share, wallet_potential,
    wallet_why, wallet_author, wallet_period, wallet_width, wallet_trend, wallet_no_trend, indicators, attitudes, wallets, wallet_flags,
    recommendations, value_parts, because, breaches, worth_hash
FROM written_worths
WHERE run_id IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
-- next
ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS worth_definitions String
-- next
CREATE OR REPLACE VIEW committed_runs AS
SELECT
    run_id, commit, kind, purpose, cutoff, known_at, watermark, definitions_hash, config_hash, engine, model, rung, grade,
    horizon_days, currency, margin_rate, data_through, rows, checksum, committed_at, fingerprints, kept_features, worth_definitions
FROM runs
WHERE run_id NOT IN (SELECT run_id FROM dropped_runs)
ORDER BY runs.commit DESC
LIMIT 1 BY run_id
