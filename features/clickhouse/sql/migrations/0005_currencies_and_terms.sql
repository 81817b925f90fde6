-- Question: where does it lie in which currency a contract or a declared wallet is, and how many days an account has to pay?
-- Grain:    as in step 0001: one row per imported row of contracts, wallets or invoices.
-- As of:    a row counts when its load stands in loads.
-- Columns:  amount_base is amount in base currency, written at import; rows of older loads have none, and their amounts are taken
--           for it, as they always were. terms are the days from issued_at to due_at, where the invoice says them.
ALTER TABLE imported_contracts
    ADD COLUMN IF NOT EXISTS amount_base Nullable(Decimal(18, 4)) AFTER amount,
    ADD COLUMN IF NOT EXISTS currency String AFTER amount_base,
    MODIFY COLUMN row_values FixedString(16) ALIAS sipHash128(account, product, toUnixTimestamp(start), ifNull(toUnixTimestamp(`end`), 0), isNull(`end`), recurring, ifNull(amount, 0), isNull(amount), currency, ifNull(toUnixTimestamp(cancelled_at), 0), isNull(cancelled_at)),
    MODIFY COLUMN row_given FixedString(16) ALIAS sipHash128(account, product, toUnixTimestamp(start), ifNull(toUnixTimestamp(`end`), 0), isNull(`end`), recurring, ifNull(amount, 0), isNull(amount), ifNull(amount_base, 0), isNull(amount_base), currency, ifNull(toUnixTimestamp(cancelled_at), 0), isNull(cancelled_at))
-- next
ALTER TABLE imported_wallets
    ADD COLUMN IF NOT EXISTS amount_base Nullable(Decimal(18, 4)) AFTER amount,
    ADD COLUMN IF NOT EXISTS currency String AFTER amount_base,
    MODIFY COLUMN row_values FixedString(16) ALIAS sipHash128(ifNull(amount, 0), isNull(amount), currency, ifNull(rank, 0), isNull(rank), ifNull(suppliers, 0), isNull(suppliers), origin, author),
    MODIFY COLUMN row_given FixedString(16) ALIAS sipHash128(ifNull(amount, 0), isNull(amount), ifNull(amount_base, 0), isNull(amount_base), currency, ifNull(rank, 0), isNull(rank), ifNull(suppliers, 0), isNull(suppliers), origin, author)
-- next
ALTER TABLE imported_invoices
    ADD COLUMN IF NOT EXISTS terms Nullable(Int64) AFTER due_at,
    MODIFY COLUMN row_values FixedString(16) ALIAS sipHash128(account, order_id, toUnixTimestamp(issued_at), toUnixTimestamp(due_at), ifNull(terms, 0), isNull(terms), amount, currency),
    MODIFY COLUMN row_given FixedString(16) ALIAS sipHash128(account, order_id, toUnixTimestamp(issued_at), toUnixTimestamp(due_at), ifNull(terms, 0), isNull(terms), amount, ifNull(amount_base, 0), isNull(amount_base), currency)
