package serving

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/model"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// LifetimeRequest asks how long accounts will go on buying. Whatever of it but the
// accounts and the limit is given, lifetimes are computed anew and nothing is
// published: as of the published run by its model, unless a cutoff or a model is
// given too.
type LifetimeRequest struct {
	WorthRequest
	// Days is how far no_purchase, purchases and spend look; 0 means the horizon of
	// the model. What forecasts spend was chosen for that one.
	Days int `json:"days,omitempty"`
	// Months and Discount say what the value is of; 0 and nil mean the model's own.
	Months   int      `json:"months,omitempty"`
	Discount *float64 `json:"discount,omitempty"`
	// Level and Draws are of the intervals, as in lifetime.Chance; 0 means the model's
	// own.
	Level float64 `json:"level,omitempty"`
	Draws int     `json:"draws,omitempty"`
	// Refit fits the parameters again, on what the cutoff knew. The kind of the model
	// and what forecasts spend remain those of the training.
	Refit bool `json:"refit,omitempty"`
}

// maxLifetimeDays is the longest horizon, that of a label.
const maxLifetimeDays = 1830

func (r *LifetimeRequest) check() error {
	if err := r.WorthRequest.check(); err != nil {
		return err
	}
	if r.Days < 0 || r.Days > maxLifetimeDays {
		return fmt.Errorf("days: %d, need 1 … %d: %w", r.Days, maxLifetimeDays, ErrInvalid)
	}
	return nil
}

func (r *LifetimeRequest) anew() bool {
	return r.WorthRequest.anew() || r.Days != 0 || r.Months != 0 || r.Discount != nil || r.Level != 0 || r.Draws != 0 || r.Refit
}

// asks is what a request asks of a model.
func (r *LifetimeRequest) asks(a *appraisal, s Settings) (asking, error) {
	q := a.asked(s, true)
	q.terms.Months, q.chance.Level = cmp.Or(r.Months, q.terms.Months), cmp.Or(r.Level, q.chance.Level)
	q.chance.Draws = cmp.Or(r.Draws, max(q.chance.Draws, drawsOf(q.chance.Level)))
	if r.Discount != nil {
		q.terms.Discount = *r.Discount
	}
	if err := q.terms.Validate(); err != nil {
		return q, refused{err}
	}
	if err := q.chance.Validate(); err != nil {
		return q, refused{err}
	}
	return q, nil
}

// LifetimeRow is what a lifetime model expects of an account.
type LifetimeRow struct {
	Account string `json:"account"`
	// Alive is the probability that the account still buys, NoPurchase that it buys
	// nothing within the horizon; Purchases and Spend are expected within it. Purchases
	// are days with one, of model bg-bb months.
	Alive      model.Figure `json:"alive"`
	NoPurchase model.Figure `json:"no_purchase"`
	Purchases  model.Figure `json:"purchases"`
	Spend      model.Figure `json:"spend"`
	// SpendBy says what forecast this account's spend: run_rate or lifetime.
	SpendBy string `json:"spend_by,omitempty"`
	// Value is the discounted margin of the months, between Low and High; ValueBy says
	// what a purchase is worth in it: gamma_gamma, or plain_mean.
	Value   model.Figure `json:"lifetime_value"`
	Low     model.Figure `json:"low"`
	High    model.Figure `json:"high"`
	ValueBy string       `json:"value_by,omitempty"`
	// MarginBy says what the margin of a purchase rests on: margin_share, the account's own
	// of the last 365 days, margin_share_ever, its own of the whole history, or margin_rate,
	// assumed; "" without a value, and in runs that told none.
	MarginBy string `json:"margin_by,omitempty"`
	Model    string `json:"model"`
	// Why is the code of what is not told of the account; EN and ZH say the row.
	Why string `json:"why,omitempty"`
	EN  string `json:"en"`
	ZH  string `json:"zh"`
}

// LifetimeTerms say what lifetime values are of, at which level their intervals, and
// of how many draws those are.
type LifetimeTerms struct {
	Months   int          `json:"months"`
	Discount model.Figure `json:"discount"`
	Level    model.Figure `json:"level"`
	Draws    int          `json:"draws"`
}

// LifetimeResult are lifetimes, the most valuable account first.
type LifetimeResult struct {
	WorthOf
	// Terms are nil when the model of a published run is gone.
	Terms *LifetimeTerms `json:"terms,omitempty"`
	// Refit tells that the parameters were fitted again.
	Refit bool          `json:"refit,omitempty"`
	Rows  []LifetimeRow `json:"rows"`
}

// Lifetimes tells lifetimes and their values.
func (s *Service) Lifetimes(ctx context.Context, r LifetimeRequest, report func(Progress)) (result LifetimeResult, err error) {
	if err := r.check(); err != nil {
		return result, err
	}
	var rows []LifetimeRow
	each := func(w *score.Worth) { rows = append(rows, lifetimeRow(w)) }
	if r.anew() {
		err = s.lifetimesAnew(ctx, &r, &result, report, each)
	} else if result.WorthOf, err = s.publishedWorths(ctx, r.WorthRequest, each, nil); err == nil {
		result.Terms, err = s.termsOf(ctx, result.Model)
	}
	slices.SortFunc(rows, func(a, b LifetimeRow) int { return strings.Compare(a.Account, b.Account) })
	result.Rows = topRows(rows, r.Limit, func(a, b *LifetimeRow) int { return largestFirst(float64(a.Value), float64(b.Value)) })
	for i := range result.Rows {
		result.say(&result.Rows[i])
	}
	return result, err
}

func lifetimeRow(w *score.Worth) LifetimeRow {
	l := &w.Lifetime
	row := LifetimeRow{
		Account: string(w.Account), Alive: model.Figure(l.Alive), NoPurchase: model.Figure(l.NoPurchase),
		Purchases: model.Figure(l.Purchases), Spend: model.Figure(l.Spend), SpendBy: l.SpendBy,
		Value: model.Figure(l.Value), Low: model.Figure(l.Low), High: model.Figure(l.High), ValueBy: l.ValueBy, Model: l.Model, Why: l.Why,
	}
	if !math.IsNaN(l.Value) {
		row.MarginBy = string(marginBy(w))
	}
	return row
}

// marginBy says what an account's margin rests on, by what its value is made of; "" of
// runs that told none.
func marginBy(w *score.Worth) loyalty.PartCode {
	for _, p := range w.Place.Parts {
		if _, ok := loyalty.WordsOfMargin(loyalty.PartCode(p.Code)); ok {
			return loyalty.PartCode(p.Code)
		}
	}
	return ""
}

// lifetimesAnew tells lifetimes alone, and nothing else of worth.
func (s *Service) lifetimesAnew(ctx context.Context, r *LifetimeRequest, result *LifetimeResult, report func(Progress), each func(*score.Worth)) error {
	leave, err := s.telling.enter(ctx, report)
	if err != nil {
		return err
	}
	defer leave()
	m, err := s.gatherFor(ctx, r.WorthRequest, report)
	if err != nil {
		return err
	}
	q, err := r.asks(m.worth, s.Settings)
	if err != nil {
		return err
	}
	a := m.worth
	result.WorthOf = m.scorer.of()
	if r.Refit {
		if a, err = a.refitted(ctx, m.crowd, s.Settings, untaught(m.standings)); err != nil {
			return err
		}
		result.Refit, result.LearntThrough, result.Later = true, result.Cutoff, nil
	}
	t := &told{crowd: m.crowd, horizon: cmp.Or(r.Days, m.card.HorizonDays)}
	if err := a.tellLifetime(ctx, t, s.Settings, q); err != nil {
		return err
	}
	result.HorizonDays = t.horizon
	result.Terms = &LifetimeTerms{q.terms.Months, model.Figure(q.terms.Discount), model.Figure(q.chance.Level), q.chance.Draws}
	names := r.accounts()
	for i, account := range m.crowd.frame.Accounts {
		if m.shown(i, names) {
			// Of what value is made of, the margin is all that a lifetime asks.
			part := score.Part{Code: string(t.rateBy[i]), Value: model.Figure(t.rate[i])}
			each(&score.Worth{Account: account, Lifetime: t.lifetime(i), Place: score.Place{Parts: []score.Part{part}}})
			result.Accounts++
		}
	}
	// Who has never bought but stands above others has a worth too, though no lifetime.
	above := map[string]bool{}
	for _, account := range m.crowd.above.names {
		if _, asked := slices.BinarySearch(names, account); (asked || len(names) == 0) && !m.standings[account].Erased {
			each(&score.Worth{Account: account, Lifetime: noLifetime()})
			result.Accounts++
			above[string(account)] = true
		}
	}
	result.Absent = slices.DeleteFunc(m.of.Absent, func(a Absent) bool { return above[a.Account] })
	return nil
}

// noLifetime is of an account of which no lifetime is told.
func noLifetime() score.Lifetime {
	nan := math.NaN()
	return score.Lifetime{Alive: nan, NoPurchase: nan, Purchases: nan, Spend: nan, Value: nan, Low: nan, High: nan}
}

// say tells a row in words. Money is rounded to whole units.
func (r *LifetimeResult) say(row *LifetimeRow) {
	var en, zh []string
	add := func(e, z string) { en, zh = append(en, e), append(zh, z) }
	known := func(v model.Figure) bool { return !math.IsNaN(float64(v)) }
	if known(row.Alive) {
		add(fmt.Sprintf("still a customer with a probability of %.0f %%", 100*row.Alive), fmt.Sprintf("仍为客户的概率为%.0f%%", 100*row.Alive))
	}
	if known(row.Purchases) {
		what, whatZH := "days", "个购买日"
		if kind, _, _ := strings.Cut(row.Model, "/"); lifetime.Kind(kind).Discrete() {
			what, whatZH = "months", "个月有购买"
		}
		add(score.Counted("%.1f %s with a purchase are expected within %d days", row.Purchases, what, r.HorizonDays), fmt.Sprintf("%d天内预计有%.1f%s", r.HorizonDays, row.Purchases, whatZH))
	}
	if by, ok := forecasts[row.SpendBy]; ok && known(row.Spend) {
		add(score.Counted("it is expected to spend %.0f %s within %d days (%s)", row.Spend, r.Currency, r.HorizonDays, lowerFirst(by.EN)),
			fmt.Sprintf("%d天内预计消费%.0f %s（%s）", r.HorizonDays, row.Spend, r.Currency, by.ZH))
	}
	if known(row.Value) {
		over, overZH := "", ""
		if r.Terms != nil {
			over, overZH = score.Counted(" of %d months", r.Terms.Months), fmt.Sprintf("%d个月的", r.Terms.Months)
		}
		e, z := fmt.Sprintf("the discounted margin%s is %.0f %s", over, row.Value, r.Currency), fmt.Sprintf("%s折现毛利为%.0f %s", overZH, row.Value, r.Currency)
		if known(row.Low) && r.Terms != nil {
			e += fmt.Sprintf(", between %.0f and %.0f with a probability of %.0f %%", row.Low, row.High, 100*r.Terms.Level)
			z += fmt.Sprintf("，有%.0f%%的概率介于%.0f与%.0f之间", 100*r.Terms.Level, row.Low, row.High)
		}
		if by, ok := valueWords[row.ValueBy]; ok {
			e, z = e+" ("+lowerFirst(by.EN)+")", z+"（"+by.ZH+"）"
		}
		if by, ok := loyalty.WordsOfMargin(loyalty.PartCode(row.MarginBy)); ok {
			e, z = e+", "+by.EN, z+"，"+by.ZH
		}
		add(e, z)
	}
	if w, ok := lifetimeWhys[row.Why]; ok {
		add(lowerFirst(w.EN), w.ZH)
	}
	if len(en) > 0 {
		row.EN, row.ZH = upperFirst(strings.Join(en, "; "))+".", strings.Join(zh, "；")+"。"
	}
}

// lowerFirst is an English sentence to go on with, upperFirst one to begin with.
func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// termsOf are those of the model of a run; nil when the model is gone or tells no
// worth.
func (s *Service) termsOf(ctx context.Context, version string) (*LifetimeTerms, error) {
	card, err := s.cardOf(ctx, version)
	if err != nil || card == nil || card.Worth == nil || card.Worth.Lifetime.Months == 0 {
		return nil, err
	}
	// A card of before names neither level nor draws: they were the defaults.
	l := &card.Worth.Lifetime
	return &LifetimeTerms{l.Months, l.Discount, cmp.Or(l.Interval, model.Figure(lifetime.DefaultChance().Level)), cmp.Or(l.Draws, defaultDraws)}, nil
}
