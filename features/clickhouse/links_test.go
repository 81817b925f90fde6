package clickhouse_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// moved returns the town with its facts under other accounts: move tells of an
// event's account and instant whose it is.
func (w *town) moved(move func(account string, at int64) string) *town {
	d := *w
	d.lines, d.contacts, d.contracts, d.wallets = nil, nil, nil, nil
	d.invoices, d.payments, d.people = nil, nil, nil
	for _, l := range w.lines {
		l.account = move(l.account, l.ordered)
		d.lines = append(d.lines, l)
	}
	for _, c := range w.contacts {
		c.account = move(c.account, c.at)
		d.contacts = append(d.contacts, c)
	}
	for _, c := range w.contracts {
		c.account = move(c.account, c.start)
		d.contracts = append(d.contracts, c)
	}
	for _, x := range w.wallets {
		x.account = move(x.account, x.period)
		d.wallets = append(d.wallets, x)
	}
	for _, x := range w.invoices {
		x.account = move(x.account, x.issued)
		d.invoices = append(d.invoices, x)
	}
	for _, x := range w.payments {
		x.account = move(x.account, x.paid)
		d.payments = append(d.payments, x)
	}
	for _, x := range w.people {
		x.account = move(x.account, x.since)
		d.people = append(d.people, x)
	}
	return &d
}

// accountLife is what a row says, whatever the account is called.
func accountLife(m *matrix, account, cutoff string) string {
	i, ok := m.row[rowKey(account, frame.Cutoff(at(cutoff)))]
	if !ok {
		return "no row"
	}
	return fmt.Sprintf("%s %s %d %d", features.RowHash(m.Frame, i), m.Status[i], m.FirstPurchase[i], m.LastPurchase[i])
}

// put adds the facts of another town.
func (w *town) put(o *town) {
	w.lines, w.contacts, w.contracts, w.wallets = append(w.lines, o.lines...), append(w.contacts, o.contacts...), append(w.contracts, o.contracts...), append(w.wallets, o.wallets...)
	w.invoices, w.payments, w.people = append(w.invoices, o.invoices...), append(w.payments, o.payments...), append(w.people, o.people...)
	w.links = append(w.links, o.links...)
}

// linkedTown holds three times the same histories: of whole accounts, of the same spread
// over several accounts (apart), and of those with links that make one of them. The
// links are known from the given instant on. It returns the number of histories and
// whose name each goes by in the end.
func linkedTown(known int64) (w *town, n int, head func(i int) string) {
	n = 32
	since := at("2024-09-01")
	whole := crowd(n, 3)
	number := func(account string) int {
		i, err := strconv.Atoi(strings.TrimPrefix(account, "crowd-"))
		if err != nil {
			panic(err)
		}
		return i
	}
	r := rand.New(rand.NewPCG(4, 4))
	part := whole.moved(func(account string, at int64) string {
		switch i := number(account); {
		case i%4 == 0 && at >= since:
			return account + "/new"
		case i%4 == 1 && r.IntN(2) == 0:
			return account + "/part"
		case i%4 == 2 && r.IntN(3) == 0:
			return account + "/1"
		case i%4 == 2 && r.IntN(2) == 0:
			return account + "/2"
		}
		return account
	})
	for i := range n {
		account := fmt.Sprintf("crowd-%d", i)
		join := func(account, other, kind string) {
			part.links = append(part.links, link{account: "linked " + account, other: "linked " + other, kind: kind, since: since, recorded: known})
		}
		switch i % 4 {
		case 0:
			join(account, account+"/new", "renamed")
		case 1:
			join(account, account+"/part", "split")
		case 2:
			join(account, account+"/1", "merged")
			join(account+"/1", account+"/2", "Renumbered")
		}
	}
	// As the accounts table says nothing of any, everything comes from the facts.
	w = &town{}
	under := func(prefix string) func(string, int64) string {
		return func(account string, _ int64) string { return prefix + account }
	}
	w.put(whole.moved(under("whole ")))
	w.put(part.moved(under("linked ")))
	part.links = nil
	w.put(part.moved(under("apart ")))
	return w, n, func(i int) string {
		return fmt.Sprintf("linked crowd-%d%s", i, []string{"/new", "", "/2", ""}[i%4])
	}
}

// The links are known between the two cutoffs: from then on the accounts read as
// if they had always been one, to the bit, and before as what they are without links.
func TestAccountsThatAreOneReadAsOne(t *testing.T) {
	const early, late = "2024-10-01", "2025-04-15"
	w, n, head := linkedTown(at("2024-12-01"))
	e := embedded(t)
	w.fill(t, e)
	both := request(early, late)
	both.SliceAccounts = 90
	m := build(t.Context(), t, e, both)
	populationEqualsBuild(t, e, both, m)
	presenceEqualsBuild(t, e, both, m)
	if m.report.Slices < 2 {
		t.Fatalf("%d slices", m.report.Slices)
	}
	// Some by name, as when they are scored now; the last of them goes on in another.
	named := both
	named.Accounts = []frame.AccountID{frame.AccountID(head(0)), frame.AccountID(head(2)), "linked crowd-0"}
	some := build(t.Context(), t, e, named)
	populationEqualsBuild(t, e, named, some)
	for _, account := range named.Accounts {
		if got, want := accountLife(some, string(account), late), accountLife(m, string(account), late); got != want {
			t.Errorf("%s by name reads %s, want %s", account, got, want)
		}
	}
	rows := 0
	for i := range n {
		want, got := accountLife(m, fmt.Sprintf("whole crowd-%d", i), late), accountLife(m, head(i), late)
		if got != want {
			t.Errorf("%s reads\n%s, want\n%s", head(i), got, want)
		}
		if want != "no row" {
			rows++
		}
		for _, end := range []string{"", "/new", "/part", "/1", "/2"} {
			account := fmt.Sprintf("linked crowd-%d%s", i, end)
			if got := accountLife(m, account, late); account != head(i) && got != "no row" {
				t.Errorf("%s has gone on in another and still reads %s", account, got)
			}
			want := accountLife(m, fmt.Sprintf("apart crowd-%d%s", i, end), early)
			if got := accountLife(m, account, early); got != want {
				t.Errorf("%s before the link is known reads\n%s, want\n%s", account, got, want)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d accounts to compare", rows)
	}
}

func TestCycleOfLinksIsRefusedByName(t *testing.T) {
	e := embedded(t)
	w := cases()
	w.links = []link{{account: "steady", other: "one-order", kind: "merged", since: at("2024-01-01")}, {account: "one-order", other: "steady", kind: "renamed", since: at("2024-02-01")}}
	w.fill(t, e)
	r := request("2024-01-15", "2025-03-01")
	r.Catalogue = fromFiles(features.Orders)
	_, err := clickhouse.Build(t.Context(), e, r, func(*features.Slice) error { return nil })
	if !errors.Is(err, features.ErrCycle) || !strings.Contains(err.Error(), `"one-order" → "steady" → "one-order"`) {
		t.Errorf("a cycle is told as %v", err)
	}
	// Before the second link there is none.
	r.Cutoffs, r.KnownAt = r.Cutoffs[:1], r.KnownAt[:1]
	if got := accountLife(build(t.Context(), t, e, r), "steady", "2024-01-15"); got != "no row" {
		t.Errorf("the account that goes on in another reads %s", got)
	}
}

// Whoever goes on in another within the horizon is no churner when the other buys, and what
// both spend is the spend of either.
func TestMergedAccountIsNoChurner(t *testing.T) {
	w := &town{}
	for _, account := range []string{"merged", "left", "renamed", "divided"} {
		w.lines = append(w.lines, line{account: account, order: account + " 1", amount: euros(10), ordered: at("2025-02-10")})
	}
	for account, day := range map[string]string{"heir": "2025-03-20", "heir too late": "2025-03-20", "new number": "2025-04-10", "part": "2025-03-25"} {
		w.lines = append(w.lines, line{account: account, order: account + " 1", amount: euros(30), ordered: at(day)})
	}
	w.lines = append(w.lines, line{account: "heir", order: "heir 0", amount: euros(10), ordered: at("2025-01-10")})
	w.links = []link{
		{account: "merged", other: "heir", kind: "merged", since: at("2025-03-10"), recorded: at("2025-06-01")},
		{account: "left", other: "heir too late", kind: "merged", since: at("2025-05-10")},
		{account: "renamed", other: "new number", kind: "renamed", since: at("2025-02-25")},
		{account: "divided", other: "part", kind: "split", since: at("2025-03-05")},
	}
	e := embedded(t)
	w.fill(t, e)
	r := request("2025-03-01")
	r.Catalogue = fromFiles(features.Orders)
	m := build(t.Context(), t, e, r)
	rule := features.LabelRequest{
		Rule: features.LabelRule{Label: features.NonContractual, HorizonDays: 60}, Through: frame.Cutoff(at("2025-07-01")), Watermark: r.Watermark,
	}
	o, err := clickhouse.Outcomes(t.Context(), e, rule, m.Slice)
	if err != nil {
		t.Fatal(err)
	}
	// The same with links that were read before.
	if rule.Links, err = (clickhouse.Warehouse{Engine: e}).Links(t.Context(), r.Watermark); err != nil {
		t.Fatal(err)
	}
	again, err := clickhouse.Outcomes(t.Context(), e, rule, m.Slice)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o, again, cmpopts.EquateNaNs()); diff != "" || len(rule.Links) != 4 {
		t.Errorf("%d links, read before (-without +with):\n%s", len(rule.Links), diff)
	}
	got := map[string][2]float64{}
	for i, account := range m.Frame.Accounts {
		got[string(account)] = [2]float64{o.Y[i], o.Spend[i]}
	}
	want := map[string][2]float64{"merged": {0, 30}, "heir": {0, 30}, "left": {1, 0}, "new number": {0, 30}, "divided": {0, 30}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("left and spend (-want +got):\n%s", diff)
	}
}

// Accounts that become one within the horizon are judged by what they spent together:
// 30 orders of 10 and of 30 in 300 days are 8 a day, 240 in the 30 days of the horizon. What came, 115,
// is below the half of that, though above the half of what either had spent alone (30 and 90).
func TestPartialDefectionComparesAFamilyWithItself(t *testing.T) {
	const days = 300
	cutoff := at("2025-03-01")
	e := embedded(t)
	for name, c := range map[string]struct {
		spent float64
		want  float64
	}{"less than half of the common pace": {115, 1}, "half of it": {120, 0}} {
		w := &town{}
		for day := days; day > 0; day -= 10 {
			for account, amount := range map[string]float64{"merged": 20, "heir": 60, "alone": 60} {
				w.lines = append(w.lines, line{
					account: account, order: fmt.Sprint(account, day), amount: euros(amount), ordered: cutoff - int64(day)*86400,
				})
			}
		}
		for _, account := range []string{"heir", "alone"} {
			w.lines = append(w.lines, line{account: account, order: account + " after", amount: euros(c.spent), ordered: at("2025-03-20")})
		}
		w.links = []link{{account: "merged", other: "heir", kind: "merged", since: at("2025-03-10")}}
		clearTables(t, e)
		w.fill(t, e)
		r := request("2025-03-01")
		r.Catalogue = fromFiles(features.Orders)
		r.SliceAccounts = 1 // the family's rows lie in different slices
		got := map[string]float64{}
		_, err := clickhouse.Build(t.Context(), e, r, func(s *features.Slice) error {
			o, err := clickhouse.Outcomes(t.Context(), e, features.LabelRequest{
				Rule: features.LabelRule{Label: features.PartialDefection, HorizonDays: 30}, Through: frame.Cutoff(at("2025-07-01")), Watermark: r.Watermark,
			}, s)
			if err == nil {
				got[string(s.Frame.Accounts[0])] = o.Y[0]
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]float64{"merged": c.want, "heir": c.want, "alone": 0}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Each order stands in one row, whether by branch or pooled: sums of what is counted
// and spent are the same, and a group reads as one account with all the orders and contacts.
func TestGroupsArePooledAndNothingIsCountedTwice(t *testing.T) {
	const cutoff = "2025-04-15"
	w := crowd(40, 9)
	number := func(i int) string { return fmt.Sprintf("crowd-%d", i) }
	whole := (&town{lines: w.lines, contacts: w.contacts, members: map[string]int64{}}).moved(func(account string, _ int64) string {
		for i := range 8 {
			if account == number(i) {
				return "together"
			}
		}
		return "none"
	})
	w.links = []link{
		{account: number(1), other: number(0), kind: "renamed", since: at("2024-01-01")},
		{account: number(0), other: "group", kind: "group", since: at("2024-01-01")},
		{account: number(2), other: "group", kind: "group", since: at("2024-01-01")},
		{account: number(2), other: number(3), kind: "sister", since: at("2024-01-01")},
		{account: number(20), other: number(21), kind: "sister", since: at("2024-01-01")},
		{account: number(30), other: "group", kind: "group", since: at("2024-01-01"), until: at("2025-01-01")},
	}
	for i := range 4 {
		w.versions = append(w.versions, version{account: number(4 + i), from: at("2025-04-14"), parent: "group"})
	}
	e := embedded(t)
	w.fill(t, e)
	r := request(cutoff)
	r.Groups, r.Catalogue = true, fromFiles(features.Orders, features.Breadth, features.Contact, features.Receivables)
	pooled := build(t.Context(), t, e, r)
	populationEqualsBuild(t, e, r, pooled)
	r.Groups = false
	branches := build(t.Context(), t, e, r)
	for _, name := range []string{"orders_total", "orders_365d", "spend_total", "spend_365d", "complaints_365d", "open_amount"} {
		sum := func(m *matrix) (total float64) {
			for _, v := range m.Frame.Column(name).Numbers {
				total += v
			}
			return math.Round(total * frame.DecimalScale)
		}
		if a, b := sum(branches), sum(pooled); a != b || a == 0 {
			t.Errorf("%s: %v by branch, %v pooled", name, a, b)
		}
	}
	for account, want := range map[string]bool{number(0): false, number(2): false, number(7): false, number(21): false, "group": true, number(20): true, number(30): true} {
		if got := accountLife(pooled, account, cutoff) != "no row"; got != want {
			t.Errorf("%s has a row: %v, want %v", account, got, want)
		}
	}
	clearTables(t, e)
	whole.fill(t, e)
	one := build(t.Context(), t, e, r)
	for _, name := range append([]string{"orders_90d", "spend_trend_90d", "categories_365d", "tenure_days"}, rhythmFeatures...) {
		if one.Frame.Column(name) == nil {
			continue // made of two others, which are compared
		}
		if got, want := pooled.value(t, "group", cutoff, name), one.value(t, "together", cutoff, name); !same(got, want) {
			t.Errorf("%s of the group is %v, of one account with its orders %v", name, got, want)
		}
	}
}
