//go:build linux && amd64 && !nochdb

package clickhouse_test

import (
	"testing"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/featurestest"
)

// The embedded engine keeps the contract of every engine.
func TestEmbeddedEngine(t *testing.T) {
	launch.Library(t) // skips, or fails in CI
	dir := t.TempDir()
	featurestest.Engine(t, func(t *testing.T, limits clickhouse.Limits) clickhouse.Engine {
		t.Helper()
		e, err := clickhouse.Open(t.Context(), "chdb://"+dir, limits)
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}
