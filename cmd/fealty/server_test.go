package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/serving"
)

// typedIn runs a command line in a folder and returns its exit code and what
// it wrote.
func typedIn(ctx context.Context, dir string, args ...string) (code int, out, said string) {
	var stdout, stderr bytes.Buffer
	registerKinds()
	e := &env{args: append(args, "-q"), dir: dir, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: time.Now}
	code = runRoot(ctx, e)
	return code, stdout.String(), stderr.String()
}

// The user's own tables on a server are read in place as fealty.yaml says, with
// the password in a file; and what is taken out of the file is no longer read.
func TestSourcesOnAServer(t *testing.T) {
	server := launch.Start(t, launch.Options{})
	engine, err := clickhouse.Open(t.Context(), server.URL("default", "").String(), clickhouse.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"CREATE DATABASE fealty", "CREATE DATABASE shop",
		"CREATE TABLE shop.sales (customer String, invoice String, price Decimal(18, 4), sold DateTime('UTC')) ENGINE = MergeTree ORDER BY customer",
		// 40 customers with 25 orders each, ten days apart.
		"INSERT INTO shop.sales SELECT concat('c', toString(number % 40)), toString(number), 10, toDateTime('2026-01-01 12:00:00', 'UTC') + INTERVAL intDiv(number, 40) * 10 DAY FROM numbers(1000)",
	} {
		if err := engine.Exec(t.Context(), sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("password", launch.AdminPassword+"\n")
	where := fmt.Sprintf("warehouse:\n  url: clickhouse://%s/fealty\n  user: %s\n  password_file: password\n", server.Address(), launch.Admin)
	source := `sources:
  - name: shop
    table: order_lines
    from: shop.sales
    columns: {account: customer, order_id: invoice, amount: price, ordered_at: sold}
    currency: EUR
`
	status := func() serving.StatusResult {
		t.Helper()
		code, out, said := typedIn(t.Context(), dir, "data", "status", "-o", "json")
		var r serving.StatusResult
		if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil {
			t.Fatalf("exit code %d: %s%v", code, said, err)
		}
		return r
	}

	write(configName, where+source)
	if r := status(); r.Orders.Rows != 1000 || r.Orders.Accounts != 40 || !strings.HasPrefix(r.Engine, "clickhouse ") {
		t.Errorf("with the source there are %+v on %s, want 1000 lines of 40 accounts on clickhouse", r.Orders, r.Engine)
	}
	code, out, said := typedIn(t.Context(), dir, "features", "build", "--to", "-", "--format", "csv", "--cutoff", "2026-06-30")
	if lines := strings.Count(out, "\n"); code != 0 || lines != 41 {
		t.Errorf("features: exit code %d, %d lines: %s", code, lines, said)
	}

	write(configName, where+strings.Replace(source, "amount: price", "amount: prize", 1))
	if code, _, said := typedIn(t.Context(), dir, "data", "status"); code != exitInvalid || !strings.Contains(said, "prize") || !strings.Contains(said, "price") {
		t.Errorf("a column that isn't there: exit code %d: %s", code, said)
	}
	write(configName, where)
	if r := status(); r.Orders.Rows != 0 {
		t.Errorf("without the source there are still %+v", r.Orders)
	}

	write("password", "wrong\n")
	if code, _, said := typedIn(t.Context(), dir, "runs"); code != exitUnavailable || strings.Contains(said, "wrong\n") {
		t.Errorf("a wrong password: exit code %d: %s", code, said)
	}
	write("password", launch.AdminPassword+"\n")
	server.Kill()
	if code, _, said := typedIn(t.Context(), dir, "runs"); code != exitUnavailable || !strings.Contains(said, server.Address()) {
		t.Errorf("a dead server: exit code %d: %s", code, said)
	}
}
