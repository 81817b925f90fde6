package logistic

import (
	"context"
	"errors"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"fealty/features/frame"
)

// Whatever a frame may hold, a fit gives finite margins and a text that is read
// back, or says why not.
func TestFitsOfWildNumbers(t *testing.T) {
	nan := math.NaN()
	wild := []float64{nan, -math.MaxFloat64, -1e300, -800, -1, -1e-310, -5e-324, 0, 5e-324, 1e-310, 1e-160, 1, 2, 3, 1e17, 1e155, 1e300, math.MaxFloat64}
	sizes := []float64{0, 5e-324, 1e-310, 1e-160, 1e-9, 1, 3, 1e17, 1e155, 1e300}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 20).Draw(t, "rows")
		var columns [][]float64
		for k := range rapid.IntRange(1, 3).Draw(t, "columns") {
			columns = append(columns, rapid.SliceOfN(rapid.SampledFrom(wild), n, n).Draw(t, "x"+strconv.Itoa(k)))
		}
		f := numbers(columns...)
		f.Columns = append(f.Columns, category("c", []string{"a", "b", "c"}, rapid.SliceOfN(rapid.Int32Range(-1, 2), n, n).Draw(t, "c")))
		y := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1}), n, n).Draw(t, "y")
		weights := rapid.SliceOfN(rapid.SampledFrom(sizes), n, n).Draw(t, "weights")
		if rapid.Bool().Draw(t, "equal weights") {
			weights = nil
		}
		p := Defaults()
		p.L2 = rapid.SampledFrom([]float64{0, 1e-9, 1, 1e12}).Draw(t, "L2")
		p.MaxLevels = rapid.IntRange(1, 3).Draw(t, "levels")
		p.Transform = map[string]Transform{"x0": rapid.SampledFrom([]Transform{Auto, Identity, Log1p}).Draw(t, "transform")}
		m, err := Fit(context.Background(), p, f, y, weights)
		if weights == nil && p.L2 >= 1 && err != nil && !errors.Is(err, ErrOneClass) {
			t.Fatalf("with a ridge of %g: %v", p.L2, err)
		}
		if err != nil {
			for _, known := range []error{ErrNoRows, ErrOneClass, ErrBadInput, ErrSingular, ErrNotConverged} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatal(err)
		}
		for _, rows := range []*frame.Frame{f, anything(m)} {
			out := make([]float64, rows.Rows())
			if err := m.Predict(rows, out); err != nil {
				t.Fatal(err)
			}
			for i, v := range out {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("margin of row %d is %v", i, v)
				}
			}
		}
		for _, c := range m.Coefficients() {
			if math.IsNaN(c.StandardError) || math.IsInf(c.StandardError, 0) {
				t.Fatalf("%+v", c)
			}
		}
		text, err := m.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	})
}
