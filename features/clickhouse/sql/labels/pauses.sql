-- Question: was the account's silence agreed: did it pause at the cutoff, or through half of what follows?
-- Grain:    one row per account × cutoff that is paused.
-- Parameters: cutoffs Array(DateTime('UTC')); horizon_days UInt64 = H; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark,
--           recorded_by UInt64, the latter in Unix seconds, 0 = whenever.
-- As of:    the newest knowledge: each pause's newest version, of each member of a family, with load <= watermark,
--           recorded by recorded_by. A pause lasts from its start to its end, the end not included; one without an end lasts on.
-- Paused:   one pause holds the cutoff, or covers at least half of [cutoff, cutoff + H). Pauses are not added up: those
--           that lie on each other would count twice.
WITH
    newest AS
    (
        SELECT
            account,
            account AS member,
            toInt64(toUnixTimestamp(start)) AS begins,
            argMax(toInt64(ifNull(toUnixTimestamp(end), 99999999999)), (recorded_at, load)) AS ends
        FROM pauses
        WHERE load <= {watermark:UInt64}
          AND ({recorded_by:UInt64} = 0 OR toUnixTimestamp(recorded_at) <= {recorded_by:UInt64})
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account, member, begins
    ),
    history AS
    (
        SELECT account, groupArray((begins, ends)) AS spans
        FROM newest
        GROUP BY account
    )
SELECT
    account,
    cutoff,
    1 AS paused
FROM history
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff
WHERE arrayExists(s -> (s.1 <= toInt64(toUnixTimestamp(cutoff)) AND s.2 > toInt64(toUnixTimestamp(cutoff)))
    OR 2 * (least(s.2, toInt64(toUnixTimestamp(cutoff)) + toInt64({horizon_days:UInt64}) * 86400) - greatest(s.1, toInt64(toUnixTimestamp(cutoff))))
        >= toInt64({horizon_days:UInt64}) * 86400, spans)
