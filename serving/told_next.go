package serving

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fealty/features"
	"fealty/model"
	"fealty/model/crosssell"
	"fealty/model/score"
	"fealty/model/wallet"
)

// weighed is how many categories that are new to an account are given a probability
// when the propensity to buy of its wallet is asked, the most likely first.
const weighed = 100

// tellRecommendations lists what may be bought next, and returns by row the
// probability that the account buys of its wallet here (buysOfWallet).
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
		params := p.Params()
		params.MaxBytes = s.Worth.CrossSellBytes
		m, fitted, err := crosssell.Fit(ctx, past, params)
		if err != nil {
			return nil, fmt.Errorf("find what goes together by %s: %w", key, err)
		}
		if len(p.Beside()) > 0 {
			m = m.With(t.beside(past))
		}
		t.together = append(t.together, together(key, fitted))
		rules, err := t.rules(&s.Worth, key, past).Compile(past)
		if err != nil {
			return nil, refused{err}
		}
		listed := s.Worth.CrossSellList
		most := listed
		if key == features.ByCategory {
			most = max(weighed, past.Widest())
		}
		err = p.RecommendAll(ctx, m, most, rules, func(account int, list []crosssell.Recommendation) {
			i := t.crowd.row[past.Accounts[account]]
			if key == features.ByCategory {
				buys[i] = t.buysOfWallet(i, list)
			}
			count := map[crosssell.Kind]int{}
			for _, r := range list {
				if count[r.Kind]++; count[r.Kind] <= listed {
					t.recommendations[i] = append(t.recommendations[i], recommendation(key, r, t.crowd.names))
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("recommend by %s: %w", key, err)
		}
	}
	return buys, nil
}

// buysOfWallet is the probability of buying in each category, weighed by what the
// account spends elsewhere in it: the part of all that it spends elsewhere which it is
// expected to bring into play here. A category without a probability counts as one
// where nothing is bought: what may not be recommended, what nobody has bought here, and
// new categories less likely than the weighed ones. What is only estimated of a category
// that the account does not buy stays out, as it does of the total (wallet.Totals). NaN
// if nothing is known by category to be spent elsewhere.
func (t *told) buysOfWallet(i int, list []crosssell.Recommendation) float64 {
	probability := make(map[string]float64, len(list))
	for _, r := range list {
		probability[r.Item] = r.Probability
	}
	var sum, all float64
	for _, e := range t.wallets(i) {
		if e.Potential > 0 && (e.State != wallet.Estimated || e.Flags&wallet.NotBought == 0) {
			sum += probability[t.categories[e.Category]] * e.Potential
			all += e.Potential
		}
	}
	if all == 0 {
		return math.NaN()
	}
	return sum / all
}

// beside are share, gap, width and trend of the wallet by account and category, for a
// propensity to buy of categories.
func (t *told) beside(past *crosssell.Purchases) crosssell.Beside {
	category, row := make([]int32, len(past.Items)), make([]int, len(past.Accounts))
	for i := range past.Items {
		category[i] = int32(slices.Index(t.categories, past.Items[i].ID)) //nolint:gosec // categories are few
	}
	for a, account := range past.Accounts {
		row[a] = -1
		if i, ok := t.crowd.row[account]; ok {
			row[a] = i
		}
	}
	return crosssell.Beside{
		Names: []string{"wallet_share", "wallet_gap", "wallet_width", "wallet_trend"},
		Fill: func(account int, item int32, to []float64) {
			for k := range to {
				to[k] = math.NaN()
			}
			i, of := row[account], category[item]
			if i < 0 || of < 0 {
				return
			}
			for _, e := range t.wallets(i) {
				if e.Category != of {
					continue
				}
				to[0], to[1], to[2] = e.Share, e.Potential, e.Width()
				to[3], _ = t.trend(i, &e)
			}
		},
	}
}

// recommendation is one as it is stored, with the names that products have.
func recommendation(key features.HoldingKey, r crosssell.Recommendation, names map[string]string) score.Recommendation {
	out := score.Recommendation{
		Kind: r.Kind.String(), Item: r.Item, Category: r.Category, Probability: model.Figure(r.Probability), Amount: model.Figure(r.Amount),
		Reason: string(r.Reason.Code), Because: r.Reason.Because, Orders: r.Reason.Orders, Days: r.Reason.Days, Buyers: r.Reason.Buyers,
	}
	if key == features.ByCategory {
		out.Item, out.Category = "", r.Item
		return out
	}
	out.Name, out.BecauseName = names[r.Item], names[r.Reason.Because]
	return out
}

// together says what a closed form holds of what goes together by a key.
func together(key features.HoldingKey, fitted crosssell.Report) Note {
	en, zh := fitted.Text()
	by := map[features.HoldingKey][2]string{features.ByProduct: {"By product: ", "按商品："}, features.ByCategory: {"By category: ", "按品类："}}[key]
	return Note{EN: by[0] + en, ZH: by[1] + zh}
}
