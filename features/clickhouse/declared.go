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

// walletsTable holds what accounts spend with all their suppliers.
const walletsTable = string(features.Wallets)

// contractsTable and invoicesTable hold what was agreed with accounts and billed to them.
const (
	contractsTable = string(features.Contracts)
	invoicesTable  = string(features.Invoices)
)

// Declared returns what is declared of the accounts' spending as of each cutoff,
// by account, cutoff and category. Accounts that are one at a cutoff stand once:
// what is declared of each of them in a category and period adds up. The request's
// catalogue and slices don't matter.
func Declared(ctx context.Context, e Engine, r features.Request) ([]features.Declared, error) {
	all, err := spoken(ctx, e, r, "declared.sql", (*prepared).declarations, func(d *features.Declared) *frame.AccountID { return &d.Account })
	if err != nil {
		return nil, fmt.Errorf("ask for declared wallets: %w", err)
	}
	slices.SortFunc(all, func(a, b features.Declared) int {
		return cmp.Or(strings.Compare(string(a.Account), string(b.Account)), cmp.Compare(a.Cutoff, b.Cutoff), strings.Compare(a.Category, b.Category))
	})
	return all, nil
}

// CategoryNames returns the categories that any order line names, in bytewise order.
func (w Warehouse) CategoryNames(ctx context.Context, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64) ([]string, error) {
	var all []string
	params := Params{"cutoffs": []frame.Cutoff{cutoff}, "known_at": []frame.KnownAt{known}, "watermark": watermark}
	err := ask(ctx, w.Engine, statement("categories.sql"), params, func(t *frame.Table) error {
		c, err := pick(t, "category")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			all = append(all, strings.Clone(c[0].Texts[i]))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask which categories there are: %w", err)
	}
	slices.Sort(all) // facts of several hosts may name the same
	return slices.Compact(all), nil
}

// Declare takes a declaration as a load of one row, from a source named for its
// origin. It replaces what was declared of the account, category and period
// before, from its Recorded on; the same declaration again changes nothing and
// the report says so.
func (w Warehouse) Declare(ctx context.Context, d features.Declaration) (features.LoadReport, error) {
	if err := d.Validate(); err != nil {
		return features.LoadReport{}, err
	}
	rows := d.Rows()
	defer func() { _ = rows.Close() }() // it holds nothing
	return w.Load(ctx, features.LoadRequest{
		Table: walletsTable, Source: features.ManagerOrigin, Correct: true,
		Hash: func() string { return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%#v", d))) },
	}, rows, nil)
}

// declarations hands on the rows of an answer, with the index of their cutoff.
func (p *prepared) declarations(t *frame.Table, each func(d features.Declared, cutoff int)) error {
	c, err := pick(t, "account", "cutoff", "category", "declared", "period", "recorded_at", "author", "origin",
		"rank", "suppliers", "ranked_period", "ranked_at", "ranked_author", "ranked_origin")
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
		d := features.Declared{
			Account: frame.AccountID(account), Cutoff: p.Cutoffs[k], Category: text(2, i), Amount: c[3].Float(i),
			Rank: int(c[8].Integers[i]), Suppliers: int(c[9].Integers[i]),
		}
		if !c[3].IsNull(i) {
			d.Said = features.Statement{Period: c[4].Integers[i], Recorded: c[5].Integers[i], Author: text(6, i), Origin: text(7, i)}
		}
		if d.Rank > 0 {
			d.Ranked = features.Statement{Period: c[10].Integers[i], Recorded: c[11].Integers[i], Author: text(12, i), Origin: text(13, i)}
		}
		each(d, k)
	}
	return nil
}
