"""The features of orders.sql by polars: order_features.py LINES.parquet CUTOFF

Reads order lines (account, order_id, line, product, amount, discount, cost, ordered_at, recorded_at;
amounts in ten-thousandths), computes the order features of every account as of CUTOFF (RFC 3339, UTC) and
prints the seconds it took, reading not counted, and the number of rows. It is the peer of a benchmark: it
follows the definitions of orders.sql for data without later corrections.
"""

import sys
import time
from datetime import datetime, timedelta

import polars as pl


def features(lines: pl.DataFrame, cutoff: datetime) -> pl.DataFrame:
    today = cutoff.date()
    age = lambda days: pl.col("ordered_at") >= cutoff - timedelta(days=days)
    seen = lines.lazy().filter((pl.col("ordered_at") < cutoff) & (pl.col("recorded_at") <= cutoff))

    def spend(days):
        return pl.col("amount").filter(age(days)).sum()

    last_year = (pl.col("ordered_at") >= cutoff - timedelta(days=365)) & (pl.col("ordered_at") < cutoff - timedelta(days=275))
    money = seen.group_by("account").agg(
        spend(30).alias("s30"), spend(90).alias("s90"), spend(180).alias("s180"), spend(360).alias("s360"), spend(365).alias("s365"),
        pl.col("amount").filter(last_year).sum().alias("s_last_year"),
        pl.col("amount").sum().alias("s_total"),
        (-pl.col("amount").filter(age(365) & (pl.col("amount") < 0)).sum()).alias("returned365"),
        pl.col("discount").filter(age(90)).sum().alias("discount90"),
        (pl.col("amount") + pl.col("discount")).filter(age(90)).sum().alias("gross90"),
        pl.col("discount").filter(age(365)).sum().alias("discount365"),
        (pl.col("amount") + pl.col("discount")).filter(age(365)).sum().alias("gross365"),
        pl.col("cost").filter(age(365)).sum().alias("cost365"),
        pl.col("amount").filter(age(365) & pl.col("cost").is_not_null()).sum().alias("revenue365"),
    )
    orders = seen.group_by("account", "order_id").agg(
        pl.col("ordered_at").min(), pl.col("amount").sum().alias("net"),
        pl.col("amount").filter(pl.col("amount") < 0).sum().alias("returned"),
    )
    returns = orders.group_by("account").agg((age(365) & (pl.col("returned") < 0)).sum().alias("return_orders_365d"))
    bought = orders.filter(pl.col("net") > 0)
    first = pl.col("ordered_at").min()
    purchases = bought.group_by("account").agg(
        first.alias("first_purchase_at"), pl.col("ordered_at").max().alias("last_purchase_at"),
        age(30).sum().alias("n30"), age(90).sum().alias("n90"), age(180).sum().alias("n180"), age(360).sum().alias("n360"), age(365).sum().alias("n365"),
        last_year.sum().alias("n_last_year"), pl.len().alias("orders_total"),
        pl.col("net").filter(age(90)).sum().alias("b90"), pl.col("net").filter(age(365)).sum().alias("b365"),
        pl.col("net").filter(age(365)).max().alias("largest"), pl.col("net").sort_by("ordered_at").last().alias("basket_last"),
        (pl.col("ordered_at") >= pl.lit(cutoff) - (pl.lit(cutoff) - first) / 2).sum().alias("recent_half"),
    )
    days = bought.select("account", pl.col("ordered_at").dt.date().alias("day")).unique().sort("account", "day")
    gaps = days.with_columns(pl.col("day").diff().over("account").dt.total_days().alias("gap"))
    age_of_day = (pl.lit(today) - pl.col("day")).dt.total_days()
    month = pl.col("day").dt.year() * 12 + pl.col("day").dt.month()
    now = (cutoff - timedelta(seconds=1)).year * 12 + (cutoff - timedelta(seconds=1)).month
    rhythm = gaps.group_by("account").agg(
        (age_of_day <= 90).sum().alias("buying_days_90d"), (age_of_day <= 365).sum().alias("buying_days_365d"), pl.len().alias("buying_days_total"),
        age_of_day.min().alias("recency_days"), age_of_day.max().alias("tenure_days"),
        pl.col("gap").median().alias("gap_median_days"), pl.col("gap").mean().alias("gap_mean_days"), pl.col("gap").std().alias("gap_spread_days"),
        pl.col("gap").max().alias("gap_max_days"), pl.col("gap").last().alias("gap_last_days"),
        pl.col("gap").filter(age_of_day <= 90).max().alias("comeback_gap_days"),
        month.n_unique().alias("months"), month.min().alias("first_month"), month.filter(now - month < 12).n_unique().alias("active_months_12m"),
    )
    scale = 10_000.0
    share = lambda a, b: pl.when(b > 0).then(a / b)
    year = pl.col("tenure_days") >= 365
    return (
        money.join(returns, on="account").join(purchases, on="account", how="left").join(rhythm, on="account", how="left")
        .select(
            "account", "first_purchase_at", "last_purchase_at", "n30", "n90", "n180", "n365", "orders_total",
            "buying_days_90d", "buying_days_365d", "buying_days_total", "recency_days", "gap_median_days", "gap_mean_days", "gap_spread_days",
            "gap_max_days", "gap_last_days",
            (pl.col("recency_days") / pl.col("gap_median_days")).alias("recency_to_gap"),
            (pl.col("gap_spread_days") / pl.col("gap_mean_days")).alias("gap_variation"),
            share(2 * pl.col("n90").cast(pl.Int64) - pl.col("n180"), pl.col("n180")).alias("orders_trend_90d"),
            share(2 * pl.col("n180").cast(pl.Int64) - pl.col("n360"), pl.col("n360")).alias("orders_trend_180d"),
            pl.when(year).then(pl.col("n_last_year")).alias("orders_last_year_90d"),
            *[(pl.col(s) / scale).alias(s + "_base") for s in ("s30", "s90", "s180", "s365", "s_total")],
            (pl.col("s365") / scale / pl.col("tenure_days").clip(1, 365)).alias("spend_per_day"),
            ((2 * pl.col("s90") - pl.col("s180")) / (pl.col("s90").abs() + (pl.col("s180") - pl.col("s90")).abs())).alias("spend_trend_90d"),
            ((2 * pl.col("s180") - pl.col("s360")) / (pl.col("s180").abs() + (pl.col("s360") - pl.col("s180")).abs())).alias("spend_trend_180d"),
            pl.when(year).then(pl.col("s_last_year") / scale).alias("spend_last_year_90d"),
            share(pl.col("b365") / scale, pl.col("n365")).alias("basket_mean_365d"), (pl.col("basket_last") / scale).alias("basket_last"),
            ((pl.col("b90") * pl.col("n365") - pl.col("b365") * pl.col("n90")) / (pl.col("b90") * pl.col("n365") + pl.col("b365") * pl.col("n90"))).alias("basket_trend_90d"),
            share(pl.col("largest"), pl.col("b365")).alias("largest_order_share_365d"),
            (pl.col("returned365") / scale).alias("returns_365d"),
            share(pl.col("returned365"), pl.col("s365") + pl.col("returned365")).alias("returns_share_365d"), "return_orders_365d",
            share(pl.col("discount90"), pl.col("gross90")).alias("discount_share_90d"), share(pl.col("discount365"), pl.col("gross365")).alias("discount_share_365d"),
            share(pl.col("revenue365") - pl.col("cost365"), pl.col("revenue365")).alias("margin_share_365d"),
            "tenure_days", (pl.col("months") / (now - pl.col("first_month") + 1)).clip(0, 1).alias("active_month_share"), "active_months_12m",
            pl.max_horizontal("recency_days", "gap_max_days").alias("longest_silence_days"), "comeback_gap_days",
            (pl.col("recent_half") / pl.col("orders_total")).alias("recent_half_orders_share"),
        )
        .collect()
    )


def main() -> None:
    lines = pl.read_parquet(sys.argv[1])
    cutoff = datetime.fromisoformat(sys.argv[2].replace("Z", "+00:00"))
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        answer = features(lines, cutoff)
        best = min(best, time.perf_counter() - begin)
    print(best, answer.height, answer.width, pl.__version__)


main()
