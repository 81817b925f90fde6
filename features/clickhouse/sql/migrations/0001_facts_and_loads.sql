-- Question: where do imported facts and dimensions lie, and which loads of them count?
-- Grain:    imported_X has one row per imported row of the canonical table X (features.Schemas), loads one per committed
--           load, load_marks a few per load begun, load_verdicts one per known key of the load under way.
-- As of:    a row counts when its load stands in loads; the views with the canonical names read no other.
-- Columns:  reversal marks the rows that take back a value which its load corrects. row_key is what a row is known by,
--           row_values what it says of it: recorded_at is no part of it, and amount_base only of row_given, because fealty
--           may have worked it out from rates. range_key begins the sorting key when the key decides on it, so that keys can
--           be compared range by range. They are aliases: computed when asked for, stored nowhere.
-- Order:    by account, which is how features read; no partition per load, which would cut every account to pieces.
CREATE TABLE IF NOT EXISTS imported_accounts
(
    account String,
    name String,
    segment String,
    region String,
    department String,
    industry String,
    channel String,
    account_manager String,
    currency String,
    opened Nullable(DateTime('UTC')),
    parent String,
    type String,
    valid_from Nullable(DateTime('UTC')),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(account, ifNull(toUnixTimestamp(valid_from), 0), isNull(valid_from)),
    row_values FixedString(16) ALIAS sipHash128(name, segment, region, department, industry, channel, account_manager, currency, ifNull(toUnixTimestamp(opened), 0), isNull(opened), parent, type),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS account
)
ENGINE = MergeTree
ORDER BY account
-- next
CREATE TABLE IF NOT EXISTS imported_order_lines
(
    account String,
    order_id String,
    line Int64,
    product String,
    category String,
    quantity Nullable(Decimal(18, 4)),
    amount Decimal(18, 4),
    amount_base Nullable(Decimal(18, 4)),
    discount Nullable(Decimal(18, 4)),
    cost Nullable(Decimal(18, 4)),
    currency String,
    ordered_at DateTime('UTC'),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(account, order_id, line),
    row_values FixedString(16) ALIAS sipHash128(product, category, ifNull(quantity, 0), isNull(quantity), amount, ifNull(discount, 0), isNull(discount), ifNull(cost, 0), isNull(cost), currency, toUnixTimestamp(ordered_at)),
    row_given FixedString(16) ALIAS sipHash128(product, category, ifNull(quantity, 0), isNull(quantity), amount, ifNull(amount_base, 0), isNull(amount_base), ifNull(discount, 0), isNull(discount), ifNull(cost, 0), isNull(cost), currency, toUnixTimestamp(ordered_at)),
    range_key String ALIAS account
)
ENGINE = MergeTree
ORDER BY (account, ordered_at, order_id, line)
-- next
CREATE TABLE IF NOT EXISTS imported_interactions
(
    id String,
    account String,
    at DateTime('UTC'),
    kind String,
    ref String,
    purpose String,
    channel String,
    value Nullable(Decimal(18, 4)),
    note String,
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(source, id),
    row_values FixedString(16) ALIAS sipHash128(account, toUnixTimestamp(at), kind, ref, purpose, channel, ifNull(value, 0), isNull(value), note),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS ''
)
ENGINE = MergeTree
ORDER BY (account, at, id)
-- next
CREATE TABLE IF NOT EXISTS imported_wallets
(
    account String,
    category String,
    period DateTime('UTC'),
    amount Decimal(18, 4),
    origin String,
    author String,
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(account, category, toUnixTimestamp(period)),
    row_values FixedString(16) ALIAS sipHash128(amount, origin, author),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS account
)
ENGINE = MergeTree
ORDER BY (account, category, period)
-- next
CREATE TABLE IF NOT EXISTS imported_contracts
(
    id String,
    account String,
    product String,
    start DateTime('UTC'),
    `end` Nullable(DateTime('UTC')),
    recurring String,
    amount Nullable(Decimal(18, 4)),
    cancelled_at Nullable(DateTime('UTC')),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(source, id),
    row_values FixedString(16) ALIAS sipHash128(account, product, toUnixTimestamp(start), ifNull(toUnixTimestamp(`end`), 0), isNull(`end`), recurring, ifNull(amount, 0), isNull(amount), ifNull(toUnixTimestamp(cancelled_at), 0), isNull(cancelled_at)),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS ''
)
ENGINE = MergeTree
ORDER BY (account, id)
-- next
CREATE TABLE IF NOT EXISTS imported_products
(
    product String,
    name String,
    category String,
    list_price Nullable(Decimal(18, 4)),
    valid_from Nullable(DateTime('UTC')),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(product, ifNull(toUnixTimestamp(valid_from), 0), isNull(valid_from)),
    row_values FixedString(16) ALIAS sipHash128(name, category, ifNull(list_price, 0), isNull(list_price)),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS product
)
ENGINE = MergeTree
ORDER BY product
-- next
CREATE TABLE IF NOT EXISTS imported_fx_rates
(
    currency String,
    day DateTime('UTC'),
    rate Float64,
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(currency, toUnixTimestamp(day)),
    row_values FixedString(16) ALIAS sipHash128(rate),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS currency
)
ENGINE = MergeTree
ORDER BY (currency, day)
-- next
CREATE TABLE IF NOT EXISTS imported_outcomes
(
    account String,
    cutoff DateTime('UTC'),
    label String,
    value Decimal(18, 4),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(account, toUnixTimestamp(cutoff), label),
    row_values FixedString(16) ALIAS sipHash128(value),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS account
)
ENGINE = MergeTree
ORDER BY (account, cutoff, label)
-- next
CREATE TABLE IF NOT EXISTS loads
(
    load UInt64,
    `table` LowCardinality(String),
    source String,
    files String,
    hash String,
    rows Int64,
    unchanged Int64,
    corrected Int64,
    assumed Int64,
    committed_at DateTime('UTC')
)
ENGINE = MergeTree
ORDER BY load
-- next
CREATE TABLE IF NOT EXISTS load_marks
(
    load UInt64,
    holder String,
    ended UInt8,
    marked_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY load
-- next
CREATE TABLE IF NOT EXISTS load_verdicts
(
    load UInt64,
    part UInt64,
    row_key FixedString(16),
    verdict Enum8('same' = 1, 'later' = 2, 'assumed' = 3),
    rows UInt64,
    known_load UInt64,
    known_at DateTime('UTC'),
    corrected_at DateTime('UTC')
)
ENGINE = MergeTree
ORDER BY (load, part, row_key)
