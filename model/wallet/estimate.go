package wallet

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// State says how much is known of a wallet.
type State uint8

// The states.
const (
	// Unknown: no wallet can be given.
	Unknown State = iota
	// Estimated: from the account's past share, or from its peers.
	Estimated
	// Known: declared, as an amount or a rank.
	Known
)

// Why says where a wallet comes from, or why there is none.
type Why uint8

// The reasons: of a wallet, then of its absence.
const (
	None Why = iota
	// DeclaredAmount and DeclaredRank: somebody said so.
	DeclaredAmount
	DeclaredRank
	// PastShare: today's spend ÷ the share that a declared period of the past
	// lets expect.
	PastShare
	// ByQuantile: the high quantile of what similar accounts spend.
	ByQuantile
	// TooWide: the interval is too wide to act on. Low and High say how wide.
	TooWide
	// FewPeers, OneAccount, NoPeers: too few accounts spend in the category, one, none.
	FewPeers
	OneAccount
	NoPeers
	// Unseen: the model was fitted without the category.
	Unseen
	// NoInterval: too few accounts were held out to set an interval by.
	NoInterval
	// NotAsked: the caller asked for no wallet of the category, as there are too many.
	NotAsked
	// NoneKnown, MostUnknown and SumTooWide are of the total of several categories: in
	// none of them is there a wallet, in those that hold most of the spend, or their
	// intervals add up to one that is too wide to act on.
	NoneKnown
	MostUnknown
	SumTooWide
	// NoModel: the caller has no model of wallets; NoPurchases: the account has never bought.
	NoModel
	NoPurchases
)

// NoTrend says why there is no change of the share of a wallet that is known or estimated.
type NoTrend string

// The reasons.
const (
	// FirstYear: the account first bought within the last year.
	FirstYear NoTrend = "first_year"
	// ShortData: the data begin within the last two years, so that the year before is
	// known in part.
	ShortData NoTrend = "short_data"
	// NeverHere: the account bought nothing of the category here in either year.
	NeverHere NoTrend = "never_here"
)

// Flags are notes on an estimate.
type Flags uint8

// The flags.
const (
	// Raised: the declared wallet was below the account's own spend, and is the spend.
	Raised Flags = 1 << iota
	// AbovePeers: the account spends more than peers let expect as its wallet; its wallet is its spend.
	AbovePeers
	// Stale: the declared period is older than FreshDays.
	Stale
	// ByPeersOnly: the interval is one of what peers spend, not of wallets: too few
	// are declared, or the account buys nothing of the category.
	ByPeersOnly
	// RankUnused: a rank is declared, but without own spend it tells no wallet.
	RankUnused
	// NotBought: the account buys nothing of the category here; an estimate is what
	// it would spend if it did, and no part of its total.
	NotBought
	// BelowParts: the wallet declared of all spending was below what is known of its
	// parts, and is their sum.
	BelowParts
	// AsSaid: an older declaration is taken as it was said though shares of then could be
	// carried to today, since what the account bought in that year is not known or the
	// amount, widened by its age, is the surer of the two.
	AsSaid
)

// Estimate is the wallet of an account in a category, in base currency a year.
type Estimate struct {
	// Account is a row of the frame, Category one of the peers' categories.
	Account, Category int32
	// From is the declaration it rests on, −1 for none.
	From  int32
	State State
	Why   Why
	Flags Flags
	// Wallet is what the account spends with everybody, at least its Spend. Low and
	// High hold it with the probability Coverage; Low ≤ Wallet ≤ High. Wallet, Share
	// and Potential are NaN where the state is Unknown; Low and High too, but for TooWide.
	Wallet, Low, High float64
	Spend             float64
	// Share is Spend ÷ Wallet, Potential is Wallet − Spend.
	Share, Potential float64
}

// Width is High ÷ Low, NaN where there is no interval or its low is 0.
func (e *Estimate) Width() float64 { return width(e.Low, e.High) }

func width(low, high float64) float64 {
	if low == 0 {
		return math.NaN()
	}
	return high / low
}

// Trend is the change of the share of wallet since a time when the account spent so
// much here: (Spend − earlier) ÷ Wallet, the wallet being today's at both times; NaN
// where the state is Unknown, and where nothing was spent here at either time (NeverHere).
func (e *Estimate) Trend(earlier float64) float64 { return trend(e.Spend, earlier, e.Wallet) }

func trend(spend, earlier, wallet float64) float64 {
	if spend == 0 && earlier == 0 {
		return math.NaN()
	}
	return (spend - earlier) / wallet
}

// NoLessThan raises the estimate of a whole to the sum of its parts where it is
// below that, and flags it BelowParts. Sums round.
func (e *Estimate) NoLessThan(parts float64) {
	const rounding = 1e-9
	if e.Wallet >= parts*(1-rounding) || e.State == Unknown {
		return
	}
	e.Flags |= BelowParts
	e.set(e.State, e.Why, parts, e.Low, e.High)
}

// ShareInterval returns the bounds of the share of wallet, from those of the wallet.
func (e *Estimate) ShareInterval() (low, high float64) { return e.Spend / e.High, e.Spend / e.Low }

// set fills an estimate in.
func (e *Estimate) set(state State, why Why, wallet, low, high float64) {
	e.State, e.Why = state, why
	if wallet < e.Spend {
		wallet = e.Spend
	}
	e.Wallet, e.Low, e.High = wallet, min(wallet, max(low, e.Spend)), max(wallet, high)
	e.Share, e.Potential = e.Spend/wallet, wallet-e.Spend
}

// unknown says that there is no wallet.
func (e *Estimate) unknown(why Why, low, high float64) {
	e.State, e.Why = Unknown, why
	e.Wallet, e.Share, e.Potential, e.Low, e.High = math.NaN(), math.NaN(), math.NaN(), low, high
}

// Estimate returns the wallet of every pair of account and category that has an
// entry of spend or a declaration, by account, then category. The order of
// evidence: a fresh declaration, an amount or the rank of an account that buys, which
// is known; of an older declaration the narrower of two, the past share, where its own
// spend and orders are known, and what was said, its interval widened by its age
// (variance × (1 + years)), as long as that is narrow enough to act on; peers. The
// latter three are estimated, and flagged Stale where there is an older declaration,
// and AsSaid where it stands although others' shares can be carried to today. What is
// too wide to act on is unknown, a fresh declaration too.
//
// Peers may be those of the fit or others, of the same columns; categories are
// matched by name. Memory: 64 bytes per pair for the result, 24 per entry of spend
// meanwhile, and the features of 65,536 accounts. Errors: ErrInput, and a frame
// that lacks a column.
func (m *Model) Estimate(p Peers, declared []Declared) ([]Estimate, error) {
	if err := p.check(declared); err != nil {
		return nil, err
	}
	v, err := m.see(&p)
	if err != nil {
		return nil, fmt.Errorf("estimate wallets: %w", err)
	}
	facts := newFacts(&p, declared)
	all := facts.pairs()
	ask := make([][]int32, len(p.Categories)) // estimates that peers must answer
	for k := range all {
		e := &all[k]
		if !m.declared(e, &facts) {
			ask[e.Category] = append(ask[e.Category], int32(k)) // pairs are fewer than 2³¹
		}
	}
	for c, which := range ask {
		if err := m.ask(v, &p, p.Categories[c], all, which); err != nil {
			return nil, fmt.Errorf("estimate wallets of category %q: %w", p.Categories[c], err)
		}
	}
	return all, nil
}

// pairs lists what is to be estimated, with spend and declarations.
func (f *facts) pairs() []Estimate {
	at := maps.Clone(f.newest)
	all := make([]Estimate, 0, len(f.Spend.Amount)+len(at))
	for i := range f.Frame.Accounts {
		for k := f.Spend.Start[i]; k < f.Spend.Start[i+1]; k++ {
			e := Estimate{Account: int32(i), Category: f.Spend.Category[k], Spend: f.Spend.Amount[k], From: -1}
			if from, ok := at[pair{e.Account, e.Category}]; ok {
				e.From = from
				delete(at, pair{e.Account, e.Category})
			}
			all = append(all, e)
		}
	}
	for key, from := range at { // declared and without an entry
		all = append(all, Estimate{Account: key.account, Category: key.category, From: from})
	}
	byPair := func(a, b Estimate) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Category, b.Category))
	}
	if !slices.IsSortedFunc(all, byPair) {
		slices.SortFunc(all, byPair)
	}
	for k := range all {
		if all[k].Spend == 0 {
			all[k].Flags |= NotBought
		}
	}
	return all
}

// declared answers from what somebody said, and reports whether that was enough.
// What was said and does not help leaves a flag.
func (m *Model) declared(e *Estimate, p *facts) bool {
	if e.From < 0 {
		return false
	}
	d := &p.declared[e.From]
	age := p.ageDays(d)
	stale := age > float64(m.params.FreshDays)
	const yearDays = 365
	years := 0.0
	if stale {
		e.Flags |= Stale
		years = age / yearDays
	}
	deviation, wallet, why := m.params.DeclaredError, d.Amount, DeclaredAmount
	if d.Amount == 0 {
		if e.Spend == 0 {
			e.Flags = e.Flags&^Stale | RankUnused
			e.From = -1
			return false
		}
		deviation, wallet, why = m.params.RankError, e.Spend/ShareOfRank(d.Rank, d.Suppliers), DeclaredRank
	}
	reach := math.Exp(distuv.UnitNormal.Quantile((1+m.params.Coverage)/2) * deviation * math.Sqrt(1+years))
	// The interval is one around what was said; spend, which is seen, bounds it.
	low, high := max(wallet/reach, e.Spend), max(wallet, e.Spend)*reach
	if stale && m.pastShare(e, p.Peers, d, width(low, high)) {
		return true
	}
	if d.Amount > 0 && wallet < e.Spend {
		e.Flags |= Raised
	}
	switch narrow := m.narrow(low, high); {
	case narrow && stale:
		if d.Amount > 0 && m.sharesOf(p.Categories[e.Category]) != nil {
			e.Flags |= AsSaid
		}
		e.set(Estimated, why, wallet, low, high)
	case narrow:
		e.set(Known, why, wallet, low, high)
	case stale: // peers may know more by now
		e.From, e.Flags = -1, e.Flags&^Raised
		return false
	default:
		e.unknown(TooWide, low, high)
	}
	return true
}

// pastShare answers from the account's share of a declared period of the past,
// shrunk towards everybody's the more, the fewer its orders were; false where that
// is not known, too wide to act on or no narrower than widest. Beside the share,
// today's spend is uncertain: its orders come by chance, and were their amounts
// exponential, the variance of its logarithm would be 2 ÷ orders. They are taken to be
// worth what those of then were.
func (m *Model) pastShare(e *Estimate, p *Peers, d *Declared, widest float64) bool {
	s := m.sharesOf(p.Categories[e.Category])
	if s == nil || d.Orders == 0 || !(d.Spend > 0) || d.Amount < d.Spend || e.Spend == 0 {
		return false
	}
	model, counts := Dirichlet{[]float64{s.Ours, s.Others}}, countsOf(d)
	shares := make([]float64, len(counts))
	model.Shares(counts, shares)
	least, most := model.Interval(counts, 0, m.params.Coverage)
	orders := max(1, d.Orders*e.Spend/d.Spend)
	chance := distuv.UnitNormal.Quantile((1+m.params.Coverage)/2) * math.Sqrt(2/orders)
	wallet := e.Spend / shares[0]
	low := max(wallet*math.Exp(-math.Hypot(chance, math.Log(most/shares[0]))), e.Spend)
	high := wallet * math.Exp(math.Hypot(chance, math.Log(shares[0]/least)))
	if !m.narrow(low, high) || !(width(low, high) < widest) {
		return false
	}
	e.set(Estimated, PastShare, wallet, low, high)
	return true
}

// act sets an estimate, or says that it is too wide to act on.
func (m *Model) act(e *Estimate, why Why, wallet, low, high float64) {
	if !m.narrow(low, high) {
		e.unknown(TooWide, low, high)
		return
	}
	e.set(Estimated, why, wallet, low, high)
}

// narrow tells whether an interval is narrow enough to act on.
func (m *Model) narrow(low, high float64) bool { return high <= m.params.MaxRatio*low }

// ask lets peers answer for some estimates of one category.
func (m *Model) ask(v *view, p *Peers, name string, all []Estimate, which []int32) error {
	if len(which) == 0 {
		return nil
	}
	at, ok := m.categoryAt[name]
	why := Unseen
	if ok {
		why = m.categories[at].Why
	}
	if why != None {
		for _, k := range which {
			all[k].unknown(why, math.NaN(), math.NaN())
		}
		return nil
	}
	accounts, amounts := make([]int32, len(which)), make([]float64, len(which))
	upper, middle := make([]float64, len(which)), make([]float64, len(which))
	for j, k := range which {
		accounts[j], amounts[j] = all[k].Account, all[k].Spend
	}
	if err := m.quantiles(&m.categories[at], v, accounts, amounts, upper, middle); err != nil {
		return err
	}
	for j, k := range which {
		e := &all[k]
		var b *band
		if e.Spend > 0 {
			b = m.bandOf(p.segment(e.Account), name, ByDeclared)
		}
		if b == nil {
			b = m.bandOf(p.segment(e.Account), name, ByPeers)
		}
		if b == nil {
			e.unknown(NoInterval, math.NaN(), math.NaN())
			continue
		}
		if b.Basis == ByPeers {
			e.Flags |= ByPeersOnly
		}
		wallet, low, high := m.bounds(b, quantiles{upper[j], middle[j], e.Spend})
		if wallet == e.Spend && wallet > 0 {
			e.Flags |= AbovePeers
		}
		m.act(e, ByQuantile, wallet, low, high)
	}
	return nil
}
