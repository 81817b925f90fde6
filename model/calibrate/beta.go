package calibrate

import (
	"fmt"
	"math"
)

// BetaForm says which parameters of a beta calibrator are free.
type BetaForm uint8

// The forms.
const (
	// BetaABM frees both slopes and the midpoint. A slope whose best value is
	// negative is set to 0 and the rest fitted again, so the map is monotone.
	BetaABM BetaForm = iota + 1
	// BetaAM has one slope for both sides: Affine without Platt's targets.
	BetaAM
	// BetaAB frees both slopes and keeps 1/2 at 1/2. It is not constrained:
	// with a negative A or B the map is not monotone.
	BetaAB
)

// Beta calibrates as if the scores of both classes were beta distributed:
//
//	log-odds = A·ln s − B·ln(1−s) + C, with s = 1/(1+exp(−margin))
//
// (Kull, Silva Filho and Flach, AISTATS 2017). Unlike Affine it can bend the
// two tails differently.
type Beta struct{ A, B, C float64 }

var _ Calibrator = Beta{}

// FitBeta returns the unpenalised maximum of the weighted likelihood.
// ErrUndetermined if the margins separate the classes or are too few to tell,
// ErrReversed if BetaABM or BetaAM would turn the ranking over or flatten it,
// ErrOneClass if one class is absent.
func FitBeta(margin, y, weights []float64, form BetaForm) (Beta, error) {
	if err := check(margin, y, weights); err != nil {
		return Beta{}, err
	}
	if _, _, err := countClasses(y, weights); err != nil {
		return Beta{}, err
	}
	// s = 0.5 at these offsets, which BetaAB's terms vanish at.
	offset := 0.0
	if form == BetaAB {
		offset = math.Ln2
	}
	n := len(y)
	lower, upper := make([]float64, n), make([]float64, n)
	for i, m := range margin {
		lower[i], upper[i] = offset-softplus(-m), softplus(m)-offset
	}
	fit := func(terms ...[]float64) ([]float64, error) {
		return likelihood{terms: terms, target: y, weights: weights}.maximise()
	}
	one := constant(n, 1)
	switch form {
	case BetaAB:
		theta, err := fit(lower, upper)
		if err != nil {
			return Beta{}, err
		}
		return Beta{theta[0], theta[1], (theta[0] - theta[1]) * math.Ln2}, nil
	case BetaAM:
		theta, err := fit(margin, one) // ln s − ln(1−s) is the margin
		if err != nil {
			return Beta{}, err
		}
		return monotone(Beta{theta[0], theta[0], theta[1]})
	case BetaABM:
		theta, err := fit(lower, upper, one)
		if err != nil {
			return Beta{}, err
		}
		b := Beta{theta[0], theta[1], theta[2]}
		switch {
		case b.A < 0:
			theta, err = fit(upper, one)
			if err != nil {
				return Beta{}, err
			}
			b = Beta{0, theta[0], theta[1]}
		case b.B < 0:
			theta, err = fit(lower, one)
			if err != nil {
				return Beta{}, err
			}
			b = Beta{theta[0], 0, theta[1]}
		}
		return monotone(b)
	}
	return Beta{}, fmt.Errorf("%w: beta form %d is unknown", ErrInput, form)
}

func monotone(b Beta) (Beta, error) {
	if b.A < 0 || b.B < 0 || b.A+b.B <= 0 {
		return Beta{}, fmt.Errorf("%w: the best slopes are %.4g and %.4g", ErrReversed, b.A, b.B)
	}
	return b, nil
}

// Kind returns "beta".
func (Beta) Kind() string { return kindBeta }

// Probability returns the calibrated probability.
func (b Beta) Probability(margin float64) float64 {
	eta := b.C
	// A slope of 0 means that its tail does not matter, also where it is endless.
	if b.A != 0 {
		eta -= b.A * softplus(-margin)
	}
	if b.B != 0 {
		eta += b.B * softplus(margin)
	}
	return Logistic(eta)
}
