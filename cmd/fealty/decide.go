package main

import (
	"context"
	"fmt"

	"fealty/model"
	"fealty/model/decision"
	"fealty/model/score"
	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type decideOptions struct {
	request serving.DecideRequest
	top     int
	each    int
	fit     bool
	// assumptions are numbers that count only when they are given.
	contactCost, incentive, acceptance, valueFactor, oddsFactor float64
	flags                                                       *pflag.FlagSet
}

func newDecide(e *env) *cobra.Command {
	o := &decideOptions{}
	c := &cobra.Command{
		Use: "decide", Short: "Make the call list with the largest expected profit", Args: none,
		Long: `Chooses whom to contact: of each account the expected profit of a contact is what is kept (probability of leaving ×
value × acceptance) less the incentive and the cost of the contact, and the list is the best that the account managers'
capacity allows. What neither a flag nor offer in fealty.yaml gives is assumed, and the answer says which numbers those are and how the list depends on each of
them; where no cost is known, value is revenue × margin_rate, and value_of says so of each row. -o csv carries every assumption
and where it comes from in columns behind each row, and says the defaults on standard error. --fit shows what such lists would
have earned after the model's test cutoff, beside what was expected. Accounts that have opted out are never listed, and those already gone are elsewhere: fealty value --winback.`,
		Example: `  fealty decide --contact-cost 20 --per-manager 10
  fealty decide --contact-cost 20 --incentive 0.1 --acceptance 0.2 --value lifetime
  fealty decide --manager 'Li Wei=25' --fill -o csv > calls.csv
  fealty decide --fit`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runDecide(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.request.Cutoff, "cutoff", "", "compute anew as of a date or instant, and publish nothing (default: the published run)")
	f.StringVar(&o.request.Model, "model", "", "compute anew by this model (default: the live one)")
	f.StringVar(&o.request.Value, "value", serving.ValueHorizon, "what a kept account is worth: horizon (its margin expected within the horizon) or lifetime")
	f.IntVar(&o.each, "per-manager", 0, "contacts that each account manager can make (default: unlimited)")
	f.StringToIntVar(&o.request.Managers, "manager", nil, "contacts that one can make: NAME=N; the accounts of nobody have the name ''")
	f.BoolVar(&o.request.Fill, "fill", false, "use the capacity up, even where a contact is expected to lose money")
	f.Float64Var(&o.contactCost, "contact-cost", 0, "cost of a contact, base currency (default: offer.contact_cost, else assumed, and said)")
	f.Float64Var(&o.incentive, "incentive", 0, "cost of the offer as a share of the value, 0 … 1 (default: offer.incentive, else assumed, and said)")
	f.Float64Var(&o.acceptance, "acceptance", 0, "share of those who would leave that accepts and stays, 0 … 1 (default: by offer.acceptance_alpha and _beta, else assumed, and said)")
	f.Float64Var(&o.valueFactor, "value-factor", 1, "multiply the values")
	f.Float64Var(&o.oddsFactor, "odds-factor", 1, "multiply the odds of leaving")
	f.Float64Var(&o.request.Swing, "swing", 0, "how far the sensitivity moves each assumption, as a share of it (default 0.5)")
	f.BoolVar(&o.fit, "fit", false, "show what contacts would have earned on the model's test cutoff, beside what was expected: EMPC, EMPB and profit by capacity")
	f.IntVar(&o.top, "top", defaultTop, "accounts in the table; csv and json have all")
	addConfigFlags(f, "warehouse.url", "state.dir")
	return c
}

// given takes the numbers that stand on the command line.
func (o *decideOptions) given() {
	for name, n := range map[string]struct {
		value *float64
		to    **float64
	}{
		"contact-cost": {&o.contactCost, &o.request.ContactCost}, "incentive": {&o.incentive, &o.request.Incentive},
		"acceptance": {&o.acceptance, &o.request.Acceptance}, "value-factor": {&o.valueFactor, &o.request.ValueFactor},
		"odds-factor": {&o.oddsFactor, &o.request.OddsFactor},
	} {
		if o.flags.Changed(name) {
			*n.to = n.value
		}
	}
	if o.flags.Changed("per-manager") {
		o.request.PerManager = &o.each
	}
}

func runDecide(ctx context.Context, e *env, o *decideOptions) error {
	if o.top < 0 {
		return fmt.Errorf("--top %d is negative: %w", o.top, serving.ErrInvalid)
	}
	if o.fit {
		return runDecideFit(ctx, e, o)
	}
	o.given()
	r, err := perform[serving.DecideResult](ctx, e, o.flags, job{operation: serving.OpDecide, request: o.request})
	if err != nil {
		return err
	}
	l := r.List
	calls := section{title: "Call list, the most profitable first 联系名单（利润由高到低）", head: []string{"account", "manager", "probability", "value", "value_of", "expected_profit"}}
	shown := len(l.Rows)
	if e.global.output == tableForm {
		shown = min(shown, o.top)
	}
	for i := range l.Rows[:shown] {
		c := &l.Rows[i]
		of := "margin 毛利"
		if c.ByRate {
			of = fmt.Sprintf("revenue × %s 收入×%[1]s", decision.MarginRate)
		}
		calls.rows = append(calls.rows, []any{string(c.Account), c.Manager, c.Probability, c.Value, of, c.Profit})
	}
	if e.global.output == csvForm {
		// The rows travel alone: what they rest on goes with each of them.
		for _, a := range l.Assumptions {
			name := a.Name
			if name == decision.Value || name == decision.Odds {
				name += "_factor"
			}
			calls.head = append(calls.head, name, name+"_origin")
			for i := range calls.rows {
				calls.rows[i] = append(calls.rows[i], a.Value, string(a.Origin))
			}
		}
		e.say("%s", l.Defaults(score.English))
		e.say("%s", l.Defaults(score.Chinese))
	}
	words := section{title: "In words 说明", head: []string{"field", "value"}}
	for _, said := range []struct {
		in, value string
		sentences []string
	}{{"English", r.EN, r.English}, {"中文", r.ZH, r.Chinese}} {
		for _, sentence := range append([]string{said.value}, said.sentences...) {
			words.rows = append(words.rows, []any{said.in, sentence})
		}
	}
	left := 0
	for _, n := range r.LeftOut {
		left += n
	}
	return e.show(answer{data: r, rows: 3, sections: []section{
		worthFacts(&r.WorthOf, shown, "contacts 联系数", len(l.Rows), "expected profit 预期利润", l.Total, "best number of contacts 最佳联系数", l.Curve.Best.Contacts,
			"left out 不作为候选", left, "candidates whose value is below 0 价值低于0的候选客户", r.Losing, "candidates that can't be ranked 无法排序的候选客户", len(l.Unknown)),
		words, decideAssumptions(&r), calls, decideManagers(&r), decideCurve(&r),
	}})
}

// runDecideFit shows how contacts by a model's probabilities would have done.
func runDecideFit(ctx context.Context, e *env, o *decideOptions) error {
	for _, name := range []string{
		"cutoff", "value", "per-manager", "manager", "fill", "contact-cost", "incentive", "acceptance", "value-factor", "odds-factor", "swing", "top",
	} {
		if o.flags.Changed(name) {
			return fmt.Errorf("--fit shows what contacts would have earned by the offer that the model was judged with (offer in fealty.yaml), so that --%s says nothing here: %w", name, serving.ErrInvalid)
		}
	}
	fit, err := perform[serving.WorthFitResult](ctx, e, o.flags, job{operation: serving.OpWorthFit, request: serving.WorthFitRequest{Model: o.request.Model}})
	if err != nil {
		return err
	}
	if fit.Worth.Decision == nil {
		return fmt.Errorf("model %q was trained before contacts were judged; train again (fealty train), or ask fealty evaluate: %w", fit.Model, serving.ErrConflict)
	}
	return e.show(answer{data: fit, rows: 3, sections: append([]section{fitFacts(&fit)}, decisionSections(fit.Worth.Decision)...)})
}

// decisionSections show what contacts would have earned.
func decisionSections(d *model.DecisionCard) []section {
	if d == nil { // of a serve from before
		return nil
	}
	offers := section{title: "Best profit of contacts 联系的最佳利润", head: []string{
		"measure", "profit_per_account", "share_contacted", "alpha", "beta", "value", "incentive", "contact", "accounts", "churned", "without_known_cost", "margin_rate", "note",
	}}
	for _, offer := range []struct {
		name string
		of   model.OfferProfit
	}{{"EMPC", d.EMPC}, {"EMPB", d.EMPB}} {
		p := offer.of
		offers.rows = append(offers.rows, []any{
			offer.name, p.PerAccount, p.Share, p.Alpha, p.Beta, p.Value, p.Incentive, p.Contact, d.Accounts, d.Churned, d.ByRate, d.MarginRate, d.Why,
		})
	}
	levels := section{title: "Expected and realised profit, by the offer of EMPB 预期与实际利润（按EMPB的优惠条件）", head: []string{
		"per_manager", "contacts", "expected_profit", "realised_profit", "as_many_at_random",
	}}
	for _, l := range d.Levels {
		each := any(l.PerManager)
		if l.PerManager == 0 {
			each = "unlimited 不限"
		}
		levels.rows = append(levels.rows, []any{each, l.Contacts, l.Expected, l.Realised, l.Random})
	}
	words := section{title: "What the offers assume 优惠条件的假定", head: []string{"English", "中文"}}
	zh := decision.OfferSentences(d, score.Chinese)
	for i, en := range decision.OfferSentences(d, score.English) {
		words.rows = append(words.rows, []any{en, zh[i]})
	}
	return []section{offers, words, levels}
}

// decideAssumptions shows what the list rests on, and how it depends on that.
func decideAssumptions(r *serving.DecideResult) section {
	s := section{title: "What it rests on, and what if that were otherwise 依据及其变化的影响", head: []string{
		"assumption", "value", "origin", "if_it_were", "same_list_earns", "best_list_earns", "its_contacts", "added", "dropped", "break_even",
	}}
	for i := range r.List.Sensitivity {
		a := &r.List.Sensitivity[i]
		for _, c := range a.Cases {
			s.rows = append(s.rows, []any{a.Name, a.Value, string(a.Origin), c.Value, c.SameRows, c.Total, c.Contacts, c.Added, c.Dropped, a.BreakEven})
		}
	}
	return s
}

func decideManagers(r *serving.DecideResult) section {
	s := section{title: "Account managers 客户经理", head: []string{"manager", "capacity", "accounts", "worthwhile", "contacts", "expected_profit", "at_capacity"}}
	for _, m := range r.List.Managers {
		var capacity any = "unlimited 不限"
		full := false
		if m.Capacity != nil {
			capacity, full = *m.Capacity, m.Worthwhile > *m.Capacity
		}
		s.rows = append(s.rows, []any{m.Manager, capacity, m.Accounts, m.Worthwhile, m.Contacts, m.Total, full})
	}
	return s
}

// decideCurve shows the curve in about ten steps, with its best.
func decideCurve(r *serving.DecideResult) section {
	s := section{title: "Profit by number of contacts 各联系数的利润", head: []string{"contacts", "expected_profit", "best"}}
	points := r.List.Curve.Points
	step := max(1, len(points)/10)
	for i, p := range points {
		if best := p == r.List.Curve.Best; best || i%step == 0 || i == len(points)-1 {
			s.rows = append(s.rows, []any{p.Contacts, p.Total, best})
		}
	}
	return s
}
