package metrics

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// PSIFloor is the usual least share of a bin in PSI.
const PSIFloor = 1e-4

// PSICounts returns the population stability index of two sets of bin counts,
// Σ (actual − expected)·ln(actual ÷ expected) over shares: the symmetrised
// Kullback–Leibler divergence (Jeffreys 1946). Shares are raised to floor, not
// renormalised; a bin empty on both sides adds nothing. With floor 0, a bin
// empty on one side is ErrUndefined. Usual reading: below 0.1 stable, above
// 0.25 shifted.
func PSICounts(expected, actual []float64, floor float64) (float64, error) {
	if len(expected) == 0 {
		return 0, fmt.Errorf("%w: no bins", ErrInput)
	}
	if !(floor >= 0 && floor < 1) {
		return 0, fmt.Errorf("%w: the floor is %v, want 0 or more, below 1", ErrInput, floor)
	}
	totals := [2]float64{}
	for k, v := range [2][]float64{expected, actual} {
		if err := checkShares("count", len(expected), v); err != nil {
			return 0, fmt.Errorf("%s bins: %w", [2]string{"expected", "actual"}[k], err)
		}
		for _, c := range v {
			totals[k] += c
		}
	}
	var sum float64
	for i := range expected {
		e, a := max(expected[i]/totals[0], floor), max(actual[i]/totals[1], floor)
		if e == a {
			continue
		}
		if e == 0 || a == 0 {
			return 0, fmt.Errorf("%w: bin %d is empty on one side and the floor is 0", ErrUndefined, i)
		}
		sum += (a - e) * math.Log(a/e)
	}
	return sum, nil
}

// Drift is a PSI with the bins that made it.
type Drift struct {
	PSI float64
	// Edges are the upper edges of all bins but the last; a value on an edge
	// belongs below it.
	Edges []float64
	// Expected and Actual count values per bin; the last one, after
	// len(Edges) + 1 bins of values, counts missing values.
	Expected, Actual []float64
}

// PSI compares two samples by quantile bins of the first (linear interpolation,
// numpy's default), with missing values (NaN) as a bin of their own. Equal
// quantiles make one bin. bins is 1 … 10,000; for floor see PSICounts.
func PSI(expected, actual []float64, bins int, floor float64) (Drift, error) {
	if err := checkBins(bins, 1); err != nil {
		return Drift{}, err
	}
	for _, sample := range [][]float64{expected, actual} {
		for i, v := range sample {
			if math.IsInf(v, 0) {
				return Drift{}, fmt.Errorf("%w: value of row %d is %v", ErrInput, i, v)
			}
		}
	}
	first, firstMissing := sortedCopy(expected)
	second, secondMissing := sortedCopy(actual)
	var d Drift
	if len(first) > 0 {
		for k := 1; k < bins; k++ {
			d.Edges = append(d.Edges, sampleQuantile(first, float64(k)/float64(bins)))
		}
		d.Edges = slices.Compact(d.Edges)
	}
	d.Expected = binCounts(first, firstMissing, d.Edges)
	d.Actual = binCounts(second, secondMissing, d.Edges)
	var err error
	d.PSI, err = PSICounts(d.Expected, d.Actual, floor)
	return d, err
}

// sampleQuantile interpolates between order statistics at (n − 1)·q.
func sampleQuantile(sorted []float64, q float64) float64 {
	h := float64(len(sorted)-1) * q
	low := int(h)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	part := h - float64(low)
	return sorted[low]*(1-part) + sorted[low+1]*part
}

func binCounts(sorted []float64, missing int, edges []float64) []float64 {
	counts := make([]float64, len(edges)+2)
	for _, v := range sorted {
		counts[sort.SearchFloat64s(edges, v)]++
	}
	counts[len(edges)+1] = float64(missing)
	return counts
}

// KolmogorovSmirnov returns the largest gap between the distribution functions
// of two samples.
func KolmogorovSmirnov(a, b []float64) (float64, error) {
	if len(a) == 0 || len(b) == 0 {
		return 0, fmt.Errorf("%w: samples of %d and %d values", ErrInput, len(a), len(b))
	}
	if err := checkFinite("value", len(a), a); err != nil {
		return 0, fmt.Errorf("first sample: %w", err)
	}
	if err := checkFinite("value", len(b), b); err != nil {
		return 0, fmt.Errorf("second sample: %w", err)
	}
	label := make([]float64, len(a)+len(b))
	for i := range a {
		label[i] = 1
	}
	return KS(label, slices.Concat(a, b))
}
