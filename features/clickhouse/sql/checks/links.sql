-- Question: which links are of a kind that nobody follows, and which holidays are of a country where no account is?
-- Grain:    one row per kind of account_links, of all: those of no known kind are found, with the first three; one per country
--           with holidays: found where no account is of it, also when no account has a country.
-- Of:       account_links, holidays; not asked where they have no row.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'link_kind' AS check, 'account_links' AS table_name, 'kind' AS column_name, '' AS from_source, lower(kind) AS subject,
    countIf(subject NOT IN ('renamed', 'renumbered', 'merged', 'split', 'sister', 'group')) AS found, count() AS total,
    arrayStringConcat(groupArraySortedIf(3)(concat(account, '/', other), subject NOT IN ('renamed', 'renumbered', 'merged', 'split', 'sister', 'group')), '\n') AS examples
FROM account_links WHERE load <= {watermark:UInt64} GROUP BY subject
UNION ALL
SELECT 'holiday_country', 'holidays', 'country', '', country AS subject,
    countIf(country NOT IN (SELECT country FROM accounts WHERE load <= {watermark:UInt64})), count(), ''
FROM holidays WHERE load <= {watermark:UInt64} GROUP BY subject
