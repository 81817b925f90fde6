package crosssell

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

	"fealty/features/frame"
	"fealty/model/boost"
	"fealty/model/calibrate"
	"fealty/model/metrics"
	"fealty/model/tree"
)

// PropensityParams says how to learn probabilities. Start from
// PropensityDefaults; the zero value is refused.
type PropensityParams struct {
	// HorizonDays is the horizon of the outcomes, 1 … 3660 days; default 90. It
	// travels with the propensity and says what its probabilities mean.
	HorizonDays int
	// Candidates is how many new items per account, best by Model.New, are given
	// a probability, 1 … 10,000; default 50. Own items all are.
	Candidates int
	// MaxRows bounds the pairs that are learnt from and evaluated on, at least
	// 1000; default 1,000,000. Beyond it accounts are taken at equal distances.
	// A pair takes about 500 bytes while learning.
	MaxRows int
	// Boost says how to boost.
	Boost boost.Params
}

// PropensityDefaults returns the default parameters.
func PropensityDefaults() PropensityParams {
	b := boost.Defaults()
	b.Rounds, b.Leaves, b.LearningRate, b.MinRows = 100, 15, .1, 50
	return PropensityParams{HorizonDays: 90, Candidates: 50, MaxRows: 1_000_000, Boost: b}
}

// Validate reports the first parameter out of its bounds, by name.
func (p PropensityParams) Validate() error {
	switch {
	case p.HorizonDays < 1 || p.HorizonDays > 3660:
		return fmt.Errorf("%w: HorizonDays is %d, expected 1 … 3660", ErrParams, p.HorizonDays)
	case p.Candidates < 1 || p.Candidates > 10_000:
		return fmt.Errorf("%w: Candidates is %d, expected 1 … 10000", ErrParams, p.Candidates)
	case p.MaxRows < 1000:
		return fmt.Errorf("%w: MaxRows is %d, expected at least 1000", ErrParams, p.MaxRows)
	case p.Boost.Validation != nil:
		return fmt.Errorf("%w: Boost.Validation is set: accounts are held out by their id instead", ErrParams)
	}
	if err := p.Boost.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrParams, err)
	}
	return nil
}

// kinds are the three lists; index k of an array of three is kinds[k].
var kinds = [3]Kind{New, Lapsed, Repeat}

// Propensity gives the probability that an account buys an item within the
// horizon and what it then spends on it. It is learnt at a cutoff whose horizon
// is over and used at a later one, beside a Model fitted there with the same
// parameters. It is immutable and safe for concurrent use.
type Propensity struct {
	params     Params
	horizon    int
	candidates int
	maxRows    int
	// beside names the columns that it reads beside those of the purchases.
	beside []string
	trees  *tree.Ensemble
	// Per kind: the calibrator, that of popularity alone, how many baskets a
	// buyer buys within the horizon, whether the list is re-ranked.
	calibrator, popular [3]calibrate.Affine
	baskets             [3]float64
	rerank              [3]bool
}

// Beside returns the names of the columns that it was learnt with beside those of the
// purchases: it needs them of every model (Model.With).
func (p *Propensity) Beside() []string { return p.beside }

// Params returns the parameters of the model beside which it was learnt: those
// to fit the model of a later cutoff with.
func (p *Propensity) Params() Params { return p.params }

// HorizonDays returns the horizon of the probabilities.
func (p *Propensity) HorizonDays() int { return p.horizon }

// Reranks tells whether the list of a kind is put in the order of probability:
// if that was no worse on accounts held out that bought enough, and never for Repeat, where the
// account's own frequency has held its ground (on Online Retail I re-ranking won
// on accounts held out and lost at the next cutoff, NDCG@10 .550 against .557).
func (p *Propensity) Reranks(kind Kind) bool { return p.rerank[kind-New] }

// PropensityReport says what FitPropensity did.
type PropensityReport struct {
	// Accounts and Rows are what was learnt from and calibrated on, HeldOut the
	// accounts among them that the trees did not see, Positives the rows bought.
	Accounts, HeldOut, Rows, Positives int
	// Trees is the number of trees.
	Trees int
	// Reach is the share of the new items bought in the horizon that stood among
	// the candidates; the others get no probability. 0 if nothing new was bought.
	Reach float64
	// HeldOutQuality is measured on the accounts held out, which also set the two
	// numbers of each calibrator: judge by Evaluate on a later cutoff.
	HeldOutQuality []Quality
	// Features are the columns by what splitting on them gained.
	Features []tree.Importance
}

// Quality says how good the probabilities of one kind are.
type Quality struct {
	Kind            Kind
	Rows, Positives int
	// Measured is false where there is one class only; the rest is then 0.
	Measured bool
	// AUC, LogLoss and ECE (10 bins of equal counts) are over pairs; Popular is
	// what the item's popularity alone, calibrated likewise, gives.
	AUC, LogLoss, ECE float64
	Popular           Baseline
	// NDCG is the mean NDCG@10 over accounts that bought of the kind, as ranked by
	// probability; BaseNDCG that of the list before re-ranking. Bought items that
	// were no candidates don't count, in either.
	NDCG, BaseNDCG float64
	// Amount is the mean spent on a pair that was bought, Expected what had been
	// expected of those.
	Amount, Expected float64
}

// Baseline is what popularity alone gives.
type Baseline struct{ AUC, LogLoss, ECE float64 }

// heldOut tells whether an account calibrates instead of teaching: one in five,
// by its id, so that it is on the same side at every cutoff.
func heldOut(id frame.AccountID) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // it never fails
	return h.Sum32()%5 == 0
}

// Lesson is a cutoff whose horizon is over: the model of the purchases before it,
// and what was bought in the horizon, by account and item rising.
type Lesson struct {
	Model  *Model
	Bought []Bought
}

// FitPropensity learns from cutoffs whose horizons are over; several of them tell
// seasons and lengths of history apart from habits. Features come from the
// purchases before a cutoff alone; Bought is the label and nothing else. One
// account in five, by id, is held out of all lessons to calibrate on.
//
// Errors: ErrParams; ErrInput names what is wrong with a lesson, or says that
// there is too little to learn from; ctx.Err() soon after ctx ends.
func FitPropensity(ctx context.Context, lessons []Lesson, params PropensityParams) (*Propensity, PropensityReport, error) {
	if err := params.Validate(); err != nil {
		return nil, PropensityReport{}, err
	}
	if len(lessons) == 0 {
		return nil, PropensityReport{}, fmt.Errorf("%w: no cutoff to learn from", ErrInput)
	}
	p := &Propensity{params: lessons[0].Model.params, horizon: params.HorizonDays, candidates: params.Candidates, maxRows: params.MaxRows, beside: lessons[0].Model.beside.Names}
	t := &table{pairs: newCandidates(p.beside)}
	for _, l := range lessons {
		if err := p.suits(l.Model); err != nil {
			return nil, PropensityReport{}, err
		}
		if err := p.extend(ctx, t, l, params.MaxRows/len(lessons)); err != nil {
			return nil, PropensityReport{}, err
		}
	}
	var teach, hold []int
	report := PropensityReport{Accounts: t.accounts, Rows: t.pairs.rows(), Reach: t.reach()}
	last := -1
	for r, id := range t.pairs.id {
		if t.y[r] == 1 {
			report.Positives++
		}
		if !heldOut(id) {
			teach = append(teach, r)
			continue
		}
		if t.group[r] != last {
			last = t.group[r]
			report.HeldOut++
		}
		hold = append(hold, r)
	}
	if len(teach) == 0 || len(hold) == 0 {
		return nil, PropensityReport{}, fmt.Errorf("%w: %d accounts are too few to hold some out", ErrInput, t.accounts)
	}
	f := t.pairs.frame()
	var err error
	p.trees, err = boost.Fit(ctx, params.Boost, f.Take(teach), pick(t.y, teach), nil)
	switch {
	case errors.Is(err, boost.ErrOneClass):
		return nil, PropensityReport{}, fmt.Errorf("%w: %d purchases among %d pairs: a horizon with purchases is needed", ErrInput, report.Positives, report.Rows)
	case err != nil:
		return nil, PropensityReport{}, fmt.Errorf("learn propensities: %w", err)
	}
	margin := make([]float64, f.Rows())
	if err := p.trees.Predict(f, margin); err != nil {
		return nil, PropensityReport{}, err
	}
	if err := p.calibrate(t, margin, hold); err != nil {
		return nil, PropensityReport{}, err
	}
	p.countBaskets(t, teach)
	if report.HeldOutQuality, err = p.quality(t, margin, hold); err != nil {
		return nil, PropensityReport{}, err
	}
	for _, q := range report.HeldOutQuality {
		p.rerank[q.Kind-New] = q.Kind != Repeat && q.Positives >= fewest && q.Measured && q.NDCG >= q.BaseNDCG
	}
	report.Trees, report.Features = p.trees.Len(), p.trees.Importances()
	return p, report, nil
}

// table is what is learnt from or evaluated on: pairs of one or more cutoffs.
type table struct {
	pairs *candidates
	// y is 1 where the pair was bought, for amount; group numbers the accounts of
	// all cutoffs.
	y, amount []float64
	group     []int
	accounts  int
	// fresh counts the new items bought, reached those among the candidates.
	fresh, reached int
}

// reach returns reached ÷ fresh, 0 if nothing new was bought.
func (t *table) reach() float64 { return float64(t.reached) / float64(max(1, t.fresh)) }

// blockAccounts is how many accounts' pairs are made at once.
const blockAccounts = 64

// extend adds the pairs of one cutoff, at most about so many, with what was
// bought of them.
func (p *Propensity) extend(ctx context.Context, t *table, l Lesson, most int) error {
	m := l.Model
	if err := checkBought(m.past, l.Bought); err != nil {
		return err
	}
	all := len(m.past.Accounts)
	expected := int64(len(m.past.Item)) + int64(all)*int64(min(p.candidates, len(m.past.Items)))
	step := int(max(1, (expected+int64(most)-1)/int64(most)))
	accounts := (all + step - 1) / step
	blocks := make([]*candidates, (accounts+blockAccounts-1)/blockAccounts)
	boards := newPool(m.newBoard)
	err := each(ctx, len(blocks), func(n int) {
		b := boards.Get()
		defer boards.Put(b)
		blocks[n] = newCandidates(p.beside)
		for k := n * blockAccounts; k < min(accounts, (n+1)*blockAccounts); k++ {
			m.collect(blocks[n], k*step, p.candidates, nil, b)
		}
	})
	if err != nil {
		return err
	}
	at := make(map[[2]int32]float64, len(l.Bought)/step)
	for _, b := range l.Bought {
		if int(b.Account)%step != 0 {
			continue // not among the accounts taken
		}
		at[[2]int32{b.Account, b.Item}] = b.Amount
		if notIn(m.past.Cells(int(b.Account)))(b.Item) {
			t.fresh++
		}
	}
	for _, block := range blocks {
		for r, a := range block.account {
			amount, bought := at[[2]int32{a, block.item[r]}]
			y := 0.0
			if bought {
				y = 1
				if block.kind[r] == New {
					t.reached++
				}
			}
			t.y, t.amount, t.group = append(t.y, y), append(t.amount, amount), append(t.group, t.accounts+int(a)/step)
		}
		t.pairs.append(block)
	}
	t.accounts += accounts
	return nil
}

// checkBought refuses outcomes that do not fit the purchases.
func checkBought(past *Purchases, bought []Bought) error {
	for k, b := range bought {
		switch {
		case b.Account < 0 || int(b.Account) >= len(past.Accounts) || b.Item < 0 || int(b.Item) >= len(past.Items):
			return fmt.Errorf("%w: purchase %d is by account %d of item %d: there are %d accounts and %d items", ErrInput, k, b.Account, b.Item, len(past.Accounts), len(past.Items))
		case !(b.Amount >= 0 && b.Amount <= mostSpend):
			return fmt.Errorf("%w: account %q bought item %q for %v, expected 0 … %v", ErrInput, past.Accounts[b.Account], past.Items[b.Item].ID, b.Amount, float64(mostSpend))
		}
		if k > 0 {
			last := bought[k-1]
			if b.Account < last.Account || b.Account == last.Account && b.Item <= last.Item {
				return fmt.Errorf("%w: account %q, item %q stands after item %q of account %q: sort what was bought by account and item, each pair once", ErrInput,
					past.Accounts[b.Account], past.Items[b.Item].ID, past.Items[last.Item].ID, past.Accounts[last.Account])
			}
		}
	}
	return nil
}

// fewest is how many pairs bought, and how many not bought, a kind needs among
// those held out to be calibrated, and re-ranked, by itself.
const fewest = 50

// calibrate sets the calibrators on the rows held out, kind by kind; a kind that
// has too little takes that of all kinds together.
func (p *Propensity) calibrate(t *table, margin []float64, hold []int) error {
	pooled, err := calibrate.FitAffine(pick(margin, hold), pick(t.y, hold), nil)
	if err != nil {
		return fmt.Errorf("%w: the %d pairs held out cannot calibrate (%w): learn from more accounts", ErrInput, len(hold), err)
	}
	for k, kind := range kinds {
		rows := t.of(kind, hold)
		p.calibrator[k] = pooled
		y, popularity := pick(t.y, rows), pick(t.pairs.popularity(), rows)
		ones := 0
		for _, v := range y {
			ones += int(v)
		}
		zeros := len(y) - ones
		if ones >= fewest && zeros >= fewest {
			if own, err := calibrate.FitAffine(pick(margin, rows), y, nil); err == nil {
				p.calibrator[k] = own
			}
		}
		if own, err := calibrate.FitAffine(popularity, y, nil); err == nil {
			p.popular[k] = own
		} else {
			// Popularity tells nothing here; its best forecast is the base rate.
			p.popular[k] = calibrate.Affine{Intercept: math.Log(float64(ones+1) / float64(zeros+1))}
		}
	}
	return nil
}

// mostBaskets bounds baskets within a horizon; more would say that amounts before
// and after the cutoff have nothing to do with each other.
const mostBaskets = 1e6

// countBaskets sets how many baskets a buyer buys within the horizon, by kind, so
// that expected and actual amounts have equal sums over the pairs taught: 1 where
// nothing was paid, before or after.
func (p *Propensity) countBaskets(t *table, teach []int) {
	ratio := func(rows []int) (float64, bool) {
		paid, expected := 0.0, 0.0
		for _, r := range rows {
			if t.y[r] == 1 {
				paid += t.amount[r]
				expected += t.pairs.basket[r]
			}
		}
		return paid / expected, paid > 0 && paid <= mostBaskets*expected
	}
	pooled, ok := ratio(teach)
	if !ok {
		pooled = 1
	}
	for k, kind := range kinds {
		p.baskets[k] = pooled
		if own, ok := ratio(t.of(kind, teach)); ok {
			p.baskets[k] = own
		}
	}
}

// of returns those of the rows that are of a kind.
func (t *table) of(kind Kind, rows []int) []int {
	var out []int
	for _, r := range rows {
		if t.pairs.kind[r] == kind {
			out = append(out, r)
		}
	}
	return out
}

func pick(values []float64, rows []int) []float64 {
	out := make([]float64, len(rows))
	for k, r := range rows {
		out[k] = values[r]
	}
	return out
}

// Evaluate measures the propensity at a cutoff later than those it was learnt at.
// One Quality per kind.
func (p *Propensity) Evaluate(ctx context.Context, l Lesson) ([]Quality, error) {
	if err := p.suits(l.Model); err != nil {
		return nil, err
	}
	t := &table{pairs: newCandidates(p.beside)}
	if err := p.extend(ctx, t, l, p.maxRows); err != nil {
		return nil, err
	}
	_, quality, err := p.measure(t)
	return quality, err
}

// measure returns the margins of a table's rows, and their quality kind by kind.
func (p *Propensity) measure(t *table) ([]float64, []Quality, error) {
	margin := make([]float64, t.pairs.rows())
	if err := p.trees.Predict(t.pairs.frame(), margin); err != nil {
		return nil, nil, err
	}
	rows := make([]int, len(margin))
	for r := range rows {
		rows[r] = r
	}
	quality, err := p.quality(t, margin, rows)
	return margin, quality, err
}

// quality measures rows of a table, kind by kind.
func (p *Propensity) quality(t *table, margin []float64, rows []int) ([]Quality, error) {
	var out []Quality
	for k, kind := range kinds {
		own := t.of(kind, rows)
		q := Quality{Kind: kind, Rows: len(own)}
		y, probability := pick(t.y, own), make([]float64, len(own))
		popularity, popular := pick(t.pairs.popularity(), own), make([]float64, len(own))
		for i, r := range own {
			probability[i], popular[i] = p.calibrator[k].Probability(margin[r]), p.popular[k].Probability(popularity[i])
			if t.y[r] == 1 {
				q.Positives++
				q.Amount += t.amount[r]
				q.Expected += p.baskets[k] * t.pairs.basket[r]
			}
		}
		if q.Measured = q.Positives > 0 && q.Positives < q.Rows; q.Measured {
			q.Amount /= float64(q.Positives)
			q.Expected /= float64(q.Positives)
			var err error
			if q.AUC, q.LogLoss, q.ECE, err = judge(y, pick(margin, own), probability); err != nil {
				return nil, err
			}
			if q.Popular.AUC, q.Popular.LogLoss, q.Popular.ECE, err = judge(y, popularity, popular); err != nil {
				return nil, err
			}
			q.NDCG, q.BaseNDCG = t.lists(own, margin)
		} else {
			q.Amount, q.Expected = 0, 0
		}
		out = append(out, q)
	}
	return out, nil
}

// LogLoss returns the mean log-loss of the pairs that were measured, NaN if none was.
func LogLoss(all []Quality) float64 {
	sum, rows := 0.0, 0
	for _, q := range all {
		if q.Measured {
			sum += float64(q.Rows) * q.LogLoss
			rows += q.Rows
		}
	}
	return sum / float64(rows)
}

func judge(y, score, probability []float64) (auc, loss, ece float64, err error) {
	if auc, err = metrics.AUC(y, score, nil); err != nil {
		return 0, 0, 0, err
	}
	if loss, err = metrics.LogLoss(y, probability, nil); err != nil {
		return 0, 0, 0, err
	}
	ece, err = metrics.ECE(y, probability, 10)
	return auc, loss, ece, err
}

// lists returns the mean NDCG of the lists that the rows make, by margin and as
// they stood; rows of an account stand together, in the order of the base list.
func (t *table) lists(rows []int, margin []float64) (ranked, base float64) {
	var byMargin, before quality
	for from := 0; from < len(rows); {
		to := from
		for to < len(rows) && t.group[rows[to]] == t.group[rows[from]] {
			to++
		}
		own := rows[from:to]
		from = to
		bought := map[int32]bool{}
		var list []Scored
		for _, r := range own {
			if t.y[r] == 1 {
				bought[t.pairs.item[r]] = true
			}
			list = append(list, Scored{t.pairs.item[r], margin[r]})
		}
		if len(bought) == 0 {
			continue
		}
		before.add(list, bought)
		slices.SortStableFunc(list, byScore)
		byMargin.add(list, bought)
	}
	return byMargin.ndcg / float64(byMargin.accounts), before.ndcg / float64(before.accounts)
}

func byScore(x, y Scored) int {
	switch {
	case x.Score > y.Score:
		return -1
	case x.Score < y.Score:
		return 1
	}
	return 0
}

// suits refuses a model that was fitted otherwise than the one learnt beside.
func (p *Propensity) suits(m *Model) error {
	a, b := p.params, m.params
	a.MaxBytes, b.MaxBytes = 0, 0
	if a != b {
		return fmt.Errorf("%w: the propensity was learnt beside a model with Lambda %v, Neighbours %d and LapsedDays %d, this one has %v, %d and %d: fit it with Propensity.Params", ErrInput,
			a.Lambda, a.Neighbours, a.LapsedDays, b.Lambda, b.Neighbours, b.LapsedDays)
	}
	if !slices.Equal(p.beside, m.beside.Names) {
		return fmt.Errorf("%w: the propensity was learnt with %q beside the purchases, and the model has %q: hand them to Model.With", ErrInput, p.beside, m.beside.Names)
	}
	return nil
}
