-- Question: which offers of competitors to the account were told of shortly before the cutoff or inside the horizon?
-- Grain:    one row per account × cutoff × offer.
-- Parameters: cutoffs Array(DateTime('UTC')); horizon_days UInt64 = H; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark,
--           recorded_by UInt64, the latter in Unix seconds, 0 = whenever.
-- As of:    the newest knowledge: each interaction's newest version with load <= watermark, recorded by recorded_by. Offers
--           are those of the kind competitor_offer in [cutoff - 180 days, cutoff + H); note and ref may name who and what.
WITH
    newest AS
    (
        SELECT
            account,
            source,
            id,
            argMax((toInt64(toUnixTimestamp(at)), kind, ref, note), (recorded_at, load)) AS offer
        FROM interactions
        WHERE load <= {watermark:UInt64}
          AND ({recorded_by:UInt64} = 0 OR toUnixTimestamp(recorded_at) <= {recorded_by:UInt64})
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account, source, id
        HAVING lower(offer.2) = 'competitor_offer'
    )
SELECT
    account,
    cutoff,
    offer.1 AS told_at,
    offer.3 AS ref,
    offer.4 AS note
FROM newest
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff
WHERE told_at >= toInt64(toUnixTimestamp(cutoff)) - 180 * 86400
  AND told_at < toInt64(toUnixTimestamp(cutoff)) + toInt64({horizon_days:UInt64}) * 86400
