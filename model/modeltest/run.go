package modeltest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/metrics"
)

// Tolerance says how far two models that ought to be the same may differ. The
// zero value means: not in a single bit.
type Tolerance struct {
	// Margin is the largest difference of two margins, in log-odds.
	Margin float64
	// AUC, if above 0, lets margins differ more as long as the AUC on fresh rows
	// differs by no more than this; above 0.002 counts as 0.002. The models are
	// then fitted on 20,000 rows or more: on a few hundred, one row on the other
	// side of a split moves an AUC by more than that.
	AUC float64
}

// What Tolerance.AUC means.
const (
	mostAUC = 0.002
	rowsAUC = 20_000
)

// Options says where a learner may depart from the strictest reading. The zero
// value is the strictest.
type Options struct {
	// RowOrder, ColumnOrder: the training rows, or columns, in another order.
	RowOrder, ColumnOrder Tolerance
	// Weights: weight 2 against the row twice. ZeroWeights: weight 0 against no row.
	Weights, ZeroWeights Tolerance
	// Duplicate: a column given twice. Rescale: a column times 1,000.
	Duplicate, Rescale Tolerance
	// OrderOnly demands that only the order of numbers counts, to the bit, as it
	// does in trees.
	OrderOnly bool
	// BaseRate is how far, in probability, a constant model may be from the share
	// of positives.
	BaseRate float64
	// OneClass is the error of a training set with one class; nil if the learner
	// returns a constant model.
	OneClass error
	// NoCategories leaves category columns out, for learners that refuse them.
	NoCategories bool
	// LevelsByName demands that levels are found by name where a frame numbers
	// them otherwise than the training frame.
	LevelsByName bool
	// Rows is the size of the training set, 100 or more; 0 means 600. Where a
	// Tolerance goes by AUC it is at least 20,000.
	Rows int
	// Save and Load, if given, turn a model into bytes and back: the margins must
	// keep their bits.
	Save func(model.Predictor) ([]byte, error)
	Load func([]byte) (model.Predictor, error)
}

// Run runs every check as a subtest on the classifiers that newLearner makes.
// The same seed must make the same learner; a learner without randomness
// ignores it.
func Run(t *testing.T, newLearner func(seed uint64) model.Learner, o Options) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			err := c.run(newSuite(newLearner, o))
			if errors.Is(err, errNotApplicable) {
				t.Skip(err)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// errNotApplicable says that the options switch a check off.
var errNotApplicable = errors.New("does not apply")

// check returns an error instead of failing a test, so that the checks
// themselves can be tested on learners with planted bugs.
type check struct {
	name string
	run  func(*suite) error
}

type suite struct {
	newLearner func(seed uint64) model.Learner
	o          Options
	train      data
	fresh      data
}

func newSuite(newLearner func(seed uint64) model.Learner, o Options) *suite {
	if o.Rows == 0 {
		o.Rows = 600
	}
	s := &suite{newLearner: newLearner, o: o}
	s.train, s.fresh = town(o.Rows, 1, !o.NoCategories), town(400, 2, !o.NoCategories)
	return s
}

func (s *suite) fit(d data) (model.Predictor, error) {
	return s.fitIn(context.Background(), d)
}

// fitIn fits and turns a panic into an error: no input may panic.
func (s *suite) fitIn(ctx context.Context, d data) (m model.Predictor, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	m, err = s.newLearner(17).Fit(ctx, d.frame, d.y, d.weights)
	if err == nil && m == nil {
		return nil, errors.New("fit returns neither model nor error")
	}
	return m, err
}

var errPanic = errors.New("panic")

// predict turns a panic into an error.
func predict(m model.Predictor, f *frame.Frame, out []float64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("predict: %w: %v", errPanic, p)
		}
	}()
	if err := m.Predict(f, out); err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	return nil
}

// margins predicts and demands finite margins.
func margins(m model.Predictor, f *frame.Frame) ([]float64, error) {
	out := repeat(f.Rows(), math.NaN()) // a row that is not written must not pass
	if err := predict(m, f, out); err != nil {
		return nil, err
	}
	for i, v := range out {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("predict: the margin of row %d is %v", i, v)
		}
	}
	return out, nil
}

// fitAndPredict fits on d and predicts rows.
func (s *suite) fitAndPredict(d data, rows *frame.Frame) ([]float64, error) {
	m, err := s.fit(d)
	if err != nil {
		return nil, fmt.Errorf("fit: %w", err)
	}
	return margins(m, rows)
}

// rows returns the training set on which models are compared with a tolerance.
func (s *suite) rows(t Tolerance) data {
	if t.AUC > 0 && s.o.Rows < rowsAUC {
		return town(rowsAUC, 1, !s.o.NoCategories)
	}
	return s.train
}

// sameModel fits on a and on b and compares what the first says of the fresh
// rows with what the second says of asB, the same rows as b would have them.
func (s *suite) sameModel(what string, a, b, asB data, t Tolerance) error {
	first, err := s.fitAndPredict(a, s.fresh.frame)
	if err != nil {
		return err
	}
	second, err := s.fitAndPredict(b, asB.frame)
	if err != nil {
		return err
	}
	return s.alike(what, first, second, t)
}

// alike compares two sets of margins on the fresh rows.
func (s *suite) alike(what string, a, b []float64, t Tolerance) error {
	if err := sameBits(what, a, b); err == nil {
		return nil
	} else if t == (Tolerance{}) {
		return err
	}
	var largest float64
	for i := range a {
		largest = max(largest, math.Abs(a[i]-b[i]))
	}
	if largest <= t.Margin {
		return nil
	}
	if t.AUC == 0 {
		return fmt.Errorf("%s: margins differ by %.3g, at most %.3g is allowed", what, largest, t.Margin)
	}
	first, err := metrics.AUC(s.fresh.y, a, nil)
	if err != nil {
		return err
	}
	second, err := metrics.AUC(s.fresh.y, b, nil)
	if err != nil {
		return err
	}
	if most := min(t.AUC, mostAUC); math.Abs(first-second) > most {
		return fmt.Errorf("%s: margins differ by %.3g and the AUC changes from %.4f to %.4f, at most %.4f is allowed", what, largest, first, second, most)
	}
	return nil
}

func sameBits(what string, a, b []float64) error {
	if len(a) != len(b) {
		return fmt.Errorf("%s: %d values against %d", what, len(a), len(b))
	}
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
			return fmt.Errorf("%s: value %d is %v against %v", what, i, a[i], b[i])
		}
	}
	return nil
}

// baseRate demands one margin for all, that of the share of positives.
func (s *suite) baseRate(what string, got []float64, share float64) error {
	for i, v := range got {
		if v != got[0] {
			return fmt.Errorf("%s: margins differ: row 0 has %v, row %d has %v", what, got[0], i, v)
		}
	}
	if p := 1 / (1 + math.Exp(-got[0])); math.Abs(p-share) > max(s.o.BaseRate, 1e-9) {
		return fmt.Errorf("%s: probability %v, the share of positives is %v", what, p, share)
	}
	return nil
}
