package launch_test

import (
	"context"
	"os"
	"strings"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"fealty/features/clickhouse/launch"
)

func TestMain(m *testing.M) {
	launch.Child()
	os.Exit(m.Run())
}

func open(t *testing.T, s *launch.Server, user, password string) driver.Conn {
	t.Helper()
	conn, err := driver.Open(&driver.Options{Addr: []string{s.Address()}, Auth: driver.Auth{Username: user, Password: password}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return conn
}

func TestServerAnswersEnforcesGrantsAndKeepsRowsThroughAKill(t *testing.T) {
	ctx := context.Background()
	s := launch.Start(t, launch.Options{Users: []launch.User{{Name: "guest", Password: "g", Grants: []string{"SELECT ON shop.open"}}}})
	admin := open(t, s, launch.Admin, launch.AdminPassword)
	for _, sql := range []string{
		"CREATE DATABASE shop",
		"CREATE TABLE shop.open (x UInt32) ENGINE = MergeTree ORDER BY x",
		"CREATE TABLE shop.closed (x UInt32) ENGINE = MergeTree ORDER BY x",
		"INSERT INTO shop.open SELECT number FROM numbers(1000)",
	} {
		if err := admin.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	guest := open(t, s, "guest", "g")
	var n uint64
	if err := guest.QueryRow(ctx, "SELECT count() FROM shop.open").Scan(&n); err != nil || n != 1000 {
		t.Errorf("the guest counts %d rows, want 1000 (%v)", n, err)
	}
	if err := guest.QueryRow(ctx, "SELECT count() FROM shop.closed").Scan(&n); err == nil || !strings.Contains(err.Error(), "Not enough privileges") {
		t.Errorf("the guest reads a closed table: %v", err)
	}

	s.Kill()
	s.Restart()
	if err := open(t, s, launch.Admin, launch.AdminPassword).QueryRow(ctx, "SELECT count() FROM shop.open").Scan(&n); err != nil || n != 1000 {
		t.Errorf("after a kill the table has %d rows, want 1000 (%v)", n, err)
	}
}
