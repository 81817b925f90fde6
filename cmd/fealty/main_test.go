package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fealty/features/clickhouse/launch"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run this program by its name.
func TestMain(m *testing.M) {
	launch.Child()
	testscript.Main(m, map[string]func(){"fealty": main})
}

// Scripts are sessions at a terminal: each .txtar file tells what is typed and
// what comes.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: filepath.Join("testdata", "script"), Cmds: typed, RequireExplicitExec: true})
}

// These sessions need the embedded engine.
func TestScriptsOnTheEngine(t *testing.T) {
	library := launch.Library(t) // skips, or fails in CI
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "engine"), Cmds: typed, RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("FEALTY_CHDB_LIB", library)
			return nil
		},
	})
}

// typed are the scripts' own commands.
var typed = map[string]func(ts *testscript.TestScript, negated bool, args []string){
	"exits": exits, "freeport": freeport, "await": await, "ask": ask, "keep": keep,
}

// exits runs a command that must end with a code: exits 2 fealty config check.
func exits(ts *testscript.TestScript, negated bool, args []string) {
	const least = 2
	if negated || len(args) < least {
		ts.Fatalf("usage: exits CODE COMMAND …")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// freeport sets variables to addresses that nobody listens on.
func freeport(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Setenv(name, l.Addr().String())
		ts.Check(l.Close())
	}
}

func request(method, url, key, body string) (string, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{Timeout: 30 * time.Second}
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	return answer.Status + "\n" + string(raw), err
}

// await asks until the answer is 200.
func await(ts *testscript.TestScript, _ bool, args []string) {
	said := ""
	for range 600 {
		var err error
		if said, err = request(http.MethodGet, args[0], "", ""); err == nil && strings.HasPrefix(said, "200 ") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s did not answer within a minute: %s", args[0], said)
}

// ask is a small curl: ask KEY METHOD URL [BODY]; KEY - is none. It prints the
// status and the answer.
func ask(ts *testscript.TestScript, _ bool, args []string) {
	key, body := args[0], ""
	if key == "-" {
		key = ""
	}
	const withBody = 4
	if len(args) == withBody {
		body = args[3]
	}
	said, err := request(args[1], args[2], key, body)
	ts.Check(err)
	_, err = fmt.Fprintln(ts.Stdout(), said)
	ts.Check(err)
}

// keep puts what a file holds into a variable: keep KEY stdout.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}
