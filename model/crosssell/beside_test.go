package crosssell

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

// A column beside the purchases that knows the true probability makes the forecast
// better; what was learnt with it is read back, and refuses a
// model without it.
func TestColumnsBesideThePurchases(t *testing.T) {
	past := town(t, 500, 20, 3, 5)
	m, _ := fit(t, past, Params{Lambda: 30, MaxBytes: 1 << 24, Neighbours: 10, LapsedDays: 180})
	bought, truth := habit(past, 11)
	beside := Beside{Names: []string{"truth"}, Fill: func(account int, item int32, to []float64) {
		to[0] = truth(account, item)
		if account%7 == 0 {
			to[0] = math.NaN() // not known of everybody
		}
	}}
	learn := func(m *Model) (*Propensity, float64) {
		t.Helper()
		p, report, err := FitPropensity(context.Background(), []Lesson{{m, bought}}, quick())
		if err != nil {
			t.Fatal(err)
		}
		return p, LogLoss(report.HeldOutQuality)
	}
	plain, without := learn(m)
	p, with := learn(m.With(beside))
	if !(with < without) || len(plain.Beside()) > 0 {
		t.Errorf("log-loss %v with the truth and %v without; without it %q is read", with, without, plain.Beside())
	}
	text, err := p.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	q, err := Parse(text)
	if err != nil || !slices.Equal(q.Beside(), beside.Names) {
		t.Fatalf("read back with %q: %v", q.Beside(), err)
	}
	want := map[int][]Recommendation{}
	for a := range past.Accounts {
		if want[a], err = p.Recommend(m.With(beside), a, 3, nil); err != nil {
			t.Fatal(err)
		}
	}
	got := make([][]Recommendation, len(past.Accounts))
	if err := q.RecommendAll(context.Background(), m.With(beside), 3, nil, func(a int, list []Recommendation) { got[a] = list }); err != nil {
		t.Fatal(err)
	}
	for a := range got {
		if !slices.Equal(got[a], want[a]) {
			t.Fatalf("account %d: %v for all, %v for one", a, got[a], want[a])
		}
	}
	if _, err := p.Recommend(m, 0, 3, nil); !errors.Is(err, ErrInput) {
		t.Errorf("a model without the column: %v", err)
	}
	if _, err := plain.Recommend(m.With(beside), 0, 3, nil); !errors.Is(err, ErrInput) {
		t.Errorf("a model with a column that nobody learnt from: %v", err)
	}
	later := town(t, 300, 20, 3, 6)
	after, truth := habit(later, 12)
	m, _ = fit(t, later, m.params)
	comparedAsEvaluated(t, p, plain, Lesson{m, after}, Beside{Names: beside.Names, Fill: func(account int, item int32, to []float64) { to[0] = truth(account, item) }})
}

// A comparison says what the two propensities say of the lesson alone, and its error is
// that of leaving each account out in turn.
func comparedAsEvaluated(t *testing.T, p, plain *Propensity, l Lesson, beside Beside) {
	t.Helper()
	wide := Lesson{l.Model.With(beside), l.Bought}
	c, err := Compare(context.Background(), p, plain, wide)
	if err != nil {
		t.Fatal(err)
	}
	with, err := p.Evaluate(context.Background(), wide)
	if err != nil {
		t.Fatal(err)
	}
	without, err := plain.Evaluate(context.Background(), l)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.With, with) || !slices.Equal(c.Without, without) {
		t.Fatalf("compared %+v with and %+v without, evaluated %+v and %+v", c.With, c.Without, with, without)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) }
	all := c.Gains[0]
	if !near(all.With, LogLoss(with)) || !near(all.Without, LogLoss(without)) || !(all.Gain > 0) || !all.Tells() {
		t.Errorf("the truth gains %+v", all)
	}
	for k, g := range c.Gains[1:] {
		if g.Kind != with[k].Kind || g.Rows != with[k].Rows || g.Positives != with[k].Positives || with[k].Measured && !near(g.With, with[k].LogLoss) {
			t.Errorf("of one kind the gain is %+v, of a quality %+v", g, with[k])
		}
	}
	tab := &table{pairs: newCandidates(p.beside)}
	if err := p.extend(context.Background(), tab, wide, p.maxRows); err != nil {
		t.Fatal(err)
	}
	saved, pairs := make([]float64, tab.accounts), make([]float64, tab.accounts)
	for sign, by := range map[float64]*Propensity{-1: p, 1: plain} {
		margin, _, err := by.measure(tab)
		if err != nil {
			t.Fatal(err)
		}
		for r, loss := range by.losses(tab, margin) {
			saved[tab.group[r]] += sign * loss
			pairs[tab.group[r]] += .5
		}
	}
	n, squares := float64(tab.accounts), 0.
	for a := range saved {
		without := (all.Gain*float64(all.Rows) - saved[a]) / (float64(all.Rows) - pairs[a])
		squares += (without - all.Gain) * (without - all.Gain)
	}
	if jackknife := math.Sqrt(squares * (n - 1) / n); math.Abs(all.Error/jackknife-1) > .02 {
		t.Errorf("the error is %v, by leaving out each account %v", all.Error, jackknife)
	}
	if _, err := Compare(context.Background(), plain, p, wide); !errors.Is(err, ErrInput) {
		t.Errorf("the one that reads the columns and the one that does not, taken for each other: %v", err)
	}
}
