-- The row that a ref names, by the hash of its source and id. Ids are of one source: the ref names the row of its own source, and
            -- without one that of another source, if exactly one has that id. So if only one row of all has the id it is that; otherwise
            -- the ref's own source decides, where it may be nobody's (own as it came). own hashes the ref with its source, other the ref
            -- alone; keys and ids are the same of the rows that may be named.
            (own, other, keys, ids) -> if(countEqual(ids, other) = 1, keys[indexOf(ids, other)], own) AS named
