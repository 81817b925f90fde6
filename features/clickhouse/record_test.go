package clickhouse_test

import (
	"math"
	"testing"
)

// recordCases adds the hand-written histories of service, payments, people and prices to the town; each
// account is named for what it shows.
func (w *town) recordCases() {
	w.deliveryCases()
}

func (w *town) deliveryCases() {
	const account = "waits"
	sent := func(order, product, day, promised, delivered string, paid, list float64) line {
		l := line{account: account, order: order, number: 1, product: product, category: "paper", amount: euros(paid), discount: absent, cost: absent,
			ordered: at(day + " 10:00:00"), quantity: euros(2), list: euros(list)}
		if promised != "" {
			l.promised = at(promised)
		}
		if delivered != "" {
			l.delivered = at(delivered + " 15:00:00")
		}
		return l
	}
	// In time on the promised day itself; nine days late; promised for before the cutoff and never seen; under way at the first cutoff.
	intime, late := sent("d1", "p1", "2024-06-01", "2024-06-11", "2024-06-11", 90, 50), sent("d2", "p1", "2025-01-10", "2025-01-20", "2025-01-29", 110, 55)
	late.promotion = "winter"
	gone := sent("d3", "p2", "2025-02-01", "2025-02-15", "", 40, 20)
	w.lines = append(w.lines, intime, late, gone, sent("d4", "p2", "2025-02-25", "2025-03-05", "2025-03-04", 44, 24))
	// The missing line was delivered on 2025-02-20, as was found out and recorded on 2025-03-20.
	reversal, again := gone, gone
	reversal.amount, reversal.quantity, reversal.recorded = -gone.amount, -gone.quantity, at("2025-03-20")
	again.delivered, again.recorded = at("2025-02-20 09:00:00"), at("2025-03-20")
	w.lines = append(w.lines, reversal, again)
	// Sent back: 30 for their quality, 10 since they came late, 20 because nobody needed them.
	for i, reason := range []string{"quality: torn", "Service", "not needed"} {
		back := sent("d5", "p1", "2025-02-10", "", "", []float64{-30, -10, -20}[i], 50)
		back.number, back.quantity, back.reason = int64(i), euros(-1), reason
		w.lines = append(w.lines, back)
	}
}

// The expected values are worked out by hand from the histories above.
func TestRecordOfServicePricesPaymentsAndPeopleGivesTheValuesWorkedOutByHand(t *testing.T) {
	e := embedded(t)
	cases().fill(t, e)
	m := build(t.Context(), t, e, request("2025-03-01", "2025-04-15"))
	nan := math.NaN()
	for _, c := range []struct {
		account, cutoff, feature string
		want                     float64
	}{
		{"waits", "2025-03-01", "late_delivery_share_90d", 1},          // d2 and d3; d4 is promised for later
		{"waits", "2025-03-01", "late_delivery_share_365d", 2.0 / 3},   // and d1 in time
		{"waits", "2025-03-01", "days_late_mean_365d", (9.0 + 14) / 2}, // 01-20 … 01-29, 02-15 … 03-01
		{"waits", "2025-03-01", "deliveries_overdue", 1},
		{"waits", "2025-03-01", "delivery_days_mean_365d", (10.0 + 19) / 2},
		{"waits", "2025-04-15", "late_delivery_share_90d", 2.0 / 3}, // d2, d3 late, d4 a day early
		{"waits", "2025-04-15", "days_late_mean_365d", (9.0 + 5) / 2},
		{"waits", "2025-04-15", "deliveries_overdue", 0},
		{"waits", "2025-04-15", "delivery_days_mean_365d", (10.0 + 19 + 19 + 7) / 4},
		{"waits", "2025-03-01", "returns_quality_share_365d", 0.5},
		{"waits", "2025-03-01", "returns_service_share_365d", 1.0 / 6},
		{"waits", "2025-03-01", "returns_other_share_365d", 1.0 / 3},
		{"waits", "2025-03-01", "promotion_share_365d", 110.0 / 284}, // 90 + 110 + 40 + 44
		{"waits", "2025-03-01", "promotion_share_90d", 110.0 / 194},
		{"waits", "2025-03-01", "list_discount_share_365d", 14.0 / 298}, // two of each: 100 + 110 + 40 + 48
		{"waits", "2025-03-01", "list_price_change_365d", 36.0 / 280},   // four of p1 from 50 to 55, four of p2 from 20 to 24
		{"steady", "2025-03-01", "late_delivery_share_365d", nan},       // nobody promised
		{"steady", "2025-03-01", "deliveries_overdue", 0},               // and nothing is owed
		{"steady", "2025-03-01", "promotion_share_365d", 0},             // bought, never on promotion
		{"steady", "2025-03-01", "list_discount_share_365d", nan},       // at no list price
		{"never-bought", "2025-03-01", "promotion_share_365d", nan},
	} {
		if got := m.value(t, c.account, c.cutoff, c.feature); !same(got, c.want) {
			t.Errorf("%s of %s at %s = %v, want %v", c.feature, c.account, c.cutoff, got, c.want)
		}
	}
}
