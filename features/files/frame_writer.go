package files

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"fealty/features"
	"fealty/features/frame"
)

// The columns that stand before the catalogue's in a file of features.
var frameColumns = []string{"account", "cutoff", "first_purchase", "last_purchase", "status"}

// ErrFrame says that a slice cannot be written as what the writer was made for.
var ErrFrame = errors.New("features cannot be written")

// FrameWriter writes slices of a feature matrix to a file: one row per account
// × cutoff with the columns account, cutoff, first_purchase, last_purchase,
// status (eligible, never_bought, lapsed) and then the catalogue's, in its
// order. It holds one row group of Parquet, or one buffer of text, at a time.
// It serves one goroutine.
//
// In CSV and TSV instants are RFC 3339 in UTC, numbers the shortest text that
// reads as the same number, and what is missing is empty. An account that
// begins with = + - @, a tab or a carriage return gets a ' in front, because
// spreadsheets would run it as a formula; numbers are never touched. Whoever
// needs every account byte for byte takes JSON lines or Parquet.
//
// In JSON lines what is missing is null. In Parquet (zstd) it is null too;
// instants are timestamps in UTC, whole features (counts, days) are 64-bit
// integers and the others doubles.
type FrameWriter struct {
	catalogue []features.Feature
	format    Format
	text      *bufio.Writer
	parquet   *parquet.Writer //nolint:staticcheck // rows whose columns are known at run time have no Go type for the generic one
	delimiter byte
	keys      [][]byte // JSON: `,"name":` of each column
	line      []byte
	rows      []parquet.Row
	err       error
	closed    bool
}

const (
	// groupRows is the number of rows of a row group of Parquet: with 70 columns
	// about 40 MB wait to be packed.
	groupRows = 65_536
	// writeRows is how many rows are handed to Parquet at once.
	writeRows = 512
)

// NewFrameWriter begins a file of the catalogue's features. A matrix without
// rows is a file with a header that reads. Format "" means CSV. Close completes
// the file and does not close w.
func NewFrameWriter(format Format, w io.Writer, catalogue []features.Feature) (*FrameWriter, error) {
	if format == "" {
		format = CSV
	}
	seen := map[string]bool{}
	names := append([]string(nil), frameColumns...)
	for i := range catalogue {
		names = append(names, catalogue[i].Name)
	}
	for _, name := range names {
		if name == "" || seen[name] || !utf8.ValidString(name) {
			return nil, fmt.Errorf("write features as %s: column %q stands twice or is no name: %w", format, name, ErrFrame)
		}
		seen[name] = true
	}
	f := &FrameWriter{catalogue: catalogue, format: format}
	switch format {
	case CSV, TSV, JSONLines:
		f.text = bufio.NewWriterSize(w, 256<<10)
	case Parquet:
		f.parquet = parquet.NewWriter(w, frameSchema(catalogue), parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(groupRows),
			parquet.CreatedBy("fealty", "", ""))
		return f, nil
	default:
		return nil, fmt.Errorf("write features: format %q is not known; there are csv, tsv, jsonl and parquet: %w", format, ErrFrame)
	}
	switch format {
	case CSV:
		f.delimiter = ','
	case TSV:
		f.delimiter = '\t'
	default:
		for i, name := range names {
			key := appendJSON([]byte{','}, name)
			if i == 0 {
				key[0] = '{'
			}
			f.keys = append(f.keys, append(key, ':'))
		}
		return f, nil
	}
	for i, name := range names {
		if i > 0 {
			f.line = append(f.line, f.delimiter)
		}
		f.line = f.appendText(f.line, name)
	}
	f.line = append(f.line, '\n')
	_, f.err = f.text.Write(f.line) // shown by Write or Close
	return f, nil
}

// orderedGroup is a group whose columns keep their order; parquet.Group sorts
// them by name.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

func (g orderedGroup) Fields() []parquet.Field { return g.fields }

func frameSchema(catalogue []features.Feature) *parquet.Schema {
	instant := parquet.Timestamp(parquet.Millisecond)
	group := parquet.Group{
		"account": parquet.String(), "cutoff": instant,
		"first_purchase": parquet.Optional(instant), "last_purchase": parquet.Optional(instant),
		"status": parquet.Encoded(parquet.String(), &parquet.RLEDictionary),
	}
	names := append([]string(nil), frameColumns...)
	for i := range catalogue {
		kind := parquet.Leaf(parquet.DoubleType)
		if catalogue[i].Integer {
			kind = parquet.Int(64)
		}
		group[catalogue[i].Name] = parquet.Optional(kind)
		names = append(names, catalogue[i].Name)
	}
	byName := map[string]parquet.Field{}
	for _, field := range group.Fields() {
		byName[field.Name()] = field
	}
	ordered := orderedGroup{Group: group}
	for _, name := range names {
		ordered.fields = append(ordered.fields, byName[name])
	}
	return parquet.NewSchema("features", ordered)
}

// Write writes the rows of a slice. Its columns must be the catalogue's, and
// its whole features whole. After an error nothing more can be written.
func (f *FrameWriter) Write(s *features.Slice) error {
	if f.closed {
		return fmt.Errorf("write features: the writer is closed: %w", ErrFrame)
	}
	if f.err == nil {
		if f.err = f.check(s); f.err == nil {
			f.err = f.writeSlice(s)
		}
	}
	if f.err != nil {
		return fmt.Errorf("write features as %s: %w", f.format, f.err)
	}
	return nil
}

// check compares a slice with the catalogue.
func (f *FrameWriter) check(s *features.Slice) error {
	n := len(s.Frame.Accounts)
	if len(s.Frame.Columns) != len(f.catalogue) {
		return fmt.Errorf("a slice has %d columns, the catalogue %d: %w", len(s.Frame.Columns), len(f.catalogue), ErrFrame)
	}
	for i := range f.catalogue {
		c := &s.Frame.Columns[i]
		if c.Name != f.catalogue[i].Name || c.Kind != frame.Number || len(c.Numbers) != n {
			return fmt.Errorf("column %d is %s %q with %d values, want number %q with %d: %w", i+1, c.Kind, c.Name, len(c.Numbers), f.catalogue[i].Name, n, ErrFrame)
		}
		for row, v := range c.Numbers {
			if math.IsInf(v, 0) || f.catalogue[i].Integer && (v != math.Trunc(v) && !math.IsNaN(v) || math.Abs(v) > 1<<53) {
				return fmt.Errorf("account %q: %s is %v: %w", s.Frame.Accounts[row], c.Name, v, ErrFrame)
			}
		}
	}
	if len(s.Frame.Cutoffs) != n || len(s.Status) != n || len(s.FirstPurchase) != n || len(s.LastPurchase) != n {
		return fmt.Errorf("a slice of %d rows has %d cutoffs, %d statuses, %d and %d purchases: %w",
			n, len(s.Frame.Cutoffs), len(s.Status), len(s.FirstPurchase), len(s.LastPurchase), ErrFrame)
	}
	for row, account := range s.Frame.Accounts {
		if !utf8.ValidString(string(account)) {
			return fmt.Errorf("account %q is not valid UTF-8: %w", account, ErrFrame)
		}
		if y := s.Frame.Cutoffs[row].Time().Year(); y < 0 || y > 9999 {
			return fmt.Errorf("account %q: cutoff in the year %d: %w", account, y, ErrFrame)
		}
	}
	return nil
}

func (f *FrameWriter) writeSlice(s *features.Slice) error {
	if f.parquet != nil {
		return f.writeParquet(s)
	}
	for row := range s.Frame.Accounts {
		if f.format == JSONLines {
			f.line = f.appendObject(f.line[:0], s, row)
		} else {
			f.line = f.appendRecord(f.line[:0], s, row)
		}
		if _, err := f.text.Write(append(f.line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// appendRecord writes one row of CSV.
func (f *FrameWriter) appendRecord(to []byte, s *features.Slice, row int) []byte {
	to = append(f.appendText(to, string(s.Frame.Accounts[row])), f.delimiter)
	to = append(appendSeconds(to, int64(s.Frame.Cutoffs[row])), f.delimiter)
	for _, at := range []int64{s.FirstPurchase[row], s.LastPurchase[row]} {
		if at != 0 {
			to = appendSeconds(to, at)
		}
		to = append(to, f.delimiter)
	}
	to = append(to, s.Status[row].String()...)
	for i := range s.Frame.Columns {
		to = append(to, f.delimiter)
		if v := s.Frame.Columns[i].Numbers[row]; !math.IsNaN(v) {
			to = appendFloat(to, v, 64)
		}
	}
	return to
}

// appendObject writes one row of JSON lines.
func (f *FrameWriter) appendObject(to []byte, s *features.Slice, row int) []byte {
	instant := func(at int64) []byte {
		if at == 0 {
			return append(to, "null"...)
		}
		return append(appendSeconds(append(to, '"'), at), '"')
	}
	to = appendJSON(append(to, f.keys[0]...), string(s.Frame.Accounts[row]))
	to = append(to, f.keys[1]...)
	to = append(appendSeconds(append(to, '"'), int64(s.Frame.Cutoffs[row])), '"')
	to = append(to, f.keys[2]...)
	to = instant(s.FirstPurchase[row])
	to = append(to, f.keys[3]...)
	to = instant(s.LastPurchase[row])
	to = appendJSON(append(to, f.keys[4]...), s.Status[row].String())
	for i := range s.Frame.Columns {
		to = append(to, f.keys[len(frameColumns)+i]...)
		if v := s.Frame.Columns[i].Numbers[row]; math.IsNaN(v) {
			to = append(to, "null"...)
		} else {
			to = appendFloat(to, v, 64)
		}
	}
	return append(to, '}')
}

func appendSeconds(to []byte, at int64) []byte {
	return time.Unix(at, 0).UTC().AppendFormat(to, time.RFC3339)
}

// appendText writes a text as a field of CSV, unable to be a formula.
func (f *FrameWriter) appendText(to []byte, text string) []byte {
	if text != "" && strings.IndexByte("=+-@\t\r", text[0]) >= 0 {
		text = "'" + text
	}
	if !strings.ContainsAny(text, "\"\r\n") && strings.IndexByte(text, f.delimiter) < 0 && strings.TrimSpace(text) == text {
		return append(to, text...)
	}
	to = append(to, '"')
	for i := range len(text) {
		if text[i] == '"' {
			to = append(to, '"')
		}
		to = append(to, text[i])
	}
	return append(to, '"')
}

// appendJSON writes a text of valid UTF-8 as JSON.
func appendJSON(to []byte, text string) []byte {
	to = append(to, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
		case c < 0x20 || c == 0x7f:
			to = append(to, `\u00`...)
			to = append(to, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			to = append(to, c)
		}
	}
	return append(to, '"')
}

func (f *FrameWriter) writeParquet(s *features.Slice) error {
	width := len(frameColumns) + len(f.catalogue)
	if f.rows == nil {
		f.rows = make([]parquet.Row, writeRows)
		for i := range f.rows {
			f.rows[i] = make(parquet.Row, width)
		}
	}
	for from := 0; from < len(s.Frame.Accounts); from += writeRows {
		to := min(from+writeRows, len(s.Frame.Accounts))
		for row := from; row < to; row++ {
			f.fillRow(f.rows[row-from], s, row)
		}
		if _, err := f.parquet.WriteRows(f.rows[:to-from]); err != nil {
			return err
		}
	}
	return nil
}

func (f *FrameWriter) fillRow(values parquet.Row, s *features.Slice, row int) {
	const milli = 1000
	values[0] = parquet.ValueOf(string(s.Frame.Accounts[row])).Level(0, 0, 0)
	values[1] = parquet.Int64Value(int64(s.Frame.Cutoffs[row])*milli).Level(0, 0, 1)
	for i, at := range []int64{s.FirstPurchase[row], s.LastPurchase[row]} {
		if values[2+i] = parquet.NullValue().Level(0, 0, 2+i); at != 0 {
			values[2+i] = parquet.Int64Value(at*milli).Level(0, 1, 2+i)
		}
	}
	values[4] = parquet.ValueOf(s.Status[row].String()).Level(0, 0, 4)
	for i := range s.Frame.Columns {
		at, v := len(frameColumns)+i, s.Frame.Columns[i].Numbers[row]
		switch {
		case math.IsNaN(v):
			values[at] = parquet.NullValue().Level(0, 0, at)
		case f.catalogue[i].Integer:
			values[at] = parquet.Int64Value(int64(v)).Level(0, 1, at)
		default:
			values[at] = parquet.DoubleValue(v).Level(0, 1, at)
		}
	}
}

// Close completes the file. Without it a file of Parquet is none. A second call
// does nothing.
func (f *FrameWriter) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	err := f.err
	if err == nil && f.parquet != nil {
		err = f.parquet.Close()
	} else if err == nil {
		err = f.text.Flush()
	}
	if err != nil {
		return fmt.Errorf("complete the features as %s: %w", f.format, err)
	}
	return nil
}
