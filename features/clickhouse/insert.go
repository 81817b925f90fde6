package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"fealty/features/frame"
)

const (
	// insertRows is how many rows go into one block: enough to keep the wire busy,
	// few enough that a block of wide rows stays in tens of megabytes.
	insertRows = 65_536
	// statementRows end a statement: as many as the engine's own reader puts into a
	// part, because merging smaller ones costs it more than all else. The first
	// statement has firstRows, and each one twice as many, so that the engine sorts
	// and writes before a million rows are there.
	statementRows = 16 * insertRows
	firstRows     = 2 * insertRows
	// statementTime ends one that takes longer, so that a slow source doesn't meet
	// the time limit of a statement.
	statementTime = 20 * time.Second
	// blocksAhead may wait encoded while the engine sorts and writes a part. Once a
	// block has more than blockBytes, those after it have fewer rows.
	blocksAhead = statementRows / insertRows
	blockBytes  = 16 << 20
)

// nativeFormat is ClickHouse's columnar format, which blockReader and
// columnWriter speak.
const nativeFormat = "Native"

// insertPatience ends a statement whose next block does not come, long before a
// server gives up waiting for it. Tests make it small.
var insertPatience = 5 * time.Second

// errGivenUp ends an insert whose blocks ended in an error.
var errGivenUp = errors.New("the insert was given up")

// identifier is what an insert takes as the name of a table or column; the names
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

// insertTarget is one INSERT statement that an engine has begun.
type insertTarget interface {
	// types are those of the statement's columns, in its order.
	types() []string
	// send hands on the bytes of a block, in the format of the engine.
	send(content []byte, rows int) error
	// end completes the statement.
	end() error
}

// insertEngine is what inserting needs of an engine.
type insertEngine interface {
	// typeMark is what follows the type of a column in a block of this engine.
	typeMark() []byte
	// statement begins an INSERT and calls do with it. An error from do undoes what
	// can be undone and keeps the connection where nothing was sent.
	statement(ctx context.Context, table, sql string, columns []string, do func(context.Context, insertTarget) error) error
}

// block is an encoded block.
type block struct {
	proto.Buffer
	rows int
}

// insertion carries blocks from the caller, whose goroutine checks and encodes
// them, to another one, which sends them. Only the caller's reads its rows.
type insertion struct {
	table   string
	columns []string
	sql     string
	// types come once, when the first statement has begun.
	types chan []string
	full  chan *block
	free  chan *block
	// givenUp is set before full is closed.
	givenUp bool
	// ended is closed when nothing is sent any more, for the reason failed.
	ended  chan struct{}
	failed error
}

// insertAll inserts blocks by an engine. Errors of next come back as they are.
func insertAll(ctx context.Context, e insertEngine, table string, next func() (*frame.Table, error)) error {
	rows, err := take(next)
	for rows != nil && err == nil {
		rows, err = insertAlike(ctx, e, table, rows, next)
	}
	return err
}

// take returns the next block, nil when there is none.
func take(next func() (*frame.Table, error)) (*frame.Table, error) {
	rows, err := next()
	if errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // no block is no error
	}
	if err != nil {
		return nil, &callerError{err}
	}
	return rows, nil
}

// insertAlike inserts blocks as long as they have the columns of the first, and
// returns the block that has others, nil after the last.
func insertAlike(ctx context.Context, e insertEngine, table string, first *frame.Table, next func() (*frame.Table, error)) (other *frame.Table, err error) {
	i := &insertion{
		table: table, columns: first.Names(), types: make(chan []string, 1),
		full: make(chan *block, blocksAhead+1), free: make(chan *block, blocksAhead+1), ended: make(chan struct{}),
	}
	for range cap(i.free) {
		i.free <- new(block)
	}
	if i.sql, err = insertStatement(table, i.columns); err != nil {
		return nil, err
	}
	go func() {
		defer close(i.ended)
		i.failed = i.send(ctx, e)
	}()
	other, err = i.encode(ctx, first, next, e.typeMark())
	i.givenUp = err != nil
	close(i.full)
	<-i.ended
	if i.failed != nil && !errors.Is(i.failed, errGivenUp) {
		err = i.failed
	}
	return other, err
}

// encode checks blocks against the table's types and encodes them, up to the
// first with other columns, which it returns.
func (i *insertion) encode(ctx context.Context, rows *frame.Table, next func() (*frame.Table, error), mark []byte) (*frame.Table, error) {
	writers := make([]*columnWriter, len(i.columns))
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-i.ended:
		return nil, nil //nolint:nilnil // failed says why
	case types := <-i.types:
		for k, text := range types {
			w, err := newColumnWriter(i.columns[k], text)
			if err != nil {
				return nil, err
			}
			writers[k] = w
		}
	}
	most := insertRows
	for {
		if err := rows.Check(); err != nil {
			return nil, err
		}
		for k, w := range writers {
			if err := w.take(&rows.Columns[k]); err != nil {
				return nil, err
			}
		}
		for from := 0; from < rows.Rows(); {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-i.ended:
				return nil, nil //nolint:nilnil // failed says why
			case b := <-i.free:
				b.Reset()
				b.rows = min(most, rows.Rows()-from)
				writeBlock(&b.Buffer, writers, from, from+b.rows, mark)
				from += b.rows
				if size := len(b.Buf); size > blockBytes {
					most = max(1, min(most, b.rows*blockBytes/size))
				}
				i.full <- b // as many fit as there are
			}
		}
		var err error
		if rows, err = take(next); rows == nil || err != nil || !slices.Equal(rows.Names(), i.columns) {
			return rows, err
		}
	}
}

// writeBlock appends rows [from, to) as one block of the Native format. A
// dictionary goes as plain texts: the engine builds it faster.
func writeBlock(b *proto.Buffer, writers []*columnWriter, from, to int, mark []byte) {
	b.PutInt(len(writers))
	b.PutInt(to - from)
	for _, w := range writers {
		b.PutString(w.name)
		b.PutString(w.plainType())
		b.PutRaw(mark)
		w.write(b, from, to)
	}
}

// plainType is the column's type without LowCardinality.
func (t *columnType) plainType() string {
	if !t.dictionary {
		return t.text
	}
	return strings.TrimSuffix(strings.TrimPrefix(t.text, "LowCardinality("), ")")
}

// send sends the blocks in statements; one that waits for more than
// insertPatience is ended, and another begun when a block comes.
func (i *insertion) send(ctx context.Context, e insertEngine) error {
	var types []string
	var waiting *block
	for most := firstRows; ; most = min(2*most, statementRows) {
		if types != nil {
			var more bool
			select {
			case waiting, more = <-i.full:
				if !more {
					return i.verdict()
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		last := false
		err := e.statement(ctx, i.table, i.sql, i.columns, func(ctx context.Context, t insertTarget) error {
			if types == nil {
				types = t.types()
				i.types <- types
			} else if !slices.Equal(types, t.types()) {
				return fmt.Errorf("the table's columns were %v and are %v now", types, t.types())
			}
			var err error
			last, err = i.fill(ctx, t, waiting, most)
			return err
		})
		if err != nil || last {
			return err
		}
	}
}

func (i *insertion) verdict() error {
	if i.givenUp {
		return errGivenUp
	}
	return nil
}

// fill sends blocks, the waiting one first, until the statement has as many rows
// as it may, and reports whether there are no more.
func (i *insertion) fill(ctx context.Context, t insertTarget, waiting *block, most int) (last bool, err error) {
	patience := time.NewTimer(insertPatience)
	defer patience.Stop()
	began := time.Now()
	for rows := 0; rows < most && time.Since(began) < statementTime; {
		b := waiting
		if waiting = nil; b == nil {
			patience.Reset(insertPatience)
			var more bool
			select {
			case <-ctx.Done():
				return false, ctx.Err()
			case <-patience.C:
				return false, t.end()
			case b, more = <-i.full:
			}
			if !more {
				if err := i.verdict(); err != nil {
					return true, err
				}
				return true, t.end()
			}
		}
		if err := t.send(b.Buf, b.rows); err != nil {
			return false, err
		}
		rows += b.rows
		i.free <- b
	}
	return false, t.end()
}

// once hands out one table, if it has rows.
func once(rows *frame.Table) func() (*frame.Table, error) {
	given := rows.Rows() == 0
	return func() (*frame.Table, error) {
		if given {
			return nil, io.EOF
		}
		given = true
		return rows, nil
	}
}
