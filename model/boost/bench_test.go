package boost

import (
	"context"
	"fmt"
	"math"
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
			c.Numbers[i] = v
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

// BenchmarkFit trains on the usual size: 15 k rows × 60 columns, 150 trees × 31 leaves.
func BenchmarkFit(b *testing.B) {
	f, y := usual(15_000, 60)
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			p := Defaults()
			p.Threads = threads
			for b.Loop() {
				if _, err := Fit(context.Background(), p, f, y, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBin is the part of BenchmarkFit before the first tree.
func BenchmarkBin(b *testing.B) {
	f, y := usual(15_000, 60)
	p := Defaults()
	p.Rounds = 1
	for b.Loop() {
		if _, err := Fit(context.Background(), p, f, y, nil); err != nil {
			b.Fatal(err)
		}
	}
}
