package decision

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fealty/model"
	"fealty/model/metrics"
)

// Origin says where an assumption comes from.
type Origin string

// The origins.
const (
	// Default is what fealty assumes where nobody said anything.
	Default Origin = "default"
	// Known is what whoever asks has said.
	Known Origin = "given"
)

// Assumption is one number that the profits rest on. The zero value stands for
// the default.
type Assumption struct {
	Value  float64
	Origin Origin
}

// Given is an assumption that somebody made.
func Given(v float64) Assumption { return Assumption{Value: v, Origin: Known} }

// Assumptions are what is not in the data. The zero value is all defaults, which
// are those of metrics.DefaultBusinessOffer.
type Assumptions struct {
	// ContactCost is the cost of one contact in the accounts' currency, 0 … 1e15.
	// Default 15, in whatever currency: give it.
	ContactCost Assumption
	// Incentive is the cost of the offer as a share of the account's value, 0 … 1.
	// Default 0.05.
	Incentive Assumption
	// Acceptance is the share of churners who accept the offer and stay, 0 … 1; the
	// mean alpha ÷ (alpha + beta) of EMPB's Beta. Default 6 ÷ 20 = 0.3.
	Acceptance Assumption
	// Value multiplies the accounts' values, above 0 … 1,000. Default 1.
	Value Assumption
	// MarginRate is the share of revenue that counts as margin where no cost is known,
	// above 0 … 1: it stands in the values of Accounts.ByRate already. Default 1, that
	// is revenue itself. Where every cost is known nothing rests on it.
	MarginRate Assumption
	// Odds multiplies the odds of churn, above 0 … 1,000: a model that says 20 %
	// where 10 % leave is right at odds of 0.44. Default 1, the model is calibrated.
	Odds Assumption
	// Swing is how far each assumption is moved for the sensitivity, as a share of
	// itself, between 0 and 1; 0 means 0.5.
	Swing float64
}

// What the assumptions are called in answers.
const (
	ContactCost = "contact_cost"
	Incentive   = "incentive"
	Acceptance  = "acceptance"
	Value       = "value"
	Odds        = "odds"
	MarginRate  = "margin_rate"
)

// Stated is an assumption as it was used.
type Stated struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Origin Origin  `json:"origin"`
}

// used is an assumption with its bounds and where it goes into the formula.
type used struct {
	Stated
	most      float64
	positive  bool // above 0, not 0 itself
	into      func(*terms) *float64
	breakEven func(terms, sums) float64
}

// terms are the numbers of the formula.
type terms struct{ contact, incentive, acceptance, value, odds, margin float64 }

type settled struct {
	all   []used
	swing float64
}

// filled puts the defaults in and checks the bounds.
func (a Assumptions) filled() (settled, error) {
	offer := metrics.DefaultBusinessOffer()
	s := settled{swing: a.Swing, all: []used{
		{Stated{ContactCost, offer.Contact, Default}, most, false, func(t *terms) *float64 { return &t.contact },
			func(t terms, s sums) float64 { return s.gain(t) / s.contacts }},
		{Stated{Incentive, offer.IncentiveFraction, Default}, 1, false, func(t *terms) *float64 { return &t.incentive },
			func(t terms, s sums) float64 {
				return (t.acceptance*s.leaving - t.contact*s.contacts) / (t.acceptance*s.leaving + s.staying)
			}},
		{Stated{Acceptance, offer.Alpha / (offer.Alpha + offer.Beta), Default}, 1, false, func(t *terms) *float64 { return &t.acceptance },
			func(t terms, s sums) float64 {
				return (t.contact*s.contacts + t.incentive*s.staying) / ((1 - t.incentive) * s.leaving)
			}},
		{Stated{Value, 1, Default}, 1000, true, func(t *terms) *float64 { return &t.value },
			func(t terms, s sums) float64 { return t.value * t.contact * s.contacts / s.gain(t) }},
		{Stated{Odds, 1, Default}, 1000, true, func(t *terms) *float64 { return &t.odds }, nil},
		{Stated{MarginRate, 1, Default}, 1, true, func(t *terms) *float64 { return &t.margin },
			func(t terms, s sums) float64 {
				rated := t.gain(s.leavingByRate, s.stayingByRate)
				return t.margin * (t.contact*s.contacts - s.gain(t) + rated) / rated
			}},
	}}
	if s.swing == 0 {
		s.swing = 0.5
	}
	if !(s.swing > 0 && s.swing < 1) {
		return s, fmt.Errorf("%w: the swing is %v, want between 0 and 1", ErrAssumption, a.Swing)
	}
	for k, given := range []Assumption{a.ContactCost, a.Incentive, a.Acceptance, a.Value, a.Odds, a.MarginRate} {
		u := &s.all[k]
		switch {
		case given == (Assumption{}):
			continue
		case given.Origin != Known && given.Origin != Default:
			return s, fmt.Errorf("%w: %s is %v of origin %q, want %q or %q", ErrAssumption, u.Name, given.Value, given.Origin, Known, Default)
		case given.Origin == Default && given.Value != u.Value:
			return s, fmt.Errorf("%w: %s is %v of origin %q, whose value is %v; a value of one's own is %q", ErrAssumption, u.Name, given.Value, Default, u.Value, Known)
		case !(given.Value >= 0 && given.Value <= u.most) || u.positive && given.Value == 0:
			from := "0"
			if u.positive {
				from = "above 0"
			}
			return s, fmt.Errorf("%w: %s is %v, want %s … %g", ErrAssumption, u.Name, given.Value, from, u.most)
		}
		u.Value, u.Origin = given.Value, given.Origin
	}
	return s, nil
}

// without leaves an assumption out of what is told.
func (s settled) without(name string) settled {
	s.all = slices.DeleteFunc(s.all, func(u used) bool { return u.Name == name })
	return s
}

func (s settled) terms() terms {
	var t terms
	for _, u := range s.all {
		*u.into(&t) = u.Value
	}
	return t
}

func (s settled) stated() []Stated {
	all := make([]Stated, len(s.all))
	for k, u := range s.all {
		all[k] = u.Stated
	}
	return all
}

// Sensitivity is how the list depends on one assumption.
type Sensitivity struct {
	Stated
	// Cases are the assumption lower and higher by the swing, within its bounds; an
	// assumption of 0 stays where it is.
	Cases []Case `json:"cases"`
	// BreakEven is the value at which the rows of the list earn nothing together,
	// all else as assumed; null where there is none within the bounds.
	BreakEven model.Figure `json:"break_even"`
}

// Case is the list as it would be if an assumption were another.
type Case struct {
	Value float64 `json:"value"`
	// SameRows is the total of today's rows if that were so; Total that of the list
	// that would be the best then.
	SameRows float64 `json:"total_of_same_rows"`
	Total    float64 `json:"total"`
	// Contacts of that list; Added stand in it and not in today's, Dropped the
	// other way round.
	Contacts int `json:"contacts"`
	Added    int `json:"added"`
	Dropped  int `json:"dropped"`
}

// sums of a list: its contacts, and the values of its accounts that leave and
// that stay, each times its probability of it; ByRate of those without a known cost.
type sums struct{ contacts, leaving, staying, leavingByRate, stayingByRate float64 }

// gain is what a list earns before the cost of contacts.
func (s sums) gain(t terms) float64 { return t.gain(s.leaving, s.staying) }

func (t terms) gain(leaving, staying float64) float64 {
	return t.acceptance*(1-t.incentive)*leaving - t.incentive*staying
}

func (c *candidates) sums(t terms, chosen []bool) sums {
	var s sums
	for i, p := range c.probability {
		if chosen[i] {
			p, v := moved(p, t.odds), c.worth(i, t)
			s.contacts++
			s.leaving += p * v
			s.staying += (1 - p) * v
			if c.byRate[i] {
				s.leavingByRate += p * v
				s.stayingByRate += (1 - p) * v
			}
		}
	}
	return s
}

func total(profits []float64, chosen []bool) float64 {
	sum := 0.0
	for i, v := range profits {
		if chosen[i] {
			sum += v
		}
	}
	return sum
}

// sensitivity plans again with each assumption lower and higher.
func (c *candidates) sensitivity(ctx context.Context, a settled, chosen []bool, least float64) ([]Sensitivity, error) {
	base := a.terms()
	all := make([]Sensitivity, 0, len(a.all))
	for _, u := range a.all {
		s := Sensitivity{Stated: u.Stated, Cases: []Case{}, BreakEven: model.Figure(math.NaN())}
		for _, by := range []float64{1 - a.swing, 1 + a.swing} {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			t := base
			*u.into(&t) = min(u.Value*by, u.most)
			profits := c.profits(t)
			other := c.choose(profits, c.rank(profits, least), least)
			s.Cases = append(s.Cases, compared(*u.into(&t), profits, chosen, other))
		}
		if at := c.breakEven(u, base, chosen); at >= 0 && at <= u.most && !(u.positive && at == 0) {
			s.BreakEven = model.Figure(at)
		}
		all = append(all, s)
	}
	return all, nil
}

func compared(value float64, profits []float64, chosen, other []bool) Case {
	k := Case{Value: value, SameRows: total(profits, chosen), Total: total(profits, other)}
	for i := range chosen {
		switch {
		case other[i] && !chosen[i]:
			k.Added++
		case chosen[i] && !other[i]:
			k.Dropped++
		}
		if other[i] {
			k.Contacts++
		}
	}
	return k
}

// breakEven solves for the assumption at which the chosen earn nothing; NaN, or
// outside the bounds, where there is none. The profit is linear in each assumption
// but the odds, in which it rises.
func (c *candidates) breakEven(u used, base terms, chosen []bool) float64 {
	s := c.sums(base, chosen)
	if s.contacts == 0 {
		return math.NaN()
	}
	if u.breakEven != nil {
		return u.breakEven(base, s)
	}
	earned := func(logOdds float64) float64 {
		t := base
		*u.into(&t) = math.Exp(logOdds)
		s := c.sums(t, chosen)
		return s.gain(t) - t.contact*s.contacts
	}
	low, high := -math.Log(u.most)*2, math.Log(u.most)
	if earned(low) > 0 || earned(high) < 0 {
		return math.NaN()
	}
	for range 60 { // to the last digits
		if mid := (low + high) / 2; earned(mid) < 0 {
			low = mid
		} else {
			high = mid
		}
	}
	return math.Exp((low + high) / 2)
}
