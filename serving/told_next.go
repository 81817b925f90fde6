package serving

import (
	"context"
	"fmt"
	"math"

	"fealty/features"
	"fealty/model"
	"fealty/model/crosssell"
	"fealty/model/score"
)

const (
	// listed is how many recommendations of each kind are kept of an account, by
	// category and by product.
	listed = 3
	// weighed is how many categories of each kind are given a probability when the
	// propensity to buy of the wallet is asked.
	weighed = 100
)

// tellRecommendations lists what may be bought next, and returns by row the
// probability that the account buys of its wallet here: that of its categories,
// weighed by what it spends elsewhere in each.
func (a *appraisal) tellRecommendations(ctx context.Context, t *told, s Settings) ([]float64, error) {
	t.recommendations = make([][]score.Recommendation, t.crowd.rows())
	buys := unmeasured(t.crowd.rows())
	for _, key := range []features.HoldingKey{features.ByProduct, features.ByCategory} {
		p := a.propensity[key]
		if p == nil {
			continue
		}
		past, err := purchases(t.crowd.held(key))
		if err != nil {
			return nil, err
		}
		if len(past.Items) < leastItems {
			continue
		}
		m, _, err := crosssell.Fit(ctx, past, p.Params())
		if err != nil {
			return nil, fmt.Errorf("find what goes together by %s: %w", key, err)
		}
		rules, err := s.Worth.rules(key, past).Compile(past)
		if err != nil {
			return nil, refused{err}
		}
		most := listed
		if key == features.ByCategory {
			most = weighed
		}
		err = p.RecommendAll(ctx, m, most, rules, func(account int, list []crosssell.Recommendation) {
			i := t.crowd.row[past.Accounts[account]]
			if key == features.ByCategory {
				buys[i] = t.buysOfWallet(i, list)
			}
			count := map[crosssell.Kind]int{}
			for _, r := range list {
				if count[r.Kind]++; count[r.Kind] <= listed {
					t.recommendations[i] = append(t.recommendations[i], recommendation(key, r))
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("recommend by %s: %w", key, err)
		}
	}
	return buys, nil
}

func (t *told) buysOfWallet(i int, list []crosssell.Recommendation) float64 {
	probability := make(map[string]float64, len(list))
	for _, r := range list {
		probability[r.Item] = r.Probability
	}
	var sum, all float64
	for _, e := range t.wallets(i) {
		if p, ok := probability[t.categories[e.Category]]; ok && e.Potential > 0 {
			sum += p * e.Potential
			all += e.Potential
		}
	}
	if all == 0 {
		return math.NaN()
	}
	return sum / all
}

func recommendation(key features.HoldingKey, r crosssell.Recommendation) score.Recommendation {
	out := score.Recommendation{
		Kind: r.Kind.String(), Item: r.Item, Category: r.Category, Probability: model.Figure(r.Probability), Amount: model.Figure(r.Amount),
		Reason: string(r.Reason.Code), Because: r.Reason.Because, Orders: r.Reason.Orders, Days: r.Reason.Days, Buyers: r.Reason.Buyers,
	}
	if key == features.ByCategory {
		out.Item, out.Category = "", r.Item
	}
	return out
}
