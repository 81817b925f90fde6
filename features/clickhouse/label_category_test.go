package clickhouse_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

func categories(t *testing.T, e clickhouse.Engine, zone string, s *features.Slice) []features.CategoryHistory {
	t.Helper()
	got, err := clickhouse.Categories(t.Context(), e, features.CategoryRequest{
		LabelRequest: features.LabelRequest{Rule: features.LabelRule{Label: features.NonContractual, HorizonDays: 60}, Through: frame.Cutoff(at("2026-12-01")), Watermark: 1, Zone: zone},
		LeastDays:    3,
	}, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// bought is a line of one order of its own.
func bought(account, category, day string, amount float64) line {
	return line{account: account, order: category + " " + day, category: category, amount: euros(amount), ordered: at(day), discount: absent, cost: absent}
}

// At 2025-03-01 (day 20148 since 1970), H = 60 days to 2025-04-30.
func TestCategoriesGiveTheValuesWorkedOutByHand(t *testing.T) {
	e := embedded(t)
	lines := []line{
		// Every 30, 31, 31 days: median 31, due 2025-03-14 + … = 2025-02-11 + 31.
		bought("a", "ink", "2024-11-11", 10), bought("a", "ink", "2024-12-11", 20), bought("a", "ink", "2025-01-11", 30), bought("a", "ink", "2025-02-11", 40),
		bought("a", "paper", "2024-02-29 12:00:00", 1), bought("a", "paper", "2024-12-01", 7), bought("a", "paper", "2025-01-01", 7), bought("a", "paper", "2025-02-02", 7),
		bought("a", "paper", "2025-04-01", 9), bought("a", "paper", "2025-04-30", 9), // in the horizon, and at its end
		bought("a", "toys", "2025-01-05", 5), bought("a", "toys", "2025-02-05", 5), // two days only
		bought("a", "", "2025-01-05", 5000), // no category
		bought("b", "ink", "2025-01-01", 10), bought("b", "ink", "2025-01-11 22:30:00", 10), bought("b", "ink", "2025-01-11 23:30:00", 10), bought("b", "ink", "2025-01-21", 10),
	}
	// A return under its order: no purchase, and less spend. A purchase told too late is not seen before the cutoff.
	back, late := bought("a", "ink", "2025-01-20", 50), bought("a", "ink", "2025-02-20", 60)
	refund := back
	refund.number, refund.amount = 1, euros(-50)
	late.recorded = at("2025-03-02")
	// An order that is taken back inside the horizon, and one that is taken back after it.
	undone, kept := bought("b", "ink", "2025-03-10", 10), bought("a", "toys", "2025-03-10", 11)
	undo, later := undone, kept
	undo.number, undo.amount, undo.ordered = 1, euros(-10), at("2025-03-15")
	later.number, later.amount, later.ordered = 1, euros(-11), at("2025-05-15")
	(&town{lines: append(lines, back, refund, late, undone, undo, kept, later)}).fill(t, e)
	rows := rowsAt([]string{"a", "b", "c"}, "2025-03-01")
	const today = 20148
	want := []features.CategoryHistory{
		{
			Row: 0, Category: "ink", BuyingDays: 4, GapDays: 31, Today: today, Last: today - 18, Due: today + 13,
			Spend: 100, TenureDays: 110, Other: 31, OtherDays: 366, OtherAfter: 20,
		},
		{
			// Half a day more than 365 days ago does not count, but for the tenure.
			Row: 0, Category: "paper", BuyingDays: 3, GapDays: 31.5, Today: today, Last: today - 27, Due: today + 5, Orders: 1, OrdersAfter: 1,
			Spend: 21, TenureDays: 366, Other: 110, OtherDays: 110, OtherAfter: 11,
		},
		{Row: 1, Category: "ink", BuyingDays: 3, GapDays: 10, Today: today, Last: today - 39, Due: today - 29, Spend: 40, TenureDays: 59},
	}
	for i := range want {
		want[i].Account, want[i].Cutoff = rows.Frame.Accounts[want[i].Row], rows.Frame.Cutoffs[0]
	}
	if diff := cmp.Diff(want, categories(t, e, "", rows)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// In Berlin one of two orders of an evening is the next day's.
	if got := categories(t, e, "Europe/Berlin", rows); got[2].BuyingDays != 4 || got[2].GapDays != 9 {
		t.Errorf("in Berlin: %+v", got[2])
	}
}

// Around China's national days of 2025, 1 to 8 October, days 20362 … 20369 since 1970. Each number is worked out by hand.
func TestDueDaysAreNoDaysOfRest(t *testing.T) {
	e := embedded(t)
	var week []string
	for day := 1; day <= 8; day++ {
		week = append(week, fmt.Sprintf("2025-10-%02d", day))
	}
	w := &town{holidays: append(daysOff("CN", week...), daysOff("CN", "2025-01-29", "2025-01-30")...)}
	w.holidays = append(w.holidays, holiday{country: "CN", day: at("2025-09-26"), recorded: at("2025-11-30")}) // told too late for all
	for account, country := range map[string]string{"shanghai": "CN", "munich": "DE", "eager": "CN"} {
		w.versions = append(w.versions, version{account: account, country: country, from: at("2024-01-01")})
	}
	buys := func(account string, days ...string) {
		for _, day := range days {
			w.lines = append(w.lines, bought(account, "ink", day, 10))
		}
	}
	for _, account := range []string{"shanghai", "munich"} {
		buys(account, "2025-08-25", "2025-09-04", "2025-09-14", "2025-09-24", "2025-10-14")
	}
	buys("eager", "2025-10-02", "2025-10-04", "2025-10-07")                // all within the holiday
	buys("paused", "2025-09-01", "2025-09-06", "2025-09-11", "2025-09-16") // until further notice it rests
	buys("season", "2025-09-01", "2025-09-06", "2025-09-11", "2025-09-16") // rested, and is due a working day after it
	w.pauses = []pause{{account: "paused", start: at("2025-09-18")}, {account: "season", start: at("2025-09-18"), end: at("2025-09-27")}}
	w.fill(t, e)
	var got []string
	for _, cutoff := range []string{"2025-09-29", "2025-10-20"} {
		for _, h := range categories(t, e, "", rowsAt([]string{"eager", "munich", "paused", "season", "shanghai"}, cutoff)) {
			got = append(got, fmt.Sprintf("%s %s: every %v, last %d, due %d", cutoff, h.Account, h.GapDays, h.Last, h.Due))
		}
	}
	want := []string{
		// 2025-09-24 is day 20355; ten days on is 4 October, and without the eight days 12 October.
		"2025-09-29 munich: every 10, last 20355, due 20365",
		// The 16th, 17th and, after the pause that lasts to the cutoff, 29 September … 1 October are five days.
		"2025-09-29 paused: every 5, last 20347, due 20363",
		"2025-09-29 season: every 5, last 20347, due 20361",
		"2025-09-29 shanghai: every 10, last 20355, due 20373",
		// The eager one bought in one holiday only, which is one day: without a gap nothing is due.
		// 24 September … 14 October are twenty days, of which twelve are none of rest: of 10, 10, 10 and 20 or 12 the median is 10.
		"2025-10-20 munich: every 10, last 20375, due 20385",
		// After the 16th and 17th of September and the 20th … 22nd of October.
		"2025-10-20 paused: every 5, last 20347, due 20384",
		"2025-10-20 season: every 5, last 20347, due 20361",
		"2025-10-20 shanghai: every 10, last 20375, due 20385",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOffersOfCompetitorsMeetTheirCategories(t *testing.T) {
	e := embedded(t)
	w := &town{}
	for _, category := range []string{"ink", "paper"} {
		for _, day := range []string{"2024-12-01", "2025-01-01", "2025-02-01"} {
			w.lines = append(w.lines, bought("a", category, day, 5), bought("b", category, day, 5))
		}
	}
	offer := func(id, account, kind, ref, day, recorded string) {
		c := contact{id: id, account: account, kind: kind, ref: ref, at: at(day), value: absent}
		if recorded != "" {
			c.recorded = at(recorded)
		}
		w.contacts = append(w.contacts, c)
	}
	offer("1", "a", "competitor_offer", "ink", "2025-01-01", "")
	offer("2", "a", "competitor_offer", "", "2025-04-29", "")               // inside the horizon
	offer("3", "a", "competitor_offer", "", "2025-04-30", "")               // after it
	offer("4", "a", "competitor_offer", "", "2024-09-01", "")               // more than 180 days before
	offer("5", "a", "competitor_offer", "paper", "2025-02-01", "")          // entered wrongly:
	offer("5", "a", "visit", "paper", "2025-02-01", "2025-02-03")           // it was a visit
	offer("6", "a", "complaint", "paper", "2025-02-01", "")                 // no offer
	offer("7", "b", "competitor_offer", "something else", "2025-02-01", "") // names no category: of all
	w.fill(t, e)
	var got []string
	for _, h := range categories(t, e, "", rowsAt([]string{"a", "b"}, "2025-03-01")) {
		var refs []string
		for _, o := range h.Offers {
			refs = append(refs, o.Ref)
		}
		got = append(got, fmt.Sprintf("%s %s %q", h.Account, h.Category, refs))
	}
	want := []string{`a ink ["ink" ""]`, `a paper [""]`, `b ink ["something else"]`, `b paper ["something else"]`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// dumbCategory counts a category's purchases in plain Go. Days are UTC's.
func dumbCategory(w *town, account, category string, cutoff, horizon int64) (h features.CategoryHistory) {
	const day = 86400
	type order struct{ at, net int64 }
	orders := map[string]*order{}
	floor := func(t int64) int { return int(math.Floor(float64(t) / day)) }
	h.Today = floor(cutoff)
	first := map[bool]int64{}
	for _, l := range w.lines {
		if l.account != account || l.category == "" {
			continue
		}
		own, seen := l.category == category, l.ordered < cutoff && l.known() <= cutoff
		amount := float64(l.amount) / frame.DecimalScale
		if seen {
			if f, ok := first[own]; !ok || l.ordered < f {
				first[own] = l.ordered
			}
			if l.ordered >= cutoff-365*day {
				if own {
					h.Spend += amount
				} else {
					h.Other += amount
				}
			}
		}
		if !own && l.ordered >= cutoff && l.ordered < cutoff+horizon {
			h.OtherAfter += amount
		}
		if !own {
			continue
		}
		// An order stands at the first of the lines that are looked at.
		for _, part := range []struct {
			name string
			take bool
		}{{"before ", seen}, {"near ", l.ordered < cutoff+horizon}, {"far ", l.ordered < cutoff+2*horizon}} {
			if !part.take {
				continue
			}
			o := orders[part.name+l.order]
			if o == nil {
				o = &order{at: l.ordered}
				orders[part.name+l.order] = o
			}
			o.at, o.net = min(o.at, l.ordered), o.net+l.amount
		}
	}
	var days []int
	for name, o := range orders {
		switch {
		case o.net <= 0:
		case strings.HasPrefix(name, "before ") && o.at >= cutoff-365*day:
			days = append(days, floor(o.at))
		case strings.HasPrefix(name, "near ") && o.at >= cutoff:
			h.Orders++
		case strings.HasPrefix(name, "far ") && o.at >= cutoff+horizon:
			h.OrdersAfter++
		}
	}
	slices.Sort(days)
	days = slices.Compact(days)
	if h.BuyingDays = len(days); h.BuyingDays < 3 {
		return h
	}
	var gaps []float64
	for i := 1; i < len(days); i++ {
		gaps = append(gaps, float64(days[i]-days[i-1]))
	}
	slices.Sort(gaps)
	h.GapDays = (gaps[(len(gaps)-1)/2] + gaps[len(gaps)/2]) / 2
	h.Last = days[len(days)-1]
	h.Due = h.Last + int(math.Ceil(h.GapDays))
	h.TenureDays = h.Today - floor(first[true])
	if f, ok := first[false]; ok {
		h.OtherDays = h.Today - floor(f)
	}
	return h
}

func TestCategoriesEqualTheDumbTwin(t *testing.T) {
	e := embedded(t)
	w := crowd(150, 5)
	w.contacts = nil // offers have a test of their own
	w.fill(t, e)
	var accounts []string
	for i := range 150 {
		accounts = append(accounts, fmt.Sprint("crowd-", i))
	}
	slices.Sort(accounts)
	rows := rowsAt(accounts, "2024-09-01", "2025-02-01")
	got := categories(t, e, "", rows)
	var want []features.CategoryHistory
	for row, account := range rows.Frame.Accounts {
		for _, category := range []string{"ink", "paper", "toys"} {
			h := dumbCategory(w, string(account), category, int64(rows.Frame.Cutoffs[row]), 60*86400)
			if h.BuyingDays < 3 {
				continue
			}
			h.Row, h.Account, h.Cutoff, h.Category = row, account, rows.Frame.Cutoffs[row], category
			want = append(want, h)
		}
	}
	if len(want) < 50 {
		t.Fatalf("only %d categories to compare", len(want))
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-6 })
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("(-twin +engine):\n%.3000s", diff)
	}
}

func TestMergedAccountTakesItsCategoriesAlong(t *testing.T) {
	e := embedded(t)
	w := &town{links: []link{{account: "old", other: "new", kind: features.Merged, since: at("2025-03-10"), recorded: at("2025-03-12")}}}
	for _, day := range []string{"2024-12-01", "2025-01-01", "2025-02-01"} {
		w.lines = append(w.lines, bought("old", "ink", day, 10), bought("alone", "ink", day, 10), bought("new", "toys", day, 5))
	}
	w.lines = append(w.lines, bought("new", "ink", "2025-03-20", 10))
	w.fill(t, e)
	var got []string
	for _, h := range categories(t, e, "", rowsAt([]string{"alone", "new", "old"}, "2025-03-01")) {
		got = append(got, fmt.Sprintf("%s %s: %d days, %v spent, then %d orders", h.Account, h.Category, h.BuyingDays, h.Spend, h.Orders))
	}
	// The ink that the merged account buys under its new name stands once.
	want := []string{"alone ink: 3 days, 30 spent, then 0 orders", "new ink: 3 days, 30 spent, then 1 orders", "new toys: 3 days, 15 spent, then 0 orders"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
