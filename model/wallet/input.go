package wallet

import (
	"errors"
	"fmt"
	"math"

	"fealty/features/frame"
)

// ErrInput marks peers or declarations that cannot be used; the error names the account and the category.
var ErrInput = errors.New("unusable wallet input")

// Bounds of the input.
const (
	maxAccounts   = 1 << 28
	maxCategories = 1 << 12
	// maxSpend bounds an amount, so that sums over all accounts stay finite.
	maxSpend = 1e15
)

// Elsewhere is the column that is added to the features of a category: the
// account's spend in all other categories.
const Elsewhere = "spend_elsewhere"

// Spend is what accounts spent here per category in the year before their cutoff,
// in base currency, in compressed rows: the entries Start[i] … Start[i+1]−1 of
// Category and Amount are account i's. An account has at most one entry per
// category, in any order. An entry of 0 asks for the wallet of a category that the
// account does not buy; a pair without an entry is not asked for.
type Spend struct {
	Start    []int
	Category []int32
	Amount   []float64
}

// Peers are accounts, what is known of them, and what they spend.
type Peers struct {
	// Frame has one row per account and cutoff: firmographics and behaviour. It should not
	// hold a column that tells the spend of a single category, nor, where accounts
	// buy in one category mostly, that of all: the quantile would become the
	// account's own spend. A category is fitted without such numbers, and its report
	// names them (Without).
	Frame *frame.Frame
	// Segment of each account, for the intervals; nil means one for all.
	Segment []string
	// Categories are the names of the categories, all different.
	Categories []string
	Spend      Spend
}

// Declared is what somebody said of an account's spend in a category with
// everybody: an amount, or the rank of this supplier among all it buys from.
type Declared struct {
	// Account is a row of the frame, Category one of its categories.
	Account, Category int
	// Amount is the yearly wallet in base currency, > 0; 0 means that a rank is given.
	Amount float64
	// Rank of this supplier among Suppliers, 1 … Suppliers; ties may share a half rank.
	Rank      float64
	Suppliers int
	// Period is the first instant of the year that is meant, Unix seconds, not after
	// the account's cutoff. The latest period counts, of equal ones the later entry.
	Period int64
	// Spend and Orders, if known, are the account's own of that period: they say how
	// much a share of the past tells of the next one.
	Spend, Orders float64
	// Author is who said it; kept by the caller, who finds it by Estimate.From.
	Author string
}

// ShareOfRank returns the share of wallet by the Wallet Allocation Rule
// (Keiningham, Aksoy, Buoye and Cooil, Harvard Business Review 89, 2011):
// (1 − rank ÷ (n + 1)) × 2 ÷ n. The shares of ranks 1 … n add up to 1. It panics
// unless 1 ≤ rank ≤ suppliers.
func ShareOfRank(rank float64, suppliers int) float64 {
	n := float64(suppliers)
	if !(rank >= 1 && rank <= n) {
		panic(fmt.Sprintf("wallet: rank %v of %d suppliers", rank, suppliers))
	}
	return (1 - rank/(n+1)) * 2 / n
}

// check refuses peers and declarations that cannot be used.
func (p *Peers) check(declared []Declared) error {
	f := p.Frame
	if f == nil || f.Rows() == 0 {
		return fmt.Errorf("%w: no accounts", ErrInput)
	}
	if err := f.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	switch n := f.Rows(); {
	case n > maxAccounts:
		return fmt.Errorf("%w: %d accounts, at most %d", ErrInput, n, maxAccounts)
	case p.Segment != nil && len(p.Segment) != n:
		return fmt.Errorf("%w: %d segments for %d accounts", ErrInput, len(p.Segment), n)
	case len(p.Categories) == 0 || len(p.Categories) > maxCategories:
		return fmt.Errorf("%w: %d categories, expected 1 … %d", ErrInput, len(p.Categories), maxCategories)
	case len(p.Spend.Start) != n+1 || p.Spend.Start[0] != 0:
		return fmt.Errorf("%w: spend has %d row starts for %d accounts, expected %d, the first of them 0", ErrInput, len(p.Spend.Start), n, n+1)
	case len(p.Spend.Category) != p.Spend.Start[n] || len(p.Spend.Amount) != p.Spend.Start[n] || p.Spend.Start[n] > math.MaxInt32:
		return fmt.Errorf("%w: spend has %d categories and %d amounts, its rows end at %d (at most %d)",
			ErrInput, len(p.Spend.Category), len(p.Spend.Amount), p.Spend.Start[n], math.MaxInt32)
	case f.Column(Elsewhere) != nil:
		return fmt.Errorf("%w: the frame has a column %q, which is added here: rename it", ErrInput, Elsewhere)
	}
	seen := make(map[string]bool, len(p.Categories))
	for _, name := range p.Categories {
		if seen[name] {
			return fmt.Errorf("%w: category %q stands twice", ErrInput, name)
		}
		seen[name] = true
	}
	if err := p.checkSpend(); err != nil {
		return err
	}
	return p.checkDeclared(declared)
}

func (p *Peers) checkSpend() error {
	last := make([]int, len(p.Categories)) // 1 + the last account with an entry
	s := &p.Spend
	for i := range p.Frame.Accounts {
		if s.Start[i] > s.Start[i+1] || s.Start[i+1] > len(s.Amount) {
			return fmt.Errorf("%w: the spend of account %q begins at %d and ends at %d", ErrInput, p.Frame.Accounts[i], s.Start[i], s.Start[i+1])
		}
		for k := s.Start[i]; k < s.Start[i+1]; k++ {
			c := int(s.Category[k])
			if c < 0 || c >= len(p.Categories) {
				return fmt.Errorf("%w: account %q has spend in category %d of %d", ErrInput, p.Frame.Accounts[i], c, len(p.Categories))
			}
			if last[c] == i+1 {
				return fmt.Errorf("%w: account %q has category %q twice: add its amounts up", ErrInput, p.Frame.Accounts[i], p.Categories[c])
			}
			last[c] = i + 1
			if v := s.Amount[k]; !(v >= 0 && v <= maxSpend) {
				return fmt.Errorf("%w: account %q spends %v in category %q, expected 0 … %g: count a year of more returns than purchases as 0",
					ErrInput, p.Frame.Accounts[i], v, p.Categories[c], float64(maxSpend))
			}
		}
	}
	return nil
}

// checkDeclared refuses declarations that cannot be used.
func (p *Peers) checkDeclared(declared []Declared) error {
	if most := math.MaxInt32 - len(p.Spend.Amount); len(declared) > most {
		return fmt.Errorf("%w: %d declarations, at most %d", ErrInput, len(declared), most)
	}
	for k := range declared {
		d := &declared[k]
		if d.Account < 0 || d.Account >= p.Frame.Rows() || d.Category < 0 || d.Category >= len(p.Categories) {
			return fmt.Errorf("%w: declaration %d is of account %d and category %d, there are %d and %d",
				ErrInput, k, d.Account, d.Category, p.Frame.Rows(), len(p.Categories))
		}
		var why string
		switch {
		case !(d.Amount >= 0 && d.Amount <= maxSpend):
			why = fmt.Sprintf("amount %v, expected 0 … %g", d.Amount, float64(maxSpend))
		case !(d.Spend >= 0 && d.Spend <= maxSpend) || !(d.Orders >= 0 && d.Orders <= math.MaxInt32):
			why = fmt.Sprintf("own spend %v in %v orders", d.Spend, d.Orders)
		case d.Rank != 0 && !(d.Rank >= 1 && d.Rank <= float64(d.Suppliers)):
			why = fmt.Sprintf("rank %v of %d suppliers, expected 1 … their number", d.Rank, d.Suppliers)
		case (d.Amount == 0) == (d.Rank == 0):
			why = fmt.Sprintf("amount %v and rank %v, expected one of the two", d.Amount, d.Rank)
		case d.Period > int64(p.Frame.Cutoffs[d.Account]):
			why = fmt.Sprintf("period %d, after the cutoff %d", d.Period, p.Frame.Cutoffs[d.Account])
		default:
			continue
		}
		return fmt.Errorf("%w: declaration %d of account %q, category %q, by %q: %s",
			ErrInput, k, p.Frame.Accounts[d.Account], p.Categories[d.Category], d.Author, why)
	}
	return nil
}

// pair is an account × category.
type pair struct{ account, category int32 }

// facts are peers and the declaration that counts of each pair.
type facts struct {
	*Peers

	declared []Declared
	newest   map[pair]int32
}

// newFacts finds the declarations that count. Input is checked before.
func newFacts(p *Peers, declared []Declared) facts {
	f := facts{p, declared, make(map[pair]int32, len(declared))}
	for k := range declared {
		d := &declared[k]
		key := pair{int32(d.Account), int32(d.Category)} //nolint:gosec // check bounds both
		if old, ok := f.newest[key]; !ok || d.Period >= declared[old].Period {
			f.newest[key] = int32(k) // declarations are fewer than 2³¹
		}
	}
	return f
}

// ageDays is how long before the account's cutoff the declared period began.
func (f *facts) ageDays(d *Declared) float64 {
	const daySeconds = 86_400
	return float64(int64(f.Frame.Cutoffs[d.Account])-d.Period) / daySeconds
}

// truth returns the declared amount of a pair, raised to the spend, if its period
// began at most freshDays ago; otherwise 0.
func (f *facts) truth(account int32, c int, spend float64, freshDays int) float64 {
	k, ok := f.newest[pair{account, int32(c)}] //nolint:gosec // check bounds the categories
	if !ok || f.declared[k].Amount == 0 || f.ageDays(&f.declared[k]) > float64(freshDays) {
		return 0
	}
	return max(f.declared[k].Amount, spend)
}

// entries are the spend of one category: accounts ascending.
type entries struct {
	category int
	account  []int32
	amount   []float64
}

// byCategory turns rows of accounts into columns of categories.
func (p *Peers) byCategory() []entries {
	all := make([]entries, len(p.Categories))
	count := make([]int, len(p.Categories))
	for _, c := range p.Spend.Category {
		count[c]++
	}
	for c, n := range count {
		all[c] = entries{c, make([]int32, 0, n), make([]float64, 0, n)}
	}
	for i := range p.Frame.Accounts {
		for k := p.Spend.Start[i]; k < p.Spend.Start[i+1]; k++ {
			e := &all[p.Spend.Category[k]]
			e.account = append(e.account, int32(i)) // check bounds the accounts
			e.amount = append(e.amount, p.Spend.Amount[k])
		}
	}
	return all
}

// totals adds the spend of each account up.
func (p *Peers) totals() []float64 {
	sums := make([]float64, p.Frame.Rows())
	for i := range sums {
		sums[i] = total(p.Spend.Amount[p.Spend.Start[i]:p.Spend.Start[i+1]])
	}
	return sums
}

// segment returns the segment of an account.
func (p *Peers) segment(account int32) string {
	if p.Segment == nil {
		return ""
	}
	return p.Segment[account]
}
