-- Question: which countries are not written as holidays and pauses of a country are looked up, by two capital letters?
-- Grain:    one row per table, source and country of another form (Subject), and one for all others: rows of another form, of
--           those that name a country so.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'country' AS check, 'accounts' AS table_name, 'country' AS column_name, toString(source) AS from_source, if(match(country, '^[A-Z]{2}$'), '', country) AS subject,
    countIf(NOT match(country, '^[A-Z]{2}$')) AS found, count() AS total
FROM accounts WHERE load <= {watermark:UInt64} AND country != '' GROUP BY from_source, subject
UNION ALL
SELECT 'country', 'holidays', 'country', toString(source) AS from_source, if(match(country, '^[A-Z]{2}$'), '', country) AS subject, countIf(NOT match(country, '^[A-Z]{2}$')), count()
FROM holidays WHERE load <= {watermark:UInt64} GROUP BY from_source, subject
