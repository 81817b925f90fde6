package lifetime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fealty/model/score"
)

// Least says how large a segment must be for a fit of its own; smaller ones use
// the fit of all accounts. The zero value is not valid; start from DefaultLeast.
type Least struct {
	// Accounts with a history. Default 500, at least 10.
	Accounts int `json:"accounts"`
	// RepeatBuyers among them; the spread of rates and departures is learnt from
	// these. Default 150, at least 3. With 150 repeat buyers the standard errors of
	// the parameters are about a third of them on CDNOW-like histories.
	RepeatBuyers int `json:"repeat_buyers"`
}

// DefaultLeast returns the documented default of every field.
func DefaultLeast() Least { return Least{Accounts: 500, RepeatBuyers: 150} }

// Validate checks every bound; its error wraps ErrParams and names the field.
func (l Least) Validate() error {
	if l.Accounts < 10 || l.RepeatBuyers < 3 {
		return fmt.Errorf("%w: a segment's own fit from %d accounts and %d repeat buyers: want at least 10 and 3", ErrParams, l.Accounts, l.RepeatBuyers)
	}
	return nil
}

// Reason says why a fit was used.
type Reason string

// The reasons.
const (
	// LargeEnough: the segment has a fit of its own.
	LargeEnough Reason = "large-enough"
	// TooSmall: fewer accounts or repeat buyers than Least; the fit of all is used.
	TooSmall Reason = "too-small"
	// NotDetermined: the segment's own fit did not converge; the fit of all is used.
	NotDetermined Reason = "not-determined"
	// Unknown: the segment was not there when the portfolio was fitted.
	Unknown Reason = "unknown"
)

var reasons = map[Reason]map[score.Language]string{
	LargeEnough:   {score.English: "fitted on the segment itself", score.Chinese: "按该客户群单独拟合"},
	TooSmall:      {score.English: "too few accounts or repeat buyers; the fit of all accounts is used", score.Chinese: "客户或复购客户太少，采用全体客户的拟合"},
	NotDetermined: {score.English: "the segment's own fit did not converge; the fit of all accounts is used", score.Chinese: "该客户群的单独拟合未收敛，采用全体客户的拟合"},
	Unknown:       {score.English: "the segment is newer than the fit; the fit of all accounts is used", score.Chinese: "该客户群在拟合之后才出现，采用全体客户的拟合"},
}

func (r Reason) known() bool { return reasons[r] != nil && r != Unknown }

// Sentence says the reason in plain words.
func (r Reason) Sentence(language score.Language) string { return reasons[r][language] }

// Used says which fit is used, and why.
type Used struct {
	Reason Reason
	// Problem is why the own fit did not converge, with NotDetermined only.
	Problem string
}

// Own says whether the fit is the segment's own.
func (u Used) Own() bool { return u.Reason == LargeEnough }

// Choice is what a portfolio uses for one segment.
type Choice struct {
	Segment                string
	Accounts, RepeatBuyers int
	Purchases, Spend       Used
}

// pair are the two models that an account is scored by; spend is nil where there
// is none, and purchases are then valued at the account's own plain mean.
type pair struct {
	model *Model
	spend *Spend
}

// Portfolio scores accounts by the fits of their segments, or the fit of all
// where a segment is too small: immutable, safe for concurrent use.
type Portfolio struct {
	least  Least
	pooled pair
	// problem is why there is no spend model of all accounts, "" where there is one or
	// none was asked for.
	problem  string
	segments []Choice // ascending by name
	own      map[string]pair
}

// FitPortfolio fits a purchase model and a spend model on all accounts, then on
// each segment that is large enough. mean is as in FitSpend; segment names one per
// account ("" is one, too). Errors are those of Fit and FitSpend on all accounts,
// but where the spend of all does not converge purchases stand without it, valued
// at each account's own plain mean (SpendProblem). A segment whose fit does not
// converge uses the fit of all, and its Choice says so.
func FitPortfolio(ctx context.Context, kind Kind, h Histories, mean []float64, segment []string, least Least) (*Portfolio, error) {
	if err := least.Validate(); err != nil {
		return nil, err
	}
	if len(segment) != h.Rows() {
		return nil, fmt.Errorf("%w: %d segments for %d accounts: want one per account", ErrInput, len(segment), h.Rows())
	}
	model, err := Fit(ctx, kind, h, nil)
	if err != nil {
		return nil, fmt.Errorf("fit purchases of all accounts: %w", err)
	}
	spend, err := FitSpend(ctx, h.counts(), mean, nil)
	pooled, err := used(err)
	if err != nil {
		return nil, fmt.Errorf("fit spend of all accounts: %w", err)
	}
	rows := bySegment(segment)
	p := &Portfolio{least: least, pooled: pair{model, spend}, problem: pooled.Problem, own: make(map[string]pair, len(rows))}
	for _, name := range sortedNames(rows) {
		part, partMean := pick(h, mean, rows[name])
		repeat := 0
		for _, x := range part.Frequency {
			if x > 0 {
				repeat++
			}
		}
		choice := Choice{Segment: name, Accounts: part.Rows(), RepeatBuyers: repeat, Purchases: Used{Reason: TooSmall}, Spend: Used{Reason: TooSmall}}
		use := p.pooled
		if part.Rows() >= least.Accounts && repeat >= least.RepeatBuyers {
			ownModel, err := Fit(ctx, kind, part, nil)
			if choice.Purchases, err = used(err); err != nil {
				return nil, fmt.Errorf("fit purchases of segment %q: %w", name, err)
			}
			ownSpend, err := FitSpend(ctx, part.counts(), partMean, nil)
			if choice.Spend, err = used(err); err != nil {
				return nil, fmt.Errorf("fit spend of segment %q: %w", name, err)
			}
			if choice.Purchases.Own() {
				use.model = ownModel
			}
			if choice.Spend.Own() {
				use.spend = ownSpend
			}
		}
		p.segments = append(p.segments, choice)
		p.own[name] = use
	}
	return p, nil
}

// used is what a segment's own fit comes to; every error but ErrNotConverged
// remains one.
func used(err error) (Used, error) {
	switch {
	case err == nil:
		return Used{Reason: LargeEnough}, nil
	case errors.Is(err, ErrNotConverged):
		return Used{NotDetermined, err.Error()}, nil
	}
	return Used{}, err
}

func sortedNames(rows map[string][]int) []string {
	names := make([]string, 0, len(rows))
	for name := range rows {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Segments says for each segment, by name, which fits are used and why.
func (p *Portfolio) Segments() []Choice { return slices.Clone(p.segments) }

// Choice is that of one segment; of one that was not there when the portfolio was
// fitted, Unknown.
func (p *Portfolio) Choice(segment string) Choice {
	for _, c := range p.segments {
		if c.Segment == segment {
			return c
		}
	}
	return Choice{Segment: segment, Purchases: Used{Reason: Unknown}, Spend: Used{Reason: Unknown}}
}

// SpendProblem is why there is no spend model of all accounts, "" where there is
// one.
func (p *Portfolio) SpendProblem() string { return p.problem }

// PlainSpend returns the portfolio without its spend models: purchases are those
// of its purchase models, each valued at the account's own plain mean.
func (p *Portfolio) PlainSpend() *Portfolio {
	plain := *p
	plain.pooled.spend, plain.own = nil, make(map[string]pair, len(p.own))
	for name, use := range p.own {
		plain.own[name] = pair{model: use.model}
	}
	return &plain
}

// Models returns the models that accounts of a segment are scored by. The spend
// model is nil where purchases are valued at the account's own plain mean.
func (p *Portfolio) Models(segment string) (*Model, *Spend) {
	use, known := p.own[segment]
	if !known {
		use = p.pooled
	}
	return use.model, use.spend
}

// Scores are columns with one entry per account.
type Scores struct {
	// Alive is P(alive); NoPurchase the probability of no purchase within the
	// horizon; Expected the expected purchases within it.
	Alive, NoPurchase, Expected []float64
	// IfAlive are the purchases within the horizon of an account that is alive:
	// what is lost when it leaves.
	IfAlive []float64
	// MeanSpend is expected per purchase; Value is the discounted margin of the
	// months of the terms. Both are NaN where there is neither a spend model nor a
	// purchase that was paid.
	MeanSpend, Value []float64
	// Discounted are the purchases of those months, each counted at what a unit of
	// spend in its month is worth: Value is Discounted × MeanSpend.
	Discounted []float64
}

// Score computes everything about every account, each by the models of its
// segment, on all cores. The horizon t is in the unit of the histories; bounds as
// in Model.Expected, Spend.Expected and Terms. The same rows give the same bits on
// any number of threads and in any order or batch.
func (p *Portfolio) Score(h Histories, mean []float64, segment []string, t float64, terms Terms) (*Scores, error) {
	n := h.Rows()
	if len(segment) != n {
		return nil, fmt.Errorf("%w: %d segments for %d accounts: want one per account", ErrInput, len(segment), n)
	}
	if err := checkValue(p.pooled.model, h, mean, terms); err != nil {
		return nil, err
	}
	for _, use := range append([]pair{p.pooled}, p.pairs()...) {
		for _, horizon := range []float64{t, float64(terms.Months) * terms.Month} {
			if err := use.model.checkHorizon(horizon); err != nil {
				return nil, err
			}
		}
	}
	all := make([]float64, 7*n)
	column := func(k int) []float64 { return all[k*n : (k+1)*n : (k+1)*n] }
	s := &Scores{column(0), column(1), column(2), column(3), column(4), column(5), column(6)}
	ends, factors := terms.ends()
	// One series serves the months and the horizon, which stands where it belongs.
	position, _ := slices.BinarySearch(ends, t)
	horizons := slices.Insert(slices.Clone(ends), position, t)
	stripes(n, max(rowsAtOnce, n/64), func(_, from, to int) {
		var sums series
		purchases, months := make([]float64, len(horizons)), make([]float64, len(ends))
		seen := make(map[place]outlook)
		name, use := "", p.find("")
		for i := from; i < to; i++ {
			if segment[i] != name {
				name, use = segment[i], p.find(segment[i])
			}
			x, recency, age := h.Frequency[i], h.Recency[i], h.Age[i]
			at, known := seen[place{use.model, x, age}]
			if !known {
				use.model.purchases(x, age, horizons, purchases, &sums)
				copy(months[:position], purchases)
				copy(months[position:], purchases[position+1:])
				at = outlook{purchases[position], worth(months, factors)}
				seen[place{use.model, x, age}] = at
			}
			s.Alive[i] = alive(use.model.kind, use.model.p, x, recency, age)
			s.NoPurchase[i] = use.model.noPurchase(s.Alive[i], x, recency, age, t)
			s.Expected[i], s.IfAlive[i] = s.Alive[i]*at.purchases, at.purchases
			s.MeanSpend[i] = perPurchase(use.spend, h.paid(i), mean[i])
			s.Discounted[i] = s.Alive[i] * at.worth
			s.Value[i] = s.Discounted[i] * s.MeanSpend[i]
		}
	})
	return s, nil
}

// What an account will do if it is alive depends on its frequency and age only,
// and where time is counted in days many accounts share both: outlook is kept for
// each place.
type (
	place struct {
		model  *Model
		x, age float64
	}
	outlook struct{ purchases, worth float64 }
)

// Pooled returns the models that were fitted on all accounts; the spend model is
// nil where there is none.
func (p *Portfolio) Pooled() (*Model, *Spend) { return p.pooled.model, p.pooled.spend }

// ValueIntervals is ValueIntervals of each account by the models of its segment.
func (p *Portfolio) ValueIntervals(ctx context.Context, h Histories, mean []float64, segment []string, terms Terms, c Chance, low, high []float64) error {
	if len(segment) != h.Rows() {
		return fmt.Errorf("%w: %d segments for %d accounts: want one per account", ErrInput, len(segment), h.Rows())
	}
	// All rows first: a segment's errors would count its own rows.
	if err := checkValue(p.pooled.model, h, mean, terms); err != nil {
		return err
	}
	for _, out := range [][]float64{low, high} {
		if err := checkOut(out, h.Rows()); err != nil {
			return err
		}
	}
	rows := bySegment(segment)
	for _, name := range sortedNames(rows) {
		model, spend := p.Models(name)
		part, partMean := pick(h, mean, rows[name])
		partLow, partHigh := make([]float64, part.Rows()), make([]float64, part.Rows())
		if err := ValueIntervals(ctx, model, spend, part, partMean, terms, c, partLow, partHigh); err != nil {
			return fmt.Errorf("intervals of segment %q: %w", name, err)
		}
		for k, i := range rows[name] {
			low[i], high[i] = partLow[k], partHigh[k]
		}
	}
	return nil
}

// bySegment are the rows of each segment.
func bySegment(segment []string) map[string][]int {
	rows := make(map[string][]int)
	for i, name := range segment {
		rows[name] = append(rows[name], i)
	}
	return rows
}

// pick copies some rows.
func pick(h Histories, mean []float64, rows []int) (Histories, []float64) {
	var part Histories
	var partMean []float64
	for _, i := range rows {
		part.Frequency = append(part.Frequency, h.Frequency[i])
		part.Recency = append(part.Recency, h.Recency[i])
		part.Age = append(part.Age, h.Age[i])
		if h.Paid != nil {
			part.Paid = append(part.Paid, h.Paid[i])
		}
		partMean = append(partMean, mean[i])
	}
	return part, partMean
}

func (p *Portfolio) find(segment string) pair {
	model, spend := p.Models(segment)
	return pair{model, spend}
}

// pairs are those of the segments, in their order.
func (p *Portfolio) pairs() []pair {
	all := make([]pair, len(p.segments))
	for k, s := range p.segments {
		all[k] = p.own[s.Segment]
	}
	return all
}
