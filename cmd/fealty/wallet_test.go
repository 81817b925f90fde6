package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"fealty/serving"
)

// TestWalletFitTellsOldCardsToo reads the card of a model from before beside one of today.
func TestWalletFitTellsOldCardsToo(t *testing.T) {
	for card, want := range map[string][]string{
		`{"categories":[{"category":"tea","suspect":"crates"}],"coverage":[{"basis":"declared","accounts":62,"inside":0.79}]}`: {"crates", "<nil> <nil>"},
		`{"categories":[{"category":"tea","without":["crates"],"en":"Without.","zh":"不用。"}],"coverage":[{"basis":"declared","accounts":62,"acted_on":{"accounts":27,"inside":0.74}}],` +
			`"shares":[{"category":"","accounts":345,"usual_share":0.43,"concentration":7.25}],"unshared":["tea: no"]}`: {"Without. 不用。", "27 0.74", "345 0.43 7.25", "tea: no"},
	} {
		var fit serving.WorthFitResult
		if err := json.Unmarshal([]byte(card), &fit.Worth.Wallet); err != nil {
			t.Fatal(err)
		}
		var rows strings.Builder
		for _, s := range walletFit(&fit).sections {
			for _, row := range s.rows {
				if len(row) != len(s.head) {
					t.Errorf("%s: %d cells under %d heads", s.title, len(row), len(s.head))
				}
				fmt.Fprintln(&rows, row...)
			}
		}
		for _, text := range want {
			if !strings.Contains(rows.String(), text) {
				t.Errorf("no %q in\n%s", text, rows.String())
			}
		}
	}
}
