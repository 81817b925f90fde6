package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"fealty/serving"

	"github.com/spf13/cobra"
)

type valueOptions struct {
	worthOptions
	best        string
	share       float64
	winBack     bool
	breached    bool
	verdict     string
	cells       bool
	definitions bool
}

func newValue(e *env) *cobra.Command {
	o := &valueOptions{}
	c := &cobra.Command{
		Use: "value", Short: "Tell what accounts are worth in a year, where they stand, and what to do", Args: none,
		Long: `Tells commercial value in its four parts (existing, potential, influence, learning), the tier by value, the level of the
relationship, the RFM cell, and a verdict: keep, grow, fix the terms, or review by a person, with its figures and the breaches of
the tier's policy. Nothing is shed by the machine. Below the accounts it tells what the tiers hold and are promised, the 20/80
curve, and the mix of relationships beside the literature's; who has lapsed counts in none of these. With --account it tells what
the value is made of, the margin rate and where it is from. untold names what is not told of an account (existing and potential
value, tier, verdict; with --account influence and learning too), each with the reason. --verdict and --breached show those accounts alone, --rfm the RFM
cells, --definitions the rules. --best ranks the best 20 % another way, --winback lists those already gone, without those who
may not be called.`,
		Example: `  fealty value
  fealty value --account A0000007
  fealty value --verdict review
  fealty value --best overdue
  fealty value --winback -o csv > winback.csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.parsed(e, c.Flags()); err != nil {
				return err
			}
			return runValue(c.Context(), e, o)
		},
	}
	f := c.Flags()
	o.addFlags(f, "accounts", "")
	f.StringVar(&o.best, "best", "", "the best accounts by sales, volume, overdue (amount) or purchase_cycle")
	f.Float64Var(&o.share, "share", 0, "with --best: which share of the accounts (default 0.2)")
	f.BoolVar(&o.winBack, "winback", false, "the accounts already gone, and what their return would be worth")
	f.BoolVar(&o.breached, "breached", false, "only the accounts that break the policy of their tier")
	f.StringVar(&o.verdict, "verdict", "", "only the accounts of a verdict: keep, grow, fix_terms or review")
	f.BoolVar(&o.cells, "rfm", false, "the RFM cells with their accounts, value and risk")
	f.BoolVar(&o.definitions, "definitions", false, "the rules of value, tiers, policies, levels, RFM and verdicts as configured")
	return c
}

func runValue(ctx context.Context, e *env, o *valueOptions) error {
	switch {
	case o.best != "" && o.winBack:
		return fmt.Errorf("--best ranks those who buy, --winback lists those already gone; give one of them: %w", serving.ErrInvalid)
	case o.definitions && (o.best != "" || o.winBack || o.cells || o.breached || o.verdict != "" || len(o.request.Accounts) > 0 || o.request.Cutoff != "" || o.request.Model != ""):
		return fmt.Errorf("--definitions shows the rules, of no account and no model: %w", serving.ErrInvalid)
	case (o.cells || o.breached || o.verdict != "") && (o.best != "" || o.winBack):
		return fmt.Errorf("--rfm, --breached and --verdict are of values, --best and --winback are other lists; give one of them: %w", serving.ErrInvalid)
	case o.definitions:
		return showRules(e, o)
	case o.share != 0 && o.best == "":
		return fmt.Errorf("--share says how many --best shows, and that is missing: %w", serving.ErrInvalid)
	case o.best != "":
		return runBest(ctx, e, o)
	case o.winBack:
		return runWinBack(ctx, e, o)
	}
	r, err := perform[serving.ValueResult](ctx, e, o.flags, job{operation: serving.OpValue, request: serving.ValueRequest{
		WorthRequest: o.request, Breached: o.breached, Verdict: o.verdict,
	}})
	if err != nil {
		return err
	}
	if o.cells {
		return showCells(e, &r)
	}
	s := section{head: []string{
		"account", "stage", "value", "existing", "potential", "influence", "learning", "tier", "level", "rfm", "verdict", "because", "breaches", "untold",
	}}
	words := section{title: "In words 说明", head: []string{"account", "English", "中文"}}
	parts := section{title: "What the value is made of 价值的构成", head: []string{"account", "of", "figure", "value", "English", "中文"}}
	for i := range r.Rows {
		v := &r.Rows[i]
		because := make([]string, len(v.Because))
		for k, g := range v.Because {
			because[k] = fmt.Sprintf("%s=%s", g.Code, short(g.Value))
		}
		breaches := make([]string, len(v.Breaches))
		for k, b := range v.Breaches {
			if breaches[k] = b.Code; !math.IsNaN(float64(b.Actual)) {
				breaches[k] = fmt.Sprintf("%s=%s>%s", b.Code, short(b.Actual), short(b.Bound))
			}
		}
		untold := make([]string, len(v.Untold))
		for k, u := range v.Untold {
			untold[k] = u.Of + "=" + u.Why
		}
		s.rows = append(s.rows, []any{
			v.Account, v.Stage, v.Value, v.Existing, v.Potential, v.Influence, v.Learning, v.Tier, v.Level, v.Cell, v.Verdict,
			strings.Join(because, " "), strings.Join(breaches, " "), strings.Join(untold, " "),
		})
		words.rows = append(words.rows, []any{v.Account, v.EN, v.ZH})
		for _, p := range v.Parts {
			parts.rows = append(parts.rows, []any{v.Account, p.Of, p.Code, p.Value, p.EN, p.ZH})
		}
	}
	sections := []section{worthFacts(&r.WorthOf, len(r.Rows), "margin rate assumed 假定毛利率", r.ValueRate, "accounts without a cost of their own 无自身成本数据的客户", r.Assumed, "lapsed accounts, in no tier 已流失、不分层的客户", r.Gone), s}
	if len(o.request.Accounts) > 0 {
		sections = append(sections, parts, words)
	} else {
		sections = append(sections, valueTogether(&r)...)
	}
	return e.showWorth(r, &r.WorthOf, sections...)
}

// valueTogether shows what the accounts are together.
func valueTogether(r *serving.ValueResult) []section {
	tiers := section{title: "Tiers 价值层级", head: []string{"tier", "accounts", "value", "share", "with_breaches", "English", "中文", "policy", "政策"}}
	for _, t := range r.Tiers {
		tiers.rows = append(tiers.rows, []any{t.Tier, t.Accounts, t.Value, t.Share, t.Breached, t.EN, t.ZH, t.PolicyEN, t.PolicyZH})
	}
	curve := section{title: "How value is spread (20/80) 价值的分布（二八曲线）", head: []string{"best_share_of_accounts", "share_of_value"}}
	for _, c := range r.Concentration {
		curve.rows = append(curve.rows, []any{c.Accounts, c.Value})
	}
	levels := section{title: "Relationships, of a hundred whose level is known 关系水平（每百个已知水平的客户）", head: []string{"level", "accounts", "per_hundred", "literature", "English", "中文"}}
	for _, l := range r.Levels {
		literature := short(l.LiteratureLow)
		if l.LiteratureHigh != l.LiteratureLow {
			literature += " … " + short(l.LiteratureHigh)
		}
		levels.rows = append(levels.rows, []any{l.Level, l.Accounts, l.PerHundred, literature, l.EN, l.ZH})
	}
	verdicts := section{title: "Verdicts 处置结论", head: []string{"verdict", "accounts", "English", "中文"}}
	for _, v := range r.Verdicts {
		verdicts.rows = append(verdicts.rows, []any{v.Verdict, v.Accounts, v.EN, v.ZH})
	}
	return []section{tiers, curve, levels, verdicts}
}

func runBest(ctx context.Context, e *env, o *valueOptions) error {
	request := serving.BestRequest{WorthRequest: o.request, By: o.best, Share: o.share}
	r, err := perform[serving.BestResult](ctx, e, o.flags, job{operation: serving.OpBest, request: request})
	if err != nil {
		return err
	}
	s := section{title: r.EN + " / " + r.ZH, head: []string{"rank", "account", "name", "manager", r.By, "opted_out"}}
	for i := range r.Rows {
		b := &r.Rows[i]
		s.rows = append(s.rows, []any{b.Rank, b.Account, b.Name, b.Manager, b.Value, b.OptedOut})
	}
	return e.showWorth(r, &r.WorthOf, worthFacts(&r.WorthOf, len(r.Rows), "best share 最优占比", r.Share, "of accounts with any 有此数值的客户数", r.Of, "ranked by 排序依据", r.Column), s)
}

func runWinBack(ctx context.Context, e *env, o *valueOptions) error {
	r, err := perform[serving.WinBackResult](ctx, e, o.flags, job{operation: serving.OpWinBack, request: o.request})
	if err != nil {
		return err
	}
	s := section{title: "Already gone 已流失的客户", head: []string{"account", "name", "manager", "yearly_margin", "margin", "margin_by", "return_probability", "value", "English", "中文"}}
	for i := range r.Rows {
		w := &r.Rows[i]
		s.rows = append(s.rows, []any{w.Account, w.Name, w.Manager, w.YearlyMargin, w.Margin, w.MarginBy, w.Probability, w.Value, w.EN, w.ZH})
	}
	return e.showWorth(r, &r.WorthOf, worthFacts(&r.WorthOf, len(r.Rows), "opted out, not listed 拒绝联系、未列出", r.OptedOut,
		"margin rate assumed 假定毛利率", r.ValueRate, "accounts without a cost of their own 无自身成本数据的客户", r.Assumed), s)
}

// showCells shows the RFM cells.
func showCells(e *env, r *serving.ValueResult) error {
	s := section{title: "RFM cells, the best first RFM单元（由优到劣）", head: []string{"rfm", "accounts", "value", "risk", "English", "中文"}}
	for i := range r.Cells {
		c := &r.Cells[i]
		s.rows = append(s.rows, []any{c.Cell, c.Accounts, c.Value, c.Risk, c.EN, c.ZH})
	}
	return e.showWorth(r.Cells, &r.WorthOf, worthFacts(&r.WorthOf, len(r.Cells)), s)
}

// ruleOf is how a code of value and place is given.
type ruleOf struct {
	Of   string `json:"of"`
	Code string `json:"code"`
	EN   string `json:"en"`
	ZH   string `json:"zh"`
}

// showRules shows the rules of value and place as configured.
func showRules(e *env, o *valueOptions) error {
	c, err := e.loadConfig(o.flags)
	if err != nil {
		return err
	}
	s := section{title: "The rules of value and place, as configured 价值与定位的规则（按当前配置）", head: []string{"of", "code", "English", "中文"}}
	all := []ruleOf{}
	for _, r := range c.settings.Worth.Loyalty.Rules() {
		all = append(all, ruleOf{r.Of, r.Code, r.Words.EN, r.Words.ZH})
		s.rows = append(s.rows, []any{r.Of, r.Code, r.Words.EN, r.Words.ZH})
	}
	return e.show(answer{data: all, sections: []section{s}})
}
