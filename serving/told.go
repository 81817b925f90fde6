package serving

import (
	"context"
	"math"

	"fealty/features/frame"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// told is what an appraisal says of a crowd: row i of everything is row i of the
// crowd. It holds about 700 bytes per account beside the crowd, 64 per account
// and category, and of each kind and key up to crosssell.list recommendations of 152
// bytes (18 of them by default), in all 4 to 5 KB per account; what is recommended takes
// EASE's matrix meanwhile (crosssell.Memory).
type told struct {
	crowd   *crowd
	horizon int
	// lifetimes are columns by the crowd's rows.
	alive, noPurchase, purchases []float64
	// spend is expected within the horizon, kept what it is if the account stays.
	spend, kept      []float64
	value, low, high []float64
	// rate is the share of revenue that counts as margin in the values, rateBy what it
	// rests on.
	rate   []float64
	rateBy []loyalty.PartCode
	// spendBy says what forecast the spend, fits what model tells of the account, and
	// whys why it does not tell all; each "" where it has nothing to say.
	spendBy, fits, whys []string
	// valueBy is what a purchase is worth in the values.
	valueBy string
	toldWallets
	// columns are share, gap, width and trend of the wallet.
	columns         []frame.Column
	recommendations [][]score.Recommendation
	// together says what was found of what goes together, by product and by category.
	together []Note
	loyalty  *loyalty.Scores
	// stories are the codes of contradictions between loyalty and risk, by row.
	stories  map[int]string
	attitude *loyalty.Attitude
	places   []score.Place
}

// tell appraises a crowd. With intervals, lifetime values have them.
func (a *appraisal) tell(ctx context.Context, c *crowd, s Settings, horizon int, intervals bool) (*told, error) {
	t := &told{crowd: c, horizon: horizon}
	if err := a.measure(ctx, t, s, intervals); err != nil {
		return nil, err
	}
	buys, err := a.tellRecommendations(ctx, t, s)
	if err != nil {
		return nil, err
	}
	return t, a.weigh(ctx, t, t.input(buys, s), s)
}

// measure tells lifetimes and wallets.
func (a *appraisal) measure(ctx context.Context, t *told, s Settings, intervals bool) error {
	if err := a.tellLifetime(ctx, t, s, a.asked(s, intervals)); err != nil {
		return err
	}
	return a.tellWallets(t)
}

// weigh tells loyalty and place.
func (a *appraisal) weigh(ctx context.Context, t *told, in loyalty.Input, s Settings) (err error) {
	in.Scale = a.scale
	if err := valued(&in, s.Worth.Loyalty); err != nil {
		return err
	}
	if t.loyalty, err = loyalty.Evaluate(ctx, in, s.Worth.Loyalty); err != nil {
		return refused{err}
	}
	t.contradict(s.Worth.Loyalty.Disagreement)
	t.attitude = loyalty.Attitudes(t.loyalty)
	if t.places, err = loyalty.Places(in, t.crowd.risk, s.Worth.Loyalty); err != nil {
		return refused{err}
	}
	return nil
}

// unmeasured is a column without values.
func unmeasured(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

// input is what loyalty and place are told from, but the scale.
func (t *told) input(buys []float64, s Settings) loyalty.Input {
	c, n := t.crowd, t.crowd.rows()
	parents := make([]int32, n)
	for i := range n {
		parents[i] = c.rowOf(frame.AccountID(c.profiles[i].Parent), c.frame.Accounts[i])
	}
	in := loyalty.Input{
		Frame: c.measured(), Segments: c.segments(), Parents: parents, Above: c.above.names, AboveParents: c.rowsAbove(), Extra: map[string][]float64{
			loyalty.ExtraPropensity: buys, loyalty.ExtraLifetimeValue: t.value, loyalty.ExtraSincePurchase: c.sincePurchase(s.Location()),
		},
	}
	c.assess(&in)
	t.place(&in, s)
	for i := range t.columns {
		in.Extra[t.columns[i].Name] = t.columns[i].Numbers
	}
	return in
}

// attach gives a score its worth. Nothing is told of an account that was erased.
func (t *told) attach(sc *score.Score) {
	if t == nil || sc.Unscorable == erased {
		return
	}
	if i, ok := t.crowd.row[sc.Account]; ok {
		sc.Worth = t.of(i)
	} else if k, ok := t.crowd.above.index[sc.Account]; ok {
		sc.Worth = t.ofAbove(k)
	}
	if sc.Worth != nil {
		sc.Receipt.WorthHash = sc.Worth.Hash
	}
}

// of is what is told of row i.
func (t *told) of(i int) *score.Worth {
	w := &score.Worth{
		Account: t.crowd.frame.Accounts[i], Loyalty: t.loyal(i), Place: t.places[i], Recommendations: t.recommendations[i],
		Lifetime: t.lifetime(i),
	}
	t.tellPurse(i, w)
	return sealed(w)
}

// largestFirst orders numbers the largest first, what is not known last.
func largestFirst(a, b float64) int {
	switch {
	case math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return 1
	case math.IsNaN(b):
		return -1
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}
