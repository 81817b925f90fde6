package crosssell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fealty/features/frame"
)

func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

func drawCells(t *rapid.T, items int) Cells {
	var c Cells
	for i := range items {
		if rapid.Bool().Draw(t, "owned") {
			orders := rapid.Int32Range(1, 4).Draw(t, "orders")
			c.Item = append(c.Item, int32(i))
			c.Orders = append(c.Orders, orders)
			c.Recent = append(c.Recent, rapid.Int32Range(0, orders).Draw(t, "recent"))
			c.DaysSince = append(c.DaysSince, rapid.Int32Range(0, 500).Draw(t, "days"))
			c.Span = append(c.Span, rapid.Int32Range(0, 700).Draw(t, "span"))
			c.Spend = append(c.Spend, 1)
		}
	}
	return c
}

// Every item stands in exactly one of the three lists, in the order that is
// promised, and eligibility only removes.
func TestListsShareTheItemsOut(t *testing.T) {
	p := town(t, 80, 20, 3, 7)
	m, _ := fit(t, p, Defaults())
	rapid.Check(t, func(t *rapid.T) {
		own := drawCells(t, len(p.Items))
		banned := int32(rapid.IntRange(0, len(p.Items)-1).Draw(t, "banned"))
		may := Eligible(func(i int32) bool { return i != banned })
		seen := map[int32]Kind{}
		for kind, list := range map[Kind]func(Cells, int, Eligible) []Scored{New: m.New, Lapsed: m.Lapsed, Repeat: m.Repeat} {
			all := list(own, len(p.Items), nil)
			for _, x := range all {
				if seen[x.Item] != 0 {
					t.Fatalf("item %d is %v and %v", x.Item, seen[x.Item], kind)
				}
				seen[x.Item] = kind
			}
			rest := slices.DeleteFunc(slices.Clone(all), func(x Scored) bool { return x.Item == banned })
			if got := list(own, len(p.Items), may); !slices.Equal(got, rest) {
				t.Fatalf("%v: eligible %v, want %v", kind, got, rest)
			}
			for _, k := range []int{-1, 0, 2} {
				if got := list(own, k, nil); !slices.Equal(got, all[:min(len(all), max(0, k))]) {
					t.Fatalf("%v: the first %d are %v of %v", kind, k, got, all)
				}
			}
		}
		if len(seen) != len(p.Items) {
			t.Fatalf("%d of %d items stand in a list", len(seen), len(p.Items))
		}
		for c, i := range own.Item {
			gap := math.Inf(1)
			if own.Orders[c] > 1 {
				gap = float64(own.Span[c]) / float64(own.Orders[c]-1)
			}
			lapsed := float64(own.DaysSince[c]) > 180 && (math.IsInf(gap, 1) || float64(own.DaysSince[c]) > 2*gap)
			if want := map[bool]Kind{true: Lapsed, false: Repeat}[lapsed]; seen[i] != want {
				t.Fatalf("item %d, %d days ago, gap %v, is %v", i, own.DaysSince[c], gap, seen[i])
			}
		}
		repeat := m.Repeat(own, len(p.Items), nil)
		if !slices.IsSortedFunc(repeat, func(x, y Scored) int {
			cx, _ := slices.BinarySearch(own.Item, x.Item)
			cy, _ := slices.BinarySearch(own.Item, y.Item)
			return cmp.Or(cmp.Compare(own.Orders[cy], own.Orders[cx]), cmp.Compare(m.recent[y.Item], m.recent[x.Item]), cmp.Compare(own.DaysSince[cx], own.DaysSince[cy]))
		}) {
			t.Fatalf("the repeat list %v is not by frequency", repeat)
		}
		basket := m.Basket(own, 15, may)
		if len(basket) != 15 || !slices.Equal(basket[:min(15, len(m.Repeat(own, 15, may)))], m.Repeat(own, 15, may)) {
			t.Fatalf("the basket %v does not begin with what is repeated", basket)
		}
		distinct := map[int32]bool{}
		for _, x := range basket {
			if distinct[x.Item] || x.Item == banned {
				t.Fatalf("the basket %v repeats an item or holds %d", basket, banned)
			}
			distinct[x.Item] = true
		}
	})
}

func TestBatchEqualsSingle(t *testing.T) {
	p := town(t, 120, 30, 3, 8)
	params := Defaults()
	params.Lambda = 10
	m := withHead(t, p, params, 20)
	lists := make([][]Scored, len(p.Accounts))
	rule := func(a int) Eligible { return func(i int32) bool { return int(i)%7 != a%7 } }
	err := m.NewForAll(context.Background(), 6, rule, func(a int, list []Scored) { lists[a] = list })
	if err != nil {
		t.Fatal(err)
	}
	for a, got := range lists {
		if want := m.New(p.Cells(a), 6, rule(a)); !slices.Equal(got, want) {
			t.Fatalf("account %d: batch %v, alone %v", a, got, want)
		}
	}
	if err := m.NewForAll(context.Background(), 3, nil, func(a int, list []Scored) { lists[a] = list }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(lists[5], m.New(p.Cells(5), 3, nil)) {
		t.Error("without rules the batch differs")
	}
}

func TestNobodyKnownGetsThePopular(t *testing.T) {
	m, _ := fit(t, town(t, 80, 20, 3, 7), Defaults())
	for r, x := range m.New(Cells{}, 5, nil) {
		if x.Item != m.popular[r] {
			t.Errorf("place %d holds item %d, the popular one is %d", r, x.Item, m.popular[r])
		}
	}
}

func TestRules(t *testing.T) {
	p := town(t, 3, 12, 2, 11)
	regions := []string{"north", "south", ""}
	all := func() (ids []string) {
		for _, i := range p.Items {
			ids = append(ids, i.ID)
		}
		return ids
	}()
	rule, err := Rules{
		Items: all[:1], Categories: p.Categories[1:2], Only: append([]string{"never bought"}, all[:len(all)-1]...),
		Regions: regions, Sold: map[string][]string{"south": all[2:]},
	}.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	for a := range regions {
		for i := range p.Items {
			want := i != 0 && p.Of[i] != 1 && i != len(all)-1 && (a != 1 || i >= 2)
			if got := rule(a)(int32(i)); got != want {
				t.Errorf("account %d, item %d: %v, want %v", a, i, got, want)
			}
		}
	}
	everything, err := Rules{}.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Items {
		if !everything(0)(int32(i)) {
			t.Errorf("no rule forbids item %d", i)
		}
	}
	for text, bad := range map[string]Rules{
		`excluded item "x"`:           {Items: []string{"x"}},
		`excluded category "shoes"`:   {Categories: []string{"shoes"}},
		"2 regions for 3 accounts":    {Regions: []string{"a", "b"}},
		"needs the region of each ac": {Sold: map[string][]string{"a": nil}},
	} {
		if _, err := bad.Compile(p); !errors.Is(err, ErrInput) || !contains(err, text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestBuilderRefuses(t *testing.T) {
	good := Row{Account: "b", Item: "i", Category: "c", Orders: 3, Recent: 1, Spend: 5, DaysSince: 2, Span: 9}
	for text, change := range map[string]func(*Row){
		`account "", item "i"`:            func(r *Row) { r.Account = "" },
		`account "b", item ""`:            func(r *Row) { r.Item = "" },
		`account "a" comes after "b"`:     func(r *Row) { r.Account = "a" },
		`item "j": spend is NaN`:          func(r *Row) { r.Item, r.Spend = "j", math.NaN() },
		`item "j": spend is -1`:           func(r *Row) { r.Item, r.Spend = "j", -1 },
		`item "j": spend is +Inf`:         func(r *Row) { r.Item, r.Spend = "j", math.Inf(1) },
		`item "j": days since is 1000001`: func(r *Row) { r.Item, r.DaysSince = "j", 1_000_001 },
		`item "j": orders is 2147483648`:  func(r *Row) { r.Item, r.Orders = "j", 1<<31 },
		`item "j": orders is 0`:           func(r *Row) { r.Item, r.Orders = "j", 0 },
		`item "j": recent orders is -1`:   func(r *Row) { r.Item, r.Recent = "j", -1 },
		`item "j": 4 recent orders of 3`:  func(r *Row) { r.Item, r.Recent = "j", 4 },
		`item "j": days since is -2`:      func(r *Row) { r.Item, r.DaysSince = "j", -2 },
		`item "j": span in days is -2`:    func(r *Row) { r.Item, r.Span = "j", -2 },
		`item "i" is of category "c"`:     func(r *Row) { r.Account, r.Category = "c", "d" },
	} {
		b := NewBuilder()
		if err := b.Add(good); err != nil {
			t.Fatal(err)
		}
		row := good
		change(&row)
		if err := b.Add(row); !errors.Is(err, ErrInput) || !contains(err, text) {
			t.Errorf("%s: %v", text, err)
		}
		if p, err := b.Purchases(); err != nil || len(p.Item) != 1 || len(p.Accounts) != 1 || len(p.Items) != 1 {
			t.Errorf("%s: a refused row left something behind: %v, %v", text, p, err)
		}
	}
	b := NewBuilder()
	if _, err := b.Purchases(); !errors.Is(err, ErrInput) {
		t.Errorf("no rows give %v", err)
	}
	for range 2 {
		if err := b.Add(good); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Purchases(); !errors.Is(err, ErrInput) || !contains(err, `account "b", item "i" stand twice`) {
		t.Errorf("a pair that stands twice gives %v", err)
	}
}

func TestByCategoryCountsNoFurtherThanItCan(t *testing.T) {
	b := NewBuilder()
	for _, item := range []string{"x", "y"} {
		if err := b.Add(Row{Account: "a", Item: item, Category: "c", Orders: math.MaxInt32}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := b.Purchases()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ByCategory(); !errors.Is(err, ErrInput) || !contains(err, `account "a": more orders in category "c"`) {
		t.Errorf("an overflow gives %v", err)
	}
}

// The order of rows within an account does not matter, and every row is found again.
func TestBuilderKeepsRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows []Row
		for a := range rapid.IntRange(1, 6).Draw(t, "accounts") {
			own := rapid.Permutation([]int{3, 1, 4, 0, 5}).Draw(t, "order")[:rapid.IntRange(1, 5).Draw(t, "items")]
			for _, i := range own {
				orders := rapid.IntRange(1, 5).Draw(t, "orders")
				rows = append(rows, Row{
					Account: frame.AccountID(fmt.Sprint(a)), Item: fmt.Sprint(i), Category: fmt.Sprint(i % 2), Orders: orders,
					Recent: orders / 2, Spend: rapid.Float64Range(0, 10).Draw(t, "spend"), DaysSince: rapid.IntRange(0, 90).Draw(t, "days"), Span: 10 * (orders - 1),
				})
			}
		}
		b := NewBuilder()
		for _, r := range rows {
			if err := b.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		p, err := b.Purchases()
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Item) != len(rows) {
			t.Fatalf("%d cells of %d rows", len(p.Item), len(rows))
		}
		q, err := p.ByCategory()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			a, _ := slices.BinarySearch(p.Accounts, r.Account)
			i, ok := p.Find(r.Item)
			c := p.Cells(a)
			k, found := slices.BinarySearch(c.Item, int32(i))
			if !ok || !found {
				t.Fatalf("row %v is lost", r)
			}
			got := Row{r.Account, r.Item, p.Categories[p.Of[i]], int(c.Orders[k]), int(c.Recent[k]), c.Spend[k], int(c.DaysSince[k]), int(c.Span[k])}
			if got != r {
				t.Fatalf("row %v became %v", r, got)
			}
		}
		for a, account := range q.Accounts {
			cells := q.Cells(a)
			for k, i := range cells.Item {
				var want Row
				last, first := math.MaxInt, 0
				for _, r := range rows {
					if r.Account == account && r.Category == q.Items[i].ID {
						want.Orders += r.Orders
						want.Recent += r.Recent
						want.Spend += r.Spend
						last, first = min(last, r.DaysSince), max(first, r.DaysSince+r.Span)
					}
				}
				if int(cells.Orders[k]) != want.Orders || int(cells.Recent[k]) != want.Recent || math.Abs(cells.Spend[k]-want.Spend) > 1e-9 || int(cells.DaysSince[k]) != last || int(cells.Span[k]) != first-last {
					t.Fatalf("account %s, category %s: %v", account, q.Items[i].ID, cells)
				}
			}
		}
	})
}

func BenchmarkNewForAll(b *testing.B) {
	p := town(b, 2000, 1500, 30, 1)
	m, _, err := Fit(context.Background(), p, Defaults())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := m.NewForAll(context.Background(), 10, nil, func(int, []Scored) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(p.Accounts)*b.N)/b.Elapsed().Seconds(), "accounts/s")
}
