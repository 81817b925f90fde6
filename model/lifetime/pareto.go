package lifetime

import "math"

// paretoNBD is the likelihood of Pareto/NBD, in the paper's letters: purchases
// come at a rate λ ~ Gamma(r, α) until the account leaves, after an exponential
// time with rate μ ~ Gamma(s, β). With R = r + x,
//
//	L = Γ(R)/Γ(r) · α^r · (α+T)^−R · (β/(β+T))^s · (1 + J)
//	J = s ∫_{t_x}^{T} ((α+T)/(α+y))^R ((β+T)/(β+y))^s dy/(β+y) = H(t_x) − H(T)
//	H(y) = s/(R+s) · ((α+T)/(α+y))^R ((β+T)/(β+y))^s · F(1, R; R+s+1; (α−β)/(α+y))
//
// (Fader and Hardie, "A note on deriving the Pareto/NBD model", 2005, after
// Euler's transformation of its F, which keeps x out of the exponents of F.) The
// logarithms of the powers are taken before anything is added.
type paretoNBD struct {
	*table

	byX []float64 // Σ weight by distinct frequency
}

func newParetoNBD(d *table) *paretoNBD {
	l := &paretoNBD{table: d, byX: make([]float64, len(d.xs))}
	for i, w := range d.weight {
		l.byX[d.x[i]] += w
	}
	return l
}

// ratio is F(1, R; R+s+1; z)/(R+s) with its derivatives by R, s and z.
type ratio struct{ value, byR, byS, byZ float64 }

func newRatio(size, s, alpha, beta, y float64) ratio {
	v, byB, byC, byZ := slopes(size, size+s, (alpha-beta)/(alpha+y))
	return ratio{v, byB + byC, byC, byZ}
}

func (l *paretoNBD) at(theta, gradient []float64) float64 {
	r, alpha, s, beta := math.Exp(theta[0]), math.Exp(theta[1]), math.Exp(theta[2]), math.Exp(theta[3])
	var sum [5]float64 // value, then derivatives by r, α, s, β
	gammaR, psiR := lgamma(r), digamma(r)
	for k, x := range l.xs {
		if w := l.byX[k]; w > 0 {
			sum[0] += w * (lgamma(r+x) - gammaR)
			sum[1] += w * (digamma(r+x) - psiR)
		}
	}
	sum[0] += l.total * (r*theta[1] + s*theta[3])
	sum[1] += l.total * theta[1]
	sum[2] += l.total * r / alpha
	sum[3] += l.total * theta[3]
	sum[4] += l.total * s / beta

	parts := make([][5]float64, (len(l.weight)+paretoRows-1)/paretoRows)
	stripes(len(l.weight), paretoRows, func(stripe, from, to int) {
		parts[stripe] = l.stripe([4]float64{r, alpha, s, beta}, from, to)
	})
	for _, part := range parts {
		for k, v := range part {
			sum[k] += v
		}
	}
	for k, v := range []float64{r, alpha, s, beta} {
		gradient[k] = sum[1+k] * v
	}
	return sum[0]
}

// paretoRows is how many distinct histories are summed at once.
const paretoRows = 256

// stripe sums what depends on all of a history: −R log(α+T) − s log(β+T) and
// log(1+J).
func (l *paretoNBD) stripe(p [4]float64, from, to int) (sum [5]float64) {
	r, alpha, s, beta := p[0], p[1], p[2], p[3]
	logS := math.Log(s)
	var lastX, lastAge int32 = -1, -1
	var atAge ratio
	var logA, logB float64
	for i := from; i < to; i++ {
		x, age, recency, w := l.xs[l.x[i]], l.ages[l.age[i]], l.recencies[l.recency[i]], l.weight[i]
		size := r + x
		if l.x[i] != lastX || l.age[i] != lastAge { // they ascend together
			lastX, lastAge = l.x[i], l.age[i]
			atAge = newRatio(size, s, alpha, beta, age)
			logA, logB = math.Log(alpha+age), math.Log(beta+age)
		}
		sum[0] -= w * (size*logA + s*logB)
		sum[1] -= w * logA
		sum[2] -= w * size / (alpha + age)
		sum[3] -= w * logB
		sum[4] -= w * s / (beta + age)
		if recency == age {
			continue // J = 0
		}
		atRecency := newRatio(size, s, alpha, beta, recency)
		stretchA, stretchB := logA-math.Log(alpha+recency), logB-math.Log(beta+recency)
		// log H(t_x), and 1 − H(T), which is positive: what is lost beyond T is less
		// than everything.
		high := logS + size*stretchA + s*stretchB + math.Log(atRecency.value)
		rest := max(1-s*atAge.value, 0)
		scale := max(high, 0)
		early, late := math.Exp(high-scale), math.Exp(-scale)
		total := early + rest*late
		sum[0] += w * (scale + math.Log(total))

		early, late = w*early/total, w*late/total // shares of the derivatives
		zEarly, zLate := (alpha-beta)/(alpha+recency), (alpha-beta)/(alpha+age)
		sum[1] += early*(stretchA+atRecency.byR/atRecency.value) - late*s*atAge.byR
		sum[2] += early*(size*(1/(alpha+age)-1/(alpha+recency))+atRecency.byZ/atRecency.value*(1-zEarly)/(alpha+recency)) -
			late*s*atAge.byZ*(1-zLate)/(alpha+age)
		sum[3] += early*(1/s+stretchB+atRecency.byS/atRecency.value) - late*(atAge.value+s*atAge.byS)
		sum[4] += early*(s*(1/(beta+age)-1/(beta+recency))-atRecency.byZ/atRecency.value/(alpha+recency)) +
			late*s*atAge.byZ/(alpha+age)
	}
	return sum
}

// paretoTail is log(1 + J) of one history, so that P(alive) = exp(−paretoTail).
func paretoTail(p [4]float64, x, recency, age float64) float64 {
	if recency == age {
		return 0
	}
	r, alpha, s, beta := p[0], p[1], p[2], p[3]
	size := r + x
	atAge, _ := fraction(size, size+s, (alpha-beta)/(alpha+age))
	atRecency, _ := fraction(size, size+s, (alpha-beta)/(alpha+recency))
	high := math.Log(s*atRecency) + size*math.Log1p((age-recency)/(alpha+recency)) + s*math.Log1p((age-recency)/(beta+recency))
	rest := max(1-s*atAge, 0)
	scale := max(high, 0)
	return max(scale+math.Log(math.Exp(high-scale)+rest*math.Exp(-scale)), 0)
}

// paretoValue is the log-likelihood of one history.
func paretoValue(p [4]float64, x, recency, age float64) float64 {
	r, alpha, s, beta := p[0], p[1], p[2], p[3]
	return lgamma(r+x) - lgamma(r) + r*math.Log(alpha) + s*math.Log(beta) -
		(r+x)*math.Log(alpha+age) - s*math.Log(beta+age) + paretoTail(p, x, recency, age)
}

// paretoPurchases writes the expected purchases of an account that is alive at
// its age until each horizon:
//
//	(r+x)(β+T)/(α+T) · (1 − ((β+T)/(β+T+t))^(s−1))/(s−1)
func paretoPurchases(p [4]float64, x, age float64, horizons, mean []float64) {
	r, alpha, s, beta := p[0], p[1], p[2], p[3]
	rate := (r + x) * (beta + age) / (alpha + age)
	for k, t := range horizons {
		mean[k] = rate * growth(s-1, math.Log1p(t/(beta+age)))
	}
}

// growth is (1 − exp(−e·v))/e, and its limit v where e = 0.
func growth(e, v float64) float64 {
	if e == 0 {
		return v
	}
	return -math.Expm1(-e*v) / e
}
