package ladder

import (
	"context"
	"fmt"
	"slices"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/boost"
)

// set takes the columns on trial out of the training frame until they have won.
func (c *climb) set() {
	columns := present(c.wide, c.p.Trial)
	if len(columns) == 0 {
		return
	}
	c.trial = &model.ColumnTrial{
		Columns: columns, FoldAUCWith: undefined, FoldAUCWithout: undefined, FoldLogLossWith: undefined, FoldLogLossWithout: undefined,
		Gain: undefined, GainError: undefined, Why: "the training rows don't carry boosting",
	}
	narrow := *c.wide
	narrow.Columns = slices.DeleteFunc(slices.Clone(c.wide.Columns), func(x frame.Column) bool { return slices.Contains(columns, x.Name) })
	c.train.Frame = &narrow
}

// try grows boosting with the columns on trial, for as many rounds as without
// them, and keeps them if that lowers the log-loss on the folds by more than twice
// its standard error and than what is worth a higher rung: another draw of columns
// alone moves it by about one. a is boosting without them.
func (c *climb) try(ctx context.Context, a *candidate) error {
	t := c.trial
	if t == nil {
		return nil
	}
	t.Why = ""
	if !slices.ContainsFunc(t.Columns, func(name string) bool { return told(c.wide, name) }) {
		t.Why = "none of the columns has a value"
		return nil
	}
	with := *a
	wide := Sample{Frame: c.wide, Y: c.train.Y}
	grown := func(s Sample) func(*frame.Frame, []float64) (predictor, error) {
		return func(f *frame.Frame, y []float64) (predictor, error) {
			p := forest{seed: c.p.Seed, bags: 1, rounds: a.rounds}.params(0)
			if len(s.Y) <= sideRows {
				p.Threads = 1
			}
			m, err := boost.Fit(ctx, p, f, y, nil)
			if err != nil {
				return nil, fmt.Errorf("fit boosting with columns on trial: %w", err)
			}
			return m, nil
		}
	}
	var err error
	if with.margins, err = wide.outOfFold(treeColumns(c.wide), c.parts, grown(wide)); err != nil {
		return err
	}
	without := *a
	for _, x := range []*candidate{&with, &without} {
		if err := c.judge(x); err != nil {
			return err
		}
	}
	t.FoldAUCWith, t.FoldLogLossWith = model.Figure(with.auc), model.Figure(with.logLoss)
	t.FoldAUCWithout, t.FoldLogLossWithout = model.Figure(without.auc), model.Figure(without.logLoss)
	gain, spread := c.lead(with.crossed, without.crossed)
	t.Gain, t.GainError, t.Kept = model.Figure(gain), model.Figure(spread), gain > max(worthwhile, 2*spread)
	if c.p.TrialOnTest {
		for _, x := range []struct {
			by   *candidate
			from Sample
			to   **model.Quality
		}{{&with, wide, &t.With}, {&without, c.train, &t.Without}} {
			if *x.to, err = c.onTest(x.by, x.from, grown(x.from)); err != nil {
				return err
			}
		}
	}
	if t.Kept {
		a.margins, c.train.Frame = with.margins, c.wide
	}
	return nil
}

// onTest measures one bag, fitted on all training rows, on the test rows.
func (c *climb) onTest(by *candidate, from Sample, fit func(*frame.Frame, []float64) (predictor, error)) (*model.Quality, error) {
	part, err := from.Frame.Select(treeColumns(from.Frame))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSample, err)
	}
	m, err := fit(part, from.Y)
	if err != nil {
		return nil, err
	}
	q, err := c.tested(m, by)
	return &q, err
}
