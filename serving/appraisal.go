package serving

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/artifact"
	"fealty/model/crosssell"
	"fealty/model/ladder"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
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

// What a purchase is worth in a lifetime value.
const (
	byGammaGamma = "gamma_gamma"
	byPlainMean  = "plain_mean"
)

// appraisal is what tells the worth of accounts: fitted once on what the test
// cutoff knew, judged by what came after it. It is immutable and safe for
// concurrent use. Parts that could not be learnt are nil.
type appraisal struct {
	spendBy string
	// riskBy forecasts what an account spends if it stays, which value at risk is of.
	riskBy string
	// valuedBy is what a purchase was worth in lifetime values when it was saved, "" before.
	valuedBy string
	// models are those that were tried for lifetimes, nil in bundles from before there
	// was a choice.
	models []lifetime.Kind
	// terms are what a lifetime value is of: those of the training.
	terms lifetime.Terms
	// level and draws are how the intervals of lifetime values are drawn, each 0 where it
	// is the default's; see chance.
	level      float64
	draws      int
	lifetime   *lifetime.Portfolio
	wallet     *wallet.Model
	propensity map[features.HoldingKey]*crosssell.Propensity
	scale      *loyalty.Scale
}

// appraise fits what tells worth. Unsupervised parts are fitted on what the test
// cutoff knew; the lesson's cutoff, whose horizon was over by the test, gives
// the probabilities of what is bought next. All of it is then held against what
// came after the test cutoff, and written on the card of what was trained.
func (s *Service) appraise(ctx context.Context, c *calendar, trained *ladder.Result, lesson, test *gathering, last *labelled, report func(Progress)) (*appraisal, error) {
	horizon := c.Label.HorizonDays
	// The margins before any refit: the model that saw no row of the test.
	judged := &judged{accounts: last.accounts, margins: trained.Rungs[ladder.Rung(trained.Card.Rung)], y: last.y}
	if report != nil {
		report(Progress{Stage: gatheringStage})
	}
	crowd, err := test.finish(ctx, s, c.request([]frame.Cutoff{test.crowd.cutoff}, s.catalogue()), horizon)
	if err != nil {
		return nil, err
	}
	a := &appraisal{spendBy: byRunRate, riskBy: byRunRate, models: s.Settings.Worth.lifetimeModels(), terms: s.Settings.Worth.terms(), propensity: map[features.HoldingKey]*crosssell.Propensity{}}
	a.level, a.draws = unlessDefault(s.Settings.Worth.chance(s.Settings.Seed))
	card := &model.WorthCard{Accounts: crowd.rows()}
	for _, part := range []struct {
		stage string
		fit   func() error
	}{
		{"fitting lifetimes", func() error { return a.fitLifetime(ctx, &card.Lifetime, crowd, horizon, s.Settings) }},
		{"fitting wallets", func() error { return a.fitWallet(ctx, &card.Wallet, crowd, s.Settings) }},
		{nextStage, func() error { return s.fitPropensities(ctx, c, a, card, lesson, crowd) }},
		{"measuring loyalty", func() error { return a.judgeLoyalty(ctx, &card.Loyalty, crowd, s.Settings, horizon, judged) }},
		{"judging contacts", func() (err error) {
			card.Decision, err = a.judgeDecision(ctx, crowd, s.Settings, horizon, judged)
			return err
		}},
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

// Stages of asking for what accounts are told by, and of learning what is bought next.
const (
	gatheringStage = "gathering accounts"
	nextStage      = "fitting what is bought next"
)

// crowd gathers the accounts as of a cutoff that may be told of.
func (s *Service) crowd(ctx context.Context, c *calendar, at frame.Cutoff, report func(Progress)) (*crowd, error) {
	request := c.request([]frame.Cutoff{at}, s.catalogue())
	standings, err := s.Facts.Standings(ctx, request, c.Label.HorizonDays)
	if err != nil {
		return nil, fmt.Errorf("ask what the accounts asked for: %w", err)
	}
	g := s.gather(at, untold(standings))
	progress := c.progress(gatheringStage, report)
	if _, err := s.Facts.Build(ctx, request, func(sl *features.Slice) error {
		progress(sl)
		g.add(sl, nil)
		return nil
	}); err != nil {
		return nil, err
	}
	return g.finish(ctx, s, request, 0)
}

type worthHead struct {
	Format  int    `json:"format"`
	SpendBy string `json:"spend_by"`
	// RiskBy is SpendBy in bundles from before the two were told apart.
	RiskBy string `json:"risk_by,omitempty"`
	// ValueBy is absent in bundles that value by the spend model wherever there is one.
	ValueBy string `json:"value_by,omitempty"`
	// Models are absent where RiskBy is.
	Models   []lifetime.Kind `json:"models,omitempty"`
	Months   int             `json:"months"`
	Discount float64         `json:"discount"`
	// Level and Draws are absent where they are the default's.
	Level float64 `json:"level,omitempty"`
	Draws int     `json:"draws,omitempty"`
}

const worthFormat = 1

// save adds the parts to a bundle.
func (a *appraisal) save(b artifact.Bundle) error {
	raw, err := json.Marshal(worthHead{worthFormat, a.spendBy, a.riskBy, a.valueBy(), a.models, a.terms.Months, a.terms.Discount, a.level, a.draws})
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

func forecastsSpend(by string) bool { return by == byRunRate || by == byLifetime }

func valuesBy(by string) bool { return by == "" || by == byGammaGamma || by == byPlainMean }

// loadAppraisal reads what save wrote; nil when the bundle tells no worth.
func loadAppraisal(b artifact.Bundle) (*appraisal, error) {
	raw, ok := b[worthSection]
	if !ok {
		return nil, nil //nolint:nilnil // a model from before has none
	}
	var head worthHead
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&head); err != nil || head.Format != worthFormat || !forecastsSpend(head.SpendBy) || head.RiskBy != "" && !forecastsSpend(head.RiskBy) || !valuesBy(head.ValueBy) {
		return nil, fmt.Errorf("section %s is not what this program reads (%+v): %w", worthSection, head, errors.Join(err, ErrInvalid))
	}
	a := &appraisal{spendBy: head.SpendBy, riskBy: cmp.Or(head.RiskBy, head.SpendBy), valuedBy: cmp.Or(head.ValueBy, byGammaGamma), models: head.Models, terms: lifetime.DefaultTerms(), propensity: map[features.HoldingKey]*crosssell.Propensity{}}
	a.terms.Months, a.terms.Discount, a.level, a.draws = head.Months, head.Discount, head.Level, head.Draws
	err := errors.Join(a.terms.Validate(), a.chance(0).Validate())
	if err != nil {
		return nil, fmt.Errorf("section %s: %w", worthSection, err)
	}
	if text, ok := b[lifetimeSection]; ok {
		if a.lifetime, err = lifetime.ParsePortfolio(text); err != nil {
			return nil, fmt.Errorf("%s: %w", lifetimeSection, err)
		}
	}
	if (a.spendBy == byLifetime || a.riskBy == byLifetime) && a.lifetime == nil {
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
