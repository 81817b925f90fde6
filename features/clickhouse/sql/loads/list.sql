-- Question: which loads are there?
-- Grain:    one row per committed load, newest first; limit rows at most.
-- Parameters: limit UInt64; load UInt64, 0 = all.
-- As of:    committed loads.
SELECT load, `table` AS name, source, hash, rows, assumed, committed_at
FROM loads
WHERE {load:UInt64} = 0 OR load = {load:UInt64}
ORDER BY load DESC
LIMIT {limit:UInt64}
