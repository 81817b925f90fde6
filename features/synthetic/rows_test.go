package synthetic_test

import (
	"testing"

	"fealty/features"
	"fealty/features/featurestest"
	"fealty/features/synthetic"
)

func TestTheTownIsRows(t *testing.T) {
	t.Parallel()
	built := town(t, synthetic.Params{Seed: 6, Accounts: 700, SeveralCurrencies: true, Record: true})
	for _, table := range []string{"order_lines", "interactions"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			schema, ok := features.Schema(table)
			if !ok {
				t.Fatalf("no table %s", table)
			}
			featurestest.Rows(t, &schema, func(t *testing.T) features.Rows {
				t.Helper()
				rows, err := built.Rows(table)
				if err != nil {
					t.Fatal(err)
				}
				return rows
			})
		})
	}
}
