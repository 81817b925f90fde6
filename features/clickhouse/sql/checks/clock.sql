-- Question: at which hours and on which weekdays are orders placed?
-- Grain:    one row per hour (00 … 23), one per weekday (1 = Monday … 7), and one for lines whose source knows no time of
--           day, each with the number of lines. A source knows none when all its lines stand at the beginning of a day.
-- Parameters: tz String; watermark UInt64.
-- As of:    everything up to the watermark.
WITH lines AS
(
    SELECT
        source,
        toHour(ordered_at, {tz:String}) AS hour,
        toDayOfWeek(ordered_at, 0, {tz:String}) AS weekday,
        count() AS n,
        countIf(ordered_at = toStartOfDay(toTimeZone(ordered_at, {tz:String})) OR toUnixTimestamp(ordered_at) % 86400 = 0) AS dated
    FROM order_lines
    WHERE load <= {watermark:UInt64}
    GROUP BY source, hour, weekday
)
SELECT 'clock_hour' AS check, 'order_lines' AS table_name, 'ordered_at' AS column_name, '' AS from_source, leftPad(toString(hour), 2, '0') AS subject,
    sum(n) AS found, (SELECT sum(n) FROM lines) AS total
FROM lines WHERE source NOT IN (SELECT source FROM lines GROUP BY source HAVING sum(n) = sum(dated)) GROUP BY subject
UNION ALL
SELECT 'clock_weekday', 'order_lines', 'ordered_at', '', toString(weekday) AS subject, sum(n), (SELECT sum(n) FROM lines)
FROM lines GROUP BY subject
UNION ALL
SELECT 'clock_dates_only', 'order_lines', 'ordered_at', toString(source) AS from_source, '', sum(n), (SELECT sum(n) FROM lines)
FROM lines GROUP BY from_source HAVING sum(n) = sum(dated)
