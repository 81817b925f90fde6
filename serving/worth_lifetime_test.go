package serving

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"fealty/model"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// Lifetimes are told of other horizons and values than the published ones, by
// parameters of the training or fitted again, and say through which day these were
// learnt; what was trained by other settings is refused by name.
func TestLifetimesByOtherTerms(t *testing.T) {
	s, _, _ := settled(t, 200)
	asked := func(r LifetimeRequest) LifetimeResult {
		t.Helper()
		result, err := s.Lifetimes(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	byAccount := func(r LifetimeResult) map[string]LifetimeRow {
		all := map[string]LifetimeRow{}
		for _, row := range r.Rows {
			all[row.Account] = row
		}
		return all
	}
	none := 0.0
	published := asked(LifetimeRequest{})
	longer := asked(LifetimeRequest{Days: 2 * published.HorizonDays, Months: 24, Discount: &none, Level: .5, Draws: 200})
	if published.Terms == nil || published.Terms.Months != 12 || published.Run == "" || published.Later != nil || published.LearntThrough == "" {
		t.Fatalf("%+v of %+v", published.Terms, published.WorthOf)
	}
	if longer.Run != "" || longer.Cutoff != published.Cutoff || longer.HorizonDays != 2*published.HorizonDays || longer.Terms.Months != 24 || longer.Terms.Discount != 0 || longer.Terms.Level != .5 {
		t.Errorf("%+v of %+v", longer.Terms, longer.WorthOf)
	}
	was, narrow, told := byAccount(published), byAccount(asked(LifetimeRequest{Level: .5})), 0
	for name, row := range byAccount(longer) {
		before := was[name]
		if before.Account == "" || row.Why != before.Why {
			t.Fatalf("account %s: %q, published %q", name, row.Why, before.Why)
		}
		if math.IsNaN(float64(row.Value)) {
			continue
		}
		told++
		if !(row.Purchases > before.Purchases && row.NoPurchase < before.NoPurchase && row.Value > before.Value) {
			t.Errorf("account %s: %+v, published %+v", name, row, before)
		}
		if n := narrow[name]; n.Value != before.Value || n.Low < before.Low || n.High > before.High {
			t.Errorf("account %s: half of the futures of %+v lie in %+v", name, before, n)
		}
		if row.EN == "" || !strings.Contains(row.EN, "24 months") || !strings.Contains(row.ZH, "24个月") || !strings.Contains(row.ZH, "50%") {
			t.Errorf("account %s is told as %q, %q", name, row.EN, row.ZH)
		}
	}
	if told < 50 {
		t.Errorf("a value is told of %d accounts", told)
	}
	// As of a day before the model's test cutoff: with a warning, or fitted again without
	// one.
	early := WorthRequest{Cutoff: "2025-08-31"}
	if of := asked(LifetimeRequest{WorthRequest: early}); of.Later == nil || !strings.Contains(of.Later.EN, of.LearntThrough) || !strings.Contains(of.Later.ZH, early.Cutoff) {
		t.Errorf("no warning: %+v", of.WorthOf)
	}
	if wallets, err := s.WalletsOf(t.Context(), WalletRequest{WorthRequest: early}, nil); err != nil || wallets.Later == nil {
		t.Errorf("wallets: no warning: %+v (%v)", wallets.WorthOf, err)
	}
	again := asked(LifetimeRequest{WorthRequest: early, Refit: true})
	if again.Later != nil || again.LearntThrough != early.Cutoff || !again.Refit {
		t.Errorf("fitted again: %+v", again.WorthOf)
	}
	for name, r := range map[string]LifetimeRequest{
		"days": {Days: -1}, "Months": {Months: 700}, "Level": {Level: .2}, "Draws": {Draws: 3}, "limit": {WorthRequest: WorthRequest{Limit: -1}},
	} {
		if _, err := s.Lifetimes(t.Context(), r, nil); KindOf(err) != Invalid || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*WorthSettings){
		"lifetime.months":   func(w *WorthSettings) { w.LifetimeMonths = 24 },
		"lifetime.discount": func(w *WorthSettings) { w.LifetimeDiscount = .02 },
		"lifetime.interval": func(w *WorthSettings) { w.LifetimeInterval = .8 },
		"lifetime.draws":    func(w *WorthSettings) { w.LifetimeDraws = 200 },
		"lifetime.models":   func(w *WorthSettings) { w.LifetimeModels = []string{"bg-nbd"} },
	} {
		before := s.Settings.Worth
		change(&s.Settings.Worth)
		if _, err := s.Score(t.Context(), ScoreRequest{}, nil); KindOf(err) != Conflict || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		s.Settings.Worth = before
	}
	fit, err := s.WorthFit(t.Context(), WorthFitRequest{})
	if err != nil || len(fit.LifetimeEN) < 3 || len(fit.LifetimeZH) != len(fit.LifetimeEN) {
		t.Errorf("%q (%v)", fit.LifetimeEN, err)
	}
}

// What is expected is told in the unit of the model: days with a purchase, or months.
func TestPurchasesAreToldInTheirUnit(t *testing.T) {
	for name, want := range map[string][2]string{
		"mbg-nbd": {"2.5 days with a purchase", "2.5个购买日"}, "bg-bb": {"2.5 months with a purchase", "2.5个月有购买"}, "bg-bb/large": {"2.5 months with a purchase", "2.5个月有购买"},
	} {
		row, none := lifetimeRow(&score.Worth{Lifetime: noLifetime()}), LifetimeResult{}
		row.Purchases, row.Model = 2.5, name
		if none.say(&row); !strings.Contains(row.EN, want[0]) || !strings.Contains(row.ZH, want[1]) {
			t.Errorf("by %s: %q, %q", name, row.EN, row.ZH)
		}
	}
}

// A card says all that happened, and one of before says what it knows.
func TestLifetimeFitInWords(t *testing.T) {
	en, zh := sayLifetimes(&model.LifetimeCard{
		Model: "nbd", Instead: "no optimum", SpendWhy: "equal amounts", Accounts: 9, ReturnsOutweigh: 2, NoHistory: 1, RunRate: 5, Forecast: 4, SpendBy: byLifetime,
		Judged: 7, TooYoung: 3, Stayed: &model.SpendContest{Accounts: 4, RunRate: 1, Forecast: 2, By: byRunRate}, ValueBy: byPlainMean,
		Coverage: &model.LifetimeCoverage{Accounts: 9, Target: .9, Inside: .8, Above: .15}, Returns: &model.LapsedReturns{Accounts: 6, Expected: 2.25, Returned: 3},
	})
	for _, want := range []string{"no optimum", "equal amounts", "2 accounts", "1 account ", "by the lifetime model: on the last cutoff it was off by 4.00", "3 accounts", "by the run-rate: on the last cutoff it was off by 1.00", "own mean", "80.0 %", "Of 6 lapsed accounts 2.2 were expected to buy again within the horizon, and 3 did"} {
		if !strings.Contains(strings.Join(en, " "), want) {
			t.Errorf("%q is not in %q", want, en)
		}
	}
	if len(en) != 10 || len(zh) != len(en) {
		t.Errorf("%q, %q", en, zh)
	}
	if en, zh := sayLifetimes(&model.LifetimeCard{Model: "mbg-nbd", Accounts: 9, RunRate: 5, Forecast: 4, SpendBy: byLifetime}); len(en) != 1 || len(zh) != 1 {
		t.Errorf("a card of before: %q", en)
	}
	// By code in both languages; a card from before and the code of a later release say what they have.
	coded := model.LifetimeTrial{Model: "mbg-nbd", Why: "lifetime: raw", WhyCode: whyCode(fmt.Errorf("fit: %w", lifetime.ErrNoRepeat))}
	for _, c := range []struct{ of, en, zh string }{
		{"nobody_bought_again", "There is no lifetime model: mbg-nbd: nobody bought again; take a longer history or more accounts.", "没有可用的生命周期模型：mbg-nbd：没有客户再次购买；请使用更长的历史或更多客户。"},
		{"a_later_code", "There is no lifetime model: mbg-nbd: lifetime: raw.", "没有可用的生命周期模型：mbg-nbd：lifetime: raw。"},
		{"", "There is no lifetime model: all raw.", "没有可用的生命周期模型：all raw。"},
	} {
		if c.of == "nobody_bought_again" && coded.WhyCode != c.of {
			t.Errorf("nobody bought again has the code %q", coded.WhyCode)
		}
		coded.WhyCode = c.of
		if en, zh := sayLifetimes(&model.LifetimeCard{Why: "all raw", Models: []model.LifetimeTrial{coded}}); en[0] != c.en || zh[0] != c.zh {
			t.Errorf("%q: %q, %q", c.of, en, zh)
		}
	}
	seen := map[string]bool{"": true}
	for _, w := range cardWhys {
		if whyCode(w.err) != w.code || seen[w.code] || w.words.EN == "" || w.words.ZH == "" || w.words.EN == w.words.ZH {
			t.Errorf("%+v is %q", w, whyCode(w.err))
		}
		seen[w.code] = true
	}
	whys := whysOf(&model.WorthCard{
		Wallet: model.WalletCard{Why: "old"}, Loyalty: model.LoyaltyCard{WhyNot: "raw", WhyNotCode: whyCode(loyalty.ErrLoss)},
		CrossSell: []model.CrossSellCard{{Key: "category", Why: "raw", WhyCode: "too_little_bought"}, {Key: "product"}},
	})
	if whys.Wallet != (Note{"old", "old"}) || !strings.Contains(whys.Retention.ZH, "没有盈利") || whys.CrossSell["category"] == (Note{"raw", "raw"}) || whys.CrossSell["product"] != (Note{}) || whys.Lifetime != (Note{}) {
		t.Errorf("%+v", whys)
	}
	if en, zh := sayLifetimes(&model.LifetimeCard{Why: "none bought again"}); len(en) != 1 || len(zh) != 1 || !strings.Contains(en[0], "none bought again") {
		t.Errorf("without a model: %q", en)
	}
}

// Features are written with the columns that a model derives from them, those that
// it reads.
func TestFeaturesOfAModel(t *testing.T) {
	s, _, _ := settled(t, 200)
	live, err := s.live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var plain, wide sink
	for model, out := range map[string]*sink{"": &plain, live: &wide} {
		r := BuildRequest{Model: model, Output: "features"}
		if _, err := s.Build(t.Context(), r, func(string) (io.WriteCloser, error) { return out, nil }, nil); err != nil {
			t.Fatal(err)
		}
	}
	before, after := strings.Split(plain.String(), "\n"), strings.Split(wide.String(), "\n")
	if len(before) != len(after) || len(before) < 100 {
		t.Fatalf("%d lines, %d with derived columns", len(before), len(after))
	}
	if after[0] != before[0]+",lifetime_alive,lifetime_no_purchase,lifetime_purchases" || !strings.HasPrefix(after[1], before[1]+",") {
		t.Errorf("%s\n%s\n%s", after[0], before[1], after[1])
	}
	if _, err := s.Build(t.Context(), BuildRequest{Model: live}, nil, nil); KindOf(err) != Invalid {
		t.Errorf("a run with derived columns: %v", err)
	}
}
