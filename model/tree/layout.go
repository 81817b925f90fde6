package tree

import (
	"cmp"
	"math"
	"slices"
)

// layout is the form in which many rows are predicted at once. It asks each
// distinct question "does x go right at threshold t?" once for 512 rows and
// keeps the answers as 512 bits; a tree is then a few bitwise operations per
// node, for all rows at once, and no branch depends on a row. It descends from
// QuickScorer (Lucchese et al., SIGIR 2015) and its vectorised form, turned by a
// right angle: a word holds one node of many rows instead of the leaves of one.
//
//  1. A column turns 512 values of a feature into ranks: how many of the
//     column's thresholds lie below the value.
//  2. A condition is one threshold with one way for missing values: a row goes
//     right when its rank exceeds the threshold's. Ranks are bytes.
//  3. A tree hands the rows at each node on to its children: right = here AND
//     condition, left = here AND NOT condition. The leaves are folded into the
//     bits of the number of each row's leaf, whose value is added.
//
// Exact: a rank exceeds where the value does, and trees are added in order.
//
// Trees of more than 256 leaves or with codes from 4096 on are walked row by row.
// Memory: 8 bytes per node, 8 per leaf, leaves rounded up to a power of two ≥ 32,
// at most 18 per distinct threshold and 900 per column; 80 per node for as long
// as it is being made.
type layout struct {
	columns []column
	trees   []compact
	// conditions is how many questions are asked of a row.
	conditions int
	// codes is how many codes the widest category asks for.
	codes int
}

const (
	blockRows  = 512
	blockWords = blockRows / 64
	// maxBatchLeaves lets a byte hold the number of a leaf.
	maxBatchLeaves = 256
	// maxBatchCodes bounds the masks that a block needs per category: 64 bytes a code.
	maxBatchCodes = 4096
	// maxGrid is how many thresholds a byte can rank; a feature with more has
	// several columns.
	maxGrid = 255
	// pivots stand before each grid: the last thresholds of its stretches.
	pivots = 16
)

// mask is one bit for each row of a block.
type mask [blockWords]uint64

// column is the questions that are asked of one feature: a grid of thresholds or
// sets of codes.
type column struct {
	feature int32
	// zero: |x| ≤ ZeroThreshold counts as missing, too.
	zero bool
	// grid holds the thresholds, rising, filled up with +Inf to 64, 128 or 256
	// entries that form 8, 16 or 16 stretches; before it stand the pivots.
	grid       []float64
	thresholds int
	// low and high are the ranks that a row must exceed to go right, one per
	// condition: missing values go left at low ones and right at high ones. The
	// column's conditions start with number from, low ones first, or with sets.
	low, high []uint8
	from      int
	sets      []codeSet
	// words is the length of the longest set.
	words int
}

// codeSet is the codes that go left.
type codeSet struct {
	codes       []uint32
	missingLeft bool
}

// compact is one tree. While it predicts, the rows at its leaves stand in slots
// 0 … size−1 from left to right, of which the last may stay empty, and the rows
// at the node of steps[k] in slot size+k. Parents come before children.
type compact struct {
	steps []step
	// value has size entries: 32, 64, 128 or 256. Without it the tree is walked
	// row by row.
	value  []float64
	leaves int
}

type step struct {
	condition   uint32
	left, right uint16 // slots
}

// question is a node on its way to a condition.
type question struct {
	// column is the feature with its kind: which questions may share a column.
	column uint64
	// key orders the questions of a column: the threshold, or the node of a set.
	key   uint64
	right bool // missing values go right
	node  int32
}

const (
	askNumber uint64 = iota
	askZero
	askSet
)

// ask returns the question of node k of t, which is the n-th of all.
func ask(t *Tree, k, n int) question {
	d := t.Decision[k]
	q := question{right: !d.DefaultLeft(), node: int32(n), key: ascending(t.Threshold[k])} //nolint:gosec // the text of more nodes would exceed any limit that Read accepts
	kind := askNumber
	switch {
	case d.Categorical():
		kind, q.key = askSet, uint64(n) //nolint:gosec // ≥ 0
	case d.Missing() == MissingZero:
		kind = askZero
	case d.Missing() == MissingNone: // a missing value is read as 0
		q.right = 0 > t.Threshold[k]
	}
	q.column = uint64(t.Feature[k])<<2 | kind //nolint:gosec // ≥ 0
	return q
}

// ascending turns numbers into integers of the same order, −0 before 0.
func ascending(v float64) uint64 {
	b := math.Float64bits(v)
	return b ^ (uint64(int64(b)>>63) | 1<<63) //nolint:gosec // the sign, spread
}

// number undoes ascending.
func number(key uint64) float64 {
	return math.Float64frombits(key ^ (^uint64(int64(key)>>63) | 1<<63)) //nolint:gosec // as above
}

func (q question) compare(o question) int {
	switch {
	case q.column != o.column:
		return cmp.Compare(q.column, o.column)
	case q.key != o.key:
		return cmp.Compare(q.key, o.key)
	case q.right == o.right:
		return 0
	case o.right:
		return -1
	default:
		return 1
	}
}

func newLayout(trees []Tree) *layout {
	l := &layout{trees: make([]compact, len(trees))}
	var asked []question
	var sets []codeSet // of each question of kind askSet, by its node
	for i := range trees {
		t := &trees[i]
		if !batchable(t) {
			continue
		}
		l.trees[i].leaves = t.Leaves()
		for k, d := range t.Decision {
			asked = append(asked, ask(t, k, len(asked)))
			sets = append(sets, codeSet{codes: t.Codes[k], missingLeft: d.DefaultLeft()})
		}
	}
	slices.SortFunc(asked, question.compare)
	conditions := make([]uint32, len(asked)) // of each node
	for from := 0; from < len(asked); {
		from += l.add(asked[from:], sets, conditions)
	}
	for i := range trees {
		if l.trees[i].leaves > 0 {
			l.trees[i].fill(&trees[i], conditions)
			conditions = conditions[len(trees[i].Left):]
		}
	}
	return l
}

// batchable reports whether a tree fits the layout.
func batchable(t *Tree) bool {
	if t.Leaves() > maxBatchLeaves {
		return false
	}
	for _, set := range t.Codes {
		if 32*len(set) > maxBatchCodes {
			return false
		}
	}
	return true
}

// add makes one column of the first questions, writes the number of the
// condition of each node and returns how many questions it took.
func (l *layout) add(asked []question, sets []codeSet, conditions []uint32) (taken int) {
	key, kind := asked[0].column, asked[0].column&3
	c := column{feature: int32(key >> 2), zero: kind == askZero, from: l.conditions} //nolint:gosec // as ask made it
	again := func(i int) bool { return i > 0 && asked[i].compare(asked[i-1]) == 0 }
	var grid []float64
	for ; taken < len(asked) && asked[taken].column == key; taken++ {
		q := asked[taken]
		if kind == askSet {
			c.sets = append(c.sets, sets[q.node])
			c.words = max(c.words, len(sets[q.node].codes))
			continue
		}
		if taken == 0 || q.key != asked[taken-1].key {
			if len(grid) == maxGrid {
				break
			}
			grid = append(grid, number(q.key))
		}
		rank := uint8(len(grid) - 1) //nolint:gosec // the grid has at most 255 entries
		switch {
		case again(taken):
		case q.right:
			c.high = append(c.high, rank)
		default:
			c.low = append(c.low, rank)
		}
	}
	low, high := c.from-1, c.from+len(c.low)-1
	for i, q := range asked[:taken] {
		at := &low
		if q.right && kind != askSet {
			at = &high
		}
		if !again(i) {
			*at++
		}
		conditions[q.node] = uint32(*at) //nolint:gosec // not more than nodes
	}
	if kind != askSet {
		c.thresholds, c.grid = len(grid), withPivots(grid)
	}
	l.codes = max(l.codes, 32*c.words)
	l.conditions += len(c.low) + len(c.high) + len(c.sets)
	l.columns = append(l.columns, c)
	return taken
}

// withPivots fills up the grid and puts the pivots before it.
func withPivots(grid []float64) []float64 {
	size := 64
	for size <= len(grid) {
		size *= 2
	}
	stretch := max(8, size/pivots)
	out := make([]float64, pivots+size)
	for i := range out {
		out[i] = math.Inf(1)
	}
	copy(out[pivots:], grid)
	for i := range size / stretch {
		out[i] = out[pivots+stretch*(i+1)-1]
	}
	return out
}

// fill lays out one tree, whose nodes ask these conditions.
func (c *compact) fill(t *Tree, conditions []uint32) {
	size := 32
	for size < c.leaves {
		size *= 2
	}
	c.value = make([]float64, size)
	if len(t.Left) == 0 {
		c.value[0] = t.LeafValue[0]
		return
	}
	c.steps = make([]step, 0, len(t.Left))
	leaves := 0
	type visit struct {
		child int32
		slot  *uint16
	}
	var root uint16
	for stack := []visit{{0, &root}}; len(stack) > 0; {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v.child < 0 {
			*v.slot = uint16(leaves)
			c.value[leaves] = t.LeafValue[^v.child]
			leaves++
			continue
		}
		*v.slot = uint16(size + len(c.steps)) //nolint:gosec // at most 511 slots
		c.steps = append(c.steps, step{condition: conditions[v.child]})
		s := &c.steps[len(c.steps)-1]
		stack = append(stack, visit{t.Right[v.child], &s.right}, visit{t.Left[v.child], &s.left})
	}
}
