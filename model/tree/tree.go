package tree

import (
	"fmt"
	"math"
)

// Missing says which values of a numeric feature count as missing at a node.
type Missing uint8

// The ways of missing, numbered as LightGBM numbers them.
const (
	// MissingNone: nothing is missing; a NaN is read as 0.
	MissingNone Missing = iota
	// MissingZero: NaN and every |x| ≤ ZeroThreshold go the default way.
	MissingZero
	// MissingNaN: NaN goes the default way.
	MissingNaN
)

// ZeroThreshold is the largest magnitude that MissingZero takes for zero: the
// float32 nearest to 1e-35, as in LightGBM.
const ZeroThreshold = 1.0000000180025095e-35

// Decision is how a node decides, in LightGBM's bits: 1 categorical, 2 default
// left, 4 and 8 the way of missing.
type Decision uint8

// NumericDecision returns the decision of a split x ≤ threshold.
func NumericDecision(m Missing, defaultLeft bool) Decision {
	d := Decision(m) << 2
	if defaultLeft {
		d |= 2
	}
	return d
}

// CategoricalDecision is the decision of a split by membership in a set of
// codes: members go left; missing, negative and unseen codes go right.
const CategoricalDecision Decision = 1

// CategoricalMissingLeft is CategoricalDecision, only that missing values go
// left. XGBoost's models need it; LightGBM's text cannot say it.
const CategoricalMissingLeft = CategoricalDecision | 2

// Categorical reports whether the node asks for membership in a set of codes.
func (d Decision) Categorical() bool { return d&1 != 0 }

// DefaultLeft reports whether missing values go left.
func (d Decision) DefaultLeft() bool { return d&2 != 0 }

// Missing returns what counts as missing.
func (d Decision) Missing() Missing { return Missing(d >> 2 & 3) }

// Tree is one tree in LightGBM's arrays. A tree of n leaves has n−1 nodes; node
// 0 is the root. A child c ≥ 0 is node c, a child c < 0 is leaf ^c. A tree of
// one leaf has no node. Trees obtained from an Ensemble share its memory and
// must not be written.
type Tree struct {
	// Per node: the feature's index, the threshold (numeric splits: left when
	// x ≤ threshold, which may be infinite), how it decides, the children and, for a categorical
	// split, the set of codes that go left, 32 to a word; nil otherwise.
	Feature     []int32
	Threshold   []float64
	Decision    []Decision
	Left, Right []int32
	Codes       [][]uint32
	// Per node: what the split gained, and the value, the sum of hessians and
	// the number of training rows that the node had as a leaf.
	Gain, Value, Weight []float64
	Count               []int64
	// Per leaf: the value in margin units, shrinkage included; the sum of
	// hessians and the number of training rows.
	LeafValue, LeafWeight []float64
	LeafCount             []int64
	// Shrinkage is the learning rate already inside the values; kept for the file.
	Shrinkage float64
}

// Leaves returns the number of leaves.
func (t *Tree) Leaves() int { return len(t.LeafValue) }

// Leaf returns the leaf that a row reaches: the plain walk that every faster
// layout must equal. row holds one value per feature of the ensemble, codes as
// whole numbers, NaN where missing.
func (t *Tree) Leaf(row []float64) int {
	if len(t.Left) == 0 {
		return 0
	}
	node := int32(0)
	for node >= 0 {
		if t.GoesLeft(int(node), row[t.Feature[node]]) {
			node = t.Left[node]
		} else {
			node = t.Right[node]
		}
	}
	return int(^node)
}

// GoesLeft reports which way value x takes at a node. It is LightGBM's
// NumericalDecision and CategoricalDecision (include/LightGBM/tree.h), and
// CategoricalMissingLeft beside them.
func (t *Tree) GoesLeft(node int, x float64) bool {
	d := t.Decision[node]
	if d.Categorical() {
		if d.DefaultLeft() && math.IsNaN(x) {
			return true
		}
		return hasCode(t.Codes[node], x)
	}
	switch d.Missing() {
	case MissingNaN:
		if math.IsNaN(x) {
			return d.DefaultLeft()
		}
	case MissingZero:
		if math.IsNaN(x) || math.Abs(x) <= ZeroThreshold {
			return d.DefaultLeft()
		}
	case MissingNone:
		if math.IsNaN(x) {
			x = 0
		}
	}
	return x <= t.Threshold[node]
}

// hasCode reports whether x, cut to a whole number, is in the set. NaN and
// whatever does not fit a non-negative int32 is in no set.
func hasCode(set []uint32, x float64) bool {
	if !(x > -1 && x < 1<<31) {
		return false
	}
	code := uint32(x) // a value in (−1, 0) is cut to 0, as in LightGBM
	return int(code>>5) < len(set) && set[code>>5]>>(code&31)&1 != 0
}

// Cover is what tells how many training rows went each way at a node.
type Cover uint8

const (
	// CoverCount: Count and LeafCount, as LightGBM's pred_contrib takes it.
	CoverCount Cover = iota
	// CoverWeight: the sums of hessians, Weight and LeafWeight, as XGBoost's
	// pred_contribs takes it; its models keep no counts.
	CoverWeight
)

// Cover returns the cover of a child as Left and Right name it.
func (t *Tree) Cover(c Cover, child int32) float64 {
	switch {
	case c == CoverWeight && child < 0:
		return t.LeafWeight[^child]
	case c == CoverWeight:
		return t.Weight[child]
	case child < 0:
		return float64(t.LeafCount[^child])
	default:
		return float64(t.Count[child])
	}
}

// check verifies one tree against the number of features, and returns its
// depth: the number of nodes on its longest path.
func (t *Tree) check(features int) (depth int, err error) {
	leaves, nodes := len(t.LeafValue), len(t.Left)
	if leaves == 0 {
		return 0, fmt.Errorf("it has no leaf")
	}
	if nodes != leaves-1 {
		return 0, fmt.Errorf("it has %d nodes for %d leaves", nodes, leaves)
	}
	for _, a := range []struct {
		name string
		have int
		want int
	}{
		{"split features", len(t.Feature), nodes}, {"thresholds", len(t.Threshold), nodes},
		{"decisions", len(t.Decision), nodes}, {"right children", len(t.Right), nodes},
		{"code sets", len(t.Codes), nodes}, {"gains", len(t.Gain), nodes},
		{"node values", len(t.Value), nodes}, {"node weights", len(t.Weight), nodes},
		{"node counts", len(t.Count), nodes}, {"leaf weights", len(t.LeafWeight), leaves},
		{"leaf counts", len(t.LeafCount), leaves},
	} {
		if a.have != a.want {
			return 0, fmt.Errorf("it has %d %s, expected %d", a.have, a.name, a.want)
		}
	}
	for i, v := range t.LeafValue {
		if !finite(v) {
			return 0, fmt.Errorf("leaf %d has the value %v", i, v)
		}
		if t.LeafCount[i] < 0 || !(t.LeafWeight[i] >= 0) || math.IsInf(t.LeafWeight[i], 0) {
			return 0, fmt.Errorf("leaf %d has count %d and weight %v", i, t.LeafCount[i], t.LeafWeight[i])
		}
	}
	if !finite(t.Shrinkage) {
		return 0, fmt.Errorf("its shrinkage is %v", t.Shrinkage)
	}
	for i := range nodes {
		if err := t.checkNode(i, features); err != nil {
			return 0, err
		}
	}
	return t.checkShape()
}

// checkNode verifies what one node says, apart from where its children lead.
func (t *Tree) checkNode(i, features int) error {
	if f := t.Feature[i]; f < 0 || int(f) >= features {
		return fmt.Errorf("node %d splits on feature %d of %d", i, f, features)
	}
	if math.IsNaN(t.Threshold[i]) { // LightGBM writes inf where all but missing values go left
		return fmt.Errorf("node %d has the threshold %v", i, t.Threshold[i])
	}
	if !finite(t.Value[i]) || !finite(t.Gain[i]) {
		return fmt.Errorf("node %d has the value %v and the gain %v", i, t.Value[i], t.Gain[i])
	}
	if t.Count[i] < 0 || !(t.Weight[i] >= 0) || math.IsInf(t.Weight[i], 0) {
		return fmt.Errorf("node %d has count %d and weight %v", i, t.Count[i], t.Weight[i])
	}
	d := t.Decision[i]
	if d > 15 || d.Missing() > MissingNaN {
		return fmt.Errorf("node %d has the unknown decision type %d", i, d)
	}
	if d.Categorical() != (t.Codes[i] != nil) {
		return fmt.Errorf("node %d has decision type %d and a set of %d code words", i, d, len(t.Codes[i]))
	}
	return nil
}

// checkShape walks from the root: every node and leaf must be reached exactly once.
func (t *Tree) checkShape() (depth int, err error) {
	nodes, leaves := len(t.Left), len(t.LeafValue)
	if nodes == 0 {
		return 0, nil
	}
	seenNode, seenLeaf := make([]bool, nodes), make([]bool, leaves)
	type visit struct{ node, depth int32 }
	stack := []visit{{0, 1}}
	seenNode[0] = true
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		depth = max(depth, int(v.depth))
		for _, c := range [2]int32{t.Left[v.node], t.Right[v.node]} {
			seen, at, what := seenNode, int(c), "node"
			if c < 0 {
				seen, at, what = seenLeaf, int(^c), "leaf"
			}
			if at >= len(seen) {
				return 0, fmt.Errorf("node %d has the child %s %d of %d", v.node, what, at, len(seen))
			}
			if seen[at] {
				return 0, fmt.Errorf("node %d leads to %s %d, which is reached already: a cycle or a shared child", v.node, what, at)
			}
			seen[at] = true
			if c >= 0 {
				stack = append(stack, visit{c, v.depth + 1})
			}
		}
	}
	// n−1 nodes with two children each, all distinct: a tree that misses a
	// node also misses a leaf, so looking at the nodes is enough.
	for i, ok := range seenNode {
		if !ok {
			return 0, fmt.Errorf("node %d cannot be reached from the root", i)
		}
	}
	return depth, nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
