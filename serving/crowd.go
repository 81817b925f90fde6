package serving

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/crosssell"
	"fealty/model/derive"
	"fealty/model/lifetime"
	"fealty/model/score"
	"fealty/model/wallet"
)

// crowd are the accounts that have bought by a cutoff, with all that worth is
// told of: rows ascend by account. It holds 8 bytes per account and feature, and
// 48 per account and category or product that it has bought.
type crowd struct {
	cutoff   frame.Cutoff
	frame    *frame.Frame
	status   []features.Eligibility
	profiles []features.Profile
	// risk is the probability of churn, NaN where there is none.
	risk []float64
	// row is each account's.
	row map[frame.AccountID]int
	// products and categories are what the accounts hold; a key that no line has is
	// empty.
	products, categories []features.Holding
	// yearBefore is what each account spent in the 365 days before the last 365, and
	// after what it spent in the horizon; 0 where nothing was asked of it.
	yearBefore, after []float64
	// declared is what was said of their wallets.
	declared []features.Declared
}

// gathering collects a crowd out of the slices of a build.
type gathering struct {
	part  *labelled
	crowd *crowd
	leave func(frame.AccountID) bool
}

// gather begins a crowd without the accounts that are to be left out.
func (s *Service) gather(at frame.Cutoff, leave func(frame.AccountID) bool) *gathering {
	part := emptyParts(s.catalogue(), []frame.Cutoff{at})[at]
	return &gathering{part, &crowd{cutoff: at, row: map[frame.AccountID]int{}}, leave}
}

// Nothing is told of an account that asked to be erased, and nothing is learnt
// from one that asked for either.
func untold(of map[frame.AccountID]features.Standing) func(frame.AccountID) bool {
	return func(a frame.AccountID) bool { return of[a].Erased }
}

func untaught(of map[frame.AccountID]features.Standing) func(frame.AccountID) bool {
	return func(a frame.AccountID) bool { return of[a].Erased || of[a].OptedOut }
}

// add takes the rows of a slice that have bought, with their margins of churn;
// nil when there are none.
func (g *gathering) add(sl *features.Slice, margins []float64) {
	for i, status := range sl.Status {
		if status == features.NeverBought || g.leave(sl.Frame.Accounts[i]) {
			continue
		}
		g.crowd.row[sl.Frame.Accounts[i]] = len(g.crowd.status)
		g.crowd.status = append(g.crowd.status, status)
		risk := math.NaN()
		if margins != nil {
			risk = score.Probability(margins[i])
		}
		g.crowd.risk = append(g.crowd.risk, risk)
		g.part.add(sl.Frame, i)
	}
}

// finish asks for what else worth needs: who the accounts are, what they hold
// and what was declared of their wallets. horizonDays above 0 also asks what
// they bought after the cutoff.
func (g *gathering) finish(ctx context.Context, s *Service, r features.Request, horizonDays int) (*crowd, error) {
	c := g.crowd
	c.frame = g.part.frame()
	c.profiles = make([]features.Profile, c.frame.Rows())
	err := s.Facts.Profiles(ctx, r.Cutoffs[0], r.KnownAt[0], r.Watermark, nil, func(all []features.Profile) error {
		for i := range all {
			if row, ok := c.row[all[i].Account]; ok {
				c.profiles[row] = all[i]
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask who the accounts are: %w", err)
	}
	var whole []features.Holding
	for key, to := range map[features.HoldingKey]*[]features.Holding{
		features.ByCategory: &c.categories, features.ByProduct: &c.products, features.ByEverything: &whole,
	} {
		err := s.Facts.Holdings(ctx, features.HoldingRequest{Request: r, Key: key, HorizonDays: horizonDays}, func(all []features.Holding) error {
			for i := range all {
				if _, ok := c.row[all[i].Account]; ok {
					*to = append(*to, all[i])
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("ask what the accounts buy: %w", err)
		}
	}
	c.yearBefore, c.after = make([]float64, c.rows()), make([]float64, c.rows())
	for k := range whole {
		i := c.row[whole[k].Account]
		c.yearBefore[i], c.after[i] = whole[k].SpendLastYear, whole[k].SpendAfter
	}
	if c.declared, err = s.Facts.Declared(ctx, r); err != nil {
		return nil, fmt.Errorf("ask what was declared of wallets: %w", err)
	}
	return c, nil
}

func (c *crowd) rows() int { return c.frame.Rows() }

// column returns a feature's values.
func (c *crowd) column(name string) []float64 { return values(c.frame, name) }

// values returns a feature's values, NaN where there is none of that name.
func values(f *frame.Frame, name string) []float64 {
	if c := f.Column(name); c != nil {
		return c.Numbers
	}
	return unmeasured(f.Rows())
}

// segments are the accounts' own.
func (c *crowd) segments() []string {
	out := make([]string, c.rows())
	for i := range out {
		out[i] = c.profiles[i].Segment
	}
	return out
}

// historiesOf are those of the rows whose purchases outweigh their returns, with
// the mean spend of a buying day, and which rows they are.
func historiesOf(f *frame.Frame) (h lifetime.Histories, mean []float64, rows []int) {
	read, spend, days := derive.Histories(f), values(f, "spend_total"), values(f, "buying_days_total")
	for i := range f.Rows() {
		m := spend[i] / days[i]
		x, t, age, ok := read.Of(i)
		if !ok || !(m > 0) {
			continue
		}
		h.Frequency, h.Recency, h.Age, h.Paid = append(h.Frequency, x), append(h.Recency, t), append(h.Age, age), append(h.Paid, days[i])
		mean, rows = append(mean, m), append(rows, i)
	}
	return h, mean, rows
}

// picked returns the values of some rows.
func picked[T any](values []T, rows []int) []T {
	out := make([]T, len(rows))
	for k, i := range rows {
		out[k] = values[i]
	}
	return out
}

// purchases are holdings as cross-selling reads them.
func purchases(held []features.Holding) (*crosssell.Purchases, error) {
	b := crosssell.NewBuilder()
	category := map[string]string{}
	for i := range held {
		h := &held[i]
		if h.Orders == 0 {
			continue
		}
		// A product that was moved between categories has the one that was met first.
		of, known := category[h.Key]
		if !known {
			of = h.Category
			category[h.Key] = of
		}
		err := b.Add(crosssell.Row{
			Account: h.Account, Item: h.Key, Category: of, Orders: h.Orders, Recent: h.Orders90, Spend: max(0, h.Spend),
			DaysSince: h.LastDays, Span: h.FirstDays - h.LastDays,
		})
		if err != nil {
			return nil, refused{err}
		}
	}
	return b.Purchases()
}

// bought is what accounts bought of what is held, in the horizon.
func bought(held []features.Holding, past *crosssell.Purchases) []crosssell.Bought {
	var out []crosssell.Bought
	for i := range held {
		h := &held[i]
		if h.OrdersAfter == 0 {
			continue
		}
		account, known := slices.BinarySearch(past.Accounts, h.Account)
		item, sold := past.Find(h.Key)
		if known && sold {
			out = append(out, crosssell.Bought{Account: int32(account), Item: int32(item), Amount: max(0, h.SpendAfter)}) //nolint:gosec // both are bounded by the builder
		}
	}
	slices.SortFunc(out, func(a, b crosssell.Bought) int {
		if a.Account != b.Account {
			return int(a.Account) - int(b.Account)
		}
		return int(a.Item) - int(b.Item)
	})
	return out
}

// everything is the category of accounts' spend where no line names one.
const everything = ""

// peerColumns are what makes accounts peers in a wallet: how long and how
// broadly they buy, not how much or how often, which is what share of wallet
// moves.
var peerColumns = []string{"tenure_days", "categories_ever", "contract_amount"}

// The most categories whose wallets are told, those that most accounts buy; and
// the most levels of a text that makes peers: more of them are names, not kinds.
const (
	mostCategories = 500
	mostLevels     = 1000
)

// purses are what wallets are told from: peers, what they spent the year before,
// and what was declared.
type purses struct {
	wallet.Peers
	earlier  wallet.Spend
	declared []wallet.Declared
}

// purses are the accounts as wallets see them, by category; where no line names
// one, by everything.
func (c *crowd) purses() purses {
	if len(c.categories) == 0 {
		return c.wholePurses()
	}
	p := purses{Peers: c.alike(), earlier: wallet.Spend{Start: []int{0}}}
	number := map[string]int32{}
	for _, name := range c.usual() {
		number[name] = int32(len(p.Categories)) //nolint:gosec // bounded by mostCategories
		p.Categories = append(p.Categories, name)
	}
	held := c.categories
	for _, account := range c.frame.Accounts {
		for ; len(held) > 0 && held[0].Account <= account; held = held[1:] {
			if k, ok := number[held[0].Key]; ok && held[0].Account == account {
				p.add(k, held[0].Spend365, held[0].SpendLastYear)
			}
		}
		p.end()
	}
	p.declared = c.declarations(number)
	return p
}

// wholePurses are the accounts with all their spend as one category.
func (c *crowd) wholePurses() purses {
	p := purses{Peers: c.alike(), earlier: wallet.Spend{Start: []int{0}}}
	p.Categories = []string{everything}
	total := c.column(spendColumn)
	for i := range c.rows() {
		if !math.IsNaN(total[i]) {
			p.add(0, total[i], c.yearBefore[i])
		}
		p.end()
	}
	p.declared = c.declarations(map[string]int32{everything: 0})
	return p
}

// add appends what the account spends in a category; a year of more returns than
// purchases counts as 0.
func (p *purses) add(category int32, year, before float64) {
	p.Spend.Category, p.Spend.Amount = append(p.Spend.Category, category), append(p.Spend.Amount, max(0, year))
	p.earlier.Category, p.earlier.Amount = append(p.earlier.Category, category), append(p.earlier.Amount, max(0, before))
}

func (p *purses) end() {
	p.Spend.Start, p.earlier.Start = append(p.Spend.Start, len(p.Spend.Amount)), append(p.earlier.Start, len(p.earlier.Amount))
}

// usual are the names of the categories that most accounts hold, by name.
func (c *crowd) usual() []string {
	holders := map[string]int{}
	for i := range c.categories {
		holders[c.categories[i].Key]++
	}
	names := slices.Sorted(maps.Keys(holders))
	if len(names) > mostCategories {
		slices.SortStableFunc(names, func(a, b string) int { return holders[b] - holders[a] })
		names = names[:mostCategories]
		slices.Sort(names)
	}
	return names
}

// alike are the accounts with what makes them peers, and no spend yet.
func (c *crowd) alike() wallet.Peers {
	p := wallet.Peers{Frame: &frame.Frame{Accounts: c.frame.Accounts, Cutoffs: c.frame.Cutoffs}, Segment: c.segments()}
	for _, name := range peerColumns {
		if f := c.frame.Column(name); f != nil {
			p.Frame.Columns = append(p.Frame.Columns, *f)
		}
	}
	for _, of := range []struct {
		name string
		text func(*features.Profile) string
	}{
		{"segment", func(p *features.Profile) string { return p.Segment }}, {"region", func(p *features.Profile) string { return p.Region }},
		{"industry", func(p *features.Profile) string { return p.Industry }}, {"channel", func(p *features.Profile) string { return p.Channel }},
		{"type", func(p *features.Profile) string { return p.Type }},
	} {
		if column := c.levels(of.name, of.text); len(column.Levels) <= mostLevels {
			p.Frame.Columns = append(p.Frame.Columns, column)
		}
	}
	p.Spend.Start = make([]int, 1, c.rows()+1)
	return p
}

// declarations are those of the numbered categories: of amount and rank what was
// said of the newer period.
func (c *crowd) declarations(number map[string]int32) []wallet.Declared {
	var declared []wallet.Declared
	for k := range c.declared {
		d := &c.declared[k]
		i, bought := c.row[d.Account]
		category, asked := number[d.Category]
		if !bought || !asked {
			continue
		}
		of := wallet.Declared{Account: i, Category: int(category), Period: d.Said.Period, Author: d.Said.Author}
		if d.Amount > 0 {
			of.Amount = d.Amount
		}
		if d.Rank > 0 && (of.Amount == 0 || d.Ranked.Period > d.Said.Period) {
			of.Amount, of.Rank, of.Suppliers, of.Period, of.Author = 0, float64(d.Rank), d.Suppliers, d.Ranked.Period, d.Ranked.Author
		}
		if of.Amount > 0 || of.Rank > 0 {
			declared = append(declared, of)
		}
	}
	return declared
}

// levels is a column of texts as codes; an empty text is missing.
func (c *crowd) levels(name string, of func(*features.Profile) string) frame.Column {
	column := frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Category, Codes: make([]int32, c.rows())}
	for i := range c.profiles {
		if text := of(&c.profiles[i]); text != "" {
			column.Levels = append(column.Levels, text)
		}
	}
	slices.Sort(column.Levels)
	column.Levels = slices.Compact(column.Levels)
	for i := range c.profiles {
		code, found := slices.BinarySearch(column.Levels, of(&c.profiles[i]))
		if !found {
			code = -1
		}
		column.Codes[i] = int32(code)
	}
	return column
}

// held are what the accounts hold by a key.
func (c *crowd) held(key features.HoldingKey) []features.Holding {
	if key == features.ByCategory {
		return c.categories
	}
	return c.products
}
