package ladder

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"runtime"
	"slices"
	"sync"

	"fealty/features/frame"
	"fealty/model/boost"
	"fealty/model/calibrate"
	"fealty/model/logistic"
	"fealty/model/metrics"
	"fealty/model/tree"
)

// ruleColumns are what a recency rule may look at.
var ruleColumns = []string{"recency_days", "recency_to_gap"}

// lifetimeColumns are what the lifetime rung looks at.
var lifetimeColumns = []string{"lifetime_no_purchase"}

// logisticColumns are recency, frequency, rhythm, money, range and how steadily
// the account has bought since it came. The share of active months stands for
// tenure, and windows for totals: tenure and totals grow for everybody at once
// with the age of the data, and what is learnt of them in one season shifts all
// margins in the next. Tails are tamed by a logarithm.
var logisticColumns = []string{
	"recency_days", "buying_days_90d", "buying_days_365d", "gap_median_days", "spend_365d", "active_month_share", "products_365d",
}

// ageing is the column that boosting leaves out: it grows for everybody at once,
// so that the trees split it where the training cutoffs end, and in the next
// season all rows stand beyond. Judged forward in time within the training
// cutoffs, trees without it had the lower log-loss on both data sets of the
// refs page (.5975 against .5990, .6230 against .6285) and on folds of accounts,
// which can't see it, the same (.5858, .5856).
const ageing = "tenure_days"

const (
	// logisticL2 shrinks correlated columns towards each other.
	logisticL2 = 10
	// The shape of trees that hundreds to tens of thousands of rows carry; how
	// many of them is read off the folds.
	boostLeaves       = 6
	boostRate         = 0.05
	boostL2           = 10
	boostRowFraction  = 0.7
	boostColumns      = 0.4
	boostRowsOfLeaf   = 40
	boostRowsPerRound = 5
	// The rounds tried on the folds: at least leastRounds, so that a dip of the
	// first few is not believed, and patience beyond the best of each fold.
	leastRounds = 20
	mostRounds  = 400
	patience    = 60
)

// present returns those of the names that the frame has.
func present(f *frame.Frame, names []string) []string {
	var found []string
	for _, name := range names {
		if f.Column(name) != nil {
			found = append(found, name)
		}
	}
	return found
}

// treeColumns returns what boosting may look at.
func treeColumns(f *frame.Frame) []string {
	return slices.DeleteFunc(f.Names(), func(name string) bool { return name == ageing })
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

// forest says how boosting grows.
type forest struct {
	seed   uint64
	bags   int
	rounds int
}

// params of one bag; bags differ in their seeds alone.
func (g forest) params(bag int) boost.Params {
	p := boost.Defaults()
	p.Rounds, p.Leaves, p.LearningRate, p.L2 = g.rounds, boostLeaves, boostRate, boostL2
	p.RowFraction, p.RowRounds, p.FeatureFraction, p.MinRows = boostRowFraction, min(boostRowsPerRound, g.rounds), boostColumns, boostRowsOfLeaf
	p.Monotone = true
	p.Seed = g.seed + uint64(bag)*0x9e3779b97f4a7c15 //nolint:gosec // bags are counted from 0
	return p
}

// fit grows an average of ensembles, as one ensemble, so that it is explained
// exactly.
func (g forest) fit(ctx context.Context, f *frame.Frame, y []float64) (*tree.Ensemble, error) {
	part, err := f.Select(treeColumns(f))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSample, err)
	}
	bags := make([]*tree.Ensemble, g.bags)
	err = sideBySide(part.Rows(), g.bags, nil, func(bag, threads int) error {
		p := g.params(bag)
		p.Threads = threads
		var err error
		if bags[bag], err = boost.Fit(ctx, p, part, y, nil); err != nil {
			return fmt.Errorf("fit boosting: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var trees []tree.Tree
	for _, e := range bags {
		for i := range e.Len() {
			trees = append(trees, scaled(e.Tree(i), 1/float64(g.bags)))
		}
	}
	e, err := tree.New(bags[0].Header(), trees)
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

// rounds returns the number of rounds with the lowest log-loss over all folds
// together, and the margin of every row after so many rounds by the fit that has
// not seen its account. A number for each fold would follow its luck, and no one
// number would then belong to the fit on all rows.
//
// The fits that find the number also give the margins: one bag, where the rung
// has several, at a third of the work. Their mean is a little better than what
// is judged here.
func (s Sample) rounds(ctx context.Context, parts []split, seed uint64, each func()) (int, []float64, error) {
	f, err := s.Frame.Select(treeColumns(s.Frame))
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrSample, err)
	}
	type curve struct {
		loss  []float64 // after each round, summed over the rows
		trees []int     // after each round
		all   *tree.Ensemble
	}
	curves := make([]curve, len(parts))
	err = sideBySide(f.Rows(), len(parts), each, func(k, threads int) error {
		p, c := parts[k], &curves[k]
		b := forest{seed: seed, bags: 1, rounds: mostRounds}.params(0)
		b.Validation, b.Patience, b.KeepAll = &boost.Validation{Frame: f.Take(p.out), Y: pick(s.Y, p.out)}, patience, true
		b.Threads = threads
		b.Progress = func(g boost.Progress) {
			c.loss, c.trees = append(c.loss, g.Loss*float64(len(p.out))), append(c.trees, g.Trees)
		}
		var err error
		if c.all, err = boost.Fit(ctx, b, f.Take(p.in), pick(s.Y, p.in), nil); err != nil {
			return fmt.Errorf("find the rounds of boosting: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	shared := mostRounds
	for _, c := range curves {
		shared = min(shared, len(c.loss))
	}
	best, lowest := leastRounds, math.Inf(1)
	for r := leastRounds; r <= shared; r++ {
		sum := 0.0
		for _, c := range curves {
			sum += c.loss[r-1]
		}
		if sum < lowest {
			best, lowest = r, sum
		}
	}
	margins := make([]float64, len(s.Y))
	for k, c := range curves {
		trees := make([]tree.Tree, max(1, c.trees[min(best, len(c.trees))-1]))
		for i := range trees {
			trees[i] = c.all.Tree(i)
		}
		e, err := tree.New(c.all.Header(), trees)
		if err != nil {
			return 0, nil, fmt.Errorf("cut a fold to %d rounds: %w", best, err)
		}
		if err := put(margins, e, f, parts[k].out); err != nil {
			return 0, nil, err
		}
	}
	return best, margins, nil
}

// sideRows is how many rows a fit has at most to be done beside others, each on
// one thread; larger ones follow each other, on all threads, because memory
// grows with what is done at once.
const sideRows = 1 << 17

// sideBySide does fit(0, threads) … fit(n−1, threads) and returns the first
// error in their order. before, if any, is called before each, in their order.
func sideBySide(rows, n int, before func(), fit func(k, threads int) error) error {
	workers, threads := runtime.GOMAXPROCS(0), 1
	if rows > sideRows {
		workers, threads = 1, 0
	}
	return together(workers, n, before, func(k int) error {
		mine := threads
		if k == n-1 && n%workers == 1 {
			mine = 0 // it would be alone on its thread
		}
		return fit(k, mine)
	})
}

// together does task(0) … task(n−1), so many at a time, and returns the first
// error in their order. before, if any, is called before each, in their order.
func together(workers, n int, before func(), task func(k int) error) error {
	errs, free := make([]error, n), make(chan struct{}, workers)
	var all sync.WaitGroup
	for k := range n {
		free <- struct{}{}
		if before != nil {
			before()
		}
		all.Go(func() {
			errs[k] = task(k)
			<-free
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
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

// split is one fold: the rows that are learnt from, and those that are judged.
// Only rows are noted; a copy of all folds at once would be folds × the frame.
type split struct{ in, out []int }

// splits returns the folds that have rows. ErrTooFew when what is learnt from
// in one of them is of one class: the rarer class then stands in too few accounts.
func splits(y []float64, of []int, n int) ([]split, error) {
	all := make([]split, 0, n)
	for k := range n {
		var p split
		churned := 0
		for i, fold := range of {
			switch {
			case fold == k:
				p.out = append(p.out, i)
			case y[i] == 1:
				churned++
				fallthrough
			default:
				p.in = append(p.in, i)
			}
		}
		if len(p.out) == 0 {
			continue
		}
		if churned == 0 || churned == len(p.in) {
			return nil, fmt.Errorf("%w: without the accounts of one fold of %d, %d rows are left, of which %d churned; both classes must stand in several accounts",
				ErrTooFew, n, len(p.in), churned)
		}
		all = append(all, p)
	}
	return all, nil
}

func pick(y []float64, rows []int) []float64 {
	picked := make([]float64, len(rows))
	for k, i := range rows {
		picked[k] = y[i]
	}
	return picked
}

// predictor is what outOfFold fits.
type predictor interface {
	Predict(f *frame.Frame, out []float64) error
}

// outOfFold returns the margin of every row by a model that has not seen its
// account.
func (s Sample) outOfFold(columns []string, parts []split, fit func(f *frame.Frame, y []float64) (predictor, error)) ([]float64, error) {
	f, err := s.Frame.Select(columns)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSample, err)
	}
	margins := make([]float64, len(s.Y))
	err = sideBySide(f.Rows(), len(parts), nil, func(k, _ int) error {
		p := parts[k]
		m, err := fit(f.Take(p.in), pick(s.Y, p.in))
		if err != nil {
			return err
		}
		return put(margins, m, f, p.out) // each fold has rows of its own
	})
	return margins, err
}

// put writes the margins of some rows of f.
func put(margins []float64, m predictor, f *frame.Frame, rows []int) error {
	out := make([]float64, len(rows))
	if err := m.Predict(f.Take(rows), out); err != nil {
		return fmt.Errorf("predict a fold: %w", err)
	}
	for k, i := range rows {
		margins[i] = out[k]
	}
	return nil
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
		if nothing(err) {
			return calibrate.Identity(), margins, nil
		}
		if err != nil {
			return calibrate.Affine{}, nil, fmt.Errorf("calibrate beside a fold: %w", err)
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
	if nothing(err) {
		return calibrate.Identity(), margins, nil
	}
	if err != nil {
		return calibrate.Affine{}, nil, fmt.Errorf("calibrate: %w", err)
	}
	return c, crossed, nil
}

// nothing tells that margins hold nothing to calibrate by.
func nothing(err error) bool {
	return errors.Is(err, calibrate.ErrReversed) || errors.Is(err, calibrate.ErrOneClass) || errors.Is(err, calibrate.ErrUndetermined)
}
