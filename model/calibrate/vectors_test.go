package calibrate

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

func load(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*max(1, math.Abs(want))) {
		t.Errorf("%s: %.17g, want %.17g", what, got, want)
	}
}

func logits(p []float64) []float64 {
	m := make([]float64, len(p))
	for i, v := range p {
		m[i] = math.Log(v) - math.Log1p(-v)
	}
	return m
}

func TestCalibratorsEqualReference(t *testing.T) {
	var doc struct {
		Cases []struct {
			Call, Name string
			In         struct{ X, Y, W, At, Score, Margin []float64 }
			Out        struct {
				Predict     []float64
				XThresholds []float64 `json:"x_thresholds"`
				YThresholds []float64 `json:"y_thresholds"`
				A, B, C     float64
				Exact       struct {
					AB      []float64 `json:"a_b"`
					Predict []float64
				}
			}
		}
	}
	load(t, "testdata/calibration.json", &doc)
	forms := map[string]BetaForm{"'abm'": BetaABM, "'am'": BetaAM, "'ab'": BetaAB}
	used := map[string]int{}
	for _, c := range doc.Cases {
		t.Run(c.Call+"/"+c.Name, func(t *testing.T) {
			kind, _, _ := strings.Cut(c.Call, "(")
			used[kind]++
			switch kind {
			case "IsotonicRegression":
				s := regress(c.In.X, c.In.Y, c.In.W)
				for k, at := range c.In.At {
					near(t, "value", s.Probability(at), c.Out.Predict[k], 1e-12)
				}
				x, y := s.Thresholds()
				if len(x) != len(c.Out.XThresholds) {
					t.Fatalf("thresholds %v, want %v", x, c.Out.XThresholds)
				}
				for k := range x {
					near(t, "threshold", x[k], c.Out.XThresholds[k], 0)
					near(t, "value at a threshold", y[k], c.Out.YThresholds[k], 1e-12)
				}
			case "betacal.BetaCalibration":
				_, form, _ := strings.Cut(strings.TrimSuffix(c.Call, ")"), "=")
				b, err := FitBeta(logits(c.In.Score), c.In.Y, nil, forms[form])
				if err != nil {
					t.Fatal(err)
				}
				near(t, "a", b.A, c.Out.A, 1e-9)
				near(t, "b", b.B, c.Out.B, 1e-9)
				near(t, "c", b.C, c.Out.C, 1e-9)
				for k, m := range logits(c.In.At) {
					near(t, "probability", b.Probability(m), c.Out.Predict[k], 1e-10)
				}
			case "sklearn.calibration._SigmoidCalibration ":
				a, err := FitAffine(c.In.Margin, c.In.Y, nil)
				if err != nil {
					t.Fatal(err)
				}
				near(t, "slope", a.Slope, -c.Out.Exact.AB[0], 1e-12)
				near(t, "intercept", a.Intercept, -c.Out.Exact.AB[1], 1e-12)
				for k, m := range c.In.At {
					near(t, "probability", a.Probability(m), c.Out.Exact.Predict[k], 1e-12)
				}
			default:
				t.Errorf("the call %q is not tested", c.Call)
			}
		})
	}
	if used["IsotonicRegression"] != 4 || used["betacal.BetaCalibration"] != 6 || len(used) != 3 {
		t.Errorf("cases seen: %v", used)
	}
}

func TestVennAbersEqualsReference(t *testing.T) {
	var doc struct {
		Cases []struct {
			Name string
			In   struct{ Score, Y, At []float64 }
			Out  struct {
				P [][3]float64 `json:"p0_p1_p"`
			}
		}
	}
	load(t, "testdata/vennabers.json", &doc)
	if len(doc.Cases) != 6 {
		t.Fatalf("%d cases", len(doc.Cases))
	}
	for _, c := range doc.Cases {
		t.Run(c.Name, func(t *testing.T) {
			v, err := FitVennAbers(c.In.Score, c.In.Y)
			if err != nil {
				t.Fatal(err)
			}
			for k, at := range c.In.At {
				p0, p1 := v.Interval(at)
				near(t, "p0", p0, c.Out.P[k][0], 1e-12)
				near(t, "p1", p1, c.Out.P[k][1], 1e-12)
				near(t, "p", v.Probability(at), c.Out.P[k][2], 1e-12)
			}
		})
	}
}
