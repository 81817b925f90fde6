-- Question: which spans of time contradict each other, or themselves?
-- Grain:    one row per check and table: 'overlap' = spans that begin before an earlier one of the same thing has ended,
--           'backwards' = spans that end before they begin, of versions also when they begin, 'endless' = pauses without an end;
--           of all, with the first three.
-- Things:   the account of a pause; account, channel and purpose of a consent; both accounts and the kind of a link; account,
--           name and role of a person, and account and product of a contract, where they are told, whatever the id; the account,
--           product or manager of a version (is_version), which without an end lasts until the next one begins.
-- Of:       pauses, consents, account_links, people, contracts, accounts, products, managers; not asked where they have no row.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark; of rows with one key the newest counts. An end that nobody gives is open. Rows of
--           people and contracts that end before they begin are counted beside those of the other tables.
WITH toDateTime('2106-01-01 00:00:00', 'UTC') AS open
SELECT counted.1 AS check, table_name, counted.2 AS column_name, '' AS from_source, '' AS subject, counted.3 AS found, rows AS total,
    arrayStringConcat(counted.4, '\n') AS examples
FROM
(
    SELECT
        table_name,
        count() AS rows,
        [
            ('overlap', any(begin_column), countIf(begins < earlier), groupArraySortedIf(3)(name, begins < earlier)),
            ('backwards', any(end_column), countIf(ends < begins + is_version), groupArraySortedIf(3)(name, ifNull(ends < begins + is_version, 0))),
            ('endless', if(table_name = 'pauses', 'end', ''), countIf(isNull(ends)), groupArraySortedIf(3)(name, isNull(ends)))
        ] AS columns
    FROM
    (
        SELECT table_name, begin_column, end_column, concat(row, '/', replaceOne(toString(begins), ' 00:00:00', '')) AS name, begins, ends, is_version,
            max(ifNull(ends, if(is_version, begins, open))) OVER (PARTITION BY table_name, thing ORDER BY begins ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier
        FROM
        (
            SELECT 'pauses' AS table_name, 'start' AS begin_column, 'end' AS end_column, [account] AS thing, account AS row,
                start AS begins, argMax((`end`,), (recorded_at, load)).1 AS ends, 0 AS is_version
            FROM pauses WHERE load <= {watermark:UInt64} GROUP BY account, start
            UNION ALL
            SELECT 'consents', 'given_at', 'withdrawn_at', [account, channel, purpose], arrayStringConcat([account, channel, purpose], '/'),
                given_at, argMax((withdrawn_at,), (recorded_at, load)).1, 0
            FROM consents WHERE load <= {watermark:UInt64} GROUP BY account, channel, purpose, given_at
            UNION ALL
            SELECT 'account_links', 'since', 'until', [account, other, kind], arrayStringConcat([account, other, kind], '/'),
                since, argMax((until,), (recorded_at, load)).1, 0
            FROM account_links WHERE load <= {watermark:UInt64} GROUP BY account, other, kind, since
            UNION ALL
            SELECT 'people', 'since', '', [newest.1, newest.2, newest.3], id, ifNull(newest.4, toDateTime(0, 'UTC')), newest.5, 0
            FROM (SELECT id, argMax((account, name, lower(role), since, until), (recorded_at, load)) AS newest FROM people WHERE load <= {watermark:UInt64} GROUP BY source, id)
            WHERE newest.2 != ''
            UNION ALL
            SELECT 'contracts', 'start', '', [newest.1, newest.2], id, newest.3, toNullable(least(ifNull(newest.4, open), ifNull(newest.5, open))), 0
            FROM (SELECT id, argMax((account, product, start, `end`, cancelled_at), (recorded_at, load)) AS newest FROM contracts WHERE load <= {watermark:UInt64} GROUP BY source, id)
            WHERE newest.2 != ''
            UNION ALL
            SELECT 'accounts', 'valid_from', 'valid_to', [account], account, ifNull(valid_from, toDateTime(0, 'UTC')), argMax((valid_to,), (recorded_at, load)).1, 1
            FROM accounts WHERE load <= {watermark:UInt64} GROUP BY account, valid_from
            UNION ALL
            SELECT 'products', 'valid_from', 'valid_to', [product], product, ifNull(valid_from, toDateTime(0, 'UTC')), argMax((valid_to,), (recorded_at, load)).1, 1
            FROM products WHERE load <= {watermark:UInt64} GROUP BY product, valid_from
            UNION ALL
            SELECT 'managers', 'valid_from', 'valid_to', [manager], manager, ifNull(valid_from, toDateTime(0, 'UTC')), argMax((valid_to,), (recorded_at, load)).1, 1
            FROM managers WHERE load <= {watermark:UInt64} GROUP BY manager, valid_from
        )
    )
    GROUP BY table_name
)
ARRAY JOIN columns AS counted
WHERE counted.2 != ''
