-- Question: none; takes away the rows that a load left behind.
-- Grain:    every row of the load, unless it is committed after all.
-- Parameters: table Identifier; load UInt64.
-- As of:    now; it returns when the rows are gone.
ALTER TABLE {table:Identifier}
    DELETE WHERE load = {load:UInt64} AND load NOT IN (SELECT load FROM loads)
    SETTINGS mutations_sync = 2
