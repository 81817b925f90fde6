-- Question: how many rows does the load under way leave, and how many of them take something back?
-- Grain:    one row.
-- Parameters: table Identifier; load UInt64.
-- As of:    the load under way.
SELECT count() AS rows, countIf(reversal = 1) AS reversals
FROM {table:Identifier}
WHERE load = {load:UInt64}
