-- Question: what do the accounts say of us, item by item, and what is judged of them by hand?
-- Grain:    one row per account × cutoff × assessment seen as of the cutoff; of an account and cutoff the one said last is the
--           last row.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    an assessment reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when that
--           version's at < cutoff.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(source, id),
                toUnixTimestamp(recorded_at),
                load,
                toUnixTimestamp(at),
                item,
                toFloat64(value),
                toFloat64(ifNull(scale, 0)),
                isNotNull(expectation),
                toFloat64(ifNull(expectation, 0)),
                kind,
                author,
                comment,
                person))) AS versions
        FROM assessments
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
            arrayFilter(v -> v.2 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, i, n) -> i != n AND v.4 < toUnixTimestamp(cutoff), known, known.1, arrayShiftLeft(known.1, 1)) AS seen
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
SELECT
    account,
    cutoff,
    said.5 AS item,
    said.6 AS value,
    said.7 AS scale,
    if(said.8, said.9, NULL) AS expectation,
    said.10 AS kind,
    said.11 AS author,
    said.12 AS comment,
    said.13 AS person,
    toDateTime(said.4, 'UTC') AS at,
    toDateTime(said.2, 'UTC') AS recorded_at
FROM as_of
ARRAY JOIN arraySort(v -> (v.4, v.2, v.3, v.1), seen) AS said
SETTINGS short_circuit_function_evaluation = 'disable'
