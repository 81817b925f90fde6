-- Question: did a contract in force at the cutoff end within H without another one soon after?
-- Grain:    one row per account × question with a contract in force at the cutoff.
-- Parameters: the questions, arrays of equal length: cutoffs Array(DateTime('UTC')); horizons Array(Int64) = H in days;
--           known_by Array(Int64), Unix seconds. grace_days UInt64; accounts Array(String), empty = all; from_account,
--           to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    the newest knowledge of each question: each contract's newest version with load <= watermark, recorded by known_by.
--           asked is the question's number, from 1. A contract is in force from its start to its end, one without an end until
--           it is cancelled. churned = 1 when some contract's end lies in [cutoff, cutoff + H) and grace_days after it no
--           contract of the account is in force.
WITH
    history AS
    (
        SELECT
            account,
            -- (contract, recorded, load, start, finish), an open one far away
            arraySort(groupArray((
                cityHash64(source, id),
                toInt64(toUnixTimestamp(recorded_at)),
                load,
                toInt64(toUnixTimestamp(start)),
                toInt64(ifNull(toUnixTimestamp(end), ifNull(toUnixTimestamp(cancelled_at), 99999999999)))))) AS versions
        FROM contracts
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
            asked,
            toInt64(toUnixTimestamp(cutoff)) AS now,
            now + days * 86400 AS finish,
            arrayFilter(v -> v.2 <= by, versions) AS known,
            arrayFilter((v, c, n) -> c != n, known, known.1, arrayShiftLeft(known.1, 1)) AS spans
        FROM history
        ARRAY JOIN
            {cutoffs:Array(DateTime('UTC'))} AS cutoff, {horizons:Array(Int64)} AS days, {known_by:Array(Int64)} AS by,
            arrayEnumerate({cutoffs:Array(DateTime('UTC'))}) AS asked
        WHERE arrayExists(s -> s.4 < now AND s.5 >= now, spans)
    )
SELECT
    account,
    asked,
    arrayExists(e -> NOT arrayExists(s -> s.4 <= e + toInt64({grace_days:UInt64}) * 86400 AND s.5 > e + toInt64({grace_days:UInt64}) * 86400, spans),
        arrayFilter(s -> s.4 < now AND s.5 >= now AND s.5 < finish, spans).5) AS churned
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
