-- Question: who looks after the account, since when, how much credit does it have, and does it look to the price or the value?
-- Grain:    one row per account × cutoff with a version of the account that is true as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
-- As of:    a version reads as the newest row of its valid_from with recorded_at <= known_at, load <= watermark, and is seen
--           when valid_from is empty (always) or before the cutoff. The version with the latest valid_from is what is true, until
--           its valid_to: when that lies before the cutoff, nothing is known of the account. An earlier one ended when
--           the next began, whatever its own valid_to.
-- Manager:  versions without one say nothing of it.
-- Oriented: by the word price or value, in whatever case; versions without either say nothing of it.
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                toInt64(ifNull(toUnixTimestamp(valid_from), 0)),
                toUnixTimestamp(recorded_at),
                load,
                if(account_manager = '', 0, cityHash64(account_manager)),
                isNotNull(credit_limit),
                ifNull(credit_limit, 0),
                indexOf(['value', 'price'], lower(orientation)),
                toInt64(ifNull(toUnixTimestamp(valid_to), 0))))) AS versions
        FROM accounts
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
            arrayFilter(v -> v.1 < now AND v.2 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, n, i) -> i = length(known) OR v.1 != n.1, known, arrayShiftLeft(known, 1), arrayEnumerate(known)) AS seen,
            arrayFilter(v -> v.4 != 0, seen) AS managed,
            -- When each manager began, 0 for always.
            arrayFilter((f, m, b) -> m != b, managed.1, managed.4, arrayShiftRight(managed.4, 1)) AS begun,
            arrayPopFront(begun) AS changed,
            arrayFilter(o -> o != 0, seen.7) AS oriented
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen) AND (seen[-1].8 = 0 OR seen[-1].8 >= now)
    )
SELECT
    account,
    cutoff,
    if(empty(managed), NULL, arrayCount(c -> c >= now - 180 * 86400, changed)) AS manager_changes_180d,
    if(empty(managed), NULL, arrayCount(c -> c >= now - 365 * 86400, changed)) AS manager_changes_365d,
    if(empty(begun) OR begun[-1] = 0, NULL, today - toInt32(toUInt16(toDate(toDateTime(begun[-1], 'UTC'), {tz:String})))) AS manager_days,
    if(seen[-1].5, toFloat64(seen[-1].6), NULL) AS credit_limit,
    if(empty(oriented), NULL, toInt64(oriented[-1]) - 1) AS price_oriented
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
