//go:build !purego

package shap

import "golang.org/x/sys/cpu"

var hasAVX512 = cpu.X86.HasAVX512F

// quadrature is what this machine runs of eightPoints.
var quadrature = func() func(r *eight, v float64, z, c, work, to []float64) {
	if hasAVX512 {
		return eightPointsVector
	}
	return eightPoints
}()

func eightPointsVector(r *eight, v float64, z, c, work, to []float64) {
	if n := len(z); n > 0 {
		eightPointsAVX512(r, v, &z[0], &c[:n][0], &work[:8*n][0], &to[:n][0], n)
	}
}

// eightPointsAVX512 is eightPoints for n ≥ 1 features, to the bit.
//
//go:noescape
func eightPointsAVX512(r *eight, v float64, z, c, work, to *float64, n int)
