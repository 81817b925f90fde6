-- Question: what did contacts with the account cost in the last year, and in the one before?
-- Grain:    one row per account × cutoff with an interaction of the last 730 days seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    an interaction reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when that
--           version's at < cutoff.
-- Costs:    in base currency; contacts have no currency of their own.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(source, id),
                toUnixTimestamp(recorded_at),
                load,
                toInt64(toUnixTimestamp(at)),
                isNotNull(cost),
                ifNull(cost, 0)))) AS versions
        FROM interactions
        WHERE load <= {watermark:UInt64}
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
            toInt64(toUnixTimestamp(cutoff)) AS now,
            arrayFilter(v -> v.2 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, i, n) -> i != n AND v.4 < now AND v.4 >= now - 730 * 86400, known, known.1, arrayShiftLeft(known.1, 1)) AS seen
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
SELECT
    account,
    cutoff,
    arrayCount(v -> v.4 >= now - 365 * 86400, seen) AS contacts_365d,
    arrayCount(v -> v.5 AND v.4 >= now - 365 * 86400, seen) AS costed_365d,
    toFloat64(arraySum(v -> if(v.4 >= now - 365 * 86400, v.6, 0), seen)) AS cost_365d,
    length(seen) - contacts_365d AS contacts_last_year,
    arrayCount(v -> v.5 AND v.4 < now - 365 * 86400, seen) AS costed_last_year,
    toFloat64(arraySum(v -> if(v.4 < now - 365 * 86400, v.6, 0), seen)) AS cost_last_year
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
