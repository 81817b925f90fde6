-- Question: what was written of a run: how many rows, of how many accounts, with which checksum?
-- Grain:    one row.
-- Parameters: run String.
-- As of:    the run under way.
-- Checksum: the sum, modulo 2^64, of the rows' SipHash. A row's text is its run's columns one after the other: a text is its
--           length, a colon and itself; a number its 64 bits as a decimal and a comma, n and a comma when it is missing.
SELECT
    count() AS found,
    uniqExact(account) AS accounts,
    toString(sum(sipHash64(concat(
        toString(length(account)), ':', account,
        toString(length(name)), ':', name,
        toString(length(segment)), ':', toString(segment),
        toString(length(region)), ':', toString(region),
        toString(length(manager)), ':', toString(manager),
        toString(length(unscorable)), ':', toString(unscorable),
        ifNull(toString(reinterpretAsUInt64(margin)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(base)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(probability)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(percentile)), 'n'), ',',
        toString(length(band)), ':', toString(band),
        toString(length(stage)), ':', toString(stage),
        ifNull(toString(reinterpretAsUInt64(value_at_risk)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(run_rate)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(change_probability)), 'n'), ',',
        ifNull(toString(toUnixTimestamp(change_previous_cutoff)), 'n'), ',',
        toString(model_changed), ',',
        toString(length(up)), ':', up,
        toString(length(down)), ':', down,
        toString(length(row_hash)), ':', row_hash)))) AS checksum
FROM written_scores
WHERE run_id = {run:String}
