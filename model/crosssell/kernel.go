package crosssell

const (
	// kernelRows × kernelColumns is what the innermost loop writes at once.
	kernelRows    = 8
	kernelColumns = 16
)

// subtractProduct subtracts from the kernelRows × kernelColumns cells of c, whose
// rows lie stride apart, the product of w and b, both packed by k steps of
// kernelRows and kernelColumns numbers:
//
//	c[r·stride+j] −= Σ_k w[k·kernelRows+r] · b[k·kernelColumns+j]
//
// Products are rounded before they are added and added in the order of k, so that
// every machine gives the same bits; amd64 has it in assembly (see kernel_amd64.s).
func subtractProduct(w, b []float32, steps int, c []float32, stride int) {
	var sums [kernelRows][kernelColumns]float32
	for k := range steps {
		left, right := (*[kernelRows]float32)(w[k*kernelRows:]), (*[kernelColumns]float32)(b[k*kernelColumns:])
		for r, v := range left {
			sum := &sums[r]
			for j, x := range right {
				// The conversion forbids a fused multiply-add.
				sum[j] += float32(v * x)
			}
		}
	}
	for r := range sums {
		row := c[r*stride : r*stride+kernelColumns]
		for j, s := range sums[r] {
			row[j] -= s
		}
	}
}
