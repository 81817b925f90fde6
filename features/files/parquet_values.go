package files

import (
	"encoding/binary"
	"errors"
)

// The encodings of values by their numbers in the format.
const (
	encodingPlain           = 0
	encodingPlainDictionary = 2
	encodingRLE             = 3
	encodingDelta           = 5
	encodingDeltaLength     = 6
	encodingDeltaBytes      = 7
	encodingDictionary      = 8
	encodingSplit           = 9
)

var (
	errFewValues = errors.New("is damaged: a page holds fewer values than it says")
	errEncoded   = errors.New("is damaged: values do not follow their encoding")
	errIndex     = errors.New("is damaged: a value points beyond its dictionary")
)

// stored is one value as a page stores it: n for booleans, integers and the
// bits of floats, b for bytes. b is valid until the next value.
type stored struct {
	n int64
	b []byte
}

// values gives the values of a page one by one. Nothing is made of what a page
// says about its own counts and lengths: a run of a billion zeros takes no
// memory, and a length beyond the page is an error.
type values interface {
	next(v *stored) error
}

// plainFixed reads values of one width.
type plainFixed struct {
	b     []byte
	kind  physical
	width int
}

func widthOf(c *parquetColumn) int {
	switch c.stored {
	case physInt32, physFloat:
		return 4
	case physInt64, physDouble:
		return 8
	case physInt96:
		return 12
	case physFixed:
		return c.width
	default:
		return 0
	}
}

func (p *plainFixed) next(v *stored) error {
	if len(p.b) < p.width {
		return errFewValues
	}
	fixed(v, p.b[:p.width], p.kind)
	p.b = p.b[p.width:]
	return nil
}

// fixed reads a value from exactly its bytes.
func fixed(v *stored, b []byte, kind physical) {
	switch kind {
	case physInt32, physFloat:
		v.n = int64(int32(binary.LittleEndian.Uint32(b))) //nolint:gosec // the bits are meant
	case physInt64, physDouble:
		v.n = int64(binary.LittleEndian.Uint64(b)) //nolint:gosec // the bits are meant
	default:
		v.b = b
	}
}

// plainBytes reads bytes that stand behind their length.
type plainBytes struct{ b []byte }

func (p *plainBytes) next(v *stored) error {
	if len(p.b) < 4 {
		return errFewValues
	}
	n := binary.LittleEndian.Uint32(p.b)
	if int64(n) > int64(len(p.b)-4) {
		return errFewValues
	}
	v.b = p.b[4 : 4+n]
	p.b = p.b[4+n:]
	return nil
}

// plainBits reads booleans of a bit each.
type plainBits struct {
	b []byte
	i int
}

func (p *plainBits) next(v *stored) error {
	if p.i>>3 >= len(p.b) {
		return errFewValues
	}
	v.n = int64(p.b[p.i>>3] >> (p.i & 7) & 1)
	p.i++
	return nil
}

// split reads values whose first bytes stand together, then all second bytes, and so on.
type split struct {
	b       []byte
	i, n    int
	kind    physical
	scratch []byte
}

func newSplit(b []byte, c *parquetColumn) (*split, error) {
	width := widthOf(c)
	if width == 0 || len(b)%width != 0 {
		return nil, errEncoded
	}
	return &split{b: b, n: len(b) / width, kind: c.stored, scratch: make([]byte, width)}, nil
}

func (s *split) next(v *stored) error {
	if s.i == s.n {
		return errFewValues
	}
	for j := range s.scratch {
		s.scratch[j] = s.b[j*s.n+s.i]
	}
	s.i++
	fixed(v, s.scratch, s.kind)
	return nil
}

// bitsAt reads width ≤ 64 bits that begin at bit at of b, lowest first.
func bitsAt(b []byte, at, width int) (uint64, bool) {
	if at+width > 8*len(b) {
		return 0, false
	}
	from, shift := at>>3, at&7
	var v uint64
	if from+8 <= len(b) {
		v = binary.LittleEndian.Uint64(b[from:]) >> shift
	} else {
		for k := 0; from+k < len(b); k++ {
			v |= uint64(b[from+k]) << (8 * k)
		}
		v >>= shift
	}
	if shift+width > 64 {
		v |= uint64(b[from+8]) << (64 - shift)
	}
	if width < 64 {
		v &= 1<<width - 1
	}
	return v, true
}

// hybrid reads small numbers written in runs and in packs of bits: levels,
// places in a dictionary, booleans.
type hybrid struct {
	b     []byte
	width int
	run   uint64 // values left of the current run
	value uint32 // of a run
	pack  []byte // of a pack: its bytes
	at    int    // and the next bit
}

func (h *hybrid) nextNumber() (uint32, error) {
	for h.run == 0 {
		head, n := binary.Uvarint(h.b)
		if n <= 0 {
			return 0, errFewValues
		}
		h.b = h.b[n:]
		h.run, h.value, h.pack, h.at = head>>1, 0, nil, 0
		if head&1 == 1 {
			if h.run > uint64(len(h.b))+1 && h.width > 0 { // a pack of 8 takes width bytes
				return 0, errEncoded
			}
			size := min(int(h.run)*h.width, len(h.b))
			h.pack, h.b = h.b[:size:size], h.b[size:]
			h.run *= 8
			continue
		}
		wide := (h.width + 7) / 8
		if len(h.b) < wide {
			return 0, errFewValues
		}
		for k := range wide {
			h.value |= uint32(h.b[k]) << (8 * k)
		}
		h.b = h.b[wide:]
	}
	h.run--
	if h.pack == nil {
		return h.value, nil
	}
	v, ok := bitsAt(h.pack, h.at, h.width)
	if !ok {
		return 0, errFewValues
	}
	h.at += h.width
	return uint32(v), nil //nolint:gosec // at most 32 bits wide
}

// next implements values, for booleans.
func (h *hybrid) next(v *stored) error {
	n, err := h.nextNumber()
	v.n = int64(n)
	return err
}

// dictionary is the page of a chunk that holds each of its values once.
type dictionary struct {
	b     []byte
	kind  physical
	width int
	count int
	// ends holds, for bytes, where each value ends; it begins behind its length.
	ends []uint32
}

// load reads a dictionary page. It owns b from now on.
func (d *dictionary) load(b []byte, count int64, c *parquetColumn) error {
	d.b, d.kind, d.width, d.ends = b, c.stored, widthOf(c), d.ends[:0]
	switch {
	case c.stored == physBoolean:
		return errEncoded
	case d.width > 0:
		if count > int64(len(b)/d.width) {
			return errFewValues
		}
		d.count = int(count)
		return nil
	case count > int64(len(b)/4):
		return errFewValues
	}
	at := 0
	for range count {
		if len(b)-at < 4 {
			return errFewValues
		}
		n := binary.LittleEndian.Uint32(b[at:])
		if at += 4; int64(n) > int64(len(b)-at) {
			return errFewValues
		}
		at += int(n)
		d.ends = append(d.ends, uint32(at)) //nolint:gosec // a page is smaller than 2^31
	}
	d.count = int(count)
	return nil
}

func (d *dictionary) get(v *stored, i int) {
	if d.width > 0 {
		fixed(v, d.b[i*d.width:(i+1)*d.width], d.kind)
		return
	}
	from := uint32(4)
	if i > 0 {
		from += d.ends[i-1]
	}
	v.b = d.b[from:d.ends[i]]
}

// indexed reads values as places in a dictionary.
type indexed struct {
	hybrid
	of *dictionary
}

func newIndexed(b []byte, of *dictionary) (*indexed, error) {
	if len(b) == 0 {
		return &indexed{of: of}, nil // a page of empty values only
	}
	if b[0] > 32 {
		return nil, errEncoded
	}
	return &indexed{hybrid{b: b[1:], width: int(b[0])}, of}, nil
}

func (x *indexed) next(v *stored) error {
	i, err := x.nextNumber()
	if err != nil {
		return err
	}
	if int64(i) >= int64(x.of.count) {
		return errIndex
	}
	x.of.get(v, int(i))
	return nil
}

// delta reads integers written as differences, in blocks of packs of bits.
type delta struct {
	b      []byte
	narrow bool // 32 bits: differences wrap there
	left   int64
	last   int64
	first  bool
	block  int   // values of a block
	packs  int   // of a block
	least  int64 // the smallest difference of the block
	widths []byte
	pack   []byte
	at     int
	inPack int
}

// newDelta reads the head. A page of most values holds no more of them.
func newDelta(b []byte, narrow bool, most int64) (*delta, error) {
	var head [3]uint64
	for i := range head {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errEncoded
		}
		head[i], b = v, b[n:]
	}
	first, n := binary.Varint(b)
	// The format wants blocks of a multiple of 128 and packs of a multiple of 32.
	if n <= 0 || head[0] == 0 || head[0]%128 != 0 || head[0] > 1<<20 || head[1] == 0 || head[0]%head[1] != 0 || head[0]/head[1]%32 != 0 || head[2] > uint64(most) { //nolint:gosec // counts are not negative
		return nil, errEncoded
	}
	return &delta{
		b: b[n:], narrow: narrow, left: int64(head[2]), last: first, first: true, //nolint:gosec // compared with most
		block: int(head[0]), packs: int(head[1]), //nolint:gosec // at most 2^20
	}, nil
}

func (d *delta) nextNumber() (int64, error) {
	if d.left == 0 {
		return 0, errFewValues
	}
	d.left--
	if d.first {
		d.first = false
		return d.last, nil
	}
	if d.inPack == 0 {
		if err := d.nextPack(); err != nil {
			return 0, err
		}
	}
	d.inPack--
	width := int(d.widths[0])
	v, ok := bitsAt(d.pack, d.at, width)
	if !ok {
		return 0, errFewValues
	}
	d.at += width
	d.last += d.least + int64(v) //nolint:gosec // differences wrap around by the format's rules
	if d.narrow {
		d.last = int64(int32(d.last)) //nolint:gosec // likewise
	}
	return d.last, nil
}

func (d *delta) nextPack() error {
	if len(d.widths) > 0 {
		d.widths = d.widths[1:]
	}
	if len(d.widths) == 0 {
		least, n := binary.Varint(d.b)
		if n <= 0 || len(d.b)-n < d.packs {
			return errFewValues
		}
		d.least, d.widths, d.b = least, d.b[n:n+d.packs], d.b[n+d.packs:]
	}
	width := int(d.widths[0])
	if width > 64 {
		return errEncoded
	}
	d.inPack, d.at = d.block/d.packs, 0
	size := d.inPack * width / 8
	if size > len(d.b) {
		return errFewValues
	}
	d.pack, d.b = d.b[:size:size], d.b[size:]
	return nil
}

// next implements values.
func (d *delta) next(v *stored) (err error) {
	v.n, err = d.nextNumber()
	return err
}

// behind passes over all numbers and returns what stands behind them.
func (d *delta) behind() ([]byte, error) {
	end := *d
	for end.left > 0 {
		if _, err := end.nextNumber(); err != nil {
			return nil, err
		}
	}
	return end.b, nil
}

// deltaLengths reads bytes whose lengths stand before all of them.
type deltaLengths struct {
	lengths *delta
	b       []byte
}

func newDeltaLengths(b []byte, most int64) (*deltaLengths, error) {
	lengths, err := newDelta(b, true, most)
	if err != nil {
		return nil, err
	}
	rest, err := lengths.behind()
	return &deltaLengths{lengths, rest}, err
}

func (d *deltaLengths) next(v *stored) error {
	n, err := d.lengths.nextNumber()
	if err != nil {
		return err
	}
	if n < 0 || n > int64(len(d.b)) {
		return errEncoded
	}
	v.b, d.b = d.b[:n], d.b[n:]
	return nil
}

// deltaBytes reads bytes that share a beginning with those before them. It
// holds one value at a time: however often a page repeats a long beginning, no
// more than the page's size is held.
type deltaBytes struct {
	shared *delta
	ends   *deltaLengths
	last   []byte
	fixed  int // the length that every value must have; 0 for any
}

func newDeltaBytes(b []byte, c *parquetColumn, most int64) (*deltaBytes, error) {
	shared, err := newDelta(b, true, most)
	if err != nil {
		return nil, err
	}
	rest, err := shared.behind()
	if err != nil {
		return nil, err
	}
	ends, err := newDeltaLengths(rest, most)
	return &deltaBytes{shared: shared, ends: ends, fixed: widthOf(c)}, err
}

func (d *deltaBytes) next(v *stored) error {
	n, err := d.shared.nextNumber()
	if err != nil {
		return err
	}
	if n < 0 || n > int64(len(d.last)) {
		return errEncoded
	}
	if err := d.ends.next(v); err != nil {
		return err
	}
	d.last = append(d.last[:n], v.b...)
	if d.fixed > 0 && len(d.last) != d.fixed {
		return errEncoded
	}
	v.b = d.last
	return nil
}
