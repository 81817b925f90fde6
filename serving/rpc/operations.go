package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"fealty/serving"
	internalv1 "fealty/serving/gen/fealty/internalv1"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// maxPieceBytes bounds one piece of a file, of a result and of a request.
	maxPieceBytes = 1 << 20
	// maxFiles bounds the files of one call.
	maxFiles = 10_000
	// maxLabelBytes bounds a file's label.
	maxLabelBytes = 255
	// progressEvery is the shortest time between two progress events of one stage.
	progressEvery = 50 * time.Millisecond
)

// kindNames are the kinds as the operations stream spells them.
var kindNames = map[serving.Kind]string{
	serving.Internal:        "internal",
	serving.Invalid:         "invalid",
	serving.NotFound:        "not_found",
	serving.Conflict:        "conflict",
	serving.Unavailable:     "unavailable",
	serving.Exhausted:       "exhausted",
	serving.Unauthenticated: "unauthenticated",
	serving.Denied:          "denied",
	serving.Canceled:        "canceled",
	serving.Deadline:        "deadline",
}

// operationsServer runs operations for the command line. Whoever reaches it
// owns this process, because the socket says so, and errors are told in full.
type operationsServer struct {
	internalv1.UnsafeOperationsServer
	operations *serving.Operations
	log        *slog.Logger
}

// Run carries out one operation. Cancelling the call cancels the operation.
func (o *operationsServer) Run(stream internalv1.Operations_RunServer) error {
	first, err := stream.Recv()
	if err != nil {
		return status.Error(codes.InvalidArgument, "the call ended before it began")
	}
	ctx, cancel := context.WithCancel(stream.Context())
	c := &conversation{stream: stream, ctx: ctx}
	call, err := c.begin(first.GetStart())
	if err != nil {
		cancel()
		return c.fail(err)
	}
	// The reader of the caller's pieces ends with the stream, which ends when Run
	// returns; it touches nothing but the files' channels.
	go c.receive()
	o.log.Info("operation begins", slog.String("operation", call.Operation), slog.Int("files", len(call.Files)))
	began := time.Now()
	result, err := o.run(ctx, call)
	cancel()
	level, words := slog.LevelInfo, ""
	if err != nil {
		level, words = slog.LevelWarn, err.Error()
	}
	o.log.Log(stream.Context(), level, "operation ended", slog.String("operation", call.Operation),
		slog.Duration("took", time.Since(began)), slog.String("error", words))
	if err != nil {
		return c.fail(err)
	}
	return c.succeed(result)
}

// run turns a panic of the operation into an error: the process that serves
// must not die of a verb.
func (o *operationsServer) run(ctx context.Context, call serving.Call) (result []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			o.log.Error("operation panicked", slog.String("operation", call.Operation), slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("%s: panic: %v (the log of serve has the stack)", call.Operation, r)
		}
	}()
	return o.operations.Run(ctx, call)
}

// conversation is one call on the stream. Send is not safe for concurrent use
// on a stream, and progress, wishes and outputs come from anywhere.
type conversation struct {
	stream internalv1.Operations_RunServer
	//nolint:containedctx // readers and writers of files have no context of their own: io.Reader and io.Writer
	ctx   context.Context
	files []*wantedFile

	sending sync.Mutex
	outputs uint32
	open    map[string]bool

	reporting sync.Mutex
	reported  time.Time
	stage     string
}

func (c *conversation) begin(start *internalv1.Start) (serving.Call, error) {
	none := serving.Call{}
	switch {
	case start == nil:
		return none, fmt.Errorf("the first message is not start: %w", serving.ErrInvalid)
	case len(start.GetRequestJson()) > maxPieceBytes:
		return none, fmt.Errorf("the request has %d bytes, at most %d are taken: %w", len(start.GetRequestJson()), maxPieceBytes, serving.ErrExhausted)
	case len(start.GetFiles()) > maxFiles:
		return none, fmt.Errorf("%d files, at most %d are taken: %w", len(start.GetFiles()), maxFiles, serving.ErrExhausted)
	}
	call := serving.Call{
		Operation: start.GetOperation(), Request: start.GetRequestJson(), Settings: start.GetSettings(),
		Report: c.report, Output: c.output,
	}
	if !start.GetTakesOutput() {
		call.Output = nil
	}
	for i, label := range start.GetFiles() {
		if err := checkLabel(label); err != nil {
			return none, err
		}
		f := &wantedFile{c: c, index: uint32(i), label: label, pieces: make(chan *internalv1.FilePiece, 2)} // at most maxFiles
		c.files = append(c.files, f)
		call.Files = append(call.Files, serving.File{Name: label, Reader: f})
	}
	return call, nil
}

// checkLabel refuses what could be taken for a path.
func checkLabel(label string) error {
	switch {
	case label == "", label == ".", label == "..", len(label) > maxLabelBytes,
		strings.ContainsAny(label, "/\\\x00"), !utf8.ValidString(label), filepath.Base(label) != label:
		return fmt.Errorf("file label %q: want a base name of 1 to %d bytes without separators: %w", label, maxLabelBytes, serving.ErrInvalid)
	}
	return nil
}

// receive hands the caller's pieces to the files that wanted them.
func (c *conversation) receive() {
	for {
		request, err := c.stream.Recv()
		if err != nil {
			// The stream's context ends with it, which is what readers wait for too; a
			// caller that only closed its side is no reason to stop.
			return
		}
		piece := request.GetPiece()
		if piece == nil || int64(piece.GetFile()) >= int64(len(c.files)) {
			continue
		}
		select {
		case c.files[piece.GetFile()].pieces <- piece:
		default:
			// Nobody wanted it: at most one piece beyond the one being read is asked for.
		}
	}
}

func (c *conversation) send(event *internalv1.RunEvent) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if err := c.stream.Send(event); err != nil {
		return fmt.Errorf("tell the caller: %w", err)
	}
	return nil
}

// fail ends the conversation with the error as the owner may read it. The call
// itself ends well: the error is an event, so that it has kind and words.
func (c *conversation) fail(err error) error {
	return c.send(&internalv1.RunEvent{Event: &internalv1.RunEvent_Failure{Failure: &internalv1.Failure{
		Kind: kindNames[serving.KindOf(err)], Message: text(err.Error()),
	}}})
}

func (c *conversation) succeed(result []byte) error {
	for {
		n := min(len(result), maxPieceBytes)
		piece := &internalv1.Result{Json: result[:n], Last: n == len(result)}
		if err := c.send(&internalv1.RunEvent{Event: &internalv1.RunEvent_Result{Result: piece}}); err != nil {
			return err
		}
		if piece.GetLast() {
			return nil
		}
		result = result[n:]
	}
}

// report passes progress on, not oftener than a person can read: a stage's
// first and last step, and in between one each progressEvery. A step that does
// not arrive is no reason to stop the work; the context says when the caller left.
func (c *conversation) report(p serving.Progress) {
	c.reporting.Lock()
	defer c.reporting.Unlock()
	now := time.Now()
	if p.Stage == c.stage && now.Sub(c.reported) < progressEvery && (p.Total == 0 || p.Done < p.Total) {
		return
	}
	c.stage, c.reported = p.Stage, now
	_ = c.send(&internalv1.RunEvent{Event: &internalv1.RunEvent_Progress{Progress: &internalv1.Progress{
		Stage: text(p.Stage), Done: p.Done, Total: p.Total, Unit: text(p.Unit),
	}}})
}

// wantedFile reads a file of the caller. Pieces are asked for, one ahead of
// the one that is being read: an operation may so read its files in any order,
// or not at all, and nothing piles up.
type wantedFile struct {
	c      *conversation
	index  uint32
	label  string
	pieces chan *internalv1.FilePiece

	asked bool
	rest  []byte
	end   error
}

func (f *wantedFile) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		if f.end != nil {
			return 0, f.end
		}
		if len(p) == 0 {
			return 0, nil
		}
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func (f *wantedFile) next() error {
	if !f.asked {
		if err := f.want(); err != nil {
			return err
		}
		f.asked = true
	}
	select {
	case piece := <-f.pieces:
		switch {
		case len(piece.GetBytes()) > maxPieceBytes:
			f.end = fmt.Errorf("file %q: a piece has %d bytes, at most %d are taken: %w", f.label, len(piece.GetBytes()), maxPieceBytes, serving.ErrExhausted)
			return f.end
		case piece.GetError() != "":
			f.end = fmt.Errorf("file %q could not be read by the caller: %s: %w", f.label, piece.GetError(), serving.ErrInvalid)
		case piece.GetLast():
			f.end = io.EOF
		default:
			if err := f.want(); err != nil {
				return err
			}
		}
		f.rest = piece.GetBytes()
		return nil
	case <-f.c.ctx.Done():
		return fmt.Errorf("file %q: %w", f.label, f.c.ctx.Err())
	}
}

func (f *wantedFile) want() error {
	return f.c.send(&internalv1.RunEvent{Event: &internalv1.RunEvent_Want{Want: &internalv1.Want{File: f.index}}})
}

// output opens a file on the caller's side.
func (c *conversation) output(name string) (io.WriteCloser, error) {
	if err := checkLabel(name); err != nil {
		return nil, err
	}
	c.sending.Lock()
	if c.open[name] {
		c.sending.Unlock()
		return nil, fmt.Errorf("file %q is being written already: %w", name, serving.ErrConflict)
	}
	if c.open == nil {
		c.open = map[string]bool{}
	}
	c.open[name] = true
	id := c.outputs
	c.outputs++
	c.sending.Unlock()
	f := &sentFile{c: c, id: id, name: name}
	// The caller learns at once that it can't open the file, not after an hour of work.
	if err := f.piece(&internalv1.OutputPiece{Output: id, Name: name}); err != nil {
		return nil, err
	}
	return f, nil
}

// sentFile writes a file of the caller. Close says that it is whole; Abort
// that it is not.
type sentFile struct {
	c     *conversation
	id    uint32
	name  string
	ended bool
}

var errEnded = errors.New("the file was closed before")

func (f *sentFile) piece(p *internalv1.OutputPiece) error {
	if err := f.c.ctx.Err(); err != nil {
		return fmt.Errorf("write file %q: %w", f.name, err)
	}
	if err := f.c.send(&internalv1.RunEvent{Event: &internalv1.RunEvent_Output{Output: p}}); err != nil {
		return fmt.Errorf("write file %q: %w", f.name, err)
	}
	return nil
}

func (f *sentFile) Write(p []byte) (int, error) {
	if f.ended {
		return 0, fmt.Errorf("write file %q: %w", f.name, errEnded)
	}
	written := 0
	for len(p) > 0 {
		n := min(len(p), maxPieceBytes)
		// gRPC encodes the message before Send returns (nothing here looks at it
		// later, as a stats handler might), so the caller may use p again.
		if err := f.piece(&internalv1.OutputPiece{Output: f.id, Bytes: p[:n]}); err != nil {
			return written, err
		}
		written += n
		p = p[n:]
	}
	return written, nil
}

func (f *sentFile) Close() error { return f.endWith(&internalv1.OutputPiece{Output: f.id, Last: true}) }

// Abort gives the file up: the caller must not take it for whole.
func (f *sentFile) Abort() error {
	return f.endWith(&internalv1.OutputPiece{Output: f.id, Abandoned: true})
}

func (f *sentFile) endWith(p *internalv1.OutputPiece) error {
	if f.ended {
		return nil
	}
	f.ended = true
	f.c.sending.Lock()
	delete(f.c.open, f.name)
	f.c.sending.Unlock()
	return f.piece(p)
}
