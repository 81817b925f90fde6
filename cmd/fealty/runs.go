package main

import (
	"context"

	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type runsOptions struct {
	request serving.RunsRequest
	flags   *pflag.FlagSet
}

func newRuns(e *env) *cobra.Command {
	o := runsOptions{}
	c := &cobra.Command{
		Use: "runs", Short: "List the committed runs, newest first", Args: none,
		Example: `  fealty runs
  fealty runs --limit 5 -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runRuns(c.Context(), e, o)
		},
	}
	c.Flags().IntVar(&o.request.Limit, "limit", 0, "how many (default 50, at most 1000)")
	addConfigFlags(c.Flags(), "warehouse.url", "state.dir")
	return c
}

func runRuns(ctx context.Context, e *env, o runsOptions) error {
	result, err := perform[serving.RunsResult](ctx, e, o.flags, job{operation: serving.OpRuns, request: o.request})
	if err != nil {
		return err
	}
	s := section{head: []string{"run", "kind", "purpose", "cutoff", "model", "grade", "rows", "features_kept", "watermark", "committed_at"}}
	for i := range result.Runs {
		r := &result.Runs[i]
		s.rows = append(s.rows, []any{r.ID, r.Kind, r.Purpose, r.Cutoff.String(), r.Model, r.Grade, r.Rows, r.KeptFeatures, r.Watermark, r.CommittedAt})
	}
	return e.show(answer{data: result, sections: []section{s}})
}
