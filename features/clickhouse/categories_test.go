package clickhouse_test

import (
	"slices"
	"testing"

	"fealty/features/frame"
)

// A category is known once a line that names it has come in, and not before.
func TestCategoryNames(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("order_lines"), csv(t, "order_lines", "account,order_id,category,amount,ordered_at,recorded_at\n"+
		"a,1,tea,10,2024-01-01,2024-01-01\nb,2,coffee,10,2024-01-02,2024-01-02\na,3,tea,10,2024-01-03,2024-01-03\na,4,,10,2024-01-03,2024-01-03\n"+
		"a,5,late,10,2024-01-03,2024-06-01\na,6,later,10,2024-06-01,2024-01-03"))
	for date, want := range map[string][]string{"2024-01-02": {"tea"}, "2024-03-01": {"coffee", "tea"}, "2024-07-01": {"coffee", "late", "later", "tea"}} {
		cutoff := frame.Cutoff(at(date))
		got, err := w.CategoryNames(t.Context(), cutoff, frame.KnownAt(cutoff), 1)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("as of %s: %v (%v), want %v", date, got, err, want)
		}
	}
	if got, err := w.CategoryNames(t.Context(), frame.Cutoff(at("2024-07-01")), frame.KnownAt(at("2024-07-01")), 0); err != nil || len(got) != 0 {
		t.Errorf("before the load: %v (%v)", got, err)
	}
}
