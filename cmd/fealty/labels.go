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

func newLabels(e *env) *cobra.Command {
	return group("labels", "What counts as lost, and what other definitions would be like", newLabelsCompare(e), newLabelsCategories(e))
}

type labelsCompareOptions struct {
	request serving.LabelsCompareRequest
	flags   *pflag.FlagSet
}

func newLabelsCompare(e *env) *cobra.Command {
	o := labelsCompareOptions{}
	c := &cobra.Command{
		Use: "compare", Short: "The definition laboratory: sweep the horizon and the rule for categories over past month ends", Args: none,
		Long: `Sweeps the horizon, and the rule by which a category counts as stopped, over past month ends: how many accounts would be
called lost, how many of those came back within the next horizon (and per 30 days of it, which compares), how well the recency rule tells them apart (AUC with its
standard error), and how far apart the segments are. Proposes a horizon and a rule, and says why, in English and Chinese.
Features are built once for all definitions. -o csv writes the sweep of the horizon; -o json everything.`,
		Example: `  fealty labels compare
  fealty labels compare --horizon 45 --horizon 90 --horizon 135 --most-back 0.15
  fealty labels compare -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runLabelsCompare(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.IntSliceVar(&o.request.Horizons, "horizon", nil, "a horizon in days; may be repeated (default 30, 60, 90, 120, 180, 270, 365)")
	f.IntVar(&o.request.Last, "last", 0, "the last so many month ends that suit each horizon (default 12)")
	f.Float64Var(&o.request.MostBack, "most-back", 0, "share of those called lost that may come back in 30 days (default 0.15)")
	addConfigFlags(f, "label", "horizon_days", "active_within", "labels.exclude_touched")
	return c
}

func runLabelsCompare(ctx context.Context, e *env, o labelsCompareOptions) error {
	r, err := perform[serving.LabelsCompareResult](ctx, e, o.flags, job{operation: serving.OpLabelsCompare, request: o.request})
	if err != nil {
		return err
	}
	horizons := section{title: "Horizons, label " + r.Label, head: append([]string{"horizon_days"}, trialHead...)}
	for i := range r.Horizons {
		h := &r.Horizons[i]
		horizons.rows = append(horizons.rows, append([]any{h.HorizonDays}, trialCells(&h.Trial)...))
	}
	left := section{title: "Left out", head: []string{"horizon_days", "reason", "rows"}}
	for i := range r.Horizons {
		h := &r.Horizons[i]
		if h.Why != "" {
			left.rows = append(left.rows, []any{h.HorizonDays, h.Why + " (" + h.WhyZH + ")", ""})
		}
		for _, why := range sortedKeys(h.Excluded) {
			left.rows = append(left.rows, []any{h.HorizonDays, why, h.Excluded[why]})
		}
	}
	a := answer{data: r, sections: []section{horizons, left}}
	if len(r.Categories) > 0 {
		s := section{
			title: fmt.Sprintf("Rules for categories, horizon of %d days", r.CategoryHorizonDays),
			head:  append(append([]string{"least_days", "slack_days"}, trialHead...), "leaving", "to"),
		}
		for i := range r.Categories {
			c := &r.Categories[i]
			s.rows = append(s.rows, append(append([]any{c.LeastDays, c.SlackDays}, trialCells(&c.Trial)...), c.Leaving, counted(c.To)))
		}
		a.sections = append(a.sections, s)
	}
	words := facts(
		"segments by", r.SegmentsBy, "分群依据", r.SegmentsByZH,
		"horizon proposed", r.Proposed.Why, "建议的窗口", r.Proposed.WhyZH,
		"rhythm proposes", r.Rhythm.Why, "购买节奏的建议", r.Rhythm.WhyZH,
	)
	if r.CategoryWhy != "" {
		words.rows = append(words.rows, []any{"categories", r.CategoryWhy}, []any{"品类", r.CategoryWhyZH})
	} else {
		words.rows = append(words.rows, []any{"category rule proposed", r.CategoryProposed.Why}, []any{"建议的品类规则", r.CategoryProposed.WhyZH})
	}
	a.sections = append(a.sections, words)
	return e.show(a)
}

// trialHead names the figures of a definition.
var trialHead = []string{
	"cutoffs", "rows", "accounts", "base_rate", "came_back", "came_back_30d", "returnable", "rule", "auc", "auc_error", "segments", "base_rate_spread", "auc_spread", "touched",
}

func trialCells(t *serving.Trial) []any {
	return []any{
		t.Cutoffs, t.Rows, t.Accounts, t.BaseRate, t.CameBack, t.CameBack30, t.Returnable, t.Rule, t.AUC, t.AUCError, t.Segments, t.BaseRateSpread, t.AUCSpread, t.Touched,
	}
}

// counted writes counts by name.
func counted(counts map[string]int) string {
	var all []string
	for _, name := range sortedKeys(counts) {
		all = append(all, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(all, ", ")
}

type labelsCategoriesOptions struct {
	request serving.LabelsCategoriesRequest
	slack   int
	flags   *pflag.FlagSet
}

func newLabelsCategories(e *env) *cobra.Command {
	o := labelsCategoriesOptions{}
	c := &cobra.Command{
		Use: "categories", Short: "List the categories that accounts stopped buying", Args: none,
		Long: `Lists the categories that an account had bought regularly before a cutoff, of which more was due inside the horizon, and of
which none came: when it was due, what money leaves, and where it may go (to the account's other categories, to a
competitor whose offer was told of, or nobody knows). The cutoff's label must be final. It is a label: it looks at what
came after the cutoff.`,
		Example: `  fealty labels categories --cutoff 2025-09-30
  fealty labels categories --least-days 5 --slack-days 30 -o csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runLabelsCategories(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.request.Cutoff, "cutoff", "", "a date or an RFC 3339 instant (default: the newest month end with a final label)")
	f.IntVar(&o.request.LeastDays, "least-days", 0, "buying days of the category in the last 365 that make it regular (default 3)")
	f.IntVar(&o.slack, "slack-days", 0, "days after the next order was due until it is missed (default 14)")
	addConfigFlags(f, "horizon_days", "active_within", "labels.exclude_touched")
	return c
}

func runLabelsCategories(ctx context.Context, e *env, o labelsCategoriesOptions) error {
	if o.flags.Changed("slack-days") {
		o.request.SlackDays = &o.slack
	}
	r, err := perform[serving.LabelsCategoriesResult](ctx, e, o.flags, job{operation: serving.OpLabelsCategories, request: o.request})
	if err != nil {
		return err
	}
	rate := model.Figure(float64(r.Stopped) / float64(r.Judged))
	list := section{head: []string{
		"account", "category", "buying_days", "gap_days", "last_order", "due", "leaving", "to", "offer", "account_left", "came_back", "touched",
	}}
	for i := range r.Defections {
		d := &r.Defections[i]
		var back any
		if d.CameBack != nil {
			back = *d.CameBack
		}
		list.rows = append(list.rows, []any{d.Account, d.Category, d.BuyingDays, d.GapDays, d.LastOrder, d.Due, d.Leaving, d.To, d.Offer, d.AccountLeft, back, d.Touched})
	}
	return e.show(answer{data: r, rows: 1, sections: []section{
		facts("cutoff", r.Cutoff, "horizon_days", r.HorizonDays, "least_days", r.LeastDays, "slack_days", r.SlackDays, "judged", r.Judged, "stopped", r.Stopped,
			"base_rate", rate, "leaving", r.Leaving, "currency", r.Currency, "to", counted(r.To), "left out", counted(r.Excluded)),
		list,
	}})
}
