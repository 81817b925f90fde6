package features

import "fealty/features/frame"

// Upkeep is what contacts with an account cost, as known at a cutoff, in base
// currency: contacts have no currency of their own.
type Upkeep struct {
	Account frame.AccountID
	Cutoff  frame.Cutoff
	// Contacts are those of the last 365 days, Costed those of them that say their
	// cost, Cost the sum of it; the others are of the 365 days before.
	Contacts, Costed                 int
	Cost                             float64
	ContactsLastYear, CostedLastYear int
	CostLastYear                     float64
}

// Referral says that an account referred another to us, as known at a cutoff: at the
// instant At, in Unix seconds, for the first time. Whether the other bought then is
// not said.
type Referral struct {
	Account  frame.AccountID
	Cutoff   frame.Cutoff
	Referred frame.AccountID
	At       int64
}
