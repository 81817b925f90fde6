package metrics_test

import (
	"math"
	"testing"

	"fealty/model/metrics"
)

func TestSpearmanByHand(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2, 3, 4}, []float64{10, 20, 30, 40}, 1},
		{[]float64{1, 2, 3, 4}, []float64{4, 3, 2, 1}, -1},
		// 1 − 6·Σd² ÷ n(n²−1) = 1 − 6·4 ÷ 60.
		{[]float64{1, 2, 3, 4}, []float64{2, 1, 4, 3}, .6},
		// Ranks 1, 2.5, 2.5, 4 against 1 … 4: 4.5 ÷ √(4.5·5).
		{[]float64{1, 2, 2, 9}, []float64{1, 2, 3, 4}, 4.5 / math.Sqrt(22.5)},
		{[]float64{1, 1, 1}, []float64{1, 2, 3}, math.NaN()},
	} {
		if got := metrics.Spearman(c.a, c.b); !(math.Abs(got-c.want) < 1e-15) && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("of %v and %v it is %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
