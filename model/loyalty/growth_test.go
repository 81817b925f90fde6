package loyalty

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fealty/features/frame"
)

func TestGrowthInThreeDimensions(t *testing.T) {
	before := []Standing{
		{"stays", "north", true, 7, 100, 2, .5}, {"leaves", "north", true, 7, 50, 1, missing}, {"moves", "north", true, 7, 10, 1, .1},
		{"gone", "south", false, 7, 900, 0, missing}, {"passing", "south", false, 7, 900, 0, missing}, {"asleep", "south", false, 7, 900, 0, missing},
	}
	after := []Standing{
		{"stays", "north", true, 7, 465, 4, .7}, {"leaves", "north", false, 7, 415, 0, missing}, {"moves", "south", true, 7, 375, 1, .2},
		{"gone", "south", true, 7, 1265, 3, missing}, {"fresh", "south", true, 7, 5, 1, missing},
		// Came back and went again; never came; came for the first time and went.
		{"passing", "south", false, 8, 1265, 0, missing}, {"asleep", "south", false, 7, 1265, 0, missing}, {"once", "south", false, 8, 300, 1, missing},
	}
	got, err := GrowthOf(before, after, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("keys %+v", got)
	}
	north, south := got[0], got[1]
	if north.Before != 3 || north.After != 1 || north.Retained != 1 || north.Lost != 1 || north.MovedOut != 1 || north.RetentionRate != .5 || north.CategoriesAfter != 4 || !near(north.ShareBefore, .3) {
		t.Errorf("north %+v", north)
	}
	if south.New != 1 || south.WonBack != 1 || south.MovedIn != 1 || south.After != 3 || !math.IsNaN(south.RetentionRate) || !near(south.DurationAfter, (375+1265+5)/3.) || south.ShareAfter != .2 ||
		south.NewGone != 1 || south.WonBackGone != 1 || south.SharedAfter != 1 || north.NewGone != 0 || north.SharedBefore != 2 {
		t.Errorf("south %+v", south)
	}
	if s := south.Sentences("en"); s[0] != "Wider: 1 new, 1 won back; 1 more came for the first time and 1 came back, and had gone by the end" || s[1] != "Longer: not known" {
		t.Errorf("in words: %q", s)
	}
	if s := north.Sentences("zh"); s[0] != "更广：新增0，赢回0" || s[3] != "更深，已申报钱包份额：70 %（1个客户；此前30 %，2个客户）" {
		t.Errorf("in words: %q", s)
	}
	if _, err := GrowthOf(append(before, Standing{Account: "stays", Key: "south"}), after, true); err == nil || !strings.Contains(err.Error(), `"stays" stands twice`) {
		t.Errorf("an account in two regions: %v", err)
	}
	if _, err := GrowthOf(append(before, Standing{Account: "stays", Key: "south"}), after, false); err != nil {
		t.Errorf("an account with two products: %v", err)
	}
}

// Who is there afterwards was retained, won back, new or moved in; who was there
// before was retained, lost or moved out.
func TestGrowthAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (rows []Standing) {
			for _, account := range []frame.AccountID{"a", "b", "c", "d", "e", "f"} {
				if state := rapid.IntRange(0, 4).Draw(t, name); state > 0 {
					rows = append(rows, Standing{Account: account, Key: []string{"x", "y"}[state%2], Active: state > 2, TenureDays: missing, Categories: 1, Share: missing})
				}
			}
			return rows
		}
		for _, exclusive := range []bool{true, false} {
			lines, err := GrowthOf(draw("before"), draw("after"), exclusive)
			if err != nil {
				t.Fatal(err)
			}
			in, out := 0, 0
			for _, g := range lines {
				if g.After != g.Retained+g.New+g.WonBack+g.MovedIn || g.Before != g.Retained+g.Lost+g.MovedOut {
					t.Fatalf("%+v", g)
				}
				in, out = in+g.MovedIn, out+g.MovedOut
			}
			if in != out {
				t.Fatalf("%d moved in, %d out", in, out)
			}
		}
	})
}

func TestPortfolioFigures(t *testing.T) {
	sums := map[Sum]float64{
		Revenue: 1000, GoodsCost: 600, ServiceCost: 100, WorkingDays: 20, AccountsAtRisk: 2, AccountsScored: 8, ValueAtRisk: 30, ExpectedValue: 300, CustomerAssets: 1500,
		Visits: 50, Accounts: 10, CashCollected: 900, ReceivablesDue: 400, ReceivablesCollected: 300, VisitCost: 250, Target: 800,
	}
	want := map[string]float64{
		"cost": 700, "cost_of_goods": 600, "gross_profit": 400, "profit": 300, "productivity": 50, "risk_rate": .25, "value_risk_rate": .1, "return_on_customer_assets": .2,
		"visits_per_day": 2.5, "revenue_per_account": 100, "cash_collection": .9, "receivables_collection": .75, "cost_per_visit": 5, "target_attainment": 1.25,
	}
	seen := 0
	for _, manager := range []bool{false, true} {
		got, err := Portfolio(sums, manager)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range got {
			seen++
			if !near(v.Value, want[v.Figure.Name]) || len(v.Lacks) > 0 {
				t.Errorf("%s is %v, want %v", v.Figure.Name, v.Value, want[v.Figure.Name])
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d figures, want %d", seen, len(want))
	}
	// What is told instead needs all but the cost of service.
	for _, f := range Figures() {
		if f.Instead == "" {
			continue
		}
		part := maps.Clone(sums)
		delete(part, ServiceCost)
		if v := figure(t, f.Instead).Of(part); math.IsNaN(v.Value) || !math.IsNaN(f.Of(part).Value) {
			t.Errorf("instead of %s stands %+v", f.Name, v)
		}
	}
	// Without one sum, what is made of it is not measurable and names it; the rest stands.
	for _, name := range Sums() {
		for _, f := range Figures() {
			part := maps.Clone(sums)
			delete(part, name)
			v := f.Of(part)
			needs := slices.Contains(f.Plus, name) || slices.Contains(f.Minus, name) || f.Per == name
			if math.IsNaN(v.Value) != needs || (needs && !slices.Equal(v.Lacks, []Sum{name})) {
				t.Errorf("%s without %s is %v and lacks %v", f.Name, name, v.Value, v.Lacks)
			}
		}
	}
	if v := figure(t, "visits_per_day").Of(map[Sum]float64{Visits: 3, WorkingDays: 0}); !math.IsNaN(v.Value) || v.Sentence("en") != "Accounts visited per day: not measurable without: working days of the people who look after it" {
		t.Errorf("visits in no day: %v", v.Sentence("en"))
	}
	if _, err := Portfolio(map[Sum]float64{"charm": 1}, false); err == nil || !strings.Contains(err.Error(), `"charm"`) {
		t.Errorf("an unknown sum: %v", err)
	}
	if got := figure(t, "return_on_customer_assets").Formula("en"); got != "(revenue − cost of goods − cost of service) ÷ customer assets (mean receivables and what was spent to win and keep)" {
		t.Errorf("formula: %s", got)
	}
}

// figure returns a figure by its name.
func figure(t *testing.T, name string) Figure {
	t.Helper()
	i := slices.IndexFunc(figures, func(f Figure) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no figure %s", name)
	}
	return figures[i]
}

func TestWorthOfAPoint(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 3))
	draw := func(n int) (margin, kept []float64) {
		for range n {
			margin = append(margin, 100*math.Exp(chance.NormFloat64()*.5))
			kept = append(kept, float64(one(chance.Float64() < .7)))
		}
		return append(margin, missing), append(kept, 1)
	}
	s := Retention{DiscountRate: .1, Draws: 200, Seed: 1}
	margin, kept := draw(400)
	w, err := WorthOfRetention(margin, kept, 365, s)
	if err != nil {
		t.Fatal(err)
	}
	// By hand: the series summed term by term.
	var m, r float64
	for i := range 400 {
		m, r = m+margin[i], r+kept[i]/400
	}
	series := func(r float64) (v float64) {
		for k := range 400 {
			v += m * math.Pow(r/1.1, float64(k))
		}
		return v
	}
	if w.Accounts != 400 || !near(w.Retention.Value, r) || math.Abs(w.Point.Value-(series(r+.01)-series(r))) > 1e-6 || !near(w.Five.Value, series(r+.05)/series(r)-1) {
		t.Errorf("worth %+v, retention %v", w, r)
	}
	for _, e := range []Estimate{w.Retention, w.Point, w.Five} {
		if !(e.Low < e.Value && e.Value < e.High) {
			t.Errorf("interval %+v", e)
		}
	}
	again, err := WorthOfRetention(margin, kept, 365, s)
	if err != nil || *again != *w {
		t.Errorf("a second estimate differs: %+v", again)
	}
	// Over half a year half the margin is at stake, more often.
	half, err := WorthOfRetention(margin, kept, 182.5, s)
	d := math.Sqrt(1.1)
	if want := m / 2 * (d/(d-r-.01) - d/(d-r)); err != nil || math.Abs(half.Point.Value-want) > 1e-6 || half.Retention.Value != w.Retention.Value {
		t.Errorf("a point over half a year is worth %v, want %v", half.Point.Value, want)
	}
	for _, lang := range languages {
		if text := w.Sentence(lang); strings.Contains(text, "{") || !strings.Contains(text, "25 %") || !strings.Contains(text, "1990") {
			t.Errorf("in words: %s", text)
		}
	}
	ones := slices.Repeat([]float64{1}, 40)
	for _, c := range []struct {
		margin, kept []float64
		want         string
	}{
		{ones[:5], ones[:5], "30"}, {ones, ones, "some lost"}, {ones, ones[:5], "5 outcomes"},
		{slices.Repeat([]float64{-1}, 401), append(slices.Clone(kept[:400]), 0), "at a loss"}, {ones, slices.Repeat([]float64{.5}, 40), "kept 0.5"},
	} {
		if _, err := WorthOfRetention(c.margin, c.kept, 365, s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// The interval of retention holds the truth about as often as it says, blocks or not.
func TestRetentionIntervalsCover(t *testing.T) {
	chance := rand.New(rand.NewPCG(5, 5))
	s := Retention{DiscountRate: .1, Draws: 200, Seed: 1}
	covered := 0
	for range 60 {
		margin, kept := make([]float64, 150), make([]float64, 150)
		for i := range margin {
			margin[i], kept[i] = 1, float64(one(chance.Float64() < .8))
		}
		w, err := WorthOfRetention(margin, kept, 365, s)
		if err != nil {
			t.Fatal(err)
		}
		covered += one(w.Retention.Low <= .8 && .8 <= w.Retention.High)
	}
	if covered < 50 { // 57 expected; below 50 has a chance of 1 in 2000
		t.Errorf("%d of 60 intervals hold the truth", covered)
	}
	counted := slices.Repeat([]tally{{1, 1, 2}}, 2*maxBlocks+3)
	blocks := blocksOf(counted)
	var sum tally
	for _, b := range blocks {
		sum.add(b)
	}
	if len(blocks) > maxBlocks || sum.n != float64(len(counted)) || sum.margin != 2*sum.n {
		t.Errorf("%d blocks sum to %+v", len(blocks), sum)
	}
}
