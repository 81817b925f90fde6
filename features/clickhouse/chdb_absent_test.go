//go:build nochdb || !linux || !amd64

package clickhouse_test

import (
	"errors"
	"strings"
	"testing"

	"fealty/features/clickhouse"
)

// A program without the engine says so, and what to use instead.
func TestNoEmbeddedEngineIsSaid(t *testing.T) {
	_, err := clickhouse.Open(t.Context(), "chdb://"+t.TempDir(), clickhouse.Limits{})
	if !errors.Is(err, clickhouse.ErrNoEngine) || !strings.Contains(err.Error(), "clickhouse://") {
		t.Errorf("an embedded warehouse is refused with %v", err)
	}
}
