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
// Trees of more than 256 leaves or with codes from 4096 on take the plain walk.
// Memory: 8 bytes per node, 8 per leaf, leaves rounded up to a power of two ≥ 32,
// at most 18 per distinct threshold and 900 per column.
type layout struct {
	columns []column
	trees   []compact
	// conditions is how many questions are asked of a row.
	conditions int
	// codes is how many codes the widest category asks for.
	codes int
	// walks tells that some tree takes the plain walk.
	walks bool
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
	// value has size entries: 32, 64, 128 or 256. Without it the tree takes the
	// plain walk.
	value  []float64
	leaves int
}

type step struct {
	condition   uint32
	left, right uint16 // slots
}

// question is a condition that has no number yet.
type question struct {
	feature int32
	kind    uint8
	right   bool // missing values go right
	// threshold of askNumber and askZero; tree and node of askSet.
	threshold  float64
	tree, node int
}

const (
	askNumber uint8 = iota
	askZero
	askSet
)

func ask(trees []Tree, tree, node int) question {
	t := &trees[tree]
	d := t.Decision[node]
	q := question{feature: t.Feature[node], right: !d.DefaultLeft()}
	if d.Categorical() {
		q.kind, q.tree, q.node = askSet, tree, node
		return q
	}
	q.threshold = t.Threshold[node]
	switch d.Missing() {
	case MissingZero:
		q.kind = askZero
	case MissingNone: // a missing value is read as 0
		q.right = 0 > q.threshold
	case MissingNaN:
	}
	return q
}

func (q question) compare(o question) int {
	ways := [2]int{}
	for i, right := range [2]bool{q.right, o.right} {
		if right {
			ways[i] = 1
		}
	}
	return cmp.Or(cmp.Compare(q.feature, o.feature), cmp.Compare(q.kind, o.kind), cmp.Compare(q.threshold, o.threshold),
		cmp.Compare(ways[0], ways[1]), cmp.Compare(q.tree, o.tree), cmp.Compare(q.node, o.node))
}

func newLayout(trees []Tree) layout {
	l := layout{trees: make([]compact, len(trees))}
	var asked []question
	for i := range trees {
		if !batchable(&trees[i]) {
			l.walks = true
			continue
		}
		l.trees[i].leaves = trees[i].Leaves()
		for k := range trees[i].Decision {
			asked = append(asked, ask(trees, i, k))
		}
	}
	slices.SortFunc(asked, question.compare)
	asked = slices.CompactFunc(asked, func(a, b question) bool { return a.compare(b) == 0 })
	number := make([]int, len(asked))
	for from := 0; from < len(asked); {
		from += l.add(trees, asked[from:], number[from:])
	}
	for i := range trees {
		if l.trees[i].leaves > 0 {
			l.trees[i].fill(&trees[i], func(node int) int {
				k, _ := slices.BinarySearchFunc(asked, ask(trees, i, node), question.compare)
				return number[k]
			})
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

// add makes one column of the first questions, numbers their conditions and
// returns how many questions it took.
func (l *layout) add(trees []Tree, asked []question, number []int) (taken int) {
	first := asked[0]
	c := column{feature: first.feature, zero: first.kind == askZero, from: l.conditions}
	var grid []float64
	var lows, highs []int // questions
	for _, q := range asked {
		if q.feature != first.feature || q.kind != first.kind {
			break
		}
		if q.kind == askSet {
			set := trees[q.tree].Codes[q.node]
			c.sets = append(c.sets, codeSet{codes: set, missingLeft: !q.right})
			c.words = max(c.words, len(set))
			l.codes = max(l.codes, 32*len(set))
			number[taken] = l.conditions + taken
			taken++
			continue
		}
		if len(grid) == 0 || q.threshold > grid[len(grid)-1] {
			if len(grid) == maxGrid {
				break
			}
			grid = append(grid, q.threshold)
		}
		rank := uint8(len(grid) - 1) //nolint:gosec // the grid has at most 255 entries
		if q.right {
			c.high, highs = append(c.high, rank), append(highs, taken)
		} else {
			c.low, lows = append(c.low, rank), append(lows, taken)
		}
		taken++
	}
	for k, at := range append(lows, highs...) {
		number[at] = l.conditions + k
	}
	if c.sets == nil {
		c.thresholds = len(grid)
		c.grid = withPivots(grid)
	}
	l.conditions += taken
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

// fill lays out one tree; condition numbers the question of a node.
func (c *compact) fill(t *Tree, condition func(node int) int) {
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
		*v.slot = uint16(size + len(c.steps))                                       //nolint:gosec // at most 511 slots
		c.steps = append(c.steps, step{condition: uint32(condition(int(v.child)))}) //nolint:gosec // numbers of nodes
		s := &c.steps[len(c.steps)-1]
		stack = append(stack, visit{t.Right[v.child], &s.right}, visit{t.Left[v.child], &s.left})
	}
}
