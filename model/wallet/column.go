package wallet

import (
	"fmt"
	"math"

	"fealty/features/frame"
)

// metas are the columns that other models read.
var metas = []frame.Meta{
	{
		Name: "wallet_estimated_share", Unit: "share", Group: "wallet", Factor: "wallet", Direction: frame.Lowers, Actionable: true,
		LabelEN: "Estimated share of wallet", LabelZH: "估计钱包份额",
		ReasonEN: []string{"About {wallet_estimated_share} of the estimated wallet is spent here"},
		ReasonZH: []string{"估计钱包中约{wallet_estimated_share}在本公司消费"},
	},
	{
		Name: "wallet_estimated_gap", Unit: "base currency per year", Group: "wallet", Factor: "wallet", Actionable: true,
		LabelEN: "Estimated spend elsewhere", LabelZH: "估计在别处的消费",
		ReasonEN: []string{"About {wallet_estimated_gap} a year is estimated to be spent elsewhere"},
		ReasonZH: []string{"估计每年约{wallet_estimated_gap}在别处消费"},
	},
	{
		Name: "wallet_estimated_width", Unit: "ratio", Group: "wallet", Factor: "wallet",
		LabelEN: "Uncertainty of the wallet (high ÷ low)", LabelZH: "钱包估计的不确定性（上限÷下限）",
		ReasonEN: []string{"The wallet is known within a factor of {wallet_estimated_width}"},
		ReasonZH: []string{"钱包估计的上限是下限的{wallet_estimated_width}倍"},
	},
	{
		Name: "wallet_estimated_trend", Unit: "share", Group: "wallet", Factor: "wallet", Direction: frame.Lowers, Actionable: true,
		LabelEN: "Change of the estimated share of wallet", LabelZH: "估计钱包份额的变化",
		ReasonEN: []string{"The share of the estimated wallet changed by {wallet_estimated_trend}"},
		ReasonZH: []string{"估计钱包份额变化了{wallet_estimated_trend}"},
	},
}

// Columns returns features for other models, one value per total, missing where
// the wallet is unknown: the share of wallet, the gap (potential), the width (high
// ÷ low) and the trend of the share. The trend is (spend − earlier spend) ÷ wallet:
// both are of the categories with a wallet, and the wallet is today's at both
// times. earlier has the rows of totals and the categories of estimates; nil, and
// an account whose row there is empty, leave the trend missing, and so does an account
// that spent nothing here at either time.
//
// It panics unless estimates and totals are of the same accounts.
func Columns(estimates []Estimate, totals []Total, earlier *Spend) ([]frame.Column, error) {
	if earlier != nil && (len(earlier.Start) != len(totals)+1 || len(earlier.Category) != len(earlier.Amount) || len(earlier.Amount) != earlier.Start[len(totals)]) {
		return nil, fmt.Errorf("%w: earlier spend has %d row starts, %d categories and %d amounts for %d accounts",
			ErrInput, len(earlier.Start), len(earlier.Category), len(earlier.Amount), len(totals))
	}
	columns := make([]frame.Column, len(metas))
	for j := range columns {
		columns[j] = frame.Column{Meta: metas[j], Kind: frame.Number, Numbers: make([]float64, len(totals))}
	}
	from := 0
	for i := range totals {
		t := &totals[i]
		to := from
		for to < len(estimates) && estimates[to].Account == t.Account {
			to++
		}
		values := [...]float64{t.Share, t.Potential, width(t.Low, t.High), math.NaN()}
		if earlier != nil && t.State != Unknown && earlier.Start[i+1] > earlier.Start[i] {
			values[3] = trend(t.Spend, spentIn(estimates[from:to], earlier, i), t.Wallet)
		}
		for j, v := range values {
			columns[j].Numbers[i] = v
		}
		from = to
	}
	if from != len(estimates) {
		panic("wallet: estimates and totals are of different accounts")
	}
	return columns, nil
}

// spentIn adds up what an account spent earlier in the categories that its total counts.
func spentIn(estimates []Estimate, earlier *Spend, account int) float64 {
	sum := 0.0
	for k := earlier.Start[account]; k < earlier.Start[account+1]; k++ {
		for j := range estimates {
			if e := &estimates[j]; e.Category == earlier.Category[k] && e.counts() {
				sum += earlier.Amount[k]
			}
		}
	}
	return sum
}
