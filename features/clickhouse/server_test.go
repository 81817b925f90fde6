package clickhouse_test

import (
	"testing"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/featurestest"
)

// The server engine keeps the contract of every engine.
func TestServerPassesTheEngineSuite(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{})
	featurestest.Engine(t, func(t *testing.T, limits clickhouse.Limits) clickhouse.Engine {
		t.Helper()
		return serverOf(t, s.URL("default", ""), limits)
	})
}
