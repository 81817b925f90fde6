package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

const (
	// hostPause is how long a host that did not answer is left alone. Then it is
	// asked in the background, so that no query waits for it twice.
	hostPause = 15 * time.Second
	// writePiece is what one write deadline covers: 256 KiB in longestSilence is
	// slower than any network that a warehouse should be used over.
	writePiece = 256 << 10
	// farewell is how long a closed connection waits for the server's last words.
	farewell = time.Second
)

// patientConn is a TCP connection that tells a slow server from a dead one. A
// read that hears nothing for the silence ends with errSilent (0 waits as long
// as its caller's own deadline), a write that moves nothing for longestSilence
// too. The clients' own timeouts cover a whole answer instead, and would break
// off a long one that flows.
type patientConn struct {
	*net.TCPConn
	silence   time.Duration
	lingering *sync.WaitGroup

	reading  sync.Mutex // held while a read is under way
	mu       sync.Mutex
	deadline time.Time // the caller's own
	stopped  bool
	closed   bool
}

// Read implements net.Conn.
func (c *patientConn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.mu.Lock()
	if c.stopped {
		c.mu.Unlock()
		return 0, net.ErrClosed
	}
	until, ours := c.deadline, false
	if c.silence > 0 {
		if quiet := time.Now().Add(c.silence); until.IsZero() || quiet.Before(until) {
			until, ours = quiet, true
		}
	}
	err := c.TCPConn.SetReadDeadline(until)
	c.mu.Unlock()
	if err != nil {
		return 0, err //nolint:wrapcheck // a net.Conn returns the network's own errors
	}
	n, err := c.TCPConn.Read(p)
	if err != nil && ours && timeout(err) {
		return n, fmt.Errorf("%w (%s)", errSilent, c.silence)
	}
	return n, err //nolint:wrapcheck // as above
}

// wait sets the silence after which the reads to come end.
func (c *patientConn) wait(silence time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silence = silence
}

// Write implements net.Conn.
func (c *patientConn) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		until := time.Now().Add(longestSilence)
		c.mu.Lock()
		if c.stopped {
			c.mu.Unlock()
			return written, net.ErrClosed
		}
		if !c.deadline.IsZero() && c.deadline.Before(until) {
			until = c.deadline
		}
		err := c.SetWriteDeadline(until)
		c.mu.Unlock()
		if err != nil {
			return written, err //nolint:wrapcheck // as in Read
		}
		n, err := c.TCPConn.Write(p[written:min(len(p), written+writePiece)])
		written += n
		if err != nil {
			return written, err //nolint:wrapcheck // as in Read
		}
	}
	return written, nil
}

// SetDeadline implements net.Conn.
func (c *patientConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements net.Conn. It counts for reads and writes.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.stopped || t.IsZero() {
		return nil
	}
	return c.TCPConn.SetDeadline(t) //nolint:wrapcheck // as in Read
}

// stop ends a read or write that is under way and all later ones.
func (c *patientConn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halt()
}

func (c *patientConn) halt() {
	c.stopped = true
	_ = c.TCPConn.SetDeadline(time.Unix(1, 0)) // a closed connection has nothing to stop
}

// Close implements net.Conn. It returns at once and says goodbye behind: the end
// of what is written, then what still comes is read, at most for farewell. A
// plain close with something unread would reset the connection, which may
// overtake the last words (cancel), and which the server meets as an error.
func (c *patientConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.halt()
	c.lingering.Go(func() {
		c.reading.Lock() // a read that was under way is on its way out
		defer c.reading.Unlock()
		if c.CloseWrite() == nil && c.TCPConn.SetReadDeadline(time.Now().Add(farewell)) == nil {
			_, _ = io.Copy(io.Discard, c.TCPConn)
		}
		_ = c.TCPConn.Close() // nothing is expected of it any more
	})
	return nil
}

// SyscallConn lets clickhouse-go look whether a pooled connection was closed by
// the server.
func (c *patientConn) SyscallConn() (syscall.RawConn, error) {
	return c.TCPConn.SyscallConn() //nolint:wrapcheck // as in Read
}

// dialHost opens a connection to one host, with TLS if the URL asks for it.
func (o *serverOptions) dialHost(ctx context.Context, address string, silence time.Duration) (net.Conn, *patientConn, error) {
	dialer := net.Dialer{
		Timeout: o.dialTimeout,
		// A peer that vanished without a word is found within half a minute, also
		// while a long statement is rightly silent.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4},
	}
	raw, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // explainDial reads it
	}
	tcp, ok := raw.(*net.TCPConn)
	if !ok {
		return nil, nil, errors.Join(fmt.Errorf("%T is no TCP connection", raw), raw.Close())
	}
	conn := &patientConn{TCPConn: tcp, silence: silence, lingering: o.lingering}
	if o.tls == nil {
		return conn, conn, nil
	}
	config := o.tls.Clone()
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, nil, errors.Join(err, conn.Close())
		}
		config.ServerName = host
	}
	secure := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(ctx, o.dialTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return secure, conn, nil
}

// hosts remembers which hosts answer.
type hosts struct {
	options *serverOptions

	mu     sync.Mutex
	down   map[string]time.Time // since when
	asking map[string]bool
	turn   int
	closed bool
	wait   sync.WaitGroup
}

// order returns the hosts in the order in which to try them: those that
// answered, then those that did not. It has the latter asked in the background
// when their pause is over.
func (h *hosts) order() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.options.hosts
	first := 0
	if h.options.roundRobin {
		first = h.turn % len(list)
		h.turn++
	}
	var up, down []string
	for i := range list {
		address := list[(first+i)%len(list)]
		since, isDown := h.down[address]
		if !isDown {
			up = append(up, address)
			continue
		}
		down = append(down, address)
		if time.Since(since) >= hostPause && !h.asking[address] && !h.closed {
			h.asking[address] = true
			h.wait.Add(1)
			go h.ask(address)
		}
	}
	return append(up, down...)
}

// ask tries a whole handshake with a host that was down.
func (h *hosts) ask(address string) {
	defer h.wait.Done()
	ctx, cancel := context.WithTimeout(context.Background(), h.options.dialTimeout)
	defer cancel()
	w, err := dialWire(ctx, h.options, address)
	if err == nil {
		w.close()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.asking, address)
	if err == nil {
		delete(h.down, address)
	} else {
		h.down[address] = time.Now()
	}
}

func (h *hosts) mark(address string, answers bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if answers {
		delete(h.down, address)
	} else if _, known := h.down[address]; !known {
		h.down[address] = time.Now()
	}
}

func (h *hosts) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.wait.Wait()
}

// try calls dial for one host after the other until one is connected. A host
// that answers with an exception (wrong password, unknown database) has
// answered: the next one would say the same.
func (h *hosts) try(ctx context.Context, dial func(ctx context.Context, address string) error) error {
	var lines []string
	for _, address := range h.order() { //nolint:contextcheck // hosts that are down are asked again on nobody's time
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := dial(ctx, address)
		if err == nil {
			h.mark(address, true)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = explainDial(h.options, address, err)
		if errors.Is(err, ErrRefused) || len(h.options.hosts) == 1 {
			return err
		}
		h.mark(address, false)
		lines = append(lines, strings.TrimPrefix(err.Error(), ErrUnreachable.Error()+": "))
	}
	return fmt.Errorf("%w: %s", ErrUnreachable, strings.Join(lines, "; "))
}

// driverOptions are the options of clickhouse-go's pool, which serves statements.
func (o *serverOptions) driverOptions(h *hosts, limits Limits) *driver.Options {
	type connKey struct{}
	return &driver.Options{
		Addr:        o.hosts,
		Auth:        driver.Auth{Database: o.database, Username: o.user, Password: o.password},
		Compression: &driver.Compression{Method: o.compression, Level: compressionLevel},
		// This bounds getting a connection as a whole; each host has o.dialTimeout for the
		// connection, for TLS and for the handshake.
		DialTimeout:     time.Duration(len(o.hosts)+1) * 3 * o.dialTimeout,
		MaxOpenConns:    limits.Pool,
		MaxIdleConns:    limits.Pool,
		ConnMaxLifetime: connectionLife,
		// The driver's read timeout covers a statement from start to end, which MaxTime does already.
		ReadTimeout: limits.MaxTime + time.Minute,
		DialContext: func(ctx context.Context, address string) (net.Conn, error) {
			conn, _, err := o.dialHost(ctx, address, 0)
			if made, ok := ctx.Value(connKey{}).(*net.Conn); ok && err == nil {
				*made = conn
			}
			return conn, err
		},
		DialStrategy: func(ctx context.Context, _ int, opt *driver.Options, dial driver.Dial) (driver.DialResult, error) {
			one := *opt
			one.DialTimeout = o.dialTimeout
			var result driver.DialResult
			err := h.try(ctx, func(ctx context.Context, address string) (err error) {
				var made net.Conn
				if result, err = dial(context.WithValue(ctx, connKey{}, &made), address, &one); err != nil && made != nil {
					err = errors.Join(err, made.Close()) // the driver forgets a connection whose handshake did not end well
				}
				return err
			})
			return result, err
		},
	}
}

const (
	// connectionLife bounds how long a connection is used again, so that load
	// returns to hosts that came back.
	connectionLife = time.Hour
	// compressionLevel is ClickHouse's own default where a method has levels.
	compressionLevel = 3
)
