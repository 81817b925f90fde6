-- Question: what binds the account, for how long, and what was cancelled?
-- Grain:    one row per account × cutoff with at least one contract begun and seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    a contract reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when
--           that version's start < cutoff. cancelled_at from the cutoff on reads as empty; end may lie ahead.
-- In force: until its end; one without an end until it is cancelled.
-- Amounts:  in base currency; those that nobody converted as they are.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(source, id),
                toUnixTimestamp(recorded_at),
                load,
                toInt64(toUnixTimestamp(start)),
                toInt64(ifNull(toUnixTimestamp(end), 0)),
                toInt64(ifNull(toUnixTimestamp(cancelled_at), 0)),
                lower(recurring) NOT IN ('', '0', 'n', 'no', 'none', 'false', 'once'),
                isNotNull(amount),
                ifNull(ifNull(amount_base, amount), 0)))) AS versions
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
            toInt64(toUnixTimestamp(cutoff)) AS now,
            cutoff,
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            arrayFilter(v -> v.2 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, i, n) -> i != n AND v.4 < toInt64(toUnixTimestamp(cutoff)), known, known.1, arrayShiftLeft(known.1, 1)) AS newest,
            -- (start, finish or 0, cancelled or 0, recurring, amount known, amount)
            arrayMap(v -> (
                v.4,
                multiIf(v.5 != 0, v.5, v.6 < now, v.6, 0),
                if(v.6 < now, v.6, 0),
                v.7, v.8, v.9), newest) AS seen
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(newest)
    ),
    bound AS
    (
        SELECT
            account,
            cutoff,
            now,
            today,
            seen,
            arrayFilter(c -> c.2 = 0 OR c.2 >= now, seen) AS running,
            arrayFilter(f -> f != 0, running.2) AS running_ends,
            arrayFilter(c -> c.5, running) AS priced
        FROM as_of
    )
SELECT
    account,
    cutoff,
    length(running) AS contracts_in_force,
    arrayCount(c -> c.4, running) AS contracts_recurring,
    if(empty(running_ends), NULL, toInt32(toUInt16(toDate(toDateTime(arrayMin(running_ends), 'UTC'), {tz:String}))) - today) AS contract_next_end_days,
    if(empty(running) OR length(running_ends) < length(running), NULL,
        toInt32(toUInt16(toDate(toDateTime(arrayMax(running_ends), 'UTC'), {tz:String}))) - today) AS contract_days_left,
    if(empty(running), NULL, today - toInt32(toUInt16(toDate(toDateTime(arrayMin(running.1), 'UTC'), {tz:String})))) AS contract_age_days,
    arrayCount(c -> c.3 != 0, running) AS contracts_running_out,
    arrayCount(c -> c.3 != 0 AND c.3 >= now - 365 * 86400, seen) AS contracts_cancelled_365d,
    if(notEmpty(running), NULL, today - toInt32(toUInt16(toDate(toDateTime(arrayMax(seen.2), 'UTC'), {tz:String})))) AS contract_gap_days,
    if(empty(priced), NULL, toFloat64(arraySum(priced.6))) AS contract_amount
FROM bound
SETTINGS short_circuit_function_evaluation = 'disable'
