package loyalty

import (
	"math"
	"strings"
	"testing"

	"fealty/model"
	"fealty/model/score"
)

// fromFigures computes an indicator from the published definition and the figures alone.
func fromFigures(k int, figures map[string]model.Figure, scale *Scale) float64 {
	if k >= Indicators {
		return math.NaN()
	}
	value := func(name string) float64 {
		if v, ok := figures[name]; ok {
			return float64(v)
		}
		return math.NaN()
	}
	var sum, weight float64
	for _, term := range definitions[k].Terms {
		v, curve := value(term.Column), term.Curve
		if term.Minus != "" {
			v -= value(term.Minus)
		}
		if curve == nil {
			curve = scale.Curve(term.Column)
		}
		if math.IsNaN(v) || term.When != nil && term.When.span().holds(value(term.When.Column)) == 0 {
			continue
		}
		sum, weight = sum+term.Weight*curve.At(v), weight+term.Weight
	}
	return sum / weight
}

func TestRecordsSayWhatTheAnswersSay(t *testing.T) {
	in := scaledInput(t, 300, 31)
	in.Manual = []Manual{{Account: "a7", Kind: ManualMeasure, Value: 60, Author: "Li", Comment: "met them", At: 1}}
	in.Parents = make([]int32, in.rows())
	for i := range in.Parents {
		in.Parents[i] = -1
	}
	in.Parents[1], in.Parents[2] = 0, 0
	scores := evaluate(t, in, DefaultSettings())
	attitudes := Attitudes(scores)
	capped := 0
	for i := range scores.Score {
		r, a := scores.Record(i, attitudes), scores.Explain(i)
		var weight, used float64
		for k, part := range r.Indicators {
			weight, used = weight+float64(part.Weight), used+float64(part.Used)
			if math.IsNaN(float64(part.Value)) != (part.Why != "") {
				t.Fatalf("row %d: %s is %v, why %q", i, part.Name, part.Value, part.Why)
			}
			if k < Indicators && part.Name != Indicator(k).String() {
				t.Fatalf("row %d: indicator %d is %s", i, k, part.Name)
			}
			if said, ok := WordsOfMeasured(part); !ok || k < Indicators && (said.EN != a.Parts[k].Sentence(score.English) || said.ZH != a.Parts[k].Sentence(score.Chinese)) {
				t.Fatalf("row %d: %+v says %+v", i, part, said)
			}
			if k < Indicators && (part.Why == "") != (len(part.Figures) > 0) {
				t.Fatalf("row %d: %s, why %q, of %v", i, part.Name, part.Why, part.Figures)
			}
			if again := fromFigures(k, part.Figures, in.Scale); k < Indicators && part.Why == "" && !near(again, float64(part.Value)) {
				t.Fatalf("row %d: %s is %v, and %v of %v", i, part.Name, part.Value, again, part.Figures)
			}
			for name, v := range part.Figures {
				if own := at(in.columns().of(name), i); own != float64(v) {
					t.Fatalf("row %d: %s of %s is %v, and %v in the figures", i, name, part.Name, own, v)
				}
			}
		}
		if !near(weight, 100) || (!near(used, 100) && a.Measured > 0) || len(r.Indicators) != Indicators+one(i == 7) {
			t.Fatalf("row %d: %d indicators weigh %v, used %v", i, len(r.Indicators), weight, used)
		}
		if (r.Cap != "") != (a.Cap != nil) || !near(r.Score, a.Score) || (r.Cap == "" && !near(r.Uncapped, r.Score)) {
			t.Fatalf("row %d: %v of %v by cap %q", i, r.Score, r.Uncapped, r.Cap)
		}
		capped += one(r.Uncapped > r.Score)
	}
	if capped == 0 || scores.uncapped(0) == scores.Computed[0] {
		t.Errorf("%d scores are capped; the parent's mean is %v, its own %v", capped, scores.uncapped(0), scores.Computed[0])
	}
	risk := make([]float64, in.rows())
	in.Gone = make([]bool, in.rows())
	for i := 50; i < 90; i++ {
		in.Gone[i] = true
	}
	for i := range 40 {
		in.Extra[ExtraServiceCost][i] = 1e6
		in.Extra[ExtraNetValueBefore][i] = float64(i%2)*10 - 5
	}
	places, err := Places(in, risk, DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, p := range places {
		seen[p.Tier]++
		seen[p.Verdict]++
		seen[p.Level]++
		for _, g := range p.Because {
			seen[g.Code]++
			if words, ok := WordsOfGround(g); !ok || strings.Contains(words.EN+words.ZH, "{") || g.Figures[groundFigures[Ground(g.Code)].name] != g.Value {
				t.Errorf("row %d: ground %+v says %+v", i, g, words)
			}
		}
		for _, b := range p.Breaches {
			seen[b.Code]++
			if words, ok := WordsOfBreach(b); !ok || !(b.Actual > b.Bound) || strings.Contains(words.EN+words.ZH, "{") {
				t.Errorf("row %d: breach %+v says %+v", i, b, words)
			}
		}
		if in.Gone[i] && (p.Tier != "" || len(p.Breaches) > 0 || p.Verdict != "" && p.Verdict != string(Review)) {
			t.Errorf("row %d is gone and stands as %+v", i, p)
		}
		if (p.Verdict == "") != (len(p.Because) == 0) {
			t.Errorf("row %d: verdict %q on %d grounds", i, p.Verdict, len(p.Because))
		}
	}
	for _, code := range []string{string(VIP), string(Small), string(Review), string(FixTerms), string(PasserBy), string(Loss), string(LastingLoss), string(ReturnAbuse), string(DiscountAbove)} {
		if seen[code] == 0 {
			t.Errorf("no account of 300 is %s: %v", code, seen)
		}
	}
	in.Scale = nil
	bare, err := Places(in, nil, DefaultSettings())
	if err != nil || bare[0].Cell != "" {
		t.Errorf("without a scale the cell is %q, %v", bare[0].Cell, err)
	}
}
