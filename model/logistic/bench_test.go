package logistic

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
)

// BenchmarkFit is the usual size of a rung: 15,000 rows, three columns of town.
func BenchmarkFit(b *testing.B) {
	f, y := town(15_000, 1)
	for b.Loop() {
		if _, err := Fit(context.Background(), Defaults(), f, y, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFitWide is the usual size of a training: 20,000 rows, 60 columns, a
// tenth of them with gaps.
func BenchmarkFitWide(b *testing.B) {
	const rows, width = 20_000, 60
	r := rand.New(rand.NewPCG(6, 6))
	columns, y := make([][]float64, width), make([]float64, rows)
	for k := range columns {
		columns[k] = make([]float64, rows)
	}
	for i := range rows {
		var eta float64
		for k := range columns {
			v := r.NormFloat64()
			eta += v / float64(2+k)
			if columns[k][i] = v; k%10 == 0 && r.IntN(5) == 0 {
				columns[k][i] = math.NaN()
			}
		}
		if r.Float64() < 1/(1+math.Exp(-eta)) {
			y[i] = 1
		}
	}
	f := numbers(columns...)
	for b.Loop() {
		if _, err := Fit(context.Background(), Defaults(), f, y, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPredict reports margins per second as ns for 15,000 rows.
func BenchmarkPredict(b *testing.B) {
	f, y := town(15_000, 1)
	m, err := Fit(context.Background(), Defaults(), f, y, nil)
	if err != nil {
		b.Fatal(err)
	}
	out := make([]float64, f.Rows())
	for b.Loop() {
		if err := m.Predict(f, out); err != nil {
			b.Fatal(err)
		}
	}
}
