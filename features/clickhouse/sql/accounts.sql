-- Question: which accounts are there to build features for?
-- Grain:    one row per account that has an order line or stands in the accounts table, in bytewise order.
-- Parameters: accounts Array(String), empty = all; from_account, to_account String: the range from … to, both
--           included, to = '' is open; watermark UInt64.
-- As of:    everything up to the watermark; whether an account was known at a cutoff is asked later.
SELECT
    account,
    sum(lines) AS lines
FROM
(
    SELECT account, count() AS lines
    FROM order_lines
    WHERE load <= {watermark:UInt64}
      AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
      AND account >= {from_account:String}
      AND ({to_account:String} = '' OR account <= {to_account:String})
    GROUP BY account
    UNION ALL
    SELECT account, toUInt64(0) AS lines
    FROM accounts
    WHERE load <= {watermark:UInt64}
      AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
      AND account >= {from_account:String}
      AND ({to_account:String} = '' OR account <= {to_account:String})
)
GROUP BY account
ORDER BY account
