package servingtest_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/features/synthetic"
	"fealty/model/artifact"
	"fealty/model/derive"
	"fealty/model/ladder"
	"fealty/serving"
)

// plantedCauses are the causes that the town plants, by the names of its truth, with the
// features that are there to see each. The town has one size for each cause
// (synthetic's package comment); what else goes along with a cause is not among them.
// first is the rank that the best of them must reach in the small town. There the ranks
// under the seeds 11, 12 and 13 were 5, 4, 3 (late deliveries), 13, 11, 11 (open
// complaint), 10, 35, 4 (changed buyer: too few buyers leave there to demand more) and
// 7, 5, 6 (overdue invoices), and the record added .0102, .0154 and .0159 to the AUC.
// Ranks drawn by lot would pass the four bars, each in the declared direction, once in
// 500 times.
var plantedCauses = []struct {
	name     string
	first    int
	features []string
}{
	{"late deliveries", 10, []string{"late_delivery_share_90d", "late_delivery_share_365d", "days_late_mean_365d", "deliveries_overdue"}},
	// Of all complaints the last is the open one, unless a decline brought others: its age tells most.
	{"open complaint", 20, []string{"complaints_open", "complaint_open_days", "complaints_resolved_share_365d", "complaint_recency_days"}},
	{"changed buyer", 40, []string{"key_people_left_180d", "key_people_left_365d", "key_people_new_180d", "key_person_newest_days", "people_changes_180d", "people_changes_365d"}},
	{"overdue invoices", 12, []string{"overdue_amount", "invoices_overdue", "overdue_days", "invoices_late_share_365d", "days_to_pay_365d", "days_to_pay_trend_90d"}},
}

// ordersAlone are the features of a shop that keeps orders and nothing else.
func ordersAlone() []features.Feature {
	var some []features.Feature
	taken := map[string]bool{}
	for _, f := range features.Catalogue() {
		whole := f.Kind == features.Measured && f.Part == "" && (f.File == features.Orders || f.File == features.Breadth)
		made := f.Kind == features.Ratio || f.Kind == features.Difference
		for _, part := range f.Of {
			made = made && taken[part]
		}
		if whole || made {
			taken[f.Name] = true
			some = append(some, f)
		}
	}
	return some
}

// The causes that the town plants are found by fealty's own catalogue and ladder:
// the best feature of each ranks among the first, works in the direction that its
// entry declares, and what stands around the orders separates those who leave
// better than orders alone. FEALTY_TORTURE=1 walks a larger town.
func TestPlantedCausesAreFound(t *testing.T) {
	accounts, days, gain, large := 1100, 760, 0.0075, os.Getenv("FEALTY_TORTURE") != ""
	request := serving.TrainRequest{NoPromote: true, Rung: string(ladder.Boosting), Cutoffs: []string{"2025-05-31", "2025-08-31", "2025-11-30"}, TestCutoff: "2026-02-28"}
	if large {
		accounts, days, gain = 8000, 0, 0.02
		request.Cutoffs, request.TestCutoff = nil, ""
	}
	k := startTown(t, synthetic.Params{Seed: 11, Accounts: accounts, Days: days, Record: true})
	orders := &serving.Service{Facts: k.Facts, Loads: k.Loads, Runs: k.runs, Registry: k.Registry, Settings: k.Settings, Now: k.Now, Catalogue: ordersAlone()}
	without, err := orders.Train(t.Context(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	trained, err := k.Train(t.Context(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	with := trained.Card.Report
	t.Logf("%d accounts, %d rows of training, %d of the test, base rate %.3f; rung %s", accounts, trained.Card.Train.Rows, with.Test.Rows, with.Test.BaseRate, trained.Card.Rung)
	t.Logf("AUC %.4f with the record, %.4f of orders alone: %+.4f", with.Quality.AUC, without.Card.Report.Quality.AUC, with.Quality.AUC-without.Card.Report.Quality.AUC)
	if better := float64(with.Quality.AUC - without.Card.Report.Quality.AUC); !(better >= gain) {
		t.Errorf("the record adds %.4f to the AUC, want %.3f", better, gain)
	}
	slopes := k.slopes(t, trained)
	names := make([]string, len(with.Importance))
	for i, im := range with.Importance {
		names[i] = im.Feature
	}
	metas := k.Metas()
	for _, cause := range plantedCauses {
		best := -1
		var ranks []string
		for _, f := range cause.features {
			rank := slices.Index(names, f)
			if rank >= 0 && (best < 0 || rank < best) {
				best = rank
			}
			ranks = append(ranks, fmt.Sprintf("%s %d", f, rank+1))
		}
		if best < 0 {
			t.Errorf("%s: none of %v is in the model", cause.name, cause.features)
			continue
		}
		name := names[best]
		slope, declared := slopes[name], float64(metas[name].Direction)
		t.Logf("%-16s %-24s rank %2d of %d, share %.3f, contribution rises with the value by %+.3f (declared %+.0f)", cause.name, name, best+1, len(names),
			with.Importance[best].Share, slope, declared)
		t.Logf("%-16s ranks: %s", cause.name, strings.Join(ranks, ", "))
		first := cause.first
		if large {
			first = 20
		}
		if best >= first {
			t.Errorf("%s: its best feature %s has rank %d, want %d or better", cause.name, name, best+1, first)
		}
		if declared == 0 || slope*declared <= 0 {
			t.Errorf("%s: the contribution of %s goes by %.3f with its value, and %.0f was declared", cause.name, name, slope, declared)
		}
	}
	t.Logf("the first: %s", strings.Join(names[:min(20, len(names))], ", "))
	k.stops(t, orders, without.Model, trained.Model)
}

// slopes tells, for each feature of a model, how its contribution goes with its
// value over the accounts as of the test cutoff: their correlation.
func (k *walk) slopes(t *testing.T, trained serving.TrainResult) map[string]float64 {
	t.Helper()
	raw, _, err := k.state.LoadModel(t.Context(), trained.Model)
	if err != nil {
		t.Fatal(err)
	}
	sections, err := artifact.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	delete(sections, "card.json")
	delete(sections, "card.md")
	m, err := ladder.Load(sections)
	if err != nil {
		t.Fatal(err)
	}
	cutoff, err := frame.ParseCutoff(trained.Card.TestCutoff, k.Settings.Location())
	if err != nil {
		t.Fatal(err)
	}
	derived, err := derive.Parse(sections["derived.json"])
	if err != nil {
		t.Fatal(err)
	}
	names := m.Features()
	sums := make([]moments, len(names))
	_, err = k.Facts.Build(t.Context(), features.Request{
		Cutoffs: []frame.Cutoff{cutoff}, KnownAt: []frame.KnownAt{k.Settings.Known(cutoff)}, Watermark: trained.Card.Watermark, ActiveWithinDays: k.Settings.ActiveWithin(),
	}, func(s *features.Slice) error {
		f, err := derived.Extend(s.Frame)
		if err != nil {
			return err
		}
		parts := make([]float64, f.Rows()*len(names))
		if _, err := m.Explain(f, parts); err != nil {
			return err
		}
		for c, name := range names {
			column := f.Column(name)
			for i := range s.Frame.Rows() {
				if v := column.Float(i); s.Status[i] == features.Eligible && !math.IsNaN(v) {
					sums[c].add(v, parts[i*len(names)+c])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slopes := map[string]float64{}
	for c, name := range names {
		slopes[name] = sums[c].correlation()
	}
	return slopes
}

// moments add up pairs for their correlation.
type moments struct{ n, x, y, xx, yy, xy float64 }

func (m *moments) add(x, y float64) {
	m.n, m.x, m.y, m.xx, m.yy, m.xy = m.n+1, m.x+x, m.y+y, m.xx+x*x, m.yy+y*y, m.xy+x*y
}

func (m *moments) correlation() float64 {
	return (m.n*m.xy - m.x*m.y) / math.Sqrt((m.n*m.xx-m.x*m.x)*(m.n*m.yy-m.y*m.y))
}
