-- Question: none; takes a run back, committed or not: from this row on no reader finds it.
-- Grain:    one row.
-- Parameters: run String.
-- As of:    now.
INSERT INTO dropped_runs (run_id, dropped_at) SELECT {run:String}, now('UTC')
