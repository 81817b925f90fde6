package serving

import (
	"context"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// Products answers what the test's holdings are of, whatever their key.
func (f *twinFacts) Products(context.Context, frame.Cutoff, frame.KnownAt, uint64) ([]features.Product, error) {
	f.called("products")
	var all []features.Product
	for i := range f.holdings {
		all = append(all, features.Product{ID: f.holdings[i].Key})
	}
	slices.SortFunc(all, func(a, b features.Product) int { return strings.Compare(a.ID, b.ID) })
	return slices.Compact(all), nil
}

// market answers the profiles of a crowd.
type market struct {
	twinFacts
	crowd *crowd
}

// Profiles answers all that the crowd has.
func (m *market) Profiles(_ context.Context, _ frame.Cutoff, _ frame.KnownAt, _ uint64, _ []frame.AccountID, each func([]features.Profile) error) error {
	return each(m.crowd.profiles)
}
