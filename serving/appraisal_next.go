package serving

import (
	"context"
	"errors"
	"fmt"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/crosssell"
)

// fitPropensities learns at the lesson's cutoff what is bought next, and judges
// it at the test.
func (s *Service) fitPropensities(ctx context.Context, c *calendar, a *appraisal, card *model.WorthCard, lesson *gathering, test *crowd) error {
	for _, key := range []features.HoldingKey{features.ByCategory, features.ByProduct} {
		of := model.CrossSellCard{Key: string(key)}
		err := s.fitPropensity(ctx, c, a, &of, key, lesson, test)
		if err != nil && !errors.Is(err, crosssell.ErrInput) {
			return fmt.Errorf("fit what is bought next by %s: %w", key, err)
		}
		if err != nil {
			of.Why, of.WhyCode = err.Error(), whyCode(err)
		}
		card.CrossSell = append(card.CrossSell, of)
	}
	return nil
}

// leastItems is the fewest categories or products among which there is anything
// to recommend.
const leastItems = 3

func (s *Service) fitPropensity(ctx context.Context, c *calendar, a *appraisal, card *model.CrossSellCard, key features.HoldingKey, taught *gathering, test *crowd) error {
	held, err := s.pupilsHold(ctx, c, taught, key)
	if err != nil {
		return err
	}
	lesson, _, err := lessonOf(ctx, held, s.Settings)
	if err != nil {
		return err
	}
	later, fitted, err := lessonOf(ctx, test.held(key), s.Settings)
	if err != nil {
		return err
	}
	card.Items, card.Dense, card.Tail = fitted.Items, fitted.Dense, fitted.Tail
	card.EN, card.ZH = fitted.Text()
	t, err := newNextTrial(ctx, lesson, later, c.Label.HorizonDays)
	if err != nil {
		return err
	}
	if key == features.ByCategory && s.Settings.WalletFeatures != WalletFeaturesOff {
		if err := s.tryWallets(ctx, c, t, a, taught, held, test); err != nil {
			return err
		}
	}
	quality, err := t.quality(ctx)
	if err != nil {
		return err
	}
	card.Wallet = t.card
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
	a.propensity[key] = t.kept()
	return nil
}

// pupilsHold is what the accounts that may be learnt from hold by a key at a gathering's
// cutoff, with what they bought in the horizon.
func (s *Service) pupilsHold(ctx context.Context, c *calendar, g *gathering, key features.HoldingKey) ([]features.Holding, error) {
	var held []features.Holding
	request := features.HoldingRequest{Request: c.request([]frame.Cutoff{g.crowd.cutoff}, nil), Key: key, HorizonDays: c.Label.HorizonDays}
	err := s.Facts.Holdings(ctx, request, func(all []features.Holding) error {
		for i := range all {
			if !g.leave(all[i].Account) {
				held = append(held, all[i])
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask what the accounts bought: %w", err)
	}
	return held, nil
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
	m, report, err := crosssell.Fit(ctx, past, s.Worth.crossSell(s.ActiveWithin()))
	if err != nil {
		return crosssell.Lesson{}, crosssell.Report{}, err
	}
	return crosssell.Lesson{Model: m, Bought: bought(held, past)}, report, nil
}
