package loyalty

import (
	"fmt"
	"slices"
	"strings"

	"fealty/features/frame"
	"fealty/model/score"
)

// Indicator is one of the ten measures of loyalty; it is an index into every
// table of ten.
type Indicator uint8

// The indicators: five basic, five additional.
const (
	// Repeat is regular repeat purchase.
	Repeat Indicator = iota
	// Variety is that the account buys other kinds too.
	Variety
	// Advocacy is that it recommends to others.
	Advocacy
	// Resistance is that it resists rivals: buys without promotion, bears prices, holds when offers come.
	Resistance
	// Tolerance is that it stays and recovers after complaints and failures.
	Tolerance
	// WalletShare is the share of its wallet that is spent here.
	WalletShare
	// Referrals is the accounts that it referred and that bought.
	Referrals
	// Duration is the length of the relationship.
	Duration
	// Frequency is frequency and turnover.
	Frequency
	// LifetimeValue is what the account is expected to be worth.
	LifetimeValue
)

// Indicators is the number of indicators.
const Indicators = 10

// Columns that are handed in beside the frame, because no catalogue has them.
const (
	// ExtraWalletShare is the estimated share of wallet, 0 … 1, and ExtraWalletTrend
	// its change; names of package wallet.
	ExtraWalletShare = "wallet_estimated_share"
	ExtraWalletTrend = "wallet_estimated_trend"
	// ExtraLifetimeValue is the lifetime value in base currency.
	ExtraLifetimeValue = "lifetime_value_estimate"
	// ExtraSincePurchase is the days of the calendar since the last purchase;
	// recency_days of the catalogue leaves out days of rest.
	ExtraSincePurchase = "days_since_purchase"
)

// Extras returns the names of the columns that may be handed in beside the frame.
func Extras() []string {
	return append([]string{
		ExtraWalletShare, ExtraWalletTrend, ExtraLifetimeValue, ExtraSincePurchase, ExtraServiceCost, ExtraWalletGap, ExtraPropensity,
		ExtraBuyingLife, ExtraReturnProbability, ExtraNetValueBefore, ExtraMarginEver,
	}, Items()...)
}

// Why says why a number is not there.
type Why uint8

// The reasons. Measured is the zero value: nothing is missing.
const (
	Measured Why = iota
	// NoColumn: none of the columns that it is made of is there.
	NoColumn
	// NoValue: the columns are there, but empty for this account.
	NoValue
	// NothingFailed: there was no complaint and no failure to tolerate.
	NothingFailed
	// TooYoung: the account has had no time to repeat a purchase.
	TooYoung
	// NotRecorded: nobody writes it down here: no account has any.
	NotRecorded
	// NoScale: the stored quantiles lack the column.
	NoScale
	// TooLittle: too small a weight of the indicators is measured for a score.
	TooLittle
	// TooOld: the newest answer is older than the settings allow.
	TooOld
	// NothingOpen: no complaint is open.
	NothingOpen
	// OneSided: only the values, or only the costs, of what is delivered were told.
	OneSided
	whys
)

// Term is one column's part in an indicator.
type Term struct {
	// Column is the name of the column, Unit the unit of its values.
	Column, Unit string
	// Minus is a column that is subtracted first; "" for none.
	Minus string
	// Curve maps the value to 0 … 100; nil means by the quantiles of the Scale.
	Curve Curve
	// Weight is its share in the mean of the indicator's terms that are there.
	Weight float64
	// When is a condition without which the term does not count; nil for always.
	When *Condition
	// Fallback terms count only where no term before them does.
	Fallback bool
	// Recorded terms count only if the Scale saw a value above 0: a count that is
	// 0 for everybody was not written down.
	Recorded bool
}

// Definition is all that is published of an indicator. The value is the weighted
// mean of the terms that are there.
type Definition struct {
	Indicator Indicator
	// Basic tells the basic group, (1) … (5), from the additional one.
	Basic bool
	Terms []Term
	// Any are conditions of which one must hold; Otherwise is why the indicator
	// is not measurable when none does, though a column of them has a value.
	Any       []Condition
	Otherwise Why
	// Meta holds name, labels and sentence templates.
	Meta frame.Meta
}

// Definitions returns the ten definitions in the order of the constants. What they
// point to is shared and must not be changed.
func Definitions() []Definition { return slices.Clone(definitions) }

// String returns the indicator's name as settings write it.
func (k Indicator) String() string {
	if int(k) < len(definitions) {
		return definitions[k].Meta.Name
	}
	return fmt.Sprintf("indicator(%d)", uint8(k))
}

// Names returns the indicators' names in order.
func Names() []string {
	names := make([]string, Indicators)
	for k := range names {
		names[k] = Indicator(k).String()
	}
	return names
}

// ParseIndicator returns the indicator of that name; an unknown name is refused
// with the names that there are.
func ParseIndicator(name string) (Indicator, error) {
	for k := range definitions {
		if definitions[k].Meta.Name == name {
			return Indicator(k), nil
		}
	}
	return 0, fmt.Errorf("unknown indicator %q; there are %s", name, strings.Join(Names(), ", "))
}

// Formula writes the definition for people: each term with its column, unit,
// anchors and weight, and the condition under which it counts.
func (d *Definition) Formula(lang score.Language) string {
	words := formulaEN
	if lang == score.Chinese {
		words = formulaZH
	}
	var b strings.Builder
	b.WriteString(words.head)
	for k, t := range d.Terms {
		if k > 0 {
			b.WriteString(words.next)
		}
		b.WriteString(t.Column)
		if t.Minus != "" {
			b.WriteString(" − " + t.Minus)
		}
		unit, _ := WordsOfUnit(t.Unit)
		fmt.Fprintf(&b, words.unit, unit.In(lang))
		if t.Curve != nil {
			b.WriteString(" " + t.Curve.String())
		} else {
			b.WriteString(words.quantiles)
		}
		fmt.Fprintf(&b, words.weight, t.Weight)
		if t.When != nil {
			fmt.Fprintf(&b, words.when, t.When)
		}
		if t.Fallback {
			b.WriteString(words.fallback)
		}
		if t.Recorded {
			b.WriteString(words.recorded)
		}
	}
	if len(d.Any) > 0 {
		conditions := make([]string, len(d.Any))
		for k, c := range d.Any {
			conditions[k] = c.String()
		}
		fmt.Fprintf(&b, words.any, strings.Join(conditions, words.or))
	}
	b.WriteString(words.end)
	return b.String()
}

// Terse writes all that makes the indicator's value, without a word of any language:
// equal exactly when the definitions measure the same.
func (d *Definition) Terse() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", d.Indicator)
	for _, t := range d.Terms {
		when := ""
		if t.When != nil {
			when = t.When.String()
		}
		fmt.Fprintf(&b, "[%q %q %q %v %q %t %t]", t.Column, t.Minus, t.Curve, t.Weight, when, t.Fallback, t.Recorded)
	}
	for _, c := range d.Any {
		fmt.Fprintf(&b, " any %q", c)
	}
	fmt.Fprintf(&b, " else %v", d.Otherwise)
	return b.String()
}

// Columns are those that the indicator reads, each once, in the order of its terms.
func (d *Definition) Columns() []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for i := range d.Terms {
		t := &d.Terms[i]
		add(t.Column)
		add(t.Minus)
		if t.When != nil {
			add(t.When.Column)
		}
	}
	for _, c := range d.Any {
		add(c.Column)
	}
	return names
}

type formulaWords struct{ head, next, unit, quantiles, weight, when, fallback, recorded, any, or, end string }

var (
	formulaEN = formulaWords{
		head: "Weighted mean of what is there of: ", next: "; ", unit: " (%s)", quantiles: " by the stored quantiles", weight: ", weight %v",
		when: ", counted when %s", fallback: ", only where the one before is missing", recorded: ", only if it is recorded here",
		any: ". Measurable when %s", or: " or ", end: ".",
	}
	formulaZH = formulaWords{
		head: "以下已有各项的加权平均：", next: "；", unit: "（%s）", quantiles: "按存储的分位数", weight: "，权重%v",
		when: "，当%s时计入", fallback: "，仅在前一项缺失时", recorded: "，仅在此处有记录时",
		any: "。当%s时可衡量", or: "或", end: "。",
	}
)

// definitions are the published definitions. A trend runs from −1 (all in the
// earlier half of its window) over 0 (steady) to 1. That an account holds its share
// when prices or offers move is read off the change of the estimated share of wallet,
// where there is one, and off the trend of its spend.
var definitions = []Definition{
	{
		Indicator: Repeat, Basic: true,
		Terms: []Term{
			{Column: "active_month_share", Unit: "share", Weight: 2, Curve: Curve{{0, 0}, {.25, 40}, {.5, 70}, {1, 100}}},
			{Column: "recency_to_gap", Unit: "times", Weight: 1, Curve: Curve{{1, 100}, {2, 60}, {4, 20}, {8, 0}}},
			{Column: "gap_variation", Unit: "1", Weight: 1, Curve: Curve{{0, 100}, {.5, 80}, {1, 50}, {2, 10}, {3, 0}}},
		},
		Any:       []Condition{{"buying_days_total", ">=", 2}, {"tenure_days", ">=", 90}},
		Otherwise: TooYoung,
		Meta: frame.Meta{
			Name: "repeat_purchase", LabelEN: "Regular repeat purchase", LabelZH: "经常性重复购买",
			ReasonEN: []string{"Bought in {active_month_share} of the months; the present silence is {recency_to_gap} times the usual gap", "Bought in {active_month_share} of the months", "The present silence is {recency_to_gap} times the usual gap", "The gaps between purchases vary by {gap_variation} times their mean"},
			ReasonZH: []string{"有{active_month_share}的月份购买；当前沉默为通常间隔的{recency_to_gap}倍", "有{active_month_share}的月份购买", "当前沉默为通常间隔的{recency_to_gap}倍", "购买间隔的波动为其均值的{gap_variation}倍"},
		},
	},
	{
		Indicator: Variety, Basic: true,
		Terms: []Term{
			{Column: "categories_365d", Unit: "categories", Weight: 2, Curve: Curve{{1, 0}, {2, 35}, {3, 55}, {5, 80}, {8, 100}}},
			{Column: "category_entropy_365d", Unit: "nats", Weight: 1, Curve: Curve{{0, 0}, {.7, 50}, {1.4, 80}, {2, 100}}},
		},
		Meta: frame.Meta{
			Name: "other_kinds", LabelEN: "Buys other kinds", LabelZH: "购买其他品类",
			ReasonEN: []string{"Categories bought in the last 365 days: {categories_365d}", "Spread of the spend over categories in the last 365 days: {category_entropy_365d} nats"},
			ReasonZH: []string{"近365天购买品类数：{categories_365d}", "近365天消费在各品类间的分散度：{category_entropy_365d}奈特"},
		},
	},
	{
		Indicator: Advocacy, Basic: true,
		Terms: []Term{
			{Column: "referrals_365d", Unit: "referrals", Weight: 2, Recorded: true, Curve: Curve{{0, 0}, {1, 60}, {2, 80}, {4, 100}}},
			{Column: ItemRecommend, Unit: "share", Weight: 1, Curve: Curve{{0, 0}, {.5, 30}, {.7, 50}, {.9, 90}, {1, 100}}},
		},
		Meta: frame.Meta{
			Name: "recommends", LabelEN: "Recommends to others", LabelZH: "向他人推荐",
			ReasonEN: []string{"Referrals in the last 365 days: {referrals_365d}; would recommend: {survey_recommend} of the scale", "Referrals in the last 365 days: {referrals_365d}", "Would recommend: {survey_recommend} of the scale"},
			ReasonZH: []string{"近365天推荐次数：{referrals_365d}；推荐意愿：量表的{survey_recommend}", "近365天推荐次数：{referrals_365d}", "推荐意愿：量表的{survey_recommend}"},
		},
	},
	{
		Indicator: Resistance, Basic: true,
		Terms: []Term{
			{Column: "promotion_share_365d", Unit: "share", Weight: 2, Curve: Curve{{0, 100}, {.2, 70}, {.5, 30}, {1, 0}}},
			{Column: "list_discount_share_365d", Unit: "share", Weight: 1, Curve: Curve{{0, 100}, {.1, 70}, {.3, 25}, {.5, 0}}},
			{Column: "discount_share_365d", Unit: "share", Weight: 1, Fallback: true, Curve: Curve{{0, 100}, {.1, 70}, {.3, 25}, {.5, 0}}},
			{Column: "list_price_response_365d", Unit: "1", Weight: 1, Curve: Curve{{-3, 0}, {-1, 40}, {0, 90}, {.5, 100}}},
			{Column: ExtraWalletTrend, Unit: "share", Weight: 2, When: &Condition{"competitor_offers_365d", ">", 0}, Curve: Curve{{-.4, 0}, {-.1, 50}, {0, 90}, {.05, 100}}},
			{Column: ExtraWalletTrend, Unit: "share", Weight: 1, When: &Condition{"list_price_change_365d", ">", .02}, Curve: Curve{{-.4, 0}, {-.1, 50}, {0, 90}, {.05, 100}}},
			{Column: "spend_trend_180d", Unit: "1", Weight: 2, When: &Condition{"competitor_offers_365d", ">", 0}, Curve: Curve{{-1, 0}, {-.3, 40}, {0, 90}, {.2, 100}}},
			{Column: "spend_trend_180d", Unit: "1", Weight: 1, When: &Condition{"list_price_change_365d", ">", .02}, Curve: Curve{{-1, 0}, {-.3, 40}, {0, 90}, {.2, 100}}},
		},
		Meta: frame.Meta{
			Name: "resists_rivals", LabelEN: "Resists rivals", LabelZH: "抵御竞争对手",
			ReasonEN: []string{
				"{promotion_share_365d} bought on promotion; competitors' offers told: {competitor_offers_365d}, trend of spend {spend_trend_180d}",
				"{promotion_share_365d} bought on promotion in the last 365 days", "Paid below list price in the last 365 days: {list_discount_share_365d}",
				"Discount in the last 365 days: {discount_share_365d}",
				"Competitors' offers told: {competitor_offers_365d}; trend of spend {spend_trend_180d}",
				"Competitors' offers told: {competitor_offers_365d}; the share of wallet changed by {wallet_estimated_trend}",
				"List prices moved by {list_price_change_365d}; trend of spend {spend_trend_180d}",
				"List prices moved by {list_price_change_365d}; the share of wallet changed by {wallet_estimated_trend}",
				"When list prices moved in the last 365 days, quantities moved by {list_price_response_365d} times as much",
			},
			ReasonZH: []string{
				"促销购买占{promotion_share_365d}；获知竞争对手报价{competitor_offers_365d}次，消费趋势{spend_trend_180d}",
				"近365天促销购买占{promotion_share_365d}", "近365天低于标价{list_discount_share_365d}",
				"近365天折扣率：{discount_share_365d}",
				"获知竞争对手报价{competitor_offers_365d}次；消费趋势{spend_trend_180d}",
				"获知竞争对手报价{competitor_offers_365d}次；钱包份额变化{wallet_estimated_trend}",
				"标价变动{list_price_change_365d}；消费趋势{spend_trend_180d}",
				"标价变动{list_price_change_365d}；钱包份额变化{wallet_estimated_trend}",
				"近365天标价变动时，购买量变动为其{list_price_response_365d}倍",
			},
		},
	},
	{
		Indicator: Tolerance, Basic: true,
		Terms: []Term{
			{Column: "recency_to_gap", Unit: "times", Weight: 1, Curve: Curve{{1, 100}, {2, 60}, {4, 20}, {8, 0}}},
			{Column: "spend_trend_180d", Unit: "1", Weight: 1, Curve: Curve{{-1, 0}, {-.3, 40}, {0, 90}, {.2, 100}}},
			{Column: "complaint_recency_days", Minus: ExtraSincePurchase, Unit: "days", Weight: 1, When: &Condition{"complaints_365d", ">", 0}, Curve: Curve{{-90, 0}, {0, 50}, {30, 100}}},
		},
		Any: []Condition{
			{"complaints_365d", ">", 0}, {"late_delivery_share_365d", ">", 0}, {"promises_broken_365d", ">", 0}, {"returns_quality_share_365d", ">", 0},
		},
		Otherwise: NothingFailed,
		Meta: frame.Meta{
			Name: "tolerance", LabelEN: "Stays after complaints and failures", LabelZH: "投诉与失误后仍留存",
			ReasonEN: []string{
				"Complaints in the last 365 days: {complaints_365d}; trend of spend {spend_trend_180d}",
				"After a failure, the silence is {recency_to_gap} times the usual gap", "After a failure, the trend of spend is {spend_trend_180d}",
				"Complaints in the last 365 days: {complaints_365d}; the last was {complaint_recency_days} days ago, the last purchase {days_since_purchase}",
			},
			ReasonZH: []string{
				"近365天投诉次数：{complaints_365d}；消费趋势{spend_trend_180d}",
				"失误之后，沉默为通常间隔的{recency_to_gap}倍", "失误之后，消费趋势为{spend_trend_180d}",
				"近365天投诉次数：{complaints_365d}；最近一次投诉距今{complaint_recency_days}天，最近一次购买距今{days_since_purchase}天",
			},
		},
	},
	{
		Indicator: WalletShare,
		Terms: []Term{
			{Column: "wallet_share", Unit: "share", Weight: 1, Curve: Curve{{0, 0}, {1, 100}}},
			{Column: ExtraWalletShare, Unit: "share", Weight: 1, Fallback: true, Curve: Curve{{0, 0}, {1, 100}}},
		},
		Meta: frame.Meta{
			Name: "share_of_wallet", LabelEN: "Share of wallet", LabelZH: "钱包份额",
			ReasonEN: []string{"{wallet_share} of the declared wallet is spent here", "An estimated {wallet_estimated_share} of the wallet is spent here"},
			ReasonZH: []string{"申报钱包中有{wallet_share}在此消费", "估计钱包中有{wallet_estimated_share}在此消费"},
		},
	},
	{
		Indicator: Referrals,
		Terms: []Term{
			{Column: "referrals_bought", Unit: "accounts", Weight: 1, Curve: Curve{{0, 0}, {1, 60}, {2, 80}, {3, 90}, {5, 100}}},
		},
		Meta: frame.Meta{
			Name: "effective_referrals", LabelEN: "Effective referrals", LabelZH: "有效推荐",
			ReasonEN: []string{"Accounts that it referred and that bought: {referrals_bought}"},
			ReasonZH: []string{"其推荐且已成交的客户数：{referrals_bought}"},
		},
	},
	{
		Indicator: Duration,
		Terms: []Term{
			{Column: "tenure_days", Unit: "days", Weight: 1, Curve: Curve{{0, 0}, {365, 40}, {1095, 70}, {1825, 85}, {3650, 100}}},
		},
		Meta: frame.Meta{
			Name: "duration", LabelEN: "Duration of the relationship", LabelZH: "关系持续时间",
			ReasonEN: []string{"First purchase {tenure_days} days ago"},
			ReasonZH: []string{"首次购买距今{tenure_days}天"},
		},
	},
	{
		Indicator: Frequency,
		Terms: []Term{
			{Column: "buying_days_365d", Unit: "days", Weight: 1, Curve: Curve{{0, 0}, {1, 10}, {4, 40}, {12, 75}, {24, 90}, {52, 100}}},
			{Column: "spend_365d", Unit: "base currency", Weight: 1},
		},
		Meta: frame.Meta{
			Name: "frequency_turnover", LabelEN: "Frequency and turnover", LabelZH: "购买频率与金额",
			ReasonEN: []string{"Days with a purchase in the last 365: {buying_days_365d}; spend: {spend_365d}", "Days with a purchase in the last 365: {buying_days_365d}", "Spend in the last 365 days: {spend_365d}"},
			ReasonZH: []string{"近365天购买天数：{buying_days_365d}；消费额：{spend_365d}", "近365天购买天数：{buying_days_365d}", "近365天消费额：{spend_365d}"},
		},
	},
	{
		Indicator: LifetimeValue,
		Terms: []Term{
			{Column: ExtraLifetimeValue, Unit: "base currency", Weight: 1},
		},
		Meta: frame.Meta{
			Name: "lifetime_value", LabelEN: "Lifetime value", LabelZH: "生命周期价值",
			ReasonEN: []string{"Expected lifetime value: {lifetime_value_estimate}"},
			ReasonZH: []string{"预期生命周期价值：{lifetime_value_estimate}"},
		},
	},
}
