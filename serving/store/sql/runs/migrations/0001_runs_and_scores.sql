-- Question: where do the sets of rows lie that are written whole (scores, features), and which of them count?
-- Grain:    runs has one row per committed run, dropped_runs one per run taken back; written_scores one per run × account,
--           written_feature_rows one per run × account × cutoff, written_feature_values one per run × account × cutoff × feature.
-- As of:    a row counts when its run stands in runs and not in dropped_runs; the views scores, feature_rows and
--           feature_values show no other.
-- Columns:  written_at tells, by the warehouse's clock, how long a run that was never committed has been silent. commit
--           counts the commits of a warehouse upwards. checksum is the sum of the rows' hashes, whatever their order. up and
--           down are the reasons as JSON.
-- Order:    a partition per run, so that a run goes at once and its rows never merge with another's.
CREATE TABLE IF NOT EXISTS runs
(
    run_id String,
    commit UInt64,
    kind LowCardinality(String),
    purpose LowCardinality(String),
    cutoff DateTime('UTC'),
    known_at DateTime('UTC'),
    watermark UInt64,
    definitions_hash String,
    config_hash String,
    engine String,
    model String,
    rung String,
    grade String,
    horizon_days Int64,
    currency String,
    margin_rate Float64,
    data_through DateTime('UTC'),
    rows Int64,
    checksum String,
    committed_at DateTime('UTC')
)
ENGINE = MergeTree
ORDER BY commit
-- next
CREATE TABLE IF NOT EXISTS dropped_runs
(
    run_id String,
    dropped_at DateTime('UTC')
)
ENGINE = MergeTree
ORDER BY run_id
-- next
CREATE TABLE IF NOT EXISTS written_scores
(
    run_id String,
    account String,
    name String,
    segment LowCardinality(String),
    region LowCardinality(String),
    manager LowCardinality(String),
    unscorable LowCardinality(String),
    margin Nullable(Float64),
    base Nullable(Float64),
    probability Nullable(Float64),
    percentile Nullable(Float64),
    band LowCardinality(String),
    stage LowCardinality(String),
    value_at_risk Nullable(Float64),
    run_rate Nullable(Float64),
    change_probability Nullable(Float64),
    change_previous_cutoff Nullable(DateTime('UTC')),
    model_changed UInt8,
    up String,
    down String,
    row_hash String,
    written_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = MergeTree
PARTITION BY run_id
ORDER BY account
-- next
CREATE TABLE IF NOT EXISTS written_feature_rows
(
    run_id String,
    account String,
    cutoff DateTime('UTC'),
    status LowCardinality(String),
    first_purchase Nullable(DateTime('UTC')),
    last_purchase Nullable(DateTime('UTC')),
    written_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = MergeTree
PARTITION BY run_id
ORDER BY (account, cutoff)
-- next
CREATE TABLE IF NOT EXISTS written_feature_values
(
    run_id String,
    account String,
    cutoff DateTime('UTC'),
    feature LowCardinality(String),
    value Nullable(Float64),
    written_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = MergeTree
PARTITION BY run_id
ORDER BY (feature, account, cutoff)
-- next
CREATE VIEW IF NOT EXISTS scores AS
SELECT
    run_id, account, name, segment, region, manager, unscorable, margin, base, probability, percentile, band, stage,
    value_at_risk, run_rate, change_probability, change_previous_cutoff, model_changed, up, down, row_hash
FROM written_scores
WHERE run_id IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
-- next
CREATE VIEW IF NOT EXISTS feature_rows AS
SELECT run_id, account, cutoff, status, first_purchase, last_purchase
FROM written_feature_rows
WHERE run_id IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
-- next
CREATE VIEW IF NOT EXISTS feature_values AS
SELECT run_id, account, cutoff, feature, value
FROM written_feature_values
WHERE run_id IN (SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM dropped_runs))
