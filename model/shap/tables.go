package shap

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// maxTableBytes bounds the tables of one explainer: Σ states × features × 8
	// over its pieces.
	maxTableBytes = 128 << 20
	// tableStates bounds the states of a piece that gets a table.
	tableStates = 2048
	// patience is how many rows are explained without tables before the first
	// is built: about as many as building costs, so that both together never
	// cost much more than twice what the better choice would have.
	patience = 256
)

// choose picks the regions that get a table, up to so many bytes: those first
// that take least for each of their leaves.
func choose(cutters []*cutter, limit int) {
	var all []*region
	for _, c := range cutters {
		for k := range c.regions {
			if c.regions[k].states <= tableStates {
				all = append(all, &c.regions[k])
			}
		}
	}
	perLeaf := func(r *region) float64 { return float64(r.bytes()) / float64(len(r.leaves)) }
	slices.SortStableFunc(all, func(a, b *region) int { return cmp.Compare(perLeaf(a), perLeaf(b)) })
	for _, r := range all {
		if limit -= r.bytes(); limit < 0 {
			return
		}
		r.tabulated = true
	}
}

// tables holds, per piece and state, what each feature of the piece contributes.
type tables struct {
	of []table
	// seen counts the rows explained before all was built.
	seen atomic.Int64
	full atomic.Bool
	mu   sync.Mutex
	next int // the piece to build next
}

// table has the lines of one piece, one per state, once they are built.
type table struct {
	built atomic.Bool
	lines []float64
}

// get returns the lines of a piece, nil as long as there are none.
func (t *tables) get(piece int) []float64 {
	if !t.of[piece].built.Load() {
		return nil
	}
	return t.of[piece].lines
}

// prepare builds tables when so many rows pay for them: all at once before a
// large call, and by those of small ones one tree at a time, by one of the
// goroutines that ask, while the others do without.
func (x *Explainer) prepare(rows int) {
	t := &x.tables
	if t.full.Load() || t.seen.Add(int64(rows)) < patience {
		return
	}
	if rows >= patience {
		t.mu.Lock()
		defer t.mu.Unlock()
		x.build(len(x.pieces))
		return
	}
	if !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	to := t.next
	for to < len(x.pieces) && x.pieces[to].tree == x.pieces[t.next].tree {
		to++
	}
	x.build(to)
}

// build builds the tables up to a piece.
func (x *Explainer) build(to int) {
	t := &x.tables
	var chosen []int
	for ; t.next < to; t.next++ {
		if x.pieces[t.next].tabulated {
			chosen = append(chosen, t.next)
		}
	}
	share(len(chosen), func() func(int) {
		b := x.newBlock(1)
		return func(k int) { x.tabulate(b, chosen[k]) }
	})
	t.full.Store(t.next == len(x.pieces))
}

// bytes bounds the lines of a piece that a block may need.
func (p *piece) bytes() int {
	lines := p.states
	if !p.tabulated {
		lines = min(lines, blockRows)
	}
	return 8 * lines * len(p.features)
}

// tabulate builds the table of one piece, leaf by leaf: first what the leaf
// contributes for every set of its features, then a sum over all states.
func (x *Explainer) tabulate(b *block, number int) {
	p := &x.pieces[number]
	m := len(p.features)
	table, sets := make([]float64, p.states*m), make([]uint16, p.states)
	for i := range p.leaves {
		l := &p.leaves[i]
		d := len(l.at)
		own := make([]float64, d<<d)
		for set := range 1 << d {
			b.known[0] = uint64(set)
			x.game.values(&x.paths[p.tree][l.number], b.known, own[set*d:(set+1)*d], b.work)
		}
		p.sets(l, sets)
		for s, set := range sets {
			to, from := table[s*m:(s+1)*m], own[int(set)*d:][:d]
			for j, at := range l.at {
				to[at] += from[j]
			}
		}
	}
	x.tables.of[number].lines = table
	x.tables.of[number].built.Store(true)
}

// sets writes, per state, which features go the way of a leaf, bit by bit.
func (p *piece) sets(l *leaf, to []uint16) {
	to[0] = 0
	for i, j := 0, 0; i < len(p.digits); i++ {
		d := &p.digits[i]
		var known uint64
		bit := uint16(0)
		if j < len(l.at) && int(l.at[j]) == i {
			known, bit = l.known[j], 1<<j
			j++
		}
		for class := d.classes - 1; class >= 0; class-- {
			set := bit * uint16(known>>class&1)
			for s := range d.stride {
				to[class*d.stride+s] = to[s] | set
			}
		}
	}
}

// state writes what each feature of a piece contributes in a state: what a table
// holds, to the bit.
func (x *Explainer) state(b *block, p *piece, state int, to []float64) {
	if p.alone {
		b.known[0] = uint64(p.states - 1 - state) //nolint:gosec // not negative
		x.game.values(&x.paths[p.tree][p.leaves[0].number], b.known[:1], to, b.work)
		return
	}
	class := b.class[:len(p.digits)]
	for i := range class {
		if n := p.digits[i].classes; n == 2 {
			class[i] = uint8(state & 1)
			state >>= 1
		} else {
			class[i] = uint8(state % n) //nolint:gosec // at most 64 classes
			state /= n
		}
	}
	clear(to)
	for i := range p.leaves {
		l := &p.leaves[i]
		known, part := b.known[:wordsOf(len(l.at))], b.part[:len(l.at)]
		clear(known)
		for j, at := range l.at {
			known[j>>6] |= l.known[j] >> class[at] & 1 << (j & 63)
		}
		x.game.values(&x.paths[p.tree][l.number], known, part, b.work)
		for j, at := range l.at {
			to[at] += part[j]
		}
	}
}

// direct adds to out what the leaves of a piece without a table contribute for a row.
func (x *Explainer) direct(b *block, p *piece, row, out []float64) {
	t, paths := x.Tree(p.tree), x.paths[p.tree]
	b.walker.leaves(&t, paths, &p.in, 0, row, func(leaf int, known on) {
		l := &paths[leaf]
		part := b.part[:len(l.features)]
		x.game.values(l, known, part, b.work)
		for j, f := range l.features {
			out[f] += part[j]
		}
	})
}
