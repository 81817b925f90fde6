package serving

import (
	"math"
	"strings"
	"testing"

	"fealty/features"
	"fealty/model/score"
)

func replayed(t *testing.T, s *Service, r ReplayRequest) ReplayResult {
	t.Helper()
	result, err := s.Replay(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestReplayIsTheSameWhateverCameLater(t *testing.T) {
	s, facts, _, _ := village(200)
	live(t, s)
	run := scored(t, s, ScoreRequest{}).Run
	// A later load with orders before the cutoff, and later orders: neither was known then.
	facts.purchases = append(facts.purchases,
		purchase{"C0007", instant("2025-12-20 10:00"), 1e6, 2}, purchase{"C0007", instant("2026-02-20 10:00"), 1e6, 2})
	same := 0
	for _, account := range []string{"C0001", "C0007", "C0042", "C0100"} {
		result := replayed(t, s, ReplayRequest{Account: account})
		if !result.Same || !result.Replayable || result.Run != run.ID || result.Published.RowHash != result.Replayed.RowHash {
			t.Errorf("%s: %+v", account, result)
		}
		if result.MarginDelta == 0 {
			same++
		}
	}
	if same == 0 {
		t.Error("no scored account was replayed")
	}
}

// seek returns an account of the run that was scored, and one that was not.
func seek(t *testing.T, runs *twinRuns, run Run) (yes, no *score.Score) {
	t.Helper()
	for i := range runs.scores[run.ID] {
		sc := &runs.scores[run.ID][i]
		if sc.Unscorable == "" {
			yes = sc
		} else {
			no = sc
		}
	}
	if yes == nil || no == nil {
		t.Fatal("the village has no scored or no lapsed account")
	}
	return yes, no
}

func TestReplaySaysWhatDiffers(t *testing.T) {
	for _, c := range []struct {
		name string
		// change is done after publishing, to the score or the world.
		change func(s *Service, facts *twinFacts, sc *score.Score)
		same   bool
		word   string
	}{
		{"nothing", func(*Service, *twinFacts, *score.Score) {}, true, "to the bit"},
		{"the margin by one bit", func(_ *Service, _ *twinFacts, sc *score.Score) { sc.Margin = math.Nextafter(sc.Margin, 9) }, false, "margin differs"},
		{"the row", func(_ *Service, _ *twinFacts, sc *score.Score) { sc.Receipt.RowHash = "00" }, false, "features differ"},
		{"another engine, the margin by one bit", func(_ *Service, f *twinFacts, sc *score.Score) {
			f.engine, sc.Margin = "twin 2", math.Nextafter(sc.Margin, 9)
		}, true, "twin 2"},
		{"another engine, another row, the same margin", func(_ *Service, f *twinFacts, sc *score.Score) {
			f.engine, sc.Receipt.RowHash = "twin 2", "00"
		}, true, "twin 2"},
		{"another engine, the margin by 1e-6", func(_ *Service, f *twinFacts, sc *score.Score) {
			f.engine, sc.Margin = "twin 2", sc.Margin+1e-6
		}, false, "more than another engine"},
		{"the definitions", func(_ *Service, f *twinFacts, _ *score.Score) { f.definitions = "d2" }, false, "defined otherwise"},
		{"a setting that this score does not need", func(s *Service, _ *twinFacts, _ *score.Score) { s.Settings.MarginRate = .5 }, true, "settings"},
		{"active_within", func(s *Service, _ *twinFacts, _ *score.Score) { s.Settings.ActiveWithinDays = 1 }, false, "was scored and is lapsed"},
		{"facts that are gone", func(_ *Service, f *twinFacts, _ *score.Score) {
			for i := range f.purchases {
				f.purchases[i].load = 0
			}
		}, false, "loads up to 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, facts, runs, _ := village(200)
			live(t, s)
			yes, _ := seek(t, runs, scored(t, s, ScoreRequest{}).Run)
			c.change(s, facts, yes)
			result := replayed(t, s, ReplayRequest{Account: string(yes.Account)})
			if result.Same != c.same || !strings.Contains(result.Why, c.word) || !result.Replayable {
				t.Errorf("same %v: %q; want %v and %q", result.Same, result.Why, c.same, c.word)
			}
		})
	}
}

func TestReplayOfWhoHasNoScore(t *testing.T) {
	s, _, runs, _ := village(200)
	live(t, s)
	_, no := seek(t, runs, scored(t, s, ScoreRequest{}).Run)
	result := replayed(t, s, ReplayRequest{Account: string(no.Account)})
	if !result.Same || result.Published.Unscorable != "lapsed" || result.Replayed.Unscorable != "lapsed" || !math.IsNaN(float64(result.Published.Margin)) {
		t.Errorf("%+v", result)
	}
}

func TestReplayOfUnrecordedSources(t *testing.T) {
	s, _, runs, _ := village(200)
	live(t, s)
	yes, _ := seek(t, runs, scored(t, s, ScoreRequest{}).Run)
	s.Sources = []features.MappedSource{
		{Name: "shop", Columns: map[string]string{"account": "client", "recorded_at": "seen"}},
		{Name: "erp", Columns: map[string]string{"account": "client"}},
	}
	result := replayed(t, s, ReplayRequest{Account: string(yes.Account)})
	if result.Same || result.Replayable || result.Why != "not replayable: source erp has no recording time" {
		t.Errorf("%+v", result)
	}
}

func TestReplayOfNothing(t *testing.T) {
	s, _, runs, registry := village(200)
	if _, err := s.Replay(t.Context(), ReplayRequest{Account: "C0001"}); KindOf(err) != Unavailable {
		t.Errorf("nothing published: %v", err)
	}
	live(t, s)
	yes, _ := seek(t, runs, scored(t, s, ScoreRequest{}).Run)
	for _, c := range []struct {
		request ReplayRequest
		kind    Kind
	}{
		{ReplayRequest{}, Invalid},
		{ReplayRequest{Account: "nobody"}, NotFound},
		{ReplayRequest{Account: string(yes.Account), Run: "run-99"}, NotFound},
	} {
		if _, err := s.Replay(t.Context(), c.request); KindOf(err) != c.kind {
			t.Errorf("%+v: %v, want kind %d", c.request, err, c.kind)
		}
	}
	built, err := s.Build(t.Context(), BuildRequest{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Replay(t.Context(), ReplayRequest{Account: "C0001", Run: built.Run.ID}); KindOf(err) != Invalid {
		t.Errorf("a run of features: %v, want Invalid", err)
	}
	registry.models = nil
	if _, err := s.Replay(t.Context(), ReplayRequest{Account: string(yes.Account)}); KindOf(err) != NotFound {
		t.Errorf("the model is gone: %v, want NotFound", err)
	}
}
