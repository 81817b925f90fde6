package clickhouse

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"fealty/features/frame"
)

// The oldest ClickHouse that the dialect runs on, year and number of the release.
const (
	oldestYear    = 24
	oldestRelease = 8
)

// server is an Engine on a ClickHouse server or cluster. Queries go over wires,
// statements and inserts over clickhouse-go's pool; one count of slots bounds
// both together.
type server struct {
	options serverOptions
	limits  Limits
	info    Info
	hosts   *hosts
	wires   *wires
	pool    driver.Conn

	slots  chan struct{}
	mu     sync.Mutex
	closed chan struct{}
}

// withDefaults returns the limits with the defaults of engine.go filled in.
func (l Limits) withDefaults() Limits {
	if l.MaxMemory <= 0 {
		l.MaxMemory = 4 << 30
	}
	if l.MaxTime <= 0 {
		l.MaxTime = 10 * time.Minute
	}
	if l.Pool <= 0 {
		l.Pool = 8
	}
	if l.PoolWait <= 0 {
		l.PoolWait = 5 * time.Second
	}
	return l
}

// openServer connects to the hosts of a clickhouse:// URL (readServerURL tells
// its options) and finds out, once, whether the server is new enough and lets
// the user do what fealty needs. Its errors are one line without a password:
// ErrUnreachable, ErrRefused, ErrUnsupported, or what is wrong with the URL.
func openServer(ctx context.Context, u *url.URL, limits Limits) (Engine, error) {
	options, err := readServerURL(u)
	if err != nil {
		return nil, err
	}
	s := &server{options: options, limits: limits.withDefaults(), closed: make(chan struct{})}
	s.slots = make(chan struct{}, s.limits.Pool)
	s.hosts = &hosts{options: &s.options, down: map[string]time.Time{}, asking: map[string]bool{}}
	s.wires = &wires{hosts: s.hosts}
	if s.pool, err = driver.Open(s.options.driverOptions(s.hosts, s.limits)); err != nil {
		return nil, fmt.Errorf("open %s: %w", s.options, err)
	}
	s.info = Info{Kind: "clickhouse", Hosts: options.hosts, Cluster: options.cluster, ShardDatabase: options.shardDatabase}
	if err := s.probe(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// probe asks the version, whether limits may be set, and whether the user may
// keep tables in the database.
func (s *server) probe(ctx context.Context) error {
	w, _, err := s.wires.get(ctx)
	if err != nil {
		return fmt.Errorf("open %s: %w", s.options, err)
	}
	// Without settings: a user in readonly mode may not send any, and is told so in a line of its own.
	var readOnly int64
	err = w.query("SELECT version(), toInt64(getSetting('readonly'))", nil, nil, func(t *frame.Table) error {
		s.info.Version, readOnly = t.Columns[0].Texts[0], t.Columns[1].Integers[0]
		return nil
	})
	s.wires.put(w)
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w", w.address, explainQuery(ctx, err, s.limits, false))
	}
	if err := supported(s.info.Version); err != nil {
		return fmt.Errorf("open %s: %w", s.options, err)
	}
	if readOnly != 0 {
		return fmt.Errorf("open %s: %w: the profile of user %q is readonly=%d, and fealty keeps its tables there and bounds every query",
			s.options, ErrRefused, s.options.user, readOnly)
	}
	return s.probeGrants(ctx)
}

// supported refuses a server older than 24.8.
func supported(version string) error {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return fmt.Errorf("%w: %q is no version of ClickHouse", ErrUnsupported, version)
	}
	year, errYear := strconv.Atoi(parts[0])
	release, errRelease := strconv.Atoi(parts[1])
	if errYear != nil || errRelease != nil {
		return fmt.Errorf("%w: %q is no version of ClickHouse", ErrUnsupported, version)
	}
	if year < oldestYear || year == oldestYear && release < oldestRelease {
		return fmt.Errorf("%w: ClickHouse %s is older than %d.%d", ErrUnsupported, version, oldestYear, oldestRelease)
	}
	return nil
}

// probeGrants does once what fealty does every day, on a table of its own: what
// the rights allow depends on roles, row policies and the server's
// configuration, and only trying tells.
func (s *server) probeGrants(ctx context.Context) (err error) {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // crypto/rand.Read never fails
	table := "fealty_probe_" + hex.EncodeToString(id)
	created := false
	defer func() {
		if created && err != nil {
			err = errors.Join(err, s.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+table, nil))
		}
	}()
	row := &frame.Table{Columns: []frame.Column{{Meta: frame.Meta{Name: "x"}, Kind: frame.Integer, Integers: []int64{1}}}}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"create a table", func() error {
			err := s.Exec(ctx, "CREATE TABLE "+table+" (x UInt8) ENGINE = MergeTree ORDER BY x", nil)
			created = err == nil
			return err
		}},
		{"insert", func() error { return s.Insert(ctx, table, row) }},
		{"select", func() error {
			return s.Query(ctx, "SELECT x FROM "+table, nil, func(*frame.Table) error { return nil })
		}},
		{"delete rows", func() error { return s.Exec(ctx, "DELETE FROM "+table+" WHERE x = 1", nil) }},
		{"create a view", func() error { return s.Exec(ctx, "CREATE VIEW "+table+"_view AS SELECT x FROM "+table, nil) }},
		{"drop a view", func() error { return s.Exec(ctx, "DROP VIEW "+table+"_view", nil) }},
		{"drop a table", func() error { return s.Exec(ctx, "DROP TABLE "+table, nil) }},
	} {
		if err := step.do(); err != nil {
			if errors.Is(err, ErrRefused) {
				return fmt.Errorf("open %s: user %q may not %s in database %q: %w", s.options, s.options.user, step.what, s.options.database, err)
			}
			return fmt.Errorf("open %s: try to %s: %w", s.options, step.what, err)
		}
	}
	return nil
}

// Info implements Engine.
func (s *server) Info() Info {
	info := s.info
	info.Hosts = slices.Clone(info.Hosts)
	return info
}

// slot waits for one of the connections, at most PoolWait.
func (s *server) slot(ctx context.Context) (release func(), err error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	select {
	case <-s.closed:
		return nil, ErrClosed
	default:
	}
	wait := time.NewTimer(s.limits.PoolWait)
	defer wait.Stop()
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.closed:
		return nil, ErrClosed
	case <-wait.C:
		return nil, fmt.Errorf("%w: all %d for %s", ErrBusy, s.limits.Pool, s.limits.PoolWait)
	}
}

// budget returns how long the server may work on a statement, and whether that
// is the context's deadline.
func (s *server) budget(ctx context.Context) (limit time.Duration, deadline bool) {
	limit = s.limits.MaxTime
	if until, ok := ctx.Deadline(); ok {
		if left := time.Until(until); left < limit {
			return max(left, time.Millisecond), true
		}
	}
	return limit, false
}

// settings go with every statement. All of them are known to 24.8.
func (s *server) settings(limit time.Duration) map[string]string {
	settings := map[string]string{
		"max_memory_usage":   strconv.FormatInt(s.limits.MaxMemory, 10),
		"max_execution_time": strconv.FormatFloat(math.Max(limit.Truncate(time.Millisecond).Seconds(), 0.001), 'f', 3, 64),
	}
	if s.limits.Threads > 0 {
		settings["max_threads"] = strconv.Itoa(s.limits.Threads)
	}
	return settings
}

// Query implements Engine.
func (s *server) Query(ctx context.Context, sql string, params Params, each func(*frame.Table) error) error {
	texts, err := parameterTexts(params)
	if err == nil {
		err = s.withWire(ctx, func(w *wire, limit time.Duration) (delivered bool, err error) {
			err = w.query(sql, s.settings(limit), texts, func(block *frame.Table) error {
				delivered = true
				return each(block)
			})
			return delivered, err
		})
	}
	return told("query", err)
}

// withWire calls do with a wire and the time that the server may take. When do
// finds its idle connection dead, as all are after the server restarted, and
// nothing has begun, it is called once more with a fresh one.
func (s *server) withWire(ctx context.Context, do func(w *wire, limit time.Duration) (begun bool, err error)) error {
	release, err := s.slot(ctx)
	if err != nil {
		return err
	}
	defer release()
	for {
		w, fresh, err := s.wires.get(ctx)
		if err != nil {
			return explainQuery(ctx, err, s.limits, false)
		}
		limit, deadline := s.budget(ctx)
		begun, err := s.watch(ctx, w, limit, do)
		if err != nil && !fresh && !begun && ctx.Err() == nil && broken(err) && !errors.Is(err, errSilent) {
			s.wires.drop()
			continue
		}
		return explainQuery(ctx, err, s.limits, deadline)
	}
}

// watch calls do with a wire, stops it when ctx ends or the time is over, and
// gives it back. A panic of the caller's function closes it.
func (s *server) watch(ctx context.Context, w *wire, limit time.Duration, do func(*wire, time.Duration) (bool, error)) (begun bool, err error) {
	defer s.wires.put(w)
	ended := context.AfterFunc(ctx, w.stop)
	// The server keeps the limit; this is for one that does not.
	overdue := time.AfterFunc(limit+longestSilence, w.stop)
	begun, err = do(w, limit)
	overdue.Stop()
	if !ended() {
		w.finished = false // w.stop runs or ran: the connection is not to be used again
	}
	if err != nil && !w.finished {
		w.stop()
	}
	return begun, err
}

// Exec implements Engine.
func (s *server) Exec(ctx context.Context, sql string, params Params) error {
	texts, err := parameterTexts(params)
	if err == nil {
		err = s.run(ctx, func(ctx context.Context, settings driver.Settings) error {
			return s.pool.Exec(driver.Context(ctx, driver.WithSettings(settings), driver.WithParameters(texts)), sql)
		})
	}
	if err != nil {
		return fmt.Errorf("execute: %w", err)
	}
	return nil
}

// run calls do with a slot, and with a context that is cancelled when ctx ends
// but has no deadline: where the driver sees one it sends a time limit five
// seconds beyond it. If do does not come back soon after ctx ended (the driver
// may be inside a handshake or a blocked write), run returns alone and the
// slot stays taken until do is done.
func (s *server) run(ctx context.Context, do func(ctx context.Context, settings driver.Settings) error) error {
	release, err := s.slot(ctx)
	if err != nil {
		return err
	}
	limit, deadline := s.budget(ctx)
	settings := driver.Settings{}
	for name, value := range s.settings(limit) {
		settings[name] = value
	}
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	follow := context.AfterFunc(ctx, cancel)
	overdue := time.AfterFunc(limit+longestSilence, cancel)
	done := make(chan error, 1)
	go func() {
		defer release()
		defer cancel()
		err := do(inner, settings)
		follow()
		overdue.Stop()
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(time.Second):
			return ctx.Err()
		}
	}
	return explainQuery(ctx, err, s.limits, deadline)
}

// Close implements Engine: it waits for what is running and refuses what comes
// later with ErrClosed. Closing twice does nothing.
func (s *server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return nil
	default:
	}
	close(s.closed)
	for range cap(s.slots) {
		s.slots <- struct{}{}
	}
	s.hosts.close()
	s.wires.close()
	err := s.pool.Close()
	s.options.lingering.Wait()
	if err != nil {
		return fmt.Errorf("close %s: %w", s.options, err)
	}
	return nil
}
