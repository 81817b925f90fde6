package boost

import (
	"encoding/binary"
	"math"
)

// kernels are the innermost loops, as this machine runs them best. All of a kind
// give the same numbers.
type kernels struct {
	// bins writes the bin of each value: how many numbers of the grid, ascending,
	// are below it; missing for NaN. values and out have one length.
	bins func(values []float64, grid *[binsPerByte]float64, missing uint8, out []uint8)
	// interleave writes the bytes i of eight columns of one length into word i × stride.
	interleave func(columns *[lanes][]uint8, words []uint64, stride int)
	// sum adds the slopes of rows, at most packedRows, to the desk's first n blocks,
	// which are cleared before: those of n blocks of the words.
	sum func(d *desk, w *words, first, n int, rows []uint64)
	// sides notes which rows go right: bit i of the notes for row i. bins are the
	// bins of all rows of the table, with columnSlack bytes behind them, and left
	// those that go left. It returns how many go right. Notes have a bit per row,
	// rounded up to bytes.
	sides func(bins []uint8, left *codeSet, rows []uint64, notes []uint8) int
	// move puts the rows that go left to `to` from left on and the others from right
	// on, in order, and writes nowhere else.
	move func(rows []uint64, notes []uint8, to []uint64, left, right int)
	// logLoss is LogLoss.Gradient to a few units in the last place, and the largest
	// absolute gradient and hessian.
	logLoss func(margin, y, gradient, hessian []float64) (mostG, mostH float64)
	// total sums the slopes of rows in whole units (units.whole).
	total func(rows []uint64, gradient, hessian []float64, up units) (g, h int64)
}

// portable is plain Go.
var portable = kernels{
	bins: binsPortable, interleave: interleavePortable, sum: sumPortable, sides: sidesPortable,
	move: movePortable, logLoss: logLossPortable, total: totalPortable,
}

func binsPortable(values []float64, grid *[binsPerByte]float64, missing uint8, out []uint8) {
	out = out[:len(values)]
	i := 0
	// Four searches side by side, because each step of one waits for the step before.
	for ; i+4 <= len(values); i += 4 {
		a, b, c, d := values[i], values[i+1], values[i+2], values[i+3]
		var na, nb, nc, nd uint8
		for step := uint8(binsPerByte / 2); step > 0; step /= 2 {
			na = further(grid, na, step, a)
			nb = further(grid, nb, step, b)
			nc = further(grid, nc, step, c)
			nd = further(grid, nd, step, d)
		}
		out[i], out[i+1], out[i+2], out[i+3] = na, nb, nc, nd
	}
	for ; i < len(values); i++ {
		n := uint8(0)
		for step := uint8(binsPerByte / 2); step > 0; step /= 2 {
			n = further(grid, n, step, values[i])
		}
		out[i] = n
	}
	for i, v := range values {
		if v != v { // NaN, tested without a call
			out[i] = missing
		}
	}
}

// further is n + step if that many numbers of the grid are below v, else n.
func further(grid *[binsPerByte]float64, n, step uint8, v float64) uint8 {
	below := uint8(0) // 0 or 1 is what a comparison gives without a branch
	if grid[n+step-1] < v {
		below = 1
	}
	return n + step&-below
}

func interleavePortable(columns *[lanes][]uint8, words []uint64, stride int) {
	n, i := len(columns[0]), 0
	for ; i+lanes <= n; i += lanes {
		// Eight bytes of each column are a matrix, which is transposed by swapping its
		// quarters, theirs, and theirs again.
		le, to := binary.LittleEndian, words[i*stride:]
		a, b, c, d := le.Uint64(columns[0][i:]), le.Uint64(columns[1][i:]), le.Uint64(columns[2][i:]), le.Uint64(columns[3][i:])
		e, f, g, h := le.Uint64(columns[4][i:]), le.Uint64(columns[5][i:]), le.Uint64(columns[6][i:]), le.Uint64(columns[7][i:])
		a, e = swap(a, e, 32, 1<<32-1)
		b, f = swap(b, f, 32, 1<<32-1)
		c, g = swap(c, g, 32, 1<<32-1)
		d, h = swap(d, h, 32, 1<<32-1)
		a, c = swap(a, c, 16, 0x0000ffff0000ffff)
		b, d = swap(b, d, 16, 0x0000ffff0000ffff)
		e, g = swap(e, g, 16, 0x0000ffff0000ffff)
		f, h = swap(f, h, 16, 0x0000ffff0000ffff)
		a, b = swap(a, b, 8, 0x00ff00ff00ff00ff)
		c, d = swap(c, d, 8, 0x00ff00ff00ff00ff)
		e, f = swap(e, f, 8, 0x00ff00ff00ff00ff)
		g, h = swap(g, h, 8, 0x00ff00ff00ff00ff)
		to[0], to[stride], to[2*stride], to[3*stride] = a, b, c, d
		to[4*stride], to[5*stride], to[6*stride], to[7*stride] = e, f, g, h
	}
	for ; i < n; i++ {
		w := uint64(0)
		for lane := range columns {
			w |= uint64(columns[lane][i]) << (8 * lane)
		}
		words[i*stride] = w
	}
}

// swap exchanges the bits of a that lie shift above the mask with those of b under it.
func swap(a, b uint64, shift uint, mask uint64) (uint64, uint64) {
	t := (a>>shift ^ b) & mask
	return a ^ t<<shift, b ^ t
}

func sumPortable(d *desk, w *words, first, n int, rows []uint64) {
	for len(rows) > 0 {
		some := rows[:min(touchRows, len(rows))]
		d.touched |= w.touch(first, n, some)
		for k := range n {
			d.blocks[k].add(w.byRow[first+k:], w.blocks, some)
		}
		rows = rows[len(some):]
	}
}

func sidesPortable(bins []uint8, left *codeSet, rows []uint64, notes []uint8) int {
	var goes [binsPerByte]uint8 // 1 for right
	for b := range goes {
		if !left.has(b) {
			goes[b] = 1
		}
	}
	clear(notes)
	n := 0
	for i, row := range rows {
		side := goes[bins[uint32(row)]] //nolint:gosec // the lower half is the row's number
		notes[i>>3] |= side << (i & 7)
		n += int(side)
	}
	return n
}

func movePortable(rows []uint64, notes []uint8, to []uint64, left, right int) {
	for i, row := range rows {
		// The place is chosen without a branch, which could not be guessed.
		side := int(notes[i>>3] >> (i & 7) & 1)
		to[left^(left^right)&-side] = row
		left += 1 - side
		right += side
	}
}

// exponential is what e^x is computed from: the bound of |x|, log₂ e, −ln 2 in two
// parts (Cody and Waite), and 1/13! … 1/0!, the series that |x| ≤ ln 2 ÷ 2 leaves.
var exponential = func() (c [18]float64) {
	c[0], c[1], c[2], c[3] = 700, math.Log2E, -6.93147180369123816490e-01, -1.90821492927058770002e-10
	factorial := 1.0
	for i := range 14 {
		c[17-i] = 1 / factorial
		factorial *= float64(i + 1)
	}
	return c
}()

func logLossPortable(margin, y, gradient, hessian []float64) (mostG, mostH float64) {
	for i, m := range margin {
		x := -m
		if x > exponential[0] {
			x = exponential[0]
		}
		if x < -exponential[0] {
			x = -exponential[0]
		}
		k := math.RoundToEven(float64(x * exponential[1]))
		x = math.FMA(k, exponential[3], math.FMA(k, exponential[2], x))
		e := exponential[4]
		for _, c := range exponential[5:] {
			e = math.FMA(x, e, c)
		}
		e *= math.Float64frombits(uint64(int64(k)+1023) << 52) //nolint:gosec // |k| ≤ 1010: a power of two
		p := 1 / (1 + e)
		g, h := p-y[i], float64(p*(1-p))
		if h < leastHessian {
			h = leastHessian
		}
		gradient[i], hessian[i] = g, h
		if g = math.Abs(g); g > mostG {
			mostG = g
		}
		if h > mostH {
			mostH = h
		}
	}
	return mostG, mostH
}

func totalPortable(rows []uint64, gradient, hessian []float64, up units) (g, h int64) {
	for _, row := range rows {
		r := uint32(row) //nolint:gosec // the lower half is the row's number
		dg, dh := up.whole(gradient[r], hessian[r])
		g, h = g+dg, h+dh
	}
	return g, h
}
