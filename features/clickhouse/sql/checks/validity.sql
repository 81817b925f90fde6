-- Question: which spans of time contradict each other, or themselves?
-- Grain:    one row per table: 'overlap' = spans that begin before an earlier one of the same thing has ended, 'backwards' =
--           rows that end before they begin, 'endless' = pauses without an end; of all.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark; of rows with one key the newest counts. An end that nobody gives is open.
WITH
    toDateTime('2106-01-01 00:00:00', 'UTC') AS open,
    p AS
    (
        SELECT account, start AS begins, argMax((`end`,), (recorded_at, load)).1 AS ends
        FROM pauses WHERE load <= {watermark:UInt64} GROUP BY account, start
    ),
    c AS
    (
        SELECT account, channel, purpose, given_at AS begins, argMax((withdrawn_at,), (recorded_at, load)).1 AS ends
        FROM consents WHERE load <= {watermark:UInt64} GROUP BY account, channel, purpose, given_at
    ),
    l AS
    (
        SELECT account, other, kind, since AS begins, argMax((until,), (recorded_at, load)).1 AS ends
        FROM account_links WHERE load <= {watermark:UInt64} GROUP BY account, other, kind, since
    )
SELECT 'overlap' AS check, 'pauses' AS table_name, 'start' AS column_name, '' AS from_source, '' AS subject, countIf(begins < earlier) AS found, count() AS total
FROM (SELECT begins, max(ifNull(ends, open)) OVER (PARTITION BY account ORDER BY begins ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier FROM p)
UNION ALL
SELECT 'overlap', 'consents', 'given_at', '', '', countIf(begins < earlier), count()
FROM (SELECT begins, max(ifNull(ends, open)) OVER (PARTITION BY account, channel, purpose ORDER BY begins ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier FROM c)
UNION ALL
SELECT 'overlap', 'account_links', 'since', '', '', countIf(begins < earlier), count()
FROM (SELECT begins, max(ifNull(ends, open)) OVER (PARTITION BY account, other, kind ORDER BY begins ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier FROM l)
UNION ALL
SELECT 'backwards', 'pauses', 'end', '', '', countIf(ends < begins), count() FROM p
UNION ALL
SELECT 'backwards', 'consents', 'withdrawn_at', '', '', countIf(ends < begins), count() FROM c
UNION ALL
SELECT 'backwards', 'account_links', 'until', '', '', countIf(ends < begins), count() FROM l
UNION ALL
SELECT 'backwards', 'people', 'until', '', '', countIf(until < since), count() FROM people WHERE load <= {watermark:UInt64}
UNION ALL
SELECT 'backwards', 'contracts', 'end', '', '', countIf(`end` < start), count() FROM contracts WHERE load <= {watermark:UInt64}
UNION ALL
SELECT 'backwards', 'invoices', 'due_at', '', '', countIf(due_at < issued_at), count() FROM invoices WHERE load <= {watermark:UInt64}
UNION ALL
SELECT 'backwards', 'interactions', 'responded_at', '', '', countIf(responded_at < at), count() FROM interactions WHERE load <= {watermark:UInt64}
UNION ALL
SELECT 'backwards', 'order_lines', 'delivered_at', '', '', countIf(delivered_at < ordered_at), count() FROM order_lines WHERE load <= {watermark:UInt64}
UNION ALL
SELECT 'endless', 'pauses', 'end', '', '', countIf(isNull(ends)), count() FROM p
