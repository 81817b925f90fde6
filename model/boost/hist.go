package boost

import (
	"fmt"
	"math"
	"math/bits"
)

// cell is one bin of a histogram, or the sum over a set of rows, in whole
// units: the gradient, and in one word the hessian and the number of rows. Both
// are exact, so that sums may be formed in any order, by any number of threads,
// and by subtraction.
type cell struct {
	gradient int64
	// packed is hessian << countBits | rows.
	packed uint64
}

// countBits bounds the number of rows of a training set to 2²⁸ − 1; the sum of
// hessians has the other 36 bits, one of which stays free for rounding.
const (
	countBits = 28
	maxRows   = 1<<countBits - 1
	// gradientBits and hessianBits bound the sums over all rows.
	gradientBits = 61
	hessianBits  = 64 - countBits - 1
)

func (c cell) rows() int64 { return int64(c.packed & maxRows) } // 28 bits

func (c cell) plus(d cell) cell { return cell{c.gradient + d.gradient, c.packed + d.packed} }

func (c cell) minus(d cell) cell { return cell{c.gradient - d.gradient, c.packed - d.packed} }

// units turns whole units back into gradients and hessians. Both are powers of two.
type units struct{ gradient, hessian float64 }

func (u units) inverse() units { return units{1 / u.gradient, 1 / u.hessian} }

func (u units) of(c cell) (g, h float64) {
	return float64(c.gradient) * u.gradient, float64(c.packed>>countBits) * u.hessian
}

// chunk is how many rows one task of a pass over all rows takes. It is part of
// the arithmetic: floating sums are formed per chunk, then chunk by chunk.
const chunk = 4096

func chunks(rows int) int { return (rows + chunk - 1) / chunk }

// slopes are the gradients and hessians of the training rows in one round, and
// how they become the whole numbers that histograms sum.
type slopes struct {
	gradient, hessian []float64
	weights           []float64 // nil where all are 1
	// full says what a whole unit of a full cell is; up is one over it.
	full, up units
	// cells has the full cell of every row; nil where gradients are packed.
	cells []cell
	// packing scales weighted slopes to what fits into a word; dither decides
	// which way each row is rounded.
	packing units
	dither  uint64
}

// measure checks the slopes and chooses the units so that the sum over all rows
// fits, and for packed gradients so that each row does. fill computes the slopes
// of rows [from, to) before they are looked at.
func (s *slopes) measure(c *crew, fill func(from, to int)) error {
	type sums struct {
		g, h, mostG, mostH float64
		bad                int
	}
	part := make([]sums, chunks(len(s.gradient)))
	c.run(len(part), func(k int) {
		p := sums{bad: -1}
		from, to := k*chunk, min((k+1)*chunk, len(s.gradient))
		fill(from, to)
		for i := from; i < to; i++ {
			w := 1.0
			if s.weights != nil {
				w = s.weights[i]
			}
			g, h := math.Abs(s.gradient[i])*w, s.hessian[i]*w
			if !(g <= math.MaxFloat64 && h >= 0 && h <= math.MaxFloat64) && p.bad < 0 {
				p.bad = i
			}
			p.g += g
			p.h += h
			if g > p.mostG { // max would ask for NaN and −0, too
				p.mostG = g
			}
			if h > p.mostH {
				p.mostH = h
			}
		}
		part[k] = p
	})
	var total sums
	for _, p := range part {
		if p.bad >= 0 {
			return fmt.Errorf("training row %d has gradient %v and hessian %v", p.bad, s.gradient[p.bad], s.hessian[p.bad])
		}
		total.g += p.g
		total.h += p.h
		total.mostG = max(total.mostG, p.mostG)
		total.mostH = max(total.mostH, p.mostH)
	}
	if most := math.Ldexp(1, unitLimit); total.g > most || total.h > most {
		return fmt.Errorf("the gradients of %d rows sum to %v and the hessians to %v: too large", len(s.gradient), total.g, total.h)
	}
	s.scale(total.g, total.h, total.mostG, total.mostH)
	return nil
}

// scale chooses units by bounds of the sums of absolute slopes and of each.
func (s *slopes) scale(g, h, mostG, mostH float64) {
	s.up = units{gradient: unit(g, gradientBits), hessian: unit(h, hessianBits)}
	s.full = s.up.inverse()
	s.packing = units{
		gradient: unit(mostG, packedBits),
		hessian:  unit(mostH, min(packedBits, hessianBits-bits.Len(uint(len(s.gradient))))),
	}
}

// measureLogLoss is measure for packed gradients of LogLoss without weights, which
// are bounded whatever the margins are.
func (s *slopes) measureLogLoss(c *crew, margin, y []float64) {
	most := make([][2]float64, chunks(len(margin)))
	c.run(len(most), func(k int) {
		a, b := k*chunk, min((k+1)*chunk, len(margin))
		most[k][0], most[k][1] = kernelsOfCPU.logLoss(margin[a:b], y[a:b], s.gradient[a:b], s.hessian[a:b])
	})
	g, h := 0.0, 0.0
	for _, m := range most {
		g, h = max(g, m[0]), max(h, m[1])
	}
	n := float64(len(margin))
	s.scale(g*n, h*n, g, h)
}

// round fills in the full cells of all rows.
func (s *slopes) round(c *crew) {
	c.run(chunks(len(s.cells)), func(k int) {
		for i := k * chunk; i < min((k+1)*chunk, len(s.cells)); i++ {
			s.cells[i] = s.cell(i)
		}
	})
}

// cell rounds the slopes of a row to whole units. The weight is applied after
// rounding: a row of weight 2 is then two rows of weight 1, to the bit.
func (s *slopes) cell(row int) cell {
	g, h := math.RoundToEven(s.gradient[row]*s.up.gradient), math.RoundToEven(s.hessian[row]*s.up.hessian)
	if s.weights != nil {
		g, h = math.RoundToEven(g*s.weights[row]), math.RoundToEven(h*s.weights[row])
	}
	return cell{gradient: int64(g), packed: uint64(h)<<countBits | 1}
}

// total is the sum of the rows' slopes in full units, without cell's ties to even
// and its promise on weights.
func (s *slopes) total(rows []uint64) cell {
	var g, h int64
	if s.weights == nil {
		g, h = kernelsOfCPU.total(rows, s.gradient, s.hessian, s.up)
	} else {
		for _, row := range rows {
			r := uint32(row) //nolint:gosec // the lower half is the row's number
			dg, dh := s.up.whole(s.gradient[r]*s.weights[r], s.hessian[r]*s.weights[r])
			g, h = g+dg, h+dh
		}
	}
	return cell{gradient: g, packed: uint64(h)<<countBits | uint64(len(rows))}
}

// whole is a pair of slopes in whole units, of which u says how many make one.
func (u units) whole(g, h float64) (gradient, hessian int64) {
	return int64(g * u.gradient), int64(float64(h*u.hessian) + 0.5)
}

// unitLimit bounds sums and units to 2^±unitLimit, so that squares and quotients
// of units stay far from the ends of float64.
const unitLimit = 300

// unit returns the greatest power of two, within unitLimit, by which a sum may be
// multiplied and still fit into bits.
func unit(sum float64, bits int) float64 {
	_, exponent := math.Frexp(sum) // sum < 2^exponent
	return math.Ldexp(1, min(max(bits-exponent, -unitLimit), unitLimit))
}

// histogram has the cells of all slots, each from its offset on, and 256 cells
// more at the end, so that every slot can be seen as 256 cells and an index of
// one byte needs no bounds check.
type histogram []cell

const binsPerByte = 256

func newHistogram(size int) histogram { return make(histogram, size+binsPerByte) }

// clear empties the cells of some slots.
func (h histogram) clear(b *binned, slots []int) {
	for _, slot := range slots {
		clear(h[b.offset[slot]:b.offset[slot+1]])
	}
}

// bins returns the cells of the at most eight slots of a block.
func (h histogram) bins(b *binned, slots []int) (p [lanes]*[binsPerByte]cell) {
	for k := range p {
		// Lanes beyond the last slot hold byte 0: they add to cells behind the end, which nobody reads.
		at := b.offset[len(b.slots)]
		if k < len(slots) {
			at = b.offset[slots[k]]
		}
		p[k] = (*[binsPerByte]cell)(h[at:])
	}
	return p
}

// build sums the cells of rows into the slots of n blocks. cells are indexed by row.
func (h histogram) build(b *binned, w *words, first, n int, rows []uint64, cells []cell) {
	h.clear(b, w.of(first, n))
	for len(rows) > 0 { // so that a row's line is still in the cache for its other blocks
		some := rows[:min(touchRows, len(rows))]
		for block := first; block < first+n; block++ {
			p := h.bins(b, w.of(block, 1))
			accumulate(&p, w.byRow[block:], w.blocks, some, cells)
		}
		rows = rows[len(some):]
	}
}

// accumulate is the innermost loop of training on full gradients. A row's word
// stands stride times its number behind the first word.
func accumulate(p *[lanes]*[binsPerByte]cell, words []uint64, stride int, rows []uint64, cells []cell) {
	p0, p1, p2, p3, p4, p5, p6, p7 := p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
	for _, row := range rows {
		r := int(uint32(row)) //nolint:gosec // the lower half is the row's number
		w, g, n := words[r*stride], cells[r].gradient, cells[r].packed
		c0 := &p0[uint8(w)] //nolint:gosec // one byte is meant, here and below
		c0.gradient += g
		c0.packed += n
		c1 := &p1[uint8(w>>8)] //nolint:gosec // see above
		c1.gradient += g
		c1.packed += n
		c2 := &p2[uint8(w>>16)] //nolint:gosec // see above
		c2.gradient += g
		c2.packed += n
		c3 := &p3[uint8(w>>24)] //nolint:gosec // see above
		c3.gradient += g
		c3.packed += n
		c4 := &p4[uint8(w>>32)] //nolint:gosec // see above
		c4.gradient += g
		c4.packed += n
		c5 := &p5[uint8(w>>40)] //nolint:gosec // see above
		c5.gradient += g
		c5.packed += n
		c6 := &p6[uint8(w>>48)] //nolint:gosec // see above
		c6.gradient += g
		c6.packed += n
		c7 := &p7[uint8(w>>56)]
		c7.gradient += g
		c7.packed += n
	}
}

// subtract turns the parent's cells into the larger child's, slot by slot.
func (h histogram) subtract(b *binned, slot int, smaller histogram) {
	from, to := b.offset[slot], b.offset[slot+1]
	parent, child := h[from:to], smaller[from:to]
	for i := range parent {
		parent[i].gradient -= child[i].gradient
		parent[i].packed -= child[i].packed
	}
}
