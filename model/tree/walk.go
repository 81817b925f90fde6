package tree

import "math"

// walker is the form in which one row is predicted: nodes of 16 bytes, the right
// child after the left one, and leaves that lead to themselves, so that four
// trees are walked side by side without a branch that is hard to guess. Trees
// with categories or zero-as-missing take the plain walk. Memory: 24 bytes per
// node and leaf.
type walker struct {
	nodes []fork
	// value[n] is the value of node n when that is a leaf.
	value []float64
	// roots has the root of each tree, −1 where it takes the plain walk.
	roots []int32
}

type fork struct {
	threshold float64
	feature   int32
	// next is the left child, the right one follows; a leaf's is itself. It is
	// negative, ^next, where missing values go right.
	next int32
}

func newWalker(trees []Tree) walker {
	w := walker{roots: make([]int32, len(trees))}
	for i := range trees {
		w.roots[i] = w.lay(&trees[i])
	}
	return w
}

// lay appends one tree, pairs of children in order of their parents.
func (w *walker) lay(t *Tree) int32 {
	for _, d := range t.Decision {
		if d.Categorical() || d.Missing() == MissingZero {
			return -1
		}
	}
	from := len(w.nodes)
	total := len(t.Left) + len(t.LeafValue)
	w.nodes = append(w.nodes, make([]fork, total)...)
	w.value = append(w.value, make([]float64, total)...)
	type place struct{ child, at int32 }
	root := int32(from) //nolint:gosec // the text of so many nodes would exceed any limit that Read accepts
	queue := []place{{0, root}}
	if len(t.Left) == 0 {
		queue[0].child = ^0
	}
	for free := root + 1; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if p.child < 0 {
			w.nodes[p.at] = fork{threshold: math.Inf(1), next: p.at}
			w.value[p.at] = t.LeafValue[^p.child]
			continue
		}
		n := fork{threshold: t.Threshold[p.child], feature: t.Feature[p.child], next: free}
		if !t.GoesLeft(int(p.child), math.NaN()) {
			n.next = ^free
		}
		w.nodes[p.at] = n
		queue = append(queue, place{t.Left[p.child], free}, place{t.Right[p.child], free + 1})
		free += 2
	}
	return root
}

// add returns sum with what trees from … to−1 say of a row added in order.
func (w *walker) add(sum float64, trees []Tree, from, to int, row []float64) float64 {
	for i := from; i < to; {
		if i+4 <= to {
			r := (*[4]int32)(w.roots[i:])
			if r[0]|r[1]|r[2]|r[3] >= 0 {
				a, b, c, d := w.walk(r[0], r[1], r[2], r[3], row)
				sum += w.value[a]
				sum += w.value[b]
				sum += w.value[c]
				sum += w.value[d]
				i += 4
				continue
			}
		}
		if r := w.roots[i]; r >= 0 {
			a, _, _, _ := w.walk(r, r, r, r, row)
			sum += w.value[a]
		} else {
			sum += trees[i].LeafValue[trees[i].Leaf(row)]
		}
		i++
	}
	return sum
}

// walk leads one row from four roots to their leaves.
func (w *walker) walk(a, b, c, d int32, row []float64) (int32, int32, int32, int32) {
	for nodes := w.nodes; ; {
		na, nb, nc, nd := nodes[a].to(row), nodes[b].to(row), nodes[c].to(row), nodes[d].to(row)
		if na == a && nb == b && nc == c && nd == d {
			return a, b, c, d
		}
		a, b, c, d = na, nb, nc, nd
	}
}

// to returns the child that the row goes to, without a branch.
func (f *fork) to(row []float64) int32 {
	x := row[f.feature]
	above, missing := int32(0), int32(0)
	if x > f.threshold {
		above = 1
	}
	if x != x {
		missing = 1
	}
	right := f.next >> 31 // all ones where missing values go right
	return f.next ^ right + above + missing&right
}
