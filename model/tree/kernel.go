package tree

import "math/bits"

// kernels are the steps of a block. Each has a portable form here, which
// the assembly must equal to the bit; used is how many words of a mask hold rows
// that count, what stands in the others being of no meaning.
type kernels struct {
	// few is the number of rows from which a block costs less than walks, measured
	// with 100 and 300 trees of 31 leaves.
	few int
	// rank writes how many of the grid's thresholds each value exceeds, and which
	// values are NaN; these have rank 0.
	rank func(values *[blockRows]float64, grid []float64, thresholds, used int, ranks *[blockRows]uint8, missing *mask)
	// exceed answers one condition per entry of above: the rows whose rank is
	// larger, and those of always.
	exceed func(ranks *[blockRows]uint8, always *mask, above []uint8, used int, conditions []mask)
	// member adds the rows whose code is in the set, 32 codes to a word. No code
	// beyond the column's sets is in any.
	member func(set []uint32, codes *[blockRows]uint16, rows *mask)
	// fewCodes is the number of codes up to which gathering the rows of each costs
	// less than member.
	fewCodes int
	// add adds one tree's leaf values to the sums.
	add func(t *compact, conditions, slots []mask, used int, sums *[blockRows]float64)
}

// portable is Go alone: the twin of every assembly.
var portable = kernels{few: 40, rank: rankGo, exceed: exceedGo, member: memberGo, fewCodes: 96, add: addGo}

func rankGo(values *[blockRows]float64, grid []float64, thresholds, used int, ranks *[blockRows]uint8, missing *mask) {
	levels := bits.Len(uint(thresholds))
	grid = grid[pivots:]
	for w := range used {
		nan := uint64(0)
		for i, x := range values[64*w : 64*w+64] {
			rank := 0
			for level := levels - 1; level >= 0; level-- {
				above := 0 // a set bit instead of a branch, which would be guessed wrong every other time
				if x > grid[rank+1<<level-1] {
					above = 1
				}
				rank += above << level
			}
			ranks[64*w+i] = uint8(rank)
			if x != x {
				nan |= 1 << i
			}
		}
		missing[w] = nan
	}
}

func exceedGo(ranks *[blockRows]uint8, always *mask, above []uint8, used int, conditions []mask) {
	if len(above) == 0 {
		return
	}
	top := int(above[len(above)-1]) + 1
	var reach [maxGrid + 1]uint64 // of each rank: the rows that have it or, at top, more; then those from it on
	for w := range used {
		clear(reach[:top+1])
		for i, r := range ranks[64*w : 64*w+64] {
			reach[min(int(r), top)] |= 1 << i
		}
		for r := top - 1; r > 0; r-- {
			reach[r] |= reach[r+1]
		}
		for k, a := range above {
			conditions[k][w] = reach[int(a)+1] | always[w]
		}
	}
}

func memberGo(set []uint32, codes *[blockRows]uint16, rows *mask) {
	for w := range rows {
		in := uint64(0)
		for i, code := range codes[64*w : 64*w+64] {
			if at := int(code / 32); at < len(set) {
				in |= uint64(set[at]>>(code%32)&1) << i
			}
		}
		rows[w] |= in
	}
}

func addGo(t *compact, conditions, slots []mask, used int, sums *[blockRows]float64) {
	size := len(t.value)
	clear(slots[t.leaves:size])
	here := slots[size : size+len(t.steps)]
	for w := range here[0] {
		here[0][w] = ^uint64(0)
	}
	for k := range here {
		s := &t.steps[k]
		in, right := &here[k], &conditions[s.condition]
		l, r := &slots[s.left], &slots[s.right]
		for w := range in {
			l[w], r[w] = in[w]&^right[w], in[w]&right[w]
		}
	}
	// Folding pairs of leaves: those with an odd number have this bit set.
	var planes [8]mask
	depth := 0
	for n := size; n > 1; n /= 2 {
		odd := &planes[depth]
		for i := range n / 2 {
			a, b, to := &slots[2*i], &slots[2*i+1], &slots[i]
			for w := range odd {
				odd[w] |= b[w]
				to[w] = a[w] | b[w]
			}
		}
		depth++
	}
	for w := range used {
		for group := 0; group < 64; group += 8 {
			leaf := uint64(0) // one byte per row
			for b := range depth {
				leaf |= spread[planes[b][w]>>group&0xff] << b
			}
			for i := range 8 {
				sums[64*w+group+i] += t.value[leaf>>(8*i)&0xff]
			}
		}
	}
}

// spread[b] has the bits of b in the lowest bits of its bytes.
var spread = func() (table [256]uint64) {
	for b := range table {
		for i := range 8 {
			table[b] |= uint64(b>>i&1) << (8 * i)
		}
	}
	return table
}()
