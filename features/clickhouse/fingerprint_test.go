package clickhouse_test

import (
	"maps"
	"testing"

	"fealty/features"
	"fealty/features/frame"
)

// A source that holds what it held has its fingerprint whatever came later and in
// whatever order its rows lie; one that was changed behind the watermark has another,
// be it by a row more, a row less, a value or a NULL.
func TestAFingerprintTellsWhetherASourceWasChangedBehindTheWatermark(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("order_lines"), csv(t, "order_lines", orders))
	northwind(t, w)
	shop, undated := northwindQuery(), northwindQuery()
	shop.Columns, undated.Name = maps.Clone(shop.Columns), "undated"
	shop.Columns["recorded_at"] = "entered"
	sources := []features.MappedSource{shop, undated}
	if err := w.MapSources(t.Context(), sources); err != nil {
		t.Fatal(err)
	}
	known := frame.KnownAt(at("2025-02-15"))
	ask := func() []features.Fingerprint {
		all, err := w.Fingerprints(t.Context(), sources, known)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	first := ask()
	if len(first) != 2 || first[0].Rows != 6 || first[1].Rows != 6 || first[0].Mapping == first[1].Mapping || first[0].Sum == first[1].Sum {
		t.Fatalf("fingerprints %+v, want those of the 6 rows of 2025-02-15 and before", first)
	}
	const row = "INSERT INTO nw.`order details` SELECT customer_id, order_nr, product_nr, unit_price, quantity, rebate, `order date`, freight, "
	for _, step := range []struct {
		name, sql       string
		shop, undated   bool
		more, moreOfAll int64
	}{
		{name: "a row recorded later of an order before", sql: row + "toDateTime('2025-04-01 00:00:00', 'UTC') FROM nw.`order details` WHERE order_nr = 10643 AND product_nr = 28", undated: true, moreOfAll: 1},
		{name: "the same rows in one part", sql: "OPTIMIZE TABLE nw.`order details` FINAL"},
		{name: "a row that was known", sql: row + "entered FROM nw.`order details` WHERE order_nr = 10692", shop: true, undated: true, more: 1, moreOfAll: 1},
		{name: "a value", sql: "ALTER TABLE nw.`order details` UPDATE rebate = 0.5 WHERE order_nr = 10730 SETTINGS mutations_sync = 2", shop: true, undated: true},
		{name: "a value that is NULL", sql: "ALTER TABLE nw.`order details` UPDATE quantity = NULL WHERE order_nr = 1 SETTINGS mutations_sync = 2", shop: true, undated: true, more: -1, moreOfAll: -1},
		{name: "a value of a row recorded later", sql: "ALTER TABLE nw.`order details` UPDATE rebate = 0 WHERE order_nr = 10755 SETTINGS mutations_sync = 2"},
	} {
		before := ask()
		execute(t, w, step.sql)
		after := ask()
		if (after[0] != before[0]) != step.shop || (after[1] != before[1]) != step.undated {
			t.Errorf("%s: %+v, then %+v", step.name, before, after)
		}
		if after[0].Rows-before[0].Rows != step.more || after[1].Rows-before[1].Rows != step.moreOfAll {
			t.Errorf("%s: %d and %d rows more, want %d and %d", step.name, after[0].Rows-before[0].Rows, after[1].Rows-before[1].Rows, step.more, step.moreOfAll)
		}
	}
	if _, err := w.Fingerprints(t.Context(), []features.MappedSource{{Table: "nothing"}}, known); err == nil {
		t.Error("a source of no table has a fingerprint")
	}
}
