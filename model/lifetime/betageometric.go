package lifetime

import "math"

// betaGeometric is the likelihood of BG/NBD and MBG/NBD, in the papers' letters:
// purchases come at a rate λ ~ Gamma(r, α), and after each one, in MBG/NBD also
// at the start, an account leaves with probability p ~ Beta(a, b). With
// c = b + x (BG) or b + x + 1 (MBG) and R = r + x,
//
//	L = Γ(R)/Γ(r) · α^r · B(a, c)/B(a, b) · (α+T)^−R · (1 + k)
//	k = a/(c−1) · ((α+T)/(α+t_x))^R, and 0 where x = 0 in BG/NBD.
//
// It is the likelihood of the times of purchase, without factors of data only.
type betaGeometric struct {
	*table
	modified bool

	byX, byAge []float64 // Σ weight by distinct frequency and age
	rates      []float64 // Σ weight · x by distinct age
}

func newBetaGeometric(d *table, modified bool) *betaGeometric {
	l := &betaGeometric{table: d, modified: modified, byX: make([]float64, len(d.xs)), byAge: make([]float64, len(d.ages)), rates: make([]float64, len(d.ages))}
	for i, w := range d.weight {
		l.byX[d.x[i]] += w
		l.byAge[d.age[i]] += w
		l.rates[d.age[i]] += w * d.xs[d.x[i]]
	}
	return l
}

// survived is c of an account alive after x repeat purchases.
func survived(b, x float64, modified bool) float64 {
	if modified {
		return b + x + 1
	}
	return b + x
}

// stripeRows is how many distinct histories are summed at once.
const stripeRows = 2048

func (l *betaGeometric) at(theta, gradient []float64) float64 {
	r, alpha, a, b := math.Exp(theta[0]), math.Exp(theta[1]), math.Exp(theta[2]), math.Exp(theta[3])
	var sum [5]float64 // value, then derivatives by r, α, a, b

	// What depends on the frequency only.
	gammaR, psiR, betaAB := lgamma(r), digamma(r), lbeta(a, b)
	psiA, psiB, psiAB := digamma(a), digamma(b), digamma(a+b)
	logOdds := make([]float64, len(l.xs)) // log of k without its power
	perC := make([]float64, len(l.xs))    // 1/(c−1)
	for k, x := range l.xs {
		c := survived(b, x, l.modified)
		logOdds[k] = math.Inf(-1)
		if x > 0 || l.modified {
			logOdds[k], perC[k] = theta[2]-math.Log(c-1), 1/(c-1)
		}
		w := l.byX[k]
		if w == 0 {
			continue
		}
		sum[0] += w * (lgamma(r+x) - gammaR + lbeta(a, c) - betaAB)
		sum[1] += w * (digamma(r+x) - psiR)
		common := digamma(a + c)
		sum[3] += w * (digamma(a) - common - psiA + psiAB)
		sum[4] += w * (digamma(c) - common - psiB + psiAB)
	}
	sum[0] += l.total * r * theta[1]
	sum[1] += l.total * theta[1]
	sum[2] += l.total * r / alpha

	// What depends on the age only.
	logAge, perAge := make([]float64, len(l.ages)), make([]float64, len(l.ages))
	for k, age := range l.ages {
		logAge[k], perAge[k] = math.Log(alpha+age), 1/(alpha+age)
		sum[0] -= (r*l.byAge[k] + l.rates[k]) * logAge[k]
		sum[1] -= l.byAge[k] * logAge[k]
		sum[2] -= (r*l.byAge[k] + l.rates[k]) * perAge[k]
	}
	logRecency, perRecency := make([]float64, len(l.recencies)), make([]float64, len(l.recencies))
	for k, recency := range l.recencies {
		logRecency[k], perRecency[k] = math.Log(alpha+recency), 1/(alpha+recency)
	}

	// What depends on all three: log(1 + k).
	parts := make([][5]float64, (len(l.weight)+stripeRows-1)/stripeRows)
	stripes(len(l.weight), stripeRows, func(stripe, from, to int) {
		var s [5]float64
		// Most histories are of one account: their logarithms are those of products.
		product := 1.0
		for i := from; i < to; i++ {
			base := logOdds[l.x[i]]
			if math.IsInf(base, -1) {
				continue
			}
			x, w := l.xs[l.x[i]], l.weight[i]
			stretch := logAge[l.age[i]] - logRecency[l.recency[i]]
			d := base + (r+x)*stretch
			e := math.Exp(-math.Abs(d))
			left := w / (1 + e)
			if d < 0 {
				left *= e
			} else {
				s[0] += w * d
			}
			if w != 1 {
				s[0] += w * math.Log1p(e)
			} else if product *= 1 + e; product > 1e300 {
				s[0] += math.Log(product)
				product = 1
			}
			s[1] += left * stretch
			s[2] += left * (r + x) * (perAge[l.age[i]] - perRecency[l.recency[i]])
			s[3] += left
			s[4] -= left * perC[l.x[i]]
		}
		s[0] += math.Log(product)
		s[3] /= a
		parts[stripe] = s
	})
	for _, s := range parts {
		for k, v := range s {
			sum[k] += v
		}
	}
	for k, v := range []float64{r, alpha, a, b} {
		gradient[k] = sum[1+k] * v
	}
	return sum[0]
}

// betaGeometricOdds is log k: the log-odds that the account has left. −Inf where
// it is alive for certain.
func betaGeometricOdds(p [4]float64, modified bool, x, recency, age float64) float64 {
	if x == 0 && !modified {
		return math.Inf(-1)
	}
	r, alpha, a, b := p[0], p[1], p[2], p[3]
	return math.Log(a/(survived(b, x, modified)-1)) + (r+x)*math.Log1p((age-recency)/(alpha+recency))
}

// betaGeometricValue is the log-likelihood of one history.
func betaGeometricValue(p [4]float64, modified bool, x, recency, age float64) float64 {
	r, alpha, a, b := p[0], p[1], p[2], p[3]
	softplus, _ := odds(betaGeometricOdds(p, modified, x, recency, age))
	return lgamma(r+x) - lgamma(r) + r*math.Log(alpha) + lbeta(a, survived(b, x, modified)) - lbeta(a, b) - (r+x)*math.Log(alpha+age) + softplus
}

// series sums expected purchases of BG/NBD and MBG/NBD; it is scratch of one
// goroutine.
type series struct{ z, weight, total, mean []float64 }

// purchases writes, for an account that is alive at an age after x repeat
// purchases, the expected number of purchases until each horizon into mean. If it
// never left, it would buy N times, negative binomial with size R = r+x and
// z = t/(α+T+t); it leaves after each purchase with p ~ Beta(a, c), so that the
// j-th counts with probability E[(1−p)^(j−1)]:
//
//	E = Σ_n P(N=n)·M_n,  M_n = Σ_{j<n} (c)_j/(a+c)_j
//
// Every term is positive, so nothing cancels and no weight is too small, and a = 1
// is no exception, as it is in the papers' form with 2F1. Horizons ascend. It takes
// about 30·(1 + t/(α+T)) terms.
func (s *series) purchases(size, a, c, span float64, horizons, mean []float64) {
	const (
		precision = 1e-13
		high      = 1e250
	)
	if len(s.z) != len(horizons) {
		all := make([]float64, 4*len(horizons))
		for k, part := range []*[]float64{&s.z, &s.weight, &s.total, &s.mean} {
			*part = all[k*len(horizons) : (k+1)*len(horizons)]
		}
	}
	for k, t := range horizons {
		s.z[k], s.weight[k], s.total[k], s.mean[k] = t/(span+t), 1, 0, 0
	}
	n := len(horizons)
	z, weight, total, sum := s.z[:n], s.weight[:n], s.total[:n], s.mean[:n]
	survivor, m := 1.0, 0.0
	low := 0 // horizons before it have their sums
	for j := 0.0; low < n; j++ {
		grow := (size + j) / (j + 1)
		for k := low; k < n; k++ {
			w := weight[k]
			total[k] += w
			sum[k] += w * m
			w *= grow * z[k]
			weight[k] = w
			if w > high {
				weight[k], total[k], sum[k] = w/high, total[k]/high, sum[k]/high
			}
		}
		m += survivor
		survivor *= (c + j) / (a + c + j)
		for ; low < n; low++ {
			// What all later terms can add: weights fall at least by this ratio, and M
			// grows by at most 1.
			rest := 1 - max(grow, 1)*z[low]
			if rest <= 0 || weight[low]*(m+1) > precision*rest*rest*sum[low] {
				break
			}
		}
	}
	for k := range horizons {
		mean[k] = s.mean[k] / s.total[k]
	}
}
