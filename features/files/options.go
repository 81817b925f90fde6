package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// Format is how records are written in a file.
type Format string

// The formats. The zero value means: by the file's first bytes and its name.
const (
	CSV       Format = "csv"
	TSV       Format = "tsv"
	JSONLines Format = "jsonl"
	Parquet   Format = "parquet"
)

// Input is one file or stream. Packing (gzip, zstd) and format are recognised
// by the first bytes and by Name; Name also stands in every error.
type Input struct {
	Name string
	// Size is the number of bytes, 0 when unknown; used for progress only.
	Size int64
	// Open begins the stream; it is called once, when the stream's turn comes.
	// The result is closed by the Reader. If it is also an io.ReaderAt with a
	// Stat method, as *os.File is, plain Parquet is read in place.
	Open func() (io.ReadCloser, error)
}

// FromPaths returns an input for each path of the file system.
func FromPaths(paths ...string) []Input {
	inputs := make([]Input, len(paths))
	for i, path := range paths {
		inputs[i] = Input{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }} //nolint:gosec // the paths are the user's own, given on the command line
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			inputs[i].Size = info.Size()
		}
	}
	return inputs
}

// Limits bound what a file may ask for. The zero value of each means its
// default. A Reader's memory is about Line × 2 + one batch of columns, and for
// Parquet one page, packed and unpacked, and one dictionary of each column that
// is used.
type Limits struct {
	// Line is the greatest length of one record in bytes; default 1 MiB.
	Line int
	// Field is the greatest length of one value that is used, in bytes; default 64 KiB.
	Field int
	// Columns is the greatest number of columns; default 4,096.
	Columns int
	// Unpacked is how many bytes one packed input may unpack to; default 1 TiB.
	Unpacked int64
	// Ratio is how many times larger than packed an input may be once 64 MiB
	// are unpacked; default 250.
	Ratio int64
	// Page is the greatest size of one unpacked Parquet page in bytes; default 256 MiB.
	Page int64
	// Examples is how many bad records the report shows; default 20.
	Examples int
}

func (l *Limits) complete() error {
	for _, at := range []struct {
		name  string
		value *int
		full  int
	}{{"line", &l.Line, 1 << 20}, {"field", &l.Field, 64 << 10}, {"columns", &l.Columns, 4096}, {"examples", &l.Examples, 20}} {
		if *at.value < 0 || *at.value > 1<<30 {
			return fmt.Errorf("limit of %s %d is not within 1 … 2^30", at.name, *at.value)
		}
		if *at.value == 0 {
			*at.value = at.full
		}
	}
	for _, at := range []struct {
		name  string
		value *int64
		full  int64
	}{{"unpacked", &l.Unpacked, 1 << 40}, {"ratio", &l.Ratio, 250}, {"page", &l.Page, 256 << 20}} {
		if *at.value < 0 {
			return fmt.Errorf("limit of %s %d is negative", at.name, *at.value)
		}
		if *at.value == 0 {
			*at.value = at.full
		}
	}
	return nil
}

// Options say what to read and what it means.
type Options struct {
	// Inputs are read in order, as one sequence of records. Each has a header of
	// its own; the columns may stand in another order, but those that are used
	// must be there.
	Inputs []Input
	// Table is the canonical table that the records belong to.
	Table features.TableSchema
	// Map holds entries "field=expression" (see the package comment).
	Map []string
	// Where holds conditions; a record must satisfy all of them.
	Where []string
	// Null holds entries "field=policy" for empty values: skip leaves the record
	// out and counts it, refuse makes it a bad record, keep takes the empty
	// value. The default is refuse for required fields and keep for the others.
	Null []string
	// NullTokens are texts that mean an empty value in any column, such as NULL
	// or \N. The empty text always does.
	NullTokens []string
	// Delimiter of CSV; 0 means the comma, or the tab for TSV.
	Delimiter byte
	// NoQuotes makes quotes in CSV ordinary characters.
	NoQuotes bool
	// Columns names the columns of CSV files that have no header.
	Columns []string
	// Zone is the time zone of instants without an offset; nil means UTC.
	Zone *time.Location
	// DecimalComma makes the comma the decimal mark of the file's numbers.
	DecimalComma bool
	// Round allows decimals with more than four digits after the mark; they are
	// rounded half away from zero.
	Round bool
	// NotAfter makes records with a later event time bad records; zero means no
	// such bound.
	NotAfter time.Time
	// Quarantine takes bad records as JSON lines {file, line, column, name,
	// field, reason, record}; they are counted and the others go on. io.Discard
	// only counts. Nil means that the first bad record is an error.
	Quarantine io.Writer
	// Format overrides what is recognised.
	Format Format
	// TempDir is where Parquet from a stream waits until it is whole; "" means
	// the system's own. The file is readable by its owner only and is removed.
	TempDir string
	Limits  Limits
}

// policy is what an empty value of a field leads to.
type policy uint8

const (
	keepEmpty policy = iota
	refuseEmpty
	skipEmpty
)

// target is one field with the expression that fills it.
type target struct {
	field  *features.Field
	entry  string
	value  node // nil: always empty
	policy policy
	// event marks the field that NotAfter looks at.
	event bool

	column *frame.Column
	nulls  []bool
	texts  texts
	// skipped counts records left out because of this field.
	skipped int64
}

// plan is the compiled form of the options.
type plan struct {
	targets    []target
	conditions []condition
	// columns are those that expressions name, by slot.
	columns []string
	// chosen marks slots that a map entry or condition names, not only a field's own name.
	chosen []bool
}

// compile reads Map, Where and Null. header holds the first input's columns;
// nil when they are known record by record only.
func (o *Options) compile(header []string, cal *calendar) (*plan, error) {
	p := &plan{targets: make([]target, len(o.Table.Fields))}
	byName := map[string]*target{}
	for i := range o.Table.Fields {
		f := &o.Table.Fields[i]
		t := &p.targets[i]
		t.field, t.event = f, f.Name == o.Table.Event && !o.NotAfter.IsZero()
		if f.Required {
			t.policy = refuseEmpty
		}
		byName[f.Name] = t
	}
	if err := o.compileMap(p, byName, cal); err != nil {
		return nil, err
	}
	for _, text := range o.Where {
		s, err := newSyntax(text, 0, o.DecimalComma, cal)
		if err == nil {
			s.names = p.columns
			var all []condition
			if all, err = parseConditions(s); err == nil {
				p.conditions, p.columns = append(p.conditions, all...), s.names
			}
		}
		if err != nil {
			return nil, fmt.Errorf("where: %w", err)
		}
	}
	p.chosen = make([]bool, len(p.columns))
	for i := range p.chosen {
		p.chosen[i] = true
	}
	if err := o.compileOwnNames(p, header, cal); err != nil {
		return nil, err
	}
	for _, entry := range o.Null {
		if err := o.compileNull(entry, byName); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (o *Options) compileMap(p *plan, byName map[string]*target, cal *calendar) error {
	for _, entry := range o.Map {
		name, _, ok := strings.Cut(entry, "=")
		name = strings.TrimSpace(name)
		if !ok {
			return fmt.Errorf("map %q: expected field=expression", entry)
		}
		t := byName[name]
		if t == nil {
			return fmt.Errorf("map %q: table %s has no field %q; it has %s", entry, o.Table.Name, name, listed(fieldNames(&o.Table)))
		}
		if t.entry != "" {
			return fmt.Errorf("map %q: field %s is mapped twice, before by %q", entry, name, t.entry)
		}
		t.entry = entry
		s, err := newSyntax(entry, strings.IndexByte(entry, '=')+1, o.DecimalComma, cal)
		if err != nil {
			return fmt.Errorf("map: %w", err)
		}
		s.names = p.columns
		if t.value, err = parseExpression(s); err != nil {
			return fmt.Errorf("map: %w", err)
		}
		p.columns = s.names
		if why := fits(t.value.kind(), t.field.Kind); why != "" {
			return fmt.Errorf("map %q: %s, but %s needs one", entry, why, name)
		}
	}
	return nil
}

// compileOwnNames gives fields without an entry the column of their name.
func (o *Options) compileOwnNames(p *plan, header []string, cal *calendar) error {
	var lacking []string
	for i := range p.targets {
		t := &p.targets[i]
		if t.value != nil {
			continue
		}
		name := t.field.Name
		if header != nil && !slices.Contains(header, name) {
			if t.field.Required {
				lacking = append(lacking, name)
			}
			continue
		}
		slot := slices.Index(p.columns, name)
		if slot < 0 {
			slot = len(p.columns)
			p.columns, p.chosen = append(p.columns, name), append(p.chosen, false)
		}
		t.value = &columnNode{name: name, slot: slot, comma: o.DecimalComma, cal: cal}
	}
	if len(lacking) > 0 {
		return fmt.Errorf("table %s needs %s; map each to one of the columns %s: --map %s=COLUMN",
			o.Table.Name, strings.Join(lacking, ", "), listed(header), lacking[0])
	}
	if !slices.ContainsFunc(p.targets, func(t target) bool { return t.value != nil }) {
		return fmt.Errorf("table %s has no field that is one of the columns %s; map one: --map %s=COLUMN", o.Table.Name, listed(header), p.targets[0].field.Name)
	}
	return nil
}

func (o *Options) compileNull(entry string, byName map[string]*target) error {
	name, word, ok := strings.Cut(entry, "=")
	t := byName[strings.TrimSpace(name)]
	if !ok || t == nil {
		return fmt.Errorf("null %q: expected field=skip, field=refuse or field=keep with one of the fields %s", entry, listed(fieldNames(&o.Table)))
	}
	switch strings.TrimSpace(word) {
	case "skip":
		t.policy = skipEmpty
	case "refuse":
		t.policy = refuseEmpty
	case "keep":
		if t.field.Required {
			return fmt.Errorf("null %q: %s is required and cannot be kept empty", entry, t.field.Name)
		}
		t.policy = keepEmpty
	default:
		return fmt.Errorf("null %q: expected skip, refuse or keep behind the =", entry)
	}
	return nil
}

func fieldNames(s *features.TableSchema) []string {
	names := make([]string, len(s.Fields))
	for i := range s.Fields {
		names[i] = s.Fields[i].Name
	}
	return names
}

// validate checks what needs no file and sets defaults.
func (o *Options) validate() error {
	if len(o.Inputs) == 0 {
		return errors.New("no input was given")
	}
	if len(o.Table.Fields) == 0 {
		return errors.New("no table was given")
	}
	for i := range o.Table.Fields {
		if k := o.Table.Fields[i].Kind; k < frame.Number || k > frame.Time || k == frame.Category {
			return fmt.Errorf("field %s of table %s is of kind %s, which no file holds", o.Table.Fields[i].Name, o.Table.Name, k)
		}
	}
	switch o.Format {
	case "", CSV, TSV, JSONLines, Parquet:
	default:
		return fmt.Errorf("format %q is not known; there are csv, tsv, jsonl and parquet", o.Format)
	}
	if d := o.Delimiter; d == '"' || d == '\n' || d == '\r' || d >= 0x80 || d >= '0' && d <= '9' {
		return fmt.Errorf("delimiter %q cannot delimit fields", d)
	}
	if o.DecimalComma && o.Delimiter == ',' {
		return errors.New("the comma cannot be both the delimiter and the decimal mark (quoted numbers aside, declare another delimiter)")
	}
	return o.Limits.complete()
}

// nullTokens tells which texts mean an empty value.
type nullTokens struct {
	texts []string
	// lengths has bit n set when a token of n bytes exists (bit 63: 63 or more), so that most values
	// need no comparison.
	lengths uint64
}

func (o *Options) tokens() nullTokens {
	t := nullTokens{texts: o.NullTokens}
	for _, text := range t.texts {
		t.lengths |= 1 << min(len(text), 63)
	}
	return t
}

func (t *nullTokens) null(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if t.lengths&(1<<min(len(b), 63)) == 0 {
		return false
	}
	return slices.Contains(t.texts, string(b))
}
