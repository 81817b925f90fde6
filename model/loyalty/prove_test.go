package loyalty

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// spearmanByRanks is Pearson's correlation of ranks that are counted one by one.
func spearmanByRanks(a, b []float64) float64 {
	rank := func(v []float64, i int) (r float64) {
		for j := range v {
			r += float64(one(v[j] < v[i])) + float64(one(v[j] == v[i]))/2
		}
		return r
	}
	n := float64(len(a))
	var sa, sb, saa, sbb, sab float64
	for i := range a {
		x, y := rank(a, i), rank(b, i)
		sa, sb, saa, sbb, sab = sa+x, sb+y, saa+x*x, sbb+y*y, sab+x*y
	}
	return (n*sab - sa*sb) / math.Sqrt((n*saa-sa*sa)*(n*sbb-sb*sb))
}

func TestSpearmanEqualsCountedRanks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 30).Draw(t, "n")
		values := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(0, 8).Draw(t, "v")) }), n, n)
		a, b := values.Draw(t, "a"), values.Draw(t, "b")
		got, want := Spearman(append(a, missing), append(b, 1)), spearmanByRanks(a, b)
		if got.N != n || (!math.IsNaN(want) && !near(got.Value, want)) {
			t.Fatalf("%v of %d, want %v of %d", got.Value, got.N, want, n)
		}
		if !math.IsNaN(got.Value) && !(got.Low <= got.Value+1e-12 && got.Value <= got.High+1e-12) {
			t.Fatalf("interval %+v", got)
		}
	})
	if got := Spearman([]float64{1, 2, 3}, []float64{1, 2, 3}); !math.IsNaN(got.Value) {
		t.Errorf("three pairs correlate by %v", got.Value)
	}
	if got := Spearman([]float64{1, 1, 1, 1, 1}, []float64{1, 2, 3, 4, 5}); !math.IsNaN(got.Value) {
		t.Errorf("a constant correlates by %v", got.Value)
	}
}

// A score that knows the truth is proved, one that does not is not, and the accounts
// that were planted to contradict the churn model are flagged, no others.
func TestProofFindsWhatWasPlanted(t *testing.T) {
	const n = 1000
	chance := rand.New(rand.NewPCG(1, 2))
	loyal, noise, kept, spend, risk := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		truth := float64(i) / n
		loyal[i], noise[i] = 100*truth, 100*chance.Float64()
		kept[i] = float64(one(chance.Float64() < truth))
		spend[i] = kept[i] * 100 * truth
		risk[i] = 1 - truth
	}
	loyal[0] = missing
	risk[990], risk[5] = 1, 0
	p, err := Prove(loyal, kept, spend, risk, Disagreement{High: 80, Low: 20})
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Loyalty.Kept; !(c.Low > .4) {
		t.Errorf("loyalty against retention %+v", c)
	}
	if len(p.Loyalty.Tenths) != 10 || !(p.Loyalty.Tenths[9].Kept > .85 && p.Loyalty.Tenths[0].Kept < .15 && p.Loyalty.Tenths[9].Spend > p.Loyalty.Tenths[4].Spend) {
		t.Errorf("tenths %+v", p.Loyalty.Tenths)
	}
	total := 0
	for _, tenth := range p.Loyalty.Tenths {
		total += tenth.N
	}
	if total != n-1 {
		t.Errorf("tenths hold %d accounts, want %d", total, n-1)
	}
	if p.Churn == nil || !(p.Churn.Kept.Value > .4) || !(p.Agreement.Value > .9) {
		t.Errorf("churn beside: %+v, agreement %+v", p.Churn, p.Agreement)
	}
	if len(p.Stories) != 2 || p.Stories[0].Row != 5 || p.Stories[0].Loyal || p.Stories[1].Row != 990 || !p.Stories[1].Loyal {
		t.Errorf("contradictions %+v", p.Stories)
	}
	for _, s := range p.Stories {
		for _, lang := range languages {
			if text := s.Sentence(lang); strings.Contains(text, "{") {
				t.Errorf("in words: %s", text)
			}
		}
	}
	q, err := Prove(noise, kept, spend, nil, Disagreement{High: 80, Low: 20})
	if err != nil || !(q.Loyalty.Kept.Low < 0.02 && q.Loyalty.Kept.High > -0.02) || q.Churn != nil {
		t.Errorf("noise against retention %+v, %v", q.Loyalty.Kept, err)
	}
	for _, bad := range [][4][]float64{{{1}, {1, 2}, {1}, nil}, {{1}, {2}, {1}, nil}, {{1}, {1}, {1}, {2}}} {
		if _, err := Prove(bad[0], bad[1], bad[2], bad[3], Disagreement{High: 80, Low: 20}); err == nil {
			t.Errorf("%v was proved", bad)
		}
	}
}

func TestPreviewShowsTheEffect(t *testing.T) {
	in := scaledInput(t, 400, 11)
	ctx := context.Background()
	old := DefaultSettings()
	same, err := PreviewSettings(ctx, in, old, DefaultSettings(), 3, []float64{50})
	if err != nil {
		t.Fatal(err)
	}
	if same.MeanChange != 0 || same.Changed != 0 || same.Crossings[0] != (Crossing{Threshold: 50}) || !near(same.RankCorrelation.Value, 1) || !slices.Equal(same.OldDeciles, same.NewDeciles) {
		t.Errorf("no change changes %+v", same)
	}
	proposed := DefaultSettings()
	proposed.Weights = Weights{"duration": 70, "share_of_wallet": 30}
	p, err := PreviewSettings(ctx, in, old, proposed, 3, []float64{40, 60})
	if err != nil {
		t.Fatal(err)
	}
	direct := evaluate(t, in, proposed)
	if !slices.EqualFunc(p.NewScore, direct.Score, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
		t.Error("the preview differs from what an evaluation gives")
	}
	var sum, up, n float64
	lost := 0
	for i := range p.OldScore {
		if math.IsNaN(p.NewScore[i]) && !math.IsNaN(p.OldScore[i]) {
			lost++
		}
		if d := p.NewScore[i] - p.OldScore[i]; !math.IsNaN(d) {
			sum, n = sum+d, n+1
			up += float64(one(p.OldScore[i] < 60 && p.NewScore[i] >= 60))
		}
	}
	if !near(p.MeanChange, sum/n) || p.Crossings[1].Up != int(up) || p.Lost != lost || p.Changed == 0 {
		t.Errorf("mean change %v, want %v; up %v, want %v; lost %d, want %d", p.MeanChange, sum/n, p.Crossings[1], up, p.Lost, lost)
	}
	e := p.Account
	for k, shift := range e.Shift {
		if !near(shift, e.New.Parts[k].Points-e.Old.Parts[k].Points) {
			t.Errorf("%s shifts by %v", Indicator(k), shift)
		}
	}
	if e.Old.Account != "a3" || e.Old.Profile == "" {
		t.Errorf("account %+v", e.Old)
	}
	if _, err := PreviewSettings(ctx, in, old, proposed, 400, nil); err == nil {
		t.Error("a row that is not there was previewed")
	}
	proposed.Weights["duration"] = 71
	if _, err := PreviewSettings(ctx, in, old, proposed, -1, nil); err == nil {
		t.Error("weights of 101 were previewed")
	}
}

func TestAttitudeIsApartFromBehaviour(t *testing.T) {
	in := planted(t, 5, map[string][]float64{
		"satisfaction_last": {.8, .8, missing, .9, missing}, "expectation_gap": {.2, missing, missing, .1, missing}, "satisfaction_age_days": {10, 10, missing, 400, missing},
		"survey_silence_share_365d": {.25, 0, 1, 0, missing}, "complaints_365d": {0, 1, 0, 0, missing}, "complaint_open_days": {missing, 3, missing, missing, missing},
		"tenure_days":   {365, 365, 365, 365, missing},
		"+" + ItemTrust: {.9, missing, missing, missing, missing}, "+" + ItemPride: {.7, missing, missing, missing, missing},
		"+" + ItemRepurchase: {.6, missing, missing, missing, missing},
		"+" + ItemProduct:    {.9, .9, missing, missing, missing}, "+" + ItemService: {.7, missing, missing, missing, missing}, "+" + ItemMoney: {.5, missing, missing, .1, missing},
	})
	a := Attitudes(evaluate(t, in, DefaultSettings()))
	for i, want := range []struct {
		satisfaction float64
		basis        Basis
		why          Why
	}{
		{60, AgainstExpectation, Measured}, {80, PerceptionOnly, Measured}, {missing, NotMeasured, NoValue}, {missing, NotMeasured, TooOld}, {missing, NotMeasured, NoValue},
	} {
		if !near(a.Satisfaction[i], want.satisfaction) || a.Basis[i] != want.basis || a.Why[i] != want.why {
			t.Errorf("row %d: satisfaction %v by %q, why %q", i, a.Satisfaction[i], a.Basis[i], a.Why[i].Words("en"))
		}
	}
	if a.ResponseRate[0] != .75 || a.Complaints[2] != 0 || a.OpenDays[1] != 3 {
		t.Errorf("response %v, complaints %v, open %v", a.ResponseRate, a.Complaints, a.OpenDays)
	}
	if !near(a.Emotional[0], 80) || !near(a.Conscious[0], 60) || !near(a.Behavioural[0], 40) || !math.IsNaN(a.Emotional[1]) || !math.IsNaN(a.Behavioural[4]) {
		t.Errorf("emotional %v, conscious %v, behavioural %v", a.Emotional, a.Conscious, a.Behavioural)
	}
	if !near(a.Delivered[0], 30) || a.Asked[0] != 3 || !math.IsNaN(a.Delivered[1]) || !math.IsNaN(a.Delivered[3]) {
		t.Errorf("delivered value %v of %v items", a.Delivered, a.Asked)
	}
	if s := a.Sentences(2, "en"); s[0] != "Satisfaction: not measured (nothing is known of this account)" || s[2] != "Complaints in the last 365 days: 0" {
		t.Errorf("no complaint is said to be %q", s)
	}
	if got := Attitudes(evaluate(t, planted(t, 1, nil), DefaultSettings())); got.Why[0] != NoColumn || !math.IsNaN(got.Complaints[0]) {
		t.Errorf("without surveys: why %v, complaints %v", got.Why, got.Complaints)
	}
}
