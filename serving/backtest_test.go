package serving

import "testing"

func TestBacktestShowsChallengersWhenAsked(t *testing.T) {
	s, _, _, _ := village(150) //nolint:dogsled // only the service is asked
	for _, asked := range []bool{false, true} {
		table, err := s.Backtest(t.Context(), BacktestRequest{Last: 1, Challengers: asked}, nil)
		if err != nil {
			t.Fatal(err)
		}
		shown := map[string]bool{}
		for _, row := range table.Rows {
			if row.Challenger {
				shown[row.Rung] = true
				if row.Served || row.Grade != "" || !(row.Quality.AUC > 0) {
					t.Errorf("a challenger's row: %+v", row)
				}
			}
		}
		if want := map[bool]int{true: 2}[asked]; len(shown) != want {
			t.Errorf("challengers asked for: %v, shown: %v", asked, shown)
		}
	}
}
