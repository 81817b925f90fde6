package clickhouse_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// Who asked to be erased is told by the name under which it asked, whatever the links
// say: here they lead round in a circle, and the standings can't be told.
func TestErasedIsToldWithoutLinks(t *testing.T) {
	w := &town{lines: []line{{account: "old", order: "1", amount: euros(10), ordered: at("2025-01-10")}}}
	w.links = []link{
		{account: "old", other: "new", kind: "merged", since: at("2025-01-20")},
		{account: "new", other: "old", kind: "renamed", since: at("2025-01-21")},
	}
	e := embedded(t)
	w.fill(t, e)
	fillStanding(t, e, nil, []consentRow{
		{"old", "", "erasure", "2025-02-01", "", ""},
		{"by mail", "mail", "Erasure", "2030-01-01", "", "2030-01-01"}, // whenever it was recorded
		{"thought better of it", "", "erasure", "2025-02-01", "2025-02-02", ""},
		{"opted out", "", "profiling", "2024-01-01", "2025-02-01", ""},
		{"asked twice", "", "erasure", "2025-02-01", "", ""}, {"asked twice", "mail", "erasure", "2025-02-03", "", ""},
	}, nil)
	warehouse := clickhouse.Warehouse{Engine: e}
	if _, err := warehouse.Standings(t.Context(), request("2025-03-01"), 60); !errors.Is(err, features.ErrCycle) {
		t.Fatalf("standings by links in a cycle: %v", err)
	}
	got, err := warehouse.Erased(t.Context(), 1)
	if diff := cmp.Diff([]frame.AccountID{"asked twice", "by mail", "old"}, got); err != nil || diff != "" {
		t.Errorf("%v; (-want +got):\n%s", err, diff)
	}
	if got, err := warehouse.Erased(t.Context(), 0); err != nil || len(got) > 0 {
		t.Errorf("before the first load: %v, %v", got, err)
	}
}
