package clickhouse

import (
	"context"
	"fmt"
	"slices"

	"fealty/features/frame"
)

// Erased returns every account that asked to be erased, whenever that was recorded,
// by loads up to the watermark: under the name by which it asked and no other, each
// once, in bytewise order. It follows no links, so that links which can't be followed
// hide nobody's wish.
func (w Warehouse) Erased(ctx context.Context, watermark uint64) ([]frame.AccountID, error) {
	var all []frame.AccountID
	err := ask(ctx, w.Engine, statement("labels/consents.sql"), Params{
		"cutoffs":  []frame.Cutoff{0}, // who is erased is so as of every cutoff
		"accounts": []string{}, "from_account": "", "to_account": "", "watermark": watermark, "recorded_by": uint64(0),
	}, func(t *frame.Table) error {
		c, err := pick(t, "account", "erased")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			if c[1].Float(i) != 0 {
				all = append(all, frame.AccountID(c[0].Texts[i]))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask who wants to be erased: %w", err)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
