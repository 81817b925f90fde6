package serving

import (
	"context"
	"slices"

	"fealty/features"
)

// Holdings answers what the test put there, of the accounts and cutoffs asked for.
func (f *twinFacts) Holdings(_ context.Context, r features.HoldingRequest, each func([]features.Holding) error) error {
	f.called("holdings")
	var all []features.Holding
	for _, h := range f.holdings {
		if len(r.Accounts) > 0 && !slices.Contains(r.Accounts, h.Account) || !slices.Contains(r.Cutoffs, h.Cutoff) {
			continue
		}
		all = append(all, h)
	}
	slices.SortFunc(all, features.CompareHoldings)
	if len(all) == 0 {
		return nil
	}
	return each(all)
}
