package serving

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// The operations over the whole base.
const (
	OpGrowth    = "growth"
	OpPortfolio = "portfolio"
)

// baseOperations are the verbs over the whole base.
func (s *Service) baseOperations() []Operation {
	return []Operation{
		operation(OpGrowth, false, func(ctx context.Context, r GrowthRequest, call Call) (GrowthResult, error) {
			return s.Growth(ctx, r, call.Report)
		}),
		operation(OpPortfolio, false, func(ctx context.Context, r PortfolioRequest, _ Call) (PortfolioResult, error) {
			return s.Portfolio(ctx, r)
		}),
	}
}

// The steps that a period is divided into.
const (
	EveryMonth   = "month"
	EveryQuarter = "quarter"
	EveryYear    = "year"
)

// maxSteps bounds how many periods are compared.
const maxSteps = 120

// The columns that growth looks at beside tenure.
const (
	categoriesColumn  = "categories_365d"
	walletShareColumn = "wallet_share"
)

// GrowthRequest asks how the base grew over a period.
type GrowthRequest struct {
	// From and To are cutoffs: a date means the end of that day. To "" means
	// data_through, From "" a year before To.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// By is product, category, department, region or manager; "" tells the whole base alone.
	By string `json:"by,omitempty"`
	// Every divides the period into months, quarters or years from its beginning on;
	// "" compares its two ends.
	Every string `json:"every,omitempty"`
}

// GrowthRow is how one value of the dimension grew over one period: loyalty.Growth.
type GrowthRow struct {
	From string `json:"from"`
	To   string `json:"to"`
	Key  string `json:"key"`
	// Accounts that are active at both ends, and what became of them.
	Before  int `json:"before"`
	After   int `json:"after"`
	New     int `json:"new"`
	WonBack int `json:"won_back"`
	// NewGone and WonBackGone came for the first time, or came back, within the period,
	// and had gone by its end.
	NewGone     int `json:"new_gone"`
	WonBackGone int `json:"won_back_gone"`
	MovedIn     int `json:"moved_in"`
	MovedOut    int `json:"moved_out"`
	Retained    int `json:"retained"`
	Lost        int `json:"lost"`
	// RetentionRate = retained ÷ (retained + lost). The means are over active accounts
	// with a value: days since the first purchase, categories in 365 days, and the
	// share of the declared wallet.
	RetentionRate    model.Figure `json:"retention_rate"`
	DurationBefore   model.Figure `json:"duration_before_days"`
	DurationAfter    model.Figure `json:"duration_after_days"`
	CategoriesBefore model.Figure `json:"categories_before"`
	CategoriesAfter  model.Figure `json:"categories_after"`
	ShareBefore      model.Figure `json:"share_before"`
	ShareAfter       model.Figure `json:"share_after"`
	// SharedBefore and SharedAfter are the active accounts with a declared wallet, which
	// the shares are of; under goods those that bought them.
	SharedBefore int `json:"accounts_with_share_before"`
	SharedAfter  int `json:"accounts_with_share"`
	// WalletsBefore and WalletsAfter are the wallets of active accounts, declared or
	// estimated, at the two ends; nil where they are not measured, as Ends say why.
	WalletsBefore *GrowthWallets `json:"wallets_before,omitempty"`
	WalletsAfter  *GrowthWallets `json:"wallets,omitempty"`
	// EN and ZH are sentences on the three dimensions, of the whole base alone.
	EN []string `json:"en,omitempty"`
	ZH []string `json:"zh,omitempty"`
}

// GrowthWallets are the wallets of active accounts at one end of a period, by the run
// that stands there: our share per account, the mean over those whose wallet is known or
// estimated, and how many are known, estimated and unknown.
type GrowthWallets struct {
	Share     model.Figure `json:"share"`
	Known     int          `json:"known"`
	Estimated int          `json:"estimated"`
	Unknown   int          `json:"unknown"`
}

// GrowthResult is the growth of each period.
type GrowthResult struct {
	From string `json:"from"`
	To   string `json:"to"`
	By   string `json:"by,omitempty"`
	// ActiveWithinDays is how long after a purchase an account counts as active, 0 for ever.
	ActiveWithinDays int `json:"active_within_days"`
	// Ends are those of the periods, each with the run that tells the wallets there.
	Ends []GrowthEnd `json:"ends"`
	// Base is the whole base, a row for each period; Rows are the dimension's values
	// within them. Of goods an account counts under each that it bought.
	Base []GrowthRow `json:"base"`
	Rows []GrowthRow `json:"rows"`
}

// Growth compares the base at the ends of periods. All of them read what is known at the
// last end, and accounts that are one by then are one throughout: an order recorded late,
// or a new number, makes no new customer. Wallets, declared or estimated, are those of the
// runs that stand at the ends (walletsAt). Accounts pass a slice at a time; see growing
// for what stays in memory.
func (s *Service) Growth(ctx context.Context, r GrowthRequest, report func(Progress)) (GrowthResult, error) {
	c, from, to, err := s.period(ctx, r.From, r.To)
	if err != nil {
		return GrowthResult{}, err
	}
	by := features.Dimension(r.By)
	if r.By != "" && (by == features.PerAccount || !slices.Contains(features.Dimensions(), by)) {
		return GrowthResult{}, fmt.Errorf("growth by %q: need product, category, department, region or manager: %w", r.By, ErrInvalid)
	}
	ends, err := c.steps(from, to, r.Every)
	if err != nil {
		return GrowthResult{}, err
	}
	result := GrowthResult{From: c.text(from), To: c.text(to), By: r.By, ActiveWithinDays: c.ActiveWithin(), Base: []GrowthRow{}, Rows: []GrowthRow{}}
	g := growing{Service: s, calendar: c, by: by, ends: ends, heads: map[frame.AccountID]bool{}, place: map[frame.AccountID]int32{}}
	if g.moves, err = s.Facts.Moves(ctx, g.at([]frame.Cutoff{to}, nil)); err != nil {
		return GrowthResult{}, fmt.Errorf("ask which accounts go on in others: %w", err)
	}
	for _, m := range g.moves {
		g.heads[m.Into] = true
	}
	if result.Ends, err = g.walletsAt(ctx); err != nil {
		return GrowthResult{}, err
	}
	if err := g.keysAt(ctx); err != nil {
		return GrowthResult{}, err
	}
	if err := g.look(ctx, c.progress("looking at the base", report)); err != nil {
		return GrowthResult{}, fmt.Errorf("the base from %s to %s: %w", c.text(from), c.text(to), err)
	}
	for k := range g.base {
		result.add(&g, k)
	}
	return result, nil
}

// add adds the rows of one period.
func (r *GrowthResult) add(g *growing, period int) {
	base := g.rows(g.base, period)
	if len(base) == 0 { // nobody is active at either end
		base = []loyalty.Growth{loyalty.Nobody()}
	}
	for i := range base {
		row := g.row(period, &base[i])
		before, after := row.WalletsBefore != nil, row.WalletsAfter != nil
		row.EN, row.ZH = base[i].Sentences(score.English, before, after), base[i].Sentences(score.Chinese, before, after)
		r.Base = append(r.Base, row)
	}
	if g.by == "" {
		return
	}
	rows := g.rows(g.parts, period)
	for i := range rows {
		r.Rows = append(r.Rows, g.row(period, &rows[i]))
	}
}

// row is how the base, or a part of it, grew over a period.
func (g *growing) row(period int, of *loyalty.Growth) GrowthRow {
	row := growthRow(g.text(g.ends[period]), g.text(g.ends[period+1]), of)
	if g.wallets[period] != nil {
		row.WalletsBefore = growthWallets(&of.WalletsBefore)
	}
	if g.wallets[period+1] != nil {
		row.WalletsAfter = growthWallets(&of.WalletsAfter)
	}
	return row
}

func growthWallets(w *loyalty.WalletGrowth) *GrowthWallets {
	return &GrowthWallets{Share: model.Figure(w.Share), Known: w.Known, Estimated: w.Estimated, Unknown: w.Unknown}
}

func growthRow(from, to string, g *loyalty.Growth) GrowthRow {
	f := func(v float64) model.Figure { return model.Figure(v) }
	return GrowthRow{
		From: from, To: to, Key: g.Key, Before: g.Before, After: g.After, New: g.New, WonBack: g.WonBack, NewGone: g.NewGone, WonBackGone: g.WonBackGone, MovedIn: g.MovedIn, MovedOut: g.MovedOut,
		Retained: g.Retained, Lost: g.Lost, RetentionRate: f(g.RetentionRate), DurationBefore: f(g.DurationBefore), DurationAfter: f(g.DurationAfter),
		CategoriesBefore: f(g.CategoriesBefore), CategoriesAfter: f(g.CategoriesAfter), ShareBefore: f(g.ShareBefore), ShareAfter: f(g.ShareAfter),
		SharedBefore: g.SharedBefore, SharedAfter: g.SharedAfter,
	}
}

// period reads the two ends of a period: to within the data, from before it.
func (s *Service) period(ctx context.Context, fromText, toText string) (c *calendar, from, to frame.Cutoff, err error) {
	if c, err = s.calendar(ctx); err != nil {
		return nil, 0, 0, err
	}
	to = c.through
	if toText != "" {
		if to, err = c.parse(toText); err != nil {
			return nil, 0, 0, err
		}
	}
	from = c.months(to, -12)
	if fromText != "" {
		if from, err = frame.ParseCutoff(fromText, c.zone); err != nil {
			return nil, 0, 0, fmt.Errorf("%w: %w", err, ErrInvalid)
		}
	}
	if from >= to {
		return nil, 0, 0, fmt.Errorf("the period from %s to %s is empty: it must begin before it ends: %w", c.text(from), c.text(to), ErrInvalid)
	}
	return c, from, to, nil
}

// months moves a cutoff by months of the business zone, to a month's last day where
// that has no such day.
func (c *calendar) months(at frame.Cutoff, n int) frame.Cutoff {
	t := at.Time().In(c.zone)
	last := time.Date(t.Year(), t.Month()+time.Month(n)+1, 0, 0, 0, 0, 0, c.zone).Day()
	return frame.Cutoff(time.Date(t.Year(), t.Month()+time.Month(n), min(t.Day(), last), t.Hour(), t.Minute(), t.Second(), 0, c.zone).Unix())
}

// steps returns the ends of the periods between two, both included.
func (c *calendar) steps(from, to frame.Cutoff, every string) ([]frame.Cutoff, error) {
	months, known := map[string]int{"": 0, EveryMonth: 1, EveryQuarter: 3, EveryYear: 12}[every]
	if !known {
		return nil, fmt.Errorf("every %q: need %s, %s or %s: %w", every, EveryMonth, EveryQuarter, EveryYear, ErrInvalid)
	}
	ends := []frame.Cutoff{from}
	for k := 1; months > 0 && c.months(from, k*months) < to; k++ {
		if len(ends) == maxSteps {
			return nil, fmt.Errorf("more than %d periods from %s to %s: choose a longer step or a later beginning: %w", maxSteps, c.text(from), c.text(to), ErrInvalid)
		}
		ends = append(ends, c.months(from, k*months))
	}
	return append(ends, to), nil
}

// keysOf returns the value of a dimension of accounts as of an instant.
func (s *Service) keysOf(ctx context.Context, by features.Dimension, at frame.Cutoff, known frame.KnownAt, watermark uint64) (map[frame.AccountID]string, error) {
	keys, words := map[frame.AccountID]string{}, map[string]string{}
	err := s.eachKey(ctx, by, at, known, watermark, func(account frame.AccountID, key string) {
		word, ok := words[key]
		if !ok {
			word = strings.Clone(key)
			words[word] = word
		}
		keys[account] = word
	})
	return keys, err
}

// columnsOf returns the features of these names, in the catalogue's order.
func columnsOf(names ...string) []features.Feature {
	var few []features.Feature
	for _, f := range features.Catalogue() {
		if slices.Contains(names, f.Name) {
			few = append(few, f)
		}
	}
	return few
}
