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
	hasAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT
	hasAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT
)

var (
	avx512 = kernels{
		few: 8, fewCodes: 4,
		rank: func(values *[blockRows]float64, grid []float64, _, used int, ranks *[blockRows]uint8, missing *mask) {
			rankAVX512(values, &grid[0], len(grid)-pivots, used, ranks, missing)
		},
		exceed: func(ranks *[blockRows]uint8, always *mask, above []uint8, _ int, conditions []mask) {
			if len(above) > 0 {
				exceedAVX512(ranks, always, &above[0], len(above), &conditions[:len(above)][0])
			}
		},
		member: func(set []uint32, codes *[blockRows]uint16, rows *mask) {
			if len(set) > 0 {
				memberAVX512(&set[0], len(set), codes, rows)
			}
		},
		add: func(t *compact, conditions, slots []mask, used int, sums *[blockRows]float64) {
			addAVX512(&t.steps[0], len(t.steps), &t.value[0], len(t.value), t.leaves, &conditions[0], &slots[0], used, sums)
		},
	}
	avx2 = kernels{
		few: 14, fewCodes: 96,
		rank: func(values *[blockRows]float64, grid []float64, _, used int, ranks *[blockRows]uint8, missing *mask) {
			rankAVX2(values, &grid[0], len(grid)-pivots, used, ranks, missing)
		},
		exceed: func(ranks *[blockRows]uint8, always *mask, above []uint8, _ int, conditions []mask) {
			if len(above) > 0 {
				exceedAVX2(ranks, always, &above[0], len(above), &conditions[:len(above)][0])
			}
		},
		member: memberGo,
		add: func(t *compact, conditions, slots []mask, used int, sums *[blockRows]float64) {
			addAVX2(&t.steps[0], len(t.steps), &t.value[0], len(t.value), t.leaves, &conditions[0], &slots[0], used, sums)
		},
	}
)

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

//go:noescape
func memberAVX512(set *uint32, length int, codes *[blockRows]uint16, rows *mask)
