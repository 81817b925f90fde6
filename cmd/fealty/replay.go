package main

import (
	"context"
	"fmt"

	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type replayOptions struct {
	request serving.ReplayRequest
	flags   *pflag.FlagSet
}

func newReplay(e *env) *cobra.Command {
	o := replayOptions{}
	c := &cobra.Command{
		Use: "replay ACCOUNT", Short: "Prove a published score: compute it again from its receipt", Args: arguments(1, 1, "an account"),
		Long: `Computes an account's published score again from what its receipt names and compares the two. Exit code 6 when they differ.
Where a mapped source has no recorded_at, or was changed behind the watermark, the facts can't be asked: the score is then
replayed from stored features only (runs.keep_features), and the answer says so. Noticing a change costs a scan of each
mapped source. --worth tells anew what the account is worth, too, by the run's own model as of its cutoff, and names the
fields that differ; that takes all accounts, about as long as fealty score. Stored features tell of it the lifetime alone:
the rest is told of the purchases, profiles and declarations of all accounts, and the answer names the way out.`,
		Example: `  fealty replay 17850
  fealty replay 17850 --worth
  fealty replay 17850 --run 20111208-7f3a -o json
  fealty replay --groups holding`,
		RunE: func(c *cobra.Command, args []string) error {
			o.request.Account, o.flags = args[0], c.Flags()
			return runReplay(c.Context(), e, o)
		},
	}
	c.Flags().StringVar(&o.request.Run, "run", "", "the run (default: the published one)")
	c.Flags().BoolVar(&o.request.Groups, "groups", false, "prove the score of a group, of the newest run of groups")
	c.Flags().BoolVar(&o.request.Worth, "worth", false, "prove what the run says of the account's worth, too; it takes all accounts")
	addConfigFlags(c.Flags(), "warehouse.url", "state.dir")
	return c
}

func runReplay(ctx context.Context, e *env, o replayOptions) error {
	r, err := perform[serving.ReplayResult](ctx, e, o.flags, job{operation: serving.OpReplay, request: o.request})
	if err != nil {
		return err
	}
	s := section{title: "Published and computed again", head: []string{"what", "published", "replayed"}}
	p, q := &r.Published, &r.Replayed
	for _, line := range [][3]any{
		{"model", p.Model, q.Model}, {"engine", p.Engine, q.Engine}, {"definitions", p.DefinitionsHash, q.DefinitionsHash},
		{"configuration", p.ConfigHash, q.ConfigHash}, {"row", p.RowHash, q.RowHash}, {"cutoff", p.Cutoff, q.Cutoff},
		{"known at", p.KnownAt, q.KnownAt}, {"watermark", p.Watermark, q.Watermark}, {"margin", p.Margin, q.Margin},
		{"probability", p.Probability, q.Probability}, {"no score because", p.Unscorable, q.Unscorable},
	} {
		s.rows = append(s.rows, line[:])
	}
	sections := []section{
		facts("account", r.Account, "run", r.Run, "same", r.Same, "because", r.Why, "replayable", r.Replayable, "replayed from", r.From,
			"difference of margins", r.MarginDelta),
		s,
	}
	if w := r.Worth; w != nil {
		about := []any{"worth the same", w.Same, "because", w.Why, "replayable", w.Replayable}
		if w.WhyZH != "" {
			about = append(about, "原因", w.WhyZH, "the way out", w.EN, "解决办法", w.ZH)
		}
		if w.Lifetime != "" {
			about = append(about, "lifetime from stored features", w.Lifetime)
		}
		sections = append(sections, facts(about...), section{title: "Worth published and told again", head: []string{"what", "published", "replayed"}, rows: [][]any{
			{"worth definitions", w.PublishedDefinitions, w.ReplayedDefinitions}, {"worth", w.Published, w.Replayed},
		}})
		if len(w.Differs) > 0 {
			s := section{title: "Worth that differs", head: []string{"field", "published", "replayed"}}
			for _, d := range w.Differs {
				s.rows = append(s.rows, []any{d.Field, d.Published, d.Replayed})
			}
			sections = append(sections, s)
		}
	}
	err = e.show(answer{data: r, rows: 1, sections: sections})
	if err == nil && (!r.Same || r.Worth != nil && !r.Worth.Same) {
		return fmt.Errorf("replay %s: %w", r.Account, errFindings)
	}
	return err
}
