package wallet

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"fealty/model/metrics"
)

// Coverage is how often intervals held the truth, on accounts of which the truth
// was kept from the model.
type Coverage struct {
	// Segment, or "" for all accounts, and Category, or "" for all categories.
	Segment, Category string
	// Basis is what the truth is: declared wallets, or what peers spend.
	Basis Basis
	// Accounts tested; Target is the share to be inside, Inside the share that was.
	Accounts       int
	Target, Inside float64
	// Narrow is how many intervals were narrow enough to act on, NarrowInside the
	// share of those that held the truth (NaN of none): what is acted on is
	// chosen, and must hold it as often. By declared wallets only.
	Narrow       int
	NarrowInside float64
	// Width is the median of high ÷ low; by peers before the account's own spend
	// raises the low.
	Width float64
	// Correlation is Spearman's rank correlation of estimated and declared wallets;
	// NaN by peers and for fewer than three accounts.
	Correlation float64
}

// tested is an account whose truth is known: a declared wallet, or its own spend.
type tested struct {
	quantiles

	segment, category string
	basis             Basis
	truth             float64
}

// Judge tests the model on accounts or cutoffs that it was not fitted on, such as
// a later cutoff. Where wallets are declared (fresh amounts, raised to the account's
// own spend) they are kept from the model, estimated from peers and looked for in
// the intervals; and so is what all spend. Errors as of Estimate.
func (m *Model) Judge(p Peers, declared []Declared) ([]Coverage, error) {
	if err := p.check(declared); err != nil {
		return nil, err
	}
	v, err := m.see(&p)
	if err != nil {
		return nil, fmt.Errorf("judge wallets: %w", err)
	}
	f := newFacts(&p, declared)
	var tests []tested
	for _, e := range p.byCategory() {
		at, ok := m.categoryAt[p.Categories[e.category]]
		if !ok || m.categories[at].Why != None {
			continue
		}
		var buy some
		for k, amount := range e.amount {
			if amount > 0 {
				buy.add(e.account[k], amount)
			}
		}
		for _, basis := range []Basis{ByDeclared, ByPeers} {
			more, err := m.test(&m.categories[at], v, &f, basis, e.category, buy)
			if err != nil {
				return nil, fmt.Errorf("judge wallets of category %q: %w", p.Categories[e.category], err)
			}
			tests = append(tests, more...)
		}
	}
	return m.judge(tests), nil
}

// test foresees the accounts of some whose truth is known by that basis.
func (m *Model) test(c *category, v *view, f *facts, basis Basis, number int, s some) ([]tested, error) {
	var told some
	var truths []float64
	for k, i := range s.accounts {
		truth := s.amounts[k]
		if basis == ByDeclared {
			truth = f.truth(i, number, s.amounts[k], m.params.FreshDays)
		}
		if truth > 0 {
			told.add(i, s.amounts[k])
			truths = append(truths, truth)
		}
	}
	upper, middle := make([]float64, len(truths)), make([]float64, len(truths))
	if err := m.quantiles(c, v, told.accounts, told.amounts, upper, middle); err != nil {
		return nil, err
	}
	tests := make([]tested, len(truths))
	for k, i := range told.accounts {
		tests[k] = tested{quantiles{upper[k], middle[k], told.amounts[k]}, f.segment(i), c.Name, basis, truths[k]}
	}
	return tests, nil
}

// judge compares truth and intervals: per basis, of all, per segment and, where
// there are several, per category.
func (m *Model) judge(tests []tested) []Coverage {
	groups := map[place][]int{}
	for k := range tests {
		t := &tests[k]
		groups[place{basis: t.basis}] = append(groups[place{basis: t.basis}], k)
		if t.segment != "" {
			at := place{segment: t.segment, basis: t.basis}
			groups[at] = append(groups[at], k)
		}
		if len(m.categories) > 1 {
			at := place{category: t.category, basis: t.basis}
			groups[at] = append(groups[at], k)
		}
	}
	var all []Coverage
	for _, at := range slices.SortedFunc(maps.Keys(groups), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.basis, b.basis), cmp.Compare(a.category, b.category), cmp.Compare(a.segment, b.segment))
	}) {
		if c, ok := m.cover(at, tests, groups[at]); ok {
			all = append(all, c)
		}
	}
	return all
}

// cover judges some tests; ok is false where no interval is set by that basis.
func (m *Model) cover(at place, tests []tested, which []int) (c Coverage, ok bool) {
	basis := at.basis
	from, _, to := m.params.levels(basis)
	c = Coverage{Segment: at.segment, Category: at.category, Basis: basis, Target: to - from, Correlation: math.NaN()}
	var widths, wallets, truths []float64
	inside, narrow := 0, 0
	for _, k := range which {
		t := &tests[k]
		b, q := m.bandOf(t.segment, t.category, basis), t.quantiles
		if b == nil {
			continue
		}
		if basis == ByPeers {
			q.spend = 0 // the spend is what is foreseen
		}
		wallet, low, high := m.bounds(b, q)
		holds := 0
		if t.truth >= low && t.truth <= high {
			holds = 1
		}
		inside += holds
		if basis == ByDeclared && m.narrow(low, high) {
			c.Narrow++
			narrow += holds
		}
		widths, wallets, truths = append(widths, high/low), append(wallets, wallet), append(truths, t.truth)
	}
	c.Accounts = len(widths)
	if c.Accounts == 0 {
		return c, false
	}
	c.Inside = float64(inside) / float64(c.Accounts)
	c.NarrowInside = float64(narrow) / float64(c.Narrow)
	slices.Sort(widths)
	c.Width = ranked(widths, middleLevel)
	const fewest = 3
	if basis == ByDeclared && c.Accounts >= fewest {
		c.Correlation = metrics.Spearman(wallets, truths)
	}
	return c, true
}
