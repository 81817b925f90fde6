-- Question: how much does the account say it spends in a year in each category?
-- Grain:    one row per account × cutoff × category with a declaration above 0 as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    declarations with period < cutoff, recorded_at <= known_at, load <= watermark; rows of one category and
--           period add up. The newest period of a category counts. Rows without an amount declare
--           nothing here.
WITH
    history AS
    (
        SELECT
            account,
            category,
            arraySort(groupArray((toUnixTimestamp(period), toUnixTimestamp(recorded_at), assumeNotNull(amount)))) AS rows
        FROM wallets
        WHERE load <= {watermark:UInt64}
          AND isNotNull(amount)
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
          AND category != ''
        GROUP BY account, category
    )
SELECT
    account,
    cutoff,
    category,
    toFloat64(arraySum((p, a) -> if(p = arrayMax(seen.1), a, 0), seen.1, seen.3)) AS declared
FROM
(
    SELECT
        account,
        category,
        cutoff,
        arrayFilter(r -> r.1 < toUnixTimestamp(cutoff) AND r.2 <= toUnixTimestamp(known_at), rows) AS seen
    FROM history
    ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
    WHERE notEmpty(seen)
)
WHERE declared > 0
