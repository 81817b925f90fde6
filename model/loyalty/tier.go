package loyalty

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"

	"fealty/model/score"
)

// Tier is an account's place by value.
type Tier string

// The tiers, best first. NoTier is that of an account without a value, and of one that
// is gone.
const (
	VIP      Tier = "vip"
	Major    Tier = "major"
	Ordinary Tier = "ordinary"
	Small    Tier = "small"
	NoTier   Tier = ""
)

// Tiers returns the tiers, best first.
func Tiers() []Tier { return []Tier{VIP, Major, Ordinary, Small} }

var tierWords = map[Tier]Words{
	VIP: {"VIP", "VIP客户"}, Major: {"Major", "主要客户"}, Ordinary: {"Ordinary", "普通客户"}, Small: {"Small", "小客户"},
	NoTier: {"No tier", "未分级"},
}

// Label names the tier.
func (t Tier) Label(lang score.Language) string { return label(tierWords, t, lang) }

// Policy is what a tier is promised and what is expected of it. A bound of 0 is
// none.
type Policy struct {
	// ContactDays is the most days between contacts.
	ContactDays float64 `yaml:"contact_days"`
	// ResponseHours is the most hours to a first answer.
	ResponseHours float64 `yaml:"response_hours"`
	// PaymentDays is the term of payment, DiscountMost the largest discount as a share.
	PaymentDays  float64 `yaml:"payment_days"`
	DiscountMost float64 `yaml:"discount_most"`
}

// TierSettings are the cut points and policies.
type TierSettings struct {
	// VIPShare, MajorShare and OrdinaryShare are the shares of the accounts with a
	// value that the tiers hold, best first; the rest are small.
	VIPShare      float64 `yaml:"vip_share"`
	MajorShare    float64 `yaml:"major_share"`
	OrdinaryShare float64 `yaml:"ordinary_share"`
	// Policies are the tiers' policies by name; a tier without one has no bound. A
	// policy in a file stands as a whole: what it does not name is no bound.
	Policies map[Tier]Policy `yaml:"policies"`
}

func defaultTiers() TierSettings {
	return TierSettings{
		VIPShare: .01, MajorShare: .04, OrdinaryShare: .15,
		Policies: map[Tier]Policy{
			VIP:      {ContactDays: 14, ResponseHours: 4, PaymentDays: 60, DiscountMost: .2},
			Major:    {ContactDays: 30, ResponseHours: 8, PaymentDays: 45, DiscountMost: .15},
			Ordinary: {ContactDays: 90, ResponseHours: 24, PaymentDays: 30, DiscountMost: .1},
			Small:    {ContactDays: 180, ResponseHours: 48, PaymentDays: 30, DiscountMost: .05},
		},
	}
}

func (t TierSettings) validate() error {
	if !(shareOK(t.VIPShare) && shareOK(t.MajorShare) && shareOK(t.OrdinaryShare)) {
		return fmt.Errorf("tiers: vip_share %v, major_share %v, ordinary_share %v; give shares of 0 … 1", t.VIPShare, t.MajorShare, t.OrdinaryShare)
	}
	if sum := t.VIPShare + t.MajorShare + t.OrdinaryShare; sum > 1+1e-9 {
		return fmt.Errorf("tiers: the shares sum to %v; they may sum to 1 at most, the rest are small", round(sum))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Policies)) {
		if !slices.Contains(Tiers(), name) {
			return fmt.Errorf("tiers: policy of unknown tier %q; there are %v", name, Tiers())
		}
		p := t.Policies[name]
		if !(atLeast0(p.ContactDays) && atLeast0(p.ResponseHours) && atLeast0(p.PaymentDays) && shareOK(p.DiscountMost)) {
			return fmt.Errorf("tiers: the policy of %s has a bound below 0 or a discount above 1: %+v", name, p)
		}
	}
	return nil
}

// TiersOf places every account by value: one tier holds the accounts of which so
// many others are worth more that they still fit its share; equal values share the
// better place. A value of 0 or less is small, a missing one has no tier.
func TiersOf(value []float64, settings TierSettings) []Tier {
	sorted := present(value)
	slices.Sort(sorted)
	n := float64(len(sorted))
	tiers := make([]Tier, len(value))
	first := settings.VIPShare * n
	second := first + settings.MajorShare*n
	third := second + settings.OrdinaryShare*n
	const rounding = 1e-9 // of sums of shares
	for i, v := range value {
		if math.IsNaN(v) {
			continue
		}
		// Worth more: those after the last one that is not.
		above := n - float64(sort.Search(len(sorted), func(k int) bool { return sorted[k] > v }))
		switch {
		case v <= 0:
			tiers[i] = Small
		case above < math.Ceil(first-rounding):
			tiers[i] = VIP
		case above < math.Ceil(second-rounding):
			tiers[i] = Major
		case above < math.Ceil(third-rounding):
			tiers[i] = Ordinary
		default:
			tiers[i] = Small
		}
	}
	return tiers
}

// present copies the values that are there.
func present(values []float64) []float64 {
	out := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}

// Concentrated is a point of the 20/80 curve: the best Accounts share of the
// accounts holds Value share of the value.
type Concentrated struct{ Accounts, Value float64 }

// Concentration returns the 20/80 curve at 1, 5, 10, 20, 50 and 100 % of the
// accounts, by the sum of positive values; nil when there is none.
func Concentration(value []float64) []Concentrated {
	sorted := present(value)
	slices.SortFunc(sorted, descending)
	total := 0.0
	for _, v := range sorted {
		total += max(0, v)
	}
	if !(total > 0) {
		return nil
	}
	var points []Concentrated
	sum, k := 0.0, 0
	for _, share := range []float64{.01, .05, .1, .2, .5, 1} {
		for ; k < int(math.Ceil(share*float64(len(sorted))-1e-9)); k++ {
			sum += max(0, sorted[k])
		}
		points = append(points, Concentrated{share, sum / total})
	}
	return points
}

// BreachKind says which bound of a policy is broken.
type BreachKind string

// The kinds of breach.
const (
	ContactOverdue BreachKind = "contact_overdue"
	AnswersSlow    BreachKind = "answers_slow"
	PaysLate       BreachKind = "pays_late"
	DiscountAbove  BreachKind = "discount_above"
)

var breachWords = map[BreachKind]Words{
	ContactOverdue: {"No contact for {actual} days; the policy of the tier is {bound}", "已有{actual}天未联系；该级别政策为{bound}天"},
	AnswersSlow:    {"First answers take {actual} hours; the policy of the tier is {bound}", "首次答复平均需{actual}小时；该级别政策为{bound}小时"},
	PaysLate:       {"Invoices are paid after {actual} days; the terms of the tier are {bound}", "发票平均{actual}天后付款；该级别账期为{bound}天"},
	DiscountAbove:  {"Discount of {actual}; the terms of the tier allow {bound}", "折扣率{actual}；该级别条款允许{bound}"},
}

// Breach is a policy that is not kept for an account.
type Breach struct {
	Row           int
	Tier          Tier
	Kind          BreachKind
	Actual, Bound float64
}

// Sentence says the breach in words.
func (b Breach) Sentence(lang score.Language) string {
	unit := "days"
	if b.Kind == DiscountAbove {
		unit = "share"
	}
	return say(breachWords[b.Kind], tierWords[b.Tier], map[string]float64{"actual": b.Actual, "bound": b.Bound},
		map[string]string{"actual": unit, "bound": unit}, lang)
}

// Breaches lists the policies that are broken, by row. What is not known breaks
// nothing; an account that was never contacted where contacts are kept has gone
// without one since its first purchase. tiers is as long as the input's rows.
func Breaches(in Input, tiers []Tier, settings TierSettings) ([]Breach, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if len(tiers) != in.rows() {
		return nil, fmt.Errorf("loyalty: %d tiers for %d rows", len(tiers), in.rows())
	}
	rules := []struct {
		kind   BreachKind
		column string
		bound  func(Policy) float64
	}{
		{ContactOverdue, "contact_recency_days", func(p Policy) float64 { return p.ContactDays }},
		{AnswersSlow, "response_hours_365d", func(p Policy) float64 { return p.ResponseHours }},
		{PaysLate, "days_to_pay_365d", func(p Policy) float64 { return p.PaymentDays }},
		{DiscountAbove, "discount_share_365d", func(p Policy) float64 { return p.DiscountMost }},
	}
	cols := in.columns()
	values := make([][]float64, len(rules))
	for k := range rules {
		values[k] = cols.of(rules[k].column)
	}
	contacts, tenure := cols.of("contacts_365d"), cols.of("tenure_days")
	var breaches []Breach
	for i, tier := range tiers {
		policy := settings.Policies[tier]
		for k := range rules {
			actual := at(values[k], i)
			if rules[k].kind == ContactOverdue && math.IsNaN(actual) && at(contacts, i) == 0 {
				actual = at(tenure, i)
			}
			if bound := rules[k].bound(policy); bound > 0 && actual > bound {
				breaches = append(breaches, Breach{i, tier, rules[k].kind, actual, bound})
			}
		}
	}
	return breaches, nil
}

// Ranking says by what the best accounts are ranked.
type Ranking string

// ExtraQuantity is the units bought in the last 365 days, where they can be summed.
const ExtraQuantity = "quantity_365d"

// The rankings of the best-20 % view: by spend, by units (by orders where units are
// not handed in), by overdue amount, by the usual gap between orders.
const (
	BySales   Ranking = "sales"
	ByVolume  Ranking = "volume"
	ByOverdue Ranking = "overdue"
	ByCycle   Ranking = "purchase_cycle"
)

var rankings = map[Ranking]struct {
	columns   []string // the first that is there
	ascending bool
}{
	BySales: {[]string{"spend_365d"}, false}, ByVolume: {[]string{ExtraQuantity, "orders_365d"}, false},
	ByOverdue: {[]string{"overdue_amount"}, false}, ByCycle: {[]string{"gap_median_days"}, true},
}

var rankingWords = map[Ranking]Words{
	BySales:   {"By spend of the last 365 days", "按近365天消费额"},
	ByVolume:  {"By units, else orders, of the last 365 days", "按近365天购买数量（无数量时按订单数）"},
	ByOverdue: {"By overdue amount", "按逾期金额"},
	ByCycle:   {"By usual days between orders, shortest first", "按通常下单间隔（短者在前）"},
}

// Rankings returns the rankings in order of their names.
func Rankings() []Ranking { return keysOf(rankingWords) }

// Label names the ranking.
func (r Ranking) Label(lang score.Language) string { return label(rankingWords, r, lang) }

// Ranked is one account of a ranking with the value it is ranked by.
type Ranked struct {
	Row   int
	Value float64
}

// Ranks are the best accounts of a ranking.
type Ranks struct {
	// Column is what they are ranked by, Of how many accounts have any of it.
	Column string
	Of     int
	// Best are the best of those, best first, ties in row order.
	Best []Ranked
}

// Best returns the best share of the accounts that have some of the ranking's value,
// more than 0, and are not gone. The column is the first of the ranking's that any of
// them has. An unknown ranking, a share outside (0, 1] and a column that is not there
// are errors.
func Best(in Input, by Ranking, share float64) (Ranks, error) {
	if err := in.check(); err != nil {
		return Ranks{}, err
	}
	rule, ok := rankings[by]
	if !ok {
		return Ranks{}, fmt.Errorf("loyalty: unknown ranking %q; there are %v", by, Rankings())
	}
	if !(share > 0 && share <= 1) {
		return Ranks{}, fmt.Errorf("loyalty: the best %v of the accounts; give a share above 0 and at most 1", share)
	}
	var r Ranks
	for _, name := range rule.columns {
		values := in.columns().of(name)
		if values == nil {
			continue
		}
		r.Column = name
		for i, v := range values {
			if v > 0 && (in.Gone == nil || !in.Gone[i]) {
				r.Best = append(r.Best, Ranked{i, v})
			}
		}
		if len(r.Best) > 0 {
			break
		}
	}
	if r.Column == "" {
		return Ranks{}, fmt.Errorf("loyalty: ranking by %s needs the column %s, which is not there", by, strings.Join(rule.columns, " or "))
	}
	slices.SortStableFunc(r.Best, func(a, b Ranked) int {
		if rule.ascending {
			a, b = b, a
		}
		return descending(a.Value, b.Value)
	})
	r.Of = len(r.Best)
	r.Best = r.Best[:int(math.Ceil(share*float64(r.Of)-1e-9))]
	return r, nil
}
