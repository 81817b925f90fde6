package servingtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
	"fealty/features/synthetic"
	"fealty/model/score"
	"fealty/serving"
	"fealty/serving/store"
)

// walk is the main job on an invented town, on the real warehouse and
// registry.
type walk struct {
	*serving.Service
	warehouse clickhouse.Warehouse
	runs      *store.Runs
	state     *store.State
}

func startWalk(t *testing.T, accounts int) *walk {
	t.Helper()
	return startTown(t, synthetic.Params{Seed: 5, Accounts: accounts})
}

func startTown(t *testing.T, params synthetic.Params) *walk {
	t.Helper()
	w := warehouse(t)
	runs, err := store.OpenRuns(t.Context(), w.Engine)
	if err != nil {
		t.Fatal(err)
	}
	state, err := store.OpenState(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	})
	town, err := synthetic.New(params)
	if err != nil {
		t.Fatal(err)
	}
	k := &walk{warehouse: w, runs: runs, state: state, Service: &serving.Service{
		Facts: w, Loads: w, Runs: runs, Registry: state, Settings: serving.DefaultSettings(),
		Now: func() time.Time { return town.Params().Through.Add(36 * time.Hour) },
	}}
	for _, table := range town.Tables() {
		var file bytes.Buffer
		if err := town.WriteTable(t.Context(), table, &file); err != nil {
			t.Fatal(err)
		}
		k.load(t, table, &file)
	}
	return k
}

// load imports a file by the use case.
func (k *walk) load(t *testing.T, table string, content io.Reader) features.LoadReport {
	t.Helper()
	result, err := k.Import(t.Context(), serving.ImportRequest{Table: table}, serving.Call{
		Files: []serving.File{{Name: table + ".csv", Reader: content}}, Report: func(serving.Progress) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return result.Load
}

func (k *walk) scores(t *testing.T, run serving.Run) []score.Score {
	t.Helper()
	var all []score.Score
	err := k.runs.Scores(t.Context(), run, nil, func(part []score.Score) error {
		all = append(all, part...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (k *walk) scoring(t *testing.T, r serving.ScoreRequest) serving.Run {
	t.Helper()
	result, err := k.Score(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result.Run
}

func (k *walk) replaying(t *testing.T, account frame.AccountID, run serving.Run) serving.ReplayResult {
	t.Helper()
	result, err := k.Replay(t.Context(), serving.ReplayRequest{Account: string(account), Run: run.ID}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// bare is a score without what legitimately differs between two runs of the
// same cutoff: what it was computed by, as JSON texts can't hold NaN.
func bare(s *score.Score) []uint64 {
	return []uint64{math.Float64bits(s.Margin), math.Float64bits(s.Base), math.Float64bits(s.Probability), math.Float64bits(s.Percentile), math.Float64bits(s.RunRate), math.Float64bits(s.ValueAtRisk)}
}

// One walk: import → build → train → score → replay → later facts → score
// again. The parts stand in one test because each needs the ones before it, and
// one process holds one embedded warehouse.
func TestWalkThroughTheTown(t *testing.T) {
	const accounts = 650
	k := startWalk(t, accounts)

	status, err := k.Status(t.Context(), serving.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if status.Orders.Rows == 0 || status.DataThrough != "2026-06-29" || status.Live != "" || status.Run != nil || len(status.Loads) == 0 || status.ProposedHorizonDays == 0 {
		t.Errorf("the status after the import is %+v", status)
	}

	// Training broken off leaves no model.
	ctx, cancel := context.WithCancel(t.Context())
	_, err = k.Train(ctx, serving.TrainRequest{}, func(p serving.Progress) {
		if !strings.HasPrefix(p.Stage, "building") {
			cancel()
		}
	})
	cancel()
	if serving.KindOf(err) != serving.Canceled {
		t.Fatalf("training broken off: %v", err)
	}
	if models, err := k.Models(t.Context(), serving.ModelsRequest{}); err != nil || len(models.Models) != 0 {
		t.Fatalf("a broken training left %+v (%v)", models, err)
	}

	trained, err := k.Train(t.Context(), serving.TrainRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: rung %s, grade %s, AUC %.3f (rule %+.3f), %d rows at %v; live %v: %s", trained.Model, trained.Card.Rung, trained.Card.Report.Grade,
		trained.Card.Report.Quality.AUC, trained.Card.Report.AboveRule, trained.Card.Train.Rows, trained.Card.TrainCutoffs, trained.Live, trained.Why)
	if !trained.Live {
		t.Errorf("the town's model is not live: %s", trained.Why)
		if _, err := k.Promote(t.Context(), serving.PromoteRequest{Version: trained.Model}); err != nil {
			t.Fatal(err)
		}
	}
	// The town's decline is planted to be found.
	if !(trained.Card.Report.Quality.AUC > .65) {
		t.Errorf("AUC %v on a town whose decline is planted", trained.Card.Report.Quality.AUC)
	}

	earlier := k.scoring(t, serving.ScoreRequest{Cutoff: "2026-05-31", KeepFeatures: serving.KeepAlways})
	run := k.scoring(t, serving.ScoreRequest{})
	published := k.scores(t, run)
	if int64(len(published)) != run.Rows || len(published) < accounts*9/10 || !slices.IsSortedFunc(published, func(a, b score.Score) int { return strings.Compare(string(a.Account), string(b.Account)) }) {
		t.Fatalf("%d scores of %d rows", len(published), run.Rows)
	}
	changed, reasons, named := 0, 0, 0
	for i := range published {
		sc := &published[i]
		if sc.Change != nil {
			changed++
			if sc.Change.Previous != earlier.Cutoff || sc.Change.ModelChanged {
				t.Fatalf("change %+v, want against %s", sc.Change, earlier.Cutoff)
			}
		}
		if sc.Name != "" && sc.Manager != "" {
			named++
		}
		if sc.Unscorable == "" {
			reasons += len(sc.Up) + len(sc.Down)
			if !(sc.Probability >= 0 && sc.Probability <= 1 && sc.Percentile >= 0 && sc.Percentile <= 100) || sc.Band == score.None {
				t.Fatalf("score %+v", sc)
			}
		}
	}
	if changed == 0 || reasons == 0 || named == 0 {
		t.Errorf("%d changes, %d reasons, %d accounts with a name", changed, reasons, named)
	}

	k.scoringBrokenOff(t, run)
	k.replayAll(t, run, published)
	k.builds(t)
	k.now(t, run, published)
	k.laterFacts(t, run, published)
	k.provesWorth(t, run)
	k.replaysStored(t, earlier)
}

// provesWorth tells anew what an account is worth, after facts that came later: every
// field is what the run says, whatever it rests on.
func (k *walk) provesWorth(t *testing.T, run serving.Run) {
	t.Helper()
	best := frame.AccountID("")
	most := 0.
	err := k.runs.Worths(t.Context(), run, nil, func(part []score.Worth) error {
		for i := range part {
			if v := float64(part[i].Wallet.Potential); v > most && len(part[i].Recommendations) > 0 && part[i].Lifetime.High > 0 {
				best, most = part[i].Account, v
			}
		}
		return nil
	})
	if err != nil || best == "" {
		t.Fatalf("no account has a lifetime value, a wallet and recommendations (%v)", err)
	}
	result, err := k.Replay(t.Context(), serving.ReplayRequest{Account: string(best), Run: run.ID, Worth: true}, nil)
	if err != nil || result.Worth == nil || !result.Worth.Same || result.From != serving.FromFacts || !result.Same {
		t.Errorf("the worth of %s told anew: %+v (%v)", best, result.Worth, err)
	}
}

// replaysStored replays a run that kept its features when the facts can't say what they
// were.
func (k *walk) replaysStored(t *testing.T, run serving.Run) {
	t.Helper()
	k.Sources = []features.MappedSource{{Name: "erp", Table: "order_lines"}}
	defer func() { k.Sources = nil }()
	scores := k.scores(t, run)
	if run.KeptFeatures != run.Rows {
		t.Errorf("%d of %d rows of features were kept", run.KeptFeatures, run.Rows)
	}
	for i := 0; i < len(scores); i += 1 + len(scores)/5 {
		if result := k.replaying(t, scores[i].Account, run); !result.Same || result.From != serving.FromStored || result.Kept != run.ID {
			t.Errorf("replay of %s from what was kept: %+v", scores[i].Account, result)
		}
	}
}

// scoringBrokenOff breaks a run off in its second pass: the published one stays.
func (k *walk) scoringBrokenOff(t *testing.T, run serving.Run) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := k.Score(ctx, serving.ScoreRequest{}, func(p serving.Progress) {
		if p.Stage == "scoring accounts" {
			cancel()
		}
	})
	if serving.KindOf(err) != serving.Canceled {
		t.Errorf("scoring broken off: %v", err)
	}
	list, err := k.ListRuns(t.Context(), serving.RunsRequest{})
	if err != nil || len(list.Runs) != 2 || list.Runs[0].ID != run.ID {
		t.Errorf("a broken run left %+v (%v)", list.Runs, err)
	}
}

func (k *walk) replayAll(t *testing.T, run serving.Run, published []score.Score) {
	t.Helper()
	for i := 0; i < len(published); i += 1 + len(published)/5 {
		if result := k.replaying(t, published[i].Account, run); !result.Same || !result.Replayable {
			t.Errorf("replay of %s: %s", published[i].Account, result.Why)
		}
	}
}

// builds writes features to a file and as a run.
func (k *walk) builds(t *testing.T) {
	t.Helper()
	var file bytes.Buffer
	result, err := k.Build(t.Context(), serving.BuildRequest{Cutoffs: []string{"2026-03-31", "2026-04-30"}, Output: "f.csv", Format: "csv"},
		func(string) (io.WriteCloser, error) { return closer{&file}, nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(file.String(), "\n"); lines != result.Rows+1 || result.Run != nil || result.Features != len(features.Catalogue()) {
		t.Errorf("%d lines for %+v", lines, result)
	}
	committed, err := k.Build(t.Context(), serving.BuildRequest{Cutoffs: []string{"2026-03-31", "2026-04-30"}}, nil, nil)
	if err != nil || committed.Run == nil || committed.Run.Rows != int64(result.Rows) || committed.Run.Kind != serving.KindFeatures {
		t.Errorf("a feature run: %+v (%v)", committed.Run, err)
	}
}

type closer struct{ io.Writer }

func (closer) Close() error { return nil }

// now asks a desk for the scores of some accounts as of this instant.
func (k *walk) now(t *testing.T, run serving.Run, published []score.Score) {
	t.Helper()
	ask := []frame.AccountID{published[3].Account, "nobody", published[1].Account}
	desk := serving.NewDesk(serving.DeskOptions{Runs: k.runs, Score: k.ScoreNow, Settings: k.Settings, Now: k.Now})
	if _, err := desk.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, unknown, err := desk.ScoreNow(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[0].Run != run.ID || found[0].Account != ask[0] || !slices.Equal(unknown, ask[1:2]) {
		t.Errorf("score now found %+v of run %s, unknown %v", found, run.ID, unknown)
	}
}

// laterFacts loads orders that were made, or became known, after the cutoff:
// neither the features as of it nor a replay nor a new score as of it moves.
func (k *walk) laterFacts(t *testing.T, run serving.Run, published []score.Score) {
	t.Helper()
	var csv strings.Builder
	csv.WriteString("account,order_id,amount,currency,ordered_at,recorded_at\n")
	at := run.Cutoff.Time()
	for i := range published {
		if i%3 == 0 {
			account := string(published[i].Account)
			csv.WriteString(account + ",later-1,5000,EUR," + at.Format(time.RFC3339) + ",\n")
			csv.WriteString(account + ",late-2,7000,EUR," + at.AddDate(0, 0, -20).Format(time.RFC3339) + "," + at.Add(time.Second).Format(time.RFC3339) + "\n")
		}
	}
	load := k.load(t, "order_lines", strings.NewReader(csv.String()))
	if load.Already || load.Load <= run.Watermark {
		t.Fatalf("the later facts came as %+v, the run read up to %d", load, run.Watermark)
	}
	k.replayAll(t, run, published)

	// The same day again, with everything that is loaded now.
	again := k.scores(t, k.scoring(t, serving.ScoreRequest{Cutoff: serving.CutoffText(run.Cutoff, time.UTC)}))
	if len(again) != len(published) {
		t.Fatalf("%d accounts as of the same cutoff, before %d", len(again), len(published))
	}
	for i := range again {
		if again[i].Receipt.RowHash != published[i].Receipt.RowHash || !slices.Equal(bare(&again[i]), bare(&published[i])) {
			t.Fatalf("later facts moved account %s: %+v, before %+v", again[i].Account, again[i], published[i])
		}
	}
	// They do count from the day on which they were known.
	moved := 0
	k.Settings.DataThrough = run.Cutoff.Add(2)
	for _, sc := range k.scores(t, k.scoring(t, serving.ScoreRequest{Backfill: true})) {
		i, found := slices.BinarySearchFunc(published, sc.Account, func(s score.Score, a frame.AccountID) int { return strings.Compare(string(s.Account), string(a)) })
		if found && published[i].Receipt.RowHash != sc.Receipt.RowHash && sc.Unscorable == "" {
			moved++
		}
	}
	if moved < len(published)/3 {
		t.Errorf("two days later %d of %d rows moved", moved, len(published))
	}
}

// An empty warehouse answers plainly.
func TestWalkOnNothing(t *testing.T) {
	w := warehouse(t)
	runs, err := store.OpenRuns(t.Context(), w.Engine)
	if err != nil {
		t.Fatal(err)
	}
	state, err := store.OpenState(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := &serving.Service{Facts: w, Loads: w, Runs: runs, Registry: state, Settings: serving.DefaultSettings()}
	all := serving.NewOperations(s.Settings.Map(), s.Operations()...)
	for name, want := range map[string]serving.Kind{
		serving.OpStatus: 255, serving.OpModels: 255, serving.OpRuns: 255,
		serving.OpTrain: serving.Unavailable, serving.OpScore: serving.Unavailable, serving.OpBuild: serving.Unavailable,
		serving.OpEvaluate: serving.Unavailable, serving.OpBacktest: serving.Unavailable,
	} {
		raw, err := all.Run(t.Context(), serving.Call{Operation: name, Request: json.RawMessage(`{}`)})
		if want == 255 {
			if err != nil || !json.Valid(raw) {
				t.Errorf("%s of an empty warehouse: %v", name, err)
			}
			continue
		}
		if err == nil || serving.KindOf(err) != want || errors.Is(err, context.Canceled) {
			t.Errorf("%s of an empty warehouse: %v, want kind %d", name, err, want)
		}
	}
}
