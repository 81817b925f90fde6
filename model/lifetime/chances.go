package lifetime

import (
	"context"
	"fmt"
	"math"
)

// Chances holds one account per row: how many of its chances to buy (years,
// campaigns, issues) it took. The columns have the same length and hold whole
// numbers.
type Chances struct {
	// Frequency is x, the chances taken; Recency is t_x, the number of the last one
	// taken, 0 if none; Offered is n, how many there were.
	Frequency, Recency, Offered []float64
}

// Check verifies every row; its error wraps ErrInput and names the first bad one.
func (c Chances) Check() error {
	n := len(c.Frequency)
	if len(c.Recency) != n || len(c.Offered) != n {
		return fmt.Errorf("%w: %d frequencies, %d recencies and %d numbers of chances: want one of each per account", ErrInput, n, len(c.Recency), len(c.Offered))
	}
	for i, x := range c.Frequency {
		t, offered := c.Recency[i], c.Offered[i]
		if x >= 0 && x <= t && t <= offered && offered <= mostChances && (x > 0) == (t > 0) &&
			x == math.Trunc(x) && t == math.Trunc(t) && offered == math.Trunc(offered) {
			continue
		}
		return fmt.Errorf("%w: row %d: frequency %v, recency %v, chances %v: want whole numbers with frequency ≤ recency ≤ chances ≤ %d, and recency 0 where frequency is 0",
			ErrInput, i, x, t, offered, mostChances)
	}
	return nil
}

// mostChances bounds the chances of one account; for more, use a model in
// continuous time.
const mostChances = 10_000

// ChanceModel is a fitted BG/BB model: immutable, safe for concurrent use. In the
// paper's letters an account takes each chance with probability p ~ Beta(α, β)
// while it is alive, and leaves before each with probability θ ~ Beta(γ, δ).
type ChanceModel struct{ estimator }

// betaBinomial is the likelihood of BG/BB; row i is of an account that left after
// some chance or is alive at the last:
//
//	L = B(α+x, β+n−x)/B(α,β) · B(γ, δ+n)/B(γ,δ) +
//	    Σ_{i=0}^{n−t_x−1} B(α+x, β+t_x−x+i)/B(α,β) · B(γ+1, δ+t_x+i)/B(γ,δ)
type betaBinomial struct{ *table } // ages are chances offered

func (l betaBinomial) at(theta, gradient []float64) float64 {
	p := [4]float64{math.Exp(theta[0]), math.Exp(theta[1]), math.Exp(theta[2]), math.Exp(theta[3])}
	var sum [5]float64
	for i, w := range l.weight {
		v := chance(p, l.xs[l.x[i]], l.recencies[l.recency[i]], l.ages[l.age[i]])
		for k, d := range v {
			sum[k] += w * d
		}
	}
	for k, v := range p {
		gradient[k] = sum[1+k] * v
	}
	return sum[0]
}

// chance is the log-likelihood of one row, then its derivatives by α, β, γ, δ.
// Terms are added relative to the one of being alive; the ratio of neighbours is
// rational, so no further special function is needed, and the derivatives of the
// ratios add up likewise.
func chance(p [4]float64, x, recency, offered float64) (out [5]float64) {
	alpha, beta, gamma, delta := p[0], p[1], p[2], p[3]
	bought := lbeta(alpha+x, beta+offered-x) - lbeta(alpha, beta)
	alive := lbeta(gamma, delta+offered) - lbeta(gamma, delta)
	psiAB, psiABn := digamma(alpha+beta), digamma(alpha+beta+offered)
	psiGD, psiGDn := digamma(gamma+delta), digamma(gamma+delta+offered)
	out[0] = bought + alive
	out[1] = digamma(alpha+x) - psiABn - digamma(alpha) + psiAB
	out[2] = digamma(beta+offered-x) - psiABn - digamma(beta) + psiAB
	out[3] = digamma(gamma) - psiGDn - digamma(gamma) + psiGD
	out[4] = digamma(delta+offered) - psiGDn - digamma(delta) + psiGD

	// The term of leaving at chance m+1 (m = offered−1 … recency), relative to alive:
	// B(α+x, β+m−x)/B(α+x, β+n−x) · B(γ+1, δ+m)/B(γ, δ+n).
	total, log := 1.0, 0.0
	var slope, sum [4]float64 // derivatives of log, and Σ term · derivative
	for m := offered - 1; m >= recency; m-- {
		a, b := beta+m-x, alpha+beta+m // B(·, β+m−x)/B(·, β+m+1−x) = b/a
		log += math.Log(b / a)
		slope[0] += 1 / b
		slope[1] += 1/b - 1/a
		if m == offered-1 { // B(γ+1, δ+n−1)/B(γ, δ+n) = γ/(δ+n−1)
			log += math.Log(gamma / (delta + m))
			slope[2] += 1 / gamma
			slope[3] -= 1 / (delta + m)
		} else { // B(γ+1, δ+m)/B(γ+1, δ+m+1) = (γ+δ+m+1)/(δ+m)
			c, d := gamma+delta+m+1, delta+m
			log += math.Log(c / d)
			slope[2] += 1 / c
			slope[3] += 1/c - 1/d
		}
		if log > 700 { // keep what dominates in range
			shrink := math.Exp(-log)
			total *= shrink
			for k := range sum {
				sum[k] *= shrink
			}
			out[0] += log
			log = 0
		}
		term := math.Exp(log)
		total += term
		for k := range sum {
			sum[k] += term * slope[k]
		}
	}
	out[0] += math.Log(total)
	for k := range sum {
		out[1+k] += sum[k] / total
	}
	return out
}

// GivenChances returns a model with parameters that are known, as Given does.
func GivenChances(parameters ...float64) (*ChanceModel, error) {
	e, err := newGiven(chanceNames(), parameters)
	if err != nil {
		return nil, err
	}
	return &ChanceModel{e}, nil
}

// FitChances maximises the likelihood of BG/BB. weights may be nil; errors as of
// Fit.
func FitChances(ctx context.Context, c Chances, weights []float64) (*ChanceModel, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	total, err := checkWeights(weights, len(c.Frequency))
	if err != nil {
		return nil, err
	}
	d := tabulate(Histories{Frequency: c.Frequency, Recency: c.Recency, Age: c.Offered}, weights, 1)
	rows := 0
	for i := range c.Frequency {
		if weightOf(weights, i) > 0 {
			rows++
		}
	}
	names := chanceNames()
	advice := fmt.Sprintf("BG/BB can't be fitted to these %d accounts; take more chances or more accounts, or a model in continuous time", rows)
	if d.purchases == 0 {
		return nil, fmt.Errorf("%w: nobody took a chance: %s", ErrNotConverged, advice)
	}
	starts := [][]float64{{0, 0, 0, math.Log(2)}, {math.Log(0.3), math.Log(0.5), math.Log(0.5), math.Log(5)}, {math.Log(2), math.Log(6), math.Log(0.2), 0}}
	best, err := maximise(ctx, betaBinomial{d}, d.total, nil, 0, starts, names, advice)
	if err != nil {
		return nil, err
	}
	return &ChanceModel{estimator{names: names, theta: best.theta, covariance: best.covariance, quality: newQuality(rows, total, best.value, 4)}}, nil
}

func chanceNames() []string { return []string{"alpha", "beta", "gamma", "delta"} }

// parameters are α, β, γ, δ.
func (m *ChanceModel) parameters() (p [4]float64) {
	for k, v := range m.theta {
		p[k] = math.Exp(v)
	}
	return p
}

// Alive writes the probability that each account is still alive at the chance
// ahead after the last one (ahead = 1: at the next one; 0: at the last) into out.
func (m *ChanceModel) Alive(c Chances, ahead int, out []float64) error {
	if ahead < 0 || ahead > mostChances {
		return fmt.Errorf("%w: %d chances ahead, want 0 … %d", ErrParams, ahead, mostChances)
	}
	p := m.parameters()
	return m.each(c, out, func(x, recency, offered float64) float64 {
		alive := chanceAlive(p, x, recency, offered)
		for j := range ahead {
			alive *= (p[3] + offered + float64(j)) / (p[2] + p[3] + offered + float64(j))
		}
		return alive
	})
}

// chanceAlive is the probability of being alive at the last chance.
func chanceAlive(p [4]float64, x, recency, offered float64) float64 {
	alive := lbeta(p[0]+x, p[1]+offered-x) - lbeta(p[0], p[1]) + lbeta(p[2], p[3]+offered) - lbeta(p[2], p[3])
	return min(math.Exp(alive-chance(p, x, recency, offered)[0]), 1)
}

// Expected writes the expected number of chances taken of the next ones into out,
// one entry per row.
func (m *ChanceModel) Expected(c Chances, next int, out []float64) error {
	if next < 0 || next > mostChances {
		return fmt.Errorf("%w: the next %d chances, want 0 … %d", ErrParams, next, mostChances)
	}
	p := m.parameters()
	return m.each(c, out, func(x, recency, offered float64) float64 {
		var sum float64
		alive := chanceAlive(p, x, recency, offered)
		for j := range next {
			alive *= (p[3] + offered + float64(j)) / (p[2] + p[3] + offered + float64(j))
			sum += alive
		}
		return sum * (p[0] + x) / (p[0] + p[1] + offered)
	})
}

// LogLikelihood writes each account's part of the log-likelihood into out.
func (m *ChanceModel) LogLikelihood(c Chances, out []float64) error {
	p := m.parameters()
	return m.each(c, out, func(x, recency, offered float64) float64 { return chance(p, x, recency, offered)[0] })
}

func (m *ChanceModel) each(c Chances, out []float64, f func(x, recency, offered float64) float64) error {
	if err := c.Check(); err != nil {
		return err
	}
	if err := checkOut(out, len(c.Frequency)); err != nil {
		return err
	}
	for i, x := range c.Frequency {
		out[i] = f(x, c.Recency[i], c.Offered[i])
	}
	return nil
}
