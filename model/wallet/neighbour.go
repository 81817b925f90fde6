package wallet

import (
	"math"
	"math/bits"
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
	known := make(map[string]int16, len(c.Levels))
	for k, name := range c.Levels {
		known[name] = int16(k) // maxLevels bounds the levels
	}
	level := make([]int16, len(column.Levels)+1)
	level[0] = missing
	for k, name := range column.Levels {
		at, ok := known[name]
		if !ok {
			at = unseen
		}
		level[k+1] = at
	}
	for i, v := range column.Codes {
		to[i*step] = level[v+1]
	}
}

// near is the quantile twin of boosting: the quantile of what the nearest
// references spend (a conditional quantile by nearest neighbours, Bhattacharya
// and Gangopadhyay, Annals of Statistics 18, 1990).
type near struct {
	// Neighbours is how many are asked; more, if several are as far as the last.
	Neighbours int `json:"neighbours"`
	// Log is the spend of the references, ascending; Codes are theirs, column after column.
	Log   []float64 `json:"log"`
	Codes []int16   `json:"codes"`
}

// seeker looks for neighbours, reusing its memory.
type seeker struct {
	near              *near
	category          []bool
	distance, scratch []int32
	// counts of distances by their upper bits, shift the number of lower ones.
	counts [buckets]int32
	shift  int
}

const buckets = 512

func newSeeker(n *near, category []bool) *seeker {
	s := &seeker{near: n, category: category, distance: make([]int32, len(n.Log)), scratch: make([]int32, len(n.Log))}
	s.shift = max(0, bits.Len(uint(len(category)*far))-bits.Len(buckets-1))
	return s
}

// measure adds up the distances of all references from a row of codes. No
// reference has an unseen level.
func (s *seeker) measure(row []int16) {
	count := len(s.near.Log)
	clear(s.distance)
	for j, v := range row {
		codes := s.near.Codes[j*count:][:count]
		to := s.distance[:len(codes)]
		if s.category[j] || v == missing {
			for k, w := range codes {
				d := int32(0)
				if w != v {
					d = apart
				}
				to[k] += d
			}
			continue
		}
		for k, w := range codes {
			d := int32(v) - int32(w)
			if d < 0 {
				d = -d
			}
			if w == missing {
				d = apart
			}
			to[k] += d
		}
	}
}

// quantiles returns the quantiles of the log spend of the nearest references at
// two levels.
func (s *seeker) quantiles(row []int16, upper, middle float64) (atUpper, atMiddle float64) {
	s.measure(row)
	farthest := s.kth(s.near.Neighbours - 1)
	count := 0
	for _, d := range s.distance {
		if d <= farthest {
			count++
		}
	}
	// References ascend by spend, so that a quantile is one met on the way.
	wantUpper, wantMiddle := rank(count, upper), rank(count, middle)
	at := -1
	for k, d := range s.distance {
		if d > farthest {
			continue
		}
		at++
		if at == wantMiddle {
			atMiddle = s.near.Log[k]
		}
		if at == wantUpper {
			return s.near.Log[k], atMiddle
		}
	}
	panic("wallet: fewer neighbours than counted")
}

// kth returns the k-th smallest distance, from 0: it is looked for among those that
// share its upper bits.
func (s *seeker) kth(k int) int32 {
	clear(s.counts[:])
	for _, d := range s.distance {
		s.counts[d>>s.shift&(buckets-1)]++
	}
	at := 0
	for ; k >= int(s.counts[at]); at++ {
		k -= int(s.counts[at])
	}
	same := s.scratch[:0]
	for _, d := range s.distance {
		if int(d>>s.shift) == at {
			same = append(same, d)
		}
	}
	slices.Sort(same)
	return same[k]
}

// rank is the place, from 0, of the smallest of n sorted values whose share of
// values ≤ it reaches level.
func rank(n int, level float64) int {
	return min(n-1, max(0, int(math.Ceil(level*float64(n)))-1))
}

// ranked returns the value at the rank of a level among sorted values.
func ranked(sorted []float64, level float64) float64 { return sorted[rank(len(sorted), level)] }
