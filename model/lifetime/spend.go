package lifetime

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// Spend is a fitted Gamma–Gamma model of spend per purchase: immutable, safe for
// concurrent use. In the paper's letters, an account's purchases are
// Gamma(p, ν), ν ~ Gamma(q, γ); the mean of x of them is m.
type Spend struct {
	estimator

	correlation float64
}

// gammaGamma is the likelihood of the mean m of x purchases:
//
//	Γ(px+q)/(Γ(px)Γ(q)) · γ^q · m^(px−1) · x^(px) / (γ + m·x)^(px+q)
type gammaGamma struct {
	xs     []float64 // distinct frequencies
	byX    []float64 // Σ weight
	logs   []float64 // Σ weight · log(m·x)
	x      []int     // by row
	spend  []float64 // m·x
	weight []float64
	total  float64
	fixed  float64 // Σ weight · log m
}

func (l *gammaGamma) at(theta, gradient []float64) float64 {
	p, q, v := math.Exp(theta[0]), math.Exp(theta[1]), math.Exp(theta[2])
	gammaQ, psiQ := lgamma(q), digamma(q)
	value := -l.fixed
	var dp, dq, dv float64
	sizes := make([]float64, len(l.xs))
	for k, x := range l.xs {
		w := l.byX[k]
		sizes[k] = p*x + q
		value += w*(lgamma(p*x+q)-lgamma(p*x)-gammaQ+q*theta[2]) + p*x*l.logs[k]
		common := digamma(p*x + q)
		dp += x * (w*(common-digamma(p*x)) + l.logs[k])
		dq += w * (common - psiQ + theta[2])
		dv += w * q / v
	}
	for i, w := range l.weight {
		k := l.x[i]
		sum := v + l.spend[i]
		log := math.Log(sum)
		value -= w * sizes[k] * log
		dp -= w * l.xs[k] * log
		dq -= w * log
		dv -= w * sizes[k] / sum
	}
	gradient[0], gradient[1], gradient[2] = dp*p, dq*q, dv*v
	return value
}

// GivenSpend returns a model with parameters that are known, as Given does: p, q
// above 1, and v.
func GivenSpend(parameters ...float64) (*Spend, error) {
	e, err := newGiven(spendNames(), parameters)
	if err != nil {
		return nil, err
	}
	if !(e.theta[1] > 0) {
		return nil, fmt.Errorf("%w: q is %v: a population has a mean spend only if it is above 1", ErrParams, parameters[1])
	}
	return &Spend{estimator: e}, nil
}

// FitSpend maximises the likelihood of the mean spend of repeat buyers. frequency
// is as in Histories; mean is the mean amount of the repeat purchases and is read
// where frequency is above 0; weights may be nil. The unit of money is the
// reader's; the parameter v (γ) is in it.
//
// A mean that is not above 0 is an error that wraps ErrInput: the model has no
// place for returns that outweigh purchases; leave such accounts out, and count
// their loss elsewhere. ErrNotConverged where the rows do not determine the
// parameters, or where the tail is so heavy (q ≤ 1) that the population has no
// mean spend.
func FitSpend(ctx context.Context, frequency, mean, weights []float64) (*Spend, error) {
	if err := checkSpend(frequency, mean); err != nil {
		return nil, err
	}
	if _, err := checkWeights(weights, len(frequency)); err != nil {
		return nil, err
	}
	l, scale, rows := newGammaGamma(frequency, mean, weights)
	advice := fmt.Sprintf("gamma-gamma can't be fitted to %d repeat buyers; take more of them, leave out extreme amounts, or value purchases at their plain mean", rows)
	if rows < 3 {
		return nil, fmt.Errorf("%w: %s", ErrNotConverged, advice)
	}
	starts := [][]float64{{math.Log(4), math.Log(3), math.Log(0.5)}, {0, math.Log(2), 0}, {math.Log(20), math.Log(8), math.Log(0.3)}}
	best, err := maximise(ctx, l, l.total, nil, 0, starts, spendNames(), advice)
	if err != nil {
		return nil, err
	}
	best.theta[2] += math.Log(scale)
	if !(best.theta[1] > 0) {
		return nil, fmt.Errorf("%w: q is %.3g, so the population has no mean spend: %s", ErrNotConverged, math.Exp(best.theta[1]), advice)
	}
	value := best.value - l.total*math.Log(scale)
	e := estimator{names: spendNames(), theta: best.theta, covariance: best.covariance, quality: newQuality(rows, l.total, value, 3)}
	return &Spend{e, correlation(frequency, mean, weights)}, nil
}

func spendNames() []string { return []string{"p", "q", "v"} }

// newGammaGamma collects the repeat buyers, in units of their mean spend and in
// ascending order, so that no sum depends on the order of the rows.
func newGammaGamma(frequency, mean, weights []float64) (l *gammaGamma, scale float64, rows int) {
	type buyer struct{ x, mean, weight float64 }
	var buyers []buyer
	for i, x := range frequency {
		if w := weightOf(weights, i); x > 0 && w > 0 {
			buyers = append(buyers, buyer{x, mean[i], w})
		}
	}
	slices.SortFunc(buyers, func(a, b buyer) int {
		return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.mean, b.mean), cmp.Compare(a.weight, b.weight))
	})
	l = &gammaGamma{}
	for _, v := range buyers {
		l.total += v.weight
		scale += v.weight * v.mean
	}
	scale /= l.total
	for _, v := range buyers {
		k := len(l.xs) - 1
		if k < 0 || l.xs[k] != v.x {
			k++
			l.xs, l.byX, l.logs = append(l.xs, v.x), append(l.byX, 0), append(l.logs, 0)
		}
		relative := v.mean / scale
		l.x = append(l.x, k)
		l.spend = append(l.spend, relative*v.x)
		l.weight = append(l.weight, v.weight)
		l.byX[k] += v.weight
		l.logs[k] += v.weight * math.Log(relative*v.x)
		l.fixed += v.weight * math.Log(relative)
	}
	return l, scale, len(buyers)
}

// checkSpend verifies frequencies, and means where there are repeat purchases.
func checkSpend(frequency, mean []float64) error {
	if len(mean) != len(frequency) {
		return fmt.Errorf("%w: %d means for %d frequencies: want one per account", ErrInput, len(mean), len(frequency))
	}
	for i, x := range frequency {
		if !(x >= 0 && x <= largest) || x != math.Trunc(x) {
			return fmt.Errorf("%w: row %d: frequency is %v: want the whole number of repeat purchases, 0 … %g", ErrInput, i, x, largest)
		}
		if m := mean[i]; x > 0 && !(m >= 1/largest && m <= largest) {
			return fmt.Errorf("%w: row %d: mean spend is %v for %v repeat purchases: want an amount of %g … %g; leave out accounts whose returns outweigh their purchases", ErrInput, i, m, x, 1/largest, largest)
		}
	}
	return nil
}

// correlation is Pearson's, over repeat buyers; 0 where either does not vary.
func correlation(frequency, mean, weights []float64) float64 {
	var w, sx, sm float64
	for i, x := range frequency {
		if x > 0 {
			v := weightOf(weights, i)
			w, sx, sm = w+v, sx+v*x, sm+v*mean[i]
		}
	}
	sx, sm = sx/w, sm/w
	var xx, mm, xm float64
	for i, x := range frequency {
		if x > 0 {
			v := weightOf(weights, i)
			xx, mm, xm = xx+v*(x-sx)*(x-sx), mm+v*(mean[i]-sm)*(mean[i]-sm), xm+v*(x-sx)*(mean[i]-sm)
		}
	}
	if xx == 0 || mm == 0 {
		return 0
	}
	return max(-1, min(xm/math.Sqrt(xx*mm), 1))
}

// Correlation is Pearson's correlation of frequency and mean spend among the
// repeat buyers that the model was fitted on. Gamma–Gamma takes them for
// independent; CDNOW has 0.11. Far from 0, values of frequent buyers are biased.
func (s *Spend) Correlation() float64 { return s.correlation }

// Expected writes the expected spend per purchase of every account into out: the
// weighted mean of its own mean and the population's,
//
//	p(γ + x·m)/(px + q − 1), and pγ/(q − 1) where x = 0.
//
// Bounds of the columns as in FitSpend.
func (s *Spend) Expected(frequency, mean, out []float64) error {
	if err := checkSpend(frequency, mean); err != nil {
		return err
	}
	if err := checkOut(out, len(frequency)); err != nil {
		return err
	}
	for i, x := range frequency {
		out[i] = s.expected(x, mean[i])
	}
	return nil
}

func (s *Spend) expected(x, mean float64) float64 {
	p, q, v := math.Exp(s.theta[0]), math.Exp(s.theta[1]), math.Exp(s.theta[2])
	if x == 0 {
		mean = 0
	}
	return p * (v + x*mean) / (p*x + q - 1)
}

// LogLikelihood writes each repeat buyer's part of the log-likelihood into out,
// and 0 for the others.
func (s *Spend) LogLikelihood(frequency, mean, out []float64) error {
	if err := checkSpend(frequency, mean); err != nil {
		return err
	}
	if err := checkOut(out, len(frequency)); err != nil {
		return err
	}
	slope := make([]float64, 3)
	for i, x := range frequency {
		out[i] = 0
		if x > 0 {
			l, scale, _ := newGammaGamma([]float64{x}, []float64{mean[i]}, nil)
			theta := []float64{s.theta[0], s.theta[1], s.theta[2] - math.Log(scale)}
			out[i] = l.at(theta, slope) - math.Log(scale)
		}
	}
	return nil
}
