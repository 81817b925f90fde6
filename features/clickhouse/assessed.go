package clickhouse

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// assessmentsTable holds what accounts say of us, and what is judged of them.
const assessmentsTable = "assessments"

// Assessed returns the newest assessment of every item as of each cutoff, by
// account, cutoff and item. What accounts that are one at a cutoff said counts
// together. Rows of mapped sources that no import would take (features.Assessment's
// Fault) count as not said. The request's catalogue and slices don't matter.
func Assessed(ctx context.Context, e Engine, r features.Request) ([]features.Assessed, error) {
	all, err := spoken(ctx, e, r, "assessed.sql", (*prepared).assessments, func(a *features.Assessed) *frame.AccountID { return &a.Account })
	if err != nil {
		return nil, fmt.Errorf("ask for assessments: %w", err)
	}
	slices.SortStableFunc(all, func(a, b features.Assessed) int {
		return cmp.Or(strings.Compare(string(a.Account), string(b.Account)), cmp.Compare(a.Cutoff, b.Cutoff), strings.Compare(a.Item, b.Item))
	})
	// Of each item the last is the newest.
	kept := all[:0]
	for i := range all {
		if i+1 < len(all) && all[i].Account == all[i+1].Account && all[i].Cutoff == all[i+1].Cutoff && all[i].Item == all[i+1].Item {
			continue
		}
		kept = append(kept, all[i])
	}
	return kept, nil
}

// Assess takes an assessment as a load of one row, from a source named for its
// origin; the same assessment again changes nothing and the report says so.
func (w Warehouse) Assess(ctx context.Context, a features.Assessment) (features.LoadReport, error) {
	if err := a.Validate(); err != nil {
		return features.LoadReport{}, err
	}
	id := fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%#v", a)))
	rows := a.Rows(id)
	defer func() { _ = rows.Close() }() // it holds nothing
	return w.Load(ctx, features.LoadRequest{Table: assessmentsTable, Source: features.ManagerOrigin, Hash: func() string { return id }}, rows, nil)
}

// assessments hands on the rows of an answer, with the index of their cutoff.
func (p *prepared) assessments(t *frame.Table, each func(a features.Assessed, cutoff int)) error {
	c, err := pick(t, "account", "cutoff", "item", "value", "scale", "expectation", "kind", "author", "comment", "person", "at", "recorded_at")
	if err != nil {
		return err
	}
	text := func(k, i int) string { return strings.Clone(c[k].Texts[i]) }
	for i := range t.Rows() {
		account := text(0, i)
		k, err := p.place(account, c[1].Integers[i])
		if err != nil {
			return err
		}
		a := features.Assessed{Cutoff: p.Cutoffs[k], Assessment: features.Assessment{
			Account: frame.AccountID(account), Item: text(2, i), Value: c[3].Float(i), Scale: c[4].Float(i), Expectation: c[5].Float(i),
			Kind: text(6, i), Author: text(7, i), Comment: text(8, i), Person: text(9, i), At: c[10].Integers[i], Recorded: c[11].Integers[i],
		}}
		if _, fault := a.Fault(); fault == "" {
			each(a, k)
		}
	}
	return nil
}

// spoken asks a statement for what was said of the accounts of a request, and of
// those that are one together; read hands on the rows of an answer with the index
// of their cutoff, and account tells where a row names its account.
func spoken[T any](
	ctx context.Context, e Engine, r features.Request, file string,
	read func(p *prepared, t *frame.Table, each func(row T, cutoff int)) error, account func(*T) *frame.AccountID,
) ([]T, error) {
	p, err := prepare(r)
	if err != nil {
		return nil, err
	}
	if err := p.unite(ctx, e); err != nil {
		return nil, err
	}
	ranges := []accountRange{{}}
	if len(r.Accounts) > 0 {
		if ranges, err = p.ranges(ctx, e); err != nil {
			return nil, err
		}
	}
	sql := statement(file)
	var all []T
	for _, rg := range ranges {
		err := ask(ctx, e, sql, p.with(rg), func(t *frame.Table) error {
			return read(p, t, func(row T, k int) {
				if p.alone(string(*account(&row)), k) {
					all = append(all, row)
				}
			})
		})
		if err != nil {
			return nil, err
		}
		err = askFamilies(ctx, e, p.within(rg), sql, p.params, func(t *frame.Table, named map[string]*family) error {
			return read(p, t, func(row T, k int) {
				if f := named[string(*account(&row))]; f.at[k] {
					*account(&row) = frame.AccountID(f.head)
					all = append(all, row)
				}
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
