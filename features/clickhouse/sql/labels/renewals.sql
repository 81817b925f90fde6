-- Question: was a contract whose agreed term ends within H followed by another, or by a later end of its own?
-- Grain:    one row per account × question with a contract in force at the cutoff whose end lies in [cutoff, cutoff + H).
-- Parameters: the questions, arrays of equal length: cutoffs, known_at Array(DateTime('UTC')); horizons Array(Int64) = H in
--           days; known_by Array(Int64), Unix seconds. grace_days UInt64; accounts Array(String), empty = all; from_account,
--           to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    who is up for renewal is what was known: versions with recorded_at <= known_at. A renewal that moves the
--           contract's end is recorded later, and with the newest knowledge nobody renewed would have been up for it. What
--           came is the newest knowledge: each contract's newest version with load <= watermark, recorded by known_by. asked is
--           the question's number, from 1.
-- In force: from its start to its end; one without an end, which is never up for renewal, until it is cancelled.
-- Not renewed: grace_days after some such end no contract of the account is in force.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(source, id),
                toInt64(toUnixTimestamp(recorded_at)),
                load,
                toInt64(toUnixTimestamp(start)),
                toInt64(ifNull(toUnixTimestamp(end), 0)),
                toInt64(ifNull(toUnixTimestamp(cancelled_at), 0))))) AS versions
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
            arrayFilter(v -> v.2 <= by, versions) AS told,
            -- (start, finish), an open one far away
            arrayMap(v -> (v.4, multiIf(v.5 != 0, v.5, v.6 != 0, v.6, 99999999999)),
                arrayFilter((v, i, n) -> i != n, told, told.1, arrayShiftLeft(told.1, 1))) AS spans,
            arrayFilter(v -> v.2 <= toInt64(toUnixTimestamp(known_at)), told) AS known,
            arrayFilter((v, i, n) -> i != n, known, known.1, arrayShiftLeft(known.1, 1)) AS newest,
            arrayFilter(v -> v.4 < now AND v.5 >= now AND v.5 < now + days * 86400, newest).5 AS ends
        FROM history
        ARRAY JOIN
            {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at, {horizons:Array(Int64)} AS days,
            {known_by:Array(Int64)} AS by, arrayEnumerate({cutoffs:Array(DateTime('UTC'))}) AS asked
        WHERE notEmpty(ends)
    )
SELECT
    account,
    asked,
    arrayExists(e -> NOT arrayExists(s -> s.1 <= e + toInt64({grace_days:UInt64}) * 86400 AND s.2 > e + toInt64({grace_days:UInt64}) * 86400, spans), ends) AS not_renewed
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
