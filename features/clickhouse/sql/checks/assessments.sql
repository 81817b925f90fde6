-- Question: which rows of assessments say nothing: of an item or kind that nobody reads, off their scale, or a judgement without
--           author and comment?
-- Grain:    one row per source: rows that no import would take (features.Assessment), of all, with the first three.
-- Of:       assessments; not asked where they have no row.
-- Parameters: watermark UInt64.
-- As of:    everything up to the watermark.
SELECT 'assessment' AS check, 'assessments' AS table_name, 'value' AS column_name, toString(source) AS from_source, '' AS subject,
    countIf(silent) AS found, count() AS total, arrayStringConcat(groupArraySortedIf(3)(id, silent), '\n') AS examples
FROM
(
    SELECT source, id, NOT (
        item IN ('emotional', 'trust', 'attachment', 'pride', 'intention', 'recommend', 'repurchase', 'product', 'service', 'people', 'image', 'money', 'time', 'mental', 'physical', 'loyalty', 'learning')
        AND kind IN ('survey', 'judgement') AND (kind = 'judgement' OR item NOT IN ('loyalty', 'learning'))
        AND (kind = 'survey' OR NOT match(author, '^[\\s\\v\\x{85}\\p{Z}]*$') AND NOT match(comment, '^[\\s\\v\\x{85}\\p{Z}]*$'))
        AND if(item = 'learning',
            ifNull(scale, 0) = 0 AND isNull(expectation) AND abs(value) < 10000000000000,
            most > 0 AND most < 10000000000000 AND value >= 0 AND value <= most AND (isNull(expectation) OR expectation >= 0 AND expectation <= most))) AS silent
    FROM
    (
        SELECT source, id, item, kind, author, comment, value, scale, expectation, if(item = 'loyalty' AND ifNull(scale, 0) = 0, toDecimal64(100, 4), ifNull(scale, 0)) AS most
        FROM assessments WHERE load <= {watermark:UInt64}
    )
)
GROUP BY from_source
