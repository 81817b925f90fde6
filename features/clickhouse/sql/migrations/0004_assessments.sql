-- Question: where does it lie what accounts say of us, item by item, and what is judged of them by hand?
-- Grain:    as in step 0001: one row per imported row of assessments.
-- As of:    a row counts when its load stands in loads.
-- Columns:  value and expectation lie on 0 … scale; a row without a scale is an amount, or out of 100 (features.Assessment).
CREATE TABLE IF NOT EXISTS imported_assessments
(
    id String,
    account String,
    person String,
    item String,
    value Decimal(18, 4),
    scale Nullable(Decimal(18, 4)),
    expectation Nullable(Decimal(18, 4)),
    kind String,
    author String,
    comment String,
    at DateTime('UTC'),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(source, id),
    row_values FixedString(16) ALIAS sipHash128(account, person, item, value, ifNull(scale, 0), isNull(scale), ifNull(expectation, 0), isNull(expectation), kind, author, comment, toUnixTimestamp(at)),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS ''
)
ENGINE = MergeTree
ORDER BY (account, at, id)
