-- Question: how has the account been in touch, how were its complaints handled, and what did it say when asked?
-- Grain:    one row per account × cutoff with at least one interaction seen as of the cutoff.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64; tz String.
--           Those of terms.sql.
-- As of:    an interaction reads as its newest version with recorded_at <= known_at, load <= watermark, and is seen
--           when that version's at < cutoff. A complaint is resolved by a complaint_resolved row naming it in ref (named.sql).
-- Rhythm:   the time since the last contact and the gaps between contacts count the days on which the account doesn't rest, as in
--           orders.sql, and so do windows of less than a year; what we owe an answer to (complaints, surveys) ages by the calendar.
-- Cadence:  that of the segment of the account as of the cutoff (terms.sql); NULL where none is configured. orders.sql says it of
--           accounts without any interaction.
-- Kinds:    visit, call, email, care, complaint, complaint_resolved, referral, survey (or survey_…, value = the answer); a contact
--           is one of the first three. Purposes of a contact: care, information, transaction, service, intelligence. Upper and lower
--           case are alike (features.Vocabularies).
WITH
    history AS
    (
        SELECT
            account,
            arraySort(groupArray((
                cityHash64(source, id),
                toUnixTimestamp(recorded_at),
                load,
                toUnixTimestamp(at),
                multiIf(lower(kind) = 'visit', 1, lower(kind) = 'call', 2, lower(kind) = 'email', 3, lower(kind) = 'care', 4, lower(kind) = 'complaint', 5,
                    lower(kind) = 'complaint_resolved', 6, lower(kind) = 'referral', 7,
                    (lower(kind) = 'survey' OR startsWith(lower(kind), 'survey_')) AND isNotNull(value), 8, 9),
                cityHash64(source, ref),
                ifNull(value, 0),
                cityHash64(id),
                cityHash64(ref),
                multiIf(lower(purpose) = 'care', 1, lower(purpose) IN ('information', 'transaction', 'service', 'intelligence'), 2, 0)))) AS versions
        FROM interactions
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    ),
    terms AS
    (
        -- Include: terms.sql
    ),
    as_of AS
    (
        SELECT
            account,
            cutoff,
            toUnixTimestamp(cutoff) AS now,
            toInt32(toUInt16(toDate(cutoff, {tz:String}))) AS today,
            arrayFilter(v -> v.2 <= toUnixTimestamp(known_at), versions) AS known,
            arrayFilter((v, i, n) -> i != n AND v.4 < toUnixTimestamp(cutoff), known, known.1, arrayShiftLeft(known.1, 1)) AS newest,
            -- (age in seconds, kind, id, ref, value, day, id and ref without their source, purpose: 1 care, 2 another, 0 none), oldest first
            arrayReverseSort(arrayMap(v -> (toInt64(now) - v.4, v.5, v.1, v.6, v.7, toInt32(toUInt16(toDate(toDateTime(v.4, 'UTC'), {tz:String}))), v.8, v.9, v.10), newest)) AS seen,
            shelf,
            pauses,
            cadence
        FROM history
        LEFT ANY JOIN terms USING (account)
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at,
            arrayResize(shelves, length({cutoffs:Array(DateTime('UTC'))})) AS shelf, arrayResize(spans, length({cutoffs:Array(DateTime('UTC'))})) AS pauses,
            arrayResize(cadences, length({cutoffs:Array(DateTime('UTC'))}), toInt64({cadence_days:Array(UInt16)}[1])) AS cadence
        WHERE notEmpty(newest)
    ),
    met AS
    (
        SELECT
            account,
            cutoff,
            today,
            seen,
            cadence,
            shelf,
            pauses,
            arrayFilter(s -> s.2 <= 3, seen) AS contacts,
            arrayCompact(contacts.6) AS days
        FROM as_of
    ),
    paced AS
    (
        SELECT
            account,
            cutoff,
            today,
            seen,
            cadence,
            contacts,
            shelf,
            pauses,
            -- Include: beats.sql
        FROM met
    ),
    framed AS
    (
        SELECT
            account,
            cutoff,
            today,
            seen,
            cadence,
            contacts,
            beats,
            -- Include: windows.sql
        FROM paced
    ),
    sorted AS
    (
        WITH
            -- Include: named.sql
        SELECT
            account,
            cutoff,
            today,
            cadence,
            contacts,
            seen.1 AS ages,
            seen.2 AS kinds,
            beats[-1] - beats[-2] AS contact_recency,
            -- Days between the days with a contact.
            arraySort(arrayPopFront(arrayDifference(arrayCompact(arrayPopBack(beats))))) AS contact_gaps,
            length(contact_gaps) AS gap_count,
            arrayFilter(s -> s.2 = 5, seen) AS complaints,
            arrayFilter(s -> s.2 = 6, seen) AS resolutions,
            arrayFilter(s -> s.2 = 8, seen) AS surveys,
            arrayMap((own, other) -> named(own, other, complaints.3, complaints.7), resolutions.4, resolutions.8) AS answered,
            -- Age at the first resolution of each complaint, -1 while it is open.
            arrayMap(i -> if(has(answered, i), resolutions.1[indexOf(answered, i)], -1), complaints.3) AS resolved_ages,
            arrayFilter((c, a) -> a < 0, complaints, resolved_ages) AS open,
            arrayFilter((d, c, a) -> c <= 365 * 86400 AND a >= 0, arrayMap((c, a) -> greatest(c - a, 0), complaints.1, resolved_ages), complaints.1, resolved_ages) AS resolution_seconds,
            arrayCount(a -> a <= 365 * 86400, complaints.1) AS complaint_count,
            arraySum((a, x) -> if(a <= 365 * 86400, x, 0), surveys.1, surveys.5) AS survey_sum,
            arrayCount(a -> a <= 365 * 86400, surveys.1) AS survey_count,
            arrayCount((a, p) -> a <= 365 * 86400 AND p = 1, contacts.1, contacts.9) AS caring,
            arrayCount((a, p) -> a <= 365 * 86400 AND p != 0, contacts.1, contacts.9) AS purposeful,
            arrayCount(a -> a <= widths[3] * 86400, contacts.1) AS contacts_180,
            arrayCount(a -> a <= widths[4] * 86400, contacts.1) AS contacts_360,
            widths,
            cut
        FROM framed
    )
SELECT
    account,
    cutoff,
    arrayCount((a, k) -> a <= widths[2] * 86400 AND k = 1, ages, kinds) AS visits_90d,
    arrayCount((a, k) -> a <= widths[2] * 86400 AND k = 2, ages, kinds) AS calls_90d,
    arrayCount((a, k) -> a <= widths[2] * 86400 AND k = 3, ages, kinds) AS emails_90d,
    arrayCount(a -> a <= 365 * 86400, contacts.1) AS contacts_365d,
    if(contacts_360 = 0 OR cut, NULL, (2 * toInt64(contacts_180) - toInt64(contacts_360)) / contacts_360) AS contacts_trend_180d,
    if(empty(contacts), NULL, contact_recency) AS contact_recency_days,
    nullIf(cadence, 0) AS contact_cadence_days,
    if(gap_count = 0, NULL, (toInt64(contact_gaps[greatest(1, intDiv(gap_count + 1, 2))]) + contact_gaps[greatest(1, intDiv(gap_count + 2, 2))]) / 2) AS contact_gap_median_days,
    arrayCount((a, k) -> a <= 365 * 86400 AND k = 4, ages, kinds) AS care_365d,
    caring AS contacts_care_365d,
    if(purposeful = 0, NULL, caring / purposeful) AS contacts_care_share_365d,
    arrayCount(a -> a <= 90 * 86400, complaints.1) AS complaints_90d,
    complaint_count AS complaints_365d,
    length(open) AS complaints_open,
    if(empty(open), NULL, today - open.6[1]) AS complaint_open_days,
    if(empty(complaints), NULL, today - complaints.6[-1]) AS complaint_recency_days,
    if(complaint_count = 0, NULL, length(resolution_seconds) / complaint_count) AS complaints_resolved_share_365d,
    if(empty(resolution_seconds), NULL, arraySum(resolution_seconds) / length(resolution_seconds) / 86400) AS complaint_resolution_days,
    arrayCount((a, k) -> a <= 365 * 86400 AND k = 7, ages, kinds) AS referrals_365d,
    if(empty(surveys), NULL, toFloat64(surveys.5[-1])) AS survey_last,
    if(survey_count = 0, NULL, toFloat64(survey_sum) / survey_count) AS survey_mean_365d,
    if(length(surveys) < 2, NULL, toFloat64(surveys.5[-1] - surveys.5[-2])) AS survey_change,
    if(empty(surveys), NULL, today - surveys.6[-1]) AS survey_recency_days
FROM sorted
SETTINGS short_circuit_function_evaluation = 'disable'
