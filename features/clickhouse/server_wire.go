package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2"

	"fealty/features/frame"
)

// errSpeaksTLS means that a plain handshake was answered with a TLS record.
var errSpeaksTLS = errors.New("the answer is a TLS record")

// tlsAlert is the first byte of the record with which a TLS server answers a
// plain handshake.
const tlsAlert = 0x15

// clientName is what system.processes shows.
const clientName = "fealty"

// wire is one connection of the native protocol, for queries and inserts. It
// exists beside clickhouse-go because that driver hands a block out, and takes
// one, value by value: Scan of 1 M rows of 12 columns took 14 times the time of
// this (BenchmarkRead), most of it in decimals and nullable columns. It is for
// one goroutine, except stop.
type wire struct {
	address  string
	conn     net.Conn
	patient  *patientConn
	reader   *proto.Reader
	version  int
	packed   proto.Compression
	packer   *compress.Writer
	since    time.Time
	events   proto.ProfileEvents
	logs     proto.Logs
	finished bool // the last answer was read to its end
	closing  sync.Once

	mu      sync.Mutex
	asked   bool // a query was sent to its end, and its answer not read to its end
	stopped bool
}

// dialWire connects to one host and shakes hands. ctx and the options' dial
// timeout bound it.
func dialWire(ctx context.Context, o *serverOptions, address string) (*wire, error) {
	conn, patient, err := o.dialHost(ctx, address, o.silence)
	if err != nil {
		return nil, err
	}
	w := &wire{
		address: address, conn: conn, patient: patient, reader: proto.NewReader(conn), since: time.Now(), finished: true,
		packed: proto.CompressionDisabled, packer: compress.NewWriter(0, compress.None),
	}
	switch o.compression { //nolint:exhaustive // readServerURL lets no other method pass
	case driver.CompressionLZ4:
		w.packed, w.packer = proto.CompressionEnabled, compress.NewWriter(0, compress.LZ4)
	case driver.CompressionZSTD:
		w.packed, w.packer = proto.CompressionEnabled, compress.NewWriter(0, compress.ZSTD)
	}
	stop := context.AfterFunc(ctx, patient.stop)
	err = w.shakeHands(o)
	if !stop() && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *wire) shakeHands(o *serverOptions) error {
	if err := w.conn.SetDeadline(time.Now().Add(o.dialTimeout)); err != nil {
		return fmt.Errorf("set a deadline: %w", err)
	}
	var b proto.Buffer
	hello := proto.ClientHello{
		Name: clientName, ProtocolVersion: proto.Version, Database: o.database, User: o.user, Password: o.password,
	}
	hello.Encode(&b)
	if _, err := w.conn.Write(b.Buf); err != nil {
		return fmt.Errorf("send the handshake: %w", err)
	}
	code, err := w.packet()
	if err != nil {
		return err
	}
	switch code {
	case proto.ServerCodeException:
		return w.exception()
	case tlsAlert:
		return errSpeaksTLS
	case proto.ServerCodeHello:
	default:
		return fmt.Errorf("the handshake is answered with packet %d: is this ClickHouse's native port?", code)
	}
	var server proto.ServerHello
	if err := server.DecodeAware(w.reader, proto.Version); err != nil {
		return fmt.Errorf("read the handshake: %w", err)
	}
	w.version = min(proto.Version, server.Revision)
	if !proto.FeatureParameters.In(w.version) {
		return fmt.Errorf("%w: version %d.%d at %s is older than 24.8", ErrUnsupported, server.Major, server.Minor, w.address)
	}
	b.Reset()
	b.PutString("") // the addendum: no quota key
	if _, err := w.conn.Write(b.Buf); err != nil {
		return fmt.Errorf("end the handshake: %w", err)
	}
	if err := w.conn.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("clear a deadline: %w", err)
	}
	return nil
}

// packet reads the number of the next packet. TLS records are told from
// packets by the caller.
func (w *wire) packet() (proto.ServerCode, error) {
	n, err := w.reader.UVarInt()
	if err != nil {
		return 0, fmt.Errorf("read a packet: %w", err)
	}
	if n > 255 {
		return 0, fmt.Errorf("read a packet: number %d is none of ClickHouse's", n)
	}
	return proto.ServerCode(n), nil
}

func (w *wire) exception() error {
	var e proto.Exception
	if err := e.DecodeAware(w.reader, w.version); err != nil {
		return fmt.Errorf("read an exception: %w", err)
	}
	return fromWire(&e)
}

// query asks and calls each with every block that has rows. Settings and
// parameters are texts; parameters in the escaped form of parameterTexts. After
// an error that is no Exception the wire must be closed.
func (w *wire) query(sql string, settings, parameters map[string]string, each func(*frame.Table) error) error {
	w.finished = false
	defer w.settle(false)
	if err := w.send(sql, settings, parameters); err != nil {
		return err
	}
	w.settle(true)
	var blocks blockReader
	return w.answer(&blocks, func(rows int) (bool, error) {
		if rows == 0 {
			return false, nil // the header of the answer, or its end
		}
		if err := each(&blocks.table); err != nil {
			return false, &callerError{err}
		}
		return false, nil
	})
}

// answer reads what a server says into a target, and calls each with the number
// of rows of every block until it is content, or to the end.
func (w *wire) answer(to proto.Result, each func(rows int) (content bool, err error)) error {
	for {
		code, err := w.packet()
		if err != nil {
			return err
		}
		switch code {
		case proto.ServerCodeData:
			rows, err := w.block(code, to)
			if err != nil {
				return err
			}
			if content, err := each(rows); content || err != nil {
				return err
			}
		case proto.ServerCodeException:
			err := w.exception()
			var e *Exception
			w.finished = errors.As(err, &e)
			return err
		case proto.ServerCodeEndOfStream:
			w.finished = true
			return nil
		default:
			if err := w.pass(code); err != nil {
				return err
			}
		}
	}
}

// callerError is what the caller's own function returned.
type callerError struct{ error }

// told is what the caller hears of an error: that of its own function as it is,
// any other with what was being done.
func told(doing string, err error) error {
	if caller := (*callerError)(nil); errors.As(err, &caller) {
		return caller.error
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func (w *wire) send(sql string, settings, parameters map[string]string) error {
	q := proto.Query{
		Body: sql, Stage: proto.StageComplete, Compression: w.packed,
		Info: proto.ClientInfo{
			ProtocolVersion: w.version, Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial,
			InitialAddress: w.conn.LocalAddr().String(), ClientName: clientName,
		},
	}
	for _, name := range sortedKeys(settings) {
		// Important: a server that does not know it says so instead of running without.
		q.Settings = append(q.Settings, proto.Setting{Key: name, Value: settings[name], Important: true})
	}
	for _, name := range sortedKeys(parameters) {
		q.Parameters = append(q.Parameters, proto.Parameter{Key: name, Value: quoteField(parameters[name])})
	}
	var b proto.Buffer
	q.EncodeAware(&b, w.version)
	if err := w.write(&b, emptyBlock); err != nil { // no external tables follow
		return fmt.Errorf("send the query: %w", err)
	}
	return nil
}

// emptyBlock is a block without columns and rows.
var emptyBlock = []byte{0, 0}

// write sends what the buffer holds and then a block of these bytes.
func (w *wire) write(b *proto.Buffer, block []byte) error {
	const small = 64 << 10 // is copied rather than sent by itself
	proto.ClientCodeData.Encode(b)
	proto.ClientData{}.EncodeAware(b, w.version)
	start := len(b.Buf)
	proto.BlockInfo{}.Encode(b)
	if w.packed == proto.CompressionEnabled || len(block) < small {
		b.Buf, block = append(b.Buf, block...), nil
	}
	if w.packed == proto.CompressionEnabled {
		if err := w.packer.Compress(b.Buf[start:]); err != nil {
			return fmt.Errorf("compress a block: %w", err)
		}
		b.Buf = append(b.Buf[:start], w.packer.Data...)
	}
	for _, part := range [][]byte{b.Buf, block} {
		if _, err := w.conn.Write(part); err != nil {
			return err //nolint:wrapcheck // the caller says what was being sent
		}
	}
	return nil
}

// block reads a block into the target and returns its number of rows.
func (w *wire) block(code proto.ServerCode, to proto.Result) (int, error) {
	if _, err := w.reader.Str(); err != nil { // the name of a temporary table, which nobody asked for
		return 0, fmt.Errorf("read a block: %w", err)
	}
	if w.packed == proto.CompressionEnabled && code.Compressible() {
		w.reader.EnableCompression()
		defer w.reader.DisableCompression()
	}
	var block proto.Block
	if err := block.DecodeBlock(w.reader, w.version, to); err != nil {
		return 0, fmt.Errorf("read a block: %w", err)
	}
	return block.Rows, nil
}

// pass reads over a packet that says nothing about the answer.
func (w *wire) pass(code proto.ServerCode) error {
	var err error
	switch code {
	case proto.ServerCodeProgress:
		var p proto.Progress
		err = p.DecodeAware(w.reader, w.version)
	case proto.ServerCodeProfile:
		var p proto.Profile
		err = p.DecodeAware(w.reader, w.version)
	case proto.ServerCodeTableColumns:
		var c proto.TableColumns
		err = c.DecodeAware(w.reader, w.version)
	case proto.ServerProfileEvents:
		_, err = w.block(code, w.events.Result())
	case proto.ServerCodeLog:
		_, err = w.block(code, w.logs.Result())
	case proto.ServerCodeTotals, proto.ServerCodeExtremes:
		_, err = w.block(code, new(blockReader))
	default:
		return fmt.Errorf("read an answer: packet %d was not expected", code)
	}
	if err != nil {
		return fmt.Errorf("read packet %d: %w", code, err)
	}
	return nil
}

// settle notes whether the server is answering. A wire that was stopped while
// the query was still being sent asks for its end now: a word in the middle of
// it would be read as a part of it.
func (w *wire) settle(asked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = asked
	if asked && w.stopped {
		w.cancel()
	}
}

// cancel asks the server to give up the query that it answers.
func (w *wire) cancel() {
	// A second to say so; a frozen network notices by the closing, or by the query's own time limit.
	if err := w.patient.SetWriteDeadline(time.Now().Add(time.Second)); err == nil {
		_, _ = w.conn.Write([]byte{byte(proto.ClientCodeCancel)}) // closing says the same, a little later
	}
}

// stop asks the server to give the query up and ends what is under way here. It
// may be called from another goroutine; the wire must be closed afterwards.
func (w *wire) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.asked {
		w.cancel()
	}
	w.patient.stop()
}

// close ends the connection.
func (w *wire) close() {
	w.closing.Do(func() { _ = w.conn.Close() }) // nothing is expected of it any more
}

// quoteField writes a parameter as the dump of a string field, which is how the
// protocol carries parameters.
func quoteField(text string) string { return "'" + fieldEscapes.Replace(text) + "'" }

var fieldEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\x00", `\0`)

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// wires are the idle connections for queries.
type wires struct {
	hosts *hosts

	mu     sync.Mutex
	idle   []*wire
	closed bool
	dials  sync.WaitGroup
}

// get returns an idle wire, newest first, or a fresh one. A handshake that has
// begun is carried to its end (or its own time limit) when ctx ends meanwhile,
// and its wire kept for the next query: servers count connections that break off
// in their handshake as failures, and some fall over them.
func (p *wires) get(ctx context.Context) (w *wire, fresh bool, err error) {
	p.mu.Lock()
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		w, p.idle = p.idle[last], p.idle[:last]
		if time.Since(w.since) < connectionLife {
			p.mu.Unlock()
			return w, false, nil
		}
		w.close()
	}
	if p.closed {
		p.mu.Unlock()
		return nil, true, ErrClosed
	}
	p.dials.Add(1)
	p.mu.Unlock()
	type dialled struct {
		wire *wire
		err  error
	}
	done := make(chan dialled)
	go func() {
		defer p.dials.Done()
		var d dialled
		d.err = p.hosts.try(context.WithoutCancel(ctx), func(ctx context.Context, address string) (err error) {
			d.wire, err = dialWire(ctx, p.hosts.options, address)
			return err
		})
		select {
		case done <- d:
		case <-ctx.Done():
			if d.err == nil {
				p.put(d.wire)
			}
		}
	}()
	select {
	case d := <-done:
		return d.wire, true, d.err
	case <-ctx.Done():
		return nil, true, ctx.Err()
	}
}

// put gives a wire back; one whose answer was not read to its end is closed.
func (p *wires) put(w *wire) {
	p.mu.Lock()
	keep := w.finished && !p.closed
	if keep {
		p.idle = append(p.idle, w)
	}
	p.mu.Unlock()
	if !keep {
		w.close()
	}
}

// drop closes the idle wires: one of them was found dead, and a server that
// restarts kills them all.
func (p *wires) drop() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, w := range idle {
		w.close()
	}
}

func (p *wires) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.dials.Wait()
	p.drop()
}
