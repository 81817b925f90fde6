package challenger

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"fealty/features/frame"
	"fealty/model"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/meta"
	"github.com/sjwhitworth/golearn/trees"
)

// Learners returns the challengers with their defaults, those of a backtest.
func Learners(seed uint64) []model.Learner {
	forest := DefaultForest()
	forest.Seed = seed
	return []model.Learner{Forest{Params: forest}, Bayes{Params: DefaultBayes()}}
}

// ForestParams say how to grow a forest. The zero value is not valid; start from
// DefaultForest.
type ForestParams struct {
	// Trees of the bag. Default 50, bounds 1 … 1,000.
	Trees int
	// Columns that each tree may ask, drawn at random; 0 is the square root of their
	// number, rounded up, at least 2. golearn draws them for the tree, not anew for
	// each split. Default 0, at most 10,000.
	Columns int
	// MaxRows is the largest sample of the training rows, from which every tree
	// draws as many rows with replacement. Default 2,000, bounds 10 … 100,000.
	MaxRows int
	// Seed of the draws.
	Seed uint64
}

// DefaultForest returns the documented default of every parameter.
func DefaultForest() ForestParams { return ForestParams{Trees: 50, MaxRows: 2_000, Seed: 1} }

// Validate checks every bound; its error wraps ErrParams and names the field.
func (p ForestParams) Validate() error {
	switch {
	case p.Trees < 1 || p.Trees > 1000:
		return fmt.Errorf("%w: Trees is %d, want 1 … 1,000", ErrParams, p.Trees)
	case p.Columns < 0 || p.Columns > 10_000:
		return fmt.Errorf("%w: Columns is %d, want 0 … 10,000", ErrParams, p.Columns)
	}
	return checkMaxRows(p.MaxRows)
}

func checkMaxRows(n int) error {
	if n < 10 || n > 100_000 {
		return fmt.Errorf("%w: MaxRows is %d, want 10 … 100,000", ErrParams, n)
	}
	return nil
}

// Forest is golearn's random forest as a learner.
type Forest struct{ Params ForestParams }

var _ model.Learner = Forest{}

// Name returns the name under which a table shows the learner.
func (Forest) Name() string { return "golearn-forest" }

// Settings says how many trees grow on how many rows.
func (l Forest) Settings() string {
	return fmt.Sprintf("%d trees on at most %d rows", l.Params.Trees, l.Params.MaxRows)
}

// Fit grows a forest on the number columns of f; see model.Learner and the
// package for what golearn lacks. Where no column varies the model says the base
// rate. Errors wrap those of this package, or are ctx.Err().
func (l Forest) Fit(ctx context.Context, f *frame.Frame, y, weights []float64) (model.Predictor, error) {
	m, _, err := l.fit(ctx, f, y, weights)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// fit also returns golearn's bag, nil where no column varies.
func (l Forest) fit(ctx context.Context, f *frame.Frame, y, weights []float64) (*forest, *meta.BaggedModel, error) {
	p := l.Params
	if err := p.Validate(); err != nil {
		return nil, nil, err
	}
	if err := check(f, y, weights); err != nil {
		return nil, nil, err
	}
	rows, rate, err := sample(f, y, weights, p.MaxRows)
	if err != nil {
		return nil, nil, err
	}
	m := &forest{rate: rate}
	var values [][]float64 // of every input, in the rows
	for _, k := range varying(f, rows) {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		c := &f.Columns[k]
		for _, in := range inputs(len(m.names), present(c.Numbers, rows), len(rows)) {
			m.inputs, values = append(m.inputs, in), append(values, in.read(c.Numbers, rows))
		}
		m.names = append(m.names, c.Name)
	}
	if len(values) == 0 {
		return m, nil, nil
	}
	bag, err := m.grow(ctx, p, values, pick(y, rows))
	if err != nil {
		return nil, nil, err
	}
	return m, bag, nil
}

// grow has golearn grow the trees on values, by input and row, and copies them.
func (m *forest) grow(ctx context.Context, p ForestParams, values [][]float64, classes []string) (*meta.BaggedModel, error) {
	columns := p.Columns
	if columns == 0 {
		columns = max(2, int(math.Ceil(math.Sqrt(float64(len(values))))))
	}
	bag, members := &meta.BaggedModel{}, make([]*member, p.Trees)
	for t := range members {
		members[t] = &member{
			ID3DecisionTree: trees.NewID3DecisionTreeFromRule(0, &rule{stopped: ctx.Err}), stopped: ctx.Err,
			chance: rand.New(rand.NewPCG(p.Seed, uint64(t))),
			values: values, classes: classes, columns: min(columns, len(values)),
		}
		bag.AddModel(members[t])
	}
	bag.Fit(grid(len(values), nil, nil))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for t, tree := range members {
		if tree.err == nil {
			var root int32
			root, tree.err = m.copy(tree.Root)
			m.roots = append(m.roots, root)
		}
		if tree.err != nil {
			return nil, fmt.Errorf("%w: tree %d: %w", ErrGolearn, t, tree.err)
		}
	}
	return bag, nil
}

// pick returns the classes of the rows.
func pick(y []float64, rows []int) []string {
	classes := make([]string, len(rows))
	for j, i := range rows {
		classes[j] = className(y[i])
	}
	return classes
}

// className is what golearn calls an outcome.
func className(y float64) string {
	if y == 1 {
		return "1"
	}
	return "0"
}

// classAttribute is what golearn learns. Its two values are the same in every
// table, whatever its rows hold; tables are compared by them.
func classAttribute() *base.CategoricalAttribute {
	class := base.NewCategoricalAttribute()
	class.SetName("class")
	for y := range 2 {
		class.GetSysValFromString(className(float64(y))) // which adds the value
	}
	return class
}

// idle is a column of one value. golearn makes a leaf where one column is left
// unasked; with the idle one the last column is asked too.
const idle = "idle"

// grid puts rows into golearn's table: one float column per input, named by its
// place, the idle one, and the class.
func grid(inputs int, rows [][]float64, classes []string) *base.DenseInstances {
	g := base.NewDenseInstances()
	specs := make([]base.AttributeSpec, inputs+1)
	for k := range inputs {
		specs[k] = g.AddAttribute(base.NewFloatAttribute(strconv.Itoa(k)))
	}
	specs[inputs] = g.AddAttribute(base.NewFloatAttribute(idle))
	class := classAttribute()
	at := g.AddAttribute(class)
	if err := g.AddClassAttribute(class); err != nil {
		panic(err) // it was added a line above
	}
	if err := g.Extend(len(rows)); err != nil {
		panic(err) // the table is new
	}
	for i, row := range rows {
		for k, v := range row {
			g.Set(specs[k], i, base.PackFloatToBytes(v))
		}
		g.Set(specs[inputs], i, base.PackFloatToBytes(0))
		g.Set(at, i, class.GetSysValFromString(classes[i]))
	}
	return g
}

// rule is golearn's rule of information gain, until the fit is stopped: then every
// node is a leaf, and the growth is soon over.
type rule struct {
	trees.InformationGainRuleGenerator
	stopped func() error // the context's Err: golearn passes no context on
}

// GenerateSplitRule returns nil where there is nothing to split.
func (r *rule) GenerateSplitRule(f base.FixedDataGrid) *trees.DecisionTreeRule {
	if r.stopped() != nil {
		return nil
	}
	return r.InformationGainRuleGenerator.GenerateSplitRule(f)
}

// member is one tree of the bag. What golearn's bag has drawn for it is left
// aside: it draws its rows and columns itself.
type member struct {
	*trees.ID3DecisionTree
	stopped func() error
	chance  *rand.Rand
	values  [][]float64 // by input, then row; shared by all members
	classes []string
	columns int
	err     error
}

// Fit grows the tree. golearn's bag calls it on a goroutine of its own and does
// not look at the error, which is kept.
func (m *member) Fit(base.FixedDataGrid) error {
	defer func() {
		if p := recover(); p != nil {
			m.err = fmt.Errorf("panic: %v", p)
		}
	}()
	if m.err = m.stopped(); m.err != nil {
		return m.err
	}
	chosen := m.chance.Perm(len(m.values))[:m.columns]
	slices.Sort(chosen)
	drawn, classes := make([][]float64, len(m.classes)), make([]string, len(m.classes))
	cells := make([]float64, len(drawn)*len(chosen))
	for j := range drawn {
		i := m.chance.IntN(len(m.classes))
		drawn[j], classes[j] = cells[j*len(chosen):(j+1)*len(chosen)], m.classes[i]
		for k, in := range chosen {
			drawn[j][k] = m.values[in][i]
		}
	}
	m.err = m.ID3DecisionTree.Fit(grid(len(chosen), drawn, classes))
	rename(m.Root, chosen)
	return m.err
}

// rename turns the places among the chosen columns into those among all.
func rename(d *trees.DecisionTreeNode, chosen []int) {
	if d == nil || d.Children == nil {
		return
	}
	k, err := strconv.Atoi(d.SplitRule.SplitAttr.GetName())
	if err != nil {
		panic(fmt.Sprintf("a split on the column %q, which holds one value", d.SplitRule.SplitAttr.GetName()))
	}
	d.SplitRule.SplitAttr = base.NewFloatAttribute(strconv.Itoa(chosen[k]))
	for _, child := range d.Children {
		rename(child, chosen)
	}
}

// input is one float column that the trees ask.
type input struct {
	column int
	// fill stands for a missing value; gap inputs are 1 where the value is missing
	// and 0 elsewhere.
	fill float64
	gap  bool
}

// inputs returns what the trees ask of one column: its value, unless all rows
// that have one have the same, and whether it is missing, where some rows lack it.
// sorted are the values of those that have one.
func inputs(column int, sorted []float64, rows int) []input {
	var all []input
	if sorted[0] != sorted[len(sorted)-1] {
		all = append(all, input{column: column, fill: tame(sorted[(len(sorted)-1)/2])})
	}
	if len(sorted) < rows {
		all = append(all, input{column: column, gap: true})
	}
	return all
}

// tame keeps the mean of two values finite: golearn's thresholds are such means.
func tame(v float64) float64 { return min(max(v, -math.MaxFloat64/4), math.MaxFloat64/4) }

func (in input) of(v float64) float64 {
	switch missing := math.IsNaN(v); {
	case in.gap && missing:
		return 1
	case in.gap:
		return 0
	case missing:
		return in.fill
	}
	return tame(v)
}

func (in input) read(values []float64, rows []int) []float64 {
	read := make([]float64, len(rows))
	for j, i := range rows {
		read[j] = in.of(values[i])
	}
	return read
}

// node is one node of a tree: a leaf where input is below 0.
type node struct {
	input     int32
	low, high int32 // children: value ≤ at, value > at
	at        float64
	share     float64 // of churned rows, in a leaf
}

// forest is what was grown, as flat nodes. It is immutable and safe for
// concurrent use.
type forest struct {
	names  []string
	inputs []input
	rate   float64
	roots  []int32
	nodes  []node
}

// copy adds a tree of golearn, or a branch of one, and returns its place.
func (m *forest) copy(d *trees.DecisionTreeNode) (int32, error) {
	at := int32(len(m.nodes)) //nolint:gosec // 1,000 trees of 100,000 rows have fewer than 2³¹ nodes
	m.nodes = append(m.nodes, node{input: -1})
	if d.Children == nil {
		churned, stayed := d.ClassDist[className(1)], d.ClassDist[className(0)]
		if churned+stayed == 0 {
			return at, fmt.Errorf("a leaf without rows: %v", d.ClassDist)
		}
		m.nodes[at].share = float64(churned) / float64(churned+stayed)
		return at, nil
	}
	k, err := strconv.Atoi(d.SplitRule.SplitAttr.GetName())
	if err != nil {
		return at, fmt.Errorf("a split on %q: %w", d.SplitRule.SplitAttr.GetName(), err)
	}
	low, high := d.Children["0"], d.Children["1"]
	// The mean of two neighbouring numbers may be the higher of them, so that all
	// rows go one way; golearn then goes that way too.
	if low == nil {
		low = high
	}
	if high == nil {
		high = low
	}
	n := node{input: int32(k), at: d.SplitRule.SplitVal} //nolint:gosec // a column's place
	if n.low, err = m.copy(low); err != nil {
		return at, err
	}
	if n.high, err = m.copy(high); err != nil {
		return at, err
	}
	m.nodes[at] = n
	return at, nil
}

// Features returns the columns that vary among the training rows, by name.
func (m *forest) Features() []string { return slices.Clone(m.names) }

// Predict writes one margin per row; see model.Predictor.
func (m *forest) Predict(f *frame.Frame, out []float64) error {
	cs, err := columns(f, m.names, len(out))
	if err != nil {
		return err
	}
	values := make([]float64, len(m.inputs))
	for i := range out {
		for k, in := range m.inputs {
			values[k] = in.of(cs[in.column].Numbers[i])
		}
		sum := m.rate
		for _, at := range m.roots {
			n := &m.nodes[at]
			for n.input >= 0 {
				if values[n.input] > n.at {
					n = &m.nodes[n.high]
				} else {
					n = &m.nodes[n.low]
				}
			}
			sum += n.share
		}
		out[i] = logOdds(sum / float64(len(m.roots)+1))
	}
	return nil
}
