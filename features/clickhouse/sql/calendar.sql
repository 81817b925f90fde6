-- Question: which days are holidays of which country, and does any account pause?
-- Grain:    one row per row of holidays, and one without a country when there are pauses.
-- Parameters: watermark UInt64; tz String.
-- As of:    load <= watermark; what was known when is judged by recorded_at where days are counted. A holiday is the day, in
--           tz, of its instant.
SELECT
    country,
    toInt32(toUInt16(toDate(day, {tz:String}))) AS day,
    recorded_at
FROM holidays
WHERE load <= {watermark:UInt64}
  AND country != ''
UNION ALL
SELECT
    '' AS country,
    toInt32(0) AS day,
    recorded_at
FROM (SELECT recorded_at FROM pauses WHERE load <= {watermark:UInt64} LIMIT 1)
