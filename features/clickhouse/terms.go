package clickhouse

import (
	"context"
	"fmt"

	"fealty/features"
	"fealty/features/frame"
)

// termsApart counts the accounts of a cluster whose orders or contacts are imported and
// whose pauses, country of holidays or segment are mapped on the cluster, or the other way
// round. A host that counts days knows only what lies with the facts it counts: there the
// accounts neither rest nor have a cadence by segment.
func (w Warehouse) termsApart(ctx context.Context, watermark uint64) ([]features.Measurement, error) {
	info := w.Info()
	if info.Cluster == "" {
		return nil, nil
	}
	countries := []string{}
	params := Params{"watermark": watermark}
	err := ask(ctx, w.Engine, "SELECT DISTINCT country FROM holidays WHERE load <= {watermark:UInt64}", params, func(t *frame.Table) error {
		countries = append(countries, t.Columns[0].Texts...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask which countries have holidays: %w", err)
	}
	const facts = "SELECT account FROM order_lines WHERE load <= {watermark:UInt64} UNION DISTINCT SELECT account FROM interactions WHERE load <= {watermark:UInt64}"
	var all []features.Measurement
	for _, of := range []struct{ table, column, condition string }{
		{"pauses", "start", "1"},
		{"accounts", "country", "country != '' AND country IN {countries:Array(String)}"},
		{"accounts", "segment", "segment != ''"},
	} {
		m := features.Measurement{Check: "terms_apart", Table: of.table, Column: of.column}
		var found []string
		terms := "SELECT DISTINCT account FROM " + of.table + " WHERE load <= {watermark:UInt64} AND " + of.condition
		on := func(sql string) string { return OnShards(info.Cluster, info.ShardDatabase, sql) }
		for _, sides := range [][2]string{{terms, on(facts)}, {on(terms), facts}} {
			names, err := w.onBothSides(ctx, &m, sides[0], sides[1], Params{"watermark": watermark, "countries": countries})
			if err != nil {
				return nil, fmt.Errorf("look for accounts whose %s lie on another host than their facts: %w", of.table, err)
			}
			found = append(found, names...)
		}
		m.Detail = firstOf(found)
		all = append(all, m)
	}
	return all, nil
}
