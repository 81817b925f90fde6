-- Question: none; writes that the holder's load is under way (ended = 0) or is given up (ended = 1).
-- Grain:    one row.
-- Parameters: load UInt64; holder String; ended UInt8.
-- As of:    now, by the warehouse's clock.
INSERT INTO load_marks (load, holder, ended, marked_at)
SELECT {load:UInt64}, {holder:String}, {ended:UInt8}, now64(3, 'UTC')
