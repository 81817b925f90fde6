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
// its own, or adds whole numbers under a lock.
//
// A tree is grown in hundreds of short shifts. Waking a goroutine that sleeps
// takes longer than many of them last, so everybody looks for the next shift,
// or for the end of this one, for some microseconds before going to sleep.
type crew struct {
	extra   int
	spins   int
	current atomic.Pointer[shift]
	asleep  atomic.Int64
	wake    chan struct{}
	closed  atomic.Bool
}

// shift is one round of tasks.
type shift struct {
	task  func(int)
	tasks int64
	next  atomic.Int64
	left  atomic.Int64 // tasks that are not finished
	done  sync.WaitGroup
}

// spins is how often a goroutine looks before it sleeps: a few microseconds.
const spins = 4096

func (s *shift) work() {
	for {
		k := s.next.Add(1) - 1
		if k >= s.tasks {
			return
		}
		s.task(int(k))
		s.done.Done()
		s.left.Add(-1)
	}
}

// newCrew starts n−1 goroutines; the caller of run is the n-th. dismiss ends them.
func newCrew(n int) *crew {
	c := &crew{extra: n - 1, wake: make(chan struct{}, n)}
	// Where goroutines outnumber processors, one that looks keeps another from working.
	if n <= runtime.GOMAXPROCS(0) {
		c.spins = spins
	}
	for range c.extra {
		go c.help()
	}
	return c
}

// help works on one shift after another until the crew is dismissed.
func (c *crew) help() {
	var last *shift
	for !c.closed.Load() {
		s := c.current.Load()
		for range c.spins {
			if s != last {
				break
			}
			s = c.current.Load()
		}
		if s == last {
			// run publishes a shift before it counts the sleepers, and a sleeper is
			// counted before it looks a last time: one of the two sees the other.
			c.asleep.Add(1)
			if s = c.current.Load(); s == last && !c.closed.Load() {
				<-c.wake
			}
			c.asleep.Add(-1)
			continue
		}
		last = s
		if s != nil {
			s.work()
		}
	}
}

func (c *crew) dismiss() {
	c.closed.Store(true)
	close(c.wake)
}

// run does task(0) … task(n−1) and returns when all are done. One goroutine may
// call it at a time, and not after dismiss.
func (c *crew) run(n int, task func(int)) {
	if c.extra == 0 || n <= 1 {
		for k := range n {
			task(k)
		}
		return
	}
	s := &shift{task: task, tasks: int64(n)}
	s.left.Store(s.tasks)
	s.done.Add(n)
	c.current.Store(s)
	for range min(c.asleep.Load(), int64(c.extra)) {
		select {
		case c.wake <- struct{}{}:
		default: // as many are woken already as there are
		}
	}
	s.work()
	for range c.spins {
		if s.left.Load() == 0 {
			break
		}
	}
	s.done.Wait()
}
