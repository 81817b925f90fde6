package serving

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/crosssell"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
	"fealty/model/score"
	"fealty/model/wallet"
)

const (
	// listed is how many recommendations of each kind are kept of an account, by
	// category and by product.
	listed = 3
	// weighed is how many categories of each kind are given a probability when the
	// propensity to buy of the wallet is asked.
	weighed = 100
)

// told is what an appraisal says of a crowd: row i of everything is row i of the
// crowd. It holds about 700 bytes per account beside the crowd, 64 per account
// and category, and up to 18 recommendations of 120 bytes, in all 3 to 4 KB per
// account; what is recommended takes EASE's matrix meanwhile (crosssell.Memory).
type told struct {
	crowd   *crowd
	horizon int
	// lifetimes are columns by the crowd's rows.
	alive, noPurchase, purchases []float64
	// spend is expected within the horizon, kept what it is if the account stays.
	spend, kept      []float64
	value, low, high []float64
	// rate is the share of revenue that counts as margin.
	rate       []float64
	spendBy    string
	fits       []string
	categories []string
	estimates  []wallet.Estimate
	totals     []wallet.Total
	// whole are what was declared of accounts' whole spending, by row.
	whole map[int]wallet.Estimate
	// columns are share, gap, width and trend of the wallet.
	columns []frame.Column
	// first is where an account's estimates begin; one more than there are rows.
	first           []int
	recommendations [][]score.Recommendation
	loyalty         *loyalty.Scores
	attitude        *loyalty.Attitude
	places          []score.Place
}

// tell appraises a crowd. With intervals, lifetime values have them.
func (a *appraisal) tell(ctx context.Context, c *crowd, s Settings, horizon int, intervals bool) (*told, error) {
	t := &told{crowd: c, horizon: horizon, spendBy: a.spendBy}
	if err := a.measure(ctx, t, s, intervals); err != nil {
		return nil, err
	}
	buys, err := a.tellRecommendations(ctx, t, s)
	if err != nil {
		return nil, err
	}
	return t, a.weigh(ctx, t, t.input(buys), s)
}

// measure tells lifetimes and wallets.
func (a *appraisal) measure(ctx context.Context, t *told, s Settings, intervals bool) error {
	if err := a.tellLifetime(ctx, t, s, intervals); err != nil {
		return err
	}
	return a.tellWallets(t)
}

// weigh tells loyalty and place.
func (a *appraisal) weigh(ctx context.Context, t *told, in loyalty.Input, s Settings) (err error) {
	in.Scale = a.scale
	if t.loyalty, err = loyalty.Evaluate(ctx, in, s.Worth.Loyalty); err != nil {
		return refused{err}
	}
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

func (a *appraisal) tellLifetime(ctx context.Context, t *told, s Settings, intervals bool) error {
	c, n := t.crowd, t.crowd.rows()
	for _, column := range []*[]float64{&t.alive, &t.noPurchase, &t.purchases, &t.kept, &t.value, &t.low, &t.high} {
		*column = unmeasured(n)
	}
	t.fits = make([]string, n)
	spent, tenure, margin := c.column(spendColumn), c.column(tenureColumn), c.column(marginColumn)
	t.rate = make([]float64, n)
	for i := range n {
		t.kept[i], t.rate[i] = features.RunRate(spent[i], tenure[i], t.horizon), s.marginShare(margin[i])
	}
	t.spend = slices.Clone(t.kept)
	if a.lifetime == nil {
		return nil
	}
	h, mean, rows := historiesOf(c.frame)
	segments := picked(c.segments(), rows)
	scores, err := a.lifetime.Score(h, mean, segments, float64(t.horizon), a.terms)
	if err != nil {
		return fmt.Errorf("tell lifetimes: %w", err)
	}
	low, high := unmeasured(len(rows)), unmeasured(len(rows))
	if intervals {
		if err := a.lifetime.ValueIntervals(ctx, h, mean, segments, a.terms, s.Worth.chance(s.Seed), low, high); err != nil {
			return fmt.Errorf("tell lifetimes: %w", err)
		}
	}
	for k, i := range rows {
		rate := t.rate[i]
		t.alive[i], t.noPurchase[i], t.purchases[i] = scores.Alive[k], scores.NoPurchase[k], scores.Expected[k]
		t.value[i], t.low[i], t.high[i] = scores.Value[k]*rate, low[k]*rate, high[k]*rate
		if a.spendBy == byLifetime {
			t.spend[i], t.kept[i] = scores.Expected[k]*scores.MeanSpend[k], scores.IfAlive[k]*scores.MeanSpend[k]
		}
		t.fits[i] = fitName(a.lifetime, segments[k])
	}
	return nil
}

// fitName is the kind of the model that an account is told by, with the segment
// whose own it is.
func fitName(p *lifetime.Portfolio, segment string) string {
	m, _ := p.Models(segment)
	if p.Choice(segment).Purchases.Own() {
		return string(m.Kind()) + "/" + segment
	}
	return string(m.Kind())
}

func (a *appraisal) tellWallets(t *told) error {
	n := t.crowd.rows()
	t.first = make([]int, n+1)
	if a.wallet == nil {
		return nil
	}
	p := t.crowd.purses()
	t.categories = p.Categories
	var err error
	if t.estimates, err = a.wallet.Estimate(p.Peers, p.declared); err != nil {
		return refused{err}
	}
	t.totals = a.wallet.Totals(t.estimates, n)
	for i := range t.estimates {
		t.first[t.estimates[i].Account+1] = i + 1
	}
	for i := range n {
		t.first[i+1] = max(t.first[i+1], t.first[i])
	}
	if len(t.crowd.categories) > 0 {
		if err := a.tellWhole(t); err != nil {
			return err
		}
	}
	if t.columns, err = wallet.Columns(t.estimates, t.totals, &p.earlier); err != nil {
		return refused{err}
	}
	return nil
}

// tellWhole takes what was declared of an account's whole spending as its total.
func (a *appraisal) tellWhole(t *told) error {
	p := t.crowd.wholePurses()
	if len(p.declared) == 0 {
		return nil
	}
	whole, err := a.wallet.Estimate(p.Peers, p.declared)
	if err != nil {
		return refused{err}
	}
	t.whole = map[int]wallet.Estimate{}
	for _, e := range whole {
		if e.State == wallet.Known {
			t.whole[int(e.Account)] = e
			total := &t.totals[e.Account]
			total.State, total.Wallet, total.Low, total.High, total.Spend, total.Share, total.Potential = e.State, e.Wallet, e.Low, e.High, e.Spend, e.Share, e.Potential
		}
	}
	return nil
}

// wallets are the estimates of an account.
func (t *told) wallets(i int) []wallet.Estimate {
	if len(t.estimates) == 0 {
		return nil
	}
	return t.estimates[t.first[i]:t.first[i+1]]
}

// tellRecommendations lists what may be bought next, and returns by row the
// probability that the account buys of its wallet here: that of its categories,
// weighed by what it spends elsewhere in each.
func (a *appraisal) tellRecommendations(ctx context.Context, t *told, s Settings) ([]float64, error) {
	t.recommendations = make([][]score.Recommendation, t.crowd.rows())
	buys := unmeasured(t.crowd.rows())
	for _, key := range []features.HoldingKey{features.ByProduct, features.ByCategory} {
		p := a.propensity[key]
		if p == nil {
			continue
		}
		past, err := purchases(t.crowd.held(key))
		if err != nil {
			return nil, err
		}
		if len(past.Items) < leastItems {
			continue
		}
		m, _, err := crosssell.Fit(ctx, past, p.Params())
		if err != nil {
			return nil, fmt.Errorf("find what goes together by %s: %w", key, err)
		}
		rules, err := s.Worth.rules(key, past).Compile(past)
		if err != nil {
			return nil, refused{err}
		}
		most := listed
		if key == features.ByCategory {
			most = weighed
		}
		err = p.RecommendAll(ctx, m, most, rules, func(account int, list []crosssell.Recommendation) {
			i := t.crowd.row[past.Accounts[account]]
			if key == features.ByCategory {
				buys[i] = t.buysOfWallet(i, list)
			}
			count := map[crosssell.Kind]int{}
			for _, r := range list {
				if count[r.Kind]++; count[r.Kind] <= listed {
					t.recommendations[i] = append(t.recommendations[i], recommendation(key, r))
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("recommend by %s: %w", key, err)
		}
	}
	return buys, nil
}

func (t *told) buysOfWallet(i int, list []crosssell.Recommendation) float64 {
	probability := make(map[string]float64, len(list))
	for _, r := range list {
		probability[r.Item] = r.Probability
	}
	var sum, all float64
	for _, e := range t.wallets(i) {
		if p, ok := probability[t.categories[e.Category]]; ok && e.Potential > 0 {
			sum += p * e.Potential
			all += e.Potential
		}
	}
	if all == 0 {
		return math.NaN()
	}
	return sum / all
}

func recommendation(key features.HoldingKey, r crosssell.Recommendation) score.Recommendation {
	out := score.Recommendation{
		Kind: r.Kind.String(), Item: r.Item, Category: r.Category, Probability: model.Figure(r.Probability), Amount: model.Figure(r.Amount),
		Reason: string(r.Reason.Code), Because: r.Reason.Because, Orders: r.Reason.Orders, Days: r.Reason.Days, Buyers: r.Reason.Buyers,
	}
	if key == features.ByCategory {
		out.Item, out.Category = "", r.Item
	}
	return out
}

// input is what loyalty and place are told from, but the scale.
func (t *told) input(buys []float64) loyalty.Input {
	c, n := t.crowd, t.crowd.rows()
	back, before := unmeasured(n), unmeasured(n)
	margin := c.column(marginColumn)
	parents := make([]int32, n)
	for i := range n {
		parents[i] = -1
		if p, ok := c.row[frame.AccountID(c.profiles[i].Parent)]; ok && p != i {
			parents[i] = int32(p) //nolint:gosec // accounts of one run
		}
		// Where cost is known, last year's margin is not this year's.
		if math.IsNaN(margin[i]) {
			before[i] = c.yearBefore[i] * t.rate[i]
		}
		if c.status[i] == features.Lapsed {
			back[i] = 1 - t.noPurchase[i]
		}
	}
	in := loyalty.Input{
		Frame: c.frame, Segments: c.segments(), Parents: parents, Extra: map[string][]float64{
			loyalty.ExtraPropensity: buys, loyalty.ExtraLifetimeValue: t.value, loyalty.ExtraReturnProbability: back, loyalty.ExtraNetValueBefore: before,
		},
	}
	for i := range t.columns {
		in.Extra[t.columns[i].Name] = t.columns[i].Numbers
	}
	return in
}

// stake sets the value at risk of scores, whose segments are known, by the
// lifetime forecast of spend where that is the better one: what the account would
// spend if it stays, since the probability is that of leaving. Row i of the frame
// is that of score i.
func (k *scorer) stake(f *frame.Frame, scores []score.Score) error {
	if k.worth == nil || k.worth.spendBy != byLifetime {
		return nil
	}
	h, mean, rows := historiesOf(f)
	segments := make([]string, len(rows))
	for j, i := range rows {
		segments[j] = scores[i].Segment
	}
	told, err := k.worth.lifetime.Score(h, mean, segments, float64(k.card.HorizonDays), k.worth.terms)
	if err != nil {
		return fmt.Errorf("forecast spend: %w", err)
	}
	margin := values(f, marginColumn)
	for j, i := range rows {
		scores[i].ValueAtRisk = scores[i].Probability * (told.IfAlive[j] * told.MeanSpend[j]) * k.Settings.marginShare(margin[i])
	}
	return nil
}

// attach gives a score its worth. Nothing is told of an account that was erased.
func (t *told) attach(sc *score.Score) {
	if t == nil || sc.Unscorable == erased {
		return
	}
	i, ok := t.crowd.row[sc.Account]
	if ok {
		sc.Worth = t.of(i)
	}
}

// of is what is told of row i.
func (t *told) of(i int) *score.Worth {
	w := &score.Worth{
		Account: t.crowd.frame.Accounts[i], Loyalty: t.loyalty.Record(i, t.attitude), Place: t.places[i], Recommendations: t.recommendations[i],
		Lifetime: score.Lifetime{
			Alive: t.alive[i], NoPurchase: t.noPurchase[i], Purchases: t.purchases[i], Spend: t.spend[i], SpendBy: t.spendBy,
			Value: t.value[i], Low: t.low[i], High: t.high[i], Model: t.fits[i],
		},
		Wallet: score.Wallet{State: wallet.Unknown.String()},
	}
	nan := model.Figure(math.NaN())
	w.Wallet.Amount, w.Wallet.Low, w.Wallet.High, w.Wallet.Spend, w.Wallet.Share, w.Wallet.Potential = nan, nan, nan, nan, nan, nan
	if t.totals != nil {
		total := &t.totals[i]
		w.Wallet.State, w.Wallet.Amount, w.Wallet.Low, w.Wallet.High = total.State.String(), model.Figure(total.Wallet), model.Figure(total.Low), model.Figure(total.High)
		w.Wallet.Spend, w.Wallet.Share, w.Wallet.Potential = model.Figure(total.Spend), model.Figure(total.Share), model.Figure(total.Potential)
	}
	for _, e := range t.wallets(i) {
		of := score.Wallet{
			Category: t.categories[e.Category], State: e.State.String(), Amount: model.Figure(e.Wallet), Low: model.Figure(e.Low), High: model.Figure(e.High),
			Spend: model.Figure(e.Spend), Share: model.Figure(e.Share), Potential: model.Figure(e.Potential), Why: e.Why.String(),
		}
		for _, flag := range e.Flags.Each() {
			of.Flags = append(of.Flags, flag.String())
		}
		if of.Category == everything {
			w.Wallet.Why, w.Wallet.Flags = of.Why, of.Flags
			continue
		}
		w.Wallets = append(w.Wallets, of)
	}
	if e, ok := t.whole[i]; ok {
		w.Wallet.Why = e.Why.String()
		for _, flag := range e.Flags.Each() {
			w.Wallet.Flags = append(w.Wallet.Flags, flag.String())
		}
	}
	slices.SortStableFunc(w.Wallets, func(a, b score.Wallet) int { return largestFirst(float64(a.Potential), float64(b.Potential)) })
	return w
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
