-- Question: how much does the account say it spends with everybody in each category?
-- Grain:    one row per account × category × cutoff with a row seen as of the cutoff; category '' is the whole.
--           Files that read declared wallets take this text in where their comment says so.
-- Parameters: cutoffs, known_at Array(DateTime('UTC')) of equal length; accounts Array(String), empty = all;
--           from_account, to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    rows of wallets with period < cutoff, recorded_at <= known_at, load <= watermark. Amounts of one category and
--           period add up (a correction is a reversal plus the new value); the newest period with an amount counts.
-- Amounts:  in base currency; those that nobody converted as they are.
-- Taken back: a period whose amounts come to 0, and whose row recorded last gives a rank and no amount, has none: a rank
--           stands in its place.
-- Columns:  seen: the rows (period, recorded_at, load, rank, whether there is an amount, amount, suppliers, author, origin),
--           of which a reversal lies before what replaces it; latest: those recorded last, of each period; newest: (period,
--           amount, whether there is one).
WITH
    history AS
    (
        SELECT
            account,
            category,
            arraySort(groupArray((
                toUnixTimestamp(period),
                toUnixTimestamp(recorded_at),
                load,
                ifNull(rank, 0),
                isNotNull(amount),
                ifNull(ifNull(amount_base, amount), 0),
                ifNull(suppliers, 0),
                author,
                origin))) AS rows
        FROM wallets
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String}
          AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account, category
    ),
    as_of AS
    (
        SELECT
            account,
            category,
            cutoff,
            arrayFilter(r -> r.1 < toUnixTimestamp(cutoff) AND r.2 <= toUnixTimestamp(known_at), rows) AS seen
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    ),
    periods AS
    (
        SELECT
            account,
            category,
            cutoff,
            seen,
            arrayMap((p, n, i) -> i = length(seen) OR p != n, seen.1, arrayShiftLeft(seen.1, 1), arrayEnumerate(seen)) AS ends,
            arrayFilter((r, e) -> e, seen, ends) AS latest,
            arrayFilter((s, e) -> e, arrayCumSum(seen.6), ends) AS sums
        FROM as_of
    )
SELECT
    account,
    category,
    cutoff,
    seen,
    latest,
    arrayFilter(d -> d.3, arrayMap((l, s, b) -> (l.1, s - b, s != b OR l.5), latest, sums, arrayShiftRight(sums, 1)))[-1] AS newest
FROM periods
