-- Question: which accounts stood in the accounts table as of each cutoff?
-- Grain:    one row per account × cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    rows with valid_from empty or before the cutoff, recorded_at <= known_at, load <= watermark.
SELECT
    account,
    cutoff
FROM
(
    SELECT
        account,
        groupArray((ifNull(toUnixTimestamp(valid_from), 0), toUnixTimestamp(recorded_at))) AS versions
    FROM accounts
    WHERE load <= {watermark:UInt64}
      AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
      AND account >= {from_account:String}
      AND ({to_account:String} = '' OR account <= {to_account:String})
    GROUP BY account
)
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE arrayExists(v -> v.1 < toUnixTimestamp(cutoff) AND v.2 <= toUnixTimestamp(known_at), versions)
