package lifetime

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
)

// likelihood is a summed log-likelihood of parameters above 0.
type likelihood interface {
	// at returns the value where the logarithms of the parameters are theta, and
	// writes its derivatives with respect to theta.
	at(theta, gradient []float64) float64
}

// optimum is where a likelihood is largest.
type optimum struct {
	theta      []float64
	value      float64
	covariance []float64 // of theta: the inverse information, row-major
}

const (
	// wall is how far from 0 a logarithm may go: beyond it a parameter has left
	// for 0 or infinity, and a quadratic penalty ends the journey.
	wall = 12.0
	// A climb ends where the gradient of the mean log-likelihood is that small:
	// roughly where starts are compared, closely where Newton's method goes on.
	roughly, closely = 1e-4, 1e-6
	// undetermined is the standard error of a logarithm beyond which a parameter
	// is not known to within a factor of a thousand.
	undetermined = 3.5
)

// walled is minus the mean log-likelihood, finite everywhere near the walls. It
// keeps its last point: the optimiser asks for value and gradient in turn.
type walled struct {
	likelihood likelihood
	total      float64
	theta      []float64
	value      float64
	gradient   []float64
}

func (w *walled) move(theta []float64) {
	if slices.Equal(theta, w.theta) {
		return
	}
	w.theta = append(w.theta[:0], theta...)
	w.gradient = slices.Grow(w.gradient[:0], len(theta))[:len(theta)]
	inside := make([]float64, len(theta))
	for k, v := range theta {
		inside[k] = max(-wall-1, min(v, wall+1))
	}
	w.value = -w.likelihood.at(inside, w.gradient) / w.total
	for k, v := range theta {
		w.gradient[k] /= -w.total
		if v != inside[k] {
			w.gradient[k] = 0
		}
		if beyond := math.Abs(v) - wall; beyond > 0 {
			w.value += beyond * beyond
			w.gradient[k] += math.Copysign(2*beyond, v)
		}
	}
}

// climb runs BFGS from a start and returns where it stopped, whatever the reason:
// maximise judges the point, not the optimiser's own opinion of it. theta is nil where
// the likelihood is not a number at the start. The error is ctx's.
func climb(ctx context.Context, l likelihood, total float64, start []float64, threshold float64) (theta []float64, value float64, err error) {
	w := &walled{likelihood: l, total: total}
	problem := optimize.Problem{
		Func: func(x []float64) float64 { w.move(x); return w.value },
		Grad: func(gradient, x []float64) { w.move(x); copy(gradient, w.gradient) },
		Status: func() (optimize.Status, error) {
			if err := ctx.Err(); err != nil {
				return optimize.Failure, err
			}
			return optimize.NotTerminated, nil
		},
	}
	settings := &optimize.Settings{GradientThreshold: threshold, MajorIterations: 500}
	// Its own error says no more than where it stopped.
	result, _ := optimize.Minimize(problem, start, settings, &optimize.BFGS{})
	if ctx.Err() != nil {
		return nil, 0, ctx.Err()
	}
	if result == nil {
		return nil, math.NaN(), nil
	}
	return result.X, -result.F * total, nil
}

// maximise climbs from every start, on draft where it is not nil (part of the
// rows), then from the best point on all rows, and ends with Newton's method. The
// error wraps ErrNotConverged unless ctx was cancelled; names are those of the
// parameters, and advice says what the reader can do instead.
func maximise(ctx context.Context, full likelihood, total float64, draft likelihood, draftTotal float64, starts [][]float64, names []string, advice string) (*optimum, error) {
	first, firstTotal, threshold := full, total, closely
	if draft != nil {
		first, firstTotal, threshold = draft, draftTotal, roughly
	}
	var best []float64
	highest := math.Inf(-1)
	for _, start := range starts {
		theta, value, err := climb(ctx, first, firstTotal, start, threshold)
		if err != nil {
			return nil, err
		}
		if value > highest {
			best, highest = theta, value
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: the likelihood is not a number at any start: %s", ErrNotConverged, advice)
	}
	if draft != nil {
		theta, _, err := climb(ctx, full, total, best, closely)
		if err != nil {
			return nil, err
		}
		if theta == nil {
			return nil, fmt.Errorf("%w: the likelihood of all rows is not a number where that of some is largest: %s", ErrNotConverged, advice)
		}
		best = theta
	}
	return newton(ctx, full, best, names, advice)
}

// newton takes the last steps and inverts the information at the optimum.
func newton(ctx context.Context, l likelihood, theta []float64, names []string, advice string) (*optimum, error) {
	n := len(theta)
	theta, gradient := slices.Clone(theta), make([]float64, n)
	value := l.at(theta, gradient)
	for round := 0; ; round++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for k, v := range theta {
			if math.Abs(v) >= wall {
				return nil, fmt.Errorf("%w: %s runs away to %s: %s", ErrNotConverged, names[k], towards(v), advice)
			}
		}
		information := information(l, theta)
		var factor mat.Cholesky
		if ok := factor.Factorize(information); !ok || !(factor.Cond() < 1e13) {
			return nil, fmt.Errorf("%w: the likelihood has no curvature at %s: %s", ErrNotConverged, list(names, theta), advice)
		}
		// Chords with one curvature, a new one when the steps were long.
		var moved float64
		for range 4 {
			var step mat.VecDense
			if err := factor.SolveVecTo(&step, mat.NewVecDense(n, gradient)); err != nil {
				return nil, fmt.Errorf("%w: solve for the Newton step: %w: %s", ErrNotConverged, err, advice)
			}
			size := mat.Norm(&step, math.Inf(1))
			if size < 1e-10 {
				break
			}
			next, slope := slices.Clone(theta), make([]float64, n)
			shrink := 1.0
			if size > 1 {
				shrink = 1 / size
			}
			for k := range next {
				next[k] += shrink * step.AtVec(k)
			}
			v := l.at(next, slope)
			if !(v >= value-1e-10*(1+math.Abs(value))) {
				break
			}
			theta, gradient, value = next, slope, v
			moved = max(moved, size)
		}
		if moved < 1e-4 {
			return settle(&factor, theta, gradient, value, names, advice)
		}
		if round == 20 {
			return nil, fmt.Errorf("%w: the steps do not shrink near %s: %s", ErrNotConverged, list(names, theta), advice)
		}
	}
}

// settle judges the point where Newton's method stopped.
func settle(factor *mat.Cholesky, theta, gradient []float64, value float64, names []string, advice string) (*optimum, error) {
	n := len(theta)
	var covariance mat.SymDense
	if err := factor.InverseTo(&covariance); err != nil {
		return nil, fmt.Errorf("%w: invert the information: %w: %s", ErrNotConverged, err, advice)
	}
	o := &optimum{theta: theta, value: value, covariance: make([]float64, n*n)}
	var decrement float64
	for a := range n {
		for b := range n {
			v := covariance.At(a, b)
			o.covariance[a*n+b] = v
			decrement += gradient[a] * v * gradient[b]
		}
		if !(covariance.At(a, a) <= undetermined*undetermined) {
			return nil, fmt.Errorf("%w: %s is not known to within a factor of %.0f: %s", ErrNotConverged, names[a], math.Exp(2*undetermined), advice)
		}
	}
	// The decrement is twice what a further step would gain, whatever the units of
	// the parameters: an optimum is where nothing is left to gain.
	if !(decrement <= 1e-6) || !finite(value) {
		return nil, fmt.Errorf("%w: the likelihood still rises at %s: %s", ErrNotConverged, list(names, theta), advice)
	}
	return o, nil
}

// information is minus the Hessian, from central differences of the gradient.
func information(l likelihood, theta []float64) *mat.SymDense {
	const step = 1e-4
	n := len(theta)
	rows := make([][]float64, n)
	for k := range theta {
		up, down := slices.Clone(theta), slices.Clone(theta)
		up[k] += step
		down[k] -= step
		plus, minus := make([]float64, n), make([]float64, n)
		l.at(up, plus)
		l.at(down, minus)
		for j := range plus {
			plus[j] = (minus[j] - plus[j]) / (2 * step)
		}
		rows[k] = plus
	}
	h := mat.NewSymDense(n, nil)
	for a := range n {
		for b := range a + 1 {
			h.SetSym(a, b, (rows[a][b]+rows[b][a])/2)
		}
	}
	return h
}

func towards(theta float64) string {
	if theta < 0 {
		return "0"
	}
	return "infinity"
}

// list prints parameters in scaled time, for messages.
func list(names []string, theta []float64) string {
	parts := make([]string, len(names))
	for k, name := range names {
		parts[k] = fmt.Sprintf("log %s %.3g", name, theta[k])
	}
	return strings.Join(parts, ", ")
}
