package serving

import (
	"context"

	"fealty/features"
)

// Holdings says what accounts buy, and what they bought next.
type Holdings interface {
	// Holdings calls each with what the accounts buy by category or by product as of
	// each cutoff, in the order of features.CompareHoldings; all of an account's come
	// together.
	Holdings(ctx context.Context, r features.HoldingRequest, each func([]features.Holding) error) error
}
