-- Question: what does each source hold as of each cutoff, and since when; and those parts of it that features need?
-- Grain:    one row per source or part × cutoff with at least one row seen.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; watermark UInt64.
-- As of:    rows with event time < cutoff, recorded_at <= known_at, load <= watermark. A person or version of an account that
--           has been there always counts from when it was recorded.
SELECT part.1 AS source, cutoff, part.2 AS rows, toDateTime(part.3, 'UTC') AS first_at, toDateTime(part.4, 'UTC') AS last_at
FROM
(
    SELECT
        cutoff,
        [
            ('order_lines', count(), min(ordered_at), max(ordered_at)),
            ('order_lines.delivered_at', countIf(ifNull(delivered_at < cutoff, 0)), minIf(ordered_at, ifNull(delivered_at < cutoff, 0)), maxIf(ordered_at, ifNull(delivered_at < cutoff, 0))),
            ('order_lines.return_reason', countIf(return_reason != ''), minIf(ordered_at, return_reason != ''), maxIf(ordered_at, return_reason != '')),
            ('order_lines.promotion', countIf(promotion != ''), minIf(ordered_at, promotion != ''), maxIf(ordered_at, promotion != '')),
            ('order_lines.list_price', countIf(isNotNull(list_price)), minIf(ordered_at, isNotNull(list_price)), maxIf(ordered_at, isNotNull(list_price)))
        ] AS parts
    FROM order_lines
    ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
    WHERE load <= {watermark:UInt64} AND ordered_at < cutoff AND recorded_at <= known_at
    GROUP BY cutoff
)
ARRAY JOIN parts AS part
WHERE rows > 0
UNION ALL
SELECT part.1 AS source, cutoff, part.2 AS rows, toDateTime(part.3, 'UTC') AS first_at, toDateTime(part.4, 'UTC') AS last_at
FROM
(
    SELECT
        cutoff,
        [
            ('interactions', count(), min(at), max(at)),
            ('interactions.complaint.ref', countIf(kind = 'complaint' AND ref != ''), minIf(at, kind = 'complaint' AND ref != ''), maxIf(at, kind = 'complaint' AND ref != '')),
            ('interactions.due_at', countIf(isNotNull(due_at) AND NOT startsWith(kind, 'promise')), minIf(at, isNotNull(due_at) AND NOT startsWith(kind, 'promise')), maxIf(at, isNotNull(due_at) AND NOT startsWith(kind, 'promise'))),
            ('interactions.promise', countIf(kind = 'promise' AND isNotNull(due_at)), minIf(at, kind = 'promise' AND isNotNull(due_at)), maxIf(at, kind = 'promise' AND isNotNull(due_at))),
            ('interactions.scale', countIf(ifNull(scale > 0, 0)), minIf(at, ifNull(scale > 0, 0)), maxIf(at, ifNull(scale > 0, 0))),
            ('interactions.competitor_offer', countIf(kind = 'competitor_offer'), minIf(at, kind = 'competitor_offer'), maxIf(at, kind = 'competitor_offer')),
            ('interactions.people_change', countIf(kind = 'people_change'), minIf(at, kind = 'people_change'), maxIf(at, kind = 'people_change')),
            ('interactions.event', countIf(kind = 'event'), minIf(at, kind = 'event'), maxIf(at, kind = 'event')),
            ('interactions.publicity', countIf(factor = 'publicity'), minIf(at, factor = 'publicity'), maxIf(at, factor = 'publicity')),
            ('interactions.referral.ref', countIf(kind = 'referral' AND ref != ''), minIf(at, kind = 'referral' AND ref != ''), maxIf(at, kind = 'referral' AND ref != ''))
        ] AS parts
    FROM interactions
    ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
    WHERE load <= {watermark:UInt64} AND at < cutoff AND recorded_at <= known_at
    GROUP BY cutoff
)
ARRAY JOIN parts AS part
WHERE rows > 0
UNION ALL
SELECT part.1 AS source, cutoff, part.2 AS rows, toDateTime(part.3, 'UTC') AS first_at, toDateTime(part.4, 'UTC') AS last_at
FROM
(
    SELECT
        cutoff,
        [
            ('accounts.account_manager', countIf(account_manager != ''), minIf(since, account_manager != ''), maxIf(since, account_manager != '')),
            ('accounts.credit_limit', countIf(isNotNull(credit_limit)), minIf(since, isNotNull(credit_limit)), maxIf(since, isNotNull(credit_limit)))
        ] AS parts
    FROM (SELECT account_manager, credit_limit, valid_from, ifNull(valid_from, recorded_at) AS since, recorded_at, load FROM accounts)
    ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
    WHERE load <= {watermark:UInt64} AND (isNull(valid_from) OR valid_from < cutoff) AND recorded_at <= known_at
    GROUP BY cutoff
)
ARRAY JOIN parts AS part
WHERE rows > 0
UNION ALL
SELECT 'contracts' AS source, cutoff, count() AS rows, min(toDateTime(start, 'UTC')) AS first_at, max(toDateTime(start, 'UTC')) AS last_at
FROM contracts
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64} AND start < cutoff AND recorded_at <= known_at
GROUP BY cutoff
UNION ALL
SELECT 'wallets' AS source, cutoff, count() AS rows, min(toDateTime(period, 'UTC')) AS first_at, max(toDateTime(period, 'UTC')) AS last_at
FROM wallets
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64} AND period < cutoff AND recorded_at <= known_at AND isNotNull(amount)
GROUP BY cutoff
UNION ALL
SELECT 'invoices' AS source, cutoff, count() AS rows, min(toDateTime(issued_at, 'UTC')) AS first_at, max(toDateTime(issued_at, 'UTC')) AS last_at
FROM invoices
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64} AND issued_at < cutoff AND recorded_at <= known_at
GROUP BY cutoff
UNION ALL
SELECT 'payments' AS source, cutoff, count() AS rows, min(toDateTime(paid_at, 'UTC')) AS first_at, max(toDateTime(paid_at, 'UTC')) AS last_at
FROM payments
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64} AND paid_at < cutoff AND recorded_at <= known_at
GROUP BY cutoff
UNION ALL
SELECT 'people' AS source, cutoff, count() AS rows, min(toDateTime(ifNull(since, recorded_at), 'UTC')) AS first_at, max(toDateTime(ifNull(since, recorded_at), 'UTC')) AS last_at
FROM people
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64} AND (isNull(since) OR since < cutoff) AND recorded_at <= known_at
GROUP BY cutoff
UNION ALL
SELECT 'touches' AS source, cutoff, count() AS rows, min(toDateTime(at, 'UTC')) AS first_at, max(toDateTime(at, 'UTC')) AS last_at
FROM touches
ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
WHERE load <= {watermark:UInt64} AND at < cutoff AND recorded_at <= known_at
GROUP BY cutoff
