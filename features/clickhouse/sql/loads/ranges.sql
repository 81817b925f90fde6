-- Question: how do the rows of a load spread over the table's sorting key?
-- Grain:    one row per range_key, in order.
-- Parameters: table Identifier; load UInt64.
-- As of:    the load under way.
SELECT range_key, count() AS rows
FROM {table:Identifier}
WHERE load = {load:UInt64}
GROUP BY range_key
ORDER BY range_key
