package lifetime

import "math"

// negativeBinomial is the likelihood of the NBD (Ehrenberg, The Pattern of
// Consumer Purchases, Applied Statistics 8, 1959): purchases come at a rate
// λ ~ Gamma(r, α), and nobody leaves. It is the limit of the other models as
// their departures go to 0, where those have no optimum.
//
//	L = Γ(r+x)/Γ(r) · α^r · (α+T)^−(r+x)
type negativeBinomial struct{ *betaGeometric }

func (l negativeBinomial) at(theta, gradient []float64) float64 {
	r, alpha := math.Exp(theta[0]), math.Exp(theta[1])
	gammaR, psiR := lgamma(r), digamma(r)
	value, byR, byAlpha := l.total*r*theta[1], l.total*theta[1], l.total*r/alpha
	for k, x := range l.xs {
		value += l.byX[k] * (lgamma(r+x) - gammaR)
		byR += l.byX[k] * (digamma(r+x) - psiR)
	}
	for k, age := range l.ages {
		log, purchases := math.Log(alpha+age), r*l.byAge[k]+l.rates[k]
		value -= purchases * log
		byR -= l.byAge[k] * log
		byAlpha -= purchases / (alpha + age)
	}
	gradient[0], gradient[1] = r*byR, alpha*byAlpha
	return value
}

// negativeBinomialValue is the log-likelihood of one history.
func negativeBinomialValue(p [4]float64, x, age float64) float64 {
	r, alpha := p[0], p[1]
	return lgamma(r+x) - lgamma(r) + r*math.Log(alpha) - (r+x)*math.Log(alpha+age)
}
