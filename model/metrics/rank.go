package metrics

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Spearman returns the rank correlation of two lists of equal length, −1 … 1; ties
// share their mean rank. NaN where either list never differs. Values must be
// numbers. It panics if lengths differ.
func Spearman(a, b []float64) float64 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("metrics: rank correlation of %d and %d values", len(a), len(b)))
	}
	x, y := meanRanks(a), meanRanks(b)
	mean := float64(len(a)+1) / 2
	var xy, xx, yy float64
	for i := range x {
		xy += (x[i] - mean) * (y[i] - mean)
		xx += (x[i] - mean) * (x[i] - mean)
		yy += (y[i] - mean) * (y[i] - mean)
	}
	return min(1, max(-1, xy/math.Sqrt(xx*yy)))
}

// meanRanks are 1 … n, ties sharing their mean.
func meanRanks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	to := make([]float64, len(values))
	for from := 0; from < len(order); {
		end := from + 1
		for end < len(order) && values[order[end]] == values[order[from]] {
			end++
		}
		for _, i := range order[from:end] {
			to[i] = float64(from+1+end) / 2
		}
		from = end
	}
	return to
}
