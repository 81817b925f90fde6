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
}
