-- Question: which countries are accounts of?
-- Grain:    one row per country.
-- Parameters: watermark UInt64.
-- As of:    every version of an account with load <= watermark; of which country it is at a cutoff is asked where days are counted.
SELECT country
FROM accounts
WHERE load <= {watermark:UInt64}
  AND country != ''
GROUP BY country
