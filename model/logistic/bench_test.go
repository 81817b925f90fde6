package logistic

import (
	"context"
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
