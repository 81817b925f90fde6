package serving

import (
	"cmp"
	"math"
	"slices"
	"time"

	"fealty/features"
	"fealty/model"
	"fealty/model/score"
	"fealty/model/wallet"
)

// toldWallets are what an appraisal says of a crowd's wallets.
type toldWallets struct {
	categories []string
	estimates  []wallet.Estimate
	totals     []wallet.Total
	// first is where an account's estimates begin; one more than there are rows.
	first []int
	// said are the declarations that estimates may rest on, earlier what was spent the
	// year before.
	said    []wallet.Declared
	earlier wallet.Spend
	// noTrend says by row why there is no year before the last, "" where there is.
	noTrend []wallet.NoTrend
	// whole are the wallets that rest on what was declared of accounts' whole
	// spending, by row, and wholeSaid those declarations.
	whole     map[int]wallet.Estimate
	wholeSaid []wallet.Declared
	// beyond are an account's holdings of categories of which no wallet is told.
	beyond map[int][]*features.Holding
}

// The columns of wallet.Columns, by their place.
const trendColumn = 3

// tellWallets tells wallets, by category and in all.
func (a *appraisal) tellWallets(t *told) error {
	if err := a.tellCategories(t); err != nil || a.wallet == nil {
		return err
	}
	if categorised(t.crowd.categories) {
		if err := a.tellWhole(t); err != nil {
			return err
		}
	}
	var err error
	if t.columns, err = wallet.Columns(t.estimates, t.totals, &t.earlier); err != nil {
		return refused{err}
	}
	trends := t.columns[trendColumn].Numbers
	for i := range t.whole {
		e := t.whole[i]
		trends[i] = e.Trend(max(0, t.crowd.yearBefore[i]))
	}
	for i, why := range t.noTrend {
		if why != "" {
			trends[i] = math.NaN()
		}
	}
	return nil
}

// tellCategories tells wallets by category, with their sums.
func (a *appraisal) tellCategories(t *told) error {
	n := t.crowd.rows()
	t.first = make([]int, n+1)
	if a.wallet == nil {
		return nil
	}
	p := t.crowd.purses()
	t.toldWallets = toldWallets{categories: p.Categories, first: t.first, said: p.declared, earlier: p.earlier, noTrend: t.crowd.noTrends(), beyond: p.beyond, whole: map[int]wallet.Estimate{}}
	var err error
	if t.estimates, err = a.wallet.Estimate(p.Peers, p.declared); err != nil {
		return refused{err}
	}
	t.totals = a.wallet.Totals(t.estimates, n, p.unasked(n))
	for i := range t.estimates {
		t.first[t.estimates[i].Account+1] = i + 1
	}
	for i := range n {
		t.first[i+1] = max(t.first[i+1], t.first[i])
	}
	return nil
}

// tellWhole takes what was declared of an account's whole spending as its total. It
// is no less than its parts: the wallets known of single categories, and what is
// spent here in the others.
func (a *appraisal) tellWhole(t *told) error {
	p := t.crowd.wholePurses()
	if t.wholeSaid = p.declared; len(p.declared) == 0 {
		return nil
	}
	whole, err := a.wallet.Estimate(p.Peers, p.declared)
	if err != nil {
		return refused{err}
	}
	for _, e := range whole {
		if e.From < 0 || e.State == wallet.Unknown {
			continue
		}
		e.NoLessThan(t.parts(int(e.Account)))
		t.whole[int(e.Account)] = e
		total := &t.totals[e.Account]
		total.State, total.Wallet, total.Low, total.High, total.Spend, total.Share, total.Potential = e.State, e.Wallet, e.Low, e.High, e.Spend, e.Share, e.Potential
		total.SpendUnknown = 0
	}
	return nil
}

// parts are what is known of an account's wallets by category, with what it spends
// here in the categories of which nothing is known.
func (t *told) parts(i int) float64 {
	sum := 0.0
	for _, e := range t.wallets(i) {
		if e.State == wallet.Known {
			sum += e.Wallet
		} else {
			sum += e.Spend
		}
	}
	for _, h := range t.beyond[i] {
		sum += max(0, h.Spend365)
	}
	return sum
}

// wallets are the estimates of an account.
func (t *told) wallets(i int) []wallet.Estimate {
	if len(t.estimates) == 0 {
		return nil
	}
	return t.estimates[t.first[i]:t.first[i+1]]
}

// tellPurse gives a worth the wallet of row i, and those by category, the largest
// potential first.
func (t *told) tellPurse(i int, w *score.Worth) {
	nothing := wallet.Estimate{Why: wallet.NoModel, Wallet: math.NaN(), Low: math.NaN(), High: math.NaN(), Spend: math.NaN(), Share: math.NaN(), Potential: math.NaN()}
	w.Wallet = t.stored(&nothing, everything, math.NaN(), "", nil)
	if t.totals != nil {
		o := &t.totals[i]
		total := wallet.Estimate{State: o.State, Why: o.Why, Wallet: o.Wallet, Low: o.Low, High: o.High, Spend: o.Spend, Share: o.Share, Potential: o.Potential, From: -1}
		from := t.wholeSaid
		if e, ok := t.whole[i]; ok {
			total.From, total.Why, total.Flags = e.From, e.Why, e.Flags
		}
		trend, why := t.columns[trendColumn].Numbers[i], wallet.NoTrend("")
		if o.State != wallet.Unknown && math.IsNaN(trend) {
			why = cmp.Or(t.noTrend[i], wallet.NeverHere)
		}
		w.Wallet = t.stored(&total, everything, trend, why, from)
	}
	for _, e := range t.wallets(i) {
		trend, why := t.trend(i, &e)
		of := t.stored(&e, t.categories[e.Category], trend, why, t.said)
		if of.Category == everything {
			of.State, of.Amount, of.Share, of.Potential = w.Wallet.State, w.Wallet.Amount, w.Wallet.Share, w.Wallet.Potential
			w.Wallet = of
			continue
		}
		w.Wallets = append(w.Wallets, of)
	}
	for _, h := range t.beyond[i] {
		unasked := nothing
		unasked.Spend, unasked.Why = max(0, h.Spend365), wallet.NotAsked
		w.Wallets = append(w.Wallets, t.stored(&unasked, h.Key, math.NaN(), "", nil))
	}
	slices.SortStableFunc(w.Wallets, func(a, b score.Wallet) int { return largestFirst(float64(a.Potential), float64(b.Potential)) })
}

// trend is the change of the share of a wallet of row i against the year before, NaN
// where there is none, and why: of an unknown wallet that says so itself.
func (t *told) trend(i int, e *wallet.Estimate) (float64, wallet.NoTrend) {
	switch {
	case e.State == wallet.Unknown:
		return math.NaN(), ""
	case t.noTrend[i] != "":
		return math.NaN(), t.noTrend[i]
	}
	from, to := t.earlier.Start[i], t.earlier.Start[i+1]
	k, bought := slices.BinarySearch(t.earlier.Category[from:to], e.Category)
	if !bought {
		return math.NaN(), wallet.NeverHere
	}
	change := e.Trend(t.earlier.Amount[from+k])
	if math.IsNaN(change) { // last bought before those two years
		return change, wallet.NeverHere
	}
	return change, ""
}

// stored is an estimate as a record keeps it, with who declared what it rests on.
func (t *told) stored(e *wallet.Estimate, category string, trend float64, noTrend wallet.NoTrend, said []wallet.Declared) score.Wallet {
	w := score.Wallet{
		Category: category, State: e.State.String(), Amount: model.Figure(e.Wallet), Low: model.Figure(e.Low), High: model.Figure(e.High),
		Spend: model.Figure(e.Spend), Share: model.Figure(e.Share), Potential: model.Figure(e.Potential), Why: e.Why.String(),
		Width: model.Figure(e.Width()), Trend: model.Figure(trend), NoTrend: string(noTrend),
	}
	for _, flag := range e.Flags.Each() {
		w.Flags = append(w.Flags, flag.String())
	}
	if said != nil && e.From >= 0 {
		w.Author, w.Period = said[e.From].Author, said[e.From].Period
	}
	return w
}

// dayOf is the business day of an instant, "" for 0.
func dayOf(at int64, zone *time.Location) string {
	if at == 0 {
		return ""
	}
	return time.Unix(at, 0).In(zone).Format(time.DateOnly)
}
