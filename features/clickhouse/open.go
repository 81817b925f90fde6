package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// embeddedScheme begins the URLs of embedded warehouses.
const embeddedScheme = "chdb://"

// ErrNoEngine means that the embedded engine, libchdb, can't be used here: it
// is not installed, it is too old, or it does not exist for this platform. The
// error says what to do.
var ErrNoEngine = errors.New("the embedded warehouse has no engine")

// ErrLocked means that another process, or another Engine of this one, holds
// the directory of an embedded warehouse.
var ErrLocked = errors.New("the warehouse is in use")

// Open opens the warehouse that a URL names, and keeps every query within the
// limits:
//
//	chdb://DIR          the engine in process, its tables in the directory DIR,
//	                    which is taken as it stands (relative to the working
//	                    directory unless it begins with /) and made when missing
//	clickhouse://…      a ClickHouse server or cluster
//
// Errors are one line without a password: ErrNoEngine, ErrLocked (another
// process holds the directory), ErrUnreachable, ErrRefused, ErrUnsupported, or
// what is wrong with the URL.
func Open(ctx context.Context, rawURL string, limits Limits) (Engine, error) {
	if dir, ok := strings.CutPrefix(rawURL, embeddedScheme); ok {
		if dir == "" || strings.ContainsAny(dir, "?#\x00") {
			return nil, fmt.Errorf("warehouse URL %q names no directory: write chdb://DIR, without ? and #", rawURL)
		}
		return openEmbedded(ctx, dir, limits.withDefaults())
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "clickhouse" {
		// The text may hold a password, so that neither it nor the parser's error is shown.
		return nil, errors.New("the warehouse URL is neither chdb://DIR nor clickhouse://USER@HOST:9000/DATABASE")
	}
	return openServer(ctx, u, limits)
}
