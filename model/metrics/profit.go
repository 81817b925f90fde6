package metrics

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Profit is the best that a retention campaign could earn with a score.
type Profit struct {
	// PerCustomer is in the currency of the values, per row (contacted or not).
	PerCustomer float64
	// Rate is the share of rows that one contacts to earn it.
	Rate float64
}

// Offer describes a campaign whose terms are the same for everybody.
type Offer struct {
	// Alpha and Beta shape the Beta distribution of the share of churners who
	// accept the offer; above 0, at most 1e6.
	Alpha, Beta float64
	// CLV is what a retained churner is worth; Incentive the cost of the offer,
	// paid when accepted; Contact the cost of one contact. All ≥ 0.
	CLV, Incentive, Contact float64
}

// DefaultOffer is that of the paper: acceptance Beta(6, 14), value 200,
// incentive 10, contact 1.
func DefaultOffer() Offer { return Offer{Alpha: 6, Beta: 14, CLV: 200, Incentive: 10, Contact: 1} }

func (o Offer) validate() error {
	if err := checkAcceptance(o.Alpha, o.Beta); err != nil {
		return err
	}
	return o.checkMoney()
}

func (o Offer) checkMoney() error {
	if err := checkAmount("value", o.CLV); err != nil {
		return err
	}
	if err := checkAmount("incentive", o.Incentive); err != nil {
		return err
	}
	return checkAmount("cost of contact", o.Contact)
}

func checkAcceptance(alpha, beta float64) error {
	if !(alpha > 0 && alpha <= 1e6 && beta > 0 && beta <= 1e6) {
		return fmt.Errorf("%w: acceptance Beta(%v, %v), want both above 0 and at most 1e6", ErrInput, alpha, beta)
	}
	return nil
}

func checkAmount(what string, v float64) error {
	if !(v >= 0 && v <= 1e15) {
		return fmt.Errorf("%w: the %s is %v, want 0 … 1e15", ErrInput, what, v)
	}
	return nil
}

// line is the profit per customer of one threshold as a function of acceptance.
type line struct{ slope, intercept, rate float64 }

// lines returns one line per threshold, fewest contacts first, beginning with
// contacting nobody.
func (o Offer) lines(y, score []float64) []line {
	n := float64(len(y))
	all := []line{{}}
	var caught, bothered float64
	for group := range groups(score) {
		for _, i := range group {
			caught += y[i]
			bothered += 1 - y[i]
		}
		all = append(all, line{
			slope:     caught / n * (o.CLV - o.Incentive),
			intercept: -caught/n*o.Contact - bothered/n*(o.Incentive+o.Contact),
			rate:      (caught + bothered) / n,
		})
	}
	return all
}

// EMPC is the expected maximum profit for churn: with acceptance γ ~ Beta, the
// expectation over γ of the best threshold's profit per customer,
//
//	(caught·(γ·(CLV − incentive) − contact) − bothered·(incentive + contact)) ÷ n,
//
// and the expected share contacted (Verbraken, Verbeke and Baesens, IEEE TKDE
// 25 (2013) 961–973). Contacting nobody earns 0. The integral is exact: the
// best threshold changes at finitely many γ, and between two of them the
// expectation is a difference of incomplete beta functions. Only the order of
// scores matters. At a churn rate of 40 % or more the default offer hardly
// tells models apart: use ProfitOfContacts with real values.
func EMPC(y, score []float64, o Offer) (Profit, error) {
	if err := checkScored(y, score, nil); err != nil {
		return Profit{}, err
	}
	if err := o.validate(); err != nil {
		return Profit{}, err
	}
	best := envelope(o.lines(y, score))
	meanAcceptance := o.Alpha / (o.Alpha + o.Beta)
	var p Profit
	low := 0.0
	for k, l := range best {
		high := 1.0
		if k+1 < len(best) {
			high = min(1, l.crossing(best[k+1]))
		}
		if high <= low {
			continue
		}
		weight := mathext.RegIncBeta(o.Alpha, o.Beta, high) - mathext.RegIncBeta(o.Alpha, o.Beta, low)
		moment := meanAcceptance * (mathext.RegIncBeta(o.Alpha+1, o.Beta, high) - mathext.RegIncBeta(o.Alpha+1, o.Beta, low))
		p.PerCustomer += l.slope*moment + l.intercept*weight
		p.Rate += l.rate * weight
		low = high
	}
	return p, nil
}

func (l line) crossing(m line) float64 { return (l.intercept - m.intercept) / (m.slope - l.slope) }

// envelope returns the lines that are highest somewhere on γ ≥ 0, in the order
// in which they are (rising slope): the upper hull of lines.
func envelope(all []line) []line {
	// Of lines with the same slope the highest counts, of equal ones the one
	// that contacts fewer.
	slices.SortStableFunc(all, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.slope, b.slope), cmp.Compare(b.intercept, a.intercept), cmp.Compare(a.rate, b.rate))
	})
	var hull []line
	for _, l := range all {
		if len(hull) > 0 && hull[len(hull)-1].slope == l.slope {
			continue
		}
		for len(hull) > 0 {
			last := hull[len(hull)-1]
			start := 0.0
			if len(hull) > 1 {
				start = hull[len(hull)-2].crossing(last)
			}
			if last.crossing(l) > start {
				break
			}
			hull = hull[:len(hull)-1]
		}
		hull = append(hull, l)
	}
	return hull
}

// MPC is the maximum profit for churn at a known acceptance, in [0,1]; see EMPC.
// Alpha and Beta of the offer are not used.
func MPC(y, score []float64, acceptance float64, o Offer) (Profit, error) {
	if err := checkScored(y, score, nil); err != nil {
		return Profit{}, err
	}
	if !(acceptance >= 0 && acceptance <= 1) {
		return Profit{}, fmt.Errorf("%w: the acceptance is %v, want 0 … 1", ErrInput, acceptance)
	}
	if err := o.checkMoney(); err != nil {
		return Profit{}, err
	}
	var best Profit
	for _, l := range o.lines(y, score) {
		if v := l.slope*acceptance + l.intercept; v > best.PerCustomer {
			best = Profit{v, l.rate}
		}
	}
	return best, nil
}

// BusinessOffer describes a campaign among customers of different value.
type BusinessOffer struct {
	// Alpha and Beta shape the acceptance, as in Offer; only its mean matters.
	Alpha, Beta float64
	// IncentiveFraction is the cost of the offer as a share of the customer's
	// value, 0 … 1; Contact the cost of one contact, ≥ 0.
	IncentiveFraction, Contact float64
}

// DefaultBusinessOffer is acceptance Beta(6, 14), 5 % of the value, contact 15.
func DefaultBusinessOffer() BusinessOffer {
	return BusinessOffer{Alpha: 6, Beta: 14, IncentiveFraction: 0.05, Contact: 15}
}

// Expected is the expected profit of contacting one customer who churns with that
// probability and is worth clv: a churner who accepts, a share acceptance of them,
// stays and is paid the incentive; whoever would have stayed takes the incentive
// too; the contact is always paid.
func Expected(probability, clv, acceptance, incentiveFraction, contact float64) float64 {
	return probability*acceptance*(1-incentiveFraction)*clv - (1-probability)*incentiveFraction*clv - contact
}

// earned is the expected profit of contacting one customer whose outcome is known.
func (o BusinessOffer) earned(y, clv float64) float64 {
	return Expected(y, clv, o.Alpha/(o.Alpha+o.Beta), o.IncentiveFraction, o.Contact)
}

func (o BusinessOffer) check(y, score, clv []float64) error {
	if err := checkScored(y, score, nil); err != nil {
		return err
	}
	if err := checkFinite("value", len(y), clv); err != nil {
		return err
	}
	for i, v := range clv {
		if err := checkAmount("value", v); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	if err := checkAcceptance(o.Alpha, o.Beta); err != nil {
		return err
	}
	if !(o.IncentiveFraction >= 0 && o.IncentiveFraction <= 1) {
		return fmt.Errorf("%w: the incentive fraction is %v, want 0 … 1", ErrInput, o.IncentiveFraction)
	}
	return checkAmount("cost of contact", o.Contact)
}

// EMPB is the expected maximum profit for business customers, each with a value
// clv of its own: the best threshold's expected profit per customer, contact
// always paid (Janssens, Bogaert, Bagué and Van den Poel, Annals of Operations
// Research 2022; the reading of empulse 0.13). Contacting nobody earns 0; of
// equal profits the one with fewer contacts counts.
func EMPB(y, score, clv []float64, o BusinessOffer) (Profit, error) {
	if err := o.check(y, score, clv); err != nil {
		return Profit{}, err
	}
	var best Profit
	var sum float64
	contacted := 0
	for group := range groups(score) {
		for _, i := range group {
			sum += o.earned(y[i], clv[i])
		}
		contacted += len(group)
		if v := sum / float64(len(y)); v > best.PerCustomer {
			best = Profit{v, float64(contacted) / float64(len(y))}
		}
	}
	return best, nil
}

// ProfitOfContacts returns the expected profit, in all, of contacting the first
// k rows, 0 … n, with the values clv; ties are shared out.
func ProfitOfContacts(y, score, clv []float64, o BusinessOffer, k int) (float64, error) {
	if err := o.check(y, score, clv); err != nil {
		return 0, err
	}
	if k < 0 || k > len(y) {
		return 0, fmt.Errorf("%w: %d contacts among %d rows", ErrInput, k, len(y))
	}
	var sum float64
	for group := range groups(score) {
		take := math.Min(float64(k), float64(len(group)))
		var all float64
		for _, i := range group {
			all += o.earned(y[i], clv[i])
		}
		sum += all * take / float64(len(group))
		if k -= len(group); k <= 0 {
			break
		}
	}
	return sum, nil
}
