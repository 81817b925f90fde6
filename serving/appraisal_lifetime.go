package serving

import (
	"context"
	"errors"
	"fmt"
	"math"

	"fealty/features"
	"fealty/model"
	"fealty/model/derive"
	"fealty/model/lifetime"
)

// fitLifetime fits purchases and spend, and compares the forecasts of spend.
func (a *appraisal) fitLifetime(ctx context.Context, card *model.LifetimeCard, c *crowd, horizon int) error {
	nan := model.Figure(math.NaN())
	card.SpendBy, card.RunRate, card.Forecast, card.LogLikelihood, card.Correlation = byRunRate, nan, nan, nan, nan
	h, mean, rows := historiesOf(c.frame)
	card.Accounts = len(rows)
	segments := picked(c.segments(), rows)
	for _, kind := range derive.Kinds() {
		var err error
		a.lifetime, err = lifetime.FitPortfolio(ctx, kind, h, mean, segments, lifetime.DefaultLeast())
		if err == nil {
			break
		}
		if !errors.Is(err, lifetime.ErrNotConverged) && !errors.Is(err, lifetime.ErrInput) {
			return fmt.Errorf("fit lifetimes: %w", err)
		}
		card.Why = err.Error()
	}
	if a.lifetime == nil {
		return nil
	}
	card.Why = ""
	purchases, spend := a.lifetime.Pooled()
	card.Model, card.LogLikelihood = string(purchases.Kind()), model.Figure(purchases.Quality().LogLikelihood)
	card.Purchases, card.Spend, card.Correlation = parameters(purchases.Estimates()), parameters(spend.Estimates()), model.Figure(spend.Correlation())
	for _, choice := range a.lifetime.Segments() {
		card.Segments = append(card.Segments, model.SegmentFit{
			Segment: choice.Segment, Accounts: choice.Accounts, RepeatBuyers: choice.RepeatBuyers,
			Purchases: string(choice.Purchases.Reason), Spend: string(choice.Spend.Reason),
		})
	}
	card.Months, card.Discount = a.terms.Months, model.Figure(a.terms.Discount)
	scores, err := a.lifetime.Score(h, mean, segments, float64(horizon), a.terms)
	if err != nil {
		return fmt.Errorf("judge lifetimes: %w", err)
	}
	spent, tenure := c.column(spendColumn), c.column(tenureColumn)
	var pace, forecast, actual []float64
	for k, i := range rows {
		if v := features.RunRate(spent[i], tenure[i], horizon); !math.IsNaN(v) {
			pace, forecast, actual = append(pace, v), append(forecast, scores.Expected[k]*scores.MeanSpend[k]), append(actual, c.after[i])
		}
	}
	if len(actual) == 0 {
		return nil
	}
	old, err := lifetime.Compare(pace, actual)
	if err != nil {
		return fmt.Errorf("judge the run-rate: %w", err)
	}
	fresh, err := lifetime.Compare(forecast, actual)
	if err != nil {
		return fmt.Errorf("judge lifetimes: %w", err)
	}
	card.RunRate, card.Forecast = model.Figure(old.MAE), model.Figure(fresh.MAE)
	if fresh.MAE < old.MAE {
		a.spendBy = byLifetime
	}
	card.SpendBy = a.spendBy
	return nil
}

func parameters(all []lifetime.Estimate) []model.Parameter {
	out := make([]model.Parameter, len(all))
	for i, e := range all {
		out[i] = model.Parameter{Name: e.Name, Value: model.Figure(e.Value), StandardError: model.Figure(e.StandardError)}
	}
	return out
}
