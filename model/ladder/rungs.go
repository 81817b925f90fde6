package ladder

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"

	"fealty/features/frame"
	"fealty/model/boost"
	"fealty/model/calibrate"
	"fealty/model/logistic"
	"fealty/model/metrics"
	"fealty/model/tree"
)

// ruleColumns are what a recency rule may look at.
var ruleColumns = []string{"recency_days", "recency_to_gap"}

// logisticColumns are recency, frequency, rhythm, money, range and how steadily
// the account has bought since it came. The share of active months stands for
// tenure, and windows for totals: tenure and totals grow for everybody at once
// with the age of the data, and what is learnt of them in one season shifts all
// margins in the next. Tails are tamed by a logarithm.
var logisticColumns = []string{
	"recency_days", "buying_days_90d", "buying_days_365d", "gap_median_days", "spend_365d", "active_month_share", "products_365d",
}

const (
	// logisticL2 shrinks correlated columns towards each other.
	logisticL2 = 10
	// The size of boosting that hundreds to tens of thousands of rows carry.
	boostRounds       = 150
	boostLeaves       = 6
	boostRate         = 0.05
	boostL2           = 10
	boostRowFraction  = 0.7
	boostColumns      = 0.4
	boostRowsOfLeaf   = 40
	boostRowsPerRound = 5
)

// present returns those of the names that the frame has and that vary in it.
func present(f *frame.Frame, names []string) []string {
	var found []string
	for _, name := range names {
		if c := f.Column(name); c != nil && c.Kind == frame.Number {
			found = append(found, name)
		}
	}
	return found
}

// fitLinear fits the logistic regression on the named columns.
func fitLinear(ctx context.Context, f *frame.Frame, y []float64, names []string) (*logistic.Model, error) {
	part, err := f.Select(names)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSample, err)
	}
	p := logistic.Defaults()
	p.L2 = logisticL2
	m, err := logistic.Fit(ctx, p, part, y, nil)
	if err != nil {
		return nil, fmt.Errorf("fit a logistic regression on %v: %w", names, err)
	}
	return m, nil
}

// fitTrees fits an average of ensembles that differ in their seeds, as one
// ensemble, so that it is explained exactly.
func fitTrees(ctx context.Context, f *frame.Frame, y []float64, seed uint64, bags int) (*tree.Ensemble, error) {
	var header tree.Header
	var trees []tree.Tree
	for bag := range bags {
		p := boost.Defaults()
		p.Rounds, p.Leaves, p.LearningRate, p.L2 = boostRounds, boostLeaves, boostRate, boostL2
		p.RowFraction, p.RowRounds, p.FeatureFraction, p.MinRows = boostRowFraction, boostRowsPerRound, boostColumns, boostRowsOfLeaf
		p.Monotone = true
		p.Seed = seed + uint64(bag)*0x9e3779b97f4a7c15
		e, err := boost.Fit(ctx, p, f, y, nil)
		if err != nil {
			return nil, fmt.Errorf("fit boosting: %w", err)
		}
		header = e.Header()
		for i := range e.Len() {
			trees = append(trees, scaled(e.Tree(i), 1/float64(bags)))
		}
	}
	e, err := tree.New(header, trees)
	if err != nil {
		return nil, fmt.Errorf("join the bags: %w", err)
	}
	// What is saved and loaded is what is measured.
	var text bytes.Buffer
	if err := e.Write(&text); err != nil {
		return nil, fmt.Errorf("join the bags: %w", err)
	}
	if e, err = tree.Read(&text, maxTreesBytes); err != nil {
		return nil, fmt.Errorf("join the bags: %w", err)
	}
	return e, nil
}

// scaled returns the tree with its values multiplied.
func scaled(t tree.Tree, by float64) tree.Tree {
	t.LeafValue, t.Value = slices.Clone(t.LeafValue), slices.Clone(t.Value)
	for i := range t.LeafValue {
		t.LeafValue[i] *= by
	}
	for i := range t.Value {
		t.Value[i] *= by
	}
	t.Shrinkage *= by
	return t
}

// folds puts every row into one of n folds, all rows of an account into the same.
func folds(f *frame.Frame, n int, seed uint64) []int {
	of := make([]int, f.Rows())
	var prefix [8]byte
	binary.LittleEndian.PutUint64(prefix[:], seed)
	for i, account := range f.Accounts {
		h := fnv.New64a()
		_, _ = h.Write(prefix[:]) // a hash never fails to take bytes
		_, _ = h.Write([]byte(account))
		v := h.Sum64()
		of[i] = int((v ^ v>>32) % uint64(n)) //nolint:gosec // below n
	}
	return of
}

// split is one fold: what is learnt from, and what is judged.
type split struct {
	train  *frame.Frame
	y      []float64
	judged []int
	frame  *frame.Frame
}

func splits(s Sample, of []int, n int) []split {
	all := make([]split, 0, n)
	for k := range n {
		var in, out []int
		for i, fold := range of {
			if fold == k {
				out = append(out, i)
			} else {
				in = append(in, i)
			}
		}
		if len(out) == 0 {
			continue
		}
		p := split{train: s.Frame.Take(in), judged: out, frame: s.Frame.Take(out)}
		for _, i := range in {
			p.y = append(p.y, s.Y[i])
		}
		all = append(all, p)
	}
	return all
}

// predictor is what outOfFold fits.
type predictor interface {
	Predict(f *frame.Frame, out []float64) error
}

// outOfFold returns the margin of every row by a model that has not seen its
// account.
func outOfFold(rows int, parts []split, fit func(f *frame.Frame, y []float64) (predictor, error)) ([]float64, error) {
	margins := make([]float64, rows)
	for _, p := range parts {
		m, err := fit(p.train, p.y)
		if err != nil {
			return nil, err
		}
		out := make([]float64, len(p.judged))
		if err := m.Predict(p.frame, out); err != nil {
			return nil, fmt.Errorf("predict a fold: %w", err)
		}
		for k, i := range p.judged {
			margins[i] = out[k]
		}
	}
	return margins, nil
}

// calibrator returns the affine calibrator of out-of-fold margins where it
// lowers the log-loss of folds that it was not fitted on, otherwise identity.
// The margins that it gives in either case are those to judge a rung by.
func calibrator(margins, y []float64, of []int, n int) (calibrate.Affine, []float64, error) {
	crossed := slices.Clone(margins)
	for k := range n {
		var m, labels []float64
		for i, fold := range of {
			if fold != k {
				m, labels = append(m, margins[i]), append(labels, y[i])
			}
		}
		c, err := calibrate.FitAffine(m, labels, nil)
		if err != nil {
			return calibrate.Identity(), margins, nil //nolint:nilerr // reversed or undetermined: the margins stay as they are
		}
		for i, fold := range of {
			if fold == k {
				crossed[i] = c.Margin(margins[i])
			}
		}
	}
	plain, err := metrics.LogLossOfMargins(y, margins, nil)
	if err != nil {
		return calibrate.Affine{}, nil, fmt.Errorf("judge the margins: %w", err)
	}
	better, err := metrics.LogLossOfMargins(y, crossed, nil)
	if err != nil {
		return calibrate.Affine{}, nil, fmt.Errorf("judge the calibrated margins: %w", err)
	}
	if better >= plain {
		return calibrate.Identity(), margins, nil
	}
	c, err := calibrate.FitAffine(margins, y, nil)
	if err != nil {
		return calibrate.Affine{}, nil, fmt.Errorf("calibrate: %w", err)
	}
	return c, crossed, nil
}
