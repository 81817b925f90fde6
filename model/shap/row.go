package shap

// rowFinder finds the states of one row in all pieces. Other than for a block,
// jumps lie in one stretch of memory, and those that tell NaN from numbers, more
// than half of all, are looked at only where there is a NaN.
type rowFinder struct {
	start []int32 // per piece, of a row without NaN
	jumps []jump  // piece by piece
	ends  []int32 // where the jumps of each piece end
	// Per feature: what NaN, or a category, adds to the states of pieces.
	missing    [][]shift
	categories [][]pieceLookup
}

type shift struct{ piece, by int32 }

type pieceLookup struct {
	piece int32
	by    []uint16
}

func newRowFinder(pieces []piece, columns []column) rowFinder {
	r := rowFinder{missing: make([][]shift, len(columns)), categories: make([][]pieceLookup, len(columns))}
	for k := range pieces {
		p, number := &pieces[k], int32(k)
		start := int32(p.start) //nolint:gosec // less than leafStates
		for _, j := range p.jumps {
			if int(j.at) == len(columns[j.feature].bounds) {
				start += int32(j.by)
				r.missing[j.feature] = append(r.missing[j.feature], shift{number, -int32(j.by)})
			} else {
				r.jumps = append(r.jumps, j)
			}
		}
		for _, l := range p.lookups {
			r.categories[l.feature] = append(r.categories[l.feature], pieceLookup{number, l.by})
		}
		r.start, r.ends = append(r.start, start), append(r.ends, int32(len(r.jumps))) //nolint:gosec // fewer jumps than MaxInt32
	}
	return r
}

// find writes the state of a row in every piece, given its cell of every feature.
func (r *rowFinder) find(columns []column, used []int32, cells []uint16, states []int32) {
	jumps, from := r.jumps, int32(0)
	for k, to := range r.ends {
		state := r.start[k]
		for i := range jumps[from:to] {
			j := &jumps[from:to][i]
			above := (int32(j.at) - int32(cells[j.feature])) >> 31 // −1 where cell > at
			state += int32(j.by) &^ above
		}
		states[k], from = state, to
	}
	for _, f := range used {
		c := &columns[f]
		switch {
		case c.category:
			for _, l := range r.categories[f] {
				states[l.piece] += int32(l.by[cells[f]])
			}
		case int(cells[f]) > len(c.bounds):
			for _, s := range r.missing[f] {
				states[s.piece] += s.by
			}
		}
	}
}

// touchPieces are looked up in advance of being added.
const touchPieces = 64

// explainRow explains the row in b.values: what explain does, in the order of one row.
func (x *Explainer) explainRow(b *block, out []float64) {
	for _, f := range x.used {
		b.low[f] = x.columns[f].of(b.values[f])
	}
	x.row.find(x.columns, x.used, b.low, b.rowStates)
	clear(out)
	for from := 0; from < len(x.pieces); from += touchPieces {
		pieces := x.pieces[from:min(from+touchPieces, len(x.pieces))]
		states := b.rowStates[from:][:len(pieces)]
		// The lines lie far apart. They come together when nothing else is asked
		// for between them.
		for k := range pieces {
			if table := x.tables.get(from + k); table != nil {
				b.touched += table[int(states[k])*len(pieces[k].features)]
			}
		}
		for k := range pieces {
			p := &pieces[k]
			m := len(p.features)
			var part []float64
			switch table := x.tables.get(from + k); {
			case p.states == 0:
				x.direct(b, p, b.values, out)
				continue
			case table != nil:
				part = table[int(states[k])*m:][:m]
			default:
				part = b.sum[:m]
				x.state(b, p, int(states[k]), part)
			}
			for j, f := range p.features {
				out[f] += part[j]
			}
		}
	}
}
