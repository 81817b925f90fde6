package calibrate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Isotonic is the best rising step function, joined by straight lines between
// its thresholds and level beyond them.
type Isotonic struct {
	x, y []float64
}

var _ Calibrator = (*Isotonic)(nil)

// pool is what stands at one margin: its weight and weighted sum of outcomes.
type pool struct{ x, weight, sum float64 }

func (p pool) mean() float64 { return p.sum / p.weight }

// pooled sorts by x and joins equal x; rows of weight 0 vanish.
func pooled(x, y, weights []float64) []pool {
	all := make([]pool, 0, len(x))
	for i := range x {
		if w := weightOf(weights, i); w > 0 {
			// +0 makes −0 and 0 one number, also in the saved text.
			all = append(all, pool{x[i] + 0, w, w * y[i]})
		}
	}
	// Sums must not depend on the order of rows, so ties are ordered too.
	slices.SortFunc(all, func(a, b pool) int {
		// Plain comparisons first, not cmp.Compare: no margin is NaN.
		switch {
		case a.x < b.x:
			return -1
		case a.x > b.x:
			return 1
		}
		return cmp.Or(cmp.Compare(a.weight, b.weight), cmp.Compare(a.sum, b.sum))
	})
	joined := all[:0]
	for _, p := range all {
		if k := len(joined) - 1; k >= 0 && joined[k].x == p.x {
			joined[k].weight += p.weight
			joined[k].sum += p.sum
		} else {
			joined = append(joined, p)
		}
	}
	return joined
}

// FitIsotonic returns the isotonic regression of outcomes on margins by pooling
// adjacent violators (Ayer et al., Annals of Mathematical Statistics 26 (1955)
// 641–647; Zadrozny and Elkan, KDD 2002), equal margins pooled first. It needs
// many rows, and it copies their base rate: on a season that differs from the
// next it makes calibration worse.
func FitIsotonic(margin, y, weights []float64) (*Isotonic, error) {
	if err := check(margin, y, weights); err != nil {
		return nil, err
	}
	return regress(margin, y, weights), nil
}

// regress fits any outcomes.
func regress(x, y, weights []float64) *Isotonic {
	points := pooled(x, y, weights)
	type block struct {
		pool
		from int
	}
	var blocks []block
	for k, p := range points {
		b := block{p, k}
		for len(blocks) > 0 && blocks[len(blocks)-1].mean() >= b.mean() {
			last := blocks[len(blocks)-1]
			b.weight, b.sum, b.from = b.weight+last.weight, b.sum+last.sum, last.from
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	// A block needs its two ends; what lies between them lies on the line.
	s := &Isotonic{}
	for k, b := range blocks {
		to := len(points)
		if k+1 < len(blocks) {
			to = blocks[k+1].from
		}
		s.x, s.y = append(s.x, points[b.from].x), append(s.y, b.mean())
		if to-b.from > 1 {
			s.x, s.y = append(s.x, points[to-1].x), append(s.y, b.mean())
		}
	}
	return s
}

// Kind returns "isotonic".
func (*Isotonic) Kind() string { return kindIsotonic }

// Thresholds returns the corners of the function, margins rising. The caller
// owns the slices.
func (s *Isotonic) Thresholds() (margin, probability []float64) {
	return slices.Clone(s.x), slices.Clone(s.y)
}

// Probability returns the value at margin.
func (s *Isotonic) Probability(margin float64) float64 {
	if math.IsNaN(margin) {
		return margin
	}
	k, found := slices.BinarySearch(s.x, margin)
	switch {
	case found:
		return s.y[k]
	case k == 0:
		return s.y[0]
	case k == len(s.x):
		return s.y[k-1]
	}
	part := (margin - s.x[k-1]) / (s.x[k] - s.x[k-1])
	if math.IsInf(s.x[k]-s.x[k-1], 0) {
		// Halves are finite; of subnormal margins, though, they may be 0.
		part = (margin/2 - s.x[k-1]/2) / (s.x[k]/2 - s.x[k-1]/2)
	}
	low, high := s.y[k-1], s.y[k]
	return min(max(low+part*(high-low), low), high)
}

func (s *Isotonic) check() error {
	if len(s.x) == 0 || len(s.x) != len(s.y) {
		return fmt.Errorf("%d margins and %d probabilities", len(s.x), len(s.y))
	}
	for k := range s.x {
		if !finite(s.x[k]) || !(s.y[k] >= 0 && s.y[k] <= 1) {
			return fmt.Errorf("corner %d is (%v, %v)", k, s.x[k], s.y[k])
		}
		if k > 0 && (s.x[k] <= s.x[k-1] || s.y[k] < s.y[k-1]) {
			return fmt.Errorf("corner %d does not rise", k)
		}
	}
	return nil
}
