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
	// data is complete, which costs a pass over the orders, and how accounts stand.
	askThroughEvery = 5 * time.Minute
	// hearEvery is how often it is asked who wants to be erased. An answer that does
	// not come is asked for again at the next look, so that one within five minutes
	// is promised with some to spare.
	hearEvery = 2 * time.Minute
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
	// WhyNothingNext is the code of why an account has no recommendations by a model; nil
	// means that nobody says.
	WhyNothingNext func(ctx context.Context, version string) (string, error)
	// Moves tells where accounts of a run have gone, Erased of which of them nothing
	// may be told now, Standings how they stand otherwise; nil means that nobody tells.
	// Without an answer of Erased nothing is told of a run.
	Moves     func(ctx context.Context, r Run) (map[frame.AccountID]features.Move, error)
	Erased    func(ctx context.Context, r Run) (map[frame.AccountID]bool, error)
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
	// nothing is what WhyNothingNext said last.
	nothing atomic.Pointer[nothingNext]
	// groups is the desk of groups; nil in that one itself.
	groups *Desk
}

// shelf is what a desk holds at one moment. It is replaced whole, rolls included.
type shelf struct {
	// current is nil when nothing is published, replaced when there is none.
	current, replaced *edition
	replacedAt        time.Time
	// rolls are those of current and replaced.
	rolls map[*edition]*roll
	// unheard is the run that is published and not told of, since nobody said who
	// wants to be erased; "" when there is none, or while another is held.
	unheard string
	// through is the warehouse's last complete day; 0 when it is not known.
	through      frame.Cutoff
	askedThrough time.Time
	// standing is how the accounts of current stand; nil when nobody told it yet.
	standing      map[frame.AccountID]features.Standing
	askedStanding time.Time
}

// roll is of whom nothing may be told in an edition, as of when that was asked. It
// is read-only.
type roll struct {
	erased map[frame.AccountID]bool
	// hidden are the rows that lists leave out: not those of whom the run itself says
	// that they are erased.
	hidden map[int]bool
	asked  time.Time
}

// hides tells whether nothing may be told of an account of an edition that is held.
func (s *shelf) hides(e *edition, account frame.AccountID) bool { return s.rolls[e].erased[account] }

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
	switch {
	case errors.Is(err, features.ErrCycle):
		trouble = errRound.Error() // anybody may ask for the status; the log has the rest
	case err != nil:
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
	changed, err := d.take(ctx)
	// Whatever became of the newest run: who is to be forgotten is asked of those held.
	return changed, errors.Join(err, d.tidy(ctx))
}

// take puts the run to hold on the shelf, if it is another.
func (d *Desk) take(ctx context.Context) (bool, error) {
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
			return false, nil
		}
		begin := d.Now()
		erased, err := d.hear(ctx, run)
		if err != nil {
			if before.current == nil {
				d.shelf.Store(&shelf{unheard: run.ID, through: before.through, askedThrough: before.askedThrough})
			}
			return false, err
		}
		e, err := d.read(ctx, run)
		if errors.Is(err, ErrNotFound) && attempt < readAttempts {
			continue // it was dropped while it was read; another one is published now
		}
		if err != nil {
			return false, err
		}
		after := &shelf{
			current: e, replaced: before.current, replacedAt: d.Now(), through: before.through, askedThrough: before.askedThrough,
			rolls:    map[*edition]*roll{e: e.roll(erased, begin)},
			standing: before.standing, // holds until it is asked of this run
		}
		if before.current != nil {
			after.rolls[before.current] = before.rolls[before.current]
		}
		d.shelf.Store(after)
		d.Log.InfoContext(ctx, "holding a run", "run", run.ID, "cutoff", run.Cutoff.String(), "accounts", e.rows(), "scored", e.scored,
			"bytes", e.bytes, "took", d.Now().Sub(begin))
		return true, nil
	}
}

// hear asks of whom nothing may be told in a run.
func (d *Desk) hear(ctx context.Context, run Run) (map[frame.AccountID]bool, error) {
	if d.Erased == nil {
		return map[frame.AccountID]bool{}, nil
	}
	erased, err := d.Erased(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("ask who of run %q wants to be erased: %w", run.ID, err)
	}
	return erased, nil
}

// roll is of whom nothing may be told in the edition, as asked at an instant.
func (e *edition) roll(of map[frame.AccountID]bool, asked time.Time) *roll {
	r := &roll{erased: of, hidden: map[int]bool{}, asked: asked}
	for account := range of {
		if row, ok := e.find(account); ok && e.unscorable.at(row) != erased {
			r.hidden[row] = true
		}
	}
	return r
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

// tidy lets go of a replaced run that is old or was dropped, and asks from time to
// time who wants to be erased, through which day the data is complete and how the
// accounts stand. What it is not told it asks for again when it is called next.
func (d *Desk) tidy(ctx context.Context) error {
	now, next := d.Now(), *d.shelf.Load()
	if next.current == nil {
		return nil
	}
	if next.replaced != nil {
		_, err := d.Runs.Run(ctx, next.replaced.run.ID)
		if errors.Is(err, ErrNotFound) || now.Sub(next.replacedAt) >= keepReplaced {
			next.replaced = nil
		}
	}
	var errs []error
	held := next.rolls
	next.rolls = map[*edition]*roll{}
	for _, e := range []*edition{next.current, next.replaced} {
		if e == nil {
			continue
		}
		next.rolls[e] = held[e]
		if d.Erased == nil || now.Sub(held[e].asked) < hearEvery {
			continue
		}
		if erased, err := d.hear(ctx, e.run); err != nil {
			errs = append(errs, err)
		} else {
			next.rolls[e] = e.roll(erased, now)
		}
	}
	if d.DataThrough != nil && (next.askedThrough.IsZero() || now.Sub(next.askedThrough) >= askThroughEvery) {
		if through, err := d.DataThrough(ctx); err != nil {
			errs = append(errs, fmt.Errorf("ask through which day the data is complete: %w", err))
		} else {
			next.through, next.askedThrough = through, now
		}
	}
	if d.Standings != nil && (next.askedStanding.IsZero() || now.Sub(next.askedStanding) >= askThroughEvery) {
		if standing, err := d.Standings(ctx, next.current.run); err != nil {
			errs = append(errs, err)
		} else {
			next.standing, next.askedStanding = standing, now
		}
	}
	d.shelf.Store(&next)
	return errors.Join(errs...)
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
	case s.unheard != "":
		return nil, fmt.Errorf("run %q is published, but the warehouse doesn't tell yet who wants to be erased; ask again in a moment: %w", s.unheard, ErrUnavailable)
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
// Of an erased account it is not told where it went.
func (s *shelf) find(account frame.AccountID) (Found, bool) {
	e := s.current
	if row, ok := e.find(account); ok {
		return s.found(e, row), true
	}
	move, gone := e.moves[account]
	if !gone {
		return Found{}, false
	}
	row, ok := e.find(move.Into)
	if !ok {
		return Found{}, false
	}
	f := s.found(e, row)
	if f.Unscorable == erased || s.hides(e, account) {
		f = Found{Score: blank(&f.Score)}
		f.Account = account
		return f, true
	}
	f.Moved = &Moved{Account: account, Kind: move.Kind, Since: move.Since}
	return f, true
}

// found returns row i of an edition. Of an account that has asked to be erased
// nothing is told but that.
func (s *shelf) found(e *edition, i int) Found {
	sc := e.score(i)
	if s.hides(e, sc.Account) {
		return Found{Score: blank(&sc)}
	}
	return Found{Score: sc, Brief: e.brief(i), OptedOut: s.standing[sc.Account].OptedOut}
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
		return nil, nil, d.withoutNames(ctx, "score now", err)
	}
	t := teller{run: from.Run, metas: d.Metas, live: true}
	last := s.lastDay(from.Run)
	for i := range scores {
		t.stale = d.stale(0, last)
		found = append(found, t.answer(scores[i]))
	}
	return found, unknown, nil
}

// errRound is told of links in a cycle to those whose request is as it should be, and
// who are not to learn the names of other accounts.
var errRound = errors.New("the links between accounts lead round in a circle, so that nobody can say which of them goes on; fealty data check names them")

// withoutNames turns an error of links in a cycle into one without names; the log has
// them.
func (d *Desk) withoutNames(ctx context.Context, doing string, err error) error {
	if !errors.Is(err, features.ErrCycle) {
		return err
	}
	d.Log.WarnContext(ctx, doing, "error", err)
	return fmt.Errorf("%w: %w", errRound, ErrConflict)
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
