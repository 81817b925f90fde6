-- Question: which links and holidays lead nowhere?
-- Grain:    one row per kind of account_links, of all: those of no known kind are found; one per source of links that name an
--           account without orders that the accounts table doesn't know either; one per country with holidays: found where no
--           account is of it. Nothing is found of accounts when none has a country.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'link_kind' AS check, 'account_links' AS table_name, 'kind' AS column_name, '' AS from_source, lower(kind) AS subject,
    countIf(subject NOT IN ('renamed', 'renumbered', 'merged', 'split', 'sister', 'group')) AS found, count() AS total
FROM account_links WHERE load <= {watermark:UInt64} GROUP BY subject
UNION ALL
SELECT 'reference', 'account_links', 'other', toString(source) AS from_source, 'account',
    countIf(other NOT IN (SELECT account FROM accounts WHERE load <= {watermark:UInt64})
        AND other NOT IN (SELECT account FROM order_lines WHERE load <= {watermark:UInt64})), count()
FROM account_links WHERE load <= {watermark:UInt64} AND kind != 'group' GROUP BY from_source
UNION ALL
SELECT 'holiday_country', 'holidays', 'country', '', country AS subject,
    countIf(country NOT IN (SELECT country FROM accounts WHERE load <= {watermark:UInt64})), count()
FROM holidays WHERE load <= {watermark:UInt64} AND (SELECT count() FROM accounts WHERE load <= {watermark:UInt64} AND country != '') > 0 GROUP BY subject
