-- Question: what was written of a feature run: how many values, and with which checksum?
-- Grain:    one row.
-- Parameters: run String.
-- As of:    the run under way. That no value stands twice follows from the rows, which are told apart by
--           verify_feature_rows.sql, and from the checksum.
-- Checksum: as in verify_scores.sql.
SELECT
    count() AS found,
    count() AS accounts,
    toString(sum(sipHash64(concat(
        toString(length(account)), ':', account,
        toString(toUnixTimestamp(cutoff)), ',',
        toString(length(feature)), ':', toString(feature),
        ifNull(toString(reinterpretAsUInt64(value)), 'n'), ',')))) AS checksum
FROM written_feature_values
WHERE run_id = {run:String}
