package serving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
)

// wherever returns a desk over runs that is told where accounts have gone and how
// they stand, and its clock.
func wherever(runs Runs, facts *twinFacts) (*Desk, *time.Time) {
	now := day(100).Time()
	s := &Service{Facts: facts, Runs: runs, Settings: DefaultSettings(), Now: func() time.Time { return now }}
	return NewDesk(DeskOptions{Runs: runs, Settings: DefaultSettings(), Moves: s.Moves, Erased: s.Erased, Standings: s.Standings, Now: s.Now}), &now
}

func TestAnAccountIsFoundWhereItGoesOn(t *testing.T) {
	runs := &twinRuns{}
	publishOn(t, runs, 99, markedScores(3, 1))
	d, _ := wherever(runs, &twinFacts{moves: map[frame.AccountID]features.Move{
		"old":  {Into: "C0001", Kind: features.Merged, Since: 7},
		"lost": {Into: "nobody", Kind: features.Renamed, Since: 7},
	}})
	refreshed(t, d, true)
	want := Moved{Account: "old", Kind: features.Merged, Since: 7}
	a, err := d.Get(t.Context(), "old")
	if err != nil || a.Account != "C0001" || a.Moved == nil || *a.Moved != want {
		t.Errorf("the merged account: %+v, %v", a, err)
	}
	found, unknown, err := d.BatchGet(t.Context(), []frame.AccountID{"C0001", "old", "lost", "C0002"})
	if err != nil || len(found) != 3 || len(unknown) != 1 || unknown[0] != "lost" {
		t.Fatalf("found %d, unknown %v, %v", len(found), unknown, err)
	}
	if found[0].Moved != nil || found[1].Moved == nil || *found[1].Moved != want || found[1].Probability != found[0].Probability || found[2].Moved != nil {
		t.Errorf("in the order asked: %+v", found)
	}
	if _, err := d.Get(t.Context(), "lost"); KindOf(err) != NotFound {
		t.Errorf("an account that goes on in one without a score: %v", err)
	}
}

// silent fails when a desk tells anything of an erased account: by name, in lists
// however they are filtered and ordered, or of its worth. told are the accounts that lists
// still have to show, in order of account.
func silent(t *testing.T, d *Desk, account frame.AccountID, told ...frame.AccountID) {
	t.Helper()
	a, err := d.Get(t.Context(), account)
	if err != nil || a.Account != account || a.Unscorable != erased || a.Name != "" || a.Band != score.None || a.Stage != "" || len(a.Up)+len(a.Down) > 0 ||
		a.Brief != nil || a.Moved != nil || a.Change != nil || a.Receipt.RowHash != "" || a.OptedOut {
		t.Errorf("%s is erased: %+v, %v", account, a, err)
	}
	for name, v := range map[string]float64{
		"probability": a.Probability, "margin": a.Margin, "base": a.Base, "percentile": a.Percentile, "value at risk": a.ValueAtRisk, "run rate": a.RunRate,
	} {
		if !math.IsNaN(v) {
			t.Errorf("%s is erased, and its %s is %v", account, name, v)
		}
	}
	if found, unknown, err := d.BatchGet(t.Context(), []frame.AccountID{account}); err != nil || len(unknown) > 0 || len(found) != 1 || found[0].Unscorable != erased || found[0].Name != "" {
		t.Errorf("%s in a batch: %+v, %v", account, found, err)
	}
	if w, err := d.Worth(t.Context(), account); !errors.Is(err, ErrNoWorth) || w.Run != "" {
		t.Errorf("%s is erased, and its worth is told: %+v, %v", account, w, err)
	}
	for _, r := range []ListRequest{
		{OrderBy: "account"}, {Filter: `account = "*"`, OrderBy: "account"}, {Filter: "probability >= 0", OrderBy: "account"},
		{Filter: `name = "1"`, OrderBy: "account"}, {Filter: `NOT account = "nobody"`, OrderBy: "account"}, {Filter: "tier = vip", OrderBy: "account"},
		{Filter: "loyalty >= 0", OrderBy: "loyalty, account"}, {OrderBy: "probability desc, account"}, {Filter: `account = "` + string(account) + `"`},
	} {
		want := told
		if strings.HasSuffix(r.Filter, string(account)+`"`) {
			want = nil
		}
		page, err := d.List(t.Context(), r)
		if err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		var got []frame.AccountID
		for i := range page.Answers {
			got = append(got, page.Answers[i].Account)
		}
		if !slices.Equal(got, want) || page.Total != len(want) {
			t.Errorf("filter %q in order of %q lists %v of %d, want %v", r.Filter, r.OrderBy, got, page.Total, want)
		}
	}
}

// everyWorth are scores of n accounts, all with a worth: the loyalty rises with the
// account.
func everyWorth(n int) []score.Score { return worthy(n + 1)[:n] }

// Between an erasure and the next run nothing of the account is told, filtered or
// ordered by; whoever opted out is marked.
func TestErasedSinceTheRunIsNotShown(t *testing.T) {
	runs, facts := &twinRuns{}, &twinFacts{standings: map[frame.AccountID]features.Standing{"C0002": {OptedOut: true}}}
	publishOn(t, runs, 99, everyWorth(4))
	d, now := wherever(runs, facts)
	refreshed(t, d, true)
	if a, err := d.Get(t.Context(), "C0001"); err != nil || a.Probability != .5 || a.OptedOut {
		t.Fatalf("%+v, %v", a, err)
	}
	if a, err := d.Get(t.Context(), "C0002"); err != nil || a.Probability != .5 || !a.OptedOut {
		t.Errorf("opted out: %+v, %v; want the score and the mark", a, err)
	}
	facts.standings = map[frame.AccountID]features.Standing{"C0001": {Erased: true, OptedOut: true}}
	*now = now.Add(askThroughEvery)
	refreshed(t, d, false)
	silent(t, d, "C0001", "C0000", "C0002", "C0003")
}

// Links change between a run and an erasure: its rows carry the names of its own day.
func TestErasedUnderAnotherNameThanThatOfTheRun(t *testing.T) {
	t.Run("merged since", func(t *testing.T) {
		// The run knows of no link; as the accounts stand today only the heir is erased.
		runs, facts := &twinRuns{}, &twinFacts{
			links: []features.Link{merge("C0001", "C0002", 99, 0)}, standings: map[frame.AccountID]features.Standing{"C0002": {Erased: true}},
			erased: []frame.AccountID{"C0001"},
		}
		publishOn(t, runs, 98, everyWorth(4))
		d, _ := wherever(runs, facts)
		refreshed(t, d, true)
		silent(t, d, "C0001", "C0000", "C0003")
		silent(t, d, "C0002", "C0000", "C0003")
	})
	t.Run("the link ended since", func(t *testing.T) {
		// The row C0002 is made of what "before" bought too.
		runs, facts := &twinRuns{}, &twinFacts{
			links: []features.Link{merge("before", "C0002", 90, 99)}, erased: []frame.AccountID{"before"},
			moves: map[frame.AccountID]features.Move{"before": {Into: "C0002", Kind: features.Merged, Since: 7}},
		}
		publishOn(t, runs, 98, everyWorth(4))
		d, _ := wherever(runs, facts)
		refreshed(t, d, true)
		silent(t, d, "C0002", "C0000", "C0001", "C0003")
		silent(t, d, "before", "C0000", "C0001", "C0003")
	})
	t.Run("in a walk through the run before", func(t *testing.T) {
		runs, facts := &twinRuns{}, &twinFacts{}
		publishOn(t, runs, 98, everyWorth(4))
		d, now := wherever(runs, facts)
		refreshed(t, d, true)
		page, err := d.List(t.Context(), ListRequest{OrderBy: "account", PageSize: 1})
		if err != nil {
			t.Fatal(err)
		}
		publishOn(t, runs, 99, everyWorth(4))
		refreshed(t, d, true)
		facts.erased = []frame.AccountID{"C0002"}
		*now = now.Add(hearEvery)
		refreshed(t, d, false)
		page, err = d.List(t.Context(), ListRequest{OrderBy: "account", PageSize: 1000, PageToken: page.NextPageToken})
		if err != nil || page.Total != 3 || len(page.Answers) != 2 || page.Answers[0].Account != "C0001" || page.Answers[1].Account != "C0003" {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

// Nothing is told before it is known who wants to be erased; afterwards nothing that
// goes wrong keeps the next wish from being heard.
func TestWishesToBeErasedAreHeard(t *testing.T) {
	runs, facts := &failingRuns{twinRuns: &twinRuns{}}, &twinFacts{}
	publishOn(t, runs.twinRuns, 98, everyWorth(4))
	down := errors.New("connection refused")
	fault := down
	d, now := wherever(runs, facts)
	told := d.Erased
	d.Erased = func(ctx context.Context, r Run) (map[frame.AccountID]bool, error) {
		if fault != nil {
			return nil, fault
		}
		return told(ctx, r)
	}
	d.Score = func(context.Context, Published, []frame.AccountID) ([]Found, []frame.AccountID, error) {
		return nil, nil, nil
	}
	if _, err := d.Refresh(t.Context()); !errors.Is(err, down) {
		t.Errorf("refresh: %v", err)
	}
	ask := map[string]func() error{
		"get":   func() error { _, err := d.Get(t.Context(), "C0001"); return err },
		"batch": func() error { _, _, err := d.BatchGet(t.Context(), []frame.AccountID{"C0001"}); return err },
		"list":  func() error { _, err := d.List(t.Context(), ListRequest{}); return err },
		"worth": func() error { _, err := d.Worth(t.Context(), "C0001"); return err },
		"now":   func() error { _, _, err := d.ScoreNow(t.Context(), []frame.AccountID{"C0001"}); return err },
	}
	for name, ask := range ask {
		if err := ask(); KindOf(err) != Unavailable || !strings.Contains(err.Error(), "wants to be erased") {
			t.Errorf("%s before anybody said who is erased: %v", name, err)
		}
	}
	if st := d.Status(t.Context()); st.Ready || !strings.Contains(st.Detail, "refused") {
		t.Errorf("%+v", st)
	}
	fault = nil
	refreshed(t, d, true)
	for name, ask := range ask {
		if err := ask(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	// A look that fails is made up for at the next one, a run that can't be read and
	// links that lead round change nothing.
	d.Standings = func(context.Context, Run) (map[frame.AccountID]features.Standing, error) {
		return nil, features.ErrCycle
	}
	runs.scores = errors.New("a damaged run")
	publishOn(t, runs.twinRuns, 99, everyWorth(4))
	facts.erased = []frame.AccountID{"C0001"}
	fault = down
	for range int(2 * time.Minute / lookEvery) {
		*now = now.Add(lookEvery)
		if _, err := d.Refresh(t.Context()); err == nil {
			t.Fatal("no word of what goes wrong")
		}
	}
	if a, err := d.Get(t.Context(), "C0001"); err != nil || a.Unscorable != "" {
		t.Errorf("while the warehouse doesn't answer: %+v, %v", a, err)
	}
	fault = nil
	*now = now.Add(lookEvery)
	if _, err := d.Refresh(t.Context()); !errors.Is(err, runs.scores) {
		t.Errorf("%v", err)
	}
	silent(t, d, "C0001", "C0000", "C0002", "C0003")
	if longest := hearEvery + lookEvery; longest > 4*time.Minute {
		t.Errorf("a wish is heard after %s, the README says five minutes", longest)
	}
	// A new run is told of with today's roll from the first instant.
	runs.scores, fault = nil, nil
	if changed, err := d.Refresh(t.Context()); !changed || !errors.Is(err, features.ErrCycle) {
		t.Fatalf("refresh: changed = %v, %v", changed, err)
	}
	silent(t, d, "C0001", "C0000", "C0002", "C0003")
	facts.erased = append(facts.erased, "C0003")
	*now = now.Add(hearEvery)
	if _, err := d.Refresh(t.Context()); !errors.Is(err, features.ErrCycle) {
		t.Errorf("%v", err)
	}
	silent(t, d, "C0003", "C0000", "C0002")
}

// Whoever asks as one should is not told which accounts are linked in a cycle; the
// log is.
func TestLinksInACycleAreToldWithoutNames(t *testing.T) {
	runs := &twinRuns{}
	publishOn(t, runs, 99, markedScores(3, 1))
	cycle := func() error {
		_, err := features.Unite([]features.Link{merge("A1", "B2", 50, 0), merge("B2", "A1", 50, 0)}, day(99), frame.KnownAt(day(99)))
		return fmt.Errorf("unite: %w", err)
	}
	var log strings.Builder
	d := NewDesk(DeskOptions{
		Runs: runs, Settings: DefaultSettings(), Now: day(100).Time, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Standings: func(context.Context, Run) (map[frame.AccountID]features.Standing, error) { return nil, cycle() },
		Score: func(context.Context, Published, []frame.AccountID) ([]Found, []frame.AccountID, error) {
			return nil, nil, cycle()
		},
		Grow: func(context.Context, GrowthRequest, func(Progress)) (GrowthResult, error) {
			return GrowthResult{}, cycle()
		},
	})
	named := func(text string) bool { return strings.Contains(text, "A1") || strings.Contains(text, "B2") }
	if _, err := d.Refresh(t.Context()); !errors.Is(err, features.ErrCycle) || !named(err.Error()) {
		t.Fatalf("refresh: %v", err)
	}
	if st := d.Status(t.Context()); !st.Ready || named(st.Detail) || !strings.Contains(st.Detail, "circle") {
		t.Errorf("status: %+v", st)
	}
	for name, ask := range map[string]func() error{
		"score now": func() error { _, _, err := d.ScoreNow(t.Context(), []frame.AccountID{"C0001"}); return err },
		"growth":    func() error { _, err := d.Growth(t.Context(), GrowthRequest{}); return err },
	} {
		log.Reset()
		if err := ask(); KindOf(err) != Conflict || errors.Is(err, features.ErrCycle) || named(err.Error()) || !strings.Contains(err.Error(), "circle") {
			t.Errorf("%s: %v", name, err)
		}
		if !named(log.String()) {
			t.Errorf("%s: the log says %q", name, log.String())
		}
	}
}

func TestDeskOfGroups(t *testing.T) {
	runs, facts := &twinRuns{}, &twinFacts{moves: map[frame.AccountID]features.Move{"branch": {Into: "C0000", Kind: features.Group}}}
	d, _ := wherever(runs, facts)
	branches := publishOn(t, runs, 99, markedScores(3, 1))
	refreshed(t, d, true)
	if _, err := d.Groups().Get(t.Context(), "C0000"); KindOf(err) != Unavailable || !strings.Contains(err.Error(), "fealty score --groups") {
		t.Errorf("without a run of groups: %v, want the way to one", err)
	}
	if st := d.Status(t.Context()); !st.Ready || st.Groups != "" {
		t.Errorf("%+v: groups are none of readiness", st)
	}
	groups := publishAs(t, runs, PurposeGroups, 98, markedScores(2, 3))
	refreshed(t, d, false) // of the published run nothing changed
	a, err := d.Groups().Get(t.Context(), "branch")
	if err != nil || a.Run != groups.ID || a.Account != "C0000" || a.Probability != .75 || a.Moved == nil || a.Moved.Kind != features.Group {
		t.Errorf("the group of a branch: %+v, %v", a, err)
	}
	page, err := d.Groups().List(t.Context(), ListRequest{PageSize: 1})
	if err != nil || page.Total != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	// A walk through groups goes on through groups, and not elsewhere.
	next := ListRequest{PageSize: 1, PageToken: page.NextPageToken}
	if page, err = d.Groups().List(t.Context(), next); err != nil || page.Answers[0].Account != "C0001" || page.Answers[0].Run != groups.ID {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := d.List(t.Context(), next); KindOf(err) != Invalid {
		t.Errorf("a token of groups among branches: %v", err)
	}
	if a, err := d.Get(t.Context(), "C0002"); err != nil || a.Run != branches.ID {
		t.Errorf("the published run: %+v, %v", a, err)
	}
	if st := d.Status(t.Context()); st.Run != branches.ID || st.Groups != groups.ID {
		t.Errorf("%+v", st)
	}
}

// A run says of an erased account that it is, and of a paused one that it pauses,
// whatever the band; all other scores are what they were, and replay agrees.
func TestRunsSayHowAccountsStand(t *testing.T) {
	s, facts, runs, _ := village(300)
	live(t, s)
	before := scored(t, s, ScoreRequest{})
	facts.standings = map[frame.AccountID]features.Standing{}
	var paused frame.AccountID
	for _, sc := range runs.scores[before.Run.ID] {
		if sc.Stage == score.AtRisk {
			paused = sc.Account
		}
	}
	if paused == "" {
		t.Fatal("nobody is at risk")
	}
	facts.standings["C0007"], facts.standings[paused] = features.Standing{Erased: true}, features.Standing{Paused: true, OptedOut: true}
	after := scored(t, s, ScoreRequest{})
	if after.Unscorable["erased"] != 1 || after.Stages["paused"] != 1 || after.Run.Rows != before.Run.Rows {
		t.Errorf("without a score %v, stages %v", after.Unscorable, after.Stages)
	}
	earlier := runs.scores[before.Run.ID]
	for i, sc := range runs.scores[after.Run.ID] {
		was := &earlier[i]
		switch sc.Account {
		case "C0007":
			if sc.Unscorable != "erased" || !math.IsNaN(sc.Margin) || !math.IsNaN(sc.Percentile) || sc.Name != "" || sc.Segment != "" || len(sc.Up)+len(sc.Down) > 0 || sc.Change != nil {
				t.Errorf("erased: %+v", sc)
			}
		case paused:
			if sc.Stage != score.Paused || sc.Band != score.High {
				t.Errorf("paused: stage %q, band %q", sc.Stage, sc.Band)
			}
			fallthrough
		default:
			if math.Float64bits(sc.Margin) != math.Float64bits(was.Margin) || sc.Name != was.Name || sc.Unscorable != was.Unscorable {
				t.Errorf("%s: margin %v, was %v", sc.Account, sc.Margin, was.Margin)
			}
		}
	}
	for _, account := range []string{"C0007", string(paused)} {
		if r := replayed(t, s, ReplayRequest{Account: account}); !r.Same {
			t.Errorf("replay of %s: %s", account, r.Why)
		}
	}
}

func TestScoreNowOfAnAccountThatGoesOnInAnother(t *testing.T) {
	s, facts, _, _ := village(300)
	live(t, s)
	from := Published{Run: scored(t, s, ScoreRequest{}).Run}
	facts.moves = map[frame.AccountID]features.Move{
		"old": {Into: "C0003", Kind: features.Merged, Since: 7}, "older": {Into: "C0009", Kind: features.Renamed, Since: 3},
	}
	facts.standings = map[frame.AccountID]features.Standing{"C0009": {OptedOut: true}}
	facts.calls = nil
	found, unknown, err := s.ScoreNow(t.Context(), from, []frame.AccountID{"old", "C0003", "older", "nobody", "old"})
	if err != nil || len(found) != 3 || len(unknown) != 1 || unknown[0] != "nobody" {
		t.Fatalf("found %d, unknown %v, %v", len(found), unknown, err)
	}
	if f := found[0]; f.Account != "C0003" || f.Moved == nil || *f.Moved != (Moved{Account: "old", Kind: features.Merged, Since: 7}) || f.Receipt.RowHash != found[1].Receipt.RowHash {
		t.Errorf("merged: %+v", f)
	}
	if f := found[1]; f.Account != "C0003" || f.Moved != nil {
		t.Errorf("by its own name: %+v", f)
	}
	if f := found[2]; f.Account != "C0009" || f.Moved == nil || f.Moved.Account != "older" || !f.OptedOut {
		t.Errorf("renamed: %+v", f)
	}
	// An erased account is told by no other name, and by nothing that was known of it.
	facts.standings = map[frame.AccountID]features.Standing{"C0003": {Erased: true, OptedOut: true}}
	found, _, err = s.ScoreNow(t.Context(), from, []frame.AccountID{"old", "C0003"})
	if err != nil || len(found) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	for i, account := range []frame.AccountID{"old", "C0003"} {
		if f := found[i]; f.Account != account || f.Moved != nil || f.Unscorable != erased || f.OptedOut || f.Receipt.RowHash != "" || f.Name != "" || !math.IsNaN(f.Margin) {
			t.Errorf("erased: %+v", f)
		}
	}
	// Nobody asks where accounts have gone while all are found.
	facts.calls = nil
	if _, _, err := s.ScoreNow(t.Context(), from, []frame.AccountID{"C0003"}); err != nil || facts.calls["moves"] != 0 || facts.calls["build"] != 1 {
		t.Errorf("%v after %v", err, facts.calls)
	}
}

func TestReplayNamesWhereAnAccountGoesOn(t *testing.T) {
	s, facts, _, _ := village(200)
	live(t, s)
	if _, err := s.Replay(t.Context(), ReplayRequest{Account: "C0007", Groups: true}, nil); KindOf(err) != Unavailable || !strings.Contains(err.Error(), "fealty score --groups") {
		t.Errorf("without a run of groups: %v", err)
	}
	scored(t, s, ScoreRequest{})
	groups := scored(t, s, ScoreRequest{Groups: true}).Run
	if r := replayed(t, s, ReplayRequest{Account: "C0007", Groups: true}); r.Run != groups.ID || !r.Same || !facts.groups {
		t.Errorf("a group's score: %+v", r)
	}
	facts.moves = map[frame.AccountID]features.Move{"old": {Into: "C0003", Kind: features.Merged, Since: 86400}, "branch": {Into: "C0004", Kind: features.Group}}
	for account, want := range map[string]string{
		"old": `it goes on in "C0003" (merged since 1970-01-02); ask for that`, "branch": `in group "C0004"; ask for that`, "nobody": `has no account "nobody"`,
	} {
		if _, err := s.Replay(t.Context(), ReplayRequest{Account: account}, nil); KindOf(err) != NotFound || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", account, err, want)
		}
	}
}
