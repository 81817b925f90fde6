package calibrate_test

import (
	"fmt"

	"fealty/model/calibrate"
)

// An overconfident model said log-odds of ±3; half as much would have been
// right. The calibrated margin is still a margin.
func ExampleFitAffine() {
	margin := []float64{-3, -3, -3, -3, -3, 3, 3, 3, 3, 3}
	left := []float64{0, 0, 0, 0, 1, 1, 1, 1, 1, 0}
	a, err := calibrate.FitAffine(margin, left, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f before, %.2f after\n", calibrate.Logistic(3), a.Probability(3))
	// Output: 0.95 before, 0.71 after
}
