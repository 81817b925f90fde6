package logistic

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"fealty/features/frame"
)

// reference is testdata/reference.json: rows, and what statsmodels and
// scikit-learn say of them.
type reference struct {
	Rows struct {
		Recency, Trend, Y, Weight []float64
		Spend                     []*float64 // null is missing
		Sector                    []string
	}
	Cases []struct {
		Call, Name string
		L2         float64
		Weighted   bool
		Terms      []struct {
			Name            string
			Estimate, Scale float64
			StandardError   float64 `json:"standard_error"`
			// Odds ratios are given by statsmodels only.
			OddsRatio float64 `json:"odds_ratio"`
			Low, High float64
		}
		Base              float64
		BaseStandardError float64  `json:"base_standard_error"`
		LogLoss           *float64 `json:"log_loss"`
		Margin            []float64
	}
}

// frame returns the rows as a frame, with or without the category.
func (r *reference) frame(sector bool) *frame.Frame {
	spend := make([]float64, len(r.Rows.Spend))
	for i, v := range r.Rows.Spend {
		if spend[i] = math.NaN(); v != nil {
			spend[i] = *v
		}
	}
	f := numbers(r.Rows.Recency, spend, r.Rows.Trend)
	for k, name := range []string{"recency", "spend", "trend"} {
		f.Columns[k].Name = name
	}
	if sector {
		levels := []string{"school", "retail", "office"}
		codes := make([]int32, len(r.Rows.Sector))
		for i, name := range r.Rows.Sector {
			for code, level := range levels {
				if name == level {
					codes[i] = int32(code)
				}
			}
		}
		f.Columns = append(f.Columns, category("sector", levels, codes))
	}
	return f
}

func TestFitEqualsStatsmodelsAndScikitLearn(t *testing.T) {
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Cases) != 6 {
		t.Fatalf("%d cases, want 6", len(r.Cases))
	}
	for _, c := range r.Cases {
		t.Run(c.Name, func(t *testing.T) {
			near := func(what string, got, want float64) {
				t.Helper()
				if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) {
					t.Errorf("%s: %.15g, %s says %.15g", what, got, c.Call, want)
				}
			}
			p := Defaults()
			p.L2 = c.L2
			p.Transform = map[string]Transform{"recency": Identity, "spend": Log1p, "trend": Identity}
			f := r.frame(c.L2 > 0)
			var w []float64
			if c.Weighted {
				w = r.Rows.Weight
			}
			m := fit(t, p, f, r.Rows.Y, w)
			got := map[string]Coefficient{}
			for _, k := range m.Coefficients() {
				got[strings.TrimSpace(k.Feature+" "+string(k.Term)+" "+k.Level)] = k
			}
			if len(got) != len(c.Terms) {
				t.Errorf("%d coefficients, want %d", len(got), len(c.Terms))
			}
			for _, want := range c.Terms {
				k := got[want.Name]
				near(want.Name, k.Estimate, want.Estimate)
				near(want.Name+", standard error", k.StandardError, want.StandardError)
				unit, unitError := k.PerUnit()
				near(want.Name+", per unit", unit, want.Estimate/want.Scale)
				near(want.Name+", standard error per unit", unitError, want.StandardError/want.Scale)
				if want.OddsRatio > 0 {
					low, high := k.OddsRatioInterval(0.95)
					near(want.Name+", odds ratio", k.OddsRatio(), want.OddsRatio)
					near(want.Name+", low", low, want.Low)
					near(want.Name+", high", high, want.High)
				}
			}
			base, baseError := m.BaseCoefficient()
			near("base", base, c.Base)
			near("base, standard error", baseError, c.BaseStandardError)
			if c.LogLoss != nil {
				near("log-loss", m.LogLoss(), *c.LogLoss)
			}
			for i, v := range margins(t, m, f) {
				near("margin", v, c.Margin[i])
			}
		})
	}
}
