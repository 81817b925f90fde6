package lifetime

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mathext"
	"pgregory.net/rapid"
)

// drawModel draws a model with parameters of all magnitudes that fits have.
func drawModel(t *rapid.T) *Model {
	kind := rapid.SampledFrom(append(Kinds(), NBD)).Draw(t, "kind")
	parameter := rapid.Custom(func(t *rapid.T) float64 { return math.Exp(rapid.Float64Range(-3, 4).Draw(t, "log")) })
	var parameters []float64
	for _, name := range kind.names() {
		parameters = append(parameters, parameter.Draw(t, name))
	}
	m, err := Given(kind, parameters...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// drawHistory draws one account, silent for a while or not.
func drawHistory(t *rapid.T, kind Kind) (x, recency, age float64) {
	if kind.Discrete() {
		n := rapid.IntRange(0, 200).Draw(t, "chances")
		last := rapid.IntRange(0, n).Draw(t, "last")
		return float64(rapid.IntRange(min(last, 1), last).Draw(t, "taken")), float64(last), float64(n)
	}
	age = rapid.Float64Range(0.1, 200).Draw(t, "age")
	if x = float64(rapid.IntRange(0, 300).Draw(t, "x")); x > 0 {
		recency = age * rapid.OneOf(rapid.Just(1.0), rapid.Float64Range(0.01, 1)).Draw(t, "recency")
	}
	return x, recency, age
}

func TestLawsOfPurchases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		x, recency, age := drawHistory(t, m.kind)
		h := Histories{Frequency: []float64{x}, Recency: []float64{recency}, Age: []float64{age}}
		ask := func(f func(out []float64) error) float64 {
			out := make([]float64, 1)
			if err := f(out); err != nil {
				t.Fatal(err)
			}
			return out[0]
		}
		living := ask(func(out []float64) error { return m.Alive(h, out) })
		if !(living >= 0 && living <= 1) {
			t.Fatalf("P(alive) is %v", living)
		}
		none, expected, span := 1.0, 0.0, m.p[1]+age
		for _, t1 := range []float64{0, 0.01 * span, 0.1 * span, span, 10 * span} {
			n := ask(func(out []float64) error { return m.NoPurchase(h, t1, out) })
			e := ask(func(out []float64) error { return m.Expected(h, t1, out) })
			// Longer horizons: more purchases, less silence; P(at least one) ≤ E[purchases].
			if !(n >= 0 && n <= none+1e-12) || !(e >= expected*(1-1e-12)) || math.IsInf(e, 0) || 1-n > e*(1+1e-9)+1e-12 {
				t.Fatalf("to %v: no purchase %v after %v, expected %v after %v", t1, n, none, e, expected)
			}
			if n < 1-living-1e-12 {
				t.Fatalf("no purchase %v, but %v have left", n, 1-living)
			}
			none, expected = n, e
		}
		// Silence only lowers P(alive).
		h.Age[0] = math.Ceil(age * 1.5)
		if later := ask(func(out []float64) error { return m.Alive(h, out) }); later > living+1e-12 {
			t.Fatalf("P(alive) rises from %v to %v in silence", living, later)
		}
	})
}

// Expected purchases against the closed form with 2F1 of the papers, where that
// form is well conditioned, and against a sum by hand elsewhere.
func TestPurchasesEqualTheClosedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, alpha := rapid.Float64Range(0.1, 3).Draw(t, "r"), rapid.Float64Range(1, 20).Draw(t, "alpha")
		a, b := rapid.Float64Range(1.5, 4).Draw(t, "a"), rapid.Float64Range(0.5, 4).Draw(t, "b")
		x, age := float64(rapid.IntRange(0, 20).Draw(t, "x")), rapid.Float64Range(1, 50).Draw(t, "age")
		horizon := rapid.Float64Range(1, 60).Draw(t, "t")
		c := b + x
		z := horizon / (alpha + age + horizon)
		want := (a + c - 1) / (a - 1) * (1 - math.Pow(1-z, r+x)*mathext.Hypergeo(r+x, c, a+c-1, z))
		var s series
		got := make([]float64, 1)
		s.purchases(r+x, a, c, alpha+age, []float64{horizon}, got)
		if math.Abs(got[0]-want) > 1e-8*(1+want) {
			t.Fatalf("got %v, want %v", got[0], want)
		}
	})
}

// The fraction against its integral, Γ-weights cancelled: F(1, b; c+1; z)/c =
// ∫₀¹ (1−u)^(c−1)·(1−zu)^−b du (Euler).
func TestFractionEqualsItsIntegral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.Float64Range(0.1, 30).Draw(t, "b")
		c := b + rapid.Float64Range(1, 5).Draw(t, "s")
		z := rapid.OneOf(rapid.Float64Range(0, 0.95), rapid.Float64Range(-500, 0)).Draw(t, "z")
		integrand := func(u, rest float64) float64 { return math.Pow(rest, c-1) * math.Pow(1-z*u, -b) }
		// Cubes of nodes meet the steep start and the root at the end.
		end := math.Cbrt(0.5)
		var want float64
		for k := range 8 {
			from, to := end*float64(k)/8, end*float64(k+1)/8
			want += quad.Fixed(func(v float64) float64 { return 3 * v * v * integrand(v*v*v, 1-v*v*v) }, from, to, 30, nil, 1)
			want += quad.Fixed(func(v float64) float64 { return 3 * v * v * integrand(1-v*v*v, v*v*v) }, from, to, 30, nil, 1)
		}
		got, _ := fraction(b, c, z)
		if math.Abs(got/want-1) > 1e-8 {
			t.Fatalf("b=%v, c=%v, z=%v: got %v, want %v", b, c, z, got, want)
		}
	})
}

// Every gradient against central differences of its value.
func TestGradientsEqualDifferences(t *testing.T) {
	sample := Histories{
		Frequency: []float64{0, 0, 1, 2, 7, 3, 29, 300}, Recency: []float64{0, 0, 1.7, 30.4, 29.4, 10, 38, 103.4},
		Age: []float64{38.9, 0.14, 38.9, 38.9, 38.9, 10, 38.9, 103.6},
	}
	weights := []float64{1, 2, 1, 3, 1, 1, 0.5, 1}
	d := tabulate(sample, weights, 50)
	spend, _, _ := newGammaGamma(sample.Frequency, []float64{0, 0, 12, 22, 35, 8, 40, 100}, weights)
	chances := tabulate(Histories{Frequency: []float64{0, 1, 1, 4, 6}, Recency: []float64{0, 1, 6, 5, 6}, Age: []float64{6, 6, 6, 8, 6}}, nil, 1)
	for name, c := range map[string]struct {
		likelihood likelihood
		parameters int
	}{
		"bg-nbd":      {newBetaGeometric(d, false), 4},
		"mbg-nbd":     {newBetaGeometric(d, true), 4},
		"pareto-nbd":  {newParetoNBD(d), 4},
		"gamma-gamma": {spend, 3},
		"bg-bb":       {betaBinomial{chances}, 4},
	} {
		rapid.Check(t, func(t *rapid.T) {
			theta, gradient, none := make([]float64, c.parameters), make([]float64, c.parameters), make([]float64, c.parameters)
			for k := range theta {
				theta[k] = rapid.Float64Range(-2, 2.5).Draw(t, "log")
			}
			c.likelihood.at(theta, gradient)
			for k := range theta {
				const step = 1e-5
				up, down := append([]float64(nil), theta...), append([]float64(nil), theta...)
				up[k] += step
				down[k] -= step
				want := (c.likelihood.at(up, none) - c.likelihood.at(down, none)) / (2 * step)
				if math.Abs(gradient[k]-want) > 1e-5*(1+math.Abs(want)) {
					t.Fatalf("%s: derivative %d is %v, want %v", name, k, gradient[k], want)
				}
			}
		})
	}
}

// simulated histories.
func simulated(kind Kind, count int) Histories {
	h, _, _, _ := simulate(kind, count, weeks(1, 0), 5) //nolint:dogsled // what happened next is not asked here
	return h
}

// A weight of w stands for w rows.
func TestWeightsAreRepeats(t *testing.T) {
	inTime, inChances := simulated(MBGNBD, 400), simulated(BGBB, 400)
	for _, kind := range Kinds() {
		h := inTime
		if kind.Discrete() {
			h = inChances
		}
		weights, repeated := make([]float64, h.Rows()), Histories{}
		for i := range weights {
			weights[i] = float64(i % 3)
			for range i % 3 {
				repeated.Frequency = append(repeated.Frequency, h.Frequency[i])
				repeated.Recency, repeated.Age = append(repeated.Recency, h.Recency[i]), append(repeated.Age, h.Age[i])
			}
		}
		a, err := Fit(context.Background(), kind, h, weights)
		if err != nil {
			t.Fatal(err)
		}
		b := fit(t, kind, repeated)
		for k, e := range a.Estimates() {
			near(t, string(kind)+" "+e.Name, e.Value, b.Estimates()[k].Value, 1e-7)
		}
		near(t, "log-likelihood", a.Quality().LogLikelihood, b.Quality().LogLikelihood, 1e-10)
	}
}

// The unit of time changes the parameters in that unit, and nothing else.
func TestUnitOfTimeDoesNotMatter(t *testing.T) {
	h := simulated(ParetoNBD, 800)
	in := func(unit float64) Histories {
		other := Histories{Frequency: h.Frequency, Recency: make([]float64, h.Rows()), Age: make([]float64, h.Rows())}
		for i := range other.Age {
			other.Recency[i], other.Age[i] = h.Recency[i]*unit, h.Age[i]*unit
		}
		return other
	}
	for _, kind := range Kinds() {
		if kind.Discrete() { // its unit is the chance
			continue
		}
		a, b := fit(t, kind, in(1)), fit(t, kind, in(604800))
		for k, e := range b.Estimates() {
			want := a.Estimates()[k].Value
			if e.Name == "alpha" || e.Name == "beta" {
				want *= 604800
			}
			near(t, string(kind)+" "+e.Name, e.Value/want, 1, 1e-5)
		}
	}
}

func TestBadHistoriesAreNamed(t *testing.T) {
	good := func() Histories {
		return Histories{Frequency: []float64{0, 2, 1}, Recency: []float64{0, 5, 3}, Age: []float64{9, 9, 9}}
	}
	nan := math.NaN()
	for name, c := range map[string]struct {
		change func(h *Histories)
		says   string
	}{
		"no recency":        {func(h *Histories) { h.Recency[1] = 0 }, "row 1: frequency 2 without recency"},
		"no frequency":      {func(h *Histories) { h.Frequency[2] = 0 }, "row 2: recency 3 without frequency"},
		"recency after age": {func(h *Histories) { h.Recency[1] = 10 }, "row 1: recency 10 is beyond the age 9"},
		"half a purchase":   {func(h *Histories) { h.Frequency[1] = 1.5 }, "row 1: frequency is 1.5"},
		"negative":          {func(h *Histories) { h.Frequency[1] = -1 }, "row 1: frequency is -1"},
		"NaN frequency":     {func(h *Histories) { h.Frequency[2] = nan }, "row 2: frequency is NaN"},
		"NaN recency":       {func(h *Histories) { h.Recency[2] = nan }, "row 2: recency is NaN"},
		"NaN age":           {func(h *Histories) { h.Age[0] = nan }, "row 0: age is NaN"},
		"infinite age":      {func(h *Histories) { h.Age[0] = math.Inf(1) }, "row 0: age is +Inf"},
		"lengths":           {func(h *Histories) { h.Age = h.Age[:2] }, "3 frequencies, 3 recencies and 2 ages"},
	} {
		h := good()
		c.change(&h)
		_, fitted := Fit(context.Background(), BGNBD, h, nil)
		asked := given(t, BGNBD, map[string]float64{"r": 1, "alpha": 1, "a": 1, "b": 1}).Alive(h, make([]float64, 3))
		for _, err := range []error{fitted, asked} {
			if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: error is %v, want one that says %q", name, err, c.says)
			}
		}
	}
	for name, err := range map[string]error{
		"weights":         second(Fit(context.Background(), BGNBD, good(), []float64{1, -1, 1})),
		"negative spend":  second(FitSpend(context.Background(), []float64{0, 1}, []float64{0, -3}, nil)),
		"no spend":        second(FitSpend(context.Background(), []float64{0, 1}, []float64{0, 0}, nil)),
		"NaN spend":       second(FitSpend(context.Background(), []float64{0, 1}, []float64{0, nan}, nil)),
		"chances":         second(Fit(context.Background(), BGBB, Histories{Frequency: []float64{1, 3}, Recency: []float64{1, 2}, Age: []float64{6, 6}}, nil)),
		"half a chance":   second(Fit(context.Background(), BGBB, Histories{Frequency: []float64{1, 1}, Recency: []float64{1, 1}, Age: []float64{6, 6.5}}, nil)),
		"room for result": given(t, BGNBD, map[string]float64{"r": 1, "alpha": 1, "a": 1, "b": 1}).Alive(good(), nil),
	} {
		if !errors.Is(err, ErrInput) {
			t.Errorf("%s: error is %v", name, err)
		} else if name != "room for result" && !strings.Contains(err.Error(), "row 1: ") {
			t.Errorf("%s: the error does not name row 1: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// What determines no model gives an error with advice, never a number.
func TestUndeterminedHistoriesAreErrors(t *testing.T) {
	steady, tiny := Histories{}, Histories{Frequency: []float64{1, 0}, Recency: []float64{2, 0}, Age: []float64{5, 5}}
	once := Histories{Frequency: make([]float64, 50), Recency: make([]float64, 50), Age: make([]float64, 50)}
	for i := range 50 {
		steady.Frequency, steady.Recency, steady.Age = append(steady.Frequency, 10), append(steady.Recency, 29), append(steady.Age, 30)
		once.Age[i] = float64(i + 1)
	}
	for _, kind := range Kinds() {
		for name, h := range map[string]Histories{"steady": steady, "nobody bought again": once, "two accounts": tiny, "no accounts": {}} {
			m, err := Fit(context.Background(), kind, h, nil)
			if !errors.Is(err, ErrNotConverged) || !strings.Contains(err.Error(), "take a longer history") || m != nil {
				t.Errorf("%s, %s: got %v and error %v", kind, name, m, err)
			}
		}
	}
	if _, err := FitSpend(context.Background(), []float64{1, 2, 3, 4}, []float64{5, 5, 5, 5}, nil); !errors.Is(err, ErrNotConverged) {
		t.Errorf("spend that never varies: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h := simulated(BGNBD, 200)
	if _, err := Fit(ctx, BGNBD, h, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestParametersOutOfBoundsAreErrors(t *testing.T) {
	m := given(t, BGNBD, map[string]float64{"r": 1, "alpha": 1, "a": 1, "b": 1})
	h, out := Histories{Frequency: []float64{0}, Recency: []float64{0}, Age: []float64{1}}, make([]float64, 1)
	chances := given(t, BGBB, map[string]float64{"alpha": 1, "beta": 1, "gamma": 1, "delta": 1})
	for name, err := range map[string]error{
		"chances":                      chances.Expected(h, mostChances+1, out),
		"kind":                         second(Fit(context.Background(), "bg", h, nil)),
		"given":                        second(Given(BGNBD, 1, 2, 3)),
		"zero":                         second(Given(BGNBD, 1, 2, 3, 0)),
		"no mean":                      second(GivenSpend(1, 1, 1)),
		"horizon":                      m.Expected(h, -1, out),
		"far":                          m.Expected(h, 1e9, out),
		"NaN":                          m.NoPurchase(h, math.NaN(), out),
		"months":                       Terms{Month: 1, Margin: 1}.Validate(),
		"month":                        Terms{Months: 1, Margin: 1}.Validate(),
		"margin":                       Terms{Months: 1, Month: 1, Margin: 1.5}.Validate(),
		"discount":                     Terms{Months: 1, Month: 1, Margin: 1, Discount: -1}.Validate(),
		"level":                        Chance{Level: 1, Draws: 200}.Validate(),
		"draws":                        Chance{Level: 0.9, Draws: 1}.Validate(),
		"a level that takes 199 draws": Chance{Level: 0.99, Draws: 198}.Validate(),
		"least":                        Least{Accounts: 1, RepeatBuyers: 1}.Validate(),
	} {
		if !errors.Is(err, ErrParams) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	m, _ := Given(MBGNBD, 0.5, 6, 0.9, 1.6)
	s, _ := GivenSpend(6.2, 3.7, 15.4)
	c, _ := Given(BGBB, 1.2, 0.7, 0.6, 2.7)
	p := &Portfolio{least: DefaultLeast(), pooled: pair{m, s}}
	for _, v := range []interface{ MarshalText() ([]byte, error) }{m, s, c, p} {
		text, err := v.MarshalText()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(bytes.Replace(text, []byte("0"), []byte("1e400"), 1))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parsed := range []func() (interface{ MarshalText() ([]byte, error) }, error){
			func() (interface{ MarshalText() ([]byte, error) }, error) { return Parse(text) },
			func() (interface{ MarshalText() ([]byte, error) }, error) { return ParseSpend(text) },
			func() (interface{ MarshalText() ([]byte, error) }, error) { return ParsePortfolio(text) },
		} {
			v, err := parsed()
			if err != nil {
				if !errors.Is(err, ErrText) {
					t.Fatalf("error is %v", err)
				}
				continue
			}
			again, err := v.MarshalText()
			if err != nil || !bytes.Equal(again, text) {
				t.Fatalf("read %q, wrote %q (%v)", text, again, err)
			}
		}
	})
}
