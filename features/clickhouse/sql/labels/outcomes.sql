-- Question: which outcome was recorded for the account at the cutoff?
-- Grain:    one row per account × cutoff with a recorded outcome of that name.
-- Parameters: cutoffs Array(DateTime('UTC')); outcome String; accounts Array(String), empty = all; from_account,
--           to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
--           recorded_by UInt64, Unix seconds, 0 = whenever.
-- As of:    the newest knowledge by recorded_by: amounts of one account, cutoff and name add up (a correction is a
--           reversal plus the new value). The cutoff must be the same instant.
SELECT
    account,
    at AS cutoff,
    toFloat64(sum(value)) AS value
FROM
(
    SELECT account, toDateTime(cutoff, 'UTC') AS at, value
    FROM outcomes
    WHERE load <= {watermark:UInt64}
      AND ({recorded_by:UInt64} = 0 OR toUnixTimestamp(recorded_at) <= {recorded_by:UInt64})
      AND label = {outcome:String}
      AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
      AND account >= {from_account:String}
      AND ({to_account:String} = '' OR account <= {to_account:String})
)
WHERE has({cutoffs:Array(DateTime('UTC'))}, at)
GROUP BY account, at
