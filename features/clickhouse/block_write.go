package clickhouse

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"fealty/features/frame"
)

// The instants, in Unix seconds, that ClickHouse's types hold: Date32 and
// DateTime64 are documented for 1900 … 2299, and a DateTime64 with nine places
// ends in 2262, where its count of nanoseconds leaves 64 bits.
const (
	endOfDate       = (math.MaxUint16 + 1) * secondsPerDay
	endOfDateTime   = math.MaxUint32 + 1
	startOfDate32   = -2_208_988_800
	endOfDate32     = 10_413_792_000
	endOfDateTime64 = 9_223_372_036
)

// columnWriter writes a column of frame.Tables as ClickHouse lays it out in a
// block. Every value is first found to fit, because the wire itself wraps dates
// and cuts decimals silently.
type columnWriter struct {
	columnType
	name string
	from *frame.Column
}

// newColumnWriter reads the table's type of the named column.
func newColumnWriter(name, text string) (*columnWriter, error) {
	t, err := parseType(text)
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", name, err)
	}
	return &columnWriter{columnType: t, name: name}, nil
}

// take checks a column against the table's type, to be written next: the kind,
// missing values, and every value's range. Errors name column, row (from 0) and
// value.
func (w *columnWriter) take(c *frame.Column) error {
	kind := c.Kind
	if kind == frame.Category {
		kind = frame.Text
	}
	if kind != w.kind() {
		return fmt.Errorf("column %q holds %s values, the table's column is %s", c.Name, c.Kind, w.text)
	}
	if err := w.check(c); err != nil {
		return fmt.Errorf("column %q, %w", c.Name, err)
	}
	w.from = c
	return nil
}

func (t *columnType) check(c *frame.Column) error {
	if t.surely(c) {
		return nil
	}
	fits := t.fits()
	for i := range c.Len() {
		if c.IsNull(i) {
			if !t.nullable && c.Kind != frame.Number { // a missing number is NaN, which every Float holds
				return &valueError{i, fmt.Sprintf("the value is missing, and %s has no NULL", t.text)}
			}
			continue
		}
		if why := fits(c, i); why != "" {
			return &valueError{i, why}
		}
	}
	return nil
}

// surely tells quickly of most columns that all of their values fit; false means
// that each is to be looked at.
func (t *columnType) surely(c *frame.Column) bool {
	if !t.nullable && slices.Contains(c.Null, true) {
		return false
	}
	var least, end int64
	switch t.base {
	case "String":
		return true
	case "DateTime":
		least, end = 0, endOfDateTime
	case "Decimal":
		if t.scale != maxScale {
			return false
		}
		end = power(t.precision)
		least = 1 - end
	case "Int64":
		return true
	default:
		return false
	}
	for _, v := range c.Integers {
		if v < least || v >= end {
			return false
		}
	}
	return true
}

// fits returns a function that says why value i does not fit ("" when it does).
func (t *columnType) fits() func(c *frame.Column, i int) string {
	switch t.kind() {
	case frame.Number:
		return t.fitsNumber
	case frame.Decimal:
		return t.fitsDecimal()
	case frame.Time:
		return t.fitsTime()
	case frame.Text:
		return t.fitsText
	default:
		return t.fitsInteger()
	}
}

func (t *columnType) fitsNumber(c *frame.Column, i int) string {
	v := c.Numbers[i]
	if math.IsInf(v, 0) {
		return "the value is infinite"
	}
	if t.base == "Float32" && math.Abs(v) > math.MaxFloat32 {
		return fmt.Sprintf("%g is too large for %s", v, t.text)
	}
	return ""
}

// ranges are the least and greatest values of the integer types.
var ranges = map[string][2]int64{
	"Int8": {math.MinInt8, math.MaxInt8}, "Int16": {math.MinInt16, math.MaxInt16},
	"Int32": {math.MinInt32, math.MaxInt32}, "Int64": {math.MinInt64, math.MaxInt64},
	"UInt8": {0, math.MaxUint8}, "UInt16": {0, math.MaxUint16}, "UInt32": {0, math.MaxUint32},
	"UInt64": {0, math.MaxInt64}, "Bool": {0, 1},
}

func (t *columnType) fitsInteger() func(c *frame.Column, i int) string {
	if t.codes != nil {
		return func(c *frame.Column, i int) string {
			if !t.codes[c.Integers[i]] {
				return fmt.Sprintf("%d is none of the values of %s", c.Integers[i], t.text)
			}
			return ""
		}
	}
	bounds := ranges[t.base]
	return func(c *frame.Column, i int) string {
		if v := c.Integers[i]; v < bounds[0] || v > bounds[1] {
			return fmt.Sprintf("%d lies outside %s, %d … %d", v, t.text, bounds[0], bounds[1])
		}
		return ""
	}
}

func (t *columnType) fitsDecimal() func(c *frame.Column, i int) string {
	unit, end := power(maxScale-t.scale), power(t.precision)
	return func(c *frame.Column, i int) string {
		v := c.Integers[i]
		if v%unit != 0 {
			return fmt.Sprintf("%s has more decimals than %s keeps", decimalText(v), t.text)
		}
		if v /= unit; v >= end || v <= -end {
			return fmt.Sprintf("%s has too many digits for %s", decimalText(c.Integers[i]), t.text)
		}
		return ""
	}
}

// decimalText writes ten-thousandths as a decimal number.
func decimalText(v int64) string {
	sign, size := "", uint64(v) //nolint:gosec // the size of a negative number is taken below
	if v < 0 {
		sign, size = "-", -size
	}
	text := fmt.Sprintf("%s%d.%04d", sign, size/frame.DecimalScale, size%frame.DecimalScale)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func (t *columnType) fitsTime() func(c *frame.Column, i int) string {
	first, end, days := int64(0), int64(endOfDateTime), false
	switch t.base {
	case "Date":
		end, days = endOfDate, true
	case "Date32":
		first, end, days = startOfDate32, endOfDate32, true
	case "DateTime64":
		first, end = startOfDate32, endOfDate32
		if t.scale == 9 {
			end = endOfDateTime64
		}
	}
	return func(c *frame.Column, i int) string {
		v := c.Integers[i]
		if v < first || v >= end {
			return fmt.Sprintf("%s lies outside %s, %s … %s", instant(v), t.text, instant(first), instant(end-1))
		}
		if days && v%secondsPerDay != 0 {
			return fmt.Sprintf("%s is not the start of a day, and %s keeps no time of day", instant(v), t.text)
		}
		return ""
	}
}

// instant writes Unix seconds; years of more than four digits stay readable.
func instant(seconds int64) string {
	const farthest = 1 << 40 // beyond it calendars say nothing
	if seconds > farthest || seconds < -farthest {
		return fmt.Sprintf("Unix second %d", seconds)
	}
	return frame.Cutoff(seconds).Time().Format("2006-01-02T15:04:05Z")
}

func (t *columnType) fitsText(c *frame.Column, i int) string {
	v := textAt(c, i)
	switch {
	case t.base == "FixedString" && len(v) > t.size:
		return fmt.Sprintf("%s has %d bytes, %s keeps %d", shortText(v), len(v), t.text, t.size)
	case t.base == "UUID":
		if _, ok := parseUUID(v); !ok {
			return shortText(v) + " is no UUID"
		}
	}
	return ""
}

// parseUUID reads the usual text of a UUID, 36 characters with hyphens.
func parseUUID(text string) (id [16]byte, ok bool) {
	const length, hyphens = 36, 4
	if len(text) != length || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	digits := strings.ReplaceAll(text, "-", "")
	if len(digits) != length-hyphens {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(digits))
	return id, err == nil
}

// textAt returns the text of a Text or Category value; empty when missing.
func textAt(c *frame.Column, i int) string {
	if c.Kind != frame.Category {
		return c.Texts[i]
	}
	if c.Codes[i] < 0 {
		return ""
	}
	return c.Levels[c.Codes[i]]
}

// shortText quotes a text for a message, cut where a person stops reading.
func shortText(v string) string {
	const longest = 60
	if len(v) > longest {
		return fmt.Sprintf("%q…", v[:longest])
	}
	return fmt.Sprintf("%q", v)
}

// write appends rows [from, to) to the buffer.
func (w *columnWriter) write(b *proto.Buffer, from, to int) {
	c := w.from
	if w.nullable {
		if c.Null == nil && c.Kind != frame.Number && c.Kind != frame.Category {
			b.Buf = append(b.Buf, make([]byte, to-from)...)
		} else {
			for i := from; i < to; i++ {
				b.PutBool(c.IsNull(i))
			}
		}
	}
	switch w.kind() {
	case frame.Number:
		if w.base == "Float64" {
			proto.ColFloat64(c.Numbers[from:to]).EncodeColumn(b)
			return
		}
		for _, v := range c.Numbers[from:to] {
			b.PutFloat32(float32(v))
		}
	case frame.Decimal:
		w.writeWholes(b, from, to, 1, power(maxScale-w.scale))
	case frame.Time:
		switch w.base {
		case "Date", "Date32":
			w.writeWholes(b, from, to, 1, secondsPerDay)
		case "DateTime64":
			w.writeWholes(b, from, to, power(w.scale), 1)
		default:
			w.writeWholes(b, from, to, 1, 1)
		}
	case frame.Text:
		w.writeTexts(b, from, to)
	default:
		w.writeWholes(b, from, to, 1, 1)
	}
}

// width returns the bytes of one value of the integer-like types.
func (t *columnType) width() int {
	switch t.base {
	case "Int8", "UInt8", "Bool", "Enum8":
		return 1
	case "Int16", "UInt16", "Enum16", "Date":
		return 2
	case "Int32", "UInt32", "Date32", "DateTime":
		return 4
	case "Decimal":
		if t.precision < 10 {
			return 4
		}
	}
	return 8
}

// writeWholes writes value × times ÷ by in the type's width. Missing values are
// written as 0, whatever stands below the null mark.
func (w *columnWriter) writeWholes(b *proto.Buffer, from, to int, times, by int64) {
	width := w.width()
	values := w.from.Integers[from:to]
	if width == 8 && times == 1 && by == 1 && w.from.Null == nil {
		proto.ColInt64(values).EncodeColumn(b)
		return
	}
	b.Buf = slices.Grow(b.Buf, width*len(values))
	for i, v := range values {
		if isNull(w.from.Null, from+i) {
			v = 0
		}
		// Two's complement cut to the width: check has found that nothing is lost.
		switch bits := uint64(v / by * times); width { //nolint:gosec // as said above
		case 1:
			b.Buf = append(b.Buf, byte(bits)) //nolint:gosec // as said above
		case 2:
			b.Buf = binary.LittleEndian.AppendUint16(b.Buf, uint16(bits)) //nolint:gosec // as said above
		case 4:
			b.Buf = binary.LittleEndian.AppendUint32(b.Buf, uint32(bits)) //nolint:gosec // as said above
		default:
			b.Buf = binary.LittleEndian.AppendUint64(b.Buf, bits)
		}
	}
}

func (w *columnWriter) writeTexts(b *proto.Buffer, from, to int) {
	c := w.from
	if w.base == "String" && c.Kind == frame.Text && c.Null == nil {
		for _, v := range c.Texts[from:to] {
			b.PutString(v)
		}
		return
	}
	for i := from; i < to; i++ {
		v := ""
		if !c.IsNull(i) {
			v = textAt(c, i)
		}
		switch w.base {
		case "FixedString":
			b.Buf = append(b.Buf, v...)
			b.Buf = append(b.Buf, make([]byte, w.size-len(v))...)
		case "UUID":
			id, _ := parseUUID(v) // check has parsed it; a missing one is the zero id under its null mark
			proto.ColUUID{id}.EncodeColumn(b)
		default:
			b.PutString(v)
		}
	}
}
