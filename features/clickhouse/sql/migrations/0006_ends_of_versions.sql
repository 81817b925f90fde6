-- Question: where does it lie until when a version of an account, a product or a manager was true?
-- Grain:    as in step 0001: one row per imported row of accounts, products or managers.
-- As of:    a row counts when its load stands in loads.
-- Columns:  valid_to is the instant from which on the version is true no more; rows of older loads have none, and are true until the
--           next version begins, as they always were.
ALTER TABLE imported_accounts
    ADD COLUMN IF NOT EXISTS valid_to Nullable(DateTime('UTC')) AFTER valid_from,
    MODIFY COLUMN row_values FixedString(16) ALIAS sipHash128(name, segment, region, department, industry, channel, account_manager, currency, ifNull(toUnixTimestamp(opened), 0), isNull(opened), parent, type, country, orientation, ifNull(credit_limit, 0), isNull(credit_limit), address, tax_number, ifNull(toUnixTimestamp(valid_to), 0), isNull(valid_to))
-- next
ALTER TABLE imported_products
    ADD COLUMN IF NOT EXISTS valid_to Nullable(DateTime('UTC')) AFTER valid_from,
    MODIFY COLUMN row_values FixedString(16) ALIAS sipHash128(name, category, ifNull(list_price, 0), isNull(list_price), ifNull(toUnixTimestamp(valid_to), 0), isNull(valid_to))
-- next
ALTER TABLE imported_managers
    ADD COLUMN IF NOT EXISTS valid_to Nullable(DateTime('UTC')) AFTER valid_from,
    MODIFY COLUMN row_values FixedString(16) ALIAS sipHash128(name, department, lead, ifNull(toUnixTimestamp(valid_to), 0), isNull(valid_to))
