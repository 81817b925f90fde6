package files

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// batchRows is the number of rows of a full batch, the most that features.Rows allows.
const batchRows = 65_536

// firstRows is for how many rows a batch has room at first: a file of a few
// lines should not cost what a file of millions does.
const firstRows = 256

// Reader streams the rows of its inputs. It implements features.Rows: each
// batch has every field of the table, in the order of the schema; fields that
// nothing fills are empty (null, or "" for texts that are not nullable).
// Columns without an empty value have no null marks. A Reader serves one
// goroutine, except Progress.
type Reader struct {
	o     Options
	plan  *plan
	cal   *calendar
	sum   hash.Hash
	read  atomic.Int64
	total int64

	next   int // the next input to open
	stream *stream
	source source
	begun  int64 // records before the current input

	record record
	// keyed tells that columns are known record by record; absent then marks the
	// slots whose column no record of the inputs so far had.
	keyed   bool
	absent  []bool
	table   frame.Table
	room    int // rows that the batch has room for
	report  Report
	reasons map[reasonKey]int64
	err     error // what Next answers from now on
	hash    string
}

var _ features.Rows = (*Reader)(nil)

// Open checks the options, opens the first input and reads its header. Errors
// name the option, the file, the line and the column. The Reader is closed by
// the caller.
func Open(ctx context.Context, o Options) (*Reader, error) {
	o.Map, o.Where, o.Null, o.Inputs = slices.Clone(o.Map), slices.Clone(o.Where), slices.Clone(o.Null), slices.Clone(o.Inputs)
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("read %s: %w", o.Table.Name, err)
	}
	r := &Reader{o: o, cal: newCalendar(o.Zone), sum: o.hash(), reasons: map[reasonKey]int64{}}
	r.report.Table = o.Table.Name
	for _, in := range o.Inputs {
		if in.Size <= 0 {
			r.total = 0
			break
		}
		r.total += in.Size
	}
	if err := r.openNext(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// openNext opens the next input and binds the columns.
func (r *Reader) openNext(ctx context.Context) error {
	in := r.o.Inputs[r.next]
	r.next++
	r.report.Files = append(r.report.Files, in.Name)
	r.begun = r.report.Records
	var err error
	if r.stream, err = r.openStream(ctx, in); err != nil {
		return fmt.Errorf("open %s: %w", in.Name, err)
	}
	keyed := r.stream.format == JSONLines
	if r.plan != nil && r.keyed != keyed {
		return fmt.Errorf("read %s: is %s, and %s is not; import files with and without a header separately", in.Name, r.stream.format, r.report.Files[0])
	}
	r.keyed = keyed
	if r.source, err = r.openSource(); err != nil {
		return r.placed(err)
	}
	if r.plan == nil {
		if r.plan, err = r.o.compile(r.source.columns(), r.cal); err != nil {
			return fmt.Errorf("read %s: %w", in.Name, err)
		}
		slots := len(r.plan.columns)
		r.record = record{cells: make([][]byte, slots), null: make([]bool, slots), point: make([]bool, slots)}
		r.absent = slices.Repeat([]bool{keyed}, slots)
		r.makeColumns()
	}
	clear(r.record.point)
	if err := r.source.bind(r.plan.columns); err != nil {
		return fmt.Errorf("read %s: %w", in.Name, err)
	}
	return nil
}

func (r *Reader) openSource() (source, error) {
	o := r.o
	if o.Delimiter == 0 {
		o.Delimiter = ','
		if r.stream.format == TSV {
			o.Delimiter = '\t'
		}
	}
	switch r.stream.format {
	case CSV, TSV:
		return newCSV(r.stream.text, &o)
	case JSONLines:
		return newJSONL(r.stream.text, &o), nil
	case Parquet:
		return openParquet(r.stream, &o)
	}
	return nil, fmt.Errorf("format %q is not known", r.stream.format)
}

// makeColumns prepares the batch. Fields that nothing fills have no column.
func (r *Reader) makeColumns() {
	r.table.Columns = make([]frame.Column, 0, len(r.plan.targets))
	for i := range r.plan.targets {
		t := &r.plan.targets[i]
		if t.value == nil {
			continue
		}
		r.table.Columns = append(r.table.Columns, frame.Column{Meta: frame.Meta{Name: t.field.Name}, Kind: t.field.Kind})
		t.column = &r.table.Columns[len(r.table.Columns)-1]
	}
	r.grow()
}

// grow makes room for more rows in the batch.
func (r *Reader) grow() {
	r.room = min(max(firstRows, 4*r.room), batchRows)
	for i := range r.plan.targets {
		t := &r.plan.targets[i]
		c := t.column
		if c == nil {
			continue
		}
		t.nulls = append(make([]bool, 0, r.room), t.nulls...)[:r.room]
		switch t.field.Kind {
		case frame.Text:
			c.Texts = append(make([]string, 0, r.room), c.Texts...)[:r.room]
		case frame.Number:
			c.Numbers = append(make([]float64, 0, r.room), c.Numbers...)[:r.room]
		default:
			c.Integers = append(make([]int64, 0, r.room), c.Integers...)[:r.room]
		}
	}
}

// setEmpty writes an empty value as the field's kind has it.
func (t *target) setEmpty(row int) {
	switch t.field.Kind {
	case frame.Text:
		t.column.Texts[row] = ""
		// A text that is neither required nor nullable reads as "", not as null.
		t.nulls[row] = t.field.Nullable || t.field.Required
	case frame.Number:
		t.column.Numbers[row] = math.NaN()
	default:
		t.column.Integers[row] = 0
		t.nulls[row] = true
	}
}

// Next returns the next batch. See features.Rows.
func (r *Reader) Next(ctx context.Context) (*frame.Table, error) {
	if r.err != nil {
		return nil, r.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, err := r.batch(ctx)
	if err != nil {
		r.err = err
	}
	return t, err
}

func (r *Reader) batch(ctx context.Context) (*frame.Table, error) {
	r.widen()
	n := 0
	for n < batchRows {
		if n == r.room {
			r.grow()
		}
		if r.source == nil {
			if r.next == len(r.o.Inputs) {
				break
			}
			if err := r.openNext(ctx); err != nil {
				return nil, err
			}
		}
		r.stream.tap.ctx = ctx //nolint:fatcontext // the reader below has no other way to learn of it
		err := r.source.next(ctx, &r.record)
		if errors.Is(err, io.EOF) {
			if err := r.endInput(); err != nil {
				return nil, err
			}
			continue
		}
		if err == nil || mendable(err) {
			r.report.Records++
			r.record.ordinal = r.report.Records
		}
		taken := false
		if err == nil {
			taken, err = r.take(n)
		}
		switch {
		case err != nil:
			if err := r.bad(err); err != nil {
				return nil, err
			}
		case taken:
			n++
		}
	}
	r.report.Rows += int64(n)
	if n == 0 {
		r.hash = hex.EncodeToString(r.sum.Sum(nil))
		return nil, io.EOF
	}
	r.narrow(n)
	return &r.table, nil
}

// take fills row n from the current record; taken is false if the record is
// left out. Errors are *place or *fault with the field.
func (r *Reader) take(n int) (taken bool, err error) {
	p, rec := r.plan, &r.record
	for i := range p.targets {
		t := &p.targets[i]
		if t.policy == skipEmpty && (t.value == nil || t.value.missing(rec)) {
			t.skipped++
			return false, nil
		}
	}
	for _, c := range p.conditions {
		t, err := c.holds(rec)
		if err != nil {
			return false, err
		}
		if t != yes {
			r.report.Filtered++
			if t == unknown {
				r.report.FilteredUnknown++
			}
			return false, nil
		}
	}
	for i := range p.targets {
		t := &p.targets[i]
		if t.value == nil {
			if t.policy == refuseEmpty {
				return false, &fieldFault{t, &fault{-1, nil, errEmpty}}
			}
			continue
		}
		if t.value.missing(rec) {
			if t.policy == refuseEmpty {
				return false, &fieldFault{t, &fault{slotOf(t.value), nil, errEmpty}}
			}
			t.setEmpty(n)
			continue
		}
		if err := r.fill(t, n); err != nil {
			return false, &fieldFault{t, err}
		}
	}
	return true, nil
}

var (
	errEmpty  = errors.New("is empty")
	errFuture = errors.New("lies after the newest instant that is accepted")
)

// fieldFault is a fault with the field that was being filled.
type fieldFault struct { //nolint:errname // a fault with its field, as fault is
	target *target
	err    error
}

func (f *fieldFault) Error() string { return f.err.Error() }
func (f *fieldFault) Unwrap() error { return f.err }

// fill writes the value of a target that is not empty.
func (r *Reader) fill(t *target, n int) error {
	rec := &r.record
	t.nulls[n] = false
	switch t.field.Kind { //nolint:exhaustive // the other kinds are numbers and share the rest
	case frame.Text:
		b, err := t.value.bytes(rec)
		if err != nil {
			return err
		}
		if len(b) > r.o.Limits.Field {
			return &fault{slotOf(t.value), b, fmt.Errorf("is longer than the limit of %d bytes", r.o.Limits.Field)}
		}
		if n > 0 && t.column.Texts[n-1] == string(b) {
			t.column.Texts[n] = t.column.Texts[n-1]
		} else {
			t.column.Texts[n] = t.texts.text(b)
		}
		return nil
	case frame.Time:
		v, err := t.value.instant(rec)
		if err != nil {
			return err
		}
		if t.event && v > r.o.NotAfter.Unix() {
			return &fault{slotOf(t.value), []byte(time.Unix(v, 0).UTC().Format(time.RFC3339)), errFuture}
		}
		t.column.Integers[n] = v
		return nil
	}
	v, err := t.value.number(rec)
	if err != nil {
		return err
	}
	switch t.field.Kind {
	case frame.Decimal:
		// A product has more digits by nature; a literal that has more is a surprise.
		_, product := t.value.(*productNode)
		t.column.Integers[n], err = v.decimal(r.o.Round || product)
	case frame.Integer:
		t.column.Integers[n], err = v.whole()
	default:
		t.column.Numbers[n], err = v.float()
	}
	if err != nil {
		return &fault{slotOf(t.value), r.shown(t.value), err}
	}
	return nil
}

// shown is the value of an expression for a message.
func (r *Reader) shown(n node) []byte {
	b, err := n.bytes(&r.record)
	if err != nil {
		return nil
	}
	return b
}

// bad turns the fault of a record into an error, or puts the record into quarantine.
func (r *Reader) bad(err error) error {
	e, mend := r.rowError(err)
	if !mend || r.o.Quarantine == nil {
		return e
	}
	var row *RowError
	if !errors.As(e, &row) {
		return e
	}
	var p *place
	record := []byte(nil)   //nolint:wastedassign // empty unless the case below fills it
	if errors.As(err, &p) { //nolint:modernize // the pointer is used below
		record = p.record
	} else {
		record = r.source.record()
	}
	return r.spoil(row, record)
}

func mendable(err error) bool {
	var p *place
	return errors.As(err, &p) && p.mendable
}

// rowError gives a fault its place. mend tells whether the stream can go on.
func (r *Reader) rowError(err error) (e error, mend bool) { //nolint:revive // the error is the answer, mend its footnote
	var p *place
	if errors.As(err, &p) { //nolint:modernize // as above
		return r.placed(p), p.mendable
	}
	var f *fault
	if !errors.As(err, &f) {
		return r.placed(err), false
	}
	at := &place{line: r.record.line, reason: f.reason}
	if f.slot >= 0 {
		r.source.where(f.slot, at)
	}
	row := &RowError{File: r.stream.input.Name, Line: at.line, Column: at.column, Name: at.name, Value: shorten(f.value), Reason: f.reason.Error(), err: f.reason}
	var field *fieldFault
	if errors.As(err, &field) { //nolint:modernize // as above
		row.Field = field.target.field.Name
	}
	return row, true
}

// placed adds the input's name to what a source says.
func (r *Reader) placed(err error) error {
	name := r.stream.input.Name
	var p *place
	if !errors.As(err, &p) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if errors.Is(p.reason, context.Canceled) || errors.Is(p.reason, context.DeadlineExceeded) {
		return fmt.Errorf("read %s: %w", name, p.reason)
	}
	return &RowError{File: name, Line: p.line, Column: p.column, Name: p.name, Value: shorten(p.value), Reason: p.reason.Error(), err: p.reason}
}

// endInput closes an input that was read to its end.
func (r *Reader) endInput() error {
	name := r.stream.input.Name
	if err := r.stream.drain(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if r.report.Records == r.begun {
		reason := errNoRecord
		if !r.keyed {
			reason = errNoRow
		}
		return &RowError{File: name, Line: 1, Reason: reason.Error(), err: reason}
	}
	if j, ok := r.source.(*jsonSource); ok {
		if err := j.lacking(r.plan.chosen); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		for slot := range r.absent {
			r.absent[slot] = r.absent[slot] && !j.found(slot)
		}
	}
	r.stream.tap.end()
	if err := r.closeInput(); err != nil {
		return fmt.Errorf("close %s: %w", name, err)
	}
	return nil
}

var (
	errNoRecord = errors.New("has no record")
	errNoRow    = errors.New("has a header and no record")
)

func (r *Reader) closeInput() error {
	var err error
	if r.source != nil {
		err = r.source.close()
		r.source = nil
	}
	if r.stream != nil {
		err = errors.Join(err, r.stream.close())
		r.stream = nil
	}
	return err
}

// widen gives the columns back their full length.
func (r *Reader) widen() {
	for i := range r.plan.targets {
		c := r.plan.targets[i].column
		if c == nil {
			continue
		}
		switch c.Kind {
		case frame.Text:
			c.Texts = c.Texts[:r.room]
		case frame.Number:
			c.Numbers = c.Numbers[:r.room]
		default:
			c.Integers = c.Integers[:r.room]
		}
	}
}

// narrow cuts the columns to n rows.
func (r *Reader) narrow(n int) {
	for i := range r.plan.targets {
		t := &r.plan.targets[i]
		c := t.column
		if c == nil {
			continue
		}
		c.Null = nil
		switch c.Kind {
		case frame.Text:
			c.Texts = c.Texts[:n]
		case frame.Number:
			c.Numbers = c.Numbers[:n]
			continue // NaN is the mark
		default:
			c.Integers = c.Integers[:n]
		}
		if slices.Contains(t.nulls[:n], true) {
			c.Null = t.nulls[:n]
		}
	}
}

// Progress returns the bytes read so far, as the inputs are packed, and how many
// there are in all, 0 when unknown. It may be called at any time.
func (r *Reader) Progress() (read, total int64) { return r.read.Load(), r.total }

// ContentHash identifies what was read: SHA-256 over the bytes of the inputs and
// the options that give them meaning, in hexadecimal. It is "" before Next has
// returned io.EOF. Names and limits do not count, so a renamed file is known
// again.
func (r *Reader) ContentHash() string { return r.hash }

// ContentHash reads the inputs to their ends without looking at records and
// returns what Reader.ContentHash would.
func ContentHash(ctx context.Context, o Options) (string, error) {
	sum := o.hash()
	var read atomic.Int64
	for _, in := range o.Inputs {
		if in.Open == nil {
			return "", fmt.Errorf("hash %s: it has no open function", in.Name)
		}
		file, err := in.Open()
		if err != nil {
			return "", fmt.Errorf("hash %s: %w", in.Name, err)
		}
		bytes := &tap{ctx: ctx, from: file, sum: sum, read: &read}
		_, err = io.Copy(io.Discard, bytes)
		if err := errors.Join(err, file.Close()); err != nil {
			return "", fmt.Errorf("hash %s: %w", in.Name, err)
		}
		bytes.end()
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hash begins the content hash with the options that change rows. Every part
// carries its length, so that parts cannot run into each other.
func (o *Options) hash() hash.Hash {
	sum := sha256.New()
	part := func(text string) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		_, _ = sum.Write(length[:]) // a hash never fails
		_, _ = io.WriteString(sum, text)
	}
	list := func(name string, texts []string, sorted bool) {
		texts = slices.Clone(texts)
		for i := range texts {
			texts[i] = strings.TrimSpace(texts[i])
		}
		if sorted {
			slices.Sort(texts)
		}
		part(name + strconv.Itoa(len(texts)))
		for _, text := range texts {
			part(text)
		}
	}
	zone := "UTC"
	if o.Zone != nil {
		zone = o.Zone.String()
	}
	delimiter := o.Delimiter
	if delimiter == ',' {
		delimiter = 0 // the default
	}
	part("fealty rows 1")
	part(o.Table.Name)
	list("map", o.Map, true)
	list("where", o.Where, true)
	list("null", o.Null, true)
	part("tokens" + strconv.Itoa(len(o.NullTokens)))
	for _, token := range o.NullTokens {
		part(token)
	}
	list("columns", o.Columns, false)
	part(fmt.Sprintf("%d %t %t %t %s %s", delimiter, o.NoQuotes, o.DecimalComma, o.Round, o.Format, zone))
	return sum
}

// Close releases the current input. Next must not be called afterwards.
func (r *Reader) Close() error {
	if r.err == nil {
		r.err = errors.New("the reader is closed")
	}
	if err := r.closeInput(); err != nil {
		return fmt.Errorf("close input: %w", err)
	}
	return nil
}
