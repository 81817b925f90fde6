package metrics

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
)

// Errors of this package, to be recognised with errors.Is.
var (
	// ErrInput marks lengths that differ, no rows, values that are not finite or
	// outside their range; the message names the row.
	ErrInput = errors.New("metrics: bad input")
	// ErrOneClass says that a metric which compares classes has only one.
	ErrOneClass = errors.New("metrics: only one class")
	// ErrUndefined says that the quantity does not exist for this input.
	ErrUndefined = errors.New("metrics: not defined")
)

func checkFinite(what string, n int, v []float64) error {
	if len(v) != n {
		return fmt.Errorf("%w: %d values of %s for %d rows", ErrInput, len(v), what, n)
	}
	for i, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%w: %s of row %d is %v", ErrInput, what, i, x)
		}
	}
	return nil
}

// largest bounds the magnitude of what is summed and multiplied (weights, values,
// margins, relevance), so that no sum or product of them is infinite.
const largest = 1e100

// checkSized is checkFinite with magnitudes of at most largest.
func checkSized(what string, n int, v []float64) error {
	if err := checkFinite(what, n, v); err != nil {
		return err
	}
	for i, x := range v {
		if math.Abs(x) > largest {
			return fmt.Errorf("%w: %s of row %d is %v, want a magnitude of at most %g", ErrInput, what, i, x, largest)
		}
	}
	return nil
}

// checkShares checks weights and counts: none is negative, one is above 0, and
// none is so small that its product with another vanishes.
func checkShares(what string, n int, v []float64) error {
	if err := checkSized(what, n, v); err != nil {
		return err
	}
	var sum float64
	for i, x := range v {
		if x != 0 && !(x >= 1/largest) {
			return fmt.Errorf("%w: %s of row %d is %v, want 0 or %g … %g", ErrInput, what, i, x, 1/largest, largest)
		}
		sum += x
	}
	if sum == 0 {
		return fmt.Errorf("%w: every %s is 0", ErrInput, what)
	}
	return nil
}

func checkBinary(what string, v []float64) error {
	if len(v) == 0 {
		return fmt.Errorf("%w: no rows", ErrInput)
	}
	for i, x := range v {
		if x != 0 && x != 1 {
			return fmt.Errorf("%w: %s of row %d is %v, want 0 or 1", ErrInput, what, i, x)
		}
	}
	return nil
}

func checkWeights(n int, w []float64) error {
	if w == nil {
		return nil
	}
	return checkShares("weight", n, w)
}

// checkScored is the check of outcomes with scores and, maybe, weights.
func checkScored(y, score, w []float64) error {
	if err := checkBinary("outcome", y); err != nil {
		return err
	}
	if err := checkFinite("score", len(y), score); err != nil {
		return err
	}
	return checkWeights(len(y), w)
}

// checkProbable is checkScored with scores in [0,1].
func checkProbable(y, p, w []float64) error {
	if err := checkScored(y, p, w); err != nil {
		return err
	}
	for i, v := range p {
		if v < 0 || v > 1 {
			return fmt.Errorf("%w: probability of row %d is %v, want 0 … 1", ErrInput, i, v)
		}
	}
	return nil
}

func weightOf(w []float64, i int) float64 {
	if w == nil {
		return 1
	}
	return w[i]
}

// groups yields the rows by score, highest first, cut where the score changes;
// rows of one score in their own order. One sort, whatever is done with it.
func groups(score []float64) iter.Seq[[]int] {
	order := descending(score)
	return func(yield func([]int) bool) {
		from := 0
		for k := 1; k <= len(order); k++ {
			if k < len(order) && score[order[k]] == score[order[from]] {
				continue
			}
			if !yield(order[from:k]) {
				return
			}
			from = k
		}
	}
}

// descending returns the rows by score, highest first. The scores are sorted
// together with their rows: looked up by row, each comparison would miss the
// cache.
func descending(score []float64) []int {
	type scoredRow struct {
		score float64
		row   int
	}
	rows := make([]scoredRow, len(score))
	for i, v := range score {
		rows[i] = scoredRow{v, i}
	}
	slices.SortFunc(rows, func(a, b scoredRow) int {
		// Plain comparisons, not cmp.Compare: no score is NaN.
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return a.row - b.row
	})
	order := make([]int, len(rows))
	for k, r := range rows {
		order[k] = r.row
	}
	return order
}

// classes counts the outcomes; an error says that one of them is absent.
func classes(y []float64) (positives, negatives int, err error) {
	for _, v := range y {
		if v == 1 {
			positives++
		} else {
			negatives++
		}
	}
	if positives == 0 || negatives == 0 {
		return positives, negatives, fmt.Errorf("%w: %d positives, %d negatives", ErrOneClass, positives, negatives)
	}
	return positives, negatives, nil
}
