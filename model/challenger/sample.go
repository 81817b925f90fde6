package challenger

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"fealty/features/frame"
)

// Errors of Fit, to be recognised with errors.Is.
var (
	// ErrParams marks a parameter outside its bounds.
	ErrParams = errors.New("challenger: parameter out of bounds")
	// ErrBadInput marks a frame, outcome or weight that can't be learnt from; the
	// message names column and row.
	ErrBadInput = errors.New("challenger: bad input")
	// ErrNoRows says that no row has a weight above 0.
	ErrNoRows = errors.New("challenger: no rows to learn from")
	// ErrOneClass says that every row with a weight has the same outcome.
	ErrOneClass = errors.New("challenger: only one class among the outcomes")
	// ErrGolearn says that golearn failed on what it should have learnt.
	ErrGolearn = errors.New("challenger: golearn failed")
)

// mostValues is the largest rows × columns of a training frame.
const mostValues = 1 << 31

// check refuses what can't be learnt from.
func check(f *frame.Frame, y, weights []float64) error {
	rows := f.Rows()
	switch {
	case len(y) != rows:
		return fmt.Errorf("%w: %d outcomes for %d rows", ErrBadInput, len(y), rows)
	case weights != nil && len(weights) != rows:
		return fmt.Errorf("%w: %d weights for %d rows", ErrBadInput, len(weights), rows)
	case int64(rows)*int64(len(f.Columns)) >= mostValues:
		return fmt.Errorf("%w: %d rows of %d columns are too many values; the most is 2³¹", ErrBadInput, rows, len(f.Columns))
	}
	for i, v := range y {
		if v != 0 && v != 1 {
			return fmt.Errorf("%w: outcome %v in row %d, want 0 or 1", ErrBadInput, v, i)
		}
	}
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return fmt.Errorf("%w: weight %v in row %d, want a finite number from 0", ErrBadInput, w, i)
		}
	}
	if err := numbersOnly(f); err != nil {
		return err
	}
	if err := f.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrBadInput, err)
	}
	return nil
}

func numbersOnly(f *frame.Frame) error {
	for i := range f.Columns {
		if c := &f.Columns[i]; c.Kind != frame.Number {
			return fmt.Errorf("%w: column %q is %s; a challenger reads numbers only, leave it out", ErrBadInput, c.Name, c.Kind)
		}
	}
	return nil
}

// columns returns the model's columns of f, in its order, and refuses a frame
// that lacks one or holds what can't be read.
func columns(f *frame.Frame, names []string, out int) ([]frame.Column, error) {
	if out != f.Rows() {
		return nil, fmt.Errorf("%w: %d rows into %d values", ErrBadInput, f.Rows(), out)
	}
	part, err := f.Select(names)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadInput, err)
	}
	if err := numbersOnly(part); err != nil {
		return nil, err
	}
	if err := part.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadInput, err)
	}
	return part.Columns, nil
}

// sample returns the rows that stand for all in golearn, which knows no weights:
// by cutoff and account, each as often as its weight says, at most most of them.
// Its size is the sum of the weights, at least one for each row that has one.
//
// It is a systematic sample: of the weights laid end to end, the rows at equal
// steps. Whole weights are met exactly, others to within one row, and nothing
// depends on the order in which rows came. rate is the share of the weight on
// churned rows. ErrOneClass when all rows, or all of the sample, are alike.
func sample(f *frame.Frame, y, weights []float64, most int) (all []int, rate float64, err error) {
	var rows []int
	total := 0.0
	for i := range f.Rows() {
		if weights == nil || weights[i] > 0 {
			rows = append(rows, i)
		}
	}
	slices.SortStableFunc(rows, func(i, j int) int {
		return cmp.Or(cmp.Compare(f.Cutoffs[i], f.Cutoffs[j]), cmp.Compare(f.Accounts[i], f.Accounts[j]))
	})
	weight := func(i int) float64 {
		if weights == nil {
			return 1
		}
		return weights[i]
	}
	churned := 0.0
	for _, i := range rows {
		total += weight(i)
		churned += weight(i) * y[i]
	}
	switch {
	case len(rows) == 0:
		return nil, 0, ErrNoRows
	case math.IsInf(total, 0):
		return nil, 0, fmt.Errorf("%w: the weights sum to more than a float64 holds", ErrBadInput)
	}
	size := int(min(float64(most), max(math.Round(total), float64(len(rows)))))
	step := total / float64(size)
	reached, k := weight(rows[0]), 0
	for j := range size {
		at := (float64(j) + 0.5) * step
		for reached <= at && k < len(rows)-1 {
			k++
			reached += weight(rows[k])
		}
		all = append(all, rows[k])
	}
	first := y[all[0]]
	if !slices.ContainsFunc(all, func(i int) bool { return y[i] != first }) {
		return nil, 0, fmt.Errorf("%w: %v in all %d rows of the sample; %d rows have a weight", ErrOneClass, first, len(all), len(rows))
	}
	return all, churned / total, nil
}

// varying returns the places of the columns that hold two values among the rows,
// or one and a gap, by name. Of columns that say the same in every row the first
// counts: twice the same column is no second voice.
func varying(f *frame.Frame, rows []int) []int {
	var all []int
	for k := range f.Columns {
		values := f.Columns[k].Numbers
		first := values[rows[0]]
		constant := !slices.ContainsFunc(rows, func(i int) bool { return !same(values[i], first) })
		repeated := slices.ContainsFunc(all, func(other int) bool {
			return !slices.ContainsFunc(rows, func(i int) bool { return !same(values[i], f.Columns[other].Numbers[i]) })
		})
		if !constant && !repeated {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b int) int { return cmp.Compare(f.Columns[a].Name, f.Columns[b].Name) })
	return all
}

// same tells whether two values are the same or both missing.
func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// present returns the values of the rows that are not missing, sorted.
func present(values []float64, rows []int) []float64 {
	sorted := make([]float64, 0, len(rows))
	for _, i := range rows {
		if v := values[i]; !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	return sorted
}

// logOdds of a probability between 0 and 1, both excluded.
func logOdds(p float64) float64 { return math.Log(p) - math.Log1p(-p) }
