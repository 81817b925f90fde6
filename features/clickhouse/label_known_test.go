package clickhouse_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// A label bound by KnownAt is what could be learnt at that date: what was
// recorded later, a purchase or its reversal, is not in it.
func TestLabelsAsKnownAtAnEarlierDate(t *testing.T) {
	e := embedded(t)
	cutoff := frame.Cutoff(at("2025-03-01"))
	w := town{
		lines: []line{
			{account: "A", order: "1", amount: euros(10), ordered: at("2025-01-10")},
			{account: "A", order: "2", amount: euros(10), ordered: at("2025-03-20"), recorded: at("2025-06-10")}, // known late
			{account: "B", order: "3", amount: euros(10), ordered: at("2025-01-10")},
			{account: "B", order: "4", amount: euros(10), ordered: at("2025-03-20")},
			{account: "B", order: "4", number: 1, amount: euros(-10), ordered: at("2025-03-20"), recorded: at("2025-06-10")}, // taken back late
		},
		contracts: []contract{
			{id: "k", account: "A", start: at("2024-01-01")},
			{id: "k", account: "A", start: at("2024-01-01"), cancelled: at("2025-03-10"), recorded: at("2025-06-10")},
			{id: "l", account: "B", start: at("2024-01-01")},
		},
	}
	w.fill(t, e)
	status := []features.Eligibility{features.Eligible, features.Eligible}
	rows := &features.Slice{Frame: &frame.Frame{Accounts: []frame.AccountID{"A", "B"}, Cutoffs: []frame.Cutoff{cutoff, cutoff}}, Status: status}
	together := map[features.Label][]features.LabelAsk{}
	var alone []*features.Outcome
	for _, c := range []struct {
		label features.Label
		known string
		want  [2]float64
	}{
		{features.NonContractual, "", [2]float64{0, 1}},
		{features.NonContractual, "2025-06-09", [2]float64{1, 0}},
		{features.NonContractual, "2025-06-10", [2]float64{0, 1}}, // what is recorded at the instant is known
		{features.Contractual, "", [2]float64{1, 0}},
		{features.Contractual, "2025-06-09", [2]float64{0, 0}},
	} {
		r := features.LabelRequest{
			Rule: features.LabelRule{Label: c.label, HorizonDays: 60, SettleDays: 7}, Through: frame.Cutoff(at("2025-12-01")), Watermark: 1,
		}
		if c.known != "" {
			r.KnownAt = frame.KnownAt(at(c.known))
		}
		o, err := clickhouse.Outcomes(t.Context(), e, r, rows)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]float64(o.Y); got != c.want {
			t.Errorf("%s as known at %q: %v, want %v", c.label, c.known, got, c.want)
		}
		alone = append(alone, o)
		together[c.label] = append(together[c.label], features.LabelAsk{LabelRequest: r, Slice: rows})
		longer := r
		longer.Rule.HorizonDays, longer.Through = 90, frame.Cutoff(at("2025-06-10"))
		if o, err = clickhouse.Outcomes(t.Context(), e, longer, rows); err != nil {
			t.Fatal(err)
		}
		alone = append(alone, o)
		together[c.label] = append(together[c.label], features.LabelAsk{LabelRequest: longer, Slice: rows})
	}
	// Asked together they are the same to the bit, whatever each knows and however far it looks.
	var all []*features.Outcome
	for _, label := range []features.Label{features.NonContractual, features.Contractual} {
		asks := together[label]
		answers, err := clickhouse.OutcomesOf(t.Context(), e, append(asks, features.LabelAsk{LabelRequest: asks[0].LabelRequest, Slice: &features.Slice{Frame: &frame.Frame{}}}))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, answers[:len(asks)]...)
	}
	if diff := cmp.Diff(alone, all, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("alone and together differ (-alone +together):\n%s", diff)
	}
	other := together[features.NonContractual][0]
	other.Rule.SettleDays++
	if _, err := clickhouse.OutcomesOf(t.Context(), e, append(together[features.NonContractual], other)); !errors.Is(err, features.ErrBadRequest) {
		t.Errorf("requests of different rules: %v", err)
	}
}
