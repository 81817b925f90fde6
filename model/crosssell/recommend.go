package crosssell

import (
	"context"
	"fmt"
	"slices"
)

// Recommendation is one line of what to offer an account.
type Recommendation struct {
	Kind Kind
	// Item and its Category are ids.
	Item, Category string
	// Probability is that of buying the item within Propensity.HorizonDays, Amount
	// what the account then spends on it in that time, in base currency.
	Probability, Amount float64
	Reason              Reason
}

// Expected returns Probability × Amount, in base currency.
func (r Recommendation) Expected() float64 { return r.Probability * r.Amount }

// Recommend returns the lists of one account of m's purchases, at most k items of
// each kind, new ones first, then lapsed, then repeat. Within a kind the order is
// that of the probability where Reranks says so, else that of Model.New, Lapsed
// and Repeat. RecommendAll gives the same to the bit.
//
// ErrInput if there is no such account, or if m was fitted with other parameters
// than the propensity was learnt beside.
func (p *Propensity) Recommend(m *Model, account, k int, may Eligible) ([]Recommendation, error) {
	if account < 0 || account >= len(m.past.Accounts) {
		return nil, fmt.Errorf("%w: account %d of %d", ErrInput, account, len(m.past.Accounts))
	}
	if err := p.suits(m); err != nil {
		return nil, err
	}
	lists, err := p.recommend(m, account, account+1, k, func(int) Eligible { return may }, m.newBoard())
	if err != nil {
		return nil, err
	}
	return lists[0], nil
}

// RecommendAll calls visit once for every account with what Recommend returns,
// from as many goroutines as there are processors and in any order of accounts.
// may(a) gives the rule for account a; may itself may be nil. It stops soon after
// ctx ends and then returns ctx.Err().
func (p *Propensity) RecommendAll(ctx context.Context, m *Model, k int, may func(account int) Eligible, visit func(account int, list []Recommendation)) error {
	if err := p.suits(m); err != nil {
		return err
	}
	all := len(m.past.Accounts)
	boards := newPool(m.newBoard)
	failed := make([]error, (all+blockAccounts-1)/blockAccounts)
	stopped := each(ctx, len(failed), func(n int) {
		b := boards.Get()
		defer boards.Put(b)
		from := n * blockAccounts
		lists, err := p.recommend(m, from, min(all, from+blockAccounts), k, may, b)
		if err != nil {
			failed[n] = err
			return
		}
		for i, list := range lists {
			visit(from+i, list)
		}
	})
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return stopped
}

// recommend returns the lists of the accounts from … to−1.
func (p *Propensity) recommend(m *Model, from, to, k int, may func(account int) Eligible, b *board) ([][]Recommendation, error) {
	pairs := newCandidates(p.beside)
	for a := from; a < to; a++ {
		m.collect(pairs, a, max(k, p.candidates), ruleOf(may, a), b)
	}
	margin := make([]float64, pairs.rows())
	if err := p.trees.Predict(pairs.frame(), margin); err != nil {
		return nil, fmt.Errorf("predict propensities: %w", err)
	}
	lists := make([][]Recommendation, to-from)
	for r := 0; r < len(margin); {
		// One account, one kind, in the order of the base list.
		a, kind := pairs.account[r], pairs.kind[r]
		var list []Scored
		first := r
		for ; r < len(margin) && pairs.account[r] == a && pairs.kind[r] == kind; r++ {
			list = append(list, Scored{int32(r), margin[r]})
		}
		if p.Reranks(kind) {
			slices.SortStableFunc(list, byScore)
		}
		list = list[:min(max(0, k), r-first)]
		own := m.past.Cells(int(a))
		for _, x := range list {
			item := pairs.item[x.Item]
			lists[int(a)-from] = append(lists[int(a)-from], Recommendation{
				Kind: kind, Item: m.past.Items[item].ID, Category: m.past.Items[item].Category,
				Probability: p.calibrator[kind-New].Probability(x.Score), Amount: p.baskets[kind-New] * pairs.basket[x.Item],
				Reason: m.Reason(own, kind, item),
			})
		}
	}
	return lists, nil
}
