package clickhouse_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// asking counts statements by the question in their first line.
type asking struct {
	clickhouse.Engine
	asked map[string]int
}

func (a asking) Query(ctx context.Context, sql string, params clickhouse.Params, each func(*frame.Table) error) error {
	question, _, _ := strings.Cut(sql, "\n")
	a.asked[question]++
	return a.Engine.Query(ctx, sql, params, each)
}

// A label bound by KnownAt is what could be learnt at that date: what was
// recorded later, a purchase or its reversal, is not in it. Asked together, whatever
// each knows and however far it looks, labels are one query of each table, and one
// more of accounts that are one.
func TestLabelsAsKnownAtAnEarlierDate(t *testing.T) {
	e := embedded(t)
	cutoff := frame.Cutoff(at("2025-03-01"))
	w := town{
		lines: []line{
			{account: "A", order: "1", amount: euros(10), ordered: at("2024-12-01")},
			{account: "A", order: "2", amount: euros(10), ordered: at("2025-03-20"), recorded: at("2025-06-10")}, // known late
			{account: "B", order: "3", amount: euros(10), ordered: at("2024-12-01")},
			{account: "B", order: "4", amount: euros(10), ordered: at("2025-03-20")},
			{account: "B", order: "4", number: 1, amount: euros(-10), ordered: at("2025-03-20"), recorded: at("2025-06-10")}, // taken back late
		},
		contracts: []contract{
			{id: "k", account: "A", start: at("2024-01-01")},
			{id: "k", account: "A", start: at("2024-01-01"), cancelled: at("2025-03-10"), recorded: at("2025-06-10")},
			{id: "m", account: "A", start: at("2024-01-01"), end: at("2025-03-20")},
			{id: "l", account: "B", start: at("2024-01-01")},
		},
	}
	w.fill(t, e)
	type told struct {
		account, recorded string
		value             float64
	}
	ready := []told{{"A", "2025-05-01", 1}, {"A", "2025-06-10", -1}, {"A", "2025-06-10", 0}, {"B", "2025-06-10", 1}}
	insert(t, e, "outcomes",
		texts("account", ready, func(o told) string { return o.account }),
		texts("label", ready, func(told) string { return "left" }),
		numbers("cutoff", frame.Time, ready, func(told) int64 { return int64(cutoff) }),
		numbers("value", frame.Decimal, ready, func(o told) int64 { return euros(o.value) }),
		numbers("recorded_at", frame.Time, ready, func(o told) int64 { return at(o.recorded) }))
	number := func(name string, values ...float64) frame.Column {
		return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values}
	}
	rows := &features.Slice{
		Frame: &frame.Frame{
			Accounts: []frame.AccountID{"A", "B"}, Cutoffs: []frame.Cutoff{cutoff, cutoff},
			Table: frame.Table{Columns: []frame.Column{number("spend_365d", 10, 10), number("tenure_days", 90, 90)}},
		},
		Status: []features.Eligibility{features.Eligible, features.Eligible},
	}
	// Of one label A goes by a number that never bought, so that its facts are read as a family's.
	links := map[features.Label][]features.Link{
		features.PartialDefection: {{Account: "old", Other: "A", Kind: features.Merged, Since: at("2024-01-01"), Recorded: at("2024-01-01")}},
	}
	none := math.NaN()
	together, want := map[features.Label][]features.LabelAsk{}, map[features.Label][][]float64{}
	for _, c := range []struct {
		label features.Label
		known string
		want  []float64
	}{
		{features.NonContractual, "", []float64{0, 1}},
		{features.NonContractual, "2025-06-09", []float64{1, 0}},
		{features.NonContractual, "2025-06-10", []float64{0, 1}}, // what is recorded at the instant is known
		{features.PartialDefection, "", []float64{0, 1}},
		{features.PartialDefection, "2025-06-09", []float64{1, 0}},
		{features.Contractual, "", []float64{1, 0}},
		{features.Contractual, "2025-06-09", []float64{0, 0}},
		{features.NonRenewal, "", []float64{1, none}}, // of the contract m, while k had ended before
		{features.NonRenewal, "2025-06-09", []float64{0, none}},
		{features.ReadyMade, "", []float64{0, 1}},
		{features.ReadyMade, "2025-06-09", []float64{1, none}},
	} {
		r := features.LabelRequest{
			Rule: features.LabelRule{Label: c.label, Outcome: "left", HorizonDays: 60, SettleDays: 7}, Through: frame.Cutoff(at("2025-12-01")), Watermark: 1,
			Links: links[c.label],
		}
		if c.known != "" {
			r.KnownAt = frame.KnownAt(at(c.known))
		}
		together[c.label], want[c.label] = append(together[c.label], features.LabelAsk{LabelRequest: r, Slice: rows}), append(want[c.label], c.want)
	}
	for label, asks := range together {
		longer, nobody := asks[0], asks[0]
		longer.Rule.HorizonDays, longer.Through = 90, frame.Cutoff(at("2025-06-10"))
		nobody.Slice = &features.Slice{Frame: &frame.Frame{}}
		asks = append(asks, longer, nobody)
		counted := asking{e, map[string]int{}}
		answers, err := clickhouse.OutcomesOf(t.Context(), counted, asks)
		if err != nil {
			t.Fatal(err)
		}
		for k, y := range want[label] {
			if diff := cmp.Diff(y, answers[k].Y, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("%s as known at %d (-want +got):\n%s", label, asks[k].KnownAt, diff)
			}
		}
		for question, n := range counted.asked {
			if n > 2 {
				t.Errorf("%s of %d requests: %d times %s", label, len(asks), n, question)
			}
		}
		for _, k := range []int{len(asks) - 3, len(asks) - 2} {
			alone, err := clickhouse.Outcomes(t.Context(), e, asks[k].LabelRequest, rows)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(alone, answers[k], cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("%s alone and together differ to the bit (-alone +together):\n%s", label, diff)
			}
		}
	}
	other := together[features.NonContractual][0]
	other.Rule.SettleDays++
	if _, err := clickhouse.OutcomesOf(t.Context(), e, append(together[features.NonContractual], other)); !errors.Is(err, features.ErrBadRequest) {
		t.Errorf("requests of different rules: %v", err)
	}
}
