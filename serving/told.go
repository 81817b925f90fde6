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
// and category, and the recommendations.
type told struct {
	crowd   *crowd
	horizon int
	// lifetimes are columns by the crowd's rows.
	alive, noPurchase, purchases, spend []float64
	value, low, high                    []float64
	// rate is the share of revenue that counts as margin.
	rate       []float64
	spendBy    string
	fits       []string
	categories []string
	estimates  []wallet.Estimate
	totals     []wallet.Total
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
	if err := a.tellLifetime(ctx, t, s, intervals); err != nil {
		return nil, err
	}
	if err := a.tellWallets(t); err != nil {
		return nil, err
	}
	buys, err := a.tellRecommendations(ctx, t, s)
	if err != nil {
		return nil, err
	}
	in := t.input(a, buys)
	if a.scale == nil {
		if a.scale, err = loyalty.FitScale(in); err != nil {
			return nil, fmt.Errorf("fit the scale of loyalty: %w", err)
		}
	}
	in.Scale = a.scale
	if t.loyalty, err = loyalty.Evaluate(ctx, in, s.Worth.Loyalty); err != nil {
		return nil, refused{err}
	}
	t.attitude = loyalty.Attitudes(t.loyalty)
	if t.places, err = loyalty.Places(in, c.risk, s.Worth.Loyalty); err != nil {
		return nil, refused{err}
	}
	return t, nil
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
	for _, column := range []*[]float64{&t.alive, &t.noPurchase, &t.purchases, &t.spend, &t.value, &t.low, &t.high} {
		*column = unmeasured(n)
	}
	t.fits = make([]string, n)
	spent, tenure, margin := c.column(spendColumn), c.column(tenureColumn), c.column(marginColumn)
	t.rate = make([]float64, n)
	for i := range n {
		t.spend[i], t.rate[i] = features.RunRate(spent[i], tenure[i], t.horizon), s.marginShare(margin[i])
	}
	if a.lifetime == nil {
		return nil
	}
	h, mean, rows := historiesOf(c.frame)
	segments, terms := picked(c.segments(), rows), s.Worth.terms()
	scores, err := a.lifetime.Score(h, mean, segments, float64(t.horizon), terms)
	if err != nil {
		return fmt.Errorf("tell lifetimes: %w", err)
	}
	low, high := unmeasured(len(rows)), unmeasured(len(rows))
	if intervals {
		if err := a.lifetime.ValueIntervals(ctx, h, mean, segments, terms, s.Worth.chance(s.Seed), low, high); err != nil {
			return fmt.Errorf("tell lifetimes: %w", err)
		}
	}
	for k, i := range rows {
		rate := t.rate[i]
		t.alive[i], t.noPurchase[i], t.purchases[i] = scores.Alive[k], scores.NoPurchase[k], scores.Expected[k]
		t.value[i], t.low[i], t.high[i] = scores.Value[k]*rate, low[k]*rate, high[k]*rate
		if a.spendBy == byLifetime {
			t.spend[i] = scores.Expected[k] * scores.MeanSpend[k]
		}
		t.fits[i] = fitName(a.lifetime, segments[k])
	}
	return nil
}

// fitName says which fit an account is told by.
func fitName(p *lifetime.Portfolio, segment string) string {
	m, _ := p.Models(segment)
	if p.Choice(segment).Purchases.Own() {
		return fmt.Sprintf("%s, segment %s", m.Kind(), segment)
	}
	return string(m.Kind()) + ", all accounts"
}

func (a *appraisal) tellWallets(t *told) error {
	n := t.crowd.rows()
	t.first = make([]int, n+1)
	if a.wallet == nil {
		return nil
	}
	peers, declared := t.crowd.peers()
	if len(peers.Categories) == 0 {
		return nil
	}
	t.categories = peers.Categories
	var err error
	if t.estimates, err = a.wallet.Estimate(peers, declared); err != nil {
		return refused{err}
	}
	t.totals = a.wallet.Totals(t.estimates, n)
	for i := range t.estimates {
		t.first[t.estimates[i].Account+1] = i + 1
	}
	for i := range n {
		t.first[i+1] = max(t.first[i+1], t.first[i])
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

// input is what loyalty and place are told from.
func (t *told) input(a *appraisal, buys []float64) loyalty.Input {
	c, n := t.crowd, t.crowd.rows()
	share, gap, back, before := unmeasured(n), unmeasured(n), unmeasured(n), unmeasured(n)
	for i := range t.totals {
		share[i], gap[i] = t.totals[i].Share, t.totals[i].Potential
	}
	held := c.products
	if len(held) == 0 {
		held = c.categories
	}
	for k := range held {
		i := c.row[held[k].Account]
		if math.IsNaN(before[i]) {
			before[i] = 0
		}
		before[i] += held[k].SpendLastYear
	}
	parents := make([]int32, n)
	for i := range n {
		parents[i] = -1
		if p, ok := c.row[frame.AccountID(c.profiles[i].Parent)]; ok && p != i {
			parents[i] = int32(p) //nolint:gosec // accounts of one run
		}
		before[i] *= t.rate[i]
		if c.status[i] == features.Lapsed {
			back[i] = 1 - t.noPurchase[i]
		}
	}
	return loyalty.Input{
		Frame: c.frame, Segments: c.segments(), Parents: parents, Scale: a.scale, Extra: map[string][]float64{
			loyalty.ExtraWalletShare: share, loyalty.ExtraWalletGap: gap, loyalty.ExtraPropensity: buys, loyalty.ExtraLifetimeValue: t.value,
			loyalty.ExtraReturnProbability: back, loyalty.ExtraNetValueBefore: before,
		},
	}
}

// stake sets the value at risk of scores, whose segments are known, by the
// lifetime forecast of spend where that is the better one. Row i of the frame is
// that of score i.
func (k *scorer) stake(f *frame.Frame, scores []score.Score) error {
	if k.worth == nil || k.worth.spendBy != byLifetime {
		return nil
	}
	h, mean, rows := historiesOf(f)
	segments := make([]string, len(rows))
	for j, i := range rows {
		segments[j] = scores[i].Segment
	}
	told, err := k.worth.lifetime.Score(h, mean, segments, float64(k.card.HorizonDays), k.Settings.Worth.terms())
	if err != nil {
		return fmt.Errorf("forecast spend: %w", err)
	}
	margin := values(f, marginColumn)
	for j, i := range rows {
		scores[i].ValueAtRisk = scores[i].Probability * told.Expected[j] * told.MeanSpend[j] * k.Settings.marginShare(margin[i])
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
	slices.SortStableFunc(w.Wallets, func(a, b score.Wallet) int { return byPotential(float64(a.Potential), float64(b.Potential)) })
	return w
}

// byPotential puts the largest first, what is not known last.
func byPotential(a, b float64) int {
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
