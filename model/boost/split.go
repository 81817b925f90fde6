package boost

import (
	"cmp"
	"math"
	"slices"
)

// codeSet is a set of bins.
type codeSet [4]uint64

func (s *codeSet) add(bin int) { s[bin>>6] |= 1 << (bin & 63) }

// addBelow adds the bins 0 … n−1.
func (s *codeSet) addBelow(n int) {
	for w := range s {
		s[w] |= 1<<min(max(n-64*w, 0), 64) - 1
	}
}

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
	l2                    float64 // that shrank them
}

// rules is what a leaf is cut by: parameters, units, direction and bounds.
type rules struct {
	minRows    int64
	minHessian float64
	// minShare is how many average rows' hessian a side needs, in rows of the leaf
	// that is cut; 0 for none.
	minShare      float64
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

// valueOf is the value of a seat by its total, within its bounds.
func (r *rules) valueOf(s *seat) float64 {
	within := *r
	within.lower, within.higher = s.lower, s.higher
	g, h := r.units.of(s.total)
	return within.value(g, h, s.l2)
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

// least is the smallest hessian of a side.
func (r *rules) least(total cell) float64 {
	if r.minShare == 0 {
		return r.minHessian
	}
	_, h := r.units.of(total)
	return max(r.minHessian, r.minShare*h/float64(total.rows()))
}

// floor is what the children's scores must exceed together. The tiny multiple
// keeps rounding from splitting a leaf whose rows are all alike.
func (r *rules) floor(total cell) float64 {
	g, h := r.units.of(total)
	parent := r.score(g, h, r.l2)
	return parent + r.minGain + 1e-10*math.Abs(parent)
}

// bestNumber finds the best cut of a number's cells (value bins, then missing):
// gain, threshold and missingLeft. cutNumber fills in the rest of the one that is
// chosen. direction is +1 where the value must not fall with the feature, −1
// where it must not rise, 0 where it may.
func (r *rules) bestNumber(cells []cell, total cell, direction int8) split {
	values := len(cells) - 1
	missing := cells[values]
	hasMissing := missing.rows() > 0
	floor := r.floor(total)
	// Missing on the right; the cut behind the last value parts values from missing.
	upTo := values - 1
	if hasMissing {
		upTo = values
	}
	at, score := r.scan(cells[:upTo], cell{}, total, direction, floor)
	missingLeft := false
	if hasMissing {
		if k, s := r.scan(cells[:values-1], missing, total, direction, max(floor, score)); k >= 0 {
			at, score, missingLeft = k, s, true
		}
	}
	if at < 0 {
		return split{}
	}
	return split{gain: score - floor, threshold: at, missingLeft: missingLeft}
}

// cutNumber fills in what a split that bestNumber found does to the leaf.
func (r *rules) cutNumber(s *split, cells []cell, total cell) {
	values := len(cells) - 1
	missing := cells[values]
	for _, c := range cells[:s.threshold+1] {
		s.sum = s.sum.plus(c)
	}
	if s.missingLeft {
		s.sum = s.sum.plus(missing)
	}
	if missing.rows() == 0 {
		// Nothing is known of missing values here: with the larger part.
		s.missingLeft = 2*s.sum.rows() >= total.rows()
	}
	s.left.addBelow(s.threshold + 1)
	if s.missingLeft {
		s.left.add(values)
	}
	r.settle(s, total, r.l2)
}

// scan weighs the cut behind each of the cells, with `left` on the left from the
// start, and returns the first one with the highest score above floor; −1 if
// there is none.
//
// It works in whole units and compares G²/H + G²/H without dividing. Where L1,
// bounds or a direction bind, that is more than a cut can score: only those that
// would win without them are then weighed in full.
func (r *rules) scan(cells []cell, left, total cell, direction int8, floor float64) (at int, score float64) {
	var (
		// score = scale × gradient² ÷ hessian, all powers of two.
		scale   = r.units.gradient * r.units.gradient / r.units.hessian
		l2      = r.l2 / r.units.hessian
		least   = r.least(total) / r.units.hessian
		free    = direction == 0 && !r.bounded && r.l1 == 0 && r.l2+r.minHessian > 0
		g, p    = left.gradient, left.packed
		tg      = float64(total.gradient)
		th      = float64(total.packed >> countBits)
		minRows = uint64(r.minRows) //nolint:gosec // at least 1
		span    = total.packed&maxRows - 2*minRows
		bar     = floor / scale
	)
	// Both sums round differently, but by much less than this.
	const nearly = 1 - 1e-9
	if at, score = -1, floor; total.packed&maxRows < 2*minRows {
		return at, score
	}
	if !free {
		bar *= nearly
	}
	for t := range cells {
		g += cells[t].gradient
		p += cells[t].packed
		if p&maxRows-minRows > span { // unsigned: too few on either side
			continue
		}
		lg, lh := float64(g), float64(int64(p>>countBits)) // 36 bits
		rg, rh := tg-lg, th-lh
		if lh < least || rh < least {
			continue
		}
		over, under := lg*lg*(rh+l2)+rg*rg*(lh+l2), (lh+l2)*(rh+l2)
		switch {
		case !(over > bar*under):
		case free:
			at, bar = t, over/under
		default:
			if s, ok := r.weigh(cell{g, p}, total, direction); ok && s > score {
				at, score, bar = t, s, s/scale*nearly
			}
		}
	}
	if free {
		score = bar * scale
	}
	return at, score
}

// weigh returns the score of a cut in full, and whether it keeps to the direction.
func (r *rules) weigh(left, total cell, direction int8) (score float64, ok bool) {
	lg, lh := r.units.of(left)
	rg, rh := r.units.of(total.minus(left))
	return r.score(lg, lh, r.l2) + r.score(rg, rh, r.l2), float64(direction)*(r.value(rg, rh, r.l2)-r.value(lg, lh, r.l2)) >= 0
}

// settle fills in the values of both sides.
func (r *rules) settle(s *split, total cell, l2 float64) {
	lg, lh := r.units.of(s.sum)
	rg, rh := r.units.of(total.minus(s.sum))
	s.leftValue, s.rightValue, s.l2 = r.value(lg, lh, l2), r.value(rg, rh, l2), l2
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
		least = r.least(total)
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
			if left.rows() < r.minRows || lh < least {
				continue
			}
			if rest.rows() < max(r.minRows, r.minCatRows) || rh < least {
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
	score, least := floor, r.least(total)
	var best split
	for t, c := range cells {
		rest := total.minus(c)
		if c.rows() == 0 || rest.rows() == 0 || c.rows() < r.minRows || rest.rows() < r.minRows {
			continue
		}
		lg, lh := r.units.of(c)
		rg, rh := r.units.of(rest)
		if lh < least || rh < least {
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
