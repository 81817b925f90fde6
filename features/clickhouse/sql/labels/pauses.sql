-- Question: was the account's silence agreed: did it pause at the cutoff, or through half of what follows?
-- Grain:    one row per account × question that is paused.
-- Parameters: the questions, arrays of equal length: cutoffs Array(DateTime('UTC')); horizons Array(Int64) = H in days;
--           known_by Array(Int64), Unix seconds. accounts Array(String), empty = all; from_account, to_account String: the
--           range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    the newest knowledge of each question: each pause's newest version, of each member of a family, with load <= watermark,
--           recorded by known_by. A pause lasts from its start to its end, the end not included; one without an end lasts on.
--           asked is the question's number, from 1.
-- Paused:   one pause holds the cutoff, or covers at least half of [cutoff, cutoff + H). Pauses are not added up: those
--           that lie on each other would count twice.
WITH
    agreed AS
    (
        SELECT
            account,
            account AS member,
            toInt64(toUnixTimestamp(start)) AS begins,
            toInt64(toUnixTimestamp(recorded_at)) AS recorded,
            load AS loaded,
            toInt64(ifNull(toUnixTimestamp(end), 99999999999)) AS ends
        FROM pauses
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
    ),
    history AS
    (
        SELECT account, arraySort(groupArray((cityHash64(member, begins), recorded, loaded, begins, ends))) AS versions
        FROM agreed
        GROUP BY account
    ),
    as_of AS
    (
        SELECT
            account,
            asked,
            toInt64(toUnixTimestamp(cutoff)) AS now,
            days * 86400 AS horizon,
            arrayFilter(v -> v.2 <= by, versions) AS known,
            arrayFilter((v, c, n) -> c != n, known, known.1, arrayShiftLeft(known.1, 1)) AS spans
        FROM history
        ARRAY JOIN
            {cutoffs:Array(DateTime('UTC'))} AS cutoff, {horizons:Array(Int64)} AS days, {known_by:Array(Int64)} AS by,
            arrayEnumerate({cutoffs:Array(DateTime('UTC'))}) AS asked
    )
SELECT
    account,
    asked,
    1 AS paused
FROM as_of
WHERE arrayExists(s -> (s.4 <= now AND s.5 > now) OR 2 * (least(s.5, now + horizon) - greatest(s.4, now)) >= horizon, spans)
SETTINGS short_circuit_function_evaluation = 'disable'
