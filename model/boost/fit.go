package boost

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/tree"
)

var _ model.Learner = Learner{}

// Errors of Fit beside ErrOneClass, wrapped with what was found.
var (
	// ErrEmpty: there is nothing to learn from: no rows, no columns or no row of positive weight.
	ErrEmpty = errors.New("nothing to learn from")
	// ErrInput: the frame, a label or a weight cannot be used.
	ErrInput = errors.New("unusable training data")
)

// Learner is boosting behind the interface that all learners share.
type Learner struct{ Params Params }

// Name returns "boosting".
func (Learner) Name() string { return "boosting" }

// Fit is the package's Fit with the learner's parameters.
func (l Learner) Fit(ctx context.Context, f *frame.Frame, y, weights []float64) (model.Predictor, error) {
	e, err := Fit(ctx, l.Params, f, y, weights)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Fit learns an ensemble of trees from all columns of f. y has one label per
// row; weights too, ≥ 0, or nil for 1. A row of weight 0 is as if it were not
// there, and a row of weight 2 as if it stood twice (with MinRows 0 and
// MinCatRows 0 to the bit). Columns that never differ, and rows too few to
// split, give a constant model: the loss's Base, which for LogLoss is the base rate.
//
// Errors: those of Params.Validate; ErrEmpty; ErrInput for infinities in a
// column, labels that are not finite or not the loss's, negative or infinite
// weights, lengths that differ, more than 2³¹ values or 2²⁸−1 rows; ErrOneClass;
// ctx.Err() soon after ctx ends. Nothing is kept of y, weights and f.
func Fit(ctx context.Context, p Params, f *frame.Frame, y, weights []float64) (*tree.Ensemble, error) {
	if p.Loss == nil {
		p.Loss = LogLoss{}
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := checkInput(f, y, weights); err != nil {
		return nil, err
	}
	t, err := newTraining(&p, f, y, weights)
	if err != nil {
		return nil, err
	}
	// Feature names are checked by the format they must fit, before the work and not after it.
	if _, err := tree.New(header(&p, f, nil), []tree.Tree{constant(0, 0, 0)}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	t.crew = newCrew(threads(p.Threads))
	defer t.crew.dismiss()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	trees, err := t.rounds(ctx)
	if err != nil {
		return nil, err
	}
	e, err := tree.New(header(&p, f, t.data.columns), trees)
	if err != nil {
		return nil, fmt.Errorf("assemble the ensemble: %w", err)
	}
	return e, nil
}

// checkInput looks at what every loss needs.
func checkInput(f *frame.Frame, y, weights []float64) error {
	const maxValues = 1 << 31
	switch {
	case f.Rows() == 0:
		return fmt.Errorf("%w: the frame has no rows", ErrEmpty)
	case len(f.Columns) == 0:
		return fmt.Errorf("%w: the frame has no columns", ErrEmpty)
	case f.Rows() > maxRows || int64(f.Rows())*int64(len(f.Columns)) > maxValues:
		return fmt.Errorf("%w: %d rows of %d columns; at most %d rows and %d values", ErrInput, f.Rows(), len(f.Columns), maxRows, int64(maxValues))
	case len(y) != f.Rows():
		return fmt.Errorf("%w: %d labels for %d rows", ErrInput, len(y), f.Rows())
	case weights != nil && len(weights) != f.Rows():
		return fmt.Errorf("%w: %d weights for %d rows", ErrInput, len(weights), f.Rows())
	}
	if err := f.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	return checkValues(y, weights)
}

func checkValues(y, weights []float64) error {
	for i, v := range y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: label %d is %v", ErrInput, i, v)
		}
	}
	for i, w := range weights {
		if !(w >= 0 && w <= math.MaxFloat64) {
			return fmt.Errorf("%w: weight %d is %v, expected a finite number of at least 0", ErrInput, i, w)
		}
	}
	return nil
}

// training is the state of one Fit.
type training struct {
	params *Params
	frame  *frame.Frame
	crew   *crew
	data   *binned
	// rows of the frame that train, and their labels and weights (nil: all 1).
	rows       []int32
	y, weights []float64
	margin     []float64
	held       heldOut
	direction  []int8
	sets       [][]bool
}

// heldOut is the validation set.
type heldOut struct {
	table      table
	frame      *frame.Frame
	rows       []int32
	recode     [][]int32
	y, weights []float64
	margin     []float64
}

// newTraining picks the training and validation rows and checks their labels.
func newTraining(p *Params, f *frame.Frame, y, weights []float64) (*training, error) {
	if err := p.Loss.Check(y, weights); err != nil && !errors.Is(err, ErrOneClass) {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	t := &training{params: p, frame: f}
	out := make([]bool, f.Rows())
	if p.Validation != nil {
		if err := t.hold(f, y, weights, out); err != nil {
			return nil, fmt.Errorf("%w: validation: %w", ErrInput, err)
		}
	}
	for i := range f.Rows() {
		if !out[i] && (weights == nil || weights[i] > 0) {
			t.rows = append(t.rows, int32(i)) // checkInput bounds the rows
		}
	}
	if len(t.rows) == 0 {
		return nil, fmt.Errorf("%w: no row of positive weight is left to train", ErrEmpty)
	}
	t.y, t.weights = pick(y, t.rows), pick(weights, t.rows)
	// Again, of the rows that train: they may be of one class where all rows are not.
	if err := p.Loss.Check(t.y, t.weights); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	return t, nil
}

// hold sets the validation rows aside and marks those of the training frame in out.
func (t *training) hold(f *frame.Frame, y, weights []float64, out []bool) error {
	v := t.params.Validation
	if v.Frame == nil {
		if len(v.Rows) == 0 {
			return errors.New("neither a frame nor rows are given")
		}
		for _, i := range v.Rows {
			if i < 0 || i >= f.Rows() {
				return fmt.Errorf("row %d of %d", i, f.Rows())
			}
			if out[i] {
				return fmt.Errorf("row %d stands twice", i)
			}
			out[i] = true
			t.held.rows = append(t.held.rows, int32(i)) //nolint:gosec // checked just now
		}
		t.held.frame, t.held.y, t.held.weights = f, pick(y, t.held.rows), pick(weights, t.held.rows)
		return t.held.weigh()
	}
	names := make([]string, len(f.Columns))
	for j := range f.Columns {
		names[j] = f.Columns[j].Name
	}
	chosen, err := v.Frame.Select(names)
	if err != nil {
		return err
	}
	if err := checkInput(chosen, v.Y, v.Weights); err != nil {
		return err
	}
	if err := t.params.Loss.Check(v.Y, v.Weights); err != nil && !errors.Is(err, ErrOneClass) {
		return err
	}
	if t.held.recode, err = matchLevels(f, chosen); err != nil {
		return err
	}
	t.held.frame, t.held.y, t.held.weights = chosen, v.Y, v.Weights
	for i := range chosen.Rows() {
		t.held.rows = append(t.held.rows, int32(i)) // checkInput bounds the rows
	}
	return t.held.weigh()
}

// weigh refuses a validation set that has no mean.
func (h *heldOut) weigh() error {
	if !(weightOf(h.weights, len(h.rows)) > 0) {
		return errors.New("no row has a positive weight")
	}
	return nil
}

// pick returns from at rows; nil stays nil.
func pick(from []float64, rows []int32) []float64 {
	if from == nil {
		return nil
	}
	to := make([]float64, len(rows))
	for k, i := range rows {
		to[k] = from[i]
	}
	return to
}

// rounds grows the trees.
func (t *training) rounds(ctx context.Context) ([]tree.Tree, error) {
	p := t.params
	t.data = newBinned(t.crew, p, t.frame, t.rows, t.weights)
	if err := t.constrain(); err != nil {
		return nil, err
	}
	base := p.Loss.Base(t.y, t.weights)
	if math.IsNaN(base) || math.IsInf(base, 0) {
		return nil, fmt.Errorf("%w: the loss %q starts from %v", ErrInput, p.Loss.Objective(), base)
	}
	n := len(t.rows)
	t.margin = filled(n, base)
	if p.Validation != nil {
		t.held.table = t.data.apply(t.crew, t.held.frame, t.held.rows, t.held.recode)
		t.held.margin = filled(len(t.held.rows), base)
	}
	var (
		packed     = p.packs(n)
		g          = newGrower(t.crew, t.data, p, t.direction, t.sets, packed)
		s          = slopes{gradient: make([]float64, n), hessian: make([]float64, n), weights: t.weights}
		bag, aside = t.bag(0)
		trees      []tree.Tree
		stop       = stopper{best: -1, least: math.Inf(1)}
		sampled    = p.RowFraction < 1 || p.FeatureFraction < 1
	)
	if !packed {
		s.cells = make([]cell, n)
	}
	for round := range p.Rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if p.RowFraction < 1 && round > 0 && round%p.RowRounds == 0 {
			bag, aside = t.bag(round / p.RowRounds)
		}
		if err := t.slope(&s); err != nil {
			return nil, fmt.Errorf("round %d: %w", round+1, err)
		}
		s.round(t.crew)
		s.dither = ditherOf(p.Seed, round)
		g.draw(t.features(round))
		grown, err := g.grow(ctx, bag, &s)
		if err != nil {
			return nil, err
		}
		if len(grown.nodes) == 0 && !sampled {
			break // nothing gains any more, and the next round would look the same
		}
		if len(grown.nodes) > 0 {
			t.refine(g, grown)
			shift := 0.0
			if len(trees) == 0 {
				shift = base
			}
			trees = append(trees, grown.export(t.data, p.LearningRate, shift))
			t.advance(g, grown, aside)
		}
		loss := math.NaN()
		if p.Validation != nil {
			loss = meanLoss(p.Loss, t.held.margin, t.held.y, t.held.weights)
			if stop.see(round, len(trees), loss, p.Patience) {
				break
			}
		}
		if p.Progress != nil {
			p.Progress(Progress{Round: round + 1, Rounds: p.Rounds, Loss: loss, Best: stop.best + 1, Trees: len(trees)})
		}
	}
	if p.Validation != nil && !p.KeepAll {
		trees = trees[:stop.trees]
	}
	if len(trees) == 0 {
		trees = []tree.Tree{constant(base, int64(n), weightOf(t.weights, n))}
	}
	return trees, nil
}

// slope computes the slopes at the margins.
func (t *training) slope(s *slopes) error {
	if _, ok := t.params.Loss.(LogLoss); ok && s.cells == nil && s.weights == nil {
		s.measureLogLoss(t.crew, t.margin, t.y)
		return nil
	}
	return s.measure(t.crew, func(a, b int) {
		t.params.Loss.Gradient(t.margin[a:b], t.y[a:b], s.gradient[a:b], s.hessian[a:b])
	})
}

// stopper watches the loss on the validation set.
type stopper struct {
	least       float64
	best, trees int
}

// see notes the loss after a round and reports whether patience is at its end.
// A loss that is not a number never counts as the best.
func (s *stopper) see(round, trees int, loss float64, patience int) bool {
	if loss < s.least {
		s.least, s.best, s.trees = loss, round, trees
	}
	return round-s.best >= patience
}

func filled(n int, v float64) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func weightOf(weights []float64, n int) float64 {
	if weights == nil {
		return float64(n)
	}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	return sum
}

// constant is the tree of one leaf.
func constant(value float64, rows int64, weight float64) tree.Tree {
	return tree.Tree{LeafValue: []float64{value}, LeafWeight: []float64{weight}, LeafCount: []int64{rows}, Shrinkage: 1}
}

// constrain turns names of columns into directions and sets of slots.
func (t *training) constrain() error {
	p, slots := t.params, t.data.slots
	at := make(map[string]int, len(t.frame.Columns))
	for j := range t.frame.Columns {
		at[t.frame.Columns[j].Name] = j
	}
	for name, d := range p.Directions {
		j, ok := at[name]
		if !ok {
			return fmt.Errorf("%w: Directions names %q, which the frame lacks", ErrInput, name)
		}
		if d != 0 && t.frame.Columns[j].Kind == frame.Category {
			return fmt.Errorf("%w: Directions gives the category %q a direction", ErrInput, name)
		}
	}
	t.direction = make([]int8, len(slots))
	for s, j := range slots {
		c := &t.frame.Columns[j]
		if c.Kind != frame.Number {
			continue
		}
		if p.Monotone {
			t.direction[s] = int8(c.Direction)
		}
		if d, ok := p.Directions[c.Name]; ok {
			t.direction[s] = int8(d)
		}
	}
	if !p.ByGroup && len(p.Together) == 0 {
		return nil
	}
	bySlot := make(map[int]int, len(slots))
	groups := map[string][]bool{}
	for s, j := range slots {
		bySlot[j] = s
		alone := make([]bool, len(slots))
		alone[s] = true
		t.sets = append(t.sets, alone)
		if g := t.frame.Columns[j].Group; p.ByGroup && g != "" {
			if groups[g] == nil {
				groups[g] = make([]bool, len(slots))
				t.sets = append(t.sets, groups[g])
			}
			groups[g][s] = true
		}
	}
	for _, names := range p.Together {
		set := make([]bool, len(slots))
		for _, name := range names {
			j, ok := at[name]
			if !ok {
				return fmt.Errorf("%w: Together names %q, which the frame lacks", ErrInput, name)
			}
			if s, splits := bySlot[j]; splits {
				set[s] = true
			}
		}
		t.sets = append(t.sets, set)
	}
	return nil
}

// bag draws the rows of a tree; aside are the others.
func (t *training) bag(draw int) (bag, aside []uint32) {
	bag = make([]uint32, 0, len(t.rows))
	r := stream(t.params.Seed, 'r', uint64(draw)) //nolint:gosec // counts are not negative
	for i := range t.rows {
		if t.params.RowFraction >= 1 || r.float() < t.params.RowFraction {
			bag = append(bag, uint32(i)) // checkInput bounds the rows
		} else {
			aside = append(aside, uint32(i)) // as above
		}
	}
	return bag, aside
}

// features draws the slots of a tree, ascending.
func (t *training) features(round int) []int {
	slots := len(t.data.slots)
	use := upTo(slots)
	if t.params.FeatureFraction >= 1 || slots == 0 {
		return use
	}
	want := max(1, int(math.Round(t.params.FeatureFraction*float64(slots))))
	r := stream(t.params.Seed, 'f', uint64(round)) //nolint:gosec // counts are not negative
	for i := range want {
		k := i + r.below(slots-i)
		use[i], use[k] = use[k], use[i]
	}
	use = use[:want]
	slices.Sort(use)
	return use
}

// refine lets a Refiner set the leaves from the residuals of their rows, within
// the bounds that monotone directions set.
func (t *training) refine(g *grower, grown *grown) {
	refiner, ok := t.params.Loss.(Refiner)
	if !ok {
		return
	}
	t.crew.run(len(grown.ends), func(k int) {
		l := &grown.ends[k]
		rows := g.rowsOf(l)
		residuals := make([]float64, len(rows))
		var weights []float64
		if t.weights != nil {
			weights = make([]float64, len(rows))
		}
		for i, row := range rows {
			r := uint32(row) //nolint:gosec // the lower half is the row's number
			residuals[i] = t.y[r] - t.margin[r]
			if weights != nil {
				weights[i] = t.weights[r]
			}
		}
		l.value = min(max(refiner.Refine(residuals, weights), l.lower), l.higher)
	})
}

// advance adds a tree to the margins: the rows that grew it lie in its leaves, all
// others are sifted.
func (t *training) advance(g *grower, grown *grown, aside []uint32) {
	add := func(margin []float64) func(*leaf, []uint64) {
		return func(l *leaf, rows []uint64) {
			step := float64(l.value * t.params.LearningRate)
			for _, row := range rows {
				margin[uint32(row)] += step //nolint:gosec // the lower half is the row's number
			}
		}
	}
	g.everyRow(grown, add(t.margin))
	sift := func(data *table, margin []float64, n int, row func(int) uint64) {
		t.crew.run(chunks(n), func(k int) {
			var words [2][chunk]uint64
			some := min(chunk, n-k*chunk)
			for i := range some {
				words[0][i] = row(k*chunk + i)
			}
			grown.sift(data, [2][]uint64{words[0][:some], words[1][:some]}, add(margin))
		})
	}
	sift(&t.data.table, t.margin, len(aside), func(i int) uint64 { return uint64(aside[i]) })
	sift(&t.held.table, t.held.margin, len(t.held.margin), func(i int) uint64 { return uint64(i) }) //nolint:gosec // rows are bounded
}

// meanLoss is the weighted mean loss, summed in row order.
func meanLoss(loss Loss, margin, y, weights []float64) float64 {
	sum, total := 0.0, 0.0
	for i, m := range margin {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		sum += w * loss.Value(m, y[i])
		total += w
	}
	return sum / total
}

// header says what the ensemble is; columns is nil before binning.
func header(p *Params, f *frame.Frame, columns []binning) tree.Header {
	h := tree.Header{Objective: p.Loss.Objective()}
	for j := range f.Columns {
		c := &f.Columns[j]
		feature := tree.Feature{Name: c.Name, Info: "none", Category: c.Kind == frame.Category}
		if columns != nil {
			feature.Info = columns[j].info
		}
		if feature.Category {
			feature.Levels = append([]string{}, c.Levels...)
		}
		h.Features = append(h.Features, feature)
	}
	float := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	// In LightGBM's words, so that Python reads them as its own.
	h.Parameters = []tree.Parameter{
		{Name: "boosting", Value: "gbdt"},
		{Name: "num_iterations", Value: strconv.Itoa(p.Rounds)},
		{Name: "learning_rate", Value: float(p.LearningRate)},
		{Name: "num_leaves", Value: strconv.Itoa(p.Leaves)},
		{Name: "max_depth", Value: strconv.Itoa(depthOrNone(p.MaxDepth))},
		{Name: "min_data_in_leaf", Value: strconv.Itoa(p.MinRows)},
		{Name: "min_sum_hessian_in_leaf", Value: float(p.MinHessian)},
		{Name: "lambda_l1", Value: float(p.L1)},
		{Name: "lambda_l2", Value: float(p.L2)},
		{Name: "min_gain_to_split", Value: float(p.MinGain)},
		{Name: "max_bin", Value: strconv.Itoa(p.MaxBins)},
		{Name: "bagging_fraction", Value: float(p.RowFraction)},
		{Name: "feature_fraction", Value: float(p.FeatureFraction)},
		{Name: "early_stopping_round", Value: strconv.Itoa(p.Patience)},
	}
	if q, ok := p.Loss.(Pinball); ok {
		h.Parameters = append(h.Parameters, tree.Parameter{Name: "alpha", Value: float(q.Alpha)})
	}
	return h
}

// depthOrNone writes "no limit" as LightGBM does.
func depthOrNone(depth int) int {
	if depth == 0 {
		return -1
	}
	return depth
}
