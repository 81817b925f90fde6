package clickhouse

import (
	"testing"

	"pgregory.net/rapid"
)

// Whenever it is asked, an ordinal is what counting every row one by one gives.
func TestOrdinalsCountEveryRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o ordinals
		seen := map[[2]string]int64{}
		rows := rapid.SliceOf(rapid.SampledFrom([][2]string{{"a", "1"}, {"a", "2"}, {"b", "1"}, {"", ""}})).Draw(t, "rows")
		for i, row := range rows {
			seen[row]++
			o.add(row[0], row[1])
			if !rapid.Bool().Draw(t, "asked") {
				continue
			}
			if got, ok := o.last(); !ok || got != seen[row] {
				t.Fatalf("row %d is number %d (%t) of its order, not %d", i, got, ok, seen[row])
			}
		}
	})
}

// Too many orders are no error until one of them needs a number.
func TestTooManyOrdersAreSaid(t *testing.T) {
	had := maxCountedOrders
	maxCountedOrders = 2
	t.Cleanup(func() { maxCountedOrders = had })
	var o ordinals
	for _, order := range []string{"1", "2", "3", "4"} {
		o.add("a", order)
	}
	if _, ok := o.last(); ok {
		t.Error("4 orders were counted where 2 are allowed")
	}
}
