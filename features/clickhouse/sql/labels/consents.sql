-- Question: may anything be learnt of the account: did it opt out before the cutoff, or ask to be erased at all?
-- Grain:    one row per account × question that opted out by then or asked to be erased at any time.
-- Parameters: the questions, arrays of equal length: cutoffs Array(DateTime('UTC')); known_by Array(Int64), Unix seconds. accounts
--           Array(String), empty = all; from_account, to_account String: the range from … to, both included, to = '' is
--           open; watermark UInt64.
-- As of:    the newest knowledge of each question: each consent's newest version, of each member of a family, with load <= watermark,
--           recorded by known_by. A consent stands from given_at until it is withdrawn; what happens from the cutoff on is not
--           seen. asked is the question's number, from 1.
-- Opted out: the account gave consents before the cutoff and none of them stands at it, whatever the channel and purpose;
--           or it gave one for the purpose profiling, and none for that purpose stands. To withdraw one channel of several
--           is no opting out, and an account that was never asked has not opted out.
-- Erased:   a row of the purpose erasure that was not withdrawn, whenever it was given: what is to be erased is to be
--           learnt from at no cutoff.
WITH
    stated AS
    (
        SELECT
            account,
            account AS member,
            channel,
            purpose,
            toInt64(toUnixTimestamp(given_at)) AS given,
            toInt64(toUnixTimestamp(recorded_at)) AS recorded,
            load AS loaded,
            toInt64(ifNull(toUnixTimestamp(withdrawn_at), 99999999999)) AS withdrawn
        FROM consents
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
    ),
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((cityHash64(member, channel, purpose, given), recorded, loaded, lower(purpose), given, withdrawn))) AS versions
        FROM stated
        GROUP BY account
    ),
    as_of AS
    (
        SELECT
            account,
            asked,
            arrayFilter(v -> v.2 <= by, versions) AS known,
            arrayFilter((v, c, n) -> c != n, known, known.1, arrayShiftLeft(known.1, 1)) AS newest,
            arrayExists(v -> v.4 = 'erasure' AND v.6 = 99999999999, newest) AS erased,
            arrayFilter(v -> v.4 != 'erasure' AND v.5 < toInt64(toUnixTimestamp(cutoff)), newest) AS seen,
            arrayFilter(v -> v.6 >= toInt64(toUnixTimestamp(cutoff)), seen) AS standing
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_by:Array(Int64)} AS by, arrayEnumerate({cutoffs:Array(DateTime('UTC'))}) AS asked
    )
SELECT
    account,
    asked,
    (notEmpty(seen) AND empty(standing)) OR (has(seen.4, 'profiling') AND NOT has(standing.4, 'profiling')) AS opted_out,
    erased
FROM as_of
WHERE opted_out OR erased
SETTINGS short_circuit_function_evaluation = 'disable'
