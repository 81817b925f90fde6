package clickhouse_test

import (
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
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}
