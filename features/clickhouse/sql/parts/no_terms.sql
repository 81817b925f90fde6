-- Question: what does terms.sql answer in a warehouse in which nobody rests, with no cadences? Planning the real one would take
--           as long as all the rest of a question about one account.
-- Grain:    no row.
SELECT
    '' AS account,
    [toInt64(0)] AS shelves,
    [toInt64(0)] AS cadences,
    [[(toInt64(0), toInt64(0))]] AS spans
WHERE 0
