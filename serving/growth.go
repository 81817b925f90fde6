package serving

import (
	"context"
	"fmt"
	"math"
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

// snapshotRows is how many rows, accounts × instants, are asked for at a time and held
// in memory (about 400 bytes each).
const snapshotRows = 1_000_000

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
	// EN and ZH are sentences on the three dimensions, of the whole base alone.
	EN []string `json:"en,omitempty"`
	ZH []string `json:"zh,omitempty"`
}

// GrowthResult is the growth of each period.
type GrowthResult struct {
	From string `json:"from"`
	To   string `json:"to"`
	By   string `json:"by,omitempty"`
	// ActiveWithinDays is how long after a purchase an account counts as active, 0 for ever.
	ActiveWithinDays int `json:"active_within_days"`
	// Base is the whole base, a row for each period; Rows are the dimension's values
	// within them. Of goods an account counts under each that it bought.
	Base []GrowthRow `json:"base"`
	Rows []GrowthRow `json:"rows"`
}

// Growth compares snapshots of the base at the ends of periods. All of them read what
// is known at the last end, and accounts that are one by then are one throughout: an
// order recorded late, or a new number, makes no new customer. Memory is bounded by
// snapshotRows, or by two snapshots of a greater base.
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
	g := growing{Service: s, calendar: c, by: by, to: to}
	if g.moves, err = s.Facts.Moves(ctx, g.at([]frame.Cutoff{to}, nil)); err != nil {
		return GrowthResult{}, fmt.Errorf("ask which accounts go on in others: %w", err)
	}
	var before snapshot
	done := 0
	for some := range slices.Chunk(ends, int(min(maxSteps+1, max(1, snapshotRows/max(1, c.span.Accounts))))) {
		if report != nil {
			report(Progress{Stage: "looking at the base", Done: int64(done), Total: int64(len(ends)), Unit: "snapshots"})
		}
		shots, err := g.snapshots(ctx, some)
		if err != nil {
			return GrowthResult{}, fmt.Errorf("the base as of %s to %s: %w", c.text(some[0]), c.text(some[len(some)-1]), err)
		}
		for _, after := range shots {
			if done > 0 {
				if err := result.compare(c.text(ends[done-1]), c.text(ends[done]), before, after, by); err != nil {
					return GrowthResult{}, err
				}
			}
			before = after
			done++
		}
	}
	return result, nil
}

// compare adds the rows of one period.
func (r *GrowthResult) compare(from, to string, before, after snapshot, by features.Dimension) error {
	base, err := loyalty.GrowthOf(before.base, after.base, true)
	if err != nil {
		return err
	}
	if len(base) == 0 { // nobody is active at either end
		nan := math.NaN()
		base = []loyalty.Growth{{RetentionRate: nan, DurationBefore: nan, DurationAfter: nan, CategoriesBefore: nan, CategoriesAfter: nan, ShareBefore: nan, ShareAfter: nan}}
	}
	for i := range base {
		row := growthRow(from, to, &base[i])
		row.EN, row.ZH = base[i].Sentences(score.English), base[i].Sentences(score.Chinese)
		r.Base = append(r.Base, row)
	}
	if by == "" {
		return nil
	}
	rows, err := loyalty.GrowthOf(before.parts, after.parts, !by.OfGoods())
	if err != nil {
		return err
	}
	for i := range rows {
		r.Rows = append(r.Rows, growthRow(from, to, &rows[i]))
	}
	return nil
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

// snapshot is the base at one instant: as a whole, and by the dimension's values.
type snapshot struct{ base, parts []loyalty.Standing }

// growing is a growth being told.
type growing struct {
	*Service
	*calendar

	by features.Dimension
	to frame.Cutoff
	// moves are under which account those that went on in another stand at the end.
	moves map[frame.AccountID]features.Move
}

// at asks for what is known at the end of the whole period as of instants.
func (g *growing) at(ats []frame.Cutoff, catalogue []features.Feature) features.Request {
	r := g.request(ats, catalogue)
	for i := range r.KnownAt {
		r.KnownAt[i] = g.Known(g.to)
	}
	return r
}

// head is the account that stands for another at the end.
func (g *growing) head(account frame.AccountID) frame.AccountID {
	if m, ok := g.moves[account]; ok {
		return m.Into
	}
	return account
}

// stander is an account's standing in the making, of one account or several that are
// one by the end.
type stander struct {
	loyalty.Standing
	// rested are the days since the last purchase on which the account rested.
	rested int
}

// meet takes in another of the same account: it is active if one of them is, as
// old as the oldest, and stands where the one that bought last does. Categories are at
// least those of the one with most of them.
func (p *stander) meet(q stander) {
	if q.Last > p.Last {
		p.Last, p.Key, p.Share, p.rested = q.Last, q.Key, q.Share, q.rested
	}
	p.Active = p.Active || q.Active
	p.TenureDays = greater(p.TenureDays, q.TenureDays)
	p.Categories = greater(p.Categories, q.Categories)
}

// greater is the greater of two values of which one may be missing.
func greater(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}

// attendance is who is there at one instant, each account and key once.
type attendance struct {
	all []stander
	at  map[[2]string]int
}

// add takes in what is of an account and key.
func (g *attendance) add(p stander, key string) {
	k := [2]string{string(p.Account), key}
	if i, ok := g.at[k]; ok {
		g.all[i].meet(p)
		return
	}
	if g.at == nil {
		g.at = map[[2]string]int{}
	}
	g.at[k] = len(g.all)
	g.all = append(g.all, p)
}

func (g *attendance) standings() []loyalty.Standing {
	out := make([]loyalty.Standing, len(g.all))
	for i := range g.all {
		out[i] = g.all[i].Standing
	}
	return out
}

// snapshots looks at the base as of instants, in their order.
func (g *growing) snapshots(ctx context.Context, ats []frame.Cutoff) ([]snapshot, error) {
	keys, err := g.keys(ctx, ats)
	if err != nil {
		return nil, err
	}
	there, categories := make([]attendance, len(ats)), make([]float64, len(ats))
	catalogue := columnsOf(tenureColumn, spendColumn, categoriesColumn, "wallet_declared", walletShareColumn)
	_, err = g.Facts.Build(ctx, g.at(ats, catalogue), func(sl *features.Slice) error {
		f, err := sl.Frame.Select([]string{tenureColumn, categoriesColumn, walletShareColumn})
		if err != nil {
			return err
		}
		for i, account := range f.Accounts {
			if sl.LastPurchase[i] == 0 { // never a customer
				continue
			}
			k := slices.Index(ats, f.Cutoffs[i])
			p := stander{rested: sl.DaysRested(i), Standing: loyalty.Standing{
				Account: g.head(account), Active: sl.Status[i] == features.Eligible, Last: sl.LastPurchase[i],
				TenureDays: f.Columns[0].Numbers[i], Categories: f.Columns[1].Numbers[i], Share: f.Columns[2].Numbers[i],
			}}
			if keys != nil {
				p.Key = keys[k][account]
			}
			categories[k] += greater(p.Categories, 0)
			there[k].add(p, "")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	shots := make([]snapshot, len(ats))
	for k := range shots {
		if categories[k] == 0 { // no line names one
			for i := range there[k].all {
				there[k].all[i].Categories = math.NaN()
			}
		}
		shots[k] = snapshot{parts: there[k].standings(), base: there[k].standings()}
		for i := range shots[k].base {
			shots[k].base[i].Key = ""
		}
	}
	if !g.by.OfGoods() {
		return shots, nil
	}
	shelves, err := g.shelves(ctx, ats, there)
	for k := range shelves {
		shots[k].parts = shelves[k].standings()
	}
	return shots, err
}

// keys returns the value of the dimension of each account as of each instant; nil for
// goods and the whole base.
func (g *growing) keys(ctx context.Context, ats []frame.Cutoff) ([]map[frame.AccountID]string, error) {
	if g.by == "" || g.by.OfGoods() {
		return nil, nil
	}
	keys := make([]map[frame.AccountID]string, len(ats))
	for k, at := range ats {
		var err error
		if keys[k], err = g.keysOf(ctx, g.by, at, g.Known(g.to), g.watermark); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// shelves are who is there within categories or products: active as long as that was
// bought within active_within. Categories and share are those of the accounts as a
// whole, who is there in the base.
func (g *growing) shelves(ctx context.Context, ats []frame.Cutoff, base []attendance) ([]attendance, error) {
	there := make([]attendance, len(ats))
	r := features.HoldingRequest{Request: g.at(ats, nil), Key: features.HoldingKey(g.by)}
	err := g.Facts.Holdings(ctx, r, func(block []features.Holding) error {
		for i := range block {
			h := &block[i]
			if h.Orders == 0 {
				continue
			}
			k := slices.Index(ats, h.Cutoff)
			p := stander{Standing: loyalty.Standing{
				Account: g.head(h.Account), Key: h.Key, Last: h.Last, TenureDays: float64(h.FirstDays), Categories: math.NaN(), Share: math.NaN(),
			}}
			if i, ok := base[k].at[[2]string{string(p.Account), ""}]; ok {
				p.Categories, p.Share, p.rested = base[k].all[i].Categories, base[k].all[i].Share, base[k].all[i].rested
			}
			p.Active = features.Judge(h.Last, p.rested, h.Cutoff, g.ActiveWithin()) == features.Eligible
			there[k].add(p, h.Key)
		}
		return nil
	})
	return there, err
}

// keysOf returns the value of a dimension of accounts as of an instant.
func (s *Service) keysOf(ctx context.Context, by features.Dimension, at frame.Cutoff, known frame.KnownAt, watermark uint64) (map[frame.AccountID]string, error) {
	keys, words := map[frame.AccountID]string{}, map[string]string{}
	err := s.Facts.Profiles(ctx, at, known, watermark, nil, func(block []features.Profile) error {
		for i := range block {
			key := by.Of(&block[i])
			word, ok := words[key]
			if !ok {
				word = strings.Clone(key)
				words[word] = word
			}
			keys[block[i].Account] = word
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask to which %s the accounts belong: %w", by, err)
	}
	return keys, nil
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
