package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type walletOptions struct {
	worthOptions
	totals bool
}

func newWallet(e *env) *cobra.Command {
	o := &walletOptions{}
	c := &cobra.Command{
		Use: "wallet", Short: "Tell what accounts spend with everybody, and our share of it", Args: none,
		Long: `Tells, by account and category, the wallet: what the account spends in a year with us and everybody else, in an interval
(low, high); our spend and share of it; the potential, which is what it spends elsewhere; the width, which is high ÷ low; and the trend, the
change of the share against the year before; no_trend says why there is none. A wallet is known where it was
declared, estimated from what similar accounts spend, and unknown where the interval is too wide to act on; it says so rather
than guess. The largest potential comes first. With --account it also says in words what each wallet rests on.`,
		Example: `  fealty wallet
  fealty wallet --totals -o csv > wallets.csv
  fealty wallet --account A0000007
  fealty wallet --fit
  fealty wallet declare --account A0000007 --category coffee --amount 12000 --author 'Li Wei'`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.parsed(e, c.Flags()); err != nil {
				return err
			}
			return runWallet(c.Context(), e, o)
		},
	}
	o.addFlags(c.Flags(), "rows", "what wallets rest on: each category's losses, and how often intervals held the truth")
	c.Flags().BoolVar(&o.totals, "totals", false, "one row per account, of all categories together")
	c.AddCommand(newWalletDeclare(e))
	return c
}

func runWallet(ctx context.Context, e *env, o *walletOptions) error {
	if o.fit {
		fit, err := o.fitted(ctx, e)
		if err != nil {
			return err
		}
		return e.show(walletFit(&fit))
	}
	request := serving.WalletRequest{WorthRequest: o.request, Totals: o.totals}
	r, err := perform[serving.WalletResult](ctx, e, o.flags, job{operation: serving.OpWallet, request: request})
	if err != nil {
		return err
	}
	s := section{head: []string{"account", "category", "state", "wallet", "low", "high", "spend", "share", "potential", "width", "trend", "no_trend", "why", "flags", "author", "period"}}
	words := section{title: "In words 说明", head: []string{"account", "category", "English", "中文"}}
	for i := range r.Rows {
		w := &r.Rows[i]
		s.rows = append(s.rows, []any{
			w.Account, w.Category, w.State, w.Amount, w.Low, w.High, w.Spend, w.Share, w.Potential, w.Width, w.Trend, w.NoTrend, w.Why, strings.Join(w.Flags, " "), w.Author, w.Period,
		})
		if w.EN != "" {
			words.rows = append(words.rows, []any{w.Account, w.Category, w.EN, w.ZH})
		}
	}
	sections := []section{worthFacts(&r.WorthOf, len(r.Rows)), s}
	if len(o.request.Accounts) > 0 && len(words.rows) > 0 {
		sections = append(sections, words)
	}
	return e.showWorth(r, &r.WorthOf, sections...)
}

func walletFit(fit *serving.WorthFitResult) answer {
	w := &fit.Worth.Wallet
	categories := section{title: "Categories, with the pinball losses of the twins 品类及两种方法的分位数损失", head: []string{
		"category", "peers", "serves", "boosting_loss", "neighbours_loss", "constant_loss", "declared_below_spend", "why", "English", "中文",
	}}
	for _, c := range w.Categories {
		categories.rows = append(categories.rows, []any{c.Category, c.Peers, c.Serves, c.Boosting, c.Neighbours, c.Constant, c.Below, c.Why, cmp.Or(c.EN, c.Suspect), c.ZH})
	}
	coverage := section{title: "How often intervals held what was held out 区间对留出数据的覆盖率", head: []string{
		"segment", "category", "basis", "accounts", "target", "inside", "median_high_to_low", "rank_correlation", "narrow", "narrow_inside",
	}}
	for _, c := range w.Coverage {
		var acted, held any
		if c.Acted != nil {
			acted, held = c.Acted.Accounts, c.Acted.Inside
		}
		coverage.rows = append(coverage.rows, []any{c.Segment, c.Category, c.Basis, c.Accounts, c.Target, c.Inside, c.Width, c.Correlation, acted, held})
	}
	sections := []section{
		fitFacts(fit, "why not 未评估原因", whySaid(fit.Whys.Wallet, w.Why), "accounts 客户数", w.Accounts, "declared wallets 申报的钱包", w.Declared, "of them below own spend 其中低于自身消费", w.Below,
			"categories without a wallet, as too many are sold 因品类过多而未评估钱包的品类", w.Unasked),
		categories, coverage,
	}
	if len(w.Shares)+len(w.Unshared) > 0 {
		shares := section{title: "Usual shares of wallet, by which what was declared of the past is carried to today 一般钱包份额，用于把过去的申报推算到今天", head: []string{
			"category", "declared years", "usual_share", "concentration_in_purchases", "why not",
		}}
		for _, s := range w.Shares {
			shares.rows = append(shares.rows, []any{s.Category, s.Accounts, s.Usual, s.Concentration, ""})
		}
		for _, why := range w.Unshared {
			shares.rows = append(shares.rows, []any{nil, nil, nil, nil, why})
		}
		sections = append(sections, shares)
	}
	if len(w.Unmet) > 0 {
		unmet := section{title: "Declared, and met by no category: misspelt, bought by nobody, or beyond the most bought 已申报但无对应品类：名称有误、无人购买或不在购买最多之列", head: []string{"category", "declarations"}}
		for _, name := range slices.Sorted(maps.Keys(w.Unmet)) {
			unmet.rows = append(unmet.rows, []any{name, w.Unmet[name]})
		}
		sections = append(sections, unmet)
	}
	if w.Columns != nil {
		sections = append(sections, trialSection("Columns of the estimated wallet: what they add to the churn model 估算钱包的列对流失模型的增益", w.Columns))
	}
	return answer{data: fit, rows: 1, sections: sections}
}

type declareOptions struct {
	request serving.DeclareRequest
	amount  float64
	flags   *pflag.FlagSet
}

func newWalletDeclare(e *env) *cobra.Command {
	o := &declareOptions{}
	c := &cobra.Command{
		Use: "declare", Short: "Declare a wallet as somebody knows it, in place of an estimate", Args: none,
		Long: `Takes what a person knows of an account's wallet: the amount that it spends in a year with everybody, in base currency,
or our rank among so many suppliers, from which the Wallet Allocation Rule tells it. It holds from --period on and replaces what
was declared of the same account, category and period before; nothing is deleted. It is known from now on: scores as of later
cutoffs take it up, and earlier ones stay as they were. A category that no order line names is refused as a slip, unless --new
insists; an amount below our own sales of the last year is taken, and said to contradict them.`,
		Example: `  fealty wallet declare --account A0000007 --category coffee --amount 12000 --author 'Li Wei'
  fealty wallet declare --account A0000007 --category tea --rank 2 --suppliers 3 --period 2026-01-01 --author 'Li Wei'`,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.flags = c.Flags(); o.flags.Changed("amount") {
				o.request.Amount = &o.amount
			}
			return runWalletDeclare(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.request.Account, "account", "", "the account")
	f.StringVar(&o.request.Category, "category", "", "the category (default: the account's whole spending)")
	f.Float64Var(&o.amount, "amount", 0, "what it spends in a year with everybody, base currency")
	f.IntVar(&o.request.Rank, "rank", 0, "our rank among its suppliers, 1 the first; needs --suppliers")
	f.IntVar(&o.request.Suppliers, "suppliers", 0, "how many suppliers it has")
	f.StringVar(&o.request.Period, "period", "", "the day from which on it holds (default: today)")
	f.StringVar(&o.request.Author, "author", "", "who says so")
	f.BoolVar(&o.request.New, "new", false, "take a category that no order line names")
	addConfigFlags(f, "warehouse.url", "state.dir")
	return c
}

func runWalletDeclare(ctx context.Context, e *env, o *declareOptions) error {
	r, err := perform[serving.DeclareResult](ctx, e, o.flags, job{operation: serving.OpDeclare, request: o.request})
	if err != nil {
		return err
	}
	if r.Already {
		e.say("the same was declared before; nothing changed")
		e.say("此前已有相同申报，未作更改")
	}
	for _, note := range r.Notes {
		e.say("%s", note.EN)
		e.say("%s", note.ZH)
	}
	return e.show(answer{data: r, sections: []section{facts(
		"account 客户", o.request.Account, "category 品类", o.request.Category, "author 申报人", o.request.Author, "period 生效日", r.Period,
		"own spend of the last year 近一年在本公司消费", r.Spend, "load 导入批次", r.Load, "already declared 此前已申报", r.Already)}})
}
