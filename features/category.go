package features

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"fealty/features/frame"
)

// CategoryRule says when an account buys a category regularly and when it has
// stopped.
type CategoryRule struct {
	// HorizonDays is H, 1 … 1830.
	HorizonDays int
	// LeastDays (default 3, 2 … 366) is the number of buying days in the 365 days
	// before the cutoff from which on a category is bought regularly.
	LeastDays int
	// SlackDays (default 14, 0 … 366) may pass after the next order was due until
	// it is missed.
	SlackDays int
	// ActiveWithinDays bounds the age of the last buying day of the category, as it
	// bounds that of an eligible account; 0 means unlimited.
	ActiveWithinDays int
}

// Defaults of a CategoryRule.
const (
	DefaultLeastDays = 3
	DefaultSlackDays = 14
)

// Validate refuses a rule outside its bounds.
func (r CategoryRule) Validate() error {
	if err := validHorizon(r.HorizonDays); err != nil {
		return err
	}
	switch {
	case r.LeastDays < 2 || r.LeastDays > 366:
		return fmt.Errorf("%d buying days: need 2 … 366, a gap lies between two", r.LeastDays)
	case r.SlackDays < 0 || r.SlackDays > 366:
		return fmt.Errorf("slack of %d days: need 0 … 366", r.SlackDays)
	case r.ActiveWithinDays < 0:
		return fmt.Errorf("active within %d days: must not be negative", r.ActiveWithinDays)
	}
	return nil
}

// CategoryRequest asks for the categories of a slice's accounts.
type CategoryRequest struct {
	// LabelRequest's rule gives the horizon; which label it is does not matter.
	LabelRequest
	// LeastDays leaves out categories with fewer buying days, 2 … 366.
	LeastDays int
}

// CategoryHistory is what was known of an account's category at a cutoff, and
// what came. Days are counted from 1970-01-01 in the business time zone, amounts
// are in base currency.
type CategoryHistory struct {
	// Row is the account's and cutoff's row in the slice that was asked for.
	Row      int
	Account  frame.AccountID
	Cutoff   frame.Cutoff
	Category string
	// BuyingDays of the 365 days before the cutoff, and the median gap between
	// them in days on which the account doesn't rest, at least 1.
	BuyingDays int
	GapDays    float64
	// Today is the cutoff's day; Last the last buying day, Due the day on which the
	// next order was due: GapDays, rounded up, after Last, and no day of rest that
	// was known of at the cutoff.
	Today, Last, Due int
	// Orders in [cutoff, cutoff + H), OrdersAfter in the next H.
	Orders, OrdersAfter int
	// Spend of the 365 days, and the days from the first line to the cutoff; Other
	// are those of the account's other categories, OtherAfter what was spent on them
	// in [cutoff, cutoff + H).
	Spend      float64
	TenureDays int
	Other      float64
	OtherDays  int
	OtherAfter float64
	// Offers are the competitors' offers of the last 180 days and of the horizon
	// that speak of the category, oldest first.
	Offers []Offer
}

// CompareCategories orders by row and then by category.
func CompareCategories(a, b CategoryHistory) int {
	return cmp.Or(a.Row-b.Row, strings.Compare(a.Category, b.Category))
}

// Offer is one offer of a competitor that we were told of.
type Offer struct {
	// At is Unix seconds.
	At int64
	// Ref and Note may name the category and the competitor.
	Ref, Note string
}

// Stopped is 1 when the category was bought regularly, the next order was due
// with its slack inside the horizon, and nothing was bought in the horizon; 0
// when it was bought. Other categories are Irregular, CategoryLapsed or NotDue.
func (r CategoryRule) Stopped(h *CategoryHistory) (float64, Exclusion) {
	switch {
	case h.BuyingDays < r.LeastDays:
		return 0, Irregular
	case r.ActiveWithinDays > 0 && h.Today-h.Last > r.ActiveWithinDays:
		return 0, CategoryLapsed
	case h.Due+r.SlackDays >= h.Today+r.HorizonDays:
		return 0, NotDue
	case h.Orders > 0:
		return 0, Labelled
	}
	return 1, Labelled
}

// Leaving returns the money that leaves with a category: the spend expected over
// the horizon at the category's usual pace.
func (r CategoryRule) Leaving(h *CategoryHistory) float64 {
	return pace(h.Spend, h.TenureDays, r.HorizonDays)
}

// pace scales the spend of the last min(365 d, tenure) to H days. A tenure below
// H is not scaled up: what was spent is what is expected, as far as a year goes.
func pace(spend365 float64, tenureDays, horizonDays int) float64 {
	return spend365 * float64(horizonDays) / float64(min(365, max(tenureDays, horizonDays)))
}

// Destination says where the money of a category that was stopped may have gone.
type Destination string

// The destinations.
const (
	// OtherCategory: the account's spend on its other categories rose, against
	// their usual pace, by at least half of what left. The rise of one horizon may
	// explain several categories.
	OtherCategory Destination = "other_category"
	// Competitor: we were told of an offer that speaks of the category.
	Competitor Destination = "competitor"
	// Silent: nothing tells.
	Silent Destination = "silent"
)

// Destination returns where the money of a stopped category may have gone: what
// was spent tells more than what was heard, so that OtherCategory comes first.
// It is a guess from what is recorded, no cause.
func (r CategoryRule) Destination(h *CategoryHistory) Destination {
	rise := h.OtherAfter - pace(h.Other, h.OtherDays, r.HorizonDays)
	switch leaving := r.Leaving(h); {
	case leaving > 0 && rise >= leaving/2:
		return OtherCategory
	case len(h.Offers) > 0:
		return Competitor
	}
	return Silent
}

// Speaking returns the offers to an account that speak of each of its
// categories, oldest first: those whose ref is the category or whose note names
// it (without regard to case), and those that name none of the categories.
func Speaking(offers []Offer, categories []string) map[string][]Offer {
	speaking := map[string][]Offer{}
	for _, o := range slices.SortedFunc(slices.Values(offers), func(a, b Offer) int {
		return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.Ref, b.Ref), strings.Compare(a.Note, b.Note))
	}) {
		named := slices.DeleteFunc(slices.Clone(categories), func(c string) bool {
			return !strings.EqualFold(o.Ref, c) && !names(strings.ToLower(o.Note), strings.ToLower(c))
		})
		if len(named) == 0 {
			named = categories
		}
		for _, c := range named {
			speaking[c] = append(speaking[c], o)
		}
	}
	return speaking
}

// names tells whether a note holds a word or words: not within a longer word of
// Latin letters and digits, so that "C1" does not stand in "C12".
func names(note, words string) bool {
	part := func(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }
	for begin := 0; ; {
		i := strings.Index(note[begin:], words)
		if i < 0 || words == "" {
			return false
		}
		begin += i
		end := begin + len(words)
		before := begin > 0 && part(note[begin-1]) && part(words[0])
		after := end < len(note) && part(note[end]) && part(words[len(words)-1])
		if !before && !after {
			return true
		}
		begin++
	}
}
