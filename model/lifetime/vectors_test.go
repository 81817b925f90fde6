package lifetime

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/combin"
)

// vector is one case of testdata/lifetime.json; its README says where it is from.
type vector struct {
	Call string
	Name string
	In   struct {
		Params    map[string]float64
		X         float64
		Recency   float64 `json:"t_x"`
		Age       float64 `json:"T"` //nolint:tagliatelle // as the papers and the file have it
		N         float64
		Horizon   float64 `json:"t"`
		Mean      float64
		Months    int
		Discounts []float64 `json:"monthly_discount"`
	}
	Out map[string]any
}

func (v vector) number(t *testing.T, name string) float64 {
	t.Helper()
	number, ok := v.Out[name].(float64)
	if !ok {
		t.Fatalf("%s: no number %q", v.Name, name)
	}
	return number
}

func vectors(t *testing.T, call string) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/lifetime.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var some []vector
	for _, c := range file.Cases {
		if c.Call == call {
			some = append(some, c)
		}
	}
	if len(some) == 0 {
		t.Fatalf("no cases of %q", call)
	}
	return some
}

// kindOf is the kind that a case's name begins with; "" for the other models.
func kindOf(name string) Kind {
	for prefix, kind := range map[string]Kind{"BG/NBD": BGNBD, "MBG/NBD": MBGNBD, "Pareto/NBD": ParetoNBD} {
		if strings.HasPrefix(name, prefix) {
			return kind
		}
	}
	return ""
}

// ordered are the parameters by their names.
func ordered(names []string, params map[string]float64) []float64 {
	var all []float64
	for _, name := range names {
		all = append(all, params[name])
	}
	return all
}

// given is a model with known parameters and no uncertainty.
func given(t *testing.T, kind Kind, params map[string]float64) *Model {
	t.Helper()
	m, err := Given(kind, ordered(kind.names(), params)...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func givenSpend(t *testing.T, params map[string]float64) *Spend {
	t.Helper()
	s, err := GivenSpend(ordered(spendNames(), params)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*max(1, math.Abs(want))) {
		t.Errorf("%s: got %.17g, want %.17g (%.3g off)", what, got, want, got-want)
	}
}

// The references are 50-digit arithmetic; 1e-10 is what is lost by parameters
// that pass through their logarithms at x = 1000. For P(no purchase) of
// Pareto/NBD see testdata/README.md.
func TestPointsEqualReference(t *testing.T) {
	text, err := os.ReadFile("testdata/no_purchase.json")
	if err != nil {
		t.Fatal(err)
	}
	var noPurchase []float64
	if err := json.Unmarshal(text, &noPurchase); err != nil {
		t.Fatal(err)
	}
	for _, c := range vectors(t, "point") {
		kind := kindOf(c.Name)
		if kind == "" {
			continue
		}
		if kind == ParetoNBD {
			near(t, c.Name+": five panels", c.number(t, "p_zero"), noPurchase[0], 1e-4)
			c.Out["p_zero"], noPurchase = noPurchase[0], noPurchase[1:]
		}
		m, h, out := given(t, kind, c.In.Params), Histories{Frequency: []float64{c.In.X}, Recency: []float64{c.In.Recency}, Age: []float64{c.In.Age}}, make([]float64, 1)
		for name, ask := range map[string]func() error{
			"log_likelihood": func() error { return m.LogLikelihood(h, out) },
			"p_alive":        func() error { return m.Alive(h, out) },
			"expected":       func() error { return m.Expected(h, c.In.Horizon, out) },
			"p_zero":         func() error { return m.NoPurchase(h, c.In.Horizon, out) },
		} {
			if err := ask(); err != nil {
				t.Fatalf("%s at %+v: %v", c.Name, c.In, err)
			}
			want := c.number(t, name)
			if !(math.Abs(out[0]-want) <= 1e-10*max(1e-3, math.Abs(want))) {
				t.Errorf("%s: %s at x=%v, t_x=%v, T=%v: got %.17g, want %.17g", c.Name, name, c.In.X, c.In.Recency, c.In.Age, out[0], want)
			}
		}
	}
	if len(noPurchase) > 0 {
		t.Errorf("%d references left over", len(noPurchase))
	}
}

func TestNewCustomersEqualReference(t *testing.T) {
	for _, c := range vectors(t, "new customer") {
		m := given(t, kindOf(c.Name), c.In.Params)
		got, err := m.NewCustomer(c.In.Horizon)
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.Name, got, c.number(t, "expected"), 1e-10)
	}
}

func TestSpendEqualsReference(t *testing.T) {
	for _, c := range vectors(t, "point") {
		if c.Name != "Gamma-Gamma" {
			continue
		}
		s, out := givenSpend(t, c.In.Params), make([]float64, 1)
		if err := s.Expected([]float64{c.In.X}, []float64{c.In.Mean}, out); err != nil {
			t.Fatal(err)
		}
		near(t, c.Name+": mean spend", out[0], c.number(t, "mean_spend"), 1e-12)
		if c.In.X > 0 {
			if err := s.LogLikelihood([]float64{c.In.X}, []float64{c.In.Mean}, out); err != nil {
				t.Fatal(err)
			}
			near(t, c.Name+": log-likelihood", out[0], c.number(t, "log_likelihood"), 1e-12)
		}
	}
}

func TestChancesEqualReference(t *testing.T) {
	for _, c := range vectors(t, "point") {
		if c.Name != "BG/BB" {
			continue
		}
		m, out := given(t, BGBB, c.In.Params), make([]float64, 1)
		row := Histories{Frequency: []float64{c.In.X}, Recency: []float64{c.In.Recency}, Age: []float64{c.In.N}}
		for name, ask := range map[string]func() error{
			"log_likelihood": func() error { return m.LogLikelihood(row, out) },
			"p_alive_at_n":   func() error { return m.Alive(row, out) },
			"p_alive_at_n_plus_1": func() error {
				err := m.Alive(row, out)
				out[0] *= chanceStays(m.p, c.In.N)
				return err
			},
			"expected_next_5": func() error { return m.Expected(row, 5, out) },
		} {
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			near(t, c.Name+": "+name, out[0], c.number(t, name), 1e-12)
		}
	}
}

// That none of the next chances is taken is as likely as the same history with as many
// more offered is, beside it; what is expected is what is then taken, added up.
func TestChancesAheadEqualTheLikelihoods(t *testing.T) {
	m := given(t, BGBB, map[string]float64{"alpha": 1.2, "beta": .75, "gamma": .66, "delta": 2.8})
	for _, row := range [][3]float64{{0, 0, 0}, {0, 0, 6}, {2, 4, 6}, {6, 6, 6}, {1, 9, 30}} {
		x, recency, offered := row[0], row[1], row[2]
		likelihood := func(x, recency, offered float64) float64 { return math.Exp(chance(m.p, x, recency, offered)[0]) }
		now := likelihood(x, recency, offered)
		silent := func(k float64) float64 { return likelihood(x, recency, offered+k) / now }
		// The j-th is taken after any of the ways to take some of those before it.
		taken := func(k float64) (sum float64) {
			for j := 1.0; j <= k; j++ {
				for bought := range int(j) {
					ways := float64(combin.Binomial(int(j)-1, bought))
					sum += ways * likelihood(x+float64(bought)+1, offered+j, offered+j) / now
				}
			}
			return sum
		}
		for _, ahead := range []float64{0, .4, 1, 2.75, 5} {
			whole := math.Floor(ahead)
			between := func(f func(float64) float64) float64 {
				return f(whole) + (ahead-whole)*(f(whole+1)-f(whole))
			}
			h, out := Histories{Frequency: []float64{x}, Recency: []float64{recency}, Age: []float64{offered}}, make([]float64, 1)
			if err := m.NoPurchase(h, ahead, out); err != nil {
				t.Fatal(err)
			}
			near(t, "no purchase", out[0], between(silent), 1e-11)
			if err := m.Expected(h, ahead, out); err != nil {
				t.Fatal(err)
			}
			near(t, "expected", out[0], between(taken), 1e-11)
		}
	}
}
