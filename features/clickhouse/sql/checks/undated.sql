-- Question: how many accounts stand in the accounts table without a date since when?
-- Grain:    one row per source when there are any accounts, with the first three.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'undated' AS check, 'accounts' AS table_name, 'valid_from' AS column_name, toString(source) AS from_source, '' AS subject,
    countIf(isNull(valid_from) AND isNull(opened)) AS found, count() AS total,
    arrayStringConcat(groupArraySortedIf(3)(account, isNull(valid_from) AND isNull(opened)), '\n') AS examples
FROM accounts WHERE load <= {watermark:UInt64} GROUP BY from_source
