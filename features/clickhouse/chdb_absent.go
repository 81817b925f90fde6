//go:build nochdb || !linux || !amd64

package clickhouse

import (
	"context"
	"fmt"
	"runtime"
)

// openEmbedded says why there is no embedded warehouse in this program.
func openEmbedded(_ context.Context, _ string, _ Limits) (Engine, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("%w: chDB runs on Linux x86-64 only, this is %s/%s; use a ClickHouse server (warehouse.url: clickhouse://…)",
			ErrNoEngine, runtime.GOOS, runtime.GOARCH)
	}
	return nil, fmt.Errorf("%w: this program was built with -tags nochdb; use a ClickHouse server (warehouse.url: clickhouse://…) or a build without that tag", ErrNoEngine)
}
