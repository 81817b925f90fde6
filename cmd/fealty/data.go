package main

import (
	"context"
	"fmt"
	"strings"

	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newData(e *env) *cobra.Command {
	return group("data", "What is in the warehouse, and whether it is fit to learn from", newDataCheck(e), newDataHolidays(e), newDataLinks(e), newDataStatus(e))
}

type dataCheckOptions struct {
	request serving.CheckRequest
	flags   *pflag.FlagSet
}

func newDataCheck(e *env) *cobra.Command {
	o := dataCheckOptions{}
	c := &cobra.Command{
		Use: "check", Short: "Say whether the data suffice, and what is odd in them", Args: none,
		Long: `Looks at the facts and says what stands in the way of training and scoring: what it is now, what is needed, and the
way there. It says which rung of the ladder there is enough data for. Exit code 6 when something is an error.`,
		Example: `  fealty data check
  fealty data check --cutoff 2011-09-09 -o csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runDataCheck(c.Context(), e, o)
		},
	}
	c.Flags().StringVar(&o.request.Cutoff, "cutoff", "", "the as-of date (default: the last complete day of the data)")
	addConfigFlags(c.Flags(), "warehouse.url", "state.dir", "business_time_zone")
	return c
}

func runDataCheck(ctx context.Context, e *env, o dataCheckOptions) error {
	r, err := perform[serving.CheckResult](ctx, e, o.flags, job{operation: serving.OpCheck, request: o.request})
	if err != nil {
		return err
	}
	found := section{title: "Findings", head: []string{"severity", "phase", "check", "table", "column", "now", "needed", "detail"}}
	bad := false
	for i := range r.Findings {
		f := &r.Findings[i]
		found.rows = append(found.rows, []any{string(f.Severity), string(f.Phase), f.Check, f.Table, f.Column, f.Now, f.Needed, f.Detail})
		bad = bad || f.Severity == serving.SeverityError
	}
	err = e.show(answer{data: r, rows: 1, sections: []section{
		facts("highest rung", r.Rung, "because", r.Why, "as of", r.Cutoff, "data through", r.DataThrough, "eligible accounts", r.Eligible,
			"newest final label", r.Labelled, "stayed then", r.Stayed, "left then", r.Left),
		found,
	}})
	if err == nil && bad {
		return fmt.Errorf("data check: %w", errFindings)
	}
	return err
}

type dataLinksOptions struct {
	request serving.SuccessorsRequest
	flags   *pflag.FlagSet
}

func newDataLinks(e *env) *cobra.Command {
	o := dataLinksOptions{}
	c := &cobra.Command{
		Use: "links", Short: "Propose accounts that may be others under a new number", Args: none,
		Long: `Lists accounts whose purchases stop as those of another begin that shares their tax number, address or parent, and
how much of what the other buys they bought. Pairs that account_links names are left out. Nothing is applied: strike the
rows that are wrong out of the CSV, and import the rest as account_links. Every row is proposed as renamed; write merged
or split where you know it. Its recorded_at is this instant: what nobody knew before changes no cutoff before it. The
author (for CSV needed) is who stands for the rows.`,
		Example: `  fealty data links
  fealty data links --author 'Li Wei' -o csv > links.csv
  fealty import account_links links.csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runDataLinks(c.Context(), e, o)
		},
	}
	c.Flags().StringVar(&o.request.Cutoff, "cutoff", "", "the as-of date (default: the last complete day of the data)")
	c.Flags().IntVar(&o.request.WithinDays, "within", serving.DefaultWithinDays, "days between the last purchase of the one and the first of the other")
	c.Flags().StringVar(&o.request.Author, "author", "", "who confirms the links that are left in the CSV")
	addConfigFlags(c.Flags(), "warehouse.url", "state.dir", "business_time_zone")
	return c
}

func runDataLinks(ctx context.Context, e *env, o dataLinksOptions) error {
	if e.global.output == csvForm && strings.TrimSpace(o.request.Author) == "" {
		return fmt.Errorf("links as CSV are there to be imported, and who confirms them stands in each: say --author: %w", serving.ErrInvalid)
	}
	r, err := perform[serving.SuccessorsResult](ctx, e, o.flags, job{operation: serving.OpSuccessors, request: o.request})
	if err != nil {
		return err
	}
	found := section{
		title: fmt.Sprintf("Proposed links as of %s", r.Cutoff),
		head:  []string{"account", "other", "kind", "since", "recorded_at", "author", "evidence", "last_order", "first_order", "product_overlap"},
	}
	for i := range r.Links {
		l := &r.Links[i]
		found.rows = append(found.rows, []any{l.Account, l.Other, l.Kind, l.Since, l.RecordedAt, l.Author, strings.Join(l.Evidence, " "), l.LastOrder, l.FirstOrder, float64(l.Overlap)})
	}
	return e.show(answer{data: r, sections: []section{found}})
}

func newDataStatus(e *env) *cobra.Command {
	c := &cobra.Command{
		Use: "status", Short: "Tell what was loaded, what is live and what is published", Args: none,
		Example: "  fealty data status\n  fealty data status -o json",
		RunE:    func(c *cobra.Command, _ []string) error { return runDataStatus(c.Context(), e, c.Flags()) },
	}
	addConfigFlags(c.Flags(), "warehouse.url", "state.dir")
	return c
}

func runDataStatus(ctx context.Context, e *env, flags *pflag.FlagSet) error {
	r, err := perform[serving.StatusResult](ctx, e, flags, job{operation: serving.OpStatus, request: serving.StatusRequest{}})
	if err != nil {
		return err
	}
	run := ""
	if r.Run != nil {
		run = r.Run.ID
	}
	loads := section{title: "Loads, newest first", head: []string{"load", "table", "source", "rows", "assumed_recorded_at", "committed_at"}}
	for _, l := range r.Loads {
		loads.rows = append(loads.rows, []any{l.Load, l.Table, l.Source, l.Rows, l.Assumed, l.CommittedAt})
	}
	return e.show(answer{data: r, rows: 1, sections: []section{
		facts("engine", r.Engine, "order lines", r.Orders.Rows, "accounts", r.Orders.Accounts, "first order", instant(r.Orders.First),
			"newest order", instant(r.Orders.Last), "data through", r.DataThrough, "live model", r.Live, "published run", run,
			"proposed horizon (days)", r.ProposedHorizonDays),
		loads,
	}})
}
