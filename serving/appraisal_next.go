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
			of.Why = err.Error()
		}
		card.CrossSell = append(card.CrossSell, of)
	}
	return nil
}

// leastItems is the fewest categories or products among which there is anything
// to recommend.
const leastItems = 3

func (s *Service) fitPropensity(ctx context.Context, c *calendar, a *appraisal, card *model.CrossSellCard, key features.HoldingKey, taught *gathering, test *crowd) error {
	request := features.HoldingRequest{Request: c.request([]frame.Cutoff{taught.crowd.cutoff}, nil), Key: key, HorizonDays: c.Label.HorizonDays}
	var held []features.Holding
	err := s.Facts.Holdings(ctx, request, func(all []features.Holding) error {
		for i := range all {
			if !taught.leave(all[i].Account) {
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
	p, learnt, err := crosssell.FitPropensity(ctx, []crosssell.Lesson{lesson}, params)
	if err != nil {
		return err
	}
	if key == features.ByCategory && a.wallet != nil && s.Settings.WalletFeatures != WalletFeaturesOff {
		crowd, err := taught.finishPurses(ctx, s, request.Request, held)
		if err != nil {
			return err
		}
		if p, err = s.tryWallets(ctx, card, lesson, crowd, params, p, learnt); err != nil {
			return err
		}
	}
	later, fitted, err := lessonOf(ctx, test.held(key), s.Settings)
	if err != nil {
		return err
	}
	card.Items, card.Dense, card.Tail = fitted.Items, fitted.Dense, fitted.Tail
	card.EN, card.ZH = fitted.Text()
	if len(p.Beside()) > 0 {
		then := &told{crowd: test}
		if err := a.tellCategories(then); err != nil {
			return err
		}
		later.Model = later.Model.With(then.beside(later.Model.Purchases()))
	}
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

// tryWallets learns what is bought next by category from the estimated wallets too, as
// the lesson's cutoff knew them, and returns that or what was learnt without them,
// whichever forecasts better the lesson's accounts that neither learnt from.
func (s *Service) tryWallets(
	ctx context.Context, card *model.CrossSellCard, lesson crosssell.Lesson, crowd *crowd, params crosssell.PropensityParams,
	plain *crosssell.Propensity, learnt crosssell.PropensityReport,
) (*crosssell.Propensity, error) {
	then, known := &appraisal{}, &told{crowd: crowd}
	if err := then.fitWallet(ctx, &model.WalletCard{}, crowd, s.Settings); err != nil || then.wallet == nil {
		return plain, err
	}
	if err := then.tellCategories(known); err != nil {
		return nil, err
	}
	lesson.Model = lesson.Model.With(known.beside(lesson.Model.Purchases()))
	with, tried, err := crosssell.FitPropensity(ctx, []crosssell.Lesson{lesson}, params)
	if err != nil {
		return nil, err
	}
	loss, without := crosssell.LogLoss(tried.HeldOutQuality), crosssell.LogLoss(learnt.HeldOutQuality)
	card.Wallet = &model.WalletTrial{Accounts: tried.HeldOut, With: model.Figure(loss), Without: model.Figure(without), Kept: loss < without}
	if card.Wallet.Kept {
		return with, nil
	}
	return plain, nil
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
