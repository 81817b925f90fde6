-- Question: where does what accounts are worth lie, and which of it counts?
-- Grain:    one row per run × account of runs of scores; runs of before have none.
-- As of:    a row counts when its run does; the view worths shows no other.
-- Columns:  missing numbers are what can't be measured. indicators, wallets (by category), recommendations, because (the
--           figures of the verdict), breaches and wallet_flags are JSON, empty when there are none.
-- Order:    a partition per run, as of scores.
CREATE TABLE IF NOT EXISTS written_worths
(
    run_id String,
    account String,
    alive Nullable(Float64),
    no_purchase Nullable(Float64),
    purchases Nullable(Float64),
    spend Nullable(Float64),
    spend_by LowCardinality(String),
    lifetime_value Nullable(Float64),
    lifetime_low Nullable(Float64),
    lifetime_high Nullable(Float64),
    lifetime_model LowCardinality(String),
    loyalty Nullable(Float64),
    loyalty_uncapped Nullable(Float64),
    loyalty_cap LowCardinality(String),
    satisfaction Nullable(Float64),
    response_rate Nullable(Float64),
    value Nullable(Float64),
    value_existing Nullable(Float64),
    value_potential Nullable(Float64),
    value_influence Nullable(Float64),
    value_learning Nullable(Float64),
    tier LowCardinality(String),
    level LowCardinality(String),
    cell LowCardinality(String),
    verdict LowCardinality(String),
    wallet_state LowCardinality(String),
    wallet Nullable(Float64),
    wallet_low Nullable(Float64),
    wallet_high Nullable(Float64),
    wallet_spend Nullable(Float64),
    wallet_share Nullable(Float64),
    wallet_potential Nullable(Float64),
    wallet_why LowCardinality(String),
    indicators String,
    wallets String,
    wallet_flags String,
    recommendations String,
    because String,
    breaches String,
    written_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = MergeTree
PARTITION BY run_id
ORDER BY account
-- next
CREATE VIEW IF NOT EXISTS worths AS
SELECT
    run_id, account, alive, no_purchase, purchases, spend, spend_by, lifetime_value, lifetime_low, lifetime_high,
    lifetime_model, loyalty, loyalty_uncapped, loyalty_cap, satisfaction, response_rate, value, value_existing,
    value_potential, value_influence, value_learning, tier, level, cell, verdict, wallet_state, wallet, wallet_low,
    wallet_high, wallet_spend, wallet_share, wallet_potential, wallet_why, indicators, wallets, wallet_flags,
    recommendations, because, breaches
FROM written_worths
WHERE run_id IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
