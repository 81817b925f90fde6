package loyalty

import (
	"math"
	"strings"
	"testing"

	"fealty/model"
	"fealty/model/score"
)

// Every code that a record may hold has words in both languages without a brace left,
// and what is no code has none.
func TestCodesOfRecordsHaveWords(t *testing.T) {
	check := func(code string, w Words, ok bool) {
		t.Helper()
		if !ok || w.EN == "" || w.ZH == "" || w.EN == w.ZH || strings.ContainsAny(w.EN+w.ZH, "{}") {
			t.Errorf("%q says %+v, %v", code, w, ok)
		}
	}
	for _, c := range append(Tiers(), NoTier) {
		w, ok := c.Words()
		check(string(c), w, ok)
		if w.EN != c.Label(score.English) || w.ZH != c.Label(score.Chinese) {
			t.Errorf("tier %q says %+v", c, w)
		}
	}
	for _, c := range append(Levels(), NoLevel) {
		w, ok := c.Words()
		check(string(c), w, ok)
	}
	for c := range verdictWords {
		w, ok := c.Words()
		check(string(c), w, ok)
	}
	for _, name := range append(Names(), ManualWeight) {
		w, ok := WordsOfIndicator(name)
		check(name, w, ok)
	}
	for why := NoColumn; why < whys; why++ {
		w, ok := WordsOfWhy(why.String())
		check(why.String(), w, ok)
		if w != whyWords[why] {
			t.Errorf("%v says %+v", why, w)
		}
	}
	for kind := range breachWords {
		w, ok := WordsOfBreach(score.Breach{Code: string(kind), Actual: model.Figure(math.NaN()), Bound: 3})
		check(string(kind), w, ok)
		if w != breachLabels[kind] {
			t.Errorf("a breach without its figures says %+v", w)
		}
	}
	for _, cell := range []Cell{{}, {1, 2, 3}, {9, 9, 9}} {
		w, ok := WordsOfCell(cell.String())
		check(cell.String(), w, ok)
		if w.EN != cell.Sentence(score.English) {
			t.Errorf("cell %q says %+v", cell, w)
		}
	}
	caps := DefaultSettings().Caps
	for i := range caps {
		check(caps[i].Name, caps[i].Words(), true)
	}
	if got := caps[0].Words(); got != (Words{"A complaint has been open for more than 14 days: at most 60", "有投诉已超过14天未解决：最高60分"}) {
		t.Errorf("a cap says %+v", got)
	}
	for _, ok := range []bool{
		func() bool { _, ok := Tier("gold").Words(); return ok }(), func() bool { _, ok := Level("gold").Words(); return ok }(),
		func() bool { _, ok := Verdict("gold").Words(); return ok }(), func() bool { _, ok := WordsOfIndicator("gold"); return ok }(),
		func() bool { _, ok := WordsOfWhy("gold"); return ok }(), func() bool { _, ok := WordsOfBreach(score.Breach{Code: "gold"}); return ok }(),
		func() bool { _, ok := WordsOfPart(score.Part{Code: "gold"}); return ok }(), PartCode("gold").Of() != "",
		func() bool { _, ok := WordsOfGround(score.Ground{Code: "gold", Value: 1}); return ok }(), func() bool { _, ok := WordsOfCell("gold"); return ok }(),
		func() bool { _, ok := WordsOfCell("1-2"); return ok }(), func() bool { _, ok := WordsOfCell("1-2-3-4"); return ok }(),
	} {
		if ok {
			t.Error("an unknown code has words")
		}
	}
}

// A ground says the figures that a record keeps of it, that of a record of before its
// first, and is silent without that.
func TestGroundsSayTheirFigure(t *testing.T) {
	facts := Facts{
		NetValue: 1111, NetValueBefore: 2222, Potential: 3333, Risk: .44, OverdueDays: 55, OverdueAmount: 6666, Spend365d: 7777,
		ReturnsShare365d: .88, ReturnOrders365d: 9, DiscountShare365d: .12,
	}
	for g := range groundWords {
		whole := Judgement{Grounds: []Ground{g}, Facts: facts}.Records()[0]
		figure := float64(whole.Value)
		for name, v := range whole.Figures {
			unit := factUnits[name]
			if unit == "" {
				unit = units[name]
			}
			if w, _ := WordsOfGround(whole); !strings.Contains(w.EN, score.Format(float64(v), unit)) {
				t.Errorf("%s with %s %v says %+v", g, name, v, w)
			}
		}
		unit := "base currency"
		if figure < 1 {
			unit = "share"
		}
		w, ok := WordsOfGround(score.Ground{Code: string(g), Value: whole.Value})
		if said := score.Format(figure, unit); !ok || !strings.Contains(w.EN, said) || !strings.Contains(w.ZH, said) || strings.ContainsAny(w.EN+w.ZH, "{}") {
			t.Errorf("%s with %s says %+v, %v", g, said, w, ok)
		}
		if _, ok := WordsOfGround(score.Ground{Code: string(g), Value: model.Figure(math.NaN())}); ok {
			t.Errorf("%s has words without its figure", g)
		}
	}
}
