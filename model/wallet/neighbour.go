package wallet

import (
	"math"
	"slices"

	"fealty/features/frame"
)

const (
	// maxReferences bounds the accounts of a category that travel with a model.
	maxReferences = 10_000
	// knots are the quantiles by which a number is placed among the others.
	knots = 33
	// far is the distance across all of a number's values, apart that of two
	// categories, or of a value and a missing one.
	far, apart = 1000, 500
	// missing and unseen are the codes of a missing value, equal to another one,
	// and of a level that no reference has, equal to none.
	missing, unseen = -1, -2
)

// coder turns one column into whole numbers by which neighbours are compared: a
// number into its place among the accounts, in thousandths, so that no unit and
// no heavy tail decides; a category into the number of its level.
type coder struct {
	Name string `json:"name"`
	// Knots are the quantiles of a number, ascending; of a category nil.
	Knots []float64 `json:"knots,omitempty"`
	// Levels are those of a category.
	Levels   []string `json:"levels,omitempty"`
	Category bool     `json:"category"`
}

// newCoder looks at the values of some accounts.
func newCoder(c *frame.Column, rows []int32) coder {
	if c.Kind == frame.Category {
		return coder{Name: c.Name, Levels: slices.Clone(c.Levels), Category: true}
	}
	values := make([]float64, 0, len(rows))
	for _, i := range rows {
		if v := c.Numbers[i]; !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return coder{Name: c.Name, Knots: knotsOf(values)}
}

// knotsOf returns quantiles of the values, which it sorts; none of no values.
func knotsOf(values []float64) []float64 {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	at := make([]float64, knots)
	for k := range at {
		at[k] = values[k*(len(values)-1)/(knots-1)]
	}
	return at
}

// place is the place of a number among the knots, 0 … far.
func (c *coder) place(v float64) int16 {
	if math.IsNaN(v) || len(c.Knots) == 0 {
		return missing
	}
	last := len(c.Knots) - 1
	from, found := slices.BinarySearch(c.Knots, v)
	at := 0.0
	switch {
	case found: // in the middle of the knots that equal it
		to := from
		for to < last && c.Knots[to+1] == v {
			to++
		}
		at = float64(from+to) / 2
	case from > last:
		at = float64(last)
	case from > 0:
		low, high := c.Knots[from-1], c.Knots[from]
		at = float64(from-1) + (v-low)/(high-low)
	}
	return int16(math.Round(at * far / max(1, float64(last))))
}

// code writes the codes of a column, every step-th place of to.
func (c *coder) code(column *frame.Column, to []int16, step int) {
	if !c.Category {
		for i, v := range column.Numbers {
			to[i*step] = c.place(v)
		}
		return
	}
	level := make([]int16, len(column.Levels)+1)
	level[0] = missing
	for k, name := range column.Levels {
		at := slices.Index(c.Levels, name)
		if at < 0 {
			at = unseen
		}
		level[k+1] = int16(at) //nolint:gosec // maxLevels bounds the levels
	}
	for i, v := range column.Codes {
		to[i*step] = level[v+1]
	}
}

// near is the quantile twin of boosting: the quantile of what the nearest
// references spend (a conditional quantile by nearest neighbours, Bhattacharya
// and Gangopadhyay, Annals of Statistics 18, 1990).
type near struct {
	// Neighbours is how many are asked.
	Neighbours int `json:"neighbours"`
	// Codes are those of the references, one after the other; Log their spend.
	Codes []int16   `json:"codes"`
	Log   []float64 `json:"log"`
}

// distance adds up the columns; past limit it may stop early.
func distance(a, b []int16, category []bool, limit uint32) uint32 {
	sum := uint32(0)
	for j, v := range a {
		switch w := b[j]; {
		case v == w && v != unseen:
			continue
		case v < 0 || w < 0 || category[j]:
			sum += apart
		case v > w:
			sum += uint32(v - w) //nolint:gosec // above 0
		default:
			sum += uint32(w - v) //nolint:gosec // above 0
		}
		if sum > limit {
			return sum
		}
	}
	return sum
}

// seeker looks for neighbours, reusing its memory.
type seeker struct {
	near     *near
	category []bool
	heap     []uint64 // distance and reference, the farthest first
	values   []float64
}

func newSeeker(n *near, category []bool) *seeker {
	return &seeker{n, category, make([]uint64, 0, n.Neighbours), make([]float64, n.Neighbours)}
}

// quantiles returns the quantiles of the log spend of the nearest references at
// two levels. Of references equally far the first count.
func (s *seeker) quantiles(row []int16, upper, middle float64) (atUpper, atMiddle float64) {
	width := len(row)
	s.heap = s.heap[:0]
	limit := uint32(math.MaxUint32)
	for k := range s.near.Log {
		d := distance(row, s.near.Codes[k*width:(k+1)*width], s.category, limit)
		if len(s.heap) < cap(s.heap) {
			s.push(uint64(d)<<32 | uint64(k)) //nolint:gosec // maxReferences bounds k
		} else if d < limit {
			s.replace(uint64(d)<<32 | uint64(k)) //nolint:gosec // as above
		}
		if len(s.heap) == cap(s.heap) {
			limit = uint32(s.heap[0] >> 32) //nolint:gosec // the upper half
		}
	}
	for i, v := range s.heap {
		s.values[i] = s.near.Log[uint32(v)] //nolint:gosec // the lower half
	}
	slices.Sort(s.values)
	return ranked(s.values, upper), ranked(s.values, middle)
}

// push adds to a heap that is not full.
func (s *seeker) push(v uint64) {
	s.heap = append(s.heap, v)
	for i := len(s.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if s.heap[up] >= s.heap[i] {
			return
		}
		s.heap[up], s.heap[i] = s.heap[i], s.heap[up]
		i = up
	}
}

// replace puts v in the place of the farthest.
func (s *seeker) replace(v uint64) {
	s.heap[0] = v
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(s.heap) {
			return
		}
		if child+1 < len(s.heap) && s.heap[child+1] > s.heap[child] {
			child++
		}
		if s.heap[i] >= s.heap[child] {
			return
		}
		s.heap[i], s.heap[child] = s.heap[child], s.heap[i]
		i = child
	}
}

// ranked returns the smallest of sorted values whose share of values ≤ it reaches level.
func ranked(sorted []float64, level float64) float64 {
	return sorted[min(len(sorted)-1, max(0, int(math.Ceil(level*float64(len(sorted))))-1))]
}
