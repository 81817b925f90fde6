package features

import (
	"cmp"
	"fmt"
	"strings"

	"fealty/features/frame"
)

// HoldingKey says of what a holding is.
type HoldingKey string

// The keys of holdings.
const (
	ByCategory HoldingKey = "category"
	ByProduct  HoldingKey = "product"
	// ByEverything has one holding per account, of all its lines, whether they name
	// a category or product or not.
	ByEverything HoldingKey = "everything"
)

// HoldingRequest asks what accounts buy, category by category or product by
// product. Of the Request cutoffs, known_at, groups, accounts, watermark, zone and
// the accounts of a slice count.
type HoldingRequest struct {
	Request
	// Key is ByCategory, ByProduct or ByEverything.
	Key HoldingKey
	// HorizonDays is H, 0 … 1830: what was bought in [cutoff, cutoff + H). 0 asks
	// nothing of the future. Groups have none.
	HorizonDays int
	// RecordedBy bounds what the horizon reads to what was recorded by then; 0 means
	// everything, whenever recorded.
	RecordedBy frame.KnownAt
}

// Validate refuses a request that can't be answered; its errors wrap
// ErrBadRequest. The warehouse validates the Request.
func (r *HoldingRequest) Validate() error {
	switch {
	case r.Key != ByCategory && r.Key != ByProduct && r.Key != ByEverything:
		return fmt.Errorf("%w: holdings by %q: need %s, %s or %s", ErrBadRequest, r.Key, ByCategory, ByProduct, ByEverything)
	case r.HorizonDays != 0 && validHorizon(r.HorizonDays) != nil:
		return fmt.Errorf("%w: %w", ErrBadRequest, validHorizon(r.HorizonDays))
	case r.RecordedBy < 0:
		return fmt.Errorf("%w: recorded by %d: must not be negative", ErrBadRequest, r.RecordedBy)
	case r.Groups && r.HorizonDays > 0:
		return fmt.Errorf("%w: groups have no future of their own: ask for a horizon account by account", ErrBadRequest)
	}
	return nil
}

// Holding is what an account buys of a category or product, as known at a
// cutoff. A purchase is an order whose net amount in the category (or of the
// product), returns and corrections under the order's id included, is above 0;
// it stands at its first line. Amounts are in base currency, of every line: of
// an account that only returned they are negative, without an order. Where nothing was bought
// and no amount is left there is no holding.
type Holding struct {
	Account frame.AccountID
	Cutoff  frame.Cutoff
	// Key is the category or product, or ByEverything. Category is the same, or the one that the
	// account's newest line gives the product, "" for none.
	Key, Category string
	// Orders counts the purchases ever, Orders90 those of the last 90 days.
	Orders, Orders90 int
	// Spend ever, of the last 365 days and of the 365 days before those.
	Spend, Spend365, SpendLastYear float64
	// Units bought in the last 365 days, net of returns, MarginLastYear, the margin per
	// revenue of the 365 days before those, and MarginEver, that of the whole history
	// seen, both by the lines that say their cost; NaN where no line says its quantity or
	// its cost, where those lines bring no revenue, and of categories and products.
	Units365, MarginLastYear, MarginEver float64
	// First and Last purchase in Unix seconds, 0 when there was none, and how many
	// calendar days of the business zone lie between them and the cutoff.
	First, Last         int64
	FirstDays, LastDays int
	// OrdersAfter are the purchases begun in [cutoff, cutoff + H), by the lines up
	// to its end; SpendAfter is the net amount in it. Accounts that become one
	// within the horizon share theirs. 0 without a horizon.
	OrdersAfter int
	SpendAfter  float64
}

// Before tells whether anything was bought or paid before the cutoff: with a horizon
// there are also holdings of what is bought within it for the first time.
func (h *Holding) Before() bool {
	return h.Orders > 0 || h.Spend != 0 || h.Spend365 != 0 || h.SpendLastYear != 0
}

// CompareHoldings orders by account, then by cutoff and by key.
func CompareHoldings(a, b Holding) int {
	return cmp.Or(strings.Compare(string(a.Account), string(b.Account)), cmp.Compare(a.Cutoff, b.Cutoff), strings.Compare(a.Key, b.Key))
}
