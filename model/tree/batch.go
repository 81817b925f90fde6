package tree

import (
	"fmt"
	"math"

	"fealty/features/frame"
)

// layout is the form in which many rows are predicted at once. Each node is 16
// bytes, the right child follows the left one, and a leaf leads to itself, so
// that four rows can walk side by side without a branch that is hard to guess.
//
// Missing values need no test in the walk: every feature has two slots per
// row, one where NaN stands as −Inf and one where it stands as +Inf, and a node
// reads the slot of its default way. Thresholds are finite, so that x > t alone
// decides. Trees with categories or zero-as-missing take the plain walk.
type layout struct {
	nodes []step
	trees []span
	// used lists the features that any tree asks for.
	used []int32
}

type step struct {
	threshold float64
	slot      int32
	// next is the left child; the right one is next+1. For a leaf: itself.
	next int32
}

// span is one tree's stretch of nodes, its root first. value[k] is the value of
// node from+k when that is a leaf. Without nodes, the tree takes the plain walk.
type span struct {
	from  int32
	value []float64
}

// blockRows rows are laid out at once: 64 rows × 60 features × 2 slots × 8 bytes
// stay in a 256 KB cache beside the tree.
const blockRows = 64

func newLayout(trees []Tree, features int) layout {
	var l layout
	asked := make([]bool, features)
	for i := range trees {
		t := &trees[i]
		for _, f := range t.Feature {
			asked[f] = true
		}
		l.trees = append(l.trees, l.add(t))
	}
	for f, yes := range asked {
		if yes {
			l.used = append(l.used, int32(f)) // checkFeatures bounds the number of features by MaxInt32
		}
	}
	return l
}

// add appends one tree, breadth first: pairs of children in order of their
// parents. A leaf is known by leading to itself, so that leaves may stand
// between inner nodes and the pairing holds.
func (l *layout) add(t *Tree) span {
	for _, d := range t.Decision {
		if d.Categorical() || d.Missing() == MissingZero {
			return span{}
		}
	}
	total := len(t.Left) + len(t.LeafValue)
	from := int32(len(l.nodes)) //nolint:gosec // the text of so many nodes would exceed any limit that Read accepts
	value := make([]float64, total)
	l.nodes = append(l.nodes, make([]step, total)...)
	nodes := l.nodes[from:]
	type place struct{ child, at int32 }
	root := int32(0)
	if len(t.Left) == 0 {
		root = ^0
	}
	queue, free := []place{{root, 0}}, int32(1)
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		if p.child < 0 {
			nodes[p.at] = step{threshold: math.Inf(1), next: from + p.at}
			value[p.at] = t.LeafValue[^p.child]
			continue
		}
		d := t.Decision[p.child]
		left := d.DefaultLeft()
		if d.Missing() == MissingNone {
			left = 0 <= t.Threshold[p.child]
		}
		slot := 2 * t.Feature[p.child]
		if !left {
			slot++
		}
		nodes[p.at] = step{threshold: t.Threshold[p.child], slot: slot, next: from + free}
		queue = append(queue, place{t.Left[p.child], free}, place{t.Right[p.child], free + 1})
		free += 2
	}
	return span{from: from, value: value}
}

// Predict writes one margin per row of f into out, which has f.Rows() values.
// Columns are found by name; see Bind for what is refused. predict(row) equals
// predict(batch)[i] and Margin to the bit.
func (e *Ensemble) Predict(f *frame.Frame, out []float64) error {
	rows, err := e.Bind(f)
	if err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	if len(out) != rows.Len() {
		return fmt.Errorf("predict: out has %d values for %d rows", len(out), rows.Len())
	}
	width := len(e.names)
	plain := make([]float64, blockRows*width)
	slots := make([]float64, blockRows*width*2)
	for from := 0; from < rows.Len(); from += blockRows {
		n := min(blockRows, rows.Len()-from)
		e.gather(rows, from, n, plain, slots)
		e.block(plain, slots, out[from:from+n])
	}
	return nil
}

// gather lays out n rows from row `from` on, both plain and in two slots per feature.
func (e *Ensemble) gather(rows *Rows, from, n int, plain, slots []float64) {
	width := len(e.names)
	for _, j := range e.batch.used {
		s := &rows.sources[j]
		for i := range n {
			var v float64
			if s.numbers != nil {
				v = s.numbers[from+i]
			} else {
				v = s.recode[s.codes[from+i]+1]
			}
			at := i*width + int(j)
			plain[at] = v
			low, high := v, v
			if v != v { // the test for NaN without a call
				low, high = math.Inf(-1), math.Inf(1)
			}
			slots[2*at], slots[2*at+1] = low, high
		}
	}
}

// block adds up the trees, in order, for one block of rows.
func (e *Ensemble) block(plain, slots, out []float64) {
	width := len(e.names)
	clear(out)
	for k := range e.batch.trees {
		s := &e.batch.trees[k]
		if s.value == nil {
			t := &e.trees[k]
			for i := range out {
				out[i] += t.LeafValue[t.Leaf(plain[i*width:(i+1)*width])]
			}
			continue
		}
		i := 0
		for ; i+4 <= len(out); i += 4 {
			a, b, c, d := walk4(e.batch.nodes, s.from, slots[2*width*i:2*width*(i+4)], 2*width)
			out[i] += s.value[a-s.from]
			out[i+1] += s.value[b-s.from]
			out[i+2] += s.value[c-s.from]
			out[i+3] += s.value[d-s.from]
		}
		for ; i < len(out); i++ {
			out[i] += s.value[walk1(e.batch.nodes, s.from, slots[2*width*i:2*width*(i+1)])-s.from]
		}
	}
}

// walk4 leads four rows, width values each, to their leaves.
func walk4(nodes []step, root int32, rows []float64, width int) (a, b, c, d int32) {
	r0, r1, r2, r3 := rows[:width], rows[width:2*width], rows[2*width:3*width], rows[3*width:4*width]
	a, b, c, d = root, root, root, root
	for {
		na, nb, nc, nd := next(&nodes[a], r0), next(&nodes[b], r1), next(&nodes[c], r2), next(&nodes[d], r3)
		if na == a && nb == b && nc == c && nd == d {
			return a, b, c, d
		}
		a, b, c, d = na, nb, nc, nd
	}
}

func walk1(nodes []step, root int32, row []float64) int32 {
	for a := root; ; {
		n := next(&nodes[a], row)
		if n == a {
			return a
		}
		a = n
	}
}

// next returns the child that the row goes to; a leaf's threshold is +Inf, which
// nothing exceeds, so that a leaf stays.
func next(s *step, row []float64) int32 {
	right := int32(0)
	if row[s.slot] > s.threshold {
		right = 1
	}
	return s.next + right
}
