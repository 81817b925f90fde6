-- Question: where does it lie which place we have among an account's suppliers, when nobody says how much it spends?
-- Grain:    as in step 0001: one row per imported row of wallets.
-- As of:    a row counts when its load stands in loads.
-- Columns:  a row gives an amount, or a rank (1 = the first) among a number of suppliers, or both. Rows of older loads have
--           amounts.
ALTER TABLE imported_wallets
    MODIFY COLUMN amount Nullable(Decimal(18, 4)),
    ADD COLUMN IF NOT EXISTS rank Nullable(Int64) AFTER amount,
    ADD COLUMN IF NOT EXISTS suppliers Nullable(Int64) AFTER rank,
    MODIFY COLUMN row_values FixedString(16) ALIAS sipHash128(ifNull(amount, 0), isNull(amount), ifNull(rank, 0), isNull(rank), ifNull(suppliers, 0), isNull(suppliers), origin, author)
