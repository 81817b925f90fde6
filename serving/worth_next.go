package serving

import (
	"context"

	"fealty/model"
	"fealty/model/loyalty"
)

// Why nothing is recommended, beside no_propensity.
const (
	// nothingEligible: the model could tell, and nothing is left that may be recommended.
	nothingEligible = "nothing_eligible"
	// otherKinds: something is recommended, and nothing of the kind or key asked for.
	otherKinds = "other_kinds"
	// modelGone: the model that told is gone, and with it the reason.
	modelGone = "model_gone"
)

// nothingWhys are the words of why nothing is recommended.
var nothingWhys = map[string]loyalty.Words{
	noPropensity: {EN: "the model has learnt of no category and no product how likely it is bought next: fealty crosssell --fit says why", ZH: "模型未能学到任何品类或商品下次被购买的概率，原因见 fealty crosssell --fit"},
	nothingEligible: {
		EN: "no category or product is left that may be recommended: the rules under crosssell exclude the others, or fewer than 3 are bought here",
		ZH: "没有可推荐的品类或商品：其余已被crosssell的规则排除，或在此购买的不足3种",
	},
	otherKinds: {EN: "what is recommended is of another kind, or by category where products were asked for, or the other way round", ZH: "现有推荐属于其他类型，或与所问的品类、商品维度不同"},
	modelGone:  {EN: "the model is gone, and with it the reason", ZH: "模型已不存在，原因无从得知"},
}

// whyNothing is the code of why nothing is recommended by a key, "" for any, of a card
// that is nil where the model is gone.
func whyNothing(card *model.Card, by string) string {
	if card == nil || card.Worth == nil {
		return modelGone
	}
	for i := range card.Worth.CrossSell {
		if c := &card.Worth.CrossSell[i]; (by == "" || by == c.Key) && c.Why == "" {
			return nothingEligible
		}
	}
	return noPropensity
}

// WhyNothingNext is the code of why an account has no recommendations by a model.
func (s *Service) WhyNothingNext(ctx context.Context, version string) (string, error) {
	card, err := s.cardOf(ctx, version)
	if err != nil {
		return "", err
	}
	return whyNothing(card, ""), nil
}

// sayNothing says why accounts have no rows. had tells of each whether something else is
// recommended to it; an account without a name stands for all.
func (r *CrossSellResult) sayNothing(ctx context.Context, s *Service, by string, accounts []string, had []bool) error {
	if len(accounts) == 0 {
		return nil
	}
	card, err := s.cardOf(ctx, r.Model)
	if err != nil {
		return err
	}
	for i, account := range accounts {
		why := whyNothing(card, by)
		if had[i] {
			why = otherKinds
		}
		t := termIn(nothingWhys, why)
		r.Nothing = append(r.Nothing, Absent{account, why, t.EN, t.ZH})
	}
	return nil
}

// saidNothing is why nothing is recommended by a run, as far as anybody says. It is asked
// once for each model; what is in the way of an answer goes to the log.
func (d *Desk) saidNothing(ctx context.Context, r Run) Term {
	if d.WhyNothingNext == nil {
		return Term{}
	}
	if known := d.nothing.Load(); known != nil && known.model == r.Model {
		return termIn(nothingWhys, known.why)
	}
	why, err := d.WhyNothingNext(ctx, r.Model)
	if err != nil {
		d.Log.WarnContext(ctx, "not known why nothing is recommended", "model", r.Model, "error", err)
		return Term{}
	}
	d.nothing.Store(&nothingNext{r.Model, why})
	return termIn(nothingWhys, why)
}

// nothingNext is why nothing is recommended by a model.
type nothingNext struct{ model, why string }
