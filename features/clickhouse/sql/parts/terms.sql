-- Question: on which days does the account rest, and after how many days do we mean to be in touch with it again?
-- Grain:    one row per account with a pause, or with a version in the accounts table where holidays or cadences are known.
--           Files of features take this text in where their comment says so.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
--           rested UInt8: whether anybody rests; rest_countries Array(String), those with holidays; rest_days Array(UInt64)
--           and rest_before Array(UInt16): how many holidays lie before a day, by (calendar + place of the country) × 65536
--           + day; calendars Array(UInt64): the calendar of each cutoff. cadence_segments Array(String) and cadence_days
--           Array(UInt16): the cadence of each segment, 0 for none; first that of the segment '' and of all that are not named.
-- As of:    what is true of the account at a cutoff is its newest version with valid_from empty or before it, recorded_at <=
--           known_at, load <= watermark; nothing when its valid_to lies before the cutoff. A pause reads as the newest row of its
--           start, of each member of a family, with recorded_at <= known_at, load <= watermark; without an end, or with one from
--           the cutoff on, it lasts to the cutoff.
-- Columns:  arrays with an element per cutoff. shelves: where the days of its country stand in rest_days, 0 without any. spans:
--           its pauses (first day, day after the last), in days that are no holiday, none over another: of overlapping ones
--           the later begins where those before it are over. cadences: days, 0 for none. beats.sql counts by them.
-- Shape:    what is used several times stands in a stage of its own, since an engine works an alias out anew wherever it stands.
WITH
    told AS
    (
        SELECT
            account,
            arraySort(groupArrayIf((begun, recorded, load, place, days, ended), place > 0)) AS versions,
            arraySort(groupArrayIf((who, begun, recorded, load, days), place = 0)) AS pauses
        FROM
        (
            SELECT
                account, account AS member, cityHash64(member) AS who, toInt64(ifNull(toUnixTimestamp(valid_from), 0)) AS begun, toUnixTimestamp(recorded_at) AS recorded, load,
                -- One more than the place, since 0 means a pause or no version at all.
                toInt64(1 + indexOf({rest_countries:Array(String)}, country)) AS place,
                toInt64(transform(segment, {cadence_segments:Array(String)}, {cadence_days:Array(UInt16)}, {cadence_days:Array(UInt16)}[1])) AS days,
                toInt64(ifNull(toUnixTimestamp(valid_to), 0)) AS ended
            FROM accounts
            WHERE (notEmpty({rest_countries:Array(String)}) OR length({cadence_segments:Array(String)}) > 1)
              AND load <= {watermark:UInt64}
              AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
              AND account >= {from_account:String}
              AND ({to_account:String} = '' OR account <= {to_account:String})
            UNION ALL
            SELECT
                account, account AS member, cityHash64(member) AS who, toInt64(toUnixTimestamp(start)) AS begun, toUnixTimestamp(recorded_at) AS recorded, load,
                toInt64(0) AS place, toInt64(ifNull(toUnixTimestamp(`end`), 0)) AS days, toInt64(0) AS ended
            FROM pauses
            WHERE {rested:UInt8}
              AND load <= {watermark:UInt64}
              AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
              AND account >= {from_account:String}
              AND ({to_account:String} = '' OR account <= {to_account:String})
        )
        GROUP BY account
    ),
    agreed AS
    (
        SELECT
            account,
            -- (calendar, version); a version without a place is none that is true, its load says nothing: that of mapped rows is 0.
            arrayMap((c, k, o) -> (o, arrayFilter(v -> v.6 = 0 OR v.6 >= toUnixTimestamp(c),
                    arraySlice(arrayFilter(v -> v.1 < toUnixTimestamp(c) AND v.2 <= toUnixTimestamp(k), versions), -1))[1]),
                {cutoffs:Array(DateTime('UTC'))}, {known_at:Array(DateTime('UTC'))}, {calendars:Array(UInt64)}) AS truths,
            -- (start, instant of the end, whose)
            arrayMap((c, k) -> arrayMap(p -> (p.2, if(p.5 = 0 OR p.5 > toUnixTimestamp(c), toUnixTimestamp(c), p.5), p.1),
                arrayFilter(p -> p.2 < toUnixTimestamp(c) AND p.3 <= toUnixTimestamp(k), pauses)),
                {cutoffs:Array(DateTime('UTC'))}, {known_at:Array(DateTime('UTC'))}) AS agreements
        FROM told
    ),
    dated AS
    (
        SELECT
            account,
            arrayMap(t -> if(t.2.4 > 1, (t.1 + t.2.4 - 1) * 65536, 0), truths) AS shelves,
            arrayMap(t -> if(t.2.4 = 0, {cadence_days:Array(UInt16)}[1], t.2.5), truths) AS cadences,
            arrayMap(a -> arraySort(arrayFilter((p, n) -> (p.1, p.3) != (n.1, n.3), a, arrayShiftLeft(a, 1))), agreements) AS newest
        FROM agreed
    ),
    worked AS
    (
        SELECT
            account,
            shelves,
            cadences,
            -- The starts, then the ends.
            arrayMap((a, s) -> arrayMap(d -> d - toInt32(transform(toUInt64(s + d), {rest_days:Array(UInt64)}, {rest_before:Array(UInt16)}, toUInt16(0))),
                arrayMap(t -> toInt32(toUInt16(toDate(toDateTime(t, 'UTC'), {tz:String}))), arrayConcat(a.1, a.2))), newest, shelves) AS edges
        FROM dated
    )
SELECT
    account,
    shelves,
    cadences,
    arrayMap(e -> arrayMap((s, e1, i) -> (greatest(s, arrayMax(arraySlice(e, 1 + intDiv(length(e), 2), i - 1))), e1),
        arraySlice(e, 1, intDiv(length(e), 2)), arraySlice(e, 1 + intDiv(length(e), 2)), arrayEnumerate(arraySlice(e, 1, intDiv(length(e), 2)))), edges) AS spans
FROM worked
