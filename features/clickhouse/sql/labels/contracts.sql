-- Question: did a contract in force at the cutoff end within H without another one soon after?
-- Grain:    one row per account × cutoff with a contract in force at the cutoff.
-- Parameters: cutoffs Array(DateTime('UTC')); horizon_days UInt64 = H; grace_days UInt64; accounts Array(String), empty
--           = all; from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
--           recorded_by UInt64, Unix seconds, 0 = whenever.
-- As of:    the newest knowledge: each contract's newest version with load <= watermark, recorded by recorded_by. A
--           contract is in force from its start to its end, one without an end until it is cancelled. churned = 1 when
--           some contract's end lies in [cutoff, cutoff + H) and grace_days after it no contract of the account is in force.
WITH
    newest AS
    (
        SELECT
            account,
            source,
            id,
            argMax((toInt64(toUnixTimestamp(start)), toInt64(ifNull(toUnixTimestamp(end), ifNull(toUnixTimestamp(cancelled_at), 0)))),
                (recorded_at, load)) AS span
        FROM contracts
        WHERE load <= {watermark:UInt64}
          AND ({recorded_by:UInt64} = 0 OR toUnixTimestamp(recorded_at) <= {recorded_by:UInt64})
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account, source, id
    ),
    history AS
    (
        SELECT account, arraySort(groupArray((span.1, if(span.2 = 0, 99999999999, span.2)))) AS spans
        FROM newest
        GROUP BY account
    )
SELECT
    account,
    cutoff,
    arrayExists(e -> e >= toInt64(toUnixTimestamp(cutoff)) AND e < toInt64(toUnixTimestamp(cutoff)) + toInt64({horizon_days:UInt64}) * 86400
            AND NOT arrayExists(s -> s.1 <= e + toInt64({grace_days:UInt64}) * 86400 AND s.2 > e + toInt64({grace_days:UInt64}) * 86400, spans),
        arrayMap(s -> s.2, arrayFilter(s -> s.1 < toInt64(toUnixTimestamp(cutoff)), spans))) AS churned
FROM history
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff
WHERE arrayExists(s -> s.1 < toInt64(toUnixTimestamp(cutoff)) AND s.2 >= toInt64(toUnixTimestamp(cutoff)), spans)
