package tree

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"fealty/features/frame"
	"fealty/model"
)

var _ model.Predictor = (*Ensemble)(nil)

// Feature is one column that an ensemble reads.
type Feature struct {
	// Name is the column's name in the frame: no white space, no control
	// characters, none of " , : [ ] { }, which LightGBM's files reserve.
	Name string
	// Category tells that the feature is a code rather than a number.
	Category bool
	// Levels names the codes of a category, in order. With levels, a frame's
	// codes are matched by name, so that a frame that numbers them otherwise is
	// read right and a level unseen in training counts as unseen. Nil when the
	// file tells none: codes are then taken as they stand.
	Levels []string
	// Info is LightGBM's note on the feature's range ("[0:12]", "-1:0:1" or
	// "none"); kept for the file, not used to predict.
	Info string
}

// Parameter is one line of the file's list of training parameters.
type Parameter struct{ Name, Value string }

// Header is what an ensemble says beside its trees.
type Header struct {
	// Objective in LightGBM's words: "binary sigmoid:1", "regression",
	// "poisson", "quantile alpha:0.9" … It says what the margin means: with
	// "binary sigmoid:1" log-odds, with "poisson" the logarithm of a rate.
	Objective string
	// Features in the order of the trees' indices.
	Features []Feature
	// Parameters are kept for readers of the file and change no prediction.
	Parameters []Parameter
}

// Ensemble is a sum of trees over named features. It is immutable and safe for
// concurrent use; it exists only after everything in it was checked.
type Ensemble struct {
	header Header
	names  []string
	trees  []Tree
	depth  int
	// pandas is the file's own list of levels, rewritten as read, so that levels
	// that were numbers in Python stay numbers.
	pandas string
	single walker
	// batch is laid out when the first batch comes: whoever scores one row at a
	// time never pays for it.
	batch func() *layout
}

// New checks header and trees and returns the ensemble of them. The trees are
// copied into one flat store; the caller may reuse its own. An ensemble without
// trees is refused: a constant is one tree of one leaf.
func New(h Header, trees []Tree) (*Ensemble, error) {
	if len(trees) == 0 {
		return nil, fmt.Errorf("ensemble has no tree")
	}
	if err := checkFeatures(h.Features); err != nil {
		return nil, err
	}
	if strings.ContainsAny(h.Objective, "\r\n") {
		return nil, fmt.Errorf("objective %q holds a line break", h.Objective)
	}
	for _, p := range h.Parameters {
		if p.Name == "" || strings.ContainsAny(p.Name, ":\r\n") || strings.ContainsAny(p.Value, "\r\n") {
			return nil, fmt.Errorf("parameter %q: %q does not fit on a line", p.Name, p.Value)
		}
	}
	e := &Ensemble{header: h, names: make([]string, len(h.Features))}
	e.header.Features = slices.Clone(h.Features)
	e.header.Parameters = slices.Clone(h.Parameters)
	for i, f := range h.Features {
		e.names[i] = f.Name
	}
	for i := range trees {
		depth, err := trees[i].check(len(h.Features))
		if err != nil {
			return nil, fmt.Errorf("tree %d: %w", i, err)
		}
		e.depth = max(e.depth, depth)
		for k, f := range trees[i].Feature {
			if trees[i].Decision[k].Categorical() != h.Features[f].Category {
				return nil, fmt.Errorf("tree %d: node %d splits feature %q as %s, the feature is %s",
					i, k, h.Features[f].Name, kind(trees[i].Decision[k].Categorical()), kind(h.Features[f].Category))
			}
		}
	}
	e.trees = flatten(trees)
	e.single = newWalker(e.trees)
	e.batch = sync.OnceValue(func() *layout { return newLayout(e.trees) })
	return e, nil
}

func kind(category bool) string {
	if category {
		return "a category"
	}
	return "a number"
}

func checkFeatures(features []Feature) error {
	if len(features) == 0 {
		return fmt.Errorf("ensemble has no feature")
	}
	if len(features) > math.MaxInt32 {
		return fmt.Errorf("ensemble has %d features; the most is %d", len(features), math.MaxInt32)
	}
	seen := make(map[string]bool, len(features))
	for i, f := range features {
		if f.Name == "" || strings.ContainsFunc(f.Name, reserved) {
			return fmt.Errorf("feature %d has the name %q: empty, or with white space, a control character or one of \" , : [ ] { }", i, f.Name)
		}
		if seen[f.Name] {
			return fmt.Errorf("feature %q stands twice", f.Name)
		}
		seen[f.Name] = true
		if f.Info == "" || strings.ContainsFunc(f.Info, unicode.IsSpace) {
			return fmt.Errorf("feature %q has the range note %q: empty or with white space", f.Name, f.Info)
		}
		if f.Levels != nil && !f.Category {
			return fmt.Errorf("feature %q is a number and has levels", f.Name)
		}
		level := make(map[string]bool, len(f.Levels))
		for _, l := range f.Levels {
			if !utf8.ValidString(l) {
				return fmt.Errorf("feature %q has the level %q, which is not UTF-8", f.Name, l)
			}
			if level[l] {
				return fmt.Errorf("feature %q has the level %q twice", f.Name, l)
			}
			level[l] = true
		}
	}
	return nil
}

func reserved(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar || strings.ContainsRune(`",:[]{}`, r)
}

// flatten copies the trees so that each kind of array is one stretch of memory.
func flatten(trees []Tree) []Tree {
	var nodes, leaves, words int
	for i := range trees {
		nodes += len(trees[i].Left)
		leaves += len(trees[i].LeafValue)
		for _, s := range trees[i].Codes {
			words += len(s)
		}
	}
	var (
		ints   = make([]int32, 0, 3*nodes)
		floats = make([]float64, 0, 4*nodes+2*leaves)
		counts = make([]int64, 0, nodes+leaves)
		ways   = make([]Decision, 0, nodes)
		sets   = make([][]uint32, 0, nodes)
		codes  = make([]uint32, 0, words)
		out    = make([]Tree, len(trees))
	)
	for i := range trees {
		t, o := &trees[i], &out[i]
		o.Feature, ints = put(ints, t.Feature)
		o.Left, ints = put(ints, t.Left)
		o.Right, ints = put(ints, t.Right)
		o.Threshold, floats = put(floats, t.Threshold)
		o.LeafValue, floats = put(floats, t.LeafValue)
		o.Gain, floats = put(floats, t.Gain)
		o.Value, floats = put(floats, t.Value)
		o.Weight, floats = put(floats, t.Weight)
		o.LeafWeight, floats = put(floats, t.LeafWeight)
		o.Count, counts = put(counts, t.Count)
		o.LeafCount, counts = put(counts, t.LeafCount)
		o.Decision, ways = put(ways, t.Decision)
		o.Codes, sets = put(sets, t.Codes)
		for k, s := range o.Codes {
			if s != nil {
				o.Codes[k], codes = put(codes, s)
			}
		}
		o.Shrinkage = t.Shrinkage
	}
	return out
}

// put appends from to store and returns the copy and the longer store.
func put[T any](store, from []T) (placed, longer []T) {
	n := len(store)
	store = append(store, from...)
	return store[n:len(store):len(store)], store
}

// Features returns the names of the columns that the model reads, in its order.
func (e *Ensemble) Features() []string { return slices.Clone(e.names) }

// Header returns what the ensemble says beside its trees; its slices are copies.
func (e *Ensemble) Header() Header {
	h := e.header
	h.Features = slices.Clone(h.Features)
	h.Parameters = slices.Clone(h.Parameters)
	return h
}

// Objective returns what the margin means, in LightGBM's words.
func (e *Ensemble) Objective() string { return e.header.Objective }

// Len returns the number of trees.
func (e *Ensemble) Len() int { return len(e.trees) }

// Depth returns the number of nodes on the longest path of any tree.
func (e *Ensemble) Depth() int { return e.depth }

// Tree returns tree i. It shares the ensemble's memory and must not be written.
func (e *Ensemble) Tree(i int) Tree { return e.trees[i] }

// Cover returns what an explanation averages by: CoverWeight when no tree keeps
// counts and some keep sums of hessians, as models of XGBoost do, CoverCount
// otherwise. Either may be absent at single nodes.
func (e *Ensemble) Cover() Cover {
	weighed := false
	for i := range e.trees {
		t := &e.trees[i]
		for k := range t.LeafCount {
			if t.LeafCount[k] > 0 {
				return CoverCount
			}
			weighed = weighed || t.LeafWeight[k] > 0
		}
	}
	if weighed {
		return CoverWeight
	}
	return CoverCount
}

// Margin predicts one row, without allocating: the values of the leaves that
// Leaf finds, added tree by tree in order. row holds one value per feature, codes
// (of Levels, where known) as whole numbers, NaN where missing. It panics if row
// is shorter than the features.
func (e *Ensemble) Margin(row []float64) float64 {
	return e.single.add(0, e.trees, 0, len(e.trees), row)
}

// Importance is what one feature did in training, summed over all splits.
type Importance struct {
	Feature string
	// Splits is the number of nodes that split on it, Gain the sum of what they gained.
	Splits int
	Gain   float64
}

// Importances returns one entry per feature, in feature order.
func (e *Ensemble) Importances() []Importance {
	all := make([]Importance, len(e.names))
	for i, name := range e.names {
		all[i].Feature = name
	}
	for i := range e.trees {
		for k, f := range e.trees[i].Feature {
			all[f].Splits++
			all[f].Gain += e.trees[i].Gain[k]
		}
	}
	return all
}

// Rows binds an ensemble to a frame: it fetches rows in the ensemble's feature
// order, with categories in the ensemble's own codes.
type Rows struct {
	rows    int
	sources []source
}

// source is one feature's column, and how its codes translate.
type source struct {
	numbers []float64
	codes   []int32
	// recode[c+1] is the ensemble's code of the frame's code c, as a number; NaN
	// for missing (c = −1) and for levels that the ensemble does not know.
	recode []float64
}

// Bind finds the ensemble's features in f by name. It refuses a frame that
// lacks one, a number where a category with levels is expected, a category where
// a number is, and codes outside the levels of their column. The frame must not
// be written while the rows are in use.
func (e *Ensemble) Bind(f *frame.Frame) (*Rows, error) {
	chosen, err := f.Select(e.names)
	if err != nil {
		return nil, err
	}
	b := &Rows{rows: f.Rows(), sources: make([]source, len(e.names))}
	for i := range chosen.Columns {
		c, want := &chosen.Columns[i], &e.header.Features[i]
		if c.Len() != f.Rows() {
			return nil, fmt.Errorf("column %q has %d rows, the frame %d", c.Name, c.Len(), f.Rows())
		}
		switch {
		case c.Kind == frame.Number && want.Levels == nil:
			b.sources[i] = source{numbers: c.Numbers}
		case c.Kind == frame.Category && want.Category:
			if err := c.Check(); err != nil {
				return nil, err
			}
			recode, err := recoding(c.Levels, want.Levels)
			if err != nil {
				return nil, fmt.Errorf("column %q: %w", c.Name, err)
			}
			b.sources[i] = source{codes: c.Codes, recode: recode}
		default:
			return nil, fmt.Errorf("column %q is %s in the frame; the model reads it as %s", c.Name, c.Kind, kind(want.Category))
		}
	}
	return b, nil
}

func recoding(have, want []string) ([]float64, error) {
	to := make([]float64, len(have)+1)
	to[0] = math.NaN()
	if want == nil || slices.Equal(have, want) {
		for i := range have {
			to[i+1] = float64(i)
		}
		return to, nil
	}
	at := make(map[string]int, len(want))
	for i, l := range want {
		at[l] = i
	}
	seen := make(map[string]bool, len(have))
	for i, l := range have {
		if seen[l] {
			return nil, fmt.Errorf("the level %q stands twice", l)
		}
		seen[l] = true
		to[i+1] = math.NaN()
		if k, ok := at[l]; ok {
			to[i+1] = float64(k)
		}
	}
	return to, nil
}

// Len returns the number of rows.
func (b *Rows) Len() int { return b.rows }

// Row writes row i, one value per feature, into to.
func (b *Rows) Row(i int, to []float64) {
	for j := range b.sources {
		s := &b.sources[j]
		if s.numbers != nil {
			to[j] = s.numbers[i]
		} else {
			to[j] = s.recode[s.codes[i]+1]
		}
	}
}
