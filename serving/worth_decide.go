package serving

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/decision"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// What the value of a kept account is.
const (
	// ValueHorizon is the margin expected within the horizon, that value at risk is of.
	ValueHorizon = "horizon"
	// ValueLifetime is the lifetime value.
	ValueLifetime = "lifetime"
)

// DecideRequest asks whom to contact for money. What is nil is as the settings have the
// offer, and what they don't set either is assumed by default; the answer says so.
type DecideRequest struct {
	// Cutoff and Model as in WorthRequest.
	Cutoff string `json:"cutoff,omitempty"`
	Model  string `json:"model,omitempty"`
	// Value says what the value of a kept account is: ValueHorizon (also "") or
	// ValueLifetime.
	Value string `json:"value,omitempty"`
	// PerManager is how many contacts each account manager can make, Managers those
	// of single ones; nil is unlimited. Fill uses them up even at a loss.
	PerManager *int           `json:"per_manager,omitempty"`
	Managers   map[string]int `json:"managers,omitempty"`
	Fill       bool           `json:"fill,omitempty"`
	// The assumptions of decision.Assumptions.
	ContactCost *float64 `json:"contact_cost,omitempty"`
	Incentive   *float64 `json:"incentive,omitempty"`
	Acceptance  *float64 `json:"acceptance,omitempty"`
	ValueFactor *float64 `json:"value_factor,omitempty"`
	OddsFactor  *float64 `json:"odds_factor,omitempty"`
	Swing       float64  `json:"swing,omitempty"`
}

// DecideResult is the call list, and what it rests on.
type DecideResult struct {
	WorthOf
	// ValueIs is what the values are: horizon or lifetime, with its words; SpendBy what
	// forecast the spend of a horizon.
	ValueIs string `json:"value_is"`
	EN      string `json:"value_en"`
	ZH      string `json:"value_zh"`
	// LeftOut counts accounts that are no candidates, by the reason: without a score,
	// having opted out, or resting.
	LeftOut map[string]int `json:"left_out"`
	// Losing counts candidates whose value is below 0, taken for 0: to keep them
	// earns nothing.
	Losing int `json:"value_below_0"`
	// List says too what it rests on, the margin rate included, and of how many accounts
	// no cost is known.
	List    *decision.List `json:"list"`
	English []string       `json:"english"`
	Chinese []string       `json:"chinese"`
}

// The reasons for which an account with a score is on no call list: it doesn't want to be
// called, or rests by agreement.
const (
	optedOut = "opted_out"
	paused   = "paused"
)

// candidates gathers the accounts that may be called.
type candidates struct {
	decision.Accounts
	// row is each account's.
	row map[frame.AccountID]int
	// managers are those of all accounts, also of those that are no candidates.
	managers map[string]bool
	// months are what a lifetime value is of: those of the model's training; 0 when
	// the model is not there any more.
	months int
}

// atRisk is the value that a value at risk is made of: what is published holds the
// product alone, so that a list told anew divides it too and is the same to the bit.
func atRisk(probability, kept, rate float64) float64 {
	return probability * kept * rate / probability
}

func (c *candidates) add(account frame.AccountID, manager string, probability, value float64) {
	c.row[account] = len(c.Account)
	c.Account, c.Manager = append(c.Account, account), append(c.Manager, manager)
	c.Probability, c.Value = append(c.Probability, probability), append(c.Value, value)
}

// Decide makes the call list with the largest expected profit.
func (s *Service) Decide(ctx context.Context, r DecideRequest, report func(Progress)) (result DecideResult, err error) {
	switch r.Value {
	case "":
		r.Value = ValueHorizon
	case ValueHorizon, ValueLifetime:
	default:
		return result, fmt.Errorf("value %q is none of [%s %s]: %w", r.Value, ValueHorizon, ValueLifetime, ErrInvalid)
	}
	result.ValueIs, result.LeftOut = r.Value, map[string]int{}
	c := &candidates{row: map[frame.AccountID]int{}, managers: map[string]bool{}}
	if r.Cutoff == "" && r.Model == "" {
		err = s.publishedCandidates(ctx, &result, c)
	} else {
		err = s.candidatesAnew(ctx, &r, &result, c, report)
	}
	if err != nil {
		return result, err
	}
	if err := unknownManagers(r.Managers, c.managers); err != nil {
		return result, err
	}
	for i, v := range c.Value {
		if v < 0 {
			result.Losing++
			c.Value[i] = 0
		}
	}
	result.Accounts, c.Currency = len(c.Account), result.Currency
	assumed := func(v *float64, set decision.Assumption) decision.Assumption {
		if v == nil {
			return set
		}
		return decision.Given(*v)
	}
	offer, none := s.Settings.Offer, decision.Assumption{}
	result.List, err = decision.Plan(ctx, c.Accounts, decision.Assumptions{
		ContactCost: assumed(r.ContactCost, offer.ContactCost), Incentive: assumed(r.Incentive, offer.Incentive), Acceptance: assumed(r.Acceptance, offer.Acceptance()),
		Value: assumed(r.ValueFactor, none), Odds: assumed(r.OddsFactor, none), MarginRate: s.marginAssumed(float64(result.MarginRate)), Swing: r.Swing,
	}, decision.Capacity{Each: r.PerManager, ByManager: r.Managers, Fill: r.Fill})
	if errors.Is(err, decision.ErrInput) || errors.Is(err, decision.ErrAssumption) {
		return result, refused{err}
	}
	if err != nil {
		return result, fmt.Errorf("plan the contacts: %w", err)
	}
	result.English, result.Chinese = result.List.Sentences(score.English), result.List.Sentences(score.Chinese)
	result.sayValue(c.months)
	result.sayLeftOut()
	return result, nil
}

// marginAssumed is a margin rate as an assumption: a default unless somebody set it.
func (s *Service) marginAssumed(rate float64) decision.Assumption {
	if rate == DefaultSettings().MarginRate && !(s.Settings.MarginGiven && rate == s.Settings.MarginRate) {
		return decision.Assumption{}
	}
	return decision.Given(rate)
}

// sayValue tells what the values are: margin, or revenue × the margin rate where no
// cost is known.
func (r *DecideResult) sayValue(months int) {
	what := loyalty.Words{EN: "its margin", ZH: "毛利"}
	rate, rated, ranked := float64(r.MarginRate), r.List.ByRate, r.List.Ranked
	if rated > 0 && rated == ranked {
		what = loyalty.Words{EN: fmt.Sprintf("its revenue × the margin rate of %g", rate), ZH: fmt.Sprintf("收入×毛利率%g", rate)}
	}
	switch {
	case r.ValueIs == ValueLifetime && months == 0:
		r.EN = fmt.Sprintf("The value of a kept account is its lifetime value if it is still a customer: %s of the months that model %s was trained for, discounted", what.EN, r.Model)
		r.ZH = fmt.Sprintf("留住客户的价值为其仍为客户时的生命周期价值：模型%s训练时所定月数的折现%s", r.Model, what.ZH)
	case r.ValueIs == ValueLifetime:
		r.EN = score.Counted("The value of a kept account is its lifetime value if it is still a customer: %s of %d months, discounted", what.EN, months)
		r.ZH = fmt.Sprintf("留住客户的价值为其仍为客户时的生命周期价值：%d个月的折现%s", months, what.ZH)
	default:
		r.EN = score.Counted("The value of a kept account is %s expected within %d days, as in value at risk", what.EN, r.HorizonDays)
		r.ZH = fmt.Sprintf("留住客户的价值为其%d天内的预期%s，与风险价值的口径相同", r.HorizonDays, what.ZH)
	}
	switch rated {
	case 0:
	case ranked:
		r.EN += ": no cost is known of any account"
		r.ZH += "：所有客户的成本均未知"
	default:
		r.EN += score.Counted("; of %d of the %d accounts no cost is known, and revenue × the margin rate of %g stands for it", rated, ranked, rate)
		r.ZH += fmt.Sprintf("；其中%d个（共%d个）客户的成本未知，以收入×毛利率%g代替", rated, ranked, rate)
	}
	r.EN, r.ZH = r.EN+".", r.ZH+"。"
}

// publishedCandidates are those of the published run.
func (s *Service) publishedCandidates(ctx context.Context, result *DecideResult, c *candidates) error {
	run, err := s.latest(ctx)
	if err != nil {
		return err
	}
	standings, err := s.Standings(ctx, run)
	if err != nil {
		return err
	}
	d, err := s.disclose(ctx, run)
	if err != nil {
		return err
	}
	if result.WorthOf, err = s.ofPublished(ctx, run); err != nil {
		return err
	}
	err = d.scores(ctx, nil, func(part []score.Score) error {
		for i := range part {
			sc := &part[i]
			if !d.hides(sc.Account) {
				c.managers[sc.Manager] = true
			}
			switch {
			case sc.Unscorable != "":
				result.LeftOut[sc.Unscorable]++
			case standings[sc.Account].OptedOut:
				result.LeftOut[optedOut]++
			case sc.Stage == score.Paused:
				result.LeftOut[paused]++
			default:
				// The value that the account's value at risk is made of.
				c.add(sc.Account, sc.Manager, sc.Probability, sc.ValueAtRisk/sc.Probability)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the scores of run %q: %w", run.ID, err)
	}
	if err := s.costsKnown(ctx, run, c); err != nil {
		return err
	}
	if result.ValueIs == ValueHorizon {
		return nil
	}
	for i := range c.Value {
		c.Value[i] = math.NaN()
	}
	told := false
	err = d.worths(ctx, nil, func(part []score.Worth) error {
		for i := range part {
			told = true
			if row, ok := c.row[part[i].Account]; ok {
				c.Value[row] = ofOneThatStays(part[i].Lifetime.Value, part[i].Lifetime.Alive)
				if by := marginBy(&part[i]); by != "" { // a run of before, which told none, went by the last year alone
					c.ByRate[row] = by == loyalty.PartMarginRate
				}
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("read what the accounts of run %q are worth: %w", run.ID, err)
	case !told:
		return fmt.Errorf("run %q tells nothing of worth: %w, and score (fealty score)", run.ID, noWorth(run.Model))
	}
	m, err := s.model(ctx, run.Model)
	switch {
	case errors.Is(err, ErrNotFound): // the run outlives its model
		return nil
	case err != nil:
		return fmt.Errorf("ask over how many months the lifetime values of run %q go: %w", run.ID, err)
	case m.worth != nil:
		c.months = m.worth.terms.Months
	}
	return nil
}

// ofOneThatStays is the lifetime value of an account that is still a customer, of one that
// is it with a probability: a call list counts that it may leave by itself. Where nobody can
// say who is still one, nobody leaves.
func ofOneThatStays(value, alive float64) float64 {
	if math.IsNaN(alive) {
		return value
	}
	if alive <= 0 {
		return math.NaN()
	}
	return value / alive
}

// costsKnown marks the candidates of which no cost was known to a run: it asks for
// their share of margin as of the run, by what the run knew.
func (s *Service) costsKnown(ctx context.Context, run Run, c *candidates) error {
	c.ByRate = make([]bool, len(c.Account))
	for i := range c.ByRate {
		c.ByRate[i] = true
	}
	request := s.ofRun(run)
	request.Catalogue = columnsOf(marginColumn)
	if !slices.ContainsFunc(s.catalogue(), func(f features.Feature) bool { return f.Name == marginColumn }) || len(c.Account) == 0 {
		return nil
	}
	_, err := s.Facts.Build(ctx, request, func(sl *features.Slice) error {
		for i, share := range values(sl.Frame, marginColumn) {
			if row, ok := c.row[sl.Frame.Accounts[i]]; ok {
				c.ByRate[row] = math.IsNaN(share)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask of which accounts of run %q a cost is known: %w", run.ID, err)
	}
	return nil
}

// candidatesAnew are those as of a cutoff, computed for this list.
func (s *Service) candidatesAnew(ctx context.Context, r *DecideRequest, result *DecideResult, c *candidates, report func(Progress)) error {
	leave, err := s.telling.enter(ctx, report)
	if err != nil {
		return err
	}
	defer leave()
	t, err := s.tellAnew(ctx, WorthRequest{Cutoff: r.Cutoff, Model: r.Model}, false, report)
	if err != nil {
		return err
	}
	result.WorthOf, c.months = t.of(), t.worth.terms.Months
	crowd := t.told.crowd
	margin := crowd.column(marginColumn)
	for _, standing := range t.standings {
		if standing.Erased {
			result.LeftOut[erased]++
		}
	}
	for i, account := range crowd.frame.Accounts {
		if !t.standings[account].Erased {
			c.managers[crowd.profiles[i].Manager] = true
		}
		switch standing := t.standings[account]; {
		case standing.Erased: // counted above, whether the crowd holds it or not
		case math.IsNaN(crowd.risk[i]):
			result.LeftOut[crowd.status[i].String()]++
		case standing.OptedOut:
			result.LeftOut[optedOut]++
		case standing.Paused:
			result.LeftOut[paused]++
		default:
			value, byRate := atRisk(crowd.risk[i], t.told.kept[i], s.Settings.marginShare(margin[i])), math.IsNaN(margin[i])
			if r.Value == ValueLifetime {
				value, byRate = ofOneThatStays(t.told.value[i], t.told.alive[i]), t.told.rateBy[i] == loyalty.PartMarginRate
			}
			c.add(account, crowd.profiles[i].Manager, crowd.risk[i], value)
			c.ByRate = append(c.ByRate, byRate)
		}
	}
	return nil
}

// nan is a figure that is not known.
func nan() model.Figure { return model.Figure(math.NaN()) }
