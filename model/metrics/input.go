package metrics

import (
	"cmp"
	"errors"
	"fmt"
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
	if err := checkFinite("weight", n, w); err != nil {
		return err
	}
	var sum float64
	for i, x := range w {
		if x < 0 {
			return fmt.Errorf("%w: weight of row %d is %v, want 0 or more", ErrInput, i, x)
		}
		sum += x
	}
	if sum == 0 || math.IsInf(sum, 1) {
		return fmt.Errorf("%w: the weights sum to %v", ErrInput, sum)
	}
	return nil
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

// groups returns the rows by score, highest first, cut where the score changes.
func groups(score []float64) [][]int {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(score[b], score[a]), cmp.Compare(a, b)) })
	var all [][]int
	from := 0
	for k := 1; k <= len(order); k++ {
		if k == len(order) || score[order[k]] != score[order[from]] {
			all = append(all, order[from:k])
			from = k
		}
	}
	return all
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
