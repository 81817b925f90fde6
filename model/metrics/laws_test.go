package metrics

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

// scored draws rows of both classes with many ties.
type scored struct{ y, score, other, value []float64 }

func draw(t *rapid.T) scored {
	n := rapid.IntRange(4, 40).Draw(t, "rows")
	s := scored{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	for i := range n {
		s.y[i] = float64(rapid.IntRange(0, 1).Draw(t, "y"))
		s.score[i] = float64(rapid.IntRange(0, 8).Draw(t, "score")) / 8
		s.other[i] = float64(rapid.IntRange(0, 8).Draw(t, "other")) / 8
		s.value[i] = float64(rapid.IntRange(0, 300).Draw(t, "value"))
	}
	s.y[0], s.y[1], s.y[2], s.y[3] = 0, 1, 0, 1
	return s
}

func (s scored) permuted(t *rapid.T) scored {
	order := make([]int, len(s.y))
	for i := range order {
		order[i] = i
	}
	order = rapid.Permutation(order).Draw(t, "order")
	p := scored{make([]float64, len(order)), make([]float64, len(order)), make([]float64, len(order)), make([]float64, len(order))}
	for k, i := range order {
		p.y[k], p.score[k], p.other[k], p.value[k] = s.y[i], s.score[i], s.other[i], s.value[i]
	}
	return p
}

func must[T any](t *rapid.T) func(T, error) T {
	return func(v T, err error) T {
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func agree(t *rapid.T, what string, got, want float64) {
	if !(math.Abs(got-want) <= 1e-10*max(1, math.Abs(want))) {
		t.Fatalf("%s: %.17g, twin %.17g", what, got, want)
	}
}

func TestAUCEqualsCountingPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		var wins, pairs float64
		for i := range s.y {
			for j := range s.y {
				if s.y[i] == 1 && s.y[j] == 0 {
					w := s.value[i] * s.value[j]
					pairs += w
					switch {
					case s.score[i] > s.score[j]:
						wins += w
					case s.score[i] == s.score[j]:
						wins += w / 2
					}
				}
			}
		}
		got, err := AUC(s.y, s.score, s.value)
		if pairs == 0 {
			if !errors.Is(err, ErrOneClass) && !errors.Is(err, ErrInput) {
				t.Fatalf("no pair has weight: %v, %v", got, err)
			}
			return
		}
		agree(t, "AUC", must[float64](t)(got, err), wins/pairs)
		// The mirror of a score has the mirror of its AUC.
		mirror := make([]float64, len(s.score))
		for i, v := range s.score {
			mirror[i] = -v
		}
		agree(t, "mirror", 1-must[float64](t)(AUC(s.y, mirror, s.value)), wins/pairs)
	})
}

func TestDeLongOfAScoreWithItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		p := must[PairedAUC](t)(DeLongPaired(s.y, s.score, s.score))
		if p.Difference != 0 || p.Variance != 0 || p.Z != 0 || p.P != 1 {
			t.Fatalf("%+v", p)
		}
		q := must[PairedAUC](t)(DeLongPaired(s.y, s.score, s.other))
		agree(t, "variance", q.Variance, q.A.Variance+q.B.Variance-2*q.Covariance)
		agree(t, "AUC", q.A.AUC, must[float64](t)(AUC(s.y, s.score, nil)))
		low, high := q.Interval(0.95)
		if !(low <= q.Difference && q.Difference <= high) {
			t.Fatalf("[%v, %v] around %v", low, high, q.Difference)
		}
		if low, high = q.A.Interval(0.95); !(0 <= low && low <= q.A.AUC && q.A.AUC <= high && high <= 1) {
			t.Fatalf("[%v, %v] around %v", low, high, q.A.AUC)
		}
	})
}

// Planted truth: scores N(1, 1) of positives and N(0, 1) of negatives have the
// AUC Φ(1/√2). The 95 % interval must hold it in about 95 of 100 samples, and
// two scores equally good must differ at 5 % in about 5 of 100. The bounds are
// four standard errors of the 1,000 samples.
func TestDeLongKeepsItsWord(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	truth := distuv.UnitNormal.CDF(1 / math.Sqrt2)
	const samples, rows = 1000, 160
	y, a, b := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	var covered, rejected int
	for range samples {
		for i := range rows {
			y[i] = 0
			if i%5 < 2 {
				y[i] = 1
			}
			// Half of the noise is shared, so that the scores are correlated.
			shared := r.NormFloat64()
			a[i] = y[i] + (shared+r.NormFloat64())/math.Sqrt2
			b[i] = y[i] + (shared+r.NormFloat64())/math.Sqrt2
		}
		p := of[PairedAUC](t)(DeLongPaired(y, a, b))
		if low, high := p.A.Interval(0.95); low <= truth && truth <= high {
			covered++
		}
		if p.P < 0.05 {
			rejected++
		}
	}
	if covered < 922 || covered > 978 {
		t.Errorf("%d of %d intervals at 95 %% hold the truth", covered, samples)
	}
	if rejected < 22 || rejected > 78 {
		t.Errorf("%d of %d pairs equally good differ at 5 %%", rejected, samples)
	}
}

// The order of rows must not matter, not even in the last bit: a report would
// change with the warehouse's threads.
func TestRowOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		p := s.permuted(t)
		both := func(what string, of func(scored) (float64, error)) {
			a, errA := of(s)
			b, errB := of(p)
			if (errA == nil) != (errB == nil) || math.Float64bits(a) != math.Float64bits(b) {
				t.Fatalf("%s: %v (%v) became %v (%v)", what, a, errA, b, errB)
			}
		}
		both("AUC", func(s scored) (float64, error) { return AUC(s.y, s.score, nil) })
		both("AP", func(s scored) (float64, error) { return AveragePrecision(s.y, s.score, nil) })
		both("KS", func(s scored) (float64, error) { return KS(s.y, s.score) })
		both("lift", func(s scored) (float64, error) { return Lift(s.y, s.score, 0.3) })
		both("ECE", func(s scored) (float64, error) { return ECE(s.y, s.score, 3) })
		both("Qini", func(s scored) (float64, error) {
			q, err := QiniScore(s.y, s.score, s.y)
			return q.Ratio, err
		})
		both("EMPC", func(s scored) (float64, error) {
			q, err := EMPC(s.y, s.score, DefaultOffer())
			return q.PerCustomer, err
		})
		both("NDCG", func(s scored) (float64, error) { return NDCG(s.y, s.score, 5) })
	})
}

func TestBrierPartsSumToTheBrierScore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		for _, bins := range []int{0, 1, 3, 10, 50} {
			p := must[BrierParts](t)(BrierDecomposition(s.y, s.score, bins))
			agree(t, fmt.Sprint(bins, " bins"), p.Reliability-p.Resolution+p.Uncertainty+p.WithinVariance-p.WithinCovariance, p.Brier)
		}
	})
}

func TestGainsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		bins := rapid.IntRange(1, len(s.y)).Draw(t, "bins")
		table := must[[]Gain](t)(Gains(s.y, s.score, bins))
		var rows int
		var caught, positives float64
		for _, v := range s.y {
			positives += v
		}
		for _, g := range table {
			rows += g.Rows
			caught += g.Positives
			agree(t, "cumulative gain", g.CumulativeGain, caught/positives)
			if g.CumulativeRows != rows {
				t.Fatalf("%d rows, the table says %d", rows, g.CumulativeRows)
			}
		}
		if rows != len(s.y) {
			t.Fatalf("%d rows of %d", rows, len(s.y))
		}
		agree(t, "lift of all", table[bins-1].CumulativeLift, 1)
		agree(t, "first lift", table[0].Lift, must[float64](t)(Lift(s.y, s.score, 1/float64(bins))))
	})
}

// The exact integral against a midpoint sum over acceptance.
func TestEMPCEqualsASumOverAcceptance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		o := Offer{Alpha: 2, Beta: 3, CLV: float64(rapid.IntRange(0, 300).Draw(t, "clv")),
			Incentive: float64(rapid.IntRange(0, 30).Draw(t, "incentive")), Contact: float64(rapid.IntRange(0, 5).Draw(t, "contact"))}
		const steps = 2000
		var sum float64
		for k := range steps {
			g := (float64(k) + 0.5) / steps
			density := 12 * g * (1 - g) * (1 - g) // of Beta(2, 3)
			sum += density / steps * must[Profit](t)(MPC(s.y, s.score, g, o)).PerCustomer
		}
		p := must[Profit](t)(EMPC(s.y, s.score, o))
		if math.Abs(p.PerCustomer-sum) > 1e-4*max(1, sum) || p.Rate < -1e-12 || p.Rate > 1+1e-12 {
			t.Fatalf("EMPC %v at rate %v, sum %v", p.PerCustomer, p.Rate, sum)
		}
	})
}

func TestWeightTwoIsTheRowTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		var y, score []float64
		w := make([]float64, len(s.y))
		for i := range w {
			w[i] = float64(1 + i%3)
			for range 1 + i%3 {
				y, score = append(y, s.y[i]), append(score, s.score[i])
			}
		}
		for name, metric := range map[string]func(y, score, w []float64) (float64, error){
			"AUC": AUC, "AP": AveragePrecision, "log-loss": LogLoss, "log-loss of margins": LogLossOfMargins, "Brier": Brier,
			"pinball": func(y, q, w []float64) (float64, error) { return Pinball(y, q, 0.8, w) },
		} {
			agree(t, name, must[float64](t)(metric(s.y, s.score, w)), must[float64](t)(metric(y, score, nil)))
		}
	})
}

func TestLogLossOfMarginsEqualsLogLoss(t *testing.T) {
	y, margin, p := []float64{0, 1, 1, 0, 1}, []float64{-3, 2, -1, 0.5, 4}, make([]float64, 5)
	for i, m := range margin {
		p[i] = 1 / (1 + math.Exp(-m))
	}
	near(t, "log-loss", of[float64](t)(LogLossOfMargins(y, margin, nil)), of[float64](t)(LogLoss(y, p, nil)))
	// No clipping: a margin of 1,000 on the wrong side costs 1,000 nats.
	near(t, "a certain error", of[float64](t)(LogLossOfMargins([]float64{0}, []float64{1000}, nil)), 1000)
}

// A list in order is the tied-score metric with scores that fall.
func TestRankedListEqualsScores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		score := make([]float64, len(s.y))
		l := RankedList{}
		for i, v := range s.y {
			score[i] = -float64(i)
			l.Hits = append(l.Hits, v == 1)
			l.Bought += int(v)
		}
		for _, k := range []int{1, 3, 10, 100} {
			agree(t, "NDCG", l.NDCG(k), must[float64](t)(NDCG(s.y, score, k)))
			agree(t, "precision", l.Precision(k), must[float64](t)(PrecisionAt(s.y, score, k)))
			agree(t, "recall", l.Recall(k), must[float64](t)(RecallAt(s.y, score, k)))
			if l.Hit(k) != (l.Recall(k) > 0) {
				t.Fatalf("hit %v, recall %v", l.Hit(k), l.Recall(k))
			}
		}
	})
	var empty RankedList
	if empty.NDCG(5) != 0 || empty.Recall(5) != 0 || empty.Precision(0) != 0 || empty.Hit(-1) {
		t.Error("an empty list is worth something")
	}
}

// Ties are shared out: two of four tied items are relevant, so a cut of two
// holds one of them.
func TestTiesAreSharedOut(t *testing.T) {
	relevance, score := []float64{1, 0, 1, 0, 1}, []float64{5, 5, 5, 5, 1}
	near(t, "precision", of[float64](t)(PrecisionAt(relevance, score, 2)), 0.5)
	near(t, "recall", of[float64](t)(RecallAt(relevance, score, 2)), 1./3)
	near(t, "lift", of[float64](t)(Lift(relevance, score, 0.4)), 0.5/0.6)
	// All forecasts equal: every bin holds the base rate, so only the forecast's
	// own error is left.
	near(t, "ECE", of[float64](t)(ECE([]float64{1, 1, 0, 0, 0}, []float64{.5, .5, .5, .5, .5}, 5)), 0.1)
}

func TestContactsCount(t *testing.T) {
	got := of[[]Contact](t)(Contacts([]float64{1, 0, 1, 0}, []float64{.9, .6, .6, .1}, []float64{.6, .95}))
	want := []Contact{
		{Threshold: .6, Contacted: 3, Caught: 2, Bothered: 1, Reached: .75, Recall: 1, Precision: 2. / 3},
		{Threshold: .95},
	}
	for k := range want {
		if got[k] != want[k] {
			t.Errorf("%+v, want %+v", got[k], want[k])
		}
	}
}

// The binary search against a look at every row.
func TestContactsEqualALookAtEveryRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		for k, c := range must[[]Contact](t)(Contacts(s.y, s.score, s.other)) {
			var contacted, caught int
			for i, v := range s.score {
				if v >= s.other[k] {
					contacted++
					caught += int(s.y[i])
				}
			}
			if c.Contacted != contacted || c.Caught != caught || c.Bothered != contacted-caught {
				t.Fatalf("at %v: %+v, twin %d and %d", s.other[k], c, contacted, caught)
			}
		}
	})
}

// wild are finite numbers whose sums, products and squares are not.
var wild = []float64{-math.MaxFloat64, -1e300, -1e17, -1, -1e-310, -5e-324, math.Copysign(0, -1), 0, 5e-324, 1e-310, 1e-160, 1, 1e17, 1e155, 1e300, math.MaxFloat64}

// Whatever finite numbers go in, a metric is finite or refuses them: NaN and
// infinity never come out. And a metric leaves its arguments alone.
func TestNoMetricSaysNaN(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		n := len(s.y)
		numbers := rapid.SliceOfN(rapid.SampledFrom(wild), n, n)
		score, v := numbers.Draw(t, "wild score"), numbers.Draw(t, "wild values")
		size := make([]float64, n)
		for i := range size {
			size[i] = math.Abs(v[i])
		}
		treatment := s.permuted(t).y
		shape, money := rapid.SampledFrom([]float64{1e-300, 1e-3, 1, 6, 1e3, 1e6}), rapid.SampledFrom([]float64{0, 5e-324, 1e-9, 1, 200, 1e15})
		offer := Offer{Alpha: shape.Draw(t, "alpha"), Beta: shape.Draw(t, "beta"), CLV: money.Draw(t, "clv"), Incentive: money.Draw(t, "incentive"), Contact: money.Draw(t, "contact")}
		o := BusinessOffer{Alpha: offer.Alpha, Beta: offer.Beta, IncentiveFraction: 0.05, Contact: offer.Contact}
		all := map[string]func() (float64, error){
			"AUC":              func() (float64, error) { return AUC(s.y, score, size) },
			"AP":               func() (float64, error) { return AveragePrecision(s.y, score, size) },
			"KS":               func() (float64, error) { return KS(s.y, score) },
			"two samples":      func() (float64, error) { return KolmogorovSmirnov(score, v) },
			"log-loss":         func() (float64, error) { return LogLoss(s.y, s.score, size) },
			"Brier":            func() (float64, error) { return Brier(s.y, s.score, size) },
			"pinball":          func() (float64, error) { return Pinball(score, v, 0.8, nil) },
			"weighted pinball": func() (float64, error) { return Pinball(s.value, s.score, 0.8, size) },
			"lift":             func() (float64, error) { return Lift(s.y, score, 0.3) },
			"NDCG":             func() (float64, error) { return NDCG(size, score, 5) },
			"precision":        func() (float64, error) { return PrecisionAt(size, score, 5) },
			"recall":           func() (float64, error) { return RecallAt(size, score, 5) },
			"Qini":             func() (float64, error) { q, err := QiniScore(s.y, score, treatment); return q.Ratio, err },
			"AUUC":             func() (float64, error) { return AUUC(s.y, score, treatment) },
			"uplift":           func() (float64, error) { return UpliftAt(s.y, score, treatment, 0.5) },
			"DeLong":           func() (float64, error) { a, err := DeLong(s.y, score); return a.AUC + a.Variance, err },
			"paired":           func() (float64, error) { p, err := DeLongPaired(s.y, score, v); return p.Variance + p.P, err },
			"EMPC":             func() (float64, error) { p, err := EMPC(s.y, score, offer); return p.PerCustomer + p.Rate, err },
			"MPC":              func() (float64, error) { p, err := MPC(s.y, score, 0.3, offer); return p.PerCustomer, err },
			"EMPB":             func() (float64, error) { p, err := EMPB(s.y, score, size, o); return p.PerCustomer, err },
			"profit":           func() (float64, error) { return ProfitOfContacts(s.y, score, size, o, n/2) },
			"PSI of counts":    func() (float64, error) { return PSICounts(size, s.value, 0) },
			"PSI of values":    func() (float64, error) { d, err := PSI(score, v, 7, PSIFloor); return d.PSI, err },
			"margins":          func() (float64, error) { return LogLossOfMargins(s.y, score, size) },
		}
		before := slices.Concat(s.y, s.score, s.value, score, v, size, treatment)
		for name, metric := range all {
			got, err := metric()
			if err == nil && (math.IsNaN(got) || math.IsInf(got, 0)) {
				t.Fatalf("%s is %v", name, got)
			}
			if err != nil && !errors.Is(err, ErrInput) && !errors.Is(err, ErrOneClass) && !errors.Is(err, ErrUndefined) {
				t.Fatalf("%s: %v", name, err)
			}
			if after := slices.Concat(s.y, s.score, s.value, score, v, size, treatment); !slices.Equal(after, before) {
				t.Fatalf("%s changes its arguments: %v became %v", name, before, after)
			}
		}
	})
}

func TestPSIOfValues(t *testing.T) {
	nan := math.NaN()
	if d := of[Drift](t)(PSI([]float64{0, 0, 0, 0, 1}, []float64{0, 0, 0, 0, 1}, 10, PSIFloor)); d.PSI != 0 || len(d.Edges) > 3 {
		t.Errorf("the same sample, mostly zeros: %+v", d)
	}
	if d := of[Drift](t)(PSI([]float64{nan, nan}, []float64{nan}, 10, 0)); d.PSI != 0 {
		t.Errorf("all missing: %+v", d)
	}
	if _, err := PSI([]float64{math.Inf(1)}, []float64{1}, 2, 0); !errors.Is(err, ErrInput) {
		t.Errorf("an infinite value: %v", err)
	}
	if _, err := PSI(nil, []float64{1}, 2, 0); !errors.Is(err, ErrInput) {
		t.Errorf("no values: %v", err)
	}
}

func TestBadInputIsRefusedByRow(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	y, s := []float64{0, 1, 0, 1}, []float64{.1, .2, .3, .4}
	type metric func(y, score []float64) error
	drop := func(f func(y, s, w []float64) (float64, error)) metric {
		return func(y, score []float64) error { _, err := f(y, score, nil); return err }
	}
	all := map[string]metric{
		"AUC": drop(AUC), "AP": drop(AveragePrecision), "LogLoss": drop(LogLoss), "LogLossOfMargins": drop(LogLossOfMargins), "Brier": drop(Brier),
		"DeLong":       func(y, s []float64) error { _, err := DeLong(y, s); return err },
		"DeLongPaired": func(y, s []float64) error { _, err := DeLongPaired(y, s, s); return err },
		"KS":           func(y, s []float64) error { _, err := KS(y, s); return err },
		"Lift":         func(y, s []float64) error { _, err := Lift(y, s, 0.5); return err },
		"Gains":        func(y, s []float64) error { _, err := Gains(y, s, 2); return err },
		"Contacts":     func(y, s []float64) error { _, err := Contacts(y, s, nil); return err },
		"Reliability":  func(y, s []float64) error { _, err := Reliability(y, s, 2); return err },
		"ECE":          func(y, s []float64) error { _, err := ECE(y, s, 2); return err },
		"Brier parts":  func(y, s []float64) error { _, err := BrierDecomposition(y, s, 2); return err },
		"EMPC":         func(y, s []float64) error { _, err := EMPC(y, s, DefaultOffer()); return err },
		"MPC":          func(y, s []float64) error { _, err := MPC(y, s, 0.3, DefaultOffer()); return err },
		"EMPB": func(y, s []float64) error {
			_, err := EMPB(y, s, []float64{1, 1, 1, 1}, DefaultBusinessOffer())
			return err
		},
		"QiniScore": func(y, s []float64) error { _, err := QiniScore(y, s, []float64{1, 0, 0, 1}); return err },
		"AUUC":      func(y, s []float64) error { _, err := AUUC(y, s, []float64{1, 0, 0, 1}); return err },
	}
	for name, f := range all {
		if err := f(y, s); err != nil {
			t.Errorf("%s refuses good input: %v", name, err)
		}
		for _, bad := range []struct {
			y, s []float64
			says string
		}{
			{[]float64{0, nan, 0, 1}, s, "row 1"},
			{[]float64{0, 1, 2, 1}, s, "row 2"},
			{y, []float64{.1, .2, nan, .4}, "row 2"},
			{y, []float64{.1, .2, .3, inf}, "row 3"},
			{y, s[:3], "3 values"},
			{nil, nil, "no rows"},
		} {
			if err := f(bad.y, bad.s); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), bad.says) {
				t.Errorf("%s of %v, %v: %v, want %q", name, bad.y, bad.s, err, bad.says)
			}
		}
	}
	for name, err := range map[string]error{
		"a probability above 1":  all["Brier"](y, []float64{.1, .2, 1.3, .4}),
		"a fraction above 1":     second(Lift(y, s, 1.5)),
		"a NaN fraction":         second(UpliftAt(y, s, y, nan)),
		"no bins":                second(ECE(y, s, 0)),
		"too many bins":          second(Gains(y, s, 5)),
		"a NaN acceptance":       second(MPC(y, s, nan, DefaultOffer())),
		"a negative value":       second(EMPB(y, s, []float64{1, -1, 1, 1}, DefaultBusinessOffer())),
		"a NaN value of a churn": second(EMPC(y, s, Offer{Alpha: 6, Beta: 14, CLV: nan})),
		"no Beta":                second(EMPC(y, s, Offer{Alpha: 0, Beta: 14})),
		"too many contacts":      second(ProfitOfContacts(y, s, s, DefaultBusinessOffer(), 5)),
		"a negative weight":      second(AUC(y, s, []float64{1, 1, -1, 1})),
		"weights 0":              second(Brier(y, s, make([]float64, 4))),
		"a quantile of 1":        second(Pinball(y, s, 1, nil)),
		"k 0":                    second(NDCG(y, s, 0)),
		"a negative relevance":   second(NDCG([]float64{-1, 1, 1, 1}, s, 2)),
		"a floor of 1":           second(PSICounts(s, s, 1)),
		"a tiny weight":          second(AUC(y, s, []float64{1, 1, 1e-101, 1})),
		"a huge weight":          second(Brier(y, s, []float64{1, 1, 1e101, 1})),
		"a huge margin":          second(LogLossOfMargins(y, []float64{1, 1, 1e101, 1}, nil)),
		"a huge forecast":        second(Pinball(y, []float64{1, 1, 1e101, 1}, 0.5, nil)),
		"a huge value":           second(EMPB(y, s, []float64{1, 1e16, 1, 1}, DefaultBusinessOffer())),
		"a NaN count":            second(PSICounts([]float64{nan, 1}, []float64{1, 1}, 0)),
		"a treatment of 2":       second(AUUC(y, s, []float64{0, 1, 2, 1})),
	} {
		if !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"AUC of one class":        all["AUC"]([]float64{1, 1, 1, 1}, s),
		"AP without positives":    all["AP"](make([]float64, 4), s),
		"KS of one class":         all["KS"](make([]float64, 4), s),
		"lift without positives":  all["Lift"](make([]float64, 4), s),
		"gains without positives": all["Gains"](make([]float64, 4), s),
		"nobody treated":          second(QiniScore(y, s, make([]float64, 4))),
	} {
		if !errors.Is(err, ErrOneClass) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := DeLong([]float64{1, 0, 0}, s[:3]); !errors.Is(err, ErrUndefined) {
		t.Errorf("a variance from one positive: %v", err)
	}
	if _, err := RecallAt(make([]float64, 4), s, 2); !errors.Is(err, ErrUndefined) {
		t.Errorf("recall of nothing: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
