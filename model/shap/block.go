package shap

const (
	// blockRows rows are explained together. Their cells, of 40 features 160 KB,
	// and the tables of a group stay in a cache of 2 MB.
	blockRows = 2048
	// groupBytes bounds the tables that are gone through per row before the next row.
	groupBytes = 1 << 20
)

// block has the memory of one goroutine.
type block struct {
	values []float64 // rows × width
	// cells has per feature the cells of the rows, four to a word.
	cells     [][]uint64
	low, high []uint16 // the least and the greatest of them
	terms     []term
	index     []uint64
	walker    walker
	// Of one piece or path at work: what its features contribute, which are known, and scratch.
	sum, part []float64
	known     on
	work      []float64
}

// term is one piece while a block is explained.
type term struct {
	piece *piece
	table []float64
	index []uint64 // the states of the rows, four to a word
}

// ones has a one in each of four lanes of 16 bits.
const ones = 1 | 1<<16 | 1<<32 | 1<<48

func (x *Explainer) newBlock(rows int) *block {
	words := (rows + 3) / 4
	b := &block{
		values: make([]float64, rows*x.width),
		cells:  make([][]uint64, x.width), low: make([]uint16, x.width), high: make([]uint16, x.width),
		walker: newWalker(x.width),
		sum:    make([]float64, x.width), part: make([]float64, x.width),
		known: make(on, wordsOf(x.width)), work: make([]float64, x.width),
	}
	cells := make([]uint64, words*len(x.used))
	for k, f := range x.used {
		b.cells[f] = cells[k*words : (k+1)*words]
	}
	widest := 0
	for g := range len(x.groups) - 1 {
		widest = max(widest, x.groups[g+1]-x.groups[g])
	}
	b.index = make([]uint64, widest*words)
	b.terms = make([]term, widest)
	return b
}

// lane returns what a word holds for row i, four rows to a word.
func lane(word uint64, i int) int { return int(word >> (16 * (i & 3)) & 0xffff) }

// take returns a block of so many rows, to be given back.
func (x *Explainer) take(rows int) *block {
	if rows == 1 {
		if b, ok := x.single.Get().(*block); ok {
			return b
		}
	}
	return x.newBlock(rows)
}

func (x *Explainer) give(b *block) {
	if len(b.values) == x.width {
		x.single.Put(b)
	}
}

// explain explains the first rows of b.values into out.
func (x *Explainer) explain(b *block, rows int, out []float64) {
	words := (rows + 3) / 4
	for _, f := range x.used {
		x.sort(b, int(f), rows)
	}
	clear(out)
	for g := range len(x.groups) - 1 {
		terms := b.terms[:x.groups[g+1]-x.groups[g]]
		for k := range terms {
			t := &terms[k]
			*t = term{piece: &x.pieces[x.groups[g]+k]}
			if t.piece.states == 0 {
				continue
			}
			if table := x.tables.of[x.groups[g]+k].Load(); table != nil {
				t.table = *table
			}
			t.index = b.index[k*words : (k+1)*words]
			if rows == 1 {
				t.index[0] = t.piece.find(b.low)
			} else {
				t.piece.findAll(b, t.index)
			}
		}
		for i := range rows {
			x.add(b, terms, i, out[i*x.width:(i+1)*x.width])
		}
	}
}

// add adds to the contributions of row i those of a group of pieces.
func (x *Explainer) add(b *block, terms []term, i int, out []float64) {
	for k := range terms {
		t := &terms[k]
		features := t.piece.features
		var part []float64
		switch {
		case t.table != nil:
			state := lane(t.index[i>>2], i)
			part = t.table[state*len(features):][:len(features)]
		case t.index != nil:
			part = b.sum[:len(features)]
			x.state(b, t.piece, lane(t.index[i>>2], i), part)
		default:
			x.direct(b, t.piece, b.values[i*x.width:(i+1)*x.width], out)
			continue
		}
		for j, f := range features {
			out[f] += part[j]
		}
	}
}

// sort finds the cells of a feature.
func (x *Explainer) sort(b *block, feature, rows int) {
	c, cells := &x.columns[feature], b.cells[feature]
	low, high := uint16(maxCells), uint16(0)
	for i := 0; i < rows; i += 4 {
		var word uint64
		for k := range min(4, rows-i) {
			cell := c.of(b.values[(i+k)*x.width+feature])
			low, high = min(low, cell), max(high, cell)
			word |= uint64(cell) << (16 * k)
		}
		cells[i>>2] = word
	}
	b.low[feature], b.high[feature] = low, high
}

// findAll writes the states of the block's rows, four to a word. Lanes are added to as one whole
// number: whatever borrows on the way, in the end each holds its state.
func (p *piece) findAll(b *block, to []uint64) {
	start := p.start
	clear(to)
	for i := range p.jumps {
		j := &p.jumps[i]
		switch {
		case b.high[j.feature] <= j.at:
			start += int(j.by)
		case b.low[j.feature] <= j.at:
			// The highest bit of a lane stays where at ≥ cell.
			at, by := ones*(uint64(j.at)|maxCells), uint64(j.by) //nolint:gosec // modulo 2⁶⁴
			cells := b.cells[j.feature][:len(to)]
			for w := range to {
				to[w] += (at - cells[w]) >> 15 & ones * by
			}
		}
	}
	for i := range p.lookups {
		l := &p.lookups[i]
		for w, c := range b.cells[l.feature][:len(to)] {
			for k := range 4 {
				to[w] += uint64(l.by[lane(c, k)]) << (16 * k)
			}
		}
	}
	for w := range to {
		to[w] += ones * uint64(start) //nolint:gosec // modulo 2⁶⁴
	}
}

// find returns the state of one row, given its cell of every feature.
func (p *piece) find(cells []uint16) uint64 {
	state := p.start
	for i := range p.jumps {
		j := &p.jumps[i]
		above := (int(j.at) - int(cells[j.feature])) >> 63 // −1 where cell > at
		state += int(j.by) &^ above
	}
	for i := range p.lookups {
		l := &p.lookups[i]
		state += int(l.by[cells[l.feature]])
	}
	return uint64(state) //nolint:gosec // not negative
}
