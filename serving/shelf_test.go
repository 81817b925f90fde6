package serving

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/crosssell"
	"fealty/model/score"
	"fealty/model/wallet"
)

// stall is a crowd of three accounts in two regions and none, who buy four products of
// three categories, and care, of which no line tells a product.
func stall() *crowd {
	c := &crowd{frame: &frame.Frame{Accounts: []frame.AccountID{"a", "b", "c"}}, row: map[frame.AccountID]int{"a": 0, "b": 1, "c": 2}}
	for i, region := range []string{"north", "south", ""} {
		account := c.frame.Accounts[i]
		c.profiles = append(c.profiles, features.Profile{Account: account, Region: region})
		for _, of := range [][2]string{{"P1", "tea"}, {"P2", "tea"}, {"P3", "soap"}, {"P4", "wine"}} {
			c.products = append(c.products, features.Holding{Account: account, Key: of[0], Category: of[1], Orders: 1})
		}
		for _, of := range []string{"care", "soap", "tea", "wine"} {
			c.categories = append(c.categories, features.Holding{Account: account, Key: of, Category: of, Orders: 1})
		}
	}
	return c
}

// What may be recommended to the accounts in the north, in the south and of no region,
// by product and by category: a category goes with the last of its products.
func TestOffersByConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*WorthSettings)
		want [2]string
	}{
		"none": {func(*WorthSettings) {}, [2]string{"P1 P2 P3 P4|P1 P2 P3 P4|P1 P2 P3 P4", "care soap tea wine|care soap tea wine|care soap tea wine"}},
		"excluded": {func(w *WorthSettings) {
			w.ExcludedCategories, w.ExcludedProducts = []string{"later", "wine"}, []string{"P3", "P9"}
		}, [2]string{"P1 P2|P1 P2|P1 P2", "care tea|care tea|care tea"}},
		"stock":         {func(w *WorthSettings) { w.OnlyProducts = []string{"P2", "P3", "P9"} }, [2]string{"P2 P3|P2 P3|P2 P3", "care soap tea|care soap tea|care soap tea"}},
		"nothing sells": {func(w *WorthSettings) { w.OnlyProducts = []string{"P9"} }, [2]string{"||", "care|care|care"}},
		"regions": {func(w *WorthSettings) {
			w.SoldByRegion = map[string][]string{"north": {"P1", "P4"}, "south": nil}
			w.ExcludedProducts = []string{"P4"}
		}, [2]string{"P1||P1 P2 P3", "care tea|care|care soap tea"}},
	} {
		t.Run(name, func(t *testing.T) {
			told, w := &told{crowd: stall()}, DefaultWorth()
			c.set(&w)
			for k, key := range []features.HoldingKey{features.ByProduct, features.ByCategory} {
				past, err := purchases(told.crowd.held(key))
				if err != nil {
					t.Fatal(err)
				}
				may, err := told.rules(&w, key, past).Compile(past)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for a := range past.Accounts {
					var ids []string
					for i := range past.Items {
						if may(a)(int32(i)) {
							ids = append(ids, past.Items[i].ID)
						}
					}
					got = append(got, strings.Join(ids, " "))
				}
				if got := strings.Join(got, "|"); got != c.want[k] {
					t.Errorf("by %s: %s, want %s", key, got, c.want[k])
				}
			}
		})
	}
}

// An exclusion of what nothing ever named is refused with the nearest name; one of what
// came after the cutoff is not, nor stock of what nobody has bought yet.
func TestMistypedOffersAreRefused(t *testing.T) {
	c := stall()
	later := []features.Holding{{Key: "P7", Category: "toys"}}
	for name, of := range map[string]struct {
		set  func(*WorthSettings)
		want string
	}{
		"known":         {func(w *WorthSettings) { w.ExcludedProducts, w.ExcludedCategories = []string{"P1"}, []string{"care"} }, ""},
		"later":         {func(w *WorthSettings) { w.ExcludedProducts, w.ExcludedCategories = []string{"P7"}, []string{"toys"} }, ""},
		"product":       {func(w *WorthSettings) { w.ExcludedProducts = []string{"P1", "P77"} }, `crosssell.exclude_products names "P77", and no product is called so; did you mean "P7"?`},
		"category":      {func(w *WorthSettings) { w.ExcludedCategories = []string{"packaging"} }, `crosssell.exclude_categories names "packaging", and no category is called so; there are ["soap" "tea" "toys" "wine"]`},
		"stock":         {func(w *WorthSettings) { w.OnlyProducts = []string{"P2", "new"} }, ""},
		"no stock":      {func(w *WorthSettings) { w.OnlyProducts = []string{"new"} }, `crosssell.only_products names "new", and no product is called so`},
		"nothing there": {func(w *WorthSettings) { w.SoldByRegion = map[string][]string{"north": nil} }, ""},
		"nobody there":  {func(w *WorthSettings) { w.SoldByRegion = map[string][]string{"nroth": nil} }, `crosssell.sold_by_region names "nroth", and no region of an account is called so; did you mean "north"?`},
		"region":        {func(w *WorthSettings) { w.SoldByRegion = map[string][]string{"north": {"tea"}} }, `crosssell.sold_by_region[north] names "tea", and no product is called so`},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Service{Settings: DefaultSettings(), Now: func() time.Time { return time.Unix(9e8, 0) }}
			of.set(&s.Settings.Worth)
			s.Facts = &market{twinFacts: twinFacts{holdings: slices.Concat(c.products, later)}, crowd: c}
			err := s.checkOffers(t.Context(), c, []string{"P1", "P2", "P3", "P4"}, 1)
			if of.want == "" && err != nil || of.want != "" && (KindOf(err) != Invalid || !strings.Contains(err.Error(), of.want)) {
				t.Errorf("%v, want %q", err, of.want)
			}
		})
	}
}

// The wallet that an account is expected to bring into play is the sum over all of its
// categories, also where nothing may be recommended.
func TestPropensityOfTheWholeWallet(t *testing.T) {
	s := &told{toldWallets: toldWallets{
		categories: []string{"care", "soap", "tea", "wine", "yarn"}, first: []int{0, 5, 6},
		estimates: []wallet.Estimate{
			{Category: 0, Potential: 100}, {Category: 1, Potential: math.NaN()}, {Category: 2, Potential: 300}, {Category: 3, Potential: 600, State: wallet.Known, Flags: wallet.NotBought},
			{Category: 4, Potential: 5000, State: wallet.Estimated, Flags: wallet.NotBought},
			{Account: 1, Category: 0, Potential: 0},
		},
	}}
	list := []crosssell.Recommendation{{Item: "care", Probability: .5}, {Item: "soap", Probability: 1}, {Item: "tea", Probability: .25}}
	// .5 · 100 + .25 · 300 of 1000; wine has no probability, and that yarn is bought at all is a guess.
	if got := s.buysOfWallet(0, list); math.Abs(got-.125) > 1e-15 {
		t.Errorf("%v, want .125", got)
	}
	if got := s.buysOfWallet(1, list); !math.IsNaN(got) {
		t.Errorf("%v of nothing", got)
	}
}

// What has a name is called by it, its id behind; what has none, by its id.
func TestRecommendationsSayNames(t *testing.T) {
	r := crosssell.Recommendation{Kind: crosssell.New, Item: "P1", Reason: crosssell.Reason{Code: crosssell.Alike, Because: "P2"}}
	names := map[string]string{"P1": "Tea", "P2": "Kettle"}
	for want, of := range map[string]score.Recommendation{
		"Tea: Accounts that buy similar items buy this; of this account's items, Kettle (P2) speaks for it most.": recommendation(features.ByProduct, r, names),
		": Accounts that buy similar items buy this; of this account's items, P2 speaks for it most.":             recommendation(features.ByCategory, r, names),
	} {
		if en, zh := SayRecommendation(&of); of.Name+": "+en != want || strings.Contains(zh, "Kettle (P2)") != (of.Name != "") {
			t.Errorf("%s: %s (%s), want %s", of.Name, en, zh, want)
		}
		if said := saidRecommendation(of, nil).Reason.EN; !strings.HasSuffix(want, said) {
			t.Errorf("the desk says %s, want %s", said, want)
		}
	}
}

// A holding takes the bytes that the crowd says, and no id of its own.
func TestHoldingsShareTheirIDs(t *testing.T) {
	if got := unsafe.Sizeof(features.Holding{}); got != 168 {
		t.Errorf("a holding has %d bytes, and the crowd speaks of 168 per account and product", got)
	}
	c := stall()
	block := []features.Holding{{Account: frame.AccountID(strings.Clone("b")), Key: "P1"}, {Account: "stranger", Key: "P1"}, {Account: frame.AccountID(strings.Clone("c")), Key: "P2"}}
	held := c.hold(nil, block)
	if len(held) != 2 || held[1].Key != "P2" {
		t.Fatalf("held are %+v", held)
	}
	for k, of := range held {
		if unsafe.StringData(string(of.Account)) != unsafe.StringData(string(c.frame.Accounts[k+1])) {
			t.Errorf("account %q has an id of its own per holding", of.Account)
		}
	}
}

// What stands beside a pair of account and category is its wallet's share, gap, width
// and trend, and nothing where no wallet is told.
func TestWalletsBesideThePurchases(t *testing.T) {
	s := &told{crowd: stall(), toldWallets: toldWallets{
		categories: []string{"soap", "tea"}, first: []int{0, 2, 3, 3},
		estimates: []wallet.Estimate{
			{State: wallet.Known, Wallet: 100, Low: 50, High: 200, Spend: 40, Share: .4, Potential: 60},
			{State: wallet.Known, Category: 1, Wallet: 10, Low: 5, High: 50, Spend: 10, Share: 1},
			{State: wallet.Known, Account: 1, Category: 1, Wallet: 20, Low: 10, High: 30, Spend: 5, Share: .25, Potential: 15},
		},
		noTrend: make([]wallet.NoTrend, 3), earlier: wallet.Spend{Start: []int{0, 1, 2, 2}, Category: []int32{0, 1}, Amount: []float64{20, 10}},
	}}
	past, err := purchases(s.crowd.categories)
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	beside := s.beside(past)
	for of, want := range map[string][]float64{
		"0 soap": {.4, 60, 4, .2}, // (40 − 20) ÷ 100
		"0 tea":  {1, 0, 10, nan}, "0 wine": {nan, nan, nan, nan},
		"1 tea": {.25, 15, 3, -.25}, "1 soap": {nan, nan, nan, nan}, "2 tea": {nan, nan, nan, nan},
	} {
		item, _ := past.Find(of[2:])
		got := make([]float64, len(beside.Names))
		beside.Fill(int(of[0]-'0'), int32(item), got)
		if !slices.EqualFunc(got, want, func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }) {
			t.Errorf("account %s: %v, want %v", of, got, want)
		}
	}
}

// What an account has given up is judged as the account is, unless somebody says; and
// who says nothing has the settings of before.
func TestGoodsLapseWithTheirAccounts(t *testing.T) {
	for _, of := range []struct{ active, said, want int }{{-1, 0, 240}, {0, 0, 180}, {400, 0, 400}, {400, 30, 30}, {0, MostLapsed, MostLapsed}} {
		s := DefaultSettings()
		s.Label.HorizonDays, s.ActiveWithinDays, s.Worth.LapsedDays = 120, of.active, of.said
		if p := s.Worth.crossSell(s.ActiveWithin()); p.LapsedDays != of.want || s.Validate() != nil {
			t.Errorf("%+v lapses after %d days (%v)", of, p.LapsedDays, s.Validate())
		}
		if same := s.Worth.text() == defaultWorth(); same != (of.said == 0) || strings.Contains(defaultWorth(), "lapsed_days") {
			t.Errorf("%+v stands as %s", of, s.Worth.text())
		}
	}
	for _, days := range []int{-1, MostLapsed + 1} {
		s := DefaultSettings()
		if s.Worth.LapsedDays = days; KindOf(s.Validate()) != Invalid {
			t.Errorf("lapsed after %d days: %v", days, s.Validate())
		}
	}
}
