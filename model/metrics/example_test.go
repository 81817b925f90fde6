package metrics_test

import (
	"fmt"

	"fealty/model/metrics"
)

// A manager can call two of eight accounts. How good is the list?
func ExampleLift() {
	left := []float64{0, 1, 0, 1, 0, 0, 0, 0}
	score := []float64{.2, .9, .4, .3, .1, .35, .6, .05}
	lift, err := metrics.Lift(left, score, 0.25)
	if err != nil {
		fmt.Println(err)
		return
	}
	auc, err := metrics.DeLong(left, score)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("the first two hold %.1f × the usual share; AUC %.2f ± %.2f\n", lift, auc.AUC, auc.StandardError())
	// Output: the first two hold 2.0 × the usual share; AUC 0.75 ± 0.27
}

// What a campaign with the paper's terms would earn per account at best.
func ExampleEMPC() {
	p, err := metrics.EMPC([]float64{0, 1, 0, 1, 0, 1, 0, 1}, []float64{.1, .2, .3, .4, .5, .7, .8, .9}, metrics.DefaultOffer())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f per account, contacting %.0f %%\n", p.PerCustomer, 100*p.Rate)
	// Output: 23.88 per account, contacting 87 %
}
