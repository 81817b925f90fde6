package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"fealty/model"
	"fealty/model/ladder"
	"fealty/serving"
	"fealty/serving/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The registry of models lies in the state directory, which several processes
// may use at once: these verbs need neither the warehouse nor serve.
func newModels(e *env) *cobra.Command {
	return group("models", "List, show, promote and roll back models",
		newModelsList(e), newModelsShow(e), newModelsPromote(e), newModelsRollback(e))
}

// withState runs act over the state directory of the configuration.
func (e *env) withState(ctx context.Context, flags *pflag.FlagSet, act func(*config, *store.State) error) (err error) {
	c, err := e.loadConfig(flags)
	if err != nil {
		return err
	}
	state, err := store.OpenState(ctx, c.stateDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	return act(c, state.By("fealty"))
}

func newModelsList(e *env) *cobra.Command {
	limit := 0
	c := &cobra.Command{
		Use: "list", Short: "List the registered models, newest first", Args: none,
		Example: `  fealty models list -o csv`,
		RunE:    func(c *cobra.Command, _ []string) error { return runModelsList(c.Context(), e, c.Flags(), limit) },
	}
	c.Flags().IntVar(&limit, "limit", 0, "how many (default 50, at most 1000)")
	addConfigFlags(c.Flags(), "state.dir")
	return c
}

func runModelsList(ctx context.Context, e *env, flags *pflag.FlagSet, limit int) error {
	return e.withState(ctx, flags, func(c *config, state *store.State) error {
		service := serving.Service{Registry: state, Settings: c.settings}
		result, err := service.Models(ctx, serving.ModelsRequest{Limit: limit})
		if err != nil {
			return err
		}
		s := section{head: []string{"version", "grade", "live", "created_at"}}
		for _, m := range result.Models {
			s.rows = append(s.rows, []any{m.Version, m.Grade, m.Live, m.CreatedAt})
		}
		return e.show(answer{data: result, sections: []section{s}})
	})
}

type modelsShowOptions struct {
	version  string
	markdown bool
	flags    *pflag.FlagSet
}

func newModelsShow(e *env) *cobra.Command {
	o := modelsShowOptions{}
	c := &cobra.Command{
		Use: "show [VERSION]", Short: "Show a model's card (default: the live one's)", Args: arguments(0, 1, "at most one version"),
		Example: `  fealty models show --markdown > card.md
  fealty models show churn-0a1b2c3d4e5f -o json`,
		RunE: func(c *cobra.Command, args []string) error {
			if o.flags = c.Flags(); len(args) > 0 {
				o.version = args[0]
			}
			return runModelsShow(c.Context(), e, o)
		},
	}
	c.Flags().BoolVar(&o.markdown, "markdown", false, "the card in words, as Markdown")
	addConfigFlags(c.Flags(), "state.dir")
	return c
}

func runModelsShow(ctx context.Context, e *env, o modelsShowOptions) error {
	return e.withState(ctx, o.flags, func(c *config, state *store.State) error {
		if o.version == "" {
			live, err := state.Alias(ctx, serving.LiveAlias)
			if err != nil {
				return fmt.Errorf("no model is live: %w", err)
			}
			o.version = live
		}
		service := serving.Service{Registry: state, Settings: c.settings}
		result, err := service.Models(ctx, serving.ModelsRequest{Version: o.version})
		if err != nil {
			return err
		}
		var card model.Card
		if err := json.Unmarshal(result.Models[0].Card, &card); err != nil {
			return fmt.Errorf("read the card of model %q: %w", o.version, err)
		}
		if o.markdown {
			_, err := io.WriteString(e.stdout, ladder.CardMarkdown(&card))
			return err
		}
		row := result.Models[0]
		sections := []section{
			facts("version", row.Version, "grade", row.Grade, "because", card.Report.GradeWhy, "live", row.Live, "created at", row.CreatedAt,
				"rung", card.Rung, "label", card.Label, "horizon days", card.HorizonDays, "test cutoff", card.TestCutoff,
				"training rows", card.Train.Rows, "features", len(card.Features), "engine", card.Engine, "watermark", card.Watermark),
			ladderSection(card.Ladder),
		}
		return e.show(answer{data: row, rows: 1, sections: append(sections, findings(card.Report.Health)...)})
	})
}

func newModelsPromote(e *env) *cobra.Command {
	c := &cobra.Command{
		Use: "promote VERSION", Short: "Make a model the live one", Args: arguments(1, 1, "a version"),
		Long:    "Makes a model the live one, whatever its grade. The next score run uses it; published scores stay.",
		Example: `  fealty models promote churn-0a1b2c3d4e5f`,
		RunE: func(c *cobra.Command, args []string) error {
			return runModelsPromote(c.Context(), e, c.Flags(), args[0])
		},
	}
	addConfigFlags(c.Flags(), "state.dir")
	return c
}

func runModelsPromote(ctx context.Context, e *env, flags *pflag.FlagSet, version string) error {
	return e.withState(ctx, flags, func(c *config, state *store.State) error {
		service := serving.Service{Registry: state, Settings: c.settings}
		result, err := service.Promote(ctx, serving.PromoteRequest{Version: version})
		if err != nil {
			return err
		}
		return e.show(promoted(result))
	})
}

func promoted(r serving.PromoteResult) answer {
	return answer{data: r, sections: []section{facts("live", r.Version, "before", r.Previous)}}
}

func newModelsRollback(e *env) *cobra.Command {
	c := &cobra.Command{
		Use: "rollback", Short: "Make the model live again that was live before", Args: none,
		Example: `  fealty models rollback`,
		RunE:    func(c *cobra.Command, _ []string) error { return runModelsRollback(c.Context(), e, c.Flags()) },
	}
	addConfigFlags(c.Flags(), "state.dir")
	return c
}

func runModelsRollback(ctx context.Context, e *env, flags *pflag.FlagSet) error {
	return e.withState(ctx, flags, func(_ *config, state *store.State) error {
		last, err := state.History(ctx, serving.LiveAlias, 1)
		if err != nil {
			return err
		}
		if len(last) == 0 || last[0].From == "" {
			return fmt.Errorf("no model was live before: %w", serving.ErrNotFound)
		}
		// Swapped, not set: a promotion that happens meanwhile is not undone.
		if err := state.SwapAlias(ctx, serving.LiveAlias, last[0].To, last[0].From); err != nil {
			return err
		}
		return e.show(promoted(serving.PromoteResult{Version: last[0].From, Previous: last[0].To}))
	})
}
