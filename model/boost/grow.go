package boost

import (
	"context"
	"math"
	"slices"
	"sync"

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
	// use are the slots that the tree may split, ascending; words holds them, or all
	// slots where these are no longer.
	use   []int
	words words

	// rows are the rows of the tree, leaf after leaf (pack.go says what a row is):
	// splitting a leaf moves its rows from one of the two into the same place of
	// the other. notes says meanwhile, bit by bit, which of them go right.
	rows  [2][]uint64
	notes []uint8
	// locks guards each block of the histogram that several goroutines add to, and
	// desks are where they sum before; both only where gradients are packed.
	locks []sync.Mutex
	desks chan *desk
	// free histograms, and how many may still be made.
	free []histogram
	room int
	// found[k] is the best split of each slot, for the k-th of two leaves searched together.
	found [2][]split
}

// seat is a node's or a leaf's place in the tree.
type seat struct {
	total cell
	// value lies within lower and higher; l2 shrinks it.
	value, lower, higher, l2 float64
}

// leaf is a leaf of the tree that grows.
type leaf struct {
	seat
	from, to int // its rows
	side     int // which of the grower's rows they are in
	depth    int
	path     []int // the slots above it, kept only when sets bind
	cells    histogram
	best     split
	// parent and left say who leads here; −1 for the root.
	parent int
	left   bool
}

// grown is a tree in bins: LightGBM's numbering, where splitting leaf i as node
// n leaves i on the left and makes a new leaf on the right.
type grown struct {
	nodes []cut
	ends  []leaf
	// units of the totals.
	units units
}

// cut is a node.
type cut struct {
	seat
	split

	left, right int32
}

// newGrower sets up memory for the training rows.
func newGrower(c *crew, b *binned, p *Params, direction []int8, sets [][]bool, packed bool) *grower {
	size := b.offset[len(b.slots)] + binsPerByte
	const cellBytes = 16
	g := &grower{
		crew: c, data: b, direction: direction, sets: sets, leaves: p.Leaves, depth: p.MaxDepth,
		rows:  [2][]uint64{make([]uint64, b.rows), make([]uint64, b.rows)},
		notes: make([]uint8, (b.rows+7)/8),
		room:  int(max(3, p.HistogramBytes/int64(size*cellBytes))),
		rules: rules{
			minRows: int64(max(1, p.MinRows)), minHessian: p.MinHessian, l1: p.L1, l2: p.L2, minGain: p.MinGain,
			oneHot: p.OneHot, catSmooth: p.CatSmooth, catL2: p.CatL2, maxCatCodes: p.MaxCatCodes,
			minCatRows: int64(p.MinCatRows), bounded: slices.ContainsFunc(direction, func(d int8) bool { return d != 0 }),
		},
	}
	g.found[0], g.found[1] = make([]split, len(b.slots)), make([]split, len(b.slots))
	if packed {
		g.rules.minShare = float64(g.rules.minRows) - 0.5
		g.locks = make([]sync.Mutex, blocksOf(len(b.slots)))
		g.desks = make(chan *desk, c.extra+1)
		for range cap(g.desks) {
			g.desks <- new(desk)
		}
	}
	return g
}

// draw says which slots the next trees may split, ascending. Only they are summed,
// in words of their own, unless all slots fill no more words.
func (g *grower) draw(use []int) {
	g.use = use
	if all := len(g.data.slots); blocksOf(len(use)) == blocksOf(all) {
		use = upTo(all)
	}
	if !slices.Equal(use, g.words.slots) {
		g.words = g.data.words(g.crew, use, g.words.byRow)
	}
}

// upTo returns 0 … n−1.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// grow grows one tree over the rows of a bag with the slopes of a round. A tree of
// one leaf means that no split gains anything.
func (g *grower) grow(ctx context.Context, bag []uint32, s *slopes) (*grown, error) {
	t := &grown{ends: []leaf{g.root(bag, s)}, units: g.rules.units}
	if g.searchable(&t.ends[0]) {
		t.ends[0].cells = g.take(t)
		g.search(s, []*leaf{&t.ends[0]}, nil)
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
		g.splitLeaf(t, at, s)
	}
	for i := range t.ends {
		g.give(&t.ends[i])
	}
	if s.cells == nil {
		g.unpack(t, s)
	}
	return t, nil
}

// root lines the rows of a bag up.
func (g *grower) root(bag []uint32, s *slopes) leaf {
	g.rules.units = s.full
	if s.cells == nil {
		g.rules.units = s.packing.inverse()
	}
	part := make([]cell, chunks(len(bag)))
	g.crew.run(len(part), func(k int) {
		rows := g.rows[0][k*chunk : min((k+1)*chunk, len(bag))]
		sum := int64(0) // chunk is less than packedRows
		for i, r := range bag[k*chunk:][:len(rows)] {
			if s.cells != nil {
				rows[i] = uint64(r)
				part[k] = part[k].plus(s.cells[r])
			} else {
				rows[i] = s.pack(r)
				sum += addend(rows[i])
			}
		}
		part[k] = part[k].plus(unpacked(sum))
	})
	root := leaf{to: len(bag), parent: -1}
	root.lower, root.higher, root.l2 = math.Inf(-1), math.Inf(1), g.rules.l2
	for _, c := range part {
		root.total = root.total.plus(c)
	}
	root.value = g.rules.valueOf(&root.seat)
	return root
}

// rowsOf returns the rows of a leaf.
func (g *grower) rowsOf(l *leaf) []uint64 { return g.rows[l.side][l.from:l.to] }

// everyRow calls do for the rows of all leaves, some rows of one leaf at a time,
// from all goroutines at once.
func (g *grower) everyRow(t *grown, do func(l *leaf, rows []uint64)) {
	type stretch struct{ leaf, from, to int }
	var work []stretch
	for i := range t.ends {
		for from := t.ends[i].from; from < t.ends[i].to; from += packedRows {
			work = append(work, stretch{i, from, min(from+packedRows, t.ends[i].to)})
		}
	}
	g.crew.run(len(work), func(k int) {
		l := &t.ends[work[k].leaf]
		do(l, g.rows[l.side][work[k].from:work[k].to])
	})
}

// unpack sets totals and the values of leaves anew from the slopes as they were
// before packing: where to cut may be judged roughly, what to predict not.
func (g *grower) unpack(t *grown, s *slopes) {
	for i := range t.ends {
		t.ends[i].total = cell{}
	}
	var lock sync.Mutex
	g.everyRow(t, func(l *leaf, rows []uint64) {
		sum := s.total(rows)
		lock.Lock()
		l.total = l.total.plus(sum)
		lock.Unlock()
	})
	t.units, g.rules.units = s.full, s.full
	for i := range t.ends {
		t.ends[i].value = g.rules.valueOf(&t.ends[i].seat)
	}
	totalOf := func(child int32) cell {
		if child < 0 {
			return t.ends[^child].total
		}
		return t.nodes[child].total
	}
	for i := len(t.nodes) - 1; i >= 0; i-- { // children have higher numbers than their parents
		n := &t.nodes[i]
		n.total = totalOf(n.left).plus(totalOf(n.right))
		n.value = g.rules.valueOf(&n.seat)
	}
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
func (g *grower) splitLeaf(t *grown, at int, sl *slopes) {
	parent := t.ends[at]
	s := parent.best
	middle := g.partition(&parent)
	node := len(t.nodes)
	t.nodes = append(t.nodes, cut{
		split: s, left: ^int32(at), right: ^int32(len(t.ends)), //nolint:gosec // at most 65,536 leaves
		seat: parent.seat,
	})
	if parent.parent >= 0 {
		if up := &t.nodes[parent.parent]; parent.left {
			up.left = int32(node) //nolint:gosec // as above
		} else {
			up.right = int32(node) //nolint:gosec // as above
		}
	}
	child := leaf{seat: parent.seat, side: 1 - parent.side, depth: parent.depth + 1, parent: node}
	child.l2 = s.l2
	left, right := child, child
	left.left, left.from, left.to, left.total, left.value = true, parent.from, middle, s.sum, s.leftValue
	right.from, right.to, right.total, right.value = middle, parent.to, parent.total.minus(s.sum), s.rightValue
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
		g.search(sl, []*leaf{small}, large)
	case g.searchable(small):
		first, second := g.take(t), g.take(t)
		small.cells, large.cells = first, second
		g.search(sl, []*leaf{small, large}, nil)
	default:
		large.cells = g.take(t)
		g.search(sl, []*leaf{large}, nil)
	}
}

// partition moves the rows of a leaf to the other side, those that go left before
// those that go right, both in the order they had, and returns where the right
// ones begin.
func (g *grower) partition(l *leaf) int {
	from, to := g.rowsOf(l), g.rows[1-l.side][l.from:l.to]
	bins := g.data.column(l.best.slot)
	part := func(k int) (rows []uint64, notes []uint8) { // chunk is a multiple of 8
		rows = from[k*chunk : min((k+1)*chunk, len(from))]
		return rows, g.notes[k*chunk/8:][:(len(rows)+7)/8]
	}
	before := make([]int, chunks(len(from))+1) // rows that go right before each chunk
	g.share(len(from), len(before)-1, func(k int) {
		rows, notes := part(k)
		before[k+1] = kernelsOfCPU.sides(bins, &l.best.left, rows, notes)
	})
	for k := range before[1:] {
		before[k+1] += before[k]
	}
	middle := len(from) - before[len(before)-1]
	g.share(len(from), len(before)-1, func(k int) {
		rows, notes := part(k)
		kernelsOfCPU.move(rows, notes, to, k*chunk-before[k], middle+before[k])
	})
	return l.from + middle
}

// share hands out n tasks of so much work in all: additions to a bin, or what
// takes as long. Little work is done here and now, because waking another
// goroutine costs more than it saves.
func (g *grower) share(work, n int, task func(int)) {
	const worthSharing = 1 << 14
	if work >= worthSharing {
		g.crew.run(n, task)
		return
	}
	for k := range n {
		task(k)
	}
}

// search builds the histograms of the leaves in build, turns that of rest (which
// has its parent's) into its own by subtracting the first built one, and finds
// the best split of all of them.
func (g *grower) search(s *slopes, build []*leaf, rest *leaf) {
	for _, l := range build {
		if s.cells == nil {
			g.sumPacked(l)
		} else {
			g.sumFull(l, s.cells)
		}
	}
	searched, allowed := build, make([][]bool, 0, 2)
	if rest != nil {
		searched = append(searched[:1:1], rest)
	}
	for _, l := range searched {
		allowed = append(allowed, g.allowed(l.path))
	}
	bins := 0
	for _, slot := range g.use {
		bins += g.data.offset[slot+1] - g.data.offset[slot]
	}
	g.share(len(searched)*bins, len(g.use), func(at int) {
		slot := g.use[at]
		if rest != nil {
			rest.cells.subtract(g.data, slot, build[0].cells)
		}
		for k, l := range searched {
			g.found[k][slot] = g.bestOf(l, allowed[k], slot)
		}
	})
	for k, l := range searched {
		l.best = split{}
		for _, slot := range g.use {
			if s := &g.found[k][slot]; s.gain > l.best.gain {
				l.best = *s
			}
		}
		if !(l.best.gain > 0) {
			g.give(l)
		} else if slot := l.best.slot; !g.data.binning(slot).category {
			r := g.rulesOf(l)
			r.cutNumber(&l.best, g.cellsOf(l, slot), l.total)
		}
	}
}

// rulesOf are the rules of a leaf, with its bounds.
func (g *grower) rulesOf(l *leaf) rules {
	r := g.rules
	r.lower, r.higher = l.lower, l.higher
	return r
}

// cellsOf are a slot's cells in a leaf's histogram.
func (g *grower) cellsOf(l *leaf, slot int) []cell {
	return l.cells[g.data.offset[slot]:g.data.offset[slot+1]]
}

// sumFull builds a leaf's histogram from full cells. The work is cut by blocks.
func (g *grower) sumFull(l *leaf, cells []cell) {
	rows, crew, blocks := g.rowsOf(l), g.crew.extra+1, g.words.blocks
	g.share(len(rows)*len(g.words.slots), crew, func(k int) {
		if from, to := blocks*k/crew, blocks*(k+1)/crew; from < to {
			l.cells.build(g.data, &g.words, from, to-from, rows, cells)
		}
	})
}

// sumPacked builds a leaf's histogram from packed gradients. The work is cut by
// rows and by blocks; whole numbers may be added in any order.
func (g *grower) sumPacked(l *leaf) {
	rows, crew, blocks := g.rowsOf(l), g.crew.extra+1, g.words.blocks
	// Few rows are cut by blocks, because every part of the rows has its sums to move.
	parts, width := max(1, (len(rows)+packedRows-1)/packedRows), deskBlocks
	const worthMoving = 2048
	switch {
	case parts == 1 && len(rows) < worthMoving*crew:
		width = min(width, max(1, (blocks+crew-1)/crew))
	case parts < 4*crew:
		parts = (parts + crew - 1) / crew * crew
	}
	if parts > 1 {
		l.cells.clear(g.data, g.words.slots)
	}
	groups := (blocks + width - 1) / width
	g.share(len(rows)*len(g.words.slots), parts*groups, func(k int) {
		first, part := k%groups*width, k/groups
		n := min(width, blocks-first)
		d := <-g.desks
		for i := range n {
			clear(d.blocks[i][:])
		}
		kernelsOfCPU.sum(d, &g.words, first, n, rows[len(rows)*part/parts:len(rows)*(part+1)/parts])
		for i := range n {
			g.locks[first+i].Lock()
			d.blocks[i].into(l.cells, g.data, g.words.of(first+i, 1), parts == 1)
			g.locks[first+i].Unlock()
		}
		g.desks <- d
	})
}

// bestOf finds the best split of a slot of one leaf.
func (g *grower) bestOf(l *leaf, allowed []bool, slot int) split {
	if (allowed != nil && !allowed[slot]) || !g.searchable(l) {
		return split{}
	}
	r, cells := g.rulesOf(l), g.cellsOf(l, slot)
	var s split
	if g.data.binning(slot).category {
		s = r.bestCategory(cells, l.total)
	} else {
		s = r.bestNumber(cells, l.total, g.direction[slot])
	}
	s.slot = slot
	return s
}

// allowed returns the slots that may follow a path: those that share a set with
// all of it. nil means all.
func (g *grower) allowed(path []int) []bool {
	if g.sets == nil || len(path) == 0 {
		return nil
	}
	ok := make([]bool, len(g.data.slots))
	for _, set := range g.sets {
		if slices.ContainsFunc(path, func(slot int) bool { return !set[slot] }) {
			continue
		}
		for slot := range ok {
			ok[slot] = ok[slot] || set[slot]
		}
	}
	return ok
}

// sift takes at most chunk rows of a table to the leaves of a tree that has cuts,
// and calls do for each leaf that has some. It parts them cut by cut, as growing
// does, which is faster than to walk from the root with each. rows are the rows,
// and room for as many.
func (t *grown) sift(data *table, rows [2][]uint64, do func(l *leaf, rows []uint64)) {
	type stretch struct{ side, from, to int }
	var notes [chunk / 8]uint8
	at := make([]stretch, len(t.nodes)) // children have higher numbers than their parents
	place := func(child int32, s stretch) {
		switch {
		case child >= 0:
			at[child] = s
		case s.from < s.to:
			do(&t.ends[^child], rows[s.side][s.from:s.to])
		}
	}
	place(0, stretch{0, 0, len(rows[0])})
	for k, s := range at {
		if s.from == s.to {
			continue
		}
		n, from, to := &t.nodes[k], rows[s.side][s.from:s.to], rows[1-s.side][s.from:s.to]
		middle := len(from) - kernelsOfCPU.sides(data.column(n.slot), &n.split.left, from, notes[:(len(from)+7)/8])
		kernelsOfCPU.move(from, notes[:], to, 0, middle)
		place(n.left, stretch{1 - s.side, s.from, s.from + middle})
		place(n.right, stretch{1 - s.side, s.from + middle, s.to})
	}
}

// export turns bins back into thresholds and codes. Values are scaled by rate
// and moved by shift, which the first tree carries.
func (t *grown) export(b *binned, rate, shift float64) tree.Tree {
	out := tree.Tree{Shrinkage: rate}
	for i := range t.nodes {
		n := &t.nodes[i]
		column := b.binning(n.slot)
		_, h := t.units.of(n.total)
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
		_, h := t.units.of(l.total)
		out.LeafValue = append(out.LeafValue, float64(l.value*rate)+shift)
		out.LeafWeight = append(out.LeafWeight, h)
		out.LeafCount = append(out.LeafCount, l.total.rows())
	}
	return out
}
