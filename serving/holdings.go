package serving

import (
	"context"

	"fealty/features"
)

// Holdings says what accounts buy, what they bought next, and what they cost and bring
// beside.
type Holdings interface {
	// Holdings calls each with what the accounts buy by category or by product as of
	// each cutoff, in the order of features.CompareHoldings; all of an account's come
	// together.
	Holdings(ctx context.Context, r features.HoldingRequest, each func([]features.Holding) error) error
	// Upkeeps returns what contacts cost as of each cutoff, by account and cutoff;
	// accounts without a contact of the last two years are not in it.
	Upkeeps(ctx context.Context, r features.Request) ([]features.Upkeep, error)
	// Referrals returns whom the accounts referred as of each cutoff, by account, cutoff
	// and referred account.
	Referrals(ctx context.Context, r features.Request) ([]features.Referral, error)
}
