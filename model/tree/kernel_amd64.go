//go:build !purego

package tree

import "golang.org/x/sys/cpu"

// kernelsOfCPU is what this machine runs.
var kernelsOfCPU = func() kernels {
	switch {
	case hasAVX512:
		return avx512
	case hasAVX2:
		return avx2
	default:
		return portable
	}
}()

var (
	hasAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasPOPCNT
	hasAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT
)

var (
	avx512 = assembly(6, rankAVX512, exceedAVX512, addAVX512)
	avx2   = assembly(12, rankAVX2, exceedAVX2, addAVX2)
)

// assembly hands slices over as pointers, after looking at their lengths.
func assembly(
	few int,
	rank func(values *[blockRows]float64, grid *float64, size, used int, ranks *[blockRows]uint8, missing *mask),
	exceed func(ranks *[blockRows]uint8, always *mask, above *uint8, n int, conditions *mask),
	add func(steps *step, nodes int, value *float64, size, leaves int, conditions, slots *mask, used int, sums *[blockRows]float64),
) kernels {
	return kernels{
		few: few,
		rank: func(values *[blockRows]float64, grid []float64, _, used int, ranks *[blockRows]uint8, missing *mask) {
			rank(values, &grid[0], len(grid)-pivots, used, ranks, missing)
		},
		exceed: func(ranks *[blockRows]uint8, always *mask, above []uint8, _ int, conditions []mask) {
			if len(above) > 0 {
				exceed(ranks, always, &above[0], len(above), &conditions[:len(above)][0])
			}
		},
		add: func(t *compact, conditions, slots []mask, used int, sums *[blockRows]float64) {
			add(&t.steps[0], len(t.steps), &t.value[0], len(t.value), t.leaves, &conditions[0], &slots[0], used, sums)
		},
	}
}

//go:noescape
func rankAVX512(values *[blockRows]float64, grid *float64, size, used int, ranks *[blockRows]uint8, missing *mask)

//go:noescape
func exceedAVX512(ranks *[blockRows]uint8, always *mask, above *uint8, n int, conditions *mask)

//go:noescape
func addAVX512(steps *step, nodes int, value *float64, size, leaves int, conditions, slots *mask, used int, sums *[blockRows]float64)

//go:noescape
func rankAVX2(values *[blockRows]float64, grid *float64, size, used int, ranks *[blockRows]uint8, missing *mask)

//go:noescape
func exceedAVX2(ranks *[blockRows]uint8, always *mask, above *uint8, n int, conditions *mask)

//go:noescape
func addAVX2(steps *step, nodes int, value *float64, size, leaves int, conditions, slots *mask, used int, sums *[blockRows]float64)
