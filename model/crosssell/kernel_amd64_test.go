//go:build !purego

package crosssell

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestKernelsEqualTheirTwin(t *testing.T) {
	kernels := map[string]func(w, b *float32, steps int, c *float32, stride int){}
	if hasAVX2 {
		kernels["AVX2"] = subtractProductAVX2
	}
	if hasAVX512 {
		kernels["AVX-512"] = subtractProductAVX512
	}
	if len(kernels) == 0 {
		t.Skip("SKIP: this processor has neither AVX2 nor AVX-512")
	}
	rapid.Check(t, func(t *rapid.T) {
		steps, stride := rapid.IntRange(1, 9).Draw(t, "steps"), rapid.IntRange(kernelColumns, 20).Draw(t, "stride")
		random := func(n int, name string) []float32 {
			return rapid.SliceOfN(rapid.Float32Range(-100, 100), n, n).Draw(t, name)
		}
		w, b := random(steps*kernelRows, "w"), random(steps*kernelColumns, "b")
		c := random((kernelRows-1)*stride+kernelColumns, "c")
		twin := append([]float32{}, c...)
		subtractProduct(w, b, steps, twin, stride)
		for name, f := range kernels {
			// What lies behind the cells, and between their rows, is not touched.
			got := append(append([]float32{}, c...), 42)
			checked(f)(w, b, steps, got, stride)
			if got[len(c)] != 42 {
				t.Fatalf("%s wrote beyond its memory", name)
			}
			for i := range twin {
				if math.Float32bits(got[i]) != math.Float32bits(twin[i]) {
					t.Fatalf("%s: cell %d is %v, its twin %v", name, i, got[i], twin[i])
				}
			}
		}
	})
}
