package clickhouse_test

import (
	"net/url"
	"testing"

	"fealty/features/clickhouse"
)

// serverOf opens a server engine; the caller closes it.
func serverOf(t *testing.T, u *url.URL, limits clickhouse.Limits) clickhouse.Engine {
	t.Helper()
	e, err := clickhouse.OpenServer(t.Context(), u, limits)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
