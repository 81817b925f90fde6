package main

import (
	"context"
	"strings"

	"fealty/model"
	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type trainOptions struct {
	request serving.TrainRequest
	flags   *pflag.FlagSet
}

func newTrain(e *env) *cobra.Command {
	o := trainOptions{}
	c := &cobra.Command{
		Use: "train", Short: "Train a model, test it, grade it, and let it go live if it is good", Args: none,
		Long: `Trains the ladder recency rule → logistic → boosting → blend on past cutoffs, chooses a rung on grouped folds of the
training cutoffs, and looks once at a later cutoff that it has not seen. Without cutoffs they are month ends: the
newest with a final label is the test, up to 12 earlier ones train. Grades A and B go live by themselves; C only
when nothing better is live.`,
		Example: `  fealty train
  fealty train --cutoff 2011-03-09 --cutoff 2011-04-09 --test-cutoff 2011-09-09
  fealty train --rung logistic --no-promote -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runTrain(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.request.Cutoffs, "cutoff", nil, "a training cutoff; may be repeated")
	f.StringVar(&o.request.TestCutoff, "test-cutoff", "", "the cutoff to test at")
	f.BoolVar(&o.request.Refit, "refit", false, "after the test, fit the chosen rung again on all cutoffs; it stands on the card")
	f.StringVar(&o.request.Rung, "rung", "", "highest rung to try: rule, logistic, boosting or blend")
	f.BoolVar(&o.request.NoPromote, "no-promote", false, "don't let it go live, whatever its grade")
	addConfigFlags(f, "horizon_days", "active_within", "seed", "train.wallet_features")
	return c
}

func runTrain(ctx context.Context, e *env, o trainOptions) error {
	result, err := perform[serving.TrainResult](ctx, e, o.flags, job{operation: serving.OpTrain, request: o.request})
	if err != nil {
		return err
	}
	card := &result.Card
	sections := []section{
		facts("model", result.Model, "grade", card.Report.Grade, "because", card.Report.GradeWhy, "live", result.Live, "live because", result.Why,
			"rung", card.Rung, "training cutoffs", strings.Join(card.TrainCutoffs, " "), "test cutoff", card.TestCutoff,
			"training rows", card.Train.Rows, "test accounts", card.Report.Test.Rows, "of which churned", card.Report.Test.Churned),
		ladderSection(card.Ladder),
	}
	if w := card.Worth; w != nil && w.Wallet.Columns != nil {
		sections = append(sections, trialSection("Columns of the estimated wallet: what they add to boosting", w.Wallet.Columns))
	}
	sections = append(sections, findings(card.Report.Health)...)
	return e.show(answer{data: result, rows: 1, sections: sections})
}

// trialSection says what columns on trial add; verdict is kept, not kept, or why
// there was none.
func trialSection(title string, t *model.ColumnTrial) section {
	s := section{title: title, head: []string{"measured_on", "auc_with", "auc_without", "log_loss_with", "log_loss_without", "verdict", "English", "中文"}}
	verdict := "not kept"
	switch {
	case t.Why != "":
		verdict = "not tried: " + t.Why
	case t.Kept:
		verdict = "kept"
	}
	s.rows = append(s.rows, []any{"folds", t.FoldAUCWith, t.FoldAUCWithout, t.FoldLogLossWith, t.FoldLogLossWithout, verdict, t.EN, t.ZH})
	if t.With != nil && t.Without != nil {
		s.rows = append(s.rows, []any{"test", t.With.AUC, t.Without.AUC, t.With.LogLoss, t.Without.LogLoss, "", "", ""})
	}
	return s
}

// ladderSection shows every rung on the test cutoff.
func ladderSection(rungs []model.RungCard) section {
	s := section{title: "The ladder at the test cutoff", head: append([]string{"rung", "fold_log_loss"}, append(qualityHead, "note")...)}
	for _, r := range rungs {
		s.rows = append(s.rows, append(append([]any{r.Rung, r.FoldLogLoss}, qualityCells(&r.Test)...), r.Why))
	}
	return s
}

var qualityHead = []string{"auc", "auc_low", "auc_high", "pr_auc", "lift_top_decile", "log_loss", "brier", "ece"}

func qualityCells(q *model.Quality) []any {
	return []any{q.AUC, q.AUCLow, q.AUCHigh, q.PRAUC, q.Lift, q.LogLoss, q.Brier, q.ECE}
}

// findings shows the health checks that have something to say.
func findings(health []model.Finding) []section {
	s := section{title: "Health", head: []string{"check", "severity", "detail"}}
	for _, f := range health {
		if f.Severity != "ok" {
			s.rows = append(s.rows, []any{f.Check, f.Severity, f.Detail})
		}
	}
	if len(s.rows) == 0 {
		return nil
	}
	return []section{s}
}
