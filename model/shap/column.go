package shap

import (
	"math"
	"slices"

	"fealty/model/tree"
)

// column sorts the values of one feature into cells: two values of one cell go
// the same way at every node of the ensemble, so that the cell is all of a value
// that an explanation depends on.
//
// Of a number, cell c holds what exceeds exactly c of the bounds, and the cell
// after the last holds NaN. Of a category, cell 0 holds what is in no set, negative
// and unseen codes among it, cell 1 NaN, and each cell from there on the codes that
// are members of the same sets.
type column struct {
	category bool
	bounds   []float64
	cell     []uint16  // of each code
	codes    []float64 // one for each cell
	wide     bool      // too many cells to count; nothing else is filled in then
}

const (
	// maxCells leaves the highest of 16 bits free, which compares four cells at a time.
	maxCells = 1 << 15
	// maxClasses bounds what a category's lookups take per piece and feature: 8 KB.
	maxClasses = 1 << 12
)

// newColumns returns one column per feature of the ensemble.
func newColumns(e *tree.Ensemble) []column {
	columns := make([]column, len(e.Header().Features))
	sets := make([][][]uint32, len(columns))
	for j, f := range e.Header().Features {
		columns[j].category = f.Category
	}
	for i := range e.Len() {
		t := e.Tree(i)
		for n, f := range t.Feature {
			if columns[f].category {
				sets[f] = append(sets[f], t.Codes[n])
			} else {
				columns[f].bounds = appendBounds(columns[f].bounds, &t, n)
			}
		}
	}
	for j := range columns {
		c := &columns[j]
		if c.category {
			c.classify(sets[j])
			continue
		}
		c.bounds = ordered(c.bounds)
		if c.wide = len(c.bounds)+2 > maxCells; c.wide {
			c.bounds = nil
		}
	}
	return columns
}

// appendBounds appends the numbers at which a node's answer changes.
func appendBounds(to []float64, t *tree.Tree, node int) []float64 {
	to = append(to, t.Threshold[node])
	if t.Decision[node].Missing() == tree.MissingZero {
		to = append(to, math.Nextafter(-tree.ZeroThreshold, math.Inf(-1)), tree.ZeroThreshold)
	}
	return to
}

func ordered(bounds []float64) []float64 {
	slices.Sort(bounds)
	return slices.Clip(slices.Compact(bounds))
}

// classify gives every code the number of its class. Each set splits the classes
// that it cuts: its members leave for a new one.
func (c *column) classify(sets [][]uint32) {
	var class []int32
	for _, s := range sets {
		for len(class) < 32*len(s) {
			class = append(class, 0)
		}
	}
	next := int32(1)
	for _, s := range sets {
		split := map[int32]int32{}
		for code := range 32 * len(s) {
			if s[code>>5]>>(code&31)&1 == 0 {
				continue
			}
			to, seen := split[class[code]]
			if !seen {
				to = next
				split[class[code]] = to
				next++
			}
			class[code] = to
		}
	}
	// Classes that lost all their codes go; those that stay are numbered anew.
	number := map[int32]uint16{0: 0}
	c.codes = []float64{-1, math.NaN()}
	c.cell = make([]uint16, len(class))
	for code, of := range class {
		n, seen := number[of]
		if !seen {
			if len(c.codes) == maxClasses {
				c.wide, c.codes, c.cell = true, nil, nil
				return
			}
			n = uint16(len(c.codes)) //nolint:gosec // less than maxClasses
			number[of] = n
			c.codes = append(c.codes, float64(code))
		}
		c.cell[code] = n
	}
}

// of returns the cell of a value.
func (c *column) of(x float64) uint16 {
	if c.category {
		if x != x {
			return 1
		}
		if !(x > -1 && x < float64(len(c.cell))) {
			return 0
		}
		return c.cell[int(x)] // a value in (−1, 0) is cut to 0, as in tree.Tree
	}
	if x != x { // the test for NaN without a call
		return uint16(len(c.bounds) + 1) //nolint:gosec // less than maxCells
	}
	return uint16(below(c.bounds, x)) //nolint:gosec // less than maxCells
}

// below returns how many of the ascending bounds are less than x, without a
// branch that depends on x.
func below(bounds []float64, x float64) int {
	at := 0
	for n := len(bounds); n > 0; {
		half := (n + 1) / 2
		step := 0
		if bounds[at+half-1] < x {
			step = half
		}
		at += step
		n -= half
	}
	return at
}
