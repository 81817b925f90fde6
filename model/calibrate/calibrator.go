package calibrate

import (
	"encoding"
	"errors"
	"fmt"
	"math"
)

// Errors of this package, to be recognised with errors.Is.
var (
	// ErrInput marks lengths that differ, no rows, or values out of range; the
	// message names the row.
	ErrInput = errors.New("calibrate: bad input")
	// ErrOneClass says that all outcomes are the same.
	ErrOneClass = errors.New("calibrate: only one class among the outcomes")
	// ErrReversed says that higher margins do not go with more positives, so
	// that the best calibrator would turn the ranking over or flatten it. Keep
	// the margins as they are, and look at the model.
	ErrReversed = errors.New("calibrate: higher margins do not mean higher risk")
	// ErrUndetermined says that no single finite calibrator is best: the margins
	// tell the classes apart without error, or have fewer distinct values than
	// the calibrator has parameters.
	ErrUndetermined = errors.New("calibrate: no single best calibrator")
	// ErrText marks a text that is not a saved calibrator.
	ErrText = errors.New("calibrate: not a saved calibrator")
)

// Calibrator maps a margin in log-odds to a probability in [0,1]. A margin of
// NaN gives NaN; everything else, infinities included, a number.
type Calibrator interface {
	// Kind names the calibrator: affine, isotonic, beta or venn-abers.
	Kind() string
	// Probability is the calibrated probability of a positive outcome.
	Probability(margin float64) float64
	// MarshalText gives the text that Parse reads back to the same bits.
	encoding.TextMarshaler
}

// Logistic returns 1/(1+exp(−margin)) without overflow.
func Logistic(margin float64) float64 {
	p, _ := logistic(margin)
	return p
}

// logistic also returns e = exp(−|margin|), of which the log-loss and its
// curvature are made.
func logistic(margin float64) (p, e float64) {
	e = math.Exp(-math.Abs(margin))
	if margin < 0 {
		return e / (1 + e), e
	}
	return 1 / (1 + e), e
}

// softplus is log(1+exp(v)) without overflow.
func softplus(v float64) float64 { return max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }

// largestWeight bounds weights so that no sum or product of them is infinite;
// its reciprocal, so that none vanishes.
const largestWeight = 1e100

// check verifies margins, outcomes (0 or 1) and weights (nil means all 1).
func check(margin, y, weights []float64) error {
	if len(y) == 0 {
		return fmt.Errorf("%w: no rows", ErrInput)
	}
	if len(margin) != len(y) {
		return fmt.Errorf("%w: %d margins for %d outcomes", ErrInput, len(margin), len(y))
	}
	if weights != nil && len(weights) != len(y) {
		return fmt.Errorf("%w: %d weights for %d outcomes", ErrInput, len(weights), len(y))
	}
	var sum float64
	for i, v := range y {
		if v != 0 && v != 1 {
			return fmt.Errorf("%w: outcome of row %d is %v, want 0 or 1", ErrInput, i, v)
		}
		if !finite(margin[i]) {
			return fmt.Errorf("%w: margin of row %d is %v", ErrInput, i, margin[i])
		}
		w := weightOf(weights, i)
		if w != 0 && !(w >= 1/largestWeight && w <= largestWeight) {
			return fmt.Errorf("%w: weight of row %d is %v, want 0 or %g … %g", ErrInput, i, w, 1/largestWeight, largestWeight)
		}
		sum += w
	}
	if sum == 0 {
		return fmt.Errorf("%w: every weight is 0", ErrInput)
	}
	return nil
}

// countClasses returns the weights of positives and negatives.
func countClasses(y, weights []float64) (positives, negatives float64, err error) {
	for i, v := range y {
		if v == 1 {
			positives += weightOf(weights, i)
		} else {
			negatives += weightOf(weights, i)
		}
	}
	if positives == 0 || negatives == 0 {
		return 0, 0, fmt.Errorf("%w: weight %v of positives, %v of negatives", ErrOneClass, positives, negatives)
	}
	return positives, negatives, nil
}

func weightOf(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
