package store

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
	"fealty/model/score"
	"fealty/serving"
)

//go:embed sql/runs/*.sql sql/runs/migrations/*.sql
var runStatements embed.FS

// runStatement returns one embedded query by its name below sql/runs.
// It panics when there is none: the names stand in this package.
func runStatement(name string) string {
	text, err := runStatements.ReadFile(path.Join("sql/runs", name))
	if err != nil {
		panic("store: " + err.Error())
	}
	return string(text)
}

const (
	// insertedRows is how many rows are sent at a time; one such buffer is what a
	// publication holds in memory beside what next returns.
	insertedRows = 131_072
	// insertedWorths is how many rows of worths are: each has lists of two or three
	// kilobytes.
	insertedWorths = 16_384
	// keptRuns is how many runs one question of kept features looks at.
	keptRuns = 10
	// namedAccounts is how many accounts one query names.
	namedAccounts = 10_000
	// abandonedAfter is the silence after which a run on a server that was never
	// committed is one that nobody writes any more. A process writes every few
	// seconds to minutes.
	abandonedAfter = 6 * time.Hour
	// lastWords bounds what is still done for a publication that failed.
	lastWords = 30 * time.Second
)

// writtenTables hold the rows of runs; see the migrations for what is seen of
// them.
var writtenTables = []string{"written_scores", "written_worths", "written_feature_rows", "written_feature_values"}

// publishing lets one publication of this process go on at a time. So a run
// that was not committed when another begins is nobody's in this process.
var publishing = make(chan struct{}, 1)

// Runs keeps runs of scores and features in a warehouse. Rows are written under
// a fresh run and count from the moment when the run's one row stands in the
// table runs; whoever reads asks for the run first. It is safe for concurrent
// use.
type Runs struct {
	engine clickhouse.Engine
	// insert is the engine's, and what a test puts in its place.
	insert func(ctx context.Context, table string, rows *frame.Table) error
}

// OpenRuns brings the tables of runs in the warehouse up to this release's. The
// engine stays the caller's.
func OpenRuns(ctx context.Context, e clickhouse.Engine) (*Runs, error) {
	steps, err := fs.Sub(runStatements, "sql/runs/migrations")
	if err != nil {
		return nil, fmt.Errorf("read the migrations of runs: %w", err)
	}
	if err := clickhouse.Migrate(ctx, e, clickhouse.MigrationSet{Name: "runs", FS: steps}); err != nil {
		return nil, err
	}
	return &Runs{engine: e, insert: e.Insert}, nil
}

// PublishScores implements serving.Runs. A receipt that says something else
// than its run is refused, because readers are given the run's; so is an account
// that comes twice. Publications of one process follow each other. Kept features lie
// under the run's own name, so that they come and go with its scores.
func (s *Runs) PublishScores(ctx context.Context, r serving.Run, next func() (serving.Batch, error)) (serving.Run, error) {
	r.Kind = serving.KindScores
	return s.publish(ctx, r, func(p *publication) error {
		written := p.table("written_scores", "verify_scores.sql", scoreColumns())
		worths := p.table("written_worths", "verify_worths.sql", worthColumns())
		var kept *featureTables
		for {
			batch, err := next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			scores := batch.Scores
			if batch.Features != nil {
				if err := among(batch.Features, scores, p.run.Cutoff); err != nil {
					return err
				}
				if kept == nil {
					kept = p.featureTables()
				}
				if err := kept.write(ctx, batch.Features); err != nil {
					return err
				}
			}
			for i := range scores {
				if err := written.addScore(&scores[i], &p.run, &written.digest); err != nil {
					return err
				}
				if err := written.flush(ctx, insertedRows); err != nil {
					return err
				}
				if scores[i].Worth == nil {
					continue
				}
				if err := worths.addWorth(scores[i].Worth, scores[i].Account, p.run.ID, &worths.digest); err != nil {
					return err
				}
				if err := worths.flush(ctx, insertedWorths); err != nil {
					return err
				}
			}
		}
		if p.run.Rows = written.digest.rows; p.run.Rows == 0 {
			return fmt.Errorf("there is no score, and an empty run would hide the one before: %w", serving.ErrInvalid)
		}
		err := errors.Join(written.flush(ctx, 1), worths.flush(ctx, 1))
		if kept != nil {
			err = errors.Join(err, kept.end(ctx))
			p.run.KeptFeatures = kept.rows.digest.rows
		}
		return err
	})
}

// PublishFeatures implements serving.Runs. The rows of a slice go into
// feature_rows and their values, missing ones included, into feature_values.
func (s *Runs) PublishFeatures(ctx context.Context, r serving.Run, next func() (*features.Slice, error)) (serving.Run, error) {
	r.Kind = serving.KindFeatures
	return s.publish(ctx, r, func(p *publication) error {
		to := p.featureTables()
		for {
			slice, err := next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if err := to.write(ctx, slice); err != nil {
				return err
			}
		}
		p.run.Rows = to.rows.digest.rows
		return to.end(ctx)
	})
}

// featureTables are the two tables that features go into.
type featureTables struct {
	run          string
	rows, values *writing
}

func (p *publication) featureTables() *featureTables {
	return &featureTables{
		run:  p.run.ID,
		rows: p.table("written_feature_rows", "verify_feature_rows.sql", featureRowColumns()), values: p.table("written_feature_values", "verify_feature_values.sql", featureValueColumns()),
	}
}

// write takes the rows of a slice.
func (f *featureTables) write(ctx context.Context, slice *features.Slice) error {
	if err := numeric(slice); err != nil {
		return err
	}
	for i := range slice.Frame.Rows() {
		f.rows.addRow(slice, i, f.run, &f.rows.digest)
		if err := f.rows.flush(ctx, insertedRows); err != nil {
			return err
		}
	}
	for k := range slice.Frame.Columns {
		for i := range slice.Frame.Rows() {
			f.values.addValue(slice, i, &slice.Frame.Columns[k], f.run, &f.values.digest)
			if err := f.values.flush(ctx, insertedRows); err != nil {
				return err
			}
		}
	}
	return nil
}

// end sends what is left.
func (f *featureTables) end(ctx context.Context) error {
	return errors.Join(f.rows.flush(ctx, 1), f.values.flush(ctx, 1))
}

// among refuses features to keep that are not of the scores' accounts, in their order
// and as of their cutoff.
func among(s *features.Slice, scores []score.Score, cutoff frame.Cutoff) error {
	k := 0
	for i, account := range s.Frame.Accounts {
		for k < len(scores) && scores[k].Account != account {
			k++
		}
		if k == len(scores) || s.Frame.Cutoffs[i] != cutoff {
			return fmt.Errorf("the features to keep of account %q as of %s are not those of a score: %w", account, s.Frame.Cutoffs[i], serving.ErrInvalid)
		}
	}
	return nil
}

// numeric refuses what feature_values has no column for.
func numeric(s *features.Slice) error {
	n := s.Frame.Rows()
	if len(s.Status) != n || len(s.FirstPurchase) != n || len(s.LastPurchase) != n {
		return fmt.Errorf("a slice has %d rows and says who may be scored of %d: %w", n, len(s.Status), serving.ErrInvalid)
	}
	for i := range s.Frame.Columns {
		if c := &s.Frame.Columns[i]; c.Kind != frame.Number || c.Len() != n {
			return fmt.Errorf("feature %q is %s of %d rows, and a feature run keeps %d numbers: %w", c.Name, c.Kind, c.Len(), n, serving.ErrInvalid)
		}
	}
	return nil
}

// publication is one run on its way.
type publication struct {
	*Runs
	run     serving.Run
	written []*writing
}

// writing is what goes into one table.
type writing struct {
	*columns
	runs         *Runs
	name, verify string
	digest       digest
}

func (p *publication) table(name, verify string, c *columns) *writing {
	w := &writing{columns: c, runs: p.Runs, name: name, verify: verify}
	p.written = append(p.written, w)
	return w
}

// flush sends the rows when there are at least so many.
func (w *writing) flush(ctx context.Context, least int) error {
	if w.rows < least {
		return nil
	}
	if err := w.runs.insert(ctx, w.name, &w.table); err != nil {
		return fmt.Errorf("write %s: %w", strings.TrimPrefix(w.name, "written_"), err)
	}
	w.reset()
	return nil
}

// publish writes a run, verifies it and commits it.
func (s *Runs) publish(ctx context.Context, r serving.Run, write func(*publication) error) (_ serving.Run, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("publish %s as of %s: %w", r.Kind, r.Cutoff, err)
		}
	}()
	if purposes := []string{serving.PurposeLive, serving.PurposeBackfill, serving.PurposeGroups}; !slices.Contains(purposes, r.Purpose) {
		return serving.Run{}, fmt.Errorf("purpose %q, need one of %v: %w", r.Purpose, purposes, serving.ErrInvalid)
	}
	for _, at := range []int64{int64(r.Cutoff), int64(r.KnownAt), int64(r.DataThrough)} {
		if at < 0 || at > math.MaxUint32 { // toDateTime would not refuse it
			return serving.Run{}, fmt.Errorf("%s lies outside 1970 … 2106: %w", frame.Cutoff(at), serving.ErrInvalid)
		}
	}
	select {
	case publishing <- struct{}{}:
		defer func() { <-publishing }()
	case <-ctx.Done():
		return serving.Run{}, ctx.Err()
	}
	if err := s.sweep(ctx); err != nil {
		return serving.Run{}, fmt.Errorf("sweep what earlier publications left: %w", err)
	}
	r.ID, r.Rows, r.Commit, r.CommittedAt = newRunID(), 0, 0, time.Time{}
	p := &publication{Runs: s, run: r}
	if err := write(p); err != nil {
		p.abandon(ctx)
		return serving.Run{}, err
	}
	if err := p.check(ctx); err != nil {
		p.abandon(ctx)
		return serving.Run{}, err
	}
	return p.commit(ctx)
}

// newRunID draws a name that sorts by time.
func newRunID() string {
	const drawn = 12
	return time.Now().UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:drawn])
}

// check compares what lies in the tables with what was sent.
func (p *publication) check(ctx context.Context) error {
	for _, w := range p.written {
		var found, accounts int64
		var sum string
		err := p.engine.Query(ctx, runStatement(w.verify), clickhouse.Params{"run": p.run.ID}, func(t *frame.Table) error {
			if t.Rows() == 1 {
				found, accounts, sum = t.Column("found").Integers[0], t.Column("accounts").Integers[0], t.Column("checksum").Texts[0]
			}
			return nil
		})
		name := strings.TrimPrefix(w.name, "written_")
		switch {
		case err != nil:
			return fmt.Errorf("verify %s: %w", name, err)
		case found != w.digest.rows || sum != w.digest.String():
			return fmt.Errorf("verify %s: %d rows were sent with checksum %s, and %d lie there with checksum %s", name, w.digest.rows, w.digest.String(), found, sum)
		case accounts != found:
			return fmt.Errorf("verify %s: an account stands twice: %d rows are of %d: %w", name, found, accounts, serving.ErrInvalid)
		}
	}
	return nil
}

// commit makes the run visible. When the answer does not come, the run is asked
// for; one that is not there is taken back, so that a commit which still lands
// is not seen.
func (p *publication) commit(ctx context.Context) (serving.Run, error) {
	r := &p.run
	expected := int64(0)
	var checksums []string
	for _, w := range p.written {
		expected += w.digest.rows
		checksums = append(checksums, w.digest.String())
	}
	failed := p.engine.Exec(ctx, runStatement("commit.sql"), clickhouse.Params{
		"run": r.ID, "kind": r.Kind, "purpose": r.Purpose, "cutoff": int64(r.Cutoff), "known_at": int64(r.KnownAt), "watermark": r.Watermark,
		"definitions_hash": r.DefinitionsHash, "config_hash": r.ConfigHash, "engine": r.Engine, "model": r.Model, "rung": r.Rung,
		"grade": r.Grade, "horizon_days": int64(r.HorizonDays), "currency": r.Currency, "margin_rate": r.MarginRate,
		"data_through": int64(r.DataThrough), "rows": r.Rows, "expected": expected, "checksum": strings.Join(checksums, " "),
		"fingerprints": string(r.Fingerprints), "kept_features": r.KeptFeatures, "worth_definitions": r.WorthDefinitions,
	})
	// The question is asked even when ctx has ended: the run may be there.
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	committed, asked := p.Run(late, r.ID)
	if asked == nil {
		if committed, failed = p.settle(late, committed); failed == nil {
			return committed, nil
		}
	}
	if failed == nil && errors.Is(asked, serving.ErrNotFound) {
		failed = fmt.Errorf("its rows went missing before the commit, because another process took it for abandoned: %w", serving.ErrConflict)
	}
	if buried := p.bury(late); buried != nil && failed != nil {
		// Neither is known to have happened; the person must look.
		return serving.Run{}, fmt.Errorf("whether run %s was committed is not known: %w", r.ID, errors.Join(failed, buried))
	}
	return serving.Run{}, errors.Join(failed, ignoring(asked, serving.ErrNotFound))
}

// settle returns the committed run under a number that no other run has. Another
// process may have drawn the same one at the same instant: the two are told apart
// before either is told of its own.
func (p *publication) settle(ctx context.Context, committed serving.Run) (serving.Run, error) {
	for {
		if err := p.engine.Exec(ctx, runStatement("redraw.sql"), clickhouse.Params{"run": committed.ID}); err != nil {
			return serving.Run{}, fmt.Errorf("look for another run with commit number %d: %w", committed.Commit, err)
		}
		again, err := p.Run(ctx, committed.ID)
		if err != nil || again.Commit == committed.Commit {
			return again, err
		}
		committed = again
	}
}

func ignoring(err, known error) error {
	if errors.Is(err, known) {
		return nil
	}
	return err
}

// bury takes the run back and its rows away.
func (p *publication) bury(ctx context.Context) error {
	if err := p.tombstone(ctx, p.run.ID); err != nil {
		return err
	}
	p.dropRows(ctx, p.run.ID)
	return nil
}

// abandon takes the rows of a run away that will not be committed.
func (p *publication) abandon(ctx context.Context) {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	p.dropRows(late, p.run.ID)
}

// dropRows takes away the rows of a run that no reader sees. What it can't take
// away, the next publication sweeps.
func (s *Runs) dropRows(ctx context.Context, id string) {
	for _, table := range writtenTables {
		_ = s.engine.Exec(ctx, runStatement("drop.sql"), clickhouse.Params{"table": table, "run": id})
	}
}

// sweep takes away what killed and dropped runs left behind: in a warehouse of
// this process alone everything that is not committed, on a server only what
// has long been silent, since another process may be writing it.
func (s *Runs) sweep(ctx context.Context) error {
	alone := len(s.engine.Info().Hosts) == 0
	type leftover struct{ table, run string }
	var all []leftover
	err := s.engine.Query(ctx, runStatement("leftovers.sql"), nil, func(t *frame.Table) error {
		silent, dropped := t.Column("silent_seconds").Integers, t.Column("dropped").Integers
		for i, table := range t.Column("name").Texts {
			if alone || dropped[i] != 0 || time.Duration(silent[i])*time.Second > abandonedAfter {
				all = append(all, leftover{table, t.Column("run_id").Texts[i]})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, l := range all {
		if err := s.engine.Exec(ctx, runStatement("drop.sql"), clickhouse.Params{"table": l.table, "run": l.run}); err != nil {
			return fmt.Errorf("run %s: %w", l.run, err)
		}
	}
	return nil
}

// Latest implements serving.Runs.
func (s *Runs) Latest(ctx context.Context) (serving.Run, error) {
	run, err := s.Newest(ctx, serving.PurposeLive, math.MaxInt64)
	if errors.Is(err, serving.ErrNotFound) {
		return serving.Run{}, fmt.Errorf("nothing is published yet: %w", serving.ErrUnavailable)
	}
	return run, err
}

// Newest implements serving.Runs.
func (s *Runs) Newest(ctx context.Context, purpose string, below frame.Cutoff) (serving.Run, error) {
	all, err := s.ask(ctx, "published.sql", clickhouse.Params{"purpose": purpose, "before": int64(below)})
	before := ""
	if below != math.MaxInt64 {
		before = " before " + below.String()
	}
	if err != nil {
		return serving.Run{}, fmt.Errorf("ask which %s run is the newest%s: %w", purpose, before, err)
	}
	if len(all) == 0 {
		return serving.Run{}, fmt.Errorf("there is no %s run%s: %w", purpose, before, serving.ErrNotFound)
	}
	return all[0], nil
}

// Run implements serving.Runs.
func (s *Runs) Run(ctx context.Context, id string) (serving.Run, error) {
	if strings.ContainsRune(id, 0) {
		return serving.Run{}, fmt.Errorf("run %q: %w", id, serving.ErrNotFound)
	}
	all, err := s.ask(ctx, "run.sql", clickhouse.Params{"run": id})
	if err != nil {
		return serving.Run{}, fmt.Errorf("ask for run %q: %w", id, err)
	}
	if len(all) == 0 {
		return serving.Run{}, fmt.Errorf("run %q: %w", id, serving.ErrNotFound)
	}
	return all[0], nil
}

// List implements serving.Runs.
func (s *Runs) List(ctx context.Context, limit int) ([]serving.Run, error) {
	if limit < 1 {
		return nil, fmt.Errorf("list %d runs: %w", limit, serving.ErrInvalid)
	}
	all, err := s.ask(ctx, "list.sql", clickhouse.Params{"limit": int64(limit)})
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	return all, nil
}

// ask returns the runs that a query answers with.
func (s *Runs) ask(ctx context.Context, file string, params clickhouse.Params) ([]serving.Run, error) {
	var all []serving.Run
	err := s.engine.Query(ctx, runStatement(file), params, func(t *frame.Table) error {
		text := func(name string, i int) string { return t.Column(name).Texts[i] }
		whole := func(name string, i int) int64 { return t.Column(name).Integers[i] }
		for i := range t.Rows() {
			watermark, commit := whole("watermark", i), whole("commit", i)
			if watermark < 0 || commit < 0 {
				return fmt.Errorf("run %q has watermark %d and commit %d", text("run_id", i), watermark, commit)
			}
			all = append(all, serving.Run{
				ID: text("run_id", i), Kind: text("kind", i), Purpose: text("purpose", i),
				Cutoff: frame.Cutoff(whole("cutoff", i)), KnownAt: frame.KnownAt(whole("known_at", i)), Watermark: uint64(watermark),
				DefinitionsHash: text("definitions_hash", i), ConfigHash: text("config_hash", i), Engine: text("engine", i),
				Model: text("model", i), Rung: text("rung", i), Grade: text("grade", i), HorizonDays: int(whole("horizon_days", i)),
				Currency: text("currency", i), MarginRate: t.Column("margin_rate").Numbers[i],
				DataThrough: frame.Cutoff(whole("data_through", i)), Rows: whole("rows", i), Commit: uint64(commit),
				CommittedAt: time.Unix(whole("committed_at", i), 0).UTC(), Fingerprints: features.Fingerprints(text("fingerprints", i)), KeptFeatures: whole("kept_features", i),
				WorthDefinitions: text("worth_definitions", i),
			})
		}
		return nil
	})
	return all, err
}

// Scores implements serving.Runs. Parts arrive as the engine cuts them and
// belong to the receiver. ErrNotFound when the run is not there any more, or
// went away while it was read; what was handed on by then is not whole.
func (s *Runs) Scores(ctx context.Context, r serving.Run, accounts []frame.AccountID, each func([]score.Score) error) error {
	read, err := s.read(ctx, "scores.sql", r, accounts, func(t *frame.Table) error {
		scores, err := scoresOf(t, &r)
		if err != nil {
			return err
		}
		return each(scores)
	})
	if err != nil {
		return err
	}
	if len(accounts) == 0 && read == r.Rows || len(accounts) > 0 && read > 0 {
		return nil
	}
	// Nothing, or not all: the run was dropped, or none of the names is in it.
	if _, err := s.Run(ctx, r.ID); err != nil {
		return err
	}
	if len(accounts) == 0 {
		return fmt.Errorf("read run %q: %d scores were committed and %d lie there", r.ID, r.Rows, read)
	}
	return nil
}

// Kept implements serving.Runs.
func (s *Runs) Kept(ctx context.Context, r serving.Run, account frame.AccountID) ([]serving.KeptRow, error) {
	params := clickhouse.Params{
		"run": r.ID, "account": string(account), "definitions": r.DefinitionsHash, "cutoff": int64(r.Cutoff), "limit": int64(keptRuns),
	}
	var all []serving.KeptRow
	err := s.engine.Query(ctx, runStatement("kept_rows.sql"), params, func(t *frame.Table) error {
		first, last := t.Column("first_purchase"), t.Column("last_purchase")
		for i, run := range t.Column("run_id").Texts {
			status, err := features.ParseEligibility(t.Column("status").Texts[i])
			if err != nil {
				return fmt.Errorf("run %q: %w", run, err)
			}
			row := serving.KeptRow{Run: strings.Clone(run), Status: status, Values: map[string]float64{}}
			if !first.IsNull(i) {
				row.FirstPurchase = first.Integers[i]
			}
			if !last.IsNull(i) {
				row.LastPurchase = last.Integers[i]
			}
			all = append(all, row)
		}
		return nil
	})
	for i := range all {
		if err != nil {
			break
		}
		params := clickhouse.Params{"run": all[i].Run, "account": string(account), "cutoff": int64(r.Cutoff)}
		err = s.engine.Query(ctx, runStatement("kept_values.sql"), params, func(t *frame.Table) error {
			values := t.Column("value")
			for k, feature := range t.Column("feature").Texts {
				all[i].Values[strings.Clone(feature)] = values.Float(k)
			}
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read the features kept of account %q: %w", account, err)
	}
	return all, nil
}

// namedParts are the names of accounts, sorted and each once, as many in a part
// as a query names; one part without names when there are none.
func namedParts(accounts []frame.AccountID) [][]string {
	names := make([]string, len(accounts))
	for i, a := range accounts {
		names[i] = string(a)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return [][]string{names}
	}
	return slices.Collect(slices.Chunk(names, namedAccounts))
}

// Drop implements serving.Runs: the run is not found from now on, and its rows
// are taken away. Dropping the published run publishes the one before it.
func (s *Runs) Drop(ctx context.Context, id string) error {
	if _, err := s.Run(ctx, id); err != nil {
		return err
	}
	if err := s.tombstone(ctx, id); err != nil {
		return err
	}
	// From here on the run is dropped whatever happens to its rows.
	s.dropRows(ctx, id)
	return nil
}

func (s *Runs) tombstone(ctx context.Context, id string) error {
	if err := s.engine.Exec(ctx, runStatement("tombstone.sql"), clickhouse.Params{"run": id}); err != nil {
		return fmt.Errorf("drop run %q: %w", id, err)
	}
	return nil
}
