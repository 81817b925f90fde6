package metrics

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// AUC returns the area under the ROC curve: the probability that a random
// positive scores above a random negative, ties counting one half (Hanley and
// McNeil, Radiology 143 (1982) 29–36). Without weights it is exact up to one
// division. Weights multiply pairs. ErrOneClass if a class has no weight.
func AUC(y, score, weights []float64) (float64, error) {
	if err := checkScored(y, score, weights); err != nil {
		return 0, err
	}
	var positives, negatives, wins float64
	for group := range groups(score) {
		var p, n float64
		for _, i := range group {
			if y[i] == 1 {
				p += weightOf(weights, i)
			} else {
				n += weightOf(weights, i)
			}
		}
		wins += n * (positives + p/2)
		positives, negatives = positives+p, negatives+n
	}
	if positives == 0 || negatives == 0 {
		return 0, fmt.Errorf("%w: weight %v of positives, %v of negatives", ErrOneClass, positives, negatives)
	}
	return wins / (positives * negatives), nil
}

// AUCEstimate is an AUC with the variance of its estimate.
type AUCEstimate struct {
	AUC, Variance        float64
	Positives, Negatives int
}

// StandardError returns the square root of Variance.
func (a AUCEstimate) StandardError() float64 { return math.Sqrt(a.Variance) }

// Interval returns the Wald interval at confidence, a share such as 0.95, cut
// to [0,1]. Where the scores tell the classes apart without error the variance
// is 0 and the interval a point, which a few rows do not warrant. It panics if
// confidence is not strictly between 0 and 1.
func (a AUCEstimate) Interval(confidence float64) (low, high float64) {
	half := quantile(confidence) * a.StandardError()
	return max(0, a.AUC-half), min(1, a.AUC+half)
}

func quantile(confidence float64) float64 {
	if !(confidence > 0 && confidence < 1) {
		panic("metrics: a confidence lies strictly between 0 and 1")
	}
	return distuv.UnitNormal.Quantile((1 + confidence) / 2)
}

// PairedAUC compares two scores of the same rows.
type PairedAUC struct {
	A, B AUCEstimate
	// Covariance is that of the two estimates.
	Covariance float64
	// Difference is A − B, with its Variance, its z and the two-sided p of the
	// hypothesis that the AUCs are equal.
	Difference, Variance, Z, P float64
}

// Interval returns the Wald interval of Difference at confidence, cut to
// [−1,1]. It panics if confidence is not strictly between 0 and 1.
func (p PairedAUC) Interval(confidence float64) (low, high float64) {
	half := quantile(confidence) * math.Sqrt(p.Variance)
	return max(-1, p.Difference-half), min(1, p.Difference+half)
}

// DeLong returns the AUC with the variance of DeLong, DeLong and
// Clarke-Pearson, Biometrics 44 (1988) 837–845, from placements found by
// sorting (Sun and Xu, IEEE Signal Processing Letters 21 (2014) 1389–1393).
// Each class needs two rows. Rows count as independent; several cutoffs of one
// account are not, and then the variance is too small.
func DeLong(y, score []float64) (AUCEstimate, error) {
	if err := checkScored(y, score, nil); err != nil {
		return AUCEstimate{}, err
	}
	p, err := place(y, score)
	if err != nil {
		return AUCEstimate{}, err
	}
	return p.estimate(), nil
}

// DeLongPaired tests whether two scores of the same rows have the same AUC; see
// DeLong for the source and the assumptions. Where the variance of the
// difference is 0, Z is 0 or infinite and P 1 or 0.
func DeLongPaired(y, a, b []float64) (PairedAUC, error) {
	if err := checkScored(y, a, nil); err != nil {
		return PairedAUC{}, fmt.Errorf("first score: %w", err)
	}
	if err := checkScored(y, b, nil); err != nil {
		return PairedAUC{}, fmt.Errorf("second score: %w", err)
	}
	pa, err := place(y, a)
	if err != nil {
		return PairedAUC{}, err
	}
	pb, err := place(y, b)
	if err != nil {
		return PairedAUC{}, err
	}
	r := PairedAUC{A: pa.estimate(), B: pb.estimate(), Covariance: pa.covariance(pb)}
	r.Difference = r.A.AUC - r.B.AUC
	// The variance of the differences of placements, not A + B − 2·Covariance:
	// that one cancels to noise, even below 0, when the scores nearly agree.
	r.Variance = pa.minus(pb).variance()
	switch {
	case r.Variance > 0:
		r.Z = r.Difference / math.Sqrt(r.Variance)
	case r.Difference != 0:
		r.Z = math.Copysign(math.Inf(1), r.Difference)
	}
	r.P = math.Erfc(math.Abs(r.Z) / math.Sqrt2)
	return r, nil
}

// placements holds, for each positive, the share of negatives that it beats,
// and for each negative, the share of positives that beat it.
type placements struct{ positive, negative []float64 }

func place(y, score []float64) (placements, error) {
	m, n, err := classes(y)
	if err != nil {
		return placements{}, err
	}
	if m < 2 || n < 2 {
		return placements{}, fmt.Errorf("%w: a variance needs two rows of each class, there are %d and %d", ErrUndefined, m, n)
	}
	at := make([]float64, len(y))
	var above, negativesAbove float64
	for group := range groups(score) {
		var p, q float64
		for _, i := range group {
			p += y[i]
			q += 1 - y[i]
		}
		for _, i := range group {
			if y[i] == 1 {
				at[i] = (float64(n) - negativesAbove - q/2) / float64(n)
			} else {
				at[i] = (above + p/2) / float64(m)
			}
		}
		above, negativesAbove = above+p, negativesAbove+q
	}
	all := placements{make([]float64, 0, m), make([]float64, 0, n)}
	for i, v := range at {
		if y[i] == 1 {
			all.positive = append(all.positive, v)
		} else {
			all.negative = append(all.negative, v)
		}
	}
	return all, nil
}

func (p placements) estimate() AUCEstimate {
	return AUCEstimate{AUC: mean(p.positive), Variance: p.variance(), Positives: len(p.positive), Negatives: len(p.negative)}
}

func (p placements) variance() float64 { return p.covariance(p) }

func (p placements) covariance(q placements) float64 {
	return covariance(p.positive, q.positive)/float64(len(p.positive)) + covariance(p.negative, q.negative)/float64(len(p.negative))
}

func (p placements) minus(q placements) placements {
	d := placements{make([]float64, len(p.positive)), make([]float64, len(p.negative))}
	for i := range d.positive {
		d.positive[i] = p.positive[i] - q.positive[i]
	}
	for i := range d.negative {
		d.negative[i] = p.negative[i] - q.negative[i]
	}
	return d
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// covariance divides by n − 1.
func covariance(a, b []float64) float64 {
	ma, mb := mean(a), mean(b)
	var sum float64
	for i := range a {
		sum += (a[i] - ma) * (b[i] - mb)
	}
	return sum / float64(len(a)-1)
}

// AveragePrecision returns the area under the precision–recall curve as a step
// sum, Σ (recall − recall before)·precision over distinct scores; the trapezoid
// between the points is too kind (Davis and Goadrich, ICML 2006). A constant
// score gives the base rate. ErrOneClass if there is no positive.
func AveragePrecision(y, score, weights []float64) (float64, error) {
	if err := checkScored(y, score, weights); err != nil {
		return 0, err
	}
	var positives, rows, area float64
	for group := range groups(score) {
		var p float64
		for _, i := range group {
			w := weightOf(weights, i)
			p += w * y[i]
			rows += w
		}
		positives += p
		if p > 0 {
			area += p * (positives / rows)
		}
	}
	if positives == 0 {
		return 0, fmt.Errorf("%w: no positives", ErrOneClass)
	}
	return area / positives, nil
}

// KS returns the Kolmogorov–Smirnov distance between the scores of positives
// and negatives: the largest gap between their distribution functions.
func KS(y, score []float64) (float64, error) {
	if err := checkScored(y, score, nil); err != nil {
		return 0, err
	}
	m, n, err := classes(y)
	if err != nil {
		return 0, err
	}
	var p, q, gap float64
	for group := range groups(score) {
		for _, i := range group {
			p += y[i]
			q += 1 - y[i]
		}
		gap = max(gap, math.Abs(p/float64(m)-q/float64(n)))
	}
	return gap, nil
}
