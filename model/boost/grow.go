package boost

import (
	"context"
	"math"
	"slices"

	"fealty/model/tree"
)

// grower grows one tree after another over the same bins, reusing its memory.
type grower struct {
	crew *crew
	data *binned
	// direction of each slot: +1 rises, −1 falls, 0 free. sets, where not nil,
	// are the sets of slots that may share a path.
	direction []int8
	sets      [][]bool
	rules     rules
	leaves    int
	depth     int

	// order and cells are the rows of the tree, leaf after leaf, and what each
	// row adds to a histogram; partitioning moves both together, so that
	// building a histogram streams through them. spare holds the right side meanwhile.
	order, spareOrder []uint32
	cells, spareCells []cell
	// free histograms, and how many may still be made.
	free []histogram
	room int
	// found[k] is the best split of each slot, for the k-th of two leaves searched together.
	found [2][]split
}

// leaf is a leaf of the tree that grows.
type leaf struct {
	from, to      int // its rows in order
	total         cell
	value         float64
	lower, higher float64
	depth         int
	path          []int // the slots above it, kept only when sets bind
	cells         histogram
	best          split
	// parent and side say who leads here; −1 for the root.
	parent int
	left   bool
}

// grown is a tree in bins: LightGBM's numbering, where splitting leaf i as node
// n leaves i on the left and makes a new leaf on the right.
type grown struct {
	nodes []cut
	ends  []leaf
}

// cut is a node.
type cut struct {
	split
	left, right int32
	total       cell
	value       float64
}

// newGrower sets up memory for n training rows.
func newGrower(c *crew, b *binned, p *Params, direction []int8, sets [][]bool) *grower {
	size := len(newHistogram(b.offset[len(b.slots)]))
	const cellBytes = 16
	g := &grower{
		crew: c, data: b, direction: direction, sets: sets, leaves: p.Leaves, depth: p.MaxDepth,
		order: make([]uint32, b.rows), spareOrder: make([]uint32, b.rows),
		cells: make([]cell, b.rows), spareCells: make([]cell, b.rows),
		room: int(max(3, p.HistogramBytes/int64(size*cellBytes))),
		rules: rules{
			minRows: int64(max(1, p.MinRows)), minHessian: p.MinHessian, l1: p.L1, l2: p.L2, minGain: p.MinGain,
			oneHot: p.OneHot, catSmooth: p.CatSmooth, catL2: p.CatL2, maxCatCodes: p.MaxCatCodes,
			minCatRows: int64(p.MinCatRows), bounded: slices.ContainsFunc(direction, func(d int8) bool { return d != 0 }),
		},
	}
	g.found[0], g.found[1] = make([]split, len(b.slots)), make([]split, len(b.slots))
	return g
}

// grow grows one tree over the given rows, whose cells are indexed by row. use
// tells which slots may split. A tree of one leaf means that no split gains
// anything.
func (g *grower) grow(ctx context.Context, rows []uint32, cells []cell, u units, use []bool) (*grown, error) {
	g.rules.units = u
	order, ordered := g.order[:len(rows)], g.cells[:len(rows)]
	copy(order, rows)
	part := make([]cell, chunks(len(rows)))
	g.crew.run(len(part), func(k int) {
		for i := k * chunk; i < min((k+1)*chunk, len(rows)); i++ {
			ordered[i] = cells[rows[i]]
			part[k] = part[k].plus(ordered[i])
		}
	})
	root := leaf{to: len(rows), lower: math.Inf(-1), higher: math.Inf(1), parent: -1}
	for _, c := range part {
		root.total = root.total.plus(c)
	}
	gsum, hsum := u.of(root.total)
	root.value = g.rules.value(gsum, hsum, g.rules.l2)
	t := &grown{ends: []leaf{root}}
	if g.searchable(&t.ends[0]) {
		t.ends[0].cells = g.take(t)
		g.search(use, []*leaf{&t.ends[0]}, nil)
	}
	for len(t.ends) < g.leaves {
		at := 0
		for i := range t.ends {
			if t.ends[i].best.gain > t.ends[at].best.gain {
				at = i
			}
		}
		if !(t.ends[at].best.gain > 0) {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		g.splitLeaf(t, at, use)
	}
	for i := range t.ends {
		g.give(&t.ends[i])
	}
	return t, nil
}

// searchable tells whether a leaf is large and high enough to be split.
func (g *grower) searchable(l *leaf) bool {
	return l.total.rows() >= 2*g.rules.minRows && (g.depth == 0 || l.depth < g.depth)
}

// take returns a histogram: a free one, a new one while there is room, or that
// of the open leaf which is least likely to be split next. A leaf that lost its
// histogram has its children's built from their rows; sums are exact, so that
// nothing shows of it.
func (g *grower) take(t *grown) histogram {
	if n := len(g.free); n > 0 {
		h := g.free[n-1]
		g.free = g.free[:n-1]
		return h
	}
	if g.room > 0 {
		g.room--
		return newHistogram(g.data.offset[len(g.data.slots)])
	}
	at := -1
	for i := range t.ends {
		if t.ends[i].cells != nil && (at < 0 || t.ends[i].best.gain < t.ends[at].best.gain) {
			at = i
		}
	}
	h := t.ends[at].cells
	t.ends[at].cells = nil
	return h
}

// give takes a leaf's histogram back.
func (g *grower) give(l *leaf) {
	if l.cells != nil {
		g.free = append(g.free, l.cells)
		l.cells = nil
	}
}

// splitLeaf carries out the best split of leaf `at` and searches both children.
func (g *grower) splitLeaf(t *grown, at int, use []bool) {
	parent := t.ends[at]
	s := parent.best
	middle := g.partition(&parent)
	node := len(t.nodes)
	t.nodes = append(t.nodes, cut{
		split: s, left: ^int32(at), right: ^int32(len(t.ends)), //nolint:gosec // at most 65,536 leaves
		total: parent.total, value: parent.value,
	})
	if parent.parent >= 0 {
		if up := &t.nodes[parent.parent]; parent.left {
			up.left = int32(node) //nolint:gosec // as above
		} else {
			up.right = int32(node) //nolint:gosec // as above
		}
	}
	left := leaf{
		from: parent.from, to: middle, total: s.sum, value: s.leftValue,
		lower: parent.lower, higher: parent.higher, depth: parent.depth + 1, parent: node, left: true,
	}
	right := leaf{
		from: middle, to: parent.to, total: parent.total.minus(s.sum), value: s.rightValue,
		lower: parent.lower, higher: parent.higher, depth: parent.depth + 1, parent: node,
	}
	// Values on either side of a monotone split stay on their side of the middle, for good.
	switch mid := s.leftValue/2 + s.rightValue/2; {
	case g.direction[s.slot] > 0:
		left.higher, right.lower = min(left.higher, mid), max(right.lower, mid)
	case g.direction[s.slot] < 0:
		left.lower, right.higher = max(left.lower, mid), min(right.higher, mid)
	}
	if g.sets != nil {
		left.path = append(slices.Clone(parent.path), s.slot)
		right.path = left.path
	}
	t.ends[at] = left
	t.ends = append(t.ends, right)
	small, large := &t.ends[at], &t.ends[len(t.ends)-1]
	if small.to-small.from > large.to-large.from {
		small, large = large, small
	}
	switch {
	case len(t.ends) == g.leaves || !g.searchable(large):
		g.give(&parent)
	case parent.cells != nil:
		small.cells = g.take(t)
		large.cells = parent.cells
		g.search(use, []*leaf{small}, large)
	case g.searchable(small):
		first, second := g.take(t), g.take(t)
		small.cells, large.cells = first, second
		g.search(use, []*leaf{small, large}, nil)
	default:
		large.cells = g.take(t)
		g.search(use, []*leaf{large}, nil)
	}
}

// partition moves the rows of a leaf that go left before those that go right,
// both in the order they had, and returns where the right ones begin.
func (g *grower) partition(l *leaf) int {
	var right [binsPerByte]uint8
	for b := range right {
		right[b] = 1
		if l.best.left.has(b) {
			right[b] = 0
		}
	}
	words, shift := g.data.words[l.best.slot/lanes], l.best.slot%lanes*8
	order, cells := g.order[l.from:l.to], g.cells[l.from:l.to]
	spareOrder, spareCells := g.spareOrder[:len(order)], g.spareCells[:len(order)]
	n, m := 0, 0
	for i, r := range order {
		// Written to both sides, one of which is overwritten next: no branch to guess.
		c := cells[i]
		side := int(right[uint8(words[r]>>shift)]) //nolint:gosec // one byte is meant
		order[n], cells[n] = r, c
		spareOrder[m], spareCells[m] = r, c
		n += 1 - side
		m += side
	}
	copy(order[n:], spareOrder[:m])
	copy(cells[n:], spareCells[:m])
	return l.from + n
}

// search builds the histograms of the leaves in build, turns that of rest (which
// has its parent's) into its own by subtracting the first built one, and finds
// the best split of all of them. Work is shared out by blocks of eight slots.
func (g *grower) search(use []bool, build []*leaf, rest *leaf) {
	searched, allowed := build, make([][]bool, 0, 2)
	if rest != nil {
		searched = append(searched[:1:1], rest)
	}
	work := 0
	for _, l := range searched {
		allowed = append(allowed, g.allowed(l.path, use))
		work += g.data.offset[len(g.data.slots)]
	}
	for _, l := range build {
		work += (l.to - l.from) * len(g.data.slots)
	}
	task := func(block int) {
		first, last := block*lanes, min((block+1)*lanes, len(g.data.slots))
		if use != nil && !slices.Contains(use[first:last], true) {
			for k := range searched {
				clear(g.found[k][first:last])
			}
			return
		}
		for _, l := range build {
			l.cells.build(g.data, block, g.order[l.from:l.to], g.cells[l.from:l.to])
		}
		if rest != nil {
			rest.cells.subtract(g.data, block, build[0].cells)
		}
		for k, l := range searched {
			g.bestOf(l, g.found[k], allowed[k], first, last)
		}
	}
	// Below this many cell updates, waking another goroutine costs more than it saves.
	const worthSharing = 1 << 14
	if blocks := len(g.data.words); work < worthSharing {
		for b := range blocks {
			task(b)
		}
	} else {
		g.crew.run(blocks, task)
	}
	for k, l := range searched {
		l.best = split{}
		for _, s := range g.found[k] {
			if s.gain > l.best.gain {
				l.best = s
			}
		}
		if !(l.best.gain > 0) {
			g.give(l)
		}
	}
}

// bestOf finds the best split of slots [first, last) of one leaf.
func (g *grower) bestOf(l *leaf, found []split, allowed []bool, first, last int) {
	r := g.rules
	r.lower, r.higher = l.lower, l.higher
	for slot := first; slot < last; slot++ {
		found[slot] = split{}
		if (allowed != nil && !allowed[slot]) || !g.searchable(l) {
			continue
		}
		cells := l.cells[g.data.offset[slot]:g.data.offset[slot+1]]
		if g.data.column(slot).category {
			found[slot] = r.bestCategory(cells, l.total)
		} else {
			found[slot] = r.bestNumber(cells, l.total, g.direction[slot])
		}
		found[slot].slot = slot
	}
}

// allowed returns the slots that may follow a path: those that share a set with
// all of it. nil means all.
func (g *grower) allowed(path []int, use []bool) []bool {
	if g.sets == nil || len(path) == 0 {
		return use
	}
	ok := make([]bool, len(g.data.slots))
	for _, set := range g.sets {
		if slices.ContainsFunc(path, func(slot int) bool { return !set[slot] }) {
			continue
		}
		for slot := range ok {
			ok[slot] = ok[slot] || set[slot] && (use == nil || use[slot])
		}
	}
	return ok
}

// leafOf walks a binned row.
func (t *grown) leafOf(rows *table, row uint32) int {
	if len(t.nodes) == 0 {
		return 0
	}
	for at := int32(0); ; {
		n := &t.nodes[at]
		if n.split.left.has(int(rows.bin(n.slot, row))) {
			at = n.left
		} else {
			at = n.right
		}
		if at < 0 {
			return int(^at)
		}
	}
}

// export turns bins back into thresholds and codes. Values are scaled by rate
// and moved by shift, which the first tree carries.
func (t *grown) export(b *binned, u units, rate, shift float64) tree.Tree {
	out := tree.Tree{Shrinkage: rate}
	for i := range t.nodes {
		n := &t.nodes[i]
		column := b.column(n.slot)
		_, h := u.of(n.total)
		decision, threshold, codes := tree.CategoricalDecision, 0.0, []uint32(nil)
		if column.category {
			for bin, code := range column.code {
				if n.split.left.has(bin) {
					for int(code>>5) >= len(codes) {
						codes = append(codes, 0)
					}
					codes[code>>5] |= 1 << (code & 31)
				}
			}
		} else {
			decision = tree.NumericDecision(tree.MissingNaN, n.missingLeft)
			// Everything but missing goes left of the last bin.
			threshold = math.MaxFloat64
			if n.threshold < len(column.edges) {
				threshold = column.edges[n.threshold]
			}
		}
		out.Feature = append(out.Feature, int32(b.slots[n.slot])) //nolint:gosec // checked by Fit
		out.Threshold = append(out.Threshold, threshold)
		out.Decision = append(out.Decision, decision)
		out.Codes = append(out.Codes, codes)
		out.Left = append(out.Left, n.left)
		out.Right = append(out.Right, n.right)
		out.Gain = append(out.Gain, n.gain)
		out.Value = append(out.Value, float64(n.value*rate)+shift)
		out.Weight = append(out.Weight, h)
		out.Count = append(out.Count, n.total.rows())
	}
	for i := range t.ends {
		l := &t.ends[i]
		_, h := u.of(l.total)
		out.LeafValue = append(out.LeafValue, float64(l.value*rate)+shift)
		out.LeafWeight = append(out.LeafWeight, h)
		out.LeafCount = append(out.LeafCount, l.total.rows())
	}
	return out
}
