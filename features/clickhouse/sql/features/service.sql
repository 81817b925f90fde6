-- Question: how soon were the account's calls answered, which complaints came back, and which promises were broken?
-- Grain:    one row per account × cutoff with at least one interaction seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    an interaction reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when that
--           version's at < cutoff; an answer (responded_at) from the cutoff on reads as none yet.
-- Answers:  to whatever has responded_at; late when due_at was over before it, or is over without it. Promises are judged apart.
-- Reopened: a complaint whose ref names (named.sql) an earlier complaint, or its resolution, that was resolved before.
-- Broken:   a promise whose due_at is over and that no promise_kept names in ref at or before it.
-- Kinds:    upper and lower case are alike.
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
                multiIf(lower(kind) = 'complaint', 1, lower(kind) = 'complaint_resolved', 2, lower(kind) = 'promise', 3, lower(kind) = 'promise_kept', 4, 5),
                if(ref = '', 0, cityHash64(source, ref)),
                toInt64(ifNull(toUnixTimestamp(due_at), 0)),
                toInt64(ifNull(toUnixTimestamp(responded_at), 0)),
                cityHash64(id),
                cityHash64(ref)))) AS versions
        FROM interactions
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    ),
    as_of AS
    (
        WITH
            -- Include: named.sql
        SELECT
            account,
            cutoff,
            toInt64(toUnixTimestamp(cutoff)) AS now,
            arrayFilter(v -> v.2 <= toUnixTimestamp(known_at), versions) AS known,
            -- (id, recorded, load, at, kind, ref or 0, due or 0, answered or 0, id and ref without their source)
            arrayMap(v -> (v.1, v.2, v.3, v.4, v.5, v.6, v.7, if(v.8 < now, v.8, 0), v.9, v.10),
                arrayFilter((v, i, n) -> i != n AND v.4 < now, known, known.1, arrayShiftLeft(known.1, 1))) AS seen,
            -- (at, seconds to the answer)
            arrayMap(s -> (s.4, greatest(s.8 - s.4, 0)), arrayFilter(s -> s.8 != 0 AND s.4 >= now - 365 * 86400, seen)) AS answers,
            arrayFilter(a -> a.1 >= now - 90 * 86400, answers) AS answers_90d,
            arrayFilter(s -> s.5 NOT IN (3, 4) AND s.7 != 0 AND s.7 < now AND s.7 >= now - 365 * 86400, seen) AS due,
            arrayFilter(s -> s.5 = 1, seen) AS complaints,
            arrayFilter(s -> s.5 = 2, seen) AS resolutions,
            arrayFilter(s -> s.6 != 0 AND s.4 >= now - 365 * 86400, complaints) AS raised,
            -- (at, the complaint it answers, itself)
            arrayMap(r -> (r.4, named(r.6, r.10, complaints.1, complaints.9), r.1), resolutions) AS answered,
            -- (at, the complaint it names, the resolution it names)
            arrayMap(c -> (c.4, named(c.6, c.10, complaints.1, complaints.9), named(c.6, c.10, resolutions.1, resolutions.9)), raised) AS again,
            arrayFilter(s -> s.5 = 3, seen) AS promised,
            -- (at, the promise it keeps)
            arrayMap(k -> (k.4, named(k.6, k.10, promised.1, promised.9)), arrayFilter(s -> s.5 = 4, seen)) AS kept,
            arrayFilter(s -> s.7 != 0 AND s.7 < now AND s.7 >= now - 365 * 86400, promised) AS promises,
            arrayFilter(p -> NOT arrayExists(k -> k.2 = p.1 AND k.1 <= p.7, kept), promises) AS broken
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    ),
    sums AS
    (
        SELECT
            account,
            cutoff,
            due,
            promises,
            broken,
            kept,
            answered,
            again,
            length(answers) AS n,
            arraySum(answers.2) AS seconds,
            length(answers_90d) AS n_late,
            length(answers) - length(answers_90d) AS n_early,
            arraySum(answers_90d.2) AS seconds_late,
            arraySum(answers.2) - arraySum(answers_90d.2) AS seconds_early
        FROM as_of
    )
SELECT
    account,
    cutoff,
    if(n = 0, NULL, seconds / n / 3600) AS response_hours_365d,
    if(n_late = 0 OR n_early = 0, NULL, (seconds_late * toInt64(n_early) - seconds_early * toInt64(n_late)) / nullIf(seconds_late * toInt64(n_early) + seconds_early * toInt64(n_late), 0)) AS response_trend_90d,
    if(empty(due), NULL, arrayCount(d -> d.8 = 0 OR d.8 > d.7, due) / length(due)) AS responses_late_share_365d,
    arrayCount(d -> d.8 = 0, due) AS responses_overdue,
    arrayCount(c -> arrayExists(r -> (r.2 = c.2 OR r.3 = c.3) AND r.1 <= c.1, answered), again) AS complaints_reopened_365d,
    length(broken) AS promises_broken_365d,
    if(empty(promises), NULL, length(broken) / length(promises)) AS promises_broken_share_365d,
    arrayCount(b -> NOT has(kept.2, b.1), broken) AS promises_overdue
FROM sums
SETTINGS short_circuit_function_evaluation = 'disable'
