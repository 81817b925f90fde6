package logistic_test

import (
	"context"
	"fmt"

	"fealty/features/frame"
	"fealty/model/logistic"
)

// Accounts that have been silent for long leave more often; the model says by
// how much, and splits a margin into what each column said.
func Example() {
	f := &frame.Frame{Accounts: make([]frame.AccountID, 8), Cutoffs: make([]frame.Cutoff, 8)}
	f.Columns = []frame.Column{
		{Meta: frame.Meta{Name: "recency_days"}, Kind: frame.Number, Numbers: []float64{5, 12, 20, 31, 48, 60, 75, 90}},
		{Meta: frame.Meta{Name: "channel"}, Kind: frame.Category, Levels: []string{"shop", "web"}, Codes: []int32{0, 0, 1, 0, 1, 1, 0, 1}},
	}
	m, err := logistic.Fit(context.Background(), logistic.Defaults(), f, []float64{0, 0, 0, 1, 0, 1, 1, 1}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range m.Coefficients() {
		fmt.Printf("%s, %s %q: odds × %.2f\n", c.Feature, c.Term, c.Level, c.OddsRatio())
	}
	contributions := make([]float64, 16)
	base, err := m.Explain(f, contributions)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("last account: base %.2f, recency %+.2f, channel %+.2f\n", base, contributions[14], contributions[15])
	// Output:
	// recency_days, value "": odds × 3.15
	// channel, level "shop": odds × 1.25
	// channel, level "web": odds × 0.80
	// last account: base 0.03, recency +1.89, channel -0.23
}
