package lifetime

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Kind names a purchase model.
type Kind string

// The purchase models. In all of them purchases come at random at a rate that
// differs between accounts; they differ in how accounts leave, and BGBB in what time
// is, too.
const (
	// BGNBD: an account may leave right after each repeat purchase. One-time
	// buyers count as alive.
	BGNBD Kind = "bg-nbd"
	// MBGNBD: it may leave after the first purchase, too.
	MBGNBD Kind = "mbg-nbd"
	// ParetoNBD: it may leave at any time.
	ParetoNBD Kind = "pareto-nbd"
	// BGBB: purchases come at chances to buy (weeks, months, seasons), one in each at
	// most, and an account may leave before each chance. Time is counted in chances:
	// Frequency is how many were taken after the first purchase, Recency the number of
	// the last one taken, Age how many there were, all whole numbers up to 10,000.
	BGBB Kind = "bg-bb"
	// NBD: nobody leaves. It is what the others come to where the histories show no
	// departure, and then the only one with parameters.
	NBD Kind = "nbd"
)

// Kinds returns the purchase models in which accounts leave.
func Kinds() []Kind { return []Kind{BGNBD, MBGNBD, ParetoNBD, BGBB} }

// Discrete says whether the model counts time in chances to buy, as BGBB does.
func (k Kind) Discrete() bool { return k == BGBB }

// Leaves says whether accounts leave in the model: without that nobody can say
// whether one is still alive, and Alive is 1 for all.
func (k Kind) Leaves() bool { return k != NBD }

// names of the parameters, in the papers' letters and order.
func (k Kind) names() []string {
	switch k {
	case BGNBD, MBGNBD:
		return []string{"r", "alpha", "a", "b"}
	case ParetoNBD:
		return []string{"r", "alpha", "s", "beta"}
	case BGBB:
		return []string{"alpha", "beta", "gamma", "delta"}
	case NBD:
		return []string{"r", "alpha"}
	}
	return nil
}

// times says which parameters are in the unit of time.
func (k Kind) times() []int {
	switch k {
	case ParetoNBD:
		return []int{1, 3}
	case BGBB:
		return nil
	default:
		return []int{1}
	}
}

// check verifies histories that the model is asked about.
func (k Kind) check(h Histories) error {
	if err := h.Check(); err != nil || !k.Discrete() {
		return err
	}
	return checkChances(h)
}

// Estimate is one fitted parameter, above 0. Its StandardError comes from the
// inverse information of its logarithm by the delta method.
type Estimate struct {
	Name          string
	Value         float64
	StandardError float64
}

// Quality says how well a model describes the rows that it was fitted on.
type Quality struct {
	// Rows with a weight above 0, and the sum of all weights.
	Rows   int
	Weight float64
	// LogLikelihood is the weighted sum, of the times of purchase (no factor that
	// depends on data only), in the histories' unit of time; of BGBB that of the chances
	// taken, which no other kind's compares with.
	LogLikelihood float64
	// AIC is 2·parameters − 2·LogLikelihood; BIC has log(Weight) instead of 2.
	AIC, BIC float64
}

func newQuality(rows int, weight, value float64, parameters int) Quality {
	return Quality{
		Rows: rows, Weight: weight, LogLikelihood: value,
		AIC: 2*float64(parameters) - 2*value, BIC: math.Log(weight)*float64(parameters) - 2*value,
	}
}

// estimator is what every fitted model of this package knows of its parameters.
type estimator struct {
	names []string
	// theta are the logarithms of the parameters, covariance theirs, row-major.
	theta, covariance []float64
	quality           Quality
}

// Estimates returns the parameters, in the papers' letters and order.
func (e *estimator) Estimates() []Estimate {
	all := make([]Estimate, len(e.names))
	for k, name := range e.names {
		v := math.Exp(e.theta[k])
		all[k] = Estimate{name, v, v * math.Sqrt(e.covariance[k*len(e.names)+k])}
	}
	return all
}

// Covariance returns the covariance of the logarithms of the parameters,
// row-major in the order of Estimates.
func (e *estimator) Covariance() []float64 { return slices.Clone(e.covariance) }

// Quality says how well the model describes the rows that it was fitted on.
func (e *estimator) Quality() Quality { return e.quality }

// Model is a fitted purchase model: immutable, safe for concurrent use. Its
// methods take histories in the unit of time that it was fitted in.
type Model struct {
	estimator

	kind Kind
	p    [4]float64
}

// Kind returns the model's kind.
func (m *Model) Kind() Kind { return m.kind }

// Given returns a model with parameters that are known, say from a paper, in the
// order of Estimates: above 0, with standard errors of 0. The error wraps
// ErrParams.
func Given(kind Kind, parameters ...float64) (*Model, error) {
	if kind.names() == nil {
		return nil, fmt.Errorf("%w: kind %q, want one of %q", ErrParams, kind, Kinds())
	}
	e, err := newGiven(kind.names(), parameters)
	if err != nil {
		return nil, err
	}
	return newModel(kind, e), nil
}

func newGiven(names []string, parameters []float64) (estimator, error) {
	if len(parameters) != len(names) {
		return estimator{}, fmt.Errorf("%w: %d parameters, want %q", ErrParams, len(parameters), names)
	}
	e := estimator{names: names, covariance: make([]float64, len(names)*len(names)), quality: Quality{Rows: 1, Weight: 1}}
	for k, v := range parameters {
		if !(v >= 1/largest && v <= largest) {
			return estimator{}, fmt.Errorf("%w: %s is %v, want %g … %g", ErrParams, names[k], v, 1/largest, largest)
		}
		e.theta = append(e.theta, math.Log(v))
	}
	return e, nil
}

// Fit maximises the likelihood of the histories over the logarithms of the
// parameters, from several starts. weights may be nil (all 1); a weight of w
// stands for w equal accounts, and one of 0 leaves a row out.
//
// The error wraps ErrParams for an unknown kind, ErrInput for histories, and
// ErrNotConverged where the histories do not determine the parameters: too few
// repeat purchases, or nobody who seems to have left. It is ctx.Err() when ctx is
// cancelled. The same histories and weights in any order, on any number of
// threads, give the same bits.
func Fit(ctx context.Context, kind Kind, h Histories, weights []float64) (*Model, error) {
	names := kind.names()
	if names == nil {
		return nil, fmt.Errorf("%w: kind %q, want one of %q", ErrParams, kind, Kinds())
	}
	if err := kind.check(h); err != nil {
		return nil, err
	}
	total, err := checkWeights(weights, h.Rows())
	if err != nil {
		return nil, err
	}
	scale, repeat, rows := 0.0, 0.0, 0
	for i, age := range h.Age {
		if w := weightOf(weights, i); w > 0 {
			scale = max(scale, age)
			repeat += w * min(h.Frequency[i], 1)
			rows++
		}
	}
	if rows == 0 || scale == 0 || repeat == 0 {
		return nil, fmt.Errorf("%w: %s from %d accounts: take a longer history or more accounts", ErrNoRepeat, kind, rows)
	}
	if kind.Discrete() {
		scale = 1
	}
	// In units of the greatest age all parameters are of the order of 1, and those of
	// chances are.
	d := tabulate(h, weights, scale)
	l := kind.likelihood(d)
	var draft likelihood
	var draftTotal float64
	if k := len(d.weight) / draftRows; k > 1 {
		thinned := d.thin(k)
		draft, draftTotal = kind.likelihood(thinned), thinned.total
	}
	advice := fmt.Sprintf("%s can't be fitted to these %d accounts; take a longer history or more accounts, pool segments, or try another of %q", kind, rows, Kinds())
	best, err := maximise(ctx, l, d.total, draft, draftTotal, kind.starts(d), names, advice)
	if err != nil {
		return nil, err
	}
	for _, k := range kind.times() {
		best.theta[k] += math.Log(scale)
	}
	value := best.value - d.purchases*math.Log(scale)
	e := estimator{names: names, theta: best.theta, covariance: best.covariance, quality: newQuality(rows, total, value, len(names))}
	return newModel(kind, e), nil
}

// draftRows is about how many distinct histories the starts are compared on.
const draftRows = 600

func newModel(kind Kind, e estimator) *Model {
	m := &Model{estimator: e, kind: kind}
	for k, v := range e.theta {
		m.p[k] = math.Exp(v)
	}
	return m
}

func (k Kind) likelihood(d *table) likelihood {
	switch k {
	case ParetoNBD:
		return newParetoNBD(d)
	case BGBB:
		return betaBinomial{d}
	case NBD:
		return negativeBinomial{newBetaGeometric(d, false)}
	default:
		return newBetaGeometric(d, k == MBGNBD)
	}
}

// starts are logarithms of parameters in units of the greatest age: purchase
// rates that differ little or much, few or many who leave, early or late.
func (k Kind) starts(d *table) [][]float64 {
	if k.Discrete() {
		return chanceStarts()
	}
	// A rate at which the purchases would come if nobody left.
	var exposure float64
	for i, w := range d.weight {
		exposure += w * d.ages[d.age[i]]
	}
	rate := math.Log(d.purchases / exposure)
	start := func(r, third, fourth float64) []float64 {
		return []float64{math.Log(r), math.Log(r) - rate, math.Log(third), math.Log(fourth)}
	}
	switch k {
	case NBD:
		return [][]float64{start(0.5, 1, 1)[:2], start(3, 1, 1)[:2]}
	case ParetoNBD:
		return [][]float64{start(0.5, 0.5, 0.3), start(1, 1, 2), start(0.3, 0.3, 0.05), start(3, 0.2, 1)}
	default:
		return [][]float64{start(0.5, 0.8, 2), start(1, 0.2, 4), start(0.3, 2, 2), start(3, 1, 10)}
	}
}

// Alive writes the probability that each account is still alive at its age into
// out, which has one entry per row.
func (m *Model) Alive(h Histories, out []float64) error {
	return m.each(h, out, func(x, recency, age float64, _ *series) float64 { return alive(m.kind, m.p, x, recency, age) })
}

// alive is P(alive) of one history.
func alive(kind Kind, p [4]float64, x, recency, age float64) float64 {
	switch kind {
	case ParetoNBD:
		return math.Exp(-paretoTail(p, x, recency, age))
	case BGBB:
		return chanceAlive(p, x, recency, age)
	case NBD:
		return 1
	default:
		_, living := odds(-betaGeometricOdds(p, kind == MBGNBD, x, recency, age))
		return living
	}
}

// Expected writes the expected number of purchases within t after the cutoff into
// out, one entry per row. t is in the unit of the histories, 0 … 1,000,000 times
// (α + age) of every account; of BGBB 0 … 10,000 chances, of which a part counts by
// its share.
func (m *Model) Expected(h Histories, t float64, out []float64) error {
	if err := m.checkHorizon(t); err != nil {
		return err
	}
	horizons := []float64{t}
	return m.each(h, out, func(x, recency, age float64, s *series) float64 {
		var mean [1]float64
		m.purchases(x, age, horizons, mean[:], s)
		return alive(m.kind, m.p, x, recency, age) * mean[0]
	})
}

// purchases writes the expected purchases of an account alive at its age until
// each of the ascending horizons.
func (m *Model) purchases(x, age float64, horizons, mean []float64, s *series) {
	switch m.kind {
	case ParetoNBD:
		paretoPurchases(m.p, x, age, horizons, mean)
	case BGBB:
		chancePurchases(m.p, x, age, horizons, mean)
	case NBD:
		for k := range mean {
			mean[k] = (m.p[0] + x) * horizons[k] / (m.p[1] + age)
		}
	default:
		s.purchases(m.p[0]+x, m.p[2], survived(m.p[3], x, m.kind == MBGNBD), m.p[1]+age, horizons, mean)
	}
}

// NoPurchase writes the probability of no purchase within t after the cutoff into
// out, one entry per row: of the account having left, or pausing for so long. It
// is the churn probability of these models. Bounds of t as in Expected.
func (m *Model) NoPurchase(h Histories, t float64, out []float64) error {
	if err := m.checkHorizon(t); err != nil {
		return err
	}
	return m.each(h, out, func(x, recency, age float64, _ *series) float64 {
		return m.noPurchase(alive(m.kind, m.p, x, recency, age), x, recency, age, t)
	})
}

// noPurchase needs P(alive) of the same history, living.
func (m *Model) noPurchase(living, x, recency, age, t float64) float64 {
	if m.kind == BGBB {
		return chanceNone(m.p, living, x, age, t)
	}
	r, alpha := m.p[0], m.p[1]
	pause := (r + x) * math.Log1p(t/(alpha+age))
	if m.kind != ParetoNBD {
		return living*math.Exp(-pause) + (1 - living)
	}
	if living < 1e-300 { // its logarithm has lost its digits
		return 1
	}
	// The likelihood of the same history with t added to the age, by the likelihood.
	s, beta := m.p[2], m.p[3]
	return math.Exp(paretoTail(m.p, x, recency, age+t) + math.Log(living) - pause - s*math.Log1p(t/(beta+age)))
}

// LogLikelihood writes each account's part of the log-likelihood into out.
func (m *Model) LogLikelihood(h Histories, out []float64) error {
	return m.each(h, out, func(x, recency, age float64, _ *series) float64 {
		switch m.kind {
		case ParetoNBD:
			return paretoValue(m.p, x, recency, age)
		case BGBB:
			return chance(m.p, x, recency, age)[0]
		case NBD:
			return negativeBinomialValue(m.p, x, age)
		default:
			return betaGeometricValue(m.p, m.kind == MBGNBD, x, recency, age)
		}
	})
}

// NewCustomer returns the expected number of repeat purchases of an account
// within t after its first purchase. Bounds of t as in Expected.
func (m *Model) NewCustomer(t float64) (float64, error) {
	out := make([]float64, 1)
	err := m.Expected(Histories{Frequency: []float64{0}, Recency: []float64{0}, Age: []float64{0}}, t, out)
	return out[0], err
}

// mostTerms is how many times (α + age) a horizon may be; see series.
const mostTerms = 1e6

func (m *Model) checkHorizon(t float64) error {
	longest := mostTerms * m.p[1]
	if m.kind.Discrete() {
		longest = mostChances
	}
	if !(t >= 0 && t <= longest) {
		return fmt.Errorf("%w: horizon is %v, want 0 … %.4g in the unit of the histories", ErrParams, t, longest)
	}
	return nil
}

// rowsAtOnce is how many accounts one goroutine takes at a time.
const rowsAtOnce = 4096

// each checks the columns and calls f for every row, on all cores.
func (m *Model) each(h Histories, out []float64, f func(x, recency, age float64, s *series) float64) error {
	if err := m.kind.check(h); err != nil {
		return err
	}
	if err := checkOut(out, h.Rows()); err != nil {
		return err
	}
	stripes(h.Rows(), rowsAtOnce, func(_, from, to int) {
		var s series
		for i := from; i < to; i++ {
			out[i] = f(h.Frequency[i], h.Recency[i], h.Age[i], &s)
		}
	})
	return nil
}

func checkOut(out []float64, rows int) error {
	if len(out) != rows {
		return fmt.Errorf("%w: room for %d results, want one for each of %d accounts", ErrInput, len(out), rows)
	}
	return nil
}
