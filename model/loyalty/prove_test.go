package loyalty

import (
	"context"
	"maps"
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
		if words, ok := WordsOfStory(s.Code()); !ok || (s.Code() == LoyalLeaving) != s.Loyal || words.EN == words.ZH {
			t.Errorf("%+v is %s, in words %+v", s, s.Code(), words)
		}
	}
	// Who has no risk, since it is gone, is no measure of those who have one.
	none := append(slices.Repeat([]float64{missing}, 3000), risk...)
	if got := Stories(append(slices.Repeat([]float64{0}, 3000), loyal...), none, Disagreement{High: 80, Low: 20}); len(got) != 2 || got[0].Row != 3005 {
		t.Errorf("beside accounts without a risk %+v", got)
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
		if !near(a.Values[Satisfaction][i], want.satisfaction) || a.Basis[Satisfaction][i] != want.basis || a.Why[Satisfaction][i] != want.why {
			t.Errorf("row %d: satisfaction %v by %q, why %q", i, a.Values[Satisfaction][i], a.Basis[Satisfaction][i], a.Why[Satisfaction][i])
		}
	}
	told := func(i int, k Aspect) string {
		w, ok := WordsOfAttitude(a.Records(i)[k])
		if zh, _ := WordsOfAspect(k.String()); !ok || !strings.HasPrefix(w.ZH, zh.ZH) {
			t.Errorf("%s: %+v", k, w)
		}
		return strings.TrimPrefix(w.EN, aspects[k].label.EN+": ")
	}
	for _, c := range []struct {
		row  int
		of   Aspect
		want string
	}{
		{0, Satisfaction, "60 (perception against expectation, 50 is just as expected)"}, {2, Satisfaction, "not measured (nothing is known of this account)"},
		{0, ResponseRate, "75 %"}, {2, Complaints, "0"}, {1, OpenDays, "3"}, {0, OpenDays, "not measured (no complaint is open)"}, {4, OpenDays, "not measured (nothing is known of this account)"},
		{0, Emotional, "80 (answered by the account)"}, {1, Emotional, "not measured (nothing is known of this account)"},
		{0, Behavioural, "40 (repeat purchase, share of wallet, duration and frequency)"}, {4, Behavioural, "not measured (nothing is known of this account)"},
		{0, Conscious, "60 (answered by the account)"}, {0, Delivered, "30 (answered by the account)"},
		{1, Delivered, "not measured (only the values or only the costs were told)"}, {3, Delivered, "not measured (only the values or only the costs were told)"},
	} {
		if got := told(c.row, c.of); got != c.want {
			t.Errorf("row %d, %s: %q, want %q", c.row, c.of, got, c.want)
		}
	}
	if got := Attitudes(evaluate(t, planted(t, 1, nil), DefaultSettings())); got.Why[Satisfaction][0] != NoColumn || got.Why[Delivered][0] != NoColumn || !math.IsNaN(got.Values[Complaints][0]) {
		t.Errorf("without surveys: why %v, complaints %v", got.Why[Satisfaction], got.Values[Complaints])
	}
}

// What is replied reaches attitude and the indicator that asks for it while it is
// new, with who said so; what was expected tells satisfaction where no survey does.
func TestRepliesCountWhileTheyAreNew(t *testing.T) {
	in := planted(t, 4, map[string][]float64{"tenure_days": {365, 365, 365, 365}})
	for i := range 4 {
		in.Frame.Cutoffs[i] = 1_700_000_000
	}
	reply := func(row int, item string, share, expected float64, judged bool, days int64) {
		in.Replies = append(in.Replies, Reply{Row: row, Item: item, Share: share, Expected: expected, Judged: judged, At: 1_700_000_000 - days*86400})
	}
	reply(0, ItemEmotional, .9, missing, false, 1)
	reply(0, ItemTrust, .5, missing, true, 365)
	reply(1, ItemEmotional, .9, missing, true, 366)
	reply(1, ItemRecommend, 1, missing, false, 1)
	reply(2, ItemRecommend, 1, missing, false, 400)
	reply(2, ItemProduct, .6, .8, false, 1)
	reply(2, ItemImage, .9, .9, false, 1)
	reply(2, ItemMental, .25, missing, true, 1)
	before := maps.Clone(in.Extra)
	scores := evaluate(t, in, DefaultSettings())
	if !maps.EqualFunc(before, in.Extra, slices.Equal) {
		t.Error("the caller's extras were changed")
	}
	a := Attitudes(scores)
	type cell struct {
		v     float64
		basis Basis
		why   Why
	}
	for k, want := range map[Aspect][4]cell{
		Emotional:    {{70, SurveyedAndJudged, Measured}, {missing, NotMeasured, TooOld}, {missing, NotMeasured, NoValue}, {missing, NotMeasured, NoValue}},
		Conscious:    {{missing, NotMeasured, NoValue}, {100, Surveyed, Measured}, {missing, NotMeasured, TooOld}, {missing, NotMeasured, NoValue}},
		Delivered:    {{missing, NotMeasured, NoValue}, {missing, NotMeasured, NoValue}, {50, SurveyedAndJudged, Measured}, {missing, NotMeasured, NoValue}},
		Satisfaction: {{missing, NotMeasured, NoValue}, {missing, NotMeasured, NoValue}, {45, ItemsAgainstExpectation, Measured}, {missing, NotMeasured, NoValue}},
	} {
		for i, w := range want {
			if !near(a.Values[k][i], w.v) || a.Basis[k][i] != w.basis || a.Why[k][i] != w.why {
				t.Errorf("%s of row %d: %v by %q, why %q", k, i, a.Values[k][i], a.Basis[k][i], a.Why[k][i])
			}
		}
	}
	if scores.Indicators[Advocacy][1] != 100 || !math.IsNaN(scores.Indicators[Advocacy][2]) {
		t.Errorf("recommends: %v", scores.Indicators[Advocacy])
	}
	for want, r := range map[string]Reply{"row 4": {Row: 4, Item: ItemTrust}, "joy": {Item: "joy"}, "1.5": {Item: ItemTrust, Share: 1.5}} {
		in.Replies = []Reply{r}
		if _, err := Evaluate(t.Context(), in, DefaultSettings()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
