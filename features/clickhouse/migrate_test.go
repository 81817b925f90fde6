package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/frame"
)

// opened opens an embedded warehouse on a directory that the test may open
// again.
func opened(t testing.TB, dir string) clickhouse.Warehouse {
	t.Helper()
	launch.Library(t) // skips, or fails in CI
	e, err := clickhouse.Open(context.Background(), "chdb://"+dir, clickhouse.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeEngine(t, e) })
	return clickhouse.Warehouse{Engine: e}
}

func closeEngine(t testing.TB, e clickhouse.Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// migrated is an embedded warehouse with its tables.
func migrated(t testing.TB) clickhouse.Warehouse {
	t.Helper()
	w := opened(t, t.TempDir())
	if err := w.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// answer returns the rows of a query as texts, columns separated by spaces.
func answer(t testing.TB, e clickhouse.Engine, sql string) []string {
	t.Helper()
	var rows []string
	err := e.Query(t.Context(), sql, nil, func(table *frame.Table) error {
		for i := range table.Rows() {
			cells := make([]string, 0, len(table.Columns))
			for c := range table.Columns {
				cells = append(cells, cell(&table.Columns[c], i))
			}
			rows = append(rows, strings.Join(cells, " "))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows
}

func cell(c *frame.Column, i int) string {
	switch {
	case c.IsNull(i):
		return "∅"
	case c.Kind == frame.Text:
		return c.Texts[i]
	case c.Kind == frame.Integer:
		return fmt.Sprint(c.Integers[i])
	case c.Kind == frame.Time:
		return frame.Cutoff(c.Integers[i]).Time().Format("2006-01-02T15:04:05")
	}
	return fmt.Sprint(c.Float(i))
}

// errCut stands for a process that was killed.
var errCut = errors.New("cut off")

// cutting is an engine whose process dies at its statement number at, before
// the statement or just after it; 0 is never.
type cutting struct {
	clickhouse.Engine
	at, count int
	after     bool
}

func (c *cutting) step(do func() error) error {
	c.count++
	if c.count < c.at || c.at == 0 {
		return do()
	}
	if c.count == c.at && c.after {
		if err := do(); err != nil {
			return err
		}
	}
	return errCut
}

func (c *cutting) Exec(ctx context.Context, sql string, p clickhouse.Params) error {
	return c.step(func() error { return c.Engine.Exec(ctx, sql, p) })
}

func (c *cutting) Query(ctx context.Context, sql string, p clickhouse.Params, each func(*frame.Table) error) error {
	return c.step(func() error { return c.Engine.Query(ctx, sql, p, each) })
}

func (c *cutting) Insert(ctx context.Context, table string, rows *frame.Table) error {
	return c.step(func() error { return c.Engine.Insert(ctx, table, rows) })
}

// stumbling is an engine whose process dies just after the first statement that
// none before it ran.
type stumbling struct {
	clickhouse.Engine
	ran map[string]bool
}

func (s *stumbling) step(sql string, p clickhouse.Params, do func() error) error {
	name := fmt.Sprint(sql, p)
	if err := do(); err != nil || s.ran[name] {
		return err
	}
	s.ran[name] = true
	return errCut
}

func (s *stumbling) Exec(ctx context.Context, sql string, p clickhouse.Params) error {
	return s.step(sql, p, func() error { return s.Engine.Exec(ctx, sql, p) })
}

func (s *stumbling) Query(ctx context.Context, sql string, p clickhouse.Params, each func(*frame.Table) error) error {
	return s.step(sql, p, func() error { return s.Engine.Query(ctx, sql, p, each) })
}

// Each run gets one statement further than the one before it. Up to there it does what
// the run would do that isn't cut off again, so that every cut is made good.
func TestMigrationsCutOffAtAnyStepCompleteWhenRunAgain(t *testing.T) {
	w := opened(t, t.TempDir())
	whole := &cutting{Engine: w.Engine}
	if err := (clickhouse.Warehouse{Engine: whole}).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const layout = "SELECT table, name, type, default_kind, default_expression FROM system.columns WHERE database = currentDatabase() ORDER BY table, position"
	want := answer(t, w, layout)
	if whole.count < 40 || len(want) < 400 {
		t.Fatalf("a migration of %d statements made %d columns; there are 18 tables, 18 views and 4 more", whole.count, len(want))
	}
	for _, table := range answer(t, w, "SELECT name FROM system.tables WHERE database = currentDatabase()") {
		execute(t, w, "DROP TABLE `"+table+"`")
	}
	cut := &stumbling{Engine: w.Engine, ran: map[string]bool{}}
	runs, err := 1, (clickhouse.Warehouse{Engine: cut}).Migrate(t.Context())
	for ; errors.Is(err, errCut); runs++ {
		err = clickhouse.Warehouse{Engine: cut}.Migrate(t.Context())
	}
	if err != nil || runs != whole.count+1 {
		t.Fatalf("%d runs of %d statements: %v", runs, whole.count, err)
	}
	if got := answer(t, w, layout); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("cut off again and again, the tables differ:\n%s", strings.Join(got, "\n"))
	}
	// Once done, a migration asks and changes nothing.
	again := &cutting{Engine: w.Engine}
	if err := (clickhouse.Warehouse{Engine: again}).Migrate(t.Context()); err != nil || again.count > 3 {
		t.Errorf("a migration with nothing to do ran %d statements (%v)", again.count, err)
	}
	if got := answer(t, w, "SELECT `set`, version FROM schema_versions ORDER BY version"); strings.Join(got, ", ") != "facts 1, facts 2, facts 3, facts 4, facts 5, facts 6" {
		t.Errorf("versions remembered: %q", got)
	}
}

func TestMigrationsRefuseWhatTheyDoNotKnow(t *testing.T) {
	w := opened(t, t.TempDir())
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	one := file("-- Makes a.\nCREATE TABLE IF NOT EXISTS a (x Int64) ENGINE = MergeTree ORDER BY x\n-- next\nCREATE TABLE IF NOT EXISTS b (x Int64) ENGINE = MergeTree ORDER BY x\n")
	two := file("ALTER TABLE a ADD COLUMN IF NOT EXISTS y Int64")
	set := clickhouse.MigrationSet{Name: "trial", FS: fstest.MapFS{"0001_first.sql": one, "0002_second.sql": two}}
	if err := clickhouse.Migrate(t.Context(), w, set); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, w, "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND table IN ('a', 'b') ORDER BY table, position"); strings.Join(got, ",") != "a x,a y,b x" {
		t.Errorf("columns made: %q", got)
	}
	older := clickhouse.MigrationSet{Name: "trial", FS: fstest.MapFS{"0001_first.sql": one}}
	if err := clickhouse.Migrate(t.Context(), w, older); !errors.Is(err, clickhouse.ErrNewer) || !strings.Contains(err.Error(), `step 2 of "trial"`) {
		t.Errorf("an older program says %v", err)
	}
	// Another set of the same warehouse counts for itself.
	if err := clickhouse.Migrate(t.Context(), w, clickhouse.MigrationSet{Name: "other", FS: fstest.MapFS{"0001_first.sql": one}}); err != nil {
		t.Error(err)
	}
	for name, fs := range map[string]fstest.MapFS{
		"where step 0002 should": {"0001_first.sql": one, "0003_third.sql": two},
		"where step 0001 should": {"0002_second.sql": two},
		"not named NNNN_what":    {"0001_first.sql": one, "README.md": two},
		"has no statement":       {"0001_first.sql": file("-- nothing\n-- next\n")},
	} {
		if err := clickhouse.Migrate(t.Context(), w, clickhouse.MigrationSet{Name: "bad", FS: fs}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error with %q, got %v", name, err)
		}
	}
}

// The tables of the migrations hold what the schemas promise, under the types
// that facts are read by.
func TestImportedTablesHoldTheSchemas(t *testing.T) {
	w := migrated(t)
	for _, schema := range features.Schemas() {
		var own []string
		for _, f := range schema.Fields {
			own = append(own, f.Name+" "+sqlType(f))
		}
		own = append(own, "load UInt64", "source LowCardinality(String)")
		got := answer(t, w, "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = '"+schema.Name+"' ORDER BY position")
		if strings.Join(got, "\n") != strings.Join(own, "\n") {
			t.Errorf("the view %s has\n%s\nwant\n%s", schema.Name, strings.Join(got, "\n"), strings.Join(own, "\n"))
		}
		got = answer(t, w, "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'imported_"+schema.Name+"' AND default_kind = '' ORDER BY position")
		if own = append(own, "reversal UInt8"); strings.Join(got, "\n") != strings.Join(own, "\n") {
			t.Errorf("imported_%s has\n%s\nwant\n%s", schema.Name, strings.Join(got, "\n"), strings.Join(own, "\n"))
		}
		if schema.Account != "" {
			key := answer(t, w, "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = 'imported_"+schema.Name+"'")
			if !strings.HasPrefix(key[0]+",", schema.Account+",") {
				t.Errorf("imported_%s is sorted by %s, not by the account first", schema.Name, key[0])
			}
		}
	}
}
