package wallet

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"fealty/features/frame"
	"fealty/model/boost"
	"fealty/model/metrics"
	"fealty/model/tree"
)

// Report says what a model was fitted on and how good it is.
type Report struct {
	Accounts   int
	Categories []CategoryReport
	// Shares are the fitted models of shares; Unshared says why a category with
	// enough declared periods has none.
	Shares   []ShareReport
	Unshared []string
	// Coverage is that of accounts that neither learnt nor calibrated.
	Coverage []Coverage
	// Below are the declarations, by number, of a wallet below the account's own
	// spend: it is raised to the spend.
	Below []int
}

// CategoryReport is what was learnt of one category.
type CategoryReport struct {
	Category string
	// Peers is the number of accounts with spend. Why says why there is no
	// estimate; the rest is then 0.
	Peers int
	Why   Why
	// Train and Held are the accounts that taught and that the twins are compared on.
	Train, Held int
	// Boosting, Neighbours and Constant are the mean pinball losses of the log spend
	// of the held-out accounts, Constant of the quantile of all. Serves is the better
	// of the first two.
	Boosting, Neighbours, Constant float64
	Serves                         Twin
	// Explained is 1 − loss ÷ Constant (Koenker and Machado, JASA 94, 1999).
	Explained float64
	// Without are the numbers that rank the accounts almost as their spend does (rank
	// correlation above .95 on up to 2,000 of those that have a value): they probably
	// tell the spend itself, and the wallet would be the account's own spend. The
	// category is fitted without them.
	Without []string
}

// Twin names a way to the quantile.
type Twin string

// The twins.
const (
	Boosting   Twin = "boosting"
	Neighbours Twin = "neighbours"
)

// ShareReport is a fitted model of shares: of a category, or of all where Category is "".
type ShareReport struct {
	Category string
	Accounts int
	// Usual is the mean share of wallet; Concentration says how alike accounts are:
	// it weighs as much as that many purchases of the account's own.
	Usual, Concentration float64
}

// Shares of the accounts by what they do, drawn by their names: an account is in
// one part in all categories and at all cutoffs.
const (
	teaches   = 0.50
	chooses   = 0.65
	calibrate = 0.85
)

// A column is suspected to tell the spend from this rank correlation on, looked for
// on so many accounts.
const (
	suspectFrom = 0.95
	suspectRows = 2000
)

// maxLevels bounds the levels of a category column.
const maxLevels = 30_000

// Fit learns wallets from peers and from what is declared of them, and from
// nothing else: hand in what the cutoff knows. The accounts are drawn by name into
// four parts: half of them teach, 15 % choose between the twins and, where wallets
// are declared, teach how these follow from peers and own spend, 20 % set the
// intervals, 15 % are tested on. The logarithm of spend is learnt, of accounts
// that spend in the category.
//
// The same input and parameters give the same model on any number of threads.
// Memory beside the input: 2 bytes per account × column, 16 per entry of spend,
// 64 per declaration, and per thread what boosting takes for MaxRows rows. With
// 200,000 accounts in 30 categories, 3.6 million entries and 360,000 declarations,
// fit and estimates took 0.8 GB with the input.
//
// Errors: those of Params.Validate, ErrInput, ctx.Err(). A category that cannot be
// learnt is no error; its report says why.
func Fit(ctx context.Context, p Peers, declared []Declared, params Params) (*Model, Report, error) {
	if err := params.Validate(); err != nil {
		return nil, Report{}, err
	}
	if err := p.check(declared); err != nil {
		return nil, Report{}, err
	}
	for j := range p.Frame.Columns {
		if n := len(p.Frame.Columns[j].Levels); n > maxLevels {
			return nil, Report{}, fmt.Errorf("%w: column %q has %d levels, at most %d", ErrInput, p.Frame.Columns[j].Name, n, maxLevels)
		}
	}
	t := &fitting{facts: newFacts(&p, declared), model: &Model{params: params}}
	t.draw()
	t.code()
	t.columns = p.byCategory()
	t.model.categories = make([]category, len(p.Categories))
	t.found = make([]found, len(p.Categories))
	if err := t.each(ctx); err != nil {
		return nil, Report{}, err
	}
	report := Report{Accounts: p.Frame.Rows(), Below: t.below()}
	var tests, choose, set []tested
	for c := range t.found {
		f := &t.found[c]
		report.Categories = append(report.Categories, f.report)
		choose, set, tests = append(choose, f.choose...), append(set, f.set...), append(tests, f.tests...)
	}
	if len(choose) >= params.MinScores {
		var err error
		if t.model.correction, err = newCorrection(choose); err != nil {
			return nil, Report{}, err
		}
	}
	t.model.setBands(set)
	t.share(&report)
	t.model.index()
	report.Coverage = t.model.judge(tests)
	return t.model, report, nil
}

// fitting is the state of one Fit.
type fitting struct {
	facts

	columns []entries
	// part of each account in [0, 1), and its place in a random order.
	part  []float64
	order []int32
	view  *view
	model *Model
	found []found
}

// found is what one category gives beside its model.
type found struct {
	report CategoryReport
	// choose, set and tests are accounts whose truth is known, by their parts.
	choose, set, tests []tested
}

// draw gives each account a part and a place.
func (t *fitting) draw() {
	accounts := t.Frame.Accounts
	t.part, t.order = make([]float64, len(accounts)), make([]int32, len(accounts))
	places, rows := make([]uint64, len(accounts)), make([]int32, len(accounts))
	for i, a := range accounts {
		h := fnv.New64a()
		_, _ = h.Write([]byte(a)) // never fails
		places[i] = mix(h.Sum64() ^ mix(t.model.params.Seed))
		t.part[i] = float64(mix(places[i])>>11) * 0x1p-53
		rows[i] = int32(i) // check bounds the accounts
	}
	slices.SortFunc(rows, func(a, b int32) int {
		return cmp.Or(cmp.Compare(places[a], places[b]), cmp.Compare(accounts[a], accounts[b]), cmp.Compare(a, b))
	})
	for place, i := range rows {
		t.order[i] = int32(place)
	}
}

// mix is the finish of splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// code finds the coders on at most MaxRows accounts and codes all.
func (t *fitting) code() {
	f, totals := t.Frame, t.totals()
	rows := make([]int32, 0, f.Rows())
	for i, place := range t.order {
		if int(place) < t.model.params.MaxRows {
			rows = append(rows, int32(i)) // check bounds the accounts
		}
	}
	for j := range f.Columns {
		t.model.coders = append(t.model.coders, newCoder(&f.Columns[j], rows))
	}
	sums := make([]float64, len(rows))
	for k, i := range rows {
		sums[k] = totals[i]
	}
	t.model.coders = append(t.model.coders, coder{Name: Elsewhere, Knots: knotsOf(sums)})
	t.view = newView(f, totals, t.model.coders)
}

// each fits all categories, some at once. The error of the first category counts.
func (t *fitting) each(ctx context.Context) error {
	errs := make([]error, len(t.columns))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(t.model.params.threads(), len(t.columns)) {
		all.Go(func() {
			for {
				c := int(next.Add(1)) - 1
				if c >= len(t.columns) {
					return
				}
				if errs[c] = t.category(ctx, c); errs[c] != nil {
					errs[c] = fmt.Errorf("category %q: %w", t.Categories[c], errs[c])
				}
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return cmp.Or(errs...)
}

// some are accounts of a category that do one thing.
type some struct {
	accounts []int32
	amounts  []float64
	log      []float64
}

func (s *some) add(account int32, amount float64) {
	s.accounts, s.amounts, s.log = append(s.accounts, account), append(s.amounts, amount), append(s.log, math.Log(amount))
}

// pick returns the buyers of a category with a part in [from, to), at most so many
// by random order, in that order; where told, those of whom a wallet is declared.
func (t *fitting) pick(e *entries, from, to float64, most int, told bool) some {
	var rows []int32
	for k, i := range e.account {
		if e.amount[k] > 0 && t.part[i] >= from && t.part[i] < to && (!told || t.truth(i, e.category, e.amount[k], t.model.params.FreshDays) > 0) {
			rows = append(rows, int32(k)) // check bounds the entries
		}
	}
	slices.SortFunc(rows, func(a, b int32) int { return cmp.Compare(t.order[e.account[a]], t.order[e.account[b]]) })
	rows = rows[:min(most, len(rows))]
	var s some
	for _, k := range rows {
		s.add(e.account[k], e.amount[k])
	}
	return s
}

// least are the fewest accounts that teach and that choose.
const least = 5

// category fits one category.
func (t *fitting) category(ctx context.Context, c int) error {
	p, e := &t.model.params, &t.columns[c]
	m, r := &t.model.categories[c], &t.found[c].report
	m.Name = t.Categories[c]
	for _, v := range e.amount {
		if v > 0 {
			m.Peers++
		}
	}
	train, held := t.pick(e, 0, teaches, p.MaxRows, false), t.pick(e, teaches, chooses, p.MaxRows/4, false)
	switch {
	case m.Peers == 0:
		m.Why = NoPeers
	case m.Peers == 1:
		m.Why = OneAccount
	case m.Peers < p.MinPeers || len(train.log) < least || len(held.log) < least:
		m.Why = FewPeers
	}
	*r = CategoryReport{Category: m.Name, Peers: m.Peers, Why: m.Why}
	if m.Why != None {
		return nil
	}
	features := t.view.take(train.accounts, train.amounts)
	blind := suspects(features, train.log)
	for _, j := range blind {
		r.Without = append(r.Without, features.Columns[j].Name)
		hide(features.Columns[j].Numbers)
	}
	var err error
	if m.upper, err = t.boost(ctx, features, train.log, p.Level); err != nil {
		return err
	}
	n := t.near(&train, blind)
	r.Train, r.Held = len(train.log), len(held.log)
	upper, middle := make([]float64, len(held.log)), make([]float64, len(held.log))
	if err := m.upper.Predict(t.view.take(held.accounts, held.amounts), upper); err != nil {
		return err
	}
	loss := boost.Pinball{Alpha: p.Level}
	r.Boosting = meanOf(loss, upper, held.log)
	t.model.nearest(n, t.view, held.accounts, held.amounts, upper, middle)
	r.Neighbours = meanOf(loss, upper, held.log)
	constant := loss.Base(train.log, nil)
	for k := range upper {
		upper[k] = constant
	}
	r.Constant = meanOf(loss, upper, held.log)
	r.Serves = Boosting
	if r.Neighbours < r.Boosting {
		r.Serves, m.near, m.upper = Neighbours, n, nil
	} else if m.middle, err = t.boost(ctx, features, train.log, middleLevel); err != nil {
		return err
	}
	if best := min(r.Boosting, r.Neighbours); r.Constant > 0 {
		r.Explained = 1 - best/r.Constant
	}
	return t.hold(c)
}

// suspects are the places of the numbers that rank rows as y does.
func suspects(f *frame.Frame, y []float64) []int {
	var all []int
	for j := range f.Columns {
		c := &f.Columns[j]
		if c.Kind != frame.Number || c.Name == Elsewhere {
			continue
		}
		var there, spend []float64
		for k, v := range c.Numbers[:min(suspectRows, len(y))] {
			if !math.IsNaN(v) {
				there, spend = append(there, v), append(spend, y[k])
			}
		}
		if len(there) > suspectRows/100 && metrics.Spearman(there, spend) > suspectFrom {
			all = append(all, j)
		}
	}
	return all
}

// hide takes the values of a column away from those who teach. A column without
// values splits no tree and sets no two references apart, so that whatever it says of
// the accounts that are asked for, it says nothing to the model.
func hide(values []float64) {
	for k := range values {
		values[k] = math.NaN()
	}
}

func meanOf(loss boost.Pinball, margin, y []float64) float64 {
	sum := 0.0
	for k, m := range margin {
		sum += loss.Value(m, y[k])
	}
	return sum / float64(len(y))
}

// boost learns a quantile.
func (t *fitting) boost(ctx context.Context, f *frame.Frame, y []float64, level float64) (*tree.Ensemble, error) {
	p := boost.Defaults()
	p.Loss = boost.Pinball{Alpha: level}
	p.Rounds, p.Leaves, p.Seed, p.Threads = t.model.params.Rounds, t.model.params.Leaves, t.model.params.Seed, 1
	return boost.Fit(ctx, p, f, y, nil)
}

// near keeps the first training accounts as references, blind to the columns of those
// places.
func (t *fitting) near(train *some, blind []int) *near {
	p := &t.model.params
	count := min(p.References, len(train.log))
	order := make([]int, count)
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(train.log[a], train.log[b]) })
	n := &near{Neighbours: max(1, min(p.Neighbours, count/4)), Log: make([]float64, count), Codes: make([]int16, count*t.view.width)}
	row := make([]int16, t.view.width)
	for k, from := range order {
		n.Log[k] = train.log[from]
		t.view.row(train.accounts[from], train.amounts[from], &t.model.coders[len(t.model.coders)-1], row)
		for _, j := range blind {
			row[j] = missing
		}
		for j, v := range row {
			n.Codes[j*count+k] = v
		}
	}
	return n
}

// hold foresees the accounts whose truth is known, part by part.
func (t *fitting) hold(c int) error {
	m, e, f, p := &t.model.categories[c], &t.columns[c], &t.found[c], &t.model.params
	for _, part := range []struct {
		basis    Basis
		from, to float64
		into     *[]tested
	}{
		{ByDeclared, teaches, chooses, &f.choose},
		{ByDeclared, chooses, calibrate, &f.set},
		{ByPeers, chooses, calibrate, &f.set},
		{ByDeclared, calibrate, 1, &f.tests},
		{ByPeers, calibrate, 1, &f.tests},
	} {
		tests, err := t.model.test(m, t.view, &t.facts, part.basis, c, t.pick(e, part.from, part.to, p.MaxRows/4, part.basis == ByDeclared))
		if err != nil {
			return err
		}
		*part.into = append(*part.into, tests...)
	}
	return nil
}

// below finds declared amounts below the account's own spend, of those that count.
func (t *fitting) below() []int {
	var all []int
	s := &t.Spend
	for i := range t.Frame.Accounts {
		for k := s.Start[i]; k < s.Start[i+1]; k++ {
			at, ok := t.newest[pair{int32(i), s.Category[k]}] // check bounds the accounts
			if ok && t.declared[at].Amount > 0 && t.declared[at].Amount < s.Amount[k] {
				all = append(all, int(at))
			}
		}
	}
	slices.Sort(all)
	return all
}

// share fits the models of shares of categories and of all together.
func (t *fitting) share(report *Report) {
	p := &t.model.params
	counts := make([][][]float64, len(t.Categories))
	var pooled [][]float64
	for k := range t.declared {
		d := &t.declared[k]
		if d.Orders == 0 || !(d.Spend > 0) || d.Amount < d.Spend || t.newest[pair{int32(d.Account), int32(d.Category)}] != int32(k) { //nolint:gosec // checked
			continue
		}
		row := countsOf(d)
		if len(counts[d.Category]) < p.MaxRows {
			counts[d.Category] = append(counts[d.Category], row)
		}
		if len(pooled) < p.MaxRows {
			pooled = append(pooled, row)
		}
	}
	fit := func(name string, rows [][]float64) {
		if len(rows) < p.MinScores {
			return
		}
		d, err := FitDirichlet(rows)
		if err != nil {
			report.Unshared = append(report.Unshared, fmt.Sprintf("category %q: %v", name, err))
			return
		}
		s := shares{name, len(rows), d.Alpha[0], d.Alpha[1]}
		t.model.shares = append(t.model.shares, s)
		report.Shares = append(report.Shares, ShareReport{name, len(rows), s.Ours / (s.Ours + s.Others), s.Ours + s.Others})
	}
	fit("", pooled)
	for c, rows := range counts {
		if name := t.Categories[c]; name != "" { // that of all is fitted
			fit(name, rows)
		}
	}
}

// countsOf returns the purchases here and elsewhere that a declared period tells:
// as many elsewhere as the rest of the amount is worth in orders like those here.
func countsOf(d *Declared) []float64 {
	return []float64{d.Orders, d.Orders * (d.Amount/d.Spend - 1)}
}
