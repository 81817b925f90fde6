package featurestest

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
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// mostRows is the most rows of a batch, as features.Rows promises.
const mostRows = 65_536

// Rows runs the suite of features.Rows. open begins a stream of rows of the
// schema, always the same ones, more than one batch of them; the suite closes
// it. It returns what the rows hold, by which streams of different makes can be
// compared: equal when all rows are, in the same order.
func Rows(t *testing.T, schema *features.TableSchema, open func(t *testing.T) features.Rows) (digest string) {
	t.Run("batches", func(t *testing.T) {
		first := digestOf(t, schema, open(t))
		if again := digestOf(t, schema, open(t)); again != first {
			t.Error("a second stream of the same has other rows")
		}
		digest = first
	})
	t.Run("ended before it begins", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := open(t)
		defer closeTwice(t, r)
		if batch, err := r.Next(ctx); !errors.Is(err, context.Canceled) || batch != nil {
			t.Errorf("Next with a context that has ended: %v, error %v; want context.Canceled alone", batch != nil, err)
		}
	})
	t.Run("ended between batches", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := open(t)
		defer closeTwice(t, r)
		if _, err := r.Next(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		if batch, err := r.Next(ctx); !errors.Is(err, context.Canceled) || batch != nil {
			t.Errorf("Next after the context's end: %v, error %v; want context.Canceled alone", batch != nil, err)
		}
	})
	t.Run("out of time", func(t *testing.T) {
		ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
		defer cancel()
		r := open(t)
		defer closeTwice(t, r)
		if _, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Next after its deadline: error %v", err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		unread, begun := open(t), open(t)
		closeTwice(t, unread)
		if _, err := begun.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		closeTwice(t, begun)
		for _, r := range []features.Rows{unread, begun} {
			if batch, err := r.Next(t.Context()); err == nil || batch != nil || errors.Is(err, io.EOF) {
				t.Errorf("Next after Close: %v, error %v; a stream that was broken off has not come to its end", batch != nil, err)
			}
		}
	})
	return digest
}

// closeTwice closes; once more is no error.
func closeTwice(t *testing.T, r features.Rows) {
	t.Helper()
	for range 2 {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// digestOf reads a stream to its end, checks every batch and returns the hash
// of its rows.
func digestOf(t *testing.T, schema *features.TableSchema, r features.Rows) string {
	t.Helper()
	defer closeTwice(t, r)
	sum, batches, rows := sha256.New(), 0, 0
	for {
		batch, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			if batch != nil || err != io.EOF { //nolint:errorlint // the promise is io.EOF itself
				t.Errorf("after the last batch: %v, error %v; want io.EOF alone", batch != nil, err)
			}
			break
		}
		if err != nil {
			t.Fatalf("after %d rows: %v", rows, err)
		}
		checkBatch(t, schema, batch)
		hashBatch(sum, schema, batch)
		batches++
		rows += batch.Rows()
	}
	if _, err := r.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v, want io.EOF again", err)
	}
	if batches < 2 {
		t.Fatalf("%d rows in %d batch(es): the suite needs a stream of several", rows, batches)
	}
	return fmt.Sprintf("%d rows %s", rows, hex.EncodeToString(sum.Sum(nil)))
}

// checkBatch holds a batch against what features.Rows and the schema promise.
func checkBatch(t *testing.T, schema *features.TableSchema, batch *frame.Table) {
	t.Helper()
	if err := batch.Check(); err != nil {
		t.Fatal(err)
	}
	n := batch.Rows()
	if n == 0 || n > mostRows {
		t.Fatalf("a batch of %d rows, want 1 … %d", n, mostRows)
	}
	at := 0
	for i := range schema.Fields {
		f := &schema.Fields[i]
		if at == len(batch.Columns) || batch.Columns[at].Name != f.Name {
			if f.Required {
				t.Fatalf("columns %v: %s is required, or is not in the order of the fields", batch.Names(), f.Name)
			}
			continue
		}
		c := &batch.Columns[at]
		if at++; c.Kind != f.Kind {
			t.Fatalf("column %q is %s, want %s", c.Name, c.Kind, f.Kind)
		}
		for row := range n {
			null := c.IsNull(row)
			if null && f.Required {
				t.Fatalf("row %d: %s is required and missing", row, f.Name)
			}
			if f.Kind != frame.Text {
				continue
			}
			if null && !f.Nullable {
				t.Fatalf("row %d: %s is null; a text that is not nullable is empty instead", row, f.Name)
			}
			if f.Required && c.Texts[row] == "" {
				t.Fatalf("row %d: %s is required and empty", row, f.Name)
			}
		}
	}
	if at < len(batch.Columns) {
		t.Fatalf("columns %v: %s is no field of %s, or stands in another order", batch.Names(), batch.Columns[at].Name, schema.Name)
	}
}

// hashBatch adds the rows to the hash, whatever the batches' sizes are.
func hashBatch(sum hash.Hash, schema *features.TableSchema, batch *frame.Table) {
	var b []byte
	for row := range batch.Rows() {
		b = b[:0]
		for i := range schema.Fields {
			f := &schema.Fields[i]
			c := batch.Column(f.Name)
			switch {
			case c == nil && f.Kind == frame.Text && !f.Nullable:
				b = append(b, 't', 0) // as a text of no bytes
			case c == nil, c.IsNull(row):
				b = append(b, 'n')
			case c.Kind == frame.Text:
				b = append(binary.AppendUvarint(append(b, 't'), uint64(len(c.Texts[row]))), c.Texts[row]...)
			case c.Kind == frame.Number:
				b = binary.LittleEndian.AppendUint64(append(b, 'f'), math.Float64bits(c.Numbers[row]))
			default:
				b = binary.AppendVarint(append(b, 'i'), c.Integers[row])
			}
		}
		_, _ = sum.Write(b) // a hash never fails
	}
}
