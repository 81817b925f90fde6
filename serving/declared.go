package serving

import (
	"context"

	"fealty/features"
)

// Wallets says what accounts spend with everybody, as far as anybody said, and
// takes what a person says of it.
type Wallets interface {
	// Declared returns what is declared as of each cutoff, by account, cutoff and category.
	Declared(ctx context.Context, r features.Request) ([]features.Declared, error)
	// Declare takes a declaration, which replaces an earlier one of its account,
	// category and period; the same again changes nothing and says so.
	Declare(ctx context.Context, d features.Declaration) (features.LoadReport, error)
}
