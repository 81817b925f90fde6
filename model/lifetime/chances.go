package lifetime

import (
	"fmt"
	"math"
)

// mostChances bounds the chances of one account; for more, use a model in
// continuous time.
const mostChances = 10_000

// checkChances verifies histories whose time is counted in chances to buy; its
// error wraps ErrInput and names the first bad row. They passed Check.
func checkChances(h Histories) error {
	for i, x := range h.Frequency {
		t, offered := h.Recency[i], h.Age[i]
		if x <= t && offered <= mostChances && t == math.Trunc(t) && offered == math.Trunc(offered) {
			continue
		}
		return fmt.Errorf("%w: row %d: frequency %v, recency %v, age %v: of bg-bb, which counts chances to buy, want whole numbers with frequency ≤ recency ≤ age ≤ %d",
			ErrInput, i, x, t, offered, mostChances)
	}
	return nil
}

// betaBinomial is the likelihood of BG/BB, in the paper's letters: an account takes
// each chance with probability p ~ Beta(α, β) while it is alive, and leaves before
// each with probability θ ~ Beta(γ, δ). An account that took x of n chances, the last
// of them the t_x-th, left after some chance or is alive at the last:
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

// chanceStarts are logarithms of parameters from which the likelihood is climbed.
func chanceStarts() [][]float64 {
	return [][]float64{{0, 0, 0, math.Log(2)}, {math.Log(0.3), math.Log(0.5), math.Log(0.5), math.Log(5)}, {math.Log(2), math.Log(6), math.Log(0.2), 0}}
}

// chanceAlive is the probability of being alive at the last chance.
func chanceAlive(p [4]float64, x, recency, offered float64) float64 {
	alive := lbeta(p[0]+x, p[1]+offered-x) - lbeta(p[0], p[1]) + lbeta(p[2], p[3]+offered) - lbeta(p[2], p[3])
	return min(math.Exp(alive-chance(p, x, recency, offered)[0]), 1)
}

// chanceStays is the probability that an account alive after so many chances is
// alive at the next.
func chanceStays(p [4]float64, offered float64) float64 {
	return (p[3] + offered) / (p[2] + p[3] + offered)
}

// chancePurchases writes the chances that an account alive at the last of those
// offered is expected to take until each of the ascending horizons. A chance is taken
// at any moment of its period alike, so that one whose period a horizon cuts counts by
// its share.
func chancePurchases(p [4]float64, x, offered float64, horizons, mean []float64) {
	rate := (p[0] + x) / (p[0] + p[1] + offered)
	alive, sum, ahead := 1.0, 0.0, 0.0
	for k, t := range horizons {
		for ; ahead+1 <= t; ahead++ {
			alive *= chanceStays(p, offered+ahead)
			sum += alive
		}
		mean[k] = rate * (sum + (t-ahead)*alive*chanceStays(p, offered+ahead))
	}
}

// chanceNone is the probability that an account takes none of the chances until a
// horizon, given that of being alive at the last of those offered: it has left, leaves
// before one of them, or lets all pass. A chance whose period the horizon cuts comes by
// its share, as in chancePurchases.
func chanceNone(p [4]float64, living, x, offered, t float64) float64 {
	pass, stays, leaves, none := 1.0, 1.0, 0.0, 1.0
	for ahead := 0.0; ahead < t; ahead++ {
		next := stays * chanceStays(p, offered+ahead)
		leaves += (stays - next) * pass
		stays = next
		pass *= (p[1] + offered - x + ahead) / (p[0] + p[1] + offered + ahead)
		none += min(t-ahead, 1) * (leaves + stays*pass - none)
	}
	return 1 - living + living*none
}
