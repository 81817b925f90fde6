package serving

import (
	"math"
	"slices"
	"testing"

	"fealty/model/derive"
	"fealty/model/ladder"
)

// The columns of the estimated wallet are tried by training and backtest, which say
// what they add; a model that reads them finds them again out of one row.
func TestWalletColumnsTravel(t *testing.T) {
	s, _, _, _ := village(620) //nolint:dogsled // only the service is asked
	s.Settings.WalletFeatures = WalletFeaturesAuto
	c, err := s.calendar(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	train, test, err := c.choose(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	train = train[len(train)-3:]
	var texts []string
	for _, at := range train {
		texts = append(texts, c.text(at))
	}
	table, err := s.Backtest(t.Context(), BacktestRequest{Cutoffs: []string{c.text(test)}, Train: texts}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Wallet) != 1 || table.Wallet[0].Cutoff != table.Rows[0].Cutoff || !slices.Equal(table.Wallet[0].Columns, derive.WalletNames()) {
		t.Fatalf("the backtest says of the wallet's columns %+v", table.Wallet)
	}
	if w := table.Wallet[0]; w.Why != "" || w.With == nil || w.Without == nil || !(w.FoldLogLossWith > 0 && w.FoldLogLossWithout > 0) || w.Kept && w.Gain <= 2*w.GainError {
		t.Errorf("what they add is %+v", w)
	}
	parts, err := s.label(t.Context(), c, both(train, test), nil)
	if err != nil {
		t.Fatal(err)
	}
	derived := parts[slices.Max(train)].derived
	last, err := parts[test].by(derived)
	if err != nil {
		t.Fatal(err)
	}
	// Without a trial, boosting reads whatever the rows have.
	params, err := s.ladder("")
	if err != nil {
		t.Fatal(err)
	}
	params.Trial, params.MaxRung, params.Bags, params.Folds = nil, ladder.Boosting, 1, 2
	rows := join(at(parts, train), false)
	result, err := ladder.Train(t.Context(), params, rows.sample(), last.sample(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Rungs[ladder.Boosting] == nil {
		t.Fatalf("no boosting: %+v", result.Card.Ladder)
	}
	if result.Model.Rung() == ladder.Boosting && !slices.Contains(result.Model.Features(), derive.WalletNames()[0]) {
		t.Errorf("boosting reads %v", result.Model.Features())
	}
	want := make([]float64, len(last.y))
	if err := result.Model.Predict(last.frame(), want); err != nil {
		t.Fatal(err)
	}
	text, err := derived.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	m := &registered{Model: result.Model}
	if m.derived, err = derive.Parse(text); err != nil {
		t.Fatal(err)
	}
	bare := last.frame()
	bare.Columns = bare.Columns[:len(bare.Columns)-len(derive.Metas())-len(derive.WalletMetas())]
	for i := range 50 {
		got := make([]float64, 1)
		if err := m.Predict(bare.Take([]int{i}), got); err != nil {
			t.Fatal(err)
		}
		if math.Float64bits(got[0]) != math.Float64bits(want[i]) {
			t.Fatalf("row %d alone has the margin %v, among all of the training %v", i, got[0], want[i])
		}
	}
	// A model from before there were such columns meets rows that have them.
	narrow, err := last.by(derived.WithoutWallet())
	if err != nil {
		t.Fatal(err)
	}
	if got, all := narrow.frame().Names(), last.frame().Names(); !slices.Equal(got, all[:len(all)-len(derive.WalletMetas())]) {
		t.Errorf("without the wallet's columns the rows have %v", got)
	}
}
