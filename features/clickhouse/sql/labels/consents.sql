-- Question: may anything be learnt of the account: did it opt out before the cutoff, or ask to be erased at all?
-- Grain:    one row per account × cutoff that opted out by then or asked to be erased at any time.
-- Parameters: cutoffs Array(DateTime('UTC')); accounts Array(String), empty = all; from_account, to_account String: the
--           range from … to, both included, to = '' is open; watermark,
--           recorded_by UInt64, the latter in Unix seconds, 0 = whenever.
-- As of:    the newest knowledge: each consent's newest version, of each member of a family, with load <= watermark,
--           recorded by recorded_by. A consent stands from given_at until it is withdrawn; what happens from the cutoff on is not seen.
-- Opted out: the account gave consents before the cutoff and none of them stands at it, whatever the channel and purpose;
--           or it gave one for the purpose profiling, and none for that purpose stands. To withdraw one channel of several
--           is no opting out, and an account that was never asked has not opted out.
-- Erased:   a row of the purpose erasure that was not withdrawn, whenever it was given: what is to be erased is to be
--           learnt from at no cutoff.
WITH
    newest AS
    (
        SELECT
            account,
            account AS member,
            lower(purpose) AS what,
            toInt64(toUnixTimestamp(given_at)) AS given,
            argMax(toInt64(ifNull(toUnixTimestamp(withdrawn_at), 99999999999)), (recorded_at, load)) AS withdrawn
        FROM consents
        WHERE load <= {watermark:UInt64}
          AND ({recorded_by:UInt64} = 0 OR toUnixTimestamp(recorded_at) <= {recorded_by:UInt64})
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account, member, channel, purpose, given
    ),
    history AS
    (
        SELECT
            account,
            groupArrayIf((what, given, withdrawn), what != 'erasure') AS consents_of,
            max(what = 'erasure' AND withdrawn = 99999999999) AS erased
        FROM newest
        GROUP BY account
    ),
    as_of AS
    (
        SELECT
            account,
            cutoff,
            erased,
            arrayFilter(c -> c.2 < toInt64(toUnixTimestamp(cutoff)), consents_of) AS seen,
            arrayFilter(c -> c.3 >= toInt64(toUnixTimestamp(cutoff)), seen) AS standing
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff
    )
SELECT
    account,
    cutoff,
    (notEmpty(seen) AND empty(standing)) OR (has(seen.1, 'profiling') AND NOT has(standing.1, 'profiling')) AS opted_out,
    erased
FROM as_of
WHERE opted_out OR erased
SETTINGS short_circuit_function_evaluation = 'disable'
