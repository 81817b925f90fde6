package files

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxJSONDepth bounds objects and lists inside each other. They are only passed
// over, but passing over them takes a frame of the stack each.
const maxJSONDepth = 64

var (
	errNotObject   = errors.New("is no JSON object; fealty reads one object per line")
	errSpread      = errors.New("ends inside an object; fealty reads one object per line: jq -c . FILE")
	errBehind      = errors.New("has something behind its object; fealty reads one object per line: jq -c . FILE")
	errNested      = errors.New("is nested; write its parts as columns of their own: jq -c '.part = .whole.part' FILE")
	errDeep        = fmt.Errorf("has more than %d objects and lists inside each other", maxJSONDepth)
	errTwice       = errors.New("stands twice in one object")
	errSurrogate   = errors.New("holds half of a surrogate pair (\\ud800 … \\udfff), which is no character")
	errEscape      = errors.New("holds a backslash that begins none of JSON's escapes")
	errControl     = errors.New("holds a control character; JSON writes it as an escape such as \\n")
	errOpenText    = errors.New("opens a text that is not closed on its line")
	errJSONNumber  = errors.New("is not a number as JSON writes it")
	errJSONValue   = errors.New("is no JSON value")
	errJSONNaN     = errors.New("is not finite, and no JSON; an unknown value is null")
	errJSONComma   = errors.New("expected a comma or the end of the object")
	errJSONKey     = errors.New("expected a key in double quotes")
	errJSONColon   = errors.New("expected a colon behind the key")
	errManyKeys    = errors.New("has more keys than the limit of columns")
	errJSONLiteral = errors.New("is no JSON value; texts stand in double quotes")
)

// jsonKey is a key that some object had.
type jsonKey struct {
	name string
	slot int // −1: nobody asks for it
	// seen is the object that had it last.
	seen int64
}

// jsonSource reads one object per line. Columns are known record by record: a
// key that an object lacks is an empty value, and a key that nobody asks for is
// passed over, whatever it holds. Numbers are handed on as they are written, so
// that 9007199254740993 stays what it is.
type jsonSource struct {
	from   *bufio.Reader
	limits Limits
	nulls  nullTokens
	long   []byte // a line that exceeds the reader's buffer
	raw    []byte // the current line
	line   int64
	object int64

	names []string // by slot
	keys  []jsonKey
	at    map[string]int // into keys
	// order holds, for the n-th key of the previous object, its raw text and
	// its place in keys: objects of one file mostly have their keys in one order.
	order []struct {
		raw string
		key int
	}
	scratch []byte
}

func newJSONL(from *bufio.Reader, o *Options) *jsonSource {
	return &jsonSource{from: from, limits: o.Limits, nulls: o.tokens()}
}

func (j *jsonSource) columns() []string { return nil }

func (j *jsonSource) bind(names []string) error {
	j.names, j.keys, j.at, j.order = names, nil, map[string]int{}, nil
	for slot, name := range names {
		j.at[name] = len(j.keys)
		j.keys = append(j.keys, jsonKey{name: name, slot: slot})
	}
	return nil
}

// found tells whether any object had the key of a slot.
func (j *jsonSource) found(slot int) bool { return j.keys[slot].seen > 0 }

// others lists the keys that objects had.
func (j *jsonSource) others() []string {
	var names []string
	for i := range j.keys {
		if j.keys[i].seen > 0 {
			names = append(names, j.keys[i].name)
		}
	}
	return names
}

// readLine reads the next line that is not blank into raw.
func (j *jsonSource) readLine() error {
	for {
		line, err := j.from.ReadSlice('\n')
		j.long = j.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) {
			if len(j.long)+len(line) > j.limits.Line {
				return j.tooLong()
			}
			j.long = append(j.long, line...)
			line, err = j.from.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return &place{line: j.line + 1, reason: err}
		}
		if len(j.long) > 0 {
			j.long = append(j.long, line...)
			line = j.long
		}
		if len(line) == 0 {
			return io.EOF
		}
		j.line++
		if j.raw = trimJSON(line); len(j.raw) > j.limits.Line {
			j.line--
			return j.tooLong()
		}
		if len(j.raw) > 0 {
			return nil
		}
	}
}

func (j *jsonSource) tooLong() error {
	return &place{line: j.line + 1, reason: fmt.Errorf("the record is longer than the limit of %d bytes", j.limits.Line)}
}

func trimJSON(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }

func (j *jsonSource) next(_ context.Context, r *record) error {
	if err := j.readLine(); err != nil {
		return err
	}
	r.line = j.line
	j.object++
	j.scratch = j.scratch[:0]
	for slot := range r.cells {
		r.cells[slot], r.null[slot], r.point[slot] = nil, true, false
	}
	if err := cleanText(j.raw); err != nil {
		return j.blame("", nil, errors.Unwrap(err))
	}
	p := jsonText{b: j.raw}
	if !p.take('{') {
		return j.blame("", j.raw, errNotObject)
	}
	if p.space(); p.take('}') {
		return j.end(&p)
	}
	for n := 0; ; n++ {
		if n == j.limits.Columns {
			return j.blame("", nil, errManyKeys)
		}
		if err := j.pair(&p, n, r); err != nil {
			return err
		}
		switch p.space(); {
		case p.take(','):
			p.space()
		case p.take('}'):
			return j.end(&p)
		case p.done():
			return j.blame("", nil, errSpread)
		default:
			return j.blame("", p.rest(), errJSONComma)
		}
	}
}

func (j *jsonSource) end(p *jsonText) error {
	if p.space(); !p.done() {
		return j.blame("", p.rest(), errBehind)
	}
	return nil
}

// pair reads the n-th key with its value.
func (j *jsonSource) pair(p *jsonText, n int, r *record) error {
	if p.done() {
		return j.blame("", nil, errSpread)
	}
	if p.b[p.i] != '"' {
		return j.blame("", p.rest(), errJSONKey)
	}
	raw, escaped, err := p.text()
	if err != nil {
		return j.blame("", raw, err)
	}
	at, err := j.key(raw, escaped, n)
	if err != nil {
		return j.blame("", raw, err)
	}
	key := &j.keys[at]
	if key.seen == j.object {
		return j.blame(key.name, nil, errTwice)
	}
	key.seen = j.object
	if p.space(); !p.take(':') {
		if p.done() {
			return j.blame(key.name, nil, errSpread)
		}
		return j.blame(key.name, p.rest(), errJSONColon)
	}
	p.space()
	begin := p.i
	if key.slot < 0 {
		if err := p.pass(0); err != nil {
			return j.blame(key.name, p.b[begin:], err)
		}
		return nil
	}
	b, point, err := j.value(p)
	if err != nil {
		return j.blame(key.name, p.b[begin:], err)
	}
	if len(b) > j.limits.Field {
		return j.blame(key.name, b, fmt.Errorf("is longer than the limit of %d bytes", j.limits.Field))
	}
	r.cells[key.slot], r.null[key.slot], r.point[key.slot] = b, j.nulls.null(b), point
	return nil
}

// key finds the place of a key.
func (j *jsonSource) key(raw []byte, escaped bool, n int) (int, error) {
	if n < len(j.order) && j.order[n].raw == string(raw) {
		return j.order[n].key, nil
	}
	name := raw
	if escaped {
		var err error
		if name, err = unescape(nil, raw); err != nil {
			return 0, err
		}
	}
	at, known := j.at[string(name)]
	if !known {
		// Keys that change from object to object (an id as a key) would gather
		// without end; only those of the current object matter.
		if len(j.keys) > len(j.names)+4*j.limits.Columns {
			j.forget()
		}
		at = len(j.keys)
		j.at[string(name)] = at
		j.keys = append(j.keys, jsonKey{name: string(name), slot: -1})
	}
	for len(j.order) <= n {
		j.order = append(j.order, struct {
			raw string
			key int
		}{})
	}
	j.order[n].raw, j.order[n].key = string(raw), at
	return at, nil
}

// forget drops the keys that nobody asks for and the current object lacks.
func (j *jsonSource) forget() {
	kept := j.keys[:len(j.names)]
	for _, k := range j.keys[len(j.names):] {
		if k.seen == j.object {
			kept = append(kept, k)
		}
	}
	j.keys, j.order = kept, nil
	clear(j.at)
	for i := range j.keys {
		j.at[j.keys[i].name] = i
	}
}

// value reads the value of a key that is asked for. point tells that it is a
// number, whose decimal mark is the point whatever is declared of texts.
func (j *jsonSource) value(p *jsonText) (b []byte, point bool, err error) {
	if p.done() {
		return nil, false, errSpread
	}
	switch c := p.b[p.i]; {
	case c == '"':
		raw, escaped, err := p.text()
		if err != nil || !escaped {
			return raw, false, err
		}
		from := len(j.scratch)
		j.scratch, err = unescape(j.scratch, raw)
		return j.scratch[from:len(j.scratch):len(j.scratch)], false, err
	case c == '{' || c == '[':
		return nil, false, errNested
	case c == '-' || c >= '0' && c <= '9':
		b, err = p.number()
		return b, true, err
	}
	begin := p.i
	if err := p.word(); err != nil {
		return nil, false, err
	}
	if b = p.b[begin:p.i]; b[0] == 'n' {
		return nil, false, nil
	}
	return b, false, nil
}

// blame puts the place to a fault of the current line. The next line is whole
// again, so the fault spoils one record only.
func (j *jsonSource) blame(name string, value []byte, reason error) error {
	return &place{line: j.line, name: name, value: value, reason: reason, mendable: true, record: j.raw}
}

func (j *jsonSource) where(slot int, p *place) { p.line, p.name = j.line, j.names[slot] }

func (j *jsonSource) record() []byte { return j.raw }

func (j *jsonSource) close() error { return nil }

// jsonText reads one line of JSON (RFC 8259).
type jsonText struct {
	b []byte
	i int
}

func (p *jsonText) done() bool   { return p.i == len(p.b) }
func (p *jsonText) rest() []byte { return p.b[p.i:] }

func (p *jsonText) space() {
	for p.i < len(p.b) && (p.b[p.i] == ' ' || p.b[p.i] == '\t' || p.b[p.i] == '\r') {
		p.i++
	}
}

func (p *jsonText) take(c byte) bool {
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

// text reads a text whose opening quote stands at i and returns what is between
// the quotes. Escapes are left as they are.
func (p *jsonText) text() (raw []byte, escaped bool, err error) {
	begin := p.i + 1
	for i := begin; i < len(p.b); i++ {
		switch c := p.b[i]; {
		case c == '"':
			p.i = i + 1
			return p.b[begin:i], escaped, nil
		case c == '\\':
			escaped = true
			i++
		case c < 0x20:
			return p.b[begin:], escaped, errControl
		}
	}
	return p.b[begin:], escaped, errOpenText
}

// unescape appends the text that raw stands for.
func unescape(to, raw []byte) ([]byte, error) {
	for {
		k := bytes.IndexByte(raw, '\\')
		if k < 0 {
			return append(to, raw...), nil
		}
		to = append(to, raw[:k]...)
		raw = raw[k+1:]
		if raw[0] == 'u' { // text lets no backslash stand last
			c, rest, err := unescapeRune(raw)
			if err != nil {
				return to, err
			}
			to, raw = utf8.AppendRune(to, c), rest
			continue
		}
		at := strings.IndexByte(`"\/bfnrt`, raw[0])
		if at < 0 {
			return to, errEscape
		}
		to = append(to, "\"\\/\b\f\n\r\t"[at])
		raw = raw[1:]
	}
}

// unescapeRune reads uXXXX, or the two that make a pair.
func unescapeRune(raw []byte) (rune, []byte, error) {
	high, ok := hex4(raw)
	switch {
	case !ok:
		return 0, nil, errEscape
	case high == 0:
		return 0, nil, errNUL
	case high < 0xD800 || high > 0xDFFF:
		return high, raw[5:], nil
	}
	if low, ok := hex4(bytes.TrimPrefix(raw[5:], []byte{'\\'})); ok && high < 0xDC00 && raw[5] == '\\' && low >= 0xDC00 && low <= 0xDFFF {
		return 0x10000 + (high-0xD800)<<10 + (low - 0xDC00), raw[11:], nil
	}
	return 0, nil, errSurrogate
}

// hex4 reads u and four hexadecimal digits.
func hex4(b []byte) (rune, bool) {
	if len(b) < 5 || b[0] != 'u' {
		return 0, false
	}
	var v rune
	for _, c := range b[1:5] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | rune(c)
	}
	return v, true
}

// number reads a number and returns it as it is written.
func (p *jsonText) number() ([]byte, error) {
	begin := p.i
	digits := func() bool {
		from := p.i
		for p.i < len(p.b) && p.b[p.i]-'0' <= 9 {
			p.i++
		}
		return p.i > from
	}
	p.take('-')
	if bytes.HasPrefix(p.rest(), []byte("Infinity")) {
		return nil, errJSONNaN
	}
	if !p.take('0') && !digits() {
		return nil, errJSONNumber
	}
	if p.take('.') && !digits() {
		return nil, errJSONNumber
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		if !digits() {
			return nil, errJSONNumber
		}
	}
	// 007 and 1.2.3 are no numbers.
	if p.i < len(p.b) && bytes.IndexByte([]byte(" \t\r,]}"), p.b[p.i]) < 0 { //nolint:mirror // no text to convert
		return nil, errJSONNumber
	}
	return p.b[begin:p.i], nil
}

// word reads true, false or null.
func (p *jsonText) word() error {
	begin := p.i
	for p.i < len(p.b) && (p.b[p.i]|0x20 >= 'a' && p.b[p.i]|0x20 <= 'z') {
		p.i++
	}
	switch string(p.b[begin:p.i]) {
	case "true", "false", "null":
		return nil
	case "NaN", "nan", "Infinity", "Inf", "inf":
		return errJSONNaN
	case "":
		return errJSONValue
	}
	return errJSONLiteral
}

// pass passes over a value that nobody asks for.
func (p *jsonText) pass(depth int) error {
	if p.done() {
		return errSpread
	}
	if depth == maxJSONDepth {
		return errDeep
	}
	switch c := p.b[p.i]; {
	case c == '"':
		raw, escaped, err := p.text()
		if err == nil && escaped {
			_, err = unescape(nil, raw)
			if errors.Is(err, errNUL) {
				err = nil // nobody reads it
			}
		}
		return err
	case c == '{' || c == '[':
		return p.passAll(c, depth)
	case c == '-' || c >= '0' && c <= '9':
		_, err := p.number()
		return err
	}
	return p.word()
}

// passAll passes over an object or a list.
func (p *jsonText) passAll(open byte, depth int) error {
	p.i++
	end := open + 2 // in ASCII ] and } stand two behind [ and {
	if p.space(); p.take(end) {
		return nil
	}
	for {
		if open == '{' {
			if p.done() {
				return errSpread
			}
			if p.b[p.i] != '"' {
				return errJSONKey
			}
			if _, _, err := p.text(); err != nil {
				return err
			}
			if p.space(); !p.take(':') {
				return errJSONColon
			}
			p.space()
		}
		if err := p.pass(depth + 1); err != nil {
			return err
		}
		switch p.space(); {
		case p.take(','):
			p.space()
		case p.take(end):
			return nil
		case p.done():
			return errSpread
		default:
			return errJSONComma
		}
	}
}

// lacking says which chosen columns no object of the whole input had: a name
// with a typing mistake would otherwise be a column of empty values.
func (j *jsonSource) lacking(chosen []bool) error {
	for slot, name := range j.names {
		if chosen[slot] && !j.found(slot) {
			keys := j.others()
			slices.Sort(keys)
			return noColumn(name, keys)
		}
	}
	return nil
}
