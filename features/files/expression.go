package files

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxExpressionBytes bounds the text of one map entry or condition, and so the
// depth of its tree.
const maxExpressionBytes = 4096

// SyntaxError is an expression or condition that is not understood.
type SyntaxError struct {
	// Text is the whole entry as it was given.
	Text string
	// At is the position of the mistake in Text, in characters, from 1.
	At int
	// Reason says what was expected there.
	Reason string
}

// Error names the text, the position and what was expected.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%q at %d: %s", e.Text, e.At, e.Reason) }

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenText   // 'constant'
	tokenNumber // 12.5
	tokenSign   // ( ) , * = != < <= > >= -
)

type token struct {
	kind tokenKind
	text string // the name or constant without its quotes
	at   int    // byte offset in the entry
	bare bool   // a name without quotes: only such a name can be a function or a word of conditions
}

// syntax reads one entry by recursive descent.
type syntax struct {
	text  string
	pos   int // byte offset behind the current token
	token token
	comma bool
	names []string // columns in the order in which they are first named
	cal   *calendar
	// steps bounds recursion by brackets.
	depth int
}

func newSyntax(text string, from int, comma bool, cal *calendar) (*syntax, error) {
	s := &syntax{text: text, pos: from, comma: comma, cal: cal}
	if len(text) > maxExpressionBytes {
		return nil, &SyntaxError{Text: text[:40] + "…", At: maxExpressionBytes, Reason: fmt.Sprintf("longer than %d bytes", maxExpressionBytes)}
	}
	if !utf8.ValidString(text) {
		return nil, &SyntaxError{Text: text, At: 1, Reason: "not valid UTF-8"}
	}
	err := s.next()
	return s, err
}

func (s *syntax) fail(at int, format string, args ...any) error {
	return &SyntaxError{Text: s.text, At: utf8.RuneCountInString(s.text[:at]) + 1, Reason: fmt.Sprintf(format, args...)}
}

// next reads the next token.
func (s *syntax) next() error {
	for s.pos < len(s.text) && (s.text[s.pos] == ' ' || s.text[s.pos] == '\t' || s.text[s.pos] == '\n') {
		s.pos++
	}
	at := s.pos
	if at == len(s.text) {
		s.token = token{kind: tokenEnd, at: at}
		return nil
	}
	switch c := s.text[at]; {
	case c == '\'' || c == '"' || c == '`':
		return s.quoted(c)
	case c >= '0' && c <= '9':
		for s.pos < len(s.text) && isNumberByte(s.text, s.pos) {
			s.pos++
		}
		s.token = token{kind: tokenNumber, text: s.text[at:s.pos], at: at}
		return nil
	case strings.IndexByte("(),*=!<>-", c) >= 0:
		s.pos++
		if s.pos < len(s.text) && s.text[s.pos] == '=' && strings.IndexByte("!<>", c) >= 0 {
			s.pos++
		}
		s.token = token{kind: tokenSign, text: s.text[at:s.pos], at: at}
		return nil
	}
	for s.pos < len(s.text) {
		r, size := utf8.DecodeRuneInString(s.text[s.pos:])
		if r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsMark(r) && (!unicode.IsDigit(r) || s.pos == at) {
			break
		}
		s.pos += size
	}
	if s.pos == at {
		r, _ := utf8.DecodeRuneInString(s.text[at:])
		return s.fail(at, "%q is not understood; quote a column whose name has such a character: \"Unit %c\"", r, r)
	}
	s.token = token{kind: tokenName, text: s.text[at:s.pos], at: at, bare: true}
	return nil
}

// isNumberByte tells whether the byte at i continues a number: 1e-5 is one.
func isNumberByte(s string, i int) bool {
	switch c := s[i]; {
	case c >= '0' && c <= '9', c == '.', c == 'e', c == 'E':
		return true
	case c == '-' || c == '+':
		return s[i-1] == 'e' || s[i-1] == 'E'
	}
	return false
}

// quoted reads a constant in single or a column in double quotes or backticks;
// the quote itself is written twice.
func (s *syntax) quoted(quote byte) error {
	at := s.pos
	var b strings.Builder
	for i := at + 1; i < len(s.text); i++ {
		if s.text[i] != quote {
			b.WriteByte(s.text[i])
			continue
		}
		if i+1 < len(s.text) && s.text[i+1] == quote {
			b.WriteByte(quote)
			i++
			continue
		}
		s.pos = i + 1
		s.token = token{kind: tokenText, text: b.String(), at: at}
		if quote != '\'' {
			s.token.kind = tokenName
			if s.token.text == "" {
				return s.fail(at, "a column's name is empty")
			}
		}
		return nil
	}
	return s.fail(at, "the quote %c is not closed", quote)
}

func (s *syntax) sign(text string) bool { return s.token.kind == tokenSign && s.token.text == text }

func (s *syntax) word(text string) bool {
	return s.token.kind == tokenName && s.token.bare && s.token.text == text
}

func (s *syntax) expect(sign, where string) error {
	if !s.sign(sign) {
		return s.fail(s.token.at, "expected %s %s, found %s", sign, where, s.found())
	}
	return s.next()
}

func (s *syntax) found() string {
	switch s.token.kind {
	case tokenEnd:
		return "the end"
	case tokenText:
		return "'" + s.token.text + "'"
	default:
		return strconv.Quote(s.token.text)
	}
}

// slot returns the number of a column, which is also where a record keeps its value.
func (s *syntax) slot(name string) int {
	if i := slices.Index(s.names, name); i >= 0 {
		return i
	}
	s.names = append(s.names, name)
	return len(s.names) - 1
}

// product reads factor ('*' factor)*.
func (s *syntax) product() (node, error) {
	at := s.token.at
	n, err := s.factor()
	if err != nil {
		return nil, err
	}
	if !s.sign("*") {
		return n, nil
	}
	p := &productNode{}
	for {
		if k := n.kind(); k != kindOpen && k != kindNumber {
			return nil, s.fail(at, "a factor must be a column or a number, this is %s", k)
		}
		p.factors = append(p.factors, n)
		if !s.sign("*") {
			return p, nil
		}
		if err := s.next(); err != nil {
			return nil, err
		}
		at = s.token.at
		if n, err = s.factor(); err != nil {
			return nil, err
		}
	}
}

func (s *syntax) factor() (node, error) {
	t := s.token
	switch {
	case t.kind == tokenName:
		if err := s.next(); err != nil {
			return nil, err
		}
		if s.sign("(") && t.bare {
			return s.call(t)
		}
		return &columnNode{name: t.text, slot: s.slot(t.text), comma: s.comma, cal: s.cal}, nil
	case t.kind == tokenText:
		return &textNode{value: []byte(t.text), cal: s.cal}, s.next()
	case t.kind == tokenNumber, s.sign("-"):
		return s.constant()
	case s.sign("("):
		if s.depth++; s.depth > 50 {
			return nil, s.fail(t.at, "more than 50 brackets inside each other")
		}
		if err := s.next(); err != nil {
			return nil, err
		}
		n, err := s.product()
		if err != nil {
			return nil, err
		}
		s.depth--
		return n, s.expect(")", "to close the bracket")
	}
	return nil, s.fail(t.at, "expected a column, a 'text', a number or a function, found %s", s.found())
}

func (s *syntax) constant() (node, error) {
	at, text := s.token.at, s.token.text
	if s.sign("-") {
		if err := s.next(); err != nil {
			return nil, err
		}
		if s.token.kind != tokenNumber {
			return nil, s.fail(s.token.at, "expected a number after the minus, found %s", s.found())
		}
		text = "-" + s.token.text
	}
	// Constants are written with a point whatever the file's mark is.
	v, err := parseNumber([]byte(text), false)
	if err != nil {
		return nil, s.fail(at, "%s %s", text, err)
	}
	return &numberNode{value: v, text: []byte(text)}, s.next()
}

// functions of expressions: how many arguments each takes at least and at most.
var functions = map[string][2]int{
	"integer": {1, 1}, "concat": {2, 64}, "first": {2, 64}, "trim": {1, 1}, "row": {0, 0}, "time": {1, 2},
}

// call reads the arguments of the function whose name was just read.
func (s *syntax) call(name token) (node, error) {
	count, known := functions[name.text]
	if !known {
		switch name.text {
		case "prefix", "match", "empty":
			return nil, s.fail(name.at, "%s is a condition; it belongs into --where", name.text)
		}
		return nil, s.fail(name.at, "there is no function %q; there are integer, concat, first, trim, row and time", name.text)
	}
	args, ats, err := s.arguments(name)
	if err != nil {
		return nil, err
	}
	if len(args) < count[0] || len(args) > count[1] {
		return nil, s.fail(name.at, "%s takes %s, not %d", name.text, countWords(count), len(args))
	}
	switch name.text {
	case "row":
		return rowNode{}, nil
	case "integer":
		if k := args[0].kind(); k != kindOpen && k != kindNumber {
			return nil, s.fail(ats[0], "integer takes a column or a number, this is %s", k)
		}
		return &integerNode{of: args[0]}, nil
	case "trim":
		return &trimNode{of: args[0], cal: s.cal, comma: s.comma}, nil
	case "concat":
		return &concatNode{parts: args, cal: s.cal, comma: s.comma}, nil
	case "first":
		for i := range args {
			if args[i].kind() == kindTime {
				return nil, s.fail(ats[i], "first takes columns, texts and numbers; put it inside time(…)")
			}
		}
		return &firstNode{of: args}, nil
	}
	return s.timeCall(args, ats)
}

func (s *syntax) timeCall(args []node, ats []int) (node, error) {
	if k := args[0].kind(); k == kindNumber || k == kindTime {
		return nil, s.fail(ats[0], "time takes a column or a text, this is %s", k)
	}
	n := &timeNode{of: args[0], cal: s.cal}
	if len(args) == 2 {
		text, ok := args[1].(*textNode)
		if !ok {
			return nil, s.fail(ats[1], "a layout is a 'text' such as '%%d/%%m/%%Y'")
		}
		layout, err := ParseLayout(string(text.value))
		if err != nil {
			return nil, s.fail(ats[1], "%s", err)
		}
		n.layout = &layout
	}
	return n, nil
}

func countWords(count [2]int) string {
	if count[0] == count[1] {
		return fmt.Sprintf("%d argument(s)", count[0])
	}
	return fmt.Sprintf("%d to %d arguments", count[0], count[1])
}

// arguments reads ( expression , … ) and where each begins.
func (s *syntax) arguments(name token) (args []node, ats []int, err error) {
	if s.depth++; s.depth > 50 {
		return nil, nil, s.fail(name.at, "more than 50 brackets inside each other")
	}
	if err := s.next(); err != nil {
		return nil, nil, err
	}
	for !s.sign(")") {
		if len(args) > 0 {
			if err := s.expect(",", "or ) after an argument of "+name.text); err != nil {
				return nil, nil, err
			}
		}
		ats = append(ats, s.token.at)
		arg, err := s.product()
		if err != nil {
			return nil, nil, err
		}
		args = append(args, arg)
	}
	s.depth--
	return args, ats, s.next()
}

// parseExpression reads one whole expression that begins at byte from of text.
func parseExpression(s *syntax) (node, error) {
	n, err := s.product()
	if err != nil {
		return nil, err
	}
	if s.token.kind != tokenEnd {
		return nil, s.fail(s.token.at, "expected * or the end, found %s", s.found())
	}
	return n, nil
}

// parseConditions reads condition ('and' condition)*.
func parseConditions(s *syntax) ([]condition, error) {
	var all []condition
	for {
		c, err := s.condition()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
		if s.token.kind == tokenEnd {
			return all, nil
		}
		if s.word("or") {
			return nil, s.fail(s.token.at, "conditions are joined by and only; give a pattern for alternatives: match(column, '^(a|b)$')")
		}
		if !s.word("and") {
			return nil, s.fail(s.token.at, "expected and, or the end, found %s", s.found())
		}
		if err := s.next(); err != nil {
			return nil, err
		}
	}
}

func (s *syntax) condition() (condition, error) {
	var not bool
	for s.word("not") {
		not = !not
		if err := s.next(); err != nil {
			return nil, err
		}
	}
	c, err := s.bareCondition()
	if err != nil || !not {
		return c, err
	}
	return notCondition{c}, nil
}

func (s *syntax) bareCondition() (condition, error) {
	t := s.token
	if t.kind == tokenName && t.bare && (t.text == "prefix" || t.text == "match" || t.text == "empty") {
		before := *s
		if err := s.next(); err != nil {
			return nil, err
		}
		if s.sign("(") {
			return s.test(t)
		}
		*s = before // a column of that name
	}
	left, err := s.product()
	if err != nil {
		return nil, err
	}
	sign := s.token
	if sign.kind != tokenSign || !slices.Contains([]string{"=", "!=", "<", "<=", ">", ">="}, sign.text) {
		return nil, s.fail(sign.at, "expected = != < <= > or >=, found %s", s.found())
	}
	if err := s.next(); err != nil {
		return nil, err
	}
	rightAt := s.token.at
	right, err := s.product()
	if err != nil {
		return nil, err
	}
	return s.comparison(left, right, sign.text, t.at, rightAt)
}

// comparison decides how both sides are compared: as numbers if one is a
// number, as instants if one is an instant, otherwise as texts.
func (s *syntax) comparison(left, right node, sign string, leftAt, rightAt int) (condition, error) {
	c := &comparison{left: left, right: right, as: kindText, want: wanted[sign]}
	for _, side := range []node{left, right} {
		switch k := side.kind(); {
		case k == kindOpen || k == kindText:
		case c.as != kindText && c.as != k:
			return nil, s.fail(rightAt, "a number and an instant cannot be compared")
		default:
			c.as = k
		}
	}
	for i, side := range []node{left, right} {
		at := []int{leftAt, rightAt}[i]
		if c.as == kindNumber && side.kind() == kindText {
			return nil, s.fail(at, "a text cannot be compared with a number; write numbers without quotes")
		}
		if text, ok := side.(*textNode); ok && c.as == kindTime {
			if _, err := s.cal.parse(text.value); err != nil {
				return nil, s.fail(at, "'%s' %s", text.value, err)
			}
		}
	}
	return c, nil
}

// test reads the arguments of prefix, match or empty, whose name was just read.
func (s *syntax) test(name token) (condition, error) {
	args, ats, err := s.arguments(name)
	if err != nil {
		return nil, err
	}
	if name.text == "empty" {
		if len(args) != 1 {
			return nil, s.fail(name.at, "empty takes 1 argument, not %d", len(args))
		}
		return emptyCondition{args[0]}, nil
	}
	if len(args) != 2 {
		return nil, s.fail(name.at, "%s takes a column and a 'text', not %d arguments", name.text, len(args))
	}
	text, ok := args[1].(*textNode)
	if !ok {
		return nil, s.fail(ats[1], "the second argument of %s is a 'text'", name.text)
	}
	if name.text == "prefix" {
		return &prefixCondition{of: args[0], prefix: text.value}, nil
	}
	pattern, err := regexp.Compile(string(text.value))
	if err != nil {
		return nil, s.fail(ats[1], "the pattern is not understood: %s", err)
	}
	return &matchCondition{of: args[0], pattern: pattern}, nil
}
