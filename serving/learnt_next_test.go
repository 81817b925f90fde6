package serving

import (
	"math"
	"strings"
	"testing"

	"fealty/model"
	"fealty/model/crosssell"
)

// A gain whose error nobody can tell, as of one account, is none within chance.
func TestTooFewAccountsToTellWhatWalletsAdd(t *testing.T) {
	for err, want := range map[float64][2]string{math.NaN(): {"too few accounts to tell", "客户太少"}, .1: {"the same, within chance", "在随机误差之内"}, .01: {"is better", "更准"}} {
		var trial model.WalletTrial
		tellLater(&trial, &crosssell.Comparison{Gains: []crosssell.Gain{{Rows: 3, With: .2, Without: .25, Gain: .05, Error: err}}})
		if !strings.Contains(trial.EN, want[0]) || !strings.Contains(trial.ZH, want[1]) || strings.Contains(trial.EN+trial.ZH, "NaN") {
			t.Errorf("with an error of %v: %q, %q", err, trial.EN, trial.ZH)
		}
	}
}
