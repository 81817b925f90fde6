package serving

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/crosssell"
	"fealty/model/derive"
	"fealty/model/ladder"
)

// The columns of the estimated wallet are tried by training and backtest, which say
// what they add; a model that reads them finds them again out of one row.
func TestWalletColumnsTravel(t *testing.T) {
	s, facts, _, _ := village(620)
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
	stock(facts, slices.Max(train), test)
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
	lesson, err := s.gatherPurses(t.Context(), c, slices.Max(train))
	if err != nil {
		t.Fatal(err)
	}
	pupils, err := s.gatherPupils(t.Context(), c, test)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := s.label(t.Context(), c, both(train, test), nil, lesson, pupils)
	if err != nil {
		t.Fatal(err)
	}
	triedAsInTraining(t, s, c, lesson, pupils, table.CrossSell)
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

// stock gives the accounts of a village holdings in six categories at some cutoffs. Who
// spends little of a wallet that is declared buys in the category again, and begins to
// buy where it spends nothing of one, so that the wallet tells what comes next.
func stock(facts *twinFacts, cutoffs ...frame.Cutoff) {
	random := rand.New(rand.NewPCG(3, 5))
	accounts, of := facts.by(1)
	for _, at := range cutoffs {
		for _, name := range accounts {
			account := frame.AccountID(name)
			if of[name][0].at >= int64(at) {
				continue
			}
			for k := range 6 {
				h := features.Holding{Account: account, Cutoff: at, Key: fmt.Sprintf("ware %d", k)}
				h.Category = h.Key
				if random.IntN(3) > 0 {
					h.Orders, h.Orders90, h.FirstDays, h.LastDays = 2+random.IntN(5), random.IntN(2), 300, random.IntN(120)
					h.Spend365 = 100 + 100*random.Float64()
					h.Spend, h.SpendLastYear = 2*h.Spend365, h.Spend365
				}
				wide := random.IntN(2) == 0
				if chance := map[bool]float64{true: .5, false: .05}[wide]; random.Float64() < chance {
					h.OrdersAfter, h.SpendAfter = 1, 50
				}
				if wide && random.IntN(2) == 0 {
					facts.declared = append(facts.declared, features.Declared{
						Account: account, Cutoff: at, Category: h.Key, Amount: 2000, Said: features.Statement{Period: int64(at) - 30*86400, Author: "Li Wei"},
					})
				}
				if h.Before() || h.OrdersAfter > 0 {
					facts.holdings = append(facts.holdings, h)
				}
			}
		}
	}
}

// triedAsInTraining holds what a backtest says of the wallet's columns and what is bought
// next against what a training finds of the whole crowd of the test, which says so on its
// card.
func triedAsInTraining(t *testing.T, s *Service, c *calendar, lesson, pupils *gathering, told []BacktestNext) {
	t.Helper()
	test := pupils.crowd.cutoff
	crowd, err := pupils.finish(t.Context(), s, c.request([]frame.Cutoff{test}, s.catalogue()), c.Label.HorizonDays)
	if err != nil {
		t.Fatal(err)
	}
	a, card := &appraisal{propensity: map[features.HoldingKey]*crosssell.Propensity{}}, model.CrossSellCard{}
	if err := a.fitWallet(t.Context(), &model.WalletCard{}, crowd, s.Settings); err != nil {
		t.Fatal(err)
	}
	if err := s.fitPropensity(t.Context(), c, a, &card, features.ByCategory, lesson, crowd); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0].Cutoff != c.text(test) || told[0].Taught != c.text(lesson.crowd.cutoff) {
		t.Fatalf("the backtest says of what is bought next %+v", told)
	}
	got, err := json.Marshal(told[0].WalletTrial)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(card.Wallet)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the backtest says\n%s\nthe training\n%s (%v)", got, want, err)
	}
	w := card.Wallet
	if w.Why != "" || !w.Kept || len(w.Later) != 4 || w.Later[0].Kind != model.AllKinds || !(w.Later[0].Gain > 2*w.Later[0].GainError) {
		t.Fatalf("where the wallet tells what comes next its columns are told of as %+v", w)
	}
	if !strings.Contains(w.EN, "is better with the columns of the estimated wallet") || !strings.Contains(w.ZH, "预测更准") {
		t.Errorf("in words: %s %s", w.EN, w.ZH)
	}
	if p := a.propensity[features.ByCategory]; len(p.Beside()) != 4 {
		t.Errorf("what serves reads %q beside the purchases", p.Beside())
	}
	for _, q := range card.Quality {
		at := slices.IndexFunc(w.Later, func(g model.WalletGain) bool { return g.Kind == q.Kind })
		if g := w.Later[at]; g.AUCWith != q.AUC || g.NDCGWith != q.NDCG || math.Abs(float64(g.LogLossWith/q.LogLoss)-1) > 1e-9 {
			t.Errorf("of what serves %+v, of the trial %+v", q, g)
		}
	}
}
