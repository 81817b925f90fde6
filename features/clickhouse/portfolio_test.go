package clickhouse_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// meeting is an interaction with who of ours it was and what it cost, absent when
// nobody says.
type meeting struct {
	id, account, kind, who string
	at, recorded, cost     int64
}

// residence is where an account stands since an instant.
type residence struct {
	account, region, department, manager string
	from, recorded                       int64
}

type target struct {
	manager                  string
	period, recorded, amount int64
}

type mailing struct {
	id, account        string
	at, recorded, cost int64
}

// trade is what a portfolio is made of.
type trade struct {
	lines    []line
	meetings []meeting
	places   []residence
	invoices []invoice
	payments []payment
	mailings []mailing
	targets  []target
	links    []link
}

func (w *trade) fill(t *testing.T, e clickhouse.Engine) {
	t.Helper()
	(&town{lines: w.lines, invoices: w.invoices, payments: w.payments, links: w.links}).fill(t, e)
	insert(t, e, "interactions",
		texts("id", w.meetings, func(m meeting) string { return m.id }),
		texts("account", w.meetings, func(m meeting) string { return m.account }),
		texts("kind", w.meetings, func(m meeting) string { return m.kind }),
		texts("manager", w.meetings, func(m meeting) string { return m.who }),
		numbers("at", frame.Time, w.meetings, func(m meeting) int64 { return m.at }),
		numbers("cost", frame.Decimal, w.meetings, func(m meeting) int64 { return m.cost }),
		numbers("recorded_at", frame.Time, w.meetings, func(m meeting) int64 { return orElse(m.recorded, m.at) }))
	insert(t, e, "accounts",
		texts("account", w.places, func(p residence) string { return p.account }),
		texts("region", w.places, func(p residence) string { return p.region }),
		texts("department", w.places, func(p residence) string { return p.department }),
		texts("account_manager", w.places, func(p residence) string { return p.manager }),
		numbers("valid_from", frame.Time, w.places, func(p residence) int64 { return p.from }),
		numbers("recorded_at", frame.Time, w.places, func(p residence) int64 { return orElse(p.recorded, p.from) }))
	insert(t, e, "targets",
		texts("manager", w.targets, func(x target) string { return x.manager }),
		numbers("period", frame.Time, w.targets, func(x target) int64 { return x.period }),
		numbers("amount", frame.Decimal, w.targets, func(x target) int64 { return x.amount }),
		numbers("recorded_at", frame.Time, w.targets, func(x target) int64 { return orElse(x.recorded, x.period) }))
	insert(t, e, "touches",
		texts("id", w.mailings, func(m mailing) string { return m.id }),
		texts("account", w.mailings, func(m mailing) string { return m.account }),
		numbers("at", frame.Time, w.mailings, func(m mailing) int64 { return m.at }),
		numbers("cost", frame.Decimal, w.mailings, func(m mailing) int64 { return m.cost }),
		numbers("recorded_at", frame.Time, w.mailings, func(m mailing) int64 { return orElse(m.recorded, m.at) }))
}

// portfolio returns the sums by key and those of everybody.
func portfolio(t testing.TB, e clickhouse.Engine, r features.PortfolioRequest) (map[string]features.Takings, features.Takings) {
	t.Helper()
	all, last := map[string]features.Takings{}, ""
	total, err := clickhouse.Portfolio(t.Context(), e, r, func(block []features.Takings) error {
		if len(block) == 0 {
			t.Error("a block without sums")
		}
		for _, x := range block {
			if x.Key <= last && len(all) > 0 {
				t.Errorf("%q after %q", x.Key, last)
			}
			last, all[x.Key] = x.Key, x
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, total
}

func portfolioRequest(by features.Dimension, from, to string) features.PortfolioRequest {
	return features.PortfolioRequest{Request: request(to), From: frame.Cutoff(at(from)), By: by}
}

// The period is 2025-01-01 to 2025-04-01.
func TestPortfolioGivesTheValuesWorkedOutByHand(t *testing.T) {
	e := embedded(t)
	goods := func(account, order, product, category, day string, amount float64, cost int64) line {
		return line{account: account, order: order, product: product, category: category, ordered: at(day), amount: euros(amount), cost: cost}
	}
	beside := goods("a", "2", "q", "pens", "2025-01-01", 50, euros(20))
	beside.number = 1
	again := goods("a", "2", "p", "ink", "2025-02-10", -30, absent)
	again.number, again.reason = 1, "size"
	fixed := goods("b", "5", "p", "ink", "2025-03-01", 9, euros(1))
	unfixed := fixed
	unfixed.amount, unfixed.cost, unfixed.recorded = -fixed.amount, -fixed.cost, at("2025-03-05")
	refixed := unfixed
	refixed.amount, refixed.cost = euros(90), euros(70)
	late := goods("b", "6", "p", "ink", "2025-03-02", 1000, euros(1))
	late.recorded = at("2025-04-02")
	known := goods("b", "4", "q", "pens", "2025-03-31", 20, euros(10))
	known.recorded = at("2025-04-01") // just known
	w := trade{
		places: []residence{
			{account: "a", region: "north", department: "retail", manager: "mia", from: at("2024-01-01")},
			{account: "a", region: "south", department: "retail", manager: "mia", from: at("2025-03-01")},
			{account: "a", region: "west", manager: "nobody", from: at("2025-04-01")},
			{account: "b", region: "north", department: "trade", manager: "tom", from: at("2024-01-01")},
		},
		lines: []line{
			goods("a", "1", "p", "ink", "2024-12-31", 500, euros(1)), // before
			goods("a", "2", "p", "ink", "2025-01-01", 100, euros(60)),
			beside, again, // 30 came back, and nobody says what that was worth
			goods("a", "1", "p", "ink", "2025-01-05", 7, euros(3)), // of an order begun before
			known,
			goods("b", "7", "q", "pens", "2025-04-01", 8, euros(1)), // after
			fixed, unfixed, refixed, late,
			goods("c", "8", "q", "pens", "2025-02-01", 1, euros(.5)), // in no list
		},
		meetings: []meeting{
			{id: "1", account: "a", kind: "visit", who: "", at: at("2025-01-10 09:00:00"), cost: euros(40)},
			{id: "2", account: "a", kind: "visit", who: "mia", at: at("2025-01-10 15:00:00"), cost: absent},
			{id: "3", account: "b", kind: "visit", who: "mia", at: at("2025-01-10"), cost: euros(10)},
			{id: "4", account: "b", kind: "call", who: "mia", at: at("2025-01-11 23:30:00"), recorded: at("2025-04-01"), cost: euros(1)},
			{id: "5", account: "b", kind: "call", who: "tom", at: at("2025-01-10"), cost: absent},
			{id: "6", account: "b", kind: "visit", who: "tom", at: at("2024-12-31"), cost: euros(1000)},
			{id: "7", account: "b", kind: "visit", who: "tom", at: at("2025-04-01"), cost: euros(1000)},
			{id: "5", account: "b", kind: "visit", who: "tom", at: at("2025-01-10"), recorded: at("2025-05-01"), cost: euros(1000)},
		},
		invoices: []invoice{
			{id: "i1", account: "a", issued: at("2024-12-01"), due: at("2025-01-15"), amount: euros(100)},                   // paid in part before, whole within
			{id: "i2", account: "a", issued: at("2025-01-20"), due: at("2025-03-31"), amount: euros(200), base: euros(400)}, // half paid
			{id: "i3", account: "a", issued: at("2025-03-20"), due: at("2025-04-20"), amount: euros(30)},                    // not due yet
			{id: "i4", account: "a", issued: at("2025-03-21"), due: at("2025-03-21"), amount: euros(-5)},
			{id: "i5", account: "b", issued: at("2025-04-01"), due: at("2025-04-20"), amount: euros(30)}, // later
		},
		payments: []payment{
			{id: "y1", account: "a", invoice: "i1", paid: at("2024-12-20"), amount: euros(40)},
			{id: "y2", account: "a", invoice: "i1", paid: at("2025-02-01"), amount: euros(70)}, // 10 too much
			{id: "y3", account: "a", invoice: "i2", paid: at("2025-03-01"), recorded: at("2025-04-01"), amount: euros(100)},
			{id: "y4", account: "a", invoice: "i2", paid: at("2025-04-01"), amount: euros(100)}, // later
			{id: "y5", account: "b", invoice: "lost", paid: at("2025-02-01"), amount: euros(3)},
		},
		mailings: []mailing{
			{id: "t1", account: "a", at: at("2025-02-01"), cost: euros(2)}, {id: "t2", account: "a", at: at("2025-02-01"), cost: absent},
			{id: "t3", account: "a", at: at("2025-04-01"), cost: euros(9)},
		},
		targets: []target{
			{manager: "mia", period: at("2025-01-01"), amount: euros(100)}, {manager: "mia", period: at("2025-02-01"), amount: euros(100)},
			{manager: "mia", period: at("2025-02-01"), recorded: at("2025-02-15"), amount: euros(120)}, // corrected
			{manager: "mia", period: at("2025-02-01"), recorded: at("2025-05-15"), amount: euros(900)},
			{manager: "zoe", period: at("2025-03-31"), amount: euros(7)}, {manager: "mia", period: at("2025-04-01"), amount: euros(900)},
		},
	}
	w.fill(t, e)
	euro := func(v float64) features.Amount { return features.Amount(euros(v)) }
	a := features.Takings{
		Revenue: euro(127), Returned: euro(30), GoodsCost: euro(83), Lines: 4, CostedLines: 3, Orders: 1, Buyers: 1,
		Contacts: 2, CostedContacts: 1, ServiceCost: euro(40), Visits: 2, VisitContacts: 2, CostedVisits: 1, VisitCost: euro(40), WorkingDays: 1,
		Invoices: 4, Payments: 2, PaymentsKnown: 3, Invoiced: euro(425), Received: euro(170), Due: euro(500), Collected: euro(300),
		OpenBefore: euro(60), Open: euro(225), Overdue: euro(200), Touches: 1, TouchCost: euro(2),
	}
	b := features.Takings{
		Revenue: euro(110), GoodsCost: euro(80), Lines: 2, CostedLines: 2, Orders: 2, Buyers: 1,
		Contacts: 3, CostedContacts: 2, ServiceCost: euro(11), Visits: 1, VisitContacts: 1, CostedVisits: 1, VisitCost: euro(10), WorkingDays: 3,
		Payments: 1, PaymentsKnown: 1, Received: euro(3),
	}
	c := features.Takings{Revenue: euro(1), GoodsCost: euro(.5), Lines: 1, CostedLines: 1, Orders: 1, Buyers: 1}
	total := features.Takings{
		Revenue: euro(238), Returned: euro(30), GoodsCost: euro(163.5), Lines: 7, CostedLines: 6, Orders: 4, Buyers: 3,
		Contacts: 5, CostedContacts: 3, ServiceCost: euro(51), Visits: 3, VisitContacts: 3, CostedVisits: 2, VisitCost: euro(50), WorkingDays: 3,
		Invoices: 4, Payments: 3, PaymentsKnown: 4, Invoiced: euro(425), Received: euro(173), Due: euro(500), Collected: euro(300),
		OpenBefore: euro(60), Open: euro(225), Overdue: euro(200), Touches: 1, TouchCost: euro(2),
	}
	// Who was in contact is told by the interaction, what was sold by the account.
	mia, tom := a, b
	mia.Contacts, mia.CostedContacts, mia.ServiceCost, mia.WorkingDays = 4, 3, euro(51), 2
	mia.Visits, mia.VisitContacts, mia.CostedVisits, mia.VisitCost = 3, 3, 2, euro(50)
	mia.Targets, mia.TargetAmount = 2, euro(220)
	tom.Contacts, tom.CostedContacts, tom.ServiceCost, tom.WorkingDays = 1, 0, 0, 1
	tom.Visits, tom.VisitContacts, tom.CostedVisits, tom.VisitCost = 0, 0, 0, 0
	ink := features.Takings{Revenue: euro(167), Returned: euro(30), GoodsCost: euro(133), Lines: 4, CostedLines: 3, Orders: 2, Buyers: 2}
	pens := features.Takings{Revenue: euro(71), GoodsCost: euro(30.5), Lines: 3, CostedLines: 3, Orders: 3, Buyers: 3}
	for by, want := range map[features.Dimension]map[string]features.Takings{
		features.PerAccount:    {"a": a, "b": b, "c": c},
		features.PerRegion:     {"south": a, "north": b, "": c},
		features.PerDepartment: {"retail": a, "trade": b, "": c},
		features.PerManager:    {"mia": mia, "tom": tom, "": c, "zoe": {Targets: 1, TargetAmount: euro(7)}},
		features.PerCategory:   {"ink": ink, "pens": pens},
		features.PerProduct:    {"p": ink, "q": pens},
	} {
		for _, slice := range []int{0, 1} {
			if slice > 0 && by != features.PerAccount && by != features.PerProduct {
				continue
			}
			r := portfolioRequest(by, "2025-01-01", "2025-04-01")
			r.SliceAccounts = slice
			got, all := portfolio(t, e, r)
			for key, x := range want {
				x.Key = key
				want[key] = x
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("by %s in slices of %d (-want +got):\n%s", by, slice, diff)
			}
			whole := total
			if by == features.PerManager {
				whole.Targets, whole.TargetAmount = 3, euro(227)
			}
			if diff := gocmp.Diff(whole, all); diff != "" {
				t.Errorf("all, by %s in slices of %d (-want +got):\n%s", by, slice, diff)
			}
		}
	}
	// In Berlin the call at half past eleven is of the next day, and so is what fell due on the last.
	r := portfolioRequest(features.PerAccount, "2025-01-01", "2025-04-01")
	r.Zone, r.Accounts = "Europe/Berlin", []frame.AccountID{"b", "nobody"}
	if got, all := portfolio(t, e, r); len(got) != 1 || got["b"].WorkingDays != 3 || all.Revenue != b.Revenue {
		t.Errorf("in Berlin, by name: %+v of %+v", got, all)
	}
}

// Payments count as features/payments.sql counts them: of their own source's invoice, in its currency, else in base currency.
func TestPortfolioCountsPaymentsOfTheInvoiceThatTheyAreOf(t *testing.T) {
	e := embedded(t)
	issued, due, paid := at("2025-01-10"), at("2025-02-10"), at("2025-02-01")
	bill := func(account, id string, amount, base float64, currency string, of source) invoice {
		return invoice{id: id, account: account, issued: issued, due: due, amount: euros(amount), base: euros(base), currency: currency, source: of}
	}
	pays := func(account, id, invoice string, amount, base float64, currency string, of source) payment {
		return payment{id: id, account: account, invoice: invoice, paid: paid, amount: euros(amount), base: euros(base), currency: currency, source: of}
	}
	(&trade{
		places: []residence{{account: "converted", from: issued}, {account: "unclear", from: issued}, {account: "sources", from: issued}, {account: "only", from: issued}, {account: "rounded", from: issued}},
		invoices: []invoice{
			bill("converted", "i", 200, 100, "USD", ""),
			bill("unclear", "i", 200, 100, "USD", ""), bill("unclear", "j", 10, 10, "EUR", ""),
			bill("sources", "i", 50, 50, "EUR", "web"), bill("sources", "i", 70, 70, "EUR", "desk"),
			bill("only", "i", 50, 50, "EUR", "web"),
			bill("rounded", "i", 200, 100, "USD", ""), bill("rounded", "j", 200, 100, "USD", ""), bill("rounded", "k", 50, 50, "EUR", ""),
		},
		payments: []payment{
			pays("converted", "y", "i", 25, 30, "CHF", ""), pays("converted", "z", "i", 80, 40, "usd", ""), // 60 and 80 of 200 dollars
			pays("unclear", "y", "i", 150, 0, "CHF", ""),                                                     // nobody knows what it is in euros
			pays("sources", "y", "i", 20, 20, "EUR", "desk"), pays("sources", "z", "i", 5, 5, "EUR", "bank"), // of desk's, and of nobody knows which
			pays("only", "y", "i", 20, 20, "EUR", "bank"),
			// All but 2 of 98 dollars, 3 of 97, which is more than 3 %, and a cent in its own currency.
			pays("rounded", "x", "i", 100, 50, "USD", ""), pays("rounded", "y", "i", 47, 49, "CHF", ""),
			pays("rounded", "z", "j", 103, 51.5, "USD", ""), pays("rounded", "u", "j", 45, 47, "CHF", ""), pays("rounded", "v", "k", 49.99, 49.99, "EUR", ""),
		},
	}).fill(t, e)
	got, _ := portfolio(t, e, portfolioRequest(features.PerAccount, "2025-01-01", "2025-04-01"))
	for account, want := range map[string][4]float64{ // invoiced, due, collected, open
		"converted": {100, 100, 70, 30},
		"unclear":   {110, 10, 0, 10},
		"sources":   {120, 120, 20, 100},
		"only":      {50, 50, 20, 30},
		"rounded":   {250, 250, 248.49, 1.51},
	} {
		x := got[account]
		sums := [4]features.Amount{x.Invoiced, x.Due, x.Collected, x.Open}
		for i, v := range want {
			if sums[i] != features.Amount(euros(v)) || x.Overdue != x.Open {
				t.Errorf("%s: invoiced, due, collected, open %v and overdue %v; want %v", account, sums, x.Overdue, want)
				break
			}
		}
	}
}

// Costs are taken into base currency at the rate of the line's amount.
func TestPortfolioTakesCostsIntoBaseCurrency(t *testing.T) {
	e := embedded(t)
	ordered := at("2025-02-01")
	row := func(order string, amount, base, cost float64) []frame.Column {
		decimal := func(name string, v float64) frame.Column {
			return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Decimal, Integers: []int64{euros(v)}}
		}
		text := func(name, v string) frame.Column {
			return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Text, Texts: []string{v}}
		}
		when := func(name string) frame.Column {
			return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Time, Integers: []int64{ordered}}
		}
		return []frame.Column{
			text("account", "a"), text("order_id", order), decimal("amount", amount), decimal("amount_base", base), decimal("cost", cost), when("ordered_at"), when("recorded_at"),
		}
	}
	// 60 of 100 dollars, of which each is worth 1.25; a gift, whose cost stands as it is; 10 of 30 at a third, rounded once.
	insert(t, e, "order_lines", row("1", 100, 125, 60)...)
	insert(t, e, "order_lines", row("2", 0, 0, 7)...)
	insert(t, e, "order_lines", row("3", 30, 10, 10)...)
	got, _ := portfolio(t, e, portfolioRequest(features.PerAccount, "2025-01-01", "2025-04-01"))
	want := features.Takings{
		Key: "a", Revenue: features.Amount(euros(135)), GoodsCost: features.Amount(euros(85.3333)), Lines: 3, CostedLines: 3, Orders: 2, Buyers: 1,
	}
	if diff := gocmp.Diff(want, got["a"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is counted of accounts that are one is what one account with their rows has.
func TestPortfolioOfAccountsThatAreOne(t *testing.T) {
	e := embedded(t)
	whole := someTrade(20, 3)
	parts := *whole
	r := portfolioRequest(features.PerAccount, "2024-07-01", "2025-01-01")
	split := func(account string, row int) string {
		if row%3 == 0 {
			return account + " old"
		}
		return account
	}
	// All rows of one order, invoice, interaction or touch stay together.
	names := map[string]int{}
	place := func(kind, id, account string) string {
		if _, ok := names[kind+id]; !ok {
			names[kind+id] = len(names)
		}
		return split(account, names[kind+id])
	}
	parts.lines, parts.meetings, parts.mailings = slices.Clone(whole.lines), slices.Clone(whole.meetings), slices.Clone(whole.mailings)
	for i := range parts.lines {
		parts.lines[i].account = split(parts.lines[i].account, i) // even of one order
	}
	for i, m := range parts.meetings {
		parts.meetings[i].account = place("m", m.id, m.account)
	}
	for i, m := range parts.mailings {
		parts.mailings[i].account = place("t", m.id, m.account)
	}
	accounts := map[string]bool{}
	for _, l := range whole.lines {
		accounts[l.account] = true
	}
	for account := range accounts {
		parts.links = append(parts.links, link{account: account + " old", other: account, kind: features.Merged, since: at("2024-12-01")})
	}
	parts.fill(t, e)
	for _, by := range []features.Dimension{features.PerAccount, features.PerManager, features.PerCategory} {
		r.By = by
		got, all := portfolio(t, e, r)
		want, total := dumbPortfolio(whole, r, time.UTC)
		if diff := gocmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("by %s (-as one +linked):\n%.2000s", by, diff)
		}
		if diff := gocmp.Diff(total, all); diff != "" {
			t.Errorf("all by %s (-as one +linked):\n%s", by, diff)
		}
	}
}

func someTrade(n int, seed uint64) *trade {
	chance := rand.New(rand.NewPCG(seed, 5))
	w := &trade{}
	day := func() int64 { return at("2024-01-01") + chance.Int64N(500*86400) }
	recorded := func(at int64) int64 {
		if chance.IntN(3) == 0 {
			return at + chance.Int64N(60*86400)
		}
		return at
	}
	maybe := func(v int64) int64 {
		if chance.IntN(3) == 0 {
			return absent
		}
		return v
	}
	cents := func() int64 { return (chance.Int64N(20_000) - 4_000) * 100 }
	managers := []string{"mia", "tom", "zoe", ""}
	for i := range n {
		account := fmt.Sprintf("a%02d", i)
		for range 1 + chance.IntN(3) {
			from := day()
			w.places = append(w.places, residence{
				account: account, region: fmt.Sprint("r", chance.IntN(3)), department: fmt.Sprint("d", chance.IntN(2)), manager: managers[chance.IntN(4)],
				from: from, recorded: recorded(from),
			})
		}
		for o := range chance.IntN(20) {
			at := day()
			for k := range 1 + chance.IntN(4) {
				x := line{
					account: account, order: fmt.Sprint(account, "-", o), number: int64(k % 3), product: fmt.Sprint("p", chance.IntN(5)), category: fmt.Sprint("c", chance.IntN(2)),
					ordered: at, amount: cents(), cost: maybe(cents()), load: 1,
				}
				if k == 2 {
					x.ordered = day()
				}
				x.recorded = recorded(x.ordered)
				w.lines = append(w.lines, x)
				if chance.IntN(6) == 0 { // corrected
					x.amount, x.recorded = -x.amount, x.recorded+chance.Int64N(90*86400)
					if x.cost != absent {
						x.cost = -x.cost
					}
					w.lines = append(w.lines, x)
				}
			}
		}
		for k := range chance.IntN(12) {
			m := meeting{
				id: fmt.Sprint(account, "-", k), account: account, kind: []string{"visit", "call"}[chance.IntN(2)], who: managers[chance.IntN(4)],
				at: day(), cost: maybe(cents()),
			}
			for again := range 1 + chance.IntN(2) {
				m.recorded = recorded(m.at) + int64(again)*90*86400
				w.meetings = append(w.meetings, m)
				m.at, m.cost, m.who = day(), maybe(cents()), managers[chance.IntN(4)]
			}
			x := mailing{id: m.id, account: account, at: day(), cost: maybe(cents())}
			x.recorded = recorded(x.at)
			w.mailings = append(w.mailings, x)
		}
		for k := range chance.IntN(8) {
			x := invoice{id: fmt.Sprint(account, "-", k), account: account, issued: day(), amount: cents()}
			x.due, x.recorded = x.issued+chance.Int64N(60*86400), recorded(x.issued)
			w.invoices = append(w.invoices, x)
			for y := range chance.IntN(4) {
				p := payment{id: fmt.Sprint(x.id, "-", y), account: account, invoice: x.id, paid: x.issued + chance.Int64N(90*86400), amount: x.amount / 2}
				p.recorded = recorded(p.paid)
				w.payments = append(w.payments, p)
			}
		}
	}
	for i, manager := range managers[:3] {
		for month := range 17 {
			period := time.Date(2024, time.Month(1+month), 1, 0, 0, 0, 0, time.UTC).Unix()
			w.targets = append(w.targets, target{manager: manager, period: period, recorded: recorded(period), amount: euros(float64(100 * (i + month)))})
		}
	}
	return w
}

// dumbPortfolio sums in plain Go, account by account.
func dumbPortfolio(w *trade, r features.PortfolioRequest, zone *time.Location) (map[string]features.Takings, features.Takings) {
	from, to, known := int64(r.From), int64(r.Cutoffs[0]), int64(r.KnownAt[0])
	day := func(at int64) string { return time.Unix(at, 0).In(zone).Format(time.DateOnly) }
	within := func(at int64) bool { return at >= from && at < to }
	all, total := map[string]features.Takings{}, features.Takings{}
	days := map[string]map[string]bool{}
	where := func(account string) residence {
		var p residence
		for _, x := range w.places {
			if k := orElse(x.recorded, x.from); x.account == account && x.from < to && k <= known &&
				(p.account == "" || cmp.Or(cmp.Compare(x.from, p.from), cmp.Compare(k, orElse(p.recorded, p.from))) > 0) {
				p = x
			}
		}
		return p
	}
	key := func(account string) string {
		p := where(account)
		return map[features.Dimension]string{
			features.PerAccount: account, features.PerRegion: p.region, features.PerDepartment: p.department, features.PerManager: p.manager,
		}[r.By]
	}
	enter := func(k string, add func(x *features.Takings)) {
		x := all[k]
		x.Key = k
		add(&x)
		all[k] = x
	}
	// sell enters lines that lie together, of one account and one key.
	sell := func(lines []line, into ...func(add func(x *features.Takings))) {
		type name struct {
			order  string
			at, no int64
		}
		nets := map[name]*struct {
			net, cost int64
			known     bool
		}{}
		worth, begun, touched := map[string]int64{}, map[string]int64{}, false
		for _, l := range lines {
			if l.ordered >= to || l.known() > known {
				continue
			}
			n := name{l.order, l.ordered, l.number}
			if nets[n] == nil {
				nets[n] = &struct {
					net, cost int64
					known     bool
				}{}
			}
			nets[n].net += l.amount
			if l.cost != absent {
				nets[n].cost, nets[n].known = nets[n].cost+l.cost, true
			}
			worth[l.order] += l.amount
			if b, ok := begun[l.order]; !ok || l.ordered < b {
				begun[l.order] = l.ordered
			}
			touched = touched || l.ordered >= from
		}
		if !touched {
			return
		}
		for _, to := range into {
			to(func(x *features.Takings) {
				bought := false
				for n, v := range nets {
					if n.at < from {
						continue
					}
					x.Revenue += features.Amount(v.net)
					x.Returned -= features.Amount(min(v.net, 0))
					x.GoodsCost += features.Amount(v.cost)
					if v.known && (v.net != 0 || v.cost != 0) {
						x.Lines++
						x.CostedLines++
					} else if v.net != 0 {
						x.Lines++
					}
				}
				for o, net := range worth {
					if net > 0 && begun[o] >= from {
						x.Orders++
						bought = true
					}
				}
				if bought {
					x.Buyers++
				}
			})
		}
	}
	totally := func(add func(x *features.Takings)) { add(&total) }
	lines := map[string][]line{}
	shelves := map[[2]string][]line{}
	for _, l := range w.lines {
		lines[l.account] = append(lines[l.account], l)
		held := l.product
		if r.By == features.PerCategory {
			held = l.category
		}
		shelves[[2]string{l.account, held}] = append(shelves[[2]string{l.account, held}], l)
	}
	for account, own := range lines {
		into := []func(add func(x *features.Takings)){totally}
		if !r.By.OfGoods() {
			into = append(into, func(add func(x *features.Takings)) { enter(key(account), add) })
		}
		sell(own, into...)
	}
	both := func(account string, add func(x *features.Takings)) {
		if add(&total); !r.By.OfGoods() {
			enter(key(account), add)
		}
	}
	if r.By.OfGoods() {
		for shelf, own := range shelves {
			sell(own, func(add func(x *features.Takings)) { enter(shelf[1], add) })
		}
	}
	visited := map[[3]string]bool{}
	for _, m := range newest(w.meetings, known, func(m meeting) string { return m.id }, func(m meeting) int64 { return orElse(m.recorded, m.at) }) {
		if !within(m.at) {
			continue
		}
		who := cmp.Or(m.who, where(m.account).manager)
		add := func(k string) func(x *features.Takings) {
			return func(x *features.Takings) {
				if days[k] == nil {
					days[k] = map[string]bool{}
				}
				days[k][who+day(m.at)] = true
				x.WorkingDays = len(days[k])
				x.Contacts++
				if m.cost != absent {
					x.CostedContacts++
					x.ServiceCost += features.Amount(m.cost)
				}
				if m.kind != "visit" {
					return
				}
				x.VisitContacts++
				if m.cost != absent {
					x.CostedVisits++
					x.VisitCost += features.Amount(m.cost)
				}
				if n := [3]string{k + "/" + m.account, m.who, day(m.at)}; !visited[n] {
					visited[n] = true
					x.Visits++
				}
			}
		}
		totally(add("all"))
		switch {
		case r.By == features.PerManager:
			enter(who, add("key "+who))
		case !r.By.OfGoods():
			enter(key(m.account), add("key "+key(m.account)))
		}
	}
	for _, m := range newest(w.mailings, known, func(m mailing) string { return m.id }, func(m mailing) int64 { return orElse(m.recorded, m.at) }) {
		if within(m.at) && m.cost != absent {
			both(m.account, func(x *features.Takings) {
				x.Touches++
				x.TouchCost += features.Amount(m.cost)
			})
		}
	}
	credit, creditBefore := map[string][2]int64{}, map[string][2]int64{} // open and credited by account
	payments := newest(w.payments, known, func(p payment) string { return p.id }, func(p payment) int64 { return orElse(p.recorded, p.paid) })
	for _, p := range payments {
		if p.paid < to {
			both(p.account, func(x *features.Takings) {
				x.PaymentsKnown++
				if p.paid >= from {
					x.Payments++
					x.Received += features.Amount(p.amount)
				}
			})
		}
	}
	for _, x := range newest(w.invoices, known, func(x invoice) string { return x.id }, func(x invoice) int64 { return orElse(x.recorded, x.issued) }) {
		if x.issued >= to {
			continue
		}
		var paid, before int64
		for _, p := range payments {
			if p.invoice == x.id && p.paid < to {
				paid += p.amount
				if p.paid < from {
					before += p.amount
				}
			}
		}
		rest := func(paid int64) int64 {
			if x.amount > 0 {
				return max(x.amount-paid, 0)
			}
			return min(x.amount-paid, 0)
		}
		add := func(sums map[string][2]int64, v int64) {
			s := sums[x.account]
			s[0] += v
			sums[x.account] = s
		}
		add(credit, rest(paid))
		if x.issued < from {
			add(creditBefore, rest(before))
		}
		both(x.account, func(s *features.Takings) {
			s.Invoices++
			if within(x.issued) {
				s.Invoiced += features.Amount(x.amount)
			}
			if x.amount > 0 && within(x.due) {
				s.Due += features.Amount(x.amount)
				s.Collected += features.Amount(x.amount - rest(paid))
			}
			if x.amount > 0 && day(x.due) < day(to) {
				s.Overdue += features.Amount(rest(paid))
			}
		})
	}
	for account, v := range credit {
		both(account, func(x *features.Takings) { x.Open += features.Amount(max(v[0], 0)) })
	}
	for account, v := range creditBefore {
		both(account, func(x *features.Takings) { x.OpenBefore += features.Amount(max(v[0], 0)) })
	}
	if r.By == features.PerManager {
		id := func(x target) string { return x.manager + fmt.Sprint(x.period) }
		for _, x := range newest(w.targets, known, id, func(x target) int64 { return orElse(x.recorded, x.period) }) {
			if within(x.period) {
				add := func(s *features.Takings) {
					s.Targets++
					s.TargetAmount += features.Amount(x.amount)
				}
				totally(add)
				enter(x.manager, add)
			}
		}
	}
	return all, total
}

func TestPortfolioEqualsTheDumbTwin(t *testing.T) {
	e := embedded(t)
	w := someTrade(60, 1)
	w.fill(t, e)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []features.Dimension{features.PerAccount, features.PerRegion, features.PerManager, features.PerProduct} {
		r := portfolioRequest(by, "2024-06-11", "2024-11-05")
		r.Zone, r.KnownAt[0] = "Europe/Berlin", r.KnownAt[0]+3*86400
		r.SliceAccounts = 35
		got, all := portfolio(t, e, r)
		want, total := dumbPortfolio(w, r, berlin)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("by %s (-twin +engine):\n%.3000s", by, diff)
		}
		if diff := gocmp.Diff(total, all); diff != "" || all.Revenue == 0 || all.Overdue == 0 || all.Collected == 0 {
			t.Errorf("all by %s (-twin +engine):\n%s", by, diff)
		}
	}
}

// Rows of the future, and those recorded after known_at, change nothing.
func TestWhatIsNotYetKnownChangesNoPortfolio(t *testing.T) {
	e := embedded(t)
	w := someTrade(40, 2)
	cut := at("2024-09-01")
	seen := trade{links: w.links}
	keep := func(event, recorded int64) bool { return event < cut && orElse(recorded, event) <= cut }
	for _, x := range w.lines {
		if keep(x.ordered, x.recorded) {
			seen.lines = append(seen.lines, x)
		}
	}
	for _, x := range w.places {
		if keep(x.from, x.recorded) {
			seen.places = append(seen.places, x)
		}
	}
	// A version known by then may say that it happens later, so that an earlier one doesn't count.
	for _, x := range w.meetings {
		if x.recorded <= cut {
			seen.meetings = append(seen.meetings, x)
		}
	}
	for _, x := range w.mailings {
		if keep(x.at, x.recorded) {
			seen.mailings = append(seen.mailings, x)
		}
	}
	for _, x := range w.invoices {
		if keep(x.issued, x.recorded) {
			seen.invoices = append(seen.invoices, x)
		}
	}
	for _, x := range w.payments {
		if keep(x.paid, x.recorded) {
			seen.payments = append(seen.payments, x)
		}
	}
	for _, x := range w.targets {
		if keep(x.period, x.recorded) {
			seen.targets = append(seen.targets, x)
		}
	}
	type answer struct {
		By  map[string]features.Takings
		All features.Takings
	}
	ask := func() map[features.Dimension]answer {
		got := map[features.Dimension]answer{}
		for _, by := range []features.Dimension{features.PerAccount, features.PerManager, features.PerProduct} {
			keys, all := portfolio(t, e, portfolioRequest(by, "2024-03-01", "2024-09-01"))
			maps.DeleteFunc(keys, func(_ string, x features.Takings) bool { return x == features.Takings{Key: x.Key} })
			got[by] = answer{keys, all}
		}
		return got
	}
	seen.fill(t, e)
	before := ask()
	clearTables(t, e)
	w.fill(t, e)
	if diff := gocmp.Diff(before, ask()); diff != "" || before[features.PerManager].All.Revenue == 0 {
		t.Errorf("(-without its future +with it):\n%.3000s", diff)
	}
	// What lies above the watermark is not seen either.
	r := portfolioRequest(features.PerAccount, "2024-03-01", "2024-09-01")
	r.Watermark = 0
	if got, all := portfolio(t, e, r); len(got) != 0 || all != (features.Takings{}) {
		t.Errorf("below every load: %+v", all)
	}
}

func TestPortfolioRefusesWhatCannotBeAnswered(t *testing.T) {
	e := embedded(t)
	for what, spoil := range map[string]func(*features.PortfolioRequest){
		"dimension": func(r *features.PortfolioRequest) { r.By = "colour" },
		"empty":     func(r *features.PortfolioRequest) { r.From = r.Cutoffs[0] },
		"cutoffs":   func(r *features.PortfolioRequest) { r.Cutoffs = nil },
		"zone":      func(r *features.PortfolioRequest) { r.Zone = "Mars" },
		"groups":    func(r *features.PortfolioRequest) { r.Groups = true },
	} {
		r := portfolioRequest(features.PerRegion, "2025-01-01", "2025-04-01")
		spoil(&r)
		if _, err := clickhouse.Portfolio(t.Context(), e, r, nil); !errors.Is(err, features.ErrBadRequest) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A sum that no longer fits names its key.
	var lines []line
	for i := range 12 {
		lines = append(lines, line{account: fmt.Sprint("a", i), order: fmt.Sprint(i), ordered: at("2025-02-01"), amount: 9e17})
	}
	(&town{lines: lines}).fill(t, e)
	_, err := clickhouse.Portfolio(t.Context(), e, portfolioRequest(features.PerRegion, "2025-01-01", "2025-04-01"), func([]features.Takings) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "too many digits") {
		t.Errorf("twelve times 9e13: %v", err)
	}
	full := errors.New("full")
	if _, err := clickhouse.Portfolio(t.Context(), e, portfolioRequest(features.PerAccount, "2025-01-01", "2025-04-01"), func([]features.Takings) error { return full }); err != full { //nolint:errorlint // as it is
		t.Error(err)
	}
}
