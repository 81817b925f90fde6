package metrics

import "testing"

// The numbers of the reference page, section Profit; the same page says which
// library and which call made them.
func TestProfitOfTheReferencePage(t *testing.T) {
	example := []float64{0, 1, 0, 1, 0, 1, 0, 1}
	scores := []float64{.1, .2, .3, .4, .5, .7, .8, .9}
	var alternating, inverted, constant, values []float64
	for i := range 20 {
		y := float64(i % 2)
		alternating, inverted, constant = append(alternating, y), append(inverted, 1-y), append(constant, 0.5)
		values = append(values, 100+100*y)
	}
	for _, c := range []struct {
		name         string
		got          func() (Profit, error)
		profit, rate float64
		rateWithin   float64
	}{
		{"EMPC, the documented example", func() (Profit, error) { return EMPC(example, scores, DefaultOffer()) }, 23.875593418348124, 0.8743700763487141, 1e-9},
		{"EMPC, perfect", func() (Profit, error) { return EMPC(alternating, alternating, DefaultOffer()) }, 28, 0.5, 1e-9},
		{"EMPC, inverted", func() (Profit, error) { return EMPC(alternating, inverted, DefaultOffer()) }, 22.5007912244511, 0.99916, 5e-6},
		{"EMPC, constant", func() (Profit, error) { return EMPC(alternating, constant, DefaultOffer()) }, 22.5007912244511, 0.99916, 5e-6},
		{"EMPB, perfect", func() (Profit, error) { return EMPB(alternating, alternating, values, DefaultBusinessOffer()) }, 21, 0.5, 1e-9},
		{"EMPB, inverted", func() (Profit, error) { return EMPB(alternating, inverted, values, DefaultBusinessOffer()) }, 11, 1, 1e-9},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := of[Profit](t)(c.got())
			within(t, "profit", p.PerCustomer, c.profit, 1e-9)
			within(t, "rate", p.Rate, c.rate, c.rateWithin)
		})
	}
}
