-- Question: how much does the account say it spends in a year in each category, or in all?
-- Grain:    one row per account × cutoff × category with a declaration above 0 as of the cutoff; category '' is the whole, which may
--           be declared to be 0.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    as in parts/amounts.sql.
SELECT
    account,
    cutoff,
    category,
    toFloat64(newest.2) AS declared
FROM
(
    -- Include: amounts.sql
)
WHERE if(category = '', newest.3, newest.2 > 0)
