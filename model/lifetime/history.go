package lifetime

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Errors of this package, to be recognised with errors.Is.
var (
	// ErrInput marks columns whose lengths differ or a value that no history can
	// have; the message names the row and the way out.
	ErrInput = errors.New("lifetime: bad input")
	// ErrParams marks a parameter outside its bounds.
	ErrParams = errors.New("lifetime: parameter out of bounds")
	// ErrNotConverged says that the likelihood has no optimum that these histories
	// determine; the message says what to do.
	ErrNotConverged = errors.New("lifetime: not converged")
	// ErrNoRepeat is ErrNotConverged where nobody bought again.
	ErrNoRepeat = fmt.Errorf("%w: nobody bought again", ErrNotConverged)
	// ErrText marks a text that is not a saved model.
	ErrText = errors.New("lifetime: not a saved model")
)

// largest bounds times, amounts, counts and weights from above and, for times,
// amounts and weights that are not 0, its reciprocal from below: no product of
// them overflows.
const largest = 1e12

// Histories holds one account per row, all times in one unit and as of one
// cutoff; the three columns have the same length. A purchase is a buying day
// (or another unit within which repeats count once).
type Histories struct {
	// Frequency is x, the repeat purchases: those after the first. A whole number.
	Frequency []float64
	// Recency is t_x, the time from the first to the last purchase: 0 if and only
	// if Frequency is 0.
	Recency []float64
	// Age is T, the time from the first purchase to the cutoff: at least Recency.
	Age []float64
	// Paid is how many purchases the mean spend beside a history is of. Nil means
	// Frequency: the repeat purchases alone, as the literature counts; with all of them
	// it is Frequency + 1. A whole number, at least Frequency.
	Paid []float64
}

// counts is what the mean spend is of, by row.
func (h Histories) counts() []float64 {
	if h.Paid != nil {
		return h.Paid
	}
	return h.Frequency
}

// paid is what the mean spend of row i is of.
func (h Histories) paid(i int) float64 { return h.counts()[i] }

// Rows is the number of accounts.
func (h Histories) Rows() int { return len(h.Frequency) }

// Check verifies every row; its error wraps ErrInput and names the first bad one.
func (h Histories) Check() error {
	n := len(h.Frequency)
	if len(h.Recency) != n || len(h.Age) != n {
		return fmt.Errorf("%w: %d frequencies, %d recencies and %d ages: want one of each per account", ErrInput, n, len(h.Recency), len(h.Age))
	}
	if h.Paid != nil && len(h.Paid) != n {
		return fmt.Errorf("%w: %d counts of what was paid for %d accounts: want one per account", ErrInput, len(h.Paid), n)
	}
	for i, paid := range h.Paid {
		if !(paid >= h.Frequency[i] && paid <= largest) || paid != math.Trunc(paid) {
			return fmt.Errorf("%w: row %d: %v purchases were paid of %v repeat purchases: want a whole number of at least as many", ErrInput, i, paid, h.Frequency[i])
		}
	}
	for i, x := range h.Frequency {
		t, age := h.Recency[i], h.Age[i]
		// One comparison each for the good rows; the reason is found afterwards.
		if x >= 0 && x <= largest && x == math.Trunc(x) && t >= 0 && t <= age && age <= largest &&
			(x > 0) == (t > 0) && (t == 0 || t >= 1/largest) && (age == 0 || age >= 1/largest) {
			continue
		}
		return fmt.Errorf("%w: row %d: %s", ErrInput, i, fault(x, t, age))
	}
	return nil
}

// fault says what is wrong with a row.
func fault(x, t, age float64) string {
	switch {
	case !(x >= 0 && x <= largest) || x != math.Trunc(x):
		return fmt.Sprintf("frequency is %v: want the whole number of repeat purchases, 0 … %g", x, largest)
	case !(age >= 0 && age <= largest) || (age > 0 && age < 1/largest):
		return fmt.Sprintf("age is %v: want the time from the first purchase to the cutoff, 0 or %g … %g", age, 1/largest, largest)
	case !(t >= 0) || (t > 0 && t < 1/largest):
		return fmt.Sprintf("recency is %v: want the time from the first to the last purchase, 0 or at least %g", t, 1/largest)
	case t > age:
		return fmt.Sprintf("recency %v is beyond the age %v: count both from the first purchase, in the same unit and to the same cutoff", t, age)
	case x > 0:
		return fmt.Sprintf("frequency %v without recency: the last of several purchases lies after the first; count purchases of one day once", x)
	default:
		return fmt.Sprintf("recency %v without frequency: a one-time buyer's last purchase is the first, recency 0", t)
	}
}

// checkWeights verifies weights (nil means all 1) of n rows and returns their sum.
func checkWeights(weights []float64, n int) (float64, error) {
	if weights == nil {
		return float64(n), nil
	}
	if len(weights) != n {
		return 0, fmt.Errorf("%w: %d weights for %d rows", ErrInput, len(weights), n)
	}
	var sum float64
	for i, w := range weights {
		if w != 0 && !(w >= 1/largest && w <= largest) {
			return 0, fmt.Errorf("%w: row %d: weight is %v, want 0 or %g … %g", ErrInput, i, w, 1/largest, largest)
		}
		sum += w
	}
	return sum, nil
}

func weightOf(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// table holds the distinct histories with their weights, in ascending order of
// frequency, age and recency, so that no sum depends on the order of the rows.
// Real histories count days and repeat each other: the likelihood needs its
// logarithms once per distinct value, not once per account.
type table struct {
	xs, ages, recencies []float64 // distinct values, ascending
	x, age, recency     []int32   // by distinct history: which of the values
	weight              []float64
	total               float64 // Σ weight
	purchases           float64 // Σ weight · x
}

// cell is one account's place among the distinct ages and recencies.
type cell struct {
	age, recency int32
	weight       float64
}

// tabulate collapses histories that passed Check. Times are divided by scale.
func tabulate(h Histories, weights []float64, scale float64) *table {
	var d table
	var byX, byAge, byRecency []int32
	d.xs, byX = distinct(h.Frequency)
	d.ages, byAge = distinct(h.Age)
	d.recencies, byRecency = distinct(h.Recency)
	// A counting sort by frequency, then each frequency by age and recency.
	ends := make([]int, len(d.xs)+1)
	for i, k := range byX {
		if weightOf(weights, i) > 0 {
			ends[k+1]++
		}
	}
	for k := range d.xs {
		ends[k+1] += ends[k]
	}
	cells, next := make([]cell, ends[len(d.xs)]), slices.Clone(ends)
	for i, k := range byX {
		if w := weightOf(weights, i); w > 0 {
			cells[next[k]] = cell{byAge[i], byRecency[i], w}
			next[k]++
		}
	}
	for k := range d.xs {
		group := cells[ends[k]:ends[k+1]]
		slices.SortFunc(group, func(a, b cell) int {
			if a.age != b.age {
				return int(a.age) - int(b.age)
			}
			if a.recency != b.recency {
				return int(a.recency) - int(b.recency)
			}
			return cmp.Compare(a.weight, b.weight)
		})
		for from := 0; from < len(group); {
			first, w, to := group[from], 0.0, from
			for ; to < len(group) && group[to].age == first.age && group[to].recency == first.recency; to++ {
				w += group[to].weight
			}
			d.x = append(d.x, int32(k))
			d.age = append(d.age, first.age)
			d.recency = append(d.recency, first.recency)
			d.weight = append(d.weight, w)
			d.total += w
			d.purchases += w * d.xs[k]
			from = to
		}
	}
	for _, times := range [][]float64{d.ages, d.recencies} {
		for k := range times {
			times[k] /= scale
		}
	}
	return &d
}

// thin is every k-th distinct history: enough to tell good starts from bad ones.
func (d *table) thin(k int) *table {
	t := &table{xs: d.xs, ages: d.ages, recencies: d.recencies}
	for i := k / 2; i < len(d.weight); i += k {
		t.x, t.age, t.recency = append(t.x, d.x[i]), append(t.age, d.age[i]), append(t.recency, d.recency[i])
		t.weight = append(t.weight, d.weight[i])
		t.total += d.weight[i]
		t.purchases += d.weight[i] * d.xs[d.x[i]]
	}
	return t
}

// distinct returns the distinct values, ascending, and each row's place there.
func distinct(column []float64) (values []float64, place []int32) {
	seen, place := make(map[float64]int32), make([]int32, len(column))
	for i, v := range column {
		k, known := seen[v]
		if !known {
			k = int32(len(values)) //nolint:gosec // fewer rows than 2³¹: a column of them has 16 GiB
			seen[v] = k
			values = append(values, v)
		}
		place[i] = k
	}
	order := make([]int32, len(values))
	for k := range order {
		order[k] = int32(k)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(values[a], values[b]) })
	rank, sorted := make([]int32, len(values)), make([]float64, len(values))
	for k, was := range order {
		rank[was], sorted[k] = int32(k), values[was]
	}
	for i, k := range place {
		place[i] = rank[k]
	}
	return sorted, place
}
