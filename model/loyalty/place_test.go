package loyalty

import (
	"math"
	"slices"
	"strings"
	"testing"

	"fealty/features/frame"
	"fealty/model/score"
	"pgregory.net/rapid"
)

// planted is an input of the named columns; names that begin with "+" are extras.
func planted(t testing.TB, n int, columns map[string][]float64) Input {
	t.Helper()
	in := Input{Frame: &frame.Frame{Accounts: make([]frame.AccountID, n), Cutoffs: make([]frame.Cutoff, n)}, Extra: map[string][]float64{}}
	for i := range n {
		in.Frame.Accounts[i], in.Frame.Cutoffs[i] = frame.AccountID(rune('a'+i)), 1_700_000_000
	}
	for name, values := range columns {
		if extra, ok := strings.CutPrefix(name, "+"); ok {
			in.Extra[extra] = values
			continue
		}
		in.Frame.Columns = append(in.Frame.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values})
	}
	return in
}

var missing = math.NaN()

func TestValueInFourParts(t *testing.T) {
	in := planted(t, 4, map[string][]float64{
		"spend_365d":           {1000, 1000, 1000, missing},
		"margin_share_365d":    {.3, missing, .3, .3},
		"overdue_amount":       {0, 730, missing, 0},
		"overdue_days":         {missing, 73, missing, missing},
		"wallet_gap":           {400, missing, -80, 5},
		"referrals_bought":     {2, 0, missing, 1},
		"+" + ExtraServiceCost: {50, missing, 400, 1},
		"+" + ExtraWalletGap:   {9999, 600, missing, 5},
		"+" + ExtraPropensity:  {.5, .1, missing, .5},
	})
	in.Manual = []Manual{{Account: "a", Kind: ManualLearning, Value: 25, Author: "Li", Comment: "a demanding buyer", At: 1}}
	s := DefaultSettings()
	s.Value = ValueSettings{MarginRate: .5, OverdueRate: .2, ReferralWorth: 40}
	w, err := Value(in, s)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ existing, potential, influence, learning, total float64 }{
		{300 - 50, 400 * .3 * .5, 2 * 40, 25, 250 + 60 + 80 + 25},
		{1000*.5 - 730*.2*73/365, 600 * .5 * .1, 0, missing, 500 - 29.2 + 30},
		{300 - 400, 0, missing, missing, -100},
		{missing, 5 * .3 * .5, 40, missing, missing},
	} {
		for name, pair := range map[string][2]float64{
			"existing": {w.Existing[i], want.existing}, "potential": {w.Potential[i], want.potential}, "influence": {w.Influence[i], want.influence},
			"learning": {w.Learning[i], want.learning}, "total": {w.Total[i], want.total},
		} {
			if !near(pair[0], pair[1]) {
				t.Errorf("row %d: %s is %v, want %v", i, name, pair[0], pair[1])
			}
		}
	}
	said := ""
	for _, p := range w.Parts(1) {
		words, ok := WordsOfPart(p)
		if !ok || PartCode(p.Code).Of() == "" || words.ZH == "" {
			t.Errorf("part %+v is %+v", p, words)
		}
		said += words.EN + "; "
	}
	if want := "Revenue of the last 365 days: 1,000.00; Margin rate assumed by loyalty.value.margin_rate, because it has no revenue of known cost: 50 %; " +
		"Cost of overdue money, taken off: 29.20; Spent elsewhere in a year: 600.00; Probability of buying of that here within the horizon: 10 %; "; said != want {
		t.Errorf("made of  %s\nwant %s", said, want)
	}
	// Whom an account referred stands for what it referred; of one without a margin nothing counts.
	in.Referrals = []Referral{{1, 0}, {1, 2}, {0, 3}}
	if w, err = Value(in, s); err != nil || !near(w.Influence[1], 600) || w.Referred[1] != 2 || w.Influence[0] != 0 || w.Influence[2] != 0 {
		t.Errorf("influence %v of %v referred (%v)", w.Influence, w.Referred, err)
	}
	// What its older lines cost stands before the rate, not before the last year's own margin.
	in.Extra[ExtraMarginEver] = []float64{.9, .2, missing, missing}
	if w, err = Value(in, s); err != nil || !near(w.Existing[1], 200-29.2) || !near(w.Existing[0], 250) || w.Parts(1)[1].Code != string(PartMarginEver) {
		t.Errorf("by the margin of the whole history %v, %v and %+v (%v)", w.Existing[1], w.Existing[0], w.Parts(1), err)
	}
	in.Referrals[0].Of = 4
	if _, err := Value(in, s); err == nil || !strings.Contains(err.Error(), "referred row 4") {
		t.Errorf("a referral of nobody: %v", err)
	}
}

// Every tier holds its share, a better value never stands in a poorer tier, and equal
// values share one.
func TestTiersHoldTheirShares(t *testing.T) {
	settings := defaultTiers()
	place := map[Tier]int{VIP: 0, Major: 1, Ordinary: 2, Small: 3}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(-5, 30).Draw(t, "v")) }), 1, 300).Draw(t, "value")
		tiers := TiersOf(value, settings)
		for i := range value {
			for j := range value {
				if value[i] >= value[j] && place[tiers[i]] > place[tiers[j]] {
					t.Fatalf("%v is %s, %v is %s", value[i], tiers[i], value[j], tiers[j])
				}
			}
		}
	})
	value := make([]float64, 1000)
	for i := range value {
		value[i] = float64((i*7)%1000) + 1
	}
	counts := map[Tier]int{}
	for _, tier := range TiersOf(slices.Concat(value, []float64{missing}), settings) {
		counts[tier]++
	}
	if counts[VIP] != 10 || counts[Major] != 40 || counts[Ordinary] != 150 || counts[Small] != 800 || counts[NoTier] != 1 {
		t.Errorf("tiers of 1000 accounts: %v, want 10, 40, 150, 800 and one without", counts)
	}
	if got := TiersOf([]float64{0, -1, 0}, settings); slices.Contains(got, VIP) {
		t.Errorf("accounts worth nothing are %v", got)
	}
}

func TestConcentrationRises(t *testing.T) {
	// Two of ten hold 80 of 100.
	curve := Concentration([]float64{5, 50, 1, 30, 2, 2, 3, 3, 2, 2, missing, -40})
	if len(curve) != 6 || curve[5].Value != 1 {
		t.Fatalf("curve %v", curve)
	}
	for k := 1; k < len(curve); k++ {
		if curve[k].Value < curve[k-1].Value {
			t.Errorf("the curve falls: %v", curve)
		}
	}
	if got := Concentration([]float64{50, 30, 5, 3, 3, 2, 2, 2, 2, 1})[3]; !near(got.Value, .8) || got.Accounts != .2 {
		t.Errorf("the best fifth holds %v, want .8", got)
	}
	if Concentration([]float64{0, missing}) != nil {
		t.Error("a curve of no value")
	}
}

func TestBreachesAreListed(t *testing.T) {
	in := planted(t, 3, map[string][]float64{
		"contact_recency_days": {15, 15, missing}, "response_hours_365d": {4, 4, 99}, "discount_share_365d": {.3, .01, missing},
	})
	got, err := Breaches(in, []Tier{VIP, Small, NoTier}, defaultTiers())
	if err != nil {
		t.Fatal(err)
	}
	want := []Breach{{0, VIP, ContactOverdue, 15, 14}, {0, VIP, DiscountAbove, .3, .2}}
	if !slices.Equal(got, want) {
		t.Errorf("breaches %v, want %v", got, want)
	}
	if s := got[1].Sentence("en"); s != "Discount of 30 %; the terms of the tier allow 20 %" {
		t.Errorf("in words: %s", s)
	}
	// Never contacted, where contacts are kept, and where they are not.
	in = planted(t, 3, map[string][]float64{"contacts_365d": {0, missing, 0}, "tenure_days": {15, 15, 14}})
	if got, err = Breaches(in, []Tier{VIP, VIP, VIP}, defaultTiers()); err != nil || !slices.Equal(got, []Breach{{0, VIP, ContactOverdue, 15, 14}}) {
		t.Errorf("never contacted: %v (%v)", got, err)
	}
}

func TestBestAreRanked(t *testing.T) {
	in := planted(t, 5, map[string][]float64{
		"spend_365d": {1, 5, missing, 4, 2}, "orders_365d": {1, 2, 3, 4, 5}, "gap_median_days": {9, 1, 4, missing, 2},
	})
	var ranks Ranks
	rows := func(by Ranking, share float64) (out []int) {
		var err error
		if ranks, err = Best(in, by, share); err != nil {
			t.Fatal(err)
		}
		for _, r := range ranks.Best {
			out = append(out, r.Row)
		}
		return out
	}
	if got := rows(BySales, .5); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("best half by sales: %v", got)
	}
	if got := rows(ByCycle, 1); !slices.Equal(got, []int{1, 4, 2, 0}) {
		t.Errorf("by purchase cycle: %v", got)
	}
	if got := rows(ByVolume, .2); !slices.Equal(got, []int{4}) {
		t.Errorf("best fifth by orders: %v", got)
	}
	in.Extra[ExtraQuantity] = []float64{missing, missing, missing, missing, missing}
	if rows(ByVolume, .2); ranks.Column != "orders_365d" || ranks.Of != 5 {
		t.Errorf("without a unit anywhere by %s of %d", ranks.Column, ranks.Of)
	}
	in.Extra[ExtraQuantity] = []float64{9, 0, 0, 0, 0}
	if got := rows(ByVolume, .2); !slices.Equal(got, []int{0}) || ranks.Column != ExtraQuantity || ranks.Of != 1 {
		t.Errorf("best fifth by units: %v of %d by %s", got, ranks.Of, ranks.Column)
	}
	// Nothing overdue is no rank, and who is gone is none of those who buy.
	in.Extra["overdue_amount"] = []float64{0, 3, 7, 0, 9}
	in.Gone = []bool{false, false, false, false, true}
	if got := rows(ByOverdue, 1); !slices.Equal(got, []int{2, 1}) || ranks.Of != 2 {
		t.Errorf("by overdue amount: %v of %d", got, ranks.Of)
	}
	delete(in.Extra, "overdue_amount")
	in.Gone = nil
	for _, c := range []struct {
		by    Ranking
		share float64
		want  string
	}{{ByOverdue, .2, "overdue_amount"}, {"charm", .2, "charm"}, {BySales, 0, "share"}} {
		if _, err := Best(in, c.by, c.share); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one about %s", err, c.want)
		}
	}
}

func TestRFMCells(t *testing.T) {
	in := planted(t, 4, map[string][]float64{
		"recency_days": {0, 30, 300, missing}, "buying_days_365d": {16, 3, 1, 1}, "spend_365d": {1000, 100, 99, 1},
	})
	s := defaultRFM()
	if _, err := RFM(in, s); err == nil || !strings.Contains(err.Error(), "rfm.spend") {
		t.Errorf("no cut points of spend: %v", err)
	}
	s.Spend = []float64{100, 1000}
	cells, err := RFM(in, s)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"5-5-3", "4-2-2", "1-1-1", ""} {
		if cells[i].String() != want {
			t.Errorf("row %d stands in %s, want %s", i, cells[i], want)
		}
	}
	in.Scale, err = FitScale(in)
	if err != nil {
		t.Fatal(err)
	}
	cells, err = RFM(in, defaultRFM())
	if err != nil || cells[0].Monetary != 5 {
		t.Errorf("by stored quantiles the largest spender has grade %d: %v", cells[0].Monetary, err)
	}
}

func TestLevelsAndTheirMix(t *testing.T) {
	in := planted(t, 6, map[string][]float64{
		"tenure_days": {10, 90, 400, 2000, 2000, missing}, "contacts_365d": {50, 1, 6, 12, 0, 3},
	})
	levels, err := LevelsOf(in, defaultLevels())
	if err != nil {
		t.Fatal(err)
	}
	if want := []Level{PasserBy, Acquaintance, Friend, Confidant, PasserBy, NoLevel}; !slices.Equal(levels, want) {
		t.Errorf("levels %v, want %v", levels, want)
	}
	mix := MixOf(levels)
	if mix[0].Count != 2 || mix[0].PerHundred != 40 || mix[3].LiteratureHigh != 5 {
		t.Errorf("mix %+v", mix)
	}
	low, high := 0.0, 0.0
	for _, m := range mix {
		low, high = low+m.LiteratureLow, high+m.LiteratureHigh
	}
	if low > 100 || high < 100 {
		t.Errorf("the literature's hundred is %v … %v", low, high)
	}
	if got := MixOf(nil)[0].PerHundred; !math.IsNaN(got) {
		t.Errorf("a mix of nobody is %v", got)
	}
}

func TestVerdicts(t *testing.T) {
	unknown := Facts{
		NetValue: missing, NetValueBefore: missing, Potential: missing, Risk: missing, OverdueDays: missing, OverdueAmount: missing,
		Spend365d: missing, ReturnsShare365d: missing, ReturnOrders365d: missing, DiscountShare365d: missing,
	}
	facts := func(change func(*Facts)) Facts {
		f := unknown
		f.NetValue = 100
		change(&f)
		return f
	}
	for _, c := range []struct {
		what    string
		facts   Facts
		verdict Verdict
		grounds []Ground
	}{
		{"nothing known", unknown, NoVerdict, nil},
		{"earns", facts(func(*Facts) {}), Keep, []Ground{Earns}},
		{"earns, may leave", facts(func(f *Facts) { f.Risk, f.Potential = .8, 900 }), Keep, []Ground{EarnsAtRisk}},
		{"room", facts(func(f *Facts) { f.Risk, f.Potential = .1, 50 }), Grow, []Ground{Room}},
		{"little room", facts(func(f *Facts) { f.Potential = 49 }), Keep, []Ground{Earns}},
		{"a loss", facts(func(f *Facts) { f.NetValue = -1 }), FixTerms, []Ground{Loss}},
		{"a lasting loss", facts(func(f *Facts) { f.NetValue, f.NetValueBefore = -1, -5 }), Review, []Ground{LastingLoss}},
		{"overdue and cheap", facts(func(f *Facts) { f.OverdueDays, f.OverdueAmount, f.DiscountShare365d = 40, 3, .3 }), FixTerms, []Ground{Overdue, DeepTerms}},
		{"arrears", facts(func(f *Facts) { f.OverdueDays, f.OverdueAmount, f.Spend365d = 90, 10, 100 }), Review, []Ground{Arrears}},
		{"a small old invoice", facts(func(f *Facts) { f.OverdueDays, f.OverdueAmount, f.Spend365d = 90, 9, 100 }), FixTerms, []Ground{Overdue}},
		{"return abuse", facts(func(f *Facts) { f.ReturnsShare365d, f.ReturnOrders365d = .4, 3 }), Review, []Ground{ReturnAbuse}},
		{"gone, with room", facts(func(f *Facts) { f.Gone, f.Potential = true, 900 }), NoVerdict, nil},
		{"gone, at a loss", facts(func(f *Facts) { f.Gone, f.NetValue = true, -1 }), NoVerdict, nil},
		{"gone in arrears", facts(func(f *Facts) { f.Gone, f.OverdueDays, f.OverdueAmount, f.Spend365d = true, 90, 10, 0 }), Review, []Ground{Arrears}},
		{"two returns", facts(func(f *Facts) { f.ReturnsShare365d, f.ReturnOrders365d = .4, 2 }), Keep, []Ground{Earns}},
	} {
		j := defaultVerdicts().Judge(c.facts)
		if j.Verdict != c.verdict || !slices.Equal(j.Grounds, c.grounds) {
			t.Errorf("%s: %q by %v, want %q by %v", c.what, j.Verdict, j.Grounds, c.verdict, c.grounds)
		}
	}
	in := planted(t, 2, map[string][]float64{"overdue_days": {100, missing}, "overdue_amount": {60, 0}, "spend_365d": {100, 100}})
	worth, err := Value(in, DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Verdicts(in, worth, nil, defaultVerdicts())
	if err != nil || got[0].Verdict != Review || got[1].Verdict != Keep {
		t.Fatalf("verdicts %+v, %v", got, err)
	}
	if g := got[0].Records(); len(g) != 1 || g[0].Value != 60 || len(g[0].Figures) != 3 {
		t.Errorf("recorded as %+v", g)
	} else if s, ok := WordsOfGround(g[0]); !ok || s.EN != "Overdue: 60.00, the oldest by 100 days, against a spend of 100.00 in the last 365 days" {
		t.Errorf("in words: %q", s)
	}
}

func TestWinBacksAreAListOfTheirOwn(t *testing.T) {
	in := planted(t, 6, map[string][]float64{
		"spend_total": {3650, 800, 999, 500, 800, 800}, "+" + ExtraBuyingLife: {730, 365, 9, 0, 365, 365},
		"+" + ExtraReturnProbability: {.1, .5, .9, missing, .5, .5},
		"margin_share_365d":          {missing, missing, missing, missing, missing, .1}, "+" + ExtraMarginEver: {missing, missing, .9, missing, .2, .9},
	})
	in.Gone = []bool{true, true, false, true, true, true}
	s := DefaultSettings()
	s.Value.MarginRate = .5
	got, err := WinBacks(in, 73, s)
	if err != nil {
		t.Fatal(err)
	}
	// 3650 in 730 days; 800 in 365; 500 in what counts as 90 days. Of the same 800 the rate makes
	// 400, an own margin of the whole history 160, of the last year 80.
	for k, want := range []WinBack{
		{Row: 1, YearlyMargin: 400, Rate: .5, RateBy: PartMarginRate, Probability: .5, Value: .5 * 400 * .2},
		{Row: 0, YearlyMargin: 912.5, Rate: .5, RateBy: PartMarginRate, Probability: .1, Value: .1 * 912.5 * .2},
		{Row: 4, YearlyMargin: 160, Rate: .2, RateBy: PartMarginEver, Probability: .5, Value: 16},
		{Row: 5, YearlyMargin: 80, Rate: .1, RateBy: PartMargin, Probability: .5, Value: 8},
		{Row: 3, YearlyMargin: 500 * 365. / 90 * .5, Rate: .5, RateBy: PartMarginRate, Probability: missing, Value: missing},
	} {
		if len(got) != 5 || got[k].Row != want.Row || got[k].Rate != want.Rate || got[k].RateBy != want.RateBy || !near(got[k].YearlyMargin, want.YearlyMargin) || !near(got[k].Value, want.Value) {
			t.Fatalf("list %+v, and %+v is to stand at %d", got, want, k)
		}
	}
	if said := got[2].Sentence(score.English); said != "Already gone; worth 160.00 a year while it bought, by its own margin over its whole history; 16.00 in the horizon at a probability of return of 50 %" {
		t.Errorf("in words: %s", said)
	}
	for _, w := range got {
		for _, lang := range languages {
			if text := w.Sentence(lang); strings.Contains(text, "{") || strings.Contains(text, "NaN") || len(text) < 30 {
				t.Errorf("in words: %s", text)
			}
		}
	}
}
