package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fealty/model/score"
	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type hindsightOptions struct {
	request serving.HindsightRequest
	top     int
	chart   string
	// language of the chart's words.
	language string
	flags    *pflag.FlagSet
}

func newHindsight(e *env) *cobra.Command {
	o := hindsightOptions{}
	c := &cobra.Command{
		Use: "hindsight", Short: "Tell which accounts that were lost would have been flagged in time", Args: none,
		Long: `Replays the ends of past months as of each day: features as they were known then, a model trained only on what was
known then, and the accounts that it would have flagged. Then it lists the accounts that were really lost: flagged in
time or not, how many weeks before everybody knew, the money at stake, and how many others would have been bothered for
it. Nothing is published and no model is registered.

The table shows the months and the lost accounts that had spent most; csv lists every lost and every bothered account,
json everything. It keeps 8 bytes per feature and account for each date and each training cutoff.`,
		Example: `  fealty hindsight
  fealty hindsight --from 2011-06-30 --to 2011-08-31 --chart hindsight.png
  fealty hindsight --capacity 50 --by value -o csv > accounts.csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runHindsight(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.request.From, "from", "", "the first date; month ends from it on are replayed (default: eleven months before --to)")
	f.StringVar(&o.request.To, "to", "", "the last date (default: the newest month end whose outcome is known)")
	f.IntVar(&o.request.Capacity, "capacity", 0, "flag so many accounts at each date, the riskiest first (default: the high band)")
	f.StringVar(&o.request.By, "by", serving.ByRisk, "what a capacity is spent on first: risk, or value (probability × margin at the account's usual pace)")
	f.StringVar(&o.request.Rung, "rung", "", "the highest rung to try: rule, logistic, boosting or blend")
	f.IntVar(&o.top, "top", defaultTop, "lost accounts in the table, those that had spent most first")
	f.StringVar(&o.chart, "chart", "", "draw the months into this file, by its ending .png or .svg")
	f.StringVar(&o.language, "chart-language", string(score.English), "language of the chart's words: en, or zh (.svg only)")
	addConfigFlags(f, "label", "horizon_days", "active_within", "seed")
	return c
}

const defaultTop = 20

func runHindsight(ctx context.Context, e *env, o hindsightOptions) error {
	if o.top < 0 {
		return fmt.Errorf("--top %d is negative: %w", o.top, serving.ErrInvalid)
	}
	format := ""
	var words chartWords
	if o.chart != "" {
		var err error
		if format, err = chartFormat(o.chart); err != nil {
			return err
		}
		if words, err = wordsOfChart(o.language, format); err != nil {
			return err
		}
	}
	r, err := perform[serving.HindsightResult](ctx, e, o.flags, job{operation: serving.OpHindsight, request: o.request})
	if err != nil {
		return err
	}
	if o.chart != "" {
		if err := e.saveChart(o.chart, format, &words, &r); err != nil {
			return err
		}
	}
	if e.global.output == csvForm {
		return e.show(answer{data: r, sections: []section{hindsightAccounts(&r)}})
	}
	return e.show(answer{data: r, sections: []section{hindsightTotal(&r), hindsightMonths(&r), hindsightLost(&r, o.top), hindsightNotes(&r), hindsightWords(&r)}})
}

// saveChart draws into a file, which comes to stand when it is whole.
func (e *env) saveChart(path, format string, words *chartWords, r *serving.HindsightResult) (err error) {
	out := &outputs{env: e}
	label, err := out.output(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.finish(err == nil)) }()
	file, err := out.open(label)
	if err != nil {
		return err
	}
	return drawHindsight(file, format, words, r)
}

func hindsightTotal(r *serving.HindsightResult) section {
	t := &r.Total
	return facts("months", fmt.Sprintf("%d of %d counted, %s to %s", r.Counted, len(r.Months), r.From, r.To),
		"lost accounts", t.Lost, "reached in time", t.Reached, "missed", t.Missed, "reached share", t.ReachedShare,
		"weeks ahead (median)", t.WeeksAhead,
		"spent in the year before, "+r.Currency, t.SpendLost, "by those reached", t.SpendReached, "their share", t.SpendShare,
		"margin of a horizon at their pace", t.MoneyLost, "of those reached", t.MoneyReached, "too new for a pace", t.Unpriced,
		"others bothered", t.Bothered, "came back by themselves", t.CameBack, "bothered per reached", t.BotheredPerReached,
		"reached by the recency rule", t.RuleReached, "bothered by it", t.RuleBothered)
}

func hindsightMonths(r *serving.HindsightResult) section {
	s := section{title: "Months", head: []string{
		"month", "state", "rung", "auc", "trained_on", "watched", "flagged", "gone", "came_back", "stayed",
		"lost", "reached", "missed", "weeks_ahead", "spend_lost", "spend_reached", "bothered", "per_reached", "why", "原因",
	}}
	for i := range r.Months {
		m := &r.Months[i]
		if m.State != serving.MonthCounted {
			row := make([]any, len(s.head))
			row[0], row[1], row[len(row)-2], row[len(row)-1] = m.Month, m.State, m.Why, m.WhyZH
			s.rows = append(s.rows, row)
			continue
		}
		s.rows = append(s.rows, []any{
			m.Month, m.State, m.Rung, m.AUC, m.TrainCutoffs, m.Watched, m.Flagged, m.FlaggedGone, m.FlaggedCameBack, m.FlaggedStayed,
			m.Lost, m.Reached, m.Missed, m.WeeksAhead, m.SpendLost, m.SpendReached, m.Bothered, m.BotheredPerReached, m.Why, m.WhyZH,
		})
	}
	return s
}

// hindsightLost are the lost accounts with the most money, which come first.
func hindsightLost(r *serving.HindsightResult, top int) section {
	s := section{title: "Lost accounts that had spent most", head: []string{
		"account", "name", "outcome", "last_purchase", "silent_by", "flagged", "weeks_ahead", "weeks_after", "probability", "chances", "money", "spend",
	}}
	for i := range r.Accounts[:min(top, r.Total.Lost)] {
		a := &r.Accounts[i]
		s.rows = append(s.rows, []any{
			a.Account, a.Name, a.Outcome, a.LastPurchase, a.SilentBy, a.Flagged, a.WeeksAhead, a.WeeksAfter, a.Probability, a.Chances, a.Money, a.Spend,
		})
	}
	return s
}

// hindsightAccounts is every account, for csv.
func hindsightAccounts(r *serving.HindsightResult) section {
	s := section{head: []string{
		"account", "name", "segment", "manager", "outcome", "month", "last_purchase", "silent_by", "flagged", "weeks_ahead", "weeks_after",
		"probability", "chances", "early", "by_rule", "money", "spend",
	}}
	for i := range r.Accounts {
		a := &r.Accounts[i]
		s.rows = append(s.rows, []any{
			a.Account, a.Name, a.Segment, a.Manager, a.Outcome, a.Month, a.LastPurchase, a.SilentBy, a.Flagged, a.WeeksAhead, a.WeeksAfter,
			a.Probability, a.Chances, a.Early, a.ByRule, a.Money, a.Spend,
		})
	}
	return s
}

func hindsightNotes(r *serving.HindsightResult) section {
	s := section{title: "What the words mean (词语说明)", head: []string{"field", "value"}}
	for _, note := range slices.Concat(r.Notes, r.NotesZH) {
		s.rows = append(s.rows, []any{"-", note})
	}
	return s
}

func hindsightWords(r *serving.HindsightResult) section {
	s := facts("English", r.English, "中文", r.Chinese)
	s.title = "In words"
	return s
}
