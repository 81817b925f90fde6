package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"fealty/features"
	"fealty/features/frame"
)

// Moves returns under which account those that go on in another are found as of the
// request's one cutoff, and with Groups under which group the branches are.
func (w Warehouse) Moves(ctx context.Context, r features.Request) (map[frame.AccountID]features.Move, error) {
	p, err := prepareOne(r)
	if err != nil {
		return nil, err
	}
	links, err := p.linksRead(ctx, w.Engine)
	if err != nil {
		return nil, err
	}
	moves, err := features.Moves(links, p.Cutoffs[0], p.KnownAt[0])
	if err != nil {
		return nil, fmt.Errorf("follow the links as of %s: %w", p.Cutoffs[0], err)
	}
	if !p.Groups {
		return moves, nil
	}
	if err := p.unite(ctx, w.Engine); err != nil {
		return nil, err
	}
	if len(p.unions) == 0 {
		return moves, nil
	}
	for account, group := range p.unions[0] {
		if moves[account].Into != group {
			moves[account] = features.Move{Into: group, Kind: features.Group}
		}
	}
	return moves, nil
}

// prepareOne makes a request of one cutoff ready.
func prepareOne(r features.Request) (*prepared, error) {
	p, err := prepare(r)
	if err == nil && len(p.Cutoffs) != 1 {
		err = fmt.Errorf("%w: %d cutoffs, need 1", features.ErrBadRequest, len(p.Cutoffs))
	}
	return p, err
}

// Standings returns what was agreed with the accounts, or asked by them, as of the
// request's one cutoff and known_at; whoever has no standing is not in it. Pauses
// are measured against the horizon. Of accounts that are one it is what all of them
// agreed; of a group what holds of every branch that had ordered before the cutoff,
// of which erased ones are none.
func (w Warehouse) Standings(ctx context.Context, r features.Request, horizonDays int) (map[frame.AccountID]features.Standing, error) {
	p, err := prepareOne(r)
	if err != nil {
		return nil, err
	}
	if horizonDays < 1 {
		return nil, fmt.Errorf("%w: a horizon of %d days", features.ErrBadRequest, horizonDays)
	}
	if err := p.unite(ctx, w.Engine); err != nil {
		return nil, err
	}
	if p.Groups {
		return w.pooledStandings(ctx, p, horizonDays)
	}
	ranges := []accountRange{{}}
	if len(p.Accounts) > 0 {
		if ranges, err = p.ranges(ctx, w.Engine); err != nil {
			return nil, err
		}
	}
	all := map[frame.AccountID]features.Standing{}
	for _, question := range []struct {
		name, column string
		knownBy      int64
		note         func(*features.Standing)
	}{
		{"labels/consents.sql", "erased", whenever, func(s *features.Standing) { s.Erased = true }},
		{"labels/consents.sql", "opted_out", int64(p.KnownAt[0]), func(s *features.Standing) { s.OptedOut = true }},
		{"labels/pauses.sql", "paused", int64(p.KnownAt[0]), func(s *features.Standing) { s.Paused = true }},
	} {
		take := func(t *frame.Table, named map[string]*family) error {
			c, err := pick(t, "account", question.column)
			if err != nil {
				return err
			}
			for i := range t.Rows() {
				account := c[0].Texts[i]
				switch f := named[account]; {
				case c[1].Float(i) == 0:
					continue
				case f != nil:
					account = f.head
				case !p.alone(account, 0):
					continue
				}
				s := all[frame.AccountID(account)]
				question.note(&s)
				all[frame.AccountID(account)] = s
			}
			return nil
		}
		for _, rg := range ranges {
			params := p.with(rg)
			params["known_by"], params["horizons"] = []int64{question.knownBy}, []int64{int64(horizonDays)}
			sql := statement(question.name)
			err := ask(ctx, w.Engine, sql, params, func(t *frame.Table) error { return take(t, nil) })
			if err == nil {
				params["accounts"], params["from_account"], params["to_account"] = []string{}, "", ""
				err = askFamilies(ctx, w.Engine, p.within(rg), sql, params, take)
			}
			if err != nil {
				return nil, fmt.Errorf("ask for the accounts' standing by %s: %w", question.name, err)
			}
		}
	}
	return all, nil
}

// pooledStandings are those of groups, and of whoever belongs to none.
func (w Warehouse) pooledStandings(ctx context.Context, p *prepared, horizonDays int) (map[frame.AccountID]features.Standing, error) {
	apart := p.Request
	apart.Groups, apart.Accounts = false, nil
	branches, err := w.Standings(ctx, apart, horizonDays)
	if err != nil || len(branches) == 0 || len(p.unions) == 0 {
		return branches, err
	}
	one, err := prepareOne(apart)
	if err != nil {
		return nil, err
	}
	if err := one.unite(ctx, w.Engine); err != nil {
		return nil, err
	}
	branch := func(account frame.AccountID) frame.AccountID {
		if one.unions == nil {
			return account
		}
		return one.unions[0].Of(account)
	}
	pooled := map[frame.AccountID]features.Standing{}
	groups := map[frame.AccountID][]frame.AccountID{}
	members := p.unions[0].Members()
	for account, s := range branches {
		group := p.unions[0].Of(account)
		if members[group] == nil {
			pooled[account] = s
		} else {
			groups[group] = members[group]
		}
	}
	ordered := map[frame.AccountID]bool{}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(everybody(groups))), mostNames) {
		params := one.with(accountRange{named: part})
		restless(params)
		err := ask(ctx, w.Engine, withoutTerms(statement(populationFile)), params, func(t *frame.Table) error {
			c, err := pick(t, "account")
			if err != nil {
				return err
			}
			for _, account := range c[0].Texts {
				ordered[branch(frame.AccountID(account))] = true
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("ask which branches had ordered: %w", err)
		}
	}
	for group, members := range groups {
		s, some := features.Standing{Erased: true, OptedOut: true, Paused: true}, false
		for _, m := range members {
			if ordered[branch(m)] {
				s, some = s.Both(branches[branch(m)]), true
			}
		}
		if some && s != (features.Standing{}) {
			pooled[group] = s
		}
	}
	return pooled, nil
}

// everybody is all members of some groups.
func everybody(groups map[frame.AccountID][]frame.AccountID) map[string]bool {
	all := map[string]bool{}
	for _, members := range groups {
		for _, m := range members {
			all[string(m)] = true
		}
	}
	return all
}
