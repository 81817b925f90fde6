package features

import (
	"fmt"
	"slices"

	"fealty/features/frame"
)

// Dimension is what the figures of a period are broken down by.
type Dimension string

// The dimensions. Departments, regions and managers are those of the accounts as of
// the period's end.
const (
	PerAccount    Dimension = "account"
	PerProduct    Dimension = "product"
	PerCategory   Dimension = "category"
	PerDepartment Dimension = "department"
	PerRegion     Dimension = "region"
	PerManager    Dimension = "manager"
)

// Dimensions returns the dimensions.
func Dimensions() []Dimension {
	return []Dimension{PerAccount, PerProduct, PerCategory, PerDepartment, PerRegion, PerManager}
}

// OfGoods tells whether the dimension is one of what is sold: what is done for an
// account as a whole (contacts, invoices, campaigns) stands under none of its values.
func (d Dimension) OfGoods() bool { return d == PerProduct || d == PerCategory }

// Of returns the value of the dimension that the profile gives; "" of goods, and
// where it says nothing.
func (d Dimension) Of(p *Profile) string {
	switch d {
	case PerAccount:
		return string(p.Account)
	case PerDepartment:
		return p.Department
	case PerRegion:
		return p.Region
	case PerManager:
		return p.Manager
	case PerProduct, PerCategory:
	}
	return ""
}

// PortfolioRequest asks for the sums of a period [From, cutoff), as known at its
// known_at. Of the Request one cutoff, known_at, accounts, watermark, zone and the
// accounts of a slice count.
type PortfolioRequest struct {
	Request
	From frame.Cutoff
	By   Dimension
}

// Validate refuses a request that can't be answered; its errors wrap
// ErrBadRequest. The warehouse validates the Request.
func (r *PortfolioRequest) Validate() error {
	switch {
	case !slices.Contains(Dimensions(), r.By):
		return fmt.Errorf("%w: a portfolio by %q: need one of %v", ErrBadRequest, r.By, Dimensions())
	case len(r.Cutoffs) != 1:
		return fmt.Errorf("%w: %d cutoffs, need 1, the period's end", ErrBadRequest, len(r.Cutoffs))
	case r.From < 0 || r.From >= r.Cutoffs[0]:
		return fmt.Errorf("%w: a period from %s to %s: it must begin in 1970 or later, and before its end", ErrBadRequest, r.From, r.Cutoffs[0])
	case r.Groups:
		return fmt.Errorf("%w: a portfolio is of accounts, not of groups", ErrBadRequest)
	}
	return nil
}

// Amount is an exact amount in ten-thousandths of the base currency.
type Amount int64

// Float returns the amount in base currency.
func (a Amount) Float() float64 { return float64(a) / frame.DecimalScale }

// Takings are the sums over a period for one value of a dimension. Accounts that
// are one at the period's end are one account.
type Takings struct {
	Key string

	// Revenue is the net of all order lines, Returned what of it came back. Lines have
	// an amount or a cost; CostedLines of them say what they cost, GoodsCost.
	Revenue, Returned, GoodsCost Amount
	Lines, CostedLines           int
	// Orders are the purchases begun in the period, Buyers the accounts with one.
	Orders, Buyers int

	// Contacts are interactions of all kinds; CostedContacts of them say what they
	// cost, ServiceCost.
	Contacts, CostedContacts int
	ServiceCost              Amount
	// Visits count an account once a day and person of ours; VisitContacts are the
	// interactions of that kind, CostedVisits those that say what they cost, VisitCost.
	Visits, VisitContacts, CostedVisits int
	VisitCost                           Amount
	// WorkingDays are the days of the business zone on which somebody was in contact,
	// each person's own: who is named by the interaction, or else manages the account.
	WorkingDays int

	// Invoices are those known by the period's end, whenever issued, Payments those
	// received in it.
	Invoices, Payments int
	// PaymentsKnown are those known by the period's end, whenever received: without any
	// nobody recorded what was paid.
	PaymentsKnown int
	// Invoiced was issued in the period, Received was paid in it. Due fell due in the
	// period, and Collected of it was paid by its end. Credit notes count as Invoiced
	// alone.
	Invoiced, Received, Due, Collected Amount
	// OpenBefore was unpaid at the period's beginning, Open is at its end, and Overdue
	// of it was due on an earlier day.
	OpenBefore, Open, Overdue Amount

	// TouchCost is what campaigns cost, by the Touches that say so.
	Touches   int
	TouchCost Amount

	// Targets are those of periods that begin in this one, TargetAmount their sum; of
	// managers alone.
	Targets      int
	TargetAmount Amount
}
