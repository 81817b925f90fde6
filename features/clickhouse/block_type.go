package clickhouse

import (
	"fmt"
	"strconv"
	"strings"

	"fealty/features/frame"
)

// columnType is a ClickHouse type as far as fealty reads and writes it.
type columnType struct {
	// text is the type as ClickHouse spells it, for messages.
	text string
	// base is the name without arguments and wrappers, such as Decimal.
	base string
	// nullable and dictionary tell of Nullable(…) and LowCardinality(…) around it.
	nullable, dictionary bool
	// size is the length of a FixedString.
	size int
	// precision and scale are those of a Decimal; scale alone of a DateTime64.
	precision, scale int
	// codes are the values of an Enum.
	codes map[int64]bool
}

// maxPrecision is the number of decimal digits that always fit an int64.
const maxPrecision = 18

// maxScale is the number of decimal places of a frame.Decimal.
const maxScale = 4

// parseType reads a type's text. Types that engine.go does not list are an
// error that says what to write instead.
func parseType(text string) (columnType, error) {
	t := columnType{text: text}
	rest := text
	for {
		name, arguments := splitType(rest)
		switch name {
		case "LowCardinality":
			t.dictionary, rest = true, arguments
			continue
		case "Nullable":
			t.nullable, rest = true, arguments
			continue
		}
		t.base = name
		err := t.readArguments(arguments)
		return t, err
	}
}

func (t *columnType) readArguments(arguments string) error {
	var err error
	switch t.base {
	case "Float32", "Float64", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Bool",
		"Date", "Date32", "DateTime", "String", "UUID":
		return nil
	case "Enum8", "Enum16":
		t.codes, err = enumCodes(arguments)
	case "FixedString":
		t.size, err = strconv.Atoi(arguments)
	case "DateTime64":
		scale, _, _ := strings.Cut(arguments, ",")
		t.scale, err = strconv.Atoi(strings.TrimSpace(scale))
		if err == nil && (t.scale < 0 || t.scale > 9) {
			err = fmt.Errorf("scale %d lies outside 0 … 9", t.scale)
		}
	case "Decimal":
		precision, scale, _ := strings.Cut(arguments, ",")
		if t.precision, err = strconv.Atoi(strings.TrimSpace(precision)); err == nil {
			t.scale, err = strconv.Atoi(strings.TrimSpace(scale))
		}
		if err == nil && (t.precision > maxPrecision || t.scale > maxScale) {
			return fmt.Errorf("type %s has more than %d digits or more than %d decimals; use toDecimal64(…, %d)", t.text, maxPrecision, maxScale, maxScale)
		}
	default:
		return fmt.Errorf("type %s is not one that fealty reads: cast it to Float64, Int64, Decimal(18, 4), DateTime or String", t.text)
	}
	if err != nil {
		return fmt.Errorf("type %s: %w", t.text, err)
	}
	return nil
}

// splitType splits Name(arguments).
func splitType(text string) (name, arguments string) {
	open := strings.IndexByte(text, '(')
	if open < 0 || !strings.HasSuffix(text, ")") {
		return text, ""
	}
	return text[:open], text[open+1 : len(text)-1]
}

// enumCodes reads the codes of 'name' = code, …; names may hold anything that
// ClickHouse quotes with a backslash.
func enumCodes(arguments string) (map[int64]bool, error) {
	codes := map[int64]bool{}
	for rest := arguments; rest != ""; {
		end := endOfQuoted(rest)
		if end < 0 {
			return nil, fmt.Errorf("expected a quoted name at %q", rest)
		}
		code, after, _ := strings.Cut(rest[end:], ",")
		code = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(code), "="))
		value, err := strconv.ParseInt(code, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("read the code of an enum: %w", err)
		}
		codes[value] = true
		rest = strings.TrimSpace(after)
	}
	return codes, nil
}

// endOfQuoted returns the index after the closing quote of text, −1 without one.
func endOfQuoted(text string) int {
	if text == "" || text[0] != '\'' {
		return -1
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '\'':
			return i + 1
		}
	}
	return -1
}

// kind returns the frame's kind of the type's values.
func (t *columnType) kind() frame.Kind {
	switch t.base {
	case "Float32", "Float64":
		return frame.Number
	case "Decimal":
		return frame.Decimal
	case "Date", "Date32", "DateTime", "DateTime64":
		return frame.Time
	case "String", "FixedString", "UUID":
		return frame.Text
	default:
		return frame.Integer
	}
}

// power returns 10^n for 0 ≤ n ≤ 18.
func power(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// secondsPerDay are the seconds of a UTC day.
const secondsPerDay = 86_400
