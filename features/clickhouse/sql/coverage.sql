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
            ('order_lines.category', countIf(category != ''), minIf(ordered_at, category != ''), maxIf(ordered_at, category != '')),
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
-- Rows of a kind are counted once, by what features may need of them; a part adds up the kinds that make it.
SELECT part AS source, cutoff, sum(n) AS rows, toDateTime(min(first), 'UTC') AS first_at, toDateTime(max(last), 'UTC') AS last_at
FROM
(
    SELECT
        cutoff, kind, refers, aimed, due, due AND ifNull(responded_at < cutoff, 0) AS responded, rated, scaled, answered, public,
        count() AS n, min(at) AS first, max(at) AS last
    FROM
    (
        SELECT
            at,
            recorded_at,
            load,
            responded_at,
            lower(interactions.kind) AS told,
            -- The place in the list of names below; 0 for a kind that nobody reads.
            indexOf(['visit', 'call', 'email', 'care', 'complaint', 'complaint_resolved', 'referral', 'competitor_offer', 'people_change', 'event', 'promise', 'promise_kept', 'survey'],
                if(startsWith(told, 'survey_'), 'survey', told)) AS kind,
            ref != '' AS refers,
            kind IN (1, 2, 3) AND lower(purpose) IN ('care', 'information', 'transaction', 'service', 'intelligence') AS aimed,
            isNotNull(due_at) AS due,
            kind = 13 AND isNotNull(value) AS rated,
            kind = 13 AND ifNull(scale > 0, 0) AS scaled,
            scaled AND (isNotNull(perception) OR isNotNull(value)) AS answered,
            lower(factor) = 'publicity' AS public
        FROM interactions
    )
    ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
    WHERE load <= {watermark:UInt64} AND at < cutoff AND recorded_at <= known_at
    GROUP BY cutoff, kind, refers, aimed, due, responded, rated, scaled, answered, public
)
ARRAY JOIN arrayFilter(p -> p != '',
[
    'interactions',
    -- By a row of the kind alone.
    transform(kind, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12], ['interactions.visit', 'interactions.call', 'interactions.email', 'interactions.care', 'interactions.complaint', 'interactions.complaint_resolved',
        'interactions.referral', 'interactions.competitor_offer', 'interactions.people_change', 'interactions.event', 'interactions.promise_kept'], ''),
    if(kind IN (1, 2, 3), 'interactions.contact', ''),
    if(aimed, 'interactions.purpose', ''),
    if(kind = 5 AND refers, 'interactions.complaint.ref', ''),
    if(kind = 7 AND refers, 'interactions.referral.ref', ''),
    if(due AND kind NOT IN (11, 12), 'interactions.due_at', ''),
    if(responded AND kind NOT IN (11, 12), 'interactions.responded_at', ''),
    if(kind = 11 AND due, 'interactions.promise', ''),
    if(rated, 'interactions.survey', ''),
    if(scaled, 'interactions.scale', ''),
    if(answered, 'interactions.perception', ''),
    if(public, 'interactions.publicity', '')
]) AS part
GROUP BY source, cutoff
UNION ALL
SELECT part.1 AS source, cutoff, part.2 AS rows, toDateTime(part.3, 'UTC') AS first_at, toDateTime(part.4, 'UTC') AS last_at
FROM
(
    SELECT
        cutoff,
        [
            ('accounts.account_manager', countIf(account_manager != ''), minIf(since, account_manager != ''), maxIf(since, account_manager != '')),
            ('accounts.credit_limit', countIf(isNotNull(credit_limit)), minIf(since, isNotNull(credit_limit)), maxIf(since, isNotNull(credit_limit))),
            ('accounts.orientation', countIf(oriented), minIf(since, oriented), maxIf(since, oriented))
        ] AS parts
    FROM (SELECT account_manager, credit_limit, lower(orientation) IN ('price', 'value') AS oriented, valid_from, ifNull(valid_from, recorded_at) AS since, recorded_at, load FROM accounts)
    ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
    WHERE load <= {watermark:UInt64} AND (isNull(valid_from) OR valid_from < cutoff) AND recorded_at <= known_at
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
            ('contracts', count(), min(start), max(start)),
            ('contracts.cancelled_at', countIf(ifNull(cancelled_at < cutoff, 0)), minIf(start, ifNull(cancelled_at < cutoff, 0)), maxIf(start, ifNull(cancelled_at < cutoff, 0)))
        ] AS parts
    FROM contracts
    ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
    WHERE load <= {watermark:UInt64} AND start < cutoff AND recorded_at <= known_at
    GROUP BY cutoff
)
ARRAY JOIN parts AS part
WHERE rows > 0
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
SELECT part.1 AS source, cutoff, part.2 AS rows, toDateTime(part.3, 'UTC') AS first_at, toDateTime(part.4, 'UTC') AS last_at
FROM
(
    SELECT
        cutoff,
        [
            ('people', count(), min(there), max(there)),
            ('people.role', countIf(decides), minIf(there, decides), maxIf(there, decides)),
            ('people.since', countIf(decides AND isNotNull(since)), minIf(there, decides AND isNotNull(since)), maxIf(there, decides AND isNotNull(since))),
            ('people.until', countIf(decides AND ifNull(until < cutoff, 0)), minIf(there, decides AND ifNull(until < cutoff, 0)), maxIf(there, decides AND ifNull(until < cutoff, 0)))
        ] AS parts
    FROM (SELECT since, until, recorded_at, load, ifNull(since, recorded_at) AS there, lower(role) IN ('buyer', 'decision maker', 'decision_maker') AS decides FROM people)
    ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
    WHERE load <= {watermark:UInt64} AND (isNull(since) OR since < cutoff) AND recorded_at <= known_at
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
            ('touches', count(), min(at), max(at)),
            ('touches.answered_at', countIf(answer != '' OR ifNull(answered_at < cutoff, 0)), minIf(at, answer != '' OR ifNull(answered_at < cutoff, 0)), maxIf(at, answer != '' OR ifNull(answered_at < cutoff, 0)))
        ] AS parts
    FROM touches
    ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
    WHERE load <= {watermark:UInt64} AND at < cutoff AND recorded_at <= known_at
    GROUP BY cutoff
)
ARRAY JOIN parts AS part
WHERE rows > 0
