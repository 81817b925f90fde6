package clickhouse

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// assessmentsTable holds what accounts say of us, and what is judged of them.
const assessmentsTable = "assessments"

const assessedFile = "assessed.sql"

// mostVersions is how many versions of assessments a query gathers, about 100 MB with
// their comments; an account that has more is asked for alone.
const mostVersions = 500_000

// Assessed returns the newest assessment of every item as of each cutoff, by
// account, cutoff and item. What accounts that are one at a cutoff said counts
// together. Rows of mapped sources that no import would take (features.Assessment's
// Fault) count as not said. The request's catalogue doesn't matter; it is asked in parts of
// at most so many accounts as a slice and half a million versions.
func Assessed(ctx context.Context, e Engine, r features.Request) ([]features.Assessed, error) {
	type place struct {
		account frame.AccountID
		cutoff  frame.Cutoff
		item    string
	}
	var kept []features.Assessed
	at := map[place]int{} // in kept
	err := speak(ctx, e, r, assessedFile, (*prepared).assessments, func(a *features.Assessed) *frame.AccountID { return &a.Account }, func(a features.Assessed) {
		p := place{a.Account, a.Cutoff, a.Item}
		k, known := at[p]
		switch {
		case !known:
			at[p] = len(kept)
			kept = append(kept, a)
		case cmp.Or(cmp.Compare(a.At, kept[k].At), cmp.Compare(a.Recorded, kept[k].Recorded)) >= 0:
			kept[k] = a // of two alike the statement's last
		}
	})
	if err != nil {
		return nil, fmt.Errorf("ask for assessments: %w", err)
	}
	slices.SortFunc(kept, func(a, b features.Assessed) int {
		return cmp.Or(strings.Compare(string(a.Account), string(b.Account)), cmp.Compare(a.Cutoff, b.Cutoff), strings.Compare(a.Item, b.Item))
	})
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

// assessing cuts the accounts that anything is assessed of into parts.
func (p *prepared) assessing(ctx context.Context, e Engine) ([]accountRange, error) {
	versions := map[string]int64{}
	err := ask(ctx, e, statement("assessing.sql"), p.params, func(t *frame.Table) error {
		c, err := pick(t, "account", "versions")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			versions[strings.Clone(c[0].Texts[i])] += c[1].Integers[i]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask who is assessed: %w", err)
	}
	for _, f := range p.families {
		versions[f.head] += 0 // its members' are asked for with it
	}
	var parts []accountRange
	var accounts int
	var rows int64
	for _, account := range slices.Sorted(maps.Keys(versions)) {
		n := versions[account]
		if len(parts) == 0 || accounts == p.SliceAccounts || rows+n > mostVersions {
			parts, accounts, rows = append(parts, accountRange{from: account}), 0, 0
		}
		parts[len(parts)-1].to = account
		accounts, rows = accounts+1, rows+n
	}
	return parts, nil
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

// spoken gathers what speak hands on.
func spoken[T any](
	ctx context.Context, e Engine, r features.Request, file string,
	read func(p *prepared, t *frame.Table, each func(row T, cutoff int)) error, account func(*T) *frame.AccountID,
) (all []T, err error) {
	err = speak(ctx, e, r, file, read, account, func(row T) { all = append(all, row) })
	return all, err
}

// speak asks a statement for what was said of the accounts of a request, and of
// those that are one together, and hands on row by row; read hands on the rows of an
// answer with the index of their cutoff, and account tells where a row names its
// account. The rows of an account may come from two hosts, each in the statement's
// order.
func speak[T any](
	ctx context.Context, e Engine, r features.Request, file string,
	read func(p *prepared, t *frame.Table, each func(row T, cutoff int)) error, account func(*T) *frame.AccountID, each func(row T),
) error {
	p, err := prepare(r)
	if err != nil {
		return err
	}
	if err := p.unite(ctx, e); err != nil {
		return err
	}
	ranges := []accountRange{{}}
	switch {
	case len(r.Accounts) > 0:
		ranges, err = p.ranges(ctx, e)
	case file == assessedFile:
		ranges, err = p.assessing(ctx, e)
	}
	if err != nil {
		return err
	}
	sql := statement(file)
	for _, rg := range ranges {
		err := ask(ctx, e, sql, p.with(rg), func(t *frame.Table) error {
			return read(p, t, func(row T, k int) {
				if p.alone(string(*account(&row)), k) {
					each(row)
				}
			})
		})
		if err != nil {
			return err
		}
		err = askFamilies(ctx, e, p.within(rg), sql, p.params, func(t *frame.Table, named map[string]*family) error {
			return read(p, t, func(row T, k int) {
				if f := named[string(*account(&row))]; f.at[k] {
					*account(&row) = frame.AccountID(f.head)
					each(row)
				}
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
