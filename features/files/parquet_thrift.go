package files

import (
	"errors"
	"fmt"
)

// compact reads Thrift's compact protocol, in which Parquet's footer and page
// headers are written. It allocates nothing: a length that the bytes cannot
// hold is an error before anything is made of it. The first error stays and
// every later read gives zero.
type compact struct {
	b   []byte
	i   int
	err error
}

var (
	errThrift = errors.New("is damaged: a structure of its metadata cannot be read")
	// errCut says that the bytes end inside a structure; with more bytes it may be whole.
	errCut = errors.New("is damaged: its metadata ends too early")
)

// The types of a field in the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12

	// maxThriftDepth bounds structures inside each other; Parquet's go 7 deep.
	maxThriftDepth = 32
)

func (t *compact) fail(err error) {
	if t.err == nil {
		t.err = err
	}
	t.i = len(t.b)
}

func (t *compact) byte() byte {
	if t.i >= len(t.b) {
		t.fail(errCut)
		return 0
	}
	c := t.b[t.i]
	t.i++
	return c
}

func (t *compact) uvarint() uint64 {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		c := t.byte()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	t.fail(errThrift)
	return 0
}

// integer reads an i16, i32 or i64.
func (t *compact) integer() int64 {
	u := t.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// bytes reads a binary; it shares memory with the input.
func (t *compact) bytes() []byte {
	n := t.uvarint()
	if n > uint64(len(t.b)-t.i) { //nolint:gosec // i never passes the end
		t.fail(errCut)
		return nil
	}
	b := t.b[t.i : t.i+int(n)] //nolint:gosec // compared above
	t.i += int(n)              //nolint:gosec // compared above
	return b
}

// fields calls one for each field of a structure; a field that one does not
// take is skipped.
func (t *compact) fields(depth int, one func(id int64, kind byte) (taken bool)) {
	if depth > maxThriftDepth {
		t.fail(errThrift)
	}
	var id int64
	for t.err == nil {
		head := t.byte()
		kind := head & 0x0f
		if kind == 0 {
			return
		}
		if delta := head >> 4; delta != 0 {
			id += int64(delta)
		} else {
			id = t.integer()
		}
		if !one(id, kind) {
			t.skip(kind, depth+1)
		}
	}
}

// list reads the head of a list. Every element takes a byte at least.
func (t *compact) list() (count int, kind byte) {
	head := t.byte()
	n := uint64(head >> 4)
	if n == 15 {
		n = t.uvarint()
	}
	if n > uint64(len(t.b)-t.i) { //nolint:gosec // i never passes the end
		t.fail(errCut)
		return 0, 0
	}
	return int(n), head & 0x0f
}

func (t *compact) skip(kind byte, depth int) {
	if depth > maxThriftDepth {
		t.fail(errThrift)
		return
	}
	switch kind {
	case thriftTrue, thriftFalse:
	case thriftByte:
		t.byte()
	case thriftI16, thriftI32, thriftI64:
		t.uvarint()
	case thriftDouble:
		for range 8 {
			t.byte()
		}
	case thriftBinary:
		t.bytes()
	case thriftList, thriftSet:
		n, kind := t.list()
		for i := 0; i < n && t.err == nil; i++ {
			t.skipElement(kind, depth+1)
		}
	case thriftMap:
		n := t.uvarint()
		if n == 0 {
			return
		}
		kinds := t.byte()
		for i := uint64(0); i < n && t.err == nil; i++ {
			t.skipElement(kinds>>4, depth+1)
			t.skipElement(kinds&0x0f, depth+1)
		}
	case thriftStruct:
		t.fields(depth, func(int64, byte) bool { return false })
	default:
		t.fail(errThrift)
	}
}

// skipElement passes over an element of a list: a boolean takes a byte there.
func (t *compact) skipElement(kind byte, depth int) {
	if kind == thriftTrue || kind == thriftFalse {
		t.byte()
		return
	}
	t.skip(kind, depth)
}

// physical is how Parquet stores a value.
type physical int64

// The physical types by their numbers in the format.
const (
	physBoolean physical = iota
	physInt32
	physInt64
	physInt96
	physFloat
	physDouble
	physBytes
	physFixed
)

// meaning is what a stored value stands for.
type meaning uint8

const (
	asStored meaning = iota
	asText
	asDecimal
	asDate
	asTime
	asInstant
	asUnsigned
	asUUID
	asUnknown // a meaning that fealty does not read; named in why
)

// parquetColumn is a column at the top of a Parquet file's schema.
type parquetColumn struct {
	name string
	// leaf counts the columns that hold values, in the order of the row groups.
	leaf     int
	stored   physical
	means    meaning
	width    int // bytes of a fixed value
	scale    int
	unit     int64 // units per second of asTime and asInstant
	local    bool  // asInstant: the reading of a clock, not an instant
	optional bool
	nested   bool
	why      string
}

// parquetFooter is what a file says of itself. Row groups are read one by one
// from groups, because files with thousands of columns have more of their
// descriptions than is good to hold.
type parquetFooter struct {
	columns []parquetColumn
	leaves  int
	rows    int64
	groups  compact // stands on the first row group
	left    int     // row groups not read yet
}

// parquetChunk is one column of a row group.
type parquetChunk struct {
	stored             physical
	codec              int64
	values             int64
	size               int64
	dataAt, dictionary int64
	encrypted, foreign bool
}

// schemaElement is a node of the schema, which is written depth first.
type schemaElement struct {
	column   parquetColumn
	children int64
	repeated bool
	typed    bool
	// The older way to say what is meant, for columns without the newer one.
	converted int64
	logical   bool
}

// readFooter reads the metadata of a file. A wide file has at most maxColumns
// columns with values.
func readFooter(b []byte, maxColumns int) (*parquetFooter, error) {
	f := &parquetFooter{}
	t := &compact{b: b}
	var schema, encrypted bool
	t.fields(0, func(id int64, kind byte) bool {
		switch {
		case id == 2 && kind == thriftList:
			schema = true
			if err := f.readSchema(t, maxColumns); err != nil {
				t.fail(err)
			}
		case id == 3 && kind == thriftI64:
			f.rows = t.integer()
		case id == 4 && kind == thriftList:
			var of byte
			if f.left, of = t.list(); of != thriftStruct && f.left > 0 {
				t.fail(errThrift)
			}
			f.groups = *t
			for range f.left {
				t.skip(thriftStruct, 1)
			}
		case id == 8:
			encrypted = true
			return false
		default:
			return false
		}
		return true
	})
	switch {
	case t.err != nil:
		return nil, t.err
	case encrypted:
		return nil, errEncrypted
	case !schema || f.rows < 0:
		return nil, errThrift
	}
	return f, nil
}

var errEncrypted = errors.New("is encrypted; write it without encryption")

// readSchema finds the columns at the top. What lies below one is counted and
// not looked at.
func (f *parquetFooter) readSchema(t *compact, maxColumns int) error {
	count, kind := t.list()
	if kind != thriftStruct || count == 0 {
		return errThrift
	}
	root := readElement(t)
	if t.err != nil {
		return t.err
	}
	open := root.children // elements of the tree that are announced and not read yet
	top := int64(0)       // of which so many belong to the current top column
	for i := 1; i < count; i++ {
		e := readElement(t)
		if t.err != nil {
			return t.err
		}
		if open--; open < 0 || e.children < 0 || e.children > int64(count) {
			return errThrift
		}
		open += e.children
		if e.children == 0 && !e.typed {
			return errThrift
		}
		if top == 0 {
			c := e.column
			c.leaf, c.nested = f.leaves, e.children > 0 || e.repeated
			f.columns = append(f.columns, c)
			top = 1
		}
		top += e.children - 1
		if e.children == 0 {
			f.leaves++
		}
		if f.leaves > maxColumns {
			return fmt.Errorf("has more than %d columns, the limit", maxColumns)
		}
	}
	if open != 0 {
		return errThrift
	}
	return nil
}

// readElement reads one node of the schema.
func readElement(t *compact) schemaElement {
	e := schemaElement{converted: -1}
	c := &e.column
	t.fields(1, func(id int64, kind byte) bool {
		switch {
		case id == 1 && kind == thriftI32:
			c.stored, e.typed = physical(t.integer()), true
		case id == 2 && kind == thriftI32:
			c.width = clampInt(t.integer())
		case id == 3 && kind == thriftI32:
			repetition := t.integer()
			c.optional, e.repeated = repetition == 1, repetition == 2
		case id == 4 && kind == thriftBinary:
			c.name = string(t.bytes())
		case id == 5 && kind == thriftI32:
			e.children = t.integer()
		case id == 6 && kind == thriftI32:
			e.converted = t.integer()
		case id == 7 && kind == thriftI32:
			c.scale = clampInt(t.integer())
		case id == 10 && kind == thriftStruct:
			e.logical = true
			c.readLogical(t)
		default:
			return false
		}
		return true
	})
	if !e.logical {
		c.convert(e.converted)
	}
	c.check()
	return e
}

// clampInt makes any integer one that no arithmetic of ours overflows with.
func clampInt(v int64) int { return int(max(-1<<30, min(1<<30, v))) }

// readLogical reads a logical type, a union of structures.
func (c *parquetColumn) readLogical(t *compact) {
	t.fields(2, func(id int64, kind byte) bool {
		if kind != thriftStruct {
			return false
		}
		switch id {
		case 1, 4, 12: // text, enumeration, JSON
			c.means = asText
		case 5:
			c.means = asDecimal
			t.fields(3, func(id int64, kind byte) bool {
				if id == 1 && kind == thriftI32 {
					c.scale = clampInt(t.integer())
					return true
				}
				return false
			})
			return true
		case 6:
			c.means = asDate
		case 7, 8:
			c.means = asTime
			if id == 8 {
				c.means = asInstant
			}
			c.readUnit(t)
			return true
		case 10:
			t.fields(3, func(id int64, kind byte) bool {
				if id == 2 && kind == thriftFalse {
					c.means = asUnsigned
				}
				return false // a boolean's value is its type
			})
			return true
		case 11: // always empty
			c.means = asStored
		case 14:
			c.means = asUUID
		default:
			c.means, c.why = asUnknown, map[int64]string{2: "a map", 3: "a list", 13: "BSON", 15: "a float of 16 bits", 16: "a variant", 17: "a geometry", 18: "a geography"}[id]
		}
		return false
	})
}

// readUnit reads what a time or an instant is counted in and whether it is adjusted to UTC.
func (c *parquetColumn) readUnit(t *compact) {
	c.local = true
	t.fields(3, func(id int64, kind byte) bool {
		switch {
		case id == 1 && kind == thriftTrue:
			c.local = false
		case id == 2 && kind == thriftStruct:
			t.fields(4, func(id int64, _ byte) bool {
				c.unit = map[int64]int64{1: 1e3, 2: 1e6, 3: 1e9}[id]
				return false
			})
			return true
		}
		return false
	})
}

// convert reads the older converted type.
func (c *parquetColumn) convert(converted int64) {
	switch converted {
	case 0, 4, 19:
		c.means = asText
	case 5:
		c.means = asDecimal
	case 6:
		c.means = asDate
	case 7, 8:
		c.means, c.unit = asTime, []int64{1e3, 1e6}[converted-7]
	case 9, 10:
		c.means, c.unit = asInstant, []int64{1e3, 1e6}[converted-9]
	case 11, 12, 13, 14:
		c.means = asUnsigned
	case 20:
		c.means, c.why = asUnknown, "BSON"
	case 21:
		c.means, c.why = asUnknown, "an interval"
	}
}

// check finds columns whose meaning does not go with how they are stored.
func (c *parquetColumn) check() {
	good := true
	switch c.means {
	case asText:
		good = c.stored == physBytes || c.stored == physFixed
	case asDecimal:
		good = (c.stored == physInt32 || c.stored == physInt64 || c.stored == physBytes || c.stored == physFixed) && c.scale >= 0 && c.scale <= 100
	case asDate:
		good = c.stored == physInt32
	case asTime, asInstant:
		good = (c.stored == physInt32 || c.stored == physInt64) && c.unit > 0
	case asUnsigned:
		good = c.stored == physInt32 || c.stored == physInt64
	case asUUID:
		good = c.stored == physFixed && c.width == 16
	case asStored:
		if c.stored == physFixed {
			c.means, c.why = asUnknown, "bytes without a meaning"
		}
	case asUnknown:
	}
	if c.stored == physFixed && (c.width < 1 || c.width > 1<<16) || c.stored < physBoolean || c.stored > physFixed {
		good = false
	}
	if !good {
		c.means, c.why = asUnknown, "stored in a way that does not go with its meaning"
	}
	if c.means == asUnknown && c.why == "" {
		c.why = "of a kind that is not known"
	}
}

// nextGroup reads the description of the next row group: its rows and the
// chunks of the leaves that are asked for, in their order.
func (f *parquetFooter) nextGroup(leaves []int, chunks []parquetChunk) (rows int64, err error) {
	t := &f.groups
	f.left--
	rows = -1
	count := 0
	t.fields(1, func(id int64, kind byte) bool {
		switch {
		case id == 1 && kind == thriftList:
			var of byte
			if count, of = t.list(); of != thriftStruct {
				t.fail(errThrift)
			}
			var c parquetChunk
			for leaf := 0; leaf < count && t.err == nil; leaf++ {
				c.read(t)
				for k := range leaves {
					if leaves[k] == leaf {
						chunks[k] = c
					}
				}
			}
		case id == 3 && kind == thriftI64:
			rows = t.integer()
		default:
			return false
		}
		return true
	})
	switch {
	case t.err != nil:
		return 0, t.err
	case rows < 0 || count != f.leaves:
		return 0, errThrift
	}
	return rows, nil
}

// read reads a column chunk's description.
func (c *parquetChunk) read(t *compact) {
	*c = parquetChunk{values: -1}
	t.fields(2, func(id int64, kind byte) bool {
		switch {
		case id == 1:
			c.foreign = true
			return false
		case id == 3 && kind == thriftStruct:
			c.readMeta(t)
			return true
		case id == 8 || id == 9:
			c.encrypted = true
		}
		return false
	})
}

func (c *parquetChunk) readMeta(t *compact) {
	t.fields(3, func(id int64, kind byte) bool {
		if kind != thriftI32 && kind != thriftI64 {
			return false
		}
		switch id {
		case 1:
			c.stored = physical(t.integer())
		case 4:
			c.codec = t.integer()
		case 5:
			c.values = t.integer()
		case 7:
			c.size = t.integer()
		case 9:
			c.dataAt = t.integer()
		case 11:
			c.dictionary = t.integer()
		default:
			return false
		}
		return true
	})
}

// pageKind is what a page of a column holds.
type pageKind int64

// The kinds of page by their numbers in the format.
const (
	pageData       pageKind = 0
	pageIndex      pageKind = 1
	pageDictionary pageKind = 2
	pageDataV2     pageKind = 3
)

// pageHeader stands before each page.
type pageHeader struct {
	kind                    pageKind
	unpacked, packed        int64
	crc                     uint32
	checked                 bool
	values                  int64
	encoding, levelEncoding int64
	levels, repetitions     int64 // V2: bytes of the levels
	plain                   bool  // V2: not compressed whatever the codec is
	described               bool
}

// readPageHeader reads a header and tells how many bytes it takes. The error is
// errCut if b may only be too short.
func readPageHeader(b []byte) (h pageHeader, length int, err error) {
	t := &compact{b: b}
	h.kind = -1
	t.fields(0, func(id int64, kind byte) bool {
		switch {
		case id == 1 && kind == thriftI32:
			h.kind = pageKind(t.integer())
		case id == 2 && kind == thriftI32:
			h.unpacked = t.integer()
		case id == 3 && kind == thriftI32:
			h.packed = t.integer()
		case id == 4 && kind == thriftI32:
			h.crc, h.checked = uint32(t.integer()), true //nolint:gosec // the bits of a checksum
		case (id == 5 && h.kind == pageData || id == 7 && h.kind == pageDictionary) && kind == thriftStruct:
			h.described = true
			t.fields(1, func(id int64, kind byte) bool {
				if kind != thriftI32 || id < 1 || id > 3 {
					return false
				}
				*[]*int64{&h.values, &h.encoding, &h.levelEncoding}[id-1] = t.integer()
				return true
			})
		case id == 8 && h.kind == pageDataV2 && kind == thriftStruct:
			h.described = true
			h.readV2(t)
		default:
			return false
		}
		return true
	})
	switch {
	case t.err != nil:
		return h, 0, t.err
	case h.kind < pageData || h.packed < 0 || h.unpacked < 0 || h.values < 0 || h.levels < 0 || h.repetitions < 0,
		h.kind != pageIndex && !h.described:
		return h, 0, errThrift
	}
	return h, t.i, nil
}

func (h *pageHeader) readV2(t *compact) {
	h.levelEncoding = encodingRLE
	t.fields(1, func(id int64, kind byte) bool {
		if id == 7 {
			h.plain = kind == thriftFalse
		}
		if kind != thriftI32 {
			return false
		}
		switch id {
		case 1:
			h.values = t.integer()
		case 4:
			h.encoding = t.integer()
		case 5:
			h.levels = t.integer()
		case 6:
			h.repetitions = t.integer()
		default:
			return false
		}
		return true
	})
}
