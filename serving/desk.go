package serving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
)

const (
	// lookEvery is how often Watch looks for a newer run.
	lookEvery = 5 * time.Second
	// keepReplaced is how long a run that was replaced is still held, for those
	// who walk through its pages.
	keepReplaced = 15 * time.Minute
	// askThroughEvery is how often the warehouse is asked through which day its
	// data is complete, which costs a pass over the orders.
	askThroughEvery = 5 * time.Minute
	// readAttempts is how often a refresh begins anew because the run that it
	// reads was dropped meanwhile.
	readAttempts = 3
)

// DeskOptions are what a desk needs of the rooms around it.
type DeskOptions struct {
	Runs Runs
	// Score computes scores of accounts as of this instant, measured from the run
	// that is held, for ScoreNow; each account comes once. nil means that this desk
	// computes none.
	Score func(ctx context.Context, from Published, accounts []frame.AccountID) (found []Found, unknown []frame.AccountID, err error)
	// Grow computes how the base grew, for Growth; nil means that this desk computes
	// nothing of it.
	Grow func(ctx context.Context, request GrowthRequest, report func(Progress)) (GrowthResult, error)
	// Moves tells where accounts of a run have gone, Standings how they stand now;
	// nil means that nobody tells.
	Moves     func(ctx context.Context, r Run) (map[frame.AccountID]features.Move, error)
	Standings func(ctx context.Context, r Run) (map[frame.AccountID]features.Standing, error)
	// Metas are the words of the features, by name.
	Metas map[string]frame.Meta
	// Settings say when an answer is stale, and in which zone a day ends.
	Settings Settings
	// Version is fealty's own.
	Version string
	// Describe returns the warehouse's kind and version.
	Describe func() string
	// DataThrough returns the end of the last complete business day that the
	// warehouse has now; nil means the published run's.
	DataThrough func(ctx context.Context) (frame.Cutoff, error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log is told of runs that come and of what goes wrong; nil means nobody.
	Log *slog.Logger
}

// Desk answers from the published run, and from the newest one of groups, held in
// memory whole. It is safe for
// concurrent use: a request sees one run only, whatever is published
// meanwhile, and never waits for the warehouse, ScoreNow, Worth and Growth excepted.
type Desk struct {
	DeskOptions
	shelf atomic.Pointer[shelf]
	// refreshing lets one refresh go on at a time.
	refreshing chan struct{}
	// trouble is why the last refresh failed, "" when it did not.
	trouble atomic.Pointer[string]
	// asking is the room for questions of worth.
	asking chan struct{}
	// growing lets one growth be computed at a time.
	growing chan struct{}
	// groups is the desk of groups; nil in that one itself.
	groups *Desk
}

// shelf is what a desk holds at one moment. It is replaced whole.
type shelf struct {
	// current is nil when nothing is published, replaced when there is none.
	current, replaced *edition
	replacedAt        time.Time
	// through is the warehouse's last complete day; 0 when it is not known.
	through      frame.Cutoff
	askedThrough time.Time
	// standing is nil when nobody told it yet.
	standing *roll
}

// roll is how the accounts of a run stood when that was asked. It is read-only.
type roll struct {
	of    map[frame.AccountID]features.Standing
	asked time.Time
}

func (s *shelf) stands(account frame.AccountID) features.Standing {
	if s.standing == nil {
		return features.Standing{}
	}
	return s.standing.of[account]
}

var _ Answers = (*Desk)(nil)

// NewDesk returns a desk that holds nothing yet: call Refresh, or Watch.
func NewDesk(o DeskOptions) *Desk {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Describe == nil {
		o.Describe = func() string { return "" }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := newDesk(o)
	// The desk of groups computes nothing, and has the day from this one.
	o.Score, o.Grow, o.DataThrough = nil, nil, func(context.Context) (frame.Cutoff, error) { return d.shelf.Load().through, nil }
	d.groups = newDesk(o)
	return d
}

func newDesk(o DeskOptions) *Desk {
	d := &Desk{DeskOptions: o, refreshing: make(chan struct{}, 1), asking: make(chan struct{}, asksAtOnce), growing: make(chan struct{}, 1)}
	d.shelf.Store(&shelf{})
	return d
}

// Groups implements Answers.
func (d *Desk) Groups() Answers {
	if d.groups == nil {
		return d
	}
	return d.groups
}

// Refresh looks which run is published, and which one of groups is the newest, and
// holds them if they are others; changed says so of the published one. When nothing
// is published any more the desk holds nothing. On an error it keeps what it holds.
func (d *Desk) Refresh(ctx context.Context) (changed bool, err error) {
	changed, err = d.look(ctx)
	if d.groups != nil {
		_, failed := d.groups.look(ctx)
		err = errors.Join(err, failed)
	}
	return changed, err
}

// look refreshes what this desk itself holds.
func (d *Desk) look(ctx context.Context) (changed bool, err error) {
	select {
	case d.refreshing <- struct{}{}:
		defer func() { <-d.refreshing }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	changed, err = d.refresh(ctx)
	if ctx.Err() != nil {
		return changed, err // whoever asked went away; that says nothing of the warehouse
	}
	trouble := ""
	if err != nil {
		trouble = err.Error()
	}
	if before := d.trouble.Swap(&trouble); err != nil && (before == nil || *before != trouble) {
		d.Log.WarnContext(ctx, "look for the published run", "error", err)
	}
	return changed, err
}

// latest returns the run to hold.
func (d *Desk) latest(ctx context.Context) (Run, error) {
	if d.groups != nil {
		return d.Runs.Latest(ctx)
	}
	run, err := d.Runs.Newest(ctx, PurposeGroups, math.MaxInt64)
	if errors.Is(err, ErrNotFound) {
		err = errors.Join(errNoGroups, ErrUnavailable)
	}
	return run, err
}

func (d *Desk) refresh(ctx context.Context) (bool, error) {
	for attempt := 1; ; attempt++ {
		run, err := d.latest(ctx)
		before := d.shelf.Load()
		switch {
		case errors.Is(err, ErrUnavailable):
			d.shelf.Store(&shelf{through: before.through, askedThrough: before.askedThrough})
			return before.current != nil, nil
		case err != nil:
			return false, fmt.Errorf("look for the published run: %w", err)
		case before.current != nil && before.current.run.ID == run.ID:
			return false, d.tidy(ctx, before)
		}
		begin := d.Now()
		e, err := d.read(ctx, run)
		if errors.Is(err, ErrNotFound) && attempt < readAttempts {
			continue // it was dropped while it was read; another one is published now
		}
		if err != nil {
			return false, err
		}
		after := &shelf{current: e, replaced: before.current, replacedAt: d.Now(), through: before.through, askedThrough: before.askedThrough}
		if before.standing != nil { // holds until it is asked of this run
			after.standing = &roll{of: before.standing.of}
		}
		d.shelf.Store(after)
		d.Log.InfoContext(ctx, "holding a run", "run", run.ID, "cutoff", run.Cutoff.String(), "accounts", e.rows(), "scored", e.scored,
			"bytes", e.bytes, "took", d.Now().Sub(begin))
		return true, d.tidy(ctx, after)
	}
}

// read reads a run, and where its accounts have gone.
func (d *Desk) read(ctx context.Context, run Run) (*edition, error) {
	e, err := readEdition(ctx, d.Runs, run)
	if err != nil || d.Moves == nil {
		return e, err
	}
	e.moves, err = d.Moves(ctx, run)
	return e, err
}

// tidy lets go of a replaced run that is old or was dropped, and asks from time
// to time through which day the data is complete and how the accounts stand.
func (d *Desk) tidy(ctx context.Context, held *shelf) error {
	now, next := d.Now(), *held
	if next.replaced != nil {
		_, err := d.Runs.Run(ctx, next.replaced.run.ID)
		if errors.Is(err, ErrNotFound) || now.Sub(next.replacedAt) >= keepReplaced {
			next.replaced = nil
		}
	}
	var err error
	if d.DataThrough != nil && (next.askedThrough.IsZero() || now.Sub(next.askedThrough) >= askThroughEvery) {
		var through frame.Cutoff
		if through, err = d.DataThrough(ctx); err == nil {
			next.through, next.askedThrough = through, now
		} else {
			err = fmt.Errorf("ask through which day the data is complete: %w", err)
		}
	}
	if d.Standings != nil && next.current != nil && (next.standing == nil || now.Sub(next.standing.asked) >= askThroughEvery) {
		of, failed := d.Standings(ctx, next.current.run)
		if failed == nil {
			next.standing = &roll{of, now}
		}
		err = errors.Join(err, failed)
	}
	if next != *held {
		d.shelf.Store(&next)
	}
	return err
}

// Watch refreshes at once and then every 5 s until ctx ends. What goes wrong is
// logged and tried again; Status tells it too.
func (d *Desk) Watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		_, _ = d.Refresh(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// holding returns what the desk holds; ErrUnavailable when that is nothing.
func (d *Desk) holding() (*shelf, error) {
	s := d.shelf.Load()
	switch {
	case s.current == nil && d.groups == nil:
		return nil, fmt.Errorf("%w: %w", errNoGroups, ErrUnavailable)
	case s.current == nil:
		return nil, fmt.Errorf("no scores are published yet: %w", ErrUnavailable)
	}
	return s, nil
}

// teller turns scores of one run into answers.
type teller struct {
	run   Run
	metas map[string]frame.Meta
	live  bool
	stale string
}

func (d *Desk) teller(s *shelf, e *edition) teller {
	return teller{run: e.run, metas: d.Metas, stale: d.stale(e.run.Cutoff, s.lastDay(e.run))}
}

// lastDay is the end of the last complete day of data: the warehouse's when it
// was asked, otherwise the run's.
func (s *shelf) lastDay(r Run) frame.Cutoff {
	if s.through != 0 {
		return s.through
	}
	return r.DataThrough
}

// stale says why a score as of a cutoff is old, "" when it is not. A day that
// is not known (0) is not old.
func (d *Desk) stale(cutoff, through frame.Cutoff) string {
	now, zone := d.Now().Unix(), d.Settings.Location()
	older := func(c frame.Cutoff, days int) bool { return c != 0 && now-int64(c) > int64(days)*86400 }
	var why string
	if older(cutoff, d.Settings.StaleRunDays) {
		why = fmt.Sprintf("the score is as of %s, more than %d days ago", CutoffText(cutoff, zone), d.Settings.StaleRunDays)
	}
	if older(through, d.Settings.StaleDataDays) {
		if why != "" {
			why += "; "
		}
		why += fmt.Sprintf("the last complete day of data is %s, more than %d days ago", CutoffText(through, zone), d.Settings.StaleDataDays)
	}
	return why
}

func (t *teller) answer(s Found) Answer {
	a := Answer{
		Found: s, Run: t.run.ID, HorizonDays: t.run.HorizonDays, Currency: t.run.Currency, MarginRate: t.run.MarginRate,
		Live: t.live, Stale: t.stale,
	}
	a.Up, a.Down = t.said(s.Up), t.said(s.Down)
	return a
}

func (t *teller) said(reasons []score.Reason) []Said {
	if len(reasons) == 0 {
		return nil
	}
	all := make([]Said, len(reasons))
	for i, r := range reasons {
		meta, known := t.metas[r.Feature]
		if !known {
			meta.LabelEN, meta.LabelZH = r.Feature, r.Feature
		}
		all[i] = Said{
			Reason: r, Label: meta.LabelEN, LabelZH: meta.LabelZH, Unit: meta.Unit,
			EN: score.Sentence(r, t.metas, score.English), ZH: score.Sentence(r, t.metas, score.Chinese),
		}
	}
	return all
}

// Get implements Answers.
func (d *Desk) Get(_ context.Context, account frame.AccountID) (Answer, error) {
	s, err := d.holding()
	if err != nil {
		return Answer{}, err
	}
	found, ok := s.find(account)
	if !ok {
		return Answer{}, fmt.Errorf("account %q: %w", account, ErrNotFound)
	}
	t := d.teller(s, s.current)
	return t.answer(found), nil
}

// find returns an account's score, or that of the account or group it goes on in.
func (s *shelf) find(account frame.AccountID) (Found, bool) {
	row, ok := s.current.find(account)
	if ok {
		return s.found(s.current, row), true
	}
	move, gone := s.current.moves[account]
	if !gone {
		return Found{}, false
	}
	if row, ok = s.current.find(move.Into); !ok {
		return Found{}, false
	}
	f := s.found(s.current, row)
	f.Moved = &Moved{Account: account, Kind: move.Kind, Since: move.Since}
	return f, true
}

// found returns row i of an edition. Of an account that asked to be erased since the
// run was made nothing is told but that.
func (s *shelf) found(e *edition, i int) Found {
	stands := s.stands(frame.AccountID(e.account.at(i)))
	f := Found{Score: e.score(i), Brief: e.brief(i), OptedOut: stands.OptedOut}
	if stands.Erased && f.Unscorable != erased {
		nan := math.NaN()
		f.Brief = nil
		f.Score = score.Score{
			Account: f.Account, Unscorable: erased, Receipt: f.Receipt,
			Margin: nan, Base: nan, Probability: nan, Percentile: nan, ValueAtRisk: nan, RunRate: nan,
		}
	}
	return f
}

// BatchGet implements Answers. An account asked for twice is answered twice.
func (d *Desk) BatchGet(ctx context.Context, accounts []frame.AccountID) (found []Answer, unknown []frame.AccountID, err error) {
	s, err := d.holding()
	if err != nil {
		return nil, nil, err
	}
	t := d.teller(s, s.current)
	for _, a := range accounts {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if f, ok := s.find(a); ok {
			found = append(found, t.answer(f))
		} else {
			unknown = append(unknown, a)
		}
	}
	return found, unknown, nil
}

// ScoreNow implements Answers. Only the age of the data can make such a score
// stale. An account asked for twice is answered once.
func (d *Desk) ScoreNow(ctx context.Context, accounts []frame.AccountID) (found []Answer, unknown []frame.AccountID, err error) {
	if len(accounts) == 0 || len(accounts) > MaxNow {
		return nil, nil, fmt.Errorf("%d accounts, need 1 … %d: %w", len(accounts), MaxNow, ErrInvalid)
	}
	if d.Score == nil {
		return nil, nil, fmt.Errorf("scores are not computed here: %w", ErrUnavailable)
	}
	seen, once := make(map[frame.AccountID]bool, len(accounts)), make([]frame.AccountID, 0, len(accounts))
	for _, a := range accounts {
		if !seen[a] {
			seen[a] = true
			once = append(once, a)
		}
	}
	s, err := d.holding()
	if err != nil {
		return nil, nil, err
	}
	from := Published{Run: s.current.run, Rank: s.current.rank}
	scores, unknown, err := d.Score(ctx, from, once)
	if err != nil {
		return nil, nil, err
	}
	t := teller{run: from.Run, metas: d.Metas, live: true}
	last := s.lastDay(from.Run)
	for i := range scores {
		t.stale = d.stale(0, last)
		found = append(found, t.answer(scores[i]))
	}
	return found, unknown, nil
}

// Status implements Answers; of groups it says only which run is held. Bytes are
// those of all that is held.
func (d *Desk) Status(context.Context) Status {
	st := Status{Version: d.Version, Engine: d.Describe()}
	if trouble := d.trouble.Load(); trouble != nil {
		st.Detail = *trouble
	}
	s := d.shelf.Load()
	if s.current == nil {
		if st.Detail == "" {
			st.Detail = "no scores are published yet"
		}
		return st
	}
	e := s.current
	st.Ready, st.Run, st.Model, st.Grade, st.Rung = true, e.run.ID, e.run.Model, e.run.Grade, e.run.Rung
	st.Cutoff, st.Scored, st.PublishedAt, st.Bytes = e.run.Cutoff, e.scored, e.run.CommittedAt, e.bytes
	if s.replaced != nil {
		st.Bytes += s.replaced.bytes
	}
	if d.groups != nil {
		groups := d.groups.shelf.Load()
		for _, e := range []*edition{groups.current, groups.replaced} {
			if e != nil {
				st.Bytes += e.bytes
			}
		}
		if groups.current != nil {
			st.Groups = groups.current.run.ID
		}
	}
	st.Stale = d.stale(e.run.Cutoff, s.lastDay(e.run))
	return st
}
