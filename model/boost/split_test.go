package boost

import (
	"cmp"
	"math"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// openRules are rules that bind nothing.
func openRules() rules {
	return rules{
		minRows: 1, minHessian: 1e-9, units: units{1, 1}, oneHot: 4, catSmooth: 0, maxCatCodes: 255, minCatRows: 0,
		lower: math.Inf(-1), higher: math.Inf(1),
	}
}

func cellOf(g, h, n int) cell {
	return cell{gradient: int64(g), packed: uint64(h)<<countBits | uint64(n)}
}

// drawCells draws value bins and one bin for missing.
func drawCells(t *rapid.T, bins int) (cells []cell, total cell) {
	for range bins + 1 {
		n := rapid.IntRange(0, 5).Draw(t, "rows")
		c := cellOf(0, 0, 0)
		if n > 0 {
			c = cellOf(rapid.IntRange(-50, 50).Draw(t, "gradient"), rapid.IntRange(1, 20).Draw(t, "hessian"), n)
		}
		cells, total = append(cells, c), total.plus(c)
	}
	return cells, total
}

// dumbNumber tries every cut and every way of missing, from the definition.
func dumbNumber(r rules, cells []cell, total cell, direction int8) (gain float64) {
	values := len(cells) - 1
	for t := range values {
		for _, missingLeft := range []bool{false, true} {
			var left cell
			for k := 0; k <= t; k++ {
				left = left.plus(cells[k])
			}
			if missingLeft {
				left = left.plus(cells[values])
			}
			right := total.minus(left)
			lg, lh := r.units.of(left)
			rg, rh := r.units.of(right)
			if left.rows() < r.minRows || right.rows() < r.minRows || lh < r.minHessian || rh < r.minHessian {
				continue
			}
			if _, h := r.units.of(total); min(lh, rh)*float64(total.rows()) < r.minShare*h*(1-1e-12) {
				continue
			}
			if float64(direction)*(r.value(rg, rh, r.l2)-r.value(lg, lh, r.l2)) < 0 {
				continue
			}
			gain = max(gain, r.score(lg, lh, r.l2)+r.score(rg, rh, r.l2)-r.floor(total))
		}
	}
	return gain
}

func TestBestNumberEqualsTryingEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells, total := drawCells(t, rapid.IntRange(1, 12).Draw(t, "bins"))
		r := openRules()
		r.minRows = int64(rapid.IntRange(1, 8).Draw(t, "min rows"))
		r.minHessian = float64(rapid.IntRange(1, 20).Draw(t, "min hessian"))
		r.minShare = rapid.SampledFrom([]float64{0, 1.53, 3.51}).Draw(t, "min share")
		r.l2 = rapid.SampledFrom([]float64{0, 0.5, 10}).Draw(t, "l2")
		r.l1 = rapid.SampledFrom([]float64{0, 5}).Draw(t, "l1")
		r.minGain = rapid.SampledFrom([]float64{0, 3}).Draw(t, "min gain")
		r.bounded = rapid.Bool().Draw(t, "bounded")
		if r.bounded {
			bounds := rapid.SampledFrom([][2]float64{{-1, 2}, {0.5, 0.6}, {math.Inf(-1), 0}, {math.Inf(-1), math.Inf(1)}}).Draw(t, "bounds")
			r.lower, r.higher = bounds[0], bounds[1]
		}
		direction := int8(rapid.IntRange(-1, 1).Draw(t, "direction"))
		got := r.bestNumber(cells, total, direction)
		want := dumbNumber(r, cells, total, direction)
		if math.Abs(got.gain-want) > 1e-9*(1+want) {
			t.Fatalf("gain %v, the best of all cuts gains %v", got.gain, want)
		}
		if got.gain == 0 {
			return
		}
		r.cutNumber(&got, cells, total)
		// What is said of the split holds: the bins that go left have its sum.
		var left cell
		for b, c := range cells {
			if got.left.has(b) {
				left = left.plus(c)
			}
		}
		if left != got.sum {
			t.Fatalf("the bins on the left sum to %v, the split says %v", left, got.sum)
		}
	})
}

func TestBestCategoryEqualsTryingEverySet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bins := rapid.IntRange(5, 9).Draw(t, "bins")
		cells, total := drawCells(t, bins)
		r := openRules()
		r.maxCatCodes = 255
		got := r.bestCategory(cells, total)
		// By Fisher's theorem the best of all sets is a stretch of the ordered codes,
		// as long as nothing is missing; stretches longer than half from one end are
		// the shorter ones from the other only then, too.
		if cells[bins].rows() > 0 {
			t.Skip("missing always goes right")
		}
		want := 0.0
		for set := 1; set < 1<<bins-1; set++ {
			var left cell
			for b := range bins {
				if set>>b&1 != 0 {
					left = left.plus(cells[b])
				}
			}
			right := total.minus(left)
			if left.rows() == 0 || right.rows() == 0 {
				continue
			}
			lg, lh := r.units.of(left)
			rg, rh := r.units.of(right)
			want = max(want, r.score(lg, lh, 0)+r.score(rg, rh, 0)-r.floor(total))
		}
		if math.Abs(got.gain-want) > 1e-9*(1+want) {
			t.Fatalf("gain %v, the best of all sets gains %v", got.gain, want)
		}
	})
}

// drawTable draws a binned set and the bins it was made of, by slot and row.
func drawTable(t *rapid.T, rows int) (b *binned, bins [][]int) {
	slots := rapid.IntRange(1, 19).Draw(t, "slots")
	b = &binned{offset: []int{0}, table: table{rows: rows, bySlot: make([]uint8, rows*slots+columnSlack)}}
	r := stream(rapid.Uint64().Draw(t, "bins"))
	bins = make([][]int, slots)
	for s := range slots {
		n := rapid.IntRange(2, 256).Draw(t, "bins of a slot")
		b.slots, b.offset = append(b.slots, s), append(b.offset, b.offset[s]+n)
		bins[s] = make([]int, rows)
		for i := range rows {
			bins[s][i] = r.below(n)
			b.column(s)[i] = uint8(bins[s][i])
		}
	}
	return b, bins
}

// dumbSums adds up cells, indexed by row, bin by bin.
func dumbSums(b *binned, bins [][]int, rows []uint64, cells []cell) histogram {
	sums := make(histogram, b.offset[len(b.slots)])
	for s := range b.slots {
		for _, r := range rows {
			at := b.offset[s] + bins[s][uint32(r)]
			sums[at] = sums[at].plus(cells[uint32(r)])
		}
	}
	return sums
}

func TestHistogramEqualsDumbSums(t *testing.T) {
	c := newCrew(1)
	defer c.dismiss()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(1, 60).Draw(t, "rows")
		b, bins := drawTable(t, rows)
		cells := make([]cell, rows)
		order := make([]uint64, rows)
		for i := range cells {
			cells[i] = cellOf(rapid.IntRange(-9, 9).Draw(t, "g"), rapid.IntRange(0, 9).Draw(t, "h"), 1)
			order[i] = uint64(i)
		}
		size := b.offset[len(b.slots)]
		some := order[:rapid.IntRange(0, rows).Draw(t, "part")]
		all, part := newHistogram(size), newHistogram(size)
		for k := range all {
			all[k], part[k] = cellOf(7, 7, 7), cellOf(3, 3, 3) // whatever was there before
		}
		w := b.words(c, upTo(len(b.slots)), nil)
		for block := range w.blocks {
			part.build(b, &w, block, 1, some, cells)
		}
		all.build(b, &w, 0, w.blocks, order, cells)
		if !slices.Equal(all[:size], dumbSums(b, bins, order, cells)) || !slices.Equal(part[:size], dumbSums(b, bins, some, cells)) {
			t.Fatal("sums differ from the dumb ones")
		}
		for slot := range b.slots {
			all.subtract(b, slot, part)
		}
		if !slices.Equal(all[:size], dumbSums(b, bins, order[len(some):], cells)) {
			t.Fatal("what subtraction leaves differs from the sum of the other rows")
		}
	})
}

// drawSlopes draws slopes that need all bits of a packed row.
func drawSlopes(t *rapid.T, c *crew, rows int) *slopes {
	s := &slopes{gradient: make([]float64, rows), hessian: make([]float64, rows), dither: 5}
	r := stream(rapid.Uint64().Draw(t, "slopes"))
	for i := range rows {
		s.gradient[i], s.hessian[i] = 2*r.float()-1, r.float()
		if r.below(3) == 0 {
			s.gradient[i], s.hessian[i] = []float64{-1, 1}[r.below(2)]*(1-0x1p-53), 1-0x1p-53
		}
	}
	if err := s.measure(c, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPackedHistogramEqualsDumbSums(t *testing.T) {
	c := newCrew(2)
	defer c.dismiss()
	rapid.Check(t, func(t *rapid.T) {
		// Up to several parts of packedRows, in one bin where a slot draws so.
		rows := rapid.SampledFrom([]int{1, 50, 1000, 5000, packedRows + 1, 20_000}).Draw(t, "rows")
		b, bins := drawTable(t, rows)
		s := drawSlopes(t, c, rows)
		p := Defaults()
		g := newGrower(c, b, &p, nil, nil, true)
		cells, left := make([]cell, rows), leaf{to: rows}
		for i := range rows {
			g.rows[0][i] = s.pack(uint32(i))
			cells[i] = unpacked(addend(g.rows[0][i]))
			if g, h := float64(cells[i].gradient), float64(cells[i].packed>>countBits); cells[i].rows() != 1 ||
				math.Abs(g-s.gradient[i]*s.packing.gradient) >= 1 || math.Abs(h-s.hessian[i]*s.packing.hessian) >= 1 {
				t.Fatalf("slopes %v and %v became %v and %v of 2¹²", s.gradient[i], s.hessian[i], g, h)
			}
		}
		g.draw(upTo(len(b.slots)))
		size := b.offset[len(b.slots)]
		for _, to := range []int{rows, rows * 2 / 5} {
			left.to, left.cells = to, newHistogram(size)
			for k := range left.cells {
				left.cells[k] = cellOf(7, 7, 7) // whatever was there before
			}
			g.sumPacked(&left)
			if !slices.Equal(left.cells[:size], dumbSums(b, bins, g.rowsOf(&left), cells)) {
				t.Fatalf("sums of %d rows differ from the dumb ones", to)
			}
		}
	})
}

func TestAnyNumberOfRowsFitsIntoABin(t *testing.T) {
	rows := 300_000
	if os.Getenv("FEALTY_TORTURE") == "1" {
		rows = 5_000_000
	}
	c := newCrew(2)
	defer c.dismiss()
	// All rows in bin 0, all pulling one way as hard as any can: the sum is known.
	b := &binned{slots: []int{0}, offset: []int{0, 2}, table: table{rows: rows, bySlot: make([]uint8, rows+columnSlack)}}
	for _, pull := range []float64{-1, 1} {
		s := &slopes{gradient: filled(rows, pull), hessian: filled(rows, 1)}
		if err := s.measure(c, func(int, int) {}); err != nil {
			t.Fatal(err)
		}
		p := Defaults()
		g := newGrower(c, b, &p, nil, nil, true)
		for i := range rows {
			g.rows[0][i] = s.pack(uint32(i))
		}
		l := leaf{to: rows, cells: newHistogram(2)}
		g.draw([]int{0})
		g.sumPacked(&l)
		gotG, gotH := s.packing.inverse().of(l.cells[0])
		if n := float64(rows); l.cells[0].rows() != int64(rows) || gotG != pull*n || gotH != n {
			t.Errorf("%d rows of gradient %v and hessian 1 sum to %v, %v and %d rows", rows, pull, gotG, gotH, l.cells[0].rows())
		}
	}
}

func TestPartitionKeepsTheOrderOfBothSides(t *testing.T) {
	c := newCrew(2)
	defer c.dismiss()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SampledFrom([]int{1, 2, 300, 4097, 20_000}).Draw(t, "rows")
		b, bins := drawTable(t, rows)
		p := Defaults()
		g := newGrower(c, b, &p, nil, nil, true)
		l := leaf{from: rows / 3, to: rows, side: rapid.IntRange(0, 1).Draw(t, "side")}
		l.best.slot = rapid.IntRange(0, len(b.slots)-1).Draw(t, "slot")
		l.best.left.addBelow(rapid.IntRange(0, 256).Draw(t, "cut"))
		var left, right []uint64
		for i := range rows {
			g.rows[l.side][i] = uint64(i) | uint64(i)<<40
			if i < l.from {
				continue
			}
			if l.best.left.has(bins[l.best.slot][i]) {
				left = append(left, g.rows[l.side][i])
			} else {
				right = append(right, g.rows[l.side][i])
			}
		}
		if middle := g.partition(&l); middle != l.from+len(left) || !slices.Equal(g.rows[1-l.side][l.from:], append(left, right...)) {
			t.Fatalf("the right ones begin at %d, want %d, or rows stand elsewhere", middle, l.from+len(left))
		}
	})
}

func TestDitheringIsOffByChanceOnly(t *testing.T) {
	// A gradient of a third of a unit, 60,000 times: rounded to the nearest, all
	// would vanish. The standard error of the mean is .002 units.
	const n = 60_000
	s := &slopes{gradient: filled(n, 1.0/3), hessian: filled(n, 2.25), packing: units{1, 1}}
	for _, round := range []int{0, 1} {
		s.dither = ditherOf(7, round)
		var sum cell
		for i := range n {
			sum = sum.plus(unpacked(addend(s.pack(uint32(i)))))
		}
		g, h := units{1, 1}.of(sum)
		if math.Abs(g/n-1.0/3) > 0.01 || math.Abs(h/n-2.25) > 0.01 {
			t.Errorf("round %d: means %v and %v, want a third and 2.25", round, g/n, h/n)
		}
	}
}

func TestQuantisedSumsNeitherOverflowNorDrift(t *testing.T) {
	c := newCrew(1)
	defer c.dismiss()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(t, "rows")
		scale := math.Ldexp(1, rapid.IntRange(-200, 200).Draw(t, "scale"))
		g, h, w := make([]float64, n), make([]float64, n), make([]float64, n)
		sumG, sumH, all := 0.0, 0.0, 0.0
		for i := range n {
			g[i] = rapid.Float64Range(-1, 1).Draw(t, "g") * scale
			h[i] = rapid.Float64Range(0, 1).Draw(t, "h") * scale
			w[i] = rapid.SampledFrom([]float64{0.1, 1, 3, 1000}).Draw(t, "w")
			sumG, sumH, all = sumG+g[i]*w[i], sumH+h[i]*w[i], all+math.Abs(g[i]*w[i])
		}
		s := slopes{gradient: g, hessian: h, weights: w, cells: make([]cell, n)}
		if err := s.measure(c, func(int, int) {}); err != nil {
			t.Fatal(err)
		}
		s.round(c)
		var total cell
		for _, k := range s.cells {
			total = total.plus(k)
		}
		gotG, gotH := s.full.of(total)
		if total.rows() != int64(n) {
			t.Fatalf("%d rows counted of %d", total.rows(), n)
		}
		// Half a unit per row, before its weight and after; a sum has 61 bits or 35.
		if math.Abs(gotG-sumG) > 1e-12*all+1e-75 || math.Abs(gotH-sumH) > 1e-5*sumH+1e-75 {
			t.Fatalf("sums %v and %v, want %v and %v", gotG, gotH, sumG, sumH)
		}
	})
}

func TestBinsKeepOrderAndCutBetweenValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(
			rapid.Float64Range(-5, 5),
			rapid.SampledFrom([]float64{0, 1, 5e-324, math.MaxFloat64, -math.MaxFloat64, math.NaN(), 2}),
		), 1, 300).Draw(t, "values")
		most := rapid.IntRange(2, 20).Draw(t, "bins")
		c := number("x", values...)
		rows := make([]int32, len(values))
		for i := range rows {
			rows[i] = int32(i)
		}
		b := findBins(&c, rows, nil, most)
		if b.values > most || !slices.IsSorted(b.edges) {
			t.Fatalf("%d bins of at most %d, cuts %v", b.values, most, b.edges)
		}
		distinct := map[float64]bool{}
		bins := make([]uint8, len(values))
		if b.grid != nil {
			kernelsOfCPU.bins(values, b.grid, uint8(b.values), bins)
		}
		for i, v := range values {
			bin := int(bins[i])
			if math.IsNaN(v) {
				if bin != b.missingBin() || !b.missing {
					t.Fatalf("NaN is in bin %d of %d", bin, b.values)
				}
				continue
			}
			distinct[v] = true
			// The dumb search: the first cut that is not below the value.
			want := slices.IndexFunc(b.edges, func(e float64) bool { return v <= e })
			if want < 0 {
				want = len(b.edges)
			}
			if bin != want {
				t.Fatalf("%v is in bin %d, cuts %v say %d", v, bin, b.edges, want)
			}
		}
		if len(distinct) <= most && len(distinct) != b.values {
			t.Fatalf("%d values share %d bins though each could have its own", len(distinct), b.values)
		}
	})
}

func TestWeightsMoveTheCuts(t *testing.T) {
	// Values 0 … 99 in 10 bins; the weight lies on the upper half.
	values, weights := make([]float64, 100), make([]float64, 100)
	rows := make([]int32, 100)
	for i := range values {
		values[i], rows[i], weights[i] = float64(i), int32(i), 1
		if i >= 50 {
			weights[i] = 9
		}
	}
	c := number("x", values...)
	below := func(b binning) (n int) {
		for _, e := range b.edges {
			if e < 50 {
				n++
			}
		}
		return n
	}
	if even, heavy := below(findBins(&c, rows, nil, 10)), below(findBins(&c, rows, weights, 10)); even != 5 || heavy > 1 {
		t.Errorf("%d cuts below 50 without weights (want 5), %d with a tenth of the weight there (want at most 1)", even, heavy)
	}
}

func TestSiftedRowsLieInTheLeavesOfAWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, bins := drawTable(t, 4500)
		r := stream(rapid.Uint64().Draw(t, "tree"))
		var g grown
		g.ends = make([]leaf, rapid.IntRange(2, 40).Draw(t, "leaves"))
		for k := range len(g.ends) - 1 {
			var c cut
			end := int32(r.below(k + 1)) // any leaf so far is split
			c.left, c.right = ^end, ^int32(k+1)
			for i := range g.nodes {
				for _, child := range []*int32{&g.nodes[i].left, &g.nodes[i].right} {
					if *child == ^end {
						*child = int32(k)
					}
				}
			}
			c.slot = r.below(len(b.slots))
			c.split.left.addBelow(r.below(257))
			g.nodes = append(g.nodes, c)
		}
		rows := make([]uint64, rapid.IntRange(0, chunk).Draw(t, "rows"))
		for i := range rows {
			rows[i] = uint64(r.below(b.rows))
		}
		var got, want [][2]int // row and leaf
		for _, row := range rows {
			at := int32(0)
			for at >= 0 {
				n := &g.nodes[at]
				if at = n.right; n.split.left.has(bins[n.slot][row]) {
					at = n.left
				}
			}
			want = append(want, [2]int{int(row), int(^at)})
		}
		g.sift(&b.table, [2][]uint64{rows, make([]uint64, len(rows))}, func(l *leaf, rows []uint64) {
			for k := range g.ends {
				if &g.ends[k] == l {
					for _, row := range rows {
						got = append(got, [2]int{int(row), k})
					}
				}
			}
		})
		for _, all := range [][][2]int{got, want} {
			slices.SortFunc(all, func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d rows lie in other leaves than those that walked", len(rows))
		}
	})
}
