package serving

import (
	"context"
	"fmt"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/lifetime"
	"fealty/model/score"
)

func (a *appraisal) tellLifetime(ctx context.Context, t *told, s Settings, intervals bool) error {
	c, n := t.crowd, t.crowd.rows()
	for _, column := range []*[]float64{&t.alive, &t.noPurchase, &t.purchases, &t.kept, &t.value, &t.low, &t.high} {
		*column = unmeasured(n)
	}
	t.fits = make([]string, n)
	spent, tenure, margin := c.column(spendColumn), c.column(tenureColumn), c.column(marginColumn)
	t.rate = make([]float64, n)
	for i := range n {
		t.kept[i], t.rate[i] = features.RunRate(spent[i], tenure[i], t.horizon), s.marginShare(margin[i])
	}
	t.spend = slices.Clone(t.kept)
	if a.lifetime == nil {
		return nil
	}
	h, mean, rows := historiesOf(c.frame)
	segments := picked(c.segments(), rows)
	scores, err := a.lifetime.Score(h, mean, segments, float64(t.horizon), a.terms)
	if err != nil {
		return fmt.Errorf("tell lifetimes: %w", err)
	}
	low, high := unmeasured(len(rows)), unmeasured(len(rows))
	if intervals {
		if err := a.lifetime.ValueIntervals(ctx, h, mean, segments, a.terms, s.Worth.chance(s.Seed), low, high); err != nil {
			return fmt.Errorf("tell lifetimes: %w", err)
		}
	}
	for k, i := range rows {
		rate := t.rate[i]
		t.alive[i], t.noPurchase[i], t.purchases[i] = scores.Alive[k], scores.NoPurchase[k], scores.Expected[k]
		t.value[i], t.low[i], t.high[i] = scores.Value[k]*rate, low[k]*rate, high[k]*rate
		if a.spendBy == byLifetime {
			t.spend[i], t.kept[i] = scores.Expected[k]*scores.MeanSpend[k], scores.IfAlive[k]*scores.MeanSpend[k]
		}
		t.fits[i] = fitName(a.lifetime, segments[k])
	}
	return nil
}

// fitName is the kind of the model that an account is told by, with the segment
// whose own it is.
func fitName(p *lifetime.Portfolio, segment string) string {
	m, _ := p.Models(segment)
	if p.Choice(segment).Purchases.Own() {
		return string(m.Kind()) + "/" + segment
	}
	return string(m.Kind())
}

// stake sets the value at risk of scores, whose segments are known, by the
// lifetime forecast of spend where that is the better one: what the account would
// spend if it stays, since the probability is that of leaving. Row i of the frame
// is that of score i.
func (k *scorer) stake(f *frame.Frame, scores []score.Score) error {
	if k.worth == nil || k.worth.spendBy != byLifetime {
		return nil
	}
	h, mean, rows := historiesOf(f)
	segments := make([]string, len(rows))
	for j, i := range rows {
		segments[j] = scores[i].Segment
	}
	told, err := k.worth.lifetime.Score(h, mean, segments, float64(k.card.HorizonDays), k.worth.terms)
	if err != nil {
		return fmt.Errorf("forecast spend: %w", err)
	}
	margin := values(f, marginColumn)
	for j, i := range rows {
		scores[i].ValueAtRisk = scores[i].Probability * (told.IfAlive[j] * told.MeanSpend[j]) * k.Settings.marginShare(margin[i])
	}
	return nil
}
