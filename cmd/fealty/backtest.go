package main

import (
	"context"
	"slices"

	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type backtestOptions struct {
	request serving.BacktestRequest
	flags   *pflag.FlagSet
}

func newBacktest(e *env) *cobra.Command {
	o := backtestOptions{}
	c := &cobra.Command{
		Use: "backtest", Short: "Train and test at many past cutoffs, as training would have done then", Args: none,
		Long: `Trains and tests at many past cutoffs as training would have done then, and registers nothing. It also says at each cutoff
what the columns of the estimated wallet (share, gap, width, trend) add. To boosting: on folds of the training cutoffs, which
decide whether they are kept, and on the test rows, which decide nothing; these columns are of a poorer wallet than the one that
"fealty wallet" tells: one category, three columns that make peers, no declared wallets. To the categories that accounts buy next, learnt at
the newest training cutoff: on accounts held out there, which decide, and kind by kind on what was bought after the test.`,
		Example: `  fealty backtest --last 6
  fealty backtest --cutoff 2011-08-09 --cutoff 2011-09-09 --train-cutoff 2011-03-09 --train-cutoff 2011-04-09 -o csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runBacktest(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.request.Cutoffs, "cutoff", nil, "a test cutoff; may be repeated")
	f.IntVar(&o.request.Last, "last", 0, "without --cutoff: the last so many month ends (default 3)")
	f.StringArrayVar(&o.request.Train, "train-cutoff", nil, "a training cutoff; those whose windows end by a test cutoff are used (default: earlier month ends)")
	f.BoolVar(&o.request.Challengers, "challengers", false, "show golearn's random forest and naive Bayes beside the rungs; slow, and never served")
	addConfigFlags(f, "horizon_days", "active_within", "seed", "train.wallet_features")
	return c
}

func runBacktest(ctx context.Context, e *env, o backtestOptions) error {
	result, err := perform[serving.BacktestResult](ctx, e, o.flags, job{operation: serving.OpBacktest, request: o.request})
	if err != nil {
		return err
	}
	s := section{head: append([]string{"cutoff", "rung", "served", "grade", "train_cutoffs", "accounts", "base_rate"}, append(slices.Clone(qualityHead), "fit_seconds", "settings")...)}
	for i := range result.Rows {
		r := &result.Rows[i]
		s.rows = append(s.rows, append([]any{r.Cutoff, r.Rung, r.Served, r.Grade, r.TrainCutoffs, r.Rows, r.BaseRate}, append(qualityCells(&r.Quality), r.Seconds, r.Settings)...))
	}
	sections := []section{s}
	for i := range result.Wallet {
		sections = append(sections, trialSection("Columns of the estimated wallet at "+result.Wallet[i].Cutoff+": what they add to boosting", &result.Wallet[i].ColumnTrial))
	}
	next := newNextTrials("Columns of the estimated wallet by category: what they add to what is bought next", "cutoff")
	for i := range result.CrossSell {
		next.add(result.CrossSell[i].Cutoff, &result.CrossSell[i].WalletTrial)
	}
	return e.show(answer{data: result, sections: append(sections, next.sections()...)})
}
