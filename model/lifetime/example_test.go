package lifetime_test

import (
	"fmt"

	"fealty/model/lifetime"
)

// Three accounts, all 38.86 weeks old: one bought once, one twice more and
// recently, one once more at the beginning. The parameters are those of CDNOW.
func ExampleModel() {
	m, err := lifetime.Given(lifetime.MBGNBD, 0.5248, 6.1830, 0.8914, 1.6140)
	if err != nil {
		fmt.Println(err)
		return
	}
	h := lifetime.Histories{Frequency: []float64{0, 2, 1}, Recency: []float64{0, 30.43, 1.71}, Age: []float64{38.86, 38.86, 38.86}}
	alive, silent, expected := make([]float64, 3), make([]float64, 3), make([]float64, 3)
	for _, err := range []error{m.Alive(h, alive), m.NoPurchase(h, 13, silent), m.Expected(h, 13, expected)} {
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	for i := range alive {
		fmt.Printf("alive %.2f, no purchase in 13 weeks %.2f, expected %.2f\n", alive[i], silent[i], expected[i])
	}
	// Output:
	// alive 0.39, no purchase in 13 weeks 0.95, expected 0.06
	// alive 0.71, no purchase in 13 weeks 0.67, expected 0.48
	// alive 0.17, no purchase in 13 weeks 0.95, expected 0.07
}
