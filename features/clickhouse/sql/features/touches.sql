-- Question: how often did the account leave unanswered what a campaign asked it?
-- Grain:    one row per account × cutoff with at least one touch seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    a touch reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when that version's
--           at < cutoff. answered_at from the cutoff on reads as no answer; an answer without an instant counts.
-- Asked:    touches of any arm but holdout and control, whose accounts were left alone, of 365 days before the cutoff up to 60:
--           those had time to answer. Silent: no answer within 60 days.
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
                ifNull(toInt64(toUnixTimestamp(answered_at)), if(answer != '', toInt64(toUnixTimestamp(at)), toInt64(0))),
                lower(arm) NOT IN ('holdout', 'control')))) AS versions
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
            cutoff,
            toInt64(toUnixTimestamp(cutoff)) AS now,
            arrayFilter(v -> v.2 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, i, n) -> i != n AND v.4 < now, known, known.1, arrayShiftLeft(known.1, 1)) AS seen,
            arrayFilter(v -> v.6 AND v.4 >= now - 365 * 86400 AND v.4 < now - 60 * 86400, seen) AS asked,
            arrayCount(v -> v.5 = 0 OR v.5 >= now OR v.5 >= v.4 + 60 * 86400, asked) AS silent
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
SELECT
    account,
    cutoff,
    silent AS touches_silent_365d,
    if(empty(asked), NULL, silent / length(asked)) AS touches_silent_share_365d
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
