-- Question: how much does the account say it spends in a year with all its suppliers?
-- Grain:    one row per account × cutoff with at least one declaration seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    declarations with period < cutoff, recorded_at <= known_at, load <= watermark; rows of one category and
--           period add up (a correction is a reversal plus the new value). The newest period of a category counts.
--           Rows without an amount rank suppliers and declare nothing here.
-- Whole:    a declaration without a category speaks of the whole wallet and goes before the sum of the categories.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                if(category = '', 0, cityHash64(category)),
                toUnixTimestamp(period),
                toUnixTimestamp(recorded_at),
                assumeNotNull(amount)))) AS rows
        FROM wallets
        WHERE load <= {watermark:UInt64}
          AND isNotNull(amount)
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    ),
    as_of AS
    (
        SELECT
            account,
            cutoff,
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            arrayFilter(r -> r.2 < toUnixTimestamp(cutoff) AND r.3 <= toUnixTimestamp(known_at), rows) AS seen,
            arrayCumSum(seen.4) AS running,
            arrayMap((c, p, c1, p1, i) -> i = length(seen) OR c != c1 OR p != p1,
                seen.1, seen.2, arrayShiftLeft(seen.1, 1), arrayShiftLeft(seen.2, 1), arrayEnumerate(seen)) AS ends,
            arrayFilter((s, e) -> e, running, ends) AS sums,
            -- (category, period, declared), by category and period
            arrayZip(
                arrayFilter((c, e) -> e, seen.1, ends),
                arrayFilter((p, e) -> e, seen.2, ends),
                arrayMap((x, y) -> x - y, sums, arrayShiftRight(sums, 1))) AS declared,
            arrayFilter((d, c, n, i) -> i = length(declared) OR c != n,
                declared, declared.1, arrayShiftLeft(declared.1, 1), arrayEnumerate(declared)) AS newest,
            arrayFilter(d -> d.1 = 0, newest) AS whole,
            arrayFilter(d -> d.1 != 0 AND d.3 > 0, newest) AS parts,
            if(notEmpty(whole), whole, parts) AS counted
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
SELECT
    account,
    cutoff,
    if(empty(counted), NULL, toFloat64(arraySum(counted.3))) AS wallet_declared,
    if(empty(counted), NULL, today - toInt32(toUInt16(toDate(toDateTime(arrayMax(counted.2), 'UTC'), {tz:String})))) AS wallet_age_days,
    length(parts) AS wallet_categories
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
