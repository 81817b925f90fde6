package files

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"unicode/utf8"
)

// span is one field of the current record: bytes [from, to) of the buffer,
// without its quotes. doubled marks a field in which quotes are written twice.
type span struct {
	from, to int32
	quoted   bool
	doubled  bool
}

// splitter cuts a stream of CSV into records, as RFC 4180 describes and
// encoding/csv reads: lines end in \n or \r\n, a field that begins with a quote
// ends with one, quotes inside are doubled, empty lines are no records. It
// keeps what stands in quoted fields byte for byte (encoding/csv turns \r\n
// there into \n). Its buffer grows to the line limit and no further.
type splitter struct {
	from      io.Reader
	delimiter byte
	// quote is '"', or 0 when quotes are ordinary bytes.
	quote    byte
	maxLine  int
	buf      []byte
	pos, end int
	eof      bool
	// line is the line after the current record, begin that on which the record begins.
	line, begin int64
	// The current record is buf[recordFrom:recordTo], without its line end.
	recordFrom, recordTo int
	fields               []span
	maxFields            int
	blank                int64
}

// splitBuffer is the first size of the buffer; a multiple of what a
// decompressor gives at once.
const splitBuffer = 256 << 10

func newSplitter(from io.Reader, delimiter, quote byte, maxLine, maxFields int) *splitter {
	return &splitter{
		from: from, delimiter: delimiter, quote: quote, maxLine: maxLine, maxFields: maxFields,
		buf: make([]byte, min(splitBuffer, maxLine+2)), line: 1,
	}
}

// recordError spoils one record only: the splitter stands behind its line and
// can go on.
type recordError struct {
	field  int // from 0, −1 for the whole record
	reason error
}

func (e *recordError) Error() string { return e.reason.Error() }
func (e *recordError) Unwrap() error { return e.reason }

var (
	errBareQuote  = errors.New("has a quote inside a field that does not begin with one; quote the field and double the quote, or declare that quotes are ordinary characters")
	errAfterQuote = errors.New("has text behind its closing quote; a quote inside a quoted field is doubled")
	errOpenQuote  = errors.New("opens a quote that is never closed")
	errLongLine   = errors.New("the record is longer than the limit")
	errManyFields = errors.New("the record has more columns than the limit")
)

// next finds the next record. The error is io.EOF at the end, *recordError for
// a record that can be passed over, and anything else ends the stream.
func (s *splitter) next() error {
	for {
		more, err := s.scan()
		if !more {
			return err
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

// fill moves the unfinished record to the front and reads until the buffer is full.
func (s *splitter) fill() error {
	copy(s.buf, s.buf[s.pos:s.end])
	s.end -= s.pos
	s.pos = 0
	if s.end == len(s.buf) {
		// One byte beyond the limit and a line end still fit.
		limit := s.maxLine + 2
		if s.end >= limit {
			return errLongLine
		}
		grown := make([]byte, min(2*len(s.buf), limit))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	idle := 0
	for s.end < len(s.buf) {
		n, err := s.from.Read(s.buf[s.end:])
		s.end += n
		if errors.Is(err, io.EOF) {
			s.eof = true
			return nil
		}
		if err != nil {
			return err
		}
		if n > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			return io.ErrNoProgress
		}
	}
	return nil
}

// scan looks for a record in the buffer. It returns more when the buffer ends first.
func (s *splitter) scan() (more bool, err error) {
	buf, end := s.buf, s.end
	i := s.pos
	// Empty lines are no records.
	for {
		if i == end {
			s.pos = i
			if s.eof {
				return false, io.EOF
			}
			return true, nil
		}
		if buf[i] == '\n' { //nolint:gocritic // the hot path reads better as it branches
			i++
		} else if buf[i] == '\r' && i+1 < end && buf[i+1] == '\n' {
			i += 2
		} else if buf[i] == '\r' && i+1 == end {
			if !s.eof {
				s.pos = i
				return true, nil
			}
			i++
		} else {
			break
		}
		s.line++
		s.blank++
		s.pos = i
	}
	from := i
	delimiter, quote := s.delimiter, s.quote
	fields := s.fields[:0]
	var lines int64
	for {
		if len(fields) == s.maxFields {
			return false, errManyFields
		}
		if quote != 0 && i < end && buf[i] == quote {
			f, next, closed := s.quotedField(i)
			if !closed {
				if !s.eof {
					return true, nil
				}
				s.begin = s.line
				s.fields = append(fields, span{from: int32(i), to: int32(end)}) //nolint:gosec,gocritic // fields is s.fields in a register; the buffer is bounded by the line limit
				s.recordFrom, s.recordTo = from, end
				return false, errOpenQuote
			}
			fields = append(fields, f)
			lines += int64(bytes.Count(buf[f.from:f.to], newline))
			i = next
			switch {
			case i == end:
				if !s.eof {
					return true, nil
				}
				return false, s.accept(fields, from, i, i, lines)
			case buf[i] == delimiter:
				i++
				continue
			case buf[i] == '\n':
				return false, s.accept(fields, from, i, i+1, lines)
			case buf[i] == '\r':
				if i+1 == end && !s.eof {
					return true, nil
				}
				if i+1 == end || buf[i+1] == '\n' {
					return false, s.accept(fields, from, i, min(i+2, end), lines)
				}
			}
			return s.spoiled(fields, from, i, lines, errAfterQuote)
		}
		begin := i
		i = s.fieldEnd(i)
		if i == end && !s.eof {
			return true, nil
		}
		if i < end && quote != 0 && buf[i] == quote && quote != delimiter {
			return s.spoiled(append(fields, span{from: int32(begin), to: int32(i)}), from, i, lines, errBareQuote) //nolint:gosec // the buffer is bounded by the line limit
		}
		if i < end && buf[i] == delimiter {
			fields = append(fields, span{from: int32(begin), to: int32(i)}) //nolint:gosec // the buffer is bounded by the line limit
			i++
			continue
		}
		to, next := i, min(i+1, end)
		if to > begin && buf[to-1] == '\r' {
			to--
		}
		fields = append(fields, span{from: int32(begin), to: int32(to)}) //nolint:gosec // the buffer is bounded by the line limit
		return false, s.accept(fields, from, to, next, lines)
	}
}

// Eight bytes at once: every byte 1, and the highest bit of every byte.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// fieldEnd returns the first place from i on where a delimiter, a line end or a
// quote stands, or the end of the buffer.
func (s *splitter) fieldEnd(i int) int {
	buf := s.buf[:s.end]
	delimiter, quote := s.delimiter, s.quote
	if quote == 0 {
		quote = '\n' // nothing else to look for
	}
	d, q := ones*uint64(delimiter), ones*uint64(quote)
	for ; i+8 <= len(buf); i += 8 {
		v := binary.LittleEndian.Uint64(buf[i:])
		// A byte of these is 0 where v has the sought one; the lowest high bit that
		// (x − 1) &^ x leaves marks the first of them (higher ones may be false).
		a, b, c := v^d, v^(ones*'\n'), v^q
		if found := ((a-ones)&^a | (b-ones)&^b | (c-ones)&^c) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
	}
	for ; i < len(buf); i++ {
		if c := buf[i]; c == delimiter || c == '\n' || c == quote {
			break
		}
	}
	return i
}

var newline = []byte{'\n'}

// quotedField reads the field whose opening quote stands at i; next is the byte
// behind the closing quote.
func (s *splitter) quotedField(i int) (f span, next int, closed bool) {
	f = span{from: int32(i + 1), quoted: true} //nolint:gosec // the buffer is bounded by the line limit
	for j := i + 1; ; {
		k := bytes.IndexByte(s.buf[j:s.end], s.quote)
		if k < 0 {
			return f, 0, false
		}
		j += k + 1
		if j == s.end && !s.eof {
			return f, 0, false // the next byte may be a second quote
		}
		if j < s.end && s.buf[j] == s.quote {
			f.doubled = true
			j++
			continue
		}
		f.to = int32(j - 1) //nolint:gosec // the buffer is bounded by the line limit
		return f, j, true
	}
}

// accept makes fields the current record.
func (s *splitter) accept(fields []span, from, to, next int, lines int64) error {
	s.fields, s.recordFrom, s.recordTo, s.pos = fields, from, to, next
	s.begin = s.line
	s.line += lines
	if next > to {
		s.line++
	}
	if to-from > s.maxLine {
		return errLongLine
	}
	return nil
}

// spoiled passes over the rest of the line on which a quote went wrong.
func (s *splitter) spoiled(fields []span, from, at int, lines int64, reason error) (more bool, err error) {
	k := bytes.IndexByte(s.buf[at:s.end], '\n')
	if k < 0 && !s.eof {
		return true, nil
	}
	to, next := s.end, s.end
	if k >= 0 {
		to, next = at+k, at+k+1
	}
	if err := s.accept(fields, from, to, next, lines); err != nil {
		return false, err
	}
	return false, &recordError{field: len(fields) - 1, reason: reason}
}

// raw returns the current record as it stands in the file.
func (s *splitter) raw() []byte { return s.buf[s.recordFrom:s.recordTo] }

// text returns field i; valid until the next record. A field with doubled
// quotes is rewritten in scratch.
func (s *splitter) text(i int, scratch *[]byte) []byte {
	f := s.fields[i]
	b := s.buf[f.from:f.to]
	if !f.doubled {
		return b
	}
	from := len(*scratch)
	for {
		k := bytes.IndexByte(b, s.quote)
		if k < 0 {
			*scratch = append(*scratch, b...)
			return (*scratch)[from:len(*scratch):len(*scratch)]
		}
		*scratch = append(*scratch, b[:k+1]...)
		b = b[k+2:]
	}
}

// csvSource reads records of one CSV input.
type csvSource struct {
	split *splitter
	// header holds the column names; headerRaw the line, to notice it again.
	header    []string
	headerRaw []byte
	// at is the field of each slot.
	at      []int
	nulls   nullTokens
	scratch []byte
	limits  Limits
}

// newCSV reads the header, or takes the given names.
func newCSV(in io.Reader, o *Options) (*csvSource, error) {
	quote := byte('"')
	if o.NoQuotes {
		quote = 0
	}
	c := &csvSource{split: newSplitter(in, o.Delimiter, quote, o.Limits.Line, o.Limits.Columns), nulls: o.tokens(), limits: o.Limits}
	if len(o.Columns) > 0 {
		c.header = o.Columns
		return c, nil
	}
	if err := c.split.next(); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &place{line: 1, reason: errors.New("has no header: only empty lines")}
		}
		return nil, c.blame(err)
	}
	if err := c.clean(); err != nil {
		return nil, c.blame(err)
	}
	c.headerRaw = bytes.Clone(c.split.raw())
	for i := range c.split.fields {
		c.header = append(c.header, string(c.split.text(i, &c.scratch)))
	}
	if len(c.header) == 1 {
		for _, other := range []byte{';', '\t', '|', ','} {
			if other != o.Delimiter && bytes.IndexByte(c.headerRaw, other) >= 0 {
				return nil, &place{line: 1, reason: fmt.Errorf("has one column, %q; it seems to be delimited by %q, not by %q", shorten(c.headerRaw), other, o.Delimiter)}
			}
		}
	}
	return c, nil
}

func (c *csvSource) columns() []string { return c.header }

// bind says which columns the slots are.
func (c *csvSource) bind(names []string) error {
	at, err := bindColumns(names, c.header)
	c.at = at
	return err
}

// clean refuses bytes that are no text.
func (c *csvSource) clean() error { return cleanText(c.split.raw()) }

var (
	errNUL      = errors.New("holds a NUL byte")
	errEncoding = errors.New("is not valid UTF-8; convert the file, for example: iconv -f WINDOWS-1252 -t UTF-8")
)

func cleanText(raw []byte) error {
	if bytes.IndexByte(raw, 0) >= 0 {
		return &recordError{field: -1, reason: errNUL}
	}
	if !utf8.Valid(raw) {
		return &recordError{field: -1, reason: errEncoding}
	}
	return nil
}

func (c *csvSource) next(_ context.Context, r *record) error {
	if err := c.split.next(); err != nil {
		return c.blame(err)
	}
	s := c.split
	r.line = s.begin
	if err := c.clean(); err != nil {
		return c.blame(err)
	}
	if len(s.fields) != len(c.header) {
		why := fmt.Errorf("has %d columns, the header has %d", len(s.fields), len(c.header))
		if len(c.headerRaw) == 0 {
			why = fmt.Errorf("has %d columns, %d were declared", len(s.fields), len(c.header))
		}
		return c.blame(&recordError{field: -1, reason: why})
	}
	if len(c.headerRaw) == s.recordTo-s.recordFrom && len(c.headerRaw) > 0 && bytes.Equal(s.raw(), c.headerRaw) {
		return c.blame(&recordError{field: -1, reason: errors.New("is the header again; were files joined with their headers?")})
	}
	c.scratch = c.scratch[:0]
	for slot, field := range c.at {
		f := s.fields[field]
		if int(f.to-f.from) > c.limits.Field {
			return c.blame(&recordError{field: field, reason: fmt.Errorf("is longer than the limit of %d bytes", c.limits.Field)})
		}
		b := s.text(field, &c.scratch)
		r.cells[slot], r.null[slot] = b, c.nulls.null(b)
	}
	return nil
}

// blame puts the line and the column to an error of the splitter.
func (c *csvSource) blame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	p := &place{line: c.split.begin, reason: err}
	var spoiled *recordError
	switch {
	case errors.As(err, &spoiled):
		p.reason, p.mendable, p.record = spoiled.reason, true, c.split.raw()
		if spoiled.field >= 0 {
			p.column = spoiled.field + 1
			if spoiled.field < len(c.header) {
				p.name = c.header[spoiled.field]
			}
			if spoiled.field < len(c.split.fields) {
				from := int(c.split.fields[spoiled.field].from)
				p.line += int64(bytes.Count(c.split.buf[c.split.recordFrom:from], newline))
			}
		}
	case errors.Is(err, errOpenQuote):
		f := c.split.fields
		p.column = len(f)
		if p.column <= len(c.header) {
			p.name = c.header[p.column-1]
		}
		p.line += int64(bytes.Count(c.split.buf[c.split.recordFrom:f[len(f)-1].from], newline))
	case errors.Is(err, errLongLine):
		p.line = max(p.line, c.split.line)
		p.reason = fmt.Errorf("the record is longer than the limit of %d bytes; a quote that is not closed may be the cause", c.limits.Line)
	case errors.Is(err, errManyFields):
		p.line = c.split.line
		p.reason = fmt.Errorf("the record has more than %d columns, the limit", c.limits.Columns)
	default:
		p.line = c.split.line
	}
	return p
}

// where finds the line and column of a slot of the current record.
func (c *csvSource) where(slot int, p *place) {
	field := c.at[slot]
	p.column, p.name = field+1, c.header[field]
	p.line = c.split.begin + int64(bytes.Count(c.split.buf[c.split.recordFrom:c.split.fields[field].from], newline))
}

func (c *csvSource) record() []byte { return c.split.raw() }

func (c *csvSource) close() error { return nil }
