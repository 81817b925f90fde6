package serving

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fealty/features/frame"
	"fealty/model/challenger"
)

// Backtest trains and tests at many cutoffs as Train would have done then, and
// registers nothing. Every cutoff is built once, in one pass; the labelled rows
// of all of them are kept.
func (s *Service) Backtest(ctx context.Context, r BacktestRequest, report func(Progress)) (BacktestResult, error) {
	c, err := s.calendar(ctx)
	if err != nil {
		return BacktestResult{}, err
	}
	params, err := s.ladder("")
	if err != nil {
		return BacktestResult{}, err
	}
	if r.Challengers {
		params.Challengers = challenger.Learners(params.Seed)
	}
	plans, err := c.backtests(r)
	if err != nil {
		return BacktestResult{}, err
	}
	var all []frame.Cutoff
	for _, p := range plans {
		all = both(slices.Concat(all, p.train), p.test)
	}
	parts, err := s.label(ctx, c, all, report)
	if err != nil {
		return BacktestResult{}, err
	}
	params.TrialOnTest = true
	began := time.Now()
	params.Clock = func() time.Duration { return time.Since(began) }
	result := BacktestResult{Rows: []BacktestRow{}}
	for _, p := range plans {
		last, err := parts[p.test].by(parts[slices.Max(p.train)].derived)
		if err != nil {
			return BacktestResult{}, fmt.Errorf("test at %s: %w", c.text(p.test), err)
		}
		trained, err := c.climb(ctx, params, join(at(parts, p.train), false), last, c.dated(p.test, report))
		if err != nil {
			return BacktestResult{}, fmt.Errorf("test at %s: %w", c.text(p.test), err)
		}
		card := &trained.Card
		for i := range card.Ladder {
			rung := &card.Ladder[i]
			if rung.Why != "" {
				continue // not fitted
			}
			row := BacktestRow{
				Cutoff: c.text(p.test), Rung: rung.Rung, Served: rung.Rung == card.Rung, Challenger: rung.Challenger, TrainCutoffs: len(p.train),
				Rows: card.Report.Test.Rows, BaseRate: card.Report.Test.BaseRate, Quality: rung.Test,
				Settings: rung.Settings, Seconds: rung.Seconds,
			}
			if row.Served {
				row.Grade, row.Quality = card.Report.Grade, card.Report.Quality
			}
			result.Rows = append(result.Rows, row)
		}
		if trained.Trial != nil {
			result.Wallet = append(result.Wallet, BacktestTrial{Cutoff: c.text(p.test), ColumnTrial: *trained.Trial})
		}
	}
	return result, nil
}

// dated says in each stage which cutoff it is about.
func (c *calendar) dated(at frame.Cutoff, report func(Progress)) func(Progress) {
	if report == nil {
		return nil
	}
	return func(step Progress) {
		step.Stage = c.text(at) + ": " + step.Stage
		report(step)
	}
}
