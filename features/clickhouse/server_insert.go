package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"fealty/features/frame"
)

// insertRows is how many rows go into one block: enough to keep the wire busy,
// few enough that a block of wide rows stays in tens of megabytes.
const insertRows = 65_536

// identifier is what Insert takes as the name of a table or column; the names
// come from the schema and from the configuration, never from a request.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// insertStatement names table and columns. The table may carry its database.
func insertStatement(table string, columns []string) (string, error) {
	parts := strings.SplitN(table, ".", 2)
	quoted := make([]string, 0, len(columns))
	for _, part := range parts {
		if !identifier.MatchString(part) {
			return "", fmt.Errorf("%q is no name of a table", table)
		}
	}
	for _, name := range columns {
		if !identifier.MatchString(name) {
			return "", fmt.Errorf("%q is no name of a column", name)
		}
		quoted = append(quoted, "`"+name+"`")
	}
	return "INSERT INTO `" + strings.Join(parts, "`.`") + "` (" + strings.Join(quoted, ", ") + ")", nil
}

// Insert implements Engine.
func (s *server) Insert(ctx context.Context, table string, rows *frame.Table) error {
	wrap := func(err error) error { return fmt.Errorf("insert into %s: %w", table, err) }
	if err := rows.Check(); err != nil {
		return wrap(err)
	}
	if rows.Rows() == 0 {
		return nil
	}
	statement, err := insertStatement(table, rows.Names())
	if err != nil {
		return wrap(err)
	}
	// run may return before insert does, and the rows are the caller's again from then on.
	held := &lease{rows: rows}
	defer held.end()
	if err := s.run(ctx, func(ctx context.Context, settings driver.Settings) error {
		settings["async_insert"] = "0"
		settings["low_cardinality_allow_in_native_format"] = "0" // the server builds dictionaries faster than the driver
		return s.insert(driver.Context(ctx, driver.WithSettings(settings)), statement, held)
	}); err != nil {
		return wrap(err)
	}
	return nil
}

// lease is the right to read a caller's rows until the call ends.
type lease struct {
	mu    sync.Mutex
	rows  *frame.Table
	ended bool
}

// use calls read while the lease holds.
func (l *lease) use(read func(*frame.Table) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return context.Canceled
	}
	return read(l.rows)
}

func (l *lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

func (s *server) insert(ctx context.Context, statement string, held *lease) (err error) {
	batch, err := s.pool.PrepareBatch(ctx, statement) //nolint:clickhouselint // closed or aborted on every way out, which differ
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	columns := batch.Columns()
	writers := make([]*columnWriter, len(columns))
	total := 0
	if err := held.use(func(rows *frame.Table) error {
		total = rows.Rows()
		for i, c := range columns {
			if writers[i], err = newColumnWriter(rows.Column(c.Name()), string(c.Type())); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		// Nothing was sent: an empty insert ends cleanly and keeps the connection.
		return errors.Join(err, batch.Close())
	}
	defer func() {
		if err != nil && !batch.IsSent() {
			err = errors.Join(err, batch.Abort())
		}
	}()
	var buffer proto.Buffer
	for from := 0; from < total; from += insertRows {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		to := min(from+insertRows, total)
		buffer.Reset()
		if err := held.use(func(*frame.Table) error {
			for _, w := range writers {
				w.write(&buffer, from, to)
			}
			return nil
		}); err != nil {
			return err
		}
		if err := layOut(columns, buffer.Buf, to-from); err != nil {
			return err
		}
		if to < total {
			if err := batch.Flush(); err != nil {
				return fmt.Errorf("send rows %d … %d: %w", from, to-1, err)
			}
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// layOut gives the driver's columns the bytes of a block, as if they came off
// the wire. Append would take a decimal.Decimal or time.Time per value, many
// times slower for a table of order lines (BenchmarkInsert).
func layOut(columns []column.Interface, content []byte, rows int) error {
	reader := proto.NewReader(bytes.NewReader(content))
	for _, c := range columns {
		if err := c.Decode(reader, rows); err != nil {
			return fmt.Errorf("lay out column %q: %w", c.Name(), err)
		}
	}
	return nil
}
