package files

import (
	"bytes"
	"errors"
	"hash/maphash"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"fealty/features/frame"
)

// record is one record of a file, reduced to the columns that expressions name.
type record struct {
	// cells holds the text of each named column; valid until the next record.
	cells [][]byte
	// null marks cells that are empty or a null token.
	null []bool
	// point marks cells that are numbers by their file's own types: their decimal
	// mark is the point, whatever is declared of texts.
	point []bool
	// ordinal counts records over all inputs, from 1.
	ordinal int64
	// line is the line on which the record begins, from 1; for Parquet its row.
	line int64
}

// fault is a value that cannot be read. Its slot is −1 when no single column is
// to blame.
type fault struct {
	slot   int
	value  []byte
	reason error
}

func (f *fault) Error() string { return f.reason.Error() }
func (f *fault) Unwrap() error { return f.reason }

// valueKind says what an expression yields.
type valueKind uint8

const (
	// kindOpen is a column: read as whatever its field or neighbour needs.
	kindOpen valueKind = iota
	kindText
	kindNumber
	kindTime
)

func (k valueKind) String() string {
	return [...]string{"a column", "a text", "a number", "an instant"}[k]
}

// node is an expression. The methods that read are called only if missing is
// false, and only those that its kind allows; what they return is valid until
// the next record. Errors are *fault.
type node interface {
	kind() valueKind
	missing(r *record) bool
	bytes(r *record) ([]byte, error)
	number(r *record) (number, error)
	instant(r *record) (int64, error)
}

// columnNode is a column of the file.
type columnNode struct {
	name  string
	slot  int
	comma bool
	cal   *calendar
	// The lines of an order say the same instant; the last one is remembered.
	lastText    []byte
	lastInstant int64
}

func (n *columnNode) kind() valueKind                 { return kindOpen }
func (n *columnNode) missing(r *record) bool          { return r.null[n.slot] }
func (n *columnNode) bytes(r *record) ([]byte, error) { return r.cells[n.slot], nil }

func (n *columnNode) number(r *record) (number, error) {
	v, err := parseNumber(r.cells[n.slot], n.comma && !r.point[n.slot])
	if err != nil {
		return v, &fault{n.slot, r.cells[n.slot], err}
	}
	return v, nil
}

func (n *columnNode) instant(r *record) (int64, error) {
	b := r.cells[n.slot]
	if len(n.lastText) > 0 && string(b) == string(n.lastText) {
		return n.lastInstant, nil
	}
	v, err := n.cal.parse(b)
	if err != nil {
		return 0, &fault{n.slot, b, err}
	}
	n.lastText, n.lastInstant = append(n.lastText[:0], b...), v
	return v, nil
}

// textNode is a constant text.
type textNode struct {
	value []byte
	cal   *calendar
}

func (n *textNode) kind() valueKind               { return kindText }
func (n *textNode) missing(*record) bool          { return len(n.value) == 0 }
func (n *textNode) bytes(*record) ([]byte, error) { return n.value, nil }
func (n *textNode) number(*record) (number, error) {
	return number{}, &fault{-1, n.value, errNotNumber}
}

func (n *textNode) instant(*record) (int64, error) {
	v, err := n.cal.parse(n.value)
	if err != nil {
		return 0, &fault{-1, n.value, err}
	}
	return v, nil
}

// noInstant is the answer of expressions that yield numbers; Open refuses to
// map them to instants.
type noInstant struct{}

func (noInstant) instant(*record) (int64, error) { return 0, &fault{-1, nil, errNotInstant} }

// numberNode is a constant number.
type numberNode struct {
	noInstant
	value number
	text  []byte
}

func (n *numberNode) kind() valueKind                { return kindNumber }
func (n *numberNode) missing(*record) bool           { return false }
func (n *numberNode) bytes(*record) ([]byte, error)  { return n.text, nil }
func (n *numberNode) number(*record) (number, error) { return n.value, nil }

// rowNode is row().
type rowNode struct{ noInstant }

func (rowNode) kind() valueKind      { return kindNumber }
func (rowNode) missing(*record) bool { return false }
func (rowNode) bytes(r *record) ([]byte, error) {
	return strconv.AppendInt(nil, r.ordinal, 10), nil
}

func (rowNode) number(r *record) (number, error) {
	return number{mant: uint64(r.ordinal)}, nil //nolint:gosec // ordinals count from 1
}

// productNode is a*b*…, exact.
type productNode struct {
	noInstant
	factors []node
	scratch []byte
}

func (n *productNode) kind() valueKind { return kindNumber }

func (n *productNode) missing(r *record) bool { return anyMissing(n.factors, r) }

func anyMissing(nodes []node, r *record) bool {
	for _, n := range nodes {
		if n.missing(r) {
			return true
		}
	}
	return false
}

func (n *productNode) number(r *record) (number, error) {
	p, err := n.factors[0].number(r)
	if err != nil {
		return p, err
	}
	for _, f := range n.factors[1:] {
		v, err := f.number(r)
		if err != nil {
			return p, err
		}
		p = p.times(v)
	}
	return p, nil
}

func (n *productNode) bytes(r *record) ([]byte, error) {
	p, err := n.number(r)
	if err != nil {
		return nil, err
	}
	n.scratch = p.append(n.scratch[:0])
	return n.scratch, nil
}

// integerNode is integer(x): ids that a spreadsheet or a data frame turned into
// 17850.0 are whole numbers again, of any size.
type integerNode struct {
	noInstant
	of      node
	scratch []byte
}

func (n *integerNode) kind() valueKind        { return kindNumber }
func (n *integerNode) missing(r *record) bool { return n.of.missing(r) }

func (n *integerNode) number(r *record) (number, error) {
	v, err := n.of.number(r)
	if err != nil {
		return v, err
	}
	if _, exact, _ := v.scaled(0, math.MaxInt64); !exact {
		return v, n.notWhole(r)
	}
	return v, nil
}

func (n *integerNode) notWhole(r *record) error {
	if c, ok := n.of.(*columnNode); ok {
		return &fault{c.slot, r.cells[c.slot], errNotWhole}
	}
	text, err := n.of.bytes(r)
	if err != nil {
		return err
	}
	return &fault{-1, text, errNotWhole}
}

func (n *integerNode) bytes(r *record) ([]byte, error) {
	if c, ok := n.of.(*columnNode); ok && !c.comma {
		if digits := plainInteger(r.cells[c.slot]); digits != nil {
			return digits, nil
		}
	}
	v, err := n.of.number(r)
	if err != nil {
		return nil, err
	}
	if n.scratch, err = v.appendWhole(n.scratch[:0]); err != nil {
		return nil, n.notWhole(r)
	}
	return n.scratch, nil
}

// plainInteger returns the digits before ".0…" of a text that is written
// plainly, without sign, leading zero or exponent; nil when it is not.
func plainInteger(b []byte) []byte {
	end := 0
	for end < len(b) && b[end]-'0' <= 9 {
		end++
	}
	if end == 0 || b[0] == '0' && end > 1 {
		return nil
	}
	if end < len(b) {
		if b[end] != '.' {
			return nil
		}
		for _, c := range b[end+1:] {
			if c != '0' {
				return nil
			}
		}
	}
	return b[:end]
}

// trimNode is trim(x).
type trimNode struct {
	of    node
	cal   *calendar
	comma bool
}

func (n *trimNode) kind() valueKind {
	if n.of.kind() == kindText {
		return kindText
	}
	return kindOpen
}

func (n *trimNode) missing(r *record) bool {
	if n.of.missing(r) {
		return true
	}
	b, err := n.of.bytes(r)
	return err == nil && len(bytes.TrimSpace(b)) == 0
}

func (n *trimNode) bytes(r *record) ([]byte, error) {
	b, err := n.of.bytes(r)
	return bytes.TrimSpace(b), err
}

func (n *trimNode) number(r *record) (number, error) {
	return textNumber(n, r, n.comma)
}

func (n *trimNode) instant(r *record) (int64, error) { return textInstant(n, r, n.cal) }

// textNumber and textInstant read what a node gives as text.
func textNumber(n node, r *record, comma bool) (number, error) {
	b, err := n.bytes(r)
	if err != nil {
		return number{}, err
	}
	slot := slotOf(n)
	v, err := parseNumber(b, comma && (slot < 0 || !r.point[slot]))
	if err != nil {
		return v, &fault{slot, b, err}
	}
	return v, nil
}

func textInstant(n node, r *record, cal *calendar) (int64, error) {
	b, err := n.bytes(r)
	if err != nil {
		return 0, err
	}
	v, err := cal.parse(b)
	if err != nil {
		return 0, &fault{slotOf(n), b, err}
	}
	return v, nil
}

// slotOf returns the only column of an expression, −1 if there are several or none.
func slotOf(n node) int {
	switch n := n.(type) {
	case *columnNode:
		return n.slot
	case *trimNode:
		return slotOf(n.of)
	case *integerNode:
		return slotOf(n.of)
	case *timeNode:
		return slotOf(n.of)
	}
	return -1
}

// concatNode is concat(a, b, …).
type concatNode struct {
	parts   []node
	cal     *calendar
	comma   bool
	scratch []byte
}

func (n *concatNode) kind() valueKind        { return kindText }
func (n *concatNode) missing(r *record) bool { return anyMissing(n.parts, r) }

func (n *concatNode) bytes(r *record) ([]byte, error) {
	n.scratch = n.scratch[:0]
	for _, part := range n.parts {
		b, err := part.bytes(r)
		if err != nil {
			return nil, err
		}
		n.scratch = append(n.scratch, b...)
	}
	return n.scratch, nil
}

func (n *concatNode) number(r *record) (number, error) { return textNumber(n, r, n.comma) }
func (n *concatNode) instant(r *record) (int64, error) { return textInstant(n, r, n.cal) }

// firstNode is first(a, b, …).
type firstNode struct{ of []node }

// kind is that of the arguments if they agree, and open otherwise.
func (n *firstNode) kind() valueKind {
	k := n.of[0].kind()
	for _, m := range n.of[1:] {
		if m.kind() != k {
			return kindOpen
		}
	}
	return k
}

func (n *firstNode) missing(r *record) bool { return n.pick(r) == nil }

func (n *firstNode) pick(r *record) node {
	for _, m := range n.of {
		if !m.missing(r) {
			return m
		}
	}
	return nil
}

func (n *firstNode) bytes(r *record) ([]byte, error)  { return n.pick(r).bytes(r) }
func (n *firstNode) number(r *record) (number, error) { return n.pick(r).number(r) }
func (n *firstNode) instant(r *record) (int64, error) { return n.pick(r).instant(r) }

// timeNode is time(x) or time(x, layout).
type timeNode struct {
	of      node
	layout  *Layout
	cal     *calendar
	scratch []byte
}

func (n *timeNode) kind() valueKind        { return kindTime }
func (n *timeNode) missing(r *record) bool { return n.of.missing(r) }

func (n *timeNode) instant(r *record) (int64, error) {
	b, err := n.of.bytes(r)
	if err != nil {
		return 0, err
	}
	var v int64
	if n.layout == nil {
		v, err = n.cal.parse(b)
	} else {
		v, err = n.cal.parseLayout(b, *n.layout)
	}
	if err == nil {
		return v, nil
	}
	if errors.Is(err, errLayout) {
		err = &layoutError{n.layout.text}
	}
	return 0, &fault{slotOf(n.of), b, err}
}

type layoutError struct{ layout string }

func (e *layoutError) Error() string { return "does not follow its layout " + e.layout }

func (n *timeNode) bytes(r *record) ([]byte, error) {
	v, err := n.instant(r)
	if err != nil {
		return nil, err
	}
	n.scratch = time.Unix(v, 0).UTC().AppendFormat(n.scratch[:0], time.RFC3339)
	return n.scratch, nil
}

func (n *timeNode) number(*record) (number, error) { return number{}, &fault{-1, nil, errNotNumber} }

// truth is the value of a condition: as in SQL a comparison with an empty value
// is neither true nor false.
type truth uint8

const (
	no truth = iota
	yes
	unknown
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// condition decides about a record. Errors are *fault.
type condition interface {
	holds(r *record) (truth, error)
}

type notCondition struct{ of condition }

func (c notCondition) holds(r *record) (truth, error) {
	t, err := c.of.holds(r)
	switch t {
	case yes:
		return no, err
	case no:
		return yes, err
	default:
		return unknown, err
	}
}

type emptyCondition struct{ of node }

func (c emptyCondition) holds(r *record) (truth, error) { return truthOf(c.of.missing(r)), nil }

// wanted gives for each sign whether −1, 0 and +1 satisfy it.
var wanted = map[string][3]bool{
	"=": {false, true, false}, "!=": {true, false, true},
	"<": {true, false, false}, "<=": {true, true, false},
	">": {false, false, true}, ">=": {false, true, true},
}

type comparison struct {
	left, right node
	as          valueKind
	want        [3]bool
}

func (c *comparison) holds(r *record) (truth, error) {
	if c.left.missing(r) || c.right.missing(r) {
		return unknown, nil
	}
	order, err := c.order(r)
	if err != nil {
		return unknown, err
	}
	return truthOf(c.want[order+1]), nil
}

func (c *comparison) order(r *record) (int, error) {
	switch c.as {
	case kindNumber:
		a, err := c.left.number(r)
		if err != nil {
			return 0, err
		}
		b, err := c.right.number(r)
		if err != nil {
			return 0, err
		}
		return a.compare(b), nil
	case kindTime:
		a, err := c.left.instant(r)
		if err != nil {
			return 0, err
		}
		b, err := c.right.instant(r)
		switch {
		case err != nil:
			return 0, err
		case a < b:
			return -1, nil
		case a > b:
			return +1, nil
		}
		return 0, nil
	default:
		a, err := c.left.bytes(r)
		if err != nil {
			return 0, err
		}
		b, err := c.right.bytes(r)
		return bytes.Compare(a, b), err
	}
}

type prefixCondition struct {
	of     node
	prefix []byte
}

func (c *prefixCondition) holds(r *record) (truth, error) {
	if c.of.missing(r) {
		return unknown, nil
	}
	b, err := c.of.bytes(r)
	return truthOf(bytes.HasPrefix(b, c.prefix)), err
}

// matchCondition remembers the answers for texts that it saw lately: products
// and the like repeat, and a pattern costs more than a look at a table.
type matchCondition struct {
	of      node
	pattern *regexp.Regexp
	seed    maphash.Seed
	seen    []matched
}

type matched struct {
	text   string
	answer truth
	used   bool
}

func (c *matchCondition) holds(r *record) (truth, error) {
	if c.of.missing(r) {
		return unknown, nil
	}
	b, err := c.of.bytes(r)
	if err != nil {
		return unknown, err
	}
	if len(b) > longText {
		return truthOf(c.pattern.Match(b)), nil
	}
	if c.seen == nil {
		c.seed, c.seen = maphash.MakeSeed(), make([]matched, 4096)
	}
	m := &c.seen[maphash.Bytes(c.seed, b)%uint64(len(c.seen))]
	if !m.used || m.text != string(b) {
		*m = matched{string(b), truthOf(c.pattern.Match(b)), true}
	}
	return m.answer, nil
}

// texts makes strings of bytes that will change, many out of one allocation: the
// batches are short-lived, so that a copy is cheaper than finding an earlier one.
type texts struct{ chunk strings.Builder }

const (
	// chunkBytes is what one allocation holds.
	chunkBytes = 32 << 10
	// longText is the length from which texts have their own allocation, and what a
	// pattern says of them is not remembered: they seldom repeat.
	longText = 256
)

func (t *texts) text(b []byte) string {
	if len(b) > longText {
		return string(b)
	}
	if t.chunk.Len()+len(b) > t.chunk.Cap() {
		t.chunk.Reset() // what was handed out keeps the chunk
		t.chunk.Grow(chunkBytes)
	}
	from := t.chunk.Len()
	t.chunk.Write(b) // never fails
	return t.chunk.String()[from:]
}

// fits says why an expression of kind k cannot fill a column of kind f, "" if it can.
func fits(k valueKind, f frame.Kind) string {
	switch {
	case f == frame.Text, k == kindOpen,
		f == frame.Time && (k == kindTime || k == kindText),
		f != frame.Time && k == kindNumber:
		return ""
	}
	return k.String() + " cannot be read as " + map[frame.Kind]string{
		frame.Number: "a number", frame.Integer: "an integer", frame.Decimal: "a decimal", frame.Time: "an instant",
	}[f]
}
