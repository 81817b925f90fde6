-- Question: which accounts did the account refer to us, and since when?
-- Grain:    one row per account × cutoff × referred account with a referral seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    an interaction reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen when that
--           version's at < cutoff. Of several referrals of one account the first counts.
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
                if(lower(kind) = 'referral' AND ref != account, ref, '')))) AS versions
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
            arrayFilter(v -> v.2 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, i, n) -> i != n AND v.4 < toInt64(toUnixTimestamp(cutoff)) AND v.5 != '', known, known.1, arrayShiftLeft(known.1, 1)) AS seen
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
SELECT
    account,
    cutoff,
    referral.5 AS referred,
    toDateTime(min(referral.4), 'UTC') AS referred_at
FROM as_of
ARRAY JOIN seen AS referral
GROUP BY account, cutoff, referred
SETTINGS short_circuit_function_evaluation = 'disable'
