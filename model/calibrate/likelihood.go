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
	gradient, information := mat.NewVecDense(width, nil), mat.NewSymDense(width, nil)
	var value float64
	for i, target := range l.target {
		w := weightOf(l.weights, i)
		if w == 0 {
			continue
		}
		var eta float64
		for k, term := range l.terms {
			eta += theta[k] * term[i]
		}
		e := math.Exp(-math.Abs(eta))
		value += w * (target*eta - max(eta, 0) - math.Log1p(e))
		residual, curvature := w*(target-Logistic(eta)), w*e/((1+e)*(1+e))
		for a := range width {
			x := l.terms[a][i]
			gradient.SetVec(a, gradient.AtVec(a)+residual*x)
			for b := range a + 1 {
				information.SetSym(a, b, information.At(a, b)+curvature*x*l.terms[b][i])
			}
		}
	}
	return value, gradient, information
}

// constant is a column of the value.
func constant(n int, value float64) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = value
	}
	return all
}
