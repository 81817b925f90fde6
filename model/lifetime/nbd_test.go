package lifetime

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// faithful draws histories of accounts that never leave.
func faithful(accounts int, r, alpha float64) Histories {
	source := rand.NewPCG(7, 11)
	chance := rand.New(source)
	var h Histories
	for range accounts {
		age := 50 + 250*chance.Float64()
		rate := distuv.Gamma{Alpha: r, Beta: alpha, Src: source}.Rand()
		x, last := 0.0, 0.0
		for t := chance.ExpFloat64() / rate; t < age; t += chance.ExpFloat64() / rate {
			x, last = x+1, t
		}
		h.Frequency, h.Recency, h.Age = append(h.Frequency, x), append(h.Recency, last), append(h.Age, age)
	}
	return h
}

// The NBD is the limit of the MBG/NBD as departures go to 0, row by row.
func TestNobodyLeavesIsTheLimit(t *testing.T) {
	h := faithful(300, .8, 40)
	limit := newModel(NBD, estimator{names: NBD.names(), theta: []float64{math.Log(.8), math.Log(40)}, covariance: make([]float64, 4)})
	near := newModel(MBGNBD, estimator{
		names: MBGNBD.names(), theta: []float64{math.Log(.8), math.Log(40), math.Log(1e-9), math.Log(1)}, covariance: make([]float64, 16),
	})
	for name, of := range map[string]func(*Model, []float64) error{
		"alive":          func(m *Model, out []float64) error { return m.Alive(h, out) },
		"expected":       func(m *Model, out []float64) error { return m.Expected(h, 90, out) },
		"no purchase":    func(m *Model, out []float64) error { return m.NoPurchase(h, 90, out) },
		"log-likelihood": func(m *Model, out []float64) error { return m.LogLikelihood(h, out) },
	} {
		got, want := make([]float64, h.Rows()), make([]float64, h.Rows())
		if err := errors.Join(of(limit, got), of(near, want)); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if !(math.Abs(got[i]-want[i]) <= 1e-5*(1+math.Abs(want[i]))) {
				t.Errorf("%s of row %d is %v, in the limit %v", name, i, got[i], want[i])
				break
			}
		}
	}
}

// Where nobody leaves, the parameters of rates are recovered, the derivatives are
// those of the value, and the text reads back.
func TestFaithfulAccountsHaveAFit(t *testing.T) {
	h := faithful(4000, .8, 40)
	m, err := Fit(t.Context(), NBD, h, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []float64{.8, 40} {
		if e := m.Estimates()[k]; math.Abs(e.Value-want) > 4*e.StandardError || !(e.StandardError > 0) {
			t.Errorf("%s is %v ± %v, drawn with %v", e.Name, e.Value, e.StandardError, want)
		}
	}
	l := NBD.likelihood(tabulate(h, nil, 1))
	theta, gradient, other := []float64{.3, 2}, make([]float64, 2), make([]float64, 2)
	value := l.at(theta, gradient)
	for k := range theta {
		const step = 1e-5
		up, down := []float64{.3, 2}, []float64{.3, 2}
		up[k] += step
		down[k] -= step
		slope := (l.at(up, other) - l.at(down, other)) / (2 * step)
		if math.Abs(slope-gradient[k]) > 1e-6*math.Abs(value) {
			t.Errorf("derivative %d is %v, by differences %v", k, gradient[k], slope)
		}
	}
	text, err := m.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(text)
	if err != nil || back.Kind() != NBD || back.p != m.p {
		t.Errorf("it reads back as %+v (%v)", back, err)
	}
	// A future of an account that does not leave has a mean that is expected.
	one := Histories{Frequency: []float64{5}, Recency: []float64{100}, Age: []float64{120}}
	spend := &Spend{estimator: estimator{names: spendNames(), theta: []float64{math.Log(6), math.Log(4), math.Log(15)}, covariance: make([]float64, 9)}}
	low, high := make([]float64, 1), make([]float64, 1)
	if err := ValueIntervals(t.Context(), m, spend, one, []float64{20}, DefaultTerms(), DefaultChance(), low, high); err != nil || !(low[0] < high[0]) {
		t.Errorf("its value lies in %v … %v (%v)", low[0], high[0], err)
	}
}
