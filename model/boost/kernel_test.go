package boost

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestKernelsEqualTheirTwins(t *testing.T) {
	c := newCrew(1)
	defer c.dismiss()
	for name, k := range kernelsHere() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				r := stream(rapid.Uint64().Draw(t, "values"))
				grid := new([binsPerByte]float64)
				edges := rapid.IntRange(0, 254).Draw(t, "edges")
				for i := range grid {
					grid[i] = math.Inf(1)
					if i < edges {
						grid[i] = math.Round(r.float()*300) - 150
					}
				}
				slices.Sort(grid[:])
				values := make([]float64, rapid.IntRange(0, 70).Draw(t, "length"))
				for i := range values {
					values[i] = []float64{
						math.Round(r.float()*300) - 150, 400 * (r.float() - 0.5), math.NaN(), 0, math.MaxFloat64, -math.MaxFloat64, 5e-324,
					}[r.below(7)]
				}
				got, want := make([]uint8, len(values)+1), make([]uint8, len(values)+1)
				k.bins(values, grid, 255, got[:len(values)])
				portable.bins(values, grid, 255, want[:len(values)])
				if !slices.Equal(got, want) {
					t.Fatalf("bins of %v are %v, want %v", values, got, want)
				}
			})
			rapid.Check(t, func(t *rapid.T) {
				n, stride := rapid.IntRange(1, 70).Draw(t, "length"), rapid.IntRange(1, 4).Draw(t, "stride")
				r := stream(rapid.Uint64().Draw(t, "bytes"))
				var columns [lanes][]uint8
				// Words of other blocks stand between, and nothing behind the last.
				got, want := make([]uint64, (n-1)*stride+1), make([]uint64, (n-1)*stride+1)
				for i := range got {
					got[i] = r.next()
					want[i] = got[i]
				}
				for i := range n {
					w := r.next()
					for lane := range columns {
						columns[lane] = append(columns[lane], uint8(w>>(8*lane)))
					}
					want[i*stride] = w
				}
				k.interleave(&columns, got, stride)
				if !slices.Equal(got, want) {
					t.Fatalf("words of %d rows, %d apart, are %x, want %x", n, stride, got, want)
				}
			})
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.IntRange(0, 40).Draw(t, "length")
				r := stream(rapid.Uint64().Draw(t, "margins"))
				scale := rapid.SampledFrom([]float64{0, 1, 40, 1e4}).Draw(t, "scale")
				margin, y := make([]float64, n), make([]float64, n)
				for i := range n {
					margin[i], y[i] = scale*(r.float()-0.5), float64(r.below(2))
				}
				var out [3][2][]float64 // the kernel's, its twin's and the loss's
				for i := range out {
					out[i] = [2][]float64{make([]float64, n), make([]float64, n)}
				}
				mostG, mostH := k.logLoss(margin, y, out[0][0], out[0][1])
				wantG, wantH := portable.logLoss(margin, y, out[1][0], out[1][1])
				LogLoss{}.Gradient(margin, y, out[2][0], out[2][1])
				if mostG != wantG || mostH != wantH || !slices.Equal(out[0][0], out[1][0]) || !slices.Equal(out[0][1], out[1][1]) {
					t.Fatalf("margins %v: %v, %v, %v, want %v, %v, %v", margin, out[0], mostG, mostH, out[1], wantG, wantH)
				}
				// Each side rounds p = 1/(1 + e^-m): the sum by up to 2^-53 of
				// itself, the quotient by up to 2^-54 where p >= 1/2, which is
				// 1.7e-16. Where p-1 and 1-p cancel, that much of each side is
				// left as it is: two right answers lie up to 3.4e-16 apart,
				// and what e^-m adds fades with 1-p.
				const apart = 4e-16
				for i := range n {
					g, h := out[2][0][i], out[2][1][i]
					if math.Abs(out[0][0][i]-g) > 1e-15*math.Abs(g)+apart || math.Abs(out[0][1][i]-h) > 2e-15*h+apart {
						t.Fatalf("margin %v: %v and %v, the loss says %v and %v", margin[i], out[0][0][i], out[0][1][i], g, h)
					}
				}
			})
			rapid.Check(t, func(t *rapid.T) {
				rows := rapid.SampledFrom([]int{1, 7, 8, 100, 3000, packedRows}).Draw(t, "rows")
				b, _ := drawTable(t, rows)
				s := drawSlopes(t, c, rows)
				r := stream(rapid.Uint64().Draw(t, "part"))
				var some []uint64
				for i := range rows {
					if r.below(3) > 0 {
						some = append(some, s.pack(uint32(i)))
					}
				}
				w := b.words(c, upTo(len(b.slots)), nil)
				first := r.below(w.blocks)
				n := 1 + r.below(w.blocks-first)
				got, want := new(desk), new(desk)
				k.sum(got, &w, first, n, some)
				portable.sum(want, &w, first, n, some)
				if got.blocks != want.blocks {
					t.Fatalf("sums of %d rows differ", len(some))
				}

				g, h := k.total(some, s.gradient, s.hessian, s.up)
				if wantG, wantH := portable.total(some, s.gradient, s.hessian, s.up); g != wantG || h != wantH {
					t.Fatalf("totals are %v and %v, want %v and %v", g, h, wantG, wantH)
				}

				var left codeSet
				for range 100 {
					left.add(r.below(256))
				}
				slot := r.below(len(b.slots))
				notes, wantNotes := filledBytes(len(some)), filledBytes(len(some))
				right := k.sides(b.column(slot), &left, some, notes)
				if want := portable.sides(b.column(slot), &left, some, wantNotes); right != want || !slices.Equal(notes, wantNotes) {
					t.Fatalf("%d rows go right, want %d, or others", right, want)
				}
				// Rows of other goroutines stand before, between and behind.
				to, wantTo := make([]uint64, len(some)+6), make([]uint64, len(some)+6)
				k.move(some, notes, to, 2, len(some)-right+4)
				portable.move(some, notes, wantTo, 2, len(some)-right+4)
				if !slices.Equal(to, wantTo) {
					t.Fatalf("rows were moved to other places")
				}
			})
		})
	}
}

// filledBytes has room for a bit per row, all set.
func filledBytes(rows int) []uint8 {
	b := make([]uint8, (rows+7)/8)
	for i := range b {
		b[i] = 255
	}
	return b
}
