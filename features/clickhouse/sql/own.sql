-- Question: on which accounts is a file of features that a team added tried?
-- Grain:    one row per account, at most 300, the same ones whenever the facts are the same. The name of the file's own source
--           is put in the place of order_lines.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT account
FROM order_lines
WHERE load <= {watermark:UInt64}
GROUP BY account
ORDER BY cityHash64(account), account
LIMIT 300
