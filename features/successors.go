package features

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"fealty/features/frame"
)

// Trader is what tells whether an account may be another one under a new
// number: when it bought, and who it is said to be.
type Trader struct {
	Account frame.AccountID
	// First and Last are the instants of its first and last purchase in Unix
	// seconds, 0 when there was none.
	First, Last                int64
	Address, TaxNumber, Parent string
}

// The evidence that two accounts are one.
const (
	SameTaxNumber = "tax_number"
	SameAddress   = "address"
	SameParent    = "parent"
)

// Succession is a link that nobody declared and a person may confirm: an account's
// purchases stop as another's begin.
type Succession struct {
	From, To frame.AccountID
	// Last purchase of the one, First of the other, in Unix seconds.
	Last, First int64
	// Evidence lists what both have in common, SameTaxNumber first.
	Evidence []string
	// Overlap is the share of the other's products that the one bought before, NaN when
	// no product is known of either.
	Overlap float64
}

// mostAlike is how many accounts may have an address, number or parent in
// common before it says nothing of two of them.
const mostAlike = 20

// likelyOverlap is the share of products from which on a common address or parent
// alone is evidence: tenants follow on one another, and groups close one branch and
// open another.
const likelyOverlap = 0.5

// Successions finds the accounts that may go on as another as of a cutoff: the other's
// first purchase lies within so many days of the one's last, before which the one
// had begun, the one has been silent as many days since, and they share an address, tax number
// or parent, without regard to case, spaces and full-width letters. Pairs that a link names, of any kind, are left out. Each account
// has at most one successor: that of the most evidence, then the nearest. Overlap is NaN, and
// WithOverlap judges it.
func Successions(traders []Trader, declared []Link, cutoff frame.Cutoff, withinDays int) []Succession {
	named := map[[2]frame.AccountID]bool{}
	for _, l := range declared {
		named[[2]frame.AccountID{l.Account, l.Other}], named[[2]frame.AccountID{l.Other, l.Account}] = true, true
	}
	within := int64(withinDays) * 86400
	pairs := map[[2]int][]string{}
	for _, by := range []struct {
		evidence string
		of       func(*Trader) string
	}{
		{SameTaxNumber, func(t *Trader) string { return t.TaxNumber }},
		{SameAddress, func(t *Trader) string { return t.Address }},
		{SameParent, func(t *Trader) string { return t.Parent }},
	} {
		alike := map[string][]int{}
		for i := range traders {
			if key := folded(by.of(&traders[i])); key != "" && traders[i].First != 0 {
				alike[key] = append(alike[key], i)
			}
		}
		for _, group := range alike {
			if len(group) > mostAlike {
				continue
			}
			for _, i := range group {
				for _, j := range group {
					a, b := &traders[i], &traders[j]
					near := max(b.First-a.Last, a.Last-b.First) <= within
					if a.First < b.First && near && a.Last < b.Last && a.Last+within <= int64(cutoff) && !named[[2]frame.AccountID{a.Account, b.Account}] {
						pairs[[2]int{i, j}] = append(pairs[[2]int{i, j}], by.evidence)
					}
				}
			}
		}
	}
	best := map[int]Succession{}
	for pair, evidence := range pairs {
		a, b := &traders[pair[0]], &traders[pair[1]]
		s := Succession{From: a.Account, To: b.Account, Last: a.Last, First: b.First, Evidence: evidence, Overlap: math.NaN()}
		if before, ok := best[pair[0]]; !ok || s.better(&before) {
			best[pair[0]] = s
		}
	}
	all := make([]Succession, 0, len(best))
	for _, s := range best {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Succession) int { return cmp.Compare(a.From, b.From) })
	return all
}

// folded is what two ways of typing one number, address or name have in common: letters
// of one case, none of full width, and no space.
func folded(s string) string {
	return strings.Map(func(r rune) rune {
		// The full-width forms of ASCII stand in its order (Unicode, block FF00).
		if r >= '！' && r <= '～' {
			r += '!' - '！'
		}
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

func (s *Succession) better(than *Succession) bool {
	away := func(s *Succession) int64 { return max(s.First-s.Last, s.Last-s.First) }
	return cmp.Or(len(s.Evidence)-len(than.Evidence), cmp.Compare(away(than), away(s)), cmp.Compare(than.To, s.To)) > 0
}

// WithOverlap compares what the accounts of each pair bought, by account, and
// leaves out those pairs that an address or a parent alone joins and that buy other
// things.
func WithOverlap(all []Succession, products map[frame.AccountID][]string) []Succession {
	kept := make([]Succession, 0, len(all))
	for _, s := range all {
		if goods := products[s.To]; len(goods) > 0 && len(products[s.From]) > 0 {
			before := map[string]bool{}
			for _, product := range products[s.From] {
				before[product] = true
			}
			common := 0
			for _, product := range goods {
				if before[product] {
					common++
				}
			}
			s.Overlap = float64(common) / float64(len(goods))
		}
		if s.Evidence[0] == SameTaxNumber || len(s.Evidence) > 1 || s.Overlap >= likelyOverlap {
			kept = append(kept, s)
		}
	}
	return kept
}
