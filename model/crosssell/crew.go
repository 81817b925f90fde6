package crosssell

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// each calls work for 0 … n−1, shared among as many goroutines as there are
// processors, and waits for them. What a call writes depends on its number
// alone, so that the number of goroutines does not show. Once ctx has ended no
// further call begins, and each returns ctx.Err().
func each(ctx context.Context, n int, work func(int)) error {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				work(i)
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

// pool lends scratch memory; what is lent out is given back as it was made.
type pool[T any] struct{ of sync.Pool }

func newPool[T any](fresh func() *T) *pool[T] {
	return &pool[T]{sync.Pool{New: func() any { return fresh() }}}
}

func (p *pool[T]) Get() *T {
	t, ok := p.of.Get().(*T)
	if !ok {
		panic("crosssell: a pool lends what was never put in")
	}
	return t
}

func (p *pool[T]) Put(t *T) { p.of.Put(t) }
