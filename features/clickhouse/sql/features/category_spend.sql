-- Question: how much did the account spend with us in each category in the last 365 days?
-- Grain:    one row per account × cutoff × category bought from as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark. Amounts in base currency,
--           returns and corrections included.
WITH
    history AS
    (
        SELECT
            account,
            category,
            groupArray((toUnixTimestamp(ordered_at), toUnixTimestamp(recorded_at), ifNull(amount_base, amount))) AS lines
        FROM order_lines
        WHERE load <= {watermark:UInt64}
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
    toFloat64(arraySum(l -> if(l.1 < toUnixTimestamp(cutoff) AND l.2 <= toUnixTimestamp(known_at)
        AND l.1 >= toUnixTimestamp(cutoff) - 365 * 86400, l.3, 0), lines)) AS spend_365d
FROM history
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE spend_365d != 0
