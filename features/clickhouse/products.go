package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// Products returns the products that the products table or any order line names as of
// a cutoff, with what they are called then, in bytewise order of id. Of names that
// several hosts give one product the first in bytewise order counts.
func (w Warehouse) Products(ctx context.Context, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64) ([]features.Product, error) {
	names := map[string]string{}
	params := Params{"cutoffs": []frame.Cutoff{cutoff}, "known_at": []frame.KnownAt{known}, "watermark": watermark}
	err := ask(ctx, w.Engine, statement("products.sql"), params, func(t *frame.Table) error {
		c, err := pick(t, "product", "name")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			id, name := c[0].Texts[i], c[1].Texts[i]
			if had, there := names[id]; !there || had == "" || name != "" && name < had {
				names[strings.Clone(id)] = strings.Clone(name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask what the products are called: %w", err)
	}
	all := make([]features.Product, 0, len(names))
	for _, id := range slices.Sorted(maps.Keys(names)) {
		all = append(all, features.Product{ID: id, Name: names[id]})
	}
	return all, nil
}
