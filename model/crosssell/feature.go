package crosssell

import (
	"math"
	"slices"

	"fealty/features/frame"
)

// features are the columns that a propensity reads, in order. All are made from
// the Purchases alone. "The item" is a product, or a category where items are
// categories. Missing is NaN.
var features = []frame.Meta{
	{Name: "kind", Unit: "1"},              // 1 new, 2 lapsed, 3 repeat
	{Name: "orders", Unit: "orders"},       // own orders of the item
	{Name: "recent", Unit: "orders"},       // of the last RecentDays days
	{Name: "days_since", Unit: "days"},     // since the last; missing if none
	{Name: "gap", Unit: "days"},            // mean gap between own orders of it; missing below two
	{Name: "overdue", Unit: "1"},           // days_since ÷ gap, with a gap of at least a day
	{Name: "order_share", Unit: "share"},   // orders ÷ own orders of all items
	{Name: "spend_share", Unit: "share"},   // spend ÷ own spend on all items; missing without spend
	{Name: "category_orders", Unit: "1"},   // own orders of other items of its category
	{Name: "category_days", Unit: "days"},  // since the last of those; missing if none
	{Name: "breadth", Unit: "items"},       // items that the account has bought
	{Name: "all_orders", Unit: "1"},        // own orders, summed over items
	{Name: "all_recent", Unit: "1"},        // of the last RecentDays days
	{Name: "all_days", Unit: "days"},       // since the account's last order of anything
	{Name: "buyers", Unit: "log odds"},     // share of accounts that have bought the item
	{Name: "trend", Unit: "share"},         // share of the item's orders that are recent
	{Name: "together", Unit: "1"},          // EASE's score from the account's other items
	{Name: "price", Unit: "base currency"}, // mean amount per order of the item, over all accounts
}

// candidates are pairs of account and item that may become recommendations: per
// account the best new items, then the lapsed and the repeated ones, each list in
// its order before any re-ranking.
type candidates struct {
	id            []frame.AccountID
	account, item []int32
	kind          []Kind
	// basket is what an order of the item is expected to come to.
	basket []float64
	// columns holds one column per feature, and then those of Beside, by name.
	columns [][]float64
	beside  []string
}

func newCandidates(beside []string) *candidates {
	return &candidates{columns: make([][]float64, len(features)+len(beside)), beside: beside}
}

// Beside are columns that a propensity reads beside those made of the purchases.
type Beside struct {
	// Names of the columns, each once and none of a feature's.
	Names []string
	// Fill writes their values for an account and an item of the purchases, NaN where
	// nothing is known. It is called from several goroutines at once.
	Fill func(account int, item int32, to []float64)
}

// With returns the model with columns beside its own, which a propensity learns from
// and then needs of every model.
func (m *Model) With(b Beside) *Model {
	with := *m
	with.beside = b
	return &with
}

// rows returns the number of pairs.
func (c *candidates) rows() int { return len(c.item) }

// frame returns the features as a frame, sharing memory.
func (c *candidates) frame() *frame.Frame {
	f := &frame.Frame{Accounts: c.id, Cutoffs: make([]frame.Cutoff, c.rows())}
	for k, meta := range features {
		f.Columns = append(f.Columns, frame.Column{Meta: meta, Kind: frame.Number, Numbers: c.columns[k]})
	}
	for k, name := range c.beside {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name, Unit: "1"}, Kind: frame.Number, Numbers: c.columns[len(features)+k]})
	}
	return f
}

// popularity returns the column of that feature.
func (c *candidates) popularity() []float64 {
	return c.columns[slices.IndexFunc(features, func(m frame.Meta) bool { return m.Name == "buyers" })]
}

// append adds the pairs of another block.
func (c *candidates) append(d *candidates) {
	c.id, c.account, c.item, c.kind = append(c.id, d.id...), append(c.account, d.account...), append(c.item, d.item...), append(c.kind, d.kind...)
	c.basket = append(c.basket, d.basket...)
	for k := range c.columns {
		c.columns[k] = append(c.columns[k], d.columns[k]...)
	}
}

// collect adds the candidates of account a: the fresh best new ones and all own
// ones that may be proposed.
func (m *Model) collect(c *candidates, a, fresh int, may Eligible, b *board) {
	own := m.past.Cells(a)
	score := m.score(own, b)
	profile := m.profile(own)
	beside := make([]float64, len(m.beside.Names))
	for _, list := range []struct {
		kind  Kind
		items []Scored
	}{
		{New, m.fresh(score, own, fresh, may)},
		{Lapsed, m.owned(Lapsed, own, len(own.Item), may)},
		{Repeat, m.owned(Repeat, own, len(own.Item), may)},
	} {
		for _, x := range list.items {
			c.account, c.item, c.kind = append(c.account, int32(a)), append(c.item, x.Item), append(c.kind, list.kind) //nolint:gosec // at most MostAccounts
			c.id = append(c.id, m.past.Accounts[a])
			m.describe(c, own, profile, list.kind, x.Item, float64(score[x.Item]))
			if len(beside) > 0 {
				m.beside.Fill(a, x.Item, beside)
			}
			for k, v := range beside {
				c.columns[len(features)+k] = append(c.columns[len(features)+k], v)
			}
		}
	}
}

// profile is what is known of an account beside single items.
type profile struct {
	orders, recent, spend float64
	days                  float64
	// level is the account's amounts per order ÷ those usual for the same items.
	level float64
	// Per category of an own item: orders, the last two items' days.
	categories map[int32]*visits
}

// visits sums an account's purchases in a category.
type visits struct {
	orders int64
	// last and second are the days since the latest and the next latest item;
	// item is the latest one.
	last, second float64
	item         int32
}

const (
	// ownOrders is how many orders of its own an account needs until its own mean
	// amount counts as much as what is usual for the item, levelOrders how many
	// until its level counts as much as the ordinary one, and itemOrders how many
	// an item needs until its mean amount counts as much as that of all items.
	ownOrders, levelOrders, itemOrders = 2, 5, 5
)

// usual returns the mean amount per order of an item, shrunk to that of all items.
func (m *Model) usual(item int32) float64 {
	mean := m.totalSpend / float64(m.totalOrders)
	return (m.spend[item] + itemOrders*mean) / (float64(m.orders[item]) + itemOrders)
}

func (m *Model) profile(own Cells) profile {
	p := profile{days: math.NaN(), level: 1, categories: map[int32]*visits{}}
	expected := 0.0
	for k, item := range own.Item {
		orders, days := float64(own.Orders[k]), float64(own.DaysSince[k])
		p.orders += orders
		p.recent += float64(own.Recent[k])
		p.spend += own.Spend[k]
		expected += orders * m.usual(item)
		if k == 0 || days < p.days {
			p.days = days
		}
		v := p.categories[m.past.Of[item]]
		if v == nil {
			v = &visits{last: math.NaN(), second: math.NaN()}
			p.categories[m.past.Of[item]] = v
		}
		v.orders += int64(own.Orders[k])
		switch {
		case !(days >= v.last):
			v.last, v.second, v.item = days, v.last, item
		case !(days >= v.second):
			v.second = days
		}
	}
	if prior := levelOrders * m.totalSpend / float64(m.totalOrders); expected+prior > 0 {
		p.level = (p.spend + prior) / (expected + prior)
	}
	return p
}

// describe adds the features and the basket of one pair.
func (m *Model) describe(c *candidates, own Cells, p profile, kind Kind, item int32, together float64) {
	missing := math.NaN()
	orders, recent, days, gap, spend := 0.0, 0.0, missing, missing, 0.0
	if k, owned := slices.BinarySearch(own.Item, item); owned {
		orders, recent, days, spend = float64(own.Orders[k]), float64(own.Recent[k]), float64(own.DaysSince[k]), own.Spend[k]
		if own.Orders[k] > 1 {
			gap = float64(own.Span[k]) / float64(own.Orders[k]-1)
		}
	}
	categoryOrders, categoryDays := 0.0, missing
	if v := p.categories[m.past.Of[item]]; v != nil {
		categoryOrders, categoryDays = float64(v.orders)-orders, v.last
		if v.item == item && orders > 0 {
			categoryDays = v.second
		}
	}
	orderShare, spendShare := missing, missing
	if p.orders > 0 {
		orderShare = orders / p.orders
	}
	if p.spend > 0 {
		spendShare = spend / p.spend
	}
	for k, v := range []float64{
		float64(kind), orders, recent, days, gap, days / max(gap, 1), orderShare, spendShare, categoryOrders, categoryDays,
		float64(len(own.Item)), p.orders, p.recent, p.days,
		m.popularity(item), float64(m.recent[item]) / float64(m.orders[item]), together, m.usual(item),
	} {
		c.columns[k] = append(c.columns[k], v)
	}
	c.basket = append(c.basket, (spend+ownOrders*m.usual(item)*p.level)/(orders+ownOrders))
}

// popularity is the log-odds of the share of accounts that have bought an item.
func (m *Model) popularity(item int32) float64 {
	n := float64(m.buyers[item])
	return math.Log((n + .5) / (float64(len(m.past.Accounts)) - n + .5))
}
