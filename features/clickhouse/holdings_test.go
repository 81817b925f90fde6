package clickhouse_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/frame"
)

func holdings(t testing.TB, e clickhouse.Engine, r features.HoldingRequest) []features.Holding {
	t.Helper()
	var all []features.Holding
	err := clickhouse.Holdings(t.Context(), e, r, func(block []features.Holding) error {
		if len(block) == 0 {
			t.Error("a block without holdings")
		}
		all = append(all, block...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(all, features.CompareHoldings) {
		t.Error("the holdings are not in order")
	}
	return all
}

func holdingRequest(key features.HoldingKey, horizon int, cutoffs ...string) features.HoldingRequest {
	return features.HoldingRequest{Request: request(cutoffs...), Key: key, HorizonDays: horizon}
}

// At 2025-03-01: 90 days reach back to 2024-12-01, 365 to 2024-03-01, 730 to
// 2023-03-02; 60 days reach on to 2025-04-30.
func TestHoldingsGiveTheValuesWorkedOutByHand(t *testing.T) {
	e := embedded(t)
	lines := []line{
		bought("a", "ink", "2023-03-01", 1),          // more than 730 days ago
		bought("a", "ink", "2023-03-02", 10),         // the year before the last
		bought("a", "ink", "2024-03-01", 20),         // the last year
		bought("a", "ink", "2024-11-30 23:59:59", 3), // a second more than 90 days ago
		bought("a", "ink", "2024-12-01", 30),
		bought("a", "ink", "2025-03-01", 40), // the cutoff is the horizon's
		bought("a", "ink", "2025-04-30", 50), // after the horizon
		bought("a", "paper", "2025-03-15", 7),
		bought("a", "toys", "2025-01-01", -5), // only returned
		bought("a", "", "2025-01-01", 1000),   // no category
		bought("b", "ink", "2025-02-28 23:30:00", 8),
	}
	// Returned under its order, before the cutoff in full, in the horizon, and after it.
	undo := func(l line, day string, amount float64) line {
		l.number, l.ordered, l.amount = 1, at(day), euros(amount)
		return l
	}
	gone, inside, later := bought("b", "paper", "2025-01-01", 9), bought("b", "toys", "2025-03-10", 6), bought("b", "pens", "2025-03-10", 6)
	late := bought("b", "ink", "2025-02-01", 100)
	late.recorded = at("2025-03-02")
	counted := func(l line, quantity, cost float64) line {
		l.quantity, l.cost = euros(quantity), euros(cost)
		return l
	}
	sold := counted(bought("c", "", "2024-06-01", 8), 4, 8)
	returned, unknown := undo(counted(sold, -1, -2), "2024-06-02", -2), bought("c", "", "2024-02-01", 1000)
	lines = append(lines, counted(bought("c", "", "2024-03-01", 4), 2, 1), sold, returned, unknown, counted(bought("c", "", "2024-02-29 23:59:59", 40), 50, 30))
	// Costed, more than 730 days ago; and another that nobody knew of yet.
	unseen := counted(bought("c", "", "2022-02-01", 900), 0, 1)
	unseen.recorded = at("2025-03-02")
	lines = append(lines, counted(bought("c", "", "2022-01-01", 50), 0, 3), unseen)
	lines = append(lines, late, gone, undo(gone, "2025-01-02", -9), inside, undo(inside, "2025-03-11", -6), later, undo(later, "2025-04-30", -6))
	(&town{lines: lines}).fill(t, e)
	want := []features.Holding{
		{
			Account: "a", Key: "ink", Orders: 5, Orders90: 1, Spend: 64, Spend365: 53, SpendLastYear: 10,
			First: at("2023-03-01"), Last: at("2024-12-01"), FirstDays: 731, LastDays: 90, OrdersAfter: 1, SpendAfter: 40,
		},
		{Account: "a", Key: "paper", OrdersAfter: 1, SpendAfter: 7},
		{Account: "a", Key: "toys", Spend: -5, Spend365: -5},
		{Account: "b", Key: "ink", Orders: 1, Orders90: 1, Spend: 8, Spend365: 8, First: at("2025-02-28 23:30:00"), Last: at("2025-02-28 23:30:00"), FirstDays: 1, LastDays: 1},
		{Account: "b", Key: "pens", OrdersAfter: 1, SpendAfter: 6},
	}
	for i := range want {
		want[i].Category, want[i].Cutoff = want[i].Key, frame.Cutoff(at("2025-03-01"))
		want[i].Units365, want[i].MarginLastYear, want[i].MarginEver = math.NaN(), math.NaN(), math.NaN()
	}
	if diff := cmp.Diff(want, holdings(t, e, holdingRequest(features.ByCategory, 60, "2025-03-01")), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// All together: 2 + 4 − 1 units of the last year, of the year before that 30 of 40 spent on what says its cost, and
	// of everything 3 + 30 + 1 + 8 − 2 = 40 of 50 + 40 + 4 + 8 − 2 = 100.
	whole := holdings(t, e, holdingRequest(features.ByEverything, 0, "2025-03-01"))
	if len(whole) != 3 || whole[2].Units365 != 5 || whole[2].MarginLastYear != .25 || whole[2].MarginEver != .6 || !math.IsNaN(whole[0].Units365) || !math.IsNaN(whole[0].MarginLastYear) || !math.IsNaN(whole[0].MarginEver) {
		t.Errorf("by everything: %+v", whole)
	}
	// In Berlin the evening order is of the cutoff's own day.
	r := holdingRequest(features.ByCategory, 0, "2025-03-01")
	r.Zone, r.Accounts = "Europe/Berlin", []frame.AccountID{"b"}
	if got := holdings(t, e, r); len(got) != 1 || got[0].LastDays != 0 || got[0].OrdersAfter != 0 {
		t.Errorf("in Berlin: %+v", got)
	}
	// What was recorded later than asked is no part of the horizon.
	r = holdingRequest(features.ByCategory, 60, "2025-03-01")
	r.RecordedBy = frame.KnownAt(at("2025-03-01"))
	if got := holdings(t, e, r); len(got) != 3 || got[0].SpendAfter != 40 {
		t.Errorf("recorded by the cutoff: %+v", got)
	}
}

func TestHoldingsOfProductsCarryTheirNewestCategory(t *testing.T) {
	e := embedded(t)
	of := func(account, product, category, day string) line {
		l := bought(account, category, day, 10)
		l.product = product
		return l
	}
	(&town{lines: []line{
		of("a", "p", "ink", "2025-01-01"), of("a", "p", "pens", "2025-02-01"), of("a", "p", "", "2025-02-02"), of("a", "p", "toys", "2025-03-01"),
		of("a", "q", "", "2025-01-01"), of("a", "", "ink", "2025-01-01"), of("b", "p", "ink", "2025-01-01"),
	}}).fill(t, e)
	got := ""
	for _, h := range holdings(t, e, holdingRequest(features.ByProduct, 0, "2025-03-01")) {
		got += fmt.Sprintf("%s %s %s %d; ", h.Account, h.Key, h.Category, h.Orders)
	}
	if want := "a p pens 3; a q  1; b p ink 1; "; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

// dumbHoldings counts holdings in plain Go.
func dumbHoldings(w *town, r features.HoldingRequest, zone *time.Location) []features.Holding {
	day := func(at int64) int64 {
		y, m, d := time.Unix(at, 0).In(zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
	}
	type name struct{ account, key string }
	of := map[name][]line{}
	for _, l := range w.lines {
		n := name{account: l.account}
		switch r.Key {
		case features.ByCategory:
			n.key = l.category
		case features.ByProduct:
			n.key = l.product
		case features.ByEverything:
			n.key = string(r.Key)
		}
		if n.key != "" {
			of[n] = append(of[n], l)
		}
	}
	var all []features.Holding
	for n, lines := range of {
		for k, c := range r.Cutoffs {
			cut, end := int64(c), int64(c.Add(r.HorizonDays))
			h := features.Holding{Account: frame.AccountID(n.account), Cutoff: c, Key: n.key, Category: n.key}
			type order struct{ at, net int64 }
			before, after := map[string]order{}, map[string]order{}
			add := func(orders map[string]order, l line) {
				o, ok := orders[l.order]
				if !ok || l.ordered < o.at {
					o.at = l.ordered
				}
				o.net += l.amount
				orders[l.order] = o
			}
			var ever, year, last, horizon, newest, units, costed, cost, costedEver, costEver int64
			counts := false
			if r.Key == features.ByProduct {
				h.Category = ""
			}
			for _, l := range lines {
				if l.ordered < cut && l.known() <= int64(r.KnownAt[k]) {
					add(before, l)
					ever += l.amount
					if l.cost != absent {
						costedEver, costEver = costedEver+l.amount, costEver+l.cost
					}
					switch age := cut - l.ordered; {
					case age <= 365*86400:
						year, units, counts = year+l.amount, units+l.quantity, counts || l.quantity != 0
					case age <= 730*86400:
						last += l.amount
						if l.cost != absent {
							costed, cost = costed+l.amount, cost+l.cost
						}
					}
					if r.Key == features.ByProduct && l.category != "" && (l.ordered > newest || l.ordered == newest && l.category > h.Category) {
						newest, h.Category = l.ordered, l.category
					}
				}
				if r.HorizonDays > 0 && l.ordered < end {
					add(after, l)
					if l.ordered >= cut {
						horizon += l.amount
					}
				}
			}
			for _, o := range before {
				if o.net <= 0 {
					continue
				}
				h.Orders++
				if o.at >= cut-90*86400 {
					h.Orders90++
				}
				if h.First == 0 || o.at < h.First {
					h.First = o.at
				}
				h.Last = max(h.Last, o.at)
			}
			for _, o := range after {
				if o.net > 0 && o.at >= cut {
					h.OrdersAfter++
				}
			}
			if h.Orders > 0 {
				h.FirstDays, h.LastDays = int(day(cut)-day(h.First)), int(day(cut)-day(h.Last))
			}
			euro := func(v int64) float64 { return float64(v) / frame.DecimalScale }
			h.Spend, h.Spend365, h.SpendLastYear, h.SpendAfter = euro(ever), euro(year), euro(last), euro(horizon)
			h.Units365, h.MarginLastYear, h.MarginEver = math.NaN(), math.NaN(), math.NaN()
			if r.Key == features.ByEverything && counts {
				h.Units365 = euro(units)
			}
			if r.Key == features.ByEverything && costed > 0 {
				h.MarginLastYear = euro(costed-cost) / euro(costed)
			}
			if r.Key == features.ByEverything && costedEver > 0 {
				h.MarginEver = euro(costedEver-costEver) / euro(costedEver)
			}
			if h.Orders > 0 || ever != 0 || year != 0 || last != 0 || h.OrdersAfter > 0 || horizon != 0 {
				all = append(all, h)
			}
		}
	}
	slices.SortFunc(all, features.CompareHoldings)
	return all
}

func TestHoldingsEqualTheDumbTwinHoweverSliced(t *testing.T) {
	e := embedded(t)
	w := crowd(120, 9)
	w.fill(t, e)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for key, least := range map[features.HoldingKey]int{features.ByCategory: 500, features.ByProduct: 500, features.ByEverything: 100} {
		r := features.HoldingRequest{Request: randomCutoffs(4), Key: key, HorizonDays: 75}
		want := dumbHoldings(w, r, berlin)
		if len(want) < least {
			t.Fatalf("only %d holdings to compare", len(want))
		}
		for i := range want {
			// When two lines of one instant name two categories, the one recorded later counts; the twin doesn't ask.
			if key == features.ByProduct {
				want[i].Category = ""
			}
		}
		for _, slice := range []int{0, 50} {
			r.SliceAccounts = slice
			got := holdings(t, e, r)
			for i := range got {
				if key == features.ByProduct {
					got[i].Category = ""
				}
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("by %s in slices of %d (-twin +engine):\n%.3000s", key, slice, diff)
			}
		}
	}
}

// For each of some random cutoffs, every account has a double that holds only what
// was visible then: what lies after must change nothing.
func TestWhatIsNotYetKnownChangesNoHolding(t *testing.T) {
	e := embedded(t)
	r := features.HoldingRequest{Request: randomCutoffs(40), Key: features.ByCategory}
	full := &town{}
	for i := range 24 {
		full.lines = append(full.lines, history(fmt.Sprintf("a%02d", i)).Example(5000+i)...)
	}
	full.restsAndLinks()
	all := *full
	for i, c := range r.Cutoffs {
		double := func(account string) string { return account + "#" + strconv.Itoa(i) }
		for _, l := range full.lines {
			if l.ordered < int64(c) && l.known() <= int64(r.KnownAt[i]) {
				l.account = double(l.account)
				all.lines = append(all.lines, l)
			}
		}
		for _, x := range full.links {
			if x.since < int64(c) && orElse(x.recorded, x.since) <= int64(r.KnownAt[i]) {
				x.account, x.other = double(x.account), double(x.other)
				if x.until >= int64(c) {
					x.until = 0
				}
				all.links = append(all.links, x)
			}
		}
	}
	all.fill(t, e)
	for _, key := range []features.HoldingKey{features.ByCategory, features.ByProduct, features.ByEverything} {
		r.Key = key
		whole, part := map[int][]features.Holding{}, map[int][]features.Holding{}
		for _, h := range holdings(t, e, r) {
			k := slices.Index(r.Cutoffs, h.Cutoff)
			name, number, doubled := strings.Cut(string(h.Account), "#")
			switch {
			case !doubled:
				whole[k] = append(whole[k], h)
			case number == strconv.Itoa(k):
				h.Account = frame.AccountID(name)
				part[k] = append(part[k], h)
			}
		}
		compared := 0
		for k := range r.Cutoffs {
			compared += len(whole[k])
			if diff := cmp.Diff(part[k], whole[k], cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("by %s at %s (-without its future +with it):\n%.2000s", key, r.Cutoffs[k], diff)
			}
		}
		if least := map[bool]int{true: 150, false: 300}[key == features.ByEverything]; compared < least {
			t.Errorf("only %d holdings compared by %s", compared, key)
		}
	}
}

func TestHoldingsOfAccountsThatAreOne(t *testing.T) {
	e := embedded(t)
	w := &town{links: []link{
		{account: "gone", other: "stays", kind: features.Merged, since: at("2025-01-15")},
		{account: "old", other: "new", kind: features.Renamed, since: at("2025-03-10"), recorded: at("2025-03-12")},
	}}
	for _, account := range []string{"gone", "stays", "old", "alone"} {
		w.lines = append(w.lines, bought(account, "ink", "2025-01-01 "+fmt.Sprintf("0%d:00:00", len(w.lines)), 10))
	}
	w.lines = append(w.lines,
		bought("new", "ink", "2025-03-20", 3), bought("new", "pens", "2025-03-21", 4), bought("gone", "pens", "2025-03-22", 5),
		bought("alone", "pens", "2025-03-22", 6), bought("stays", "ink", "2025-03-22", 7))
	w.fill(t, e)
	tell := func(r features.HoldingRequest) string {
		got := ""
		for _, h := range holdings(t, e, r) {
			got += fmt.Sprintf("%s %s %d for %v, then %d for %v; ", h.Account, h.Key, h.Orders, h.Spend, h.OrdersAfter, h.SpendAfter)
		}
		return got
	}
	r := holdingRequest(features.ByCategory, 60, "2025-03-01")
	want := "alone ink 1 for 10, then 0 for 0; alone pens 0 for 0, then 1 for 6; " +
		"new ink 0 for 0, then 1 for 3; new pens 0 for 0, then 1 for 4; old ink 1 for 10, then 1 for 3; old pens 0 for 0, then 1 for 4; " +
		"stays ink 2 for 20, then 1 for 7; stays pens 0 for 0, then 1 for 5; "
	if got := tell(r); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.SliceAccounts = 2
	if got := tell(r); got != want {
		t.Errorf("two accounts at a time\ngot  %s\nwant %s", got, want)
	}
	r.HorizonDays = 0
	if got, want := tell(r), "alone ink 1 for 10, then 0 for 0; old ink 1 for 10, then 0 for 0; stays ink 2 for 20, then 0 for 0; "; got != want {
		t.Errorf("without a horizon\ngot  %s\nwant %s", got, want)
	}
}

func TestHoldingsRefuseWhatCannotBeAnswered(t *testing.T) {
	e := embedded(t)
	for what, spoil := range map[string]func(*features.HoldingRequest){
		"key":      func(r *features.HoldingRequest) { r.Key = "brand" },
		"horizon":  func(r *features.HoldingRequest) { r.HorizonDays = 1831 },
		"backward": func(r *features.HoldingRequest) { r.HorizonDays = -1 },
		"recorded": func(r *features.HoldingRequest) { r.RecordedBy = -1 },
		"groups":   func(r *features.HoldingRequest) { r.Groups, r.HorizonDays = true, 60 },
		"cutoffs":  func(r *features.HoldingRequest) { r.Cutoffs = nil },
	} {
		r := holdingRequest(features.ByCategory, 0, "2025-03-01")
		spoil(&r)
		if err := clickhouse.Holdings(t.Context(), e, r, nil); !errors.Is(err, features.ErrBadRequest) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// An error of the receiver comes back as it is, and ends the reading.
	(&town{lines: []line{bought("a", "ink", "2025-01-01", 1), bought("b", "ink", "2025-01-01", 1)}}).fill(t, e)
	r := holdingRequest(features.ByCategory, 0, "2025-03-01")
	r.SliceAccounts = 1
	full, calls := errors.New("full"), 0
	if err := clickhouse.Holdings(t.Context(), e, r, func([]features.Holding) error { calls++; return full }); err != full || calls != 1 { //nolint:errorlint // as it is
		t.Errorf("%v after %d calls", err, calls)
	}
}

// 10 million lines of 200,000 accounts, 40 categories and 20,000 products.
func BenchmarkHoldings(b *testing.B) {
	launch.Library(b)
	e, err := clickhouse.Open(b.Context(), "chdb://"+b.TempDir(), clickhouse.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	}()
	if err := (clickhouse.Warehouse{Engine: e}).Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	const lines = 10_000_000
	for _, sql := range []string{
		"INSERT INTO loads (load, `table`) SELECT 1, 'order_lines'",
		fmt.Sprintf(`INSERT INTO imported_order_lines (account, order_id, line, product, category, amount, amount_base, ordered_at, recorded_at, load)
			SELECT concat('A', toString(cityHash64(intDiv(number, 4)) %% 200000)), toString(intDiv(number, 4)), number %% 4, concat('P', toString(p)), concat('C', toString(p %% 40)),
				1 + number %% 97, 1 + number %% 97, toDateTime('2023-01-01 00:00:00', 'UTC') + cityHash64(intDiv(number, 4), 1) %% 94608000 AS t, t, 1
			FROM (SELECT number, intDiv(cityHash64(number) %% 20000 * (cityHash64(number, 2) %% 20000), 20000) AS p FROM numbers(%d))`, lines),
	} {
		if err := e.Exec(b.Context(), sql, nil); err != nil {
			b.Fatal(err)
		}
	}
	for _, key := range []features.HoldingKey{features.ByCategory, features.ByProduct} {
		for _, horizon := range []int{0, 90} {
			b.Run(fmt.Sprintf("%s/horizon=%d", key, horizon), func(b *testing.B) {
				for b.Loop() {
					rows := 0
					err := clickhouse.Holdings(b.Context(), e, holdingRequest(key, horizon, "2025-09-01"), func(block []features.Holding) error {
						rows += len(block)
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(rows), "holdings")
				}
				b.ReportMetric(lines*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
			})
		}
	}
}
