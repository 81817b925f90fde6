-- Question: what was a currency worth in base currency, day by day?
-- Grain:    one row per currency × instant, the newest version of the rate, in order.
-- Parameters: none.
-- As of:    the newest knowledge.
SELECT
    currency,
    day,
    argMax(rate, (recorded_at, load)) AS rate
FROM fx_rates
GROUP BY currency, day
ORDER BY currency, day
