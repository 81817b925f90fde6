package loyalty

import (
	"fmt"
	"math"
	"strings"

	"fealty/model/score"
)

// Columns of commercial value that are handed in. Amounts are in base currency.
const (
	// ExtraServiceCost is what serving the account cost in the last 365 days.
	ExtraServiceCost = "service_cost_365d"
	// ExtraWalletGap is the estimated yearly spend elsewhere, where none is declared; a
	// name of package wallet.
	ExtraWalletGap = "wallet_estimated_gap"
	// ExtraPropensity is the probability that the account buys of it here, 0 … 1.
	ExtraPropensity = "wallet_propensity"
	// ExtraReferredMargin is the yearly margin of the accounts that it referred.
	ExtraReferredMargin = "referred_margin_365d"
	// ExtraReturnProbability is the probability that an account already gone buys
	// again within a year.
	ExtraReturnProbability = "return_probability"
)

// ValueSettings are the assumptions of commercial value; they stand in the answer.
type ValueSettings struct {
	// MarginRate is the margin per unit of revenue where cost is not known, 0 … 1.
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
	// ReferralWorth. It stands at those accounts too, so sums over accounts count it twice.
	Influence []float64
	// Learning is what a person entered.
	Learning []float64
	// Total is Existing plus what is known of the other three; NaN without Existing.
	Total []float64
	// Revenue tells where Existing is made of revenue × MarginRate, because cost is
	// not known; Served and Overdue where those costs were taken off.
	Revenue, Served, Overdue []bool
}

// Value computes the four parts of every row.
//
//	existing  = spend_365d × margin_share_365d, or spend_365d × margin_rate
//	            − service_cost_365d − overdue_amount × overdue_rate × min(1, overdue_days ÷ 365)
//	potential = (wallet_gap, else wallet_estimated_gap) × wallet_propensity
//	influence = referred_margin_365d, else referrals_bought × referral_worth
//	learning  = the newest manual entry
func Value(in Input, settings Settings) (*Worth, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	n, cols := in.rows(), in.columns()
	numbers := make([]float64, 5*n)
	part := func(k int) []float64 { return numbers[k*n : (k+1)*n : (k+1)*n] }
	w := &Worth{
		Existing: part(0), Potential: part(1), Influence: part(2), Learning: part(3), Total: part(4),
		Revenue: make([]bool, n), Served: make([]bool, n), Overdue: make([]bool, n),
	}
	spend, margin, service := cols.of("spend_365d"), cols.of("margin_share_365d"), cols.of(ExtraServiceCost)
	overdue, days := cols.of("overdue_amount"), cols.of("overdue_days")
	gap, estimate, propensity := cols.of("wallet_gap"), cols.of(ExtraWalletGap), cols.of(ExtraPropensity)
	referred, bought := cols.of(ExtraReferredMargin), cols.of("referrals_bought")
	learning := in.manuals(ManualLearning)
	for i := range n {
		rate := at(margin, i)
		if math.IsNaN(rate) {
			rate, w.Revenue[i] = settings.Value.MarginRate, true
		}
		existing := at(spend, i) * rate
		if cost := at(service, i); !math.IsNaN(cost) {
			existing, w.Served[i] = existing-cost, true
		}
		// No overdue invoice has no days: its cost is 0.
		if amount := at(overdue, i); !math.IsNaN(amount) {
			years := at(days, i) / 365
			if math.IsNaN(years) {
				years = 0
			}
			existing, w.Overdue[i] = existing-amount*settings.Value.OverdueRate*min(1, max(0, years)), true
		}
		w.Existing[i] = existing
		w.Potential[i] = firstOf(at(gap, i), at(estimate, i)) * rate * at(propensity, i)
		counted := math.NaN()
		if settings.Value.ReferralWorth > 0 {
			counted = at(bought, i) * settings.Value.ReferralWorth
		}
		w.Influence[i] = firstOf(at(referred, i), counted)
		w.Learning[i] = math.NaN()
		if m := learning[i]; m != nil {
			w.Learning[i] = m.Value
		}
		w.Total[i] = existing + known(w.Potential[i]) + known(w.Influence[i]) + known(w.Learning[i])
	}
	return w, nil
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
	Existing:  {"margin (or revenue × margin rate) of the last 365 days − service cost − cost of overdue money, where known", "近365天毛利（或收入×毛利率）− 服务成本 − 逾期资金成本（已知部分）"},
	Potential: {"margin (or margin rate) of the yearly wallet gap × probability of buying of it here within the horizon", "年度钱包缺口的毛利（或×毛利率）×期内在此购买的概率"},
	Influence: {"margin of referred accounts, or referrals that bought × worth of one", "被推荐客户的毛利，或有效推荐数×单个推荐价值"},
	Learning:  {"entered by a person", "人工填写"},
}

// Label names the part.
func (p WorthPart) Label(lang score.Language) string { return label(worthWords, p, lang) }

// Formula says how it is computed.
func (p WorthPart) Formula(lang score.Language) string { return label(worthFormulas, p, lang) }

// WorthParts returns the four parts.
func WorthParts() []WorthPart { return []WorthPart{Existing, Potential, Influence, Learning} }

// Sentence says the four parts of row i. It panics when there is no such row.
func (w *Worth) Sentence(i int, lang score.Language) string {
	parts := make([]string, 0, len(WorthParts()))
	for k, v := range []float64{w.Existing[i], w.Potential[i], w.Influence[i], w.Learning[i]} {
		text := Words{"not measurable", "无法衡量"}.In(lang)
		if !math.IsNaN(v) {
			text = score.Format(v, "base currency")
		}
		parts = append(parts, WorthParts()[k].Label(lang)+Words{": ", "："}.In(lang)+text)
	}
	return strings.Join(parts, Words{"; ", "；"}.In(lang))
}
