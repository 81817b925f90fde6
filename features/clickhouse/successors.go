package clickhouse

import (
	"context"
	"fmt"
	"slices"

	"fealty/features"
	"fealty/features/frame"
)

// Successions returns the links that nobody declared and a person may confirm, as
// of a cutoff (features.Successions), by account. It applies none of them.
func (w Warehouse) Successions(ctx context.Context, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64, withinDays int) ([]features.Succession, error) {
	params := Params{"cutoffs": []frame.Cutoff{cutoff}, "known_at": []frame.KnownAt{known}, "watermark": watermark}
	declared, err := readLinks(ctx, w.Engine, watermark)
	if err != nil {
		return nil, err
	}
	traders, err := w.traders(ctx, params)
	if err != nil {
		return nil, err
	}
	found := features.Successions(traders, declared, cutoff, withinDays)
	var names []string
	for _, s := range found {
		names = append(names, string(s.From), string(s.To))
	}
	slices.Sort(names)
	products := map[frame.AccountID][]string{}
	for part := range slices.Chunk(slices.Compact(names), mostNames) {
		params["accounts"] = part
		err := ask(ctx, w.Engine, statement("goods.sql"), params, func(t *frame.Table) error {
			c, err := pick(t, "account", "product")
			if err != nil {
				return err
			}
			for i := range t.Rows() {
				account := frame.AccountID(c[0].Texts[i])
				products[account] = append(products[account], c[1].Texts[i])
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("ask what the accounts bought: %w", err)
		}
	}
	return features.WithOverlap(found, products), nil
}

// traders returns every account once; its orders and its standing may lie on
// different hosts.
func (w Warehouse) traders(ctx context.Context, params Params) ([]features.Trader, error) {
	var all []features.Trader
	at := map[string]int{}
	err := ask(ctx, w.Engine, statement("traders.sql"), params, func(t *frame.Table) error {
		c, err := pick(t, "account", "first_at", "last_at", "address", "tax_number", "parent")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			n, ok := at[c[0].Texts[i]]
			if !ok {
				n = len(all)
				at[c[0].Texts[i]], all = n, append(all, features.Trader{Account: frame.AccountID(c[0].Texts[i])})
			}
			if first := c[1].Integers[i]; first != 0 {
				all[n].First, all[n].Last = first, c[2].Integers[i]
			} else {
				all[n].Address, all[n].TaxNumber, all[n].Parent = c[3].Texts[i], c[4].Texts[i], c[5].Texts[i]
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask from when to when the accounts bought: %w", err)
	}
	return all, nil
}
