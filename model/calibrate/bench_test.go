package calibrate

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkMillion fits each calibrator on a million rows and reads it once per
// row.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	r := rand.New(rand.NewPCG(1, 1))
	margin, y := make([]float64, n), make([]float64, n)
	for i := range n {
		margin[i] = 2 * r.NormFloat64()
		if r.Float64() < Logistic(0.6*margin[i]-0.4) {
			y[i] = 1
		}
	}
	for _, c := range []struct {
		name string
		fit  func() (Calibrator, error)
	}{
		{"affine", func() (Calibrator, error) { return FitAffine(margin, y, nil) }},
		{"beta", func() (Calibrator, error) { return FitBeta(margin, y, nil, BetaABM) }},
		{"isotonic", func() (Calibrator, error) { return FitIsotonic(margin, y, nil) }},
		{"venn-abers", func() (Calibrator, error) { return FitVennAbers(margin, y) }},
	} {
		b.Run("fit/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.fit(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("read/"+c.name, func(b *testing.B) {
			fitted, err := c.fit()
			if err != nil {
				b.Fatal(err)
			}
			var sum float64
			for b.Loop() {
				for _, m := range margin {
					sum += fitted.Probability(m)
				}
			}
			if !(sum > 0) {
				b.Fatalf("probabilities sum to %v", sum)
			}
		})
	}
}
