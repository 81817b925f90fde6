-- Question: which products are there, and what are they called?
-- Grain:    one row per product that stood in the products table, or that an order line named, as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of length 1; watermark UInt64.
-- As of:    names: the newest version with valid_from empty or before the cutoff, recorded_at <= known_at, load <= watermark;
--           of versions valid from the same instant the one recorded last. Lines: ordered_at < cutoff, recorded_at <=
--           known_at, load <= watermark. Products without a version, or whose one has a valid_to before the cutoff, have an empty
--           name.
SELECT
    product,
    argMax(called, version) AS name
FROM
(
    SELECT
        product,
        if(ifNull(valid_to < {cutoffs:Array(DateTime('UTC'))}[1], 0), '', name) AS called,
        (toUInt8(1), ifNull(toUnixTimestamp(valid_from), 0), toUnixTimestamp(recorded_at), load) AS version
    FROM products
    WHERE load <= {watermark:UInt64}
      AND (isNull(valid_from) OR valid_from < {cutoffs:Array(DateTime('UTC'))}[1])
      AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
    UNION ALL
    SELECT
        product,
        '' AS called,
        (toUInt8(0), toUInt32(0), toUInt32(0), toUInt64(0)) AS version
    FROM order_lines
    WHERE load <= {watermark:UInt64}
      AND ordered_at < {cutoffs:Array(DateTime('UTC'))}[1]
      AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
      AND product != ''
    GROUP BY product
)
GROUP BY product
