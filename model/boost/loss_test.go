package boost

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGradientsAreDerivatives(t *testing.T) {
	for _, c := range []struct {
		loss Loss
		y    []float64
		step float64 // factor on the second derivative
	}{
		{LogLoss{}, []float64{0, 1}, 1},
		{Squared{}, []float64{-3, 0.5}, 1},
		{Poisson{}, []float64{0, 4}, math.Exp(0.7)},
	} {
		rapid.Check(t, func(t *rapid.T) {
			m, y := rapid.Float64Range(-4, 4).Draw(t, "margin"), rapid.SampledFrom(c.y).Draw(t, "y")
			const e = 1e-4
			up, at, down := c.loss.Value(m+e, y), c.loss.Value(m, y), c.loss.Value(m-e, y)
			var g, h [1]float64
			c.loss.Gradient([]float64{m}, []float64{y}, g[:], h[:])
			if d := (up - down) / (2 * e); math.Abs(d-g[0]) > 1e-5*(1+math.Abs(d)) {
				t.Fatalf("%s: gradient %v, differences say %v", c.loss.Objective(), g[0], d)
			}
			if d := (up - 2*at + down) / (e * e) * c.step; math.Abs(d-h[0]) > 1e-4*(1+math.Abs(d)) {
				t.Fatalf("%s: hessian %v, differences say %v", c.loss.Objective(), h[0], d)
			}
		})
	}
}

func TestBaseMinimises(t *testing.T) {
	weights := []float64{1, 2, 0.5, 3}
	for _, c := range []struct {
		loss Loss
		y    []float64
	}{
		{LogLoss{}, []float64{0, 1, 1, 0}},
		{Squared{}, []float64{-3, 0.5, 8, 1}},
		{Poisson{}, []float64{0, 4, 1, 2}},
		{Pinball{Alpha: 0.8}, []float64{-3, 0.5, 8, 1}},
	} {
		b := c.loss.Base(c.y, weights)
		at := func(m float64) float64 { return meanLoss(c.loss, filled(4, m), c.y, weights) }
		for _, d := range []float64{-0.01, 0.01} {
			if at(b+d) < at(b) {
				t.Errorf("%s: base %v, yet %v is better", c.loss.Objective(), b, b+d)
			}
		}
	}
}

func TestLogLossDoesNotOverflow(t *testing.T) {
	for _, m := range []float64{-1000, 1000} {
		var g, h [1]float64
		LogLoss{}.Gradient([]float64{m}, []float64{1}, g[:], h[:])
		if v := (LogLoss{}).Value(m, 1); math.IsInf(v, 0) || math.IsNaN(g[0]) || !(h[0] > 0) {
			t.Errorf("margin %v: loss %v, gradient %v, hessian %v", m, v, g[0], h[0])
		}
	}
	if v := (LogLoss{}).Value(-1000, 1); v != 1000 {
		t.Errorf("loss %v, want 1000", v)
	}
}

func TestQuantileIsCovered(t *testing.T) {
	r := stream(31)
	var x, y []float64
	for range 4000 {
		v := r.float()
		x, y = append(x, v), append(y, v*10*(1+r.float())) // the 0.8-quantile is 18·x
	}
	p := Defaults()
	p.Loss, p.Rounds, p.Leaves = Pinball{Alpha: 0.8}, 60, 8
	f := framed(number("x", x...))
	e := fit(t, p, f, y, nil)
	below := 0.0
	for i, m := range predict(t, e, f) {
		if y[i] <= m {
			below++
		}
	}
	if share := below / 4000; math.Abs(share-0.8) > 0.02 {
		t.Errorf("%.3f of the labels lie below the 0.8-quantile", share)
	}
	if m := e.Margin([]float64{0.5}); math.Abs(m-9) > 0.7 {
		t.Errorf("quantile %v at 0.5, planted 9", m)
	}
}

func TestPinballByHand(t *testing.T) {
	p := Pinball{Alpha: 0.9}
	var g, h [3]float64
	p.Gradient([]float64{1, 2, 3}, []float64{2, 2, 2}, g[:], h[:])
	for i, want := range []float64{-0.9, 0.1, 0.1} { // below the label; at it and above, as LightGBM's quantile
		if math.Abs(g[i]-want) > 1e-15 || h[i] != 1 {
			t.Errorf("gradient %v, hessian %v, want %v and 1", g[i], h[i], want)
		}
	}
	for _, c := range [][3]float64{{1, 2, 0.9}, {2, 2, 0}, {3, 2, 0.1}} {
		if got := p.Value(c[0], c[1]); math.Abs(got-c[2]) > 1e-15 {
			t.Errorf("loss of margin %v: %v, want %v", c[0], got, c[2])
		}
	}
}

func TestLeavesAreQuantilesOfTheirRows(t *testing.T) {
	f, _ := town(4000, 35)
	r := stream(36)
	var y, weights []float64
	for i := range f.Rows() {
		y = append(y, f.Columns[2].Numbers[i]*r.float())
		weights = append(weights, float64(1+r.below(3)))
	}
	for _, gradients := range []Gradients{Full, Packed} {
		for _, w := range [][]float64{nil, weights} {
			p := small()
			p.Loss, p.Rounds, p.LearningRate, p.Gradients = Pinball{Alpha: 0.9}, 1, 1, gradients
			e := fit(t, p, f, y, w)
			rows, err := e.Bind(f)
			if err != nil {
				t.Fatal(err)
			}
			leaf := map[int][]int{}
			row, first := make([]float64, len(f.Columns)), e.Tree(0)
			for i := range rows.Len() {
				rows.Row(i, row)
				leaf[first.Leaf(row)] = append(leaf[first.Leaf(row)], i)
			}
			if len(leaf) < 5 {
				t.Fatalf("%d leaves", len(leaf))
			}
			for k, rows := range leaf {
				// The value is the least y with 90 % of the weight at or below it.
				all, below, upTo := 0.0, 0.0, 0.0
				for _, i := range rows {
					v := 1.0
					if w != nil {
						v = w[i]
					}
					all += v
					if y[i] < first.LeafValue[k]-1e-9 {
						below += v
					}
					if y[i] < first.LeafValue[k]+1e-9 {
						upTo += v
					}
				}
				if below >= 0.9*all || upTo < 0.9*all {
					t.Errorf("gradients %d, leaf %d: of %v, %v lies below %v and %v up to it", gradients, k, all, below, first.LeafValue[k], upTo)
				}
			}
		}
	}
}

func TestWeightedQuantile(t *testing.T) {
	for _, c := range []struct {
		alpha   float64
		weights []float64
		want    float64
	}{
		{0.5, nil, 2}, {0.75, nil, 3}, {0.76, nil, 4}, {0.01, nil, 1}, {0.99, nil, 4},
		{0.5, []float64{1, 1, 1, 1}, 2}, {0.5, []float64{1, 1, 1, 9}, 4}, {0.5, []float64{9, 1, 1, 1}, 1},
	} {
		if got := quantile([]float64{1, 2, 3, 4}, c.weights, c.alpha); got != c.want {
			t.Errorf("alpha %v weights %v: %v, want %v", c.alpha, c.weights, got, c.want)
		}
	}
}

func TestPoissonFindsTheRates(t *testing.T) {
	var x, y []float64
	for i := range 3000 {
		// Rates 0.5 and 3, as counts that average to them.
		x = append(x, float64(i%2))
		y = append(y, []float64{[]float64{0, 1}[i/2%2], []float64{2, 3, 4}[i/2%3]}[i%2])
	}
	p := Defaults()
	p.Loss, p.Rounds, p.LearningRate = Poisson{}, 200, 0.3
	e := fit(t, p, framed(number("x", x...)), y, nil)
	for v, want := range []float64{0.5, 3} {
		if got := math.Exp(e.Margin([]float64{float64(v)})); math.Abs(got-want) > 0.01 {
			t.Errorf("rate %v at %d, planted %v", got, v, want)
		}
	}
}

// cubic is a loss of a caller's own: squared error that is asked for far too much when broken.
type cubic struct {
	Squared
	broken bool
}

func (c cubic) Gradient(margin, y, gradient, hessian []float64) {
	c.Squared.Gradient(margin, y, gradient, hessian)
	if c.broken {
		hessian[len(hessian)-1] = math.NaN()
	}
}

func TestCustomLoss(t *testing.T) {
	f, y := town(500, 33)
	p := small()
	p.Loss = Squared{}
	want := predict(t, fit(t, p, f, y, nil), f)
	p.Loss = cubic{}
	got := predict(t, fit(t, p, f, y, nil), f)
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("row %d: %v with a loss of one's own, %v with the same built in", i, got[i], want[i])
		}
	}
	p.Loss = cubic{broken: true}
	if _, err := Fit(context.Background(), p, f, y, nil); err == nil || !strings.Contains(err.Error(), "hessian NaN") {
		t.Errorf("a loss with NaN: got %v", err)
	}
	if err := (LogLoss{}).Check([]float64{1, 1}, nil); !errors.Is(err, ErrOneClass) {
		t.Errorf("one class: got %v", err)
	}
}
