-- Question: what were the columns of a mapped source when its mapping was first used?
-- Grain:    one row per mapping and expression. A mapping whose text changes is another one and remembered anew.
CREATE TABLE IF NOT EXISTS mapped_columns
(
    mapping String,
    `table` LowCardinality(String),
    source LowCardinality(String),
    field LowCardinality(String),
    type String,
    seen_at DateTime('UTC')
)
ENGINE = MergeTree
ORDER BY (mapping, field)
