package clickhouse_test

import (
	"net/url"
	"strings"
	"testing"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
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

// oneLine fails if an error is not one line, or shows the password.
func oneLine(t *testing.T, what string, err error) {
	t.Helper()
	if text := err.Error(); strings.ContainsAny(text, "\r\n") || strings.Contains(text, launch.AdminPassword) {
		t.Errorf("%s: the error is no clean line: %q", what, text)
	}
}

func outputLines(out []byte) []string { return strings.Split(strings.TrimSpace(string(out)), "\n") }
