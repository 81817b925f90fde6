-- Question: how content does the account say it is, against its own expectation and its earlier answers?
-- Grain:    one row per account × cutoff with at least one interaction seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    an interaction reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when that
--           version's at < cutoff.
-- Survey:   an interaction of kind survey or survey_… with a scale; its answer is perception on 0 … scale, read as a share of the
--           scale in millionths. What was expected is that of the newest answer; one of an earlier survey says nothing of it. Without a perception and a value it was asked and not answered: silent when due_at, where
--           there is one, is over.
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
                (lower(kind) = 'survey' OR startsWith(lower(kind), 'survey_')) AND ifNull(scale, 0) > 0,
                isNotNull(perception),
                isNotNull(perception) AND isNotNull(expectation),
                toInt64(ifNull(perception, 0) * 1000000 / if(ifNull(scale, 0) > 0, assumeNotNull(scale), toDecimal64(1, 4))),
                toInt64(ifNull(expectation, 0) * 1000000 / if(ifNull(scale, 0) > 0, assumeNotNull(scale), toDecimal64(1, 4))),
                isNotNull(value),
                toInt64(ifNull(toUnixTimestamp(due_at), 0))))) AS versions
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
            -- (at, id, answered, with an expectation, perception, expectation, value given, due), oldest first
            arraySort(arrayMap(v -> (v.4, v.1, v.6, v.7, v.8, v.9, v.10, v.11), arrayFilter(v -> v.5, seen))) AS surveys,
            arrayFilter(s -> s.3, surveys) AS answered,
            arrayFilter(s -> s.1 >= now - 365 * 86400, answered) AS answered_365d,
            arrayFilter(s -> s.1 >= now - 365 * 86400 AND (s.3 OR s.7 OR s.8 < now), surveys) AS asked,
            length(answered) - 1 AS earlier
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
SELECT
    account,
    cutoff,
    if(empty(answered), NULL, answered.5[-1] / 1000000) AS satisfaction_last,
    if(empty(answered_365d), NULL, arraySum(answered_365d.5) / length(answered_365d) / 1000000) AS satisfaction_mean_365d,
    if(earlier < 1, NULL, (earlier * answered.5[-1] - (arraySum(answered.5) - answered.5[-1])) / greatest(earlier, 1) / 1000000) AS satisfaction_trend,
    if(empty(answered) OR NOT answered.4[-1], NULL, (answered.5[-1] - answered.6[-1]) / 1000000) AS expectation_gap,
    if(empty(answered), NULL, today - toInt32(toUInt16(toDate(toDateTime(answered.1[-1], 'UTC'), {tz:String})))) AS satisfaction_age_days,
    if(empty(asked), NULL, arrayCount(s -> NOT (s.3 OR s.7), asked) / length(asked)) AS survey_silence_share_365d
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
