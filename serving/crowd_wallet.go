package serving

import (
	"maps"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/wallet"
)

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
	// beyond are, by row, the holdings of categories of which no wallet is told.
	beyond map[int][]*features.Holding
	// unmet counts the declarations of accounts at hand by category, of those that are
	// none of Categories.
	unmet map[string]int
	// rest is how many categories are held beyond those.
	rest int
}

// purses are the accounts as wallets see them, by category; where no line names
// one, by everything.
func (c *crowd) purses() purses {
	if !categorised(c.categories) {
		return c.wholePurses()
	}
	p := purses{Peers: c.alike(), earlier: wallet.Spend{Start: []int{0}}}
	number := map[string]int32{}
	names, beyond := c.usual()
	p.rest = beyond
	for _, name := range names {
		number[name] = int32(len(p.Categories)) //nolint:gosec // bounded by mostCategories
		p.Categories = append(p.Categories, name)
	}
	held := c.categories
	p.beyond = map[int][]*features.Holding{}
	for i, account := range c.frame.Accounts {
		for ; len(held) > 0 && held[0].Account <= account; held = held[1:] {
			if held[0].Account != account || !held[0].Before() {
				continue
			}
			if k, ok := number[held[0].Key]; ok {
				p.add(k, held[0].Spend365, held[0].SpendLastYear)
			} else {
				p.beyond[i] = append(p.beyond[i], &held[0])
			}
		}
		p.end()
	}
	p.declare(c, number)
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
	p.declare(c, map[string]int32{everything: 0})
	return p
}

// add appends what the account spends in a category; a year of more returns than
// purchases counts as 0.
func (p *purses) add(category int32, year, before float64) {
	p.Spend.Category, p.Spend.Amount = append(p.Spend.Category, category), append(p.Spend.Amount, max(0, year))
	p.earlier.Category, p.earlier.Amount = append(p.earlier.Category, category), append(p.earlier.Amount, max(0, before))
}

// noTrends say by row why there is no year before the last to compare it with, ""
// where there is one: who first bought within the last year had none, and where the data
// begin within the last two years that of everybody is known only in part.
func (c *crowd) noTrends() []wallet.NoTrend {
	const year = 365
	tenure, longest := c.column(tenureColumn), 0.
	for _, days := range tenure {
		if days > longest {
			longest = days
		}
	}
	whys := make([]wallet.NoTrend, c.rows())
	for i, days := range tenure {
		switch {
		case !(days >= year):
			whys[i] = wallet.FirstYear
		case longest < 2*year:
			whys[i] = wallet.ShortData
		}
	}
	return whys
}

// unasked is what each account spends in the categories of which no wallet is told.
func (p *purses) unasked(rows int) []float64 {
	sums := make([]float64, rows)
	for i, held := range p.beyond {
		for _, h := range held {
			sums[i] += max(0, h.Spend365)
		}
	}
	return sums
}

func (p *purses) end() {
	p.Spend.Start, p.earlier.Start = append(p.Spend.Start, len(p.Spend.Amount)), append(p.earlier.Start, len(p.earlier.Amount))
}

// categorised tells whether a line before the cutoff names a category. What is held with
// a horizon also has what is bought only after it, which no wallet may know of.
func categorised(held []features.Holding) bool {
	return slices.ContainsFunc(held, func(h features.Holding) bool { return h.Before() })
}

// usual are the names of the categories that most accounts hold, by name, and how
// many there are beyond them.
func (c *crowd) usual() (names []string, beyond int) {
	holders := map[string]int{}
	for i := range c.categories {
		if h := &c.categories[i]; h.Before() {
			holders[h.Key]++
		}
	}
	names = slices.Sorted(maps.Keys(holders))
	if beyond = max(0, len(names)-mostCategories); beyond > 0 {
		slices.SortStableFunc(names, func(a, b string) int { return holders[b] - holders[a] })
		names = names[:mostCategories]
		slices.Sort(names)
	}
	return names, beyond
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

// declare takes what was declared of the numbered categories: of amount and rank
// what was said of the newer period.
func (p *purses) declare(c *crowd, number map[string]int32) {
	p.unmet = map[string]int{}
	for k := range c.declared {
		d := &c.declared[k]
		i, bought := c.row[d.Account]
		category, asked := number[d.Category]
		if bought && !asked && d.Category != everything {
			p.unmet[d.Category]++
		}
		if !bought || !asked {
			continue
		}
		of := wallet.Declared{Account: i, Category: int(category), Period: d.Said.Period, Author: d.Said.Author}
		if d.Amount > 0 {
			of.Amount, of.Spend, of.Orders = d.Amount, c.thatYear[k].spend, c.thatYear[k].orders
		}
		if d.Rank > 0 && (of.Amount == 0 || d.Ranked.Period > d.Said.Period) {
			of.Spend, of.Orders = 0, 0
			of.Amount, of.Rank, of.Suppliers, of.Period, of.Author = 0, float64(d.Rank), d.Suppliers, d.Ranked.Period, d.Ranked.Author
		}
		if of.Amount > 0 || of.Rank > 0 {
			p.declared = append(p.declared, of)
		}
	}
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
