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
	"fealty/model/wallet"
)

// growthOf is the dumb twin of Growing: it holds both snapshots and looks each account up.
func growthOf(before, after []Standing, exclusive bool) map[string]*Growth {
	find := func(all []Standing, s Standing) *Standing {
		for i := range all {
			if all[i].Account == s.Account && (exclusive || all[i].Key == s.Key) {
				return &all[i]
			}
		}
		return nil
	}
	lines := map[string]*Growth{}
	line := func(key string) *Growth {
		if lines[key] == nil {
			lines[key] = &Growth{Key: key}
		}
		return lines[key]
	}
	count := func(w *WalletGrowth, s wallet.State) {
		switch s {
		case wallet.Known:
			w.Known++
		case wallet.Estimated:
			w.Estimated++
		case wallet.Unknown:
			w.Unknown++
		}
	}
	for _, s := range before {
		t := find(after, s)
		if !s.Active {
			continue
		}
		l := line(s.Key)
		l.Before++
		count(&l.WalletsBefore, s.Wallet)
		switch {
		case t == nil || !t.Active:
			l.Lost++
		case t.Key != s.Key:
			l.MovedOut++
		default:
			l.Retained++
		}
	}
	for _, s := range after {
		t := find(before, s)
		switch {
		case !s.Active && t == nil:
			line(s.Key).NewGone++
		case !s.Active && !t.Active && s.Last > t.Last:
			line(s.Key).WonBackGone++
		}
		if !s.Active {
			continue
		}
		l := line(s.Key)
		l.After++
		count(&l.WalletsAfter, s.Wallet)
		switch {
		case t == nil:
			l.New++
		case !t.Active:
			l.WonBack++
		case t.Key != s.Key:
			l.MovedIn++
		}
	}
	return lines
}

// grown adds the accounts of two snapshots one after the other.
func grown(t interface{ Fatal(...any) }, before, after []Standing, exclusive bool) []Growth {
	g := NewGrowing(exclusive)
	sides := map[frame.AccountID][2][]Standing{}
	for k, side := range [][]Standing{before, after} {
		for _, s := range side {
			of := sides[s.Account]
			of[k] = append(of[k], s)
			sides[s.Account] = of
		}
	}
	for _, account := range slices.Sorted(maps.Keys(sides)) {
		if err := g.Add(sides[account][0], sides[account][1]); err != nil {
			t.Fatal(err)
		}
	}
	return g.Lines()
}

func TestGrowthInThreeDimensions(t *testing.T) {
	stands := func(account, key string, active bool, last int64, tenure, categories, share float64) Standing {
		return Standing{Account: frame.AccountID(account), Key: key, Active: active, Last: last, TenureDays: tenure, Categories: categories, Share: share, WalletShare: missing}
	}
	known := func(s Standing, state wallet.State, share float64) Standing {
		s.Wallet, s.WalletShare = state, share
		return s
	}
	before := []Standing{
		known(stands("stays", "north", true, 7, 100, 2, .5), wallet.Known, .5), stands("leaves", "north", true, 7, 50, 1, missing),
		known(stands("moves", "north", true, 7, 10, 1, .1), wallet.Estimated, .2),
		stands("gone", "south", false, 7, 900, 0, missing), stands("passing", "south", false, 7, 900, 0, missing), stands("asleep", "south", false, 7, 900, 0, missing),
	}
	after := []Standing{
		stands("stays", "north", true, 7, 465, 4, .7), stands("leaves", "north", false, 7, 415, 0, missing), stands("moves", "south", true, 7, 375, 1, .2),
		stands("gone", "south", true, 7, 1265, 3, missing), stands("fresh", "south", true, 7, 5, 1, missing),
		// Came back and went again; never came; came for the first time and went.
		stands("passing", "south", false, 8, 1265, 0, missing), stands("asleep", "south", false, 7, 1265, 0, missing), stands("once", "south", false, 8, 300, 1, missing),
	}
	got := grown(t, before, after, true)
	if len(got) != 2 {
		t.Fatalf("keys %+v", got)
	}
	north, south := got[0], got[1]
	if north.Before != 3 || north.After != 1 || north.Retained != 1 || north.Lost != 1 || north.MovedOut != 1 || north.RetentionRate != .5 || north.CategoriesAfter != 4 || !near(north.ShareBefore, .3) {
		t.Errorf("north %+v", north)
	}
	if w := north.WalletsBefore; w.Known != 1 || w.Estimated != 1 || w.Unknown != 1 || !near(w.Share, .35) || north.WalletsAfter.Unknown != 1 || !math.IsNaN(north.WalletsAfter.Share) {
		t.Errorf("wallets of the north %+v, %+v", w, north.WalletsAfter)
	}
	if south.New != 1 || south.WonBack != 1 || south.MovedIn != 1 || south.After != 3 || !math.IsNaN(south.RetentionRate) || !near(south.DurationAfter, (375+1265+5)/3.) || south.ShareAfter != .2 ||
		south.NewGone != 1 || south.WonBackGone != 1 || south.SharedAfter != 1 || north.NewGone != 0 || north.SharedBefore != 2 {
		t.Errorf("south %+v", south)
	}
	if s := south.Sentences("en", false, false); s[0] != "Wider: 1 new, 1 won back; 1 more came for the first time and 1 came back, and had gone by the end" || s[1] != "Longer: not known" ||
		s[4] != "Deeper, share of wallet per account: not measured (was: not measured)" {
		t.Errorf("in words: %q", s)
	}
	if s := north.Sentences("en", true, true); s[4] != "Deeper, share of wallet per account: none known or estimated of 1 (was: 35 % of 1 known and 1 estimated wallet, 1 unknown)" {
		t.Errorf("in words: %q", s)
	}
	if s := north.Sentences("zh", true, false); s[0] != "更广：新增0，赢回0" || s[3] != "更深，已申报钱包份额：70 %（1个客户；此前30 %，2个客户）" ||
		s[4] != "更深，户均钱包份额：未测量（此前：35 %（已知1个，估计1个，未知1个））" {
		t.Errorf("in words: %q", s)
	}
	twice := []Standing{{Account: "stays", Key: "north"}, {Account: "stays", Key: "south"}}
	if err := NewGrowing(true).Add(twice, nil); err == nil || !strings.Contains(err.Error(), `"stays" stands twice before`) {
		t.Errorf("an account in two regions: %v", err)
	}
	if err := NewGrowing(false).Add(nil, twice); err != nil {
		t.Errorf("an account with two products: %v", err)
	}
	if err := NewGrowing(false).Add(nil, []Standing{twice[1], twice[0]}); err == nil || !strings.Contains(err.Error(), "in the order of the keys") {
		t.Errorf("products out of order: %v", err)
	}
}

// Who is there afterwards was retained, won back, new or moved in; who was there
// before was retained, lost or moved out; and all of it as the twin says.
func TestGrowthAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, exclusive := range []bool{true, false} {
			draw := func(name string) (rows []Standing) {
				for _, account := range []frame.AccountID{"a", "b", "c", "d", "e", "f"} {
					for _, key := range []string{"x", "y", "z"} {
						if state := rapid.IntRange(0, 3).Draw(t, name); state > 0 {
							rows = append(rows, Standing{
								Account: account, Key: key, Active: state > 1, Last: rapid.Int64Range(1, 2).Draw(t, "last"), TenureDays: missing, Categories: 1,
								Share: missing, WalletShare: missing, Wallet: wallet.State(rapid.IntRange(0, 2).Draw(t, "wallet")),
							})
							if exclusive {
								break
							}
						}
					}
				}
				return rows
			}
			before, after := draw("before"), draw("after")
			lines, twin := grown(t, before, after, exclusive), growthOf(before, after, exclusive)
			in, out := 0, 0
			for _, g := range lines {
				if g.After != g.Retained+g.New+g.WonBack+g.MovedIn || g.Before != g.Retained+g.Lost+g.MovedOut {
					t.Fatalf("%+v", g)
				}
				in, out = in+g.MovedIn, out+g.MovedOut
				want := twin[g.Key]
				if want == nil {
					t.Fatalf("the twin knows no %q", g.Key)
				}
				// The means are held against figures by hand above.
				g.RetentionRate, g.DurationBefore, g.DurationAfter, g.CategoriesBefore, g.CategoriesAfter, g.ShareBefore, g.ShareAfter = 0, 0, 0, 0, 0, 0, 0
				g.WalletsBefore.Share, g.WalletsAfter.Share = 0, 0
				if g != *want {
					t.Fatalf("%+v, the twin says %+v", g, *want)
				}
			}
			if in != out || len(lines) != len(twin) {
				t.Fatalf("%d moved in, %d out; %d lines, the twin has %d", in, out, len(lines), len(twin))
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
