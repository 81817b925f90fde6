package tree

import "math/bits"

// answerSets answers the questions of a category. Rows are sorted by code once;
// then each set gathers the rows of those of its codes that the block has, or
// asks row by row where these are many.
func (c *column) answerSets(values *[blockRows]float64, s *scratch, k *kernels) {
	none := uint16(32 * c.words) //nolint:gosec // maxBatchCodes bounds the words
	byCode, present := s.byCode[:none], s.present[:c.words]
	clear(byCode)
	clear(present)
	var missing mask
	for i, v := range values {
		s.codes[i] = none
		switch {
		case v > -1 && v < float64(none): // cut to a whole number, as hasCode does
			code := uint16(v)
			s.codes[i] = code
			byCode[code][i/64] |= 1 << (i % 64)
			present[code/32] |= 1 << (code % 32)
		case v != v:
			missing[i/64] |= 1 << (i % 64)
		}
	}
	for i := range c.sets {
		var left mask
		if c.sets[i].missingLeft {
			left = missing
		}
		set := c.sets[i].codes
		members := 0
		for at, word := range set {
			members += bits.OnesCount32(word & present[at])
		}
		if members <= k.fewCodes {
			gather(set, present, byCode, &left)
		} else {
			k.member(set, &s.codes, &left)
		}
		for w := range left {
			s.conditions[c.from+i][w] = ^left[w]
		}
	}
}

// gather joins the rows of each code of the set that is present.
func gather(set, present []uint32, byCode []mask, left *mask) {
	for at, word := range set {
		for word &= present[at]; word != 0; word &= word - 1 {
			rows := &byCode[32*at+bits.TrailingZeros32(word)]
			for w := range left {
				left[w] |= rows[w]
			}
		}
	}
}
