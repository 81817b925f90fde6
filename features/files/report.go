package files

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// RowError is a record that cannot be taken, with the place where it stands.
type RowError struct {
	// File is the input's name.
	File string `json:"file"`
	// Line is the line of the fault, from 1; for Parquet the row, from 1.
	Line int64 `json:"line"`
	// Column counts the file's columns from 1; 0 when the whole record is meant
	// or, for JSON lines, where columns have names only.
	Column int `json:"column,omitempty"`
	// Name is the column's name in the file, "" when no single column is to blame.
	Name string `json:"name,omitempty"`
	// Field is the canonical field that was being filled, "" when it is none's fault.
	Field string `json:"field,omitempty"`
	// Value is the beginning of the value.
	Value string `json:"value,omitempty"`
	// Reason says what is wrong with it.
	Reason string `json:"reason"`
	// err is the cause, for errors.Is.
	err error
}

// Error gives file, line, column and reason in one line: orders.csv:17: column
// 5 "sold" for ordered_at: "2106-02-08" lies outside 1970 … 2105.
func (e *RowError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(":")
	if e.Column > 0 {
		fmt.Fprintf(&b, " column %d", e.Column)
	} else if e.Name != "" {
		b.WriteString(" column")
	}
	if e.Name != "" {
		fmt.Fprintf(&b, " %q", e.Name)
	}
	if e.Field != "" && e.Field != e.Name {
		fmt.Fprintf(&b, " for %s", e.Field)
	}
	if e.Column > 0 || e.Name != "" || e.Field != "" {
		b.WriteString(":")
	}
	if e.Value != "" {
		fmt.Fprintf(&b, " %q", e.Value)
	}
	b.WriteString(" " + e.Reason)
	return b.String()
}

// Unwrap returns the cause.
func (e *RowError) Unwrap() error { return e.err }

// Count is a reason with the number of records that it spoiled.
type Count struct {
	// Name is the column's name in the file, Field the canonical field; either may be "".
	Name   string `json:"name,omitempty"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
	Rows   int64  `json:"rows"`
}

// Mapped tells what fills a field.
type Mapped struct {
	Field string `json:"field"`
	// From is the expression; "" when the field stays empty. Whether a key of
	// JSON lines exists is known at the end of the input only.
	From string `json:"from"`
}

// Report is what a Reader saw so far. Records = Rows + Σ Skipped + Filtered +
// Quarantined.
type Report struct {
	Table string `json:"table"`
	// Files are the inputs whose reading began.
	Files []string `json:"files"`
	// Bytes counts what was read of the inputs, packed as they are.
	Bytes int64 `json:"bytes"`
	// Records counts the records of the files, without headers and empty lines.
	Records int64 `json:"records"`
	// Rows counts the rows that were handed on.
	Rows int64 `json:"rows"`
	// Skipped counts, by field, the records left out because the field is empty
	// and its policy is skip. They are skipped before conditions are looked at.
	Skipped map[string]int64 `json:"skipped"`
	// Filtered counts the records that a condition left out; FilteredUnknown are
	// those among them for which a value was empty, so that the condition was
	// neither true nor false.
	Filtered        int64 `json:"filtered"`
	FilteredUnknown int64 `json:"filtered_unknown"`
	// Quarantined counts bad records; Reasons groups them, most frequent first
	// (at most 100 groups), and Examples holds the first of them.
	Quarantined int64      `json:"quarantined"`
	Reasons     []Count    `json:"reasons"`
	Examples    []RowError `json:"examples"`
	// Mapping tells for each field of the table what fills it.
	Mapping []Mapped `json:"mapping"`
}

// maxReasons bounds the groups of bad records that are counted separately.
const maxReasons = 100

type reasonKey struct{ name, field, reason string }

// spoil counts a bad record and writes it to the quarantine.
func (r *Reader) spoil(e *RowError, record []byte) error {
	r.report.Quarantined++
	if len(r.report.Examples) < r.o.Limits.Examples {
		r.report.Examples = append(r.report.Examples, *e)
	}
	key := reasonKey{e.Name, e.Field, e.Reason}
	if _, known := r.reasons[key]; !known && len(r.reasons) >= maxReasons {
		key = reasonKey{reason: "other reasons"}
	}
	r.reasons[key]++
	line, err := json.Marshal(struct {
		*RowError
		Record string `json:"record"`
	}{e, printable(record)})
	if err != nil {
		return fmt.Errorf("write %s:%d to the quarantine: %w", e.File, e.Line, err)
	}
	if _, err := r.o.Quarantine.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write %s:%d to the quarantine: %w", e.File, e.Line, err)
	}
	return nil
}

// printable makes a record that is no text readable: bytes that are no UTF-8
// become \x.. and NUL \x00.
func printable(b []byte) string {
	if utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		c, size := utf8.DecodeRune(b)
		if c == utf8.RuneError && size <= 1 || c == 0 {
			fmt.Fprintf(&out, `\x%02x`, b[0])
			b = b[1:]
			continue
		}
		out.Write(b[:size])
		b = b[size:]
	}
	return out.String()
}

// Report returns what was seen so far. The result is the caller's own. It must
// not run at the same time as Next.
func (r *Reader) Report() Report {
	p := r.report
	p.Files = slices.Clone(p.Files)
	p.Bytes = r.read.Load()
	p.Examples = slices.Clone(p.Examples)
	p.Skipped = map[string]int64{}
	for i := range r.plan.targets {
		t := &r.plan.targets[i]
		if t.skipped > 0 {
			p.Skipped[t.field.Name] = t.skipped
		}
		from := ""
		if t.entry != "" {
			_, from, _ = strings.Cut(t.entry, "=")
		} else if c, ok := t.value.(*columnNode); ok && !r.absent[c.slot] {
			from = c.name
		}
		p.Mapping = append(p.Mapping, Mapped{t.field.Name, strings.TrimSpace(from)})
	}
	for key, rows := range r.reasons {
		p.Reasons = append(p.Reasons, Count{key.name, key.field, key.reason, rows})
	}
	slices.SortFunc(p.Reasons, func(a, b Count) int {
		if a.Rows != b.Rows {
			return int(max(-1, min(1, b.Rows-a.Rows)))
		}
		return strings.Compare(a.Name+a.Field+a.Reason, b.Name+b.Field+b.Reason)
	})
	return p
}
