package calibrate

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rows draws margins with ties, outcomes of both classes and weights. Classes
// overlap, and higher margins mean more positives.
func rows(t *rapid.T) (margin, y, weights []float64) {
	n := rapid.IntRange(1, 40).Draw(t, "rows")
	for range n {
		margin = append(margin, float64(rapid.IntRange(-8, 8).Draw(t, "margin"))/2)
		y = append(y, float64(rapid.IntRange(0, 1).Draw(t, "y")))
		weights = append(weights, float64(rapid.IntRange(0, 3).Draw(t, "weight")))
	}
	return append(margin, -6, 6, -6, 6, 0, 0), append(y, 0, 1, 1, 0, 1, 0), append(weights, 40, 40, 1, 1, 20, 20)
}

func all(t *rapid.T, margin, y, weights []float64) []Calibrator {
	a, err := FitAffine(margin, y, weights)
	if err != nil {
		t.Fatal(err)
	}
	s, err := FitIsotonic(margin, y, weights)
	if err != nil {
		t.Fatal(err)
	}
	v, err := FitVennAbers(margin, y)
	if err != nil {
		t.Fatal(err)
	}
	calibrators := []Calibrator{a, s, v}
	for _, form := range []BetaForm{BetaABM, BetaAM} {
		b, err := FitBeta(margin, y, weights, form)
		if err != nil {
			t.Fatal(err)
		}
		calibrators = append(calibrators, b)
	}
	return calibrators
}

func TestProbabilitiesRiseWithinZeroAndOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, c := range all(rows2(t)) {
			last := 0.0
			for _, m := range []float64{math.Inf(-1), -1e308, -800, -7, -3.25, -1, 0, 0.25, 2, 5.5, 40, 1e9, math.MaxFloat64, math.Inf(1)} {
				p := c.Probability(m)
				if !(p >= last-1e-15 && p <= 1) {
					t.Fatalf("%s: probability %v at margin %v, after %v", c.Kind(), p, m, last)
				}
				last = p
			}
			if !math.IsNaN(c.Probability(math.NaN())) {
				t.Fatalf("%s makes a number of NaN", c.Kind())
			}
		}
	})
}

// rows2 hands rows on to all.
func rows2(t *rapid.T) (*rapid.T, []float64, []float64, []float64) {
	margin, y, weights := rows(t)
	return t, margin, y, weights
}

func TestTextRoundTripKeepsEveryBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, c := range all(rows2(t)) {
			text, err := c.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			for m := -9.0; m < 9; m += 0.37 {
				if a, b := c.Probability(m), again.Probability(m); math.Float64bits(a) != math.Float64bits(b) {
					t.Fatalf("%s at %v: %v became %v", c.Kind(), m, a, b)
				}
			}
		}
	})
}

// The definition: isotonic regression on the rows plus one, read at that one.
func TestVennAbersEqualsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		margin, y, _ := rows(t)
		v, err := FitVennAbers(margin, y)
		if err != nil {
			t.Fatal(err)
		}
		for at := -7.0; at <= 7; at += 0.25 {
			p0, p1 := v.Interval(at)
			for label, got := range []float64{p0, p1} {
				twin := regress(append([]float64{at}, margin...), append([]float64{float64(label)}, y...), nil)
				if want := twin.Probability(at); math.Abs(got-want) > 1e-12 {
					t.Fatalf("p%d at %v is %v, by definition %v", label, at, got, want)
				}
			}
			if p := v.Probability(at); !(p0 < p1 && p0 <= p && p <= p1) {
				t.Fatalf("%v is not within [%v, %v]", p, p0, p1)
			}
		}
	})
}

// max over a ≤ k of min over b ≥ k of the mean of a … b is the isotonic fit at k
// (Barlow et al. 1972, theorem 1.8).
func TestIsotonicEqualsTheMaxMinFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		margin, y, weights := rows(t)
		s, err := FitIsotonic(margin, y, weights)
		if err != nil {
			t.Fatal(err)
		}
		points := pooled(margin, y, weights)
		for k := range points {
			best := math.Inf(-1)
			for a := 0; a <= k; a++ {
				least := math.Inf(1)
				for b := k; b < len(points); b++ {
					var sum, weight float64
					for _, p := range points[a : b+1] {
						sum, weight = sum+p.sum, weight+p.weight
					}
					least = min(least, sum/weight)
				}
				best = max(best, least)
			}
			if got := s.Probability(points[k].x); math.Abs(got-best) > 1e-12 {
				t.Fatalf("at %v: %v, twin %v", points[k].x, got, best)
			}
		}
	})
}

func TestWeightTwoIsTheRowTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		margin, y, weights := rows(t)
		var m2, y2 []float64
		for i, w := range weights {
			for range int(w) {
				m2, y2 = append(m2, margin[i]), append(y2, y[i])
			}
		}
		one, two := all(t, margin, y, weights), all(t, m2, y2, nil)
		for k, c := range one {
			if c.Kind() == kindVennAbers {
				continue
			}
			for m := -7.0; m < 7; m += 0.5 {
				if a, b := c.Probability(m), two[k].Probability(m); math.Abs(a-b) > 1e-9 {
					t.Fatalf("%s at %v: %v by weight, %v by rows", c.Kind(), m, a, b)
				}
			}
		}
	})
}

// Equal means join into one level, whose inner corners say nothing; between two
// margins the line holds at both ends of the floats.
func TestIsotonicCorners(t *testing.T) {
	s, err := FitIsotonic([]float64{1, 1, 2, 2, 3, 3, 4}, []float64{0, 1, 0, 1, 0, 1, 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	margin, probability := s.Thresholds()
	if !slices.Equal(margin, []float64{1, 3, 4}) || !slices.Equal(probability, []float64{.5, .5, 1}) {
		t.Errorf("corners at %v of %v", margin, probability)
	}
	for _, edge := range []float64{5e-324, 1e-310, 1, math.MaxFloat64} {
		s, err := FitIsotonic([]float64{-edge, edge}, []float64{0, 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint("half way between ±", edge), s.Probability(0), 0.5, 0)
	}
}

func TestFitsRecoverThePlantedDistortion(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	n := 40_000
	margin, y := make([]float64, n), make([]float64, n)
	for i := range n {
		margin[i] = 2 * r.NormFloat64()
		if r.Float64() < Logistic(0.6*margin[i]-0.4) { // an overconfident model
			y[i] = 1
		}
	}
	a, err := FitAffine(margin, y, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "slope", a.Slope, 0.6, 0.02)
	near(t, "intercept", a.Intercept, -0.4, 0.04)
	near(t, "margin", a.Margin(1), a.Slope+a.Intercept, 1e-15)
	b, err := FitBeta(margin, y, nil, BetaABM)
	if err != nil {
		t.Fatal(err)
	}
	s, err := FitIsotonic(margin, y, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := FitVennAbers(margin, y)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Calibrator{a, b, s, v} {
		for _, m := range []float64{-3, -1, 0, 1, 3} {
			near(t, fmt.Sprint(c.Kind(), " at ", m), c.Probability(m), Logistic(0.6*m-0.4), 0.03)
		}
	}
}

func TestIdentityChangesNothing(t *testing.T) {
	for _, m := range []float64{-50, -1, 0, 2.5} {
		if Identity().Margin(m) != m || Identity().Probability(m) != Logistic(m) {
			t.Errorf("margin %v became %v", m, Identity().Margin(m))
		}
	}
}

func TestEqualMarginsKeepSlopeOne(t *testing.T) {
	a, err := FitAffine([]float64{2, 2, 2, 2}, []float64{1, 0, 0, 0}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Platt's targets are 2/3 once and 1/5 three times: 19/15 of 4.
	near(t, "probability", a.Probability(2), 19./60, 1e-12)
	near(t, "slope", a.Slope, 1, 0)
}

// Whatever finite numbers go in, a fit gives probabilities or says why not.
func TestFitsOfWildNumbers(t *testing.T) {
	wild := []float64{-math.MaxFloat64, -1e300, -800, -1, -1e-310, -5e-324, 0, 5e-324, 1e-310, 1, 40, 800, 1e155, 1e300, math.MaxFloat64}
	sizes := []float64{0, 1e-100, 1e-40, 1, 3, 1e17, 1e100, 1e300}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 20).Draw(t, "rows")
		margin := rapid.SliceOfN(rapid.SampledFrom(wild), n, n).Draw(t, "margin")
		y := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1}), n, n).Draw(t, "y")
		weights := rapid.SliceOfN(rapid.SampledFrom(sizes), n, n).Draw(t, "weights")
		if rapid.Bool().Draw(t, "equal weights") {
			weights = nil
		}
		fits := map[string]func() (Calibrator, error){
			"affine":     func() (Calibrator, error) { return FitAffine(margin, y, weights) },
			"isotonic":   func() (Calibrator, error) { return FitIsotonic(margin, y, weights) },
			"venn-abers": func() (Calibrator, error) { return FitVennAbers(margin, y) },
			"beta":       func() (Calibrator, error) { return FitBeta(margin, y, weights, BetaABM) },
			"beta am":    func() (Calibrator, error) { return FitBeta(margin, y, weights, BetaAM) },
			"beta ab":    func() (Calibrator, error) { return FitBeta(margin, y, weights, BetaAB) },
		}
		for name, fit := range fits {
			c, err := fit()
			if err != nil {
				if !errors.Is(err, ErrInput) && !errors.Is(err, ErrOneClass) && !errors.Is(err, ErrReversed) && !errors.Is(err, ErrUndetermined) {
					t.Fatalf("%s: %v", name, err)
				}
				continue
			}
			for _, m := range append(slices.Clone(wild), math.Inf(-1), math.Inf(1)) {
				if p := c.Probability(m); !(p >= 0 && p <= 1) {
					t.Fatalf("%s %+v: probability %v at %v", name, c, p, m)
				}
			}
			text, err := c.MarshalText()
			if err != nil {
				t.Fatalf("%s %+v: %v", name, c, err)
			}
			if _, err := Parse(text); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}

func TestFitsRefuse(t *testing.T) {
	nan := math.NaN()
	m, y := []float64{-1, 0, 1, 2}, []float64{0, 1, 0, 1}
	fits := map[string]func(m, y, w []float64) error{
		"affine":   func(m, y, w []float64) error { _, err := FitAffine(m, y, w); return err },
		"beta":     func(m, y, w []float64) error { _, err := FitBeta(m, y, w, BetaABM); return err },
		"isotonic": func(m, y, w []float64) error { _, err := FitIsotonic(m, y, w); return err },
	}
	for name, fit := range fits {
		for _, c := range []struct {
			m, y, w []float64
			says    string
		}{
			{nil, nil, nil, "no rows"},
			{m[:3], y, nil, "3 margins"},
			{m, y, []float64{1}, "1 weights"},
			{[]float64{-1, nan, 1, 2}, y, nil, "margin of row 1"},
			{[]float64{-1, 0, math.Inf(1), 2}, y, nil, "margin of row 2"},
			{m, []float64{0, 1, nan, 1}, nil, "outcome of row 2"},
			{m, []float64{0, 1, .5, 1}, nil, "outcome of row 2"},
			{m, y, []float64{1, 1, 1, -1}, "weight of row 3"},
			{m, y, []float64{nan, 1, 1, 1}, "weight of row 0"},
			{m, y, []float64{1, 1e-101, 1, 1}, "weight of row 1"},
			{m, y, []float64{1, 1e101, 1, 1}, "weight of row 1"},
			{m, y, make([]float64, 4), "every weight is 0"},
		} {
			if err := fit(c.m, c.y, c.w); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want %q", name, err, c.says)
			}
		}
		if name == "isotonic" {
			continue
		}
		if err := fit(m, []float64{1, 1, 1, 1}, nil); !errors.Is(err, ErrOneClass) {
			t.Errorf("%s of one class: %v", name, err)
		}
		if err := fit([]float64{3, 1, 2, 0, 3, 0}, []float64{0, 1, 0, 1, 1, 0}, nil); !errors.Is(err, ErrReversed) {
			t.Errorf("%s of a reversed score: %v", name, err)
		}
	}
	if _, err := FitBeta([]float64{-2, -1, 1, 2}, []float64{0, 0, 1, 1}, nil, BetaAM); !errors.Is(err, ErrUndetermined) {
		t.Errorf("beta of separated classes: %v", err)
	}
	if a, err := FitAffine([]float64{-2, -1, 1, 2}, []float64{0, 0, 1, 1}, nil); err != nil || !(a.Slope > 0 && a.Slope < 10) {
		t.Errorf("Platt's targets keep separated classes finite: %v, %v", a, err)
	}
	if _, err := FitBeta(m, y, nil, 9); !errors.Is(err, ErrInput) {
		t.Errorf("an unknown form: %v", err)
	}
	if _, err := FitVennAbers(m, []float64{0, 1, 2, 0}); !errors.Is(err, ErrInput) {
		t.Errorf("Venn–Abers of an outcome 2: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	good := `{"format":"fealty calibrator","version":1,"kind":"affine","parameters":[1,0.5]}`
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	head := `{"format":"fealty calibrator","version":1,"kind":`
	for _, bad := range []string{
		"", "null", "[]", good + "\n", good + good,
		strings.Replace(good, `"version":1`, `"version":2`, 1),
		strings.Replace(good, "affine", "pickle", 1),
		strings.Replace(good, "[1,0.5]", "[1]", 1),
		strings.Replace(good, "[1,0.5]", "[-1,0.5]", 1),
		strings.Replace(good, "[1,0.5]", "[0,0.5]", 1),
		strings.Replace(good, "[1,0.5]", "[1e999,0.5]", 1),
		strings.Replace(good, "[1,0.5]", "[1.0,0.5]", 1),
		strings.Replace(good, `"kind"`, `"kind":"beta","kind"`, 1),
		strings.Replace(good, `"kind"`, `"x":1,"kind"`, 1),
		head + `"beta","parameters":[1,2]}`,
		head + `"isotonic"}`,
		head + `"isotonic","margins":[1,2],"values":[0.5]}`,
		head + `"isotonic","margins":[2,1],"values":[0.1,0.5]}`,
		head + `"isotonic","margins":[1,2],"values":[0.5,0.1]}`,
		head + `"isotonic","margins":[1,2],"values":[0.5,1.1]}`,
		head + `"venn-abers"}`,
		head + `"venn-abers","margins":[1],"counts":[1],"ones":[2]}`,
		head + `"venn-abers","margins":[1],"counts":[0],"ones":[0]}`,
		head + `"venn-abers","margins":[2,1],"counts":[1,1],"ones":[1,1]}`,
		head + `"venn-abers","margins":[1,2],"counts":[1073741824,1],"ones":[1,1]}`,
		head + `"venn-abers","margins":[1],"counts":[9223372036854775807],"ones":[1]}`,
	} {
		if _, err := Parse([]byte(bad)); !errors.Is(err, ErrText) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for n := range good {
		if _, err := Parse([]byte(good[:n])); !errors.Is(err, ErrText) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	if _, err := Parse(bytes.Repeat([]byte(" "), maxText+1)); !errors.Is(err, ErrText) {
		t.Errorf("a text beyond the bound: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"format":"fealty calibrator","version":1,"kind":"affine","parameters":[1,0.5]}`,
		`{"format":"fealty calibrator","version":1,"kind":"beta","parameters":[1,0.5,-2]}`,
		`{"format":"fealty calibrator","version":1,"kind":"isotonic","margins":[-1,2],"values":[0.25,0.5]}`,
		`{"format":"fealty calibrator","version":1,"kind":"venn-abers","margins":[-1,2],"counts":[3,1],"ones":[1,1]}`,
	} {
		if _, err := Parse([]byte(seed)); err != nil {
			f.Fatalf("the seed %s: %v", seed, err)
		}
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		for _, m := range []float64{math.Inf(-1), -math.MaxFloat64, -800, -3, -5e-324, 0, 1.5, 800, math.MaxFloat64, math.Inf(1)} {
			if p := c.Probability(m); !(p >= 0 && p <= 1) {
				t.Fatalf("%s gives %v at %v", text, p, m)
			}
		}
		again, err := c.MarshalText()
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%s became %s (%v)", text, again, err)
		}
	})
}
