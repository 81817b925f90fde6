package synthetic

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"fealty/features/frame"
)

// WriteCSV writes the town into a folder, which it creates: one CSV file per
// table, named as the table, and one per stream of [Town.Truths] with the
// hidden truth. It returns the paths in the order of [Town.Tables], the truth
// last. Times are RFC 3339 in UTC; a missing value is empty. Files appear whole
// or not at all and replace those of an earlier town.
func (t *Town) WriteCSV(ctx context.Context, dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("write the town: %w", err)
	}
	var paths []string
	for _, table := range append(t.Tables(), t.Truths()...) {
		path := filepath.Join(dir, table+".csv")
		if err := t.writeFile(ctx, table, path); err != nil {
			return paths, fmt.Errorf("write table %q of the town: %w", table, err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// writeFile writes one table beside its place and moves it there.
func (t *Town) writeFile(ctx context.Context, table, path string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+table+"-*.csv")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	buffer := bufio.NewWriterSize(file, 1<<18)
	if err = t.WriteTable(ctx, table, buffer); err == nil {
		err = buffer.Flush()
	}
	if err = errors.Join(err, file.Close()); err != nil { //nolint:gocritic // the deferred removal looks at this err
		return err
	}
	return os.Rename(file.Name(), path)
}

// WriteTable writes one table, or one of [Town.Truths], as CSV with a header
// line.
func (t *Town) WriteTable(ctx context.Context, table string, to io.Writer) (err error) {
	rows, err := t.Rows(table)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	w := csv.NewWriter(to)
	var fields []string
	for {
		batch, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			w.Flush()
			return w.Error()
		}
		if err != nil {
			return err
		}
		if fields == nil {
			if err := w.Write(batch.Names()); err != nil {
				return err
			}
			fields = make([]string, len(batch.Columns))
		}
		for row := range batch.Rows() {
			for i := range batch.Columns {
				fields[i] = format(&batch.Columns[i], row)
			}
			if err := w.Write(fields); err != nil {
				return err
			}
		}
	}
}

// format writes one value for a CSV file.
func format(c *frame.Column, row int) string {
	if c.IsNull(row) {
		return ""
	}
	switch c.Kind {
	case frame.Text:
		return c.Texts[row]
	case frame.Integer:
		return strconv.FormatInt(c.Integers[row], 10)
	case frame.Decimal:
		return formatDecimal(c.Integers[row])
	case frame.Time:
		return time.Unix(c.Integers[row], 0).UTC().Format(time.RFC3339)
	case frame.Number:
		return strconv.FormatFloat(c.Numbers[row], 'g', -1, 64)
	case frame.Category:
		return c.Levels[c.Codes[row]]
	}
	panic("synthetic: column " + c.Name + " has no kind")
}

// formatDecimal writes ten-thousandths without zeros at the end.
func formatDecimal(v int64) string {
	var b []byte
	if v < 0 {
		b, v = append(b, '-'), -v
	}
	b = strconv.AppendInt(b, v/frame.DecimalScale, 10)
	if rest := v % frame.DecimalScale; rest != 0 {
		b = appendPadded(append(b, '.'), rest, 4)
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return string(b)
}
