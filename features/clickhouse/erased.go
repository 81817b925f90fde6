package clickhouse

import (
	"context"
	"slices"

	"fealty/features/frame"
)

// Erased returns every account that asked to be erased, whenever that was recorded,
// by loads up to the watermark: under the name by which it asked and no other, each
// once, in bytewise order. It follows no links, so that links which can't be followed
// hide nobody's wish.
func (w Warehouse) Erased(ctx context.Context, watermark uint64) ([]frame.AccountID, error) {
	all, err := readErased(ctx, w.Engine, Params{
		"cutoffs":  []frame.Cutoff{0}, // who is erased is so as of every cutoff
		"accounts": []string{}, "from_account": "", "to_account": "", "watermark": watermark,
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
