package clickhouse

import (
	"slices"

	"fealty/features"
	"fealty/features/frame"
)

// referredFile tells who referred whom; when those bought first, populationFile does.
const (
	referredFile   = "features/referred.sql"
	populationFile = "population.sql"
)

func needsReferrals(catalogue []features.Feature) bool {
	return slices.ContainsFunc(catalogue, func(f features.Feature) bool { return f.Kind == features.ReferralsBought })
}

// referral is an account that another referred to us at an instant.
type referral struct {
	account string
	at      int64
}

// referrals lets the referrals of an account and the first purchases of those
// whom it referred meet. Only they are asked for, by their ids as the referral
// names them, wherever they lie.
func (g *grid) referrals(ask asker, params Params) error {
	column := slices.IndexFunc(g.Catalogue, func(f features.Feature) bool { return f.Kind == features.ReferralsBought })
	if column < 0 {
		return nil
	}
	has := g.measurable(&g.Catalogue[column])
	if !slices.Contains(has, true) {
		return nil
	}
	brought := map[int][]referral{}
	var names []string
	err := g.fetch(ask, referredFile, params, func(a *intake, t *frame.Table) error {
		rows, err := a.rows(t)
		if err != nil {
			return err
		}
		columns, err := pick(t, "referred", "referred_at")
		if err != nil {
			return err
		}
		for i, row := range rows {
			if row >= 0 && has[row%len(has)] {
				brought[row] = append(brought[row], referral{columns[0].Texts[i], columns[1].Integers[i]})
				names = append(names, columns[0].Texts[i])
			}
		}
		return nil
	})
	if err != nil || len(names) == 0 {
		return err
	}
	slices.Sort(names)
	names = slices.Compact(names)
	// The instant of the first purchase by account, at each cutoff; 0 for none.
	first := map[string][]int64{}
	for part := range slices.Chunk(names, mostNames) {
		err := g.fetch(g.plain, populationFile, g.with(accountRange{named: part}), func(_ *intake, t *frame.Table) error {
			columns, err := pick(t, "account", "cutoff", "first_purchase_at")
			if err != nil {
				return err
			}
			for i, account := range columns[0].Texts {
				k, asked := g.at[columns[1].Integers[i]]
				if !asked || columns[2].IsNull(i) {
					continue
				}
				if first[account] == nil {
					first[account] = make([]int64, len(g.Cutoffs))
				}
				first[account][k] = columns[2].Integers[i]
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for row, all := range brought {
		count := 0.0
		for _, r := range all {
			// Whoever bought before was no stranger; the referral may be written down on the day of the order.
			if at := first[r.account]; at != nil && at[row%len(at)] > r.at-secondsPerDay {
				count++
			}
		}
		g.values[column][row] = count
	}
	return nil
}
