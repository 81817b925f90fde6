package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	fealtyv1 "fealty/serving/gen/fealty/v1"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// An account goes on in another since a business day, which in Shanghai begins eight
// hours before that of UTC; without a configuration days are those of UTC.
func TestSinceWhenAnAccountGoesOnInAnother(t *testing.T) {
	const account, kind = "old", "merged"
	moved := &fealtyv1.Moved{Account: account, Kind: kind, Since: timestamppb.New(time.Date(2025, 12, 31, 16, 0, 0, 0, time.UTC))}
	e := &env{dir: t.TempDir(), now: time.Now}
	for _, c := range []struct{ configuration, want string }{
		{"", "old (merged 2025-12-31)"}, {"business_time_zone: Asia/Shanghai\n", "old (merged 2026-01-01)"},
	} {
		if err := os.WriteFile(filepath.Join(e.dir, configName), []byte(c.configuration), 0o600); err != nil {
			t.Fatal(err)
		}
		zone, err := e.zone(&askOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := askedAs(moved, zone); got != c.want {
			t.Errorf("with %q it says %q, want %q", c.configuration, got, c.want)
		}
	}
	if got := askedAs(&fealtyv1.Moved{Account: account, Kind: kind}, time.UTC); got != "old (merged)" {
		t.Errorf("without a day it says %q", got)
	}
}
