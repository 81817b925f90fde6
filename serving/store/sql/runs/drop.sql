-- Question: none; takes away the rows of a run from one table.
-- Grain:    the run's partition.
-- Parameters: table Identifier; run String.
-- As of:    now. Rows that a fault brings back are seen by nobody, because their run is not in runs or is in dropped_runs.
ALTER TABLE {table:Identifier} DROP PARTITION {run:String}
