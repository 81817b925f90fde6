-- Question: none; leaves out the rows that were known with the same values.
-- Grain:    every row of such a key in the load under way.
-- Parameters: table Identifier; load UInt64.
-- As of:    it returns when the rows are gone.
ALTER TABLE {table:Identifier}
    DELETE WHERE load = {load:UInt64}
        AND row_key IN (SELECT row_key FROM load_verdicts WHERE load = {load:UInt64} AND verdict = 'same')
    SETTINGS mutations_sync = 2
