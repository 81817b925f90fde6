package clickhouse_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/frame"
)

func TestVersionsBefore248AreRefused(t *testing.T) {
	for version, want := range map[string]bool{
		"24.8": true, "24.8.1.1": true, "24.10.2": true, "25.1": true, "26.7.3.1": true, "100.1.1": true,
		"24.7.6.8": false, "23.12.1.1": false, "18.16.1": false, "8.24": false, "": false, "banana": false, "24": false, "24.x.1": false,
	} {
		err := clickhouse.Supported(version)
		if (err == nil) != want || err != nil && !errors.Is(err, clickhouse.ErrUnsupported) {
			t.Errorf("%q: %v, want supported: %v", version, err, want)
		}
	}
	if err := clickhouse.Supported("23.8.2.7"); !strings.Contains(err.Error(), "ClickHouse 23.8.2.7 is older than 24.8") {
		t.Errorf("the line is %q", err)
	}
}

// speak answers every connection with one text and then hears what comes; "" says nothing.
func speak(t *testing.T, text string) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			if text != "" {
				if _, err := conn.Write([]byte(text)); err != nil {
					t.Errorf("speak: %v", err)
				}
			}
		}
	}()
	return listener.Addr().String()
}

// hello is the first packet of a server.
func hello(revision, major, minor int) string {
	var b proto.Buffer
	(&proto.ServerHello{Name: "ClickHouse", Major: major, Minor: minor, Revision: revision, Timezone: "UTC", DisplayName: "old"}).EncodeAware(&b, revision)
	return string(b.Buf)
}

// Whatever is wrong with a server is one line that says so and what to do, of
// the right kind, soon, and without the password.
func TestOpenSaysInOneLineWhatIsWrong(t *testing.T) { //nolint:tparallel // the cases share a server that some of them kill
	t.Parallel()
	s := launch.Start(t, launch.Options{Users: []launch.User{
		{Name: "reader", Password: launch.AdminPassword, ReadOnly: true, Grants: []string{"SELECT ON *.*"}},
		{Name: "looker", Password: launch.AdminPassword, Grants: []string{"SELECT ON *.*"}},
		{Name: "maker", Password: launch.AdminPassword, Grants: []string{"SELECT ON *.*", "CREATE TABLE ON *.*", "INSERT ON *.*", "DROP TABLE ON *.*", "TABLE ENGINE ON MergeTree"}},
	}})
	ours, theirs := newAuthority(t), newAuthority(t)
	secure := startProxy(t, s.Address(), ours.server(t, "127.0.0.1", time.Time{}))
	misnamed := startProxy(t, s.Address(), ours.server(t, "elsewhere.example", time.Time{}))
	expired := startProxy(t, s.Address(), ours.server(t, "127.0.0.1", time.Now().Add(-time.Hour)))
	hung := startProxy(t, speak(t, ""), nil)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	nobody := net.JoinHostPort("127.0.0.1", "1")
	as := func(user, password string) *url.URL {
		u := s.URL("default", "")
		u.User = url.UserPassword(user, password)
		return u
	}
	for name, c := range map[string]struct {
		url   *url.URL
		kind  error
		words []string
		// breaks: the handshake goes wrong, of which a launched server dies.
		breaks bool
	}{
		"wrong password":         {url: as(launch.Admin, launch.AdminPassword+"x"), kind: clickhouse.ErrRefused, words: []string{`"fealty"`, "password", s.Address()}, breaks: true},
		"unknown user":           {url: as("stranger", launch.AdminPassword), kind: clickhouse.ErrRefused, words: []string{`"stranger"`}, breaks: true},
		"unknown database":       {url: s.URL("nowhere", ""), kind: clickhouse.ErrRefused, words: []string{`"nowhere"`, "create it"}, breaks: true},
		"readonly user":          {url: as("reader", launch.AdminPassword), kind: clickhouse.ErrRefused, words: []string{`"reader"`, "readonly=1"}},
		"may not create a table": {url: as("looker", launch.AdminPassword), kind: clickhouse.ErrRefused, words: []string{`"looker"`, "create a table", `"default"`}},
		"may not delete":         {url: as("maker", launch.AdminPassword), kind: clickhouse.ErrRefused, words: []string{`"maker"`, "delete rows"}},
		"TLS at the plain port":  {url: s.URL("default", "secure=true"), kind: clickhouse.ErrUnreachable, words: []string{"TLS"}, breaks: true},
		"plain at the TLS port":  {url: launch.URL(secure.address, "default", ""), kind: clickhouse.ErrUnreachable, words: []string{"secure=true"}},
		"unknown authority":      {url: launch.URL(secure.address, "default", "secure=true"), kind: clickhouse.ErrUnreachable, words: []string{"unknown authority", "ca_file"}},
		"another authority":      {url: launch.URL(secure.address, "default", "secure=true&ca_file="+theirs.file), kind: clickhouse.ErrUnreachable, words: []string{"unknown authority"}},
		"another name":           {url: launch.URL(misnamed.address, "default", "secure=true&ca_file="+ours.file), kind: clickhouse.ErrUnreachable, words: []string{"another name"}},
		"expired":                {url: launch.URL(expired.address, "default", "secure=true&ca_file="+ours.file), kind: clickhouse.ErrUnreachable, words: []string{"expired"}},
		"no certificate in file": {url: launch.URL(secure.address, "default", "secure=true&ca_file="+empty), words: []string{"holds no PEM"}},
		"nobody listens":         {url: launch.URL(nobody, "default", ""), kind: clickhouse.ErrUnreachable, words: []string{"nothing listens"}},
		"unknown host":           {url: launch.URL("no-such-host.invalid:9000", "default", "dial_timeout=2s"), kind: clickhouse.ErrUnreachable, words: []string{"no-such-host.invalid:9000"}},
		"a black hole":           {url: launch.URL(hung.address, "default", "dial_timeout=300ms"), kind: clickhouse.ErrUnreachable, words: []string{"300ms"}},
		"a web server":           {url: launch.URL(speak(t, "HTTP/1.0 400 Bad Request\r\n\r\n"), "default", "dial_timeout=1s"), kind: clickhouse.ErrUnreachable, words: []string{"native port"}},
		"an ancient server":      {url: launch.URL(speak(t, hello(54_406, 18, 16)), "default", "dial_timeout=1s"), kind: clickhouse.ErrUnsupported, words: []string{"18.16", "older than 24.8"}},
		"an unknown option":      {url: s.URL("default", "pasword="+launch.AdminPassword), words: []string{`"pasword"`, "password_file"}},
		"a cluster in itself":    {url: s.URL("default", "cluster=c&shard_database=default"), words: []string{"shard_database"}},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			e, err := clickhouse.OpenServer(t.Context(), c.url, clickhouse.Limits{})
			if err == nil {
				closeEngine(t, e)
				t.Fatal("opened")
			}
			if c.kind != nil && !errors.Is(err, c.kind) {
				t.Errorf("the error is no %q: %v", c.kind, err)
			}
			for _, word := range c.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
			oneLine(t, name, err)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s to say so", took)
			}
			if c.breaks {
				s.Kill()
				s.Restart()
			}
		})
	}
}

func TestPasswordsComeFromWhereTheyAreKept(t *testing.T) {
	s := launch.Start(t, launch.Options{})
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(launch.AdminPassword+"\r\nsecond line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	u := s.URL("default", "password_file="+file)
	u.User = url.User(launch.Admin)
	closeEngine(t, serverOf(t, u, clickhouse.Limits{}))
	t.Setenv(clickhouse.UserVariable, launch.Admin)
	t.Setenv(clickhouse.PasswordVariable, launch.AdminPassword)
	u = s.URL("default", "")
	u.User = nil
	e, err := clickhouse.Open(t.Context(), u.String(), clickhouse.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
}

// Everything works through TLS, the cancel too.
func TestServerOverTLS(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{})
	ca := newAuthority(t)
	p := startProxy(t, s.Address(), ca.server(t, "warehouse.example", time.Time{}))
	e := serverOf(t, launch.URL(p.address, "default", "secure=true&server_name=warehouse.example&ca_file="+ca.file), clickhouse.Limits{})
	defer closeEngine(t, e)
	clearTables(t, e)
	cases().fill(t, e)
	golden(t, "matrix.txt", build(t.Context(), t, e, request(goldenCutoffs...)))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := e.Query(ctx, "SELECT sum(sleepEachRow(0.01)) /* over TLS */ FROM system.numbers SETTINGS max_block_size = 10", nil, func(*frame.Table) error { return nil })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a deadline is told as %v", err)
	}
	expectIdle(t, e)
}

// expectIdle fails unless the server soon runs nothing but the question.
func expectIdle(t *testing.T, e clickhouse.Engine) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var running string
		if err := e.Query(t.Context(), "SELECT query FROM system.processes WHERE user = currentUser() AND position(query, 'system.processes') = 0", nil,
			func(f *frame.Table) error {
				running = strings.Join(f.Columns[0].Texts, "; ")
				return nil
			}); err != nil {
			t.Fatal(err)
		}
		if running == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the server still runs %s", running)
		}
	}
}
