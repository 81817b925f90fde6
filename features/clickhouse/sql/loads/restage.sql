-- Question: none; writes a part of the load again under the number that is to be committed: without the rows that were known
--           with the same values, and with the time at which corrections that came without one were known, because at
--           their event time the business knew something else.
-- Grain:    one row per row of the load that is not known already.
-- Parameters: table Identifier; load UInt64, the load as it came; into UInt64, its new number; part UInt64; from_key, to_key
--           String, slice, slices UInt64: the part, as for compare.sql; corrected_at DateTime('UTC').
-- As of:    the load under way. A mutation would do it in place, but before ClickHouse 25 it can't name an alias. All columns,
--           because only two of them change, in any table.
INSERT INTO {table:Identifier}
SELECT * EXCEPT (row_key) REPLACE
(
    {into:UInt64} AS load,
    if(row_key IN (SELECT row_key FROM load_verdicts WHERE load = {load:UInt64} AND part = {part:UInt64} AND verdict = 'assumed'),
        {corrected_at:DateTime('UTC')}, recorded_at) AS recorded_at
)
FROM
(
    SELECT *, row_key
    FROM {table:Identifier}
    WHERE load = {load:UInt64}
      AND range_key >= {from_key:String}
      AND ({to_key:String} = '' OR range_key <= {to_key:String})
      AND reinterpretAsUInt64(row_key) % {slices:UInt64} = {slice:UInt64}
      AND row_key NOT IN (SELECT row_key FROM load_verdicts WHERE load = {load:UInt64} AND part = {part:UInt64} AND verdict = 'same')
)
