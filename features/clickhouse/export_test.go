package clickhouse

import "time"

// OpenServer opens a server engine for the tests of other packages' suites.
var OpenServer = openServer

// CompareAtATime makes loads compare a few rows at a time and returns a function
// that ends it.
func CompareAtATime(rows int64) (restore func()) {
	before := comparedRows
	comparedRows = rows
	return func() { comparedRows = before }
}

// Supported tells whether a server's version is new enough.
var Supported = supported

// DownHosts are the hosts that an engine holds for down.
func DownHosts(e Engine) []string {
	h := serverIn(e).hosts
	h.mu.Lock()
	defer h.mu.Unlock()
	return sortedKeys(h.down)
}

// EndPauses lets an engine ask the hosts that are down at the next chance.
func EndPauses(e Engine) {
	h := serverIn(e).hosts
	h.mu.Lock()
	defer h.mu.Unlock()
	for address := range h.down {
		h.down[address] = time.Now().Add(-hostPause)
	}
}

// DropIdle closes an engine's idle connections for queries.
func DropIdle(e Engine) { serverIn(e).wires.drop() }

// serverIn returns the server engine; it panics on another kind.
func serverIn(e Engine) *server {
	s, ok := e.(*server)
	if !ok {
		panic("the engine is no server")
	}
	return s
}

// GuardFeatures is the guard of a team's files of features.
var GuardFeatures = guardFeatures

// FileStatement is the one door through which a file's SQL comes.
var FileStatement = fileStatement
