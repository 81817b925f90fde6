package calibrate

import (
	"fmt"
	"math"
	"slices"
)

// VennAbers is the inductive Venn–Abers predictor: two probabilities, of which
// one is calibrated whatever the outcome will be (Vovk and Petej, UAI 2014;
// Vovk, Petej and Fedorova, NeurIPS 2015). Their distance tells how little is
// known near a margin.
type VennAbers struct {
	x           []float64
	count, ones []int64
	// first[k] is where the last block begins when points 0 … k are pooled;
	// last[k] where the first block ends when points k … n−1 are. Following
	// either gives all blocks on that side of any margin, so that one more
	// point is pooled in a few steps instead of all over again.
	first, last []int
	// upTo[k] tallies points 0 … k−1.
	upTo []tally
}

var _ Calibrator = (*VennAbers)(nil)

// FitVennAbers keeps margins and outcomes, equal margins pooled; memory is 56
// bytes per distinct margin. There are no weights: the theory is of
// exchangeable rows.
func FitVennAbers(margin, y []float64) (*VennAbers, error) {
	if err := check(margin, y, nil); err != nil {
		return nil, err
	}
	v := &VennAbers{}
	for _, p := range pooled(margin, y, nil) {
		v.x = append(v.x, p.x)
		v.count, v.ones = append(v.count, int64(p.weight)), append(v.ones, int64(p.sum))
	}
	v.index()
	return v, nil
}

// tally counts rows and positives; averages are compared by products of
// integers, hence exactly.
type tally struct{ ones, count int64 }

func (t tally) plus(o tally) tally     { return tally{t.ones + o.ones, t.count + o.count} }
func (t tally) atLeast(o tally) bool   { return t.ones*o.count >= o.ones*t.count }
func (v *VennAbers) point(k int) tally { return tally{v.ones[k], v.count[k]} }

func (v *VennAbers) index() {
	n := len(v.x)
	v.first, v.last, v.upTo = make([]int, n), make([]int, n), make([]tally, n+1)
	means := make([]tally, n) // of the block that ends, or begins, at k
	for k := range n {
		v.upTo[k+1] = v.upTo[k].plus(v.point(k))
		from, block := k, v.point(k)
		for from > 0 && means[from-1].atLeast(block) {
			block = block.plus(means[from-1])
			from = v.first[from-1]
		}
		v.first[k], means[k] = from, block
	}
	for k := n - 1; k >= 0; k-- {
		to, block := k, v.point(k)
		for to < n-1 && block.atLeast(means[to+1]) {
			block = block.plus(means[to+1])
			to = v.last[to+1]
		}
		v.last[k], means[k] = to, block
	}
}

// Interval returns p0 and p1, the isotonic estimates at margin if it is added
// to the calibration rows with outcome 0 and with outcome 1; p0 < p1.
func (v *VennAbers) Interval(margin float64) (p0, p1 float64) {
	if math.IsNaN(margin) {
		return margin, margin
	}
	k, found := slices.BinarySearch(v.x, margin)
	before, after := k-1, k
	own := tally{0, 1}
	if found {
		own, after = own.plus(v.point(k)), k+1
	}
	p0 = v.estimate(own, before, after)
	own.ones++
	return p0, v.estimate(own, before, after)
}

// estimate pools a new point with its neighbours up to before and from after.
func (v *VennAbers) estimate(block tally, before, after int) float64 {
	for {
		// The left neighbour is the block that ends at before, and so on.
		if before >= 0 {
			if left := v.sum(v.first[before], before); left.atLeast(block) {
				block, before = block.plus(left), v.first[before]-1
				continue
			}
		}
		if after < len(v.x) {
			if right := v.sum(after, v.last[after]); block.atLeast(right) {
				block, after = block.plus(right), v.last[after]+1
				continue
			}
		}
		return float64(block.ones) / float64(block.count)
	}
}

// sum is the tally of points from … to.
func (v *VennAbers) sum(from, to int) tally {
	high, low := v.upTo[to+1], v.upTo[from]
	return tally{high.ones - low.ones, high.count - low.count}
}

// Kind returns "venn-abers".
func (*VennAbers) Kind() string { return kindVennAbers }

// Probability returns p1/(1 − p0 + p1), the single probability of least regret
// under log-loss (Vovk and Petej, §4).
func (v *VennAbers) Probability(margin float64) float64 {
	p0, p1 := v.Interval(margin)
	return p1 / (1 - p0 + p1)
}

func (v *VennAbers) check() error {
	if len(v.x) == 0 || len(v.count) != len(v.x) || len(v.ones) != len(v.x) {
		return fmt.Errorf("%d margins, %d counts and %d positives", len(v.x), len(v.count), len(v.ones))
	}
	var total int64
	for k := range v.x {
		if !finite(v.x[k]) || (k > 0 && v.x[k] <= v.x[k-1]) {
			return fmt.Errorf("margin %d is %v and must rise", k, v.x[k])
		}
		// Products of two sums must fit an int64.
		if v.count[k] < 1 || v.count[k] > maxRows || v.ones[k] < 0 || v.ones[k] > v.count[k] {
			return fmt.Errorf("margin %d has %d rows and %d positives", k, v.count[k], v.ones[k])
		}
		if total += v.count[k]; total > maxRows {
			return fmt.Errorf("more than %d rows", maxRows)
		}
	}
	return nil
}
