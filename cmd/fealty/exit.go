package main

import (
	"errors"
	"strings"
	"sync"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/synthetic"
	"fealty/serving"
)

// The exit codes. They are documented in README.md and in `fealty help`.
const (
	exitOK          = 0
	exitInternal    = 1
	exitInvalid     = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitUnavailable = 5
	exitFindings    = 6
	exitDenied      = 7
	exitCancelled   = 130
)

// exitCodes tells the exit codes to people.
const exitCodes = `Exit codes:
  0    done
  1    a fault of fealty itself
  2    what was asked, the configuration or a file can't be carried out as it stands
  3    no such account, run, model or key
  4    the state refuses it now: known rows differ, another process holds the warehouse
  5    the warehouse or the server doesn't answer, nothing is published yet, or a limit was met
  6    a check found errors: data check, features check, doctor, or a replay that differs
  7    no valid key, or a key without the scope
  130  broken off by a signal`

// errFindings says that a verb did its work and found errors, which it has
// already shown.
var errFindings = errors.New("errors were found")

// exitCode turns an error into an exit code, by its kind.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFindings
	}
	switch serving.KindOf(err) {
	case serving.Invalid:
		return exitInvalid
	case serving.NotFound:
		return exitNotFound
	case serving.Conflict:
		return exitConflict
	case serving.Unavailable, serving.Exhausted, serving.Deadline:
		return exitUnavailable
	case serving.Unauthenticated, serving.Denied:
		return exitDenied
	case serving.Canceled:
		return exitCancelled
	case serving.Internal:
	}
	return exitInternal
}

// registerKinds enters the sentinels of the rooms that this program plugs in
// into serving's table.
var registerKinds = sync.OnceFunc(func() {
	for _, entry := range []struct {
		kind      serving.Kind
		sentinels []error
	}{
		{serving.Invalid, []error{features.ErrBadRequest, features.ErrCycle, features.ErrCalendar, clickhouse.ErrBadRow, clickhouse.ErrNoRate, clickhouse.ErrSource, clickhouse.ErrExpression, synthetic.ErrParams}},
		{serving.Conflict, []error{features.ErrKnown, clickhouse.ErrLocked, clickhouse.ErrTakenOver}},
		{serving.Exhausted, []error{clickhouse.ErrBusy, clickhouse.ErrLimit}},
		{serving.Unavailable, []error{
			clickhouse.ErrNoEngine, clickhouse.ErrUnreachable, clickhouse.ErrRefused, clickhouse.ErrUnsupported,
			clickhouse.ErrClosed, clickhouse.ErrBroken, clickhouse.ErrNewer,
		}},
	} {
		for _, err := range entry.sentinels {
			serving.Register(err, entry.kind)
		}
	}
})

// sentence is an error as a person reads it. The words of serving's sentinels
// at the end repeat what the exit code says.
func sentence(err error) string {
	words := err.Error()
	for _, end := range []error{
		serving.ErrInvalid, serving.ErrNotFound, serving.ErrConflict, serving.ErrUnavailable,
		serving.ErrExhausted, serving.ErrUnauthenticated, serving.ErrDenied,
	} {
		if shorter, cut := strings.CutSuffix(words, ": "+end.Error()); cut {
			return shorter
		}
	}
	return words
}
