package lifetime

import (
	"math"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/mathext"
)

// lgamma is log Γ(v), v > 0.
func lgamma(v float64) float64 {
	l, _ := math.Lgamma(v)
	return l
}

// lbeta is log B(a, b), a, b > 0.
func lbeta(a, b float64) float64 { return lgamma(a) + lgamma(b) - lgamma(a+b) }

func digamma(v float64) float64 { return mathext.Digamma(v) }

// odds turns log-odds d into log(1 + exp(d)) and the probability
// exp(d)/(1 + exp(d)), without overflow.
func odds(d float64) (softplus, probability float64) {
	e := math.Exp(-math.Abs(d))
	if d > 0 {
		return d + math.Log1p(e), 1 / (1 + e)
	}
	return math.Log1p(e), e / (1 + e)
}

// stripes calls work for the stripes of n rows, on all cores. The bounds of the
// stripes depend on n only; whoever adds their results in order gets the same
// bits on any number of threads.
func stripes(n, size int, work func(stripe, from, to int)) {
	count := (n + size - 1) / size
	workers := min(runtime.GOMAXPROCS(0), count)
	if workers <= 1 {
		for k := range count {
			work(k, k*size, min(n, (k+1)*size))
		}
		return
	}
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for k := w; k < count; k += workers {
				work(k, k*size, min(n, (k+1)*size))
			}
		})
	}
	wait.Wait()
}

// fraction is F(1, b; c+1; z)/c for 0 < b ≤ c, z < 1, by Gauss's continued
// fraction (DLMF 15.7.1 with b = 0):
//
//	1/(c − b·c·z/(c+1 − 1·(c−b+1)·z/(c+2 − (b+1)(c+1)·z/(c+3 − …))))
//
// It converges for every z below 1, however negative, so that one fraction
// serves both branches of Pareto/NBD's hypergeometric function. levels is how
// many were needed.
func fraction(b, c, z float64) (value float64, levels int) {
	const tiny = 1e-300
	// Modified Lentz (Thompson and Barnett, Journal of Computational Physics 64, 1986).
	f := c
	up, down := f, 0.0
	for n := 1; n <= maxLevels; n++ {
		p := numerator(b, c, n) * z
		t := c + float64(n)
		if down = t - p*down; down == 0 {
			down = tiny
		}
		if up = t - p/up; up == 0 {
			up = tiny
		}
		down = 1 / down
		delta := up * down
		f *= delta
		if math.Abs(delta-1) < 4e-16 {
			return 1 / f, n
		}
	}
	return 1 / f, maxLevels
}

// maxLevels bounds the fraction: reached only where z is within 1e-7 of 1, that
// is with a β ten million times smaller than α.
const maxLevels = 200_000

// numerator is the n-th partial numerator without z.
func numerator(b, c float64, n int) float64 {
	k := float64(n / 2)
	if n%2 == 1 {
		return (b + k) * (c + k)
	}
	return k * (c - b + k)
}

// slopes is fraction with its derivatives by b, c and z: the fraction backwards
// from the level at which it has converged.
func slopes(b, c, z float64) (value, byB, byC, byZ float64) {
	_, levels := fraction(b, c, z)
	levels += 2
	// tail is the denominator t_n − p_{n+1} z/tail_{n+1}.
	tail, dB, dC, dZ := c+float64(levels), 0.0, 1.0, 0.0
	for n := levels; n >= 1; n-- {
		k := float64(n / 2)
		var p, pB, pC float64
		if n%2 == 1 {
			p, pB, pC = (b+k)*(c+k), c+k, b+k
		} else {
			p, pB, pC = k*(c-b+k), -k, k
		}
		q := z / tail
		r := p * q / tail
		tail, dB, dC, dZ = c+float64(n-1)-p*q, -pB*q+r*dB, 1-pC*q+r*dC, -p/tail+r*dZ
	}
	v := 1 / tail
	return v, -dB * v * v, -dC * v * v, -dZ * v * v
}
