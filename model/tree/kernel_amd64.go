//go:build !purego

package tree

import "golang.org/x/sys/cpu"

// kernelsOfCPU is what this machine runs.
var kernelsOfCPU = func() kernels {
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasPOPCNT {
		return avx512
	}
	return portable
}()

// avx512 needs AVX-512 F, DQ and BW, and POPCNT.
var avx512 = kernels{
	rank: func(values *[blockRows]float64, grid []float64, _, used int, ranks *[blockRows]uint8, missing *mask) {
		rankAVX512(values, &grid[0], len(grid)-pivots, used, ranks, missing)
	},
	exceed: func(ranks *[blockRows]uint8, always *mask, above []uint8, _ int, conditions []mask) {
		if len(above) > 0 {
			exceedAVX512(ranks, always, &above[0], len(above), &conditions[:len(above)][0])
		}
	},
	add: func(t *compact, conditions, slots []mask, used int, sums *[blockRows]float64) {
		addAVX512(&t.steps[0], len(t.steps), &t.value[0], len(t.value), t.leaves, &conditions[0], &slots[0], used, sums)
	},
}

//go:noescape
func rankAVX512(values *[blockRows]float64, grid *float64, size, used int, ranks *[blockRows]uint8, missing *mask)

//go:noescape
func exceedAVX512(ranks *[blockRows]uint8, always *mask, above *uint8, n int, conditions *mask)

//go:noescape
func addAVX512(steps *step, nodes int, value *float64, size, leaves int, conditions, slots *mask, used int, sums *[blockRows]float64)
