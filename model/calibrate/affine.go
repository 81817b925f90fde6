package calibrate

import (
	"fmt"
	"math"
	"slices"
)

// Affine calibrates a margin to another margin: Slope·margin + Intercept. So
// contributions times Slope, and the base times Slope plus Intercept, still add
// up. The zero value maps everything to 0; Identity changes nothing.
type Affine struct {
	// Slope is above 0 in every fitted Affine; Intercept is in log-odds.
	Slope, Intercept float64
}

var _ Calibrator = Affine{}

// Identity returns the calibrator that changes nothing.
func Identity() Affine { return Affine{Slope: 1} }

// FitAffine returns Platt's calibrator (Platt, Advances in Large Margin
// Classifiers 1999, 61–74): the exact maximum of the weighted likelihood with
// his targets, (n₁+1)/(n₁+2) for positives and 1/(n₀+2) for negatives, where n₁
// and n₀ are the classes' weights. Such targets keep the optimum finite on
// separated classes. In Platt's letters, Slope = −A and Intercept = −B.
//
// If all margins are equal, Slope is 1. ErrReversed if the best slope is not
// above 0; ErrOneClass if one class is absent.
func FitAffine(margin, y, weights []float64) (Affine, error) {
	if err := check(margin, y, weights); err != nil {
		return Affine{}, err
	}
	positives, negatives, err := countClasses(y, weights)
	if err != nil {
		return Affine{}, err
	}
	high, low := (positives+1)/(positives+2), 1/(negatives+2)
	target := make([]float64, len(y))
	for i, v := range y {
		if v == 1 {
			target[i] = high
		} else {
			target[i] = low
		}
	}
	if first := margin[0]; !slices.ContainsFunc(margin, func(m float64) bool { return m != first }) {
		// Both sums, not one and its complement: the share may round to 1.
		ones, zeros := positives*high+negatives*low, positives/(positives+2)+negatives*(negatives+1)/(negatives+2)
		return Affine{Slope: 1, Intercept: math.Log(ones) - math.Log(zeros) - first}, nil
	}
	theta, err := likelihood{terms: [][]float64{margin, constant(len(y), 1)}, target: target, weights: weights}.maximise()
	if err != nil {
		return Affine{}, err
	}
	if !(theta[0] > 0) {
		return Affine{}, fmt.Errorf("%w: the best slope is %.4g", ErrReversed, theta[0])
	}
	return Affine{Slope: theta[0], Intercept: theta[1]}, nil
}

// Kind returns "affine".
func (Affine) Kind() string { return kindAffine }

// Margin returns the calibrated margin in log-odds.
func (a Affine) Margin(margin float64) float64 { return a.Slope*margin + a.Intercept }

// Probability returns the calibrated probability.
func (a Affine) Probability(margin float64) float64 { return Logistic(a.Margin(margin)) }
