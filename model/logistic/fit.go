package logistic

import (
	"context"
	"fmt"
	"math"

	"fealty/features/frame"
	"fealty/model"
)

// Learner is the learner of this package; its zero Params are not valid, start
// from Defaults. It is a value, safe for concurrent use.
type Learner struct {
	Params Params
}

var _ model.Learner = Learner{}

// Name returns "logistic".
func (Learner) Name() string { return "logistic" }

// Fit is the function Fit with the learner's parameters.
func (l Learner) Fit(ctx context.Context, f *frame.Frame, y, weights []float64) (model.Predictor, error) {
	m, err := Fit(ctx, l.Params, f, y, weights)
	if err != nil {
		return nil, err // not m: a nil *Model in an interface would not be nil
	}
	return m, nil
}

// Fit learns a model from the rows of f with outcomes y (0 or 1) and weights
// (nil means all 1; a row of weight 0 is the same as no row, a row of weight 2
// the same as the row twice, up to rounding). Columns without two different
// values are kept and contribute nothing.
//
// The same input gives the same model, bit for bit, on any number of threads;
// rows in another order give it up to rounding. Memory is about 8 bytes × rows
// × (1 + terms), at most 2 GiB; a frame of more than 2³¹ values is refused
// before any is looked at. Fit returns ctx.Err() when it is cancelled and
// otherwise one of the errors of this package.
func Fit(ctx context.Context, p Params, f *frame.Frame, y, weights []float64) (*Model, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Before anything looks at the values, which would take minutes.
	if values := int64(f.Rows()) * int64(len(f.Columns)); values > maxValues {
		return nil, fmt.Errorf("%w: %d rows × %d columns are more than %d values", ErrTooLarge, f.Rows(), len(f.Columns), int64(maxValues))
	}
	if err := f.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadInput, err)
	}
	s, err := newSample(f, y, weights)
	if err != nil {
		return nil, err
	}
	encodings, err := s.encode(ctx, p)
	if err != nil {
		return nil, err
	}
	x, err := s.matrix(ctx, encodings)
	if err != nil {
		return nil, err
	}
	best, iterations, err := x.minimise(ctx, p)
	if err != nil {
		return nil, err
	}
	return assemble(p, s, x, encodings, best, iterations)
}

// assemble moves the coefficients from the matrix into features and the
// intercept from "all marks 0" to the mean row.
func assemble(p Params, s *sample, x *matrix, encodings []encoding, best *point, iterations int) (*Model, error) {
	covariance, err := best.covariance(x.width, p.L2)
	if err != nil {
		return nil, err
	}
	c := content{Format: format, Version: version, L2: p.L2, Rows: len(s.rows), Weight: s.weight, Iterations: iterations,
		Features: make([]feature, len(encodings))}
	mean := make([]float64, x.width) // the mean row, in the matrix's coordinates
	mean[0] = 1
	c.Base = best.theta[0]
	at := 1
	for k := range encodings {
		for _, t := range encodings[k].terms {
			t.Estimate = best.theta[at]
			t.StandardError = math.Sqrt(max(0, covariance.At(at, at)))
			mean[at] = t.Share
			c.Base += t.Share * t.Estimate
			at++
		}
		c.Features[k] = encodings[k].feature
	}
	var variance float64
	for a, u := range mean {
		for b, v := range mean {
			variance += u * v * covariance.At(a, b)
		}
	}
	c.BaseStandardError = math.Sqrt(max(0, variance))
	c.LogLoss = best.value
	for _, v := range best.theta[1:] {
		c.LogLoss -= p.L2 / 2 * v * v
	}
	c.LogLoss = max(0, c.LogLoss/s.weight)
	return newModel(c)
}
