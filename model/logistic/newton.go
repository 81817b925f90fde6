package logistic

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/mat"
)

// The rows are summed in stripes whose bounds depend on the number of rows
// only, and the stripes are added in order: sums do not depend on threads.
const (
	stripeRows = 4096
	maxStripes = 16
)

// point is the penalised negative log-likelihood at some coefficients, with its
// gradient and the information matrix (lower triangle, row-major, unpenalised).
type point struct {
	theta       []float64
	value       float64
	gradient    []float64
	information []float64
}

func (q *point) add(o *point) {
	q.value += o.value
	for k, v := range o.gradient {
		q.gradient[k] += v
	}
	for k, v := range o.information {
		q.information[k] += v
	}
}

// at evaluates the objective at theta.
func (m *matrix) at(ctx context.Context, theta []float64, l2 float64) (*point, error) {
	n := len(m.y)
	stripes := min(max(1, (n+stripeRows-1)/stripeRows), maxStripes)
	parts := make([]*point, stripes)
	workers := min(runtime.GOMAXPROCS(0), stripes)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for k := w; k < stripes; k += workers {
				if ctx.Err() == nil {
					parts[k] = m.stripe(theta, k*n/stripes, (k+1)*n/stripes)
				}
			}
		})
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	total := parts[0]
	for _, part := range parts[1:] {
		total.add(part)
	}
	total.theta = theta
	for k := 1; k < m.width; k++ {
		total.value += l2 / 2 * theta[k] * theta[k]
		total.gradient[k] += l2 * theta[k]
	}
	return total, nil
}

// together is how many rows are added to the information at once: each of its
// cells is loaded and stored once for all of them.
const together = 4

func (m *matrix) stripe(theta []float64, from, to int) *point {
	p := &point{gradient: make([]float64, m.width), information: make([]float64, m.width*m.width)}
	none := make([]float64, m.width)
	for ; from < to; from += together {
		rows := [together][]float64{none, none, none, none}
		var residual, curvature [together]float64 // 0 for none
		for k := range min(together, to-from) {
			i := from + k
			x := m.cells[i*m.width : (i+1)*m.width]
			var eta float64
			for j, v := range x {
				eta += theta[j] * v
			}
			// e ≤ 1 whatever the sign of eta, so nothing overflows.
			e := math.Exp(-math.Abs(eta))
			mu := 1 / (1 + e)
			if eta < 0 {
				mu = e / (1 + e)
			}
			p.value += m.w[i] * (max(eta, 0) + math.Log1p(e) - m.y[i]*eta)
			rows[k], residual[k], curvature[k] = x, m.w[i]*(mu-m.y[i]), m.w[i]*e/((1+e)*(1+e))
		}
		p.addRows(rows, residual, curvature)
	}
	return p
}

// addRows adds rows to gradient and information, in their order, so that the
// sums have the bits of one row after the other. What is 0 in all rows costs
// nothing.
func (q *point) addRows(rows [together][]float64, residual, curvature [together]float64) {
	width := len(q.gradient)
	for a := range width {
		v0, v1, v2, v3 := rows[0][a], rows[1][a], rows[2][a], rows[3][a]
		if v0 == 0 && v1 == 0 && v2 == 0 && v3 == 0 {
			continue
		}
		q.gradient[a] = q.gradient[a] + residual[0]*v0 + residual[1]*v1 + residual[2]*v2 + residual[3]*v3
		c0, c1, c2, c3 := curvature[0]*v0, curvature[1]*v1, curvature[2]*v2, curvature[3]*v3
		sums := q.information[a*width : a*width+a+1]
		x0, x1, x2, x3 := rows[0][:len(sums)], rows[1][:len(sums)], rows[2][:len(sums)], rows[3][:len(sums)]
		for b, sum := range sums {
			sums[b] = sum + c0*x0[b] + c1*x1[b] + c2*x2[b] + c3*x3[b]
		}
	}
}

// minimise runs Newton's method with step halving from the base rate.
func (m *matrix) minimise(ctx context.Context, p Params) (*point, int, error) {
	var events, weight float64
	for i, y := range m.y {
		events += m.w[i] * y
		weight += m.w[i]
	}
	start := make([]float64, m.width)
	start[0] = math.Log(events) - math.Log(weight-events)
	now, err := m.at(ctx, start, p.L2)
	if err != nil {
		return nil, 0, err
	}
	largest, before := 0.0, math.Inf(1)
	for iteration := 1; iteration <= p.MaxIterations; iteration++ {
		step, err := now.step(m.width, p.L2)
		if err != nil {
			return nil, iteration, err
		}
		var size float64
		before, largest = cmp.Or(largest, before), 0
		for k, v := range step {
			largest, size = max(largest, math.Abs(v)), max(size, math.Abs(now.theta[k]))
		}
		next, err := m.descend(ctx, now, step, p.L2)
		if err != nil {
			return nil, iteration, err
		}
		now = next
		// Newton's steps shrink quadratically; a small one that no longer halves
		// is the rounding of the sums, which many rows and a small penalty raise
		// above any fixed tolerance.
		if largest <= p.Tolerance*(1+size) || (largest <= 1e-6*(1+size) && largest > before/2) {
			return now, iteration, nil
		}
	}
	return nil, p.MaxIterations, fmt.Errorf("%w: after %d iterations the largest step is still %.3g: raise L2 (now %g) or MaxIterations, or look for a column that tells the classes apart by itself",
		ErrNotConverged, p.MaxIterations, largest, p.L2)
}

// descend takes the step, halved until the objective does not rise. Near the
// optimum a rise is rounding, not direction, so a last bit is forgiven.
func (m *matrix) descend(ctx context.Context, from *point, step []float64, l2 float64) (*point, error) {
	scale := 1.0
	for {
		theta := make([]float64, len(step))
		for k, v := range step {
			theta[k] = from.theta[k] + scale*v
		}
		next, err := m.at(ctx, theta, l2)
		if err != nil {
			return nil, err
		}
		if next.value <= from.value+1e-12*(1+math.Abs(from.value)) || scale < 1e-9 {
			return next, nil
		}
		scale /= 2
	}
}

// hessian returns the factorised information plus penalty.
func (q *point) hessian(width int, l2 float64) (*mat.Cholesky, error) {
	h := mat.NewSymDense(width, nil)
	for a := range width {
		for b := range a + 1 {
			v := q.information[a*width+b]
			if a == b && a > 0 {
				v += l2
			}
			h.SetSym(a, b, v)
		}
	}
	var factor mat.Cholesky
	if ok := factor.Factorize(h); !ok || !(factor.Cond() < 1e14) {
		return nil, fmt.Errorf("%w: columns repeat each other or separate the classes: raise L2 (now %g) or drop columns", ErrSingular, l2)
	}
	return &factor, nil
}

// step solves H·step = −gradient.
func (q *point) step(width int, l2 float64) ([]float64, error) {
	factor, err := q.hessian(width, l2)
	if err != nil {
		return nil, err
	}
	down := mat.NewVecDense(width, nil)
	for k, g := range q.gradient {
		down.SetVec(k, -g)
	}
	var step mat.VecDense
	if err := factor.SolveVecTo(&step, down); err != nil {
		return nil, fmt.Errorf("%w: solving for the Newton step: %w", ErrSingular, err)
	}
	return step.RawVector().Data, nil
}

// covariance returns H⁻¹·I·H⁻¹, the covariance of the ridge estimator (le
// Cessie and van Houwelingen 1992, eq. 6). Without a penalty it is I⁻¹.
func (q *point) covariance(width int, l2 float64) (*mat.Dense, error) {
	factor, err := q.hessian(width, l2)
	if err != nil {
		return nil, err
	}
	information := mat.NewSymDense(width, nil)
	for a := range width {
		for b := range a + 1 {
			information.SetSym(a, b, q.information[a*width+b])
		}
	}
	var half, covariance mat.Dense
	if err := factor.SolveTo(&half, information); err != nil {
		return nil, fmt.Errorf("%w: solving for the covariance: %w", ErrSingular, err)
	}
	if err := factor.SolveTo(&covariance, half.T()); err != nil {
		return nil, fmt.Errorf("%w: solving for the covariance: %w", ErrSingular, err)
	}
	return &covariance, nil
}
