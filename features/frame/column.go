package frame

import (
	"fmt"
	"math"
)

// Kind says how a column holds its values.
type Kind uint8

// The kinds of column.
const (
	// Number is a float64; NaN means missing; infinities are refused.
	Number Kind = iota + 1
	// Category is a code into Levels; −1 means missing.
	Category
	// Text is a string; missing by Null.
	Text
	// Integer is an int64; missing by Null.
	Integer
	// Decimal is an exact amount, an int64 counting ten-thousandths; missing by Null.
	Decimal
	// Time is an instant in Unix seconds, UTC; missing by Null.
	Time
)

// DecimalScale is the number of units of a Decimal value in one whole.
const DecimalScale = 10_000

// String returns the kind's name.
func (k Kind) String() string {
	if n := [...]string{"invalid", "number", "category", "text", "integer", "decimal", "time"}; int(k) < len(n) {
		return n[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Direction is what a higher value of a feature is expected to do to the risk
// of churn.
type Direction int8

// The directions.
const (
	Lowers  Direction = -1
	Unknown Direction = 0
	Raises  Direction = +1
)

// Meta is what is known of a column beside its values: the words people read
// and the constraints learners use. Columns of facts carry only a Name.
type Meta struct {
	// Name is the column's identifier, unique in its table.
	Name string
	// Unit is the unit of the values: "days", "orders", "base currency", "share", "1".
	Unit string
	// Group gathers features of one idea: frequency, value, breadth, duration, wallet, contact.
	Group string
	// Factor is the loyalty factor of the literature that the feature speaks to, if any.
	Factor string
	// LabelEN and LabelZH name the column for people.
	LabelEN, LabelZH string
	// Direction is the expected effect of a higher value on churn; learners may enforce it.
	Direction Direction
	// Actionable tells whether somebody can do something about the value.
	Actionable bool
	// ReasonEN and ReasonZH are sentence templates, most specific first. A
	// template names columns in braces ({recency_days}); the first template
	// whose columns are all present is used. Templates state facts and claim
	// no cause.
	ReasonEN, ReasonZH []string
}

// Column is one named sequence of values. Which slice is used depends on Kind;
// the others are nil. A column is owned by its table; readers don't write.
type Column struct {
	Meta
	Kind Kind
	// Numbers holds Number values.
	Numbers []float64
	// Codes holds Category values as indices into Levels.
	Codes  []int32
	Levels []string
	// Texts holds Text values.
	Texts []string
	// Integers holds Integer, Decimal (ten-thousandths) and Time (Unix seconds) values.
	Integers []int64
	// Null marks missing Text, Integer, Decimal and Time values; nil means none is missing.
	Null []bool
}

// Len returns the number of values.
func (c *Column) Len() int {
	switch c.Kind {
	case Number:
		return len(c.Numbers)
	case Category:
		return len(c.Codes)
	case Text:
		return len(c.Texts)
	case Integer, Decimal, Time:
		return len(c.Integers)
	}
	return 0
}

// IsNull reports whether value i is missing.
func (c *Column) IsNull(i int) bool {
	switch c.Kind {
	case Number:
		return math.IsNaN(c.Numbers[i])
	case Category:
		return c.Codes[i] < 0
	default:
		return c.Null != nil && c.Null[i]
	}
}

// Float returns value i as a float64: a Number as it is, a Category's code, an
// Integer or Time converted, a Decimal divided by DecimalScale; NaN when missing.
// It panics on Text.
func (c *Column) Float(i int) float64 {
	if c.IsNull(i) {
		return math.NaN()
	}
	switch c.Kind {
	case Number:
		return c.Numbers[i]
	case Category:
		return float64(c.Codes[i])
	case Integer, Time:
		return float64(c.Integers[i])
	case Decimal:
		return float64(c.Integers[i]) / DecimalScale
	case Text: // has no number
	}
	panic("frame: Float of a " + c.Kind.String() + " column " + c.Name)
}

// Check verifies the column alone: a known kind, no infinity in numbers, codes
// within Levels, Null as long as the values.
func (c *Column) Check() error {
	if c.Kind < Number || c.Kind > Time {
		return fmt.Errorf("column %q has no kind", c.Name)
	}
	for i, v := range c.Numbers {
		if math.IsInf(v, 0) {
			return fmt.Errorf("column %q row %d is infinite", c.Name, i)
		}
	}
	for i, v := range c.Codes {
		if v < -1 || int(v) >= len(c.Levels) {
			return fmt.Errorf("column %q row %d has code %d, outside its %d levels", c.Name, i, v, len(c.Levels))
		}
	}
	if c.Null != nil && len(c.Null) != c.Len() {
		return fmt.Errorf("column %q has %d null marks for %d values", c.Name, len(c.Null), c.Len())
	}
	return nil
}

// Slice returns rows [from, to) of the column, sharing memory with it.
func (c *Column) Slice(from, to int) Column {
	s := Column{Meta: c.Meta, Kind: c.Kind, Levels: c.Levels}
	switch c.Kind {
	case Number:
		s.Numbers = c.Numbers[from:to]
	case Category:
		s.Codes = c.Codes[from:to]
	case Text:
		s.Texts = c.Texts[from:to]
	default:
		s.Integers = c.Integers[from:to]
	}
	if c.Null != nil {
		s.Null = c.Null[from:to]
	}
	return s
}

// Take returns the rows at index, copied.
func (c *Column) Take(index []int) Column {
	s := Column{Meta: c.Meta, Kind: c.Kind, Levels: c.Levels}
	switch c.Kind {
	case Number:
		s.Numbers = take(c.Numbers, index)
	case Category:
		s.Codes = take(c.Codes, index)
	case Text:
		s.Texts = take(c.Texts, index)
	default:
		s.Integers = take(c.Integers, index)
	}
	if c.Null != nil {
		s.Null = take(c.Null, index)
	}
	return s
}

func take[T any](from []T, index []int) []T {
	to := make([]T, len(index))
	for k, i := range index {
		to[k] = from[i]
	}
	return to
}
