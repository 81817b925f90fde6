package serving

import (
	"math"
	"testing"
	"time"

	"fealty/features/frame"
	"fealty/model/lifetime"

	"pgregory.net/rapid"
)

// Chances to buy out of the features of an account, beside its purchases counted month
// by month: the months after that of the first one which are over at the cutoff, and the
// running one where it has bought in it.
func TestMonthsAreThoseOfThePurchases(t *testing.T) {
	zones := []*time.Location{time.UTC, time.FixedZone("west", -11*3600), time.FixedZone("east", 13*3600)}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		begin := time.Date(2023, 1, 1, 0, 0, 0, 0, zone).AddDate(0, 0, rapid.IntRange(0, 60).Draw(t, "begin"))
		span := rapid.IntRange(0, 900).Draw(t, "span")
		// The end of a day, which may end a month, or an instant within one.
		cutoff := begin.AddDate(0, 0, span+1)
		switch rapid.IntRange(0, 2).Draw(t, "end") {
		case 0:
			cutoff = time.Date(cutoff.Year(), cutoff.Month()+1, 1, 0, 0, 0, 0, zone)
		case 1:
			cutoff = cutoff.Add(-time.Duration(rapid.IntRange(1, 86_000).Draw(t, "seconds")) * time.Second)
		}
		days := rapid.SliceOfN(rapid.IntRange(0, span), 0, 12).Draw(t, "days")
		count := func(t time.Time) int { return t.Year()*12 + int(t.Month()) }
		last, bought := 0, map[int]bool{count(begin): true}
		for _, d := range days {
			last = max(last, d)
			bought[count(begin.AddDate(0, 0, d))] = true
		}
		today := time.Date(cutoff.Year(), cutoff.Month(), cutoff.Day(), 0, 0, 0, 0, zone)
		ago := func(day time.Time) float64 { return math.Round(today.Sub(day).Hours() / 24) }
		running := count(cutoff.Add(-time.Second))
		var x, recency, n float64
		for m := count(begin) + 1; m <= running; m++ {
			if over := m < count(cutoff); !over && !bought[m] {
				continue
			}
			n++
			if bought[m] {
				x, recency = x+1, n
			}
		}
		f := &frame.Frame{Accounts: []frame.AccountID{"a"}, Cutoffs: []frame.Cutoff{frame.Cutoff(cutoff.Unix())}}
		for name, v := range map[string]float64{
			"active_month_share": float64(len(bought)) / float64(running-count(begin)+1), "tenure_days": ago(begin), "recency_days": ago(begin.AddDate(0, 0, last)),
			"buying_days_total": 1 + float64(len(days)), "spend_total": 12,
		} {
			f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: []float64{v}})
		}
		h := historiesOf(f, lifetime.BGBB, zone)
		if len(h.rows) != 1 || h.Frequency[0] != x || h.Recency[0] != recency || h.Age[0] != n || h.Paid[0] != float64(len(bought)) || h.mean[0] != 12/float64(len(bought)) {
			t.Fatalf("%+v, want %v of %v chances, the last at %v, and %d months", h, x, n, recency, len(bought))
		}
		if err := h.Check(); err != nil || h.span(h.unit) != 1 || h.terms(lifetime.DefaultTerms()).Month != 1 {
			t.Fatalf("in units of %v days: %v", h.unit, err)
		}
		// Without the share nothing is told; a rest of the account moves its last purchase on.
		f.Column("recency_days").Numbers[0] = 0
		if h := historiesOf(f, lifetime.BGBB, zone); h.Recency[0] < recency || h.Check() != nil {
			t.Fatalf("after a rest %+v", h)
		}
		f.Column("active_month_share").Numbers[0] = math.NaN()
		if h := historiesOf(f, lifetime.BGBB, zone); h.why[0] != noHistory {
			t.Fatalf("without months %+v", h)
		}
	})
}
