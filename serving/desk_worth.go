package serving

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/crosssell"
	"fealty/model/loyalty"
	"fealty/model/score"
	"fealty/model/wallet"
)

// ErrNoWorth says that a run tells nothing of what the account is worth. It always comes
// with ErrNotFound.
var ErrNoWorth = errors.New("nothing is told of what the account is worth")

// Brief is what lists show of an account's worth, and filter and order by. Numbers
// that can't be measured are NaN, codes of what is not known "".
type Brief struct {
	Account frame.AccountID
	// Loyalty is 0 … 100, LifetimeValue in base currency; WalletShare is spend ÷
	// wallet of all categories, Potential wallet − spend in base currency.
	Loyalty, LifetimeValue, WalletShare, Potential float64
	Tier                                           loyalty.Tier
	Verdict                                        loyalty.Verdict
	// Story is how loyalty contradicts the risk of leaving, one of loyalty.StoryCodes.
	Story string
}

// BriefOf shortens a worth.
func BriefOf(w *score.Worth) Brief {
	return Brief{
		Account: w.Account, Loyalty: w.Loyalty.Score, LifetimeValue: w.Lifetime.Value, WalletShare: float64(w.Wallet.Share),
		Potential: float64(w.Wallet.Potential), Tier: loyalty.Tier(w.Place.Tier), Verdict: loyalty.Verdict(w.Place.Verdict),
		Story: w.Loyalty.Story,
	}
}

// Term is a code with its words; where this version has none, the code itself.
type Term struct{ Code, EN, ZH string }

// WorthAnswer is what an account of a published run is worth, with its words. Fields
// that shadow those of score.Worth are the same codes with words.
type WorthAnswer struct {
	score.Worth
	// SpendBy, ValueBy and LifetimeWhy are the lifetime's; without a code where it tells none.
	SpendBy, ValueBy, LifetimeWhy Term

	Tier, Level, Cell Term
	Verdict           Term
	Because           []SaidGround
	// Breaches and Parts are those of the place, in its order; Untold are the parts of
	// value, the tier and the verdict that are not told, with the reason.
	Breaches, Parts []Term
	Untold          []Untold
	Wallet          SaidWallet
	Wallets         []SaidWallet
	Recommendations []SaidRecommendation
	// NothingNext says why there are no recommendations; without a code where there are,
	// and where nobody says.
	NothingNext Term
	Cap         Term
	Indicators  []SaidIndicator
	// Profile, Why and Story are those of Loyalty.
	Profile, Why, Story  Term
	Attitudes            []SaidAttitude
	Run, Currency, Stale string
	HorizonDays          int
	Receipt              score.Receipt
	Moved                *Moved
	OptedOut             bool
}

// SaidGround is a figure that a verdict rests on, with its sentence.
type SaidGround struct {
	Term
	Value model.Figure
}

// SaidWallet is a wallet with its words.
type SaidWallet struct {
	score.Wallet
	// NoTrend says why there is no trend.
	State, Why, NoTrend Term
	Flags               []Term
	// Period is the day from which on it holds, "" when nobody declared it.
	Period string
}

// SaidRecommendation is a recommendation with its words; Reason is a sentence.
type SaidRecommendation struct {
	score.Recommendation
	Kind, Reason Term
	// WalletShare and WalletGap are those of CrossSellRow.
	WalletShare, WalletGap model.Figure
}

// SaidIndicator is an indicator with its name, its group, why it is not measurable, and
// all of it with the figures behind it in a sentence. A measure by hand is of no group.
type SaidIndicator struct {
	score.Indicator
	Name, Group, Why Term
	EN, ZH           string
}

// SaidAttitude is a number of attitude with its name, why it is not measured, what it
// is made of, and all of it in a sentence.
type SaidAttitude struct {
	score.Attitude
	Name, Why, Basis Term
	EN, ZH           string
}

// asksAtOnce is how many questions of worth a desk asks the warehouse at a time;
// others wait.
const asksAtOnce = 8

// Worth implements Answers. It asks the warehouse one question.
func (d *Desk) Worth(ctx context.Context, account frame.AccountID) (WorthAnswer, error) {
	s, err := d.holding()
	if err != nil {
		return WorthAnswer{}, err
	}
	e := s.current
	found, ok := s.find(account)
	if !ok {
		return WorthAnswer{}, fmt.Errorf("account %q: %w", account, ErrNotFound)
	}
	nothing := fmt.Errorf("account %q in run %q: %w: %w", account, e.run.ID, ErrNoWorth, ErrNotFound)
	if e.worths == 0 || found.Unscorable == erased {
		return WorthAnswer{}, nothing
	}
	w, ok, err := d.readWorth(ctx, e.run, found.Account)
	switch {
	case errors.Is(err, ErrNotFound):
		return WorthAnswer{}, fmt.Errorf("run %q is held but was dropped; ask again when another is: %w", e.run.ID, ErrUnavailable)
	case err != nil:
		return WorthAnswer{}, fmt.Errorf("read what account %q is worth: %w", found.Account, err)
	case !ok:
		return WorthAnswer{}, nothing
	}
	a := WorthAnswer{
		Worth: w, Run: e.run.ID, Currency: e.run.Currency, HorizonDays: e.run.HorizonDays, Receipt: found.Receipt, Moved: found.Moved,
		OptedOut: found.OptedOut, Stale: d.stale(e.run.Cutoff, s.lastDay(e.run)),
	}
	a.Receipt.WorthHash = w.Hash
	a.say(d.capsOf(e.run), found.Stage, d.Settings.Location())
	if len(a.Recommendations) == 0 {
		a.NothingNext = d.saidNothing(ctx, e.run)
	}
	return a, nil
}

// MaxGrowthRows is how many rows of growth are answered.
const MaxGrowthRows = 10_000

// Growth implements Answers. One is computed at a time; others wait.
func (d *Desk) Growth(ctx context.Context, request GrowthRequest) (GrowthResult, error) {
	if d.Grow == nil {
		return GrowthResult{}, fmt.Errorf("growth is not computed here: %w", ErrUnavailable)
	}
	leave, err := enter(ctx, d.growing)
	if err != nil {
		return GrowthResult{}, err
	}
	defer leave()
	g, err := d.Grow(ctx, request, nil)
	if err != nil {
		return GrowthResult{}, d.withoutNames(ctx, "growth", err)
	}
	if n := len(g.Base) + len(g.Rows); n > MaxGrowthRows {
		return GrowthResult{}, fmt.Errorf("growth by %s has %d rows and at most %d are answered: choose longer steps or a coarser part: %w", request.By, n, MaxGrowthRows, ErrExhausted)
	}
	return g, nil
}

// enter waits for room; leave gives it back.
func enter(ctx context.Context, room chan struct{}) (leave func(), err error) {
	select {
	case room <- struct{}{}:
		return func() { <-room }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readWorth asks for the worth of one account of a run; false when there is none.
func (d *Desk) readWorth(ctx context.Context, run Run, account frame.AccountID) (w score.Worth, ok bool, err error) {
	leave, err := enter(ctx, d.asking)
	if err != nil {
		return w, false, err
	}
	defer leave()
	err = d.Runs.Worths(ctx, run, []frame.AccountID{account}, func(part []score.Worth) error {
		for i := range part {
			if part[i].Account == account {
				w, ok = part[i], true
			}
		}
		return nil
	})
	return w, ok, err
}

// capsOf returns the caps that scored a run; nil when the settings are others now.
func (d *Desk) capsOf(r Run) []loyalty.Cap {
	if r.ConfigHash != d.Settings.Hash() {
		return nil
	}
	return d.Settings.Worth.Loyalty.Caps
}

// say finds the words of every code.
func (a *WorthAnswer) say(caps []loyalty.Cap, stage score.Stage, zone *time.Location) {
	l := &a.Lifetime
	a.SpendBy, a.ValueBy, a.LifetimeWhy = termIn(forecasts, l.SpendBy), termIn(valueWords, l.ValueBy), termIn(lifetimeWhys, l.Why)
	p := &a.Place
	a.Tier, a.Level, a.Verdict = termOf(p.Tier, loyalty.Tier(p.Tier).Words), termOf(p.Level, loyalty.Level(p.Level).Words), termOf(p.Verdict, loyalty.Verdict(p.Verdict).Words)
	a.sayUntold(stage)
	a.Cell = termOf(p.Cell, func() (loyalty.Words, bool) { return loyalty.WordsOfCell(p.Cell) })
	for _, g := range p.Because {
		words := func() (loyalty.Words, bool) { return loyalty.WordsOfGround(g) }
		a.Because = append(a.Because, SaidGround{termOf(g.Code, words), g.Value})
	}
	for _, part := range p.Parts {
		a.Parts = append(a.Parts, termOf(part.Code, func() (loyalty.Words, bool) { return loyalty.WordsOfPart(part) }))
	}
	for _, b := range p.Breaches {
		a.Breaches = append(a.Breaches, termOf(b.Code, func() (loyalty.Words, bool) { return loyalty.WordsOfBreach(b) }))
	}
	a.Wallet = saidWallet(a.Worth.Wallet, zone)
	for _, w := range a.Worth.Wallets {
		a.Wallets = append(a.Wallets, saidWallet(w, zone))
	}
	for _, r := range a.Worth.Recommendations {
		a.Recommendations = append(a.Recommendations, saidRecommendation(r, a.Worth.Wallets))
	}
	a.Cap = termOf(a.Loyalty.Cap, func() (loyalty.Words, bool) { return wordsOfCap(caps, a.Loyalty.Cap) })
	a.sayAttitudes()
	for _, k := range a.Loyalty.Indicators {
		group := loyalty.Group(k.Name)
		said := SaidIndicator{
			Indicator: k, Name: termOf(k.Name, func() (loyalty.Words, bool) { return loyalty.WordsOfIndicator(k.Name) }),
			Group: termOf(group, func() (loyalty.Words, bool) { return loyalty.WordsOfGroup(group) }),
			Why:   termOf(k.Why, func() (loyalty.Words, bool) { return loyalty.WordsOfWhy(k.Why) }),
		}
		if w, ok := loyalty.WordsOfMeasured(k); ok {
			said.EN, said.ZH = w.EN, w.ZH
		}
		a.Indicators = append(a.Indicators, said)
	}
}

// sayAttitudes finds the words of what stands beside the score.
func (a *WorthAnswer) sayAttitudes() {
	by := func(words func(string) (loyalty.Words, bool), code string) Term {
		return termOf(code, func() (loyalty.Words, bool) { return words(code) })
	}
	a.Profile = by(func(name string) (loyalty.Words, bool) { return loyalty.WordsOfProfile(name), true }, a.Loyalty.Profile)
	a.Why, a.Story = by(loyalty.WordsOfWhy, a.Loyalty.Why), by(loyalty.WordsOfStory, a.Loyalty.Story)
	for _, k := range a.Loyalty.Attitudes {
		said := SaidAttitude{Attitude: k, Name: by(loyalty.WordsOfAspect, k.Name), Why: by(loyalty.WordsOfWhy, k.Why), Basis: by(loyalty.WordsOfBasis, k.Basis)}
		if w, ok := loyalty.WordsOfAttitude(k); ok {
			said.EN, said.ZH = w.EN, w.ZH
		}
		a.Attitudes = append(a.Attitudes, said)
	}
}

// forecasts are the words of what forecasts spend.
var forecasts = map[string]loyalty.Words{
	byRunRate:  {EN: "By the account's own pace in the last year", ZH: "按客户近一年的自身节奏"},
	byLifetime: {EN: "By the lifetime model", ZH: "按生命周期模型"},
}

// termOf is a code of loyalty's with its words.
func termOf(code string, words func() (loyalty.Words, bool)) Term {
	w, ok := words()
	return newTerm(code, w.EN, w.ZH, ok)
}

// termIn is a code with its words in a list.
func termIn(list map[string]loyalty.Words, code string) Term {
	w, ok := list[code]
	return newTerm(code, w.EN, w.ZH, ok)
}

// newTerm is a code with words, or with itself for words when it has none.
func newTerm(code, en, zh string, known bool) Term {
	if !known {
		en, zh = code, code
	}
	return Term{code, en, zh}
}

func saidWallet(w score.Wallet, zone *time.Location) SaidWallet {
	stored := storedWallet(&w, zone)
	said := SaidWallet{Wallet: w, Period: stored.Period}
	en, zh, ok := wallet.StateText(w.State)
	said.State = newTerm(w.State, en, zh, ok)
	en, zh, ok = wallet.WhyText(w.Why, stored)
	said.Why = newTerm(w.Why, en, zh, ok)
	en, zh, ok = wallet.NoTrendText(w.NoTrend, stored)
	said.NoTrend = newTerm(w.NoTrend, en, zh, ok)
	for _, code := range w.Flags {
		en, zh, ok = wallet.FlagText(code, stored)
		said.Flags = append(said.Flags, newTerm(code, en, zh, ok))
	}
	return said
}

func saidRecommendation(r score.Recommendation, wallets []score.Wallet) SaidRecommendation {
	said := SaidRecommendation{Recommendation: r}
	said.WalletShare, said.WalletGap = walletIn(wallets, r.Category)
	en, zh, ok := crosssell.KindText(r.Kind)
	said.Kind = newTerm(r.Kind, en, zh, ok)
	en, zh = SayRecommendation(&r)
	said.Reason = newTerm(r.Reason, en, zh, en != "")
	return said
}

// worthColumns are the briefs of an edition's rows.
type worthColumns struct {
	loyalty, lifetimeValue, walletShare, potential []float64
	tier, verdict, story                           dictionary
	// worths is how many rows have a worth.
	worths int
}

// worthColumn is a column of numbers and where they stand in a brief.
type worthColumn struct {
	to *[]float64
	of func(*Brief) float64
}

func (c *worthColumns) numbers() []worthColumn {
	return []worthColumn{
		{&c.loyalty, func(b *Brief) float64 { return b.Loyalty }},
		{&c.lifetimeValue, func(b *Brief) float64 { return b.LifetimeValue }},
		{&c.walletShare, func(b *Brief) float64 { return b.WalletShare }},
		{&c.potential, func(b *Brief) float64 { return b.Potential }},
	}
}

// readWorths reads the briefs of an edition whose accounts stand, in one pass, and
// counts their bytes.
func (e *edition) readWorths(ctx context.Context, runs Runs) error {
	n := e.rows()
	var tiers, verdicts, stories dictionaryBuilder
	columns := e.numbers()
	for _, c := range columns {
		*c.to = make([]float64, 0, n)
	}
	nan := math.NaN()
	none := &Brief{Loyalty: nan, LifetimeValue: nan, WalletShare: nan, Potential: nan}
	add := func(b *Brief) {
		for _, c := range columns {
			*c.to = append(*c.to, c.of(b))
		}
		tiers.add(string(b.Tier))
		verdicts.add(string(b.Verdict))
		stories.add(b.Story)
	}
	row := 0
	err := runs.Briefs(ctx, e.run, func(part []Brief) error {
		for i := range part {
			account := string(part[i].Account)
			for ; row < n && e.account.at(row) < account; row++ {
				add(none)
			}
			if row == n || e.account.at(row) != account {
				return fmt.Errorf("account %q has a worth and no score, or stands out of order", account)
			}
			add(&part[i])
			row++
			e.worths++
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("hold what the accounts of run %q are worth: %w", e.run.ID, err)
	}
	for ; row < n; row++ {
		add(none)
	}
	for _, c := range columns {
		e.bytes += sizeOf(*c.to)
	}
	return e.finishTexts([]textColumn{{&e.tier, &tiers}, {&e.verdict, &verdicts}, {&e.story, &stories}})
}

// brief is row i's; nil when nothing is told of it.
func (e *edition) brief(i int) *Brief {
	b := Brief{
		Account: frame.AccountID(e.account.at(i)), Loyalty: e.loyalty[i], LifetimeValue: e.lifetimeValue[i], WalletShare: e.walletShare[i], Potential: e.potential[i],
		Tier: loyalty.Tier(e.tier.at(i)), Verdict: loyalty.Verdict(e.verdict.at(i)), Story: e.story.at(i),
	}
	if math.IsNaN(b.Loyalty) && math.IsNaN(b.LifetimeValue) && math.IsNaN(b.WalletShare) && math.IsNaN(b.Potential) && b.Tier == "" && b.Verdict == "" && b.Story == "" {
		return nil
	}
	return &b
}
