package serving

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"fealty/features"
	"fealty/model"
	"fealty/model/lifetime"
)

// lifetimeTrial is a lifetime model fitted on what the test cutoff knew, with what it says
// of the accounts there, by the histories that it is of.
type lifetimeTrial struct {
	histories *histories
	portfolio *lifetime.Portfolio
	scores    *lifetime.Scores
	card      model.LifetimeTrial
}

// fitLifetime fits purchases and spend by each of the configured models, keeps the
// one whose spend within the horizon was nearest to what came, and compares that
// with the run-rate.
func (a *appraisal) fitLifetime(ctx context.Context, card *model.LifetimeCard, c *crowd, horizon int, s Settings) error {
	nan := model.Figure(math.NaN())
	card.SpendBy, card.RunRate, card.Forecast, card.LogLikelihood, card.Correlation = byRunRate, nan, nan, nan, nan
	best, h, err := a.tryLifetimes(ctx, card, c, horizon, s)
	if err != nil {
		return err
	}
	card.Accounts, card.ReturnsOutweigh, card.NoHistory = len(h.rows), h.missing(returnsOutweigh), h.missing(noHistory)
	if best == nil {
		return nil
	}
	a.lifetime = best.portfolio
	card.Months, card.Discount = a.terms.Months, model.Figure(a.terms.Discount)
	card.Interval, card.Draws = model.Figure(a.chance(0).Level), a.chance(0).Draws
	tellFit(card, a.lifetime)
	if err := a.chooseSpend(card, h, c, horizon, best.scores); err != nil {
		return err
	}
	card.SpendBy, card.ValueBy, card.Returns = a.spendBy, a.valueBy(), returnsOf(h, c, best.scores)
	card.Coverage, err = a.cover(ctx, h, c, horizon, s)
	return err
}

// tryLifetimes tries the models, and where none of them has an optimum the one in
// which nobody leaves. It is nil where that has none either; the card says why. The
// histories are those of the best, or of the last tried.
func (a *appraisal) tryLifetimes(ctx context.Context, card *model.LifetimeCard, c *crowd, horizon int, s Settings) (*lifetimeTrial, *histories, error) {
	var best *lifetimeTrial
	var problems []string
	var in [2]*histories // in days and in months, read once
	try := func(kind lifetime.Kind) (*histories, error) {
		h := &in[0]
		if kind.Discrete() {
			h = &in[1]
		}
		if *h == nil {
			*h = historiesOf(c.frame, kind, s.Location())
		}
		t, err := a.tryLifetime(ctx, kind, *h, c, horizon)
		if err != nil {
			return nil, err
		}
		if t.portfolio == nil {
			problems = append(problems, t.card.Why)
		} else if best == nil || t.card.MAE < best.card.MAE {
			best = t
		}
		card.Models = append(card.Models, t.card)
		return *h, nil
	}
	for _, kind := range s.Worth.lifetimeModels() {
		if _, err := try(kind); err != nil {
			return nil, nil, err
		}
	}
	if best == nil {
		card.Instead = strings.Join(problems, "; ")
		h, err := try(lifetime.NBD)
		if err != nil {
			return nil, nil, err
		}
		if best == nil {
			card.Why, card.Instead = strings.Join(problems, "; "), ""
			return nil, h, nil
		}
	}
	for k := range card.Models {
		card.Models[k].Used = card.Models[k].Model == best.card.Model
	}
	return best, best.histories, nil
}

// tryLifetime fits one model and measures its spend. What is in the way of a fit is
// told, and no error.
func (a *appraisal) tryLifetime(ctx context.Context, kind lifetime.Kind, h *histories, c *crowd, horizon int) (*lifetimeTrial, error) {
	t := &lifetimeTrial{histories: h, card: model.LifetimeTrial{Model: string(kind), LogLikelihood: model.Figure(math.NaN()), MAE: model.Figure(math.NaN())}}
	segments := picked(c.segments(), h.rows)
	portfolio, err := lifetime.FitPortfolio(ctx, kind, h.Histories, h.mean, segments, lifetime.DefaultLeast())
	if errors.Is(err, lifetime.ErrNotConverged) || errors.Is(err, lifetime.ErrInput) {
		t.card.Why, t.card.WhyCode = err.Error(), whyCode(err)
		return t, nil
	}
	if err != nil {
		return nil, fmt.Errorf("fit lifetimes: %w", err)
	}
	t.portfolio = portfolio
	if t.scores, err = portfolio.Score(h.Histories, h.mean, segments, h.span(float64(horizon)), h.terms(a.terms)); err != nil {
		return nil, fmt.Errorf("judge lifetimes by %s: %w", kind, err)
	}
	off, err := lifetime.Compare(times(t.scores.Expected, t.scores.MeanSpend), picked(c.after, h.rows))
	if err != nil {
		return nil, fmt.Errorf("judge lifetimes by %s: %w", kind, err)
	}
	purchases, _ := portfolio.Pooled()
	t.card.LogLikelihood, t.card.MAE = model.Figure(purchases.Quality().LogLikelihood), model.Figure(off.MAE)
	return t, nil
}

// times multiplies two columns.
func times(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range out {
		out[i] = a[i] * b[i]
	}
	return out
}

// tellFit writes what was fitted.
func tellFit(card *model.LifetimeCard, p *lifetime.Portfolio) {
	purchases, spend := p.Pooled()
	card.Model, card.LogLikelihood = string(purchases.Kind()), model.Figure(purchases.Quality().LogLikelihood)
	card.Purchases, card.SpendWhy = parameters(purchases.Estimates()), p.SpendProblem()
	if card.SpendWhy != "" {
		card.SpendWhyCode = whyCode(lifetime.ErrNotConverged) // the only reason of a portfolio
	}
	if spend != nil {
		card.Spend, card.Correlation = parameters(spend.Estimates()), model.Figure(spend.Correlation())
	}
	for _, choice := range p.Segments() {
		fit := model.SegmentFit{
			Segment: choice.Segment, Accounts: choice.Accounts, RepeatBuyers: choice.RepeatBuyers,
			Purchases: string(choice.Purchases.Reason), PurchasesProblem: choice.Purchases.Problem,
			Spend: string(choice.Spend.Reason), SpendProblem: choice.Spend.Problem,
		}
		own, ownSpend := p.Models(choice.Segment)
		if choice.Purchases.Own() {
			fit.Parameters = parameters(own.Estimates())
		}
		if choice.Spend.Own() {
			fit.SpendParameters = parameters(ownSpend.Estimates())
		}
		card.Segments = append(card.Segments, fit)
	}
}

func parameters(all []lifetime.Estimate) []model.Parameter {
	out := make([]model.Parameter, len(all))
	for i, e := range all {
		out[i] = model.Parameter{Name: e.Name, Value: model.Figure(e.Value), StandardError: model.Figure(e.StandardError)}
	}
	return out
}

// chooseSpend sets the two forecasts of spend beside what came: of all accounts,
// and of those that stayed, which value at risk is of. Accounts that are not a
// horizon old have no run-rate, and are counted.
func (a *appraisal) chooseSpend(card *model.LifetimeCard, h *histories, c *crowd, horizon int, scores *lifetime.Scores) error {
	spent, tenure := c.column(spendColumn), c.column(tenureColumn)
	var all, stayed contest
	for k, i := range h.rows {
		pace := features.RunRate(spent[i], tenure[i], horizon)
		if math.IsNaN(pace) {
			card.TooYoung++
			continue
		}
		all.add(scores.Expected[k]*scores.MeanSpend[k], pace, c.after[i])
		if c.boughtAfter[i] {
			stayed.add(scores.IfAlive[k]*scores.MeanSpend[k], pace, c.after[i])
		}
	}
	if card.Judged = len(all.actual); card.Judged == 0 {
		return nil
	}
	choice, err := lifetime.ChooseSpend(all.lifetime, all.pace, all.actual)
	if err != nil {
		return fmt.Errorf("judge what forecasts spend: %w", err)
	}
	card.RunRate, card.Forecast = model.Figure(choice.RunRate.MAE), model.Figure(choice.Model.MAE)
	a.spendBy = forecaster(choice)
	if len(stayed.actual) == 0 {
		return nil
	}
	if choice, err = lifetime.ChooseSpend(stayed.lifetime, stayed.pace, stayed.actual); err != nil {
		return fmt.Errorf("judge what forecasts the spend of those that stay: %w", err)
	}
	a.riskBy = forecaster(choice)
	card.Stayed = &model.SpendContest{
		Accounts: len(stayed.actual), RunRate: model.Figure(choice.RunRate.MAE), Forecast: model.Figure(choice.Model.MAE), By: a.riskBy,
	}
	return nil
}

// returnsOf sets the returns that the scores expect of the lapsed beside those that
// came; nil where none has lapsed.
func returnsOf(h *histories, c *crowd, scores *lifetime.Scores) *model.LapsedReturns {
	var r model.LapsedReturns
	for k, i := range h.rows {
		if c.status[i] != features.Lapsed {
			continue
		}
		r.Accounts++
		r.Expected += model.Figure(1 - scores.NoPurchase[k])
		if c.boughtAfter[i] {
			r.Returned++
		}
	}
	if r.Accounts == 0 {
		return nil
	}
	return &r
}

// contest gathers two forecasts and what came.
type contest struct{ lifetime, pace, actual []float64 }

func (c *contest) add(lifetime, pace, actual float64) {
	c.lifetime, c.pace, c.actual = append(c.lifetime, lifetime), append(c.pace, pace), append(c.actual, actual)
}

func forecaster(c lifetime.SpendChoice) string {
	if c.Lifetime {
		return byLifetime
	}
	return byRunRate
}

// valueBy says what a purchase is worth in a lifetime value: what was saved; else by the
// spend model only where its spend did better than the run-rate.
func (a *appraisal) valueBy() string {
	if a.lifetime == nil {
		return ""
	}
	_, spend := a.lifetime.Pooled()
	switch {
	case spend == nil:
		return byPlainMean
	case a.valuedBy != "":
		return a.valuedBy
	case a.spendBy == byLifetime:
		return byGammaGamma
	default:
		return byPlainMean
	}
}

// valued is the portfolio that lifetime values are told by.
func (a *appraisal) valued() *lifetime.Portfolio {
	if a.valueBy() == byGammaGamma {
		return a.lifetime
	}
	return a.lifetime.PlainSpend()
}

// coveredAccounts is how many accounts the coverage of intervals is counted on at
// most: its standard error is below 1 % then.
const coveredAccounts = 2000

// cover counts how often the interval of an account's spend within the horizon
// held what came, on accounts spread evenly over all.
func (a *appraisal) cover(ctx context.Context, h *histories, c *crowd, horizon int, s Settings) (*model.LifetimeCoverage, error) {
	var which []int
	for k := 0; k < len(h.rows); k += (len(h.rows) + coveredAccounts - 1) / coveredAccounts {
		which = append(which, k)
	}
	some := h.take(which)
	low, high := unmeasured(len(which)), unmeasured(len(which))
	within := lifetime.Terms{Months: 1, Month: h.span(float64(horizon)), Margin: 1}
	chance := a.chance(s.Seed)
	if err := a.valued().ValueIntervals(ctx, some.Histories, some.mean, picked(c.segments(), some.rows), within, chance, low, high); err != nil {
		return nil, fmt.Errorf("judge the intervals of lifetimes: %w", err)
	}
	var inside, above float64
	for k, i := range some.rows {
		switch v := c.after[i]; {
		case v > high[k]:
			above++
		case v >= low[k]:
			inside++
		}
	}
	n := float64(len(which))
	return &model.LifetimeCoverage{Accounts: len(which), Target: model.Figure(chance.Level), Inside: model.Figure(inside / n), Above: model.Figure(above / n)}, nil
}
