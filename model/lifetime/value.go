package lifetime

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Terms say what a value is: the margin of the purchases of the next months,
// discounted. The zero value is not valid; start from DefaultTerms.
type Terms struct {
	// Months is H, how many months ahead: 1 … 600. Default 12.
	Months int
	// Month is the length of a month in the unit of the histories: 30.4375 for
	// days (the default), 4.345 for weeks.
	Month float64
	// Discount is the rate per month, 0 … 1: what is bought in the k-th month is
	// divided by (1+Discount)^k. Default 0.01, about 12.7 % a year.
	Discount float64
	// Margin is the share of spend that is margin, above 0, at most 1. Default 1,
	// which makes the value one of revenue.
	Margin float64
}

// DefaultTerms returns the documented default of every term.
func DefaultTerms() Terms { return Terms{Months: 12, Month: 30.4375, Discount: 0.01, Margin: 1} }

// Validate checks every bound; its error wraps ErrParams and names the field.
func (t Terms) Validate() error {
	switch {
	case t.Months < 1 || t.Months > 600:
		return fmt.Errorf("%w: Months is %d, want 1 … 600", ErrParams, t.Months)
	case !(t.Month >= 1/largest && t.Month <= largest):
		return fmt.Errorf("%w: Month is %v, want the length of a month in the unit of the histories", ErrParams, t.Month)
	case !(t.Discount >= 0 && t.Discount <= 1):
		return fmt.Errorf("%w: Discount is %v a month, want 0 … 1", ErrParams, t.Discount)
	case !(t.Margin > 0 && t.Margin <= 1):
		return fmt.Errorf("%w: Margin is %v, want above 0, at most 1", ErrParams, t.Margin)
	}
	return nil
}

// ends are the ends of the months in the unit of the histories, and factors what
// a unit of spend within each is worth.
func (t Terms) ends() (ends, factors []float64) {
	ends, factors = make([]float64, t.Months), make([]float64, t.Months)
	for k := range ends {
		ends[k] = float64(k+1) * t.Month
		factors[k] = t.Margin * math.Pow(1+t.Discount, -float64(k+1))
	}
	return ends, factors
}

// Value writes the expected discounted value of every account into out: the
// purchases expected of it in each month × the spend expected per purchase
// (mean as in Spend.Expected) × what a unit of spend in that month is worth. The
// model's histories and terms are in one unit of time. Where s is nil, a purchase
// is of the account's own plain mean, and the value of an account without one is
// NaN.
func Value(m *Model, s *Spend, h Histories, mean []float64, terms Terms, out []float64) error {
	if err := checkValue(m, h, mean, terms); err != nil {
		return err
	}
	if err := checkOut(out, h.Rows()); err != nil {
		return err
	}
	ends, factors := terms.ends()
	stripes(h.Rows(), rowsAtOnce, func(_, from, to int) {
		var sums series
		purchases := make([]float64, len(ends))
		for i := from; i < to; i++ {
			x, age := h.Frequency[i], h.Age[i]
			m.purchases(x, age, ends, purchases, &sums)
			out[i] = alive(m.kind, m.p, x, h.Recency[i], age) * worth(purchases, factors) * perPurchase(s, h.paid(i), mean[i])
		}
	})
	return nil
}

// perPurchase is the spend expected per purchase: by the spend model, or where
// there is none the plain mean of the account's own, NaN without any.
func perPurchase(s *Spend, paid, mean float64) float64 {
	if s != nil {
		return s.expected(paid, mean)
	}
	if paid == 0 {
		return math.NaN()
	}
	return mean
}

// worth of cumulative purchases by month, at one unit of spend each.
func worth(purchases, factors []float64) float64 {
	var sum, before float64
	for k, v := range purchases {
		sum += (v - before) * factors[k]
		before = v
	}
	return sum
}

func checkValue(m *Model, h Histories, mean []float64, terms Terms) error {
	if err := terms.Validate(); err != nil {
		return err
	}
	if err := m.checkHorizon(float64(terms.Months) * terms.Month); err != nil {
		return err
	}
	if err := m.kind.check(h); err != nil {
		return err
	}
	return checkSpend(h.counts(), mean)
}

// Chance says how intervals are drawn. The zero value is not valid; start from
// DefaultChance.
type Chance struct {
	// Level is the probability that the value of an account lies in its interval,
	// 0.5 … 0.99. Default 0.9.
	Level float64
	// Draws is how many futures are drawn per account, 100 … 100,000, and at least
	// 2/(1 − Level) − 1. Default 400.
	Draws int
	// Seed makes the draws; the same seed gives the same interval.
	Seed uint64
}

// DefaultChance returns the documented default of every field.
func DefaultChance() Chance { return Chance{Level: 0.9, Draws: 400, Seed: 1} }

// LeastDraws is how many draws an interval of a level takes, 2/(1 − level) − 1 or more:
// with fewer not even the least and the greatest of them lie so far apart.
func LeastDraws(level float64) int { return int(math.Ceil(2/(1-level) - 1 - 1e-9)) }

// Validate checks every bound; its error wraps ErrParams and names the field.
func (c Chance) Validate() error {
	if !(c.Level >= 0.5 && c.Level <= 0.99) {
		return fmt.Errorf("%w: Level is %v, want 0.5 … 0.99", ErrParams, c.Level)
	}
	if c.Draws < 100 || c.Draws > 100_000 {
		return fmt.Errorf("%w: Draws is %d, want 100 … 100,000", ErrParams, c.Draws)
	}
	if least := LeastDraws(c.Level); c.Draws < least {
		return fmt.Errorf("%w: Draws is %d, an interval of level %v takes %d or more", ErrParams, c.Draws, c.Level, least)
	}
	return nil
}

// ValueIntervals writes the bounds of a prediction interval of every account's
// discounted value into low and high, one entry per row: where the value that
// will be seen lies with probability Level. Each of the drawn futures of an
// account has its own parameters, from the asymptotic normal distribution of
// their logarithms (so that the interval knows how well the model is known), then
// the account's own rates given its history, then its purchases and their amounts.
// That is a parametric bootstrap in which the refits are replaced by what the
// curvature of the likelihood says of them; no account is drawn again. The interval
// is equal-tailed; many accounts have 0 as their lower bound. Where s is nil, every
// purchase is of the account's own plain mean, so that the interval is of purchases
// alone, and NaN for an account without one.
//
// An account's draws depend on the seed and its own history only, not on the
// order of the rows. Cost: about 1 µs per draw and year. ctx.Err() if cancelled.
func ValueIntervals(ctx context.Context, m *Model, s *Spend, h Histories, mean []float64, terms Terms, c Chance, low, high []float64) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := checkValue(m, h, mean, terms); err != nil {
		return err
	}
	for _, out := range [][]float64{low, high} {
		if err := checkOut(out, h.Rows()); err != nil {
			return err
		}
	}
	chance := rand.New(rand.NewPCG(c.Seed, 0))
	models, err := m.draws(chance, c.Draws)
	if err != nil {
		return err
	}
	var spends [][]float64
	if s != nil {
		if spends, err = s.draws(chance, c.Draws); err != nil {
			return err
		}
	}
	_, factors := terms.ends()
	tail := (1-c.Level)/2*float64(c.Draws+1) + 1e-9 // a bound's own rank, in spite of rounding
	stripes(h.Rows(), 64, func(_, from, to int) {
		values := make([]float64, c.Draws)
		for i := from; i < to && ctx.Err() == nil; i++ {
			x, recency, age := h.Frequency[i], h.Recency[i], h.Age[i]
			if s == nil && h.paid(i) == 0 {
				low[i], high[i] = math.NaN(), math.NaN()
				continue
			}
			source := rand.NewPCG(c.Seed, fingerprint(x, recency, age, mean[i]))
			for d := range values {
				f := future{kind: m.kind, p: four(models[d]), source: source}
				if s != nil {
					f.spend = spends[d]
				}
				values[d] = f.value(x, recency, age, h.paid(i), mean[i], terms.Month, factors)
			}
			slices.Sort(values)
			low[i] = values[max(int(math.Floor(tail))-1, 0)]
			high[i] = values[min(c.Draws-int(math.Floor(tail)), c.Draws-1)]
		}
	})
	return ctx.Err()
}

// fingerprint of an account's history.
func fingerprint(values ...float64) uint64 {
	hash := fnv.New64a()
	var bytes [8]byte
	for _, v := range values {
		binary.LittleEndian.PutUint64(bytes[:], math.Float64bits(v))
		_, _ = hash.Write(bytes[:]) // never an error
	}
	return hash.Sum64()
}

// draws returns parameters from their asymptotic distribution.
func (e *estimator) draws(chance *rand.Rand, count int) ([][]float64, error) {
	n := len(e.names)
	lower := mat.NewTriDense(n, mat.Lower, nil)
	if slices.ContainsFunc(e.covariance, func(v float64) bool { return v != 0 }) { // parameters that are given have none
		var factor mat.Cholesky
		if ok := factor.Factorize(mat.NewSymDense(n, slices.Clone(e.covariance))); !ok {
			return nil, fmt.Errorf("%w: the covariance of the parameters is not positive definite: fit the model again", ErrParams)
		}
		factor.LTo(lower)
	}
	all := make([][]float64, count)
	z := make([]float64, n)
	for d := range all {
		for k := range z {
			z[k] = chance.NormFloat64()
		}
		all[d] = make([]float64, n)
		for a := range n {
			v := e.theta[a]
			for b := range a + 1 {
				v += lower.At(a, b) * z[b]
			}
			all[d][a] = math.Exp(v)
		}
	}
	return all, nil
}

// four are the parameters of a purchase model; those that it lacks are 0.
func four(values []float64) (p [4]float64) {
	copy(p[:], values)
	return p
}

// future draws what one account will do, for given parameters.
type future struct {
	kind Kind
	p    [4]float64
	// spend are the parameters of the spend model, nil where there is none.
	spend  []float64
	source rand.Source
}

// value draws the account's rates given its history, then month by month.
func (f future) value(x, recency, age, paid, mean, month float64, factors []float64) float64 {
	if f.uniform() >= alive(f.kind, f.p, x, recency, age) {
		return 0
	}
	if f.kind == BGBB {
		return f.chances(x, age, paid, mean, month, factors)
	}
	rate := f.gamma(f.p[0]+x, f.p[1]+age)
	purchases, time := math.Inf(1), math.Inf(1) // left to it
	switch f.kind {
	case NBD:
	case ParetoNBD:
		time = -math.Log1p(-f.uniform()) / f.gamma(f.p[2], f.p[3]+age)
	default:
		// It leaves after a purchase with probability leave: after the n-th, geometric.
		stay := f.gamma(survived(f.p[3], x, f.kind == MBGNBD), 1)
		leave := f.gamma(f.p[2], 1)
		if v := -math.Log1p(-f.uniform()) / -math.Log1p(-leave/(leave+stay)); v > 0 {
			purchases = math.Ceil(v)
		}
	}
	amount := f.amounts(paid, mean)
	var sum float64
	for _, factor := range factors {
		n := min(distuv.Poisson{Lambda: rate * min(month, time), Src: f.source}.Rand(), purchases)
		if n > 0 {
			sum += factor * amount(n)
		}
		purchases -= n
		if time -= month; purchases <= 0 || time <= 0 {
			break
		}
	}
	return sum
}

// chances draws what an account that is alive takes, chance by chance, each at any
// moment of its period.
func (f future) chances(x, offered, paid, mean, month float64, factors []float64) float64 {
	beta := func(a, b float64) float64 {
		u := f.gamma(a, 1)
		return u / (u + f.gamma(b, 1))
	}
	take, leave := beta(f.p[0]+x, f.p[1]+offered-x), beta(f.p[2], f.p[3]+offered)
	taken := make([]float64, len(factors))
	for ahead := 0.0; ahead < month*float64(len(factors)) && f.uniform() >= leave; ahead++ {
		if f.uniform() < take {
			if k := int((ahead + f.uniform()) / month); k < len(taken) {
				taken[k]++
			}
		}
	}
	amount := f.amounts(paid, mean)
	var sum float64
	for k, n := range taken {
		if n > 0 {
			sum += factors[k] * amount(n)
		}
	}
	return sum
}

// amounts draws what the account spends on so many purchases: of its own plain mean
// where there is no spend model.
func (f future) amounts(paid, mean float64) func(n float64) float64 {
	if f.spend == nil {
		return func(n float64) float64 { return n * mean }
	}
	p, q, v := f.spend[0], f.spend[1], f.spend[2]
	if paid == 0 {
		mean = 0
	}
	perUnit := f.gamma(p*paid+q, v+paid*mean)
	return func(n float64) float64 { return f.gamma(p*n, perUnit) }
}

func (f future) uniform() float64 { return rand.New(f.source).Float64() }

func (f future) gamma(shape, rate float64) float64 {
	return distuv.Gamma{Alpha: shape, Beta: rate, Src: f.source}.Rand()
}
