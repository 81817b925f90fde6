package serving

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/artifact"
	"fealty/model/crosssell"
	"fealty/model/derive"
	"fealty/model/ladder"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
	"fealty/model/score"
	"fealty/model/wallet"
)

// The sections of a bundle that tell worth.
const (
	worthSection      = "worth.json"
	lifetimeSection   = "worth.lifetime.txt"
	walletSection     = "worth.wallet.txt"
	scaleSection      = "worth.scale.txt"
	propensitySection = "worth.propensity." // and the key
)

// What forecasts spend.
const (
	byRunRate  = "run_rate"
	byLifetime = "lifetime"
)

// appraisal is what tells the worth of accounts: fitted once on what the test
// cutoff knew, judged by what came after it. It is immutable and safe for
// concurrent use. Parts that could not be learnt are nil.
type appraisal struct {
	spendBy string
	// terms are what a lifetime value is of: those of the training.
	terms      lifetime.Terms
	lifetime   *lifetime.Portfolio
	wallet     *wallet.Model
	propensity map[features.HoldingKey]*crosssell.Propensity
	scale      *loyalty.Scale
}

// appraise fits what tells worth. Unsupervised parts are fitted on what the test
// cutoff knew; the cutoff taught, whose horizon was over by the test, gives
// the probabilities of what is bought next. All of it is then held against what
// came after the test cutoff, and written on the card of what was trained.
func (s *Service) appraise(ctx context.Context, c *calendar, trained *ladder.Result, taught, test frame.Cutoff, last *labelled, report func(Progress)) (*appraisal, error) {
	horizon := c.Label.HorizonDays
	// The margins before any refit: the model that saw no row of the test.
	judged := &judged{accounts: last.accounts, margins: trained.Rungs[ladder.Rung(trained.Card.Rung)], y: last.y}
	crowd, err := s.crowd(ctx, c, test, horizon, true, report)
	if err != nil {
		return nil, err
	}
	a := &appraisal{spendBy: byRunRate, terms: s.Settings.Worth.terms(), propensity: map[features.HoldingKey]*crosssell.Propensity{}}
	card := &model.WorthCard{Accounts: crowd.rows()}
	for _, part := range []struct {
		stage string
		fit   func() error
	}{
		{"fitting lifetimes", func() error { return a.fitLifetime(ctx, &card.Lifetime, crowd, horizon) }},
		{"fitting wallets", func() error { return a.fitWallet(ctx, &card.Wallet, crowd, s.Settings) }},
		{"fitting what is bought next", func() error { return s.fitPropensities(ctx, c, a, card, taught, crowd) }},
		{"measuring loyalty", func() error { return a.judgeLoyalty(ctx, &card.Loyalty, crowd, s.Settings, horizon, judged) }},
	} {
		if report != nil {
			report(Progress{Stage: part.stage})
		}
		if err := part.fit(); err != nil {
			return nil, err
		}
	}
	trained.Card.Worth = card
	return a, nil
}

// crowd gathers the accounts as of a cutoff: those that may be learnt from, or
// those that may be told of.
func (s *Service) crowd(ctx context.Context, c *calendar, at frame.Cutoff, horizon int, learning bool, report func(Progress)) (*crowd, error) {
	request := c.request([]frame.Cutoff{at}, s.catalogue())
	standings, err := s.Facts.Standings(ctx, request, c.Label.HorizonDays)
	if err != nil {
		return nil, fmt.Errorf("ask what the accounts asked for: %w", err)
	}
	leave := untold(standings)
	if learning {
		leave = untaught(standings)
	}
	g := s.gather(at, leave)
	progress := c.progress("gathering accounts", report)
	if _, err := s.Facts.Build(ctx, request, func(sl *features.Slice) error {
		progress(sl)
		g.add(sl, nil)
		return nil
	}); err != nil {
		return nil, err
	}
	return g.finish(ctx, s, request, horizon)
}

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

// fitWallet fits wallets on peers and declarations.
func (a *appraisal) fitWallet(ctx context.Context, card *model.WalletCard, c *crowd, s Settings) error {
	p := c.purses()
	card.Accounts, card.Declared = p.Frame.Rows(), len(p.declared)
	m, report, err := wallet.Fit(ctx, p.Peers, p.declared, s.Worth.wallet(s.Seed))
	switch {
	case errors.Is(err, wallet.ErrInput):
		card.Why = err.Error()
		return nil
	case err != nil:
		return fmt.Errorf("fit wallets: %w", err)
	}
	a.wallet, card.Below = m, len(report.Below)
	for _, r := range report.Categories {
		card.Categories = append(card.Categories, model.WalletCategory{
			Category: r.Category, Peers: r.Peers, Why: r.Why.String(), Serves: string(r.Serves), Suspect: r.Suspect,
			Boosting: model.Figure(r.Boosting), Neighbours: model.Figure(r.Neighbours), Constant: model.Figure(r.Constant),
		})
	}
	for _, r := range report.Coverage {
		card.Coverage = append(card.Coverage, model.WalletCoverage{
			Segment: r.Segment, Basis: string(r.Basis), Accounts: r.Accounts, Target: model.Figure(r.Target), Inside: model.Figure(r.Inside),
			Width: model.Figure(r.Width), Correlation: model.Figure(r.Correlation),
		})
	}
	return nil
}

// fitPropensities learns at the lesson's cutoff what is bought next, and judges
// it at the test.
func (s *Service) fitPropensities(ctx context.Context, c *calendar, a *appraisal, card *model.WorthCard, taught frame.Cutoff, crowd *crowd) error {
	for _, key := range []features.HoldingKey{features.ByCategory, features.ByProduct} {
		of := model.CrossSellCard{Key: string(key)}
		err := s.fitPropensity(ctx, c, a, &of, key, taught, crowd.held(key))
		if err != nil && !errors.Is(err, crosssell.ErrInput) {
			return fmt.Errorf("fit what is bought next by %s: %w", key, err)
		}
		if err != nil {
			of.Why = err.Error()
		}
		card.CrossSell = append(card.CrossSell, of)
	}
	return nil
}

// leastItems is the fewest categories or products among which there is anything
// to recommend.
const leastItems = 3

func (s *Service) fitPropensity(ctx context.Context, c *calendar, a *appraisal, card *model.CrossSellCard, key features.HoldingKey, taught frame.Cutoff, test []features.Holding) error {
	var held []features.Holding
	request := features.HoldingRequest{Request: c.request([]frame.Cutoff{taught}, nil), Key: key, HorizonDays: c.Label.HorizonDays}
	standings, err := s.Facts.Standings(ctx, request.Request, c.Label.HorizonDays)
	if err != nil {
		return fmt.Errorf("ask what the accounts asked for: %w", err)
	}
	leave := untaught(standings)
	err = s.Facts.Holdings(ctx, request, func(all []features.Holding) error {
		for i := range all {
			if !leave(all[i].Account) {
				held = append(held, all[i])
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask what the accounts bought: %w", err)
	}
	lesson, _, err := lessonOf(ctx, held, s.Settings)
	if err != nil {
		return err
	}
	params := crosssell.PropensityDefaults()
	params.HorizonDays = c.Label.HorizonDays
	p, _, err := crosssell.FitPropensity(ctx, []crosssell.Lesson{lesson}, params)
	if err != nil {
		return err
	}
	later, fitted, err := lessonOf(ctx, test, s.Settings)
	if err != nil {
		return err
	}
	card.Items, card.Dense, card.Tail = fitted.Items, fitted.Dense, fitted.Tail
	quality, err := p.Evaluate(ctx, later)
	if err != nil {
		return err
	}
	for _, q := range quality {
		if !q.Measured {
			continue
		}
		card.Quality = append(card.Quality, model.PropensityQuality{
			Kind: q.Kind.String(), Rows: q.Rows, Bought: q.Positives, AUC: model.Figure(q.AUC), LogLoss: model.Figure(q.LogLoss),
			ECE: model.Figure(q.ECE), PopularAUC: model.Figure(q.Popular.AUC), PopularLogLoss: model.Figure(q.Popular.LogLoss),
			NDCG: model.Figure(q.NDCG), BaseNDCG: model.Figure(q.BaseNDCG),
		})
	}
	a.propensity[key] = p
	return nil
}

// lessonOf is what goes together among holdings, with what was bought next.
func lessonOf(ctx context.Context, held []features.Holding, s Settings) (crosssell.Lesson, crosssell.Report, error) {
	past, err := purchases(held)
	if err != nil {
		return crosssell.Lesson{}, crosssell.Report{}, err
	}
	if len(past.Items) < leastItems {
		return crosssell.Lesson{}, crosssell.Report{}, fmt.Errorf("%w: %d of its kind were bought, and a recommendation needs %d to choose from", crosssell.ErrInput, len(past.Items), leastItems)
	}
	m, report, err := crosssell.Fit(ctx, past, s.Worth.crossSell())
	if err != nil {
		return crosssell.Lesson{}, crosssell.Report{}, err
	}
	return crosssell.Lesson{Model: m, Bought: bought(held, past)}, report, nil
}

// judged is what the churn model said at the test cutoff, and what came.
type judged struct {
	accounts []frame.AccountID
	// margins of churn, and y what came.
	margins, y []float64
}

// judgeLoyalty fits the scale of loyalty and sets the score beside what happened
// next. The outcome changes nothing of the score.
func (a *appraisal) judgeLoyalty(ctx context.Context, card *model.LoyaltyCard, c *crowd, s Settings, horizon int, j *judged) error {
	kept := unmeasured(c.rows())
	for k, account := range j.accounts {
		if i, ok := c.row[account]; ok {
			c.risk[i], kept[i] = score.Probability(j.margins[k]), 1-j.y[k]
		}
	}
	t := &told{crowd: c, horizon: horizon, spendBy: a.spendBy}
	if err := a.measure(ctx, t, s, false); err != nil {
		return err
	}
	// What is recommended plays no part in loyalty.
	in := t.input(unmeasured(c.rows()))
	var err error
	if a.scale, err = loyalty.FitScale(in); err != nil {
		return fmt.Errorf("fit the scale of loyalty: %w", err)
	}
	if err := a.weigh(ctx, t, in, s); err != nil {
		return err
	}
	after := slices.Clone(c.after)
	for i := range after {
		if math.IsNaN(kept[i]) {
			after[i] = math.NaN()
		}
	}
	proof, err := loyalty.Prove(t.loyalty.Score, kept, after, c.risk, s.Worth.Loyalty.Disagreement)
	if err != nil {
		return fmt.Errorf("judge loyalty: %w", err)
	}
	card.Kept, card.Spend, card.Agreement = correlation(proof.Loyalty.Kept), correlation(proof.Loyalty.Spend), correlation(proof.Agreement)
	if proof.Churn != nil {
		card.ChurnKept, card.ChurnSpend = correlation(proof.Churn.Kept), correlation(proof.Churn.Spend)
	}
	for _, tenth := range proof.Loyalty.Tenths {
		card.Tenths = append(card.Tenths, model.LoyaltyTenth{
			Accounts: tenth.N, Score: model.Figure(tenth.Score), Kept: model.Figure(tenth.Kept), Spend: model.Figure(tenth.Spend),
		})
	}
	card.Stories, card.Measured = len(proof.Stories), map[string]int{}
	for k, name := range loyalty.Names() {
		for _, v := range t.loyalty.Indicators[k] {
			if !math.IsNaN(v) {
				card.Measured[name]++
			}
		}
	}
	nan := model.Figure(math.NaN())
	card.Point, card.Five = model.Interval{Value: nan, Low: nan, High: nan}, model.Interval{Value: nan, Low: nan, High: nan}
	existing := make([]float64, c.rows())
	for i := range existing {
		existing[i] = t.places[i].Existing
	}
	point, err := loyalty.WorthOfRetention(existing, kept, float64(horizon), s.Worth.Loyalty.Retention)
	if err != nil { // too few, or nobody earns: no failure of the training
		card.WhyNot = err.Error()
		return nil //nolint:nilerr // said on the card
	}
	card.Point = model.Interval{Value: model.Figure(point.Point.Value), Low: model.Figure(point.Point.Low), High: model.Figure(point.Point.High)}
	card.Five = model.Interval{Value: model.Figure(point.Five.Value), Low: model.Figure(point.Five.Low), High: model.Figure(point.Five.High)}
	return nil
}

func correlation(c loyalty.Correlation) model.Interval {
	return model.Interval{Value: model.Figure(c.Value), Low: model.Figure(c.Low), High: model.Figure(c.High)}
}

type worthHead struct {
	Format   int     `json:"format"`
	SpendBy  string  `json:"spend_by"`
	Months   int     `json:"months"`
	Discount float64 `json:"discount"`
}

const worthFormat = 1

// save adds the parts to a bundle.
func (a *appraisal) save(b artifact.Bundle) error {
	raw, err := json.Marshal(worthHead{worthFormat, a.spendBy, a.terms.Months, a.terms.Discount})
	if err != nil {
		return fmt.Errorf("save what tells worth: %w", err)
	}
	b[worthSection] = raw
	put := func(name string, m interface{ MarshalText() ([]byte, error) }) error {
		text, err := m.MarshalText()
		if err != nil {
			return fmt.Errorf("save %s: %w", name, err)
		}
		b[name] = text
		return nil
	}
	if a.lifetime != nil {
		if err := put(lifetimeSection, a.lifetime); err != nil {
			return err
		}
	}
	if a.wallet != nil {
		if err := put(walletSection, a.wallet); err != nil {
			return err
		}
	}
	for key, p := range a.propensity {
		if err := put(propensitySection+string(key)+".txt", p); err != nil {
			return err
		}
	}
	return put(scaleSection, a.scale)
}

// loadAppraisal reads what save wrote; nil when the bundle tells no worth.
func loadAppraisal(b artifact.Bundle) (*appraisal, error) {
	raw, ok := b[worthSection]
	if !ok {
		return nil, nil //nolint:nilnil // a model from before has none
	}
	var head worthHead
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&head); err != nil || head.Format != worthFormat || head.SpendBy != byRunRate && head.SpendBy != byLifetime {
		return nil, fmt.Errorf("section %s is not what this program reads (%+v): %w", worthSection, head, errors.Join(err, ErrInvalid))
	}
	a := &appraisal{spendBy: head.SpendBy, terms: lifetime.DefaultTerms(), propensity: map[features.HoldingKey]*crosssell.Propensity{}}
	a.terms.Months, a.terms.Discount = head.Months, head.Discount
	err := a.terms.Validate()
	if err != nil {
		return nil, fmt.Errorf("section %s: %w", worthSection, err)
	}
	if text, ok := b[lifetimeSection]; ok {
		if a.lifetime, err = lifetime.ParsePortfolio(text); err != nil {
			return nil, fmt.Errorf("%s: %w", lifetimeSection, err)
		}
	}
	if a.spendBy == byLifetime && a.lifetime == nil {
		return nil, fmt.Errorf("section %s forecasts spend by lifetime, and there is no %s: %w", worthSection, lifetimeSection, ErrInvalid)
	}
	if text, ok := b[walletSection]; ok {
		if a.wallet, err = wallet.Parse(text); err != nil {
			return nil, fmt.Errorf("%s: %w", walletSection, err)
		}
	}
	if a.scale, err = loyalty.ParseScale(b[scaleSection]); err != nil {
		return nil, fmt.Errorf("%s: %w", scaleSection, err)
	}
	for _, key := range []features.HoldingKey{features.ByCategory, features.ByProduct} {
		name := propensitySection + string(key) + ".txt"
		if text, ok := b[name]; ok {
			if a.propensity[key], err = crosssell.Parse(text); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return a, nil
}
