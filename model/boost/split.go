package boost

import (
	"cmp"
	"math"
	"slices"
)

// codeSet is a set of bins.
type codeSet [4]uint64

func (s *codeSet) add(bin int)      { s[bin>>6] |= 1 << (bin & 63) }
func (s *codeSet) has(bin int) bool { return s[bin>>6]>>(bin&63)&1 != 0 }

// split is one way to cut a leaf in two. The zero value, with gain 0, is no split.
type split struct {
	gain float64
	slot int
	// threshold is the last value bin that goes left, and missingLeft where
	// missing goes, for numbers; left holds the bins that go left in any case.
	threshold   int
	missingLeft bool
	left        codeSet
	// sum of the rows that go left, and the two values, before shrinkage.
	sum                   cell
	leftValue, rightValue float64
}

// rules is what a leaf is cut by: parameters, units, direction and bounds.
type rules struct {
	minRows       int64
	minHessian    float64
	l1, l2        float64
	minGain       float64
	oneHot        int
	catSmooth     float64
	catL2         float64
	maxCatCodes   int
	minCatRows    int64
	units         units
	bounded       bool // any column has a direction: values have bounds
	lower, higher float64
}

// shrunk is the gradient after L1: soft thresholding.
func (r *rules) shrunk(g float64) float64 {
	if r.l1 == 0 {
		return g
	}
	return math.Copysign(max(math.Abs(g)-r.l1, 0), g)
}

// value is the leaf value that minimises the second-order loss, within bounds.
func (r *rules) value(g, h, l2 float64) float64 {
	v := 0.0
	if h+l2 > 0 {
		v = -r.shrunk(g) / (h + l2)
	}
	if r.bounded {
		v = min(max(v, r.lower), r.higher)
	}
	return v
}

// score is twice what a leaf takes off the loss: G² ÷ (H + λ) at its best value.
func (r *rules) score(g, h, l2 float64) float64 {
	g = r.shrunk(g)
	if h+l2 <= 0 {
		return 0
	}
	if !r.bounded {
		return g * g / (h + l2)
	}
	v := min(max(-g/(h+l2), r.lower), r.higher)
	return -(2*g*v + (h+l2)*v*v)
}

// floor is what the children's scores must exceed together. The tiny multiple
// keeps rounding from splitting a leaf whose rows are all alike.
func (r *rules) floor(total cell) float64 {
	g, h := r.units.of(total)
	parent := r.score(g, h, r.l2)
	return parent + r.minGain + 1e-10*math.Abs(parent)
}

// bestNumber finds the best cut of a number's cells (value bins, then missing).
// direction is +1 where the value must not fall with the feature, −1 where it
// must not rise, 0 where it may.
func (r *rules) bestNumber(cells []cell, total cell, direction int8) split {
	var (
		values  = len(cells) - 1
		missing = cells[values]
		floor   = r.floor(total)
		best    split
		score   = floor
		left    cell
	)
	// consider weighs the cut after bin t with `sum` on the left.
	consider := func(sum cell, t int, missingLeft bool) {
		rest := total.minus(sum)
		if sum.rows() < r.minRows || rest.rows() < r.minRows {
			return
		}
		lg, lh := r.units.of(sum)
		rg, rh := r.units.of(rest)
		if lh < r.minHessian || rh < r.minHessian {
			return
		}
		s := r.score(lg, lh, r.l2) + r.score(rg, rh, r.l2)
		if !(s > score) {
			return
		}
		if direction != 0 && float64(direction)*(r.value(rg, rh, r.l2)-r.value(lg, lh, r.l2)) < 0 {
			return
		}
		score = s
		best = split{gain: s - floor, threshold: t, missingLeft: missingLeft, sum: sum}
	}
	hasMissing := missing.rows() > 0
	for t := range values {
		if cells[t].rows() == 0 && !(t == values-1 && hasMissing) {
			continue // the same cut as the one before
		}
		left = left.plus(cells[t])
		if total.rows()-left.rows() < r.minRows {
			break // with missing on the left even fewer remain
		}
		if t < values-1 || hasMissing {
			consider(left, t, false)
		}
		if t < values-1 && hasMissing {
			consider(left.plus(missing), t, true)
		}
	}
	if best.gain > 0 {
		r.settle(&best, total, r.l2)
		if !hasMissing {
			// Nothing is known of missing values here: with the larger part.
			best.missingLeft = 2*best.sum.rows() >= total.rows()
		}
		for t := 0; t <= best.threshold; t++ {
			best.left.add(t)
		}
		if best.missingLeft {
			best.left.add(values)
		}
	}
	return best
}

// settle fills in the values of both sides.
func (r *rules) settle(s *split, total cell, l2 float64) {
	lg, lh := r.units.of(s.sum)
	rg, rh := r.units.of(total.minus(s.sum))
	s.leftValue, s.rightValue = r.value(lg, lh, l2), r.value(rg, rh, l2)
}

// bestCategory finds the best set of codes that go left; missing, rare and
// unseen codes always go right. It follows LightGBM: few codes are tried one by
// one; more are ordered by gradient ÷ hessian, where the best set is a stretch
// from one end (Fisher, JASA 53, 1958).
func (r *rules) bestCategory(cells []cell, total cell) split {
	values := len(cells) - 1
	if values <= r.oneHot {
		return r.bestCode(cells[:values], total)
	}
	floor := r.floor(total)
	order := make([]int, 0, values)
	ratio := make([]float64, values)
	for t, c := range cells[:values] {
		if n := c.rows(); n > 0 && float64(n) >= r.catSmooth {
			g, h := r.units.of(c)
			ratio[t] = g / (h + r.catSmooth)
			if h+r.catSmooth <= 0 {
				ratio[t] = 0
			}
			order = append(order, t)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ratio[a], ratio[b]) })
	var (
		l2    = r.l2 + r.catL2
		most  = min(r.maxCatCodes, (len(order)+1)/2)
		score = floor
		best  split
		count int
		back  bool
	)
	for _, backwards := range [2]bool{false, true} {
		var left cell
		group := int64(0)
		for i := range most {
			t := order[i]
			if backwards {
				t = order[len(order)-1-i]
			}
			left = left.plus(cells[t])
			group += cells[t].rows()
			rest := total.minus(left)
			lg, lh := r.units.of(left)
			rg, rh := r.units.of(rest)
			if left.rows() < r.minRows || lh < r.minHessian {
				continue
			}
			if rest.rows() < max(r.minRows, r.minCatRows) || rh < r.minHessian {
				break
			}
			if group < r.minCatRows {
				continue
			}
			group = 0
			if s := r.score(lg, lh, l2) + r.score(rg, rh, l2); s > score {
				score, count, back = s, i+1, backwards
				best = split{gain: s - floor, sum: left}
			}
		}
	}
	if best.gain > 0 {
		for i := range count {
			if back {
				best.left.add(order[len(order)-1-i])
			} else {
				best.left.add(order[i])
			}
		}
		r.settle(&best, total, l2)
	}
	return best
}

// bestCode tries each code against the rest.
func (r *rules) bestCode(cells []cell, total cell) split {
	floor := r.floor(total)
	score := floor
	var best split
	for t, c := range cells {
		rest := total.minus(c)
		if c.rows() == 0 || rest.rows() == 0 || c.rows() < r.minRows || rest.rows() < r.minRows {
			continue
		}
		lg, lh := r.units.of(c)
		rg, rh := r.units.of(rest)
		if lh < r.minHessian || rh < r.minHessian {
			continue
		}
		if s := r.score(lg, lh, r.l2) + r.score(rg, rh, r.l2); s > score {
			score = s
			best = split{gain: s - floor, sum: c, threshold: t}
		}
	}
	if best.gain > 0 {
		best.left.add(best.threshold)
		r.settle(&best, total, r.l2)
	}
	return best
}
