-- Question: what reaches the account from outside: rivals' offers, changes of people, events, what is said in public?
-- Grain:    one row per account × cutoff with at least one interaction seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    an interaction reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when that
--           version's at < cutoff.
-- Kinds:    competitor_offer, people_change, event; publicity is whatever names that factor. Upper and lower case are alike.
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
                multiIf(lower(kind) = 'competitor_offer', 1, lower(kind) = 'people_change', 2, lower(kind) = 'event', 3, 4),
                lower(factor) = 'publicity'))) AS versions
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
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            arrayFilter(v -> v.2 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, i, n) -> i != n AND v.4 < now, known, known.1, arrayShiftLeft(known.1, 1)) AS seen,
            arrayMap(v -> v.4, arrayFilter(v -> v.5 = 1, seen)) AS offers
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
SELECT
    account,
    cutoff,
    arrayCount(o -> o >= now - 90 * 86400, offers) AS competitor_offers_90d,
    arrayCount(o -> o >= now - 365 * 86400, offers) AS competitor_offers_365d,
    if(empty(offers), NULL, today - toInt32(toUInt16(toDate(toDateTime(arrayMax(offers), 'UTC'), {tz:String})))) AS competitor_offer_recency_days,
    arrayCount(v -> v.4 >= now - 180 * 86400 AND v.5 = 2, seen) AS people_changes_180d,
    arrayCount(v -> v.4 >= now - 365 * 86400 AND v.5 = 2, seen) AS people_changes_365d,
    arrayCount(v -> v.4 >= now - 365 * 86400 AND v.5 = 3, seen) AS events_365d,
    arrayCount(v -> v.4 >= now - 365 * 86400 AND v.6, seen) AS publicity_365d
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
