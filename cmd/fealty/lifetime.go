package main

import (
	"context"
	"fmt"
	"strings"

	"fealty/model"
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
		run = "none: computed for this answer"
	}
	return facts(append([]any{
		"run", run, "model", of.Model, "cutoff", of.Cutoff, "horizon days", of.HorizonDays, "currency", of.Currency, "accounts", of.Accounts, "rows shown", shown,
	}, more...)...)
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
	}
	return fmt.Errorf("nothing is told of %s: %w", strings.Join(said, ", "), serving.ErrNotFound)
}

func newLifetime(e *env) *cobra.Command {
	o := &worthOptions{}
	c := &cobra.Command{
		Use: "lifetime", Short: "Tell how long accounts will go on buying, and what that is worth", Args: none,
		Long: `Tells, account by account, the probability that it still buys (alive), that it buys nothing within the horizon
(no_purchase), the purchases and the spend expected within it, and the lifetime value: the discounted margin of the months
that lifetime.months names, with its 90 % interval. spend_by says what forecast the spend: the lifetime model, or the run-rate
where that did better on the model's test cutoff. The most valuable account comes first.`,
		Example: `  fealty lifetime
  fealty lifetime --account A0000007 --account A0000042
  fealty lifetime --cutoff 2026-03-31 -o csv > lifetimes.csv
  fealty lifetime --fit`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.parsed(e, c.Flags()); err != nil {
				return err
			}
			return runLifetime(c.Context(), e, o)
		},
	}
	o.addFlags(c.Flags(), "accounts", "what was fitted: parameters with standard errors, segments and why, and how the forecasts of spend did")
	return c
}

func runLifetime(ctx context.Context, e *env, o *worthOptions) error {
	if o.fit {
		fit, err := o.fitted(ctx, e)
		if err != nil {
			return err
		}
		return e.show(lifetimeFit(&fit))
	}
	r, err := perform[serving.LifetimeResult](ctx, e, o.flags, job{operation: serving.OpLifetime, request: o.request})
	if err != nil {
		return err
	}
	s := section{head: []string{"account", "alive", "no_purchase", "purchases", "spend", "spend_by", "lifetime_value", "low", "high", "model"}}
	for i := range r.Rows {
		l := &r.Rows[i]
		s.rows = append(s.rows, []any{l.Account, l.Alive, l.NoPurchase, l.Purchases, l.Spend, l.SpendBy, l.Value, l.Low, l.High, l.Model})
	}
	return e.showWorth(r, &r.WorthOf, worthFacts(&r.WorthOf, len(r.Rows)), s)
}

// fitFacts say which model learnt what.
func fitFacts(fit *serving.WorthFitResult, more ...any) section {
	return facts(append([]any{"model", fit.Model, "test cutoff", fit.TestCutoff, "horizon days", fit.HorizonDays, "currency", fit.Currency}, more...)...)
}

func lifetimeFit(fit *serving.WorthFitResult) answer {
	l := &fit.Worth.Lifetime
	parameters := section{title: "Parameters", head: []string{"of", "parameter", "value", "standard_error"}}
	for _, part := range []struct {
		of  string
		all []model.Parameter
	}{{"purchases", l.Purchases}, {"spend", l.Spend}} {
		for _, p := range part.all {
			parameters.rows = append(parameters.rows, []any{part.of, p.Name, p.Value, p.StandardError})
		}
	}
	segments := section{title: "Segments, and why they are told by what", head: []string{"segment", "accounts", "repeat_buyers", "purchases", "spend"}}
	for _, s := range l.Segments {
		segments.rows = append(segments.rows, []any{s.Segment, s.Accounts, s.RepeatBuyers, s.Purchases, s.Spend})
	}
	about := []any{"accounts", l.Accounts, "purchases by", l.Model}
	if l.Model == "" {
		about = append(about, "no lifetime model, because", l.Why)
	} else {
		about = append(about, "log-likelihood", l.LogLikelihood, "correlation of frequency and spend", l.Correlation,
			"months of the value", l.Months, "discount a month", l.Discount)
	}
	return answer{data: fit, rows: 1, sections: []section{
		fitFacts(fit, about...), parameters, segments,
		{title: "Mean absolute error of spend within the horizon", head: []string{"forecast", "error", "used"}, rows: [][]any{
			{"run-rate", l.RunRate, l.SpendBy == "run_rate"}, {"lifetime", l.Forecast, l.SpendBy == "lifetime"},
		}},
	}}
}
