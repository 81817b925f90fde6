-- Question: did a campaign of ours reach the account while its label was made?
-- Grain:    one row per account × question that was touched in [cutoff, cutoff + H).
-- Parameters: the questions, arrays of equal length: cutoffs Array(DateTime('UTC')); horizons Array(Int64) = H in days;
--           known_by Array(Int64), Unix seconds. accounts Array(String), empty = all; from_account, to_account String: the
--           range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    the newest knowledge of each question: each touch's newest version with load <= watermark, recorded by known_by. asked
--           is the question's number, from 1.
-- Touched:  a touch of any campaign and arm but holdout and control, whose accounts were drawn to be left alone.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(source, id),
                toInt64(toUnixTimestamp(recorded_at)),
                load,
                toInt64(toUnixTimestamp(at)),
                lower(arm)))) AS versions
        FROM touches
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
            arrayFilter(v -> v.2 <= by, versions) AS known,
            arrayFilter((v, c, n) -> c != n, known, known.1, arrayShiftLeft(known.1, 1)) AS newest,
            arrayCount(v -> v.5 NOT IN ('holdout', 'control') AND v.4 >= now AND v.4 < now + days * 86400, newest) AS touched
        FROM history
        ARRAY JOIN
            {cutoffs:Array(DateTime('UTC'))} AS cutoff, {horizons:Array(Int64)} AS days, {known_by:Array(Int64)} AS by,
            arrayEnumerate({cutoffs:Array(DateTime('UTC'))}) AS asked
    )
SELECT
    account,
    asked,
    touched
FROM as_of
WHERE touched > 0
SETTINGS short_circuit_function_evaluation = 'disable'
