package wallet

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/optimize"
	"gonum.org/v1/gonum/stat/distuv"
)

// ErrShares says that no Dirichlet–multinomial can be fitted to the counts.
var ErrShares = errors.New("the shares tell no distribution")

// Dirichlet is the Dirichlet–multinomial model of repeat purchases (Goodhardt,
// Ehrenberg and Chatfield, JRSS A 147, 1984): every account has shares of its
// own, drawn from a Dirichlet distribution with these parameters, and each of its
// purchases goes to a supplier by them. Alpha are at least two, above 0.
type Dirichlet struct{ Alpha []float64 }

// The sum of Alpha must lie between these: below, every account would buy from one
// supplier alone; above, all accounts would have the same shares.
const (
	leastConcentration = 1e-4
	mostConcentration  = 1e5
)

// FitDirichlet finds the parameters of greatest likelihood by BFGS in log space.
// counts has one row per account and one column per supplier: purchases ≥ 0,
// whole or not (a declared share times purchases need not be whole). Accounts
// without a purchase say nothing and may be there.
//
// ErrShares names what is missing: fewer than two accounts with two or more
// purchases, a supplier nobody bought from, shares that differ no more than by
// chance, or none that are mixed.
func FitDirichlet(counts [][]float64) (Dirichlet, error) {
	start, err := startOf(counts)
	if err != nil {
		return Dirichlet{}, err
	}
	alpha := make([]float64, len(start))
	exp := func(t []float64) {
		for k, v := range t {
			alpha[k] = math.Exp(v)
		}
	}
	problem := optimize.Problem{
		Func: func(t []float64) float64 {
			exp(t)
			return -Dirichlet{alpha}.LogLikelihood(counts)
		},
		Grad: func(slope, t []float64) {
			exp(t)
			Dirichlet{alpha}.slope(counts, slope)
			for k := range slope {
				slope[k] *= -alpha[k]
			}
		},
	}
	best, err := optimize.Minimize(problem, start, &optimize.Settings{GradientThreshold: 1e-6 * float64(len(counts)), MajorIterations: 500}, &optimize.BFGS{})
	if best == nil {
		return Dirichlet{}, fmt.Errorf("%w: %w; pool categories or leave them without shrinkage", ErrShares, err)
	}
	exp(best.X)
	d := Dirichlet{alpha}
	if s := total(d.Alpha); !(s >= leastConcentration && s <= mostConcentration) {
		return Dirichlet{}, fmt.Errorf("%w: the likelihood has no maximum (concentration %.3g): accounts differ by chance only, or each buys from one supplier alone; pool categories",
			ErrShares, s)
	}
	slope := make([]float64, len(alpha))
	d.slope(counts, slope)
	for k, s := range slope {
		// A line search that can go no further is no failure where the slope is flat.
		if !(math.Abs(s*alpha[k]) <= 1e-4*float64(len(counts))) {
			return Dirichlet{}, fmt.Errorf("%w: the search stopped before the maximum (slope %.3g at supplier %d): pool categories", ErrShares, s*alpha[k], k)
		}
	}
	return d, nil
}

// startOf checks the counts and returns logarithms of parameters to start from:
// the mean shares, with a concentration of 1.
func startOf(counts [][]float64) ([]float64, error) {
	if len(counts) == 0 || len(counts[0]) < 2 {
		return nil, fmt.Errorf("%w: no account, or fewer than two suppliers", ErrShares)
	}
	sum := make([]float64, len(counts[0]))
	repeated := 0
	for i, row := range counts {
		if len(row) != len(sum) {
			return nil, fmt.Errorf("%w: account %d has %d suppliers, the first one %d", ErrShares, i, len(row), len(sum))
		}
		n := 0.0
		for k, v := range row {
			if !(v >= 0 && v <= math.MaxInt32) {
				return nil, fmt.Errorf("%w: account %d bought %v times from supplier %d", ErrShares, i, v, k)
			}
			sum[k] += v
			n += v
		}
		if n >= 2 {
			repeated++
		}
	}
	if repeated < 2 {
		return nil, fmt.Errorf("%w: %d accounts bought twice or more, at least 2 are needed", ErrShares, repeated)
	}
	all := total(sum)
	for k, s := range sum {
		if s == 0 {
			return nil, fmt.Errorf("%w: nobody bought from supplier %d: leave it out", ErrShares, k)
		}
		sum[k] = math.Log(s / all)
	}
	return sum, nil
}

// LogLikelihood returns the logarithm of the likelihood of the counts' order of
// purchases, without the multinomial coefficient, which no parameter changes.
func (d Dirichlet) LogLikelihood(counts [][]float64) float64 {
	s := total(d.Alpha)
	all := lgamma(s)
	own := make([]float64, len(d.Alpha))
	for k, a := range d.Alpha {
		own[k] = lgamma(a)
	}
	sum := 0.0
	for _, row := range counts {
		n := 0.0
		for k, v := range row {
			n += v
			if v > 0 {
				sum += lgamma(d.Alpha[k]+v) - own[k]
			}
		}
		sum += all - lgamma(s+n)
	}
	return sum
}

// slope writes the derivative of LogLikelihood by Alpha.
func (d Dirichlet) slope(counts [][]float64, to []float64) {
	s := total(d.Alpha)
	all := mathext.Digamma(s)
	clear(to)
	own := make([]float64, len(d.Alpha))
	for k, a := range d.Alpha {
		own[k] = mathext.Digamma(a)
	}
	for _, row := range counts {
		shared := all - mathext.Digamma(s+total(row))
		for k, v := range row {
			to[k] += shared
			if v > 0 {
				to[k] += mathext.Digamma(d.Alpha[k]+v) - own[k]
			}
		}
	}
}

// Shares writes the expected shares of an account with these purchases:
// (alpha + count) ÷ (sum of alpha + sum of counts). They are between its own past
// shares and everybody's, nearer to its own the more it bought. counts and to have
// the length of Alpha.
func (d Dirichlet) Shares(counts, to []float64) {
	all := total(d.Alpha) + total(counts)
	for k, v := range counts {
		to[k] = (d.Alpha[k] + v) / all
	}
}

// Interval returns the bounds that hold the share of one supplier with the
// probability coverage, in (0, 1), the rest in equal parts on either side.
func (d Dirichlet) Interval(counts []float64, supplier int, coverage float64) (low, high float64) {
	own := d.Alpha[supplier] + counts[supplier]
	b := distuv.Beta{Alpha: own, Beta: total(d.Alpha) + total(counts) - own}
	return b.Quantile((1 - coverage) / 2), b.Quantile((1 + coverage) / 2)
}

func lgamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}
