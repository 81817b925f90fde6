package serving

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/metrics"
)

// Computed before there was a rule to leave touched rows out: what isn't applied
// changes no receipt.
func TestRuleThatIsNotAppliedLeavesTheSettingsHashAsItWas(t *testing.T) {
	s := DefaultSettings()
	const before = "2ee5fcd7e5d5ee46b28ec78b77e30347"
	if got := s.Hash(); got != before {
		t.Errorf("hash of the defaults is %s, was %s", got, before)
	}
	s.Label.ExcludeTouched = true
	if s.Hash() == before {
		t.Error("to leave touched rows out changes labels, but not the hash")
	}
}

func (f *twinFacts) OutcomesOf(ctx context.Context, asks []features.LabelAsk) ([]*features.Outcome, error) {
	return oneByOne(ctx, f.Outcomes, asks)
}

// oneByOne answers several label requests by what answers one.
func oneByOne(ctx context.Context, one func(context.Context, features.LabelRequest, *features.Slice) (*features.Outcome, error), asks []features.LabelAsk) ([]*features.Outcome, error) {
	all := make([]*features.Outcome, len(asks))
	for i := range asks {
		var err error
		if all[i], err = one(ctx, asks[i].LabelRequest, asks[i].Slice); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// returning is a twin of the facts that also tells who came back.
type returning struct{ *twinFacts }

func (f returning) Outcomes(ctx context.Context, r features.LabelRequest, s *features.Slice) (*features.Outcome, error) {
	o, err := f.twinFacts.Outcomes(ctx, r, s)
	if err != nil {
		return nil, err
	}
	_, of := f.by(r.Watermark)
	for i, at := range s.Frame.Cutoffs {
		if o.Y[i] != 1 || at.Add(2*r.Rule.HorizonDays+r.Rule.SettleDays) > r.Through {
			continue
		}
		o.CameBack[i] = 0
		for _, p := range of[string(s.Frame.Accounts[i])] {
			if p.at >= int64(at.Add(r.Rule.HorizonDays)) && p.at < int64(at.Add(2*r.Rule.HorizonDays)) {
				o.CameBack[i] = 1
			}
		}
	}
	return o, nil
}

func (f returning) OutcomesOf(ctx context.Context, asks []features.LabelAsk) ([]*features.Outcome, error) {
	return oneByOne(ctx, f.Outcomes, asks)
}

// Each horizon of the sweep is what training with it would see.
func TestSweepSeesWhatTrainingWithEachHorizonWould(t *testing.T) {
	s, facts, _, _ := village(300)
	facts.sliceRows = 900
	s.Facts = returning{facts}
	result, err := s.LabelsCompare(t.Context(), LabelsCompareRequest{Horizons: []int{90, 30, 365, 30, 700}, Last: 4}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if facts.calls["build"] != 1 {
		t.Errorf("features were built %d times for all horizons", facts.calls["build"])
	}
	var days []int
	for i := range result.Horizons {
		row := &result.Horizons[i]
		days = append(days, row.HorizonDays)
		if row.HorizonDays == 700 {
			if row.Why == "" || row.Rows != 0 || !strings.Contains(row.Why, "700 days before it") {
				t.Errorf("two years hold no horizon of 700 days: %+v", row)
			}
			continue
		}
		s.Settings.Label.HorizonDays = row.HorizonDays
		c, err := s.calendar(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var ends []frame.Cutoff
		for _, at := range c.monthEnds() {
			if c.final(at) == nil && c.history(at) == nil {
				ends = append(ends, at)
			}
		}
		ends = ends[max(0, len(ends)-4):]
		parts, err := s.label(t.Context(), c, ends, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := join(at(parts, ends), false)
		lost, back, returnable := 0.0, 0.0, 0
		for i, y := range all.y {
			if lost += y; !math.IsNaN(all.back[i]) {
				returnable++
				back += all.back[i]
			}
		}
		if row.Cutoffs != len(ends) || row.Rows != len(all.y) || row.BaseRate != model.Figure(lost/float64(len(all.y))) || !maps.Equal(row.Excluded, all.excluded) {
			t.Errorf("%d days: %+v, training sees %d rows, %v lost, left out %v", row.HorizonDays, row, len(all.y), lost, all.excluded)
		}
		if row.Returnable != returnable || returnable > 0 && row.CameBack != model.Figure(back/float64(returnable)) {
			t.Errorf("%d days: %v of %d came back, training sees %v of %d", row.HorizonDays, row.CameBack, row.Returnable, back, returnable)
		}
		area, err := metrics.AUC(all.y, all.frame().Column(recencyColumn).Numbers, nil)
		if err != nil || float64(row.AUC) < area || row.Rule == recencyColumn && float64(row.AUC) != area {
			t.Errorf("%d days: AUC %v of %s, recency has %v, %v", row.HorizonDays, row.AUC, row.Rule, area, err)
		}
	}
	if !slices.Equal(days, []int{30, 90, 365, 700}) {
		t.Errorf("horizons %v", days)
	}
	if result.Proposed.Row < 0 || result.Proposed.Why == "" || !strings.Contains(result.Proposed.WhyZH, "天") {
		t.Errorf("proposed %+v", result.Proposed)
	}
	if result.Rhythm.HorizonDays != 90 || !strings.Contains(result.Rhythm.WhyZH, "90天") || result.CategoryWhy == "" || result.CategoryWhyZH == "" || result.CategoryProposed.Row != -1 {
		t.Errorf("rhythm %+v, categories %q %+v", result.Rhythm, result.CategoryWhy, result.CategoryProposed)
	}
}

func TestSweepOutsideItsBoundsIsRefused(t *testing.T) {
	s, facts, _, _ := village(20)
	facts.built = func() { t.Error("features were built for what is refused") }
	for _, r := range []LabelsCompareRequest{
		{Horizons: []int{0}}, {Horizons: []int{90, 1831}}, {Last: -1}, {Last: 121}, {MostBack: 1}, {MostBack: -0.1}, {Horizons: []int{1800}},
		{Horizons: []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}},
	} {
		if r.Horizons != nil && r.Horizons[0] == 1800 {
			s.Settings.Label.HorizonDays = 1800 // nor has the horizon of the settings any cutoff
		}
		if _, err := s.LabelsCompare(t.Context(), r, nil); KindOf(err) != Invalid {
			t.Errorf("%+v: %v", r, err)
		}
	}
	s.Settings.Label = features.LabelRule{Label: features.ReadyMade, HorizonDays: 90, Outcome: "left"}
	if _, err := s.LabelsCompare(t.Context(), LabelsCompareRequest{}, nil); KindOf(err) != Invalid || !strings.Contains(err.Error(), "no horizon to compare") {
		t.Errorf("ready-made: %v", err)
	}
}

func trial(rows, lost int, auc, back float64) Trial {
	return Trial{Rows: rows, lost: lost, AUC: model.Figure(auc), AUCError: 0.01, CameBack30: model.Figure(back)}
}

func TestChoiceKeepsBothBoundsWhereItCan(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		trials []Trial
		row    int
		why    string
	}{
		{"the first that keeps both", []Trial{trial(1000, 500, .6, .1), trial(1000, 400, .69, .1), trial(1000, 300, .7, .1)}, 1, "the shortest of those that keep both"},
		{"exactly one standard error", []Trial{trial(1000, 500, .69, .15), trial(1000, 300, .7, .1)}, 0, "both"},
		{"the best is not known yet to keep the other", []Trial{trial(1000, 500, .6, .1), trial(1000, 300, .7, nan)}, 0, "none of them is within one standard error"},
		{"too many came back", []Trial{trial(1000, 500, .7, .3), trial(1000, 300, .6, .2)}, 1, "at every definition more came back than may"},
		{"few of a class count for nothing", []Trial{trial(1000, 99, .9, .01), trial(1000, 901, .9, .01), trial(1000, 500, .6, .1)}, 2, "both"},
		{"nobody knows", []Trial{trial(1000, 500, .7, nan)}, -1, "is it known yet"},
		{"nothing there", []Trial{trial(10, 5, .7, .1)}, -1, "100 rows of each class"},
	} {
		names := []string{"a", "b", "c"}
		got := choose(c.trials, 0.15, horizonWords(names, names))
		if got.Row != c.row || !strings.Contains(got.Why, c.why) || got.WhyZH == "" {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// gathered makes a bench whose silences tell the lost from the others by a shift.
func gathered(rows int, seed uint64) *bench {
	random := rand.New(rand.NewPCG(seed, 1))
	b := &bench{calendar: &calendar{Settings: DefaultSettings()}, at: map[frame.Cutoff]bool{0: true}}
	for i := range rows {
		y := float64(random.IntN(2))
		b.rows = append(b.rows, trialRow{
			account: frame.AccountID(fmt.Sprint("A", i)), lost: y, back: math.NaN(), silence: random.NormFloat64() + y, gap: math.NaN(), pace: float64(i % 7),
		})
	}
	return b
}

func TestStandardErrorOfTheAUCCountsAccountsNotRows(t *testing.T) {
	b := gathered(2000, 1)
	alone, err := b.measure(nil)
	if err != nil {
		t.Fatal(err)
	}
	var y, score []float64
	for _, r := range b.rows {
		y, score = append(y, r.lost), append(score, r.silence)
	}
	delong, err := metrics.DeLong(y, score)
	if err != nil {
		t.Fatal(err)
	}
	// One row each: the jackknife over 20 groups is DeLong's, give or take its own noise (a quarter).
	if ratio := float64(alone.AUCError) / delong.StandardError(); ratio < 0.6 || ratio > 1.6 {
		t.Errorf("standard error %v, DeLong's %v", alone.AUCError, delong.StandardError())
	}
	// Every row four times: no more is known, though DeLong would halve the error.
	b.rows = slices.Concat(b.rows, b.rows, b.rows, b.rows)
	again, err := b.measure(nil)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(float64(again.AUCError-alone.AUCError)) > 1e-12 || again.Accounts != 2000 {
		t.Errorf("standard error %v of rows that stand four times, %v of one each", again.AUCError, alone.AUCError)
	}
}

func TestAccountsWithoutAGapAreMeasuredByTheOthers(t *testing.T) {
	nan := math.NaN()
	b := &bench{calendar: &calendar{Settings: DefaultSettings()}}
	for i, r := range []trialRow{
		{lost: 1, silence: 40, gap: 10}, {lost: 0, silence: 60, gap: 60}, {lost: 1, silence: 50, gap: nan}, {lost: 0, silence: 20, gap: 10}, {lost: 0, silence: 30, gap: 0},
	} {
		r.account, r.back = frame.AccountID(fmt.Sprint(i)), nan
		b.rows = append(b.rows, r)
	}
	got, err := b.measure(nil)
	if err != nil {
		t.Fatal(err)
	}
	// Middle gap 10: ratios 4, 1, 5 | 2, 3. Both lost ones lie above all others; by days 60 lies above them.
	if got.Rule != ratioColumn || got.AUC != 1 {
		t.Errorf("%s has an AUC of %v", got.Rule, got.AUC)
	}
}

func TestStabilityComparesSegmentsWithEnoughRows(t *testing.T) {
	b := gathered(1200, 2)
	segments := map[frame.AccountID]string{}
	rates := map[string]float64{}
	for i, r := range b.rows {
		name := []string{"north", "south", "south", ""}[i%4]
		if i%4 == 0 && i < 40 {
			name = "tiny"
		}
		segments[r.account] = name
		if name == "north" || name == "south" {
			rates[name] += r.lost / map[string]float64{"north": 290, "south": 600}[name]
		}
	}
	got, err := b.measure(segments)
	if err != nil {
		t.Fatal(err)
	}
	if want := math.Abs(rates["north"] - rates["south"]); got.Segments != 2 || math.Abs(float64(got.BaseRateSpread)-want) > 1e-12 || !(got.AUCSpread >= 0 && got.AUCSpread < 0.2) {
		t.Errorf("%d segments, base rates %v apart, want %v; AUCs %v apart", got.Segments, got.BaseRateSpread, want, got.AUCSpread)
	}
	if got, err = b.measure(nil); err != nil || got.Segments != 3 {
		t.Errorf("thirds: %d segments, %v", got.Segments, err)
	}
}

// A category of five eligible accounts each: stopped, bought, stopped and back,
// not due, and stopped with money that went elsewhere. asked is told of each
// question.
func stoppedCategories(asked func(*features.Slice)) (*Service, *twinFacts) {
	s, facts, _, _ := village(30)
	base := features.CategoryHistory{
		Category: "ink", BuyingDays: 6, GapDays: 20, Today: 20000, Last: 19990, Due: 20010, Spend: 365, TenureDays: 365, Other: 365, OtherDays: 365, OtherAfter: 90,
	}
	for i, change := range []func(*features.CategoryHistory){
		func(*features.CategoryHistory) {},
		func(h *features.CategoryHistory) { h.Orders = 2 },
		func(h *features.CategoryHistory) { h.OrdersAfter, h.Spend = 1, 730 },
		func(h *features.CategoryHistory) { h.Due = 20090 },
		func(h *features.CategoryHistory) {
			h.OtherAfter, h.Offers = 200, []features.Offer{{Ref: "ink", Note: "Acme"}}
		},
	} {
		h := base
		change(&h)
		h.Row = i
		facts.categories = append(facts.categories, h)
	}
	facts.told = func(sl *features.Slice, all []features.CategoryHistory) {
		asked(sl)
		next := 0
		for row, status := range sl.Status {
			if status == features.Eligible && next < len(all) {
				all[next].Row, all[next].Account, all[next].Cutoff = row, sl.Frame.Accounts[row], sl.Frame.Cutoffs[row]
				next++
			}
		}
	}
	return s, facts
}

func TestCategoriesThatWereStoppedAreListedWithTheirMoney(t *testing.T) {
	var cutoff frame.Cutoff
	s, facts := stoppedCategories(func(sl *features.Slice) { cutoff = sl.Frame.Cutoffs[0] })
	got, err := s.LabelsCategories(t.Context(), LabelsCategoriesRequest{Cutoff: "2025-06-30"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if CutoffText(cutoff, s.Settings.Location()) != "2025-06-30" {
		t.Errorf("asked at %s", cutoff)
	}
	if got.Judged != 4 || got.Stopped != 3 || got.Leaving != 360 || got.Excluded["not_due"] != 1 || got.Currency != "EUR" || got.SlackDays != features.DefaultSlackDays {
		t.Errorf("%+v", got)
	}
	_, of := facts.by(1)
	var lines []string
	for _, d := range got.Defections {
		if bought := slices.ContainsFunc(of[d.Account], func(p purchase) bool {
			return p.at >= int64(cutoff) && p.at < int64(cutoff.Add(90))
		}); d.AccountLeft == bought {
			t.Errorf("%s bought %v, and left %v", d.Account, bought, d.AccountLeft)
		}
		lines = append(lines, fmt.Sprint(d.Leaving, " ", d.To, " ", d.Offer, " ", *d.CameBack, " ", d.LastOrder, " ", d.Due))
	}
	want := []string{ // day 19990 is 2024-09-24
		"180 silent  true 2024-09-24 2024-10-14", "90 silent  false 2024-09-24 2024-10-14", "90 other_category ink Acme false 2024-09-24 2024-10-14",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	none := 0
	strict, err := s.LabelsCategories(t.Context(), LabelsCategoriesRequest{Cutoff: "2025-06-30", LeastDays: 7, SlackDays: &none}, nil)
	if err != nil || strict.Stopped != 0 || strict.SlackDays != 0 || strict.Excluded["irregular"] != 5 {
		t.Errorf("%+v, %v", strict, err)
	}
	for _, bad := range []LabelsCategoriesRequest{{LeastDays: 1}, {Cutoff: "2026-01-10"}, {Cutoff: "yesterday"}} {
		if _, err := s.LabelsCategories(t.Context(), bad, nil); KindOf(err) != Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestRulesForCategoriesAreSweptOnOneAnswer(t *testing.T) {
	asked := 0
	s, _ := stoppedCategories(func(*features.Slice) { asked++ })
	got, err := s.LabelsCompare(t.Context(), LabelsCompareRequest{Horizons: []int{90}, Last: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if asked != 1 || len(got.Categories) != len(sweptLeastDays())*len(sweptSlackDays()) {
		t.Fatalf("asked %d times for %d rules", asked, len(got.Categories))
	}
	for _, c := range got.Categories {
		// Due on day 20010 and 20090, the horizon ends on day 20090: with no slack or some the last is not due.
		if c.Rows != 4 || c.lost != 3 || c.Leaving != 360 || c.Excluded["not_due"] != 1 || c.To["silent"] != 2 {
			t.Errorf("%d days, slack %d: %+v", c.LeastDays, c.SlackDays, c)
		}
	}
	if got.CategoryProposed.Row != -1 {
		t.Errorf("proposed from four categories: %+v", got.CategoryProposed)
	}
}
