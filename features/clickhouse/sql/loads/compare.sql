-- Question: which keys of the load under way are known from committed loads, with the same values or with others?
-- Grain:    one row of load_verdicts per known key.
-- Parameters: table Identifier; load UInt64, the load under way; from_key, to_key String: the range of range_key, both
--           included, to_key = '' is open; slice, slices UInt64: the part of the keys by their hash; part UInt64, which part
--           that is; based UInt8: the load gives amount_base itself; recorded UInt8: the load gives recorded_at itself.
-- As of:    committed loads. What is known of a key are the rows of the last load that spoke of it, without the reversals:
--           every load that speaks of a known key replaces all of it. Rows are compared as a bag, so that duplicates of one
--           file count.
-- Verdict:  same; later = other values, and every row was recorded after what is known; assumed = other values, recorded
--           when they were loaded. Keys are compared by 128 bits of hash.
INSERT INTO load_verdicts (load, part, row_key, verdict, rows, known_load, known_at, corrected_at)
SELECT
    {load:UInt64},
    {part:UInt64},
    row_key,
    multiIf(
        arraySort(given) = arraySort(arrayMap(k -> k.2, arrayFilter(k -> k.1 = last, known))), 'same',
        {recorded:UInt8} = 1 AND first_recorded > last_recorded, 'later',
        'assumed') AS verdict,
    length(given) AS rows,
    last,
    last_recorded,
    first_recorded
FROM
(
    SELECT
        row_key,
        groupArrayIf(if({based:UInt8} = 1, row_given, row_values), load = {load:UInt64}) AS given,
        groupArrayIf((load, if({based:UInt8} = 1, row_given, row_values)), load != {load:UInt64}) AS known,
        maxIf(load, load != {load:UInt64}) AS last,
        maxIf(recorded_at, load != {load:UInt64}) AS last_recorded,
        minIf(recorded_at, load = {load:UInt64}) AS first_recorded
    FROM {table:Identifier}
    WHERE range_key >= {from_key:String}
      AND ({to_key:String} = '' OR range_key <= {to_key:String})
      AND (load = {load:UInt64} OR load IN (SELECT load FROM loads))
      AND reversal = 0
      AND reinterpretAsUInt64(row_key) % {slices:UInt64} = {slice:UInt64}
      AND row_key IN
      (
          SELECT row_key
          FROM {table:Identifier}
          WHERE load = {load:UInt64}
            AND range_key >= {from_key:String}
            AND ({to_key:String} = '' OR range_key <= {to_key:String})
            AND reinterpretAsUInt64(row_key) % {slices:UInt64} = {slice:UInt64}
      )
    GROUP BY row_key
    HAVING notEmpty(given) AND notEmpty(known)
)
