package clickhouse

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"fealty/features/frame"
)

// counted is an engine that counts statements and the rows of each.
type counted struct {
	rows  []int
	ended int
	// refuse is what the first block is refused with, if anything.
	refuse error
}

func (*counted) typeMark() []byte { return nil }

func (c *counted) statement(ctx context.Context, _, _ string, _ []string, do func(context.Context, insertTarget) error) error {
	c.rows = append(c.rows, 0)
	return do(ctx, c)
}

func (*counted) types() []string { return []string{"Int64"} }

func (c *counted) send(_ []byte, rows int) error {
	c.rows[len(c.rows)-1] += rows
	return c.refuse
}

func (c *counted) end() error {
	c.ended++
	return nil
}

// blocks hands out n blocks of full size, each after the wait.
func blocks(n int, wait time.Duration) func() (*frame.Table, error) {
	t := &frame.Table{Columns: []frame.Column{{Meta: frame.Meta{Name: "x"}, Kind: frame.Integer, Integers: make([]int64, insertRows)}}}
	return func() (*frame.Table, error) {
		time.Sleep(wait)
		if n--; n < 0 {
			return nil, io.EOF
		}
		return t, nil
	}
}

// Statements grow until one makes a part as large as the engine's own reader
// does; one whose blocks don't come is not held open.
func TestInsertStatements(t *testing.T) {
	for name, c := range map[string]struct {
		blocks     int
		wait       time.Duration
		patience   time.Duration
		statements []int
	}{
		"growing": {blocks: 40, patience: time.Minute, statements: []int{2, 4, 8, 16, 10}},
		"exact":   {blocks: 6, patience: time.Minute, statements: []int{2, 4}},
		"slow":    {blocks: 3, wait: 100 * time.Millisecond, patience: 5 * time.Millisecond, statements: []int{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func(before time.Duration) { insertPatience = before }(insertPatience)
			insertPatience = c.patience
			e := &counted{}
			if err := insertAll(t.Context(), e, "t", blocks(c.blocks, c.wait)); err != nil {
				t.Fatal(err)
			}
			for i, n := range c.statements {
				if i >= len(e.rows) || e.rows[i] != n*insertRows {
					t.Fatalf("rows of the statements: %v, want %v blocks of %d", e.rows, c.statements, insertRows)
				}
			}
			if len(e.rows) != len(c.statements) || e.ended != len(e.rows) {
				t.Errorf("%d statements of which %d ended, want %d", len(e.rows), e.ended, len(c.statements))
			}
		})
	}
}

// Blocks without end stop when the engine refuses one, or ctx ends.
func TestInsertEndsEarly(t *testing.T) {
	const endless = 1 << 40
	refused := errors.New("disk full")
	e := &counted{refuse: refused}
	if err := insertAll(t.Context(), e, "t", blocks(endless, 0)); !errors.Is(err, refused) || e.ended != 0 {
		t.Errorf("refused with %v after %d ends, want %v and none", err, e.ended, refused)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := insertAll(ctx, &counted{}, "t", blocks(endless, 0)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after its deadline the insert ended with %v", err)
	}
}
