package serving

import (
	"context"
	"fmt"
	"sync"
)

// slot lets one at a time of what gathers every account in memory to answer a question;
// the others wait, so that two questions at once need no more memory than one. The zero
// value is ready.
type slot struct {
	made sync.Once
	room chan struct{}
}

// enter waits for the slot, and says that it waits; leave gives it back. The error is
// the context's.
func (s *slot) enter(ctx context.Context, report func(Progress)) (leave func(), err error) {
	s.made.Do(func() { s.room = make(chan struct{}, 1) })
	select {
	case s.room <- struct{}{}:
		return func() { <-s.room }, nil
	default:
	}
	if report != nil {
		report(Progress{Stage: "waiting for another question of worth"})
	}
	if leave, err = enter(ctx, s.room); err != nil {
		return nil, fmt.Errorf("waiting for another question of worth: %w", err)
	}
	return leave, nil
}
