package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"fealty/features/frame"
)

// Insert implements Engine.
func (s *server) Insert(ctx context.Context, table string, rows *frame.Table) error {
	return s.InsertAll(ctx, table, once(rows))
}

// InsertAll implements Engine.
func (s *server) InsertAll(ctx context.Context, table string, next func() (*frame.Table, error)) error {
	return told("insert into "+table, insertAll(ctx, s, table, next))
}

// serialization follows a column's type on the wire: it is not a special one.
var serialization = []byte{0}

// typeMark implements insertEngine.
func (*server) typeMark() []byte { return serialization }

// statement implements insertEngine. It has a wire of its own, because
// clickhouse-go takes a table of order lines value by value, or lays its bytes out
// once more: 2.7 s of processor time for 10 million lines.
func (s *server) statement(ctx context.Context, _, sql string, _ []string, do func(context.Context, insertTarget) error) error {
	return s.withWire(ctx, func(w *wire, limit time.Duration) (begun bool, err error) {
		settings := s.settings(limit)
		settings["async_insert"] = "0"
		settings["low_cardinality_allow_in_native_format"] = "0" // the server builds dictionaries faster
		w.patient.wait(0)                                        // nothing is heard while a part is sorted and written
		defer w.patient.wait(s.options.silence)
		err = w.insert(sql+" FORMAT "+nativeFormat, settings, func(t insertTarget) error {
			begun = true
			return do(ctx, t)
		})
		return begun, err
	})
}

// insert begins an INSERT and calls do with it. After an error that is neither an
// Exception nor of a target that was given up before anything was sent the wire must be closed.
func (w *wire) insert(sql string, settings map[string]string, do func(insertTarget) error) error {
	w.finished = false
	defer w.settle(false)
	if err := w.send(sql, settings, nil); err != nil {
		return err
	}
	t := &wireInsert{wire: w}
	if err := w.answer(&t.header, func(int) (bool, error) { return true, nil }); err != nil {
		return err
	}
	if w.finished {
		return errors.New("the server ends the statement before it takes rows")
	}
	err := do(t)
	if t.sent > 0 && err != nil {
		w.finished = false // it may still be reading rows
	}
	if t.sent == 0 && errors.Is(err, errGivenUp) {
		return errors.Join(err, t.end()) // an empty insert ends cleanly and keeps the connection
	}
	return err
}

// insertHeader is the empty block with which a server says what it expects.
type insertHeader struct{ texts []string }

// DecodeResult implements proto.Result.
func (h *insertHeader) DecodeResult(r *proto.Reader, _ int, b proto.Block) error {
	for range b.Columns {
		name, err := r.Str()
		if err != nil {
			return fmt.Errorf("read a column's name: %w", err)
		}
		text, err := r.Str()
		if err != nil {
			return fmt.Errorf("read the type of column %q: %w", name, err)
		}
		if special, err := r.Bool(); err != nil || special {
			return errors.Join(fmt.Errorf("read the type of column %q: the server wants a special serialization", name), err)
		}
		h.texts = append(h.texts, text)
	}
	return nil
}

// wireInsert is an INSERT that waits for blocks.
type wireInsert struct {
	wire   *wire
	header insertHeader
	buffer proto.Buffer
	sent   int
}

func (t *wireInsert) types() []string { return t.header.texts }

func (t *wireInsert) send(content []byte, rows int) error {
	from := t.sent
	t.sent += rows
	t.buffer.Reset()
	if err := t.wire.write(&t.buffer, content); err != nil {
		return fmt.Errorf("send rows %d … %d: %w", from, t.sent-1, err)
	}
	return nil
}

// end says that no more blocks follow, and hears what became of them.
func (t *wireInsert) end() error {
	t.buffer.Reset()
	if err := t.wire.write(&t.buffer, emptyBlock); err != nil {
		return fmt.Errorf("end: %w", err)
	}
	t.wire.settle(true)
	return t.wire.answer(new(blockReader), func(int) (bool, error) { return false, nil })
}
