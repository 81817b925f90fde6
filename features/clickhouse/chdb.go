//go:build linux && amd64 && !nochdb

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"

	"fealty/features/frame"
)

// killEvery is how often an ended query is told to stop until it does: a first
// word may come before the engine has listed the query.
const killEvery = 20 * time.Millisecond

// embedded is an Engine in this process: several connections on one chDB. Each
// runs one statement at a time; one more of them, the control, only stops
// queries.
type embedded struct {
	lib    *library
	dir    string
	limits Limits
	info   Info
	lock   *directoryLock

	slots  chan struct{}
	closed chan struct{}

	mu   sync.Mutex
	idle []*connection
	made int
	shut bool

	controlMu sync.Mutex
	control   *connection
}

// connection is one chDB connection. Its mark stands in system.processes, in
// the setting log_comment, beside whatever it runs.
type connection struct {
	handle *unsafe.Pointer
	mark   string
}

// holding is the directory that this process has open: the engine is
// process-wide and knows one path at a time.
var holding struct {
	sync.Mutex
	dir string
}

// openEmbedded opens the engine on a directory, which it creates if need be.
func openEmbedded(ctx context.Context, dir string, limits Limits) (Engine, error) {
	wrap := func(err error) error { return fmt.Errorf("open chdb://%s: %w", dir, err) }
	if ctx.Err() != nil {
		return nil, wrap(ctx.Err())
	}
	lib, err := loaded()
	if err != nil {
		return nil, wrap(err)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, wrap(fmt.Errorf("find the directory: %w", err))
	}
	holding.Lock()
	defer holding.Unlock()
	if holding.dir != "" && holding.dir != dir {
		return nil, wrap(fmt.Errorf("%w: this process has %s open, and a process holds one embedded warehouse at a time", ErrLocked, holding.dir))
	}
	lock, err := lockDirectory(dir)
	if err != nil {
		return nil, wrap(err)
	}
	e := &embedded{
		lib: lib, dir: dir, limits: limits, lock: lock,
		slots: make(chan struct{}, limits.Pool), closed: make(chan struct{}),
	}
	if err := e.start(); err != nil { //nolint:contextcheck // a millisecond that is not worth breaking off
		return nil, wrap(errors.Join(err, lock.release()))
	}
	holding.dir = dir
	return e, nil
}

// start connects the control and asks for the version.
func (e *embedded) start() error {
	control, err := e.connect()
	if err != nil {
		return err
	}
	e.control = control
	e.info = Info{Kind: "chdb"}
	err = e.ask(context.Background(), control, "SELECT version() AS version", nil, func(t *frame.Table) error {
		e.info.Version = t.Columns[0].Texts[0]
		return nil
	})
	if err == nil {
		err = supported(e.info.Version)
	}
	if err != nil {
		e.lib.closeConnection(control.handle)
		return fmt.Errorf("ask the engine for its version: %w", err)
	}
	return nil
}

// connect makes a connection with the limits set on it.
func (e *embedded) connect() (*connection, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.made++
	c := &connection{mark: fmt.Sprintf("fealty-%d-%d", os.Getpid(), e.made)}
	var pin runtime.Pinner
	defer pin.Unpin()
	args := []string{"clickhouse", "--path=" + e.dir}
	argv := make([]*byte, len(args)+1)
	for i, arg := range args {
		bytes := append([]byte(arg), 0)
		pin.Pin(&bytes[0])
		argv[i] = &bytes[0]
	}
	pin.Pin(&argv[0])
	c.handle = e.lib.connect(int32(len(args)), unsafe.Pointer(&argv[0])) //nolint:gosec // two arguments fit an int32
	if c.handle == nil || *c.handle == nil {
		return nil, fmt.Errorf("the engine does not open %s: is it a warehouse of another version, damaged, or not writable?", e.dir)
	}
	if err := e.run(c, "SET "+strings.Join(e.settings(c.mark), ", "), nil); err != nil {
		e.lib.closeConnection(c.handle)
		return nil, fmt.Errorf("set the limits of a connection: %w", err)
	}
	return c, nil
}

// settings hold for everything on a connection.
func (e *embedded) settings(mark string) []string {
	settings := []string{
		"log_comment = '" + mark + "'",
		"max_memory_usage = " + strconv.FormatInt(e.limits.MaxMemory, 10),
		"max_execution_time = " + strconv.FormatFloat(e.limits.MaxTime.Seconds(), 'f', 3, 64),
		// chDB has it on, and an insert would return before its rows are there.
		"async_insert = 0",
		// Texts without a zone are UTC, whatever TZ says.
		"session_timezone = 'UTC'",
		// The profilers interrupt threads by signals that Go's runtime owns.
		"query_profiler_real_time_period_ns = 0",
		"query_profiler_cpu_time_period_ns = 0",
	}
	if e.limits.Threads > 0 {
		settings = append(settings, "max_threads = "+strconv.Itoa(e.limits.Threads))
	}
	return settings
}

// Info implements Engine.
func (e *embedded) Info() Info { return e.info }

// take waits for one of the connections, at most PoolWait.
func (e *embedded) take(ctx context.Context) (*connection, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	select {
	case <-e.closed:
		return nil, ErrClosed
	default:
	}
	wait := time.NewTimer(e.limits.PoolWait)
	defer wait.Stop()
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-e.closed:
		return nil, ErrClosed
	case <-wait.C:
		return nil, fmt.Errorf("%w: all %d for %s", ErrBusy, e.limits.Pool, e.limits.PoolWait)
	}
	e.mu.Lock()
	if n := len(e.idle); n > 0 {
		c := e.idle[n-1]
		e.idle = e.idle[:n-1]
		e.mu.Unlock()
		return c, nil
	}
	e.mu.Unlock()
	c, err := e.connect()
	if err != nil {
		<-e.slots
		return nil, err
	}
	return c, nil
}

// give returns a connection.
func (e *embedded) give(c *connection) {
	e.mu.Lock()
	e.idle = append(e.idle, c)
	e.mu.Unlock()
	<-e.slots
}

// with calls do with a connection of the pool. When ctx ends, what the
// connection runs is killed until do is back; its error is then the context's.
func (e *embedded) with(ctx context.Context, do func(c *connection) error) error {
	c, err := e.take(ctx)
	if err != nil {
		return err
	}
	defer e.give(c)
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-done:
		case <-ctx.Done():
			e.kill(c, done)
		}
	}()
	// The killer must be gone before the next query runs on the connection, also when do panics.
	defer func() {
		close(done)
		<-gone
	}()
	return do(c)
}

// kill stops what a connection runs, again and again until done.
func (e *embedded) kill(c *connection, done <-chan struct{}) {
	for {
		e.controlMu.Lock()
		// An error is no reason to give up: the query's own time limit holds anyway.
		_ = e.run(e.control, "KILL QUERY WHERE Settings['log_comment'] = '"+c.mark+"' ASYNC", nil)
		e.controlMu.Unlock()
		select {
		case <-done:
			return
		case <-time.After(killEvery):
		}
	}
}

// Query implements Engine.
func (e *embedded) Query(ctx context.Context, sql string, params Params, each func(*frame.Table) error) error {
	texts, err := parameterTexts(params)
	if err == nil {
		err = e.with(ctx, func(c *connection) error { return e.ask(ctx, c, sql, texts, each) })
		err = explainQuery(ctx, err, e.limits, false)
	}
	return told("query", err)
}

// ask streams the answer of a query to each, which may end it.
func (e *embedded) ask(ctx context.Context, c *connection, sql string, texts map[string]string, each func(*frame.Table) error) error {
	b := bind(texts)
	defer b.release()
	stream := b.call(e.lib.streamWith, *c.handle, sql, nativeFormat)
	if stream != nil {
		defer e.lib.destroyResult(stream)
	}
	if err := e.lib.failure(stream); err != nil {
		return err
	}
	chunks := &chunkReader{lib: e.lib, connection: *c.handle, stream: stream}
	defer chunks.close()
	reader := proto.NewReader(chunks)
	var blocks blockReader
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		more, err := chunks.more()
		if err != nil || !more {
			return err
		}
		var block proto.Block
		if err := block.DecodeRawBlock(reader, 0, &blocks); err != nil {
			if chunks.failed != nil {
				return chunks.failed
			}
			return fmt.Errorf("read a block: %w", err)
		}
		if block.Rows == 0 {
			continue
		}
		if err := each(&blocks.table); err != nil {
			return &callerError{err}
		}
	}
}

// chunkReader reads the chunks of a streamed answer one after the other. A chunk
// holds whole blocks, though nothing here relies on it.
type chunkReader struct {
	lib                *library
	connection, stream unsafe.Pointer
	chunk              unsafe.Pointer
	rest               []byte
	finished           bool
	failed             error
}

// Read implements io.Reader.
func (r *chunkReader) Read(p []byte) (int, error) {
	more, err := r.more()
	if err != nil {
		return 0, err
	}
	if !more {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// more fetches the next chunk when the last is used up, and reports whether
// there is one.
func (r *chunkReader) more() (bool, error) {
	if len(r.rest) > 0 {
		return true, nil
	}
	if r.finished {
		return false, r.failed
	}
	r.drop()
	r.chunk = r.lib.fetch(r.connection, r.stream)
	if err := r.lib.failure(r.chunk); err != nil {
		r.finished, r.failed = true, err
		return false, err
	}
	n := r.lib.resultLength(r.chunk)
	if n == 0 {
		r.finished = true
		return false, nil
	}
	r.rest = unsafe.Slice((*byte)(r.lib.resultBuffer(r.chunk)), n)
	return true, nil
}

func (r *chunkReader) drop() {
	r.rest = nil
	if r.chunk != nil {
		r.lib.destroyResult(r.chunk)
		r.chunk = nil
	}
}

// close ends the stream, before its end if need be.
func (r *chunkReader) close() {
	r.drop()
	if !r.finished {
		r.lib.cancelStream(r.connection, r.stream)
	}
}

// Exec implements Engine.
func (e *embedded) Exec(ctx context.Context, sql string, params Params) error {
	texts, err := parameterTexts(params)
	if err == nil {
		err = e.with(ctx, func(c *connection) error { return e.run(c, sql, texts) })
		err = explainQuery(ctx, err, e.limits, false)
	}
	if err != nil {
		return fmt.Errorf("execute: %w", err)
	}
	return nil
}

// run runs a statement and leaves its answer, if any, unread.
func (e *embedded) run(c *connection, sql string, texts map[string]string) error {
	b := bind(texts)
	defer b.release()
	result := b.call(e.lib.queryWith, *c.handle, sql, "Null")
	if result != nil {
		defer e.lib.destroyResult(result)
	}
	return e.lib.failure(result)
}

// Insert implements Engine.
func (e *embedded) Insert(ctx context.Context, table string, rows *frame.Table) error {
	return e.InsertAll(ctx, table, once(rows))
}

// InsertAll implements Engine.
func (e *embedded) InsertAll(ctx context.Context, table string, next func() (*frame.Table, error)) error {
	return told("insert into "+table, explainQuery(ctx, insertAll(ctx, e, table, next), e.limits, false))
}

// typeMark implements insertEngine.
func (*embedded) typeMark() []byte { return nil }

// statement implements insertEngine.
func (e *embedded) statement(ctx context.Context, table, sql string, columns []string, do func(context.Context, insertTarget) error) error {
	return e.with(ctx, func(c *connection) error {
		types, err := e.columnTypes(ctx, c, table, columns)
		if err != nil {
			return err
		}
		t := &embeddedInsert{lib: e.lib, texts: types}
		var pin runtime.Pinner
		defer pin.Unpin()
		text, format := []byte(sql), []byte(nativeFormat)
		pin.Pin(&text[0])
		pin.Pin(&format[0])
		t.stream = e.lib.beginInsert(*c.handle, &text[0], uint64(len(text)), &format[0], uint64(len(format)))
		if t.stream == nil {
			return errors.New("the engine gave no answer at all")
		}
		defer e.lib.destroyInsert(t.stream) // which cancels an insert that was not ended
		if err := asEngineError(cText(e.lib.insertError(t.stream))); err != nil {
			return err
		}
		return do(ctx, t)
	})
}

// embeddedInsert is an INSERT that takes blocks as they come.
type embeddedInsert struct {
	lib    *library
	stream unsafe.Pointer
	texts  []string
	sent   int
}

func (t *embeddedInsert) types() []string { return t.texts }

func (t *embeddedInsert) send(content []byte, rows int) error {
	if t.lib.appendInsert(t.stream, unsafe.SliceData(content), uint64(len(content))) != 0 {
		if err := asEngineError(cText(t.lib.insertError(t.stream))); err != nil {
			return err
		}
		return fmt.Errorf("the engine refuses rows %d … %d without saying why", t.sent, t.sent+rows-1)
	}
	t.sent += rows
	return nil
}

func (t *embeddedInsert) end() error {
	result := t.lib.endInsert(t.stream)
	if result != nil {
		defer t.lib.destroyResult(result)
	}
	return t.lib.failure(result)
}

// columnTypes returns the types of a table's columns.
func (e *embedded) columnTypes(ctx context.Context, c *connection, table string, columns []string) ([]string, error) {
	// Not DESCRIBE: the engine streams answers of SELECTs only.
	database, name, qualified := strings.Cut(table, ".")
	if !qualified {
		database, name = "", table
	}
	all := map[string]string{}
	err := e.ask(ctx, c, `SELECT name, type FROM system.columns WHERE database = if({database:String} = '', currentDatabase(), {database:String}) AND table = {name:String}`,
		map[string]string{"database": database, "name": name}, func(t *frame.Table) error {
			for i := range t.Rows() {
				all[t.Columns[0].Texts[i]] = t.Columns[1].Texts[i]
			}
			return nil
		})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("there is no table %s", table)
	}
	if err != nil {
		return nil, err
	}
	types := make([]string, len(columns))
	for i, name := range columns {
		text, ok := all[name]
		if !ok {
			return nil, fmt.Errorf("the table has no column %q; it has %s", name, strings.Join(sortedKeys(all), ", "))
		}
		types[i] = text
	}
	return types, nil
}

// Close implements Engine: it waits for what is running and refuses what comes
// later with ErrClosed. Closing twice does nothing.
func (e *embedded) Close() error {
	e.mu.Lock()
	if e.shut {
		e.mu.Unlock()
		return nil
	}
	e.shut = true
	close(e.closed)
	e.mu.Unlock()
	for range cap(e.slots) {
		e.slots <- struct{}{}
	}
	e.mu.Lock()
	all := append(slices.Clone(e.idle), e.control)
	e.idle = nil
	e.mu.Unlock()
	for _, c := range all {
		e.lib.closeConnection(c.handle)
	}
	holding.Lock()
	holding.dir = ""
	holding.Unlock()
	if err := e.lock.release(); err != nil {
		return fmt.Errorf("close chdb://%s: %w", e.dir, err)
	}
	return nil
}
