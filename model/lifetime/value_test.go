package lifetime

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// months of weeks, as lifetimes has them.
func weeks(months int, discount float64) Terms {
	return Terms{Months: months, Month: 4.345, Discount: discount, Margin: 1}
}

func TestValueEqualsReference(t *testing.T) {
	for _, c := range vectors(t, "GammaGammaFitter.customer_lifetime_value") {
		m := given(t, BGNBD, map[string]float64{"r": .2426, "alpha": 4.4136, "a": .7929, "b": 2.4259})
		s := givenSpend(t, map[string]float64{"p": 6.249, "q": 3.745, "v": 15.448})
		want, _ := c.Out["clv"].([]any)
		for k, discount := range c.In.Discounts {
			out, terms := make([]float64, 1), weeks(c.In.Months, discount)
			h := Histories{Frequency: []float64{c.In.X}, Recency: []float64{c.In.Recency}, Age: []float64{c.In.Age}}
			if err := Value(m, s, h, []float64{c.In.Mean}, terms, out); err != nil {
				t.Fatal(err)
			}
			clv, _ := want[k].(float64)
			near(t, c.Name, out[0], clv, 1e-9)
			terms.Margin = 0.25
			if err := Value(m, s, h, []float64{c.In.Mean}, terms, out); err != nil {
				t.Fatal(err)
			}
			near(t, c.Name+" at a quarter of margin", out[0], clv/4, 1e-9)
		}
	}
}

// life is one simulated account: the repeat purchases until its age, and the
// amounts of all, in order of time since the first.
type life struct{ times, amounts []float64 }

// live simulates one account purchase by purchase until an age, straight from the
// stories that the models tell.
func live(kind Kind, p map[string]float64, until float64, source *rand.Rand) life {
	gamma := func(shape, rate float64) float64 { return distuv.Gamma{Alpha: shape, Beta: rate, Src: source}.Rand() }
	if kind == BGBB {
		return chances(p, until, source, gamma(p["q"], p["v"]))
	}
	rate, perUnit := gamma(p["r"], p["alpha"]), gamma(p["q"], p["v"])
	leave, death := 0.0, math.Inf(1)
	if kind == ParetoNBD {
		death = source.ExpFloat64() / gamma(p["s"], p["beta"])
	} else {
		leave = distuv.Beta{Alpha: p["a"], Beta: p["b"], Src: source}.Rand()
	}
	var l life
	at := 0.0
	if kind == MBGNBD && source.Float64() < leave {
		return l
	}
	for {
		if at += source.ExpFloat64() / rate; at > min(until, death) {
			return l
		}
		l.times, l.amounts = append(l.times, at), append(l.amounts, gamma(p["p"], perUnit))
		if source.Float64() < leave {
			return l
		}
	}
}

// chances simulates one account chance by chance; it buys at any moment of a chance's
// period.
func chances(p map[string]float64, until float64, source *rand.Rand, perUnit float64) (l life) {
	take, leave := distuv.Beta{Alpha: p["alpha"], Beta: p["beta"], Src: source}.Rand(), distuv.Beta{Alpha: p["gamma"], Beta: p["delta"], Src: source}.Rand()
	for k := 0.0; k < until && source.Float64() >= leave; k++ {
		if at := k + source.Float64(); source.Float64() < take && at <= until {
			l.times, l.amounts = append(l.times, at), append(l.amounts, distuv.Gamma{Alpha: p["p"], Beta: perUnit, Src: source}.Rand())
		}
	}
	return l
}

// history of a life at an age, with the mean amount.
func (l life) history(age float64) (x, recency, mean float64) {
	for k, at := range l.times {
		if at <= age {
			x, recency = x+1, at
			mean += (l.amounts[k] - mean) / x
		}
	}
	return x, recency, mean
}

var truths = map[Kind]map[string]float64{
	BGNBD:     {"r": .6, "alpha": 5, "a": .8, "b": 2.5, "p": 6, "q": 4, "v": 16},
	MBGNBD:    {"r": .6, "alpha": 5, "a": .8, "b": 2.5, "p": 6, "q": 4, "v": 16},
	ParetoNBD: {"r": .6, "alpha": 8, "s": .6, "beta": 12, "p": 6, "q": 4, "v": 16},
	BGBB:      {"alpha": 1.2, "beta": 4, "gamma": .7, "delta": 15, "p": 6, "q": 4, "v": 16},
}

// simulate draws accounts of ages of 20 to 60 weeks, whole ones where a week is a
// chance to buy, and the discounted value of the year after.
func simulate(kind Kind, count int, terms Terms, seed uint64) (h Histories, mean, value, purchases []float64) {
	source := rand.New(rand.NewPCG(seed, 7))
	for range count {
		age := 20 + 40*source.Float64()
		if kind.Discrete() {
			age = math.Floor(age)
		}
		l := live(kind, truths[kind], age+float64(terms.Months)*terms.Month, source)
		x, recency, m := l.history(age)
		if kind.Discrete() {
			recency = math.Ceil(recency) // the number of its chance
		}
		h.Frequency, h.Recency, h.Age, mean = append(h.Frequency, x), append(h.Recency, recency), append(h.Age, age), append(mean, m)
		var v, n float64
		for k, at := range l.times {
			if at > age {
				v += l.amounts[k] * terms.Margin * math.Pow(1+terms.Discount, -math.Ceil((at-age)/terms.Month))
				n++
			}
		}
		value, purchases = append(value, v), append(purchases, n)
	}
	return h, mean, value, purchases
}

// The planted truth is found within three standard errors, the value of all is
// met, and intervals cover what then happens.
func TestSimulatedCustomersAreRecovered(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			terms := weeks(12, 0.01)
			h, mean, value, purchases := simulate(kind, 3000, terms, 11)
			m := fit(t, kind, h)
			s, err := FitSpend(context.Background(), h.Frequency, mean, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range append(m.Estimates(), s.Estimates()...) {
				// On the scale on which the estimate is about normal.
				if off := math.Abs(math.Log(e.Value / truths[kind][e.Name])); off > 3*e.StandardError/e.Value {
					t.Errorf("%s is %.4g ± %.2g, was planted as %v", e.Name, e.Value, e.StandardError, truths[kind][e.Name])
				}
			}
			out := make([]float64, h.Rows())
			// An optimum is at least as likely as the truth.
			if err := given(t, kind, truths[kind]).LogLikelihood(h, out); err != nil {
				t.Fatal(err)
			}
			planted := 0.0
			for _, v := range out {
				planted += v
			}
			if planted > m.Quality().LogLikelihood {
				t.Errorf("log-likelihood %v at the optimum, %v at the planted truth", m.Quality().LogLikelihood, planted)
			}
			if err := m.Expected(h, 12*4.345, out); err != nil {
				t.Fatal(err)
			}
			met(t, "purchases", out, purchases)
			if err := Value(m, s, h, mean, terms, out); err != nil {
				t.Fatal(err)
			}
			met(t, "value", out, value)

			const some = 800
			part := Histories{Frequency: h.Frequency[:some], Recency: h.Recency[:some], Age: h.Age[:some]}
			low, high := make([]float64, some), make([]float64, some)
			chance := Chance{Level: 0.9, Draws: 200, Seed: 3}
			if err := ValueIntervals(context.Background(), m, s, part, mean[:some], terms, chance, low, high); err != nil {
				t.Fatal(err)
			}
			covered, above := 0.0, 0.0
			for i := range some {
				if value[i] >= low[i] && value[i] <= high[i] {
					covered++
				}
				if value[i] > high[i] {
					above++
				}
				if !(low[i] >= 0 && low[i] <= high[i]) {
					t.Fatalf("row %d: interval [%v, %v]", i, low[i], high[i])
				}
			}
			// Three standard deviations of shares of 800; accounts that are certain to
			// buy nothing can't miss, so that fewer than 5 % may lie above.
			t.Logf("covered %.3f, above %.3f", covered/some, above/some)
			if covered/some < 0.9-0.032 || above/some > 0.05+0.023 || above/some < 0.015 {
				t.Errorf("the intervals of level 0.9 cover %.3f, %.3f lie above", covered/some, above/some)
			}
		})
	}
}

// met says whether predictions meet outcomes in sum, within four standard errors.
func met(t *testing.T, what string, predicted, actual []float64) {
	t.Helper()
	var sum, square float64
	for i, v := range actual {
		sum += v - predicted[i]
		square += (v - predicted[i]) * (v - predicted[i])
	}
	if math.Abs(sum) > 4*math.Sqrt(square) {
		t.Errorf("%s: %.1f more happened than was expected, ± %.1f", what, sum, math.Sqrt(square))
	}
}

// The parameters of the drawn futures come from the curvature of the likelihood.
// How much they vary, and with them what is expected of an account, is what a
// bootstrap that draws the accounts of CDNOW again and refits says, within what 40
// refits can tell (a standard deviation of 40 is off by 11 %).
func TestDrawnParametersVaryLikeRefits(t *testing.T) {
	const refits = 40
	h := cdnowSample(t)
	m := fit(t, MBGNBD, h)
	asked := Histories{Frequency: []float64{0, 4, 10}, Recency: []float64{0, 30, 36}, Age: []float64{38, 38, 38}}
	chance := rand.New(rand.NewPCG(1, 2))
	draws, err := m.draws(chance, 400)
	if err != nil {
		t.Fatal(err)
	}
	expected := func(of *Model, all [][]float64) {
		out := make([]float64, asked.Rows())
		if err := of.Expected(asked, 39, out); err != nil {
			t.Fatal(err)
		}
		for k, v := range slices.Concat(out, of.theta) {
			all[k] = append(all[k], v)
		}
	}
	columns := asked.Rows() + len(m.theta)
	drawn, refitted := make([][]float64, columns), make([][]float64, columns)
	for _, d := range draws {
		of, err := Given(MBGNBD, d...)
		if err != nil {
			t.Fatal(err)
		}
		expected(of, drawn)
	}
	weights := make([]float64, h.Rows())
	for range refits {
		clear(weights)
		for range weights {
			weights[chance.IntN(len(weights))]++
		}
		of, err := Fit(t.Context(), MBGNBD, h, weights)
		if err != nil {
			t.Fatal(err)
		}
		expected(of, refitted)
	}
	for k := range columns {
		if ratio := stat.StdDev(drawn[k], nil) / stat.StdDev(refitted[k], nil); ratio < .65 || ratio > 1.5 {
			t.Errorf("column %d varies by %v as drawn and %v as refitted", k, stat.StdDev(drawn[k], nil), stat.StdDev(refitted[k], nil))
		}
	}
}
