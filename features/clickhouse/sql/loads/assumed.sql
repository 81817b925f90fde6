-- Question: none; says when corrections that came without a recording time were known: when they were loaded, because at
--           their event time the business knew something else.
-- Grain:    every row of such a key in the load under way.
-- Parameters: table Identifier; load UInt64; corrected_at DateTime('UTC').
-- As of:    it returns when the rows are changed.
ALTER TABLE {table:Identifier}
    UPDATE recorded_at = {corrected_at:DateTime('UTC')}
    WHERE load = {load:UInt64}
        AND row_key IN (SELECT row_key FROM load_verdicts WHERE load = {load:UInt64} AND verdict = 'assumed')
    SETTINGS mutations_sync = 2
