package shap

import (
	"errors"
	"fmt"
	"slices"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/tree"
)

var _ model.Explainer = (*Explainer)(nil)

// ErrCover says that the ensemble lacks how many training rows went each way;
// without that no feature can be averaged out.
var ErrCover = errors.New("ensemble lacks the counts of its training rows")

// Explainer explains one ensemble, and predicts as it does. It is immutable and
// safe for concurrent use.
type Explainer struct {
	*tree.Ensemble
	width int
	base  float64
	trees []plan
	// Scratch of one row: edges, and depth × points numbers.
	edges, scratch int
}

// plan is one tree with everything that does not depend on the row. Edge 2n
// leads from node n to its left child, 2n+1 to its right one.
type plan struct {
	tree   tree.Tree
	points int // of the quadrature: ⌈d/2⌉ for paths of at most d features
	depth  int
	// previous is, per node, the nearest edge above that tests the same feature; −1 for none.
	previous []int32
	// share is, per edge, the share of the node's rows that went this way.
	share []float64
	// Per edge and point: the factor by which the product changes when the row
	// came along all nodes of this feature so far and goes on along the edge (on)
	// or does not (off). A row that had left the feature's way before changes it
	// by share.
	on, off []float64
	// gain is, per edge and point, w·(1 − z)/(z(1−t) + t): how the feature's own
	// factor is replaced by its derivative. lost, per point, is the same for a
	// row that left the feature's way: −w/(1−t), whatever the edge.
	gain, lost []float64
}

// New prepares an explainer: about 32 bytes × nodes × points of memory, where
// points is half the number of features on the longest path. It returns
// ErrCover, naming tree and node, when a node or leaf has no training rows.
func New(e *tree.Ensemble) (*Explainer, error) {
	x := &Explainer{Ensemble: e, width: len(e.Features())}
	for i := range e.Len() {
		t := e.Tree(i)
		if len(t.Left) == 0 {
			x.base += t.LeafValue[0]
			continue
		}
		p, err := newPlan(t)
		if err != nil {
			return nil, fmt.Errorf("explain tree %d: %w", i, err)
		}
		x.base += p.expected(0)
		x.trees = append(x.trees, p)
		x.edges = max(x.edges, 2*len(t.Left))
		x.scratch = max(x.scratch, 2*(p.depth+1)*p.points)
	}
	return x, nil
}

// Base returns the expected margin: what the contributions are added to.
func (x *Explainer) Base() float64 { return x.base }

// cover returns the training rows of a child.
func cover(t *tree.Tree, child int32) int64 {
	if child < 0 {
		return t.LeafCount[^child]
	}
	return t.Count[child]
}

func newPlan(t tree.Tree) (plan, error) {
	n := len(t.Left)
	p := plan{tree: t, previous: make([]int32, n), share: make([]float64, 2*n)}
	// z of each edge: the product of the shares of all edges of its feature down to it.
	z := make([]float64, 2*n)
	type visit struct {
		node  int32
		edges []int32 // the newest edge of each feature on the path
	}
	widest := 1
	stack := []visit{{node: 0}}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		previous, at := int32(-1), len(v.edges)
		for k, e := range v.edges {
			if t.Feature[e/2] == t.Feature[v.node] {
				previous, at = e, k
			}
		}
		p.previous[v.node] = previous
		for side, child := range [2]int32{t.Left[v.node], t.Right[v.node]} {
			e := 2*v.node + int32(side) // 0 or 1
			rows, all := cover(&t, child), t.Count[v.node]
			if rows <= 0 || all <= 0 {
				return plan{}, fmt.Errorf("%w: node %d has %d of them and one child %d", ErrCover, v.node, all, rows)
			}
			p.share[e] = float64(rows) / float64(all)
			z[e] = p.share[e]
			if previous >= 0 {
				z[e] *= z[previous]
			}
			edges := append(slices.Clone(v.edges[:at]), e)
			if previous >= 0 {
				edges = append(edges, v.edges[at+1:]...)
			}
			widest = max(widest, len(edges))
			if child >= 0 {
				stack = append(stack, visit{child, edges})
			}
		}
	}
	p.depth = depth(&t)
	p.points = (widest + 1) / 2
	p.tabulate(z)
	return p, nil
}

// depth returns the number of nodes on the longest path.
func depth(t *tree.Tree) int {
	type visit struct{ node, depth int32 }
	deepest := int32(0)
	for stack := []visit{{0, 1}}; len(stack) > 0; {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		deepest = max(deepest, v.depth)
		for _, c := range [2]int32{t.Left[v.node], t.Right[v.node]} {
			if c >= 0 {
				stack = append(stack, visit{c, v.depth + 1})
			}
		}
	}
	return int(deepest)
}

// tabulate fills in what depends on edge and point.
func (p *plan) tabulate(z []float64) {
	t, w := gauss(p.points)
	k := p.points
	p.on, p.off, p.gain = make([]float64, len(z)*k), make([]float64, len(z)*k), make([]float64, len(z)*k)
	p.lost = make([]float64, k)
	for q := range k {
		p.lost[q] = -w[q] / (1 - t[q])
		for e := range z {
			came := 1.0 // the feature's factor before this edge
			if before := p.previous[e/2]; before >= 0 {
				came = z[before]*(1-t[q]) + t[q]
			}
			along := z[e]*(1-t[q]) + t[q]
			p.on[e*k+q] = along / came
			p.off[e*k+q] = z[e] * (1 - t[q]) / came
			p.gain[e*k+q] = w[q] * (1 - z[e]) / along
		}
	}
}

// expected averages the leaves below a child by training rows.
func (p *plan) expected(child int32) float64 {
	if child < 0 {
		return p.tree.LeafValue[^child]
	}
	return p.share[2*child]*p.expected(p.tree.Left[child]) + p.share[2*child+1]*p.expected(p.tree.Right[child])
}

// Explain writes rows × len(Features()) contributions, row-major, into out and
// returns the base: base + Σ contributions = margin to 1e-9 on every row.
// Columns are found by name, as Predict does. Time is trees × nodes × points per row.
func (x *Explainer) Explain(f *frame.Frame, out []float64) (base float64, err error) {
	rows, err := x.Bind(f)
	if err != nil {
		return 0, fmt.Errorf("explain: %w", err)
	}
	if len(out) != rows.Len()*x.width {
		return 0, fmt.Errorf("explain: out has %d values for %d rows of %d features", len(out), rows.Len(), x.width)
	}
	w := x.newWalker()
	row := make([]float64, x.width)
	for i := range rows.Len() {
		rows.Row(i, row)
		w.row(row, out[i*x.width:(i+1)*x.width])
	}
	return x.base, nil
}

// ExplainRow writes the contributions of one row, given as for
// tree.Ensemble.Margin, into out, and returns the base. It panics if row or out
// is shorter than the features.
func (x *Explainer) ExplainRow(row, out []float64) (base float64) {
	x.newWalker().row(row, out[:x.width])
	return x.base
}

// walker has the scratch memory of one goroutine.
type walker struct {
	of *Explainer
	// along tells, per edge that leads to the current node, whether the row came
	// along it and along all earlier ones of the feature.
	along   []bool
	scratch []float64
	out     []float64
}

func (x *Explainer) newWalker() *walker {
	return &walker{of: x, along: make([]bool, x.edges), scratch: make([]float64, x.scratch)}
}

func (w *walker) row(row, out []float64) {
	clear(out)
	w.out = out
	for i := range w.of.trees {
		p := &w.of.trees[i]
		product := w.scratch[:p.points]
		for q := range product {
			product[q] = 1
		}
		w.visit(p, 0, row, w.scratch)
	}
}

// visit explains the subtree of a node. scratch begins with the node's product
// per point, which is replaced by the sum over its leaves of value × product;
// what follows is free.
func (w *walker) visit(p *plan, node int32, row, scratch []float64) {
	k := p.points
	product, below, rest := scratch[:k:k], scratch[k:2*k:2*k], scratch[2*k:]
	var (
		t       = &p.tree
		feature = t.Feature[node]
		before  = p.previous[node]
		came    = before < 0 || w.along[before]
		left    = t.GoesLeft(int(node), row[feature])
		sum     float64
	)
	clear(below)
	for side, child := range [2]int32{t.Left[node], t.Right[node]} {
		e := int(2*node) + side
		along := came && left == (side == 0)
		w.along[e] = along
		part := rest[:k:k]
		switch {
		case along:
			times(part, product, p.on[e*k:(e+1)*k])
		case came:
			times(part, product, p.off[e*k:(e+1)*k])
		default:
			for q := range part {
				part[q] = product[q] * p.share[e]
			}
		}
		if child >= 0 {
			w.visit(p, child, row, rest)
		} else {
			v := t.LeafValue[^child]
			for q := range part {
				part[q] *= v
			}
		}
		if came {
			// What the feature brings at this edge takes the place of what it
			// brought at its edge above. A row that was off its way there stays so.
			factor := p.lost
			if along {
				factor = p.gain[e*k : (e+1)*k]
			}
			if before < 0 {
				sum += dot(part, factor)
			} else {
				was := p.gain[int(before)*k : int(before+1)*k]
				sum += dot(part, factor) - dot(part, was)
			}
		}
		for q := range below {
			below[q] += part[q]
		}
	}
	w.out[feature] += sum
	copy(product, below)
}

func times(to, a, b []float64) {
	a, b = a[:len(to)], b[:len(to)]
	for q := range to {
		to[q] = a[q] * b[q]
	}
}

func dot(a, b []float64) float64 {
	b = b[:len(a)]
	sum := 0.0
	for q, v := range a {
		sum += v * b[q]
	}
	return sum
}
