//go:build !purego

package shap

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestVectorsEqualTheirTwin(t *testing.T) {
	if !hasAVX512 {
		t.Skip("SKIP: this processor has no AVX-512")
	}
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(0, 40).Draw(t, "features")
		share := rapid.Float64Range(1e-6, 1)
		r := eight{used: rapid.IntRange(1, 8).Draw(t, "points")}
		v := rapid.Float64Range(-3, 3).Draw(t, "value")
		for q := range r.used {
			r.points[q], r.weights[q] = share.Draw(t, "point"), rapid.Float64Range(-3, 3).Draw(t, "weight")
		}
		z, c, to := make([]float64, d), make([]float64, d), make([]float64, d)
		for j := range z {
			z[j], to[j] = share.Draw(t, "share"), rapid.Float64Range(-1, 1).Draw(t, "to")
			c[j] = rapid.SampledFrom([]float64{0, 1}).Draw(t, "known") - z[j]
		}
		twin := append([]float64{}, to...)
		eightPoints(&r, v, z, c, make([]float64, 8*d), twin)
		// What lies behind the features is not touched.
		longer := append(append([]float64{}, to...), 42)
		work := make([]float64, 8*d+1)
		work[8*d] = 43
		eightPointsVector(&r, v, z, c, work, longer)
		if longer[d] != 42 || work[8*d] != 43 {
			t.Fatal("wrote beyond its memory")
		}
		for j := range twin {
			if math.Float64bits(twin[j]) != math.Float64bits(longer[j]) {
				t.Fatalf("feature %d: %v by vectors, %v by the twin", j, longer[j], twin[j])
			}
		}
	})
}
