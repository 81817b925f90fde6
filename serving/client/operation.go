package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"fealty/serving"
	internalv1 "fealty/serving/gen/fealty/internalv1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const (
	// pieceBytes is the size of the pieces that files are sent in.
	pieceBytes = 512 << 10
	// maxEventBytes is the largest event taken: a piece of 1 MiB and its frame.
	maxEventBytes = 1<<20 + 64<<10
)

// Aborter is implemented by outputs that must not be kept when the operation
// that writes them does not succeed. RunOperation then calls Abort in place of
// Close; an output without it is closed as it is.
type Aborter interface{ Abort() error }

// Running reports whether a serve process answers at socket. False means that
// the caller may open the warehouse itself.
func Running(ctx context.Context, socket string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	_ = conn.Close() // it was opened only to see whether it opens
	return true
}

// RunOperation carries out call in the serve process that answers at socket
// and returns its result as JSON. The process reads the call's files and writes
// its outputs through the caller, piece by piece as it wants them; labels of
// files must be base names. Ending ctx cancels the operation.
//
// Errors unwrap to the sentinel of their kind; serving.ErrUnavailable when
// nobody answers at socket or the process ends meanwhile. When the call does
// not succeed, outputs that were not finished are aborted (Aborter). A Read of
// a caller's file that blocks goes on blocking after RunOperation has returned:
// whoever opened the file ends it.
func RunOperation(ctx context.Context, socket string, call serving.Call) (json.RawMessage, error) {
	for _, f := range call.Files {
		if err := checkLabel(f.Name); err != nil {
			return nil, fmt.Errorf("%s: %w", call.Operation, err)
		}
	}
	conn, err := grpc.NewClient("passthrough:///fealty",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", socket)
		}),
		grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxEventBytes), grpc.MaxCallSendMsgSize(maxEventBytes)),
	)
	if err != nil {
		return nil, fmt.Errorf("%s: reach serve at %q: %w", call.Operation, socket, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := internalv1.NewOperationsClient(conn).Run(ctx)
	if err != nil {
		cancel()
		return nil, errors.Join(broken(call.Operation, socket, err), conn.Close())
	}
	t := &talk{stream: stream, call: call, reading: make([]sync.Mutex, len(call.Files)), outputs: map[uint32]*output{}}
	result, err := t.run()
	// Cancelling first: a piece that is being sent must not hold the connection.
	cancel()
	if err != nil {
		var st interface{ GRPCStatus() *status.Status }
		if errors.As(err, &st) {
			err = broken(call.Operation, socket, err)
		}
		err = errors.Join(err, t.abort())
	}
	if cerr := conn.Close(); cerr != nil && err == nil {
		err = fmt.Errorf("%s: close the connection: %w", call.Operation, cerr)
	}
	return result, err
}

// checkLabel refuses what could be taken for a path.
func checkLabel(label string) error {
	if label == "" || label == "." || label == ".." || strings.ContainsAny(label, "/\\\x00") || filepath.Base(label) != label {
		return fmt.Errorf("file label %q: want a base name: %w", label, serving.ErrInvalid)
	}
	return nil
}

// broken is the end of a conversation that the server did not end itself.
func broken(operation, socket string, err error) error {
	switch status.Code(err) { //nolint:exhaustive // the other codes all mean that the process is not what we think
	case codes.Canceled:
		return fmt.Errorf("%s: %w", operation, context.Canceled)
	case codes.DeadlineExceeded:
		return fmt.Errorf("%s: %w", operation, context.DeadlineExceeded)
	case codes.Unimplemented:
		return fmt.Errorf("%s: the process at %q runs no operations: %w", operation, socket, serving.ErrUnavailable)
	case codes.ResourceExhausted:
		return fmt.Errorf("%s: too large to be sent to the process at %q: %w", operation, socket, serving.ErrExhausted)
	}
	return fmt.Errorf("%s: the process at %q does not answer: %s: %w", operation, socket, status.Convert(err).Message(), serving.ErrUnavailable)
}

// talk is one call on the stream.
type talk struct {
	stream internalv1.Operations_RunClient
	call   serving.Call

	sending sync.Mutex
	// reading holds one lock per file, so that its pieces keep their order.
	reading []sync.Mutex
	// outputs are the files being written, by the server's number. Only run and
	// what follows it touch them.
	outputs map[uint32]*output
}

type output struct {
	name string
	w    io.WriteCloser
}

func (t *talk) run() (json.RawMessage, error) {
	start := &internalv1.Start{
		Operation: t.call.Operation, RequestJson: t.call.Request, Settings: t.call.Settings, TakesOutput: t.call.Output != nil,
	}
	for _, f := range t.call.Files {
		start.Files = append(start.Files, f.Name)
	}
	if err := t.send(&internalv1.RunRequest{Step: &internalv1.RunRequest_Start{Start: start}}); err != nil {
		return nil, err
	}
	var result []byte
	for {
		event, err := t.stream.Recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("%s: the process ended the call without a result: %w", t.call.Operation, serving.ErrUnavailable)
			}
			return nil, err //nolint:wrapcheck // RunOperation turns the status into words
		}
		switch e := event.GetEvent().(type) {
		case *internalv1.RunEvent_Progress:
			if t.call.Report != nil {
				t.call.Report(serving.Progress{Stage: e.Progress.GetStage(), Done: e.Progress.GetDone(), Total: e.Progress.GetTotal(), Unit: e.Progress.GetUnit()})
			}
		case *internalv1.RunEvent_Want:
			if int64(e.Want.GetFile()) < int64(len(t.call.Files)) {
				// In the background: a file may be a terminal, and progress must go on being
				// shown meanwhile.
				go t.deliver(e.Want.GetFile())
			}
		case *internalv1.RunEvent_Output:
			if err := t.write(e.Output); err != nil {
				return nil, err
			}
		case *internalv1.RunEvent_Result:
			result = append(result, e.Result.GetJson()...)
			if e.Result.GetLast() {
				return result, t.unfinished()
			}
		case *internalv1.RunEvent_Failure:
			return nil, failed(e.Failure)
		}
	}
}

// send gives one step to the stream, which takes one at a time.
func (t *talk) send(r *internalv1.RunRequest) error {
	t.sending.Lock()
	defer t.sending.Unlock()
	if err := t.stream.Send(r); err != nil && !errors.Is(err, io.EOF) {
		return err //nolint:wrapcheck // RunOperation turns the status into words
	}
	// io.EOF says that the server has ended the call; Recv says why.
	return nil
}

// deliver sends the next piece of a file.
func (t *talk) deliver(file uint32) {
	t.reading[file].Lock()
	defer t.reading[file].Unlock()
	buffer := make([]byte, pieceBytes)
	n, err := io.ReadFull(t.call.Files[file], buffer)
	piece := &internalv1.FilePiece{File: file, Bytes: buffer[:n]}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		piece.Last = true
	case err != nil:
		piece.Last, piece.Error = true, strings.ToValidUTF8(err.Error(), "\uFFFD")
	}
	// When it can't be sent the call is over, and run hears of it.
	_ = t.send(&internalv1.RunRequest{Step: &internalv1.RunRequest_Piece{Piece: piece}})
}

// write carries out one step of a file that the operation writes.
func (t *talk) write(p *internalv1.OutputPiece) error {
	o, open := t.outputs[p.GetOutput()]
	if !open {
		if t.call.Output == nil || p.GetName() == "" {
			return fmt.Errorf("%s: the process writes a file that it did not open: %w", t.call.Operation, serving.ErrConflict)
		}
		// The label comes from the other side; a path in it would write anywhere.
		if err := checkLabel(p.GetName()); err != nil {
			return fmt.Errorf("%s: %w", t.call.Operation, err)
		}
		w, err := t.call.Output(p.GetName())
		if err != nil {
			return fmt.Errorf("%s: open output %q: %w", t.call.Operation, p.GetName(), err)
		}
		o = &output{name: p.GetName(), w: w}
		t.outputs[p.GetOutput()] = o
	}
	if len(p.GetBytes()) > 0 {
		if _, err := o.w.Write(p.GetBytes()); err != nil {
			return fmt.Errorf("%s: write output %q: %w", t.call.Operation, o.name, err)
		}
	}
	switch {
	case p.GetAbandoned():
		delete(t.outputs, p.GetOutput())
		return t.giveUp(o)
	case p.GetLast():
		delete(t.outputs, p.GetOutput())
		if err := o.w.Close(); err != nil {
			return fmt.Errorf("%s: close output %q: %w", t.call.Operation, o.name, err)
		}
	}
	return nil
}

// unfinished refuses a result whose files were not all finished.
func (t *talk) unfinished() error {
	for _, o := range t.outputs {
		return fmt.Errorf("%s: output %q was not finished", t.call.Operation, o.name)
	}
	return nil
}

// abort gives up every output that was not finished.
func (t *talk) abort() error {
	var errs []error
	for _, o := range t.outputs {
		errs = append(errs, t.giveUp(o))
	}
	t.outputs = nil
	return errors.Join(errs...)
}

func (t *talk) giveUp(o *output) error {
	end := o.w.Close
	if a, ok := o.w.(Aborter); ok {
		end = a.Abort
	}
	if err := end(); err != nil {
		return fmt.Errorf("%s: give up output %q: %w", t.call.Operation, o.name, err)
	}
	return nil
}

// kinds are the sentinels of the kinds as the operations stream spells them;
// an internal error has none.
var kinds = map[string]error{
	"invalid":         serving.ErrInvalid,
	"not_found":       serving.ErrNotFound,
	"conflict":        serving.ErrConflict,
	"unavailable":     serving.ErrUnavailable,
	"exhausted":       serving.ErrExhausted,
	"unauthenticated": serving.ErrUnauthenticated,
	"denied":          serving.ErrDenied,
	"canceled":        context.Canceled,
	"deadline":        context.DeadlineExceeded,
}

// failed is the operation's own error. Its words already name the operation.
func failed(f *internalv1.Failure) error {
	return &OperationError{Message: f.GetMessage(), kind: kinds[f.GetKind()]}
}

// OperationError is the error of an operation that ran in the serve process.
// It reads as it would have read there and unwraps to the sentinel of its kind.
type OperationError struct {
	// Message is the error's text.
	Message string
	kind    error
}

// Error returns the error's text as the serve process wrote it.
func (e *OperationError) Error() string { return e.Message }

// Unwrap returns the sentinel of the kind; nil for an internal error.
func (e *OperationError) Unwrap() error { return e.kind }
