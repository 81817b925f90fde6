package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"fealty/model"
	"fealty/model/lifetime"
	"fealty/model/score"
	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// worthOptions are those of every verb over what accounts are worth.
type worthOptions struct {
	request serving.WorthRequest
	fit     bool
	flags   *pflag.FlagSet
}

// shownRows is how many rows a table shows when nobody said how many.
const shownRows = 20

// addFlags adds the flags that these verbs share. fitted says what --fit shows, ""
// for verbs without it.
func (o *worthOptions) addFlags(f *pflag.FlagSet, rows, fitted string) {
	f.StringArrayVar(&o.request.Accounts, "account", nil, "an account; give it again for another (default: all that have bought)")
	f.IntVar(&o.request.Limit, "limit", 0, fmt.Sprintf("the first so many %s, 0 for all (default: %d in a table, all in the other forms)", rows, shownRows))
	f.StringVar(&o.request.Cutoff, "cutoff", "", "compute anew as of a date or instant, and publish nothing (default: the published run)")
	f.StringVar(&o.request.Model, "model", "", "compute anew by this model (with --fit: show what this model learnt; default: the live one)")
	if fitted != "" {
		f.BoolVar(&o.fit, "fit", false, "show "+fitted)
	}
	addConfigFlags(f, "warehouse.url", "state.dir")
}

// parsed notes the flags as they were given.
func (o *worthOptions) parsed(e *env, f *pflag.FlagSet) error {
	o.flags = f
	if o.request.Limit < 0 {
		return fmt.Errorf("--limit %d is negative: %w", o.request.Limit, serving.ErrInvalid)
	}
	if o.fit && (o.request.Cutoff != "" || len(o.request.Accounts) > 0) {
		return fmt.Errorf("--fit shows what a model learnt, of no account and no other cutoff: %w", serving.ErrInvalid)
	}
	if e.global.output == tableForm && !f.Changed("limit") && len(o.request.Accounts) == 0 {
		o.request.Limit = shownRows
	}
	return nil
}

// fitted asks what a model learnt of worth.
func (o *worthOptions) fitted(ctx context.Context, e *env) (serving.WorthFitResult, error) {
	return perform[serving.WorthFitResult](ctx, e, o.flags, job{operation: serving.OpWorthFit, request: serving.WorthFitRequest{Model: o.request.Model}})
}

// worthFacts say what an answer is of.
func worthFacts(of *serving.WorthOf, shown int, more ...any) section {
	run := of.Run
	if run == "" {
		run = "none: computed for this answer 无：为本次查询计算"
	}
	all := []any{"run 评分批次", run, "model 模型", of.Model, "cutoff 截止日", of.Cutoff}
	if of.LearntThrough != "" {
		all = append(all, "learnt through 模型学习截至", of.LearntThrough)
	}
	if of.Later != nil {
		all = append(all, "note", of.Later.EN, "说明", of.Later.ZH)
	}
	all = append(all, "horizon days 预测期天数", of.HorizonDays, "currency 货币", of.Currency, "accounts 客户数", of.Accounts, "rows shown 显示行数", shown)
	return facts(append(all, more...)...)
}

// showWorth shows rows with what they are of, and complains of the accounts asked
// for of which nothing is told.
func (e *env) showWorth(data any, of *serving.WorthOf, sections ...section) error {
	if len(of.Absent) == 0 || of.Accounts > 0 {
		if err := e.show(answer{data: data, rows: 1, sections: sections}); err != nil {
			return err
		}
	}
	if len(of.Absent) == 0 {
		return nil
	}
	said := make([]string, len(of.Absent))
	for i, a := range of.Absent {
		said[i] = fmt.Sprintf("%s (%s)", a.Account, a.EN)
		e.say("不提供客户%s的信息：%s", a.Account, a.ZH)
	}
	return fmt.Errorf("nothing is told of %s: %w", strings.Join(said, ", "), serving.ErrNotFound)
}

type lifetimeOptions struct {
	worthOptions
	asked    serving.LifetimeRequest
	discount float64
}

func newLifetime(e *env) *cobra.Command {
	o := &lifetimeOptions{}
	c := &cobra.Command{
		Use: "lifetime", Short: "Tell how long accounts will go on buying, and what that is worth", Args: none,
		Long: `Tells, account by account, the probability that it still buys (alive), that it buys nothing within the horizon
(no_purchase), the purchases and the spend expected within it, and the lifetime value: the discounted margin of the months
that lifetime.months names, with its interval (lifetime.interval, 90 % by default). spend_by says what forecast the spend: the lifetime model, or the run-rate
where that did better on the model's test cutoff. value_by says what a purchase is worth in the value: what the spend model
expects, or where that did not beat the run-rate the account's own mean; margin_by what its margin rests on: the account's own
of the last 365 days (margin_share), else that of its whole history (margin_share_ever), else the assumed margin_rate. why says what is not told of an account, and with
--account it is told in words. The most valuable account comes first.

--days, --months, --discount, --level and --draws ask for another horizon, another value or another interval, told anew of
the published run's cutoff or of --cutoff. The parameters are those of the model, and the answer warns where they were learnt
later than the cutoff; --refit fits them again on what the cutoff knew.`,
		Example: `  fealty lifetime
  fealty lifetime --account A0000007 --account A0000042
  fealty lifetime --cutoff 2026-03-31 -o csv > lifetimes.csv
  fealty lifetime --cutoff 2025-06-30 --refit
  fealty lifetime --days 30 --months 24 --level 0.8
  fealty lifetime --fit`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.parsed(e, c.Flags()); err != nil {
				return err
			}
			return runLifetime(c.Context(), e, o)
		},
	}
	f := c.Flags()
	o.addFlags(f, "accounts", "what was fitted: the models tried, parameters with standard errors, segments and why, and how the forecasts of spend did")
	f.IntVar(&o.asked.Days, "days", 0, "how far no_purchase, purchases and spend look (default: the model's horizon)")
	f.IntVar(&o.asked.Months, "months", 0, "how far the value looks (default: lifetime.months)")
	f.Float64Var(&o.discount, "discount", 0, "rate a month by which later margin counts less in the value (default: lifetime.discount)")
	f.Float64Var(&o.asked.Level, "level", 0, "probability that a value lies in its interval, 0.5 … 0.99, of as many draws as it takes, 199 at 0.99 (default: lifetime.interval)")
	f.IntVar(&o.asked.Draws, "draws", 0, "futures drawn for each interval, 100 … 100000 (default: lifetime.draws)")
	f.BoolVar(&o.asked.Refit, "refit", false, "fit the parameters again, on what the cutoff knew")
	return c
}

func runLifetime(ctx context.Context, e *env, o *lifetimeOptions) error {
	if o.fit {
		fit, err := o.fitted(ctx, e)
		if err != nil {
			return err
		}
		return e.show(lifetimeFit(&fit))
	}
	o.asked.WorthRequest = o.request
	if o.flags.Changed("discount") {
		o.asked.Discount = &o.discount
	}
	r, err := perform[serving.LifetimeResult](ctx, e, o.flags, job{operation: serving.OpLifetime, request: o.asked})
	if err != nil {
		return err
	}
	s := section{head: []string{"account", "alive", "no_purchase", "purchases", "spend", "spend_by", "lifetime_value", "low", "high", "value_by", "margin_by", "model", "why"}}
	words := section{title: "In words 说明", head: []string{"account", "English", "中文"}}
	for i := range r.Rows {
		l := &r.Rows[i]
		s.rows = append(s.rows, []any{l.Account, l.Alive, l.NoPurchase, l.Purchases, l.Spend, l.SpendBy, l.Value, l.Low, l.High, l.ValueBy, l.MarginBy, l.Model, l.Why})
		words.rows = append(words.rows, []any{l.Account, l.EN, l.ZH})
	}
	var more []any
	if r.Terms != nil {
		more = append(more, "months of the value 价值的月数", r.Terms.Months, "discount a month 月折现率", r.Terms.Discount, "level of the interval 区间的概率", r.Terms.Level, "futures drawn for it 区间的模拟次数", r.Terms.Draws)
	}
	if r.Refit {
		more = append(more, "parameters 参数", "fitted again for this answer 为本次查询重新拟合")
	}
	sections := []section{worthFacts(&r.WorthOf, len(r.Rows), more...), s}
	if len(o.request.Accounts) > 0 {
		sections = append(sections, words)
	}
	return e.showWorth(r, &r.WorthOf, sections...)
}

// fitFacts say which model learnt what.
func fitFacts(fit *serving.WorthFitResult, more ...any) section {
	return facts(append([]any{"model 模型", fit.Model, "test cutoff 检验截止日", fit.TestCutoff, "horizon days 预测期天数", fit.HorizonDays, "currency 货币", fit.Currency}, more...)...)
}

// whySaid is why a card tells nothing of a part, in one cell: in both languages where its
// reason has words, and the card's own text.
func whySaid(words serving.Note, text string) string {
	if words.EN == words.ZH { // the text itself, or none of a serve from before
		return text
	}
	return words.EN + " / " + words.ZH + ": " + text
}

func lifetimeFit(fit *serving.WorthFitResult) answer {
	l := &fit.Worth.Lifetime
	parameters := section{title: "Parameters 参数", head: []string{"of", "segment", "parameter", "value", "standard_error"}}
	add := func(of, segment string, all []model.Parameter) {
		for _, p := range all {
			parameters.rows = append(parameters.rows, []any{of, segment, p.Name, p.Value, p.StandardError})
		}
	}
	add("purchases", "all", l.Purchases)
	add("spend", "all", l.Spend)
	segments := section{title: "Segments, and why they are told by what 细分及其所用参数的原因", head: []string{
		"segment", "accounts", "repeat_buyers", "purchases", "English", "中文", "spend", "English", "中文", "problem",
	}}
	for _, s := range l.Segments {
		add("purchases", s.Segment, s.Parameters)
		add("spend", s.Segment, s.SpendParameters)
		purchases, spend := lifetime.Reason(s.Purchases), lifetime.Reason(s.Spend)
		segments.rows = append(segments.rows, []any{
			s.Segment, s.Accounts, s.RepeatBuyers, s.Purchases, purchases.Sentence(score.English), purchases.Sentence(score.Chinese),
			s.Spend, spend.Sentence(score.English), spend.Sentence(score.Chinese), strings.Trim(s.PurchasesProblem+"; "+s.SpendProblem, "; "),
		})
	}
	tried := section{title: "Models tried, by the mean absolute error of their spend within the horizon 试用的模型（按期内消费的平均绝对误差）", head: []string{"model", "log_likelihood", "error", "used", "why_not", "English", "中文"}}
	for i, m := range l.Models {
		if lifetime.Kind(m.Model).Discrete() { // of months, which does not compare with that of days
			m.LogLikelihood = model.Figure(math.NaN())
		}
		var why serving.Note
		if i < len(fit.Whys.Models) { // none of a serve from before
			why = fit.Whys.Models[i]
		}
		tried.rows = append(tried.rows, []any{m.Model, m.LogLikelihood, m.MAE, m.Used, m.Why, why.EN, why.ZH})
	}
	words := section{title: "In words 说明", head: []string{"English", "中文"}}
	for i, en := range fit.LifetimeEN {
		words.rows = append(words.rows, []any{en, fit.LifetimeZH[i]})
	}
	about := []any{"accounts 客户数", l.Accounts, "purchases by 购买模型", l.Model}
	if l.Model == "" {
		about = append(about, "no lifetime model, because 没有生命周期模型的原因", whySaid(fit.Whys.Lifetime, l.Why))
	} else {
		about = append(about, "log-likelihood 对数似然", l.LogLikelihood, "correlation of frequency and spend 购买频率与消费的相关系数", l.Correlation,
			"months of the value 价值的月数", l.Months, "discount a month 月折现率", l.Discount)
		if l.Draws > 0 {
			about = append(about, "level of the interval 区间的概率", l.Interval, "futures drawn for it 区间的模拟次数", l.Draws)
		}
	}
	errors := section{title: "Mean absolute error of spend within the horizon 期内消费的平均绝对误差", head: []string{"forecast", "of", "accounts", "error", "used"}}
	judge := func(of string, accounts int, pace, forecast model.Figure, by string) {
		errors.rows = append(errors.rows, []any{"run-rate", of, accounts, pace, by == "run_rate"}, []any{"lifetime", of, accounts, forecast, by == "lifetime"})
	}
	judge("all", l.Judged, l.RunRate, l.Forecast, l.SpendBy)
	if s := l.Stayed; s != nil {
		judge("those that stayed 留存客户", s.Accounts, s.RunRate, s.Forecast, s.By)
	}
	return answer{data: fit, rows: 1, sections: []section{fitFacts(fit, about...), parameters, segments, tried, errors, words}}
}
