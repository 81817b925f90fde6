-- Question: where do the facts lie that orders alone can't tell: service, payments, people, campaigns, moves and pauses?
-- Grain:    as in step 0001: imported_X has one row per imported row of the canonical table X.
-- As of:    a row counts when its load stands in loads.
-- Columns:  list_price is the price of one unit before reductions; promised_at and delivered_at are the line's. due_at is when
--           an interaction should be answered, responded_at when it was. expectation and perception are answers of a survey on
--           0 … scale. Rows of older loads have none of the added columns, which says nothing of them.
ALTER TABLE imported_accounts
    ADD COLUMN IF NOT EXISTS country String AFTER type,
    ADD COLUMN IF NOT EXISTS orientation String AFTER country,
    ADD COLUMN IF NOT EXISTS credit_limit Nullable(Decimal(18, 4)) AFTER orientation,
    ADD COLUMN IF NOT EXISTS address String AFTER credit_limit,
    ADD COLUMN IF NOT EXISTS tax_number String AFTER address,
    MODIFY COLUMN row_values FixedString(16) ALIAS sipHash128(name, segment, region, department, industry, channel, account_manager, currency, ifNull(toUnixTimestamp(opened), 0), isNull(opened), parent, type, country, orientation, ifNull(credit_limit, 0), isNull(credit_limit), address, tax_number)
-- next
ALTER TABLE imported_order_lines
    ADD COLUMN IF NOT EXISTS list_price Nullable(Decimal(18, 4)) AFTER ordered_at,
    ADD COLUMN IF NOT EXISTS promotion String AFTER list_price,
    ADD COLUMN IF NOT EXISTS promised_at Nullable(DateTime('UTC')) AFTER promotion,
    ADD COLUMN IF NOT EXISTS delivered_at Nullable(DateTime('UTC')) AFTER promised_at,
    ADD COLUMN IF NOT EXISTS return_reason String AFTER delivered_at,
    MODIFY COLUMN row_values FixedString(16) ALIAS sipHash128(product, category, ifNull(quantity, 0), isNull(quantity), amount, ifNull(discount, 0), isNull(discount), ifNull(cost, 0), isNull(cost), currency, toUnixTimestamp(ordered_at), ifNull(list_price, 0), isNull(list_price), promotion, ifNull(toUnixTimestamp(promised_at), 0), isNull(promised_at), ifNull(toUnixTimestamp(delivered_at), 0), isNull(delivered_at), return_reason),
    MODIFY COLUMN row_given FixedString(16) ALIAS sipHash128(product, category, ifNull(quantity, 0), isNull(quantity), amount, ifNull(amount_base, 0), isNull(amount_base), ifNull(discount, 0), isNull(discount), ifNull(cost, 0), isNull(cost), currency, toUnixTimestamp(ordered_at), ifNull(list_price, 0), isNull(list_price), promotion, ifNull(toUnixTimestamp(promised_at), 0), isNull(promised_at), ifNull(toUnixTimestamp(delivered_at), 0), isNull(delivered_at), return_reason)
-- next
ALTER TABLE imported_interactions
    ADD COLUMN IF NOT EXISTS person String AFTER note,
    ADD COLUMN IF NOT EXISTS manager String AFTER person,
    ADD COLUMN IF NOT EXISTS factor String AFTER manager,
    ADD COLUMN IF NOT EXISTS cost Nullable(Decimal(18, 4)) AFTER factor,
    ADD COLUMN IF NOT EXISTS due_at Nullable(DateTime('UTC')) AFTER cost,
    ADD COLUMN IF NOT EXISTS responded_at Nullable(DateTime('UTC')) AFTER due_at,
    ADD COLUMN IF NOT EXISTS scale Nullable(Decimal(18, 4)) AFTER responded_at,
    ADD COLUMN IF NOT EXISTS expectation Nullable(Decimal(18, 4)) AFTER scale,
    ADD COLUMN IF NOT EXISTS perception Nullable(Decimal(18, 4)) AFTER expectation,
    MODIFY COLUMN row_values FixedString(16) ALIAS sipHash128(account, toUnixTimestamp(at), kind, ref, purpose, channel, ifNull(value, 0), isNull(value), note, person, manager, factor, ifNull(cost, 0), isNull(cost), ifNull(toUnixTimestamp(due_at), 0), isNull(due_at), ifNull(toUnixTimestamp(responded_at), 0), isNull(responded_at), ifNull(scale, 0), isNull(scale), ifNull(expectation, 0), isNull(expectation), ifNull(perception, 0), isNull(perception))
-- next
CREATE TABLE IF NOT EXISTS imported_people
(
    id String,
    account String,
    name String,
    role String,
    since Nullable(DateTime('UTC')),
    until Nullable(DateTime('UTC')),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(source, id),
    row_values FixedString(16) ALIAS sipHash128(account, name, role, ifNull(toUnixTimestamp(since), 0), isNull(since), ifNull(toUnixTimestamp(until), 0), isNull(until)),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS ''
)
ENGINE = MergeTree
ORDER BY (account, id)
-- next
CREATE TABLE IF NOT EXISTS imported_managers
(
    manager String,
    name String,
    department String,
    lead String,
    valid_from Nullable(DateTime('UTC')),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(manager, ifNull(toUnixTimestamp(valid_from), 0), isNull(valid_from)),
    row_values FixedString(16) ALIAS sipHash128(name, department, lead),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS manager
)
ENGINE = MergeTree
ORDER BY manager
-- next
CREATE TABLE IF NOT EXISTS imported_invoices
(
    id String,
    account String,
    order_id String,
    issued_at DateTime('UTC'),
    due_at DateTime('UTC'),
    amount Decimal(18, 4),
    amount_base Nullable(Decimal(18, 4)),
    currency String,
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(source, id),
    row_values FixedString(16) ALIAS sipHash128(account, order_id, toUnixTimestamp(issued_at), toUnixTimestamp(due_at), amount, currency),
    row_given FixedString(16) ALIAS sipHash128(account, order_id, toUnixTimestamp(issued_at), toUnixTimestamp(due_at), amount, ifNull(amount_base, 0), isNull(amount_base), currency),
    range_key String ALIAS ''
)
ENGINE = MergeTree
ORDER BY (account, issued_at, id)
-- next
CREATE TABLE IF NOT EXISTS imported_payments
(
    id String,
    account String,
    invoice String,
    paid_at DateTime('UTC'),
    amount Decimal(18, 4),
    amount_base Nullable(Decimal(18, 4)),
    currency String,
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(source, id),
    row_values FixedString(16) ALIAS sipHash128(account, invoice, toUnixTimestamp(paid_at), amount, currency),
    row_given FixedString(16) ALIAS sipHash128(account, invoice, toUnixTimestamp(paid_at), amount, ifNull(amount_base, 0), isNull(amount_base), currency),
    range_key String ALIAS ''
)
ENGINE = MergeTree
ORDER BY (account, paid_at, id)
-- next
CREATE TABLE IF NOT EXISTS imported_targets
(
    manager String,
    period DateTime('UTC'),
    amount Decimal(18, 4),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(manager, toUnixTimestamp(period)),
    row_values FixedString(16) ALIAS sipHash128(amount),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS manager
)
ENGINE = MergeTree
ORDER BY (manager, period)
-- next
CREATE TABLE IF NOT EXISTS imported_touches
(
    id String,
    account String,
    at DateTime('UTC'),
    campaign String,
    arm String,
    offer String,
    cost Nullable(Decimal(18, 4)),
    answer String,
    answered_at Nullable(DateTime('UTC')),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(source, id),
    row_values FixedString(16) ALIAS sipHash128(account, toUnixTimestamp(at), campaign, arm, offer, ifNull(cost, 0), isNull(cost), answer, ifNull(toUnixTimestamp(answered_at), 0), isNull(answered_at)),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS ''
)
ENGINE = MergeTree
ORDER BY (account, at, id)
-- next
CREATE TABLE IF NOT EXISTS imported_consents
(
    account String,
    channel String,
    purpose String,
    given_at DateTime('UTC'),
    withdrawn_at Nullable(DateTime('UTC')),
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(account, channel, purpose, toUnixTimestamp(given_at)),
    row_values FixedString(16) ALIAS sipHash128(ifNull(toUnixTimestamp(withdrawn_at), 0), isNull(withdrawn_at)),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS account
)
ENGINE = MergeTree
ORDER BY (account, channel, purpose, given_at)
-- next
CREATE TABLE IF NOT EXISTS imported_account_links
(
    account String,
    other String,
    kind String,
    since DateTime('UTC'),
    until Nullable(DateTime('UTC')),
    author String,
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(account, other, kind, toUnixTimestamp(since)),
    row_values FixedString(16) ALIAS sipHash128(ifNull(toUnixTimestamp(until), 0), isNull(until), author),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS account
)
ENGINE = MergeTree
ORDER BY (account, other, kind, since)
-- next
CREATE TABLE IF NOT EXISTS imported_pauses
(
    account String,
    start DateTime('UTC'),
    `end` Nullable(DateTime('UTC')),
    kind String,
    author String,
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(account, toUnixTimestamp(start)),
    row_values FixedString(16) ALIAS sipHash128(ifNull(toUnixTimestamp(`end`), 0), isNull(`end`), kind, author),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS account
)
ENGINE = MergeTree
ORDER BY (account, start)
-- next
CREATE TABLE IF NOT EXISTS imported_holidays
(
    country String,
    day DateTime('UTC'),
    name String,
    recorded_at DateTime('UTC'),
    load UInt64,
    source LowCardinality(String),
    reversal UInt8,
    row_key FixedString(16) ALIAS sipHash128(country, toUnixTimestamp(day)),
    row_values FixedString(16) ALIAS sipHash128(name),
    row_given FixedString(16) ALIAS row_values,
    range_key String ALIAS country
)
ENGINE = MergeTree
ORDER BY (country, day)
