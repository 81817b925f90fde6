package features

import "fealty/features/frame"

// The chapters of the catalogue. One entry holds everything that people and
// learners are told of a feature; the value itself is made by the SQL column of
// the same name.

// rhythm is how often and how regularly an account orders.
func rhythm() []Feature {
	return []Feature{
		{File: Orders, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "orders_30d", Unit: "orders", Group: "frequency", Factor: Frequency, Direction: frame.Lowers,
			LabelEN: "Orders in the last 30 days", LabelZH: "近30天订单数",
			ReasonEN: []string{"Orders in the last 30 days: {orders_30d}"},
			ReasonZH: []string{"近30天订单数：{orders_30d}"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "orders_90d", Unit: "orders", Group: "frequency", Factor: Frequency, Direction: frame.Lowers,
			LabelEN: "Orders in the last 90 days", LabelZH: "近90天订单数",
			ReasonEN: []string{"Orders in the last 90 days: {orders_90d}, in the last 365 days: {orders_365d}"},
			ReasonZH: []string{"近90天订单数：{orders_90d}，近365天：{orders_365d}"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "orders_180d", Unit: "orders", Group: "frequency", Factor: Frequency, Direction: frame.Lowers,
			LabelEN: "Orders in the last 180 days", LabelZH: "近180天订单数",
			ReasonEN: []string{"Orders in the last 180 days: {orders_180d}"},
			ReasonZH: []string{"近180天订单数：{orders_180d}"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "orders_365d", Unit: "orders", Group: "frequency", Factor: Frequency, Direction: frame.Lowers,
			LabelEN: "Orders in the last 365 days", LabelZH: "近365天订单数",
			ReasonEN: []string{"Orders in the last 365 days: {orders_365d}"},
			ReasonZH: []string{"近365天订单数：{orders_365d}"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "orders_total", Unit: "orders", Group: "frequency", Factor: Frequency, Direction: frame.Lowers,
			LabelEN: "Orders ever", LabelZH: "累计订单数",
			ReasonEN: []string{"Orders since the first purchase: {orders_total}"},
			ReasonZH: []string{"自首次购买以来订单数：{orders_total}"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "buying_days_90d", Unit: "days", Group: "frequency", Factor: Frequency, Direction: frame.Lowers,
			LabelEN: "Buying days in the last 90 days", LabelZH: "近90天购买天数",
			ReasonEN: []string{"Days with a purchase in the last 90: {buying_days_90d}"},
			ReasonZH: []string{"近90天内有购买的天数：{buying_days_90d}"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "buying_days_365d", Unit: "days", Group: "frequency", Factor: Frequency, Direction: frame.Lowers,
			LabelEN: "Buying days in the last 365 days", LabelZH: "近365天购买天数",
			ReasonEN: []string{"Days with a purchase in the last 365: {buying_days_365d}"},
			ReasonZH: []string{"近365天内有购买的天数：{buying_days_365d}"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "buying_days_total", Unit: "days", Group: "frequency", Factor: Frequency, Direction: frame.Lowers,
			LabelEN: "Buying days ever", LabelZH: "累计购买天数",
			ReasonEN: []string{"Days with a purchase so far: {buying_days_total}"},
			ReasonZH: []string{"迄今有购买的天数：{buying_days_total}"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "recency_days", Unit: "days", Group: "frequency", Factor: Frequency, Direction: frame.Raises, Actionable: true,
			LabelEN: "Days since the last order", LabelZH: "距上次下单天数",
			ReasonEN: []string{"No order for {recency_days} days; this account usually orders every {gap_median_days} days", "No order for {recency_days} days"},
			ReasonZH: []string{"已有{recency_days}天未下单；该客户通常每{gap_median_days}天下单一次", "已有{recency_days}天未下单"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "gap_median_days", Unit: "days", Group: "frequency", Factor: Frequency, Direction: frame.Raises,
			LabelEN: "Usual days between orders", LabelZH: "通常下单间隔天数",
			ReasonEN: []string{"Usually orders every {gap_median_days} days"},
			ReasonZH: []string{"通常每{gap_median_days}天下单一次"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "gap_mean_days", Unit: "days", Group: "frequency", Factor: Frequency, Direction: frame.Raises,
			LabelEN: "Mean days between orders", LabelZH: "平均下单间隔天数",
			ReasonEN: []string{"On average {gap_mean_days} days between orders"},
			ReasonZH: []string{"平均下单间隔{gap_mean_days}天"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "gap_spread_days", Unit: "days", Group: "frequency", Factor: Frequency, Direction: frame.Unknown,
			LabelEN: "Spread of the days between orders", LabelZH: "下单间隔的标准差",
			ReasonEN: []string{"Days between orders vary by {gap_spread_days} around {gap_mean_days}"},
			ReasonZH: []string{"下单间隔平均{gap_mean_days}天，波动{gap_spread_days}天"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "gap_max_days", Unit: "days", Group: "frequency", Factor: Frequency, Direction: frame.Unknown,
			LabelEN: "Longest gap between orders", LabelZH: "最长下单间隔",
			ReasonEN: []string{"The longest gap between two orders was {gap_max_days} days"},
			ReasonZH: []string{"两次下单之间最长间隔{gap_max_days}天"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "gap_last_days", Unit: "days", Group: "frequency", Factor: Frequency, Direction: frame.Raises,
			LabelEN: "Last gap between orders", LabelZH: "最近一次下单间隔",
			ReasonEN: []string{"The last two buying days lie {gap_last_days} days apart; usual are {gap_median_days}"},
			ReasonZH: []string{"最近两次购买相隔{gap_last_days}天；通常为{gap_median_days}天"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "recency_to_gap", Unit: "times", Group: "frequency", Factor: Frequency, Direction: frame.Raises, Actionable: true,
			LabelEN: "Silence against the usual gap", LabelZH: "沉默时长与通常间隔之比",
			ReasonEN: []string{"The silence of {recency_days} days is {recency_to_gap} times the usual gap of {gap_median_days} days"},
			ReasonZH: []string{"已沉默{recency_days}天，为通常间隔{gap_median_days}天的{recency_to_gap}倍"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "gap_variation", Unit: "1", Group: "frequency", Factor: Frequency, Direction: frame.Raises,
			LabelEN: "Irregularity of ordering", LabelZH: "下单不规律程度",
			ReasonEN: []string{"Days between orders vary by {gap_spread_days} around {gap_mean_days}"},
			ReasonZH: []string{"下单间隔平均{gap_mean_days}天，波动{gap_spread_days}天"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "orders_trend_90d", Unit: "1", Group: "frequency", Factor: Frequency, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Trend of orders, 90 days", LabelZH: "订单趋势（90天）",
			ReasonEN: []string{"Orders in the last 90 days: {orders_90d}; in the last 180 days: {orders_180d}"},
			ReasonZH: []string{"近90天订单数：{orders_90d}；近180天：{orders_180d}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "orders_trend_180d", Unit: "1", Group: "frequency", Factor: Frequency, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Trend of orders, 180 days", LabelZH: "订单趋势（180天）",
			ReasonEN: []string{"Orders in the last 180 days: {orders_180d}; in the last 365 days: {orders_365d}"},
			ReasonZH: []string{"近180天订单数：{orders_180d}；近365天：{orders_365d}"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "orders_last_year_90d", Unit: "orders", Group: "frequency", Factor: Frequency, Direction: frame.Unknown,
			LabelEN: "Orders in the coming 90 days a year ago", LabelZH: "去年同期未来90天订单数",
			ReasonEN: []string{"In the 90 days after this date a year ago: {orders_last_year_90d} orders"},
			ReasonZH: []string{"去年此后90天内订单数：{orders_last_year_90d}"},
		}},
	}
}

// value is what the orders are worth, what comes back and what is given away.
func value() []Feature {
	return []Feature{
		{File: Orders, Kind: Measured, Zero: true, Meta: frame.Meta{
			Name: "spend_30d", Unit: "base currency", Group: "value", Factor: Value, Direction: frame.Lowers,
			LabelEN: "Spend in the last 30 days", LabelZH: "近30天消费额",
			ReasonEN: []string{"Spend in the last 30 days: {spend_30d}"},
			ReasonZH: []string{"近30天消费额：{spend_30d}"},
		}},
		{File: Orders, Kind: Measured, Zero: true, Meta: frame.Meta{
			Name: "spend_90d", Unit: "base currency", Group: "value", Factor: Value, Direction: frame.Lowers,
			LabelEN: "Spend in the last 90 days", LabelZH: "近90天消费额",
			ReasonEN: []string{"Spend in the last 90 days: {spend_90d}, in the last 365 days: {spend_365d}"},
			ReasonZH: []string{"近90天消费额：{spend_90d}，近365天：{spend_365d}"},
		}},
		{File: Orders, Kind: Measured, Zero: true, Meta: frame.Meta{
			Name: "spend_180d", Unit: "base currency", Group: "value", Factor: Value, Direction: frame.Lowers,
			LabelEN: "Spend in the last 180 days", LabelZH: "近180天消费额",
			ReasonEN: []string{"Spend in the last 180 days: {spend_180d}"},
			ReasonZH: []string{"近180天消费额：{spend_180d}"},
		}},
		{File: Orders, Kind: Measured, Zero: true, Meta: frame.Meta{
			Name: "spend_365d", Unit: "base currency", Group: "value", Factor: Value, Direction: frame.Lowers,
			LabelEN: "Spend in the last 365 days", LabelZH: "近365天消费额",
			ReasonEN: []string{"Spend in the last 365 days: {spend_365d}"},
			ReasonZH: []string{"近365天消费额：{spend_365d}"},
		}},
		{File: Orders, Kind: Measured, Zero: true, Meta: frame.Meta{
			Name: "spend_total", Unit: "base currency", Group: "value", Factor: Value, Direction: frame.Lowers,
			LabelEN: "Spend ever", LabelZH: "累计消费额",
			ReasonEN: []string{"Spend since the first purchase: {spend_total}"},
			ReasonZH: []string{"自首次购买以来消费额：{spend_total}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "spend_per_day", Unit: "base currency per day", Group: "value", Factor: Value, Direction: frame.Lowers,
			LabelEN: "Run-rate per day", LabelZH: "日均消费额",
			ReasonEN: []string{"Spend per day over the last year: {spend_per_day}"},
			ReasonZH: []string{"近一年日均消费额：{spend_per_day}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "spend_trend_90d", Unit: "1", Group: "value", Factor: Value, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Trend of spend, 90 days", LabelZH: "消费趋势（90天）",
			ReasonEN: []string{"Spend in the last 90 days: {spend_90d}; in the last 180 days: {spend_180d}"},
			ReasonZH: []string{"近90天消费额：{spend_90d}；近180天：{spend_180d}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "spend_trend_180d", Unit: "1", Group: "value", Factor: Value, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Trend of spend, 180 days", LabelZH: "消费趋势（180天）",
			ReasonEN: []string{"Spend in the last 180 days: {spend_180d}; in the last 365 days: {spend_365d}"},
			ReasonZH: []string{"近180天消费额：{spend_180d}；近365天：{spend_365d}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "spend_last_year_90d", Unit: "base currency", Group: "value", Factor: Value, Direction: frame.Unknown,
			LabelEN: "Spend in the coming 90 days a year ago", LabelZH: "去年同期未来90天消费额",
			ReasonEN: []string{"In the 90 days after this date a year ago: spend of {spend_last_year_90d}"},
			ReasonZH: []string{"去年此后90天内消费额：{spend_last_year_90d}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "basket_mean_365d", Unit: "base currency", Group: "value", Factor: Value, Direction: frame.Unknown,
			LabelEN: "Mean order value in the last 365 days", LabelZH: "近365天平均订单金额",
			ReasonEN: []string{"Mean order value in the last 365 days: {basket_mean_365d}"},
			ReasonZH: []string{"近365天平均订单金额：{basket_mean_365d}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "basket_last", Unit: "base currency", Group: "value", Factor: Value, Direction: frame.Unknown,
			LabelEN: "Value of the last order", LabelZH: "最近一单金额",
			ReasonEN: []string{"The last order came to {basket_last}; the mean of the last 365 days is {basket_mean_365d}", "The last order came to {basket_last}"},
			ReasonZH: []string{"最近一单金额{basket_last}；近365天平均{basket_mean_365d}", "最近一单金额{basket_last}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "basket_trend_90d", Unit: "1", Group: "value", Factor: Value, Direction: frame.Lowers,
			LabelEN: "Trend of the order value", LabelZH: "订单金额趋势",
			ReasonEN: []string{"Mean order value in the last 365 days: {basket_mean_365d}; the last order: {basket_last}"},
			ReasonZH: []string{"近365天平均订单金额：{basket_mean_365d}；最近一单：{basket_last}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "largest_order_share_365d", Unit: "share", Group: "value", Factor: Value, Direction: frame.Unknown,
			LabelEN: "Share of the largest order in a year's spend", LabelZH: "最大订单占全年消费比例",
			ReasonEN: []string{"The largest order is {largest_order_share_365d} of the last 365 days' orders"},
			ReasonZH: []string{"最大一单占近365天订单金额的{largest_order_share_365d}"},
		}},
		{File: Orders, Kind: Measured, Zero: true, Meta: frame.Meta{
			Name: "returns_365d", Unit: "base currency", Group: "value", Factor: Satisfaction, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Returned goods in the last 365 days", LabelZH: "近365天退货金额",
			ReasonEN: []string{"Goods returned in the last 365 days: {returns_365d}"},
			ReasonZH: []string{"近365天退货金额：{returns_365d}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "returns_share_365d", Unit: "share", Group: "value", Factor: Satisfaction, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share returned in the last 365 days", LabelZH: "近365天退货比例",
			ReasonEN: []string{"{returns_share_365d} of what was bought in the last 365 days came back"},
			ReasonZH: []string{"近365天购买额中有{returns_share_365d}被退回"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "return_orders_365d", Unit: "orders", Group: "value", Factor: Satisfaction, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Orders with a return in the last 365 days", LabelZH: "近365天含退货的订单数",
			ReasonEN: []string{"Orders with a return in the last 365 days: {return_orders_365d}"},
			ReasonZH: []string{"近365天含退货的订单数：{return_orders_365d}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "discount_share_90d", Unit: "share", Group: "value", Factor: Value, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Discount in the last 90 days", LabelZH: "近90天折扣率",
			ReasonEN: []string{"Discount in the last 90 days: {discount_share_90d}; in the last 365 days: {discount_share_365d}", "Discount in the last 90 days: {discount_share_90d}"},
			ReasonZH: []string{"近90天折扣率：{discount_share_90d}；近365天：{discount_share_365d}", "近90天折扣率：{discount_share_90d}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "discount_share_365d", Unit: "share", Group: "value", Factor: Value, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Discount in the last 365 days", LabelZH: "近365天折扣率",
			ReasonEN: []string{"Discount in the last 365 days: {discount_share_365d}"},
			ReasonZH: []string{"近365天折扣率：{discount_share_365d}"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "margin_share_365d", Unit: "share", Group: "value", Factor: Value, Direction: frame.Unknown,
			LabelEN: "Margin in the last 365 days", LabelZH: "近365天毛利率",
			ReasonEN: []string{"Margin in the last 365 days: {margin_share_365d}"},
			ReasonZH: []string{"近365天毛利率：{margin_share_365d}"},
		}},
	}
}

// breadth is how many kinds of goods an account buys.
func breadth() []Feature {
	return []Feature{
		{File: Breadth, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "categories_90d", Unit: "categories", Group: "breadth", Factor: Variety, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Categories bought in the last 90 days", LabelZH: "近90天购买品类数",
			ReasonEN: []string{"Categories bought in the last 90 days: {categories_90d}, in the last 365 days: {categories_365d}"},
			ReasonZH: []string{"近90天购买品类数：{categories_90d}，近365天：{categories_365d}"},
		}},
		{File: Breadth, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "categories_365d", Unit: "categories", Group: "breadth", Factor: Variety, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Categories bought in the last 365 days", LabelZH: "近365天购买品类数",
			ReasonEN: []string{"Categories bought in the last 365 days: {categories_365d}"},
			ReasonZH: []string{"近365天购买品类数：{categories_365d}"},
		}},
		{File: Breadth, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "categories_ever", Unit: "categories", Group: "breadth", Factor: Variety, Direction: frame.Lowers,
			LabelEN: "Categories ever bought", LabelZH: "累计购买品类数",
			ReasonEN: []string{"Categories ever bought: {categories_ever}"},
			ReasonZH: []string{"累计购买品类数：{categories_ever}"},
		}},
		{File: Breadth, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "categories_gained_90d", Unit: "categories", Group: "breadth", Factor: Variety, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Categories new in the last 90 days", LabelZH: "近90天新增品类数",
			ReasonEN: []string{"Categories bought for the first time in the last 90 days: {categories_gained_90d}"},
			ReasonZH: []string{"近90天首次购买的品类数：{categories_gained_90d}"},
		}},
		{File: Breadth, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "categories_lost_90d", Unit: "categories", Group: "breadth", Factor: Variety, Direction: frame.Raises, Actionable: true,
			LabelEN: "Categories not bought for 90 days", LabelZH: "近90天未再购买的品类数",
			ReasonEN: []string{"Categories bought earlier in the year but not in the last 90 days: {categories_lost_90d}"},
			ReasonZH: []string{"一年内曾购买但近90天未再购买的品类数：{categories_lost_90d}"},
		}},
		{File: Breadth, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "products_365d", Unit: "products", Group: "breadth", Factor: Variety, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Products bought in the last 365 days", LabelZH: "近365天购买商品数",
			ReasonEN: []string{"Different products bought in the last 365 days: {products_365d}"},
			ReasonZH: []string{"近365天购买的不同商品数：{products_365d}"},
		}},
		{File: Breadth, Kind: Measured, Meta: frame.Meta{
			Name: "category_entropy_365d", Unit: "nats", Group: "breadth", Factor: Variety, Direction: frame.Lowers,
			LabelEN: "Spread of spend over categories", LabelZH: "消费在品类间的分散程度",
			ReasonEN: []string{"Categories bought in the last 365 days: {categories_365d}; the largest takes {top_category_share_365d}"},
			ReasonZH: []string{"近365天购买品类数：{categories_365d}；最大品类占{top_category_share_365d}"},
		}},
		{File: Breadth, Kind: Measured, Meta: frame.Meta{
			Name: "top_category_share_365d", Unit: "share", Group: "breadth", Factor: Variety, Direction: frame.Raises,
			LabelEN: "Share of the largest category", LabelZH: "最大品类占比",
			ReasonEN: []string{"{top_category_share_365d} of the last 365 days' spend went to one category"},
			ReasonZH: []string{"近365天消费的{top_category_share_365d}集中于一个品类"},
		}},
	}
}

// duration is how long the relationship lasts and how it filled its months.
func duration() []Feature {
	return []Feature{
		{File: Orders, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "tenure_days", Unit: "days", Group: "duration", Factor: Duration, Direction: frame.Lowers,
			LabelEN: "Days since the first purchase", LabelZH: "距首次购买天数",
			ReasonEN: []string{"First purchase {tenure_days} days ago"},
			ReasonZH: []string{"首次购买距今{tenure_days}天"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "active_month_share", Unit: "share", Group: "duration", Factor: Duration, Direction: frame.Lowers,
			LabelEN: "Share of months with a purchase", LabelZH: "有购买的月份占比",
			ReasonEN: []string{"Bought in {active_month_share} of the months since the first purchase"},
			ReasonZH: []string{"自首次购买以来{active_month_share}的月份有购买"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "active_months_12m", Unit: "months", Group: "duration", Factor: Duration, Direction: frame.Lowers,
			LabelEN: "Months with a purchase in the last 12", LabelZH: "近12个月有购买的月份数",
			ReasonEN: []string{"Months with a purchase in the last 12: {active_months_12m}"},
			ReasonZH: []string{"近12个月中有购买的月份数：{active_months_12m}"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "longest_silence_days", Unit: "days", Group: "duration", Factor: Duration, Direction: frame.Unknown,
			LabelEN: "Longest silence so far", LabelZH: "迄今最长沉默天数",
			ReasonEN: []string{"The longest silence so far lasted {longest_silence_days} days"},
			ReasonZH: []string{"迄今最长沉默{longest_silence_days}天"},
		}},
		{File: Orders, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "comeback_gap_days", Unit: "days", Group: "duration", Factor: Duration, Direction: frame.Unknown,
			LabelEN: "Silence that ended in the last 90 days", LabelZH: "近90天内结束的最长沉默天数",
			ReasonEN: []string{"A silence of {comeback_gap_days} days ended in the last 90 days"},
			ReasonZH: []string{"近90天内结束了一段{comeback_gap_days}天的沉默"},
		}},
		{File: Orders, Kind: Measured, Meta: frame.Meta{
			Name: "recent_half_orders_share", Unit: "share", Group: "duration", Factor: Duration, Direction: frame.Lowers,
			LabelEN: "Share of orders in the recent half of the relationship", LabelZH: "关系后半段订单占比",
			ReasonEN: []string{"{recent_half_orders_share} of all orders fall in the recent half of the relationship"},
			ReasonZH: []string{"全部订单中{recent_half_orders_share}发生在合作期的后半段"},
		}},
	}
}

// contracts is what binds the account.
func contracts() []Feature {
	return []Feature{
		{File: Bonds, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "contracts_in_force", Unit: "contracts", Group: "duration", Factor: Commitment, Direction: frame.Lowers,
			LabelEN: "Contracts in force", LabelZH: "有效合同数",
			ReasonEN: []string{"Contracts in force: {contracts_in_force}"},
			ReasonZH: []string{"有效合同数：{contracts_in_force}"},
		}},
		{File: Bonds, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "contracts_recurring", Unit: "contracts", Group: "duration", Factor: Commitment, Direction: frame.Lowers,
			LabelEN: "Recurring contracts in force", LabelZH: "有效的自动续约合同数",
			ReasonEN: []string{"Recurring contracts in force: {contracts_recurring}"},
			ReasonZH: []string{"有效的自动续约合同数：{contracts_recurring}"},
		}},
		{File: Bonds, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "contract_next_end_days", Unit: "days", Group: "duration", Factor: Commitment, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Days to the next contract end", LabelZH: "距最近合同到期天数",
			ReasonEN: []string{"The next contract ends in {contract_next_end_days} days"},
			ReasonZH: []string{"最近的合同将在{contract_next_end_days}天后到期"},
		}},
		{File: Bonds, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "contract_days_left", Unit: "days", Group: "duration", Factor: Commitment, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Days left under contract", LabelZH: "合同剩余天数",
			ReasonEN: []string{"The last contract ends in {contract_days_left} days"},
			ReasonZH: []string{"最后一份合同将在{contract_days_left}天后到期"},
		}},
		{File: Bonds, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "contract_age_days", Unit: "days", Group: "duration", Factor: Commitment, Direction: frame.Lowers,
			LabelEN: "Days under contract", LabelZH: "合同已履行天数",
			ReasonEN: []string{"Under contract for {contract_age_days} days"},
			ReasonZH: []string{"合同已履行{contract_age_days}天"},
		}},
		{File: Bonds, Part: Cancellations, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "contracts_running_out", Unit: "contracts", Group: "duration", Factor: Commitment, Direction: frame.Raises, Actionable: true,
			LabelEN: "Cancelled contracts still in force", LabelZH: "已取消但仍有效的合同数",
			ReasonEN: []string{"Contracts cancelled and still running: {contracts_running_out}"},
			ReasonZH: []string{"已取消但尚未到期的合同数：{contracts_running_out}"},
		}},
		{File: Bonds, Part: Cancellations, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "contracts_cancelled_365d", Unit: "contracts", Group: "duration", Factor: Commitment, Direction: frame.Raises, Actionable: true,
			LabelEN: "Contracts cancelled in the last 365 days", LabelZH: "近365天取消的合同数",
			ReasonEN: []string{"Contracts cancelled in the last 365 days: {contracts_cancelled_365d}"},
			ReasonZH: []string{"近365天取消的合同数：{contracts_cancelled_365d}"},
		}},
		{File: Bonds, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "contract_gap_days", Unit: "days", Group: "duration", Factor: Commitment, Direction: frame.Raises, Actionable: true,
			LabelEN: "Days without a contract", LabelZH: "无合同天数",
			ReasonEN: []string{"No contract in force for {contract_gap_days} days"},
			ReasonZH: []string{"已有{contract_gap_days}天无有效合同"},
		}},
		{File: Bonds, Kind: Measured, Meta: frame.Meta{
			Name: "contract_amount", Unit: "base currency", Group: "duration", Factor: Commitment, Direction: frame.Lowers,
			LabelEN: "Amount of the contracts in force", LabelZH: "有效合同金额",
			ReasonEN: []string{"Contracts in force amount to {contract_amount}"},
			ReasonZH: []string{"有效合同金额：{contract_amount}"},
		}},
	}
}

// wallet is what the account declared to spend with all its suppliers, and our part of it.
func wallet() []Feature {
	return []Feature{
		{File: Declarations, Kind: Measured, Meta: frame.Meta{
			Name: "wallet_declared", Unit: "base currency per year", Group: "wallet", Factor: Wallet, Direction: frame.Unknown,
			LabelEN: "Declared yearly wallet", LabelZH: "申报的年度采购总额",
			ReasonEN: []string{"Declared spend with all suppliers: {wallet_declared} a year"},
			ReasonZH: []string{"申报的全部供应商年采购额：{wallet_declared}"},
		}},
		{File: Declarations, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "wallet_age_days", Unit: "days", Group: "wallet", Factor: Wallet, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Age of the declared wallet", LabelZH: "采购总额申报距今天数",
			ReasonEN: []string{"The wallet was declared {wallet_age_days} days ago"},
			ReasonZH: []string{"采购总额申报于{wallet_age_days}天前"},
		}},
		{File: Declarations, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "wallet_categories", Unit: "categories", Group: "wallet", Factor: Wallet, Direction: frame.Unknown,
			LabelEN: "Categories with a declared wallet", LabelZH: "已申报采购额的品类数",
			ReasonEN: []string{"Categories with a declared wallet: {wallet_categories}"},
			ReasonZH: []string{"已申报采购额的品类数：{wallet_categories}"},
		}},
		{Kind: DeclaredSpend, Of: []string{"spend_365d", "wallet_declared"}, Meta: frame.Meta{
			Name: "wallet_spend_365d", Unit: "base currency", Group: "wallet", Factor: Wallet, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Spend in what the wallet was declared for", LabelZH: "申报范围内的消费额",
			ReasonEN: []string{"Spent here in what the wallet was declared for, in the last 365 days: {wallet_spend_365d}"},
			ReasonZH: []string{"近365天在申报范围内的本公司消费：{wallet_spend_365d}"},
		}},
		{Kind: DeclaredShare, Of: []string{"spend_365d", "wallet_declared"}, Meta: frame.Meta{
			Name: "wallet_share", Unit: "share", Group: "wallet", Factor: Wallet, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Share of the declared wallet", LabelZH: "申报采购额中的份额",
			ReasonEN: []string{"{wallet_share} of the declared wallet was spent here in the last 365 days"},
			ReasonZH: []string{"近365天在本公司的消费占申报采购额的{wallet_share}"},
		}},
		{Kind: DeclaredGap, Of: []string{"spend_365d", "wallet_declared"}, Meta: frame.Meta{
			Name: "wallet_gap", Unit: "base currency", Group: "wallet", Factor: Wallet, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Declared wallet spent elsewhere", LabelZH: "流向他处的申报采购额",
			ReasonEN: []string{"Declared wallet of {wallet_declared}, spent here of it in the last 365 days: {wallet_spend_365d}"},
			ReasonZH: []string{"申报采购额{wallet_declared}，近365天其中在本公司消费{wallet_spend_365d}"},
		}},
		{Kind: LeastCategoryShare, Meta: frame.Meta{
			Name: "wallet_least_category_share", Unit: "share", Group: "wallet", Factor: Wallet, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Smallest share of a declared category", LabelZH: "申报品类中的最低份额",
			ReasonEN: []string{"In one declared category the share spent here is {wallet_least_category_share}"},
			ReasonZH: []string{"某一申报品类中本公司份额为{wallet_least_category_share}"},
		}},
		{Kind: LargestCategoryGap, Meta: frame.Meta{
			Name: "wallet_largest_category_gap", Unit: "base currency", Group: "wallet", Factor: Wallet, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Largest declared category amount spent elsewhere", LabelZH: "单一品类流向他处的最大申报额",
			ReasonEN: []string{"In one declared category {wallet_largest_category_gap} a year is not spent here"},
			ReasonZH: []string{"某一申报品类每年有{wallet_largest_category_gap}未在本公司消费"},
		}},
	}
}

// contact is how we are in touch, how complaints went and what the account answered.
func contact() []Feature {
	return []Feature{
		{File: Contact, Part: Visits, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "visits_90d", Unit: "visits", Group: "contact", Factor: Relationship, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Visits in the last 90 days", LabelZH: "近90天拜访次数",
			ReasonEN: []string{"Visits in the last 90 days: {visits_90d}"},
			ReasonZH: []string{"近90天拜访次数：{visits_90d}"},
		}},
		{File: Contact, Part: Calls, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "calls_90d", Unit: "calls", Group: "contact", Factor: Relationship, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Calls in the last 90 days", LabelZH: "近90天通话次数",
			ReasonEN: []string{"Calls in the last 90 days: {calls_90d}"},
			ReasonZH: []string{"近90天通话次数：{calls_90d}"},
		}},
		{File: Contact, Part: Emails, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "emails_90d", Unit: "emails", Group: "contact", Factor: Relationship, Direction: frame.Lowers, Actionable: true,
			LabelEN: "E-mails in the last 90 days", LabelZH: "近90天邮件次数",
			ReasonEN: []string{"E-mails in the last 90 days: {emails_90d}"},
			ReasonZH: []string{"近90天邮件次数：{emails_90d}"},
		}},
		{File: Contact, Part: Meetings, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "contacts_365d", Unit: "contacts", Group: "contact", Factor: Relationship, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Contacts in the last 365 days", LabelZH: "近365天联系次数",
			ReasonEN: []string{"Visits, calls and e-mails in the last 365 days: {contacts_365d}"},
			ReasonZH: []string{"近365天拜访、通话和邮件次数：{contacts_365d}"},
		}},
		{File: Contact, Part: Meetings, Kind: Measured, Meta: frame.Meta{
			Name: "contacts_trend_180d", Unit: "1", Group: "contact", Factor: Relationship, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Trend of contacts, 180 days", LabelZH: "联系趋势（180天）",
			ReasonEN: []string{"Visits, calls and e-mails in the last 365 days: {contacts_365d}; last contact {contact_recency_days} days ago"},
			ReasonZH: []string{"近365天拜访、通话和邮件次数：{contacts_365d}；最近一次联系在{contact_recency_days}天前"},
		}},
		{File: Contact, Part: Meetings, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "contact_recency_days", Unit: "days", Group: "contact", Factor: Relationship, Direction: frame.Raises, Actionable: true,
			LabelEN: "Days since the last contact", LabelZH: "距上次联系天数",
			ReasonEN: []string{"Last visit, call or e-mail {contact_recency_days} days ago"},
			ReasonZH: []string{"最近一次拜访、通话或邮件在{contact_recency_days}天前"},
		}},
		{File: Contact, Part: Care, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "care_365d", Unit: "contacts", Group: "contact", Factor: Relationship, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Acts of care in the last 365 days", LabelZH: "近365天客户关怀次数",
			ReasonEN: []string{"Acts of care in the last 365 days: {care_365d}"},
			ReasonZH: []string{"近365天客户关怀次数：{care_365d}"},
		}},
		{File: Contact, Part: Purposes, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "contacts_care_365d", Unit: "contacts", Group: "contact", Factor: Relationship, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Contacts for care in the last 365 days", LabelZH: "近365天以关怀为目的的联系次数",
			ReasonEN: []string{"Visits, calls and e-mails for the sake of care in the last 365 days: {contacts_care_365d}"},
			ReasonZH: []string{"近365天以关怀为目的的拜访、通话和邮件次数：{contacts_care_365d}"},
		}},
		{File: Contact, Part: Purposes, Kind: Measured, Meta: frame.Meta{
			Name: "contacts_care_share_365d", Unit: "share", Group: "contact", Factor: Relationship, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Share of contacts for care", LabelZH: "以关怀为目的的联系占比",
			ReasonEN: []string{"{contacts_care_share_365d} of the visits, calls and e-mails with a purpose in the last 365 days were for care"},
			ReasonZH: []string{"近365天有明确目的的拜访、通话和邮件中{contacts_care_share_365d}用于关怀"},
		}},
		{File: Contact, Part: Complaints, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "complaints_90d", Unit: "complaints", Group: "contact", Factor: Satisfaction, Direction: frame.Raises, Actionable: true,
			LabelEN: "Complaints in the last 90 days", LabelZH: "近90天投诉次数",
			ReasonEN: []string{"Complaints in the last 90 days: {complaints_90d}"},
			ReasonZH: []string{"近90天投诉次数：{complaints_90d}"},
		}},
		{File: Contact, Part: Complaints, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "complaints_365d", Unit: "complaints", Group: "contact", Factor: Satisfaction, Direction: frame.Raises, Actionable: true,
			LabelEN: "Complaints in the last 365 days", LabelZH: "近365天投诉次数",
			ReasonEN: []string{"Complaints in the last 365 days: {complaints_365d}"},
			ReasonZH: []string{"近365天投诉次数：{complaints_365d}"},
		}},
		{File: Contact, Part: Resolutions, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "complaints_open", Unit: "complaints", Group: "contact", Factor: Satisfaction, Direction: frame.Raises, Actionable: true,
			LabelEN: "Open complaints", LabelZH: "未解决投诉数",
			ReasonEN: []string{"Open complaints: {complaints_open}, the oldest for {complaint_open_days} days", "Open complaints: {complaints_open}"},
			ReasonZH: []string{"未解决投诉数：{complaints_open}，最早的已{complaint_open_days}天", "未解决投诉数：{complaints_open}"},
		}},
		{File: Contact, Part: Resolutions, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "complaint_open_days", Unit: "days", Group: "contact", Factor: Satisfaction, Direction: frame.Raises, Actionable: true,
			LabelEN: "Age of the oldest open complaint", LabelZH: "最早未解决投诉的天数",
			ReasonEN: []string{"A complaint has been open for {complaint_open_days} days"},
			ReasonZH: []string{"有一项投诉已{complaint_open_days}天未解决"},
		}},
		{File: Contact, Part: Complaints, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "complaint_recency_days", Unit: "days", Group: "contact", Factor: Satisfaction, Direction: frame.Lowers,
			LabelEN: "Days since the last complaint", LabelZH: "距上次投诉天数",
			ReasonEN: []string{"Last complaint {complaint_recency_days} days ago"},
			ReasonZH: []string{"最近一次投诉在{complaint_recency_days}天前"},
		}},
		{File: Contact, Part: Resolutions, Kind: Measured, Meta: frame.Meta{
			Name: "complaints_resolved_share_365d", Unit: "share", Group: "contact", Factor: Satisfaction, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Share of complaints resolved", LabelZH: "投诉解决率",
			ReasonEN: []string{"{complaints_resolved_share_365d} of the last 365 days' complaints are resolved"},
			ReasonZH: []string{"近365天投诉已解决{complaints_resolved_share_365d}"},
		}},
		{File: Contact, Part: Resolutions, Kind: Measured, Meta: frame.Meta{
			Name: "complaint_resolution_days", Unit: "days", Group: "contact", Factor: Satisfaction, Direction: frame.Raises, Actionable: true,
			LabelEN: "Mean days to resolve a complaint", LabelZH: "投诉平均解决天数",
			ReasonEN: []string{"Complaints took {complaint_resolution_days} days to resolve on average"},
			ReasonZH: []string{"投诉平均{complaint_resolution_days}天解决"},
		}},
		{File: Contact, Part: Mentions, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "referrals_365d", Unit: "referrals", Group: "contact", Factor: Advocacy, Direction: frame.Lowers,
			LabelEN: "Referrals in the last 365 days", LabelZH: "近365天推荐次数",
			ReasonEN: []string{"Referrals in the last 365 days: {referrals_365d}"},
			ReasonZH: []string{"近365天推荐次数：{referrals_365d}"},
		}},
		{File: Contact, Part: Ratings, Kind: Measured, Meta: frame.Meta{
			Name: "survey_last", Unit: "points", Group: "contact", Factor: Satisfaction, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Last survey answer", LabelZH: "最近一次调查评分",
			ReasonEN: []string{"Last survey answer: {survey_last}, {survey_recency_days} days ago"},
			ReasonZH: []string{"最近一次调查评分：{survey_last}，{survey_recency_days}天前"},
		}},
		{File: Contact, Part: Ratings, Kind: Measured, Meta: frame.Meta{
			Name: "survey_mean_365d", Unit: "points", Group: "contact", Factor: Satisfaction, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Mean survey answer in the last 365 days", LabelZH: "近365天平均调查评分",
			ReasonEN: []string{"Mean survey answer in the last 365 days: {survey_mean_365d}"},
			ReasonZH: []string{"近365天平均调查评分：{survey_mean_365d}"},
		}},
		{File: Contact, Part: Ratings, Kind: Measured, Meta: frame.Meta{
			Name: "survey_change", Unit: "points", Group: "contact", Factor: Satisfaction, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Change from the survey before", LabelZH: "较上次调查的变化",
			ReasonEN: []string{"Last survey answer: {survey_last}, changed by {survey_change} from the one before"},
			ReasonZH: []string{"最近一次调查评分：{survey_last}，较上次变化{survey_change}"},
		}},
		{File: Contact, Part: Ratings, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "survey_recency_days", Unit: "days", Group: "contact", Factor: Satisfaction, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Days since the last survey answer", LabelZH: "距上次调查天数",
			ReasonEN: []string{"Last survey answer {survey_recency_days} days ago"},
			ReasonZH: []string{"最近一次调查回复在{survey_recency_days}天前"},
		}},
	}
}
