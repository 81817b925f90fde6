-- Question: from when to when do the orders run, and how many lines and accounts are there?
-- Grain:    one row.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT
    count() AS rows,
    uniqExact(account) AS accounts,
    if(rows = 0, NULL, min(toDateTime(ordered_at, 'UTC'))) AS first_at,
    if(rows = 0, NULL, max(toDateTime(ordered_at, 'UTC'))) AS last_at
FROM order_lines
WHERE load <= {watermark:UInt64}
