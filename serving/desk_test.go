package serving

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// wordsOfTwo are the catalogue of the desk's tests.
var wordsOfTwo = map[string]frame.Meta{
	"recency_days": {
		Name: "recency_days", Unit: "days", LabelEN: "days since the last order", LabelZH: "距上次下单天数",
		ReasonEN: []string{"no order for {recency_days} days; usually every {gap_mean_days}", "no order for {recency_days} days"},
		ReasonZH: []string{"{recency_days} 天未下单，通常每 {gap_mean_days} 天一次", "{recency_days} 天未下单"},
	},
	"gap_mean_days": {Name: "gap_mean_days", Unit: "days", LabelEN: "mean gap", LabelZH: "平均间隔"},
}

// day is an instant d days after the beginning of 2024.
func day(d int) frame.Cutoff { return frame.Cutoff(1_704_067_200).Add(d) }

// deskOver returns a desk over runs with a clock that stands on day 100, and the
// clock.
func deskOver(runs Runs) (*Desk, *time.Time) {
	now := day(100).Time()
	return NewDesk(DeskOptions{
		Runs: runs, Metas: wordsOfTwo, Settings: DefaultSettings(), Version: "v0", Describe: func() string { return "twin 1" },
		Now: func() time.Time { return now },
	}), &now
}

// publishOn publishes scores, which it sorts, as of a day.
func publishOn(t interface {
	Helper()
	Fatal(args ...any)
}, runs *twinRuns, d int, all []score.Score) Run {
	t.Helper()
	return publishAs(t, runs, PurposeLive, d, all)
}

// publishAs publishes scores in a run of a purpose.
func publishAs(t interface {
	Helper()
	Fatal(args ...any)
}, runs *twinRuns, purpose string, d int, all []score.Score) Run {
	t.Helper()
	slices.SortFunc(all, func(a, b score.Score) int { return strings.Compare(string(a.Account), string(b.Account)) })
	next, stop := stream(context.Background(), func(_ context.Context, hand func(Batch) error) error { return hand(Batch{Scores: all}) })
	defer stop()
	r, err := runs.PublishScores(context.Background(), Run{
		Kind: KindScores, Purpose: purpose, Cutoff: day(d), KnownAt: frame.KnownAt(day(d)), Model: "m1", Rung: "blend", Grade: "A", HorizonDays: 90,
		Currency: "EUR", MarginRate: .4, DataThrough: day(d), Watermark: 3, DefinitionsHash: "d", ConfigHash: "c", Engine: "twin 1",
	}, next)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func refreshed(t *testing.T, d *Desk, changed bool) {
	t.Helper()
	got, err := d.Refresh(t.Context())
	if err != nil || got != changed {
		t.Fatalf("refresh: changed = %v (%v), want %v", got, err, changed)
	}
}

// sameFloats compares by bits, with one missing value.
var sameFloats = cmp.Options{
	cmp.Comparer(func(a, b float64) bool {
		return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
	}),
	cmp.Transformer("number", func(f model.Figure) float64 { return float64(f) }),
	cmpopts.EquateEmpty(),
}

// anyScore draws a score whose fields are independent of each other; texts and
// numbers come from few, so that some are alike.
func anyScore(t *rapid.T, account string) score.Score {
	number := rapid.SampledFrom([]float64{math.NaN(), math.Copysign(0, -1), 0, .1, .3, .6, 1, 12.5, 1000, -3, 5e-324, math.MaxFloat64})
	text := rapid.SampledFrom([]string{"", "shop", "Shop", "shop*", "chain store", "李伟", "a\\b", "café", "CAFÉ", "north"})
	reasons := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) score.Reason {
		r := score.Reason{Feature: rapid.SampledFrom([]string{"recency_days", "gap_mean_days", "made_up"}).Draw(t, "feature"), Contribution: number.Draw(t, "contribution")}
		if v := number.Draw(t, "value"); !math.IsNaN(v) {
			r.Value = &v
		}
		if rapid.Bool().Draw(t, "with") {
			r.With = map[string]float64{"gap_mean_days": 21, "tenure_days": number.Draw(t, "other")}
		}
		return r
	}), 0, score.MaxReasons)
	s := score.Score{
		Account: frame.AccountID(account), Name: text.Draw(t, "name"), Segment: text.Draw(t, "segment"), Region: text.Draw(t, "region"),
		Manager: text.Draw(t, "manager"), Unscorable: rapid.SampledFrom([]string{"", "", "lapsed", "never_bought"}).Draw(t, "unscorable"),
		Margin: number.Draw(t, "margin"), Base: number.Draw(t, "base"), Probability: number.Draw(t, "probability"), Percentile: number.Draw(t, "percentile"),
		Band:        rapid.SampledFrom([]score.Band{score.None, score.Low, score.Medium, score.High}).Draw(t, "band"),
		Stage:       rapid.SampledFrom([]score.Stage{score.Paused, score.Lapsed, score.WonBack, score.New, score.AtRisk, score.Active, score.NeverBought}).Draw(t, "stage"),
		ValueAtRisk: number.Draw(t, "value at risk"), RunRate: number.Draw(t, "run rate"), Up: reasons.Draw(t, "up"), Down: reasons.Draw(t, "down"),
		Receipt: score.Receipt{
			Model: "m1", DefinitionsHash: "d", RowHash: text.Draw(t, "hash"), Cutoff: day(90), KnownAt: frame.KnownAt(day(90)), Watermark: 3,
			ConfigHash: "c", Engine: "twin 1",
		},
	}
	if rapid.IntRange(0, 2).Draw(t, "worth") > 0 {
		s.Worth = &score.Worth{
			Account: s.Account, Lifetime: score.Lifetime{Value: number.Draw(t, "lifetime value")},
			Loyalty: score.Loyalty{Score: number.Draw(t, "loyalty"), Story: rapid.SampledFrom(append(loyalty.StoryCodes(), "")).Draw(t, "story")},
			Place: score.Place{
				Tier:    rapid.SampledFrom([]string{"", "vip", "major", "ordinary", "small"}).Draw(t, "tier"),
				Verdict: rapid.SampledFrom([]string{"", "keep", "grow", "fix_terms", "review"}).Draw(t, "verdict"),
			},
			Wallet: score.Wallet{Share: model.Figure(number.Draw(t, "wallet share")), Potential: model.Figure(number.Draw(t, "potential"))},
		}
	}
	if rapid.Bool().Draw(t, "changed") {
		s.Change = &score.Change{Probability: number.Draw(t, "change"), Previous: day(60), ModelChanged: rapid.Bool().Draw(t, "model changed")}
	}
	return s
}

func anyScores(t *rapid.T, most int) []score.Score {
	accounts := rapid.SliceOfNDistinct(rapid.OneOf(rapid.StringN(1, 4, -1), rapid.SampledFrom([]string{"C1", "C10", "C2", "*", "c1"})), 1, most, rapid.ID).Draw(t, "accounts")
	all := make([]score.Score, len(accounts))
	for i, a := range accounts {
		all[i] = anyScore(t, a)
	}
	return all
}

// What the desk answers is what was published, to the bit, with sentences that
// are the catalogue's.
func TestTheDeskAnswersWhatWasPublished(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runs := &twinRuns{}
		all := anyScores(t, 12)
		r := publishOn(t, runs, 90, all)
		d, _ := deskOver(runs)
		if changed, err := d.Refresh(context.Background()); err != nil || !changed {
			t.Fatal(changed, err)
		}
		asked := []frame.AccountID{"nobody's"}
		for i := range all {
			got, err := d.Get(context.Background(), all[i].Account)
			if err != nil {
				t.Fatal(err)
			}
			want, brief := all[i], briefOf(&all[i])
			want.Worth = nil // what it is worth is asked for, and told in brief
			if diff := cmp.Diff(want, got.Score, sameFloats); diff != "" {
				t.Fatalf("account %q: %s", all[i].Account, diff)
			}
			if diff := cmp.Diff(brief, got.Brief, sameFloats); diff != "" {
				t.Fatalf("account %q in brief: %s", all[i].Account, diff)
			}
			w, err := d.Worth(context.Background(), all[i].Account)
			switch {
			case all[i].Worth == nil:
				if !errors.Is(err, ErrNoWorth) || KindOf(err) != NotFound {
					t.Fatalf("account %q without a worth: %v", all[i].Account, err)
				}
			case err != nil:
				t.Fatal(err)
			default:
				if diff := cmp.Diff(*all[i].Worth, w.Worth, sameFloats); diff != "" || w.Run != r.ID || w.Currency != "EUR" || w.HorizonDays != 90 || w.Stale != got.Stale || w.Receipt != got.Receipt {
					t.Fatalf("account %q is worth %+v: %s", all[i].Account, w, diff)
				}
			}
			if got.Run != r.ID || got.HorizonDays != 90 || got.Currency != "EUR" || got.MarginRate != .4 || got.Live || got.Stale == "" {
				t.Fatalf("account %q: %+v", all[i].Account, got)
			}
			for k, said := range got.Up {
				if diff := cmp.Diff(all[i].Up[k], said.Reason, sameFloats); diff != "" || said.EN != score.Sentence(all[i].Up[k], wordsOfTwo, score.English) ||
					said.ZH != score.Sentence(all[i].Up[k], wordsOfTwo, score.Chinese) || said.Label == "" || said.LabelZH == "" {
					t.Fatalf("account %q says %+v: %s", all[i].Account, said, diff)
				}
			}
			if len(got.Up) != len(all[i].Up) || len(got.Down) != len(all[i].Down) {
				t.Fatalf("account %q has %d and %d reasons", all[i].Account, len(got.Up), len(got.Down))
			}
			asked = append([]frame.AccountID{all[i].Account}, asked...)
		}
		if _, err := d.Get(context.Background(), "nobody's"); KindOf(err) != NotFound {
			t.Fatalf("an unknown account: %v", err)
		}
		found, unknown, err := d.BatchGet(context.Background(), asked)
		if err != nil || len(found) != len(all) || !slices.Equal(unknown, []frame.AccountID{"nobody's"}) {
			t.Fatalf("%d found, %q unknown (%v)", len(found), unknown, err)
		}
		for i := range found {
			if found[i].Account != asked[i] {
				t.Fatalf("answer %d is of %q, asked was %q", i, found[i].Account, asked[i])
			}
		}
		scored := 0
		for i := range all {
			if !math.IsNaN(all[i].Probability) {
				scored++
			}
		}
		if st := d.Status(context.Background()); !st.Ready || st.Scored != scored || st.Run != r.ID || st.Bytes <= 0 || st.Cutoff != day(90) || st.Detail != "" {
			t.Fatalf("%+v, want %d scored", st, scored)
		}
	})
}

// briefOf is what lists show of a score's worth.
func briefOf(s *score.Score) *Brief {
	w := s.Worth
	if w == nil {
		return nil
	}
	b := &Brief{
		s.Account, w.Loyalty.Score, w.Lifetime.Value, float64(w.Wallet.Share), float64(w.Wallet.Potential), loyalty.Tier(w.Place.Tier), loyalty.Verdict(w.Place.Verdict),
		w.Loyalty.Story,
	}
	for _, v := range []float64{b.Loyalty, b.LifetimeValue, b.WalletShare, b.Potential} {
		if !math.IsNaN(v) {
			return b
		}
	}
	if b.Tier != "" || b.Verdict != "" || b.Story != "" {
		return b
	}
	return nil
}

func TestASentenceOfReason(t *testing.T) {
	runs := &twinRuns{}
	value := 74.
	publishOn(t, runs, 99, []score.Score{{Account: "C1", Up: []score.Reason{
		{Feature: "recency_days", Value: &value, Contribution: .8, With: map[string]float64{"gap_mean_days": 21}}, {Feature: "made_up", Contribution: .1},
	}}})
	d, _ := deskOver(runs)
	refreshed(t, d, true)
	a, err := d.Get(t.Context(), "C1")
	if err != nil || len(a.Up) != 2 || a.Stale != "" {
		t.Fatal(a, err)
	}
	if got, want := a.Up[0], "no order for 74 days; usually every 21"; got.EN != want || got.ZH != "74 天未下单，通常每 21 天一次" || got.Label != "days since the last order" || got.Unit != "days" {
		t.Errorf("said %+v, want %q", got, want)
	}
	if got := a.Up[1]; got.EN != "made_up" || got.Label != "made_up" || got.LabelZH != "made_up" {
		t.Errorf("of a feature without words it says %+v", got)
	}
}

func TestBeforeTheFirstRun(t *testing.T) {
	runs := &twinRuns{}
	d, _ := deskOver(runs)
	ask := func(when string) {
		t.Helper()
		if _, err := d.Get(t.Context(), "C1"); KindOf(err) != Unavailable {
			t.Errorf("%s, get: %v", when, err)
		}
		if _, _, err := d.BatchGet(t.Context(), []frame.AccountID{"C1"}); KindOf(err) != Unavailable {
			t.Errorf("%s, batch: %v", when, err)
		}
		if _, err := d.List(t.Context(), ListRequest{}); KindOf(err) != Unavailable {
			t.Errorf("%s, list: %v", when, err)
		}
		if _, _, err := d.ScoreNow(t.Context(), []frame.AccountID{"C1"}); KindOf(err) != Unavailable {
			t.Errorf("%s, score now: %v", when, err)
		}
		if st := d.Status(t.Context()); st.Ready || st.Run != "" || st.Detail == "" || st.Version != "v0" || st.Engine != "twin 1" {
			t.Errorf("%s, status: %+v", when, st)
		}
	}
	ask("new")
	refreshed(t, d, false)
	ask("refreshed")
	r := publishOn(t, runs, 99, []score.Score{{Account: "C1"}})
	refreshed(t, d, true)
	if _, err := d.Get(t.Context(), "C1"); err != nil {
		t.Error(err)
	}
	if err := runs.Drop(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	refreshed(t, d, true)
	ask("dropped")
}

// marked is a run in which every number of every account is its mark.
func markedScores(n int, mark float64) []score.Score {
	all := make([]score.Score, n)
	for i := range all {
		all[i] = score.Score{
			Account: frame.AccountID(fmt.Sprintf("C%04d", i)), Name: strconv.FormatFloat(mark, 'g', -1, 64), Probability: mark / (1 + mark),
			ValueAtRisk: mark, RunRate: mark, Margin: mark, Base: mark, Percentile: mark, Band: score.High, Receipt: score.Receipt{RowHash: strconv.FormatFloat(mark, 'g', -1, 64)},
		}
	}
	return all
}

// A request sees one run only, while runs replace each other under it.
func TestAnswersAreOfOneRun(t *testing.T) {
	const accounts = 40
	runs := &twinRuns{}
	marks := map[string]float64{}
	var mu sync.Mutex
	next := func(mark float64) {
		mu.Lock()
		defer mu.Unlock()
		marks[publishOn(t, runs, 99, markedScores(accounts, mark)).ID] = mark
	}
	next(1)
	d, _ := deskOver(runs)
	refreshed(t, d, true)
	var asked []frame.AccountID
	for i := range accounts {
		asked = append(asked, frame.AccountID(fmt.Sprintf("C%04d", i)))
	}
	check := func(what string, all []Answer) {
		mu.Lock()
		defer mu.Unlock()
		for i := range all {
			mark := marks[all[i].Run]
			if all[i].Run != all[0].Run || all[i].ValueAtRisk != mark || all[i].Margin != mark || all[i].Name != strconv.FormatFloat(mark, 'g', -1, 64) || all[i].Receipt.RowHash != all[i].Name {
				t.Errorf("%s: answer %d is %+v; the first is of run %s", what, i, all[i], all[0].Run)
				return
			}
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	seen := make([]map[string]bool, 4)
	for g := range seen {
		seen[g] = map[string]bool{}
		readers.Go(func() {
			for ctx.Err() == nil {
				found, unknown, err := d.BatchGet(context.Background(), asked)
				if err != nil || len(unknown) > 0 || len(found) != accounts {
					t.Errorf("batch: %d found, %q unknown (%v)", len(found), unknown, err)
					return
				}
				check("batch", found)
				seen[g][found[0].Run] = true
				// A walk of three pages is of one run too, as long as the replaced one is held.
				page, err := d.List(context.Background(), ListRequest{PageSize: 15, Filter: "value_at_risk > 0"})
				if err != nil || page.Total != accounts {
					t.Errorf("list: %d (%v)", page.Total, err)
					return
				}
				walked := page.Answers
				for page.NextPageToken != "" {
					if page, err = d.List(context.Background(), ListRequest{PageSize: 15, Filter: "value_at_risk > 0", PageToken: page.NextPageToken}); err != nil {
						if KindOf(err) == Invalid && strings.Contains(err.Error(), "replaced") {
							break // two runs came since
						}
						t.Error(err)
						return
					}
					walked = append(walked, page.Answers...)
				}
				check("walk", walked)
				if st := d.Status(context.Background()); st.Scored != accounts {
					t.Errorf("status: %+v", st)
					return
				}
			}
		})
	}
	for k := range 60 {
		next(float64(k + 2))
		refreshed(t, d, true)
		time.Sleep(time.Millisecond)
	}
	stop()
	readers.Wait()
	for g := range seen {
		if len(seen[g]) < 3 {
			t.Errorf("reader %d saw %d runs; the test wants it to see some come and go", g, len(seen[g]))
		}
	}
}

// A pageful keeps its run when another is published, until that is old, was
// dropped or was replaced in its turn.
func TestAReplacedRunIsHeldForAWhile(t *testing.T) {
	setUp := func(t *testing.T) (d *Desk, now *time.Time, runs *twinRuns, first Run, next ListRequest) {
		t.Helper()
		runs = &twinRuns{}
		first = publishOn(t, runs, 90, markedScores(10, 1))
		d, now = deskOver(runs)
		refreshed(t, d, true)
		page, err := d.List(t.Context(), ListRequest{PageSize: 4})
		if err != nil {
			t.Fatal(err)
		}
		publishOn(t, runs, 91, markedScores(10, 2))
		refreshed(t, d, true)
		return d, now, runs, first, ListRequest{PageSize: 4, PageToken: page.NextPageToken}
	}
	gone := func(t *testing.T, d *Desk, next ListRequest) {
		t.Helper()
		if _, err := d.List(t.Context(), next); KindOf(err) != Invalid || !strings.Contains(err.Error(), "replaced") {
			t.Errorf("%v, want invalid and the word replaced", err)
		}
	}
	t.Run("held", func(t *testing.T) {
		d, now, _, first, next := setUp(t)
		bytes := d.Status(t.Context()).Bytes
		*now = now.Add(keepReplaced - time.Second)
		refreshed(t, d, false)
		page, err := d.List(t.Context(), next)
		if err != nil || page.Answers[0].Run != first.ID || page.Answers[0].Account != "C0004" {
			t.Fatalf("%+v, %v", page, err)
		}
		if fresh, err := d.List(t.Context(), ListRequest{}); err != nil || fresh.Answers[0].Run == first.ID {
			t.Errorf("without a token: %+v, %v", fresh, err)
		}
		*now = now.Add(time.Second)
		refreshed(t, d, false)
		gone(t, d, next)
		if after := d.Status(t.Context()).Bytes; after >= bytes {
			t.Errorf("%d bytes are held after letting go, %d before", after, bytes)
		}
	})
	t.Run("dropped", func(t *testing.T) {
		d, _, runs, first, next := setUp(t)
		if err := runs.Drop(t.Context(), first.ID); err != nil {
			t.Fatal(err)
		}
		refreshed(t, d, false)
		gone(t, d, next)
	})
	t.Run("replaced twice", func(t *testing.T) {
		d, _, runs, _, next := setUp(t)
		publishOn(t, runs, 92, markedScores(10, 3))
		refreshed(t, d, true)
		gone(t, d, next)
	})
	t.Run("by another desk", func(t *testing.T) { // a restart, or a replica
		_, _, runs, first, _ := setUp(t)
		one, _ := deskOver(runs)
		refreshed(t, one, true)
		page, err := one.List(t.Context(), ListRequest{PageSize: 4})
		if err != nil {
			t.Fatal(err)
		}
		two, _ := deskOver(runs)
		refreshed(t, two, true)
		page, err = two.List(t.Context(), ListRequest{PageSize: 4, PageToken: page.NextPageToken})
		if err != nil || page.Answers[0].Account != "C0004" || page.Answers[0].Run == first.ID {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

// failingRuns fails on purpose.
type failingRuns struct {
	*twinRuns
	latest, scores error
	// dropped is how many reads find their run dropped.
	dropped int
	reads   int
}

func (f *failingRuns) Latest(ctx context.Context) (Run, error) {
	if f.latest != nil {
		return Run{}, f.latest
	}
	return f.twinRuns.Latest(ctx)
}

func (f *failingRuns) Scores(ctx context.Context, r Run, accounts []frame.AccountID, each func([]score.Score) error) error {
	f.reads++
	if f.reads <= f.dropped {
		return fmt.Errorf("run %q: %w", r.ID, ErrNotFound)
	}
	if f.scores != nil {
		return f.scores
	}
	return f.twinRuns.Scores(ctx, r, accounts, each)
}

// Whatever the warehouse does, the desk keeps what it holds and says why.
func TestTheDeskOutlivesTheWarehouse(t *testing.T) {
	down := errors.New("connection refused")
	runs := &failingRuns{twinRuns: &twinRuns{}, dropped: 2}
	first := publishOn(t, runs.twinRuns, 98, markedScores(5, 1))
	d, _ := deskOver(runs)
	refreshed(t, d, true) // at the third attempt
	for name, fault := range map[string]*failingRuns{"nobody answers": {latest: down}, "the run can't be read": {scores: down}} {
		publishOn(t, runs.twinRuns, 99, markedScores(5, 2))
		runs.latest, runs.scores = fault.latest, fault.scores
		if changed, err := d.Refresh(t.Context()); changed || !errors.Is(err, down) {
			t.Errorf("%s: changed = %v, %v", name, changed, err)
		}
		a, err := d.Get(t.Context(), "C0001")
		if st := d.Status(t.Context()); err != nil || a.Run != first.ID || !st.Ready || !strings.Contains(st.Detail, "refused") {
			t.Errorf("%s: %+v, %v; %+v", name, a, err, st)
		}
	}
	runs.latest, runs.scores = nil, nil
	refreshed(t, d, true)
	if st := d.Status(t.Context()); st.Detail != "" || st.Run == first.ID {
		t.Errorf("healed: %+v", st)
	}
	// A run that is always gone when it is read is not tried for ever.
	runs.dropped, runs.reads = 1000, 0
	publishOn(t, runs.twinRuns, 99, markedScores(5, 3))
	if changed, err := d.Refresh(t.Context()); changed || !errors.Is(err, ErrNotFound) || runs.reads != readAttempts {
		t.Errorf("changed = %v, %v after %d reads", changed, err, runs.reads)
	}
	// Whoever goes away leaves no trouble behind.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := d.Status(t.Context()).Detail
	runs.latest = ctx.Err()
	if _, err := d.Refresh(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("broken off: %v", err)
	}
	if after := d.Status(t.Context()).Detail; after != before {
		t.Errorf("broken off, the status tells %q", after)
	}
}

func TestARunOutOfOrderIsRefused(t *testing.T) {
	runs := &twinRuns{}
	all := runs.scores[publishOn(t, runs, 99, markedScores(3, 1)).ID]
	all[1], all[2] = all[2], all[1]
	d, _ := deskOver(runs)
	if changed, err := d.Refresh(t.Context()); changed || err == nil || !strings.Contains(err.Error(), "C0001") {
		t.Errorf("changed = %v, %v", changed, err)
	}
}

func TestWhatIsStale(t *testing.T) {
	const second = time.Second
	for _, c := range []struct {
		name            string
		cutoff, through int
		extent          int // of the warehouse now; 0 when it is not asked
		later           time.Duration
		want            []string
	}{
		{"fresh", 98, 98, 0, 0, nil},
		{"to the day", 93, 97, 0, 0, nil},
		{"a second more", 93, 97, 0, second, []string{"the score is as of 2024-04-02, more than 7 days ago", "the last complete day of data is 2024-04-06, more than 3 days ago"}},
		{"an old cutoff", 92, 98, 0, 0, []string{"the score is as of 2024-04-01, more than 7 days ago"}},
		{"old data", 98, 96, 0, 0, []string{"the last complete day of data is 2024-04-05, more than 3 days ago"}},
		{"data that came since", 96, 96, 99, 0, nil},
		{"data that stopped", 98, 98, 90, 0, []string{"the last complete day of data is 2024-03-30, more than 3 days ago"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			runs := &twinRuns{}
			publishOn(t, runs, c.cutoff, markedScores(1, 1))
			runs.runs[0].DataThrough = day(c.through)
			d, now := deskOver(runs)
			if c.extent > 0 {
				d.DataThrough = func(context.Context) (frame.Cutoff, error) { return day(c.extent), nil }
			}
			refreshed(t, d, true)
			*now = now.Add(c.later)
			want := strings.Join(c.want, "; ")
			a, err := d.Get(t.Context(), "C0000")
			if page, asked := d.List(t.Context(), ListRequest{}); err != nil || asked != nil || a.Stale != want || page.Answers[0].Stale != want || d.Status(t.Context()).Stale != want {
				t.Errorf("%q, %q and %q, want %q", a.Stale, page.Answers[0].Stale, d.Status(t.Context()).Stale, want)
			}
		})
	}
}

// The end of the data is asked for at once, then every five minutes, and an
// answer that does not come leaves the one before.
func TestTheEndOfTheDataIsAskedForSeldom(t *testing.T) {
	runs := &twinRuns{}
	publishOn(t, runs, 99, markedScores(1, 1))
	d, now := deskOver(runs)
	asked, down := 0, errors.New("connection refused")
	var fault error
	d.DataThrough = func(context.Context) (frame.Cutoff, error) {
		asked++
		return day(90), fault
	}
	stale := func() bool {
		a, err := d.Get(t.Context(), "C0000")
		return err == nil && strings.Contains(a.Stale, "2024-03-30")
	}
	refreshed(t, d, true)
	refreshed(t, d, false)
	if asked != 1 || !stale() {
		t.Errorf("asked %d times, stale = %v", asked, stale())
	}
	*now = now.Add(askThroughEvery)
	fault = down
	if _, err := d.Refresh(t.Context()); !errors.Is(err, down) || asked != 2 || !stale() {
		t.Errorf("%v, asked %d times, stale = %v", err, asked, stale())
	}
	fault = nil
	refreshed(t, d, false)
	if st := d.Status(t.Context()); asked != 3 || st.Detail != "" {
		t.Errorf("asked %d times; %+v", asked, st)
	}
}

func TestScoresOfNow(t *testing.T) {
	runs := &twinRuns{}
	r := publishOn(t, runs, 99, markedScores(1, 1))
	d, now := deskOver(runs)
	refreshed(t, d, true)
	value := 3.
	var asked []frame.AccountID
	down := error(nil)
	d.Score = func(_ context.Context, from Published, accounts []frame.AccountID) ([]Found, []frame.AccountID, error) {
		asked = accounts
		if from.Run != r || from.Rank.Percentile(.5) != 50 || from.Rank.Percentile(.4) != 0 {
			t.Errorf("measured from %+v, want the run that is held and its one probability, .5", from)
		}
		return []Found{{Score: score.Score{Account: "C2", Probability: .5, Up: []score.Reason{{Feature: "recency_days", Value: &value, Contribution: 1}}, Receipt: score.Receipt{Cutoff: day(100)}}}},
			[]frame.AccountID{"nobody's"}, down
	}
	found, unknown, err := d.ScoreNow(t.Context(), []frame.AccountID{"C2", "nobody's", "C2"})
	if err != nil || !slices.Equal(asked, []frame.AccountID{"C2", "nobody's"}) || !slices.Equal(unknown, []frame.AccountID{"nobody's"}) || len(found) != 1 {
		t.Fatalf("asked for %q; %+v, %q, %v", asked, found, unknown, err)
	}
	if a := found[0]; !a.Live || a.Run != r.ID || a.HorizonDays != 90 || a.Stale != "" || a.Up[0].EN != "no order for 3 days" || a.Receipt.Cutoff != day(100) {
		t.Errorf("%+v", a)
	}
	*now = day(140).Time() // the run is old, the score is not; the data is
	if found, _, err = d.ScoreNow(t.Context(), []frame.AccountID{"C2"}); err != nil || !strings.HasPrefix(found[0].Stale, "the last complete day") {
		t.Errorf("%+v, %v", found, err)
	}
	down = errors.New("connection refused")
	if _, _, err := d.ScoreNow(t.Context(), []frame.AccountID{"C2"}); !errors.Is(err, down) {
		t.Errorf("%v, want the warehouse's own", err)
	}
	for _, n := range []int{0, MaxNow + 1} {
		if _, _, err := d.ScoreNow(t.Context(), make([]frame.AccountID, n)); KindOf(err) != Invalid {
			t.Errorf("%d accounts: %v", n, err)
		}
	}
}

// Watch finds a run within five seconds and ends with its context.
func TestTheDeskIsWatchful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := &twinRuns{}
		d := NewDesk(DeskOptions{Runs: runs, Settings: DefaultSettings()})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			d.Watch(ctx)
		}()
		synctest.Wait()
		for k := range 3 {
			r := publishOn(t, runs, 90+k, markedScores(2, float64(k)))
			time.Sleep(lookEvery)
			synctest.Wait()
			if st := d.Status(t.Context()); st.Run != r.ID {
				t.Errorf("after %s it holds %q, want %q", lookEvery, st.Run, r.ID)
			}
		}
		stop()
		<-ended
	})
}
