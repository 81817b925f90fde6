package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// Population returns who is known and who may be scored at each cutoff, without
// building features: the rows of Build, in its order, with the same standing.
// The request's catalogue and slices don't matter.
func Population(ctx context.Context, e Engine, r features.Request) ([]features.Person, error) {
	p, err := prepare(r)
	if err != nil {
		return nil, err
	}
	var all []features.Person
	read := func(name string, withPurchases bool, params Params) error {
		err := ask(ctx, e, statement(name), params, func(t *frame.Table) error {
			columns, err := pick(t, "account", "cutoff")
			if err != nil {
				return err
			}
			var bought []*frame.Column
			if withPurchases {
				if bought, err = pick(t, "first_purchase_at", "last_purchase_at"); err != nil {
					return err
				}
			}
			for i := range t.Rows() {
				who := features.Person{Account: frame.AccountID(columns[0].Texts[i]), Cutoff: frame.Cutoff(columns[1].Integers[i])}
				if withPurchases && !bought[0].IsNull(i) {
					who.First, who.Last = bought[0].Integers[i], bought[1].Integers[i]
				}
				all = append(all, who)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("ask for the population by %s: %w", name, err)
		}
		return nil
	}
	ranges := []accountRange{{}}
	if len(r.Accounts) > 0 {
		if ranges, err = p.ranges(ctx, e); err != nil {
			return nil, err
		}
	}
	for _, rg := range ranges {
		if err := read("population.sql", true, p.with(rg)); err != nil {
			return nil, err
		}
		if err := read("known.sql", false, p.with(rg)); err != nil {
			return nil, err
		}
	}
	// A member without orders stands once; one with orders twice, the purchase first.
	slices.SortFunc(all, func(a, b features.Person) int {
		if c := strings.Compare(string(a.Account), string(b.Account)); c != 0 {
			return c
		}
		if c := p.at[int64(a.Cutoff)] - p.at[int64(b.Cutoff)]; c != 0 {
			return c
		}
		switch {
		case a.Last > b.Last:
			return -1
		case a.Last < b.Last:
			return 1
		}
		return 0
	})
	all = slices.CompactFunc(all, func(a, b features.Person) bool { return a.Account == b.Account && a.Cutoff == b.Cutoff })
	for i := range all {
		all[i].Status = features.Judge(all[i].Last, all[i].Cutoff, r.ActiveWithinDays)
	}
	return all, nil
}
