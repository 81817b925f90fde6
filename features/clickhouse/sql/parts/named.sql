-- The row that a ref names, by the hash of its source and id: ids are of one source, so that a row of the ref's own source goes
            -- first; without one it is the row of another source, if exactly one has that id; otherwise it is nobody's (own as it came).
            -- own hashes the ref with its source, other the ref alone; keys and ids are the same of the rows that may be named.
            (own, other, keys, ids) -> if(has(keys, own) OR countEqual(ids, other) != 1, own, keys[indexOf(ids, other)]) AS named
