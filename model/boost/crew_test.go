package boost

import (
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestCrewDoesEveryTaskOnce(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, n := range []int{1, 2, 5} {
		c := newCrew(n)
		for round := range 300 {
			if round%100 == 99 {
				time.Sleep(time.Millisecond) // long enough for the others to fall asleep
			}
			did := make([]atomic.Int32, round%40)
			c.run(len(did), func(k int) { did[k].Add(1) })
			for k := range did {
				if got := did[k].Load(); got != 1 {
					t.Fatalf("crew of %d, round %d: task %d was done %d times before run returned", n, round, k, got)
				}
			}
		}
		c.dismiss()
	}
}
