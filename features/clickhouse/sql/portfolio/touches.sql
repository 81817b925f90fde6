-- Question: what did campaigns cost over a period for the account?
-- Grain:    one row per account with a touch in the period that says its cost.
-- Parameters: since UInt64 in Unix seconds, the period's beginning; cutoffs, known_at Array(DateTime('UTC')) of length 1, its
--           end; accounts Array(String), empty = all; from_account, to_account String: the range from … to, both included,
--           to = '' is open; watermark UInt64.
-- As of:    a touch reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when that version's
--           at < cutoff. Costs have no currency of their own: they are in base currency.
SELECT
    account,
    count() AS touches,
    toDecimal64(sum(ifNull(version.2, 0)), 4) AS touch_cost
FROM
(
    SELECT
        account,
        argMax((at, cost), (recorded_at, load)) AS version
    FROM touches
    WHERE load <= {watermark:UInt64}
      AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
      AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
      AND account >= {from_account:String}
      AND ({to_account:String} = '' OR account <= {to_account:String})
    GROUP BY account, source, id
)
WHERE version.1 < {cutoffs:Array(DateTime('UTC'))}[1]
  AND toUnixTimestamp(version.1) >= {since:UInt64}
  AND isNotNull(version.2)
GROUP BY account
