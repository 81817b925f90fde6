package shap

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"fealty/model/tree"
)

// piece is a set of leaves of one tree whose summed contributions are tabulated
// together, and that is one term of the sum that an explanation is.
//
// What a leaf contributes depends on the row only through which features go the
// leaf's way at all their nodes. For all leaves of a piece, the cells of a
// feature therefore fall into few classes, and a row is, to the piece, one of
// the product of the classes of its features: its state.
type piece struct {
	tree int
	// leaves are those of a piece with states.
	leaves []leaf
	// in holds the nodes and leaves from the root to the leaves of a piece
	// without states.
	in members
	// features lists what a piece with states contributes to, ascending.
	features []int32
	// states is the number of states; 0 says that there are too many to count,
	// and that the piece takes rows as they are.
	states int
	// tabulated tells that there is to be a table of all states.
	tabulated bool
	// alone tells that there is one leaf, and that a state says, bit by bit, which
	// features do not go its way.
	alone  bool
	digits []digit
	// The state of a row is start, plus `by` of every jump with cell ≤ at, plus
	// what every lookup has for the cell.
	start   int
	jumps   []jump
	lookups []lookup
}

// digit is one feature's part of a state: state ÷ stride mod classes.
type digit struct{ stride, classes int }

// leaf is one leaf of a piece. Its path's feature j is the piece's feature
// at[j], and the classes in which a row goes the leaf's way there are known[j].
type leaf struct {
	number int
	at     []int32
	known  []uint64
}

type jump struct {
	feature int32
	at      uint16
	by      int16
}

type lookup struct {
	feature int32
	by      []uint16
}

// members is a set of nodes and leaves of one tree.
type members struct {
	bits  []uint64
	nodes int
}

func newMembers(t *tree.Tree) members {
	return members{make([]uint64, (len(t.Left)+len(t.LeafValue)+63)/64), len(t.Left)}
}

// place returns the bit of a child: node c or leaf ^c.
func (m *members) place(child int32) int {
	if child < 0 {
		return m.nodes + int(^child)
	}
	return int(child)
}

func (m *members) has(child int32) bool {
	p := m.place(child)
	return m.bits[p>>6]>>(p&63)&1 != 0
}

func (m *members) add(child int32) {
	p := m.place(child)
	m.bits[p>>6] |= 1 << (p & 63)
}

const (
	// mergeStates bounds the states of a piece of several leaves. Half as many make
	// a third more pieces and rows 15 % slower; twice as many take half as long
	// again to build, and gain 9 % or nothing.
	mergeStates = 1024
	// leafStates bounds the states of a leaf alone: a path of fifteen features,
	// whose sets fit into 16 bits, and steps between states with their sign.
	leafStates = 1 << 15
)

// cutter cuts one tree into pieces.
type cutter struct {
	t       *tree.Tree
	columns []column
	axes    map[int32]*axis
	// regions are the leaves whose states can be counted.
	regions []region
}

// axis is a feature as one tree sees it: cells merged into the few that the
// tree's own nodes tell apart, at most 64, each with one value that stands for it.
type axis struct {
	bounds []float64
	values []float64
	// codes has, per cell of a category's column, the cell here.
	codes []int
	// left holds, per node of the feature, which cells go left.
	left map[int32]uint64
}

func (a *axis) all() uint64 { return math.MaxUint64 >> (64 - len(a.values)) }

// newCutter finds the regions of a tree.
func newCutter(t *tree.Tree, columns []column) *cutter {
	c := &cutter{t: t, columns: columns, axes: map[int32]*axis{}}
	if len(t.Left) > 0 && c.look() {
		c.regions = c.split(0, nil)
	}
	return c
}

// pieces returns a piece for every region, and one for the leaves that are in none.
func (c *cutter) pieces(number int) []piece {
	var pieces []piece
	counted := make([]bool, len(c.t.LeafValue))
	for i := range c.regions {
		for _, l := range c.regions[i].leaves {
			counted[l.leaf] = true
		}
		pieces = append(pieces, c.piece(&c.regions[i], number))
	}
	p := piece{tree: number, in: newMembers(c.t)}
	if c.rest(root(c.t), counted, &p.in) {
		pieces = append(pieces, p)
	}
	return pieces
}

// rest adds to the members the leaves below a child that are in no region, with
// all that leads to them, and reports whether there are any.
func (c *cutter) rest(child int32, counted []bool, to *members) bool {
	if child < 0 {
		if !counted[^child] {
			to.add(child)
		}
	} else {
		left, right := c.rest(c.t.Left[child], counted, to), c.rest(c.t.Right[child], counted, to)
		if left || right {
			to.add(child)
		}
	}
	return to.has(child)
}

// look fills in the axes, and reports whether every feature has few enough cells.
func (c *cutter) look() bool {
	for n, f := range c.t.Feature {
		a := c.axes[f]
		if a == nil {
			if c.columns[f].wide {
				return false
			}
			a = &axis{left: map[int32]uint64{}}
			c.axes[f] = a
		}
		a.left[int32(n)] = 0
		if !c.columns[f].category {
			a.bounds = appendBounds(a.bounds, c.t, n)
		}
	}
	for f, a := range c.axes {
		if c.columns[f].category {
			c.distinct(a, c.columns[f].codes)
		} else {
			a.bounds = ordered(a.bounds)
			a.values = append(slices.Clone(a.bounds), math.Inf(1), math.NaN())
		}
		if len(a.values) > 64 {
			return false
		}
		for n := range a.left {
			for k, v := range a.values {
				if c.t.GoesLeft(int(n), v) {
					a.left[n] |= 1 << k
				}
			}
		}
	}
	return true
}

// distinct keeps of the codes one for each way to answer the axis' nodes.
func (c *cutter) distinct(a *axis, codes []float64) {
	nodes := make([]int, 0, len(a.left))
	for n := range a.left {
		nodes = append(nodes, int(n))
	}
	slices.Sort(nodes)
	cells := map[string]int{}
	answer := make([]byte, len(nodes))
	for _, v := range codes {
		for i, n := range nodes {
			answer[i] = 0
			if c.t.GoesLeft(n, v) {
				answer[i] = 1
			}
		}
		cell, seen := cells[string(answer)]
		if !seen {
			cell = len(a.values)
			cells[string(answer)] = cell
			a.values = append(a.values, v)
		}
		a.codes = append(a.codes, cell)
	}
}

// bytes returns the size of the region's table.
func (r *region) bytes() int { return 8 * r.states * len(r.parts) }

// region is a piece while it grows.
type region struct {
	leaves []steps
	parts  []part // ascending by feature
	states int
	// tabulated is chosen at last.
	tabulated bool
	// from tells from which child of the node at work it came: 1, 2 or 3 for both.
	from int
}

// part is how a region tells the cells of one feature apart: disjoint sets of
// cells, which together are all.
type part struct {
	feature int32
	classes []uint64
}

// steps is a leaf and the steps to it, ascending by feature.
type steps struct {
	leaf int
	path []step
}

// step is the newest node of one feature on a path: the cells that went along
// all nodes of the feature so far.
type step struct {
	feature int32
	cells   uint64
}

// split cuts the leaves below a child into regions: those of the two sides,
// merged two by two as long as that makes the sum over pieces shorter and the
// tables stay within bounds.
func (c *cutter) split(child int32, path []step) []region {
	if child < 0 {
		return c.leaf(child, path)
	}
	f := c.t.Feature[child]
	a := c.axes[f]
	at := slices.IndexFunc(path, func(s step) bool { return s.feature == f })
	came := a.all()
	if at >= 0 {
		came = path[at].cells
	} else {
		at = len(path)
		path = append(path, step{feature: f})
	}
	path[at].cells = came & a.left[child]
	open := c.split(c.t.Left[child], path)
	for i := range open {
		open[i].from = 1
	}
	path[at].cells = came &^ a.left[child]
	right := c.split(c.t.Right[child], path)
	for i := range right {
		right[i].from = 2
	}
	path[at].cells = came
	open = append(open, right...)
	return merge(open)
}

// leaf returns the region of one leaf, or none where it has too many states.
func (c *cutter) leaf(child int32, path []step) []region {
	r := region{leaves: []steps{{int(^child), slices.Clone(path)}}, states: 1}
	path = r.leaves[0].path
	slices.SortFunc(path, func(a, b step) int { return cmp.Compare(a.feature, b.feature) })
	for _, s := range path {
		var classes []uint64
		for _, cells := range [2]uint64{s.cells, c.axes[s.feature].all() &^ s.cells} {
			if cells != 0 {
				classes = append(classes, cells)
			}
		}
		r.parts = append(r.parts, part{s.feature, classes})
		r.states *= len(classes)
		if r.states > leafStates {
			return nil
		}
	}
	return []region{r}
}

const (
	// perPiece is what a row pays for a piece beside one addition per feature, in additions.
	perPiece = 6
	// maxOpen bounds the regions that are tried with each other. Where there are
	// more, high up in a large tree, they have few features in common.
	maxOpen = 64
)

// merge merges regions, the pair first that saves most.
func merge(open []region) []region {
	for len(open) <= maxOpen {
		var best region
		from, to, saved := 0, 0, 0
		for i := range open {
			for j := i + 1; j < len(open); j++ {
				// What came up together was tried below.
				if open[i].from == open[j].from && open[i].from != 3 {
					continue
				}
				m, ok := union(&open[i], &open[j])
				if !ok {
					continue
				}
				if s := perPiece + len(open[i].parts) + len(open[j].parts) - len(m.parts); s > saved {
					best, from, to, saved = m, i, j, s
				}
			}
		}
		if saved == 0 {
			return open
		}
		best.leaves = slices.Concat(open[from].leaves, open[to].leaves)
		open[from] = best
		open = slices.Delete(open, to, to+1)
	}
	return open
}

// union returns what two regions are together, without its leaves, and whether
// its states are few enough.
func union(a, b *region) (region, bool) {
	// A feature has at least the classes of either side: most pairs go here.
	if least(a.parts, b.parts) > mergeStates {
		return region{}, false
	}
	m := region{states: 1, from: a.from | b.from, parts: make([]part, 0, len(a.parts)+len(b.parts))}
	x, y := a.parts, b.parts
	for len(x) > 0 || len(y) > 0 {
		var p part
		switch order(x, y) {
		case -1:
			p, x = x[0], x[1:]
		case 1:
			p, y = y[0], y[1:]
		default:
			p = part{x[0].feature, refine(x[0].classes, y[0].classes)}
			x, y = x[1:], y[1:]
		}
		m.parts = append(m.parts, p)
		if m.states *= len(p.classes); m.states > mergeStates {
			return region{}, false
		}
	}
	return m, true
}

// least returns a lower bound of the states of two regions together.
func least(x, y []part) int {
	states := 1
	for (len(x) > 0 || len(y) > 0) && states <= mergeStates {
		switch order(x, y) {
		case -1:
			states *= len(x[0].classes)
			x = x[1:]
		case 1:
			states *= len(y[0].classes)
			y = y[1:]
		default:
			states *= max(len(x[0].classes), len(y[0].classes))
			x, y = x[1:], y[1:]
		}
	}
	return states
}

// order tells whose first feature comes first: −1 for x, 1 for y, 0 for both.
// Not both are empty.
func order(x, y []part) int {
	switch {
	case len(y) == 0:
		return -1
	case len(x) == 0:
		return 1
	}
	return cmp.Compare(x[0].feature, y[0].feature)
}

// refine returns the classes that two partitions tell apart together.
func refine(a, b []uint64) []uint64 {
	var both []uint64
	for _, x := range a {
		for _, y := range b {
			if x&y != 0 {
				both = append(both, x&y)
			}
		}
	}
	return both
}

// piece works out how the state of a row is found.
func (c *cutter) piece(r *region, number int) piece {
	p := piece{tree: number, states: r.states, tabulated: r.tabulated}
	stride := 1
	for _, part := range r.parts {
		a, column := c.axes[part.feature], &c.columns[part.feature]
		class := make([]int, len(a.values)) // of each cell of the axis
		for k, cells := range part.classes {
			for ; cells != 0; cells &= cells - 1 {
				class[bits.TrailingZeros64(cells)] = k
			}
		}
		p.features = append(p.features, part.feature)
		p.digits = append(p.digits, digit{stride, len(part.classes)})
		if column.category {
			l := lookup{part.feature, make([]uint16, len(a.codes))}
			for cell, k := range a.codes {
				l.by[cell] = uint16(class[k] * stride) //nolint:gosec // less than leafStates
			}
			p.lookups = append(p.lookups, l)
		} else {
			last := len(class) - 1
			p.start += class[last] * stride
			for k := range last {
				if by := class[k] - class[k+1]; by != 0 {
					at := len(column.bounds) // NaN lies above
					if k < len(a.bounds) {
						at = below(column.bounds, a.bounds[k])
					}
					p.jumps = append(p.jumps, jump{part.feature, uint16(at), int16(by * stride)}) //nolint:gosec // less than maxCells and leafStates
				}
			}
		}
		stride *= len(part.classes)
	}
	p.alone = len(r.leaves) == 1 && p.states == 1<<len(p.digits)
	for _, l := range r.leaves {
		to := leaf{number: l.leaf}
		for _, s := range l.path {
			at, _ := slices.BinarySearch(p.features, s.feature)
			var known uint64
			for k, cells := range r.parts[at].classes {
				if cells&s.cells != 0 {
					known |= 1 << k
				}
			}
			to.at, to.known = append(to.at, int32(at)), append(to.known, known) //nolint:gosec // less than MaxInt32 features
		}
		p.leaves = append(p.leaves, to)
	}
	return p
}
