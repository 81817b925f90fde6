-- Question: what does the load say of the first key that is known with other values, and what was known?
-- Grain:    the rows of that key in both loads. All columns, because the reader looks for the one that differs in any table.
-- Parameters: table Identifier; load UInt64.
-- As of:    the load under way and the last committed load that spoke of the key.
SELECT *
FROM {table:Identifier}
WHERE row_key IN (SELECT min(row_key) FROM load_verdicts WHERE load = {load:UInt64} AND verdict != 'same')
  AND (load = {load:UInt64}
    OR load IN (SELECT argMin(known_load, row_key) FROM load_verdicts WHERE load = {load:UInt64} AND verdict != 'same'))
  AND reversal = 0
ORDER BY load, row_values
