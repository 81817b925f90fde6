-- Question: who speaks for the account, and which of those who decide left or came?
-- Grain:    one row per account × cutoff with at least one person seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    a person reads as the newest version with recorded_at <= known_at, load <= watermark, and is seen when that
--           version's since is empty (always there) or before the cutoff; until from the cutoff on reads as empty.
-- Key:      a person is key in the role of a buyer or decision maker.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(source, id),
                toUnixTimestamp(recorded_at),
                load,
                toInt64(ifNull(toUnixTimestamp(since), 0)),
                toInt64(ifNull(toUnixTimestamp(until), 0)),
                lower(role) IN ('buyer', 'decision maker', 'decision_maker')))) AS versions
        FROM people
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
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            arrayFilter(v -> v.2 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, i, n) -> i != n AND v.4 < now, known, known.1, arrayShiftLeft(known.1, 1)) AS seen,
            arrayFilter(p -> p.5 = 0 OR p.5 >= now, seen) AS live,
            arrayFilter(p -> p.6, seen) AS key_people,
            arrayFilter(p -> p.6, live) AS key_live,
            arrayFilter(u -> u != 0 AND u < now, key_people.5) AS left_at
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
SELECT
    account,
    cutoff,
    arrayCount(u -> u >= now - 180 * 86400, left_at) AS key_people_left_180d,
    arrayCount(u -> u >= now - 365 * 86400, left_at) AS key_people_left_365d,
    arrayCount(s -> s != 0 AND s >= now - 180 * 86400, key_people.4) AS key_people_new_180d,
    length(live) AS people_live,
    length(key_live) AS key_people_live,
    if(empty(key_live) OR arrayMax(key_live.4) = 0, NULL, today - toInt32(toUInt16(toDate(toDateTime(arrayMax(key_live.4), 'UTC'), {tz:String})))) AS key_person_newest_days
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
