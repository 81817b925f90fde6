-- How many days of the calendar reach back over the last 30, 90, 180 and 360 days on which the account doesn't rest, the days
            -- of rest before them included: what fell on a day of rest counts as on the next working day. The last of beats (beats.sql) is
            -- today's; the day that it is so many working days after is found past the pauses, then past the holidays. No window but the
            -- last reaches back over more than a year: what stands in it stands in that of 365 days. Windows that would are no
            -- halves of one another, and there is no trend (cut).
            arrayMap((p, l) -> (p.1 - l, greatest(p.2 - p.1, 0)), pauses, arrayShiftRight(arrayCumSum(p -> greatest(p.2 - p.1, 0), pauses), 1)) AS paused,
            arrayMap(n -> beats[-1] - n + arraySum(p -> if(p.1 < beats[-1] - n, p.2, 0), paused), [30, 90, 180, 360]) AS edges,
            arrayMap(d -> toInt64(today) - d - transform(toUInt64(shelf + d), {rest_beats:Array(UInt64)}, {rest_passed:Array(UInt16)}, toUInt16(0)), edges) AS reaches,
            arrayConcat(arrayMap(w -> least(w, 365), arraySlice(reaches, 1, 3)), arraySlice(reaches, 4)) AS widths,
            reaches[3] > 365 AS cut
