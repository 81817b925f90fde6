package crosssell

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"fealty/features/frame"
	"fealty/model/metrics"
)

// ListLength is how many items the figures of lists look at.
const ListLength = 10

// Line is one line of an order.
type Line struct {
	Account        frame.AccountID
	Order          string
	Item, Category string
	At             time.Time
	Amount         float64
}

// Past returns what the lines before the cutoff say of each account and item, and
// Outcome what was bought in the days after it; see frame.Cutoff for the sides.
// Days are those of UTC. Order ids are unique within an account.
func Past(lines []Line, cutoff frame.Cutoff) (*Purchases, error) {
	type key struct {
		account frame.AccountID
		item    string
	}
	type sum struct {
		Row
		orders, recent map[string]bool
		first, last    int64
	}
	sums := map[key]*sum{}
	day := func(t frame.Cutoff) int64 { return int64(math.Floor(float64(t) / 86400)) }
	for _, l := range lines {
		at := frame.Cutoff(l.At.Unix())
		if at >= cutoff {
			continue
		}
		k := key{l.Account, l.Item}
		s := sums[k]
		if s == nil {
			s = &sum{Row: Row{Account: l.Account, Item: l.Item, Category: l.Category}, orders: map[string]bool{}, recent: map[string]bool{}, first: day(at), last: day(at)}
			sums[k] = s
		}
		s.orders[l.Order] = true
		if at >= cutoff.Add(-RecentDays) {
			s.recent[l.Order] = true
		}
		s.Spend += l.Amount
		s.first, s.last = min(s.first, day(at)), max(s.last, day(at))
	}
	rows := make([]Row, 0, len(sums))
	for _, s := range sums {
		s.Orders, s.Recent, s.Span, s.DaysSince = len(s.orders), len(s.recent), int(s.last-s.first), int(day(cutoff-1)-s.last)
		rows = append(rows, s.Row)
	}
	slices.SortFunc(rows, func(x, y Row) int {
		return cmp.Or(cmp.Compare(x.Account, y.Account), cmp.Compare(x.Item, y.Item))
	})
	b := NewBuilder()
	for _, r := range rows {
		if err := b.Add(r); err != nil {
			return nil, err
		}
	}
	return b.Purchases()
}

// Bought is what one account bought of one item in the horizon after a cutoff.
type Bought struct {
	Account, Item int32
	// Amount is what was paid for it in the horizon, in base currency, ≥ 0.
	Amount float64
}

// Outcome returns what the accounts of past bought of its items from the cutoff
// on, for days days, by account and item rising.
func Outcome(lines []Line, past *Purchases, cutoff frame.Cutoff, days int) []Bought {
	type pair struct{ account, item int32 }
	sums := map[pair]float64{}
	for _, l := range lines {
		if at := frame.Cutoff(l.At.Unix()); at < cutoff || at >= cutoff.Add(days) {
			continue
		}
		a, known := slices.BinarySearch(past.Accounts, l.Account)
		i, bought := past.Find(l.Item)
		if known && bought {
			sums[pair{int32(a), int32(i)}] += l.Amount //nolint:gosec // both are bounded by the builder
		}
	}
	out := make([]Bought, 0, len(sums))
	for k, amount := range sums {
		out = append(out, Bought{k.account, k.item, amount})
	}
	slices.SortFunc(out, func(x, y Bought) int {
		return cmp.Or(cmp.Compare(x.Account, y.Account), cmp.Compare(x.Item, y.Item))
	})
	return out
}

// Figure is one number of the reference page.
type Figure struct {
	Name     string
	Value    float64
	Accounts int
}

// quality gathers means over accounts of what lists were worth.
type quality struct {
	accounts                      int
	precision, recall, ndcg, hits float64
}

// add counts one account's list against the items that it bought.
func (q *quality) add(list []Scored, bought map[int32]bool) {
	r := metrics.RankedList{Bought: len(bought)}
	for _, x := range list {
		r.Hits = append(r.Hits, bought[x.Item])
	}
	q.accounts++
	q.precision += r.Precision(ListLength)
	q.recall += r.Recall(ListLength)
	q.ndcg += r.NDCG(ListLength)
	if r.Hit(ListLength) {
		q.hits++
	}
}

func (q *quality) figures(name string) []Figure {
	n := float64(q.accounts)
	return []Figure{
		{name + "/ndcg@10", q.ndcg / n, q.accounts}, {name + "/precision@10", q.precision / n, q.accounts},
		{name + "/recall@10", q.recall / n, q.accounts}, {name + "/hit@10", q.hits / n, q.accounts},
	}
}

// RetailFigures measures the lists on order lines, such as those of Online Retail
// I by protocol T: learnt from the lines before the cutoff, held against the days
// after it. The figures online-retail-1/new/… are means over the accounts that
// bought an item new to them, …/popular/… the same for the most popular of the
// last RecentDays days; online-retail-1/repeat/… are means over all accounts
// that bought, against every known item that they bought.
func RetailFigures(ctx context.Context, lines []Line, cutoff frame.Cutoff, days int, params Params) ([]Figure, error) {
	past, err := Past(lines, cutoff)
	if err != nil {
		return nil, err
	}
	// Every own item counts as repeat on the reference page, however old.
	params.LapsedDays = math.MaxInt32
	m, _, err := Fit(ctx, past, params)
	if err != nil {
		return nil, err
	}
	bought := group(Outcome(lines, past, cutoff, days))
	var fresh, popular, repeat quality
	for a := range past.Accounts {
		own, all := past.Cells(a), bought[int32(a)] //nolint:gosec // at most MostAccounts
		if len(all) == 0 {
			continue
		}
		repeat.add(m.Basket(own, ListLength, nil), all)
		unknown, foreign := map[int32]bool{}, notIn(own)
		for i := range all {
			if foreign(i) {
				unknown[i] = true
			}
		}
		if len(unknown) > 0 {
			fresh.add(m.New(own, ListLength, nil), unknown)
			popular.add(m.New(Cells{}, ListLength, foreign), unknown)
		}
	}
	if repeat.accounts == 0 || fresh.accounts == 0 {
		return nil, fmt.Errorf("%w: %d accounts bought in the %d days after the cutoff, %d of them something new: nothing to measure", ErrInput, repeat.accounts, days, fresh.accounts)
	}
	return slices.Concat(fresh.figures("online-retail-1/new"), popular.figures("online-retail-1/popular"), repeat.figures("online-retail-1/repeat")), nil
}

// notIn allows what the account has not bought.
func notIn(own Cells) Eligible {
	return func(item int32) bool {
		_, owned := slices.BinarySearch(own.Item, item)
		return !owned
	}
}

// group gathers the bought items by account.
func group(all []Bought) map[int32]map[int32]bool {
	by := map[int32]map[int32]bool{}
	for _, b := range all {
		if by[b.Account] == nil {
			by[b.Account] = map[int32]bool{}
		}
		by[b.Account][b.Item] = true
	}
	return by
}

// BasketFigures measures next baskets, such as those of Ta-Feng as prepared for A
// Next Basket Recommendation Reality Check: history holds each account's baskets
// in order, next the one that follows, items by number. Lists are those of
// Basket: own items by number of baskets, ties by popularity, filled up with the
// most popular. ErrInput names an account without history.
func BasketFigures(history map[string][][]int, next map[string][]int) ([]Figure, error) {
	b := NewBuilder()
	for _, account := range sortedKeys(history) {
		count := map[int]int{}
		for _, basket := range history[account] {
			distinct := slices.Clone(basket)
			slices.Sort(distinct)
			for _, item := range slices.Compact(distinct) {
				count[item]++
			}
		}
		for item, orders := range count {
			if err := b.Add(Row{Account: frame.AccountID(account), Item: basketItem(item), Orders: orders}); err != nil {
				return nil, err
			}
		}
	}
	past, err := b.Purchases()
	if err != nil {
		return nil, err
	}
	m := &Model{params: Defaults(), past: past}
	m.count()
	var q quality
	for _, account := range sortedKeys(next) {
		a, ok := slices.BinarySearch(past.Accounts, frame.AccountID(account))
		if !ok {
			return nil, fmt.Errorf("%w: account %q has a next basket and no history", ErrInput, account)
		}
		bought := map[int32]bool{}
		for _, item := range next[account] {
			i, known := past.Find(basketItem(item))
			if !known {
				i = -1 - item // nobody has bought it before, so no list holds it
			}
			bought[int32(i)] = true //nolint:gosec // items are bounded
		}
		q.add(m.Basket(past.Cells(a), ListLength, nil), bought)
	}
	return q.figures("ta-feng"), nil
}

// basketItem spells a number so that ids sort as numbers do.
func basketItem(item int) string { return fmt.Sprintf("%09d", item) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
