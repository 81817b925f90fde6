package wallet

import (
	"fmt"
	"math"
)

// Purchase is one row of a panel in which every purchase of a household in a
// category is seen, whoever it was bought from.
type Purchase struct{ Household, Choice string }

// Panel are the figures of one panel: how well shares of the second half of each
// household's purchases are foreseen from the first half.
type Panel struct {
	// Households with two purchases or more, and the purchases foreseen.
	Households, Purchases int
	// Suppliers in order of first appearance, and the fitted model.
	Suppliers []string
	Model     Dirichlet
	// LogLoss is the mean over the second half's purchases of −log(share) by the
	// shrunk shares. Raw shares have none: it is infinite for a change of supplier.
	LogLoss float64
	// RMSE and MAE are over household × supplier, of shrunk and of raw past shares.
	RMSE, MAE, RawRMSE, RawMAE float64
}

// Figures computes a panel's figures. Purchases of a household are in the order
// of time. Its first half are the first ⌊n ÷ 2⌋; a household with one purchase is
// left out. Errors: those of FitDirichlet.
func Figures(purchases []Purchase) (Panel, error) {
	var p Panel
	supplier, household := map[string]int{}, map[string]int{}
	var chosen [][]int
	for _, r := range purchases {
		k, ok := supplier[r.Choice]
		if !ok {
			k = len(supplier)
			supplier[r.Choice] = k
			p.Suppliers = append(p.Suppliers, r.Choice)
		}
		i, ok := household[r.Household]
		if !ok {
			i = len(chosen)
			household[r.Household] = i
			chosen = append(chosen, nil)
		}
		chosen[i] = append(chosen[i], k)
	}
	var first, second [][]float64
	for _, c := range chosen {
		if len(c) < 2 {
			continue
		}
		a, b := make([]float64, len(supplier)), make([]float64, len(supplier))
		for j, k := range c {
			if j < len(c)/2 {
				a[k]++
			} else {
				b[k]++
			}
		}
		first, second = append(first, a), append(second, b)
		p.Purchases += len(c) - len(c)/2
	}
	p.Households = len(first)
	var err error
	if p.Model, err = FitDirichlet(first); err != nil {
		return Panel{}, fmt.Errorf("panel of %d households: %w", p.Households, err)
	}
	shares := make([]float64, len(supplier))
	cells := float64(p.Households * len(supplier))
	for i, before := range first {
		p.Model.Shares(before, shares)
		had, has := total(before), total(second[i])
		for k, v := range second[i] {
			p.LogLoss -= v * math.Log(shares[k]) / float64(p.Purchases)
			d, raw := shares[k]-v/has, before[k]/had-v/has
			p.RMSE += d * d / cells
			p.RawRMSE += raw * raw / cells
			p.MAE += math.Abs(d) / cells
			p.RawMAE += math.Abs(raw) / cells
		}
	}
	p.RMSE, p.RawRMSE = math.Sqrt(p.RMSE), math.Sqrt(p.RawRMSE)
	return p, nil
}

func total(values []float64) float64 {
	s := 0.0
	for _, v := range values {
		s += v
	}
	return s
}
