package lifetime

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"fealty/model/metrics"
)

// Public are the public data sets of the literature on these models, as rows.
type Public struct {
	// Sample is the 1/10 sample of CDNOW in weeks (Fader and Hardie), and
	// SampleSpend the mean of its repeat purchases, for its own frequencies.
	Sample                      Histories
	SpendFrequency, SampleSpend []float64
	// Donations are chances to give, a year each.
	Donations       Histories
	DonationWeights []float64
	// Full is all of CDNOW, calibrated to 1997-09-30, with 39 weeks of holdout, in
	// weeks (see SplitAt).
	Full *Split
}

// Figure is one measured number beside its reference.
type Figure struct {
	// Name is a path: lifetime/model/number.
	Name, Unit       string
	Value, Reference float64
	// Tolerance is how far from Reference the value may lie.
	Tolerance float64
}

// Reached says whether the value is as near to its reference as it must be.
func (f Figure) Reached() bool { return math.Abs(f.Value-f.Reference) <= f.Tolerance }

// figures collects figures and the first error.
type figures struct {
	all []Figure
	err error
}

// printed adds a figure that must round to a reference as it is printed.
func (f *figures) printed(name, unit string, value float64, reference string) {
	number, err := strconv.ParseFloat(reference, 64)
	if err != nil {
		f.fail(fmt.Errorf("reference of %s: %w", name, err))
		return
	}
	_, decimals, _ := strings.Cut(reference, ".")
	f.all = append(f.all, Figure{name, unit, value, number, 0.5*math.Pow10(-len(decimals)) + 1e-12})
}

func (f *figures) fail(err error) {
	if f.err == nil && err != nil {
		f.err = err
	}
}

// fitted adds log-likelihood (± 0.01) and parameters (to 3 significant digits;
// those in within, to that share).
func (f *figures) fitted(name string, estimates []Estimate, quality Quality, logLikelihood float64, parameters []float64, within map[string]float64) {
	f.all = append(f.all, Figure{name + "/log-likelihood", "", quality.LogLikelihood, logLikelihood, 0.01})
	for k, e := range estimates {
		tolerance := 0.5 * math.Pow10(int(math.Floor(math.Log10(parameters[k])))-2)
		if share, ok := within[e.Name]; ok {
			tolerance = share * parameters[k]
		}
		f.all = append(f.all, Figure{name + "/" + e.Name, "", e.Value, parameters[k], tolerance})
	}
}

// one asks about a single row.
func (f *figures) one(ask func(out []float64) error) float64 {
	out := make([]float64, 1)
	f.fail(ask(out))
	return out[0]
}

// Figures fits every model to the public data sets and returns the numbers of the
// literature beside what it printed, and the holdout of all of CDNOW beside what
// lifetimes 0.11.3 reached at the same optimum.
func Figures(ctx context.Context, public Public) ([]Figure, error) {
	var f figures
	f.purchases(ctx, public)
	f.spend(ctx, public)
	f.donations(ctx, public)
	f.holdout(ctx, public.Full)
	if f.err != nil {
		return nil, f.err
	}
	return f.all, nil
}

// purchases are the fits to the sample of CDNOW and the papers' point values.
func (f *figures) purchases(ctx context.Context, public Public) {
	optimum := map[Kind]*Model{}
	for _, c := range []struct {
		kind          Kind
		logLikelihood float64
		parameters    []float64
		within        map[string]float64
	}{
		{BGNBD, -9582.426, []float64{0.2426, 4.4135, 0.7929, 2.4259}, nil},
		{MBGNBD, -9582.133, []float64{0.5248, 6.1830, 0.8914, 1.6140}, nil},
		{ParetoNBD, -9594.974, []float64{0.5533, 10.5776, 0.6062, 11.668}, map[string]float64{"beta": 0.01}},
	} {
		m, err := Fit(ctx, c.kind, public.Sample, nil)
		if err != nil {
			f.fail(fmt.Errorf("fit %s to the sample of CDNOW: %w", c.kind, err))
			return
		}
		optimum[c.kind] = m
		f.fitted("lifetime/"+string(c.kind), m.Estimates(), m.Quality(), c.logLikelihood, c.parameters, c.within)
	}
	published, err := Given(BGNBD, .243, 4.414, .793, 2.426)
	f.fail(err)
	stability, err := Given(ParetoNBD, .5143, 2.8845, .2856, 14.1087)
	f.fail(err)
	if f.err != nil {
		return
	}
	bg, pareto := optimum[BGNBD], optimum[ParetoNBD]
	row := func(x, recency, age float64) Histories {
		return Histories{Frequency: []float64{x}, Recency: []float64{recency}, Age: []float64{age}}
	}
	expected := func(m *Model, h Histories, t float64) float64 {
		return f.one(func(out []float64) error { return m.Expected(h, t, out) })
	}
	none := func(m *Model, t float64) float64 {
		return f.one(func(out []float64) error { return m.NoPurchase(row(0, 0, 0), t, out) })
	}
	living := func(m *Model, h Histories) float64 {
		return f.one(func(out []float64) error { return m.Alive(h, out) })
	}
	f.printed("lifetime/bg-nbd/expected-39", "purchases", expected(bg, row(2, 30.43, 38.86), 39), "1.226")
	f.printed("lifetime/bg-nbd/no-purchase-39-published", "probability", none(published, 39), "0.5737864")
	f.printed("lifetime/bg-nbd/no-purchase-39", "probability", none(bg, 39), "0.5743073")
	f.printed("lifetime/pareto-nbd/expected-52", "purchases", expected(pareto, row(26, 30.86, 31), 52), "25.46")
	f.printed("lifetime/pareto-nbd/alive", "probability", living(pareto, row(26, 30.86, 31)), "0.9979")
	f.printed("lifetime/pareto-nbd/alive-221", "probability", living(stability, row(221, 103.43, 103.57)), "0.9996")
	unstable := 0.0
	for x := 204.0; x <= 254; x++ {
		if v := living(stability, row(x, 103.43, 103.57)); !(v > 0 && v <= 1) {
			unstable++
		}
	}
	f.all = append(f.all, Figure{"lifetime/pareto-nbd/unstable-204-254", "accounts", unstable, 0, 0})
}

func (f *figures) spend(ctx context.Context, public Public) {
	m, err := FitSpend(ctx, public.SpendFrequency, public.SampleSpend, nil)
	if err != nil {
		f.fail(fmt.Errorf("fit gamma-gamma to the sample of CDNOW: %w", err))
		return
	}
	f.fitted("lifetime/gamma-gamma", m.Estimates(), m.Quality(), -4055.923, []float64{6.249, 3.745, 15.448}, nil)
	for _, c := range []struct {
		x, mean float64
		want    string
	}{{2, 22.35, "24.66"}, {1, 11.77, "18.91"}, {0, 0, "35.17"}} {
		got := f.one(func(out []float64) error { return m.Expected([]float64{c.x}, []float64{c.mean}, out) })
		f.printed(fmt.Sprintf("lifetime/gamma-gamma/mean-spend-%g", c.x), "USD", got, c.want)
	}
}

func (f *figures) donations(ctx context.Context, public Public) {
	m, err := Fit(ctx, BGBB, public.Donations, public.DonationWeights)
	if err != nil {
		f.fail(fmt.Errorf("fit BG/BB to the donations: %w", err))
		return
	}
	f.fitted("lifetime/bg-bb", m.Estimates(), m.Quality(), -33225.581, []float64{1.204, 0.750, 0.657, 2.783}, nil)
	for _, c := range []struct {
		x, recency float64
		now, next  string
	}{{0, 0, "0.116", "0.11"}, {2, 4, "0.634", "0.59"}, {6, 6, "1.000", "0.93"}} {
		const offered = 6
		row := Histories{Frequency: []float64{c.x}, Recency: []float64{c.recency}, Age: []float64{offered}}
		name := fmt.Sprintf("lifetime/bg-bb/alive-%g-%g", c.x, c.recency)
		living := f.one(func(out []float64) error { return m.Alive(row, out) })
		f.printed(name, "probability", living, c.now)
		f.printed(name+"-next", "probability", living*chanceStays(m.p, offered), c.next)
	}
}

// holdout fits all of CDNOW and compares the 39 weeks after.
func (f *figures) holdout(ctx context.Context, full *Split) {
	const weeks = 39
	inactive := make([]float64, full.Rows())
	silence := make([]float64, full.Rows())
	for i, n := range full.Purchases {
		if n == 0 {
			inactive[i] = 1
		}
		silence[i] = full.Age[i] - full.Recency[i]
	}
	rank := func(name string, score []float64, want string) {
		auc, err := metrics.AUC(inactive, score, nil)
		f.fail(err)
		f.printed(name, "AUC", auc, want)
	}
	rank("lifetime/cdnow/recency/auc", silence, "0.759")
	for _, c := range []struct {
		kind                                 Kind
		logLikelihood, total, mae            string
		aucNoPurchase, aucExpected, aucAlive string
	}{
		{BGNBD, "-95368.4", "-14.3", "0.819", "0.747", "0.763", "0.319"},
		{MBGNBD, "-95337.0", "-19.1", "0.795", "0.755", "0.765", "0.700"},
		{ParetoNBD, "-95415.1", "-12.9", "0.794", "0.763", "0.769", "0.722"},
	} {
		m, err := Fit(ctx, c.kind, full.Histories, nil)
		if err != nil {
			f.fail(fmt.Errorf("fit %s to all of CDNOW: %w", c.kind, err))
			return
		}
		name := "lifetime/cdnow/" + string(c.kind)
		expected, none, living := make([]float64, full.Rows()), make([]float64, full.Rows()), make([]float64, full.Rows())
		f.fail(m.Expected(full.Histories, weeks, expected))
		f.fail(m.NoPurchase(full.Histories, weeks, none))
		f.fail(m.Alive(full.Histories, living))
		test, err := Compare(expected, full.Purchases)
		f.fail(err)
		f.printed(name+"/log-likelihood", "", m.Quality().LogLikelihood, c.logLikelihood)
		f.printed(name+"/total", "%", 100*test.RelativeError, c.total)
		f.printed(name+"/mae", "purchases", test.MAE, c.mae)
		rank(name+"/auc-no-purchase", none, c.aucNoPurchase)
		rank(name+"/auc-expected", negative(expected), c.aucExpected)
		rank(name+"/auc-alive", negative(living), c.aucAlive)
	}
}

func negative(v []float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = -v[i]
	}
	return out
}
