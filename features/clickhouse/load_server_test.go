package clickhouse_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
)

// onServer opens a warehouse over the wire, with its tables.
func onServer(t *testing.T, s *launch.Server) clickhouse.Warehouse {
	t.Helper()
	e, err := clickhouse.OpenServer(t.Context(), s.URL("default", ""), clickhouse.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	w := clickhouse.Warehouse{Engine: e}
	if err := w.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestLoadsOnAServerWaitForThoseAliveAndSweepTheDead(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{})
	w := onServer(t, s)
	exec := func(sql string) {
		t.Helper()
		if err := w.Exec(t.Context(), sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	// A load of another process died an hour ago and left a row; one is alive.
	exec("INSERT INTO load_marks (load, holder, ended, marked_at) SELECT 1, 'elsewhere, process 1', 0, now64(3) - 3600")
	exec("INSERT INTO imported_order_lines (account, order_id, line, amount, ordered_at, recorded_at, load, source) SELECT 'x', 'o', 1, 1, '2024-01-01', '2024-01-01', 1, 'import'")
	exec("INSERT INTO load_marks (load, holder, ended, marked_at) SELECT 2, 'elsewhere, process 2', 0, now64(3)")
	short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := w.Load(short, into("order_lines"), csv(t, "order_lines", orders), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beside a load that is alive: %v", err)
	}
	exec("INSERT INTO load_marks (load, holder, ended, marked_at) SELECT 2, 'elsewhere, process 2', 1, now64(3)")
	report := loaded(t, w, into("order_lines"), csv(t, "order_lines", orders))
	if report.Load <= 3 || report.Rows != 5 { // 3 is the number of the one that waited in vain
		t.Errorf("after the other load: %+v", report)
	}
	same1(t, "rows in the table", answer(t, w, "SELECT count(), uniqExact(load) FROM imported_order_lines"), []string{"5 1"})
	fix := into("order_lines")
	fix.Correct = true
	if r := loaded(t, w, fix, csv(t, "order_lines", "account,order_id,product,amount,ordered_at\nb,o2,p1,31,2024-01-06\nb,o3,p9,-5.5,2024-02-06")); r.Corrected != 1 || r.Unchanged != 1 {
		t.Errorf("a correction over the wire: %+v", r)
	}
	same1(t, "the corrected sum", answer(t, w, "SELECT count(), toFloat64(sum(amount)) FROM order_lines"), []string{"7 65.5"})
	if _, err := w.Load(t.Context(), into("order_lines"), csv(t, "order_lines", "account,order_id,product,amount,ordered_at\nb,o2,p1,30,2024-01-06"), nil); !errors.Is(err, features.ErrKnown) || !strings.Contains(err.Error(), "amount was 31, now 30") {
		t.Errorf("a conflict over the wire: %v", err)
	}
}

func TestAServerKilledDuringALoadLeavesNothingToSee(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{})
	w := onServer(t, s)
	killed := false
	_, err := w.Load(t.Context(), into("order_lines"), many(600_000), func(int64) {
		if !killed {
			killed = true
			s.Kill()
		}
	})
	if err == nil || !killed {
		t.Fatalf("a load ended with %v although its server was killed (%t)", err, killed)
	}
	s.Restart()
	w = onServer(t, s)
	if n := answer(t, w, "SELECT count() FROM order_lines"); n[0] != "0" {
		t.Errorf("readers see %s rows", n[0])
	}
	if n := answer(t, w, "SELECT count() > 0 FROM imported_order_lines"); n[0] != "1" {
		t.Log("the server lost the first rows too, so that there was nothing to sweep")
	}
	loaded(t, w, into("order_lines"), many(600_000))
	same1(t, "rows to see and rows in the table", answer(t, w, "SELECT count(), (SELECT count() FROM imported_order_lines) FROM order_lines"), []string{strconv.Itoa(600_000) + " 600000"})
}

// usurping is an engine on which another process gives the load up for dead
// just before it commits.
type usurping struct{ clickhouse.Engine }

func (u usurping) Exec(ctx context.Context, sql string, p clickhouse.Params) error {
	if strings.Contains(sql, "INSERT INTO loads") {
		if err := u.Engine.Exec(ctx, "INSERT INTO load_marks (load, holder, ended, marked_at) SELECT {load:UInt64}, {holder:String}, 1, now64(3)",
			clickhouse.Params{"load": p["load"], "holder": p["holder"]}); err != nil {
			return err
		}
	}
	return u.Engine.Exec(ctx, sql, p)
}

func TestALoadGivenUpForDeadDoesNotCommit(t *testing.T) {
	w := migrated(t)
	_, err := clickhouse.Warehouse{Engine: usurping{w.Engine}}.Load(t.Context(), into("order_lines"), csv(t, "order_lines", orders), nil)
	if !errors.Is(err, clickhouse.ErrTakenOver) {
		t.Errorf("a load given up for dead: %v", err)
	}
	if n := answer(t, w, "SELECT count() FROM order_lines"); n[0] != "0" {
		t.Errorf("readers see %s rows", n[0])
	}
}

// losing is an engine that loses a row before the commit.
type losing struct{ clickhouse.Engine }

func (l losing) Exec(ctx context.Context, sql string, p clickhouse.Params) error {
	if strings.Contains(sql, "INSERT INTO loads") {
		if err := l.Engine.Exec(ctx, "ALTER TABLE imported_order_lines DELETE WHERE order_id = 'o3' SETTINGS mutations_sync = 2", nil); err != nil {
			return err
		}
	}
	return l.Engine.Exec(ctx, sql, p)
}

func TestALoadWhoseRowsAreNotAllThereDoesNotCommit(t *testing.T) {
	w := migrated(t)
	_, err := clickhouse.Warehouse{Engine: losing{w.Engine}}.Load(t.Context(), into("order_lines"), csv(t, "order_lines", orders), nil)
	if err == nil || !strings.Contains(err.Error(), "has 4 rows in the warehouse where 5 were sent") {
		t.Errorf("a load that lost a row: %v", err)
	}
	if n := answer(t, w, "SELECT count() FROM order_lines"); n[0] != "0" {
		t.Errorf("readers see %s rows", n[0])
	}
}
