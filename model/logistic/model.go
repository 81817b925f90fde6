package logistic

import (
	"errors"
	"fmt"
	"math"

	"fealty/features/frame"
	"fealty/model"
)

// ErrFrame marks a frame that a model cannot read: a column is absent, of
// another kind, or infinite.
var ErrFrame = errors.New("logistic: the frame does not fit the model")

// Model is a fitted regression: immutable, safe for concurrent use. It exists
// only after a Fit or a Parse that succeeded.
type Model struct {
	content content
	names   []string
}

var _ model.Explainer = (*Model)(nil)

func newModel(c content) (*Model, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	m := &Model{content: c, names: make([]string, len(c.Features))}
	for k := range c.Features {
		m.content.Features[k].centre = c.Features[k].mean()
		m.names[k] = c.Features[k].Name
	}
	return m, nil
}

// Features returns the names of the columns that the model reads, in the order
// of the training frame. The caller owns the slice.
func (m *Model) Features() []string { return append([]string(nil), m.names...) }

// Base returns the margin of the mean training row, in log-odds: the value
// from which contributions are counted.
func (m *Model) Base() float64 { return m.content.Base }

// LogLoss returns the weighted mean log-loss on the training rows, in nats,
// without the penalty.
func (m *Model) LogLoss() float64 { return m.content.LogLoss }

// Iterations returns how many Newton steps the fit took.
func (m *Model) Iterations() int { return m.content.Iterations }

// Predict writes the margin (log-odds) of every row of f into out, which has
// f.Rows() values. Columns are found by name; others are ignored. A missing
// value reads as the training's missing values, or, where the training saw
// none, as the mean row. A level that the training did not see reads as the
// pool of rare levels where there is one, otherwise as missing. Margins are
// finite. Errors wrap ErrFrame and name column and row.
func (m *Model) Predict(f *frame.Frame, out []float64) error {
	if len(out) != f.Rows() {
		return fmt.Errorf("%w: %d places for the margins of %d rows", ErrFrame, len(out), f.Rows())
	}
	for i := range out {
		out[i] = m.content.Base
	}
	return m.each(f, func(_, i int, v float64) { out[i] += v })
}

// Explain writes f.Rows() × len(Features()) contributions in log-odds, row by
// row, into out and returns the base. base + contributions, added from left to
// right, is the margin of Predict to the bit. A column's contribution holds
// all its terms: value and missing mark, or all levels.
func (m *Model) Explain(f *frame.Frame, out []float64) (float64, error) {
	width := len(m.names)
	if len(out) != f.Rows()*width {
		return 0, fmt.Errorf("%w: %d places for %d × %d contributions", ErrFrame, len(out), f.Rows(), width)
	}
	if err := m.each(f, func(k, i int, v float64) { out[i*width+k] = v }); err != nil {
		return 0, err
	}
	return m.content.Base, nil
}

// each calls put(feature, row, contribution) feature by feature. Both Predict
// and Explain go through it, so that they cannot disagree.
func (m *Model) each(f *frame.Frame, put func(k, i int, v float64)) error {
	g, err := f.Select(m.names)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, err)
	}
	for k := range m.content.Features {
		t, c := &m.content.Features[k], &g.Columns[k]
		if c.Kind.String() != t.Kind {
			return fmt.Errorf("%w: column %q is a %v, the model was trained on a %s", ErrFrame, c.Name, c.Kind, t.Kind)
		}
		if c.Len() != f.Rows() {
			return fmt.Errorf("%w: column %q has %d rows, the frame %d", ErrFrame, c.Name, c.Len(), f.Rows())
		}
		if c.Kind == frame.Category {
			if err := t.category(c, func(i int, v float64) { put(k, i, v) }); err != nil {
				return err
			}
			continue
		}
		for i, x := range c.Numbers {
			if math.IsInf(x, 0) {
				return fmt.Errorf("%w: column %q row %d is infinite", ErrFrame, c.Name, i)
			}
			put(k, i, t.number(x))
		}
	}
	return nil
}

// standardise is defined only where Value is.
func (t *feature) standardise(x float64) float64 {
	z := (t.shape.apply(x) - t.Mean) / t.Scale
	return min(max(z, -maxStandardised), maxStandardised)
}

// mean is the mean of the marks' contributions, which is taken off each row so
// that contributions are counted from the mean row.
func (t *feature) mean() float64 {
	var sum float64
	if t.Missing != nil {
		sum += t.Missing.Share * t.Missing.Estimate
	}
	for k := range t.Levels {
		sum += t.Levels[k].Share * t.Levels[k].Estimate
	}
	if t.Other != nil {
		sum += t.Other.Share * t.Other.Estimate
	}
	return sum
}

func (t *feature) missing() float64 {
	if t.Missing == nil {
		return 0
	}
	return t.Missing.Estimate - t.centre
}

func (t *feature) number(x float64) float64 {
	if math.IsNaN(x) {
		return t.missing()
	}
	if t.Value == nil {
		return -t.centre
	}
	return t.Value.Estimate*t.standardise(x) - t.centre
}

func (t *feature) category(c *frame.Column, put func(i int, v float64)) error {
	unseen := t.missing()
	if t.Other != nil {
		unseen = t.Other.Estimate - t.centre
	}
	own := make(map[string]float64, len(t.Levels))
	for k := range t.Levels {
		own[t.Levels[k].Name] = t.Levels[k].Estimate - t.centre
	}
	byCode := make([]float64, len(c.Levels))
	for code, name := range c.Levels {
		v, ok := own[name]
		if !ok {
			v = unseen
		}
		byCode[code] = v
	}
	for i, code := range c.Codes {
		switch {
		case code < 0:
			put(i, t.missing())
		case int(code) < len(byCode):
			put(i, byCode[code])
		default:
			return fmt.Errorf("%w: column %q row %d has code %d, outside its %d levels", ErrFrame, c.Name, i, code, len(c.Levels))
		}
	}
	return nil
}
