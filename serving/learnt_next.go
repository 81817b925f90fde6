package serving

import (
	"context"
	"errors"
	"fmt"
	"math"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/crosssell"
	"fealty/model/score"
)

// trialWords say what the columns of the wallet add to what is bought next: the forecast,
// its verdict, and the lists of new categories.
var trialWords = map[score.Language]struct{ forecast, better, worse, alike, few, lists, untried string }{
	score.English: {
		forecast: "By what was bought after the cutoff, the forecast of the categories that accounts buy next is %s with the columns of the estimated wallet: log-loss %.5f with them and %.5f without (%.5f ± %.5f saved, on %d pairs of account and category).",
		better:   "better", worse: "worse", alike: "the same, within chance,",
		few:     "There are too few accounts to tell what the columns of the estimated wallet add to the forecast of the categories that accounts buy next.",
		lists:   " Lists of ten categories new to the account rank what it then bought at an NDCG of %.3f with them and %.3f without.",
		untried: "What the estimated wallet adds to the categories that accounts buy next was not tried: %s.",
	},
	score.Chinese: {
		forecast: "以截止日之后的实际购买检验：加入估计钱包的各列后，对客户下一步购买品类的预测%s：对数损失为%.5f，不加入时为%.5f（减少%.5f±%.5f，共%d个客户与品类的组合）。",
		better:   "更准", worse: "更差", alike: "在随机误差之内没有变化",
		few:     "客户太少，无法判断加入估计钱包的各列对客户下一步购买品类的预测有何增益。",
		lists:   "对客户从未买过的品类，前十名推荐的NDCG为%.3f，不加入时为%.3f。",
		untried: "未检验估计钱包对客户下一步购买品类的预测有何增益：%s。",
	},
}

// untried is a trial of the wallet's columns that there was none of.
func untried(why, whyZH string) *model.WalletTrial {
	return &model.WalletTrial{
		Why: why, With: undefined, Without: undefined,
		EN: fmt.Sprintf(trialWords[score.English].untried, why), ZH: fmt.Sprintf(trialWords[score.Chinese].untried, whyZH),
	}
}

// nextTrial is a propensity to buy next, and what becomes of it with the columns of the
// wallet.
type nextTrial struct {
	lesson, later crosssell.Lesson
	params        crosssell.PropensityParams
	// plain reads the purchases alone, with the wallet too; that is nil where it was not
	// tried.
	plain, with *crosssell.Propensity
	learnt      crosssell.PropensityReport
	// card is nil where the columns are off, and compared of a trial.
	card     *model.WalletTrial
	compared crosssell.Comparison
}

// newNextTrial learns at a lesson from the purchases alone.
func newNextTrial(ctx context.Context, lesson, later crosssell.Lesson, horizonDays int) (*nextTrial, error) {
	t := &nextTrial{lesson: lesson, later: later, params: crosssell.PropensityDefaults()}
	t.params.HorizonDays = horizonDays
	var err error
	t.plain, t.learnt, err = crosssell.FitPropensity(ctx, []crosssell.Lesson{lesson}, t.params)
	return t, err
}

// tryWallets learns what is bought next by category from the estimated wallets too, as
// the lesson's cutoff knew them; that is kept if it forecasts better the lesson's accounts
// that neither learnt from. Both are then compared by what came after the test. held is
// what the lesson was made of; it is used up.
func (s *Service) tryWallets(ctx context.Context, c *calendar, t *nextTrial, a *appraisal, taught *gathering, held []features.Holding, test *crowd) error {
	if a.wallet == nil {
		t.card = untried("no wallets could be estimated at the test cutoff", "在测试截止日无法估计钱包")
		return nil
	}
	crowd, err := taught.finishPurses(ctx, s, c.request([]frame.Cutoff{taught.crowd.cutoff}, nil), held)
	if err != nil {
		return err
	}
	then, known, now := &appraisal{}, &told{crowd: crowd}, &told{crowd: test}
	var wallets model.WalletCard
	if err := then.fitWallet(ctx, &wallets, crowd, s.Settings); err != nil {
		return err
	}
	if then.wallet == nil {
		t.card = untried("no wallets could be estimated at the lesson's cutoff: "+wallets.Why, "在学习截止日无法估计钱包")
		return nil
	}
	if err := errors.Join(then.tellCategories(known), a.tellCategories(now)); err != nil {
		return err
	}
	lesson, later := t.lesson, t.later
	lesson.Model = lesson.Model.With(known.beside(lesson.Model.Purchases()))
	later.Model = later.Model.With(now.beside(later.Model.Purchases()))
	with, tried, err := crosssell.FitPropensity(ctx, []crosssell.Lesson{lesson}, t.params)
	if err != nil {
		return err
	}
	loss, without := crosssell.LogLoss(tried.HeldOutQuality), crosssell.LogLoss(t.learnt.HeldOutQuality)
	t.with, t.card = with, &model.WalletTrial{Accounts: tried.HeldOut, With: model.Figure(loss), Without: model.Figure(without), Kept: loss < without}
	if t.compared, err = crosssell.Compare(ctx, with, t.plain, later); err != nil {
		return err
	}
	tellLater(t.card, &t.compared)
	return nil
}

// kept is the propensity that serves.
func (t *nextTrial) kept() *crosssell.Propensity {
	if t.with != nil && t.card.Kept {
		return t.with
	}
	return t.plain
}

// quality is that of the one that serves, after the test.
func (t *nextTrial) quality(ctx context.Context) ([]crosssell.Quality, error) {
	switch {
	case t.with == nil:
		return t.plain.Evaluate(ctx, t.later)
	case t.card.Kept:
		return t.compared.With, nil
	}
	return t.compared.Without, nil
}

// tellLater writes what the columns added after the test cutoff.
func tellLater(t *model.WalletTrial, c *crosssell.Comparison) {
	ndcgWith, ndcgWithout := math.NaN(), math.NaN()
	for k, g := range c.Gains {
		row := model.WalletGain{
			Kind: model.AllKinds, Rows: g.Rows, Bought: g.Positives, LogLossWith: model.Figure(g.With), LogLossWithout: model.Figure(g.Without),
			Gain: model.Figure(g.Gain), GainError: model.Figure(g.Error), AUCWith: undefined, AUCWithout: undefined, NDCGWith: undefined, NDCGWithout: undefined,
		}
		if g.Kind != 0 {
			row.Kind = g.Kind.String()
			if with, without := &c.With[k-1], &c.Without[k-1]; with.Measured {
				row.AUCWith, row.AUCWithout = model.Figure(with.AUC), model.Figure(without.AUC)
				row.NDCGWith, row.NDCGWithout = model.Figure(with.NDCG), model.Figure(without.NDCG)
				if g.Kind == crosssell.New {
					ndcgWith, ndcgWithout = with.NDCG, without.NDCG
				}
			}
		}
		t.Later = append(t.Later, row)
	}
	all := c.Gains[0]
	say := func(language score.Language) string {
		words := trialWords[language]
		verdict := words.alike
		switch {
		case !all.Tells():
		case all.Gain > 0:
			verdict = words.better
		default:
			verdict = words.worse
		}
		if math.IsNaN(all.Error) {
			return words.few
		}
		text := fmt.Sprintf(words.forecast, verdict, all.With, all.Without, all.Gain, all.Error, all.Rows)
		if !math.IsNaN(ndcgWith) {
			text += fmt.Sprintf(words.lists, ndcgWith, ndcgWithout)
		}
		return text
	}
	t.EN, t.ZH = say(score.English), say(score.Chinese)
}
