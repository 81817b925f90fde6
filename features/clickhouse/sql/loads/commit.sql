-- Question: none; commits the load: from this row on its rows are seen.
-- Grain:    one row, or none when the rows are not all there or the load was given up for dead meanwhile. The warehouse
--           decides that in one statement, however late the statement comes.
-- Parameters: table Identifier; load UInt64; holder, name, source, files, hash String; expected, rows, unchanged, corrected,
--           assumed Int64.
-- As of:    now.
INSERT INTO loads (load, `table`, source, files, hash, rows, unchanged, corrected, assumed, committed_at)
SELECT
    {load:UInt64}, {name:String}, {source:String}, {files:String}, {hash:String},
    {rows:Int64}, {unchanged:Int64}, {corrected:Int64}, {assumed:Int64}, now('UTC')
FROM (SELECT count() AS found FROM {table:Identifier} WHERE load = {load:UInt64}) AS f
CROSS JOIN (SELECT countIf(ended = 1) AS ends FROM load_marks WHERE load = {load:UInt64} AND holder = {holder:String}) AS m
WHERE toInt64(found) = {expected:Int64} AND ends = 0
