package calibrate

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// likelihood is a tiny unpenalised logistic regression: two or three terms,
// targets in [0,1].
type likelihood struct {
	terms           [][]float64 // by term, then row
	target, weights []float64
}

// maximise runs Newton's method with step halving to the last digits: the stock
// calibrators stop 1e-7 to 4e-3 short of their own optimum.
func (l likelihood) maximise() ([]float64, error) {
	width := len(l.terms)
	theta := make([]float64, width)
	value, gradient, information := l.at(theta)
	before := math.Inf(1)
	for range 200 {
		var factor mat.Cholesky
		if ok := factor.Factorize(information); !ok {
			return nil, fmt.Errorf("%w: the likelihood has no curvature at %.4g", ErrUndetermined, theta)
		}
		var step mat.VecDense
		if err := factor.SolveVecTo(&step, gradient); err != nil {
			return nil, fmt.Errorf("%w: solving for the Newton step: %w", ErrUndetermined, err)
		}
		var largest, size float64
		for k := range width {
			largest, size = max(largest, math.Abs(step.AtVec(k))), max(size, math.Abs(theta[k]))
		}
		for scale := 1.0; ; scale /= 2 {
			next := make([]float64, width)
			for k := range next {
				next[k] = theta[k] + scale*step.AtVec(k)
			}
			v, g, i := l.at(next)
			// Near the optimum a fall of the last bits is rounding.
			if v >= value-1e-12*(1+math.Abs(value)) || scale < 1e-9 {
				theta, value, gradient, information = next, v, g, i
				break
			}
		}
		// Newton's steps shrink quadratically; a tiny one that no longer halves is
		// the rounding of the sums.
		if largest <= 1e-13*(1+size) || (largest <= 1e-7*(1+size) && largest > before/2) {
			return theta, nil
		}
		before = largest
	}
	return nil, fmt.Errorf("%w: no optimum after 200 Newton steps, at %.4g", ErrUndetermined, theta)
}

// at returns the log-likelihood, its gradient and minus its Hessian.
func (l likelihood) at(theta []float64) (float64, *mat.VecDense, *mat.SymDense) {
	width := len(theta)
	// Plain slices in the loop over rows: gonum checks every index.
	gradient, information := make([]float64, width), make([]float64, width*width)
	x := make([]float64, width)
	var value float64
	for i, target := range l.target {
		w := weightOf(l.weights, i)
		if w == 0 {
			continue
		}
		var eta float64
		for k, term := range l.terms {
			x[k] = term[i]
			eta += theta[k] * x[k]
		}
		p, e := logistic(eta)
		value += w * (target*eta - max(eta, 0) - math.Log1p(e))
		residual, curvature := w*(target-p), w*e/((1+e)*(1+e))
		for a, v := range x {
			gradient[a] += residual * v
			row, cv := information[a*width:a*width+a+1], curvature*v
			for b := range row {
				row[b] += cv * x[b]
			}
		}
	}
	h := mat.NewSymDense(width, nil)
	for a := range width {
		for b := range a + 1 {
			h.SetSym(a, b, information[a*width+b])
		}
	}
	return value, mat.NewVecDense(width, gradient), h
}

// constant is a column of the value.
func constant(n int, value float64) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = value
	}
	return all
}
