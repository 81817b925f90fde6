package tree

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"fealty/features/frame"
)

// parallelRows is how many rows a goroutine is worth.
const parallelRows = 8192

// Predict writes one margin per row of f into out, which has f.Rows() values.
// Columns are found by name; see Bind for what is refused. predict(row) equals
// predict(batch)[i] and Margin to the bit.
//
// From 16,384 rows on it uses up to GOMAXPROCS goroutines, each with 8,192 rows
// or more. A goroutine needs 64 bytes per distinct condition (at most one per
// node) and 50 KB, and 64 bytes per code up to 256 KB with categories.
func (e *Ensemble) Predict(f *frame.Frame, out []float64) error {
	rows, err := e.Bind(f)
	if err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	if len(out) != rows.Len() {
		return fmt.Errorf("predict: out has %d values for %d rows", len(out), rows.Len())
	}
	blocks := (len(out) + blockRows - 1) / blockRows
	workers := max(1, min(runtime.GOMAXPROCS(0), len(out)/parallelRows))
	var all sync.WaitGroup
	for w := 1; w < workers; w++ {
		all.Go(func() { e.predict(rows, out, blocks*w/workers, blocks*(w+1)/workers, &kernelsOfCPU) })
	}
	e.predict(rows, out, 0, blocks/workers, &kernelsOfCPU)
	all.Wait()
	return nil
}

// predict fills the blocks from … to−1 of out.
func (e *Ensemble) predict(rows *Rows, out []float64, from, to int, k *kernels) {
	var s *scratch
	row := make([]float64, len(e.names))
	for b := from; b < to; b++ {
		start := b * blockRows
		part := out[start:min(start+blockRows, len(out))]
		if len(part) < k.few {
			for i := range part {
				rows.Row(start+i, row)
				part[i] = e.Margin(row)
			}
			continue
		}
		if s == nil {
			s = newScratch(e.batch(), row)
		}
		e.block(rows, start, part, s, k)
	}
}

// scratch is what one goroutine needs; row is one value per feature.
type scratch struct {
	layout     *layout
	conditions []mask
	slots      []mask
	byCode     []mask
	present    []uint32
	codes      [blockRows]uint16
	missing    mask
	none       mask // stays empty
	ranks      [blockRows]uint8
	values     [blockRows]float64
	sums       [blockRows]float64
	row        []float64
}

func newScratch(l *layout, row []float64) *scratch {
	s := &scratch{
		layout: l, conditions: make([]mask, l.conditions),
		byCode: make([]mask, l.codes), present: make([]uint32, l.codes/32),
		row: row,
	}
	if l.conditions > 0 {
		s.slots = make([]mask, 2*maxBatchLeaves-1)
	}
	return s
}

// block predicts the rows start, start+1, … into out, at most blockRows of them.
func (e *Ensemble) block(rows *Rows, start int, out []float64, s *scratch, k *kernels) {
	n := len(out)
	used := (n + 63) / 64
	for i := range s.layout.columns {
		c := &s.layout.columns[i]
		values := rows.sources[c.feature].block(start, n, c.zero, &s.values)
		if c.sets != nil {
			c.answerSets(values, s, k)
			continue
		}
		k.rank(values, c.grid, c.thresholds, used, &s.ranks, &s.missing)
		conditions := s.conditions[c.from:]
		k.exceed(&s.ranks, &s.none, c.low, used, conditions)
		k.exceed(&s.ranks, &s.missing, c.high, used, conditions[len(c.low):])
	}
	clear(s.sums[:])
	trees := s.layout.trees
	for i := 0; i < len(trees); i++ {
		t := &trees[i]
		switch {
		case t.value == nil:
			first := i
			for i+1 < len(trees) && trees[i+1].value == nil {
				i++
			}
			for j := range n {
				rows.Row(start+j, s.row)
				s.sums[j] = e.single.add(s.sums[j], e.trees, first, i+1, s.row)
			}
		case len(t.steps) == 0:
			for j := range n {
				s.sums[j] += t.value[0]
			}
		default:
			k.add(t, s.conditions, s.slots, used, &s.sums)
		}
	}
	copy(out, s.sums[:])
}

// block returns n values from `start` on as a full block, what lies beyond them
// being of no meaning. It writes into to or returns the frame's own memory.
func (s *source) block(start, n int, zero bool, to *[blockRows]float64) *[blockRows]float64 {
	switch {
	case s.numbers == nil:
		for i, code := range s.codes[start : start+n] {
			to[i] = s.recode[code+1]
		}
	case zero:
		for i, v := range s.numbers[start : start+n] {
			if math.Abs(v) <= ZeroThreshold {
				v = math.NaN()
			}
			to[i] = v
		}
	case n == blockRows:
		return (*[blockRows]float64)(s.numbers[start:])
	default:
		copy(to[:], s.numbers[start:start+n])
	}
	return to
}
