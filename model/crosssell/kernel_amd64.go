//go:build !purego

package crosssell

import "golang.org/x/sys/cpu"

var (
	hasAVX2   = cpu.X86.HasAVX2
	hasAVX512 = cpu.X86.HasAVX512F
)

// kernel is what this machine runs of subtractProduct.
var kernel = func() func(w, b []float32, steps int, c []float32, stride int) {
	switch {
	case hasAVX512:
		return checked(subtractProductAVX512)
	case hasAVX2:
		return checked(subtractProductAVX2)
	}
	return subtractProduct
}()

// checked panics, as the portable twin does, where the assembly would leave its
// memory.
func checked(f func(w, b *float32, steps int, c *float32, stride int)) func(w, b []float32, steps int, c []float32, stride int) {
	return func(w, b []float32, steps int, c []float32, stride int) {
		if steps < 1 || stride < kernelColumns {
			panic("crosssell: a product without steps, or rows that overlap")
		}
		f(&w[:steps*kernelRows][0], &b[:steps*kernelColumns][0], steps, &c[:(kernelRows-1)*stride+kernelColumns][0], stride)
	}
}

// subtractProductAVX2 and subtractProductAVX512 are subtractProduct for at least
// one step, to the bit.
//
//go:noescape
func subtractProductAVX2(w, b *float32, steps int, c *float32, stride int)

//go:noescape
func subtractProductAVX512(w, b *float32, steps int, c *float32, stride int)
