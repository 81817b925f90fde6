package serving

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/challenger"
	"fealty/model/crosssell"
)

// Backtest trains and tests at many cutoffs as Train would have done then, and
// registers nothing. Every cutoff is built once, in one pass; the labelled rows
// of all of them are kept, and what makes accounts peers at those where what is bought
// next is learnt and tested.
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
	pupils, err := s.pupils(ctx, c, plans)
	if err != nil {
		return BacktestResult{}, err
	}
	parts, err := s.label(ctx, c, all, report, slices.Collect(maps.Values(pupils))...)
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
		if len(pupils) == 0 {
			continue
		}
		taught := slices.Max(p.train)
		trial, err := s.backtestNext(ctx, c, pupils[taught], pupils[p.test], c.dated(p.test, report))
		if err != nil {
			return BacktestResult{}, fmt.Errorf("test at %s: %w", c.text(p.test), err)
		}
		result.CrossSell = append(result.CrossSell, BacktestNext{Cutoff: c.text(p.test), Taught: c.text(taught), WalletTrial: *trial})
	}
	return result, nil
}

// pupils begins the crowds of which wallets by category are told; none where their
// columns are off.
func (s *Service) pupils(ctx context.Context, c *calendar, plans []backtest) (map[frame.Cutoff]*gathering, error) {
	all := map[frame.Cutoff]*gathering{}
	if s.Settings.WalletFeatures == WalletFeaturesOff {
		return all, nil
	}
	for _, p := range plans {
		for _, at := range []frame.Cutoff{slices.Max(p.train), p.test} {
			if all[at] != nil {
				continue
			}
			var err error
			if all[at], err = s.gatherPurses(ctx, c, at); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// backtestNext says what the columns of the wallet add to what is bought next by category
// at a test, as a training there would find it.
func (s *Service) backtestNext(ctx context.Context, c *calendar, taught, test *gathering, report func(Progress)) (*model.WalletTrial, error) {
	if report != nil {
		report(Progress{Stage: nextStage})
	}
	held, err := s.pupilsHold(ctx, c, test, features.ByCategory)
	if err != nil {
		return nil, err
	}
	if !categorised(held) {
		return untried("no order line names a category", "订单行没有品类"), nil
	}
	crowd, err := test.finishPurses(ctx, s, c.request([]frame.Cutoff{test.crowd.cutoff}, nil), held)
	if err != nil {
		return nil, err
	}
	a := &appraisal{propensity: map[features.HoldingKey]*crosssell.Propensity{}}
	if err := a.fitWallet(ctx, &model.WalletCard{}, crowd, s.Settings); err != nil {
		return nil, err
	}
	card := model.CrossSellCard{Key: string(features.ByCategory)}
	err = s.fitPropensity(ctx, c, a, &card, features.ByCategory, taught, crowd)
	if errors.Is(err, crosssell.ErrInput) {
		return untried(err.Error(), "所购品类的数据不足以学习"), nil
	}
	return card.Wallet, err
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
