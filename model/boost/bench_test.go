package boost

import (
	"context"
	"fmt"
	"math"
	"os"
	"testing"

	"fealty/features/frame"
)

// usual makes rows of heavy-tailed, whole and partly missing numbers.
func usual(rows, columns int) (*frame.Frame, []float64) {
	r := stream(42)
	normal := func() float64 {
		return math.Sqrt(-2*math.Log(1-r.float())) * math.Cos(2*math.Pi*r.float())
	}
	odds := make([]float64, rows)
	var all []frame.Column
	for j := range columns {
		c := number(fmt.Sprintf("x%d", j), make([]float64, rows)...)
		for i := range rows {
			v := normal()
			if j%2 == 0 {
				odds[i] += 0.3 * v
			}
			switch j % 4 {
			case 0:
				v = math.Exp(1.5 * v)
			case 1:
				v = math.Round(3 * v)
			}
			if j%7 == 0 && r.float() < 0.2 {
				v = math.NaN()
			}
			c.Numbers[i] = float64(float32(v))
		}
		all = append(all, c)
	}
	y := make([]float64, rows)
	for i := range y {
		if r.float() < 1/(1+math.Exp(-odds[i])) {
			y[i] = 1
		}
	}
	return framed(all...), y
}

// BenchmarkFit trains on some shapes. Those of 500,000 rows need FEALTY_BENCH=1.
func BenchmarkFit(b *testing.B) {
	for _, shape := range []struct {
		name          string
		rows, columns int
		set           func(*Params, *frame.Frame)
	}{
		{"15k×60", 15_000, 60, nil},
		{"15k×60/one thread", 15_000, 60, func(p *Params, _ *frame.Frame) { p.Threads = 1 }},
		{"20k×60/100 trees", 20_000, 60, func(p *Params, _ *frame.Frame) { p.Rounds = 100 }},
		{"20k×60/400 trees of 6 leaves/24 columns each", 20_000, 60, func(p *Params, _ *frame.Frame) {
			p.Rounds, p.Leaves, p.RowFraction, p.RowRounds, p.FeatureFraction = 400, 6, 0.7, 5, 0.4
		}},
		{"50k×40/255 leaves/100 trees", 50_000, 40, func(p *Params, _ *frame.Frame) { p.Rounds, p.Leaves = 100, 255 }},
		{"500k×40/100 trees", 500_000, 40, func(p *Params, _ *frame.Frame) { p.Rounds = 100 }},
		{"500k×40/100 trees/full", 500_000, 40, func(p *Params, _ *frame.Frame) { p.Rounds, p.Gradients = 100, Full }},
		{"500k×40/100 trees/255 leaves", 500_000, 40, func(p *Params, _ *frame.Frame) { p.Rounds, p.Leaves = 100, 255 }},
		{"500k×40/100 trees/monotone", 500_000, 40, func(p *Params, f *frame.Frame) {
			p.Rounds, p.Directions = 100, map[string]frame.Direction{}
			for j := 0; j < len(f.Columns); j += 4 {
				p.Directions[f.Columns[j].Name] = frame.Raises
			}
		}},
		{"500k×40/100 trees/categories", 500_000, 40, func(p *Params, f *frame.Frame) {
			p.Rounds = 100
			for j := 1; j < len(f.Columns); j += 4 {
				f.Columns[j] = asCategory(f.Columns[j])
			}
		}},
	} {
		b.Run(shape.name, func(b *testing.B) {
			if shape.rows > 100_000 && os.Getenv("FEALTY_BENCH") != "1" {
				b.Skip("large: needs FEALTY_BENCH=1")
			}
			f, y := usual(shape.rows, shape.columns)
			p := Defaults()
			p.Threads = 2
			if shape.set != nil {
				shape.set(&p, f)
			}
			for b.Loop() {
				if _, err := Fit(context.Background(), p, f, y, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// asCategory makes codes of whole numbers.
func asCategory(c frame.Column) frame.Column {
	out := category(c.Name, nil)
	at := map[float64]int32{}
	for _, v := range c.Numbers {
		code, ok := at[v]
		if !ok {
			code = int32(len(at))
			at[v] = code
			out.Levels = append(out.Levels, fmt.Sprint(v))
		}
		out.Codes = append(out.Codes, code)
	}
	return out
}

// BenchmarkBin is what a fit does before the first tree, on one thread: quantile
// edges, bins of all values, and their words.
func BenchmarkBin(b *testing.B) {
	f, _ := usual(50_000, 40)
	rows := make([]int32, f.Rows())
	for i := range rows {
		rows[i] = int32(i)
	}
	c := newCrew(1)
	defer c.dismiss()
	p := Defaults()
	b.Run("edges", func(b *testing.B) {
		for b.Loop() {
			for j := range f.Columns {
				findBins(&f.Columns[j], rows, nil, p.MaxBins)
			}
		}
		perItem(b, f.Rows()*len(f.Columns))
	})
	data := newBinned(c, &p, f, rows, nil)
	b.Run("values", func(b *testing.B) {
		for b.Loop() {
			data.apply(c, f, rows, nil)
		}
		perItem(b, f.Rows()*len(f.Columns))
	})
	slots := upTo(len(data.slots))
	laid := data.words(c, slots, nil)
	b.Run("words", func(b *testing.B) {
		for b.Loop() {
			laid = data.words(c, slots, laid.byRow)
		}
		perItem(b, f.Rows()*len(slots))
	})
}

// perItem reports nanoseconds per value, bin update or row.
func perItem(b *testing.B, items int) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(items), "ns/item")
}

// BenchmarkKernel is the inside of a tree on one thread, by kernels: the
// histogram of the root and of a leaf of every tenth row, and the partition.
func BenchmarkKernel(b *testing.B) {
	const rows, columns = 200_000, 40
	f, y := usual(rows, columns)
	all := make([]int32, rows)
	for i := range all {
		all[i] = int32(i)
	}
	c := newCrew(1)
	defer c.dismiss()
	p := Defaults()
	data := newBinned(c, &p, f, all, nil)
	s := &slopes{gradient: make([]float64, rows), hessian: make([]float64, rows)}
	LogLoss{}.Gradient(make([]float64, rows), y, s.gradient, s.hessian)
	if err := s.measure(c, func(int, int) {}); err != nil {
		b.Fatal(err)
	}
	root, leaf := make([]uint64, rows), []uint64(nil)
	for i := range root {
		root[i] = s.pack(uint32(i))
	}
	for r, i := stream(1), 0; i < rows; i += 1 + r.below(19) {
		leaf = append(leaf, root[i])
	}
	laid := data.words(c, upTo(columns), nil)
	var cut codeSet
	cut.addBelow(100)
	notes, to := make([]uint8, rows/8), make([]uint64, rows)
	d := new(desk)
	for _, k := range []struct {
		name string
		kernels
	}{{"portable", portable}, {"this machine", kernelsOfCPU}} {
		sums := func(b *testing.B, rows []uint64) {
			b.Helper()
			for b.Loop() {
				for at := 0; at < len(rows); at += packedRows {
					k.sum(d, &laid, 0, laid.blocks, rows[at:min(at+packedRows, len(rows))])
				}
			}
			perItem(b, len(rows)*columns)
		}
		b.Run("root/"+k.name, func(b *testing.B) { sums(b, root) })
		b.Run("leaf/"+k.name, func(b *testing.B) { sums(b, leaf) })
		b.Run("sides/"+k.name, func(b *testing.B) {
			for b.Loop() {
				k.sides(data.column(0), &cut, leaf, notes)
			}
			perItem(b, len(leaf))
		})
		b.Run("move/"+k.name, func(b *testing.B) {
			right := k.sides(data.column(0), &cut, leaf, notes)
			for b.Loop() {
				k.move(leaf, notes, to, 0, len(leaf)-right)
			}
			perItem(b, len(leaf))
		})
		b.Run("bins/"+k.name, func(b *testing.B) {
			out := make([]uint8, chunk)
			for b.Loop() {
				k.bins(f.Columns[0].Numbers[:chunk], data.columns[0].grid, 255, out)
			}
			perItem(b, chunk)
		})
	}
}
