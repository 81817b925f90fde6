package main

import (
	"cmp"
	"context"
	"fmt"

	"fealty/model"
	"fealty/serving"

	"github.com/spf13/cobra"
)

type crossSellOptions struct {
	worthOptions
	kind, by string
}

func newCrossSell(e *env) *cobra.Command {
	o := &crossSellOptions{}
	c := &cobra.Command{
		Use: "crosssell", Short: "Tell what accounts may buy next, and why", Args: none,
		Long: `Tells, by account, what it may buy within the horizon: categories and products that it never bought (new), has given up
(lapsed) or orders again (repeat), each kind ranked by its own, with the probability of an order, the amount if there is one,
the account's share of wallet in the category with what it spends there elsewhere, and what speaks for it. Where nothing is
recommended, it says why. The account whose best is expected to bring most comes first. A list has crosssell.list of a kind, as
of when scores were published. What crosssell.exclude_categories and crosssell.exclude_products name is never recommended;
crosssell.only_products and crosssell.sold_by_region say what can be delivered at all, and where.`,
		Example: `  fealty crosssell --kind new
  fealty crosssell --account A0000007
  fealty crosssell --by category -o csv > next.csv
  fealty crosssell --fit`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.parsed(e, c.Flags()); err != nil {
				return err
			}
			return runCrossSell(c.Context(), e, o)
		},
	}
	o.addFlags(c.Flags(), "accounts", "how good the probabilities were on the test cutoff, kind by kind, beside popularity")
	c.Flags().StringVar(&o.kind, "kind", "", "new, lapsed or repeat (default: all)")
	c.Flags().StringVar(&o.by, "by", "", "category or product (default: both)")
	return c
}

func runCrossSell(ctx context.Context, e *env, o *crossSellOptions) error {
	if o.fit {
		fit, err := o.fitted(ctx, e)
		if err != nil {
			return err
		}
		return e.show(crossSellFit(&fit))
	}
	request := serving.CrossSellRequest{WorthRequest: o.request, Kind: o.kind, By: o.by}
	r, err := perform[serving.CrossSellResult](ctx, e, o.flags, job{operation: serving.OpCrossSell, request: request})
	if err != nil {
		return err
	}
	s := section{head: []string{"account", "kind", "by", "rank", "item", "name", "category", "probability", "amount", "wallet_share", "wallet_gap", "reason", "English", "中文"}}
	for i := range r.Rows {
		c := &r.Rows[i]
		s.rows = append(s.rows, []any{c.Account, c.Kind, c.By, c.Rank, c.Item, c.Name, c.Category, c.Probability, c.Amount, c.WalletShare, c.WalletGap, c.Reason, c.EN, c.ZH})
	}
	sections := []section{worthFacts(&r.WorthOf, len(r.Rows)), s}
	if len(r.Nothing) > 0 {
		nothing := section{title: "Nothing is recommended, because 没有推荐的原因", head: []string{"account", "why", "English", "中文"}}
		for _, n := range r.Nothing {
			nothing.rows = append(nothing.rows, []any{n.Account, n.Why, n.EN, n.ZH})
			if e.global.output == csvForm { // the rows travel alone
				e.say("%s: %s / %s", cmp.Or(n.Account, "all 全部"), n.EN, n.ZH)
			}
		}
		sections = append(sections, nothing)
	}
	return e.showWorth(r, &r.WorthOf, sections...)
}

func crossSellFit(fit *serving.WorthFitResult) answer {
	learnt := section{title: "What was learnt from 学习所用数据", head: []string{"by", "items", "dense", "tail", "why_not", "English", "中文"}}
	quality := section{title: "On the test cutoff, beside popularity 检验截止日上的表现（旁为按热门程度）", head: []string{
		"by", "kind", "rows", "bought", "auc", "popular_auc", "log_loss", "popular_log_loss", "ece", "ndcg_10", "base_ndcg_10",
	}}
	tried := newNextTrials("What the columns of the wallet add, on accounts held out and on the test cutoff 钱包的列的增益（留出客户与检验截止日）", "by")
	for _, c := range fit.Worth.CrossSell {
		if w := c.Wallet; w != nil {
			tried.add(c.Key, w)
		}
		learnt.rows = append(learnt.rows, []any{c.Key, c.Items, c.Dense, c.Tail, whySaid(fit.Whys.CrossSell[c.Key], c.Why), c.EN, c.ZH})
		for _, q := range c.Quality {
			quality.rows = append(quality.rows, []any{
				c.Key, q.Kind, q.Rows, q.Bought, q.AUC, q.PopularAUC, q.LogLoss, q.PopularLogLoss, q.ECE, q.NDCG, q.BaseNDCG,
			})
		}
	}
	return answer{data: fit, rows: 2, sections: append([]section{fitFacts(fit), learnt, quality}, tried.sections()...)}
}

// nextTrials shows what the columns of the wallet add to what is bought next; the first
// column of both sections tells trials apart.
type nextTrials struct{ figures, words section }

func newNextTrials(title, by string) nextTrials {
	return nextTrials{
		section{title: title, head: []string{
			by, "measured_on", "rows", "bought", "log_loss_with", "log_loss_without", "gain", "gain_error", "auc_with", "auc_without", "ndcg_10_with", "ndcg_10_without", "verdict",
		}},
		section{title: "In words 说明", head: []string{by, "English", "中文"}},
	}
}

// add adds a trial: the accounts held out, which decide, and what came after the test,
// kind by kind.
func (n *nextTrials) add(of string, t *model.WalletTrial) {
	if t.EN != "" {
		n.words.rows = append(n.words.rows, []any{of, t.EN, t.ZH})
	}
	on, verdict := fmt.Sprintf("%[1]d accounts held out %[1]d个留出客户", t.Accounts), "not kept 未采用"
	switch {
	case t.Why != "":
		on, verdict = "", "not tried 未试用"
	case t.Kept:
		verdict = "kept 采用"
	}
	n.figures.rows = append(n.figures.rows, []any{of, on, nil, nil, t.With, t.Without, nil, nil, nil, nil, nil, nil, verdict})
	for _, g := range t.Later {
		n.figures.rows = append(n.figures.rows, []any{
			of, "test 检验, " + g.Kind, g.Rows, g.Bought, g.LogLossWith, g.LogLossWithout, g.Gain, g.GainError, g.AUCWith, g.AUCWithout, g.NDCGWith, g.NDCGWithout, nil,
		})
	}
}

// sections are none without a trial.
func (n *nextTrials) sections() []section {
	switch {
	case len(n.figures.rows) == 0:
		return nil
	case len(n.words.rows) == 0: // of a model from before there were words
		return []section{n.figures}
	}
	return []section{n.figures, n.words}
}
