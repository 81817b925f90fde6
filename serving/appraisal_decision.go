package serving

import (
	"context"
	"fmt"
	"math"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/decision"
	"fealty/model/metrics"
	"fealty/model/score"
)

// judgeDecision sets what contacts would have earned beside what was expected of them.
// The crowd needs what was spent after the cutoff.
func (a *appraisal) judgeDecision(ctx context.Context, c *crowd, s Settings, horizon int, j *judged) (*model.DecisionCard, error) {
	t := &told{crowd: c, horizon: horizon}
	if err := a.tellLifetime(ctx, t, s, a.asked(s, false)); err != nil {
		return nil, err
	}
	o := outcomes{Accounts: decision.Accounts{Currency: s.BaseCurrency}}
	margin := c.column(marginColumn)
	for k, account := range j.accounts {
		i, ok := c.row[account]
		if !ok {
			continue
		}
		risk := score.Probability(j.margins[k])
		rate := s.marginShare(margin[i])
		value := atRisk(risk, t.kept[i], rate)
		if math.IsNaN(value) {
			continue
		}
		o.Account, o.Probability, o.Value = append(o.Account, account), append(o.Probability, risk), append(o.Value, max(value, 0))
		o.Manager, o.ByRate = append(o.Manager, c.profiles[i].Manager), append(o.ByRate, math.IsNaN(margin[i]))
		came := value
		if j.y[k] == 0 {
			came = c.after[i] * rate
		}
		o.y, o.real = append(o.y, j.y[k]), append(o.real, max(came, 0))
	}
	return o.card(ctx, s.MarginRate, s.Offer)
}

// outcomes are candidates of a call list, and what became of them.
type outcomes struct {
	decision.Accounts
	// y is 1 of those who left; real is what the account was worth in truth: of who left
	// the value that was expected, as nobody knows it.
	y, real []float64
}

// capacities are how many contacts a manager makes, in the lists that are judged.
var capacities = []int{1, 5, 10, 25, 50, 100, 250}

// card judges contacts by the terms of an offer.
func (o *outcomes) card(ctx context.Context, marginRate float64, offer decision.Offer) (*model.DecisionCard, error) {
	card := &model.DecisionCard{Currency: o.Currency, Accounts: len(o.y), MarginRate: model.Figure(marginRate)}
	for i, y := range o.y {
		if y == 1 {
			card.Churned++
		}
		if o.ByRate[i] {
			card.ByRate++
		}
	}
	same, sameAssumed := offer.Same()
	own, ownAssumed := offer.Own()
	none := nan()
	card.EMPC = model.OfferProfit{
		PerAccount: none, Share: none, Alpha: model.Figure(same.Alpha), Beta: model.Figure(same.Beta),
		Value: model.Figure(same.CLV), Incentive: model.Figure(same.Incentive), Contact: model.Figure(same.Contact),
		Assumed: sameAssumed,
	}
	card.EMPB = model.OfferProfit{
		PerAccount: none, Share: none, Alpha: model.Figure(own.Alpha), Beta: model.Figure(own.Beta),
		Value: none, Incentive: model.Figure(own.IncentiveFraction), Contact: model.Figure(own.Contact),
		Assumed: ownAssumed,
	}
	if len(o.y) == 0 {
		card.Why = "no account has a probability, a value and an outcome"
		return card, nil
	}
	empc, err := metrics.EMPC(o.y, o.Probability, same)
	if err != nil {
		return nil, fmt.Errorf("judge contacts: %w", err)
	}
	empb, err := metrics.EMPB(o.y, o.Probability, o.real, own)
	if err != nil {
		return nil, fmt.Errorf("judge contacts: %w", err)
	}
	card.EMPC.PerAccount, card.EMPC.Share = model.Figure(empc.PerCustomer), model.Figure(empc.Rate)
	card.EMPB.PerAccount, card.EMPB.Share = model.Figure(empb.PerCustomer), model.Figure(empb.Rate)
	everybody, err := metrics.ProfitOfContacts(o.y, o.Probability, o.real, own, len(o.y))
	if err != nil {
		return nil, fmt.Errorf("judge contacts: %w", err)
	}
	row := make(map[frame.AccountID]int, len(o.y))
	for i, account := range o.Account {
		row[account] = i
	}
	level := func(capacity decision.Capacity, perManager int) (model.ProfitLevel, error) {
		list, err := decision.Plan(ctx, o.Accounts, decision.Assumptions{ContactCost: offer.ContactCost, Incentive: offer.Incentive, Acceptance: offer.Acceptance()}, capacity)
		if err != nil {
			return model.ProfitLevel{}, fmt.Errorf("judge contacts: %w", err)
		}
		realised := 0.0
		for _, r := range list.Rows {
			i := row[r.Account]
			realised += metrics.Expected(o.y[i], o.real[i], own.Alpha/(own.Alpha+own.Beta), own.IncentiveFraction, own.Contact)
		}
		n := len(list.Rows)
		return model.ProfitLevel{
			PerManager: perManager, Contacts: n, Expected: model.Figure(list.Total), Realised: model.Figure(realised),
			Random: model.Figure(everybody * float64(n) / float64(len(o.y))),
		}, nil
	}
	all, err := level(decision.Capacity{}, 0)
	if err != nil {
		return nil, err
	}
	for _, each := range capacities {
		some, err := level(decision.Capacity{Each: &each}, each)
		if err != nil {
			return nil, err
		}
		if some.Contacts == all.Contacts {
			break
		}
		card.Levels = append(card.Levels, some)
	}
	card.Levels = append(card.Levels, all)
	return card, nil
}

// profitsOf judges contacts by a model at the cutoff of labelled rows.
func (s *Service) profitsOf(ctx context.Context, c *calendar, m *registered, rows *labelled) (*model.DecisionCard, error) {
	j := &judged{accounts: rows.accounts, margins: make([]float64, len(rows.accounts)), y: rows.y}
	f := rows.frame()
	if err := m.Predict(f, j.margins); err != nil {
		return nil, unfit(err)
	}
	of := &crowd{cutoff: f.Cutoffs[0], frame: f, row: map[frame.AccountID]int{}, after: make([]float64, f.Rows())}
	for i, account := range f.Accounts {
		of.row[account] = i
	}
	request := c.request(f.Cutoffs[:1], s.catalogue())
	if err := of.profile(ctx, s, request); err != nil {
		return nil, err
	}
	whole := features.HoldingRequest{Request: request, Key: features.ByEverything, HorizonDays: m.card.HorizonDays}
	err := s.Facts.Holdings(ctx, whole, func(all []features.Holding) error {
		for i := range all {
			if row, ok := of.row[all[i].Account]; ok {
				of.after[row] = all[i].SpendAfter
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask what the accounts bought: %w", err)
	}
	a := m.worth
	if a == nil { // from before fealty told what accounts are worth
		a = &appraisal{spendBy: byRunRate, riskBy: byRunRate}
	}
	return a.judgeDecision(ctx, of, s.Settings, m.card.HorizonDays, j)
}
