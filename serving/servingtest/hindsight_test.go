package servingtest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/serving"
)

// What became known after the replayed dates moves nothing of what would have
// been said at them: neither features nor the labels that the models learnt from.
func TestHindsightKnowsNothingLater(t *testing.T) {
	k := startWalk(t, 250)
	k.Settings.Label.HorizonDays = 60
	k.Settings.DataThrough = frame.Cutoff(time.Date(2026, 6, 30, 0, 0, 0, 0, time.UTC).Unix())
	request := serving.HindsightRequest{From: "2025-10-31", To: "2026-02-28", Rung: "logistic", Capacity: 12}
	look := func() (serving.HindsightResult, string) {
		t.Helper()
		r, err := k.Hindsight(t.Context(), request, nil)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return r, string(raw)
	}
	first, want := look()
	if first.Counted != 5 || first.Total.Reached == 0 || first.Total.Missed == 0 || first.Total.Bothered == 0 {
		t.Fatalf("there is little to move: %d months, %+v", first.Counted, first.Total)
	}

	// Purchases of the summer before, by accounts that still buy in spring: who was
	// lost stays the same, but each model would have learnt other labels.
	people, err := k.warehouse.Population(t.Context(), features.Request{
		Cutoffs: []frame.Cutoff{k.Settings.DataThrough}, KnownAt: []frame.KnownAt{frame.KnownAt(k.Settings.DataThrough)}, Watermark: 1_000_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	orders := func(name, recorded string) string {
		var csv strings.Builder
		csv.WriteString("account,order_id,amount,currency,ordered_at,recorded_at\n")
		for i := range people {
			if people[i].Last > int64(k.Settings.DataThrough.Add(-60)) {
				for month := 5; month <= 8; month++ {
					fmt.Fprintf(&csv, "%s,%s-%d,4000,EUR,2025-%02d-20T10:00:00Z,%s\n", people[i].Account, name, month, month, recorded)
				}
			}
		}
		return csv.String()
	}
	k.load(t, "order_lines", strings.NewReader(orders("late", "2026-03-01T00:00:01Z")))
	if _, got := look(); got != want {
		t.Errorf("what was recorded later moved the replay:\n%s\nbefore it was\n%s", got, want)
	}
	// Had it been known then, it would have counted.
	k.load(t, "order_lines", strings.NewReader(orders("then", "")))
	if _, got := look(); got == want {
		t.Error("what was known then moves nothing either: the test sees nothing")
	}
}
