-- Question: was this content loaded into the table before, and how many rows came with all loads of the table?
-- Grain:    one row; load = 0 when the content is new.
-- Parameters: name String, the table; hash String, empty = unknown.
-- As of:    committed loads.
SELECT
    minIf(load, hash = {hash:String} AND hash != '') AS load,
    sum(rows) AS rows
FROM loads
WHERE `table` = {name:String}
