package challenger

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sort"
	"strconv"

	"fealty/features/frame"
	"fealty/model"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/naive"
)

// BayesParams say how to fit naive Bayes. The zero value is not valid; start from
// DefaultBayes.
type BayesParams struct {
	// Cuts of each column, at equal steps of its values' order; golearn's naive
	// Bayes reads bits, which say whether a value is above a cut. Default 3 (the
	// quartiles), bounds 1 … 63.
	Cuts int
	// MaxRows is the largest sample of the training rows. Default 50,000, bounds
	// 10 … 100,000.
	MaxRows int
}

// DefaultBayes returns the documented default of every parameter.
func DefaultBayes() BayesParams { return BayesParams{Cuts: 3, MaxRows: 50_000} }

// Validate checks every bound; its error wraps ErrParams and names the field.
func (p BayesParams) Validate() error {
	if p.Cuts < 1 || p.Cuts > 63 {
		return fmt.Errorf("%w: Cuts is %d, want 1 … 63", ErrParams, p.Cuts)
	}
	return checkMaxRows(p.MaxRows)
}

// Bayes is golearn's Bernoulli naive Bayes as a learner. It draws nothing.
type Bayes struct{ Params BayesParams }

var _ model.Learner = Bayes{}

// Name returns the name under which a table shows the learner.
func (Bayes) Name() string { return "golearn-bayes" }

// Settings says how many bits a column gives and on how many rows they are counted.
func (l Bayes) Settings() string {
	return fmt.Sprintf("%d cuts, on at most %d rows", l.Params.Cuts, l.Params.MaxRows)
}

// Fit fits naive Bayes on the number columns of f; see model.Learner and the
// package for what golearn lacks. Where no column varies the model says the base
// rate. Errors wrap those of this package, or are ctx.Err().
//
// golearn smooths a share of n rows by (k + 1) ÷ (n + 1), and counts every bit as
// if it were independent of the others, which bits of one column are not: the
// order of accounts is what the margins are good for, until they are calibrated.
func (l Bayes) Fit(ctx context.Context, f *frame.Frame, y, weights []float64) (model.Predictor, error) {
	m, _, _, err := l.fit(ctx, f, y, weights)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// fit also returns what golearn was shown of each column, and golearn's
// classifier, nil where no column varies.
func (l Bayes) fit(ctx context.Context, f *frame.Frame, y, weights []float64) (*bayes, []bits, *naive.BernoulliNBClassifier, error) {
	p := l.Params
	if err := p.Validate(); err != nil {
		return nil, nil, nil, err
	}
	if err := check(f, y, weights); err != nil {
		return nil, nil, nil, err
	}
	rows, rate, err := sample(f, y, weights, p.MaxRows)
	if err != nil {
		return nil, nil, nil, err
	}
	m := &bayes{base: logOdds(rate)}
	width := 0
	var parts []bits
	for _, k := range varying(f, rows) {
		if err := ctx.Err(); err != nil {
			return nil, nil, nil, err
		}
		c := &f.Columns[k]
		part := bits{column: k, first: width}
		sorted := present(c.Numbers, rows)
		part.gap = len(sorted) < len(rows)
		for j := range p.Cuts {
			// The largest value is no cut: nothing is above it.
			if v := sorted[(len(sorted)-1)*(j+1)/(p.Cuts+1)]; v < sorted[len(sorted)-1] && !slices.Contains(part.cuts, v) {
				part.cuts = append(part.cuts, v)
			}
		}
		width += part.width()
		parts = append(parts, part)
		m.names = append(m.names, c.Name)
	}
	if len(parts) == 0 {
		return m, nil, nil, nil
	}
	nb, err := fitBits(ctx, f, y, rows, parts, width)
	if err != nil {
		return nil, nil, nil, err
	}
	learnt, err := read(nb, width+1)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, part := range parts {
		m.columns = append(m.columns, part.table(learnt))
	}
	return m, parts, nb, nil
}

// bits is what golearn reads of one column: is the value above each cut, and,
// where rows of the training lack it, is it missing.
type bits struct {
	column, first int
	cuts          []float64
	gap           bool
}

func (b bits) width() int {
	if b.gap {
		return len(b.cuts) + 1
	}
	return len(b.cuts)
}

// above returns how many cuts the value is above; they are sorted.
func above(cuts []float64, v float64) int { return sort.SearchFloat64s(cuts, v) }

// set tells whether bit k is set for a value.
func (b bits) set(v float64, k int) bool {
	if math.IsNaN(v) {
		return b.gap && k == len(b.cuts)
	}
	return k < above(b.cuts, v)
}

// fitted is what golearn learnt: the conditional probability of each bit, and the
// rows, of each class.
type fitted struct {
	share [2][]float64
	rows  [2]float64
}

// fitBits has golearn count the bits. One bit more is set in every row: golearn
// panics on a class without a set bit, and such a one says nothing.
func fitBits(ctx context.Context, f *frame.Frame, y []float64, rows []int, parts []bits, width int) (nb *naive.BernoulliNBClassifier, err error) {
	defer func() {
		if p := recover(); p != nil {
			nb, err = nil, fmt.Errorf("%w: panic: %v", ErrGolearn, p)
		}
	}()
	g := base.NewDenseInstances()
	specs := make([]base.AttributeSpec, width+1)
	for k := range specs {
		specs[k] = g.AddAttribute(base.NewBinaryAttribute(strconv.Itoa(k)))
	}
	class := classAttribute()
	at := g.AddAttribute(class)
	if err := g.AddClassAttribute(class); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGolearn, err)
	}
	if err := g.Extend(len(rows)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGolearn, err)
	}
	yes := []byte{1}
	for j, i := range rows {
		if j%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for _, part := range parts {
			v := f.Columns[part.column].Numbers[i]
			for k := range part.width() {
				if part.set(v, k) {
					g.Set(specs[part.first+k], j, yes)
				}
			}
		}
		g.Set(specs[width], j, yes)
		g.Set(at, j, class.GetSysValFromString(className(y[i])))
	}
	nb = naive.NewBernoulliNBClassifier()
	if err := nb.Fit(g); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGolearn, err)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nb, nil
}

// read looks at golearn's fields: it answers classes only and would give the
// probabilities to a file alone.
func read(nb *naive.BernoulliNBClassifier, width int) (fitted, error) {
	all := reflect.ValueOf(nb).Elem()
	shares, counts := all.FieldByName("condProb"), all.FieldByName("classInstances")
	if !shares.IsValid() || !counts.IsValid() {
		return fitted{}, fmt.Errorf("%w: its naive Bayes keeps its probabilities elsewhere", ErrGolearn)
	}
	var r fitted
	for class := range r.share {
		key := reflect.ValueOf(className(float64(class)))
		values, count := shares.MapIndex(key), counts.MapIndex(key)
		if !values.IsValid() || !count.IsValid() || values.Len() != width {
			return fitted{}, fmt.Errorf("%w: its naive Bayes has no class %d of %d bits", ErrGolearn, class, width)
		}
		r.rows[class] = float64(count.Int())
		for k := range width {
			r.share[class] = append(r.share[class], values.Index(k).Float())
		}
	}
	return r, nil
}

// logShare is the logarithm that golearn adds for a bit of a class, set or not;
// see PredictOne there.
func (n fitted) logShare(class, k int, set bool) float64 {
	switch p := n.share[class][k]; {
	case set:
		return math.Log(p)
	case p == 1:
		return math.Log(1 / (n.rows[class] + 1))
	default:
		return math.Log(1 - p)
	}
}

// table adds up what the bits of a column say for each number of cuts that a
// value is above, and for a missing one.
func (b bits) table(nb fitted) additive {
	said := func(v float64) float64 {
		sum := 0.0
		for k := range b.width() {
			set := b.set(v, k)
			sum += nb.logShare(1, b.first+k, set) - nb.logShare(0, b.first+k, set)
		}
		return sum
	}
	t := additive{cuts: b.cuts, margins: []float64{said(math.Inf(-1))}}
	for k := range b.cuts {
		next := math.Inf(1)
		if k+1 < len(b.cuts) {
			next = b.cuts[k+1]
		}
		t.margins = append(t.margins, said(next))
	}
	if b.gap {
		t.missing = said(math.NaN())
	}
	return t
}

// additive is what one column adds to the margin: margins by the number of cuts
// below the value, missing for none.
type additive struct {
	cuts, margins []float64
	missing       float64
}

func (a additive) of(v float64) float64 {
	if math.IsNaN(v) {
		return a.missing
	}
	return a.margins[above(a.cuts, v)]
}

// bayes is what was fitted. It is immutable and safe for concurrent use.
type bayes struct {
	names   []string
	base    float64
	columns []additive
}

var _ model.Explainer = (*bayes)(nil)

// Features returns the columns that vary among the training rows, by name.
func (m *bayes) Features() []string { return slices.Clone(m.names) }

// Predict writes one margin per row; see model.Predictor.
func (m *bayes) Predict(f *frame.Frame, out []float64) error {
	cs, err := columns(f, m.names, len(out))
	if err != nil {
		return err
	}
	for i := range out {
		out[i] = m.base
		for k, c := range m.columns {
			out[i] += c.of(cs[k].Numbers[i])
		}
	}
	return nil
}

// Explain writes what each column adds; see model.Explainer. The base is the
// log-odds of the base rate.
func (m *bayes) Explain(f *frame.Frame, out []float64) (float64, error) {
	width := len(m.columns)
	if len(out) != f.Rows()*width {
		return 0, fmt.Errorf("%w: %d rows of %d features into %d values", ErrBadInput, f.Rows(), width, len(out))
	}
	cs, err := columns(f, m.names, f.Rows())
	if err != nil {
		return 0, err
	}
	for i := range f.Rows() {
		for k, c := range m.columns {
			out[i*width+k] = c.of(cs[k].Numbers[i])
		}
	}
	return m.base, nil
}
