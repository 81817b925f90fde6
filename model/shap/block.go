package shap

const (
	// blockRows rows are explained together: their cells take 160 KB for 40
	// features, what they are explained into four times as much.
	blockRows = 2048
	// groupBytes bounds the tables that are gone through for some rows before the
	// next ones, so that both stay in a cache of 1 MB. Four times as much was 10 %
	// slower.
	groupBytes = 256 << 10
)

// block has the memory of one goroutine.
type block struct {
	values []float64 // rows × width
	// cells has per feature the cells of the rows, four to a word.
	cells     [][]uint64
	low, high []uint16 // the least and the greatest of them
	terms     []term
	index     []uint64
	slots     []uint16 // per state, 1 + its line; 0 where there is none
	states    []int    // of the lines
	// Of a row alone: its states, and what keeps a look ahead from being dropped.
	rowStates []int32
	touched   float64
	walker    walker
	// Of one piece or path at work: what its features contribute, which are known, and scratch.
	sum, part []float64
	class     []uint8
	known     on
	work      []float64
}

// term is one piece while a block is explained.
type term struct {
	piece    *piece
	features []int32 // the piece's
	// index tells, four rows to a word, which line of the table is a row's: the
	// one of its state, or, without a table of the whole piece, one of those that
	// the block needs. A piece without states has no table.
	index []uint64
	table []float64
	own   []float64 // memory for such lines
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
		class: make([]uint8, x.width), known: make(on, wordsOf(x.width)), work: make([]float64, 9*x.longest),
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
	if rows == 1 {
		b.rowStates = make([]int32, len(x.pieces))
	}
	return b
}

// lane returns what a word holds for row i, four rows to a word.
func lane(word uint64, i int) int { return int(word >> (16 * (i & 3)) & 0xffff) }

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
			t.piece, t.index, t.table = &x.pieces[x.groups[g]+k], b.index[k*words:(k+1)*words], nil
			if t.piece.states == 0 {
				continue
			}
			t.features = t.piece.features
			t.piece.find(b, t.index)
			if t.table = x.tables.get(x.groups[g] + k); t.table == nil {
				x.collect(b, t, rows)
			}
		}
		i := 0
		for ; i+4 <= rows; i += 4 {
			x.add4(b, terms, i, out[i*x.width:(i+4)*x.width])
		}
		for ; i < rows; i++ {
			x.add(b, terms, i, out[i*x.width:(i+1)*x.width])
		}
	}
}

// collect computes the lines that a block needs of a piece without a table: there
// are fewer states in it than rows, and often far fewer.
func (x *Explainer) collect(b *block, t *term, rows int) {
	m := len(t.piece.features)
	if len(b.slots) < t.piece.states {
		b.slots = make([]uint16, t.piece.states)
	}
	t.own, b.states = t.own[:0], b.states[:0]
	for w, states := range t.index {
		var lines uint64
		for k := range min(4, rows-4*w) {
			s := lane(states, k)
			if b.slots[s] == 0 {
				b.states = append(b.states, s)
				b.slots[s] = uint16(len(b.states)) //nolint:gosec // at most blockRows
				t.own = append(t.own, b.sum[:m]...)
				x.state(b, t.piece, s, t.own[len(t.own)-m:])
			}
			lines |= uint64(b.slots[s]-1) << (16 * k)
		}
		t.index[w] = lines
	}
	for _, s := range b.states {
		b.slots[s] = 0
	}
	t.table = t.own
}

// add4 does for four rows, the first of which stands first in its word, what add
// does for one.
func (x *Explainer) add4(b *block, terms []term, i int, out []float64) {
	w := x.width
	o0, o1, o2, o3 := out[:w], out[w:][:w], out[2*w:][:w], out[3*w:][:w]
	for k := range terms {
		t := &terms[k]
		if t.table == nil {
			for r := range 4 {
				x.add(b, terms[k:k+1], i+r, out[r*w:(r+1)*w])
			}
			continue
		}
		features, lines := t.features, t.index[i>>2]
		m := len(features)
		p0, p1, p2, p3 := t.table[lane(lines, 0)*m:][:m], t.table[lane(lines, 1)*m:][:m], t.table[lane(lines, 2)*m:][:m], t.table[lane(lines, 3)*m:][:m]
		for j, f := range features {
			o0[f] += p0[j]
			o1[f] += p1[j]
			o2[f] += p2[j]
			o3[f] += p3[j]
		}
	}
}

// add adds to the contributions of row i those of a group of pieces.
func (x *Explainer) add(b *block, terms []term, i int, out []float64) {
	for k := range terms {
		t := &terms[k]
		if t.table == nil {
			x.direct(b, t.piece, b.values[i*x.width:(i+1)*x.width], out)
			continue
		}
		features := t.features
		part := t.table[lane(t.index[i>>2], i)*len(features):][:len(features)]
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

// find writes the states of the block's rows, four to a word. Lanes are added to
// as one whole number: whatever borrows on the way, in the end each holds its state.
func (p *piece) find(b *block, to []uint64) {
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
