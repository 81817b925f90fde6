package boost

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// threads is the number of goroutines that a Threads parameter means.
func threads(asked int) int {
	if asked > 0 {
		return asked
	}
	return runtime.GOMAXPROCS(0)
}

// crew is a fixed set of goroutines that share out independent tasks. Which of
// them does which task never shows in a result: every task writes only what is
// its own.
type crew struct {
	extra int
	work  chan *shift
}

// shift is one round of tasks.
type shift struct {
	task  func(int)
	next  atomic.Int64
	tasks int64
	done  sync.WaitGroup
}

func (s *shift) work() {
	for {
		k := s.next.Add(1) - 1
		if k >= s.tasks {
			return
		}
		s.task(int(k))
	}
}

// newCrew starts n−1 goroutines; the caller of run is the n-th. dismiss ends them.
func newCrew(n int) *crew {
	c := &crew{extra: n - 1, work: make(chan *shift, n)}
	for range c.extra {
		go func() {
			for s := range c.work {
				s.work()
				s.done.Done()
			}
		}()
	}
	return c
}

func (c *crew) dismiss() { close(c.work) }

// run does task(0) … task(n−1) and returns when all are done.
func (c *crew) run(n int, task func(int)) {
	helpers := min(c.extra, n-1)
	if helpers <= 0 {
		for k := range n {
			task(k)
		}
		return
	}
	s := &shift{task: task, tasks: int64(n)}
	s.done.Add(helpers)
	for range helpers {
		c.work <- s
	}
	s.work()
	s.done.Wait()
}
