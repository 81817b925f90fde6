package score_test

import (
	"fmt"
	"testing"

	"fealty/features/frame"
	"fealty/model/score"

	"pgregory.net/rapid"
)

func TestOneThingIsSaidInTheSingular(t *testing.T) {
	for want, got := range map[string]string{
		"Mean of 1 account below it":          score.Counted("Mean of %d accounts below it", 1),
		"1 day, 1 lapsed order in 1 category": score.Counted("%v days, %d lapsed orders in %s categories", 1., 1, "1"),
		"11 days, 2.1 days, 0 days, 1.0 days": score.Counted("%d days, %.1f days, %d days, %.1f days", 11, 2.1, 0, 1.),
		`95 % of 1 item in "1 items"`:         score.Counted("%.0f %% of %d items in %q", 95., 1, "1 items"),
		"1 less, at most 1":                   score.Counted("%d less, at most %d", 1, 1),
		"1 estimated wallet":                  score.Counted("%d estimated wallets", 1),
		"no day":                              score.Counted("no day"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	metas := map[string]frame.Meta{"recency_days": {Name: "recency_days", Unit: "days", ReasonEN: []string{"no order for {recency_days} days"}, ReasonZH: []string{"{recency_days}天未下单"}}}
	for days, want := range map[float64][2]string{1: {"no order for 1 day", "1天未下单"}, 2: {"no order for 2 days", "2天未下单"}} {
		r := score.Reason{Feature: "recency_days", Value: &days}
		if en, zh := score.Sentence(r, metas, score.English), score.Sentence(r, metas, score.Chinese); en != want[0] || zh != want[1] {
			t.Errorf("%v days: %s / %s", days, en, zh)
		}
	}
}

// Without a 1 it is fmt.Sprintf.
func TestManyThingsAreFormattedAsEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, v, s := rapid.IntRange(2, 1e6).Draw(t, "n"), rapid.Float64Range(2, 1e6).Draw(t, "v"), rapid.String().Draw(t, "s")
		const format = "%d accounts of %s: %.2f %% in %v days, %q; 100 %%"
		if got, want := score.Counted(format, n, s, v, n, s), fmt.Sprintf(format, n, s, v, n, s); got != want && s != "1" {
			t.Fatalf("%q, want %q", got, want)
		}
	})
}
