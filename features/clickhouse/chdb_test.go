//go:build linux && amd64 && !nochdb

package clickhouse_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/featurestest"
	"fealty/features/frame"
)

// embeddedIn opens an embedded engine on a directory; the caller closes it.
func embeddedIn(t *testing.T, dir string, limits clickhouse.Limits) clickhouse.Engine {
	t.Helper()
	launch.Library(t) // skips, or fails in CI
	e, err := clickhouse.Open(t.Context(), "chdb://"+dir, limits)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The embedded engine keeps the contract of every engine.
func TestEmbeddedEngine(t *testing.T) {
	dir := t.TempDir()
	featurestest.Engine(t, func(t *testing.T, limits clickhouse.Limits) clickhouse.Engine {
		t.Helper()
		return embeddedIn(t, dir, limits)
	})
}

// recovered reports whether a nil dereference became a panic. If the engine had
// taken over SIGSEGV, the process would end here.
func recovered() (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	var nothing *struct{ x int }
	runtime.KeepAlive(nothing.x) //nolint:govet // on purpose
	return "no panic"
}

func TestGoKeepsItsSignals(t *testing.T) {
	e := embeddedIn(t, t.TempDir(), clickhouse.Limits{})
	defer closeEngine(t, e)
	const want = "invalid memory address or nil pointer dereference"
	if got := recovered(); !strings.Contains(got, want) {
		t.Errorf("after connecting, a nil dereference is %q", got)
	}
	for _, sql := range []string{"SELEKT", "SELECT throwIf(number = 3) FROM numbers(10)", "SELECT * FROM nowhere"} {
		if err := e.Exec(t.Context(), sql, nil); err == nil {
			t.Errorf("%s: executed", sql)
		}
		if err := e.Query(t.Context(), sql, nil, func(*frame.Table) error { return nil }); err == nil {
			t.Errorf("%s: answered", sql)
		}
		if got := recovered(); !strings.Contains(got, want) {
			t.Errorf("after a query that failed, a nil dereference is %q", got)
		}
	}
	// In other threads too, beside running queries.
	var all sync.WaitGroup
	for i := range int64(8) {
		all.Go(func() {
			for range 20 {
				if got := recovered(); !strings.Contains(got, want) {
					t.Errorf("beside queries, a nil dereference is %q", got)
				}
			}
		})
		all.Go(func() {
			expectAnswer(t, e, fmt.Sprintf("SELECT toInt64(%d + sum(number) * 0) FROM numbers(2000000)", i), i)
		})
	}
	all.Wait()
	// The signals by which a person ends the program arrive here.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGTERM)
	defer signal.Stop(heard)
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-heard:
	case <-time.After(5 * time.Second):
		t.Error("SIGTERM was not heard")
	}
}

func TestEmbeddedConnectionsHaveTheirLimits(t *testing.T) {
	e := embeddedIn(t, t.TempDir(), clickhouse.Limits{MaxMemory: 123 << 20, MaxTime: 77 * time.Second, Threads: 3, Pool: 3})
	defer closeEngine(t, e)
	// Each connection of the pool, by holding all of them at once.
	var all, held sync.WaitGroup
	held.Add(3)
	for range 3 {
		all.Go(func() {
			got := map[string]string{}
			err := e.Query(t.Context(), "SELECT name, value FROM system.settings", nil, func(f *frame.Table) error {
				for i, name := range f.Columns[0].Texts {
					got[name] = f.Columns[1].Texts[i]
				}
				if _, whole := got["max_memory_usage"]; whole && len(got) > 0 {
					held.Done()
					held.Wait()
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			for name, want := range map[string]string{
				"async_insert": "0", "max_memory_usage": strconv.Itoa(123 << 20), "max_execution_time": "77", "max_threads": "3", "session_timezone": "UTC",
			} {
				if got[name] != want {
					t.Errorf("%s = %q, want %q", name, got[name], want)
				}
			}
		})
	}
	all.Wait()
}

// An embedded engine that was used and closed leaves no goroutine behind.
func TestEmbeddedEngineLeavesNothingBehind(t *testing.T) {
	launch.Library(t)
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	for range 3 {
		e := embeddedIn(t, dir, clickhouse.Limits{Pool: 4})
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*3*time.Millisecond)
				defer cancel()
				err := e.Query(ctx, "SELECT number FROM system.numbers LIMIT 100000000", nil, func(*frame.Table) error { return nil })
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a query given up is told as %v", err)
				}
			})
		}
		all.Wait()
		expectAnswer(t, e, "SELECT 9", 9)
		closeEngine(t, e)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// holdingVariable tells a child of TestOneProcessHoldsADirectory what to hold.
const holdingVariable = "FEALTY_TEST_HOLDING"

func TestOneProcessHoldsADirectory(t *testing.T) {
	if dir := os.Getenv(holdingVariable); dir != "" {
		e := embeddedIn(t, dir, clickhouse.Limits{})
		execute(t, e, "CREATE TABLE IF NOT EXISTS kept (x Int64) ENGINE = MergeTree ORDER BY x", "INSERT INTO kept SELECT number FROM numbers(1000)")
		fmt.Println("held") //nolint:forbidigo // to the parent
		_, _ = io.Copy(io.Discard, os.Stdin)
		return // killed before
	}
	launch.Library(t)
	dir := t.TempDir()
	for round := range int64(2) {
		child, stdin := hold(t, dir)
		_, err := clickhouse.Open(t.Context(), "chdb://"+dir, clickhouse.Limits{})
		if !errors.Is(err, clickhouse.ErrLocked) {
			t.Fatalf("a directory that another process holds: %v", err)
		}
		oneLine(t, "held", err)
		for _, word := range []string{dir, fmt.Sprintf("process %d on ", child.Process.Pid), "fealty serve"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q does not say %q", err, word)
			}
		}
		// The holder dies without a word; what it had committed is there.
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // killed
		_ = stdin.Close()
		e := embeddedIn(t, dir, clickhouse.Limits{})
		expectAnswer(t, e, "SELECT toInt64(count()) FROM kept", 1000*(round+1))
		closeEngine(t, e)
	}
}

// hold starts a child that holds the directory, and waits until it does.
func hold(t *testing.T, dir string) (*exec.Cmd, io.Closer) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOneProcessHoldsADirectory$")
	child.Env = append(os.Environ(), holdingVariable+"="+dir)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for said := bufio.NewScanner(stdout); said.Scan(); {
		if said.Text() == "held" {
			return child, stdin
		}
		t.Log(said.Text())
	}
	t.Fatal("the child ended before it held the directory")
	return nil, nil
}

func TestOneEngineHoldsADirectory(t *testing.T) {
	dir := t.TempDir()
	e := embeddedIn(t, dir, clickhouse.Limits{})
	for _, other := range []string{dir, t.TempDir()} {
		if second, err := clickhouse.Open(t.Context(), "chdb://"+other, clickhouse.Limits{}); !errors.Is(err, clickhouse.ErrLocked) {
			t.Errorf("a second engine of this process on %s: %v", other, err)
			if err == nil {
				closeEngine(t, second)
			}
		} else {
			oneLine(t, other, err)
		}
	}
	expectAnswer(t, e, "SELECT 1", 1)
	closeEngine(t, e)
	e = embeddedIn(t, t.TempDir(), clickhouse.Limits{}) // another directory afterwards
	expectAnswer(t, e, "SELECT 1", 1)
	closeEngine(t, e)
}

// A path that can't be a warehouse is said so, and the next one opens.
func TestUnusablePathsAreNamed(t *testing.T) {
	launch.Library(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	readOnly := t.TempDir()
	if err := os.Chmod(readOnly, 0o500); err != nil {
		t.Fatal(err)
	}
	paths := []string{file, filepath.Join(file, "below"), "/proc/fealty", "/dev/null"}
	if os.Getuid() != 0 { // root writes everywhere
		paths = append(paths, readOnly, filepath.Join(readOnly, "below"))
	}
	for _, path := range paths {
		e, err := clickhouse.Open(t.Context(), "chdb://"+path, clickhouse.Limits{})
		if err == nil {
			closeEngine(t, e)
			t.Errorf("%s was opened", path)
			continue
		}
		oneLine(t, path, err)
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%q does not name %s", err, path)
		}
	}
	for _, rawURL := range []string{"chdb://", "chdb://dir?x=1", "chdb://dir#x", "http://x", "", "clickhouse//x", "clickhouse://u:secret@h:port/"} {
		if _, err := clickhouse.Open(t.Context(), rawURL, clickhouse.Limits{}); err == nil {
			t.Errorf("%q was opened", rawURL)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q shows the password", err)
		}
	}
	e := embeddedIn(t, filepath.Join(t.TempDir(), "made", "when", "missing"), clickhouse.Limits{})
	expectAnswer(t, e, "SELECT 1", 1)
	closeEngine(t, e)
}

func TestLibrariesThatAreNoneAreNamed(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(garbage, []byte("this is no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := "libm.so.6" // a library, and not this one
	for path, words := range map[string][]string{
		"":            {"empty"},
		garbage:       {garbage},
		"/nowhere.so": {"/nowhere.so"},
		t.TempDir():   {},
		other:         {other, "chdb_", "make setup"},
	} {
		err := clickhouse.TryLibrary(path)
		if !errors.Is(err, clickhouse.ErrNoEngine) {
			t.Errorf("library %q: %v", path, err)
			continue
		}
		oneLine(t, path, err)
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q does not say %q", err, word)
			}
		}
	}
	t.Setenv(clickhouse.LibraryVariable, "/nowhere/libchdb.so")
	if _, err := clickhouse.FindLibrary(); !errors.Is(err, clickhouse.ErrNoEngine) || !strings.Contains(err.Error(), clickhouse.LibraryVariable) {
		t.Errorf("a library that is not there: %v", err)
	}
	t.Setenv(clickhouse.LibraryVariable, garbage)
	if got, err := clickhouse.FindLibrary(); err != nil || got != garbage {
		t.Errorf("the library that was named: %q, %v", got, err)
	}
	// Named by nobody and neither in the project nor installed.
	t.Setenv(clickhouse.LibraryVariable, "")
	if _, err := os.Stat("/usr/local/lib/libchdb.so"); err == nil {
		return // it is installed here
	}
	t.Chdir(t.TempDir())
	if _, err := clickhouse.FindLibrary(); !errors.Is(err, clickhouse.ErrNoEngine) || !strings.Contains(err.Error(), "make setup") || !strings.Contains(err.Error(), "clickhouse://") {
		t.Errorf("no library anywhere: %v", err)
	}
}
