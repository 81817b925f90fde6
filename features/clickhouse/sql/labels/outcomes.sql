-- Question: which outcome was recorded for the account at the cutoff?
-- Grain:    one row per account × question with a recorded outcome of that name.
-- Parameters: the questions, arrays of equal length: cutoffs Array(DateTime('UTC')); known_by Array(Int64), Unix seconds.
--           outcome String; accounts Array(String), empty = all; from_account, to_account String: the range from … to, both
--           included, to = '' is open; watermark UInt64.
-- As of:    the newest knowledge of each question, by known_by: amounts of one account, cutoff and name add up (a correction is
--           a reversal plus the new value). The cutoff must be the same instant. asked is the question's number, from 1.
WITH
    history AS
    (
        SELECT
            account,
            groupArray((toInt64(toUnixTimestamp(cutoff)), toInt64(toUnixTimestamp(recorded_at)), value)) AS told
        FROM outcomes
        WHERE load <= {watermark:UInt64}
          AND label = {outcome:String}
          AND has({cutoffs:Array(DateTime('UTC'))}, toDateTime(cutoff, 'UTC'))
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    ),
    as_of AS
    (
        SELECT
            account,
            question.3 AS asked,
            arrayFilter(o -> o.1 = question.1 AND o.2 <= question.2, told).3 AS amounts
        FROM history
        ARRAY JOIN arrayZip(
            arrayMap(c -> toInt64(toUnixTimestamp(c)), {cutoffs:Array(DateTime('UTC'))}), {known_by:Array(Int64)},
            arrayEnumerate({cutoffs:Array(DateTime('UTC'))})) AS question
        WHERE notEmpty(amounts)
    )
SELECT
    account,
    asked,
    toFloat64(arraySum(amounts)) AS value
FROM as_of
SETTINGS short_circuit_function_evaluation = 'disable'
