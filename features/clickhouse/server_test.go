package clickhouse_test

import (
	"errors"
	"strings"
	"testing"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/featurestest"
)

func TestServerPassesTheEngineSuite(t *testing.T) {
	s := launch.Start(t, launch.Options{})
	featurestest.Engine(t, func(t *testing.T, limits clickhouse.Limits) clickhouse.Engine {
		t.Helper()
		e, err := clickhouse.OpenServer(t.Context(), s.URL("default", ""), limits)
		if dead(err) {
			s.Restart()
			e, err = clickhouse.OpenServer(t.Context(), s.URL("default", ""), limits)
		}
		if err != nil {
			t.Fatal(err)
		}
		return mortal{e, s}
	})
}

// mortal is an engine on a launched server, which aborts at the next connection
// after one that broke off.
type mortal struct {
	clickhouse.Engine
	server *launch.Server
}

// Revive implements featurestest.Mortal.
func (m mortal) Revive(err error) bool {
	if !dead(err) {
		return false
	}
	m.server.Restart()
	return true
}

func dead(err error) bool {
	return errors.Is(err, clickhouse.ErrUnreachable) || err != nil && strings.Contains(err.Error(), "shutting down")
}
