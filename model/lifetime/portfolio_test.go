package lifetime

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"fealty/model/score"
)

// three segments: a large one of each planted model, and one of ten accounts.
func threeSegments(t *testing.T) (h Histories, mean []float64, segment []string) {
	t.Helper()
	add := func(name string, kind Kind, count int, seed uint64) {
		part, m, _, _ := simulate(kind, count, weeks(12, 0), seed)
		h.Frequency, h.Recency, h.Age = append(h.Frequency, part.Frequency...), append(h.Recency, part.Recency...), append(h.Age, part.Age...)
		mean, segment = append(mean, m...), append(segment, slices.Repeat([]string{name}, count)...)
	}
	add("retail", MBGNBD, 1500, 1)
	add("wholesale", ParetoNBD, 1200, 2)
	add("few", MBGNBD, 10, 3)
	return h, mean, segment
}

func portfolio(t *testing.T) (*Portfolio, Histories, []float64, []string) {
	t.Helper()
	h, mean, segment := threeSegments(t)
	p, err := FitPortfolio(context.Background(), MBGNBD, h, mean, segment, DefaultLeast())
	if err != nil {
		t.Fatal(err)
	}
	return p, h, mean, segment
}

func TestPortfolioFitsLargeSegmentsAlone(t *testing.T) {
	p, h, mean, segment := portfolio(t)
	var got []string
	for _, c := range p.Segments() {
		got = append(got, c.Segment+" "+string(c.Purchases.Reason)+" "+string(c.Spend.Reason))
	}
	want := []string{"few too-small too-small", "retail large-enough large-enough", "wholesale large-enough large-enough"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if c := p.Choice("new"); c.Purchases.Reason != Unknown || c.Spend.Reason != Unknown {
		t.Errorf("a segment that was not there: %+v", c)
	}
	// Every column is that of the segment's own model.
	terms := weeks(6, 0.02)
	scores, err := p.Score(h, mean, segment, 13, terms)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"retail", "few"} {
		m, s := p.Models(name)
		from, to := slices.Index(segment, name), slices.Index(segment, name)+10
		part := Histories{Frequency: h.Frequency[from:to], Recency: h.Recency[from:to], Age: h.Age[from:to]}
		out := make([]float64, 10)
		for what, ask := range map[string]struct {
			do  func() error
			got []float64
		}{
			"alive":       {func() error { return m.Alive(part, out) }, scores.Alive},
			"no purchase": {func() error { return m.NoPurchase(part, 13, out) }, scores.NoPurchase},
			"expected":    {func() error { return m.Expected(part, 13, out) }, scores.Expected},
			"mean spend":  {func() error { return s.Expected(part.Frequency, mean[from:to], out) }, scores.MeanSpend},
			"value":       {func() error { return Value(m, s, part, mean[from:to], terms, out) }, scores.Value},
		} {
			if err := ask.do(); err != nil {
				t.Fatal(err)
			}
			for i, v := range out {
				near(t, name+" "+what, ask.got[from+i], v, 1e-11)
			}
		}
	}
	// A segment's own fit is its own: the pooled one has other parameters.
	retail, _ := p.Models("retail")
	alone := fit(t, MBGNBD, Histories{Frequency: h.Frequency[:1500], Recency: h.Recency[:1500], Age: h.Age[:1500]})
	if !slices.Equal(retail.Estimates(), alone.Estimates()) {
		t.Errorf("the segment's fit %v is not that of its accounts %v", retail.Estimates(), alone.Estimates())
	}
	for _, r := range []Reason{LargeEnough, TooSmall, NotDetermined, Unknown} {
		if r.Sentence(score.English) == "" || r.Sentence(score.Chinese) == "" {
			t.Errorf("no words for %q", r)
		}
	}
}

// A segment where nobody leaves has no optimum of its own.
func TestPortfolioFallsBackWhereASegmentIsNotDetermined(t *testing.T) {
	h, mean, segment := threeSegments(t)
	for i := range 600 {
		h.Frequency, h.Recency, h.Age = append(h.Frequency, 9), append(h.Recency, 29.9), append(h.Age, 30)
		mean, segment = append(mean, 20+float64(i%7)), append(segment, "steady")
	}
	p, err := FitPortfolio(context.Background(), MBGNBD, h, mean, segment, DefaultLeast())
	if err != nil {
		t.Fatal(err)
	}
	c := p.Choice("steady")
	if c.Purchases.Reason != NotDetermined || c.Purchases.Problem == "" {
		t.Errorf("got %+v, want a fit that did not converge", c)
	}
	text, err := p.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParsePortfolio(text); err != nil {
		t.Error(err)
	}
}

// Amounts that are all the same determine no spread of spend: purchases stand, and
// are valued at the plain mean, as they are without the spend model on purpose.
// The value is then homogeneous in the mean, and its interval one of purchases.
func TestPurchasesStandWithoutASpendModel(t *testing.T) {
	p, h, mean, segment := portfolio(t)
	same := slices.Repeat([]float64{12}, h.Rows())
	alone, err := FitPortfolio(t.Context(), MBGNBD, h, same, segment, DefaultLeast())
	if err != nil {
		t.Fatal(err)
	}
	if _, s := alone.Pooled(); s != nil || alone.SpendProblem() == "" || p.SpendProblem() != "" {
		t.Fatalf("spend of equal amounts was fitted: %v, %q", s, alone.SpendProblem())
	}
	text, err := alone.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParsePortfolio(text)
	if err != nil || back.SpendProblem() != alone.SpendProblem() {
		t.Fatalf("read back with %q: %v", back.SpendProblem(), err)
	}
	terms, chance := weeks(12, 0.01), Chance{Level: 0.8, Draws: 100, Seed: 9}
	plain := p.PlainSpend()
	if _, err := plain.MarshalText(); !errors.Is(err, ErrParams) {
		t.Errorf("a portfolio without its spend models was saved: %v", err)
	}
	a, err := back.Score(h, mean, segment, 13, terms)
	if err != nil {
		t.Fatal(err)
	}
	b, err := plain.Score(h, mean, segment, 13, terms)
	if err != nil {
		t.Fatal(err)
	}
	full, err := p.Score(h, mean, segment, 13, terms)
	if err != nil {
		t.Fatal(err)
	}
	low, high := make([]float64, h.Rows()), make([]float64, h.Rows())
	if err := plain.ValueIntervals(t.Context(), h, mean, segment, terms, chance, low, high); err != nil {
		t.Fatal(err)
	}
	for i, x := range h.Frequency {
		for _, s := range []*Scores{a, b} {
			switch {
			case x == 0 && !(math.IsNaN(s.MeanSpend[i]) && math.IsNaN(s.Value[i])):
				t.Fatalf("row %d: %v a purchase, %v in all, of an account that paid none", i, s.MeanSpend[i], s.Value[i])
			case x > 0 && s.MeanSpend[i] != mean[i]:
				t.Fatalf("row %d: %v a purchase, its own mean is %v", i, s.MeanSpend[i], mean[i])
			}
		}
		if x > 0 {
			near(t, "value", b.Value[i], full.Value[i]/full.MeanSpend[i]*mean[i], 1e-12)
		}
		// Whole purchases at one price a month: 0 or at least one of the last month.
		if least := mean[i] * math.Pow(1.01, -12); (x == 0) != math.IsNaN(low[i]) || high[i] > 0 && high[i] < least*(1-1e-12) || low[i] > high[i] {
			t.Fatalf("row %d: %v … %v at %v a purchase", i, low[i], high[i], mean[i])
		}
	}
}

func TestPortfolioTravelsToTheSameBits(t *testing.T) {
	p, h, mean, segment := portfolio(t)
	text, err := p.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParsePortfolio(text)
	if err != nil {
		t.Fatal(err)
	}
	segment[0] = "new"
	a, err := p.Score(h, mean, segment, 13, weeks(12, 0.01))
	if err != nil {
		t.Fatal(err)
	}
	b, err := again.Score(h, mean, segment, 13, weeks(12, 0.01))
	if err != nil {
		t.Fatal(err)
	}
	same(t, a, b)
	for _, change := range []struct{ from, to string }{
		{`"version":1`, `"version":2`},
		{`"kind":"mbg-nbd"`, `"kind":"bg-bb"`},
		{`"segment":"retail"`, `"segment":"zoo"`},
		{`"model_reason":"too-small"`, `"model_reason":"unknown"`},
		{`"repeat_buyers":`, `"repeat_buyers":-`},
		{`"segments"`, `"segments":[],"segments"`},
		{`"segments"`, `"pooled_spend_problem":"none","segments"`},
		{`"rows":`, `"rows":0`},
	} {
		changed := bytes.Replace(text, []byte(change.from), []byte(change.to), 1)
		if bytes.Equal(changed, text) {
			t.Fatalf("nothing to change by %v", change)
		}
		if _, err := ParsePortfolio(changed); !errors.Is(err, ErrText) {
			t.Errorf("%v: error is %v, want one that wraps ErrText", change, err)
		}
	}
}

func same(t *testing.T, a, b *Scores) {
	t.Helper()
	for k, pair := range [][2][]float64{{a.Alive, b.Alive}, {a.NoPurchase, b.NoPurchase}, {a.Expected, b.Expected}, {a.IfAlive, b.IfAlive}, {a.MeanSpend, b.MeanSpend}, {a.Value, b.Value}} {
		if !slices.Equal(pair[0], pair[1]) {
			t.Errorf("column %d differs", k)
		}
	}
}

// Row order, batch and threads do not matter, to the bit.
func TestScoresDoNotDependOnOrderOrThreads(t *testing.T) {
	p, h, mean, segment := portfolio(t)
	want, err := p.Score(h, mean, segment, 13, weeks(12, 0.01))
	if err != nil {
		t.Fatal(err)
	}
	reverse := func(all []float64) []float64 {
		all = slices.Clone(all)
		slices.Reverse(all)
		return all
	}
	turned := slices.Clone(segment)
	slices.Reverse(turned)
	back := Histories{Frequency: reverse(h.Frequency), Recency: reverse(h.Recency), Age: reverse(h.Age)}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	got, err := p.Score(back, reverse(mean), turned, 13, weeks(12, 0.01))
	if err != nil {
		t.Fatal(err)
	}
	same(t, want, &Scores{
		Alive: reverse(got.Alive), NoPurchase: reverse(got.NoPurchase), Expected: reverse(got.Expected), IfAlive: reverse(got.IfAlive),
		MeanSpend: reverse(got.MeanSpend), Value: reverse(got.Value),
	})
	refitted, err := FitPortfolio(context.Background(), MBGNBD, back, reverse(mean), turned, DefaultLeast())
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]estimator{{p.pooled.model.estimator, refitted.pooled.model.estimator}, {p.pooled.spend.estimator, refitted.pooled.spend.estimator}} {
		if !slices.Equal(pair[0].theta, pair[1].theta) || !slices.Equal(pair[0].covariance, pair[1].covariance) {
			t.Errorf("rows in reverse order on one thread give %v, not %v", pair[1].Estimates(), pair[0].Estimates())
		}
	}
}

// Intervals are those of the segment's own models, and an account's own whatever
// stands beside it.
func TestIntervalsAreThoseOfTheSegment(t *testing.T) {
	p, h, mean, segment := portfolio(t)
	rows := []int{0, 1600, 2705, 3, 1601}
	some, someMean := pick(h, mean, rows)
	var names []string
	for _, i := range rows {
		names = append(names, segment[i])
	}
	low, high, one, other := make([]float64, len(rows)), make([]float64, len(rows)), make([]float64, 1), make([]float64, 1)
	terms, chance := weeks(12, 0.01), Chance{Level: 0.8, Draws: 100, Seed: 9}
	if err := p.ValueIntervals(context.Background(), some, someMean, names, terms, chance, low, high); err != nil {
		t.Fatal(err)
	}
	for k, i := range rows {
		m, s := p.Models(segment[i])
		alone, aloneMean := pick(h, mean, []int{i})
		if err := ValueIntervals(context.Background(), m, s, alone, aloneMean, terms, chance, one, other); err != nil {
			t.Fatal(err)
		}
		if one[0] != low[k] || other[0] != high[k] {
			t.Errorf("row %d: [%v, %v], alone [%v, %v]", k, low[k], high[k], one[0], other[0])
		}
	}
	some.Recency[4] = some.Age[4] + 1
	for name, err := range map[string]error{
		"room":     p.ValueIntervals(context.Background(), h, mean, segment, terms, chance, low, high),
		"segments": p.ValueIntervals(context.Background(), some, someMean, names[:1], terms, chance, low, high),
		"row 4":    p.ValueIntervals(context.Background(), some, someMean, names, terms, chance, low, high),
	} {
		if !errors.Is(err, ErrInput) || name == "row 4" && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func TestSpendShipsOnlyIfItBeatsTheRunRate(t *testing.T) {
	actual, good, bad := []float64{10, 0, 0}, []float64{8, 1, 1}, []float64{5, 5, 5}
	for _, c := range []struct {
		lifetime, runRate []float64
		want              bool
	}{{good, bad, true}, {bad, good, false}, {good, good, false}} {
		got, err := ChooseSpend(c.lifetime, c.runRate, actual)
		if err != nil {
			t.Fatal(err)
		}
		if got.Lifetime != c.want {
			t.Errorf("%v against %v: lifetime %v", c.lifetime, c.runRate, got.Lifetime)
		}
		if got.Sentence(score.English) == "" || got.Sentence(score.Chinese) == "" {
			t.Error("a choice without words")
		}
	}
	if _, err := ChooseSpend([]float64{math.NaN()}, []float64{1}, []float64{1}); !errors.Is(err, ErrInput) {
		t.Errorf("NaN gives %v", err)
	}
}

// A million accounts with the histories of CDNOW, once in whole days, once in
// continuous time, where no two accounts share an age.
func BenchmarkScore(b *testing.B) {
	full := cdnow(b)
	amounts := positive(full.MeanSpend)
	s, err := FitSpend(context.Background(), full.Frequency, amounts, nil)
	if err != nil {
		b.Fatal(err)
	}
	const rows = 1_000_000
	days, mean, segment := Histories{}, make([]float64, rows), make([]string, rows)
	continuous := Histories{Age: make([]float64, rows)}
	for i := range rows {
		k := i % full.Rows()
		days.Frequency, days.Recency, days.Age = append(days.Frequency, full.Frequency[k]), append(days.Recency, full.Recency[k]), append(days.Age, full.Age[k])
		mean[i] = amounts[k]
		continuous.Age[i] = full.Age[k] + float64(i)/rows
	}
	continuous.Frequency, continuous.Recency = days.Frequency, days.Recency
	for _, kind := range []Kind{BGNBD, MBGNBD, ParetoNBD} {
		p := &Portfolio{least: DefaultLeast(), pooled: pair{fit(b, kind, full.Histories), s}}
		for name, h := range map[string]Histories{"days": days, "continuous": continuous} {
			b.Run(string(kind)+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if _, err := p.Score(h, mean, segment, 13, weeks(12, 0.01)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkIntervals(b *testing.B) {
	full := cdnow(b)
	amounts := positive(full.MeanSpend)
	s, err := FitSpend(context.Background(), full.Frequency, amounts, nil)
	if err != nil {
		b.Fatal(err)
	}
	const rows = 1000
	h := Histories{Frequency: full.Frequency[:rows], Recency: full.Recency[:rows], Age: full.Age[:rows]}
	low, high := make([]float64, rows), make([]float64, rows)
	m := fit(b, MBGNBD, full.Histories)
	for b.Loop() {
		if err := ValueIntervals(context.Background(), m, s, h, amounts[:rows], weeks(12, 0.01), DefaultChance(), low, high); err != nil {
			b.Fatal(err)
		}
	}
}

// positive leaves out CDNOW's purchases that cost nothing: their means are taken
// for a cent.
func positive(mean []float64) []float64 {
	out := slices.Clone(mean)
	for i, v := range out {
		out[i] = max(v, 0.01)
	}
	return out
}

// A mean of all purchases counts the first one too: spend is fitted and expected
// on one more than the repeats, and what is not alive weighs nothing on what is
// lost when it leaves.
func TestMeansOfAllPurchasesCountThem(t *testing.T) {
	h := faithful(900, .8, 40)
	chance := rand.New(rand.NewPCG(5, 9))
	mean, segment, paid := make([]float64, h.Rows()), make([]string, h.Rows()), make([]float64, h.Rows())
	for i, x := range h.Frequency {
		mean[i], paid[i] = 5+100*chance.ExpFloat64(), x+1
	}
	h.Paid = paid
	p, err := FitPortfolio(t.Context(), NBD, h, mean, segment, DefaultLeast())
	if err != nil {
		t.Fatal(err)
	}
	alone, err := FitSpend(t.Context(), paid, mean, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Score(h, mean, segment, 90, DefaultTerms())
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, h.Rows())
	if err := alone.Expected(paid, mean, want); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if s.MeanSpend[i] != want[i] || s.Expected[i] != s.Alive[i]*s.IfAlive[i] || !(s.IfAlive[i] > 0) {
			t.Fatalf("row %d: mean spend %v, by the spend model %v; %v purchases, %v if alive", i, s.MeanSpend[i], want[i], s.Expected[i], s.IfAlive[i])
		}
	}
	h.Paid = h.Age[:1]
	if err := h.Check(); !errors.Is(err, ErrInput) {
		t.Errorf("one count for all: %v", err)
	}
	h.Paid = make([]float64, h.Rows())
	if err := h.Check(); !errors.Is(err, ErrInput) {
		t.Errorf("fewer paid than repeated: %v", err)
	}
}
