-- Question: what was written of what a run's accounts are worth: how many rows, of how many accounts, with which checksum?
-- Grain:    one row.
-- Parameters: run String.
-- As of:    the run under way.
-- Checksum: as in verify_scores.sql.
SELECT
    count() AS found,
    uniqExact(account) AS accounts,
    toString(sum(sipHash64(concat(
        toString(length(account)), ':', account,
        ifNull(toString(reinterpretAsUInt64(alive)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(no_purchase)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(purchases)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(spend)), 'n'), ',',
        toString(length(spend_by)), ':', toString(spend_by),
        ifNull(toString(reinterpretAsUInt64(lifetime_value)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(lifetime_low)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(lifetime_high)), 'n'), ',',
        toString(length(lifetime_model)), ':', toString(lifetime_model),
        ifNull(toString(reinterpretAsUInt64(loyalty)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(loyalty_uncapped)), 'n'), ',',
        toString(length(loyalty_cap)), ':', toString(loyalty_cap),
        ifNull(toString(reinterpretAsUInt64(satisfaction)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(response_rate)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(value)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(value_existing)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(value_potential)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(value_influence)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(value_learning)), 'n'), ',',
        toString(length(tier)), ':', toString(tier),
        toString(length(level)), ':', toString(level),
        toString(length(cell)), ':', toString(cell),
        toString(length(verdict)), ':', toString(verdict),
        toString(length(wallet_state)), ':', toString(wallet_state),
        ifNull(toString(reinterpretAsUInt64(wallet)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(wallet_low)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(wallet_high)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(wallet_spend)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(wallet_share)), 'n'), ',',
        ifNull(toString(reinterpretAsUInt64(wallet_potential)), 'n'), ',',
        toString(length(wallet_why)), ':', toString(wallet_why),
        toString(length(indicators)), ':', indicators,
        toString(length(wallets)), ':', wallets,
        toString(length(wallet_flags)), ':', wallet_flags,
        toString(length(recommendations)), ':', recommendations,
        toString(length(because)), ':', because,
        toString(length(breaches)), ':', breaches)))) AS checksum
FROM written_worths
WHERE run_id = {run:String}
