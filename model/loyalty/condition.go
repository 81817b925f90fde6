package loyalty

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/features/frame"
)

// Condition compares a column with a value. It never holds for a missing value.
type Condition struct {
	// Column is the name of a column of the frame or of the extras.
	Column string `yaml:"column"`
	// Operator is one of >, >=, <, <= and ==.
	Operator string  `yaml:"operator"`
	Value    float64 `yaml:"value"`
}

// Operators returns the operators that a condition may have.
func Operators() []string { return []string{">", ">=", "<", "<=", "=="} }

func (c Condition) validate() error {
	if c.Column == "" {
		return fmt.Errorf("names no column; give one of the frame's, such as complaint_open_days")
	}
	if !slices.Contains(Operators(), c.Operator) {
		return fmt.Errorf("operator %q is none of %s", c.Operator, strings.Join(Operators(), " "))
	}
	if math.IsNaN(c.Value) || math.IsInf(c.Value, 0) {
		return fmt.Errorf("compares with %v; give a finite value", c.Value)
	}
	return nil
}

// span is a condition made ready for many values: it holds from low to high, both
// included. NaN is never inside.
type span struct{ low, high float64 }

func (c Condition) span() span {
	low, high := math.Inf(-1), math.Inf(1)
	switch c.Operator {
	case ">":
		return span{math.Nextafter(c.Value, high), high}
	case ">=":
		return span{c.Value, high}
	case "<":
		return span{low, math.Nextafter(c.Value, low)}
	case "<=":
		return span{low, c.Value}
	case "==":
		return span{c.Value, c.Value}
	}
	return span{high, low}
}

// holds is 1 when the condition holds for v, else 0.
func (s span) holds(v float64) int { return one(v >= s.low) & one(v <= s.high) }

// String writes the condition: "complaint_open_days > 14".
func (c Condition) String() string {
	return fmt.Sprintf("%s %s %v", c.Column, c.Operator, c.Value)
}

// columns finds numbers by name: the extras first, then the frame's.
type columns struct {
	frame *frame.Frame
	extra map[string][]float64
}

// of returns the values of the named column, or nil when there is none. They are
// the input's own and must not be written.
func (c columns) of(name string) []float64 {
	if values, ok := c.extra[name]; ok {
		return values
	}
	if f := c.frame.Column(name); f != nil && f.Kind == frame.Number {
		return f.Numbers
	}
	return nil
}

// at returns value i of a column, NaN when the column is absent.
func at(column []float64, i int) float64 {
	if column == nil {
		return math.NaN()
	}
	return column[i]
}
