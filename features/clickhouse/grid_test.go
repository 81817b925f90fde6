package clickhouse

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// Steps in pairs are all taken once, go on alone where the warehouse has no
// second connection, whoever holds the first, and end with the first error in
// their order.
func TestInPairs(t *testing.T) {
	const steps = 9
	early, late := errors.New("early"), errors.New("late")
	for name, c := range map[string]struct {
		connections int64
		fail        map[int]error
		want        error
	}{
		"two connections": {connections: 2},
		"one connection":  {connections: 1},
		"none":            {connections: 0, want: ErrBusy},
		"errors":          {connections: 2, fail: map[int]error{0: early, 1: late}, want: early},
		"the last fails":  {connections: 2, fail: map[int]error{steps - 1: late}, want: late},
	} {
		t.Run(name, func(t *testing.T) {
			var taken [steps]atomic.Int64
			var inUse atomic.Int64
			list := make([]func() error, steps)
			for i := range list {
				list[i] = func() error {
					defer inUse.Add(-1)
					if inUse.Add(1) > c.connections {
						return fmt.Errorf("step %d: %w", i, ErrBusy)
					}
					time.Sleep(time.Millisecond)
					taken[i].Add(1)
					return c.fail[i]
				}
			}
			if err := inPairs(list); !errors.Is(err, c.want) {
				t.Fatalf("ended with %v, want %v", err, c.want)
			}
			for i := range taken {
				if n := taken[i].Load(); n > 1 || n == 0 && c.want == nil {
					t.Errorf("step %d was taken %d times", i, n)
				}
			}
		})
	}
}
