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
	if err := p.unite(ctx, e); err != nil {
		return nil, err
	}
	measured := r.Coverage
	if measured == nil {
		if measured, err = coverage(ctx, e, p); err != nil {
			return nil, err
		}
	}
	if err := p.rest(ctx, e, measured); err != nil {
		return nil, err
	}
	c := &census{prepared: p}
	ranges := []accountRange{{}}
	if len(r.Accounts) > 0 {
		if ranges, err = p.ranges(ctx, e); err != nil {
			return nil, err
		}
	}
	for _, rg := range ranges {
		if err := c.count(p.with(rg), asking(ctx, e)); err != nil {
			return nil, err
		}
		families := p.within(rg)
		err = c.count(p.params, func(sql string, params Params, add func(*frame.Table) error) error {
			return askFamilies(ctx, e, families, sql, params, func(t *frame.Table, named map[string]*family) error {
				c.named = named
				return add(t)
			})
		})
		if err != nil {
			return nil, err
		}
		c.named = nil
	}
	all := c.all
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
		all[i].Status = features.Judge(all[i].Last, all[i].Rested, all[i].Cutoff, r.ActiveWithinDays)
	}
	return all, nil
}

// census is a population being counted.
type census struct {
	*prepared
	all []features.Person
	// named are the families that the answers at hand name, nil when they name accounts.
	named map[string]*family
}

// count asks who bought and who is known.
func (c *census) count(params Params, ask asker) error {
	for _, name := range []string{populationFile, "known.sql"} {
		if err := ask(c.planned(statement(name)), params, c.add); err != nil {
			return fmt.Errorf("ask for the population by %s: %w", name, err)
		}
	}
	return nil
}

// add takes the people of an answer; one that doesn't say when they bought says
// that they are known.
func (c *census) add(t *frame.Table) error {
	columns, err := pick(t, "account", "cutoff")
	if err != nil {
		return err
	}
	first, last, rested := t.Column("first_purchase_at"), t.Column("last_purchase_at"), t.Column("days_rested")
	for i := range t.Rows() {
		account := columns[0].Texts[i]
		k, err := c.place(account, columns[1].Integers[i])
		if err != nil {
			return err
		}
		switch f := c.named[account]; {
		case f != nil && f.at[k]:
			account = f.head
		case c.named != nil || !c.alone(account, k):
			continue
		}
		who := features.Person{Account: frame.AccountID(account), Cutoff: c.Cutoffs[k]}
		if first != nil && !first.IsNull(i) {
			who.First, who.Last, who.Rested = first.Integers[i], last.Integers[i], int(rested.Integers[i])
		}
		c.all = append(c.all, who)
	}
	return nil
}
