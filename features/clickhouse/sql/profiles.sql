-- Question: who were the accounts, as known at the cutoff?
-- Grain:    one row per account that stood in the accounts table or had an order line as of the cutoff, in bytewise order.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of length 1; accounts Array(String), empty = all; from_account,
--           to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    the newest version with valid_from empty or before the cutoff, recorded_at <= known_at, load <= watermark; of
--           versions valid from the same instant the one recorded last. Accounts without a version, or whose one has a valid_to before
--           the cutoff, have empty attributes.
WITH ('', '', '', '', '', '', '', '', '', '') AS nothing
SELECT
    account,
    newest.1 AS name,
    newest.2 AS segment,
    newest.3 AS region,
    newest.4 AS manager,
    newest.5 AS department,
    newest.6 AS industry,
    newest.7 AS channel,
    newest.8 AS currency,
    newest.9 AS parent,
    newest.10 AS type
FROM
(
    SELECT
        account,
        argMax(attributes, version) AS newest
    FROM
    (
        SELECT
            account,
            if(ifNull(valid_to < {cutoffs:Array(DateTime('UTC'))}[1], 0), nothing, (name, segment, region, account_manager, department, industry, channel, currency, parent, type)) AS attributes,
            (toUInt8(1), ifNull(toUnixTimestamp(valid_from), 0), toUnixTimestamp(recorded_at), load) AS version
        FROM accounts
        WHERE load <= {watermark:UInt64}
          AND (isNull(valid_from) OR valid_from < {cutoffs:Array(DateTime('UTC'))}[1])
          AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        UNION ALL
        SELECT
            account,
            nothing AS attributes,
            (toUInt8(0), toUInt32(0), toUInt32(0), toUInt64(0)) AS version
        FROM order_lines
        WHERE load <= {watermark:UInt64}
          AND ordered_at < {cutoffs:Array(DateTime('UTC'))}[1]
          AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    )
    GROUP BY account
)
ORDER BY account
