package main

import (
	"context"
	"math"
	"slices"
	"strings"

	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type growthOptions struct {
	request serving.GrowthRequest
	flags   *pflag.FlagSet
}

// addPeriod adds the flags of a period's two ends.
func addPeriod(f *pflag.FlagSet, from, to *string) {
	f.StringVar(from, "from", "", "the period begins when this day is over, or at an RFC 3339 instant (default: a year before --to)")
	f.StringVar(to, "to", "", "the period's last day, or an RFC 3339 instant (default: the last complete day of the data)")
}

func newGrowth(e *env) *cobra.Command {
	o := growthOptions{}
	c := &cobra.Command{
		Use: "growth", Short: "Tell how the whole base grew: wider, longer and deeper", Args: none,
		Long: `Compares the base at the two ends of a period in three dimensions: wider (accounts that are new, and those won back; new_gone
and won_back_gone came or came back within the period and had gone by its end), longer (how many were retained, and for how many
days accounts have been customers) and deeper (categories bought in a year, and our share of wallet, per account). The share is
told twice: of what accounts declared (share, over accounts_with_share), and of wallets declared or estimated (wallet_share, over
known and estimated, beside the unknown), as the run of scores that stands at that end says; where none does, or its model was
learnt on what came later, it is not measured, and the table of the ends says why and what would measure it. An account counts as
active as long as its last purchase is not older than active_within. All of it is as known at the period's end, and accounts that are one by then (account_links) are one throughout.
--by tells the same of each region, department or manager, where an account that changes is moved_in or moved_out, neither new nor
lost; or of each product or category, where an account counts under everything that it bought, with its own categories and share. --every tells it step by step.
-o csv writes the rows of --by, or those of the whole base without it.`,
		Example: `  fealty growth --from 2024-12-31 --to 2025-12-31
  fealty growth --from 2024-12-31 --to 2025-12-31 --every quarter --by region
  fealty growth --by product -o csv > growth.csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runGrowth(c.Context(), e, o)
		},
	}
	f := c.Flags()
	addPeriod(f, &o.request.From, &o.request.To)
	f.StringVar(&o.request.By, "by", "", "region, department, manager, product or category")
	f.StringVar(&o.request.Every, "every", "", "month, quarter or year: the step in which the period is told")
	addConfigFlags(f, "active_within")
	return c
}

func runGrowth(ctx context.Context, e *env, o growthOptions) error {
	r, err := perform[serving.GrowthResult](ctx, e, o.flags, job{operation: serving.OpGrowth, request: o.request})
	if err != nil {
		return err
	}
	within := any(r.ActiveWithinDays)
	if r.ActiveWithinDays == 0 {
		within = "unlimited 不限"
	}
	words := section{title: "In words 说明", head: []string{"from", "to", "English", "中文"}}
	for i := range r.Base {
		b := &r.Base[i]
		for k := range b.EN {
			words.rows = append(words.rows, []any{b.From, b.To, b.EN[k], b.ZH[k]})
		}
	}
	a := answer{data: r, rows: 1, sections: []section{
		facts("from the end of 期初（当日结束时）", r.From, "to 期末", r.To, "active_within 有效期", within),
		growthSection("The whole base 全部客户", "", r.Base),
	}}
	if r.By != "" {
		a.rows = 2
		a.sections = append(a.sections, growthSection("By "+r.By+" 按"+dimensionOf(r.By), r.By, r.Rows))
	}
	a.sections = append(a.sections, words, endsSection(r.Ends))
	return e.show(a)
}

// dimensionOf names what a table of the base is told by in Chinese.
func dimensionOf(by string) string {
	return map[string]string{
		"account": "客户", "category": "品类", "department": "部门", "manager": "客户经理", "product": "商品", "region": "地区",
	}[by]
}

// endsSection says by which run the wallets at each end are told, or why by none.
func endsSection(ends []serving.GrowthEnd) section {
	s := section{title: "Wallets, declared or estimated 申报或估算的钱包", head: []string{"at", "run", "as of", "not measured because", "未测量的原因"}}
	for i := range ends {
		x := &ends[i]
		s.rows = append(s.rows, []any{x.At, x.Run, x.Cutoff, x.EN, x.ZH})
	}
	return s
}

// growthSection is a table of growth, with a column for the dimension's value if it
// has one.
func growthSection(title, by string, rows []serving.GrowthRow) section {
	s := section{title: title, head: []string{
		"from", "to", by, "before", "after", "new", "won_back", "new_gone", "won_back_gone", "moved_in", "moved_out", "retained", "lost", "retention_rate",
		"duration_before_days", "duration_days", "categories_before", "categories", "share_before", "share",
		"accounts_with_share_before", "accounts_with_share",
		"wallet_share_before", "known_before", "estimated_before", "unknown_before", "wallet_share", "known", "estimated", "unknown",
	}}
	for i := range rows {
		g := &rows[i]
		s.rows = append(s.rows, []any{
			g.From, g.To, g.Key, g.Before, g.After, g.New, g.WonBack, g.NewGone, g.WonBackGone, g.MovedIn, g.MovedOut, g.Retained, g.Lost, g.RetentionRate,
			g.DurationBefore, g.DurationAfter, g.CategoriesBefore, g.CategoriesAfter, g.ShareBefore, g.ShareAfter, g.SharedBefore, g.SharedAfter,
		})
		for _, w := range []*serving.GrowthWallets{g.WalletsBefore, g.WalletsAfter} {
			cells := []any{nil, nil, nil, nil}
			if w != nil {
				cells = []any{w.Share, w.Known, w.Estimated, w.Unknown}
			}
			s.rows[i] = append(s.rows[i], cells...)
		}
	}
	if by == "" {
		s.head = slices.Delete(s.head, 2, 3)
		for i := range s.rows {
			s.rows[i] = slices.Delete(s.rows[i], 2, 3)
		}
	}
	return s
}

type portfolioOptions struct {
	request serving.PortfolioRequest
	flags   *pflag.FlagSet
}

func newPortfolio(e *env) *cobra.Command {
	o := portfolioOptions{}
	c := &cobra.Command{
		Use: "portfolio", Short: "Tell cost, profit, productivity, risk and return of a period, or how managers fared", Args: none,
		Long: `Tells the figures of a period by account, product, category, department or region: cost, profit, productivity, risk rate and
return on customer assets; or by manager: accounts visited per day, revenue per account, collection of cash and receivables,
cost per visit and attainment of the target. Each figure stands with its formula; where its data was not recorded, or only in
part, it is not measurable and the table says what lacks. Departments, regions and managers are those of the accounts at the
period's end, contacts those of the person who is named by them. Working days are days with a contact on record. The cost of
service is known where at least 80 % of the row's contacts say what they cost, what is owed where payments are on record. What
is done for an account as a whole (contacts, invoices, campaigns) stands under none of its products; the risks of a product are
those of the accounts that bought it. A target counts for the period in
which its own begins. Risks are those of the newest run published as of the end. -o csv writes the rows.`,
		Example: `  fealty portfolio --by region --from 2024-12-31 --to 2025-12-31
  fealty portfolio --by manager --from 2025-09-30 --to 2025-12-31
  fealty portfolio --by account --limit 0 -o csv > accounts.csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runPortfolio(c.Context(), e, o)
		},
	}
	f := c.Flags()
	addPeriod(f, &o.request.From, &o.request.To)
	f.StringVar(&o.request.By, "by", "region", "account, product, category, department, region or manager")
	f.IntVar(&o.request.Limit, "limit", 100, "rows to show, those with the most revenue; 0 means all")
	addConfigFlags(f)
	return c
}

func runPortfolio(ctx context.Context, e *env, o portfolioOptions) error {
	r, err := perform[serving.PortfolioResult](ctx, e, o.flags, job{operation: serving.OpPortfolio, request: o.request})
	if err != nil {
		return err
	}
	run := r.Run
	if run == "" {
		run = "none: nothing was published as of the period's end 无：截至期末没有已发布的评分"
	}
	about := facts("from the end of 期初（当日结束时）", r.From, "to 期末", r.To, "currency 货币", r.Currency, "risks of run 风险所属评分批次", run, "as of 截至", r.Cutoff,
		r.By+" values "+dimensionOf(r.By)+"数", r.Keys, "rows shown 显示行数", len(r.Rows))
	if r.Erased > 0 {
		about.rows = append(about.rows, []any{"erased, not listed 已删除、未列出", r.Erased})
	}
	rows := section{title: "By " + r.By + " 按" + dimensionOf(r.By), head: []string{r.By, "revenue", "returned", "orders"}}
	total := section{title: "Everybody 全部", head: []string{"revenue", "returned", "orders"}}
	for _, w := range r.Figures {
		rows.head, total.head = append(rows.head, w.Name), append(total.head, w.Name)
	}
	money := []string{"invoiced", "received", "open", "overdue", "contacts", "costed_contacts"}
	rows.head, total.head = append(rows.head, money...), append(total.head, money...)
	cells := func(p *serving.PortfolioRow) []any {
		all := []any{p.Sums["revenue"], p.Returned, p.Orders}
		for _, f := range p.Figures {
			all = append(all, f.Value)
		}
		return append(all, p.Invoiced, p.Received, p.Open, p.Overdue, p.Contacts, p.CostedContacts)
	}
	total.rows = [][]any{cells(&r.Total)}
	for i := range r.Rows {
		rows.rows = append(rows.rows, append([]any{r.Rows[i].Key}, cells(&r.Rows[i])...))
	}
	formulas := section{title: "Figures 指标", head: []string{"figure", "unit", "单位", "English", "formula", "中文", "公式"}}
	for _, w := range r.Figures {
		formulas.rows = append(formulas.rows, []any{w.Name, w.Unit, w.UnitZH, w.Label, w.Formula, w.LabelZH, w.FormulaZH})
	}
	a := answer{data: r, rows: 1, sections: []section{about, rows, total, formulas}}
	if lacking := lacks(&r); len(lacking.rows) > 0 {
		a.sections = append(a.sections, lacking)
	}
	return e.show(a)
}

// lacks says of each figure in how many rows it is not measurable, and for want of what.
func lacks(r *serving.PortfolioResult) section {
	s := section{title: "Not measurable 无法衡量", head: []string{"figure", "rows", "without", "缺少", "told_instead"}}
	for k, w := range r.Figures {
		count := 0
		instead := ""
		var wanting []string
		for i := range r.Rows {
			f := &r.Rows[i].Figures[k]
			if !math.IsNaN(float64(f.Value)) {
				continue
			}
			count++
			if f.Instead != "" {
				instead = f.Instead
			}
			for _, name := range f.Lacks {
				if !slices.Contains(wanting, name) {
					wanting = append(wanting, name)
				}
			}
		}
		if count == 0 {
			continue
		}
		var en, zh []string
		for _, name := range wanting {
			en, zh = append(en, r.Words[name][0]), append(zh, r.Words[name][1])
		}
		s.rows = append(s.rows, []any{w.Name, count, strings.Join(en, ", "), strings.Join(zh, "、"), instead})
	}
	return s
}
