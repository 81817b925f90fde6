            -- The days and today, counted in days on which the account doesn't rest: days since 1970 without the holidays of its
            -- shelf (terms.sql) and without its pauses.
            arrayMap(d -> d - arraySum(p -> greatest(least(d, p.2) - p.1, 0), pauses),
                arrayMap(d -> toInt64(d) - transform(toUInt64(shelf + d), {rest_days:Array(UInt64)}, {rest_before:Array(UInt16)}, toUInt16(0)), arrayPushBack(days, today))) AS beats
