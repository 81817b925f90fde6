package serving

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/artifact"
)

// village is a service over twins: n accounts that buy every 5 to 45 days for
// two years, a third of which stop for good on a random day. How long ago an
// account bought tells who has stopped.
func village(n int) (*Service, *twinFacts, *twinRuns, *twinRegistry) {
	facts, runs, registry := &twinFacts{}, &twinRuns{}, &twinRegistry{}
	random := rand.New(rand.NewPCG(7, 11))
	start, end := instant("2024-01-01 00:00"), instant("2026-01-15 12:00")
	for i := range n {
		account := fmt.Sprintf("C%04d", i)
		gap := 5 + 40*random.Float64()
		first, stop := start+random.Int64N(60*86400), end
		if random.IntN(3) == 0 {
			stop = first + 1 + random.Int64N(end-first-1)
		}
		for at := first; at < stop; at += int64(86400 * gap * (.5 + random.Float64())) {
			facts.purchases = append(facts.purchases, purchase{account: account, at: at, amount: 50 + 100*random.Float64(), load: 1})
		}
	}
	facts.purchases = append(facts.purchases, purchase{account: "C0000", at: end, amount: 1, load: 1})
	settings := DefaultSettings()
	settings.WalletFeatures = WalletFeaturesOff // which TestWalletColumnsTravel turns on
	service := &Service{
		Facts: facts, Runs: runs, Registry: registry, Settings: settings,
		Now: func() time.Time { return time.Unix(end, 0).Add(10 * 24 * time.Hour) },
	}
	return service, facts, runs, registry
}

func trained(t *testing.T, s *Service) TrainResult {
	t.Helper()
	result, err := s.Train(t.Context(), TrainRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestTrainWritesTheWholeCard(t *testing.T) {
	s, facts, _, registry := village(400)
	var stages []string
	result, err := s.Train(t.Context(), TrainRequest{}, func(p Progress) { stages = append(stages, p.Stage) })
	if err != nil {
		t.Fatal(err)
	}
	// Data goes through 2026-01-14: the newest month end 97 days before it is
	// 2025-09-30, the newest 90 days before that 2025-06-30, and the first with 90
	// days of data behind it 2024-03-31; of the 16 the newest 12 train.
	c := result.Card
	if len(c.TrainCutoffs) != 12 || c.TrainCutoffs[0] != "2024-07-31" || c.TrainCutoffs[11] != "2025-06-30" || c.TestCutoff != "2025-09-30" {
		t.Errorf("trained at %v, tested at %s", c.TrainCutoffs, c.TestCutoff)
	}
	hash, _ := facts.Definitions(nil)
	if c.Kind != "churn" || c.TrainedThrough != "2026-01-15T00:00:00Z" || c.Label != "noncontractual" || c.HorizonDays != 90 || c.ActiveWithin != 180 ||
		c.Watermark != 1 || c.DefinitionsHash != hash || c.ConfigHash != s.Settings.Hash() || c.Engine != "twin 1" || c.MarginRate != 1 || c.Version != result.Model {
		t.Errorf("the card is %+v", c)
	}
	// Whoever was silent for 180 days at a cutoff is lapsed: count them here again.
	lapsed, rows := 0, 0
	_, of := facts.by(1)
	for _, text := range append(slices.Clone(c.TrainCutoffs), c.TestCutoff) {
		at, err := frame.ParseCutoff(text, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		for _, all := range of {
			last := int64(0)
			for _, p := range all {
				if p.at < int64(at) {
					last = p.at
				}
			}
			switch {
			case last == 0:
			case last < int64(at)-180*86400:
				lapsed++
			default:
				rows++
			}
		}
	}
	if c.Excluded["lapsed"] != lapsed || len(c.Excluded) != 1 || c.Train.Rows+c.Report.Test.Rows != rows {
		t.Errorf("left out %v and kept %d + %d rows; counted %d lapsed and %d others", c.Excluded, c.Train.Rows, c.Report.Test.Rows, lapsed, rows)
	}
	if !(c.Report.Quality.AUC > .7) {
		t.Errorf("AUC %v where recency tells who has left", c.Report.Quality.AUC)
	}
	bundle, m, err := registry.LoadModel(t.Context(), result.Model)
	if err != nil || m.Kind != "churn" || m.Grade != c.Report.Grade || !bytes.Contains(m.Card, []byte(result.Model)) {
		t.Fatalf("registered as %+v (%v)", m, err)
	}
	sections, err := artifact.Read(bytes.NewReader(bundle))
	if err != nil || !bytes.Equal(sections["card.json"], m.Card) || !bytes.Contains(sections["card.md"], []byte(result.Model)) {
		t.Errorf("the bundle lacks its card (%v)", err)
	}
	if !slices.Contains(stages, "building features and labels") {
		t.Errorf("progress told of %v", slices.Compact(stages))
	}
}

func TestTheSameContentIsTheSameModel(t *testing.T) {
	s, facts, _, registry := village(300)
	first := trained(t, s)
	second := trained(t, s)
	if second.Model != first.Model || len(registry.models) != 1 || !second.Live {
		t.Errorf("trained again: %q (live %v), then %q, of %d models", second.Model, second.Live, first.Model, len(registry.models))
	}
	facts.sliceRows = 50 // how the accounts are sliced is nobody's business
	if third := trained(t, s); third.Model != first.Model {
		t.Errorf("in slices: %q, whole: %q", third.Model, first.Model)
	}
	facts.purchases = append(facts.purchases, purchase{account: "C0001", at: instant("2025-03-03 10:00"), amount: 5, load: 2})
	if fourth := trained(t, s); fourth.Model == first.Model {
		t.Error("more data made a model of the same name")
	}
}

func TestDamagedModelsAreNotUsed(t *testing.T) {
	s, _, _, registry := village(300)
	version := trained(t, s).Model
	registry.bundles["churn-other"] = registry.bundles[version]
	registry.models = append(registry.models, RegisteredModel{Version: "churn-other"})
	if _, err := s.model(t.Context(), "churn-other"); !errors.Is(err, errOtherModel) {
		t.Errorf("a bundle under another name: %v", err)
	}
	sections, err := artifact.Read(bytes.NewReader(registry.bundles[version]))
	if err != nil {
		t.Fatal(err)
	}
	sections["card.json"] = bytes.Replace(sections["card.json"], []byte(`"horizon_days":90`), []byte(`"horizon_days":30`), 1)
	var out bytes.Buffer
	if err := sections.Write(&out); err != nil {
		t.Fatal(err)
	}
	registry.bundles[version] = out.Bytes()
	if _, err := s.model(t.Context(), ""); !errors.Is(err, errOtherModel) {
		t.Errorf("a card changed by hand: %v", err)
	}
}

func TestPromotion(t *testing.T) {
	card := func(version, rung, grade string, health ...model.Finding) *model.Card {
		return &model.Card{Version: version, Rung: rung, Report: model.Report{Grade: grade, GradeWhy: "measured", Health: health}}
	}
	leak := model.Finding{Check: "leak", Severity: "error", Detail: "AUC .99"}
	uneasy := model.Finding{Check: "drift", Severity: "warning", Detail: "moved"}
	for _, c := range []struct {
		name   string
		before string // the grade that is live, "" for nothing
		card   *model.Card
		leave  bool
		// meanwhile another version is promoted during the training
		meanwhile bool
		want      bool
		why       string
	}{
		{"A over nothing", "", card("new", "blend", "A"), false, false, true, "grade A"},
		{"B over A", "A", card("new", "blend", "B"), false, false, true, "grade B"},
		{"warnings don't stop", "", card("new", "blend", "A", uneasy), false, false, true, "grade A"},
		{"errors do", "", card("new", "blend", "A", uneasy, leak), false, false, false, "AUC .99"},
		{"asked not to", "", card("new", "blend", "A"), true, false, false, "asked"},
		{"C over nothing", "", card("new", "rule", "C"), false, false, true, "grade C"},
		{"C over C", "C", card("new", "rule", "C"), false, false, true, "grade C"},
		{"C over B", "B", card("new", "rule", "C"), false, false, false, "is better"},
		{"C over A", "A", card("new", "rule", "C"), false, false, false, "is better"},
		{"C above the rule", "", card("new", "blend", "C"), false, false, false, "only as the recency rule"},
		{"no grade", "", card("new", "blend", ""), false, false, false, "unknown grade"},
		{"live already", "A", card("old", "blend", "A"), false, false, true, "already"},
		{"overtaken", "A", card("new", "blend", "A"), false, true, false, "promoted during"},
		{"overtaken from nothing", "", card("new", "blend", "A"), false, true, false, "promoted during"},
	} {
		t.Run(c.name, func(t *testing.T) {
			registry := &twinRegistry{models: []RegisteredModel{{Version: "old", Grade: c.before}, {Version: "new"}, {Version: "third"}}}
			before := ""
			if c.before != "" {
				before = "old"
			}
			registry.alias = before
			if c.meanwhile {
				registry.alias = "third"
			}
			want := registry.alias
			if c.want {
				want = c.card.Version
			}
			s := &Service{Registry: registry}
			better, err := s.better(t.Context(), before)
			if err != nil {
				t.Fatal(err)
			}
			live, why, err := s.promote(t.Context(), c.card, before, better, c.leave)
			if err != nil || live != c.want || !strings.Contains(why, c.why) {
				t.Errorf("live %v because %q (%v); want %v and %q", live, why, err, c.want, c.why)
			}
			if registry.alias != want {
				t.Errorf("%q is live, want %q", registry.alias, want)
			}
		})
	}
}

// Broken off at any slice, training leaves no model and no alias behind.
func TestTrainingBrokenOffLeavesNothing(t *testing.T) {
	for after := 1; after <= 3; after++ {
		s, facts, _, registry := village(120)
		facts.sliceRows = 400
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		facts.built = func() {
			if n++; n == after {
				cancel()
			}
		}
		if _, err := s.Train(ctx, TrainRequest{}, nil); KindOf(err) != Canceled {
			t.Fatalf("after %d slices: %v, want to be broken off", after, err)
		}
		if len(registry.models) != 0 || registry.alias != "" {
			t.Errorf("after %d slices there is model %v, live %q", after, registry.models, registry.alias)
		}
	}
}

func TestOneClassIsSaid(t *testing.T) {
	s, facts, _, _ := village(0)
	for i := range 200 { // everybody buys every ten days until the end
		for at := instant("2024-01-01 00:00"); at < instant("2026-01-15 00:00"); at += 10 * 86400 {
			facts.purchases = append(facts.purchases, purchase{account: fmt.Sprintf("C%03d", i), at: at, amount: 1, load: 1})
		}
	}
	if _, err := s.Train(t.Context(), TrainRequest{}, nil); KindOf(err) != Invalid || err == nil {
		t.Errorf("only one class: %v, want Invalid", err)
	}
}

func TestLabelsOtherThanChurnAreRefused(t *testing.T) {
	parts := map[frame.Cutoff]*labelled{5: {columns: make([][]float64, 0), excluded: map[string]int{}}}
	sl := &features.Slice{Frame: &frame.Frame{Accounts: []frame.AccountID{"C1"}, Cutoffs: []frame.Cutoff{5}}, Status: []features.Eligibility{features.Eligible}}
	err := keep(parts, sl, &features.Outcome{Y: []float64{.5}, Excluded: make([]features.Exclusion, 1)})
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "C1") {
		t.Errorf("label .5: %v, want an ErrInvalid that names the account", err)
	}
	if err := keep(parts, sl, &features.Outcome{Y: []float64{math.NaN()}, Excluded: make([]features.Exclusion, 1)}); !errors.Is(err, ErrInvalid) {
		t.Errorf("label NaN: %v, want ErrInvalid", err)
	}
}

func TestEvaluate(t *testing.T) {
	s, facts, _, _ := village(300)
	facts.sliceRows = 90
	if _, err := s.Evaluate(t.Context(), EvaluateRequest{}, nil); KindOf(err) != Unavailable {
		t.Errorf("nothing is live: %v, want Unavailable", err)
	}
	result := trained(t, s)
	if _, err := s.Promote(t.Context(), PromoteRequest{Version: result.Model}); err != nil {
		t.Fatal(err)
	}
	test, err := s.Evaluate(t.Context(), EvaluateRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The newest final month end is the training's test: the report is the card's.
	if test.Cutoff != "2025-09-30" || test.Trained || test.Report.Quality.AUC != result.Card.Report.Quality.AUC {
		t.Errorf("at %s, trained %v: AUC %v; the card says %v", test.Cutoff, test.Trained, test.Report.Quality.AUC, result.Card.Report.Quality.AUC)
	}
	was, wrong := json.Marshal(result.Card.Worth.Decision)
	is, err := json.Marshal(test.Decision)
	if err := errors.Join(wrong, err); err != nil || !bytes.Equal(was, is) || test.Decision.Accounts == 0 || test.Decision.EMPB.Share == 0 {
		t.Errorf("contacts would have earned\n%s, evaluated\n%s (%v)", was, is, err)
	}
	seen, err := s.Evaluate(t.Context(), EvaluateRequest{Model: result.Model, Cutoff: "2025-05-31"}, nil)
	if err != nil || !seen.Trained {
		t.Errorf("a training cutoff: trained %v (%v), want to be told", seen.Trained, err)
	}
	if _, err := s.Evaluate(t.Context(), EvaluateRequest{Cutoff: "2025-12-31"}, nil); KindOf(err) != Invalid {
		t.Errorf("a label that is not final: %v", err)
	}
	s.Settings.Label.HorizonDays = 60
	if _, err := s.Evaluate(t.Context(), EvaluateRequest{}, nil); KindOf(err) != Conflict || !strings.Contains(err.Error(), "horizon_days") {
		t.Errorf("another horizon: %v, want a Conflict that names it", err)
	}
}

func TestBacktestIsTrainAtEachCutoff(t *testing.T) {
	s, _, _, registry := village(300)
	table, err := s.Backtest(t.Context(), BacktestRequest{Last: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(registry.models) != 0 {
		t.Error("a backtest registered a model")
	}
	served := map[string]BacktestRow{}
	for _, row := range table.Rows {
		if row.Served {
			served[row.Cutoff] = row
		}
	}
	if len(served) != 2 {
		t.Fatalf("rows %+v, want one served at each of two cutoffs", table.Rows)
	}
	for cutoff, row := range served {
		alone, err := s.Train(t.Context(), TrainRequest{TestCutoff: cutoff, NoPromote: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if q := alone.Card.Report.Quality; row.Quality.AUC != q.AUC || row.Rung != alone.Card.Rung || row.TrainCutoffs != len(alone.Card.TrainCutoffs) || row.Rows != alone.Card.Report.Test.Rows {
			t.Errorf("at %s the backtest says %+v, the training %+v", cutoff, row, q)
		}
	}
}

// In the village the rule is as good as anything, so that the folds' choice is
// of grade C: what serves is the rule, and the card still shows the others.
func TestGradeCStepsDownToTheRule(t *testing.T) {
	s, _, _, registry := village(300)
	kept, err := s.Train(t.Context(), TrainRequest{NoPromote: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if kept.Card.Rung == "rule" || kept.Card.Report.Grade != GradeC || kept.Live {
		t.Fatalf("rung %s of grade %s, live %v: the village does not show what this test is about", kept.Card.Rung, kept.Card.Report.Grade, kept.Live)
	}
	stepped := trained(t, s)
	if stepped.Card.Rung != "rule" || stepped.Card.Report.Grade != GradeC || !stepped.Live || registry.alias != stepped.Model {
		t.Errorf("rung %s of grade %s, live %v because %q", stepped.Card.Rung, stepped.Card.Report.Grade, stepped.Live, stepped.Why)
	}
	for i, row := range stepped.Card.Ladder {
		if above := kept.Card.Ladder[i]; row.Rung != above.Rung || row.Why != above.Why || row.Why == "" && row.Test != above.Test {
			t.Errorf("the card shows %+v, the ladder reached %+v", row, above)
		}
	}
	// Something better is live: the choice of the folds is registered, and waits.
	registry.models = append(registry.models, RegisteredModel{Version: "good", Grade: GradeB})
	registry.alias = "good"
	waits := trained(t, s)
	if waits.Live || waits.Model != kept.Model || registry.alias != "good" {
		t.Errorf("model %s of rung %s went live: %v", waits.Model, waits.Card.Rung, waits.Live)
	}
}
