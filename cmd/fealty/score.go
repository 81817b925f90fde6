package main

import (
	"context"
	"slices"

	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type scoreOptions struct {
	request serving.ScoreRequest
	flags   *pflag.FlagSet
}

func newScore(e *env) *cobra.Command {
	o := scoreOptions{}
	c := &cobra.Command{
		Use: "score", Short: "Publish a score for every account", Args: none,
		Long: "Scores every account as of a cutoff and publishes the run: readers see the run before or this one, never a mix.",
		Example: `  fealty score
  fealty score --cutoff 2011-10-31 --backfill
  fealty score --groups`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runScore(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.request.Cutoff, "cutoff", "", "a date or instant (default: the last complete day of the data)")
	f.StringVar(&o.request.Model, "model", "", "the model's version (default: the live one)")
	f.BoolVar(&o.request.Backfill, "backfill", false, "publish a run that never becomes the latest")
	f.BoolVar(&o.request.Groups, "groups", false, "score groups instead of their branches, in a run that never becomes the latest")
	addConfigFlags(f, "warehouse.url", "state.dir", "runs.keep_features")
	return c
}

func runScore(ctx context.Context, e *env, o scoreOptions) error {
	c, err := e.loadConfig(o.flags)
	if err != nil {
		return err
	}
	o.request.KeepFeatures = c.keepFeatures
	result, err := perform[serving.ScoreResult](ctx, e, o.flags, job{operation: serving.OpScore, request: o.request})
	if err != nil {
		return err
	}
	run := &result.Run
	counts := section{title: "Accounts", head: []string{"kind", "value", "accounts"}}
	for _, part := range []struct {
		kind   string
		counts map[string]int
	}{{"band", result.Bands}, {"stage", result.Stages}, {"without a score", result.Unscorable}} {
		for _, value := range sortedKeys(part.counts) {
			counts.rows = append(counts.rows, []any{part.kind, value, part.counts[value]})
		}
	}
	sections := []section{
		facts("run", run.ID, "purpose", run.Purpose, "cutoff", run.Cutoff.String(), "model", run.Model, "grade", run.Grade, "accounts", run.Rows,
			"value at risk", result.ValueAtRisk, "currency", run.Currency, "margin rate", run.MarginRate, "features kept", run.KeptFeatures),
		counts,
	}
	if notes := slices.Concat(result.Stray, result.Together); len(notes) > 0 {
		sections = append(sections, notesOf(notes))
	}
	return e.show(answer{data: result, rows: 1, sections: sections})
}
