-- Question: to which account does each belong, as of each cutoff?
-- Grain:    one row per account × cutoff with a parent.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; watermark UInt64.
-- As of:    the version that is true: the newest by valid_from (empty or before the cutoff), then by recorded_at <= known_at, then
--           by load <= watermark. When its valid_to lies before the cutoff the account has no parent.
SELECT
    account,
    cutoff,
    argMax(if(ifNull(valid_to < cutoff, 0), '', parent), (ifNull(toUnixTimestamp(valid_from), 0), toUnixTimestamp(recorded_at), load)) AS parent
FROM accounts
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64}
  AND (isNull(valid_from) OR valid_from < cutoff)
  AND recorded_at <= known_at
GROUP BY account, cutoff
HAVING parent != ''
