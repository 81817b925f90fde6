package boost

import (
	"fmt"
	"math"
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

func (u units) of(c cell) (g, h float64) {
	return float64(c.gradient) * u.gradient, float64(c.packed>>countBits) * u.hessian
}

// chunk is how many rows one task of a pass over all rows takes. It is part of
// the arithmetic: floating sums are formed per chunk, then chunk by chunk.
const chunk = 4096

func chunks(rows int) int { return (rows + chunk - 1) / chunk }

// quantise rounds weighted gradients and hessians to whole units, chosen so that
// the sum over all rows fits. weights is nil where all are 1. The weight is
// applied after rounding: a row of weight 2 is then two rows of weight 1, to the bit.
func quantise(c *crew, gradient, hessian, weights []float64, out []cell) (units, error) {
	type sums struct {
		g, h float64
		bad  int
	}
	part := make([]sums, chunks(len(gradient)))
	c.run(len(part), func(k int) {
		s := sums{bad: -1}
		for i := k * chunk; i < min((k+1)*chunk, len(gradient)); i++ {
			w := 1.0
			if weights != nil {
				w = weights[i]
			}
			g, h := math.Abs(gradient[i])*w, hessian[i]*w
			if !(g <= math.MaxFloat64 && h >= 0 && h <= math.MaxFloat64) && s.bad < 0 {
				s.bad = i
			}
			s.g += g
			s.h += h
		}
		part[k] = s
	})
	total := sums{bad: -1}
	for _, s := range part {
		if s.bad >= 0 {
			return units{}, fmt.Errorf("training row %d has gradient %v and hessian %v", s.bad, gradient[s.bad], hessian[s.bad])
		}
		total.g += s.g
		total.h += s.h
	}
	if most := math.Ldexp(1, unitLimit); total.g > most || total.h > most {
		return units{}, fmt.Errorf("the gradients of %d rows sum to %v and the hessians to %v: too large", len(gradient), total.g, total.h)
	}
	up := units{gradient: unit(total.g, gradientBits), hessian: unit(total.h, hessianBits)}
	c.run(len(part), func(k int) {
		for i := k * chunk; i < min((k+1)*chunk, len(gradient)); i++ {
			g, h := math.RoundToEven(gradient[i]*up.gradient), math.RoundToEven(hessian[i]*up.hessian)
			if weights != nil {
				g, h = math.RoundToEven(g*weights[i]), math.RoundToEven(h*weights[i])
			}
			out[i] = cell{gradient: int64(g), packed: uint64(h)<<countBits | 1}
		}
	})
	return units{gradient: 1 / up.gradient, hessian: 1 / up.hessian}, nil
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

// build sums the cells of rows into the histogram's slots [8b, 8b+8).
func (h histogram) build(b *binned, block int, rows []uint32, cells []cell) {
	first := block * lanes
	last := min(first+lanes, len(b.slots))
	clear(h[b.offset[first]:b.offset[last]])
	var p [lanes]*[binsPerByte]cell
	for k := range p {
		// Lanes beyond the last slot hold byte 0: they add to cells behind the end, which nobody reads.
		at := b.offset[len(b.slots)]
		if first+k < last {
			at = b.offset[first+k]
		}
		p[k] = (*[binsPerByte]cell)(h[at:])
	}
	accumulate(&p, b.words[block], rows, cells[:len(rows)])
}

// accumulate is the innermost loop of training.
func accumulate(p *[lanes]*[binsPerByte]cell, words []uint64, rows []uint32, cells []cell) {
	p0, p1, p2, p3, p4, p5, p6, p7 := p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
	for i, r := range rows {
		w, g, n := words[r], cells[i].gradient, cells[i].packed
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

// subtract turns the parent's histogram into the larger child's, slots [8b, 8b+8).
func (h histogram) subtract(b *binned, block int, smaller histogram) {
	first := block * lanes
	last := min(first+lanes, len(b.slots))
	from, to := b.offset[first], b.offset[last]
	parent, child := h[from:to], smaller[from:to]
	for i := range parent {
		parent[i].gradient -= child[i].gradient
		parent[i].packed -= child[i].packed
	}
}
