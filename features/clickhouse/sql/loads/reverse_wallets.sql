-- Question: none; takes back the amounts that the load corrects: the same rows with the opposite sign and event time, known
--           when the new values are. A rank is no amount: the row recorded last gives it, and this one has none.
-- Grain:    one row per row of the last committed load that spoke of a corrected key.
-- Parameters: load UInt64, the load as it came; into UInt64, the number that is to be committed; name String, the source; corrected_at DateTime('UTC'), for corrections without a time of their own.
-- As of:    the load under way.
INSERT INTO imported_wallets (account, category, period, amount, amount_base, currency, origin, author, recorded_at, load, source, reversal)
SELECT
    account, category, period, -amount, -amount_base, currency, origin, author,
    if(verdict = 'later', v.corrected_at, {corrected_at:DateTime('UTC')}),
    {into:UInt64},
    {name:String},
    1
FROM imported_wallets
INNER JOIN
(
    SELECT row_key AS corrected_key, verdict, known_load, corrected_at
    FROM load_verdicts
    WHERE load = {load:UInt64} AND verdict != 'same'
) AS v ON row_key = v.corrected_key
WHERE load = v.known_load AND reversal = 0
