package boost

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrOneClass says that a classifier was given labels of one class only.
var ErrOneClass = errors.New("all labels are of one class")

// Loss is what boosting minimises: the sum over rows of weight × Value. An
// implementation must be pure: what it says of a row depends on that row alone,
// and it may be called from several goroutines at once. It may also have a
// method Validate() error, which Params.Validate asks, and be a Refiner.
type Loss interface {
	// Objective says what the margin means, in the words of LightGBM's files
	// where it has some ("binary sigmoid:1"); one line.
	Objective() string
	// Check refuses labels that the loss is not defined for. Labels are finite
	// already; weights, if not nil, positive.
	Check(y, weights []float64) error
	// Base returns the constant margin to start from, best the one that
	// minimises the loss. It must be finite.
	Base(y, weights []float64) float64
	// Gradient writes the first and second derivative of the loss by the margin,
	// weights not included. All slices have one length. The second one is ≥ 0.
	Gradient(margin, y, gradient, hessian []float64)
	// Value returns the loss of one row.
	Value(margin, y float64) float64
}

// Refiner is a Loss whose leaves are better set from the residuals y − margin of
// their rows than from a Newton step, because its second derivative says nothing.
type Refiner interface {
	// Refine returns the leaf's value; residuals are its to reorder. weights is
	// nil where all are 1. Residuals are at least one.
	Refine(residuals, weights []float64) float64
}

// LogLoss is the log-loss of a probability given as log-odds; labels are 0 or 1.
type LogLoss struct{}

// Objective returns LightGBM's name of the loss.
func (LogLoss) Objective() string { return "binary sigmoid:1" }

// Check refuses labels other than 0 and 1, and one class only (ErrOneClass).
func (LogLoss) Check(y, _ []float64) error {
	var seen [2]bool
	for i, v := range y {
		if v != 0 && v != 1 {
			return fmt.Errorf("label %d is %v, expected 0 or 1", i, v)
		}
		seen[int(v)] = true
	}
	if !seen[0] || !seen[1] {
		return fmt.Errorf("%w: %d labels, all %v", ErrOneClass, len(y), y[0])
	}
	return nil
}

// Base returns the log-odds of the weighted share of ones.
func (LogLoss) Base(y, weights []float64) float64 {
	p := mean(y, weights)
	return math.Log(p / (1 - p))
}

// leastHessian is that of LogLoss: at |m| > 37 the product of both probabilities
// underflows to 0, and a Newton step would be a division by nothing.
const leastHessian = 1e-16

// Gradient writes p − y and p·(1 − p).
func (LogLoss) Gradient(margin, y, gradient, hessian []float64) {
	for i, m := range margin {
		p := 1 / (1 + math.Exp(-m))
		gradient[i] = p - y[i]
		hessian[i] = max(p*(1-p), leastHessian)
	}
}

// Value returns log(1 + e^(−m)) for a one and log(1 + e^m) for a zero, without overflow.
func (LogLoss) Value(margin, y float64) float64 {
	if y > 0.5 {
		margin = -margin
	}
	return max(margin, 0) + math.Log1p(math.Exp(-math.Abs(margin)))
}

// Squared is half the squared error; the margin is the expected value.
type Squared struct{}

// Objective returns LightGBM's name of the loss.
func (Squared) Objective() string { return "regression" }

// Check accepts every finite label.
func (Squared) Check(_, _ []float64) error { return nil }

// Base returns the weighted mean.
func (Squared) Base(y, weights []float64) float64 { return mean(y, weights) }

// Gradient writes m − y and 1.
func (Squared) Gradient(margin, y, gradient, hessian []float64) {
	for i, m := range margin {
		gradient[i], hessian[i] = m-y[i], 1
	}
}

// Value returns (m − y)² ÷ 2.
func (Squared) Value(margin, y float64) float64 { return (margin - y) * (margin - y) / 2 }

// Poisson is the Poisson deviance of counts; the margin is the logarithm of the
// expected count.
type Poisson struct{}

// poissonStep damps the Newton step as LightGBM's poisson_max_delta_step does:
// hessians are e^0.7 times what they are.
const poissonStep = 0.7

// Objective returns LightGBM's name of the loss.
func (Poisson) Objective() string { return "poisson" }

// Check refuses negative labels, and labels that are all 0: their rate has no logarithm.
func (Poisson) Check(y, _ []float64) error {
	positive := false
	for i, v := range y {
		if v < 0 {
			return fmt.Errorf("label %d is %v, a Poisson label is at least 0", i, v)
		}
		positive = positive || v > 0
	}
	if !positive {
		return fmt.Errorf("all %d Poisson labels are 0", len(y))
	}
	return nil
}

// Base returns the logarithm of the weighted mean.
func (Poisson) Base(y, weights []float64) float64 { return math.Log(mean(y, weights)) }

// Gradient writes e^m − y and e^(m + 0.7).
func (Poisson) Gradient(margin, y, gradient, hessian []float64) {
	step := math.Exp(poissonStep)
	for i, m := range margin {
		e := math.Exp(m)
		gradient[i], hessian[i] = e-y[i], e*step
	}
}

// Value returns e^m − y·m, the negative log-likelihood up to a term of y alone.
func (Poisson) Value(margin, y float64) float64 { return math.Exp(margin) - y*margin }

// Pinball is the quantile loss (Koenker and Bassett, Econometrica 46, 1978); the
// margin is the Alpha-quantile.
type Pinball struct {
	// Alpha is the quantile, in (0, 1).
	Alpha float64
}

// Validate refuses an Alpha outside (0, 1).
func (p Pinball) Validate() error {
	if !(p.Alpha > 0 && p.Alpha < 1) {
		return fmt.Errorf("pinball alpha is %v, expected a number in (0, 1)", p.Alpha)
	}
	return nil
}

// Objective returns LightGBM's name of the loss, which does not tell Alpha: that
// stands among the parameters.
func (p Pinball) Objective() string { return "quantile" }

// Check accepts every finite label.
func (p Pinball) Check(_, _ []float64) error { return nil }

// Base returns the weighted Alpha-quantile of the labels.
func (p Pinball) Base(y, weights []float64) float64 {
	return quantile(slices.Clone(y), weights, p.Alpha)
}

// Gradient writes −Alpha below the label and 1 − Alpha from it on, and 1.
func (p Pinball) Gradient(margin, y, gradient, hessian []float64) {
	for i, m := range margin {
		g := 1 - p.Alpha
		if m < y[i] {
			g = -p.Alpha
		}
		gradient[i], hessian[i] = g, 1
	}
}

// Value returns Alpha × (y − m) where y is above m, (1 − Alpha) × (m − y) elsewhere.
func (p Pinball) Value(margin, y float64) float64 {
	if y > margin {
		return p.Alpha * (y - margin)
	}
	return (1 - p.Alpha) * (margin - y)
}

// Refine returns the weighted Alpha-quantile of the residuals, which minimises
// the loss in the leaf.
func (p Pinball) Refine(residuals, weights []float64) float64 {
	return quantile(residuals, weights, p.Alpha)
}

// quantile returns the smallest value whose weighted share of values ≤ it
// reaches alpha. It reorders values, not weights.
func quantile(values, weights []float64, alpha float64) float64 {
	if weights == nil {
		slices.Sort(values)
		return values[max(0, int(math.Ceil(alpha*float64(len(values))))-1)]
	}
	order := make([]int, len(values))
	total := 0.0
	for i := range order {
		order[i] = i
		total += weights[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	sum := 0.0
	for _, i := range order {
		if sum += weights[i]; sum >= alpha*total {
			return values[i]
		}
	}
	return values[order[len(order)-1]]
}

// mean is the weighted mean. The plain sums are exact for whole labels and
// weights, so that a weight of 2 is the same as a row twice.
func mean(y, weights []float64) float64 {
	sum, total := 0.0, 0.0
	for i, v := range y {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		sum += w * v
		total += w
	}
	return sum / total
}
