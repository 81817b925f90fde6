package clickhouse

import (
	"fmt"
	"math"

	"github.com/ClickHouse/ch-go/proto"

	"fealty/features/frame"
)

// blockReader decodes blocks of ClickHouse's native protocol or Native format
// into a frame.Table, a column at a time. It is a proto.Result, so that both
// engines decode by the same rules. Buffers are used again from block to
// block; strings are not. It is for one goroutine.
type blockReader struct {
	columns []*columnReader
	table   frame.Table
	// seen counts the rows of earlier blocks, for messages.
	seen int
}

// columnReader holds one column's raw values and knows how to turn them into
// the frame's.
type columnReader struct {
	columnType
	name  string
	nulls proto.ColUInt8
	raw   proto.ColResult
	// convert appends the raw values to the column, which it finds empty. A
	// value that the frame can't hold is a *valueError; rows whose null mark is
	// set are not looked at.
	convert func(to *frame.Column) error
}

// valueError is a value that does not fit.
type valueError struct {
	row  int
	what string
}

func (e *valueError) Error() string { return fmt.Sprintf("row %d: %s", e.row, e.what) }

// DecodeResult implements proto.Result.
func (b *blockReader) DecodeResult(r *proto.Reader, version int, block proto.Block) error {
	if b.columns == nil {
		b.columns = make([]*columnReader, block.Columns)
		b.table.Columns = make([]frame.Column, block.Columns)
	}
	if len(b.columns) != block.Columns {
		return fmt.Errorf("a block has %d columns, the first had %d", block.Columns, len(b.columns))
	}
	for i := range b.columns {
		if err := b.decodeColumn(r, version, i, block.Rows); err != nil {
			return err
		}
	}
	b.seen += block.Rows
	return nil
}

func (b *blockReader) decodeColumn(r *proto.Reader, version, i, rows int) error {
	name, err := r.Str()
	if err != nil {
		return fmt.Errorf("read the name of column %d: %w", i+1, err)
	}
	text, err := r.Str()
	if err != nil {
		return fmt.Errorf("read the type of column %q: %w", name, err)
	}
	if proto.FeatureCustomSerialization.In(version) {
		custom, err := r.Bool()
		if err != nil {
			return fmt.Errorf("read the serialization of column %q: %w", name, err)
		}
		if custom {
			return fmt.Errorf("column %q comes in a serialization that was not asked for", name)
		}
	}
	c := b.columns[i]
	if c == nil || c.text != text {
		if c, err = newColumnReader(name, text); err != nil {
			return fmt.Errorf("column %q: %w", name, err)
		}
		b.columns[i] = c
	}
	if err := c.decode(r, rows); err != nil {
		return fmt.Errorf("read column %q: %w", name, err)
	}
	if err := c.fill(&b.table.Columns[i]); err != nil {
		if bad, ok := err.(*valueError); ok { //nolint:errorlint // made by fill itself, never wrapped
			bad.row += b.seen
		}
		return fmt.Errorf("column %q: %w", name, err)
	}
	return nil
}

func (c *columnReader) decode(r *proto.Reader, rows int) error {
	c.nulls.Reset()
	c.raw.Reset()
	if rows == 0 {
		return nil
	}
	if state, ok := c.raw.(proto.StateDecoder); ok {
		if err := state.DecodeState(r); err != nil {
			return fmt.Errorf("state: %w", err)
		}
	}
	if c.nullable && !c.dictionary {
		if err := c.nulls.DecodeColumn(r, rows); err != nil {
			return fmt.Errorf("null marks: %w", err)
		}
	}
	if err := c.raw.DecodeColumn(r, rows); err != nil {
		return fmt.Errorf("values: %w", err)
	}
	return nil
}

// fill turns the raw values into the frame's column.
func (c *columnReader) fill(to *frame.Column) error {
	to.Name, to.Kind = c.name, c.kind()
	to.Numbers, to.Integers, to.Texts, to.Null = to.Numbers[:0], to.Integers[:0], to.Texts[:0], to.Null[:0]
	missing := false
	for _, null := range c.nulls {
		missing = missing || null != 0
		to.Null = append(to.Null, null != 0)
	}
	err := c.convert(to)
	if to.Kind == frame.Number {
		for i, null := range to.Null {
			if null {
				to.Numbers[i] = math.NaN()
			}
		}
	}
	if c.dictionary {
		for _, null := range to.Null {
			missing = missing || null
		}
	}
	if !missing || to.Kind == frame.Number {
		to.Null = nil
	}
	return err
}

func newColumnReader(name, text string) (*columnReader, error) {
	t, err := parseType(text)
	if err != nil {
		return nil, err
	}
	c := &columnReader{name: name, columnType: t}
	switch t.kind() {
	case frame.Number:
		c.readNumbers()
	case frame.Decimal:
		c.readDecimals()
	case frame.Time:
		c.readTimes()
	case frame.Text:
		if err := c.readTexts(); err != nil {
			return nil, err
		}
	case frame.Integer:
		c.readIntegers()
	default:
		return nil, fmt.Errorf("type %s has no kind", text)
	}
	if t.dictionary && t.kind() != frame.Text {
		return nil, fmt.Errorf("type %s: a dictionary of %s is not read; cast it to %s", text, t.base, t.base)
	}
	return c, nil
}

func (c *columnReader) readNumbers() {
	if c.base == "Float32" {
		raw := new(proto.ColFloat32)
		c.raw, c.convert = raw, func(to *frame.Column) error {
			for _, v := range *raw {
				to.Numbers = append(to.Numbers, float64(v))
			}
			return finite(to)
		}
		return
	}
	raw := new(proto.ColFloat64)
	c.raw, c.convert = raw, func(to *frame.Column) error {
		to.Numbers = append(to.Numbers, *raw...)
		return finite(to)
	}
}

// finite refuses infinities. One subtraction per value is what it costs: v−v is
// 0 for a finite v and NaN otherwise.
func finite(c *frame.Column) error {
	for i, v := range c.Numbers {
		if v-v != 0 && math.IsInf(v, 0) && !isNull(c.Null, i) {
			return &valueError{i, "the value is infinite"}
		}
	}
	return nil
}

func isNull(null []bool, i int) bool { return i < len(null) && null[i] }

// whole are the integers that the wire carries.
type whole interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32
}

// wholes makes a reader of integers times a factor, which has to keep them
// within an int64.
func wholes[C ~[]T, T whole](raw *C, factor int64) func(*frame.Column) error {
	return func(to *frame.Column) error {
		for _, v := range *raw {
			to.Integers = append(to.Integers, int64(v)*factor)
		}
		return nil
	}
}

func (c *columnReader) readIntegers() {
	switch c.base {
	case "Int8", "Enum8":
		raw := new(proto.ColInt8)
		c.raw, c.convert = raw, wholes(raw, 1)
	case "Int16", "Enum16":
		raw := new(proto.ColInt16)
		c.raw, c.convert = raw, wholes(raw, 1)
	case "Int32":
		raw := new(proto.ColInt32)
		c.raw, c.convert = raw, wholes(raw, 1)
	case "Int64":
		raw := new(proto.ColInt64)
		c.raw, c.convert = raw, func(to *frame.Column) error {
			to.Integers = append(to.Integers, *raw...)
			return nil
		}
	case "UInt16":
		raw := new(proto.ColUInt16)
		c.raw, c.convert = raw, wholes(raw, 1)
	case "UInt32":
		raw := new(proto.ColUInt32)
		c.raw, c.convert = raw, wholes(raw, 1)
	case "UInt64":
		raw := new(proto.ColUInt64)
		c.raw, c.convert = raw, func(to *frame.Column) error {
			for i, v := range *raw {
				if v > math.MaxInt64 && !isNull(to.Null, i) {
					return &valueError{i, fmt.Sprintf("%d is above the largest integer, %d", v, int64(math.MaxInt64))}
				}
				to.Integers = append(to.Integers, int64(v)) //nolint:gosec // checked above
			}
			return nil
		}
	default: // UInt8, Bool
		raw := new(proto.ColUInt8)
		c.raw, c.convert = raw, wholes(raw, 1)
	}
}

func (c *columnReader) readDecimals() {
	factor := power(maxScale - c.scale)
	if c.precision < 10 {
		raw := new(proto.ColInt32)
		c.raw, c.convert = raw, wholes(raw, factor)
		return
	}
	most := int64(math.MaxInt64) / factor
	raw := new(proto.ColInt64)
	c.raw, c.convert = raw, func(to *frame.Column) error {
		for i, v := range *raw {
			if (v > most || v < -most) && !isNull(to.Null, i) {
				return &valueError{i, fmt.Sprintf("%d×10^%d has too many digits for a decimal with %d places", v, -c.scale, maxScale)}
			}
			to.Integers = append(to.Integers, v*factor)
		}
		return nil
	}
}

func (c *columnReader) readTimes() {
	switch c.base {
	case "Date":
		raw := new(proto.ColUInt16)
		c.raw, c.convert = raw, wholes(raw, secondsPerDay)
	case "Date32":
		raw := new(proto.ColInt32)
		c.raw, c.convert = raw, wholes(raw, secondsPerDay)
	case "DateTime":
		raw := new(proto.ColUInt32)
		c.raw, c.convert = raw, wholes(raw, 1)
	default: // DateTime64
		ticks := power(c.scale)
		raw := new(proto.ColInt64)
		c.raw, c.convert = raw, func(to *frame.Column) error {
			for _, v := range *raw {
				seconds := v / ticks
				if v%ticks < 0 { // the second that has begun, also before 1970
					seconds--
				}
				to.Integers = append(to.Integers, seconds)
			}
			return nil
		}
	}
}

func (c *columnReader) readTexts() error {
	switch {
	case c.dictionary && c.base == "String":
		index := new(proto.ColStr)
		raw := &proto.ColLowCardinalityRaw{Index: index}
		c.raw, c.convert = raw, func(to *frame.Column) error { return c.fromDictionary(to, raw, index) }
	case c.dictionary:
		return fmt.Errorf("type %s: a dictionary of %s is not read; cast it to String", c.text, c.base)
	case c.base == "FixedString":
		raw := &proto.ColFixedStr{Size: c.size}
		c.raw, c.convert = raw, func(to *frame.Column) error {
			all := string(raw.Buf)
			for i := range raw.Rows() {
				to.Texts = append(to.Texts, all[i*c.size:(i+1)*c.size])
			}
			return nil
		}
	case c.base == "UUID":
		raw := new(proto.ColUUID)
		c.raw, c.convert = raw, func(to *frame.Column) error {
			for _, v := range *raw {
				to.Texts = append(to.Texts, v.String())
			}
			return nil
		}
	default:
		raw := new(proto.ColStr)
		c.raw, c.convert = raw, func(to *frame.Column) error {
			to.Texts = appendTexts(to.Texts, raw)
			return nil
		}
	}
	return nil
}

// appendTexts copies a column of strings with one allocation: each text is a
// piece of one long one. A text that is kept keeps its block's, which is what
// the frames do anyway.
func appendTexts(to []string, raw *proto.ColStr) []string {
	all := string(raw.Buf)
	for _, p := range raw.Pos {
		to = append(to, all[p.Start:p.End])
	}
	return to
}

// fromDictionary looks keys up. In a nullable dictionary key 0 is NULL.
func (c *columnReader) fromDictionary(to *frame.Column, raw *proto.ColLowCardinalityRaw, index *proto.ColStr) error {
	words := appendTexts(nil, index)
	look := func(key uint64) error {
		if key >= uint64(len(words)) {
			return fmt.Errorf("key %d lies outside a dictionary of %d", key, len(words))
		}
		to.Texts = append(to.Texts, words[key])
		if c.nullable {
			to.Null = append(to.Null, key == 0)
		}
		return nil
	}
	return firstError(
		each(raw.Keys8, look), each(raw.Keys16, look), each(raw.Keys32, look), each(raw.Keys64, look))
}

func each[T uint8 | uint16 | uint32 | uint64](keys []T, look func(uint64) error) error {
	for _, key := range keys {
		if err := look(uint64(key)); err != nil {
			return err
		}
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
