package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/frame"
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

// answer asks for a number.
func askOne(ctx context.Context, e clickhouse.Engine, sql string) (n int64, err error) {
	err = e.Query(ctx, sql, nil, func(f *frame.Table) error {
		n = f.Columns[0].Integers[0]
		return nil
	})
	return n, err
}

func expectAnswer(t *testing.T, e clickhouse.Engine, sql string, want int64) {
	t.Helper()
	if n, err := askOne(t.Context(), e, sql); err != nil || n != want {
		t.Errorf("%s: %d, want %d (%v)", sql, n, want, err)
	}
}

// wide is a table of n rows of about a hundred bytes.
func wide(n int, load int64) *frame.Table {
	rows := &frame.Table{Columns: []frame.Column{
		{Meta: frame.Meta{Name: "load"}, Kind: frame.Integer},
		{Meta: frame.Meta{Name: "n"}, Kind: frame.Integer},
		{Meta: frame.Meta{Name: "text"}, Kind: frame.Text},
	}}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		rows.Columns[0].Integers = append(rows.Columns[0].Integers, load)
		rows.Columns[1].Integers = append(rows.Columns[1].Integers, int64(i))
		rows.Columns[2].Texts = append(rows.Columns[2].Texts, fmt.Sprintf("%016x%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()))
	}
	return rows
}

func TestAnotherHostServesWhenOneDoesNot(t *testing.T) { //nolint:tparallel // the cases share a server and its table
	t.Parallel()
	b := launch.Start(t, launch.Options{})
	hung := speak(t, "")
	for name, first := range map[string]string{
		"refuses":    net.JoinHostPort("127.0.0.1", "1"),
		"black hole": hung,
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			e := serverOf(t, launch.URL(first, "default", "dial_timeout=400ms&hosts="+b.Address()), clickhouse.Limits{})
			defer closeEngine(t, e)
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("opening took %s, the dial timeout is 400ms", took)
			}
			// The host that does not answer was waited for once; now every kind of statement goes past it.
			began = time.Now()
			execute(t, e, "DROP TABLE IF EXISTS wide", "CREATE TABLE wide (load Int64, n Int64, text String) ENGINE = MergeTree ORDER BY n")
			if err := e.Insert(t.Context(), "wide", wide(10, 1)); err != nil {
				t.Error(err)
			}
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { expectAnswer(t, e, "SELECT count() FROM wide", 10) })
			}
			all.Wait()
			if took := time.Since(began); took > 300*time.Millisecond {
				t.Logf("eleven statements took %s", took)
			}
			if down := clickhouse.DownHosts(e); len(down) != 1 || down[0] != first {
				t.Errorf("hosts held for down: %q, want %q", down, first)
			}
		})
	}
	t.Run("both", func(t *testing.T) {
		_, err := clickhouse.OpenServer(t.Context(), launch.URL(hung, "default", "dial_timeout=200ms&hosts=127.0.0.1:1"), clickhouse.Limits{})
		if !errors.Is(err, clickhouse.ErrUnreachable) || !strings.Contains(err.Error(), hung) || !strings.Contains(err.Error(), "127.0.0.1:1") {
			t.Errorf("both hosts dead: %v", err)
		}
		oneLine(t, "both hosts dead", err)
	})
}

// A host that comes back is asked again when its pause is over, in the
// background.
func TestAHostThatCameBackIsUsedAgain(t *testing.T) {
	t.Parallel()
	b := launch.Start(t, launch.Options{})
	a := startProxy(t, b.Address(), nil)
	a.frozen.Store(true)
	e := serverOf(t, launch.URL(a.address, "default", "dial_timeout=300ms&hosts="+b.Address()), clickhouse.Limits{})
	defer closeEngine(t, e)
	expectAnswer(t, e, "SELECT 1", 1)
	dialled := a.dialled.Load()
	for range 5 {
		expectAnswer(t, e, "SELECT 2", 2)
	}
	if n := a.dialled.Load(); n != dialled {
		t.Errorf("the dead host was asked %d times within its pause", n-dialled)
	}
	a.frozen.Store(false)
	clickhouse.EndPauses(e)
	clickhouse.DropIdle(e)
	for end := time.Now().Add(5 * time.Second); len(clickhouse.DownHosts(e)) > 0; time.Sleep(10 * time.Millisecond) {
		expectAnswer(t, e, "SELECT 3", 3) // asks in the background while it is answered by the other
		clickhouse.DropIdle(e)
		if time.Now().After(end) {
			t.Fatal("the host that came back is still held for down")
		}
	}
	before := a.open.Load()
	expectAnswer(t, e, "SELECT 4", 4)
	if a.open.Load() <= before {
		t.Error("the first host is alive and was not used")
	}
}

// Idle connections die with a server. None of it reaches a caller.
func TestARestartUnderAWarmPoolIsNotNoticed(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{})
	e := serverOf(t, s.URL("default", ""), clickhouse.Limits{})
	defer closeEngine(t, e)
	execute(t, e, "CREATE TABLE wide (load Int64, n Int64, text String) ENGINE = MergeTree ORDER BY n")
	rows := wide(100, 1)
	everything := func(round int) {
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				expectAnswer(t, e, fmt.Sprintf("SELECT toInt64(%d + sum(sleepEachRow(0.05))) FROM numbers(1)", i), int64(i))
			})
			all.Go(func() {
				if err := e.Insert(t.Context(), "wide", rows); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		all.Wait()
		if err := e.Exec(t.Context(), "INSERT INTO wide SELECT 1, number, '' FROM numbers(3)", nil); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		expectAnswer(t, e, "SELECT toInt64(count()) FROM wide", int64(603*(round+1)))
	}
	for round := range 3 {
		everything(round)
		s.Kill()
		s.Restart()
	}
}

// A dead server is an error soon, and the engine works when it lives again.
func TestADeadServerIsToldSoonAndForgottenLater(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{})
	e := serverOf(t, s.URL("default", ""), clickhouse.Limits{})
	defer closeEngine(t, e)
	expectAnswer(t, e, "SELECT 1", 1)
	s.Kill()
	for what, call := range map[string]func() error{
		"query":     func() error { _, err := askOne(t.Context(), e, "SELECT 1"); return err },
		"statement": func() error { return e.Exec(t.Context(), "SELECT 1", nil) },
		"insert":    func() error { return e.Insert(t.Context(), "nowhere", wide(1, 1)) },
	} {
		began := time.Now()
		err := call()
		if !errors.Is(err, clickhouse.ErrUnreachable) && !errors.Is(err, clickhouse.ErrBroken) {
			t.Errorf("a %s to a dead server is told as %v", what, err)
			continue
		}
		oneLine(t, what, err)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("a %s to a dead server took %s", what, took)
		}
	}
	s.Restart()
	expectAnswer(t, e, "SELECT 1", 1)
	execute(t, e, "SELECT 1")
}

// A server that is stopped in the middle keeps nobody beyond his deadline, nor
// beyond the silence that the URL allows.
func TestAFrozenServerKeepsNobody(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{})
	e := serverOf(t, s.URL("default", "silence_timeout=1s&dial_timeout=1s"), clickhouse.Limits{})
	defer closeEngine(t, e)
	expectAnswer(t, e, "SELECT 1", 1)
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	began := time.Now()
	if _, err := askOne(ctx, e, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a deadline before a frozen server is told as %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("a deadline of 300ms took %s", took)
	}
	cancel()
	began = time.Now()
	if _, err := askOne(t.Context(), e, "SELECT 1"); !errors.Is(err, clickhouse.ErrBroken) && !errors.Is(err, clickhouse.ErrUnreachable) {
		t.Errorf("a frozen server is told as %v", err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("a silence of 1s took %s", took)
	}
	s.Resume()
	expectAnswer(t, e, "SELECT 5", 5)
}

// A network that freezes in the middle of an answer.
func TestSilenceInTheMiddleOfAnAnswerEndsIt(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{})
	p := startProxy(t, s.Address(), nil)
	e := serverOf(t, launch.URL(p.address, "default", "silence_timeout=500ms"), clickhouse.Limits{})
	defer closeEngine(t, e)
	blocks := 0
	began := time.Now()
	err := e.Query(t.Context(), "SELECT number FROM system.numbers", nil, func(*frame.Table) error {
		if blocks++; blocks == 3 {
			p.frozen.Store(true)
		}
		return nil
	})
	if !errors.Is(err, clickhouse.ErrBroken) {
		t.Errorf("silence is told as %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a silence of 500ms took %s", took)
	}
	p.frozen.Store(false)
	expectAnswer(t, e, "SELECT 6", 6)
	expectIdle(t, e)
}

// Cuts at random bytes of an insert and of an answer: an error, nothing that
// readers see (they look at the marker), the connection is not used again, and
// the same load goes through when tried once more.
func TestAConnectionCutAnywhereLeavesNothingToSee(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{})
	p := startProxy(t, s.Address(), nil)
	e := serverOf(t, launch.URL(p.address, "default", "silence_timeout=5s"), clickhouse.Limits{})
	defer closeEngine(t, e)
	direct := serverOf(t, s.URL("default", ""), clickhouse.Limits{})
	defer closeEngine(t, direct)
	execute(t, direct,
		"CREATE TABLE wide (load Int64, n Int64, text String) ENGINE = MergeTree ORDER BY n",
		"CREATE TABLE marks (load Int64) ENGINE = MergeTree ORDER BY load")
	const rows = 150_000 // three blocks, 15 MB
	const seen = "SELECT toInt64(count()) FROM wide WHERE load IN (SELECT load FROM marks)"
	r := rand.New(rand.NewPCG(7, 7))
	load := func(id int64) error {
		if err := e.Insert(t.Context(), "wide", wide(rows, id)); err != nil {
			return err
		}
		return e.Insert(t.Context(), "marks", &frame.Table{Columns: []frame.Column{{Meta: frame.Meta{Name: "load"}, Kind: frame.Integer, Integers: []int64{id}}}})
	}
	cuts := int64(4)
	for id := int64(1); id <= cuts; id++ {
		at := 2_000 + r.Int64N(13_000_000)
		p.cutUp.Store(at)
		if err := load(id); !errors.Is(err, clickhouse.ErrBroken) {
			t.Errorf("cut after %d bytes: the insert is told as %v", at, err)
		} else {
			oneLine(t, "cut insert", err)
		}
		p.cutUp.Store(-1)
		expectAnswer(t, direct, seen, (id-1)*rows)
		expectAnswer(t, e, "SELECT 1", 1)
		execute(t, direct, fmt.Sprintf("DELETE FROM wide WHERE load = %d", id))
		if err := load(id); err != nil {
			t.Fatalf("the retry: %v", err)
		}
		expectAnswer(t, direct, seen, id*rows)
	}
	for range cuts {
		at := 500 + r.Int64N(10_000_000)
		p.cutDown.Store(at)
		clickhouse.DropIdle(e)
		got := 0
		err := e.Query(t.Context(), "SELECT n, text FROM wide", nil, func(f *frame.Table) error {
			got += f.Rows()
			return nil
		})
		if !errors.Is(err, clickhouse.ErrBroken) && !errors.Is(err, clickhouse.ErrUnreachable) {
			t.Errorf("cut after %d bytes and %d rows: the query is told as %v", at, got, err)
		}
		p.cutDown.Store(-1)
		expectAnswer(t, e, "SELECT toInt64(count()) FROM wide", cuts*rows)
	}
	expectIdle(t, direct)
}

// Requests given up at random leave no goroutine, no connection and no stale
// answer behind.
func TestRequestsGivenUpLeaveNothingBehind(t *testing.T) {
	s := launch.Start(t, launch.Options{})
	before := goleak.IgnoreCurrent()
	e := serverOf(t, s.URL("default", ""), clickhouse.Limits{Pool: 6, PoolWait: 10 * time.Second})
	execute(t, e, "CREATE TABLE wide (load Int64, n Int64, text String) ENGINE = MergeTree ORDER BY n")
	rows := wide(20_000, 1)
	n := 100
	if torture() {
		n = 1000
	}
	requests := make(chan int)
	var all sync.WaitGroup
	for worker := range uint64(6) {
		r := rand.New(rand.NewPCG(3, worker))
		all.Go(func() {
			for i := range requests {
				patience := time.Duration(r.Int64N(int64(60 * time.Millisecond)))
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				var err error
				switch i % 4 {
				case 0:
					err = e.Query(ctx, "SELECT number FROM system.numbers LIMIT 50000000", nil, func(*frame.Table) error { return nil })
				case 1:
					var got int64
					if got, err = askOne(ctx, e, fmt.Sprintf("SELECT toInt64(%d)", i)); err == nil && got != int64(i) {
						t.Errorf("the answer to %d is %d", i, got)
					}
				case 2:
					err = e.Exec(ctx, "INSERT INTO FUNCTION null('x UInt64') SELECT sleepEachRow(0.01) FROM system.numbers SETTINGS max_block_size = 10", nil)
				case 3:
					err = e.Insert(ctx, "wide", rows)
				}
				cancel()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("request %d given up after %s is told as %v", i, patience, err)
				}
			}
		})
	}
	for i := range n {
		requests <- i
	}
	close(requests)
	all.Wait()
	for i := range int64(20) {
		expectAnswer(t, e, fmt.Sprintf("SELECT toInt64(%d)", i), i)
	}
	expectIdle(t, e)
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		open, err := askOne(t.Context(), e, "SELECT toInt64(value) FROM system.metrics WHERE metric = 'TCPConnection'")
		if err != nil {
			t.Fatal(err)
		}
		if open <= 2*6 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d connections are open", open)
		}
	}
	closeEngine(t, e)
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

func torture() bool { return os.Getenv("FEALTY_TORTURE") == "1" }
