package boost

// Packed gradients: a row's gradient, its hessian and a count of one in one
// int64, so that a bin of a histogram is brought up to date by one addition.
//
//	bits 38 … 63  gradient, signed
//	bits 13 … 37  hessian
//	bits  0 … 12  rows
//
// Both slopes of a row have packedBits bits, so that packedRows rows fit into a
// bin whatever they are. After so many, the sums are moved to full cells: the
// number of rows in a bin is bounded by the training set alone, and counts stay exact.
//
// Rounding to so few bits is by dithering: up or down by chance, in proportion
// to what is cut off, so that a sum is off by chance only. Rounded to the
// nearest, rows with the same margin would all be off the same way. The error of
// a row is below 2⁻¹¹ of the largest gradient, far below the noise of its label.
const (
	packedBits       = 12
	packedCountBits  = 13
	packedHessianTop = 38 // where the gradient begins
	packedRows       = 1<<packedCountBits - 1
)

// A row of a tree that grows is a word: its number in the lower half, its packed
// slopes in the upper one (hessian, then gradient, 16 bits each; 0 where full
// cells are summed). Partitioning moves both together, so that what a histogram
// sums always streams.
const (
	rowHessian  = 32
	rowGradient = 48
)

// ditherOf is what the rounding of a round depends on.
func ditherOf(seed uint64, round int) uint64 {
	r := stream(seed, 'd', uint64(round)) //nolint:gosec // counts are not negative
	return r.next()
}

// pack returns the word of a row.
func (s *slopes) pack(row uint32) uint64 {
	g, h := s.gradient[row]*s.packing.gradient, s.hessian[row]*s.packing.hessian
	if s.weights != nil {
		g, h = g*s.weights[row], h*s.weights[row]
	}
	chance := random(s.dither + uint64(row)*0xd1b54a32d192ed03)
	u := chance.next()
	const shift = 1 << 14 // conversion cuts towards 0, which is down only above 0
	down := int64(g+float64(u>>32)*0x1p-32+shift) - shift
	return uint64(row) | uint64(h+float64(u&(1<<32-1))*0x1p-32)<<rowHessian | uint64(down)<<rowGradient //nolint:gosec // wrapped on purpose
}

// addend is what a row adds to a packed bin.
func addend(row uint64) int64 {
	const hessian = (1<<16 - 1) << packedCountBits
	gradient := int64(row) >> (rowGradient - packedHessianTop) &^ (1<<packedHessianTop - 1) //nolint:gosec // the sign is meant
	return gradient + int64(row>>(rowHessian-packedCountBits)&hessian) + 1
}

// unpacked is the sum of a packed bin as a cell.
func unpacked(sum int64) cell {
	const hessian, rows = 1<<(packedHessianTop-packedCountBits) - 1, 1<<packedCountBits - 1
	u := uint64(sum) //nolint:gosec // taken apart
	return cell{gradient: sum >> packedHessianTop, packed: u>>packedCountBits&hessian<<countBits | u&rows}
}

// packedBlock has the packed bins of the eight slots of a block.
type packedBlock [lanes * binsPerByte]int64

// add sums at most packedRows rows. A row's word stands stride times its number
// behind the first word.
func (h *packedBlock) add(words []uint64, stride int, rows []uint64) {
	for _, row := range rows {
		w, n := words[int(uint32(row))*stride], addend(row) //nolint:gosec // the lower half is the row's number
		h[uint8(w)] += n                                    //nolint:gosec // one byte is meant, here and below
		h[binsPerByte+int(uint8(w>>8))] += n                //nolint:gosec // see above
		h[2*binsPerByte+int(uint8(w>>16))] += n             //nolint:gosec // see above
		h[3*binsPerByte+int(uint8(w>>24))] += n             //nolint:gosec // see above
		h[4*binsPerByte+int(uint8(w>>32))] += n             //nolint:gosec // see above
		h[5*binsPerByte+int(uint8(w>>40))] += n             //nolint:gosec // see above
		h[6*binsPerByte+int(uint8(w>>48))] += n             //nolint:gosec // see above
		h[7*binsPerByte+int(uint8(w>>56))] += n
	}
}

// into adds the sums to a histogram's cells of the slots of a block, or writes
// them there where they are all that the histogram has.
func (h *packedBlock) into(to histogram, b *binned, slots []int, all bool) {
	for lane, slot := range slots {
		cells := to[b.offset[slot]:b.offset[slot+1]]
		sums := h[lane*binsPerByte:][:len(cells)]
		if all {
			for i, n := range sums {
				cells[i] = unpacked(n)
			}
		} else {
			for i, n := range sums {
				cells[i] = cells[i].plus(unpacked(n))
			}
		}
	}
}

// deskBlocks is how many blocks are summed together: as many words as a line of
// the cache holds.
const deskBlocks = 8

// desk is where one goroutine sums packed gradients.
type desk struct {
	blocks  [deskBlocks]packedBlock
	touched uint64
}
