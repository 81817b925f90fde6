package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/frame"
	"fealty/model/score"
	"fealty/serving"

	"pgregory.net/rapid"
)

// engineAt opens the embedded warehouse in dir until the test ends.
func engineAt(t *testing.T, dir string) clickhouse.Engine {
	t.Helper()
	launch.Library(t)
	return openEngine(t, "chdb://"+dir)
}

func openEngine(t *testing.T, url string) clickhouse.Engine {
	t.Helper()
	e, err := clickhouse.Open(t.Context(), url, clickhouse.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// wire is the server whose databases newWarehouse opens; nil means embedded
// warehouses.
var wire *launch.Server

// warehouses counts the databases of wire.
var warehouses atomic.Int64

// newWarehouse opens an empty warehouse until the test ends.
func newWarehouse(t *testing.T) clickhouse.Engine {
	t.Helper()
	if wire == nil {
		return engineAt(t, t.TempDir())
	}
	return databaseOf(t, wire, fmt.Sprintf("runs_%d", warehouses.Add(1)))
}

// databaseOf makes and opens a database of a server until the test ends.
func databaseOf(t *testing.T, s *launch.Server, name string) clickhouse.Engine {
	t.Helper()
	open := func(database string) clickhouse.Engine { return openEngine(t, s.URL(database, "").String()) }
	if err := open("default").Exec(t.Context(), "CREATE DATABASE "+name, nil); err != nil {
		t.Fatal(err)
	}
	return open(name)
}

// Over the wire everything holds that holds in process.
func TestRunsOnAServer(t *testing.T) {
	wire = launch.Start(t, launch.Options{})
	defer func() { wire = nil }()
	t.Run("to the bit", TestScoresComeBackToTheBit)
	t.Run("hash", TestSipHashIsTheEngines)
	t.Run("worths", TestWorthsComeBackToTheBit)
	t.Run("published run", TestThePublishedRun)
	t.Run("feature run", TestAFeatureRunIsKeptWhole)
	t.Run("failed publication", TestAFailedPublicationIsNotSeen)
	t.Run("commit without an answer", TestACommitWithoutAnAnswer)
	t.Run("one number", TestTwoRunsNeverKeepOneNumber)
	t.Run("swept", TestWhatIsSwept)
	t.Run("readers", TestReadersSeeOneSetWhole)
}

func runsOn(t *testing.T, e clickhouse.Engine) *Runs {
	t.Helper()
	s, err := OpenRuns(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// july is the cutoff at the end of that day of July 2024.
func july(day int) frame.Cutoff {
	return frame.Cutoff(time.Date(2024, time.July, day+1, 0, 0, 0, 0, time.UTC).Unix())
}

func runAsOf(c frame.Cutoff) serving.Run {
	return serving.Run{
		Purpose: serving.PurposeLive, Cutoff: c, KnownAt: frame.KnownAt(c) + 3600, Watermark: 7, DefinitionsHash: "d", ConfigHash: "c",
		Engine: "chdb 1", Model: "m1", Rung: "blend", Grade: "A", HorizonDays: 90, Currency: "EUR", MarginRate: .3, DataThrough: c, WorthDefinitions: "w",
	}
}

// marked are n scores whose every number is the mark, so that a mix of two sets
// shows.
func marked(n int, mark float64) []score.Score {
	all := make([]score.Score, n)
	for i := range all {
		all[i] = score.Score{
			Account: frame.AccountID(fmt.Sprintf("C%07d", i)), Name: "Firm", Margin: mark, Base: mark, Probability: mark, Percentile: mark,
			Band: score.Low, Stage: score.Active, ValueAtRisk: mark, RunRate: mark, Receipt: score.Receipt{RowHash: strconv.FormatFloat(mark, 'g', -1, 64)},
		}
	}
	return all
}

// batches hands out scores, size at a time.
func batches(all []score.Score, size int) func() (serving.Batch, error) {
	return func() (serving.Batch, error) {
		if len(all) == 0 {
			return serving.Batch{}, io.EOF
		}
		part := all[:min(size, len(all))]
		all = all[len(part):]
		return serving.Batch{Scores: part}, nil
	}
}

func published(t *testing.T, s *Runs, r serving.Run, all []score.Score) serving.Run {
	t.Helper()
	r, err := s.PublishScores(t.Context(), r, batches(all, 1000))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readScores(ctx context.Context, s *Runs, r serving.Run, accounts ...frame.AccountID) (all []score.Score, err error) {
	err = s.Scores(ctx, r, accounts, func(part []score.Score) error {
		all = append(all, part...)
		return nil
	})
	return all, err
}

// bitsOf is everything of a score as a text, numbers by their bits: two texts
// are equal exactly when the scores are.
func bitsOf(s *score.Score) string {
	number := func(v float64) string {
		if math.IsNaN(v) {
			return "missing"
		}
		return fmt.Sprintf("%016x", math.Float64bits(v))
	}
	reasons := func(all []score.Reason) string {
		var b strings.Builder
		for _, r := range all {
			value := "missing"
			if r.Value != nil {
				value = number(*r.Value)
			}
			fmt.Fprintf(&b, "[%q %s %s", r.Feature, value, number(r.Contribution))
			names := make([]string, 0, len(r.With))
			for name := range r.With {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				fmt.Fprintf(&b, " %q=%s", name, number(r.With[name]))
			}
			b.WriteString("]")
		}
		return b.String()
	}
	change := "none"
	if s.Change != nil {
		change = fmt.Sprint(number(s.Change.Probability), s.Change.Previous, s.Change.ModelChanged)
	}
	return fmt.Sprintf("%q %q %q %q %q %q %s %s %s %s %q %q %s %s %s %s %s %+v", s.Account, s.Name, s.Segment, s.Region, s.Manager, s.Unscorable,
		number(s.Margin), number(s.Base), number(s.Probability), number(s.Percentile), s.Band, s.Stage, number(s.ValueAtRisk), number(s.RunRate),
		change, reasons(s.Up), reasons(s.Down), s.Receipt)
}

func drawnNumber(t *rapid.T, name string) float64 {
	return rapid.OneOf(
		rapid.Float64().Filter(func(v float64) bool { return !math.IsInf(v, 0) }),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 5e-324, math.MaxFloat64, -math.MaxFloat64, 0.1, 1 << 53, math.NaN()}),
	).Draw(t, name)
}

func drawnText(t *rapid.T, name string) string {
	return rapid.OneOf(
		rapid.String(), rapid.SampledFrom([]string{"", "李伟", "a\x00b", "\xff\xfe", `\N`, `'`, "a\tb\nc\r", `{x:String}`, "\u2028\u202e", "1:a"}),
	).Draw(t, name)
}

func drawnReasons(t *rapid.T, name string) []score.Reason {
	var all []score.Reason
	for range rapid.IntRange(0, score.MaxReasons).Draw(t, name) {
		r := score.Reason{Feature: rapid.SampledFrom([]string{"recency_days", "gap_mean_days", "spend_90d"}).Draw(t, "feature"), Contribution: drawnNumber(t, "contribution")}
		if math.IsNaN(r.Contribution) {
			r.Contribution = 1
		}
		if v := drawnNumber(t, "value"); !math.IsNaN(v) {
			r.Value = &v
		}
		if v := drawnNumber(t, "with"); !math.IsNaN(v) {
			r.With = map[string]float64{"orders_90d": v, "tenure_days": -v}
		}
		all = append(all, r)
	}
	return all
}

// fewer lets rapid draw at most n cases in this test, since each is a
// publication; more only when asked for on the command line.
func fewer(t *testing.T, n int) {
	t.Helper()
	const checks = "rapid.checks"
	before := flag.Lookup(checks).Value.String()
	if before != flag.Lookup(checks).DefValue {
		return
	}
	if err := flag.Set(checks, strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(checks, before) })
}

// Whatever a score holds, it is read as it was written, to the bit.
func TestScoresComeBackToTheBit(t *testing.T) {
	s := runsOn(t, newWarehouse(t))
	cases := 30
	if wire != nil {
		cases = 10 // what a score holds is told apart in process; here the wire is asked
	}
	fewer(t, cases)
	day := 0
	rapid.Check(t, func(t *rapid.T) {
		day++
		r := runAsOf(july(day))
		var all []score.Score
		for i := range rapid.IntRange(1, 30).Draw(t, "scores") {
			sc := score.Score{
				Account: frame.AccountID(drawnText(t, "account") + strconv.Itoa(i)), Name: drawnText(t, "name"), Segment: drawnText(t, "segment"),
				Region: drawnText(t, "region"), Manager: drawnText(t, "manager"), Unscorable: rapid.SampledFrom([]string{"", "lapsed", "never_bought"}).Draw(t, "unscorable"),
				Margin: drawnNumber(t, "margin"), Base: drawnNumber(t, "base"), Probability: drawnNumber(t, "probability"), Percentile: drawnNumber(t, "percentile"),
				Band: rapid.SampledFrom([]score.Band{score.None, score.Low, score.Medium, score.High}).Draw(t, "band"), Stage: rapid.SampledFrom([]score.Stage{score.New, score.Lapsed}).Draw(t, "stage"),
				ValueAtRisk: drawnNumber(t, "value at risk"), RunRate: drawnNumber(t, "run rate"), Up: drawnReasons(t, "up"), Down: drawnReasons(t, "down"),
			}
			if rapid.Bool().Draw(t, "changed") {
				sc.Change = &score.Change{Probability: drawnNumber(t, "change"), Previous: july(rapid.IntRange(-900, 9).Draw(t, "previous")), ModelChanged: rapid.Bool().Draw(t, "model changed")}
			}
			sc.Receipt = r.Receipt()
			if rapid.Bool().Draw(t, "says nothing of its run") {
				sc.Receipt = score.Receipt{}
			}
			sc.Receipt.RowHash = drawnText(t, "row hash")
			sc.Receipt.WorthHash = drawnText(t, "worth hash") // its worth keeps it, if it has one
			all = append(all, sc)
		}
		ctx := context.Background()
		r, err := s.PublishScores(ctx, r, batches(all, rapid.IntRange(1, 31).Draw(t, "batch")))
		if err != nil {
			t.Fatal(err)
		}
		latest, err := s.Latest(ctx)
		if err != nil || latest != r || latest.Rows != int64(len(all)) {
			t.Fatalf("latest is %+v (%v), want %+v", latest, err, r)
		}
		got, err := readScores(ctx, s, latest)
		if err != nil || len(got) != len(all) {
			t.Fatalf("%d scores (%v), want %d", len(got), err, len(all))
		}
		slices.SortFunc(all, func(a, b score.Score) int { return strings.Compare(string(a.Account), string(b.Account)) })
		for i := range all {
			hash := all[i].Receipt.RowHash
			all[i].Receipt = r.Receipt()
			all[i].Receipt.RowHash = hash
			if g, w := bitsOf(&got[i]), bitsOf(&all[i]); g != w {
				t.Fatalf("score %d is\n%s, want\n%s", i, g, w)
			}
		}
		// Some by name, in any order and twice, with a name that nobody has.
		some := []frame.AccountID{all[len(all)/2].Account, "nobody's", all[0].Account, all[0].Account}
		want := 2
		if len(all) == 1 {
			want = 1
		}
		named, err := readScores(ctx, s, latest, some...)
		if err != nil || len(named) != want || bitsOf(&named[0]) != bitsOf(&all[0]) || bitsOf(&named[want-1]) != bitsOf(&all[len(all)/2]) {
			t.Fatalf("by name: %d scores (%v), want %d", len(named), err, want)
		}
	})
}

// The engine's hash and ours are one, at every length of the last word.
func TestSipHashIsTheEngines(t *testing.T) {
	// The first value stands in ClickHouse's documentation of itself: SELECT sipHash64('').
	if got := sipHash(nil); got != 2202906307356721367 {
		t.Errorf("of nothing it is %d", got)
	}
	e := newWarehouse(t)
	chance := rand.New(rand.NewPCG(1, 2))
	for n := range 40 {
		text := make([]byte, n)
		for i := range text {
			text[i] = byte(chance.IntN(256))
		}
		var got string
		err := e.Query(t.Context(), "SELECT toString(sipHash64({text:String})) AS h", clickhouse.Params{"text": string(text)}, func(b *frame.Table) error {
			if b.Rows() > 0 {
				got = b.Columns[0].Texts[0]
			}
			return nil
		})
		if want := strconv.FormatUint(sipHash(text), 10); err != nil || got != want {
			t.Errorf("of %q the engine says %s (%v), want %s", text, got, err, want)
		}
	}
}

// Which run is published, was published before, and is listed, against the
// definition read aloud over a list.
func TestThePublishedRun(t *testing.T) {
	s := runsOn(t, newWarehouse(t))
	ctx := t.Context()
	if _, err := s.Latest(ctx); serving.KindOf(err) != serving.Unavailable {
		t.Errorf("before the first run: %v, want unavailable", err)
	}
	if _, err := s.Newest(ctx, serving.PurposeLive, july(30)); serving.KindOf(err) != serving.NotFound {
		t.Errorf("before the first run: %v, want not found", err)
	}
	chance := rand.New(rand.NewPCG(3, 4))
	var all []serving.Run
	newest := func(below frame.Cutoff) (best serving.Run) {
		for _, r := range all {
			if r.Kind == serving.KindScores && r.Purpose == serving.PurposeLive && r.Cutoff < below && (r.Cutoff > best.Cutoff || r.Cutoff == best.Cutoff && r.Commit > best.Commit) {
				best = r
			}
		}
		return best
	}
	for k := range 24 {
		r := runAsOf(july(1 + chance.IntN(8)))
		if chance.IntN(3) == 0 {
			r.Purpose = serving.PurposeBackfill
			r.Cutoff = july(20) // later than all, and yet never the latest
		}
		var err error
		if k%7 == 3 {
			r.Cutoff = july(25)
			r, err = s.PublishFeatures(ctx, r, slicesOf(aSlice(r.Cutoff, 3)))
		} else {
			r, err = s.PublishScores(ctx, r, batches(marked(3, .5), 2))
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.Commit != uint64(k+1) || r.Rows != 3 || time.Since(r.CommittedAt) > time.Minute {
			t.Errorf("commit %d: %+v", k+1, r)
		}
		all = append(all, r)
		if chance.IntN(5) == 0 {
			i := chance.IntN(len(all))
			if err := s.Drop(ctx, all[i].ID); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Run(ctx, all[i].ID); serving.KindOf(err) != serving.NotFound {
				t.Errorf("a dropped run: %v", err)
			}
			if got, err := readScores(ctx, s, all[i]); serving.KindOf(err) != serving.NotFound || len(got) > 0 {
				t.Errorf("a dropped run is read: %d scores, %v", len(got), err)
			}
			all = slices.Delete(all, i, i+1)
		}
		got, err := s.Latest(ctx)
		if want := newest(math.MaxInt64); got != want || (want.ID == "") != (serving.KindOf(err) == serving.Unavailable) {
			t.Fatalf("after %d: latest is %+v (%v), want %+v", k, got, err, want)
		}
		for _, day := range []int{0, 3, 6, 9} {
			got, err := s.Newest(ctx, serving.PurposeLive, july(day))
			if want := newest(july(day)); got != want || (want.ID == "") != (serving.KindOf(err) == serving.NotFound) {
				t.Fatalf("after %d: before day %d was %+v (%v), want %+v", k, day, got, err, want)
			}
		}
		listed, err := s.List(ctx, 7)
		want := slices.Clone(all)
		slices.Reverse(want)
		if want = want[:min(7, len(want))]; err != nil || !slices.Equal(listed, want) {
			t.Fatalf("after %d: listed %+v (%v), want %+v", k, listed, err, want)
		}
	}
	if err := s.Drop(ctx, "nobody's"); serving.KindOf(err) != serving.NotFound {
		t.Errorf("drop an unknown run: %v", err)
	}
	if _, err := s.Run(ctx, "a\x00b"); serving.KindOf(err) != serving.NotFound {
		t.Errorf("a run with a NUL: %v", err)
	}
	if _, err := s.List(ctx, 0); serving.KindOf(err) != serving.Invalid {
		t.Errorf("list nothing: %v", err)
	}
}

// aSlice has n accounts and two features; the second is missing for every other.
func aSlice(c frame.Cutoff, n int) *features.Slice {
	s := &features.Slice{Frame: &frame.Frame{Table: frame.Table{Columns: []frame.Column{
		{Meta: frame.Meta{Name: "recency_days"}, Kind: frame.Number}, {Meta: frame.Meta{Name: "gap_mean_days"}, Kind: frame.Number},
	}}}}
	for i := range n {
		s.Frame.Accounts, s.Frame.Cutoffs = append(s.Frame.Accounts, frame.AccountID(fmt.Sprintf("C%d", i))), append(s.Frame.Cutoffs, c)
		s.Status = append(s.Status, features.Eligible)
		s.FirstPurchase, s.LastPurchase = append(s.FirstPurchase, int64(c)-86400), append(s.LastPurchase, 0)
		gap := math.NaN()
		if i%2 == 0 {
			gap = float64(i) / 3
		}
		s.Frame.Columns[0].Numbers, s.Frame.Columns[1].Numbers = append(s.Frame.Columns[0].Numbers, float64(i)), append(s.Frame.Columns[1].Numbers, gap)
	}
	return s
}

// named are scores of the accounts of aSlice.
func named(n int) []score.Score {
	all := marked(n, .5)
	for i := range all {
		all[i].Account = frame.AccountID(fmt.Sprintf("C%d", i))
	}
	return all
}

// keeping hands out one batch of scores with features to keep.
func keeping(all []score.Score, kept *features.Slice) func() (serving.Batch, error) {
	return func() (serving.Batch, error) {
		part := serving.Batch{Scores: all, Features: kept}
		if all == nil {
			return part, io.EOF
		}
		all = nil
		return part, nil
	}
}

func slicesOf(all ...*features.Slice) func() (*features.Slice, error) {
	return func() (*features.Slice, error) {
		if len(all) == 0 {
			return nil, io.EOF
		}
		s := all[0]
		all = all[1:]
		return s, nil
	}
}

// lines returns the answer's rows as texts.
func lines(t *testing.T, e clickhouse.Engine, sql string) (all []string) {
	t.Helper()
	err := e.Query(t.Context(), sql, nil, func(b *frame.Table) error {
		for i := range b.Rows() {
			var row []string
			for k := range b.Columns {
				switch c := &b.Columns[k]; {
				case c.IsNull(i):
					row = append(row, "missing")
				case c.Kind == frame.Text:
					row = append(row, c.Texts[i])
				default:
					row = append(row, strconv.FormatFloat(c.Float(i), 'g', -1, 64))
				}
			}
			all = append(all, strings.Join(row, " "))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAFeatureRunIsKeptWhole(t *testing.T) {
	e := newWarehouse(t)
	s := runsOn(t, e)
	two := aSlice(july(2), 2)
	two.Status[1] = features.Lapsed
	r, err := s.PublishFeatures(t.Context(), runAsOf(july(1)), slicesOf(aSlice(july(1), 3), two))
	if err != nil || r.Rows != 5 || r.Kind != serving.KindFeatures {
		t.Fatalf("%+v, %v", r, err)
	}
	rows := lines(t, e, "SELECT account, dateDiff('day', toDate('2024-07-01'), cutoff), status, dateDiff('day', first_purchase, cutoff), last_purchase FROM feature_rows ORDER BY cutoff, account")
	if want := []string{"C0 1 eligible 1 missing", "C1 1 eligible 1 missing", "C2 1 eligible 1 missing", "C0 2 eligible 1 missing", "C1 2 lapsed 1 missing"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	values := lines(t, e, "SELECT account, feature, value FROM feature_values WHERE cutoff = '2024-07-02' ORDER BY feature, account")
	if want := []string{"C0 gap_mean_days 0", "C1 gap_mean_days missing", "C2 gap_mean_days " + strconv.FormatFloat(2./3, 'g', -1, 64), "C0 recency_days 0", "C1 recency_days 1", "C2 recency_days 2"}; !slices.Equal(values, want) {
		t.Errorf("values %q, want %q", values, want)
	}
	// A run of scores keeps features under its own name, and they go with it; what a run
	// of features of the same definitions holds as of that cutoff is found too.
	of := runAsOf(july(2))
	of.Fingerprints = `[{"table":"order_lines","source":"shop","mapping":"m","rows":3,"sum":"18446744073709551615"}]`
	scored, err := s.PublishScores(t.Context(), of, keeping(named(3), aSlice(july(2), 2)))
	if again, asked := s.Run(t.Context(), scored.ID); err != nil || asked != nil || scored.KeptFeatures != 2 || scored.Rows != 3 || again != scored || scored.Fingerprints != of.Fingerprints {
		t.Fatalf("%+v, %v; asked again %+v, %v", scored, err, again, asked)
	}
	for account, want := range map[frame.AccountID]string{
		"C1": "[{" + scored.ID + " eligible 1719878400 0 map[gap_mean_days:NaN recency_days:1]} {" + r.ID + " lapsed 1719878400 0 map[gap_mean_days:NaN recency_days:1]}]",
		"C2": "[]",
	} {
		if kept, err := s.Kept(t.Context(), scored, account); err != nil || fmt.Sprint(kept) != want {
			t.Errorf("of %s is kept %v (%v), want %s", account, kept, err, want)
		}
	}
	if err := s.Drop(t.Context(), scored.ID); err != nil {
		t.Fatal(err)
	}
	other := scored
	other.DefinitionsHash = "others"
	if kept, err := s.Kept(t.Context(), other, "C1"); err != nil || len(kept) != 0 {
		t.Errorf("of a dropped run of other definitions is kept %v (%v)", kept, err)
	}
	for name, bad := range map[string]func(*features.Slice){
		"a category":       func(s *features.Slice) { s.Frame.Columns[0].Kind = frame.Category },
		"a short column":   func(s *features.Slice) { s.Frame.Columns[0].Numbers = s.Frame.Columns[0].Numbers[1:] },
		"no status":        func(s *features.Slice) { s.Status = nil },
		"an infinity":      func(s *features.Slice) { s.Frame.Columns[1].Numbers[2] = math.Inf(1) },
		"an account twice": func(s *features.Slice) { s.Frame.Accounts[2] = "C1" },
	} {
		slice := aSlice(july(3), 3)
		bad(slice)
		if _, err := s.PublishFeatures(t.Context(), runAsOf(july(3)), slicesOf(slice)); err == nil {
			t.Errorf("%s was published", name)
		}
	}
	if got := lines(t, e, "SELECT count() FROM written_feature_rows"); got[0] != "5" {
		t.Errorf("%s rows lie there after refusals, want 5", got[0])
	}
}

// isCommit tells the statement that commits a run.
func isCommit(sql string) bool { return sql == runStatement("commit.sql") }

// faulty is an engine that fails on purpose.
type faulty struct {
	clickhouse.Engine
	exec func(sql string, really func() error) error
	info *clickhouse.Info
}

func (f faulty) Exec(ctx context.Context, sql string, params clickhouse.Params) error {
	really := func() error { return f.Engine.Exec(ctx, sql, params) }
	if f.exec == nil {
		return really()
	}
	return f.exec(sql, really)
}

func (f faulty) Info() clickhouse.Info {
	if f.info != nil {
		return *f.info
	}
	return f.Engine.Info()
}

// Whatever goes wrong on the way to the commit, readers keep the run before,
// nothing is left behind and the next publication is as if nothing had been.
func TestAFailedPublicationIsNotSeen(t *testing.T) {
	e := newWarehouse(t)
	s := runsOn(t, e)
	before := published(t, s, runAsOf(july(1)), marked(10, .1))
	down := errors.New("the wire was cut")
	ended, end := context.WithCancel(t.Context())
	end()
	whole := func() []score.Score { return marked(500, .9) }
	with := func(change func(s *score.Score)) []score.Score {
		all := whole()
		change(&all[321])
		return all
	}
	send := func(spoil func(rows *frame.Table) error) func(ctx context.Context, table string, rows *frame.Table) error {
		return func(ctx context.Context, table string, rows *frame.Table) error {
			if err := spoil(rows); err != nil {
				return err
			}
			return e.Insert(ctx, table, rows)
		}
	}
	type next = func() (serving.Batch, error)
	for _, c := range []struct {
		name    string
		ctx     context.Context //nolint:containedctx // a case of a table
		next    next
		purpose string
		insert  func(ctx context.Context, table string, rows *frame.Table) error
		want    error
		says    string
	}{
		{name: "a source that fails at once", next: func() (serving.Batch, error) { return serving.Batch{}, down }, want: down},
		{name: "a source that fails in the middle", next: func() next {
			n := 0
			return func() (serving.Batch, error) {
				if n++; n > 3 {
					return serving.Batch{}, down
				}
				return serving.Batch{Scores: marked(600*n, .9)[600*(n-1):]}, nil
			}
		}(), want: down},
		{name: "no scores", next: batches(nil, 1), want: serving.ErrInvalid},
		{name: "features of somebody else", next: keeping(named(3), aSlice(july(2), 4)), want: serving.ErrInvalid, says: "C3"},
		{name: "features as of another cutoff", next: keeping(named(3), aSlice(july(1), 3)), want: serving.ErrInvalid, says: "C0"},
		{name: "an ended context", ctx: ended, want: context.Canceled},
		{name: "an infinity", next: batches(with(func(s *score.Score) { s.RunRate = math.Inf(-1) }), 100), says: "infinite"},
		{name: "a reason without a number", next: batches(with(func(s *score.Score) { s.Up = []score.Reason{{Contribution: math.NaN()}} }), 100), says: "C0000321"},
		{name: "a score of nobody", next: batches(with(func(s *score.Score) { s.Account = "" }), 100), want: serving.ErrInvalid},
		{name: "an account twice", next: batches(with(func(s *score.Score) { s.Account = "C0000322" }), 100), want: serving.ErrInvalid, says: "twice"},
		{name: "a receipt of another model", next: batches(with(func(s *score.Score) { s.Receipt.Model = "m2" }), 100), want: serving.ErrInvalid, says: "m2"},
		{name: "a change before all time", next: batches(with(func(s *score.Score) { s.Change = &score.Change{Previous: -1} }), 100), says: "change_previous_cutoff"},
		{name: "a purpose that nobody knows", purpose: "rehearsal", want: serving.ErrInvalid, says: "rehearsal"},
		{name: "a wire that is cut", insert: send(func(*frame.Table) error { return down }), want: down},
		{name: "rows that get lost", insert: send(func(rows *frame.Table) error { *rows = rows.Slice(1, rows.Rows()); return nil }), says: "499"},
		{name: "a value that is changed", insert: send(func(rows *frame.Table) error {
			rows.Column("probability").Numbers[77] = math.Nextafter(.9, 1)
			return nil
		}), says: "checksum"},
		{name: "a text that is changed", insert: send(func(rows *frame.Table) error { rows.Column("name").Texts[77] = "firm"; return nil }), says: "checksum"},
		{name: "two values that change places", insert: send(func(rows *frame.Table) error {
			segment, region := rows.Column("segment"), rows.Column("region")
			segment.Texts[5], region.Texts[5] = "x", ""
			return nil
		}), says: "checksum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			failing := &Runs{engine: e, insert: e.Insert}
			if c.insert != nil {
				failing.insert = c.insert
			}
			ctx, r, next := t.Context(), runAsOf(july(2)), batches(whole(), 100)
			if c.ctx != nil {
				ctx = c.ctx
			}
			if c.purpose != "" {
				r.Purpose = c.purpose
			}
			if c.next != nil {
				next = c.next
			}
			got, err := failing.PublishScores(ctx, r, next)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || got != (serving.Run{}) {
				t.Fatalf("%+v, %v; want an error that is %v and says %q", got, err, c.want, c.says)
			}
			if latest, err := s.Latest(t.Context()); err != nil || latest != before {
				t.Errorf("latest is %+v (%v), want %+v", latest, err, before)
			}
			if rows := lines(t, e, "SELECT count() FROM written_scores"); rows[0] != "10" {
				t.Errorf("%s rows lie there, want 10", rows[0])
			}
		})
	}
	if after := published(t, s, runAsOf(july(2)), whole()); after.Commit != before.Commit+1 {
		t.Errorf("the next commit is %d, want %d", after.Commit, before.Commit+1)
	}
}

// An answer to the commit that does not come is asked for, and a run that may
// or may not be there is never left so.
func TestACommitWithoutAnAnswer(t *testing.T) {
	e := newWarehouse(t)
	s := runsOn(t, e)
	before := published(t, s, runAsOf(july(1)), marked(10, .1))
	cut := errors.New("the wire was cut")
	publish := func(exec func(sql string, really func() error) error) (serving.Run, error) {
		failing := runsOn(t, faulty{Engine: e, exec: exec})
		return failing.PublishScores(t.Context(), runAsOf(july(2)), batches(marked(20, .2), 100))
	}

	r, err := publish(func(sql string, really func() error) error {
		err := really()
		if isCommit(sql) && err == nil {
			return cut
		}
		return err
	})
	if latest, asked := s.Latest(t.Context()); err != nil || asked != nil || latest != r || r.Rows != 20 {
		t.Fatalf("it landed: %+v, %v; latest %+v, %v", r, err, latest, asked)
	}
	if err := s.Drop(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}

	var late func() error
	_, err = publish(func(sql string, really func() error) error {
		if isCommit(sql) {
			late = really
			return cut
		}
		return really()
	})
	if latest, asked := s.Latest(t.Context()); !errors.Is(err, cut) || asked != nil || latest != before {
		t.Fatalf("it did not land: %v; latest %+v, %v", err, latest, asked)
	}
	// The commit arrives after all, when the caller was told that it had failed.
	if err := late(); err != nil {
		t.Fatal(err)
	}
	if latest, asked := s.Latest(t.Context()); asked != nil || latest != before {
		t.Errorf("it landed late: latest %+v, %v", latest, asked)
	}

	// Somebody else swept the rows between the check and the commit.
	_, err = publish(func(sql string, really func() error) error {
		if isCommit(sql) {
			for _, run := range lines(t, e, "SELECT DISTINCT run_id FROM written_scores WHERE run_id NOT IN (SELECT run_id FROM runs)") {
				if err := e.Exec(t.Context(), runStatement("drop.sql"), clickhouse.Params{"table": "written_scores", "run": run}); err != nil {
					t.Error(err)
				}
			}
		}
		return really()
	})
	if latest, asked := s.Latest(t.Context()); serving.KindOf(err) != serving.Conflict || asked != nil || latest != before {
		t.Errorf("swept before the commit: %v; latest %+v, %v", err, latest, asked)
	}

	// Nothing can be asked any more: the error names the run.
	_, err = publish(func(sql string, really func() error) error {
		if isCommit(sql) || strings.Contains(sql, "dropped_runs") && strings.Contains(sql, "INSERT") {
			return cut
		}
		return really()
	})
	if !errors.Is(err, cut) || !strings.Contains(err.Error(), "not known") {
		t.Errorf("nothing is known: %v", err)
	}
}

// Two processes may draw a number at the same instant; none is told of one that
// another run keeps.
func TestTwoRunsNeverKeepOneNumber(t *testing.T) {
	e := newWarehouse(t)
	s := runsOn(t, e)
	published(t, s, runAsOf(july(1)), marked(10, .1))
	// The rivals' commits are there when the run's own statement ends, under the number that it took.
	rivals := []string{"0-before", "z-behind"}
	meeting := runsOn(t, faulty{Engine: e, exec: func(sql string, really func() error) error {
		if err := really(); err != nil || !isCommit(sql) {
			return err
		}
		for _, id := range rivals {
			copied := "INSERT INTO runs SELECT * REPLACE ({id:String} AS run_id) FROM runs ORDER BY runs.commit DESC LIMIT 1"
			if err := e.Exec(t.Context(), copied, clickhouse.Params{"id": id}); err != nil {
				return err
			}
		}
		return nil
	}})
	r := published(t, meeting, runAsOf(july(2)), marked(20, .2))
	seen := map[uint64]string{}
	unique := func(want int) {
		t.Helper()
		all, err := s.List(t.Context(), 100)
		if err != nil || len(all) != want {
			t.Fatalf("%d runs are listed (%v), want %d", len(all), err, want)
		}
		clear(seen)
		for _, run := range all {
			if other, taken := seen[run.Commit]; taken {
				t.Errorf("%s and %s have number %d", other, run.ID, run.Commit)
			}
			seen[run.Commit] = run.ID
		}
	}
	if stands, err := s.Run(t.Context(), r.ID); err != nil || stands != r || r.Commit <= 2 || r.Rows != 20 {
		t.Errorf("it was told %+v, and %+v stands there (%v)", r, stands, err)
	}
	// Now the rivals look, as each does before it is told.
	for _, id := range rivals {
		rival, err := s.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		p := &publication{Runs: s}
		if _, err := p.settle(t.Context(), rival); err != nil {
			t.Fatal(err)
		}
	}
	unique(4)
	if stands, err := s.Run(t.Context(), r.ID); err != nil || stands != r {
		t.Errorf("the number that was told has changed to %d (%v), want %d", stands.Commit, err, r.Commit)
	}
	if after := published(t, s, runAsOf(july(2)), marked(5, .1)); after.Commit <= slices.Max(slices.Collect(maps.Keys(seen))) {
		t.Errorf("the next number is %d, and %v are taken", after.Commit, seen)
	}
	unique(5)

	// A run whose number can't be made its own is not published.
	cut := errors.New("the wire was cut")
	latest, err := s.Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failing := runsOn(t, faulty{Engine: e, exec: func(sql string, really func() error) error {
		if sql == runStatement("redraw.sql") {
			return cut
		}
		return really()
	}})
	if _, err := failing.PublishScores(t.Context(), runAsOf(july(9)), batches(marked(5, .3), 5)); !errors.Is(err, cut) {
		t.Errorf("the question for rivals failed, and publishing says %v", err)
	}
	if got, err := s.Latest(t.Context()); err != nil || got != latest {
		t.Errorf("latest is %+v (%v), want %+v", got, err, latest)
	}
}

// A run on a server that was never committed may be another process's, still
// writing; an embedded warehouse has no other process.
func TestWhatIsSwept(t *testing.T) {
	e := newWarehouse(t)
	s := runsOn(t, e)
	first := published(t, s, runAsOf(july(1)), marked(5, .1))
	leave := func(id string, age time.Duration) {
		t.Helper()
		sql := "INSERT INTO written_scores (run_id, account, written_at) SELECT {run:String}, 'C1', now('UTC') - {age:Int64}"
		if err := e.Exec(t.Context(), sql, clickhouse.Params{"run": id, "age": int64(age / time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	left := func() []string {
		return lines(t, e, "SELECT DISTINCT run_id FROM written_scores WHERE run_id IN ('old', 'young', 'back') ORDER BY run_id")
	}
	leave("old", abandonedAfter+time.Minute)
	leave("young", abandonedAfter-time.Minute)
	leave("back", 0)
	if err := s.tombstone(t.Context(), "back"); err != nil { // a fault of the engine brought it back
		t.Fatal(err)
	}
	server := runsOn(t, faulty{Engine: e, info: &clickhouse.Info{Kind: "clickhouse", Hosts: []string{"a:9000"}}})
	published(t, server, runAsOf(july(2)), marked(5, .1))
	if got := left(); !slices.Equal(got, []string{"young"}) {
		t.Errorf("on a server %q is left, want young", got)
	}
	if got := lines(t, e, "SELECT uniqExact(run_id) FROM scores"); got[0] != "2" {
		t.Errorf("the view shows %s runs, want the 2 committed", got[0])
	}
	embedded := runsOn(t, faulty{Engine: e, info: &clickhouse.Info{Kind: "chdb"}})
	published(t, embedded, runAsOf(july(3)), marked(5, .1))
	if got := left(); len(got) > 0 {
		t.Errorf("in an embedded warehouse %q is left", got)
	}
	if got, err := readScores(t.Context(), s, first); err != nil || len(got) != 5 {
		t.Errorf("a committed run has %d scores (%v), want 5", len(got), err)
	}
}

// Whoever asks for the published run and reads it gets one set, whole, while
// others are published and dropped.
func TestReadersSeeOneSetWhole(t *testing.T) {
	s := runsOn(t, newWarehouse(t))
	const rows = 3000
	published(t, s, runAsOf(july(1)), marked(rows, 1))
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	var mu sync.Mutex
	reads := map[float64]int{}
	for range 3 {
		readers.Go(func() {
			for ctx.Err() == nil {
				r, err := s.Latest(ctx)
				if err != nil {
					if ctx.Err() == nil {
						t.Error(err)
					}
					return
				}
				all, err := readScores(ctx, s, r)
				switch {
				case ctx.Err() != nil || serving.KindOf(err) == serving.NotFound: // dropped in between, and said so
					continue
				case err != nil || len(all) != rows:
					t.Errorf("%d scores, %v", len(all), err)
					return
				}
				for i := range all {
					if all[i].Probability != all[0].Probability || all[i].Receipt != all[0].Receipt {
						t.Errorf("a mix of %v and %v", all[i].Probability, all[0].Probability)
						return
					}
				}
				mu.Lock()
				reads[all[0].Probability]++
				mu.Unlock()
			}
		})
	}
	rounds := 12
	if os.Getenv("FEALTY_TORTURE") == "1" {
		rounds = 200
	}
	var last serving.Run
	for k := range rounds {
		r := published(t, s, runAsOf(july(1)), marked(rows, float64(k+2)))
		if last.ID != "" && k%3 == 0 {
			if err := s.Drop(t.Context(), last.ID); err != nil {
				t.Error(err)
			}
		}
		last = r
	}
	stop()
	readers.Wait()
	if len(reads) < 3 {
		t.Errorf("readers saw the sets %v; the test wants them to see some come and go", reads)
	}
}

// publishEnv makes the test program publish so many scores at a time in the
// warehouse that it names, "15000 chdb://DIR", until it is killed.
const publishEnv = "FEALTY_STORE_TEST_PUBLISH"

const killedScores = 15_000

// publishUntilKilled marks each run by its margin rate and says in its model who
// published it and in its rung which number the run before was told.
func publishUntilKilled(asked string) {
	ctx := context.Background()
	var n int
	var warehouse string
	_, err := fmt.Sscan(asked, &n, &warehouse)
	var e clickhouse.Engine
	if err == nil {
		e, err = clickhouse.Open(ctx, warehouse, clickhouse.Limits{})
	}
	var s *Runs
	if err == nil {
		s, err = OpenRuns(ctx, e)
	}
	var r serving.Run
	if err == nil {
		r, err = s.Latest(ctx)
	}
	mark, me, told := r.MarginRate, strconv.Itoa(os.Getpid()), ""
	_, _ = fmt.Fprintln(os.Stdout, "begun", err)
	for err == nil {
		mark++
		r = runAsOf(july(1))
		r.MarginRate, r.Model, r.Rung = mark, me, told
		r, err = s.PublishScores(ctx, r, batches(marked(n, mark), 4000))
		told = strconv.FormatUint(r.Commit, 10)
	}
	_, _ = fmt.Fprintln(os.Stdout, "ended", err)
	os.Exit(1)
}

// publisher starts a process that publishes until it is killed.
func publisher(t *testing.T, n int, warehouse string) *exec.Cmd {
	t.Helper()
	return launch.Again(t, fmt.Sprintf("%s=%d %s", publishEnv, n, warehouse), "begun <nil>")
}

func kill(t *testing.T, child *exec.Cmd) {
	t.Helper()
	_ = child.Process.Kill()
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Fatalf("the child was not killed: %v", child.ProcessState)
	}
}

// Two processes publish on one server side by side, and are killed in the midst
// of it: every number that one was told is its run's own, whoever reads finds
// one set whole, and what the killed ones left is nobody's.
func TestTwoPublishersOfOneServer(t *testing.T) {
	rounds := 1
	if os.Getenv("FEALTY_TORTURE") == "1" {
		rounds = 40
	}
	const scores, runs = 40, 12
	server := launch.Start(t, launch.Options{})
	s := runsOn(t, databaseOf(t, server, "shop"))
	published(t, s, runAsOf(july(1)), marked(scores, 1))
	var killed []string // the last run of each publisher may not have been told its number
	for range rounds {
		both := []*exec.Cmd{publisher(t, scores, server.URL("shop", "").String()), publisher(t, scores, server.URL("shop", "").String())}
		for _, child := range both {
			me := strconv.Itoa(child.Process.Pid)
			for count := 0; count < runs; time.Sleep(10 * time.Millisecond) {
				all, err := s.List(t.Context(), 10_000)
				if err != nil {
					t.Fatal(err)
				}
				count = 0
				for i := range all {
					if all[i].Model == me {
						count++
					}
				}
			}
			kill(t, child)
			killed = append(killed, me)
			r, err := s.Latest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all, err := readScores(t.Context(), s, r)
			if err != nil || len(all) != scores || all[0].Probability != r.MarginRate || all[scores-1].Probability != r.MarginRate {
				t.Errorf("after a kill the published run has %d scores (%v), want %d of %v", len(all), err, scores, r.MarginRate)
			}
		}
	}
	all, err := s.List(t.Context(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	numbers, last := map[uint64]int{}, map[string]serving.Run{}
	for _, r := range slices.Backward(all) {
		numbers[r.Commit]++
		if before, ok := last[r.Model]; ok && r.Rung != strconv.FormatUint(before.Commit, 10) {
			t.Errorf("publisher %s was told number %s, and its run stands there under %d", r.Model, r.Rung, before.Commit)
		}
		last[r.Model] = r
	}
	for _, me := range killed {
		numbers[last[me].Commit]--
	}
	for number, n := range numbers {
		if n > 1 {
			t.Errorf("%d runs keep number %d", n, number)
		}
	}
}

// A process killed by SIGKILL while it publishes leaves the old set or the new
// one, and what it left behind goes at the next publication.
func TestAKilledPublicationIsAbsentOrComplete(t *testing.T) {
	launch.Library(t)
	dir := t.TempDir()
	kills := 5
	if os.Getenv("FEALTY_TORTURE") == "1" {
		kills = 200
	}
	open := func() (clickhouse.Engine, *Runs) {
		e, err := clickhouse.Open(t.Context(), "chdb://"+dir, clickhouse.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return e, runsOn(t, e)
	}
	e, s := open()
	first := runAsOf(july(1))
	first.MarginRate = 1
	last := published(t, s, first, marked(killedScores, 1))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	chance := rand.New(rand.NewPCG(5, 6))
	for k := range kills {
		child := publisher(t, killedScores, "chdb://"+dir)
		wait := time.Duration(chance.Int64N(int64(1200 * time.Millisecond)))
		time.Sleep(wait)
		kill(t, child)
		e, s := open()
		r, err := s.Latest(t.Context())
		if err != nil {
			t.Fatalf("after kill %d: %v", k, err)
		}
		all, err := readScores(t.Context(), s, r)
		if err != nil || len(all) != killedScores {
			t.Errorf("killed after %s: %d scores (%v)", wait, len(all), err)
		}
		for i := range all {
			if all[i].Probability != r.MarginRate {
				t.Errorf("killed after %s: run %v has a score of %v", wait, r.MarginRate, all[i].Probability)
				break
			}
		}
		if r.Commit < last.Commit {
			t.Errorf("killed after %s: commit %d was the latest and is gone; now it is %d", wait, last.Commit, r.Commit)
		}
		t.Logf("killed after %s: commit %d", wait.Round(time.Millisecond), r.Commit)
		last = r
		if k == kills-1 {
			r := published(t, s, runAsOf(july(1)), marked(10, .5))
			if got := lines(t, e, "SELECT uniqExact(run_id) = (SELECT count() FROM runs) FROM written_scores"); got[0] != "1" {
				t.Error("rows of a run that was never committed are left")
			}
			if r.Commit != last.Commit+1 {
				t.Errorf("the next commit is %d, want %d", r.Commit, last.Commit+1)
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A writer and a reader of a million scores, for the figure in faults.md.
func TestAMillionScores(t *testing.T) {
	if os.Getenv("FEALTY_BENCH") != "1" {
		t.Skip("FEALTY_BENCH=1 opens it")
	}
	s := runsOn(t, engineAt(t, t.TempDir()))
	all := marked(1_000_000, .5)
	for i := range all {
		v := float64(i)
		all[i].Up = []score.Reason{{Feature: "recency_days", Value: &v, Contribution: .1, With: map[string]float64{"gap_mean_days": v}}}
		all[i].Down = all[i].Up
	}
	begin := time.Now()
	r, err := s.PublishScores(t.Context(), runAsOf(july(1)), batches(all, 65_536))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("published in %s", time.Since(begin))
	begin = time.Now()
	n := 0
	if err := s.Scores(t.Context(), r, nil, func(part []score.Score) error { n += len(part); return nil }); err != nil {
		t.Fatal(err)
	}
	t.Logf("read %d in %s", n, time.Since(begin))
}
