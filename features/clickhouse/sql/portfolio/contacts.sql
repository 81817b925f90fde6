-- Question: who was in contact with the account over a period, on which days, and what did it cost?
-- Grain:    one row per account × person of ours × day with an interaction in the period.
-- Parameters: since UInt64 in Unix seconds, the period's beginning; cutoffs, known_at Array(DateTime('UTC')) of length 1, its
--           end; accounts Array(String), empty = all; from_account, to_account String: the range from … to, both included,
--           to = '' is open; watermark UInt64; tz String.
-- As of:    an interaction reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when that
--           version's at < cutoff.
-- Costs:    in base currency; contacts have no currency of their own.
WITH
    newest AS
    (
        SELECT
            account,
            argMax((at, lower(kind), manager, cost), (recorded_at, load)) AS version
        FROM interactions
        WHERE load <= {watermark:UInt64}
          AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account, source, id
    )
SELECT
    account,
    version.3 AS who,
    toInt32(toUInt16(toDate(version.1, {tz:String}))) AS day,
    count() AS contacts,
    countIf(isNotNull(version.4)) AS costed,
    toDecimal64(sum(ifNull(version.4, 0)), 4) AS service_cost,
    countIf(version.2 = 'visit') AS visits,
    countIf(version.2 = 'visit' AND isNotNull(version.4)) AS costed_visits,
    toDecimal64(sumIf(ifNull(version.4, 0), version.2 = 'visit'), 4) AS visit_cost
FROM newest
WHERE version.1 < {cutoffs:Array(DateTime('UTC'))}[1]
  AND toUnixTimestamp(version.1) >= {since:UInt64}
GROUP BY account, who, day
