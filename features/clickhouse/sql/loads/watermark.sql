-- Question: which load is the greatest?
-- Grain:    one row, 0 when there is none.
-- Parameters: none.
-- As of:    committed loads.
SELECT max(load) AS load FROM loads
