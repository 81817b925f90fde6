package servingtest_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features/frame"
	"fealty/model/score"
	"fealty/serving"
)

// stops lets the whole town rest for eight days after its newest order, under a model
// of orders alone, and asks for the scores at both ends. Where nobody declared the
// holidays everybody seems to be leaving. Where they are declared what is left is the year
// that moves on under windows of a year, seasons and tenure, in both directions.
func (k *walk) stops(t *testing.T, orders *serving.Service, model string) {
	t.Helper()
	const days = 8
	if _, err := k.Promote(t.Context(), serving.PromoteRequest{Version: model}); err != nil {
		t.Fatal(err)
	}
	end := func(later int) time.Time { return time.Date(2026, 7, 1+later, 0, 0, 0, 0, time.UTC) }
	scored := func(later int) []score.Score {
		orders.Settings.DataThrough = frame.Cutoff(end(later).Unix())
		result, err := orders.Score(t.Context(), serving.ScoreRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return k.scores(t, result.Run)
	}
	before, undeclared := scored(0), scored(days)
	holidays := "country,day,recorded_at\n"
	for later := range days {
		for _, country := range []string{"CN", "CZ", "DE", "FR", "GB", "SE"} {
			holidays += fmt.Sprintf("%s,%s,2025-01-01\n", country, end(later).Format(time.DateOnly))
		}
	}
	k.load(t, "holidays", strings.NewReader(holidays))
	declared := scored(days)
	moved := func(name string, after []score.Score) (mean, median float64, bands int) {
		var moves []float64
		for i := range before {
			a, b := &before[i], &after[i]
			if a.Account != b.Account {
				t.Fatalf("%s stands where %s stood", b.Account, a.Account)
			}
			if a.Unscorable != "" || b.Unscorable != "" {
				continue
			}
			move := float64(b.Probability - a.Probability)
			mean, moves = mean+move, append(moves, math.Abs(move))
			if a.Band != b.Band {
				bands++
			}
		}
		slices.Sort(moves)
		n := len(moves)
		mean, median = mean/float64(n), moves[n/2]
		t.Logf("%s: %d scores, moved by %+.4f on average, by .5, .9 and all: %.4f, %.4f, %.4f; %d bands", name, n, mean, median, moves[n*9/10], moves[n-1], bands)
		return mean, median, bands
	}
	mean, median, bands := moved("declared", declared)
	if math.Abs(mean) > 0.002 || median > 0.002 || bands*100 > len(before) {
		t.Errorf("a declared stop moves scores by %+.4f on average, half of them by %.4f, and %d bands", mean, median, bands)
	}
	if mean, _, bands := moved("undeclared", undeclared); mean < 0.01 || bands*50 < len(before) {
		t.Errorf("an undeclared stop moves scores by %+.4f only, and %d bands: there is nothing to be seen here", mean, bands)
	}
}
