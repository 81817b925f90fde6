package clickhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// What a load is refused with, beside features.ErrKnown.
var (
	// ErrBadRow means that a row has no value where it needs one, or one that the
	// warehouse can't keep. The message names table, row and column.
	ErrBadRow = errors.New("the row can't be kept")
	// ErrNoRate means that an amount is in a currency without an exchange rate for
	// its day.
	ErrNoRate = errors.New("no exchange rate")
	// ErrTakenOver means that another process gave this load up for dead, because
	// it had been silent for too long.
	ErrTakenOver = errors.New("the load was given up for dead by another process")
)

const (
	// beat is how often a load on a server says that it is alive; one that has
	// been silent for silence is given up for dead.
	beat    = 5 * time.Second
	silence = 30 * time.Second
)

// comparedRows is how many rows are compared with what is known at a time; the
// engine holds about 500 bytes of each. Tests make it small.
var comparedRows int64 = 1_000_000

// loading lets one load of this process go on at a time.
var loading = make(chan struct{}, 1)

// thisProcess names the process among all that write to a server. The drawn
// part tells it from an earlier one with the same number.
var thisProcess = sync.OnceValue(func() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, process %d, %s", host, os.Getpid(), rand.Text())
})

// Load takes the rows into their table under a fresh load number, and commits
// it by one row in loads: until then no reader sees any of them. What a failed
// or killed load left behind is deleted before the next begins. Loads follow
// each other, in this process and, on a server, among processes: a load waits
// for another one that is alive.
//
// Rows get the defaults of the definitions: an ordinal within their order for a
// missing line, their event time for a missing recorded_at (valid_from or the
// time of loading where a table has no event), amount_base by the exchange rates
// loaded before. They may come in any order and repeat within one load. A row
// whose key is known from an earlier load is left out when it says the same;
// otherwise the load is refused with features.ErrKnown, or, when declared as a
// correction, replaces what is known: amounts (order_lines, wallets, outcomes)
// by a reversal and the new value, everything else by a newer version.
//
// report, if any, is told the number of rows taken so far. Memory: what
// Engine.InsertAll takes, and about 24 bytes for each order (at most 64 million
// orders in one load). The caller closes rows.
func (w Warehouse) Load(ctx context.Context, r features.LoadRequest, rows features.Rows, report func(rows int64)) (features.LoadReport, error) {
	done, err := w.load(ctx, r, rows, report)
	if err != nil {
		return features.LoadReport{}, fmt.Errorf("load into %s: %w", r.Table, err)
	}
	return done, nil
}

func (w Warehouse) load(ctx context.Context, r features.LoadRequest, rows features.Rows, report func(int64)) (done features.LoadReport, err error) {
	schema, ok := features.Schema(r.Table)
	if !ok {
		return done, fmt.Errorf("%w: there is no canonical table of that name", features.ErrBadRequest)
	}
	if r.Source == "" {
		r.Source = "import"
	}
	l, err := w.begin(ctx, r, schema)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, l.end(ctx)) }()
	if err := l.sweep(ctx); err != nil {
		return done, err
	}
	if err := l.fill(ctx, rows, report); err != nil {
		return done, err
	}
	return l.settle(ctx)
}

// load is one load under way.
type load struct {
	Warehouse
	features.LoadRequest
	schema features.TableSchema
	table  string
	// number is the load's; a load that meets known rows takes a second one.
	number atomic.Uint64
	holder string
	// now is the warehouse's time when the load began.
	now int64
	// rows and assumed count what came; based and recorded tell whether any row
	// gave amount_base, and whether each gave recorded_at.
	rows, assumed int64
	based         bool

	silenced chan struct{}
	quiet    sync.WaitGroup
}

// begin waits for the load's turn and takes a number.
func (w Warehouse) begin(ctx context.Context, r features.LoadRequest, schema features.TableSchema) (*load, error) {
	select {
	case loading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l := &load{
		Warehouse: w, LoadRequest: r, schema: schema, table: importedTable(schema.Name),
		holder: thisProcess(), silenced: make(chan struct{}),
	}
	if err := l.takeTurn(ctx); err != nil {
		return nil, errors.Join(err, l.end(ctx))
	}
	return l, nil
}

// takeTurn writes the load's mark and waits until no load before it is alive.
// Two processes may take the same number at the same moment; then the one whose
// holder sorts first keeps it.
func (l *load) takeTurn(ctx context.Context) error {
	if err := l.takeNumber(ctx); err != nil {
		return err
	}
	if l.Info().Kind != "chdb" {
		l.quiet.Add(1)
		go l.keepBeating(context.WithoutCancel(ctx))
	}
	for {
		first, err := l.first(ctx)
		if err != nil || first {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// takeNumber takes a number that no other load has.
func (l *load) takeNumber(ctx context.Context) error {
	for {
		row, err := l.one(ctx, "loads/next.sql", nil, "load", "at")
		if err != nil {
			return fmt.Errorf("take a number: %w", err)
		}
		l.number.Store(uint64(row[0])) //nolint:gosec // a count of loads
		l.now = row[1]
		if err := l.mark(ctx, false); err != nil {
			return err
		}
		unique := true
		err = l.underWay(ctx, func(load uint64, holder string, _ int64) {
			unique = unique && (load != l.number.Load() || holder >= l.holder)
		})
		if err != nil || unique {
			return err
		}
		if err := l.mark(ctx, true); err != nil {
			return err
		}
	}
}

// first gives up the loads before this one that are dead, and reports whether
// none is left alive. Everything that this process began before is dead, since
// its loads follow each other; an embedded warehouse has no other process.
func (l *load) first(ctx context.Context) (bool, error) {
	type other struct {
		load   uint64
		holder string
	}
	var dead []other
	alone := true
	err := l.underWay(ctx, func(load uint64, holder string, silent int64) {
		switch {
		case load > l.number.Load() || load == l.number.Load() && holder == l.holder:
		case holder == l.holder || l.Info().Kind == "chdb" || silent >= int64(silence/time.Second):
			dead = append(dead, other{load, holder})
		default:
			alone = false
		}
	})
	if err != nil {
		return false, err
	}
	for _, o := range dead {
		if err := l.markOf(ctx, o.load, o.holder, true); err != nil {
			return false, err
		}
	}
	return alone, nil
}

// underWay calls each for every load that was begun and not ended.
func (l *load) underWay(ctx context.Context, each func(load uint64, holder string, silentSeconds int64)) error {
	err := l.Query(ctx, statement("loads/under_way.sql"), nil, func(t *frame.Table) error {
		columns, err := pick(t, "load", "holder", "silent_seconds")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			each(uint64(columns[0].Integers[i]), columns[1].Texts[i], columns[2].Integers[i]) //nolint:gosec // written by mark
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask which loads are under way: %w", err)
	}
	return nil
}

func (l *load) mark(ctx context.Context, ended bool) error {
	return l.markOf(ctx, l.number.Load(), l.holder, ended)
}

func (l *load) markOf(ctx context.Context, number uint64, holder string, ended bool) error {
	end := int64(0)
	if ended {
		end = 1
	}
	if err := l.Exec(ctx, statement("loads/mark.sql"), Params{"load": number, "holder": holder, "ended": end}); err != nil {
		return fmt.Errorf("mark load %d: %w", number, err)
	}
	return nil
}

// keepBeating tells other processes that the load is alive.
func (l *load) keepBeating(ctx context.Context) {
	defer l.quiet.Done()
	for {
		select {
		case <-l.silenced:
			return
		case <-time.After(beat):
			_ = l.mark(ctx, false) // a load that can't say so will be found out at its commit
		}
	}
}

// end gives the number up, which does nothing to a committed load, and lets the
// next load go on. Rows that were not committed stay, unseen, for the next load to sweep.
func (l *load) end(ctx context.Context) error {
	defer func() { <-loading }()
	close(l.silenced)
	l.quiet.Wait()
	if l.number.Load() == 0 {
		return nil
	}
	// The mark is written even when the load was cancelled: on a server others wait for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beat)
	defer cancel()
	return l.mark(ctx, true)
}

// sweep deletes what dead loads left behind.
func (l *load) sweep(ctx context.Context) error {
	type left struct {
		table string
		load  uint64
	}
	var all []left
	err := l.Query(ctx, statement("loads/unfinished.sql"), nil, func(t *frame.Table) error {
		columns, err := pick(t, "name", "load")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			all = append(all, left{columns[0].Texts[i], uint64(columns[1].Integers[i])}) //nolint:gosec // written by Load
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for unfinished loads: %w", err)
	}
	for _, x := range all {
		if err := l.Exec(ctx, statement("loads/sweep.sql"), Params{"table": x.table, "load": x.load}); err != nil {
			return fmt.Errorf("delete the unfinished load %d: %w", x.load, err)
		}
	}
	if err := l.Exec(ctx, "TRUNCATE TABLE load_verdicts", nil); err != nil {
		return fmt.Errorf("forget earlier comparisons: %w", err)
	}
	return nil
}

// fill completes all rows and sends them, while the next batch is read.
func (l *load) fill(ctx context.Context, rows features.Rows, report func(int64)) error {
	c, err := l.newCompletion(ctx)
	if err != nil {
		return err
	}
	reading, cancel := context.WithCancel(ctx)
	full, free := make(chan *buffer), make(chan *buffer, 2)
	for range cap(free) {
		free <- newBuffer(l.schema, l.number.Load(), l.Source)
	}
	var done sync.WaitGroup
	defer done.Wait()
	defer cancel()
	var failed error
	done.Go(func() {
		defer close(full)
		failed = read(reading, rows, free, full)
	})
	var last *buffer
	err = l.InsertAll(ctx, l.table, func() (*frame.Table, error) {
		if last != nil {
			free <- last
			if report != nil {
				report(c.rows)
			}
		}
		var ok bool
		if last, ok = <-full; !ok {
			return nil, failed
		}
		if err := c.complete(last); err != nil {
			return nil, err
		}
		return last.table(), nil
	})
	l.rows, l.assumed, l.based = c.rows, c.assumed, c.based
	return err
}

// read copies batches into free buffers until the rows end, with io.EOF.
func read(ctx context.Context, rows features.Rows, free <-chan *buffer, full chan<- *buffer) error {
	var before int64
	for {
		batch, err := rows.Next(ctx)
		if err != nil {
			return err
		}
		b := <-free
		if err := b.fill(batch, before); err != nil {
			return err
		}
		before += int64(b.rows)
		select {
		case full <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle compares what came with what is known, and commits it.
func (l *load) settle(ctx context.Context) (features.LoadReport, error) {
	report := features.LoadReport{Table: l.schema.Name, Load: l.number.Load()}
	hash := ""
	if l.Hash != nil {
		hash = l.Hash()
	}
	row, err := l.one(ctx, "loads/recognised.sql", Params{"name": l.schema.Name, "hash": hash}, "load", "rows")
	if err != nil {
		return report, fmt.Errorf("ask whether the content was loaded before: %w", err)
	}
	if row[0] != 0 {
		report.Load, report.Already = uint64(row[0]), true //nolint:gosec // a load's number
		return report, l.sweep(ctx)
	}
	reversed := int64(0)
	if row[1] > 0 && l.rows > 0 {
		if report.Unchanged, report.Corrected, reversed, err = l.reconcile(ctx); err != nil {
			if errors.Is(err, features.ErrKnown) {
				err = errors.Join(err, l.sweep(ctx))
			}
			return report, err
		}
	}
	report.Load, report.Rows = l.number.Load(), l.rows-report.Unchanged
	if report.Assumed = min(l.assumed, report.Rows); l.assumed == l.rows {
		report.Assumed = report.Rows - report.Corrected // corrections are known since now, not since their event
	}
	err = l.Exec(ctx, statement("loads/commit.sql"), Params{
		"table": l.table, "load": l.number.Load(), "holder": l.holder, "name": l.schema.Name, "source": l.Source,
		"files": strings.Join(l.Files, "\n"), "hash": hash, "expected": report.Rows + reversed, "rows": report.Rows,
		"unchanged": report.Unchanged, "corrected": report.Corrected, "assumed": report.Assumed,
	})
	if err != nil {
		return report, fmt.Errorf("commit load %d: %w", l.number.Load(), err)
	}
	if err := l.verify(ctx, report.Rows+reversed); err != nil {
		return report, err
	}
	if report.Unchanged+report.Corrected > 0 {
		_ = l.sweep(ctx) // the load is committed; what it was before goes now, or before the next load
	}
	return report, nil
}

// verify finds out whether the warehouse agreed to the commit.
func (l *load) verify(ctx context.Context, expected int64) error {
	committed, err := l.Warehouse.loads(ctx, l.number.Load(), 1)
	if err != nil || len(committed) == 1 {
		return err
	}
	row, err := l.one(ctx, "loads/count.sql", Params{"table": l.table, "load": l.number.Load()}, "rows")
	if err != nil {
		return err
	}
	if row[0] != expected {
		return fmt.Errorf("load %d has %d rows in the warehouse where %d were sent; it is not committed", l.number.Load(), row[0], expected)
	}
	return fmt.Errorf("%w: load %d is not committed; load it again", ErrTakenOver, l.number.Load())
}

// one runs a query that answers one row, and returns the named columns as
// integers.
func (l *load) one(ctx context.Context, name string, params Params, columns ...string) ([]int64, error) {
	values := make([]int64, len(columns))
	found := 0
	err := l.Query(ctx, statement(name), params, func(t *frame.Table) error {
		picked, err := pick(t, columns...)
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			found++
			for c := range picked {
				values[c] = picked[c].Integers[i]
			}
		}
		return nil
	})
	if err == nil && found != 1 {
		err = fmt.Errorf("%s answers %d rows instead of one", name, found)
	}
	return values, err
}

// Loads lists the committed loads, newest first, at most limit; 0 or less means
// 1,000.
func (w Warehouse) Loads(ctx context.Context, limit int) ([]features.Load, error) {
	if limit <= 0 {
		limit = 1000
	}
	return w.loads(ctx, 0, uint64(limit))
}

func (w Warehouse) loads(ctx context.Context, number, limit uint64) ([]features.Load, error) {
	var all []features.Load
	err := w.Query(ctx, statement("loads/list.sql"), Params{"limit": limit, "load": number}, func(t *frame.Table) error {
		c, err := pick(t, "load", "name", "source", "hash", "rows", "assumed", "committed_at")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			all = append(all, features.Load{
				Load: uint64(c[0].Integers[i]), Table: c[1].Texts[i], Source: c[2].Texts[i], Hash: c[3].Texts[i], //nolint:gosec // a load's number
				Rows: c[4].Integers[i], Assumed: c[5].Integers[i], CommittedAt: time.Unix(c[6].Integers[i], 0).UTC(),
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the loads: %w", err)
	}
	return all, nil
}

// Watermark returns the greatest committed load, 0 when there is none.
func (w Warehouse) Watermark(ctx context.Context) (uint64, error) {
	row, err := (&load{Warehouse: w}).one(ctx, "loads/watermark.sql", nil, "load")
	if err != nil {
		return 0, fmt.Errorf("ask for the watermark: %w", err)
	}
	return uint64(row[0]), nil //nolint:gosec // a load's number
}
