-- Question: which loads were begun and neither committed nor given up, and how long have they been silent?
-- Grain:    one row per load × holder, in order.
-- Parameters: none.
-- As of:    now, by the warehouse's clock.
SELECT
    load,
    holder,
    dateDiff('second', max(marked_at), now64(3, 'UTC')) AS silent_seconds
FROM load_marks
WHERE load NOT IN (SELECT load FROM loads)
GROUP BY load, holder
HAVING max(ended) = 0
ORDER BY load, holder
