package logistic

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Errors of Fit, to be recognised with errors.Is.
var (
	// ErrParams marks a parameter outside its bounds.
	ErrParams = errors.New("logistic: parameter out of bounds")
	// ErrNoRows says that no row has a weight above 0.
	ErrNoRows = errors.New("logistic: no rows to learn from")
	// ErrNoFeatures says that the frame has no columns.
	ErrNoFeatures = errors.New("logistic: no features to learn from")
	// ErrOneClass says that every row with a weight has the same outcome.
	ErrOneClass = errors.New("logistic: only one class among the outcomes")
	// ErrBadInput marks a frame, outcome or weight that cannot be learnt from;
	// the message names column and row.
	ErrBadInput = errors.New("logistic: bad input")
	// ErrTooLarge says that the encoded rows would not fit the stated memory.
	ErrTooLarge = errors.New("logistic: too large")
	// ErrSingular says that the coefficients are not determined: columns repeat
	// each other and the penalty is 0 or too small to choose between them.
	ErrSingular = errors.New("logistic: coefficients not determined")
	// ErrNotConverged says that the iterations ran out, as they do when a column
	// separates the classes and nothing penalises its coefficient.
	ErrNotConverged = errors.New("logistic: not converged")
)

// Transform is what happens to a number before it is standardised.
type Transform uint8

// The transforms.
const (
	// Auto takes the signed logarithm sign(x)·log(1+|x|/unit) where it tames a
	// tail: where the skewness of the column is beyond ±1 and the logarithm
	// brings it nearer to 0. The unit is the 5 % quantile of the magnitudes above
	// 0, which is 1 for most counts; a column in cents instead of euros gives the
	// same margins. It is the zero value.
	Auto Transform = iota
	// Identity leaves the number as it is.
	Identity
	// Log1p is sign(x)·log(1+|x|), with a unit of 1: logarithmic in the tails,
	// linear around 0, defined for returns that make a sum negative.
	Log1p
)

// String returns the transform's name, as it stands in a saved model.
func (t Transform) String() string {
	switch t {
	case Auto:
		return "auto"
	case Identity:
		return "identity"
	case Log1p:
		return "log1p"
	}
	return fmt.Sprintf("transform(%d)", uint8(t))
}

// shape is a transform with its unit, which only Log1p has.
type shape struct {
	transform Transform
	unit      float64
}

// apply is monotone and finite for every finite x.
func (h shape) apply(x float64) float64 {
	if h.transform != Log1p {
		return x
	}
	size := math.Abs(x)
	v := math.Log1p(size / h.unit)
	if math.IsInf(v, 1) { // a large number in a tiny unit
		v = math.Log(size) - math.Log(h.unit)
	}
	return math.Copysign(v, x)
}

// Params says how to fit. The zero value is not valid; start from Defaults.
type Params struct {
	// L2 is the ridge penalty on the standardised coefficients, in the units of
	// the summed (not mean) log-loss: scikit-learn's 1/C. Default 1, bounds
	// 0 … 1e12. 0 is allowed for independent number columns only.
	L2 float64
	// MaxIterations bounds the Newton steps. Default 100, bounds 1 … 10,000.
	MaxIterations int
	// Tolerance is the largest step, relative to 1 + the largest coefficient, at
	// which the fit counts as converged; a step below 1e-6 that has stopped
	// shrinking counts too. Default 1e-10, bounds 1e-14 … 1e-2.
	Tolerance float64
	// MaxLevels is how many levels of one category column get a coefficient of
	// their own, the most frequent first (ties by name); the rest share one.
	// Default 64, bounds 1 … 1,024.
	MaxLevels int
	// Transform names the transform of number columns; a column that is not
	// named takes Auto. A name that the frame lacks, or that is a category
	// there, is an error.
	Transform map[string]Transform
}

// Defaults returns the documented default of every parameter.
func Defaults() Params {
	return Params{L2: 1, MaxIterations: 100, Tolerance: 1e-10, MaxLevels: 64}
}

// Validate checks every bound; its error wraps ErrParams and names the field.
func (p Params) Validate() error {
	if !(p.L2 >= 0 && p.L2 <= 1e12) {
		return fmt.Errorf("%w: L2 is %v, want 0 … 1e12", ErrParams, p.L2)
	}
	if p.MaxIterations < 1 || p.MaxIterations > 10_000 {
		return fmt.Errorf("%w: MaxIterations is %d, want 1 … 10,000", ErrParams, p.MaxIterations)
	}
	if !(p.Tolerance >= 1e-14 && p.Tolerance <= 1e-2) {
		return fmt.Errorf("%w: Tolerance is %v, want 1e-14 … 1e-2", ErrParams, p.Tolerance)
	}
	if p.MaxLevels < 1 || p.MaxLevels > 1024 {
		return fmt.Errorf("%w: MaxLevels is %d, want 1 … 1,024", ErrParams, p.MaxLevels)
	}
	for _, name := range sortedKeys(p.Transform) {
		if t := p.Transform[name]; t > Log1p {
			return fmt.Errorf("%w: Transform of %q is %v", ErrParams, name, t)
		}
	}
	return nil
}

// sortedKeys makes the first error found the same on every run.
func sortedKeys(m map[string]Transform) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
