package boost

import "math"

// random is splitmix64 (Steele, Lea and Flood, OOPSLA 2014). Written out here
// because models must not change when the standard library changes its streams.
type random uint64

// stream returns a generator that depends on nothing but its keys.
func stream(keys ...uint64) random {
	r := random(0)
	for _, k := range keys {
		r ^= random(k)
		r = random(r.next())
	}
	return r
}

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// float returns a number in [0, 1).
func (r *random) float() float64 { return float64(r.next()>>11) * 0x1p-53 }

// below returns a number in [0, n), n ≥ 1. Its bias is below n/2⁵³.
func (r *random) below(n int) int { return int(math.Floor(r.float() * float64(n))) }
