-- Question: what was written of a feature run: how many rows, of how many account × cutoff, with which checksum?
-- Grain:    one row.
-- Parameters: run String.
-- As of:    the run under way.
-- Checksum: as in verify_scores.sql.
SELECT
    count() AS found,
    uniqExact(account, cutoff) AS accounts,
    toString(sum(sipHash64(concat(
        toString(length(account)), ':', account,
        toString(toUnixTimestamp(cutoff)), ',',
        toString(length(status)), ':', toString(status),
        ifNull(toString(toUnixTimestamp(first_purchase)), 'n'), ',',
        ifNull(toString(toUnixTimestamp(last_purchase)), 'n'), ',')))) AS checksum
FROM written_feature_rows
WHERE run_id = {run:String}
