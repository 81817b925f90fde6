package serving

import (
	"strings"
	"testing"
)

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

// Columns that could not be fitted have no values, and a backtest and a training say
// what was in the way.
func TestColumnsWithoutValuesSayWhy(t *testing.T) {
	s, _, _, _ := village(60) //nolint:dogsled // only the service is asked
	s.Settings.WalletFeatures = WalletFeaturesAuto
	const few = "and a wallet needs 100"
	table, err := s.Backtest(t.Context(), BacktestRequest{Last: 1}, nil)
	if err != nil || len(table.Wallet) != 1 || !strings.HasSuffix(table.Wallet[0].Why, few) {
		t.Fatalf("the backtest says %+v (%v)", table.Wallet, err)
	}
	card := trained(t, s).Card
	if len(card.Empty) != 2 || !strings.HasPrefix(card.Empty[0], "of the lifetime model: ") || !strings.HasPrefix(card.Empty[1], "of the estimated wallet: ") || !strings.HasSuffix(card.Empty[1], few) ||
		!strings.HasSuffix(card.Worth.Wallet.Columns.Why, few) {
		t.Errorf("the card says %q, of the trial %+v", card.Empty, card.Worth.Wallet.Columns)
	}
	s, _, _, _ = village(230) //nolint:dogsled // only the service is asked
	if told := trained(t, s).Card.Empty; told != nil {
		t.Errorf("columns with values: %q", told)
	}
}
