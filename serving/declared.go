package serving

import (
	"context"

	"fealty/features"
	"fealty/features/frame"
)

// Wallets says what accounts spend with everybody, as far as anybody said, and
// takes what a person says of it.
type Wallets interface {
	// Declared returns what is declared as of each cutoff, by account, cutoff and category.
	Declared(ctx context.Context, r features.Request) ([]features.Declared, error)
	// Declare takes a declaration, which replaces an earlier one of its account,
	// category and period; the same again changes nothing and says so.
	Declare(ctx context.Context, d features.Declaration) (features.LoadReport, error)
	// CategoryNames returns the categories that any order line names, in bytewise order.
	CategoryNames(ctx context.Context, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64) ([]string, error)
}

// Assessments say what accounts say of us and what is judged of them, and take what a
// person says.
type Assessments interface {
	// Assessed returns the newest assessment of every item as of each cutoff, by
	// account, cutoff and item.
	Assessed(ctx context.Context, r features.Request) ([]features.Assessed, error)
	// Assess takes an assessment; the same again changes nothing and says so.
	Assess(ctx context.Context, a features.Assessment) (features.LoadReport, error)
}
