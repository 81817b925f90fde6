-- Question: what did the account buy over a period, and what did that cost?
-- Grain:    one row per account, or per account × category or product, with an order line in the period.
-- Parameters: since UInt64 in Unix seconds, the period's beginning; cutoffs, known_at Array(DateTime('UTC')) of length 1, its
--           end; by String, category, product or '' for the account; accounts Array(String), empty = all; from_account,
--           to_account String: the range from … to, both included, to = '' is open; watermark UInt64.
-- As of:    lines with ordered_at < cutoff, recorded_at <= known_at, load <= watermark.
-- Purchase: an order whose net of everything seen under its id (in the category, or of the product) is above 0; it stands at
--           its first line.
-- Returned: the negative part of a line's net: a correction adds a difference.
-- Amounts:  base currency (amount_base), the account's own where a source gives none. A cost is the line's whole cost; it is
--           taken into base currency at the rate of its amount. A line is costed when any of its rows says a cost; a line that
--           was taken back whole is none.
WITH
    nets AS
    (
        SELECT
            account,
            held,
            order_id,
            ordered_at,
            sum(base) AS net,
            sum(base_cost) AS net_cost,
            countIf(isNotNull(base_cost)) > 0 AND NOT (net = 0 AND ifNull(net_cost, 0) = 0) AS costed,
            costed OR net != 0 AS counts
        FROM
        (
            SELECT
                account,
                if({by:String} = 'product', product, if({by:String} = 'category', category, '')) AS held,
                order_id,
                ordered_at,
                line,
                ifNull(amount_base, amount) AS base,
                multiIf(isNull(cost), NULL, amount = 0 OR base = amount, toDecimal256(cost, 8), toDecimal256(cost, 8) * base / amount) AS base_cost
            FROM order_lines
            WHERE load <= {watermark:UInt64}
              AND ordered_at < {cutoffs:Array(DateTime('UTC'))}[1]
              AND recorded_at <= {known_at:Array(DateTime('UTC'))}[1]
              AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
              AND account >= {from_account:String}
              AND ({to_account:String} = '' OR account <= {to_account:String})
        )
        GROUP BY account, held, order_id, ordered_at, line
    ),
    orders AS
    (
        SELECT
            account,
            held,
            toUnixTimestamp(min(ordered_at)) AS begun,
            sum(net) AS worth,
            count() AS rows,
            countIf(toUnixTimestamp(ordered_at) >= {since:UInt64}) AS inside,
            sumIf(net, toUnixTimestamp(ordered_at) >= {since:UInt64}) AS sold,
            sumIf(net, toUnixTimestamp(ordered_at) >= {since:UInt64} AND net < 0) AS back,
            sumIf(ifNull(net_cost, 0), toUnixTimestamp(ordered_at) >= {since:UInt64}) AS spent,
            countIf(toUnixTimestamp(ordered_at) >= {since:UInt64} AND counts) AS counted,
            countIf(toUnixTimestamp(ordered_at) >= {since:UInt64} AND costed) AS priced
        FROM nets
        GROUP BY account, held, order_id
    )
SELECT
    account,
    held,
    toDecimal64(sum(sold), 4) AS revenue,
    toDecimal64(-sum(back), 4) AS returned,
    toDecimal64(round(sum(spent), 4), 4) AS goods_cost,
    sum(counted) AS lines,
    sum(priced) AS costed,
    countIf(begun >= {since:UInt64} AND worth > 0) AS orders
FROM orders
GROUP BY account, held
HAVING sum(inside) > 0
