package serving

import (
	"context"
	"slices"

	"fealty/features"
	"fealty/features/frame"
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

// Upkeeps answers what the test put there, of the cutoffs asked for.
func (f *twinFacts) Upkeeps(_ context.Context, r features.Request) (all []features.Upkeep, _ error) {
	for _, u := range f.upkeeps {
		if slices.Contains(r.Cutoffs, u.Cutoff) {
			all = append(all, u)
		}
	}
	return all, nil
}

// Referrals answers what the test put there, of the cutoffs asked for.
func (f *twinFacts) Referrals(_ context.Context, r features.Request) (all []features.Referral, _ error) {
	for _, x := range f.referrals {
		if slices.Contains(r.Cutoffs, x.Cutoff) {
			all = append(all, x)
		}
	}
	return all, nil
}

// Declared answers what the test put there and was declared, of the accounts and
// cutoffs asked for.
func (f *twinFacts) Declared(_ context.Context, r features.Request) ([]features.Declared, error) {
	f.called("declared")
	var all []features.Declared
	for _, d := range f.declared {
		if (len(r.Accounts) == 0 || slices.Contains(r.Accounts, d.Account)) && slices.Contains(r.Cutoffs, d.Cutoff) {
			all = append(all, d)
		}
	}
	return all, nil
}

// Assessed answers what the test put there and was assessed, of the accounts and
// cutoffs asked for.
func (f *twinFacts) Assessed(_ context.Context, r features.Request) ([]features.Assessed, error) {
	f.called("assessed")
	var all []features.Assessed
	for _, a := range f.assessed {
		if (len(r.Accounts) == 0 || slices.Contains(r.Accounts, a.Account)) && slices.Contains(r.Cutoffs, a.Cutoff) {
			all = append(all, a)
		}
	}
	return all, nil
}

// Assess adds the assessment at the cutoff of its recording.
func (f *twinFacts) Assess(_ context.Context, a features.Assessment) (features.LoadReport, error) {
	f.called("assess")
	if err := a.Validate(); err != nil {
		return features.LoadReport{}, err
	}
	f.assessed = append(f.assessed, features.Assessed{Cutoff: frame.Cutoff(a.Recorded), Assessment: a})
	return features.LoadReport{Table: "assessments", Rows: 1}, nil
}

// CategoryNames answers the categories that the test's holdings name.
func (f *twinFacts) CategoryNames(context.Context, frame.Cutoff, frame.KnownAt, uint64) ([]string, error) {
	f.called("category names")
	var all []string
	for i := range f.holdings {
		all = append(all, f.holdings[i].Category)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(name string) bool { return name == "" }), nil
}

// Declare adds the declaration at the cutoff of its recording.
func (f *twinFacts) Declare(_ context.Context, d features.Declaration) (features.LoadReport, error) {
	f.called("declare")
	if err := d.Validate(); err != nil {
		return features.LoadReport{}, err
	}
	said := features.Statement{Period: d.Period, Recorded: d.Recorded, Author: d.Author, Origin: features.ManagerOrigin}
	f.declared = append(f.declared, features.Declared{
		Account: d.Account, Cutoff: frame.Cutoff(d.Recorded), Category: d.Category,
		Amount: d.Amount, Said: said, Rank: d.Rank, Suppliers: d.Suppliers, Ranked: said,
	})
	return features.LoadReport{Table: "wallets", Rows: 1}, nil
}
