-- Question: which countries are not written as holidays and pauses of a country are looked up, by two capital letters?
-- Grain:    one row per table and source: rows of another form, of those that name a country.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'country' AS check, 'accounts' AS table_name, 'country' AS column_name, toString(source) AS from_source, '' AS subject,
    countIf(NOT match(country, '^[A-Z]{2}$')) AS found, count() AS total
FROM accounts WHERE load <= {watermark:UInt64} AND country != '' GROUP BY from_source
UNION ALL
SELECT 'country', 'holidays', 'country', toString(source) AS from_source, '', countIf(NOT match(country, '^[A-Z]{2}$')), count()
FROM holidays WHERE load <= {watermark:UInt64} GROUP BY from_source
