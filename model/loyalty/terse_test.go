package loyalty

import "testing"

// The terse text tells definitions apart by what is measured, and not by their words.
func TestTerseTellsWhatIsMeasured(t *testing.T) {
	fresh := func() Definition {
		return Definition{
			Indicator: 1, Any: []Condition{{"c", ">", 1}},
			Terms: []Term{{Column: "a", Unit: "days", Minus: "b", Curve: Curve{{1, 0}, {2, 100}}, Weight: 1, When: &Condition{"d", "<", 3}}},
		}
	}
	was := fresh()
	for name, change := range map[string]func(*Definition){
		"indicator": func(d *Definition) { d.Indicator++ }, "column": func(d *Definition) { d.Terms[0].Column = "x" },
		"minus": func(d *Definition) { d.Terms[0].Minus = "" }, "curve": func(d *Definition) { d.Terms[0].Curve = nil },
		"anchor": func(d *Definition) { d.Terms[0].Curve[1].Y = 99 }, "weight": func(d *Definition) { d.Terms[0].Weight = 2 },
		"when": func(d *Definition) { d.Terms[0].When.Value = 4 }, "always": func(d *Definition) { d.Terms[0].When = nil },
		"fallback": func(d *Definition) { d.Terms[0].Fallback = true }, "recorded": func(d *Definition) { d.Terms[0].Recorded = true },
		"any": func(d *Definition) { d.Any[0].Operator = ">=" }, "otherwise": func(d *Definition) { d.Otherwise = NothingFailed },
		"one more": func(d *Definition) { d.Terms = append(d.Terms, d.Terms[0]) },
	} {
		is := fresh()
		if change(&is); is.Terse() == was.Terse() {
			t.Errorf("another %s is not told: %s", name, is.Terse())
		}
	}
	same := fresh()
	same.Meta.LabelEN, same.Meta.ReasonEN, same.Terms[0].Unit = "Another word", []string{"and another"}, "points"
	if same.Terse() != was.Terse() {
		t.Errorf("other words are told: %s, %s", same.Terse(), was.Terse())
	}
}
