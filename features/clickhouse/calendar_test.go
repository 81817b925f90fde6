package clickhouse_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/frame"
)

// rhythmFeatures count the days on which an account doesn't rest, or what happened in the last so many of them.
var rhythmFeatures = []string{
	"orders_30d", "orders_90d", "orders_180d", "orders_trend_90d", "orders_trend_180d", "buying_days_90d",
	"spend_30d", "spend_90d", "spend_180d", "spend_trend_90d", "spend_trend_180d", "basket_trend_90d", "discount_share_90d", "comeback_gap_days",
	"categories_90d", "categories_gained_90d", "categories_lost_90d",
	"visits_90d", "calls_90d", "emails_90d", "contacts_trend_180d",
	"recency_days", "gap_median_days", "gap_mean_days", "gap_spread_days", "gap_max_days", "gap_last_days", "recency_to_gap", "gap_variation", "longest_silence_days",
	"contact_recency_days", "contact_gap_median_days", "contact_recency_to_gap", "contact_cadence_days", "contact_overdue_days",
}

// fromFiles returns the measured features of some files: other files cost time and tell
// nothing of what is tested.
func fromFiles(files ...features.File) []features.Feature {
	return slices.DeleteFunc(features.Catalogue(), func(f features.Feature) bool { return f.Kind != features.Measured || !slices.Contains(files, f.File) })
}

// metOn returns an account's visits on these days.
func metOn(account string, days ...string) []contact {
	visits := make([]contact, 0, len(days))
	for _, day := range days {
		visits = append(visits, contact{id: account + " " + day, account: account, kind: "visit", at: at(day + " 09:00:00"), value: absent})
	}
	return visits
}

// boughtOn returns an account's lines of one unit on these days.
func boughtOn(account string, days ...string) []line {
	lines := make([]line, 0, len(days))
	for _, day := range days {
		lines = append(lines, line{account: account, order: account + " " + day, number: 1, amount: euros(10), discount: absent, cost: absent, ordered: at(day + " 10:00:00")})
	}
	return lines
}

// daysOff returns the holidays of a country, known long before.
func daysOff(country string, days ...string) []holiday {
	all := make([]holiday, 0, len(days))
	for _, day := range days {
		all = append(all, holiday{country: country, day: at(day), recorded: at("2020-01-01")})
	}
	return all
}

// The holidays of 2025 around the days that are counted. Each number is worked out by
// hand: days from one purchase to the next, less the days of rest in between.
func TestRhythmOfAChineseAndAGermanAccount(t *testing.T) {
	newYear := []string{"2025-01-28", "2025-01-29", "2025-01-30", "2025-01-31", "2025-02-01", "2025-02-02", "2025-02-03", "2025-02-04"}
	christmas := []string{"2024-12-25", "2024-12-26", "2025-01-01"}
	w := &town{}
	w.holidays = append(daysOff("CN", newYear...), daysOff("DE", christmas...)...)
	// Known only after the cutoff of 2025-02-10.
	w.holidays = append(w.holidays, holiday{country: "CN", day: at("2025-02-05"), recorded: at("2025-02-20")})
	for account, country := range map[string]string{"shanghai": "CN", "munich": "DE", "paris": "FR", "moved": "DE"} {
		w.versions = append(w.versions, version{account: account, country: country, from: at("2024-01-01")})
	}
	w.versions = append(w.versions, version{account: "moved", country: "CN", from: at("2025-02-08")})
	weekly := []string{"2024-12-09", "2024-12-16", "2024-12-23", "2024-12-30", "2025-01-06", "2025-01-13", "2025-01-20", "2025-01-27"}
	for _, account := range []string{"shanghai", "munich", "paris", "moved"} {
		w.lines = append(w.lines, boughtOn(account, weekly...)...)
	}
	w.contacts = metOn("hamburg", "2024-12-20", "2025-01-10")
	w.versions = append(w.versions, version{account: "hamburg", country: "DE", from: at("2024-01-01")})
	w.lines = append(w.lines, boughtOn("hamburg", "2024-12-09")...)
	for _, account := range []string{"shanghai", "munich", "paris", "paused"} {
		w.contacts = append(w.contacts, metOn(account, "2025-01-10", "2025-01-21", "2025-02-06")...)
	}
	// On a day of rest it buys as on the next working day, 2025-02-05 before the correction.
	w.lines = append(w.lines, boughtOn("eager", "2025-01-27", "2025-01-30", "2025-02-05")...)
	w.versions = append(w.versions, version{account: "eager", country: "CN", from: at("2024-01-01")})
	// Agreed to rest from 2025-01-10 to 2025-01-30, then from 2025-02-01 on until further notice, on 2025-02-15 ended on 2025-02-05.
	w.lines = append(w.lines, boughtOn("paused", "2025-01-01", "2025-01-08", "2025-02-07")...)
	w.pauses = []pause{
		{account: "paused", start: at("2025-01-10"), end: at("2025-01-25")},
		{account: "paused", start: at("2025-01-20"), end: at("2025-01-30")}, // lies over the first
		{account: "paused", start: at("2025-02-01")},
		{account: "paused", start: at("2025-02-01"), end: at("2025-02-05"), recorded: at("2025-02-15")},
	}
	e := embedded(t)
	w.fill(t, e)
	const before, after = "2025-02-10", "2025-03-01"
	r := request(before, after)
	r.Catalogue = fromFiles(features.Orders, features.Contact)
	m := build(t.Context(), t, e, r)
	for _, c := range []workedOut{
		// 2025-01-10, 01-21 and 02-06: 11 days apart, then 16, of which 8 of rest in China, from the 20th of February on 9.
		{"paris", before, "contact_recency_days", 4}, {"paris", before, "contact_gap_median_days", (11. + 16) / 2},
		{"shanghai", before, "contact_recency_days", 4}, {"shanghai", before, "contact_gap_median_days", (11. + 8) / 2},
		{"shanghai", after, "contact_recency_days", 23}, {"shanghai", after, "contact_gap_median_days", (11. + 7) / 2},
		{"munich", before, "contact_recency_days", 4}, {"munich", before, "contact_gap_median_days", (11. + 16) / 2},
		// 2024-12-20 … 2025-01-09 are 21 days, three of rest in Germany.
		{"hamburg", before, "contact_gap_median_days", 18}, {"hamburg", before, "contact_recency_days", 31},
		// The first two visits fall into the pause and count as one on 2025-01-30; from there 01-30, 01-31 and 02-05.
		{"paused", before, "contact_recency_days", 0}, {"paused", after, "contact_recency_days", 23}, {"paused", after, "contact_gap_median_days", 3},
		{"paris", before, "recency_days", 14}, {"paris", before, "gap_max_days", 7}, {"paris", before, "gap_mean_days", 7},
		// 2025-01-27 … 2025-02-09 are 14 days, 8 of rest.
		{"shanghai", before, "recency_days", 6}, {"shanghai", before, "gap_max_days", 7}, {"shanghai", before, "longest_silence_days", 7},
		{"shanghai", before, "tenure_days", 63},
		// 2025-01-27 … 2025-02-28 are 33 days, and now 9 of rest.
		{"shanghai", after, "recency_days", 24},
		// 2024-12-23 … 12-29 hold two days of rest, 12-30 … 01-05 one.
		{"munich", before, "recency_days", 14}, {"munich", before, "gap_mean_days", (7.*7 - 3) / 7}, {"munich", before, "gap_max_days", 7},
		{"munich", before, "gap_spread_days", math.Sqrt(26. / 42)}, // of 5 × 7, 5 and 6
		// Its country is China since 2025-02-08.
		{"moved", before, "recency_days", 6},
		// 2025-01-27, then the first working day after the New Year, once.
		{"eager", before, "gap_max_days", 1}, {"eager", before, "gap_mean_days", 1}, {"eager", before, "recency_days", 5}, {"eager", before, "buying_days_total", 3},
		{"eager", after, "gap_mean_days", 1}, {"eager", after, "recency_days", 23},
		// 01-01 … 01-07; 01-08, 01-09, 01-30 and 01-31, and the pause without an end, in which it bought, lasts to the cutoff.
		{"paused", before, "gap_max_days", 7}, {"paused", before, "gap_last_days", 4}, {"paused", before, "recency_days", 0},
		// 01-08, 01-09, 01-30, 01-31, 02-05 and 02-06; 02-07 … 02-28.
		{"paused", after, "gap_last_days", 6}, {"paused", after, "recency_days", 22}, {"paused", after, "longest_silence_days", 22},
	} {
		if got := m.value(t, c.account, c.cutoff, c.feature); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s at %s: %s = %v, want %v", c.account, c.cutoff, c.feature, got, c.want)
		}
	}
}

// Holidays count from the first contact on where that lies before all orders, and a row doesn't depend on what
// a later cutoff of the same request sees: an order that was told of late, or the first one of all.
func TestHolidaysBeforeTheFirstOrderCount(t *testing.T) {
	w := &town{holidays: append(daysOff("DE", "2024-12-25", "2024-12-26", "2025-01-01", "2025-01-06"), holiday{country: "AT", day: at("2024-11-05"), recorded: at("2024-01-01")})}
	w.contacts = metOn("early", "2024-12-20", "2024-12-27", "2025-01-10")
	for _, account := range []string{"early", "late"} {
		w.versions = append(w.versions, version{account: account, country: "DE", from: at("2024-01-01")})
	}
	w.lines = boughtOn("early", "2025-02-03")
	told := boughtOn("late", "2024-11-02", "2024-12-23", "2025-01-02")
	for i := range told {
		told[i].recorded = at("2025-02-20")
	}
	w.lines = append(w.lines, told...)
	w.pauses = []pause{{account: "early", start: at("2024-10-01"), end: at("2024-12-22")}} // begins before everything
	e := embedded(t)
	w.fill(t, e)
	const before, between, after = "2025-01-15", "2025-02-10", "2025-03-01"
	build1 := func(cutoffs ...string) *matrix {
		r := request(cutoffs...)
		r.Catalogue = fromFiles(features.Orders, features.Contact)
		return build(t.Context(), t, e, r)
	}
	together := build1(before, between, after)
	all := hashes(together)
	for _, cutoff := range []string{before, between, after} {
		for row, hash := range hashes(build1(cutoff)) {
			if all[row] != hash {
				t.Errorf("%s reads otherwise together with other cutoffs", row)
			}
		}
	}
	together.holds(t, []workedOut{
		// The 22nd, after the pause, to the 27th are three days without Christmas; from there to the 10th are 12 without the 1st and the 6th.
		{"early", before, "contact_gap_median_days", (3. + 12) / 2}, {"early", between, "contact_gap_median_days", (3. + 12) / 2},
		{"late", after, "gap_last_days", 7}, // the 23rd of December to the 2nd of January, three days of rest
	})
}

// Holidays of two hundred countries over the fifteen years of the data are kept by nobody but
// the accounts' own.
func TestHolidaysOfCountriesWithoutAccountsCostNothing(t *testing.T) {
	w := &town{versions: []version{{account: "a", country: "DE", from: at("2010-01-01")}}}
	w.lines = boughtOn("a", "2010-01-04", "2024-12-20", "2024-12-30")
	w.holidays = daysOff("DE", "2024-12-25", "2024-12-26")
	for i := range 200 {
		w.holidays = append(w.holidays, daysOff(string([]rune{'A' + rune(i/26), 'Z' - rune(i%26)}), "2011-05-01")...)
	}
	e := embedded(t)
	w.fill(t, e)
	r := request("2025-01-15")
	r.Catalogue = fromFiles(features.Orders)
	build(t.Context(), t, e, r).holds(t, []workedOut{{"a", "2025-01-15", "gap_last_days", 8}})
}

// Pauses of accounts that are one are each read by their own newest row, also where they begin on one day.
func TestPausesOfAFamilyAreThoseOfItsMembers(t *testing.T) {
	w := &town{links: []link{{account: "old", other: "new", kind: "merged", since: at("2025-01-22")}}}
	w.lines = append(boughtOn("old", "2025-01-08"), boughtOn("new", "2025-02-01")...)
	w.pauses = []pause{
		{account: "old", start: at("2025-01-10"), end: at("2025-01-25")}, {account: "old", start: at("2025-01-10"), end: at("2025-01-20"), recorded: at("2025-01-20")},
		{account: "new", start: at("2025-01-10"), end: at("2025-01-15"), recorded: at("2025-01-21")},
		{account: "new", start: at("2025-01-18"), end: at("2025-01-22")},
	}
	e := embedded(t)
	w.fill(t, e)
	r := request("2025-03-01")
	r.Catalogue = fromFiles(features.Orders)
	// 24 days from the 8th on, without those of the 10th to the 21st.
	build(t.Context(), t, e, r).holds(t, []workedOut{{"new", "2025-03-01", "gap_last_days", 12}})
}

// A stop of everybody moves no rhythm, of orders or contacts: histories are told once without rest, and once
// with a stop in the middle after which everything comes as many days later.
func TestStopOfTheWholeTownMovesNoRhythm(t *testing.T) {
	const stop, length = "2025-01-28", 8
	w := &town{}
	r := rand.New(rand.NewPCG(8, 8))
	var names []string
	for i := range 60 {
		name := fmt.Sprint(i)
		names = append(names, name)
		day := at("2024-06-01")
		for range r.IntN(20) {
			day += r.Int64N(40) * 86400
			if day >= at("2025-03-01") {
				break
			}
			l := line{
				account: "even " + name, order: fmt.Sprint(day), number: 1, category: fmt.Sprint(r.IntN(4)),
				amount: euros(float64(5 + r.IntN(20))), discount: euros(float64(r.IntN(4))), cost: absent, ordered: day + r.Int64N(86400),
			}
			c := contact{id: fmt.Sprint("even ", i, day), account: l.account, kind: []string{"visit", "call", "email", "complaint"}[r.IntN(4)], at: day + r.Int64N(86400), value: absent}
			w.lines, w.contacts = append(w.lines, l), append(w.contacts, c)
			for _, kind := range []string{"holidays ", "pause "} {
				l := l
				if l.account = kind + name; l.ordered >= at(stop) {
					l.ordered += length * 86400
				}
				c := c
				if c.id, c.account = fmt.Sprint(kind, i, day), l.account; c.at >= at(stop) {
					c.at += length * 86400
				}
				w.lines, w.contacts = append(w.lines, l), append(w.contacts, c)
			}
		}
		segment := []string{"large", "small", ""}[i%3]
		w.versions = append(w.versions, version{account: "holidays " + name, country: "CN", segment: segment, from: at("2024-01-01")})
		for _, kind := range []string{"even ", "pause "} {
			w.versions = append(w.versions, version{account: kind + name, segment: segment, from: at("2024-01-01")})
		}
		w.pauses = append(w.pauses, pause{account: "pause " + name, start: at(stop), end: at(stop) + length*86400, recorded: at("2025-01-01")})
	}
	for i := range int64(length) {
		w.holidays = append(w.holidays, holiday{country: "CN", day: at(stop) + i*86400, recorded: at("2024-01-01")})
	}
	e := embedded(t)
	w.fill(t, e)
	even, stopped := request("2025-03-01"), request("2025-03-09")
	even.Catalogue = slices.DeleteFunc(features.Catalogue(), func(f features.Feature) bool { return !slices.Contains(rhythmFeatures, f.Name) })
	even.Cadence = planned
	stopped.Catalogue, stopped.Cadence = even.Catalogue, planned
	a, b := build(t.Context(), t, e, even), build(t.Context(), t, e, stopped)
	compared := 0
	for _, name := range names {
		i, ok := a.row[rowKey("even "+name, even.Cutoffs[0])]
		if !ok {
			continue
		}
		compared++
		for _, kind := range []string{"holidays ", "pause "} {
			j := b.row[rowKey(kind+name, stopped.Cutoffs[0])]
			if got, want := features.RowHash(b.Frame, j), features.RowHash(a.Frame, i); b.Frame.Accounts[j] != frame.AccountID(kind+name) || got != want {
				t.Errorf("%s: the rhythm moved", kind+name)
			}
		}
	}
	if compared < 40 {
		t.Errorf("only %d histories to compare", compared)
	}
}

// A window of so many days reaches back over as many days on which the account doesn't rest, and over the rests before
// them: what the engine finds by sums is what walking back day by day finds, at midnight and at noon.
func TestWindowsReachBackOverDaysOfRest(t *testing.T) {
	w := &town{}
	r := rand.New(rand.NewPCG(12, 12))
	const begun, span = "2024-01-01", 430
	resting := map[string]map[int64]bool{"CN": {}, "DE": {}}
	for country, days := range resting {
		for range 40 {
			first := at(begun) + r.Int64N(span)*86400
			for d := range 1 + r.Int64N(5) {
				if day := first + d*86400; !days[day] {
					days[day] = true
					w.holidays = append(w.holidays, holiday{country: country, day: day, recorded: at("2020-01-01")})
				}
			}
		}
	}
	cutoffs := request("2024-12-20", "2025-02-14 12:00:00", "2025-03-01")
	cutoffs.Catalogue = slices.DeleteFunc(features.Catalogue(), func(f features.Feature) bool { return !slices.Contains(rhythmFeatures, f.Name) })
	type agreed struct{ start, end int64 }
	pauses := map[string][]agreed{}
	orders := map[string][]int64{}
	country := map[string]string{}
	for i := range 80 {
		account := fmt.Sprint("a", i)
		country[account] = []string{"CN", "DE", "FR", ""}[i%4]
		w.versions = append(w.versions, version{account: account, country: country[account], from: at("2023-01-01")})
		for range r.IntN(4) {
			p := agreed{start: at(begun) + r.Int64N(span)*86400}
			p.end = p.start + r.Int64N(220)*86400
			if slices.ContainsFunc(pauses[account], func(q agreed) bool { return q.start == p.start }) {
				continue
			}
			pauses[account] = append(pauses[account], p)
			w.pauses = append(w.pauses, pause{account: account, start: p.start, end: p.end, recorded: at("2023-01-01")})
		}
		for k := range 60 {
			t := at(begun) + r.Int64N(span*86400)
			orders[account] = append(orders[account], t)
			w.lines = append(w.lines, line{account: account, order: fmt.Sprint(k), number: 1, category: "c", amount: euros(1), discount: absent, cost: absent, ordered: t})
			w.contacts = append(w.contacts, contact{id: account + fmt.Sprint(k), account: account, kind: "visit", at: t, value: absent})
		}
	}
	e := embedded(t)
	w.fill(t, e)
	m := build(t.Context(), t, e, cutoffs)
	stretched, cut, halves := 0, 0, 0
	for account, times := range orders {
		for _, c := range cutoffs.Cutoffs {
			today := int64(c) / 86400 * 86400
			rests := func(day int64) bool {
				return resting[country[account]][day] || slices.ContainsFunc(pauses[account], func(p agreed) bool {
					return p.start < int64(c) && p.start <= day && day < p.end
				})
			}
			reach := func(days int) int64 {
				first := today
				for worked := 0; ; first -= 86400 {
					if !rests(first - 86400) {
						if worked++; worked > days {
							return today - first
						}
					}
				}
			}
			row := m.row[rowKey(account, c)]
			for _, window := range []struct {
				days          int
				orders, visit string
			}{{30, "orders_30d", ""}, {90, "orders_90d", "visits_90d"}, {180, "orders_180d", ""}} {
				want, from := 0.0, int64(c)-min(reach(window.days), 365*86400)
				if int64(c)-from > int64(window.days)*86400 {
					stretched++
				}
				for _, t := range times {
					if from <= t && t < int64(c) {
						want++
					}
				}
				if got := m.Frame.Column(window.orders).Numbers[row]; got != want {
					t.Errorf("%s of %s at %d = %v, want %v", window.orders, account, c, got, want)
				}
				if window.visit != "" && m.Frame.Column(window.visit).Numbers[row] != want {
					t.Errorf("%s of %s at %d = %v, want %v", window.visit, account, c, m.Frame.Column(window.visit).Numbers[row], want)
				}
			}
			// Windows that end at a year are no halves of one another.
			if whole := reach(180) <= 365*86400; whole {
				halves++
			} else {
				cut++
				for _, trend := range []string{"orders_trend_90d", "orders_trend_180d", "spend_trend_90d", "spend_trend_180d", "contacts_trend_180d"} {
					if got := m.Frame.Column(trend).Numbers[row]; !math.IsNaN(got) {
						t.Errorf("%s of %s at %d = %v, where its window ends at a year", trend, account, c, got)
					}
				}
			}
		}
	}
	if cut < 5 || halves < 100 {
		t.Errorf("%d accounts with windows that end at a year, %d without", cut, halves)
	}
	if stretched < 300 {
		t.Errorf("only %d windows reach over a rest", stretched)
	}
}

// What a contact is overdue by, against the cadence of the account's segment as known at
// the cutoff; the numbers are worked out by hand.
func TestContactIsOverdueAgainstTheCadenceOfTheSegment(t *testing.T) {
	w := &town{}
	for _, account := range []string{"key", "small", "unsorted", "elsewhere", "stranger", "never-met", "unheard-of"} {
		w.lines = append(w.lines, boughtOn(account, "2025-01-02")...)
		if account != "never-met" && account != "unheard-of" {
			w.contacts = append(w.contacts, metOn(account, "2025-01-21")...)
		}
	}
	w.contacts = append(w.contacts, contact{id: "c", account: "never-met", kind: "complaint", at: at("2025-01-21"), value: absent})
	w.versions = []version{
		{account: "key", segment: "key accounts", from: at("2024-01-01"), mapped: true},
		// Small since the 1st of February, as was known on the 20th.
		{account: "small", segment: "key accounts", from: at("2024-01-01")},
		{account: "small", segment: "small", from: at("2025-02-01"), recorded: at("2025-02-20")},
		{account: "unsorted", from: at("2024-01-01")},
		{account: "elsewhere", segment: "nobody plans it", from: at("2024-01-01")},
		{account: "unheard-of", segment: "key accounts", from: at("2024-01-01")},
	}
	// A week of rest for the key accounts.
	for _, account := range []string{"key", "unheard-of"} {
		w.pauses = append(w.pauses, pause{account: account, start: at("2025-01-25"), end: at("2025-02-01")})
	}
	e := embedded(t)
	w.fill(t, e)
	const before, after = "2025-02-10", "2025-03-01" // 20 and 39 days after the visit
	r := request(before, after)
	r.Catalogue = slices.DeleteFunc(features.Catalogue(), func(f features.Feature) bool {
		return f.File != features.Orders && f.File != features.Contact && f.Name != "contact_overdue_days"
	})
	r.Cadence = features.Cadence{Days: 30, Segments: map[string]int{"key accounts": 7, "small": 90}}
	nan := math.NaN()
	build(t.Context(), t, e, r).holds(t, []workedOut{
		{"key", before, "contact_cadence_days", 7}, {"key", before, "contact_overdue_days", 20 - 7 - 7}, {"key", after, "contact_overdue_days", 39 - 7 - 7},
		{"small", before, "contact_overdue_days", 20 - 7}, {"small", after, "contact_overdue_days", 39 - 90},
		{"unsorted", before, "contact_overdue_days", 20 - 30}, {"elsewhere", before, "contact_overdue_days", 20 - 30}, {"stranger", after, "contact_overdue_days", 39 - 30},
		// Without a contact it counts from the purchase, 58 days before.
		{"never-met", after, "contact_cadence_days", 30}, {"never-met", after, "contact_recency_days", nan}, {"never-met", after, "contact_overdue_days", 58 - 30},
		{"unheard-of", after, "contact_cadence_days", 7}, {"unheard-of", after, "contact_overdue_days", 58 - 7 - 7},
	})
	// Only some segments have one; one for all; none.
	r.Cadence = features.Cadence{Segments: map[string]int{"key accounts": 7}}
	build(t.Context(), t, e, r).holds(t, []workedOut{{"key", before, "contact_overdue_days", 20 - 7 - 7}, {"unsorted", before, "contact_overdue_days", nan}, {"stranger", before, "contact_cadence_days", nan}})
	r.Cadence = features.Cadence{Days: 10}
	build(t.Context(), t, e, r).holds(t, []workedOut{{"key", before, "contact_overdue_days", 20 - 7 - 10}, {"stranger", before, "contact_overdue_days", 20 - 10}})
	// Where nobody writes contacts down, nothing is overdue.
	r.Cutoffs, r.KnownAt = []frame.Cutoff{frame.Cutoff(at("2025-01-15"))}, []frame.KnownAt{frame.KnownAt(at("2025-01-15"))}
	build(t.Context(), t, e, r).holds(t, []workedOut{{"key", "2025-01-15", "contact_overdue_days", nan}, {"key", "2025-01-15", "contact_cadence_days", nan}})
	r.Cutoffs, r.KnownAt = request(before, after).Cutoffs, request(before, after).KnownAt
	r.Cadence = features.Cadence{}
	m := build(t.Context(), t, e, r)
	for _, name := range []string{"contact_cadence_days", "contact_overdue_days"} {
		for i, v := range m.Frame.Column(name).Numbers {
			if !math.IsNaN(v) {
				t.Errorf("%s of %s is %v without any cadence", name, m.Frame.Accounts[i], v)
			}
		}
	}
}

// The text that is planned where nobody rests answers as the whole one does.
func TestWhereNobodyRestsTheShorterTextAnswersTheSame(t *testing.T) {
	e := embedded(t)
	cases().fill(t, e)
	r := request("2025-03-01", "2025-04-15")
	short := build(t.Context(), t, e, r)
	r.Cadence = features.Cadence{Segments: map[string]int{"nobody's": 30}}
	if diff := cmp.Diff(hashes(short), hashes(build(t.Context(), t, e, r))); diff != "" {
		t.Errorf("-short +whole:\n%s", diff)
	}
}

// An account lapses by the days on which it doesn't rest: one that pauses, or whose country holds a feast, is
// silent for no longer than before.
func TestRestingAccountsDoNotLapse(t *testing.T) {
	w := &town{}
	for _, account := range []string{"paused", "silent", "resumed", "feasting"} {
		w.lines = append(w.lines, boughtOn(account, "2024-06-01", "2024-08-01")...)
	}
	w.versions = []version{{account: "feasting", country: "CN", from: at("2024-01-01")}}
	w.pauses = []pause{{account: "paused", start: at("2024-08-10")}, {account: "resumed", start: at("2024-08-10"), end: at("2024-10-09")}}
	w.holidays = daysOff("CN", "2024-10-01", "2024-10-02", "2024-10-03")
	e := embedded(t)
	w.fill(t, e)
	// 180 days after the first of August, at ten o'clock, lie the 28th of January, and 60 and 3 days of rest later.
	r := request("2025-01-28", "2025-01-29", "2025-01-31", "2025-02-01", "2025-03-29", "2025-03-30")
	r.Catalogue = fromFiles(features.Orders)
	m := build(t.Context(), t, e, r)
	populationEqualsBuild(t, e, r, m)
	last := map[string]string{"paused": "", "silent": "2025-01-28", "feasting": "2025-01-31", "resumed": "2025-03-29"}
	for account, until := range last {
		for _, c := range r.Cutoffs {
			want := features.Eligible
			if until != "" && int64(c) > at(until) {
				want = features.Lapsed
			}
			if got := m.Status[m.row[rowKey(account, c)]]; got != want {
				t.Errorf("%s is %s as of %s, want %s", account, got, c, want)
			}
		}
	}
}
