package lifetime

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// broken is a likelihood that is no number where a parameter is below 1.
type broken struct{ everywhere bool }

func (b broken) at(theta, gradient []float64) float64 {
	value := 0.0
	for k, v := range theta {
		gradient[k] = -2 * (v - 1)
		value -= (v - 1) * (v - 1)
	}
	if b.everywhere || theta[0] < 0 {
		return math.NaN()
	}
	return value
}

// A start where the likelihood is no number is left out; where it is none anywhere, the
// error says what to do.
func TestStartsWithoutALikelihoodAreLeftOut(t *testing.T) {
	starts, names := [][]float64{{-1, 2}, {2, 2}}, []string{"a", "b"}
	best, err := maximise(t.Context(), broken{}, 1, nil, 0, starts, names, "take more")
	if err != nil || math.Abs(best.theta[0]-1) > 1e-6 || math.Abs(best.theta[1]-1) > 1e-6 {
		t.Errorf("%+v (%v)", best, err)
	}
	for name, c := range map[string][2]likelihood{"anywhere": {broken{true}, nil}, "of all rows": {broken{true}, broken{}}} {
		if best, err := maximise(t.Context(), c[0], 1, c[1], 1, starts, names, "take more"); !errors.Is(err, ErrNotConverged) || !strings.HasSuffix(err.Error(), ": take more") {
			t.Errorf("no number %s: %+v (%v)", name, best, err)
		}
	}
}
