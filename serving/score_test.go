package serving

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
)

// live trains, promotes whatever came of it, and returns the version.
func live(t *testing.T, s *Service) string {
	t.Helper()
	version := trained(t, s).Model
	if _, err := s.Promote(t.Context(), PromoteRequest{Version: version}); err != nil {
		t.Fatal(err)
	}
	return version
}

func scored(t *testing.T, s *Service, r ScoreRequest) ScoreResult {
	t.Helper()
	result, err := s.Score(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestEveryAccountIsScoredOrSaysWhy(t *testing.T) {
	s, facts, runs, _ := village(300)
	version := live(t, s)
	facts.sliceRows = 70
	told := 0
	s.Published = func() { told++ }
	result := scored(t, s, ScoreRequest{})
	run := result.Run
	if run.Cutoff.String() != "2026-01-15T00:00:00Z" || run.Purpose != PurposeLive || run.Model != version || run.Kind != KindScores ||
		run.Watermark != 1 || run.ConfigHash != s.Settings.Hash() || run.Currency != "EUR" || run.HorizonDays != 90 || run.DataThrough != run.Cutoff {
		t.Errorf("the run is %+v", run)
	}
	if told != 1 {
		t.Errorf("a desk was told %d times", told)
	}
	all := runs.scores[run.ID]
	if len(all) != 300 || !slices.IsSortedFunc(all, func(a, b score.Score) int { return strings.Compare(string(a.Account), string(b.Account)) }) {
		t.Fatalf("%d scores, want all 300 accounts in order", len(all))
	}
	var probabilities []float64
	for _, sc := range all {
		probabilities = append(probabilities, sc.Probability)
	}
	ranks := score.Percentiles(probabilities)
	var sum float64
	bands, reasons, lapsed := map[string]int{}, 0, 0
	_, of := facts.by(1)
	for i, sc := range all {
		last := of[string(sc.Account)][len(of[string(sc.Account)])-1].at
		if sc.Receipt.Model != version || sc.Receipt.RowHash == "" || sc.Receipt.Cutoff != run.Cutoff || sc.Receipt.DefinitionsHash != "d1" || sc.Receipt.Engine != "twin 1" {
			t.Fatalf("the receipt is %+v", sc.Receipt)
		}
		if sc.Name != "Firm "+string(sc.Account) || sc.Manager != "Li Wei" {
			t.Fatalf("account %s is called %q, managed by %q", sc.Account, sc.Name, sc.Manager)
		}
		if last < int64(run.Cutoff)-180*86400 {
			lapsed++
			if sc.Unscorable != "lapsed" || sc.Stage != score.Lapsed || !math.IsNaN(sc.Probability) || !math.IsNaN(sc.RunRate) || sc.Band != score.None {
				t.Errorf("silent for 180 days: %+v", sc)
			}
			continue
		}
		if sc.Unscorable != "" || math.Abs(score.Probability(sc.Margin)-sc.Probability) > 0 || sc.Percentile != ranks[i] || sc.Band != s.Settings.Bands.Of(sc.Probability) {
			t.Errorf("score %+v, percentile by all probabilities %v", sc, ranks[i])
		}
		bands[string(sc.Band)]++
		if !math.IsNaN(sc.ValueAtRisk) {
			// No cost is known and margin_rate is 1: revenue itself is at risk.
			if sc.ValueAtRisk != sc.Probability*sc.RunRate {
				t.Errorf("value at risk %v, probability × run-rate %v", sc.ValueAtRisk, sc.Probability*sc.RunRate)
			}
			sum += sc.ValueAtRisk
		}
		reasons += len(sc.Up) + len(sc.Down)
	}
	if lapsed == 0 || result.Unscorable["lapsed"] != lapsed || len(bands) == 0 || math.Abs(float64(result.ValueAtRisk)-sum) > 1e-9 || reasons == 0 {
		t.Errorf("result %+v; counted %d lapsed, bands %v, value at risk %v, %d reasons", result, lapsed, bands, sum, reasons)
	}
	for band, n := range bands {
		if result.Bands[band] != n {
			t.Errorf("%d accounts in band %s, want %d", result.Bands[band], band, n)
		}
	}
}

func TestChangeIsAgainstThePublishedCutoffBefore(t *testing.T) {
	s, _, runs, registry := village(300)
	first := live(t, s)
	before := scored(t, s, ScoreRequest{Cutoff: "2025-12-31"})
	for _, sc := range runs.scores[before.Run.ID] {
		if sc.Change != nil {
			t.Fatal("the first run has a change")
		}
	}
	scored(t, s, ScoreRequest{Cutoff: "2026-01-10", Backfill: true}) // never compared with
	if latest, err := runs.Latest(t.Context()); err != nil || latest.ID != before.Run.ID {
		t.Fatalf("a backfill became the latest: %+v (%v)", latest, err)
	}
	after := scored(t, s, ScoreRequest{})
	then := map[frame.AccountID]score.Score{}
	for _, sc := range runs.scores[before.Run.ID] {
		then[sc.Account] = sc
	}
	changes := 0
	for _, sc := range runs.scores[after.Run.ID] {
		old, ok := then[sc.Account]
		if both := ok && !math.IsNaN(old.Probability) && !math.IsNaN(sc.Probability); both != (sc.Change != nil) {
			t.Fatalf("account %s: probability %v then, %v now, change %v", sc.Account, old.Probability, sc.Probability, sc.Change)
		}
		if sc.Change == nil {
			continue
		}
		changes++
		if sc.Change.Probability != sc.Probability-old.Probability || sc.Change.Previous != before.Run.Cutoff || sc.Change.ModelChanged {
			t.Fatalf("change %+v from %v to %v", sc.Change, old.Probability, sc.Probability)
		}
	}
	if changes == 0 {
		t.Fatal("nobody's score was compared")
	}
	// Another model says so.
	s.Settings.Seed = 2
	second, err := s.Train(t.Context(), TrainRequest{TestCutoff: "2025-08-31"}, nil)
	if err != nil || second.Model == first {
		t.Fatalf("model %q after %q (%v)", second.Model, first, err)
	}
	registry.alias = second.Model
	again := scored(t, s, ScoreRequest{})
	for _, sc := range runs.scores[again.Run.ID] {
		if sc.Change != nil && !sc.Change.ModelChanged {
			t.Fatal("another model's change does not say so")
		}
	}
}

func TestScoresThatAreRefused(t *testing.T) {
	s, facts, runs, _ := village(200)
	if _, err := s.Score(t.Context(), ScoreRequest{}, nil); KindOf(err) != Unavailable {
		t.Errorf("without a model: %v, want Unavailable", err)
	}
	version := live(t, s)
	for _, c := range []struct {
		name    string
		request ScoreRequest
		kind    Kind
		word    string
	}{
		{"beyond the data", ScoreRequest{Cutoff: "2026-01-15"}, Invalid, "2026-01-14"},
		{"before the data", ScoreRequest{Cutoff: "2023-12-31"}, Invalid, "2024-01-0"},
		{"an unknown model", ScoreRequest{Model: "churn-none"}, NotFound, "churn-none"},
		{"an unknown rule of what is kept", ScoreRequest{KeepFeatures: "often"}, Invalid, "auto always never"},
	} {
		if _, err := s.Score(t.Context(), c.request, nil); KindOf(err) != c.kind || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: %v, want kind %d and %q", c.name, err, c.kind, c.word)
		}
	}
	facts.definitions = "d2"
	if _, err := s.Score(t.Context(), ScoreRequest{}, nil); KindOf(err) != Conflict || !strings.Contains(err.Error(), version) {
		t.Errorf("other definitions: %v, want a Conflict that names the model", err)
	}
	facts.definitions = ""
	// Purchases that come between the two passes, as in a mapped source, without a load.
	passes := 0
	facts.built = func() {
		if passes++; passes == 1 {
			for i := range 50 {
				facts.purchases = append(facts.purchases, purchase{fmt.Sprintf("C%04d", i), instant("2026-01-14 10:00"), 9, 1})
			}
		}
	}
	if _, err := s.Score(t.Context(), ScoreRequest{}, nil); !errors.Is(err, errMoved) || KindOf(err) != Conflict {
		t.Errorf("facts that moved: %v, want to be noticed", err)
	}
	if len(runs.runs) != 0 {
		t.Errorf("published %+v", runs.runs)
	}
}

func TestScoringBrokenOffPublishesNothing(t *testing.T) {
	s, facts, runs, _ := village(200)
	live(t, s)
	facts.sliceRows = 50
	for after := 1; after <= 7; after += 2 { // four slices in each of two passes
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		facts.built = func() {
			if n++; n == after {
				cancel()
			}
		}
		if _, err := s.Score(ctx, ScoreRequest{}, nil); KindOf(err) != Canceled {
			t.Errorf("after %d slices: %v, want to be broken off", after, err)
		}
	}
	if len(runs.runs) != 0 {
		t.Errorf("published %+v", runs.runs)
	}
}

// The stages and amounts of single rows, worked out by hand.
func TestWhatAScoreMeans(t *testing.T) {
	s, facts, runs, _ := village(300)
	live(t, s)
	at := instant("2026-01-15 00:00")
	days := func(n int64) int64 { return at - n*86400 + 3600 }
	facts.purchases = append(facts.purchases,
		// First purchase 40 days ago.
		purchase{"X-new", days(40), 10, 1}, purchase{"X-new", days(10), 10, 1},
		// A silence of 290 days ended 10 days ago; active_within is 180.
		purchase{"X-back", days(400), 10, 1}, purchase{"X-back", days(300), 10, 1}, purchase{"X-back", days(10), 10, 1},
		// 800 within the last year, with a tenure of 200 days.
		purchase{"X-rate", days(200), 300, 1}, purchase{"X-rate", days(20), 500, 1},
	)
	run := scored(t, s, ScoreRequest{}).Run
	by := map[frame.AccountID]score.Score{}
	for _, sc := range runs.scores[run.ID] {
		by[sc.Account] = sc
	}
	if got := by["X-new"]; got.Stage != score.New || !math.IsNaN(got.RunRate) || !math.IsNaN(got.ValueAtRisk) {
		t.Errorf("a new account: %+v", got)
	}
	if got := by["X-back"]; got.Stage != score.WonBack {
		t.Errorf("an account won back is in stage %q", got.Stage)
	}
	// The purchases lie an hour after the day's beginning, so that 199 whole days have passed.
	if got := by["X-rate"]; math.Abs(got.RunRate-800./199*90) > 1e-9 || math.Abs(got.ValueAtRisk-got.Probability*800./199*90) > 1e-9 {
		t.Errorf("run-rate %v, value at risk %v of probability %v", got.RunRate, got.ValueAtRisk, got.Probability)
	}
	s.Settings.MarginRate = .25
	run = scored(t, s, ScoreRequest{}).Run
	for _, sc := range runs.scores[run.ID] {
		if sc.Account == "X-rate" && math.Abs(sc.ValueAtRisk-by["X-rate"].ValueAtRisk/4) > 1e-9 {
			t.Errorf("with a margin of a quarter %v is at risk, of %v", sc.ValueAtRisk, by["X-rate"].ValueAtRisk)
		}
	}
}

// A margin that is known takes the place of margin_rate.
func TestKnownMarginCounts(t *testing.T) {
	s, facts, _, _ := village(200)
	version := live(t, s)
	m, err := s.model(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	k := s.scorer(m, frame.Cutoff(instant("2026-01-15 00:00")), 0, 1)
	_, err = facts.Build(t.Context(), features.Request{Cutoffs: []frame.Cutoff{k.receipt.Cutoff}, KnownAt: []frame.KnownAt{0}, Watermark: 1, Catalogue: features.Catalogue()}, func(sl *features.Slice) error {
		at := slices.IndexFunc(sl.Frame.Columns, func(c frame.Column) bool { return c.Name == marginColumn })
		for i := range sl.Frame.Columns[at].Numbers {
			sl.Frame.Columns[at].Numbers[i] = .3
		}
		all, err := k.scores(sl, 0, sl.Frame.Rows())
		for _, sc := range all {
			if sc.Unscorable == "" && !math.IsNaN(sc.RunRate) && math.Abs(sc.ValueAtRisk-sc.Probability*sc.RunRate*.3) > 1e-9 {
				t.Errorf("value at risk %v of %v × %v at a margin of .3", sc.ValueAtRisk, sc.Probability, sc.RunRate)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestScoreNow(t *testing.T) {
	s, facts, runs, _ := village(300)
	live(t, s)
	published := scored(t, s, ScoreRequest{}).Run
	var all []float64
	for _, sc := range runs.scores[published.ID] {
		all = append(all, sc.Probability)
	}
	from := Published{Run: published, Rank: score.NewDistribution(all)}
	ask := []frame.AccountID{"C0007", "nobody", "C0003", "C0007"}
	found, unknown, err := s.ScoreNow(t.Context(), from, ask)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(unknown, []frame.AccountID{"nobody"}) || len(found) != 2 || found[0].Account != "C0007" || found[1].Account != "C0003" {
		t.Fatalf("found %d, unknown %v", len(found), unknown)
	}
	for _, sc := range found {
		if sc.Receipt.Cutoff != frame.Cutoff(s.Now().Unix()) || int64(sc.Receipt.KnownAt) != int64(sc.Receipt.Cutoff) {
			t.Errorf("as of %s known at %s, want the request's instant", sc.Receipt.Cutoff, sc.Receipt.KnownAt)
		}
		if sc.Unscorable == "" && sc.Percentile != from.Rank.Percentile(sc.Probability) {
			t.Errorf("percentile %v, by the published run %v", sc.Percentile, from.Rank.Percentile(sc.Probability))
		}
		// Of worth it is the lifetime value, and why no more is told.
		if sc.Brief == nil || !(sc.Brief.LifetimeValue > 0) || !math.IsNaN(sc.Brief.Loyalty) || len(sc.Untold) != 4 {
			t.Errorf("worth of now %+v, untold %v", sc.Brief, sc.Untold)
		}
		if sc.Change != nil && sc.Change.Previous != published.Cutoff {
			t.Errorf("change against %s, want the published %s", sc.Change.Previous, published.Cutoff)
		}
	}
	// What the sources hold is asked once a minute, and again after a load.
	facts.calls = nil
	clock := s.Now()
	s.Now = func() time.Time { return clock }
	for range 3 {
		if _, _, err := s.ScoreNow(t.Context(), from, ask); err != nil {
			t.Fatal(err)
		}
	}
	if facts.calls["links"] != 3 || facts.calls["links within"] != 0 {
		t.Errorf("the links were read %d times for 3 requests, and %d times more within", facts.calls["links"], facts.calls["links within"])
	}
	if n := facts.calls["measure"]; n > 1 {
		t.Errorf("measured %d times within a second", n)
	}
	facts.purchases = append(facts.purchases, purchase{"nobody", clock.Unix() - 60, 10, 2})
	found, unknown, err = s.ScoreNow(t.Context(), from, ask)
	if err != nil || len(unknown) != 0 || len(found) != 3 {
		t.Errorf("a minute after the first order: found %d, unknown %v (%v)", len(found), unknown, err)
	}
	if n := facts.calls["measure"]; n == 0 {
		t.Error("a new load was not measured")
	}
	for _, n := range []int{0, MaxNow + 1} {
		if _, _, err := s.ScoreNow(t.Context(), from, make([]frame.AccountID, n)); KindOf(err) != Invalid {
			t.Errorf("%d accounts: %v, want Invalid", n, err)
		}
	}
	// The run that the desk holds may be dropped before another one is held.
	if err := runs.Drop(t.Context(), published.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.ScoreNow(t.Context(), from, ask); KindOf(err) != Unavailable || !strings.Contains(err.Error(), published.ID) {
		t.Errorf("the run was dropped: %v, want Unavailable and its name", err)
	}
}

func TestGroupsAreScoredBesideThePublishedRun(t *testing.T) {
	s, facts, _, _ := village(200)
	live(t, s)
	published := scored(t, s, ScoreRequest{}).Run
	groups := scored(t, s, ScoreRequest{Groups: true}).Run
	if groups.Purpose != PurposeGroups || !facts.groups {
		t.Errorf("a run over groups has purpose %q, and was asked of groups: %v", groups.Purpose, facts.groups)
	}
	if latest, err := s.Runs.Latest(t.Context()); err != nil || latest.ID != published.ID {
		t.Errorf("after groups were scored the published run is %q (%v), want %q", latest.ID, err, published.ID)
	}
	for _, run := range []Run{published, groups} {
		// Groups have a worth as accounts do, told of the pooled crowd.
		if w := replayed(t, s, ReplayRequest{Account: "C0007", Run: run.ID, Worth: true}).Worth; !w.Same || !strings.HasPrefix(w.Why, "told anew") {
			t.Errorf("the worth in the run of purpose %q: %+v", run.Purpose, w)
		}
		if facts.groups != (run.ID == groups.ID) {
			t.Errorf("a replay of the run of purpose %q asked of groups: %v", run.Purpose, facts.groups)
		}
	}
	if _, err := s.Build(t.Context(), BuildRequest{Groups: true}, nil, func(Progress) {}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a feature run of groups is told as %v", err)
	}
}
