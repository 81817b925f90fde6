package loyalty

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"fealty/features/frame"
	"pgregory.net/rapid"
)

func evaluate(t testing.TB, in Input, s Settings) *Scores {
	t.Helper()
	scores, err := Evaluate(context.Background(), in, s)
	if err != nil {
		t.Fatal(err)
	}
	return scores
}

func scaledInput(t testing.TB, n int, seed uint64) Input {
	t.Helper()
	in := draw(n, seed)
	scale, err := FitScale(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Scale = scale
	return in
}

// twin computes one row the slow way: from a map of its values, with no chunk,
// no binding and no index.
func twin(in Input, i int, s Settings) (indicators [Indicators]float64, computed float64) {
	value := func(name string) float64 {
		for k := range in.Frame.Columns {
			if in.Frame.Columns[k].Name == name {
				return in.Frame.Columns[k].Numbers[i]
			}
		}
		if column, ok := in.Extra[name]; ok {
			return column[i]
		}
		return math.NaN()
	}
	for k, d := range Definitions() {
		var top, bottom float64
		for _, term := range d.Terms {
			v := value(term.Column)
			if term.Minus != "" {
				v -= value(term.Minus)
			}
			if math.IsNaN(v) || (term.When != nil && !(value(term.When.Column) > term.When.Value)) || (term.Fallback && bottom > 0) {
				continue
			}
			curve := term.Curve
			if curve == nil {
				curve = in.Scale.Curve(term.Column)
			}
			y := lineThrough(curve, v)
			top, bottom = top+term.Weight*y, bottom+term.Weight
		}
		open := len(d.Any) == 0
		for _, c := range d.Any {
			v := value(c.Column)
			open = open || (c.Operator == ">" && v > c.Value) || (c.Operator == ">=" && v >= c.Value)
		}
		indicators[k] = math.NaN()
		if open && bottom > 0 {
			indicators[k] = top / bottom
		}
	}
	weights := s.Weights
	if value("tenure_days") < s.Onboarding.Days {
		weights = s.Onboarding.Weights
	} else if in.Segments != nil && s.Segments[in.Segments[i]] != nil {
		weights = s.Segments[in.Segments[i]]
	}
	var top, bottom float64
	for k, v := range indicators {
		if !math.IsNaN(v) {
			top, bottom = top+weights[Indicator(k).String()]*v, bottom+weights[Indicator(k).String()]
		}
	}
	if bottom < s.LeastMeasured {
		return indicators, math.NaN()
	}
	return indicators, top / bottom
}

// lineThrough interpolates by the two anchors around x, found from the right.
func lineThrough(c Curve, x float64) float64 {
	for k, a := range slices.Backward(c) {
		if x >= a.X {
			if k == len(c)-1 {
				return c[k].Y
			}
			part := (x - c[k].X) / (c[k+1].X - c[k].X)
			return (1-part)*c[k].Y + part*c[k+1].Y
		}
	}
	return c[0].Y
}

func near(a, b float64) bool {
	return (math.IsNaN(a) && math.IsNaN(b)) || math.Abs(a-b) < 1e-9
}

func TestScoresEqualASlowTwin(t *testing.T) {
	in := scaledInput(t, 3*chunk/2, 1)
	s := DefaultSettings()
	s.Segments = map[string]Weights{"trade": {"duration": 40, "frequency_turnover": 60}}
	in.Segments = make([]string, in.rows())
	for i := range in.Segments {
		in.Segments[i] = []string{"trade", "other", ""}[i%3]
	}
	scores := evaluate(t, in, s)
	for i := range in.rows() {
		indicators, computed := twin(in, i, s)
		for k, want := range indicators {
			if got := scores.Indicators[k][i]; !near(got, want) || math.IsNaN(got) != (scores.Why[k][i] != Measured) {
				t.Fatalf("row %d %s = %v (why %d), the twin says %v", i, Indicator(k), got, scores.Why[k][i], want)
			}
		}
		if !near(scores.Computed[i], computed) {
			t.Fatalf("row %d computed %v, the twin says %v", i, scores.Computed[i], computed)
		}
	}
}

func TestScoresDependOnNoThreadAndNoNeighbour(t *testing.T) {
	in := scaledInput(t, 2*chunk+17, 2)
	in.Threads = 1
	alone := evaluate(t, in, DefaultSettings())
	in.Threads = 5
	together := evaluate(t, in, DefaultSettings())
	for i := range alone.Score {
		if math.Float64bits(alone.Score[i]) != math.Float64bits(together.Score[i]) {
			t.Fatalf("row %d: %v on one thread, %v on five", i, alone.Score[i], together.Score[i])
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, in.rows()-1).Draw(t, "row")
		one := in
		one.Frame = in.Frame.Take([]int{i})
		one.Extra = map[string][]float64{}
		for name, values := range in.Extra {
			one.Extra[name] = values[i : i+1]
		}
		s, err := Evaluate(context.Background(), one, DefaultSettings())
		if err != nil {
			t.Fatal(err)
		}
		if math.Float64bits(s.Score[0]) != math.Float64bits(alone.Score[i]) {
			t.Fatalf("row %d: %v alone, %v in the batch", i, s.Score[0], alone.Score[i])
		}
	})
}

func TestAnswersAddUp(t *testing.T) {
	in := scaledInput(t, 500, 3)
	scores := evaluate(t, in, DefaultSettings())
	for i := range scores.Score {
		a := scores.Explain(i)
		var asked, used, points float64
		for _, p := range a.Parts {
			asked, used, points = asked+p.Asked, used+p.Used, points+p.Points
			if p.Why != Measured && p.Used != 0 {
				t.Fatalf("row %d: %s is not measurable, but counts %v points", i, p.Indicator, p.Used)
			}
		}
		if !near(asked, 100) {
			t.Fatalf("row %d: %v points asked", i, asked)
		}
		if a.Why == TooLittle {
			continue
		}
		if !near(used, 100) || !near(points, a.Computed) {
			t.Fatalf("row %d: %v points used, parts sum to %v of %v", i, used, points, a.Computed)
		}
		if !(a.Score >= 0 && a.Score <= 100) {
			t.Fatalf("row %d: score %v", i, a.Score)
		}
	}
}

// A frame without any column measures nothing, and says so.
func TestNothingIsEverASilentZero(t *testing.T) {
	in := Input{Frame: &frame.Frame{Accounts: []frame.AccountID{"a"}, Cutoffs: []frame.Cutoff{1}}}
	s := evaluate(t, in, DefaultSettings())
	if !math.IsNaN(s.Score[0]) || s.Measured[0] != 0 {
		t.Errorf("score %v of %v points from nothing", s.Score[0], s.Measured[0])
	}
	for k := range s.Why {
		if s.Why[k][0] != NoColumn {
			t.Errorf("%s: why %d, want NoColumn", Indicator(k), s.Why[k][0])
		}
	}
	if got := s.AbsentCaps(); len(got) != 2 {
		t.Errorf("caps without a column: %v, want both", got)
	}
}

func TestWhyAnIndicatorIsNotMeasurable(t *testing.T) {
	in := draw(4, 4)
	for _, name := range []string{"complaints_365d", "late_delivery_share_365d", "promises_broken_365d", "returns_quality_share_365d"} {
		for i := range 3 {
			with(in, name, i, 0)
		}
		with(in, name, 3, math.NaN())
	}
	with(in, "buying_days_total", 0, 1)
	with(in, "tenure_days", 0, 40)
	with(in, "wallet_share", 1, math.NaN())
	in.Extra[ExtraWalletShare][1] = math.NaN()
	for i := range 4 {
		with(in, "referrals_365d", i, 0)
	}
	delete(in.Extra, ItemRecommend)
	bare := evaluate(t, in, DefaultSettings())
	scale, err := FitScale(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Scale = scale
	s := evaluate(t, in, DefaultSettings())
	for _, c := range []struct {
		what      string
		got, want Why
	}{
		{"no failure", s.Why[Tolerance][0], NothingFailed},
		{"failures not known", s.Why[Tolerance][3], NoValue},
		{"one purchase 40 days ago", s.Why[Repeat][0], TooYoung},
		{"no wallet", s.Why[WalletShare][1], NoValue},
		{"no referral of anybody", s.Why[Advocacy][2], NotRecorded},
		{"no scale", bare.Why[LifetimeValue][0], NoScale},
	} {
		if c.got != c.want {
			t.Errorf("%s: why %q, want %q", c.what, c.got.Words("en"), c.want.Words("en"))
		}
	}
}

// Raising a value that is there never moves an indicator against its published curve.
func TestIndicatorsAreMonotone(t *testing.T) {
	in := scaledInput(t, 200, 12)
	was := evaluate(t, in, DefaultSettings())
	rapid.Check(t, func(t *rapid.T) {
		d := &definitions[rapid.IntRange(0, Indicators-1).Draw(t, "indicator")]
		term := &d.Terms[rapid.IntRange(0, len(d.Terms)-1).Draw(t, "term")]
		i := rapid.IntRange(0, in.rows()-1).Draw(t, "row")
		cell := &in.columns().of(term.Column)[i]
		before := *cell
		*cell += rapid.Float64Range(0, 3).Draw(t, "more")
		if slices.Contains(Items(), term.Column) || term.Column == ExtraWalletShare {
			*cell = min(1, *cell)
		}
		is, err := Evaluate(context.Background(), in, DefaultSettings())
		*cell = before
		if err != nil {
			t.Fatal(err)
		}
		change := is.Indicators[d.Indicator][i] - was.Indicators[d.Indicator][i]
		falls := term.Curve != nil && term.Curve[0].Y > term.Curve[len(term.Curve)-1].Y
		if (falls && change > 1e-9) || (!falls && change < -1e-9) {
			t.Fatalf("row %d: more %s moved %s by %v", i, term.Column, d.Indicator, change)
		}
	})
}

// Every published curve is monotone and passes through its anchors.
func TestDefinitionsAreSound(t *testing.T) {
	for i := range definitions {
		d := &definitions[i]
		if d.Indicator != Indicator(i) {
			t.Errorf("definition %d is of %s", i, d.Indicator)
		}
		if d.Basic != (i < 5) {
			t.Errorf("%s stands in the wrong group", d.Indicator)
		}
		for _, term := range d.Terms {
			if term.Curve == nil {
				continue
			}
			if err := term.Curve.check(); err != nil {
				t.Errorf("%s %s: %v", d.Indicator, term.Column, err)
			}
			for _, a := range term.Curve {
				if got := term.Curve.At(a.X); got != a.Y {
					t.Errorf("%s %s: %v at the anchor (%v, %v)", d.Indicator, term.Column, got, a.X, a.Y)
				}
			}
		}
	}
}

func TestProfiles(t *testing.T) {
	in := scaledInput(t, 3, 5)
	with(in, "tenure_days", 0, 30)
	with(in, "tenure_days", 1, 900)
	with(in, "tenure_days", 2, 900)
	in.Segments = []string{"trade", "trade", "retail"}
	s := DefaultSettings()
	s.Segments = map[string]Weights{"trade": {"duration": 100}}
	s.LeastMeasured = 1
	scores := evaluate(t, in, s)
	for i, want := range []string{OnboardingProfile, segmentProfile + "trade", DefaultProfile} {
		if got := scores.Explain(i).Profile; got != want {
			t.Errorf("row %d weighs by %s, want %s", i, got, want)
		}
	}
	if want := scores.Indicators[Duration][1]; scores.Computed[1] != want {
		t.Errorf("a segment that weighs duration alone scores %v, want %v", scores.Computed[1], want)
	}
}

func TestCapsBound(t *testing.T) {
	in := scaledInput(t, 4, 6)
	for i := range 4 {
		with(in, "complaint_open_days", i, 0)
		with(in, "overdue_days", i, 0)
	}
	with(in, "complaint_open_days", 1, 15)
	with(in, "complaint_open_days", 2, 14)
	with(in, "overdue_days", 3, 91)
	with(in, "complaint_open_days", 3, 15)
	s := DefaultSettings()
	s.Caps[0].Cap, s.Caps[1].Cap = 3, 2
	scores := evaluate(t, in, s)
	for i, want := range []int8{-1, 0, -1, 1} {
		if scores.Cap[i] != want {
			t.Errorf("row %d: cap %d, want %d", i, scores.Cap[i], want)
		}
		if bound := []float64{100, 3, 100, 2}[i]; scores.Score[i] > bound || (want < 0 && scores.Score[i] != scores.Computed[i]) {
			t.Errorf("row %d: score %v of %v, bound %v", i, scores.Score[i], scores.Computed[i], bound)
		}
	}
	a := scores.Explain(1)
	if a.Cap == nil || a.CapValue != 15 {
		t.Fatalf("the answer of a capped account names %v", a.Cap)
	}
	if got := a.Cap.Sentence(a.CapValue, "", "en"); got != "A complaint has been open for 15 days: at most 3" {
		t.Errorf("cap in words: %s", got)
	}
	if got := a.Cap.Sentence(a.CapValue, "", "zh"); got != "有投诉已15天未解决：最高3分" {
		t.Errorf("cap in words: %s", got)
	}
}

func TestManualMeasures(t *testing.T) {
	in := scaledInput(t, 3, 7)
	in.Manual = []Manual{
		{Account: "a0", Kind: ManualMeasure, Value: 10, Author: "Li", Comment: "older", At: 5},
		{Account: "a0", Kind: ManualMeasure, Value: 90, Author: "Li", Comment: "newer", At: 6},
		{Account: "a0", Kind: ManualMeasure, Value: 0, Author: "Li", Comment: "after the cutoff", At: 1_700_000_000},
	}
	s := DefaultSettings()
	s.Weights = Weights{ManualWeight: 40, "duration": 60}
	s.Onboarding.Days = 0
	for i := range 3 {
		with(in, "tenure_days", i, 365) // 40 points
		with(in, "complaint_open_days", i, 99)
		with(in, "overdue_days", i, 0)
	}
	s.Caps[0].Cap = 50
	scores := evaluate(t, in, s)
	if want := .4*90 + .6*40; !near(scores.Computed[0], want) || scores.Score[0] != 50 {
		t.Errorf("with a manual measure %v capped at %v, want %v at 50", scores.Computed[0], scores.Score[0], want)
	}
	if scores.Computed[2] != 40 || scores.Measured[2] != 60 {
		t.Errorf("without a measure %v of %v points, want 40 of 60", scores.Computed[2], scores.Measured[2])
	}
	a := scores.Explain(0)
	if a.Measure == nil || a.Used != 40 || a.MeasureAsked != 40 {
		t.Errorf("the answer shows the measure %v with %v of %v points", a.Measure, a.Used, a.MeasureAsked)
	}
	if got := a.Measure.Sentence("en"); got != "Measured by hand: 90, by Li on 1970-01-01: newer" {
		t.Errorf("in words: %s", got)
	}
	if r := scores.Record(0, Attitudes(scores)).Indicators[Indicators]; r.Name != ManualWeight || r.Value != 90 || r.Used != 40 || r.Author != "Li" || r.Comment != "newer" || r.At != 6 {
		t.Errorf("the record of the measure is %+v", r)
	}
}

func TestParentsAreTheMeanOfTheirChildren(t *testing.T) {
	// 0 ← 1, 2; 2 ← 3, 4. Row 2 trades nothing itself.
	in := draw(5, 8)
	in.Parents = []int32{-1, 0, 0, 2, 2}
	in.Values = []float64{0, 100, 0, 200, 100}
	s := DefaultSettings()
	s.Weights, s.Onboarding.Days, s.Caps = Weights{"duration": 100}, 0, nil
	for i, tenure := range []float64{3650, 0, 3650, 365, 1095} { // 100, 0, 100, 40, 70 points
		with(in, "tenure_days", i, tenure)
	}
	scores := evaluate(t, in, s)
	two := (200*40. + 100*70) / 300
	if !near(scores.Score[2], two) {
		t.Errorf("parent of two scores %v, want %v", scores.Score[2], two)
	}
	if want := 300 * two / 400; !near(scores.Score[0], want) {
		t.Errorf("grandparent scores %v, want %v", scores.Score[0], want)
	}
	if scores.Children[0] != 2 || scores.Children[2] != 2 || len(scores.Children) != 2 {
		t.Errorf("children counted: %v", scores.Children)
	}
	if scores.Computed[0] != 100 {
		t.Errorf("the parent's own mean is %v, want 100", scores.Computed[0])
	}
	// What a parent trades itself is one more child.
	in.Values[2] = 300
	if got, want := evaluate(t, in, s).Score[2], (200*40.+100*70+300*100)/600; !near(got, want) {
		t.Errorf("parent that trades itself scores %v, want %v", got, want)
	}
	in.Values = []float64{0, 0, 0, 0, math.NaN()}
	if got := evaluate(t, in, s).Score[2]; !near(got, 55) {
		t.Errorf("children without value average %v, want 55", got)
	}
	// Row 2 and the grandparent without rows of their own, above them one of whom nobody
	// below has a score, and the same settings weighed once more.
	above := draw(3, 8)
	above.Above, above.AboveParents = []frame.AccountID{"two", "zero", "top"}, []int32{4, -1, -1}
	above.Parents, above.Values = []int32{4, 3, 3}, []float64{100, 200, 100}
	for i, tenure := range []float64{0, 365, 1095} {
		with(above, "tenure_days", i, tenure)
	}
	pooled := evaluate(t, above, s)
	if got := pooled.Above; !near(got[0].Score, two) || !near(got[1].Score, 300*two/400) || got[0].Children != 2 || got[1].Children != 2 || !math.IsNaN(got[2].Score) {
		t.Errorf("accounts above the rows: %+v", got)
	}
	if r := pooled.RecordAbove(0); r.Score != pooled.Above[0].Score || r.Children != 2 || r.Why != "" || pooled.RecordAbove(2).Why != "too_little" {
		t.Errorf("the record of an account above the rows is %+v", r)
	}
	again, err := pooled.weighed(t.Context(), s)
	if err != nil || !near(again.Above[1].Score, pooled.Above[1].Score) {
		t.Errorf("weighed again: %+v, %v", again, err)
	}
	above.AboveParents[1] = 3
	if _, err := Evaluate(t.Context(), above, s); err == nil || !strings.Contains(err.Error(), `"two"`) {
		t.Errorf("a cycle above the rows: %v", err)
	}
	in.Parents = []int32{2, 0, 0, 2, 2}
	if _, err := Evaluate(context.Background(), in, s); err == nil || !strings.Contains(err.Error(), "cycle") {
		t.Errorf("a cycle of parents: %v", err)
	}
}

func TestCancelledBatchesEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Evaluate(ctx, draw(10, 1), DefaultSettings()); err == nil {
		t.Error("a cancelled batch answered")
	}
}

func TestBadInputIsRefusedByName(t *testing.T) {
	set := func(change func(*Settings)) Settings {
		s := DefaultSettings()
		change(&s)
		return s
	}
	for _, c := range []struct {
		settings Settings
		want     string
	}{
		{set(func(s *Settings) { s.Weights["duration"] = 20 }), "loyalty weights sum to 110, not to 100; take 10 points away"},
		{set(func(s *Settings) { s.Weights["duration"] = 0 }), "add 10 points"},
		{set(func(s *Settings) { delete(s.Weights, "duration"); s.Weights["charm"] = 10 }), `unknown indicator "charm"; there are repeat_purchase`},
		{set(func(s *Settings) { s.Segments = map[string]Weights{"b": {"duration": 1}} }), `segment "b" sum to 1`},
		{set(func(s *Settings) { s.Weights["duration"], s.Weights["tolerance"] = -1, 19 }), "duration has -1 points"},
		{set(func(s *Settings) { s.Caps[0].Operator = "~" }), `cap "open_complaint" operator "~" is none of`},
		{set(func(s *Settings) { s.Caps[0].ZH = "" }), "give en and zh"},
		{set(func(s *Settings) { s.Caps[0].EN = "{spend_365d}" }), "only {complaint_open_days} may stand"},
		{set(func(s *Settings) { s.Caps[1].Name = "open_complaint" }), "stands twice"},
		{set(func(s *Settings) { s.Caps[0].Cap = 101 }), "give 0 … 100"},
		{set(func(s *Settings) { s.LeastMeasured = 0 }), "least_measured"},
		{set(func(s *Settings) { s.Onboarding.Days = math.NaN() }), "onboarding days"},
		{set(func(s *Settings) { s.Disagreement.Low = 90 }), "disagreement"},
		{set(func(s *Settings) { s.Tiers.VIPShare = .9 }), "the shares sum to 1.09"},
		{set(func(s *Settings) { s.Tiers.Policies["gold"] = Policy{} }), `unknown tier "gold"`},
		{set(func(s *Settings) { s.RFM.BuyingDays = []float64{3, 2} }), "cut points of buying_days"},
		{set(func(s *Settings) { s.Levels.Friend.TenureDays = 1 }), "levels"},
		{set(func(s *Settings) { s.Verdicts.GrowRisk = 2 }), "grow_risk"},
		{set(func(s *Settings) { s.Retention.DiscountRate = 0 }), "discount_rate"},
		{set(func(s *Settings) { s.Value.MarginRate = -1 }), "margin_rate"},
	} {
		if err := c.settings.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	input := func(change func(*Input)) Input {
		in := draw(2, 1)
		change(&in)
		return in
	}
	for _, c := range []struct {
		in   Input
		want string
	}{
		{Input{}, "there is no frame"},
		{input(func(in *Input) { in.Extra["x"] = []float64{1} }), "1 values of x for 2 rows"},
		{input(func(in *Input) { in.Extra[ExtraWalletShare][1] = 1.5 }), "wallet_estimated_share of row 1 is 1.5"},
		{input(func(in *Input) { in.Extra[ExtraLifetimeValue][0] = math.Inf(1) }), "lifetime_value_estimate of row 0 is +Inf"},
		{input(func(in *Input) { in.Segments = []string{"a"} }), "1 segments for 2 rows"},
		{input(func(in *Input) { in.Parents = []int32{-1, 2} }), "row 1 has row 2 as its parent"},
		{input(func(in *Input) { in.Manual = []Manual{{Account: "a0", Kind: ManualMeasure, Value: 5, Comment: "x"}} }), `account "a0" has no author`},
		{input(func(in *Input) {
			in.Manual = []Manual{{Account: "a0", Kind: ManualMeasure, Value: 500, Author: "x", Comment: "x"}}
		}), "give 0 … 100"},
		{input(func(in *Input) { in.Manual = []Manual{{Account: "a0", Kind: "x"}} }), `kind "x"`},
	} {
		if _, err := Evaluate(context.Background(), c.in, DefaultSettings()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestScaleTravels(t *testing.T) {
	in := scaledInput(t, 777, 9)
	text, err := in.Scale.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseScale(text)
	if err != nil {
		t.Fatal(err)
	}
	here := evaluate(t, in, DefaultSettings())
	in.Scale = back
	there := evaluate(t, in, DefaultSettings())
	if !slices.EqualFunc(here.Score, there.Score, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
		t.Error("a scale that was written and read scores otherwise")
	}
	for _, bad := range []string{"", "{}", `{"format":"fealty loyalty scale","version":2}`, `{"format":"fealty loyalty scale","version":1,"columns":{"x":[1]}}`, `{"format":"fealty loyalty scale","version":1,"columns":{"spend_365d":[1]}}`} {
		if _, err := ParseScale([]byte(bad)); err == nil {
			t.Errorf("read %q as a scale", bad)
		}
	}
}

func FuzzParseScale(f *testing.F) {
	in := draw(50, 1)
	scale, err := FitScale(in)
	if err != nil {
		f.Fatal(err)
	}
	text, err := scale.MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":"fealty loyalty scale","version":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseScale(text)
		if err != nil {
			return
		}
		if p := s.Curve("spend_365d").At(1); p < 0 || p > 100 {
			t.Errorf("percent %v", p)
		}
	})
}

// The curve of a scale rises, gives equal values their mid-rank, and is 50 on average
// over the population that it was fitted on, when that has as many rows as knots.
func TestScalesAreMidRanks(t *testing.T) {
	in := draw(ScaleKnots, 1)
	rapid.Check(t, func(t *rapid.T) {
		for i := range ScaleKnots {
			with(in, "spend_365d", i, float64(rapid.IntRange(-3, 9).Draw(t, fmt.Sprint("spend", i))))
		}
		s, err := FitScale(in)
		if err != nil {
			t.Fatal(err)
		}
		c := s.Curve("spend_365d")
		last := 0.0
		for v := -4.0; v < 11; v += .25 {
			y := c.At(v)
			if !(y >= last && y <= 100) {
				t.Fatalf("rank of %v is %v after %v", v, y, last)
			}
			last = y
		}
		sum := 0.0
		for _, v := range in.Frame.Column("spend_365d").Numbers {
			sum += c.At(v)
		}
		if math.Abs(sum/ScaleKnots-50) > 1e-9 {
			t.Fatalf("mean rank %v, want 50", sum/ScaleKnots)
		}
	})
}
