package servingtest_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features/frame"
	"fealty/model/score"
	"fealty/serving"
)

// stops lets the whole town rest for eight days after its newest order and asks for the
// scores at both ends, under a model of orders alone. Where nobody declared the
// holidays everybody seems to be leaving. Where they are declared what is left is the year
// that moves on under windows of a year, seasons and tenure, in both directions. A
// model of the whole record moves more: what is owed (an answer, a delivery, a payment) grows
// older on holidays too, and is only looked at here.
func (k *walk) stops(t *testing.T, orders *serving.Service, alone, whole string) {
	t.Helper()
	const days = 8
	end := func(later int) time.Time { return time.Date(2026, 7, 1+later, 0, 0, 0, 0, time.UTC) }
	scored := func(s *serving.Service, model string, later int) []score.Score {
		if _, err := s.Promote(t.Context(), serving.PromoteRequest{Version: model}); err != nil {
			t.Fatal(err)
		}
		s.Settings.DataThrough = frame.Cutoff(end(later).Unix())
		result, err := s.Score(t.Context(), serving.ScoreRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return k.scores(t, result.Run)
	}
	before, undeclared := scored(orders, alone, 0), scored(orders, alone, days)
	var wholly []score.Score
	if os.Getenv("FEALTY_TORTURE") != "" {
		wholly = scored(k.Service, whole, 0)
	}
	holidays := "country,day,recorded_at\n"
	for later := range days {
		for _, country := range []string{"CN", "CZ", "DE", "FR", "GB", "SE"} {
			holidays += fmt.Sprintf("%s,%s,2025-01-01\n", country, end(later).Format(time.DateOnly))
		}
	}
	k.load(t, "holidays", strings.NewReader(holidays))
	declared := scored(orders, alone, days)
	moved := func(name string, before, after []score.Score) (n, bands int, mean, half, most float64) {
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
		n = len(moves)
		mean, half, most = mean/float64(n), moves[n/2], moves[n*9/10]
		t.Logf("%s: %d scores, moved by %+.4f on average, half of them by at most %.4f, nine of ten by %.4f, all by %.4f; %d bands", name, n, mean, half, most, moves[n-1], bands)
		return n, bands, mean, half, most
	}
	n, bands, mean, half, most := moved("declared", before, declared)
	if math.Abs(mean) > 0.002 || half > 0.002 || most > 0.015 || bands*100 > n {
		t.Errorf("a declared stop moves %d scores by %+.4f on average, half of them by %.4f, one in ten by more than %.4f, and %d bands", n, mean, half, most, bands)
	}
	if _, bands, mean, _, _ := moved("undeclared", before, undeclared); mean < 0.01 || bands*25 < n {
		t.Errorf("an undeclared stop moves scores by %+.4f only, and %d bands: there is nothing to be seen here", mean, bands)
	}
	if wholly != nil {
		moved("declared, of the whole record", wholly, scored(k.Service, whole, days))
	}
}
