package store

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// sipHash is SipHash-2-4 under the key 0, which ClickHouse calls sipHash64
// (Aumasson, Bernstein: SipHash, a fast short-input PRF, 2012). It is what both
// sides know, so that what was sent is compared with what lies in the table,
// bit by bit, without reading it back.
func sipHash(text []byte) uint64 {
	v0, v1, v2, v3 := uint64(0x736f6d6570736575), uint64(0x646f72616e646f6d), uint64(0x6c7967656e657261), uint64(0x7465646279746573)
	round := func() {
		v0 += v1
		v1 = bits.RotateLeft64(v1, 13) ^ v0
		v0 = bits.RotateLeft64(v0, 32)
		v2 += v3
		v3 = bits.RotateLeft64(v3, 16) ^ v2
		v0 += v3
		v3 = bits.RotateLeft64(v3, 21) ^ v0
		v2 += v1
		v1 = bits.RotateLeft64(v1, 17) ^ v2
		v2 = bits.RotateLeft64(v2, 32)
	}
	last := uint64(len(text)) << 56
	for ; len(text) >= 8; text = text[8:] {
		m := binary.LittleEndian.Uint64(text)
		v3 ^= m
		round()
		round()
		v0 ^= m
	}
	for i, b := range text {
		last |= uint64(b) << (8 * i)
	}
	v3 ^= last
	round()
	round()
	v0 ^= last
	v2 ^= 0xff
	round()
	round()
	round()
	round()
	return v0 ^ v1 ^ v2 ^ v3
}

// digest counts rows and adds up their hashes, so that their order does not
// matter and a row that is there twice or not at all does. The sum wraps, as
// ClickHouse's does.
type digest struct {
	rows int64
	sum  uint64
	row  []byte
}

// end takes the row that was written by text, number and whole.
func (d *digest) end() {
	d.rows++
	d.sum += sipHash(d.row)
	d.row = d.row[:0]
}

func (d *digest) text(s string) {
	d.row = strconv.AppendInt(d.row, int64(len(s)), 10)
	d.row = append(d.row, ':')
	d.row = append(d.row, s...)
}

func (d *digest) number(v float64) {
	if math.IsNaN(v) {
		d.row = append(d.row, 'n', ',')
		return
	}
	d.row = strconv.AppendUint(d.row, math.Float64bits(v), 10)
	d.row = append(d.row, ',')
}

func (d *digest) whole(v int64, missing bool) {
	if missing {
		d.row = append(d.row, 'n', ',')
		return
	}
	d.row = strconv.AppendInt(d.row, v, 10)
	d.row = append(d.row, ',')
}

// String is the sum as it stands in runs.
func (d *digest) String() string { return strconv.FormatUint(d.sum, 10) }
