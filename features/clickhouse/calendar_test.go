package clickhouse_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fealty/features"
	"fealty/features/frame"
)

// rhythmFeatures count the days on which an account doesn't rest.
var rhythmFeatures = []string{
	"recency_days", "gap_median_days", "gap_mean_days", "gap_spread_days", "gap_max_days", "gap_last_days", "recency_to_gap", "gap_variation", "longest_silence_days",
}

// fromFiles returns the measured features of some files: other files cost time and tell
// nothing of what is tested.
func fromFiles(files ...features.File) []features.Feature {
	return slices.DeleteFunc(features.Catalogue(), func(f features.Feature) bool { return f.Kind != features.Measured || !slices.Contains(files, f.File) })
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
	r.Catalogue = fromFiles(features.Orders)
	m := build(t.Context(), t, e, r)
	for _, c := range []struct {
		account, cutoff, feature string
		want                     float64
	}{
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

// A stop of everybody moves no rhythm: histories are told once without rest, and once
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
			l := line{account: "even " + name, order: fmt.Sprint(day), number: 1, amount: euros(10), discount: absent, cost: absent, ordered: day + r.Int64N(86400)}
			w.lines = append(w.lines, l)
			for _, kind := range []string{"holidays ", "pause "} {
				l := l
				if l.account = kind + name; l.ordered >= at(stop) {
					l.ordered += length * 86400
				}
				w.lines = append(w.lines, l)
			}
		}
		w.versions = append(w.versions, version{account: "holidays " + name, country: "CN", from: at("2024-01-01")})
		w.pauses = append(w.pauses, pause{account: "pause " + name, start: at(stop), end: at(stop) + length*86400, recorded: at("2025-01-01")})
	}
	for i := range int64(length) {
		w.holidays = append(w.holidays, holiday{country: "CN", day: at(stop) + i*86400, recorded: at("2024-01-01")})
	}
	e := embedded(t)
	w.fill(t, e)
	even, stopped := request("2025-03-01"), request("2025-03-09")
	even.Catalogue = slices.DeleteFunc(fromFiles(features.Orders), func(f features.Feature) bool { return !slices.Contains(rhythmFeatures, f.Name) })
	stopped.Catalogue = even.Catalogue
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
