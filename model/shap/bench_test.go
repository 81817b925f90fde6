package shap

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fealty/features/frame"
	"fealty/model/boost"
	"fealty/model/tree"
)

// usual trains trees on 100,000 rows of 40 columns, half of which tell something:
// heavy-tailed, whole and partly missing numbers. It returns the first rows.
func usual(b *testing.B, trees, leaves, rows int) (*tree.Ensemble, *frame.Frame) {
	b.Helper()
	const width, training = 40, 100_000
	r := rand.New(rand.NewPCG(1, 2))
	odds, data := make([]float64, training), make([][]float64, training)
	for i := range data {
		data[i] = make([]float64, width)
	}
	for j := range width {
		for i := range data {
			v := r.NormFloat64()
			if j%2 == 0 {
				odds[i] += 0.3*v + 0.2*math.Sin(3*v)
			}
			switch j % 4 {
			case 0:
				v = math.Exp(1.5 * v)
			case 1:
				v = math.Round(3 * v)
			}
			if j%7 == 0 && r.Float64() < 0.2 {
				v = math.NaN()
			}
			data[i][j] = v
		}
	}
	y := make([]float64, training)
	for i := range y {
		if r.Float64() < 1/(1+math.Exp(-odds[i])) {
			y[i] = 1
		}
	}
	p := boost.Defaults()
	p.Rounds, p.Leaves = trees, leaves
	e, err := boost.Fit(context.Background(), p, numbers(names(width), data), y, nil)
	if err != nil {
		b.Fatal(err)
	}
	return e, numbers(names(width), data[:rows])
}

// sizes are the shapes of ensembles that are measured.
var sizes = []struct{ trees, leaves, rows int }{{100, 31, 20_000}, {300, 31, 20_000}, {100, 255, 4096}}

// BenchmarkExplain explains many rows with all tables built.
func BenchmarkExplain(b *testing.B) {
	for _, s := range sizes {
		b.Run(fmt.Sprintf("trees=%d/leaves=%d", s.trees, s.leaves), func(b *testing.B) {
			e, f := usual(b, s.trees, s.leaves, s.rows)
			x := explainer(b, e)
			x.prepare(patience)
			out := make([]float64, f.Rows()*len(e.Features()))
			for b.Loop() {
				if _, err := x.Explain(f, out); err != nil {
					b.Fatal(err)
				}
			}
			perSecond(b, f.Rows())
		})
	}
}

func perSecond(b *testing.B, rows int) {
	b.Helper()
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkRow explains and predicts one row after the other, before tables are
// built and after.
func BenchmarkRow(b *testing.B) {
	for _, s := range sizes {
		e, f := usual(b, s.trees, s.leaves, 4096)
		for _, tables := range []bool{false, true} {
			b.Run(fmt.Sprintf("trees=%d/leaves=%d/tables=%v", s.trees, s.leaves, tables), func(b *testing.B) {
				x := explainer(b, e)
				if tables {
					x.prepare(patience)
				}
				rows, err := x.Bind(f)
				if err != nil {
					b.Fatal(err)
				}
				row, out := make([]float64, 40), make([]float64, 40)
				sum, i := 0.0, 0
				for b.Loop() {
					if !tables {
						x.tables.seen.Store(0)
					}
					rows.Row(i%rows.Len(), row)
					i++
					sum += x.Margin(row) + x.ExplainRow(row, out)
				}
			})
		}
	}
}

// BenchmarkTables prepares an explainer and builds its tables.
func BenchmarkTables(b *testing.B) {
	for _, s := range sizes {
		b.Run(fmt.Sprintf("trees=%d/leaves=%d", s.trees, s.leaves), func(b *testing.B) {
			e, _ := usual(b, s.trees, s.leaves, 1)
			var x *Explainer
			for b.Loop() {
				x = explainer(b, e)
				x.prepare(patience)
			}
			b.ReportMetric(float64(tableBytes(x))/1e6, "MB")
		})
	}
}

func tableBytes(x *Explainer) int {
	size := 0
	for i := range x.tables.of {
		size += 8 * len(x.tables.get(i))
	}
	return size
}

// BenchmarkInterventional compares with 100 rows: first all is prepared, then rows are explained.
func BenchmarkInterventional(b *testing.B) {
	e, f := usual(b, 100, 31, 20_000)
	background := f.Take(rand.New(rand.NewPCG(3, 4)).Perm(f.Rows())[:100])
	b.Run("prepare", func(b *testing.B) {
		for b.Loop() {
			x, err := NewInterventional(e, background)
			if err != nil {
				b.Fatal(err)
			}
			x.prepare(patience)
		}
	})
	x, err := NewInterventional(e, background)
	if err != nil {
		b.Fatal(err)
	}
	x.prepare(patience)
	out := make([]float64, f.Rows()*len(e.Features()))
	b.Run("rows", func(b *testing.B) {
		for b.Loop() {
			if _, err := x.Explain(f, out); err != nil {
				b.Fatal(err)
			}
		}
		perSecond(b, f.Rows())
	})
}

// BenchmarkInteract computes all interactions of a row.
func BenchmarkInteract(b *testing.B) {
	e, f := usual(b, 100, 31, 512)
	x := explainer(b, e)
	out := make([]float64, f.Rows()*len(e.Features())*len(e.Features()))
	for b.Loop() {
		if _, err := x.Interact(f, out); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, f.Rows())
}
