package wallet

import (
	"fmt"
	"runtime"
	"sync"

	"fealty/features/frame"
	"fealty/model/tree"
)

// Model estimates wallets. It is immutable and safe for concurrent use; it comes
// from Fit or Parse.
type Model struct {
	params     Params
	coders     []coder // of the frame's columns in the model's order, the last of Elsewhere
	categories []category
	categoryAt map[string]int
	shares     []shares
	correction *correction // nil where too few wallets are declared
	bands      []band
	bandAt     map[place]*band
}

// place is what a band is of.
type place struct {
	segment, category string
	basis             Basis
}

// index finds categories and bands by name.
func (m *Model) index() {
	m.categoryAt = make(map[string]int, len(m.categories))
	for c := range m.categories {
		m.categoryAt[m.categories[c].Name] = c
	}
	m.bandAt = make(map[place]*band, len(m.bands))
	for k := range m.bands {
		m.bandAt[place{m.bands[k].Segment, m.bands[k].Category, m.bands[k].Basis}] = &m.bands[k]
	}
}

// category is what was learnt of one: either both ensembles, or near, or, where
// Why is not None, nothing.
type category struct {
	Name string
	// Peers is the number of accounts with spend.
	Peers         int
	Why           Why
	upper, middle *tree.Ensemble
	near          *near
}

// shares are the model of shares of a category, "" of all together: the first
// alpha is of this supplier, the second of all others.
type shares struct {
	Category string  `json:"category"`
	Accounts int     `json:"accounts"`
	Ours     float64 `json:"ours"`
	Others   float64 `json:"others"`
}

// Params returns the parameters that the model was fitted with.
func (m *Model) Params() Params { return m.params }

// Features returns the names of the columns that the model reads; frames may
// hold others, in any order.
func (m *Model) Features() []string {
	names := make([]string, len(m.coders)-1)
	for j := range names {
		names[j] = m.coders[j].Name
	}
	return names
}

// sharesOf finds the model of shares of a category, or that of all; nil without either.
func (m *Model) sharesOf(name string) *shares {
	var pooled *shares
	for k := range m.shares {
		switch m.shares[k].Category {
		case name:
			return &m.shares[k]
		case "":
			pooled = &m.shares[k]
		}
	}
	return pooled
}

// view is peers as a model sees them.
type view struct {
	frame  *frame.Frame // the model's columns, in its order
	totals []float64    // spend in all categories
	// codes are those of each account, the last of its row left for Elsewhere.
	codes    []int16
	width    int
	category []bool
}

// newView codes accounts for neighbours. f holds the coders' columns in their order.
func newView(f *frame.Frame, totals []float64, coders []coder) *view {
	v := &view{frame: f, totals: totals, width: len(coders), category: make([]bool, len(coders))}
	v.codes = make([]int16, f.Rows()*v.width)
	for j := range f.Columns {
		v.category[j] = coders[j].Category
		coders[j].code(&f.Columns[j], v.codes[j:], v.width)
	}
	return v
}

// elsewhere is what an account spends in other categories than the one of amount.
func (v *view) elsewhere(account int32, amount float64) float64 {
	return max(0, v.totals[account]-amount) // sums round
}

// take returns the features of some accounts, with their spend elsewhere than in
// the category in which they spend the amounts.
func (v *view) take(accounts []int32, amounts []float64) *frame.Frame {
	index := make([]int, len(accounts))
	other := frame.Column{Meta: frame.Meta{Name: Elsewhere}, Kind: frame.Number, Numbers: make([]float64, len(accounts))}
	for k, i := range accounts {
		index[k] = int(i)
		other.Numbers[k] = v.elsewhere(i, amounts[k])
	}
	f := v.frame.Take(index)
	f.Columns = append(f.Columns, other)
	return f
}

// row writes the codes of an account into to.
func (v *view) row(account int32, amount float64, elsewhere *coder, to []int16) {
	copy(to, v.codes[int(account)*v.width:][:v.width])
	to[v.width-1] = elsewhere.place(v.elsewhere(account, amount))
}

// quantiles writes the upper and the middle quantile of the log spend of peers of
// some accounts, which spend the amounts in the category.
func (m *Model) quantiles(c *category, v *view, accounts []int32, amounts, upper, middle []float64) error {
	if c.near == nil {
		// Some at a time, so that the copied features stay small.
		const slice = 1 << 16
		for from := 0; from < len(accounts); from += slice {
			to := min(from+slice, len(accounts))
			f := v.take(accounts[from:to], amounts[from:to])
			if err := c.upper.Predict(f, upper[from:to]); err != nil {
				return err
			}
			if err := c.middle.Predict(f, middle[from:to]); err != nil {
				return err
			}
		}
		return nil
	}
	m.nearest(c.near, v, accounts, amounts, upper, middle)
	return nil
}

// nearest is quantiles by neighbours.
func (m *Model) nearest(n *near, v *view, accounts []int32, amounts, upper, middle []float64) {
	const worthSharing = 256
	workers := max(1, min(m.params.threads(), len(accounts)/worthSharing))
	work := func(from, to int) {
		s, row := newSeeker(n, v.category), make([]int16, v.width)
		for k := from; k < to; k++ {
			v.row(accounts[k], amounts[k], &m.coders[len(m.coders)-1], row)
			upper[k], middle[k] = s.quantiles(row, m.params.Level, middleLevel)
		}
	}
	var all sync.WaitGroup
	for w := 1; w < workers; w++ {
		all.Go(func() { work(len(accounts)*w/workers, len(accounts)*(w+1)/workers) })
	}
	work(0, len(accounts)/workers)
	all.Wait()
}

// middleLevel is the quantile from which the spread of peers is measured up to the level.
const middleLevel = 0.5

// threads is how many goroutines work.
func (p Params) threads() int {
	if p.Threads > 0 {
		return p.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// see prepares peers for the model.
func (m *Model) see(p *Peers) (*view, error) {
	f, err := p.Frame.Select(m.Features())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	for j := range f.Columns {
		if c := &f.Columns[j]; (c.Kind == frame.Category) != m.coders[j].Category {
			return nil, fmt.Errorf("%w: column %q is %s, and was not when the model was fitted", ErrInput, c.Name, c.Kind)
		}
	}
	return newView(f, p.totals(), m.coders), nil
}
