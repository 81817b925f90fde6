//go:build !purego

package boost

import (
	"slices"

	"golang.org/x/sys/cpu"
)

// kernelsOfCPU is what this machine runs.
var kernelsOfCPU = func() kernels {
	for _, v := range vectors {
		if v.runs {
			return v.kernels
		}
	}
	return anyAMD64
}()

// vectors are the kernels that not every processor runs, best first.
var vectors = []struct {
	name string
	kernels
	runs bool
}{
	{"AVX-512", avx512, cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasPOPCNT},
	{"AVX2", avx2, cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT},
}

// avx512 needs AVX-512 F, DQ and BW, and POPCNT.
var avx512 = kernels{
	bins: func(values []float64, grid *[binsPerByte]float64, missing uint8, out []uint8) {
		n := whole8(len(values))
		if n > 0 {
			p := pivots(grid)
			binsAVX512(&values[0], n, grid, &p, missing, &out[:n][0])
		}
		binsPortable(values[n:], grid, missing, out[n:])
	},
	interleave: interleaveAMD64, sum: sumAMD64,
	sides: func(bins []uint8, left *codeSet, rows []uint64, notes []uint8) int {
		n, right := whole8(len(rows)), 0
		if n > 0 {
			right = sidesAVX512(&bins[0], left, &rows[0], n, &notes[:n/8][0])
		}
		return right + sidesPortable(bins, left, rows[n:], notes[n/8:])
	},
	move: func(rows []uint64, notes []uint8, to []uint64, left, right int) {
		n := whole8(len(rows))
		if n > 0 {
			moved := moveAVX512(&rows[0], n, &notes[:n/8][0], &to[0], left, right)
			left, right = left+n-moved, right+moved
		}
		movePortable(rows[n:], notes[n/8:], to, left, right)
	},
	logLoss: func(margin, y, gradient, hessian []float64) (mostG, mostH float64) {
		n := whole8(len(margin))
		mostG, mostH = logLossPortable(margin[n:], y[n:], gradient[n:], hessian[n:])
		if n > 0 {
			var most [2][8]float64
			logLossAVX512(&margin[0], &y[:n][0], n, &gradient[:n][0], &hessian[:n][0], &exponential, &most)
			mostG, mostH = max(mostG, slices.Max(most[0][:])), max(mostH, slices.Max(most[1][:]))
		}
		return mostG, mostH
	},
	total: func(rows []uint64, gradient, hessian []float64, up units) (g, h int64) {
		n := whole8(len(rows))
		g, h = totalPortable(rows[n:], gradient, hessian, up)
		if n > 0 {
			var sums [2][8]int64
			totalAVX512(&rows[0], n, &gradient[0], &hessian[0], up.gradient, up.hessian, &sums)
			for i := range 8 {
				g, h = g+sums[0][i], h+sums[1][i]
			}
		}
		return g, h
	},
}

// avx2 needs AVX2 and POPCNT.
var avx2 = kernels{
	bins: func(values []float64, grid *[binsPerByte]float64, missing uint8, out []uint8) {
		n := whole8(len(values))
		if n > 0 {
			p := pivots(grid)
			binsAVX2(&values[0], n, grid, &p, missing, &out[:n][0])
		}
		binsPortable(values[n:], grid, missing, out[n:])
	},
	interleave: interleaveAMD64, sum: sumAMD64, sides: sidesPortable,
	move: movePortable, logLoss: logLossPortable, total: totalPortable,
}

// anyAMD64 needs nothing.
var anyAMD64 = kernels{
	bins: binsPortable, interleave: interleaveAMD64, sum: sumAMD64, sides: sidesPortable,
	move: movePortable, logLoss: logLossPortable, total: totalPortable,
}

// whole8 is n rounded down to a multiple of 8.
func whole8(n int) int { return n &^ 7 }

// pivots are every 16th number of a grid, the last one of each 16.
func pivots(grid *[binsPerByte]float64) (p [binsPerByte / 16]float64) {
	for i := range p {
		p[i] = grid[16*i+15]
	}
	return p
}

// interleaveAMD64 takes 16 rows at a time.
func interleaveAMD64(columns *[lanes][]uint8, words []uint64, stride int) {
	n := len(columns[0]) &^ 15
	if n > 0 {
		var first [lanes]*uint8
		for lane := range first {
			first[lane] = &columns[lane][:n][0]
		}
		interleaveSSE2(&first, n, &words[:(n-1)*stride+1][0], 8*stride)
	}
	if n < len(columns[0]) {
		var rest [lanes][]uint8
		for lane := range rest {
			rest[lane] = columns[lane][n:]
		}
		interleavePortable(&rest, words[n*stride:], stride)
	}
}

// sumAMD64 fetches the lines of the next rows into the cache while it sums, a
// fair part of them during each block.
func sumAMD64(d *desk, w *words, first, n int, rows []uint64) {
	if len(rows) == 0 {
		return
	}
	some := rows[:min(touchRows, len(rows))]
	d.touched |= w.touch(first, n, some)
	for len(some) > 0 {
		rows = rows[len(some):]
		next := rows[:min(len(some), len(rows))]
		for k := 0; k < n; {
			sum, width := sumRows, 1
			if k+1 < n {
				sum, width = sumRows2, 2
			}
			ahead := next[len(next)*k/n : len(next)*(k+width)/n]
			var from *uint64
			if len(ahead) > 0 {
				from = &ahead[0]
			}
			sum(&d.blocks[k], &w.byRow[first+k], 8*w.blocks, &some[0], len(some), from, len(ahead), &w.byRow[first], 8*(n-1))
			k += width
		}
		some = next
	}
}

// binsAVX512 is bins for n values, a positive multiple of 8.
//
//go:noescape
func binsAVX512(values *float64, n int, grid *[binsPerByte]float64, pivots *[binsPerByte / 16]float64, missing uint8, out *uint8)

// binsAVX2 is bins for n values, a positive multiple of 8.
//
//go:noescape
func binsAVX2(values *float64, n int, grid *[binsPerByte]float64, pivots *[binsPerByte / 16]float64, missing uint8, out *uint8)

// interleaveSSE2 is interleave for n rows, a positive multiple of 16. Words lie
// stride bytes apart.
//
//go:noescape
func interleaveSSE2(columns *[lanes]*uint8, n int, words *uint64, stride int)

// sumRows adds n ≥ 1 rows to h; a row's word lies stride bytes times its number
// behind words. Meanwhile it fetches for aheads ≤ n rows the lines at stride
// times their number behind first, and at last bytes more.
//
//go:noescape
func sumRows(h *packedBlock, words *uint64, stride int, rows *uint64, n int, ahead *uint64, aheads int, first *uint64, last int)

// sumRows2 is sumRows for two words side by side and the two blocks from h on: 32
// KiB that stay in the cache, while a row is looked at half as often.
//
//go:noescape
func sumRows2(h *packedBlock, words *uint64, stride int, rows *uint64, n int, ahead *uint64, aheads int, first *uint64, last int)

// sidesAVX512 is sides for n rows, a positive multiple of 8. It reads up to 7
// bytes behind a bin.
//
//go:noescape
func sidesAVX512(bins *uint8, left *codeSet, rows *uint64, n int, notes *uint8) (right int)

// moveAVX512 is move for n rows, a positive multiple of 8. It returns how many
// went right.
//
//go:noescape
func moveAVX512(rows *uint64, n int, notes *uint8, to *uint64, left, right int) (moved int)

// logLossAVX512 is logLoss for n rows, a positive multiple of 8; most has the
// largest of every eighth.
//
//go:noescape
func logLossAVX512(margin, y *float64, n int, gradient, hessian *float64, exponential *[18]float64, most *[2][8]float64)

// totalAVX512 is total for n rows, a positive multiple of 8; sums has those of
// every eighth.
//
//go:noescape
func totalAVX512(rows *uint64, n int, gradient, hessian *float64, upG, upH float64, sums *[2][8]int64)
