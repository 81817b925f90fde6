package serving

import (
	"math"
	"slices"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/frame"
)

// The run of these tests is as of day 99; links are of before it, or of since.
const (
	beforeRun = 90
	afterRun  = 99
)

func merge(account, other frame.AccountID, since, until int) features.Link {
	l := features.Link{Account: account, Other: other, Kind: features.Merged, Since: int64(day(since)), Recorded: int64(day(since))}
	if until > 0 {
		l.Until = int64(day(until))
	}
	return l
}

// Nothing may be told of whoever asked by its own name, whoever is one with it today,
// and whatever row of the run it was counted in; and of nobody else.
func TestWhoIsErasedByTheNamesOfARun(t *testing.T) {
	for _, c := range []struct {
		name    string
		links   []features.Link // of today
		moves   map[frame.AccountID]features.Move
		erased  []frame.AccountID
		want    []frame.AccountID
		without string // what must not be asked
	}{
		{name: "nobody", links: []features.Link{merge("A", "B", beforeRun, 0)}, without: "moves"},
		{name: "by its own name", erased: []frame.AccountID{"B"}, want: []frame.AccountID{"B"}},
		{name: "merged since the run", links: []features.Link{merge("B", "C", afterRun, 0)}, erased: []frame.AccountID{"B"}, want: []frame.AccountID{"B", "C"}},
		{name: "the heir asked", links: []features.Link{merge("B", "C", afterRun, 0)}, erased: []frame.AccountID{"C"}, want: []frame.AccountID{"B", "C"}},
		{
			name: "the link ended since the run", links: []features.Link{merge("B", "C", beforeRun, afterRun)},
			moves:  map[frame.AccountID]features.Move{"B": {Into: "C", Kind: features.Merged}, "X": {Into: "Y", Kind: features.Merged}},
			erased: []frame.AccountID{"B"}, want: []frame.AccountID{"B", "C"},
		},
		{
			name: "links in a cycle", links: []features.Link{merge("X", "Y", beforeRun, 0), merge("Y", "X", beforeRun, 0)},
			erased: []frame.AccountID{"B"}, want: []frame.AccountID{"B"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts := &twinFacts{links: c.links, moves: c.moves, erased: c.erased}
			s := &Service{Facts: facts, Runs: &twinRuns{}, Settings: DefaultSettings(), Now: day(100).Time}
			got, err := s.Erased(t.Context(), Run{ID: "r", Purpose: PurposeLive, Cutoff: day(afterRun), KnownAt: frame.KnownAt(day(afterRun))})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(c.want) {
				t.Errorf("erased %v, want %v", got, c.want)
			}
			for _, a := range c.want {
				if !got[a] {
					t.Errorf("%s is told: %v", a, got)
				}
			}
			if c.without != "" && facts.calls[c.without] > 0 {
				t.Errorf("asked for %s", c.without)
			}
		})
	}
}

// A group is told as long as a branch that has bought is.
func TestWhoIsErasedAmongGroups(t *testing.T) {
	moves := map[frame.AccountID]features.Move{}
	for account, group := range map[frame.AccountID]frame.AccountID{"a1": "A", "a2": "A", "a3": "A", "b1": "B", "b2": "B"} {
		moves[account] = features.Move{Into: group, Kind: features.Group}
	}
	facts := &twinFacts{moves: moves, purchases: []purchase{
		{account: "a1", at: int64(day(50)), amount: 1, load: 1}, {account: "a2", at: int64(day(50)), amount: 1, load: 1}, // a3 never bought
		{account: "b1", at: int64(day(50)), amount: 1, load: 1}, {account: "b2", at: int64(day(50)), amount: 1, load: 1},
	}}
	s := &Service{Facts: facts, Runs: &twinRuns{}, Settings: DefaultSettings(), Now: day(100).Time}
	run := Run{ID: "r", Purpose: PurposeGroups, Cutoff: day(afterRun), KnownAt: frame.KnownAt(day(afterRun)), Watermark: 1}
	for asked, want := range map[string]string{"a1 a2 b1": "A a1 a2 b1", "a1 a3": "a1 a3", "B": "B"} {
		facts.erased = nil
		for a := range strings.FieldsSeq(asked) {
			facts.erased = append(facts.erased, frame.AccountID(a))
		}
		erased, err := s.Erased(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for a := range erased {
			got = append(got, string(a))
		}
		slices.Sort(got)
		if all := strings.Join(got, " "); all != want {
			t.Errorf("when %s ask, nothing is told of %s, want %s", asked, all, want)
		}
	}
}

// What replay tells of an account that has asked to be erased since the run is that.
func TestReplayTellsNothingOfWhoWasErased(t *testing.T) {
	s, facts, runs, _ := village(200)
	live(t, s)
	run := scored(t, s, ScoreRequest{}).Run
	yes, _ := seek(t, runs, run)
	facts.standings = map[frame.AccountID]features.Standing{yes.Account: {Erased: true}}
	facts.moves = map[frame.AccountID]features.Move{"old": {Into: yes.Account, Kind: features.Merged, Since: 86400}, "lost": {Into: "C0003", Kind: features.Merged}}
	facts.erased, facts.calls = []frame.AccountID{"lost"}, nil
	r := replayed(t, s, ReplayRequest{Account: string(yes.Account)})
	if r.Same || r.Replayable || !strings.Contains(r.Why, "erased") || facts.calls["build"] > 0 {
		t.Errorf("%+v after %v", r, facts.calls)
	}
	for name, side := range map[string]ReplayedSide{"published": r.Published, "replayed": r.Replayed} {
		if side.Unscorable != erased || side.RowHash != "" || !math.IsNaN(float64(side.Margin)) || !math.IsNaN(float64(side.Probability)) {
			t.Errorf("%s: %+v", name, side)
		}
	}
	// Nor where it went, or that another went on in it.
	for _, account := range []string{"old", "lost"} {
		if _, err := s.Replay(t.Context(), ReplayRequest{Account: account}, nil); KindOf(err) != NotFound || strings.Contains(err.Error(), string(yes.Account)) || strings.Contains(err.Error(), "C0003") {
			t.Errorf("%s: %v", account, err)
		}
	}
}

// Nor does any verb over what accounts are worth, whichever name was the one to ask:
// the run counts "before" in C0000, and how accounts stood then knows nothing of it.
func TestWorthTellsNothingOfWhoWasErasedSince(t *testing.T) {
	wish := func(facts *twinFacts, account string) {
		facts.erased = []frame.AccountID{"before"}
		facts.moves = map[frame.AccountID]features.Move{"before": {Into: frame.AccountID(account), Kind: features.Merged, Since: 7}}
	}
	t.Run("published", func(t *testing.T) {
		s, facts, _ := worthOfThree(t)
		wish(facts, "C0000")
		lives, err := s.Lifetimes(t.Context(), LifetimeRequest{}, nil)
		if err != nil || lives.Accounts != 2 || len(lives.Rows) != 2 || lives.Rows[0].Account == "C0000" || lives.Rows[1].Account == "C0000" {
			t.Errorf("%+v, %v", lives, err)
		}
		lives, err = s.Lifetimes(t.Context(), LifetimeRequest{WorthRequest: WorthRequest{Accounts: []string{"C0000", "C0001", "before"}}}, nil)
		if want := []Absent{absentBecause("C0000", erased), absentBecause("before", erased)}; err != nil || !slices.Equal(lives.Absent, want) || len(lives.Rows) != 1 {
			t.Errorf("%+v, %v; want %v absent", lives, err, want)
		}
		for _, value := range []string{ValueHorizon, ValueLifetime} {
			list, err := s.Decide(t.Context(), DecideRequest{Value: value}, nil)
			if err != nil || list.LeftOut[erased] != 2 {
				t.Errorf("%s: %v are left out, %v; want C0000 and C0004", value, list.LeftOut, err)
			}
			for _, c := range list.List.Rows {
				if c.Account == "C0000" {
					t.Errorf("%s: on the list is %+v", value, c)
				}
			}
		}
	})
	t.Run("computed", func(t *testing.T) {
		s, facts, _ := settled(t, 200)
		const at = "2026-01-14"
		back, err := s.WinBacks(t.Context(), WorthRequest{}, nil)
		if err != nil || len(back.Rows) == 0 {
			t.Fatalf("%+v, %v", back, err)
		}
		gone, all := back.Rows[0].Account, back.Accounts
		wish(facts, gone)
		for name, r := range map[string]WorthRequest{"of the run": {}, "anew": {Cutoff: at}} {
			after, err := s.WinBacks(t.Context(), r, nil)
			if err != nil || len(after.Rows) != len(back.Rows)-1 || after.Rows[0].Account == gone || after.Accounts != all-1 {
				t.Errorf("win back, %s: %d rows of %d accounts, %v; before %d of %d", name, len(after.Rows), after.Accounts, err, len(back.Rows), all)
			}
			best, err := s.Best(t.Context(), BestRequest{WorthRequest: r, By: "sales", Share: 1}, nil)
			if err != nil || slices.ContainsFunc(best.Rows, func(b BestRow) bool { return b.Account == gone }) || len(best.Rows) == 0 {
				t.Errorf("the best, %s: %v", name, err)
			}
			r.Accounts = []string{gone, "before"}
			if after, err = s.WinBacks(t.Context(), r, nil); err != nil || len(after.Rows) > 0 || after.Accounts != 0 || len(after.Absent) != 2 || after.Absent[0].Why != erased {
				t.Errorf("asked by name, %s: %+v, %v", name, after, err)
			}
		}
		lives, err := s.Lifetimes(t.Context(), LifetimeRequest{WorthRequest: WorthRequest{Cutoff: at}}, nil)
		if err != nil || slices.ContainsFunc(lives.Rows, func(l LifetimeRow) bool { return l.Account == gone }) || len(lives.Rows) == 0 {
			t.Errorf("lifetimes anew: %v", err)
		}
	})
}
