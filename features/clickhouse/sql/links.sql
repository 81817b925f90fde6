-- Question: which accounts were said to belong together, how, and from when to when?
-- Grain:    one row per row of account_links, every version of each.
-- Parameters: watermark UInt64.
-- As of:    load <= watermark; what was known when is judged by recorded_at where the links are followed.
SELECT
    account,
    other,
    lower(kind) AS kind,
    since,
    until,
    recorded_at,
    load
FROM account_links
WHERE load <= {watermark:UInt64}
