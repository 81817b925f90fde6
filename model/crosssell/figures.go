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
	seen := make([]int, 0, len(lines))
	for k, l := range lines {
		if frame.Cutoff(l.At.Unix()) < cutoff {
			seen = append(seen, k)
		}
	}
	slices.SortStableFunc(seen, func(x, y int) int {
		l, r := &lines[x], &lines[y]
		return cmp.Or(cmp.Compare(l.Account, r.Account), cmp.Compare(l.Item, r.Item), cmp.Compare(l.Order, r.Order))
	})
	day := func(t frame.Cutoff) int { return int(math.Floor(float64(t) / 86400)) }
	b := NewBuilder()
	for from := 0; from < len(seen); {
		l := lines[seen[from]]
		row := Row{Account: l.Account, Item: l.Item, Category: l.Category}
		first, last := math.MaxInt, math.MinInt
		for ; from < len(seen) && lines[seen[from]].Account == row.Account && lines[seen[from]].Item == row.Item; row.Orders++ {
			recent := 0
			for order := lines[seen[from]].Order; from < len(seen); from++ {
				l := lines[seen[from]]
				if l.Account != row.Account || l.Item != row.Item || l.Order != order {
					break
				}
				at := frame.Cutoff(l.At.Unix())
				row.Spend += l.Amount
				first, last = min(first, day(at)), max(last, day(at))
				if at >= cutoff.Add(-RecentDays) {
					recent = 1
				}
			}
			row.Recent += recent
		}
		row.DaysSince, row.Span = day(cutoff-1)-last, last-first
		if err := b.Add(row); err != nil {
			return nil, err
		}
	}
	return b.Purchases()
}

// Bought is what one account bought of one item in the horizon after a cutoff.
type Bought struct {
	Account, Item int32
	// Amount is what was paid for it in the horizon, in base currency, 0 … 1e15.
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
// last RecentDays days, …/cosine/… for sums of cosines with all neighbours, as the
// tail beyond the closed form has them; online-retail-1/repeat/… are means over all
// accounts that bought, against every known item that they bought.
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
	cosines, err := fitCosines(ctx, past, params)
	if err != nil {
		return nil, err
	}
	bought := group(Outcome(lines, past, cutoff, days))
	var fresh, popular, cosine, repeat quality
	for a := range past.Accounts {
		own, all := past.Cells(a), bought[int32(a)]
		if len(all) == 0 {
			continue
		}
		repeat.add(m.Basket(own, ListLength, nil), all)
		foreign := notIn(own)
		if unknown := those(all, foreign); len(unknown) > 0 {
			fresh.add(m.New(own, ListLength, nil), unknown)
			popular.add(m.New(Cells{}, ListLength, foreign), unknown)
			cosine.add(cosines.New(own, ListLength, nil), unknown)
		}
	}
	if repeat.accounts == 0 || fresh.accounts == 0 {
		return nil, fmt.Errorf("%w: %d accounts bought in the %d days after the cutoff, %d of them something new: nothing to measure", ErrInput, repeat.accounts, days, fresh.accounts)
	}
	return slices.Concat(fresh.figures("online-retail-1/new"), popular.figures("online-retail-1/popular"), cosine.figures("online-retail-1/cosine"), repeat.figures("online-retail-1/repeat")), nil
}

// fitCosines is a model without a closed form: every item is answered by its cosines
// with all others.
func fitCosines(ctx context.Context, past *Purchases, params Params) (*Model, error) {
	params.Neighbours = len(past.Items)
	m := &Model{params: params, past: past, place: slices.Repeat([]int32{-1}, len(past.Items))}
	m.count()
	if err := m.fitTail(ctx, transpose(past)); err != nil {
		return nil, err
	}
	return m, nil
}

// PropensityFigures measures probabilities: learnt at earlier cutoffs, which are
// those whose horizons are over by test, and held against the horizon after it.
// Per kind there are name/kind/auc, log-loss and ece, the same of popularity alone
// (popular-auc …), and base-ndcg@10 and ndcg@10 of the lists before and after
// re-ranking, among candidates. name/recommended/… are the lists of new items that
// are shown in the end, by the measure of RetailFigures. A kind of which nothing
// was bought, or everything, has no figures.
func PropensityFigures(ctx context.Context, name string, lines []Line, earlier []frame.Cutoff, test frame.Cutoff, params Params, propensity PropensityParams) ([]Figure, error) {
	var lessons []Lesson
	for _, cutoff := range append(slices.Clone(earlier), test) {
		if cutoff != test && cutoff.Add(propensity.HorizonDays) > test {
			return nil, fmt.Errorf("%w: the horizon of cutoff %v ends after the test's, %v", ErrInput, cutoff, test)
		}
		past, err := Past(lines, cutoff)
		if err != nil {
			return nil, err
		}
		m, _, err := Fit(ctx, past, params)
		if err != nil {
			return nil, err
		}
		lessons = append(lessons, Lesson{m, Outcome(lines, past, cutoff, propensity.HorizonDays)})
	}
	p, _, err := FitPropensity(ctx, lessons[:len(earlier)], propensity)
	if err != nil {
		return nil, err
	}
	last := lessons[len(earlier)]
	all, err := p.Evaluate(ctx, last)
	if err != nil {
		return nil, err
	}
	var out []Figure
	for _, q := range all {
		if !q.Measured {
			continue
		}
		for _, f := range []struct {
			name  string
			value float64
		}{
			{"auc", q.AUC}, {"log-loss", q.LogLoss}, {"ece", q.ECE},
			{"popular-auc", q.Popular.AUC}, {"popular-log-loss", q.Popular.LogLoss}, {"popular-ece", q.Popular.ECE},
			{"base-ndcg@10", q.BaseNDCG}, {"ndcg@10", q.NDCG}, {"amount", q.Amount}, {"expected-amount", q.Expected},
		} {
			out = append(out, Figure{fmt.Sprintf("%s/%v/%s", name, q.Kind, f.name), f.value, len(last.Model.past.Accounts)})
		}
	}
	lists := make([][]Scored, len(last.Model.past.Accounts))
	err = p.RecommendAll(ctx, last.Model, ListLength, nil, func(a int, list []Recommendation) {
		for _, r := range list {
			if i, ok := last.Model.past.Find(r.Item); ok && r.Kind == New {
				lists[a] = append(lists[a], Scored{int32(i), r.Probability}) //nolint:gosec // items are bounded
			}
		}
	})
	if err != nil {
		return nil, err
	}
	var shown quality
	bought := group(last.Bought)
	for a := range lists {
		if fresh := those(bought[int32(a)], notIn(last.Model.past.Cells(a))); len(fresh) > 0 {
			shown.add(lists[a], fresh)
		}
	}
	if shown.accounts > 0 {
		out = append(out, shown.figures(name+"/recommended")...)
	}
	return out, nil
}

// ByCategory returns the lines with their categories as items.
func ByCategory(lines []Line) []Line {
	out := slices.Clone(lines)
	for k := range out {
		out[k].Item, out[k].Category = out[k].Category, ""
	}
	return out
}

// those returns the items that the rule allows.
func those(items map[int32]bool, may Eligible) map[int32]bool {
	out := map[int32]bool{}
	for i := range items {
		if may(i) {
			out[i] = true
		}
	}
	return out
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
// most popular; of ta-feng/own/… they are not filled up. ErrInput names an account
// without history.
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
	var filled, repeat quality
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
		own := past.Cells(a)
		filled.add(m.Basket(own, ListLength, nil), bought)
		repeat.add(m.Repeat(own, ListLength, nil), bought)
	}
	return append(filled.figures("ta-feng"), repeat.figures("ta-feng/own")...), nil
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
