package shap

import "math"

// gauss returns the n ≥ 1 points and weights of Gauss–Legendre quadrature on
// [0, 1]: exact for polynomials of degree up to 2n−1. Points are the roots of
// the Legendre polynomial, found by Newton's method from Tricomi's estimate
// (Abramowitz and Stegun 22.16.6 and 25.4.30).
func gauss(n int) (points, weights []float64) {
	points, weights = make([]float64, n), make([]float64, n)
	for i := range (n + 1) / 2 {
		x := math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))
		var slope float64
		// Newton doubles the digits each time; five steps reach the last bit
		// from here, the others cost nothing and are insurance for large n.
		for range 10 {
			var value float64
			value, slope = legendre(n, x)
			x -= value / slope
		}
		_, slope = legendre(n, x)
		w := 1 / ((1 - x*x) * slope * slope) // half of the weight on [−1, 1]
		points[i], points[n-1-i] = (1-x)/2, (1+x)/2
		weights[i], weights[n-1-i] = w, w
	}
	return points, weights
}

// legendre returns the Legendre polynomial of degree n ≥ 1 and its derivative at
// x in (−1, 1), by Bonnet's recursion.
func legendre(n int, x float64) (value, slope float64) {
	before, value := 1.0, x
	for k := 2; k <= n; k++ {
		before, value = value, (float64(2*k-1)*x*value-float64(k-1)*before)/float64(k)
	}
	return value, float64(n) * (before - x*value) / (1 - x*x)
}
