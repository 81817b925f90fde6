// Package launch starts real ClickHouse servers for tests, without a download
// of a server: the engine's library, libchdb, is also clickhouse-local, and
// clickhouse-local can listen on ClickHouse's native protocol.
//
// Place in the flow: beside it. Tests alone use it; no shipped program imports
// it. Each server is a child process (the test binary started again), because
// the tests kill, freeze and restart it, and because one process holds only
// one ClickHouse directory. It refuses to guess: without the library a test
// skips loudly, and fails where CI=true.
package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// Admin and AdminPassword are the user that every launched server has, with
// all grants. The user called default belongs to the server's own session and
// may do nothing else.
const (
	Admin         = "fealty"
	AdminPassword = "only-for-tests"
)

// readyWithin bounds the start of a server; it takes about a second when the
// machine is idle, and many times that beside a full test run.
const readyWithin = 90 * time.Second

// User is one more user of a launched server.
type User struct {
	Name, Password string
	// Grants are the texts after GRANT, such as "SELECT ON shop.*".
	Grants []string
	// ReadOnly puts the user into ClickHouse's readonly mode: no writes, and no
	// settings of its own.
	ReadOnly bool
}

// Options say what a launched server is like. The zero value is a server with
// a directory of its own and the user Admin. It interprets expressions where
// ClickHouse would compile those that it met three times: a young server spends
// more seconds on that than on all that a test asks, and the embedded engine, which
// compiles, is to give the same answers.
type Options struct {
	// Dir holds the server's data; empty means a temporary directory that ends
	// with the test.
	Dir string
	// Port to listen on; 0 means a free one.
	Port int
	// Users are added to Admin.
	Users []User
	// Clusters name the ports of their shards, one replica each, all on this
	// machine: {"facts": {9001, 9002}}.
	Clusters map[string][]int
	// Zone is the time zone of the process (TZ), such as Asia/Kolkata; empty means
	// that of the test.
	Zone string
	// Direct leaves out the one who keeps reset connections from the server, which
	// copies every byte once more, and compiles expressions as ClickHouse usually
	// does: for benchmarks, whose clients are not killed.
	Direct bool
}

// Server is one launched ClickHouse. Its methods are for one goroutine of the
// test.
type Server struct {
	// Port listens on 127.0.0.1.
	Port int
	// Dir holds the data and survives Kill.
	Dir string

	t       testing.TB
	library string
	config  string
	users   string
	zone    string
	direct  bool
	cmd     *exec.Cmd
	stdin   *os.File
	log     *lockedLog
	exited  chan struct{}
}

// Start launches a server and returns when it answers. It is stopped and, if it
// owns its directory, removed when the test ends. The package's TestMain has to
// call Child first.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if !hooked {
		t.Fatal("launch.Start needs launch.Child() as the first line of this package's TestMain")
	}
	s := &Server{t: t, Port: o.Port, Dir: o.Dir, zone: o.Zone, direct: o.Direct, library: Library(t), log: &lockedLog{}}
	if s.Port == 0 {
		s.Port = FreePort(t)
	}
	if s.Dir == "" {
		s.Dir = temporary(t)
	}
	configDir := temporary(t)
	s.config, s.users = filepath.Join(configDir, "config.xml"), filepath.Join(configDir, "users.xml")
	write(t, s.users, usersXML(o.Users, o.Direct))
	write(t, s.config, configXML(s.users, o.Clusters))
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

// Library returns the path of libchdb: FEALTY_CHDB_LIB, .tools/chdb of the
// project, or where chDB's installer puts it. Without one the test is skipped,
// and fails where CI=true.
func Library(t testing.TB) string {
	t.Helper()
	if named := os.Getenv("FEALTY_CHDB_LIB"); named != "" {
		if _, err := os.Stat(named); err != nil {
			t.Fatalf("FEALTY_CHDB_LIB: %v", err)
		}
		return named
	}
	for dir, err := os.Getwd(); err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			found := filepath.Join(dir, ".tools", "chdb", "libchdb.so")
			if _, err := os.Stat(found); err == nil {
				return found
			}
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	const installed = "/usr/local/lib/libchdb.so"
	if _, err := os.Stat(installed); err == nil {
		return installed
	}
	const sentence = "no ClickHouse engine on this machine: run `make setup` (Linux x86-64), or set FEALTY_CHDB_LIB"
	if os.Getenv("CI") == "true" {
		t.Fatal(sentence)
	}
	t.Skip("SKIPPED: " + sentence)
	return ""
}

// FreePort returns a TCP port of 127.0.0.1 on which nobody listens now.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func freePort() (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("look for a free port: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("look for a free port: %v is no TCP address", listener.Addr())
	}
	if err := listener.Close(); err != nil {
		return 0, fmt.Errorf("give back port %d: %w", address.Port, err)
	}
	return address.Port, nil
}

// Address returns host:port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// URL returns the warehouse URL of Admin for the database; extra is a query
// such as "pool=2", or empty.
func (s *Server) URL(database, extra string) *url.URL { return URL(s.Address(), database, extra) }

// URL returns the warehouse URL of Admin at an address, which may be a proxy or
// a comma-separated list of hosts.
func URL(address, database, extra string) *url.URL {
	return &url.URL{
		Scheme: "clickhouse", Host: address, Path: "/" + database,
		User: url.UserPassword(Admin, AdminPassword), RawQuery: extra,
	}
}

// Pid returns the process id of the running server.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Kill ends the server as a power cut would (SIGKILL) and waits for it. It does
// nothing when the server is not running.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGCONT) // a stopped process dies only after it was continued
	_ = s.cmd.Process.Kill()                  // an error means that it has ended already
	<-s.exited
	_ = s.stdin.Close()
	s.cmd = nil
}

// Pause freezes the process (SIGSTOP) and returns when all its threads stand
// still: connections stay open and nothing answers. Resume lets it go on.
func (s *Server) Pause() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	// The signal is only on its way: a thread that runs meanwhile may still answer.
	for began := time.Now(); !s.standsStill(); time.Sleep(time.Millisecond) {
		if time.Since(began) > readyWithin {
			s.t.Fatalf("the server does not stand still %s after SIGSTOP", readyWithin)
		}
	}
}

// standsStill reports whether every thread is stopped, as Linux tells it.
func (s *Server) standsStill() bool {
	s.t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.Pid()))
	if err != nil || len(threads) == 0 {
		s.t.Fatalf("look at the server's threads: %d found: %v", len(threads), err)
	}
	for _, name := range threads {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			s.t.Fatalf("look at a thread of the server: %v", err)
		}
		// The state follows the name, which stands in brackets and may hold some.
		_, state, ok := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
		if !ok || !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

// Resume lets a paused process go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("send %v to the server: %v", sig, err)
	}
}

// Restart starts the server on its directory and port and returns when it
// answers. The server must not be running.
func (s *Server) Restart() {
	s.t.Helper()
	s.start()
	s.await()
}

func (s *Server) start() {
	s.t.Helper()
	if s.cmd != nil {
		s.t.Fatal("the server is running; Kill it first")
	}
	program, err := os.Executable()
	if err != nil {
		s.t.Fatalf("find the test program: %v", err)
	}
	// The child ends when this pipe does, so that no server outlives a test that was killed.
	stdin, hold, err := os.Pipe()
	if err != nil {
		s.t.Fatalf("make a pipe: %v", err)
	}
	cmd := exec.CommandContext(context.Background(), program) // the test program itself
	cmd.Env = append(os.Environ(),
		childLibrary+"="+s.library, childDir+"="+s.Dir, childConfig+"="+s.config, childPort+"="+strconv.Itoa(s.Port))
	if s.zone != "" {
		cmd.Env = append(cmd.Env, "TZ="+s.zone)
	}
	if s.direct {
		cmd.Env = append(cmd.Env, childDirect+"=1")
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, s.log, s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("start the server: %v", err)
	}
	if err := stdin.Close(); err != nil {
		s.t.Fatalf("close the child's end of a pipe: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is told by the log
		close(exited)
	}()
	s.cmd, s.stdin, s.exited = cmd, hold, exited
}

// await asks by whole handshakes: a connection that breaks off inside its
// handshake makes this kind of server abort at the next one.
func (s *Server) await() {
	s.t.Helper()
	conn, err := driver.Open(&driver.Options{
		Addr: []string{s.Address()}, Auth: driver.Auth{Username: Admin, Password: AdminPassword}, DialTimeout: readyWithin,
	})
	if err != nil {
		s.t.Fatalf("open %s: %v", s.Address(), err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(s.t.Context(), readyWithin)
	defer cancel()
	for {
		if err = conn.Ping(ctx); err == nil {
			return
		}
		if ctx.Err() != nil {
			s.t.Fatalf("the server did not answer within %s: %v\n%s", readyWithin, err, s.log)
		}
		select {
		case <-s.exited:
			s.t.Fatalf("the server ended before it answered\n%s", s.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Log returns what the server wrote to its output so far.
func (s *Server) Log() string { return s.log.String() }

// temporary is t.TempDir with a removal that does not fail the test: a killed
// server's last files may appear while the directory is being removed.
func temporary(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fealty-clickhouse-") //nolint:usetesting // see above
	if err != nil {
		t.Fatalf("make a directory for the server: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Logf("remove %s: %v", dir, err)
		}
	})
	return dir
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatalf("write the server's configuration: %v", err)
	}
}

// configXML leaves tcp_port out: in the file it would beat the one asked for.
func configXML(users string, clusters map[string][]int) string {
	var b strings.Builder
	b.WriteString("<clickhouse>\n<users_config>" + users + "</users_config>\n<remote_servers>\n")
	for name, ports := range clusters {
		fmt.Fprintf(&b, "<%s>", name)
		for _, port := range ports {
			fmt.Fprintf(&b, "<shard><replica><host>127.0.0.1</host><port>%d</port><user>%s</user><password>%s</password></replica></shard>",
				port, Admin, AdminPassword)
		}
		fmt.Fprintf(&b, "</%s>\n", name)
	}
	b.WriteString("</remote_servers>\n</clickhouse>\n")
	return b.String()
}

// usersXML grants the local session (user default, no password) only what
// listening needs, so that passwords and grants mean something on the wire.
func usersXML(users []User, compile bool) string {
	var b strings.Builder
	settings := ""
	if !compile {
		settings = "<compile_expressions>0</compile_expressions><compile_aggregate_expressions>0</compile_aggregate_expressions><compile_sort_description>0</compile_sort_description>"
	}
	b.WriteString("<clickhouse><profiles><default>" + settings + "</default><readonly><readonly>1</readonly></readonly></profiles><quotas><default/></quotas><users>\n")
	all := append([]User{
		{Name: "default", Grants: []string{"SYSTEM LISTEN ON *.*", "SELECT ON system.numbers"}},
		{Name: Admin, Password: AdminPassword, Grants: []string{"ALL ON *.* WITH GRANT OPTION"}},
	}, users...)
	for _, u := range all {
		profile := "default"
		if u.ReadOnly {
			profile = "readonly"
		}
		fmt.Fprintf(&b, "<%s><password>%s</password><networks><ip>127.0.0.1</ip></networks><profile>%s</profile><quota>default</quota><grants>",
			u.Name, u.Password, profile)
		for _, grant := range u.Grants {
			fmt.Fprintf(&b, "<query>GRANT %s</query>", grant)
		}
		fmt.Fprintf(&b, "</grants></%s>\n", u.Name)
	}
	b.WriteString("</users></clickhouse>\n")
	return b.String()
}

// lockedLog gathers the end of a server's output.
type lockedLog struct {
	mu   sync.Mutex
	text []byte
}

const logKept = 64 << 10

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if extra := len(l.text) - logKept; extra > 0 {
		l.text = l.text[extra:]
	}
	return len(p), nil
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
