package serving

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"
)

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
	t := &told{crowd: c, horizon: horizon}
	if err := a.measure(ctx, t, s, false); err != nil {
		return err
	}
	// What is recommended plays no part in loyalty.
	in := t.input(unmeasured(c.rows()), s)
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
	one := func(t loyalty.Tenth) model.OneTenth {
		return model.OneTenth{Accounts: t.N, Score: model.Figure(t.Score), Kept: model.Figure(t.Kept), Spend: model.Figure(t.Spend)}
	}
	for k, tenth := range proof.Loyalty.Tenths {
		of := model.LoyaltyTenth{OneTenth: one(tenth)}
		if proof.Churn != nil {
			churn := one(proof.Churn.Tenths[k])
			of.Churn = &churn
		}
		card.Tenths = append(card.Tenths, of)
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
	// A year's margin: what an account has brought in less than one, brought up to it.
	yearly, tenure := make([]float64, c.rows()), c.column(tenureColumn)
	for i := range yearly {
		yearly[i] = features.RunRate(t.places[i].Existing, tenure[i], horizon) / float64(horizon) * 365
	}
	point, err := loyalty.WorthOfRetention(yearly, kept, float64(horizon), s.Worth.Loyalty.Retention)
	if err != nil { // too few, or nobody earns: no failure of the training
		card.WhyNot, card.WhyNotCode = err.Error(), whyCode(err)
		return nil // said on the card
	}
	interval := func(e loyalty.Estimate) model.Interval {
		return model.Interval{Value: model.Figure(e.Value), Low: model.Figure(e.Low), High: model.Figure(e.High)}
	}
	kept95 := interval(point.Retention)
	card.Retention, card.RetentionAccounts = &kept95, point.Accounts
	card.Point, card.Five = interval(point.Point), interval(point.Five)
	return nil
}

// sayRetention says what a point of retention is worth, over a horizon in days; "" where
// the card does not tell it.
func sayRetention(card *model.LoyaltyCard, days int) (en, zh string) {
	if math.IsNaN(float64(card.Point.Value)) || card.WhyNot != "" || card.Why != "" {
		return "", ""
	}
	estimate := func(i model.Interval) loyalty.Estimate {
		return loyalty.Estimate{Value: float64(i.Value), Low: float64(i.Low), High: float64(i.High)}
	}
	w := loyalty.PointWorth{Accounts: card.RetentionAccounts, Days: float64(days), Point: estimate(card.Point), Five: estimate(card.Five)}
	if card.Retention != nil {
		w.Retention = estimate(*card.Retention)
	}
	return w.Sentence(score.English), w.Sentence(score.Chinese)
}

func correlation(c loyalty.Correlation) model.Interval {
	return model.Interval{Value: model.Figure(c.Value), Low: model.Figure(c.Low), High: model.Figure(c.High)}
}
