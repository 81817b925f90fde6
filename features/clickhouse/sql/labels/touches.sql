-- Question: did a campaign of ours reach the account while its label was made?
-- Grain:    one row per account × cutoff that was touched in [cutoff, cutoff + H).
-- Parameters: cutoffs Array(DateTime('UTC')); horizon_days UInt64 = H; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark,
--           recorded_by UInt64, the latter in Unix seconds, 0 = whenever.
-- As of:    the newest knowledge: each touch's newest version with load <= watermark, recorded by recorded_by.
-- Touched:  a touch of any campaign and arm but holdout and control, whose accounts were drawn to be left alone.
WITH
    newest AS
    (
        SELECT
            account,
            source,
            id,
            argMax((toInt64(toUnixTimestamp(at)), lower(arm)), (recorded_at, load)) AS touch
        FROM touches
        WHERE load <= {watermark:UInt64}
          AND ({recorded_by:UInt64} = 0 OR toUnixTimestamp(recorded_at) <= {recorded_by:UInt64})
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account, source, id
    ),
    history AS
    (
        SELECT account, groupArrayIf(touch.1, touch.2 NOT IN ('holdout', 'control')) AS times
        FROM newest
        GROUP BY account
    )
SELECT
    account,
    cutoff,
    arrayCount(t -> t >= toInt64(toUnixTimestamp(cutoff)) AND t < toInt64(toUnixTimestamp(cutoff)) + toInt64({horizon_days:UInt64}) * 86400, times) AS touches
FROM history
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff
WHERE touches > 0
