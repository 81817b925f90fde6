-- Question: which number has no load borne yet, and what time is it at the warehouse?
-- Grain:    one row.
-- Parameters: none.
-- As of:    now.
SELECT max(load) + 1 AS load, now('UTC') AS at
FROM
(
    SELECT max(load) AS load FROM loads
    UNION ALL
    SELECT max(load) AS load FROM load_marks
)
