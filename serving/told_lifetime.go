package serving

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// asking says what lifetimes are told of: the terms of the value, and how its
// intervals are drawn, nil for none.
type asking struct {
	terms  lifetime.Terms
	chance *lifetime.Chance
}

// histories are those of a frame's rows that its lifetime model is of.
func (a *appraisal) histories(f *frame.Frame, s Settings) *histories {
	kind := lifetime.NBD
	if a.lifetime != nil {
		purchases, _ := a.lifetime.Pooled()
		kind = purchases.Kind()
	}
	return historiesOf(f, kind, s.Location())
}

// chance says how the intervals of lifetime values are drawn: as in the training.
func (a *appraisal) chance(seed uint64) lifetime.Chance {
	return lifetime.Chance{Level: cmp.Or(a.level, lifetime.DefaultChance().Level), Draws: cmp.Or(a.draws, defaultDraws), Seed: seed}
}

// asked is what a run asks: the terms of the training.
func (a *appraisal) asked(s Settings, intervals bool) asking {
	q := asking{terms: a.terms}
	if intervals {
		chance := a.chance(s.Seed)
		q.chance = &chance
	}
	return q
}

// tellLifetime tells lifetimes by the crowd's rows.
func (a *appraisal) tellLifetime(ctx context.Context, t *told, s Settings, q asking) error {
	c, n := t.crowd, t.crowd.rows()
	for _, column := range []*[]float64{&t.alive, &t.noPurchase, &t.purchases, &t.kept, &t.value, &t.low, &t.high} {
		*column = unmeasured(n)
	}
	t.fits, t.spendBy, t.valueBy = make([]string, n), make([]string, n), a.valueBy()
	t.rate, t.rateBy = make([]float64, n), make([]loyalty.PartCode, n)
	spent, tenure, margin, ever := c.column(spendColumn), c.column(tenureColumn), c.column(marginColumn), c.marginEver()
	for i := range n {
		t.kept[i] = features.RunRate(spent[i], tenure[i], t.horizon)
		t.rate[i], t.rateBy[i] = loyalty.MarginOf(margin[i], ever[i], s.MarginRate)
		if !math.IsNaN(t.kept[i]) {
			t.spendBy[i] = byRunRate
		}
	}
	t.spend = slices.Clone(t.kept)
	h := a.histories(c.frame, s)
	t.whys = h.why
	if a.lifetime == nil {
		for _, i := range h.rows {
			t.whys[i] = noModel
		}
		return nil
	}
	segments := picked(c.segments(), h.rows)
	scores, err := a.lifetime.Score(h.Histories, h.mean, segments, h.span(float64(t.horizon)), h.terms(q.terms))
	if err != nil {
		return fmt.Errorf("tell lifetimes: %w", err)
	}
	low, high := unmeasured(len(h.rows)), unmeasured(len(h.rows))
	if q.chance != nil {
		if err := a.valued().ValueIntervals(ctx, h.Histories, h.mean, segments, h.terms(q.terms), *q.chance, low, high); err != nil {
			return fmt.Errorf("tell lifetimes: %w", err)
		}
	}
	purchases, _ := a.lifetime.Pooled()
	for k, i := range h.rows {
		t.noPurchase[i], t.purchases[i] = scores.NoPurchase[k], scores.Expected[k]
		if purchases.Kind().Leaves() {
			t.alive[i] = scores.Alive[k]
		} else {
			t.whys[i] = noDeparture
		}
		perPurchase := scores.MeanSpend[k]
		if t.valueBy == byPlainMean {
			perPurchase = h.mean[k]
		}
		// Where more is paid for the goods than they bring, the bounds change places.
		value, one, other := scores.Discounted[k]*perPurchase*t.rate[i], low[k]*t.rate[i], high[k]*t.rate[i]
		t.value[i], t.low[i], t.high[i] = value, min(one, other), max(one, other)
		if a.spendBy == byLifetime {
			t.spend[i], t.spendBy[i] = scores.Expected[k]*scores.MeanSpend[k], byLifetime
		}
		if a.riskBy == byLifetime {
			t.kept[i] = scores.IfAlive[k] * scores.MeanSpend[k]
		}
		t.fits[i] = fitName(a.lifetime, segments[k])
	}
	return nil
}

// lifetime is what is told of the lifetime of row i.
func (t *told) lifetime(i int) score.Lifetime {
	l := score.Lifetime{
		Alive: t.alive[i], NoPurchase: t.noPurchase[i], Purchases: t.purchases[i], Spend: t.spend[i], SpendBy: t.spendBy[i],
		Value: t.value[i], Low: t.low[i], High: t.high[i], Model: t.fits[i], Why: t.whys[i],
	}
	if !math.IsNaN(l.Value) {
		l.ValueBy = t.valueBy
	}
	return l
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
// lifetime forecast of what the account would spend if it stays, where that is the
// better one: the probability is that of leaving. Row i of the frame is that of
// score i.
func (k *scorer) stake(f *frame.Frame, scores []score.Score) error {
	if k.worth == nil || k.worth.riskBy != byLifetime {
		return nil
	}
	h := k.worth.histories(f, k.Settings)
	segments := make([]string, len(h.rows))
	for j, i := range h.rows {
		segments[j] = scores[i].Segment
	}
	told, err := k.worth.lifetime.Score(h.Histories, h.mean, segments, h.span(float64(k.card.HorizonDays)), h.terms(k.worth.terms))
	if err != nil {
		return fmt.Errorf("forecast spend: %w", err)
	}
	margin := values(f, marginColumn)
	for j, i := range h.rows {
		scores[i].ValueAtRisk = scores[i].Probability * (told.IfAlive[j] * told.MeanSpend[j]) * k.Settings.marginShare(margin[i])
	}
	return nil
}

// refitted tells by parameters fitted on what the crowd's cutoff knew, without the
// accounts that may not be learnt from. Which model it is and what forecasts spend
// remain as they were chosen in the training. An error that names the way out where
// the histories do not determine the parameters.
func (a *appraisal) refitted(ctx context.Context, c *crowd, s Settings, leave func(frame.AccountID) bool) (*appraisal, error) {
	if a.lifetime == nil {
		return nil, fmt.Errorf("the model has no lifetime model to fit again: train again: %w", ErrConflict)
	}
	h := a.histories(c.frame, s)
	var which []int
	for k, i := range h.rows {
		if !leave(c.frame.Accounts[i]) {
			which = append(which, k)
		}
	}
	h = h.take(which)
	purchases, _ := a.lifetime.Pooled()
	p, err := lifetime.FitPortfolio(ctx, purchases.Kind(), h.Histories, h.mean, picked(c.segments(), h.rows), lifetime.DefaultLeast())
	if errors.Is(err, lifetime.ErrNotConverged) || errors.Is(err, lifetime.ErrInput) {
		return nil, fmt.Errorf("fit lifetimes again: %w; leave out --refit: %w", err, ErrConflict)
	}
	if err != nil {
		return nil, fmt.Errorf("fit lifetimes again: %w", err)
	}
	again := *a
	again.lifetime = p
	return &again, nil
}
