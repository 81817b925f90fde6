package serving

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// Ledger says what came in and went out over a period.
type Ledger interface {
	// Portfolio calls each with the sums of a period, key by key in bytewise order, and
	// returns those of everybody together.
	Portfolio(ctx context.Context, r features.PortfolioRequest, each func([]features.Takings) error) (features.Takings, error)
}

// PortfolioRequest asks for the figures of a period.
type PortfolioRequest struct {
	// From and To are cutoffs: a date means the end of that day. To "" means
	// data_through, From "" a year before To.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// By is account, product, category, department, region or manager.
	By string `json:"by"`
	// Limit is how many rows are answered, those with most revenue; 0 means all.
	Limit int `json:"limit,omitempty"`
}

// FigureWords say what a figure is.
type FigureWords struct {
	Name      string `json:"name"`
	Unit      string `json:"unit"`
	UnitZH    string `json:"unit_zh"`
	Label     string `json:"label"`
	LabelZH   string `json:"label_zh"`
	Formula   string `json:"formula"`
	FormulaZH string `json:"formula_zh"`
}

// PortfolioFigure is a figure of one row; null when it is not measurable, and then
// Lacks names the sums that are missing, or a divisor that is not above 0. Instead
// names the figure that tells as much as can be told without the cost of service.
type PortfolioFigure struct {
	Name    string       `json:"name"`
	Value   model.Figure `json:"value"`
	Lacks   []string     `json:"lacks,omitempty"`
	Instead string       `json:"instead,omitempty"`
}

// PortfolioRow is one value of the dimension.
type PortfolioRow struct {
	Key     string            `json:"key"`
	Figures []PortfolioFigure `json:"figures"`
	// Sums are what the figures are made of, by name; what nobody recorded is left out.
	Sums map[string]model.Figure `json:"sums"`
	// Orders, Returned (of the revenue) and Invoiced, Received, Open and Overdue money
	// as of the period's end, which stand beside the figures; null where unknown.
	Orders   int          `json:"orders"`
	Returned model.Figure `json:"returned"`
	Invoiced model.Figure `json:"invoiced"`
	Received model.Figure `json:"received"`
	Open     model.Figure `json:"open"`
	Overdue  model.Figure `json:"overdue"`
	// Contacts of the period, null where nobody records any or the row is of goods, and
	// the CostedContacts of them that say what they cost.
	Contacts       model.Figure `json:"contacts"`
	CostedContacts model.Figure `json:"costed_contacts"`
}

// PortfolioResult is the portfolio of a period.
type PortfolioResult struct {
	From     string `json:"from"`
	To       string `json:"to"`
	By       string `json:"by"`
	Currency string `json:"currency"`
	// Run is the run of which the risks are, the newest published one as of To, and
	// Cutoff its own; "" without any.
	Run    string `json:"run,omitempty"`
	Cutoff string `json:"cutoff,omitempty"`
	// Keys counts the values of the dimension, also those beyond the limit; Erased
	// the accounts that asked to be erased, which are counted but never listed.
	Keys   int `json:"keys"`
	Erased int `json:"erased,omitempty"`
	// Figures are what the rows tell, in their order; Words name the sums.
	Figures []FigureWords       `json:"figures"`
	Words   map[string][]string `json:"words"`
	// Total is everybody, Rows the dimension's values, the most revenue first.
	Total PortfolioRow   `json:"total"`
	Rows  []PortfolioRow `json:"rows"`
}

// Portfolio tells the figures of a period by a dimension, as known at its end.
func (s *Service) Portfolio(ctx context.Context, r PortfolioRequest) (PortfolioResult, error) {
	by := features.Dimension(r.By)
	if !slices.Contains(features.Dimensions(), by) {
		return PortfolioResult{}, fmt.Errorf("a portfolio by %q: need one of %v: %w", r.By, features.Dimensions(), ErrInvalid)
	}
	if r.Limit < 0 {
		return PortfolioResult{}, fmt.Errorf("limit %d: must not be negative: %w", r.Limit, ErrInvalid)
	}
	c, from, to, err := s.period(ctx, r.From, r.To)
	if err != nil {
		return PortfolioResult{}, err
	}
	result := PortfolioResult{From: c.text(from), To: c.text(to), By: r.By, Currency: c.BaseCurrency, Words: map[string][]string{}, Rows: []PortfolioRow{}}
	at := c.request([]frame.Cutoff{to}, nil)
	k := risks{by: by, from: from, keys: map[string]*risk{}}
	run, err := k.read(ctx, s, at)
	if err != nil {
		return PortfolioResult{}, err
	}
	if run.ID != "" {
		result.Run, result.Cutoff = run.ID, c.text(run.Cutoff)
	}
	var gone map[frame.AccountID]bool
	if by == features.PerAccount {
		// By the names that the accounts of the period have, as those of a run.
		if gone, err = s.Erased(ctx, Run{Purpose: PurposeBackfill, Cutoff: to, KnownAt: at.KnownAt[0], Watermark: at.Watermark}); err != nil {
			return PortfolioResult{}, err
		}
	}
	var rows []features.Takings
	// A target of everybody is one only if everybody who sells has one.
	untargeted := false
	most := func(a, b features.Takings) int {
		return cmp.Or(-cmp.Compare(a.Revenue, b.Revenue), strings.Compare(a.Key, b.Key))
	}
	total, err := s.Facts.Portfolio(ctx, features.PortfolioRequest{Request: at, From: from, By: by}, func(block []features.Takings) error {
		for i := range block {
			if gone[frame.AccountID(block[i].Key)] {
				result.Erased++
				continue
			}
			result.Keys++
			untargeted = untargeted || block[i].Targets == 0 && block[i].Revenue != 0
			rows = append(rows, block[i])
		}
		// No more is kept than may be answered.
		if r.Limit > 0 && len(rows) > r.Limit {
			slices.SortFunc(rows, most)
			rows = slices.Clone(rows[:r.Limit])
		}
		return nil
	})
	if err != nil {
		return PortfolioResult{}, err
	}
	slices.SortFunc(rows, most)
	for _, f := range loyalty.Figures() {
		if f.Manager == (by == features.PerManager) {
			unit, _ := loyalty.WordsOfUnit(f.Unit)
			result.Figures = append(result.Figures, FigureWords{f.Name, unit.EN, unit.ZH, f.Label.EN, f.Label.ZH, f.Formula(score.English), f.Formula(score.Chinese)})
		}
	}
	for _, name := range loyalty.Sums() {
		result.Words[string(name)] = []string{name.Label(score.English), name.Label(score.Chinese)}
	}
	if untargeted {
		total.Targets = 0
	}
	p := purse{total: &total, whole: true, risky: run.ID != ""}
	if result.Total, err = p.row(&total, &k.all, by == features.PerManager); err != nil {
		return PortfolioResult{}, err
	}
	p.whole = !by.OfGoods()
	for i := range rows {
		row, err := p.row(&rows[i], k.of(rows[i].Key), by == features.PerManager)
		if err != nil {
			return PortfolioResult{}, err
		}
		result.Rows = append(result.Rows, row)
	}
	return result, nil
}

// risk is what a run says of some accounts.
type risk struct {
	scored, high int
	// atRisk and expected are value at risk, and the value of which it is a part.
	atRisk, expected float64
}

func (r *risk) add(sc *score.Score) {
	r.scored++
	if sc.Band == score.High {
		r.high++
	}
	// Value at risk is probability × value.
	if sc.Probability > 0 && !math.IsNaN(sc.ValueAtRisk) {
		r.atRisk += sc.ValueAtRisk
		r.expected += sc.ValueAtRisk / sc.Probability
	}
}

// risks gathers what a run says, by the values of a dimension. Under a product or
// category stand the accounts that bought it in the period.
type risks struct {
	by   features.Dimension
	from frame.Cutoff
	all  risk
	keys map[string]*risk
}

// of returns the risk of a key.
func (k *risks) of(key string) *risk {
	if k.keys[key] == nil {
		k.keys[key] = &risk{}
	}
	return k.keys[key]
}

// read reads the newest published run as of the request's cutoff; without one it
// returns a run without an id.
func (k *risks) read(ctx context.Context, s *Service, at features.Request) (Run, error) {
	run, err := s.Runs.Newest(ctx, PurposeLive, at.Cutoffs[0]+1)
	if errors.Is(err, ErrNotFound) {
		return Run{}, nil
	}
	if err != nil {
		return Run{}, fmt.Errorf("ask for the published run: %w", err)
	}
	told, err := s.disclose(ctx, run)
	if err != nil {
		return Run{}, err
	}
	moves, err := s.Facts.Moves(ctx, at)
	if err != nil {
		return Run{}, fmt.Errorf("ask which accounts go on in others: %w", err)
	}
	var keys map[frame.AccountID]string
	if k.by != features.PerAccount && !k.by.OfGoods() {
		if keys, err = s.keysOf(ctx, k.by, at.Cutoffs[0], at.KnownAt[0], at.Watermark); err != nil {
			return Run{}, err
		}
	}
	// Of goods, what the run says of each account.
	said := map[frame.AccountID]risk{}
	err = told.scores(ctx, nil, func(block []score.Score) error {
		for i := range block {
			sc := &block[i]
			if sc.Unscorable != "" {
				continue
			}
			k.all.add(sc)
			account := sc.Account
			if m, ok := moves[account]; ok {
				account = m.Into
			}
			switch {
			case k.by.OfGoods():
				r := said[account]
				r.add(sc)
				said[account] = r
			case k.by == features.PerAccount:
				k.of(string(account)).add(sc)
			default:
				k.of(keys[account]).add(sc)
			}
		}
		return nil
	})
	if err != nil {
		return Run{}, fmt.Errorf("read the scores of run %q: %w", run.ID, err)
	}
	if !k.by.OfGoods() {
		return run, nil
	}
	return run, s.Facts.Holdings(ctx, features.HoldingRequest{Request: at, Key: features.HoldingKey(k.by)}, func(block []features.Holding) error {
		for i := range block {
			if h := &block[i]; h.Orders > 0 && h.Last >= int64(k.from) {
				r, of := k.of(h.Key), said[h.Account]
				r.scored, r.high, r.atRisk, r.expected = r.scored+of.scored, r.high+of.high, r.atRisk+of.atRisk, r.expected+of.expected
			}
		}
		return nil
	})
}

// purse makes sums of takings, by what everybody's tell of what is recorded at all.
type purse struct {
	total *features.Takings
	// whole tells whether what is done for accounts as a whole is told of the rows: of
	// goods it is not.
	whole bool
	// risky tells whether there is a run.
	risky bool
}

// leastCosted is the share of a row's or an account's contacts that must say what they
// cost, for the cost of service to be known.
const leastCosted = .8

// served tells whether the cost of service is known of the contacts of a row: at least
// leastCosted of them say it, or there is none while others' say theirs.
func (p *purse) served(t *features.Takings) bool {
	return p.whole && p.total.CostedContacts > 0 && mostlyCosted(t.CostedContacts, t.Contacts)
}

// mostlyCosted tells whether leastCosted of the contacts say what they cost, or there is
// none.
func mostlyCosted(costed, contacts int) bool { return float64(costed) >= leastCosted*float64(contacts) }

// owing tells whether what is owed is known: somebody records what is billed and what
// is paid. Invoices alone would leave everything unpaid for ever.
func (p *purse) owing() bool { return p.whole && p.total.Invoices > 0 && p.total.PaymentsKnown > 0 }

// sums are the sums that are known. Goods cost is known when every line says it: a
// part would make the rest look like profit; so is the cost of visits. Where nobody
// records a visit, none is no zero.
func (p *purse) sums(t *features.Takings, r *risk) map[loyalty.Sum]float64 {
	sums := map[loyalty.Sum]float64{loyalty.Revenue: t.Revenue.Float(), loyalty.Accounts: float64(t.Buyers)}
	put := func(known bool, name loyalty.Sum, value float64) {
		if known {
			sums[name] = value
		}
	}
	put(p.total.CostedLines > 0 && t.CostedLines == t.Lines, loyalty.GoodsCost, t.GoodsCost.Float())
	served := p.served(t)
	put(served, loyalty.ServiceCost, t.ServiceCost.Float())
	put(p.whole && p.total.Contacts > 0, loyalty.WorkingDays, float64(t.WorkingDays))
	put(p.whole && p.total.VisitContacts > 0, loyalty.Visits, float64(t.Visits))
	put(p.whole && p.total.CostedVisits > 0 && t.CostedVisits == t.VisitContacts, loyalty.VisitCost, t.VisitCost.Float())
	put(p.risky, loyalty.AccountsScored, float64(r.scored))
	put(p.risky, loyalty.AccountsAtRisk, float64(r.high))
	put(p.risky, loyalty.ValueAtRisk, r.atRisk)
	put(p.risky, loyalty.ExpectedValue, r.expected)
	billed := p.owing()
	put(billed, loyalty.ReceivablesDue, t.Due.Float())
	put(billed, loyalty.ReceivablesCollected, t.Collected.Float())
	put(billed && served, loyalty.CustomerAssets, (t.OpenBefore.Float()+t.Open.Float())/2+t.ServiceCost.Float()+t.TouchCost.Float())
	put(p.whole && p.total.PaymentsKnown > 0, loyalty.CashCollected, t.Received.Float())
	put(t.Targets > 0, loyalty.Target, t.TargetAmount.Float())
	return sums
}

// row tells the figures of one value.
func (p *purse) row(t *features.Takings, r *risk, manager bool) (PortfolioRow, error) {
	sums := p.sums(t, r)
	figures, err := loyalty.Portfolio(sums, manager)
	if err != nil {
		return PortfolioRow{}, err
	}
	row := PortfolioRow{
		Key: t.Key, Orders: t.Orders, Returned: model.Figure(t.Returned.Float()), Sums: map[string]model.Figure{}, Figures: make([]PortfolioFigure, len(figures)),
		Invoiced: nan(), Received: nan(), Open: nan(), Overdue: nan(), Contacts: nan(), CostedContacts: nan(),
	}
	for name, v := range sums {
		row.Sums[string(name)] = model.Figure(v)
	}
	for i, f := range figures {
		row.Figures[i] = PortfolioFigure{Name: f.Figure.Name, Value: model.Figure(f.Value)}
		for _, name := range f.Lacks {
			row.Figures[i].Lacks = append(row.Figures[i].Lacks, string(name))
		}
		if slices.Equal(f.Lacks, []loyalty.Sum{loyalty.ServiceCost}) {
			row.Figures[i].Instead = f.Figure.Instead
		}
	}
	if p.whole && p.total.Invoices > 0 {
		row.Invoiced = model.Figure(t.Invoiced.Float())
	}
	if p.owing() {
		row.Open, row.Overdue = model.Figure(t.Open.Float()), model.Figure(t.Overdue.Float())
	}
	if p.whole && p.total.PaymentsKnown > 0 {
		row.Received = model.Figure(t.Received.Float())
	}
	if p.whole && p.total.Contacts > 0 {
		row.Contacts, row.CostedContacts = model.Figure(t.Contacts), model.Figure(t.CostedContacts)
	}
	return row, nil
}
