package serving

import (
	"math"
	"slices"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
)

func replayed(t *testing.T, s *Service, r ReplayRequest) ReplayResult {
	t.Helper()
	result, err := s.Replay(t.Context(), r, nil)
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

// onward returns a service of its own, over the model and the purchases of another.
func onward(s *Service, facts *twinFacts) (*Service, *twinFacts, *twinRuns) {
	own, runs := &twinFacts{purchases: slices.Clone(facts.purchases)}, &twinRuns{}
	return &Service{Facts: own, Runs: runs, Registry: s.Registry, Settings: s.Settings, Now: s.Now}, own, runs
}

// Sources without a recording time, and such as were changed behind the watermark, are
// replayed from stored features only: those that the run kept or a run of features, if
// they are the receipt's, and the answer says so. What came later changes nothing.
func TestReplayFromStoredFeatures(t *testing.T) {
	village, purchases, _, _ := village(200)
	live(t, village)
	const table = "order_lines"
	recorded := features.MappedSource{Name: "shop", Table: table, Columns: map[string]string{"account": "client", features.RecordedAt: "seen"}}
	undated := features.MappedSource{Name: "erp", Table: table, Columns: map[string]string{"account": "client"}}
	nudged := func(_ *testing.T, _ *Service, _ *twinFacts, runs *twinRuns, run Run) {
		for _, sl := range runs.kept[run.ID] {
			for k := range sl.Frame.Columns {
				for i, v := range sl.Frame.Columns[k].Numbers {
					sl.Frame.Columns[k].Numbers[i] = math.Nextafter(v, 1e9)
				}
			}
		}
	}
	behind := func(_ *testing.T, _ *Service, f *twinFacts, _ *twinRuns, _ Run) { f.purchases[0].amount++ }
	for _, c := range []struct {
		name    string
		sources []features.MappedSource
		keep    string
		// after is done when the run is published.
		after            func(t *testing.T, s *Service, f *twinFacts, runs *twinRuns, run Run)
		same, replayable bool
		from, why        string
	}{
		{
			name: "an undated source, and the facts are others now", sources: []features.MappedSource{recorded, undated}, after: behind, same: true, replayable: true,
			from: FromStored, why: "replayed from stored features only (run run-1), because source erp has no recording time: the same features and the same margin, to the bit",
		},
		{
			name: "an undated source, and nothing was kept", sources: []features.MappedSource{undated}, keep: KeepNever,
			why: "not replayable: source erp has no recording time, and no features of the account are kept with run run-1 (runs.keep_features keeps them)",
		},
		{
			name: "an undated source, and a run of features", sources: []features.MappedSource{undated}, keep: KeepNever, same: true, replayable: true, from: FromStored,
			after: func(t *testing.T, s *Service, _ *twinFacts, _ *twinRuns, _ Run) {
				t.Helper()
				if _, err := s.Build(t.Context(), BuildRequest{}, nil, nil); err != nil {
					t.Fatal(err)
				}
			},
			why: "replayed from stored features only (run run-2), because source erp",
		},
		{
			name: "stored features that are not the receipt's", sources: []features.MappedSource{undated}, after: nudged,
			why: "not replayable: the features kept in run run-1 are not those of the receipt, and the facts can't be asked, because source erp has no recording time",
		},
		{
			name: "a source that is what it was, with later rows", sources: []features.MappedSource{recorded}, same: true, replayable: true, from: FromFacts,
			after: func(_ *testing.T, _ *Service, f *twinFacts, _ *twinRuns, _ Run) {
				f.purchases = append(f.purchases, purchase{"C0007", instant("2026-02-20 10:00"), 1e6, 1})
			},
			why: "replayed from the facts: the same features and the same margin, to the bit",
		},
		{
			name: "a source changed behind the watermark", sources: []features.MappedSource{recorded}, keep: KeepAlways, after: behind, same: true, replayable: true, from: FromStored,
			why: "because source shop changed behind the watermark since run run-1: the same",
		},
		{
			name: "a source changed behind the watermark, and nothing was kept", sources: []features.MappedSource{recorded}, after: behind,
			why: "not replayable: source shop changed behind the watermark since run run-1, and no features",
		},
		{
			name: "a source that is mapped no more", sources: []features.MappedSource{recorded}, keep: KeepAlways, same: true, replayable: true, from: FromStored,
			after: func(_ *testing.T, s *Service, _ *twinFacts, _ *twinRuns, _ Run) { s.Sources = nil },
			why:   "because source shop, which run run-1 read, is mapped no more",
		},
		{
			name: "a source that was not mapped then", keep: KeepAlways, same: true, replayable: true, from: FromFacts,
			after: func(_ *testing.T, s *Service, _ *twinFacts, _ *twinRuns, _ Run) {
				s.Sources = []features.MappedSource{recorded}
			},
			why: "replayed from the facts: the same",
		},
		{
			name: "features defined otherwise", keep: KeepAlways, same: true, replayable: true, from: FromStored,
			after: func(_ *testing.T, _ *Service, f *twinFacts, _ *twinRuns, _ Run) { f.definitions = "d2" },
			why:   "because the features are defined otherwise now (d2)",
		},
		{
			name: "features defined otherwise, with other fingerprints", sources: []features.MappedSource{undated}, replayable: true,
			after: func(t *testing.T, s *Service, f *twinFacts, runs *twinRuns, run Run) {
				t.Helper()
				f.definitions = "d2"
				nudged(t, s, f, runs, run)
			},
			why: "can replay it; whether the features kept in run run-1 are those of the receipt, only that release can tell",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, facts, runs := onward(village, purchases)
			s.Sources = c.sources
			run := scored(t, s, ScoreRequest{KeepFeatures: c.keep}).Run
			yes, no := seek(t, runs, run)
			if c.after != nil {
				c.after(t, s, facts, runs, run)
			}
			result := replayed(t, s, ReplayRequest{Account: string(yes.Account), Run: run.ID})
			if result.Same != c.same || result.Replayable != c.replayable || result.From != c.from || !strings.Contains(result.Why, c.why) {
				t.Errorf("%+v\nwant same %v, replayable %v, from %q, why %q", result, c.same, c.replayable, c.from, c.why)
			}
			if (result.Kept != "") != (c.from == FromStored || strings.Contains(c.why, "not those of the receipt")) {
				t.Errorf("kept in %q", result.Kept)
			}
			if lapsed := replayed(t, s, ReplayRequest{Account: string(no.Account), Run: run.ID}); lapsed.Same != c.same || lapsed.From != c.from {
				t.Errorf("of a lapsed account %+v", lapsed)
			}
		})
	}
}

// Nothing is kept of an account that asked to be erased. And what an account is worth is
// told anew to the bit; what differs is named, be it a number, a code or a list.
func TestReplayProvesWorth(t *testing.T) {
	s, facts, runs, _ := village(200)
	live(t, s)
	facts.standings = map[frame.AccountID]features.Standing{"C0007": {Erased: true}}
	run := scored(t, s, ScoreRequest{KeepFeatures: KeepAlways}).Run
	for _, account := range []frame.AccountID{"C0007", "C0008"} {
		rows, err := runs.Kept(t.Context(), run, account)
		if want := account != "C0007"; err != nil || (len(rows) == 1) != want {
			t.Errorf("of %s are kept %v (%v)", account, rows, err)
		}
	}
	if run.KeptFeatures != run.Rows-1 {
		t.Errorf("features of %d accounts are kept of %d", run.KeptFeatures, run.Rows)
	}

	yes, _ := seek(t, runs, run)
	prove := func() *WorthReplay {
		t.Helper()
		return replayed(t, s, ReplayRequest{Account: string(yes.Account), Run: run.ID, Worth: true}).Worth
	}
	if w := prove(); !w.Same || !w.Replayable || w.Why != "told anew from the facts: every field is the same" || yes.Worth == nil ||
		w.Published == "" || w.Replayed != w.Published || w.PublishedDefinitions == "" || w.ReplayedDefinitions != w.PublishedDefinitions {
		t.Fatalf("%+v of %+v", w, yes.Worth)
	}
	// The answers of worth have the hashes that replay proves.
	answer, err := s.Loyalties(t.Context(), LoyaltyRequest{WorthRequest: WorthRequest{Accounts: []string{string(yes.Account)}}}, nil)
	if err != nil || answer.Hashes[string(yes.Account)] != yes.Worth.Hash || yes.Receipt.WorthHash != yes.Worth.Hash || answer.Receipt != run.Receipt() || run.WorthDefinitions == "" {
		t.Errorf("%v: the answer's receipt %+v with %v, the run's %+v", err, answer.Receipt, answer.Hashes, run.Receipt())
	}
	// Later facts change nothing, a wish of today tells nothing.
	facts.purchases = append(facts.purchases, purchase{string(yes.Account), instant("2025-12-20 10:00"), 1e6, 2})
	if w := prove(); !w.Same {
		t.Errorf("after a later load %+v", w)
	}
	told := *yes.Worth
	yes.Worth.Lifetime.Value = math.Nextafter(told.Lifetime.Value, math.Inf(1))
	yes.Worth.Place.Verdict, yes.Worth.Wallets = "shed", append(slices.Clone(told.Wallets), score.Wallet{})
	yes.Worth.Loyalty.Indicators = slices.Clone(told.Loyalty.Indicators)
	yes.Worth.Loyalty.Indicators[1].Weight++
	w, names := prove(), ""
	for _, d := range w.Differs {
		names += d.Field + " "
	}
	if w.Same || !w.Replayable || w.Why != "5 fields differ" || names != "lifetime.value loyalty.indicators[1].weight place.verdict wallets worth_hash of what lies in the run " || w.Differs[2].Published != "shed" {
		t.Errorf("%+v", w)
	}
	// An engine of another version may differ in the last bits, and in no word.
	facts.engine, *yes.Worth = "twin 2", told
	yes.Worth.Lifetime.Value = math.Nextafter(told.Lifetime.Value, math.Inf(1))
	sealed(yes.Worth)
	if w := prove(); !w.Same || w.Published == w.Replayed {
		t.Errorf("on another engine %+v", w)
	}
	*yes.Worth, facts.engine = told, ""
	// A run from before told neither hashes nor the figures of indicators.
	yes.Worth.Hash, yes.Worth.Loyalty.Indicators = "", slices.Clone(told.Loyalty.Indicators)
	for i := range yes.Worth.Loyalty.Indicators {
		yes.Worth.Loyalty.Indicators[i].Figures = nil
	}
	if w := prove(); !w.Same || w.Published != "" {
		t.Errorf("of a run from before %+v", w)
	}
	// Of any other an empty map is a difference.
	yes.Worth.Hash = told.Hash
	if w := prove(); w.Same || !slices.ContainsFunc(w.Differs, func(d WorthDifference) bool { return strings.Contains(d.Field, "figures[") && d.Published == "none" }) {
		t.Errorf("of a run without figures %+v", w)
	}
	*yes.Worth = told
	runs.runs[0].WorthDefinitions = "others"
	if w := prove(); w.Same || w.Replayable || !strings.Contains(w.Why, "what worth is told of is defined otherwise now") || w.PublishedDefinitions != "others" {
		t.Errorf("of a run that was told of otherwise %+v", w)
	}
	runs.runs[0].WorthDefinitions = run.WorthDefinitions
	facts.standings["C0008"] = features.Standing{Erased: true}
	if w := prove(); !strings.HasSuffix(w.Why, "199 accounts, and 198 can be told of now; of those that the run told of 1 asked to be erased since, and what rests on all accounts is told without them") {
		t.Errorf("after an erasure %+v", w)
	}
	delete(facts.standings, "C0008")
	facts.engine, yes.Worth = "twin 2", nil
	if w := prove(); w.Same || w.Why != "the run tells nothing of the account's worth, and its model does now; the run told the worth of 198 accounts, and 199 can be told of now" {
		t.Errorf("%+v", w)
	}
	facts.definitions = "d2"
	if w := prove(); w.Same || w.Replayable || !strings.Contains(w.Why, "not replayable: the features are defined otherwise") || w.Lifetime != "" {
		t.Errorf("%+v", w)
	}
	// Where the facts can't be asked, the features that were kept tell the lifetime alone.
	yes.Worth = &told
	w = prove()
	if w.Same || w.Replayable || w.Lifetime != LifetimeSame || w.Kept != run.ID || len(w.Differs) > 0 || !strings.Contains(w.Why, "kept in run run-1, is the same") || !strings.Contains(w.WhyZH, "特征定义或已加载的数据与评分时不同") {
		t.Errorf("from stored features %+v", w)
	}
	if !strings.Contains(w.EN, "the release that scored") || !strings.Contains(w.ZH, "评分时的版本") {
		t.Errorf("the way out is %q, %q", w.EN, w.ZH)
	}
	s.Sources = []features.MappedSource{{Name: "erp", Table: "order_lines", Columns: map[string]string{"account": "a"}}}
	// The value of whose margin may be that of the whole history is not compared.
	told.Lifetime.High++
	if w = prove(); w.Lifetime != LifetimeSame || !strings.Contains(w.Why, "without its value") || !strings.Contains(w.WhyZH, "其价值及区间除外") {
		t.Errorf("from stored features without a margin %+v", w)
	}
	told.Lifetime.Purchases++
	w = prove()
	if w.Lifetime != LifetimeDiffers || len(w.Differs) != 1 || w.Differs[0].Field != "lifetime.purchases" || !strings.Contains(w.EN, "fealty import") || !strings.Contains(w.WhyZH, "recorded_at") {
		t.Errorf("from other stored features %+v", w)
	}
	told.Lifetime.High, told.Lifetime.Purchases = told.Lifetime.High-1, told.Lifetime.Purchases-1
	// What the verdict may come of is said beside it.
	if strings.Contains(w.Why+w.WhyZH, otherSettingsWords.EN) {
		t.Errorf("no setting was changed: %q", w.Why)
	}
	s.Settings.MarginRate /= 2
	if w = prove(); !strings.HasSuffix(w.Why, otherSettingsWords.EN) || !strings.HasSuffix(w.WhyZH, otherSettingsWords.ZH) {
		t.Errorf("by other settings %q, %q", w.Why, w.WhyZH)
	}
	for _, kept := range runs.kept[run.ID] { // the margin of the last year is kept, and is compared
		if row := slices.Index(kept.Frame.Accounts, yes.Account); row >= 0 {
			kept.Frame.Column(marginColumn).Numbers[row] = .3
			yes.Receipt.RowHash = features.RowHash(kept.Frame, row)
		}
	}
	if w = prove(); w.Lifetime != LifetimeDiffers || w.Differs[0].Field != "lifetime.value" || strings.Contains(w.Why, "without its value") {
		t.Errorf("from stored features with a margin %+v", w)
	}
}

func TestReplayOfNothing(t *testing.T) {
	s, _, runs, registry := village(200)
	if _, err := s.Replay(t.Context(), ReplayRequest{Account: "C0001"}, nil); KindOf(err) != Unavailable {
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
		if _, err := s.Replay(t.Context(), c.request, nil); KindOf(err) != c.kind {
			t.Errorf("%+v: %v, want kind %d", c.request, err, c.kind)
		}
	}
	built, err := s.Build(t.Context(), BuildRequest{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Replay(t.Context(), ReplayRequest{Account: "C0001", Run: built.Run.ID}, nil); KindOf(err) != Invalid {
		t.Errorf("a run of features: %v, want Invalid", err)
	}
	registry.models = nil
	if _, err := s.Replay(t.Context(), ReplayRequest{Account: string(yes.Account)}, nil); KindOf(err) != NotFound {
		t.Errorf("the model is gone: %v, want NotFound", err)
	}
}
