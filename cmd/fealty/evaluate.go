package main

import (
	"context"

	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type evaluateOptions struct {
	request serving.EvaluateRequest
	flags   *pflag.FlagSet
}

func newEvaluate(e *env) *cobra.Command {
	o := evaluateOptions{}
	c := &cobra.Command{
		Use: "evaluate", Short: "Tell how good a model is at a cutoff", Args: none,
		Example: `  fealty evaluate
  fealty evaluate --model churn-0a1b2c3d4e5f --cutoff 2011-09-09 -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runEvaluate(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.request.Model, "model", "", "the model's version (default: the live one)")
	f.StringVar(&o.request.Cutoff, "cutoff", "", "a date or instant (default: the newest with a final label)")
	addConfigFlags(f, "warehouse.url", "state.dir")
	return c
}

func runEvaluate(ctx context.Context, e *env, o evaluateOptions) error {
	result, err := perform[serving.EvaluateResult](ctx, e, o.flags, job{operation: serving.OpEvaluate, request: o.request})
	if err != nil {
		return err
	}
	if result.Trained {
		e.say("the model was trained on this cutoff: the figures are too kind")
	}
	r := &result.Report
	pairs := []any{
		"model", result.Model, "cutoff", result.Cutoff, "grade", r.Grade, "because", r.GradeWhy,
		"accounts", r.Test.Rows, "churned", r.Test.Churned, "base rate", r.Test.BaseRate,
	}
	for i, value := range qualityCells(&r.Quality) {
		pairs = append(pairs, qualityHead[i], value)
	}
	pairs = append(pairs, "auc above the rule", r.AboveRule, "churned that came back", r.CameBack)
	gains := section{title: "Gains by tenth, riskiest first", head: []string{"tenth", "accounts", "churned", "rate", "lift", "caught"}}
	for _, g := range r.Gains {
		gains.rows = append(gains.rows, []any{g.Tenth, g.Rows, g.Churned, g.Rate, g.Lift, g.Caught})
	}
	thirds := section{title: "Thirds of purchase frequency", head: []string{"third", "accounts", "base_rate", "auc", "rule_auc"}}
	for _, t := range r.Thirds {
		thirds.rows = append(thirds.rows, []any{t.Third, t.Rows, t.BaseRate, t.AUC, t.RuleAUC})
	}
	reliability := section{title: "Said and seen", head: []string{"accounts", "predicted", "observed"}}
	for _, b := range r.Reliability {
		reliability.rows = append(reliability.rows, []any{b.Rows, b.Predicted, b.Observed})
	}
	thresholds := section{title: "Contacting everybody above a probability", head: []string{"threshold", "reached", "caught", "bothered", "recall", "precision"}}
	for _, t := range r.Thresholds {
		thresholds.rows = append(thresholds.rows, []any{t.Threshold, t.Reached, t.Caught, t.Bothered, t.Recall, t.Precision})
	}
	bands := section{title: "Bands", head: []string{"band", "share", "observed"}}
	for _, b := range r.Bands {
		bands.rows = append(bands.rows, []any{b.Band, b.Share, b.Observed})
	}
	sections := append([]section{facts(pairs...), gains, reliability, thirds, thresholds, bands}, decisionSections(result.Decision)...)
	sections = append(sections, findings(r.Health)...)
	return e.show(answer{data: result, rows: 1, sections: sections})
}
