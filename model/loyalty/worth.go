package loyalty

import (
	"fmt"
	"math"

	"fealty/model"
	"fealty/model/score"
)

// Columns of commercial value that are handed in. Amounts are in base currency.
const (
	// ExtraServiceCost is what contacts with the account cost in the last 365 days.
	ExtraServiceCost = "service_cost_365d"
	// ExtraWalletGap is the estimated yearly spend elsewhere, where none is declared; a
	// name of package wallet.
	ExtraWalletGap = "wallet_estimated_gap"
	// ExtraPropensity is the probability that the account buys of it here, 0 … 1.
	ExtraPropensity = "wallet_propensity"
	// ExtraReturnProbability is the probability that an account already gone buys
	// again within the horizon.
	ExtraReturnProbability = "return_probability"
	// ExtraMarginEver is the margin per unit of revenue of the whole history seen, by what
	// says its cost; see MarginOf.
	ExtraMarginEver = "margin_share_ever"
	// ExtraBuyingLife is how many days lie between the first purchase and the last.
	ExtraBuyingLife = "buying_life_days"
)

// ValueSettings are the assumptions of commercial value; they stand in the answer.
type ValueSettings struct {
	// MarginRate is the margin per unit of revenue of an account of whose revenue no cost
	// was ever known, 0 … 1.
	MarginRate float64 `yaml:"margin_rate"`
	// OverdueRate is the yearly cost of money that is overdue, per unit.
	OverdueRate float64 `yaml:"overdue_rate"`
	// ReferralWorth is the yearly value of one referred account that bought, where
	// its own margin is not handed in; 0 makes influence not measurable then.
	ReferralWorth float64 `yaml:"referral_worth"`
}

func defaultValue() ValueSettings { return ValueSettings{MarginRate: 1, OverdueRate: .1} }

func (v ValueSettings) validate() error {
	switch {
	case !shareOK(v.MarginRate):
		return fmt.Errorf("margin_rate is %v; give a share of 0 … 1", v.MarginRate)
	case !(v.OverdueRate >= 0 && v.OverdueRate <= 10):
		return fmt.Errorf("overdue_rate is %v; give the yearly cost of money as a share, 0 … 10", v.OverdueRate)
	case !atLeast0(v.ReferralWorth):
		return fmt.Errorf("referral_worth is %v; give an amount of 0 or more", v.ReferralWorth)
	}
	return nil
}

// Worth is commercial value in four parts, in columns, base currency per year. A
// part that is not measurable is NaN.
type Worth struct {
	// Existing is margin of the last 365 days − service cost − cost of overdue money;
	// each of the two costs where it is known.
	Existing []float64
	// Potential is the margin of the wallet gap × propensity.
	Potential []float64
	// Influence is the margin of referred accounts, or referrals that bought ×
	// ReferralWorth. The margin stands at those accounts too, so sums over accounts count
	// it twice.
	Influence []float64
	// Learning is what a person entered.
	Learning []float64
	// Total is Existing plus what is known of the other three; NaN without Existing.
	Total []float64

	// What the parts are made of, NaN where it is not known. Rate is the margin per unit
	// of revenue, and RateBy what it rests on (MarginOf); Served and Overdue are the costs
	// taken off, Gap and Propensity make Potential, Referred accounts the margin
	// ReferredMargin.
	Spend, Rate, Served, Overdue, Gap, Propensity, Referred, ReferredMargin []float64
	RateBy                                                                  []PartCode
}

// MarginOf is the margin per unit of revenue that stands for an account, and what it
// rests on: its own of the last 365 days (PartMargin), else its own of the whole
// history seen (PartMarginEver), else rate (PartMarginRate). NaN stands for one that is
// not known.
func MarginOf(own, ever, rate float64) (float64, PartCode) {
	switch {
	case !math.IsNaN(own):
		return own, PartMargin
	case !math.IsNaN(ever):
		return ever, PartMarginEver
	}
	return rate, PartMarginRate
}

// Value computes the four parts of every row.
//
//	existing  = spend_365d × (margin_share_365d, else margin_share_ever, else margin_rate)
//	            − service_cost_365d − overdue_amount × overdue_rate × min(1, overdue_days ÷ 365)
//	potential = (wallet_gap, else wallet_estimated_gap), at least 0, × its margin × wallet_propensity; 0 where there is no gap
//	influence = Σ spend_365d × margin of the referred accounts, else referrals_bought × referral_worth
//	learning  = the newest manual entry
func Value(in Input, settings Settings) (*Worth, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	n, cols := in.rows(), in.columns()
	numbers := make([]float64, 13*n)
	part := func(k int) []float64 { return numbers[k*n : (k+1)*n : (k+1)*n] }
	w := &Worth{
		Existing: part(0), Potential: part(1), Influence: part(2), Learning: part(3), Total: part(4),
		Spend: part(5), Rate: part(6), Served: part(7), Overdue: part(8), Gap: part(9), Propensity: part(10), Referred: part(11), ReferredMargin: part(12),
		RateBy: make([]PartCode, n),
	}
	spend, service := cols.of("spend_365d"), cols.of(ExtraServiceCost)
	margin, ever := cols.of("margin_share_365d"), cols.of(ExtraMarginEver)
	overdue, days := cols.of("overdue_amount"), cols.of("overdue_days")
	gap, estimate, propensity := cols.of("wallet_gap"), cols.of(ExtraWalletGap), cols.of(ExtraPropensity)
	bought, learning := cols.of("referrals_bought"), in.manuals(ManualLearning)
	for i := range n {
		w.Spend[i] = at(spend, i)
		w.Rate[i], w.RateBy[i] = MarginOf(at(margin, i), at(ever, i), settings.Value.MarginRate)
	}
	w.refer(in.Referrals)
	for i := range n {
		w.Served[i], w.Overdue[i] = at(service, i), math.NaN()
		// No overdue invoice has no days: its cost is 0.
		if amount := at(overdue, i); !math.IsNaN(amount) {
			years := at(days, i) / 365
			if math.IsNaN(years) {
				years = 0
			}
			w.Overdue[i] = amount * settings.Value.OverdueRate * min(1, max(0, years))
		}
		existing := w.Spend[i]*w.Rate[i] - known(w.Served[i]) - known(w.Overdue[i])
		w.Existing[i] = existing
		// A wallet below the account's own spend leaves nothing to win, not less than that.
		w.Gap[i], w.Propensity[i] = max(0, firstOf(at(gap, i), at(estimate, i))), at(propensity, i)
		w.Potential[i] = w.Gap[i] * w.Rate[i] * w.Propensity[i]
		if w.Gap[i] == 0 { // however likely it is to buy
			w.Potential[i] = 0
		}
		counted := math.NaN()
		if settings.Value.ReferralWorth > 0 {
			counted = at(bought, i) * settings.Value.ReferralWorth
		}
		w.Influence[i] = firstOf(w.ReferredMargin[i], counted)
		w.Learning[i] = math.NaN()
		if m := learning[i]; m != nil {
			w.Learning[i] = m.Value
		}
		w.Total[i] = existing + known(w.Potential[i]) + known(w.Influence[i]) + known(w.Learning[i])
	}
	return w, nil
}

// refer sums what the accounts that each has referred bring, NaN everywhere when no
// referral is known.
func (w *Worth) refer(referrals []Referral) {
	none := 0.0
	if referrals == nil {
		none = math.NaN()
	}
	for i := range w.Referred {
		w.Referred[i], w.ReferredMargin[i] = none, none
	}
	for _, r := range referrals {
		w.Referred[r.By]++
		w.ReferredMargin[r.By] += known(w.Spend[r.Of] * w.Rate[r.Of])
	}
}

// firstOf returns the first value that is there.
func firstOf(values ...float64) float64 {
	for _, v := range values {
		if !math.IsNaN(v) {
			return v
		}
	}
	return math.NaN()
}

// known returns 0 for a missing part of a sum that is said to be of what is known.
func known(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// WorthPart names one of the four parts.
type WorthPart string

// The parts of commercial value.
const (
	Existing  WorthPart = "existing"
	Potential WorthPart = "potential"
	Influence WorthPart = "influence"
	Learning  WorthPart = "learning"
)

var worthWords = map[WorthPart]Words{
	Existing:  {"Existing value", "现有价值"},
	Potential: {"Potential value", "潜在价值"},
	Influence: {"Influence value", "影响价值"},
	Learning:  {"Learning value", "学习价值"},
}

var worthFormulas = map[WorthPart]Words{
	Existing:  {"margin of the last 365 days (or their revenue × the account's own margin over its whole history, or × margin rate) − service cost − cost of overdue money, where known", "近365天毛利（或收入×自身全部历史的毛利率，或×设定毛利率）− 服务成本 − 逾期资金成本（已知部分）"},
	Potential: {"margin (or margin rate) of the yearly wallet gap × probability of buying of it here within the horizon", "年度钱包缺口的毛利（或×毛利率）×期内在此购买的概率"},
	Influence: {"margin of referred accounts, or referrals that bought × worth of one", "被推荐客户的毛利，或有效推荐数×单个推荐价值"},
	Learning:  {"entered by a person", "人工填写"},
}

// Label names the part.
func (p WorthPart) Label(lang score.Language) string { return label(worthWords, p, lang) }

// WorthParts returns the four parts.
func WorthParts() []WorthPart { return []WorthPart{Existing, Potential, Influence, Learning} }

// PartCode names a figure that a part of commercial value is made of.
type PartCode string

// The figures, in order.
const (
	PartRevenue        PartCode = "revenue"
	PartMargin         PartCode = "margin_share"
	PartMarginEver     PartCode = "margin_share_ever"
	PartMarginRate     PartCode = "margin_rate"
	PartService        PartCode = "service_cost"
	PartOverdue        PartCode = "overdue_cost"
	PartGap            PartCode = "wallet_gap"
	PartPropensity     PartCode = "propensity"
	PartReferred       PartCode = "referred_accounts"
	PartReferredMargin PartCode = "referred_margin"
)

var partWords = map[PartCode]struct {
	unit string
	of   WorthPart
	Words
}{
	PartRevenue:        {"base currency", Existing, Words{"Revenue of the last 365 days", "近365天收入"}},
	PartMargin:         {"share", Existing, Words{"Margin of it, by the lines that say their cost", "毛利率（按有成本的订单行）"}},
	PartMarginEver:     {"share", Existing, Words{"Margin over its whole history, because the last 365 days have no revenue of known cost", "全部历史的毛利率（近365天没有成本已知的收入）"}},
	PartMarginRate:     {"share", Existing, Words{"Margin rate assumed by loyalty.value.margin_rate, because it has no revenue of known cost", "设定的毛利率（loyalty.value.margin_rate）：没有成本已知的收入"}},
	PartService:        {"base currency", Existing, Words{"Cost of contacts in the last 365 days, taken off", "扣除近365天联系成本"}},
	PartOverdue:        {"base currency", Existing, Words{"Cost of overdue money, taken off", "扣除逾期资金成本"}},
	PartGap:            {"base currency", Potential, Words{"Spent elsewhere in a year", "每年在别处的消费"}},
	PartPropensity:     {"share", Potential, Words{"Probability of buying of that here within the horizon", "期内在此购买其中部分的概率"}},
	PartReferred:       {"accounts", Influence, Words{"Accounts referred that bought", "推荐且已购买的客户数"}},
	PartReferredMargin: {"base currency", Influence, Words{"Their margin of the last 365 days", "其近365天毛利"}},
}

// Parts are the figures that row i's value is made of, as far as they are known. It
// panics when there is no such row.
func (w *Worth) Parts(i int) []score.Part {
	var parts []score.Part
	for _, p := range []struct {
		code  PartCode
		value float64
	}{
		{PartRevenue, w.Spend[i]}, {w.RateBy[i], w.Rate[i]}, {PartService, w.Served[i]}, {PartOverdue, w.Overdue[i]},
		{PartGap, w.Gap[i]}, {PartPropensity, w.Propensity[i]}, {PartReferred, w.Referred[i]}, {PartReferredMargin, w.ReferredMargin[i]},
	} {
		if nobody := (p.code == PartReferred || p.code == PartReferredMargin) && w.Referred[i] == 0; !math.IsNaN(p.value) && !nobody {
			parts = append(parts, score.Part{Code: string(p.code), Value: model.Figure(p.value)})
		}
	}
	return parts
}

// WordsOfPart says a figure that a part of value is made of; false for an unknown one.
func WordsOfPart(p score.Part) (Words, bool) {
	w, ok := partWords[PartCode(p.Code)]
	if !ok {
		return Words{}, false
	}
	value := score.Format(float64(p.Value), w.unit)
	return Words{w.EN + ": " + value, w.ZH + "：" + value}, true
}

var marginWords = map[PartCode]Words{
	PartMargin:     {"by its own margin of the last 365 days", "按其近365天自身毛利率"},
	PartMarginEver: {"by its own margin over its whole history", "按其全部历史的自身毛利率"},
	PartMarginRate: {"by the assumed margin rate, as it has no revenue of known cost", "按设定的毛利率（没有成本已知的收入）"},
}

// WordsOfMargin says what a margin rests on (MarginOf); false for what is none.
func WordsOfMargin(by PartCode) (Words, bool) {
	w, ok := marginWords[by]
	return w, ok
}

// Of is the part of value that the figure belongs to, "" for one that is unknown here.
func (p PartCode) Of() WorthPart { return partWords[p].of }
