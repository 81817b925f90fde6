package serving

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
)

// truth is what a comparison says of a row. A value that is missing makes it
// unknown, so that neither the comparison nor its NOT lets the row through, as
// in SQL. The order makes AND the lesser, OR the greater of two.
type truth uint8

const (
	isFalse truth = iota
	isUnknown
	isTrue
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

// test says of each row of one edition whether it passes.
type test func(row int) truth

// filter is an AIP-160 expression that was read, not yet of an edition.
type filter struct {
	text string
	// shift is how many bytes of the text lie before what the parser saw.
	shift     int
	expr      *expr.Expr
	positions map[int64]int32
}

// parseFilter reads a filter. Errors wrap ErrInvalid and name the column, from 1.
func parseFilter(text string) (*filter, error) {
	f := &filter{text: text}
	if len(text) > MaxFilter {
		return nil, fmt.Errorf("the filter has %d bytes, at most %d are read: %w", len(text), MaxFilter, ErrInvalid)
	}
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		return f, nil
	}
	f.shift = strings.Index(text, trimmed)
	var p filtering.Parser
	p.Init(text)
	parsed, err := p.Parse()
	if err != nil {
		return nil, f.misread(err)
	}
	f.expr, f.positions = parsed.GetExpr(), parsed.GetSourceInfo().GetPositions()
	return f, nil
}

// misread turns a parser's error into one line: it says the same at every level
// of the grammar, and the innermost is the one that means something.
func (f *filter) misread(err error) error {
	type located interface {
		error
		Position() filtering.Position
		Message() string
	}
	// The whole error's text is not asked for: it repeats the filter at every level,
	// and 2,000 parentheses have 14,000 of them.
	what, at := "it can't be read", 0
	for e := err; e != nil; e = errors.Unwrap(e) {
		if l, ok := e.(located); ok { //nolint:errorlint // each level is looked at on its own
			what, at = l.Message(), int(l.Position().Offset)
		} else {
			what = e.Error() // a number too large for its type
		}
	}
	return f.refuse(at, "%s", what)
}

// refuse says what is wrong at a byte of what the parser saw.
func (f *filter) refuse(at int, format string, args ...any) error {
	at = min(f.shift+at, len(f.text))
	return fmt.Errorf("filter, column %d: %s: %w", utf8.RuneCountInString(f.text[:at])+1, fmt.Sprintf(format, args...), ErrInvalid)
}

func (f *filter) at(e *expr.Expr) int { return int(f.positions[e.GetId()]) }

// on makes the filter's test of an edition; nil when everything passes.
func (f *filter) on(e *edition) (test, error) {
	if f.expr == nil {
		return nil, nil //nolint:nilnil // no filter, no test
	}
	return f.node(e, f.expr)
}

func (f *filter) node(e *edition, x *expr.Expr) (test, error) {
	call := x.GetCallExpr()
	if call == nil {
		return nil, f.refuse(f.at(x), "need a comparison such as band = \"high\", have a value alone")
	}
	switch call.GetFunction() {
	case filtering.FunctionAnd, filtering.FunctionFuzzyAnd, filtering.FunctionOr:
		left, err := f.node(e, call.GetArgs()[0])
		if err != nil {
			return nil, err
		}
		right, err := f.node(e, call.GetArgs()[1])
		if err != nil {
			return nil, err
		}
		if call.GetFunction() == filtering.FunctionOr {
			return func(i int) truth {
				if l := left(i); l != isTrue {
					return max(l, right(i))
				}
				return isTrue
			}, nil
		}
		return func(i int) truth {
			if l := left(i); l != isFalse {
				return min(l, right(i))
			}
			return isFalse
		}, nil
	case filtering.FunctionNot:
		inner, err := f.node(e, call.GetArgs()[0])
		if err != nil {
			return nil, err
		}
		return func(i int) truth { return isTrue - inner(i) }, nil
	case filtering.FunctionEquals, filtering.FunctionNotEquals, filtering.FunctionLessThan, filtering.FunctionLessEquals,
		filtering.FunctionGreaterThan, filtering.FunctionGreaterEquals, filtering.FunctionHas:
		return f.comparison(e, x, call)
	}
	return nil, f.refuse(f.at(x), "there is no function %q", call.GetFunction())
}

func (f *filter) comparison(e *edition, x *expr.Expr, call *expr.Expr_Call) (test, error) {
	name, value := call.GetArgs()[0], call.GetArgs()[1]
	if name.GetIdentExpr() == nil {
		return nil, f.refuse(f.at(x), "on the left of %s need one of %s", call.GetFunction(), strings.Join(ListFields(), ", "))
	}
	field, ok := findField(name.GetIdentExpr().GetName())
	if !ok {
		return nil, f.refuse(f.at(name), "there is no field %q; there are %s", name.GetIdentExpr().GetName(), strings.Join(ListFields(), ", "))
	}
	if call.GetFunction() == filtering.FunctionHas {
		if text, ok := textOf(value); ok && text == "*" {
			return field.present(e), nil
		}
	}
	switch {
	case field.number != nil:
		number, err := f.number(field, value)
		if err != nil {
			return nil, err
		}
		if call.GetFunction() == filtering.FunctionHas {
			return nil, f.refuse(f.at(x), "%s is a number: compare it with =, !=, <, <=, > or >=, or ask whether it is there with %s:*", field.name, field.name)
		}
		return compareNumbers(field.number(e), call.GetFunction(), number), nil
	case field.words != nil:
		return f.enumeration(e, x, field, call.GetFunction(), value)
	}
	text, ok := textOf(value)
	if !ok {
		return nil, f.refuse(f.at(value), "%s is a text: write the value in quotes", field.name)
	}
	return compareTexts(field.text(e), call.GetFunction(), text), nil
}

// textOf reads a text, with quotes or without.
func textOf(x *expr.Expr) (string, bool) {
	switch kind := x.GetExprKind().(type) {
	case *expr.Expr_ConstExpr:
		text, ok := kind.ConstExpr.GetConstantKind().(*expr.Constant_StringValue)
		if !ok {
			return "", false
		}
		return text.StringValue, true
	case *expr.Expr_IdentExpr:
		return kind.IdentExpr.GetName(), true
	case *expr.Expr_SelectExpr: // j.smith
		before, ok := textOf(kind.SelectExpr.GetOperand())
		return before + "." + kind.SelectExpr.GetField(), ok
	}
	return "", false
}

// number reads a number.
func (f *filter) number(field *listField, x *expr.Expr) (float64, error) {
	at := f.at(x)
	if c := x.GetConstExpr(); c != nil {
		switch kind := c.GetConstantKind().(type) {
		case *expr.Constant_DoubleValue:
			if !math.IsInf(kind.DoubleValue, 0) {
				return kind.DoubleValue, nil
			}
		case *expr.Constant_Int64Value:
			digits := strings.TrimLeft(f.text[min(f.shift+at, len(f.text)):], "-")
			if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
				return 0, f.refuse(at, "a whole number does not begin with 0") // the parser takes it for an octal one
			}
			return float64(kind.Int64Value), nil
		}
	}
	return 0, f.refuse(at, "%s is a number: compare it with one, such as 0.5", field.name)
}

// present tells whether the field has a value; it is never unknown.
func (f *listField) present(e *edition) test {
	if f.number != nil {
		values := f.number(e)
		return func(i int) truth { return truthOf(!math.IsNaN(values[i])) }
	}
	column := f.text(e)
	return byWord(column, func(word string) truth { return truthOf(word != "") })
}

func compareNumbers(values []float64, operator string, with float64) test {
	known := func(holds func(v float64) bool) test {
		return func(i int) truth {
			v := values[i]
			if math.IsNaN(v) {
				return isUnknown
			}
			return truthOf(holds(v))
		}
	}
	switch operator {
	case filtering.FunctionEquals:
		return known(func(v float64) bool { return v == with })
	case filtering.FunctionNotEquals:
		return known(func(v float64) bool { return v != with })
	case filtering.FunctionLessThan:
		return known(func(v float64) bool { return v < with })
	case filtering.FunctionLessEquals:
		return known(func(v float64) bool { return v <= with })
	case filtering.FunctionGreaterThan:
		return known(func(v float64) bool { return v > with })
	default: // comparison lets no other through
		return known(func(v float64) bool { return v >= with })
	}
}

// enumeration compares with one of the field's words, as the API spells it or
// as the words themselves; case does not matter. Bands and tiers have an order.
func (f *filter) enumeration(e *edition, x *expr.Expr, field *listField, operator string, value *expr.Expr) (test, error) {
	text, ok := textOf(value)
	word := strings.ToLower(text)
	word = strings.TrimPrefix(word, strings.ToLower(field.prefix))
	with := slices.Index(field.words, word)
	if !ok || with < 0 {
		return nil, f.refuse(f.at(value), "%s is one of %s", field.name, strings.Join(field.words, ", "))
	}
	var holds func(rank int) bool
	switch operator {
	case filtering.FunctionEquals, filtering.FunctionHas:
		holds = func(rank int) bool { return rank == with }
	case filtering.FunctionNotEquals:
		holds = func(rank int) bool { return rank != with }
	case filtering.FunctionLessThan:
		holds = func(rank int) bool { return rank < with }
	case filtering.FunctionLessEquals:
		holds = func(rank int) bool { return rank <= with }
	case filtering.FunctionGreaterThan:
		holds = func(rank int) bool { return rank > with }
	default:
		holds = func(rank int) bool { return rank >= with }
	}
	if !field.ordered && strings.ContainsAny(operator, "<>") {
		return nil, f.refuse(f.at(x), "%s has no order: compare it with = or !=", field.name)
	}
	return byWord(field.text(e), func(word string) truth {
		rank := slices.Index(field.words, word)
		if rank < 0 {
			return isUnknown
		}
		return truthOf(holds(rank))
	}), nil
}

// byWord asks once for each word.
func byWord(column *dictionary, says func(word string) truth) test {
	said := make([]truth, column.words.len())
	for code := range said {
		said[code] = says(column.words.at(code))
	}
	return func(i int) truth { return said[column.code(i)] }
}

// compareTexts compares bytes, as ClickHouse does. = and != take * for any text;
// a star itself is written \*. : looks for the text anywhere, whatever its case.
func compareTexts(column *dictionary, operator, with string) test {
	switch operator {
	case filtering.FunctionEquals, filtering.FunctionNotEquals:
		pattern := splitPattern(with)
		same, other := isTrue, isFalse
		if operator == filtering.FunctionNotEquals {
			same, other = other, same
		}
		if len(pattern) > 1 {
			return byWord(column, func(word string) truth {
				if matches(pattern, word) {
					return same
				}
				return other
			})
		}
		code, ok := column.words.find(pattern[0])
		if !ok {
			code = -1
		}
		return func(i int) truth {
			if column.code(i) == code {
				return same
			}
			return other
		}
	case filtering.FunctionHas:
		with = strings.ToLower(with)
		ascii := isASCII(with)
		return byWord(column, func(word string) truth {
			if ascii && isASCII(word) {
				return truthOf(containsFold(word, with))
			}
			return truthOf(strings.Contains(strings.ToLower(word), with))
		})
	}
	// from is the first word that is not below, to the first that is above.
	from, found := column.words.find(with)
	to := from
	if found {
		to++
	}
	var least, most int // the words that hold lie in [least, most)
	switch operator {
	case filtering.FunctionLessThan:
		most = from
	case filtering.FunctionLessEquals:
		most = to
	case filtering.FunctionGreaterThan:
		least, most = to, column.words.len()
	default:
		least, most = from, column.words.len()
	}
	return func(i int) truth {
		code := column.code(i)
		return truthOf(code >= least && code < most)
	}
}

// splitPattern cuts a pattern at its stars; \* is a star itself.
func splitPattern(text string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '*':
			parts = append(parts, part.String())
			part.Reset()
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '*':
			i++
			part.WriteByte('*')
		default:
			part.WriteByte(text[i])
		}
	}
	return append(parts, part.String())
}

// matches tells whether a word consists of the parts, in order, with any text
// between them. Parts are looked for as early as they stand, so that no text is
// looked at twice.
func matches(parts []string, word string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(word) < len(first)+len(last) || !strings.HasPrefix(word, first) || !strings.HasSuffix(word, last) {
		return false
	}
	word = word[len(first) : len(word)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(word, part)
		if at < 0 {
			return false
		}
		word = word[at+len(part):]
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// containsFold looks for an ASCII text in lower case within an ASCII word,
// without making a copy of each of 200,000 words.
func containsFold(word, lower string) bool {
	for from := 0; from+len(lower) <= len(word); from++ {
		k := 0
		for k < len(lower) {
			c := word[from+k]
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			if c != lower[k] {
				break
			}
			k++
		}
		if k == len(lower) {
			return true
		}
	}
	return false
}
