package loyalty

import (
	"fmt"
	"math"
	"strings"

	"fealty/model"
	"fealty/model/score"
)

// Verdict is what the figures propose for an account. It is a proposal: a bad
// relation goes to a person with its figures, nothing is shed by the machine.
type Verdict string

// The verdicts. NoVerdict is that of an account whose net value is not known, and of
// one that is gone.
const (
	NoVerdict Verdict = ""
	Keep      Verdict = "keep"
	Grow      Verdict = "grow"
	FixTerms  Verdict = "fix_terms"
	Review    Verdict = "review"
)

var verdictWords = map[Verdict]Words{
	NoVerdict: {"No verdict", "无结论"},
	Keep:      {"Keep", "维护"},
	Grow:      {"Grow", "发展"},
	FixTerms:  {"Fix the terms", "调整条款"},
	Review:    {"Review by a person", "人工复核"},
}

// Label names the verdict.
func (v Verdict) Label(lang score.Language) string { return label(verdictWords, v, lang) }

// ExtraNetValueBefore is the existing value of the year before, base currency, without
// the cost of overdue money, which is known as of today alone.
const ExtraNetValueBefore = "net_value_before"

// Ground is a fact that a verdict rests on.
type Ground string

// The grounds.
const (
	LastingLoss Ground = "lasting_loss"
	Arrears     Ground = "arrears"
	ReturnAbuse Ground = "return_abuse"
	Loss        Ground = "loss"
	Overdue     Ground = "overdue"
	DeepTerms   Ground = "deep_discount"
	Room        Ground = "room"
	Earns       Ground = "earns"
	EarnsAtRisk Ground = "earns_at_risk"
)

var groundWords = map[Ground]Words{
	LastingLoss: {"Net value {net_value} in the last year and {net_value_before} in the year before", "近一年净价值{net_value}，前一年{net_value_before}"},
	Arrears:     {"Overdue: {overdue_amount}, the oldest by {overdue_days} days, against a spend of {spend_365d} in the last 365 days", "逾期{overdue_amount}，最久{overdue_days}天；近365天消费额{spend_365d}"},
	ReturnAbuse: {"{returns_share_365d} of what was bought came back, in {return_orders_365d} orders", "购买额中{returns_share_365d}被退回，涉及{return_orders_365d}个订单"},
	Loss:        {"Net value of the last year: {net_value}", "近一年净价值：{net_value}"},
	Overdue:     {"Overdue: {overdue_amount}, the oldest by {overdue_days} days", "逾期{overdue_amount}，最久{overdue_days}天"},
	DeepTerms:   {"Discount in the last 365 days: {discount_share_365d}", "近365天折扣率：{discount_share_365d}"},
	Room:        {"Net value {net_value}, potential {potential}", "净价值{net_value}，潜在价值{potential}"},
	Earns:       {"Net value of the last year: {net_value}", "近一年净价值：{net_value}"},
	EarnsAtRisk: {"Net value of the last year: {net_value}; risk of leaving {risk}", "近一年净价值：{net_value}；流失风险{risk}"},
}

// VerdictRules are the bounds of the verdicts.
type VerdictRules struct {
	// ArrearsDays and ArrearsShare: an invoice overdue at least so many days, and an
	// overdue amount of at least so much of the spend of 365 days.
	ArrearsDays  float64 `yaml:"arrears_days"`
	ArrearsShare float64 `yaml:"arrears_share"`
	// ReturnShare and ReturnOrders: at least so much of the year's purchases came
	// back, in at least so many orders.
	ReturnShare  float64 `yaml:"return_share"`
	ReturnOrders float64 `yaml:"return_orders"`
	// OverdueDays and Discount ask for other terms.
	OverdueDays float64 `yaml:"overdue_days"`
	Discount    float64 `yaml:"discount"`
	// GrowShare: a potential of at least so much of the net value; GrowRisk: a risk
	// of at most so much.
	GrowShare float64 `yaml:"grow_share"`
	GrowRisk  float64 `yaml:"grow_risk"`
}

func defaultVerdicts() VerdictRules {
	return VerdictRules{
		ArrearsDays: 90, ArrearsShare: .1, ReturnShare: .3, ReturnOrders: 3, OverdueDays: 30, Discount: .25, GrowShare: .5, GrowRisk: .3,
	}
}

func (r VerdictRules) validate() error {
	if !(atLeast0(r.ArrearsDays) && atLeast0(r.ReturnOrders) && atLeast0(r.OverdueDays) && atLeast0(r.ArrearsShare) && atLeast0(r.GrowShare)) {
		return fmt.Errorf("verdicts: arrears_days, arrears_share, return_orders, overdue_days and grow_share must be 0 or more, have %+v", r)
	}
	if !(shareOK(r.ReturnShare) && shareOK(r.Discount) && shareOK(r.GrowRisk)) {
		return fmt.Errorf("verdicts: return_share, discount and grow_risk must be shares of 0 … 1, have %+v", r)
	}
	return nil
}

// Facts are an account's figures that a verdict looks at; NaN is not known.
type Facts struct {
	// Gone is an account that has left already.
	Gone bool
	// NetValue and NetValueBefore are the existing value of the last year and of the
	// year before, Potential what could be added per year, base currency.
	NetValue, NetValueBefore, Potential float64
	// Risk is the probability of leaving.
	Risk float64
	// The rest are the columns of those names.
	OverdueDays, OverdueAmount, Spend365d, ReturnsShare365d, ReturnOrders365d, DiscountShare365d float64
}

// Judgement is a verdict and the grounds that it rests on.
type Judgement struct {
	Verdict Verdict
	Grounds []Ground
	Facts   Facts
}

// Judge applies the rules, the first that holds:
//
//	review     lasting loss (net value below 0 in both years), arrears, or return abuse
//	no verdict gone already, or net value not known
//	fix terms  net value below 0, an overdue invoice, or a deep discount
//	grow       potential ≥ grow_share × net value and risk not above grow_risk
//	keep       all others
//
// All grounds of the verdict that hold are named.
func (r VerdictRules) Judge(f Facts) Judgement {
	j := Judgement{Facts: f}
	note := func(holds bool, g Ground) {
		if holds {
			j.Grounds = append(j.Grounds, g)
		}
	}
	note(f.NetValue < 0 && f.NetValueBefore < 0, LastingLoss)
	note(f.OverdueDays >= r.ArrearsDays && f.OverdueAmount > 0 && f.OverdueAmount >= r.ArrearsShare*f.Spend365d, Arrears)
	note(f.ReturnsShare365d >= r.ReturnShare && f.ReturnOrders365d >= r.ReturnOrders, ReturnAbuse)
	if len(j.Grounds) > 0 {
		j.Verdict = Review
		return j
	}
	if f.Gone || math.IsNaN(f.NetValue) {
		return j // whom to win back is another list
	}
	note(f.NetValue < 0, Loss)
	note(f.OverdueDays >= r.OverdueDays && f.OverdueAmount > 0, Overdue)
	note(f.DiscountShare365d >= r.Discount, DeepTerms)
	switch {
	case len(j.Grounds) > 0:
		j.Verdict = FixTerms
	case f.Potential > 0 && f.Potential >= r.GrowShare*f.NetValue && !(f.Risk > r.GrowRisk):
		j.Verdict = Grow
		note(true, Room)
	default:
		j.Verdict = Keep
		note(!(f.Risk > r.GrowRisk), Earns)
		note(f.Risk > r.GrowRisk, EarnsAtRisk)
	}
	return j
}

// Verdicts judges every row by its columns, its worth and its risk (nil when not
// known, else as long as the rows).
func Verdicts(in Input, worth *Worth, risk []float64, rules VerdictRules) ([]Judgement, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	n := in.rows()
	if len(worth.Existing) != n || (risk != nil && len(risk) != n) {
		return nil, fmt.Errorf("loyalty: worth of %d rows and %d risks for %d rows", len(worth.Existing), len(risk), n)
	}
	cols := in.columns()
	before, days, amount := cols.of(ExtraNetValueBefore), cols.of("overdue_days"), cols.of("overdue_amount")
	spend, returns, orders, discount := cols.of("spend_365d"), cols.of("returns_share_365d"), cols.of("return_orders_365d"), cols.of("discount_share_365d")
	out := make([]Judgement, n)
	for i := range out {
		out[i] = rules.Judge(Facts{
			Gone: in.Gone != nil && in.Gone[i], NetValue: worth.Existing[i], NetValueBefore: at(before, i), Potential: worth.Potential[i], Risk: at(risk, i),
			OverdueDays: at(days, i), OverdueAmount: at(amount, i), Spend365d: at(spend, i),
			ReturnsShare365d: at(returns, i), ReturnOrders365d: at(orders, i), DiscountShare365d: at(discount, i),
		})
	}
	return out, nil
}

// figures names the account's figures.
func (f *Facts) figures() map[string]float64 {
	return map[string]float64{
		"net_value": f.NetValue, "net_value_before": f.NetValueBefore, "potential": f.Potential, "risk": f.Risk,
		"overdue_days": f.OverdueDays, "overdue_amount": f.OverdueAmount, "spend_365d": f.Spend365d,
		"returns_share_365d": f.ReturnsShare365d, "return_orders_365d": f.ReturnOrders365d, "discount_share_365d": f.DiscountShare365d,
	}
}

// factUnits are the units of the figures that are no columns of features.
var factUnits = map[string]string{"net_value": "base currency", "net_value_before": "base currency", "potential": "base currency", "risk": "share"}

// Records are the grounds with all the figures that their sentences name.
func (j Judgement) Records() []score.Ground {
	if len(j.Grounds) == 0 {
		return nil
	}
	figures := j.Facts.figures()
	out := make([]score.Ground, len(j.Grounds))
	for k, g := range j.Grounds {
		out[k] = score.Ground{Code: string(g), Value: model.Figure(figures[groundFigures[g].name]), Figures: map[string]model.Figure{}}
		for name, v := range figures {
			if strings.Contains(groundWords[g].EN, "{"+name+"}") && !math.IsNaN(v) {
				out[k].Figures[name] = model.Figure(v)
			}
		}
	}
	return out
}
