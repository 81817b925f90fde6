-- Question: of which accounts is anything assessed, and how often?
-- Grain:    one row per account with a version of an assessment.
-- Parameters: watermark UInt64.
-- As of:    load <= watermark; what of it is seen at a cutoff is asked in assessed.sql, a part of the accounts at a time.
SELECT
    account,
    count() AS versions
FROM assessments
WHERE load <= {watermark:UInt64}
GROUP BY account
