package serving

import (
	"context"
	"errors"
)

// Kind is what an error means to whoever asked: rpc turns it into a code, web
// into a page, cmd into an exit status.
type Kind uint8

// The kinds. Anything not in the table is Internal: the detail goes to the
// log, a plain sentence to the person.
const (
	Internal Kind = iota
	Invalid
	NotFound
	Conflict
	Unavailable
	Exhausted
	Unauthenticated
	Denied
	Canceled
	Deadline
)

// Sentinels of the use cases. Wrap them with what was asked for.
var (
	// ErrInvalid: the request can't be carried out as it stands; the message says why.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound: no such account, run, model or operation.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the state refuses it now: known rows differ, another job writes.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable: nothing is published yet, or the warehouse doesn't answer.
	ErrUnavailable = errors.New("unavailable")
	// ErrExhausted: a limit on size or rate.
	ErrExhausted = errors.New("limit reached")
	// ErrUnauthenticated: no valid key.
	ErrUnauthenticated = errors.New("not authenticated")
	// ErrDenied: the key doesn't have the scope.
	ErrDenied = errors.New("not allowed")
)

// kinds is the one table from sentinel to kind. Adapters' sentinels are
// entered by Register at start.
var kinds = []struct {
	err  error
	kind Kind
}{
	{context.Canceled, Canceled},
	{context.DeadlineExceeded, Deadline},
	{ErrInvalid, Invalid},
	{ErrNotFound, NotFound},
	{ErrConflict, Conflict},
	{ErrUnavailable, Unavailable},
	{ErrExhausted, Exhausted},
	{ErrUnauthenticated, Unauthenticated},
	{ErrDenied, Denied},
}

// Register enters a sentinel of another room into the table. It is called at
// start, before any request; it is not safe for concurrent use.
func Register(err error, kind Kind) {
	kinds = append(kinds, struct {
		err  error
		kind Kind
	}{err, kind})
}

// KindOf returns the kind of err by the first sentinel of the table that it
// wraps; Internal when there is none.
func KindOf(err error) Kind {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return Internal
}
