package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fealty/features/frame"
	"fealty/model"
	"fealty/serving"
	"fealty/serving/client"
	fealtyv1 "fealty/serving/gen/fealty/v1"
	"fealty/serving/rpc"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answers is the least that a server needs.
type answers struct{ err error }

// errNoGroups is what the answers say of groups.
var errNoGroups = fmt.Errorf("no groups: %w", serving.ErrUnavailable)

func (a *answers) Get(_ context.Context, id frame.AccountID) (serving.Answer, error) {
	x := serving.Answer{}
	x.Account, x.Probability = id, .5
	return x, a.err
}

func (a *answers) Worth(_ context.Context, id frame.AccountID) (serving.WorthAnswer, error) {
	x := serving.WorthAnswer{}
	x.Account, x.Loyalty.Score, x.Wallet.Share, x.Lifetime.Value = id, 50, .5, 5
	x.Recommendations = []serving.SaidRecommendation{{}}
	return x, a.err
}

func (a *answers) Growth(_ context.Context, r serving.GrowthRequest) (serving.GrowthResult, error) {
	return serving.GrowthResult{By: r.By, Base: []serving.GrowthRow{{New: 3}}}, a.err
}

func (a *answers) Declare(_ context.Context, r serving.DeclareRequest) (serving.DeclareResult, error) {
	return serving.DeclareResult{Period: r.Period, Spend: model.Figure(r.Rank)}, a.err
}

func (a *answers) BatchGet(ctx context.Context, ids []frame.AccountID) (found []serving.Answer, unknown []frame.AccountID, err error) {
	x, err := a.Get(ctx, ids[0])
	return []serving.Answer{x}, ids[1:], err
}

func (a *answers) List(ctx context.Context, _ serving.ListRequest) (serving.ListPage, error) {
	x, err := a.Get(ctx, "a")
	return serving.ListPage{Answers: []serving.Answer{x}, Total: 1}, err
}

func (a *answers) ScoreNow(ctx context.Context, ids []frame.AccountID) ([]serving.Answer, []frame.AccountID, error) {
	return a.BatchGet(ctx, ids)
}

func (a *answers) Groups() serving.Answers { return &answers{errNoGroups} }

func (a *answers) Status(context.Context) serving.Status {
	return serving.Status{Version: "1", Ready: true}
}

type tokens struct{}

func (tokens) Verify(_ context.Context, key string) (string, []string, error) {
	if key != "fealty_k" {
		return "", nil, serving.ErrUnauthenticated
	}
	return "k", rpc.Scopes(), nil
}

// serve runs a server and returns its gRPC address, its socket and how to end it.
func serve(t *testing.T, a *answers, operations *serving.Operations) (address, socket string, stop func()) {
	t.Helper()
	s, err := rpc.New(rpc.Options{
		Answers: a, Tokens: tokens{}, Operations: operations, Limits: rpc.Limits{Notice: -1, Stop: 200 * time.Millisecond},
		Declare: a.Declare, KeyName: func(context.Context, string) (string, error) { return "Li Wei", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "f") //nolint:usetesting // t.TempDir holds the test's name and gets too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, "s")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l, nil, at) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Serve returned %v", err)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for range 500 {
		if client.Running(t.Context(), at) {
			return l.Addr().String(), at, stop
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nobody answers at the socket")
	return "", "", nil
}

// kept is an output that remembers how it ended.
type kept struct {
	bytes.Buffer
	closed, aborted bool
	fail            error
}

func (k *kept) Write(p []byte) (int, error) {
	if k.fail != nil {
		return 0, k.fail
	}
	return k.Buffer.Write(p)
}
func (k *kept) Close() error { k.closed = true; return nil }
func (k *kept) Abort() error { k.aborted = true; return nil }

func operations(run func(ctx context.Context, call serving.Call) (any, error)) *serving.Operations {
	return serving.NewOperations(map[string]string{"horizon_days": "90"}, serving.Operation{Name: "op", Writes: true, Run: run})
}

// Files larger than a piece, read in an order that is not the caller's, come
// through whole; so do outputs and the result.
func TestOperationMovesFilesBothWays(t *testing.T) {
	source := rand.NewChaCha8([32]byte{7})
	contents := [][]byte{make([]byte, 3<<20+17), {}, []byte("x"), make([]byte, 512<<10)}
	for _, c := range contents {
		if _, err := source.Read(c); err != nil {
			t.Fatal(err)
		}
	}
	_, socket, _ := serve(t, &answers{}, operations(func(_ context.Context, call serving.Call) (any, error) {
		var sizes []int
		for i, f := range slices.Backward(call.Files) {
			call.Report(serving.Progress{Stage: "reading " + f.Name, Done: int64(i), Total: 4, Unit: "files"})
			w, err := call.Output("copy of " + f.Name)
			if err != nil {
				return nil, err
			}
			n, err := io.Copy(w, f)
			if err != nil {
				return nil, err
			}
			if err := w.Close(); err != nil {
				return nil, err
			}
			sizes = append(sizes, int(n))
		}
		return map[string]any{"sizes": sizes, "request": call.Request, "long": strings.Repeat("y", 5<<20)}, nil
	}))
	outputs := map[string]*kept{}
	var stages []string
	call := serving.Call{
		Operation: "op", Request: json.RawMessage(`{"a":1}`), Settings: map[string]string{"horizon_days": "90"},
		Output: func(name string) (io.WriteCloser, error) {
			outputs[name] = &kept{}
			return outputs[name], nil
		},
		Report: func(p serving.Progress) { stages = append(stages, p.Stage) },
	}
	for i, c := range contents {
		call.Files = append(call.Files, serving.File{Name: fmt.Sprintf("f%d.csv", i), Reader: bytes.NewReader(c)})
	}
	raw, err := client.RunOperation(t.Context(), socket, call)
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Sizes   []int
		Request struct{ A int }
		Long    string
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		t.Fatal(err)
	}
	if result.Request.A != 1 || len(result.Long) != 5<<20 || fmt.Sprint(result.Sizes) != "[524288 1 0 3145745]" {
		t.Errorf("request %v, long %d, sizes %v", result.Request, len(result.Long), result.Sizes)
	}
	for i, c := range contents {
		got := outputs[fmt.Sprintf("copy of f%d.csv", i)]
		if got == nil || !bytes.Equal(got.Bytes(), c) || !got.closed || got.aborted {
			t.Errorf("file %d did not come back whole and closed", i)
		}
	}
	if fmt.Sprint(stages) != "[reading f3.csv reading f2.csv reading f1.csv reading f0.csv]" {
		t.Errorf("stages %v", stages)
	}
}

// Every kind of error keeps its kind and its words across the socket.
func TestOperationErrorsKeepTheirKind(t *testing.T) {
	for _, sentinel := range []error{
		serving.ErrInvalid, serving.ErrNotFound, serving.ErrConflict, serving.ErrUnavailable, serving.ErrExhausted,
		serving.ErrUnauthenticated, serving.ErrDenied, context.Canceled, context.DeadlineExceeded, errors.New("disk full"),
	} {
		want := fmt.Errorf("train: at /data/x.csv:12: %w", sentinel)
		_, socket, stop := serve(t, &answers{}, operations(func(context.Context, serving.Call) (any, error) { return nil, want }))
		_, err := client.RunOperation(t.Context(), socket, serving.Call{Operation: "op"})
		if serving.KindOf(err) != serving.KindOf(want) || err == nil || err.Error() != "op: "+want.Error() {
			t.Errorf("got %v of kind %d, want %v of kind %d", err, serving.KindOf(err), want, serving.KindOf(want))
		}
		stop()
	}
}

func TestOperationRefusals(t *testing.T) {
	_, socket, _ := serve(t, &answers{}, operations(func(_ context.Context, call serving.Call) (any, error) {
		if string(call.Request) == `"panic"` {
			panic("boom")
		}
		if call.Output == nil {
			return "no output", nil
		}
		_, err := call.Output("../../etc/passwd")
		return nil, err
	}))
	file := func(name string) []serving.File { return []serving.File{{Name: name, Reader: strings.NewReader("x")}} }
	output := func(string) (io.WriteCloser, error) { return nil, errors.New("never to be called") }
	tests := []struct {
		name string
		call serving.Call
		want error
		says string
	}{
		{"unknown operation", serving.Call{Operation: "erase"}, serving.ErrNotFound, `"erase"`},
		{"other settings", serving.Call{Operation: "op", Settings: map[string]string{"horizon_days": "30"}}, serving.ErrConflict, "horizon_days"},
		{"path for a label", serving.Call{Operation: "op", Files: file("/etc/passwd")}, serving.ErrInvalid, "base name"},
		{"path upwards", serving.Call{Operation: "op", Files: file("..")}, serving.ErrInvalid, "base name"},
		{"backslash", serving.Call{Operation: "op", Files: file(`a\b`)}, serving.ErrInvalid, "base name"},
		{"no label", serving.Call{Operation: "op", Files: file("")}, serving.ErrInvalid, "base name"},
		{"path for an output", serving.Call{Operation: "op", Output: output}, serving.ErrInvalid, "base name"},
		{"panic", serving.Call{Operation: "op", Request: json.RawMessage(`"panic"`)}, nil, "boom"},
		{"large request", serving.Call{Operation: "op", Request: json.RawMessage(`"` + strings.Repeat("x", 2<<20) + `"`)}, serving.ErrExhausted, "large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := client.RunOperation(t.Context(), socket, tt.call)
			if err == nil || !strings.Contains(err.Error(), tt.says) || (tt.want != nil && !errors.Is(err, tt.want)) {
				t.Errorf("got %v, want %v saying %q", err, tt.want, tt.says)
			}
		})
	}
	if raw, err := client.RunOperation(t.Context(), socket, serving.Call{Operation: "op"}); err != nil || string(raw) != `"no output"` {
		t.Errorf("a call without outputs: %s, %v", raw, err)
	}
}

// Cancelling at the caller's side ends the operation, and the outputs are not
// kept.
func TestCancelEndsTheOperation(t *testing.T) {
	ended := make(chan error, 1)
	_, socket, _ := serve(t, &answers{}, operations(func(ctx context.Context, call serving.Call) (any, error) {
		w, err := call.Output("half.csv")
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, "half"); err != nil {
			return nil, err
		}
		call.Report(serving.Progress{Stage: "waiting"})
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	half := &kept{}
	_, err := client.RunOperation(ctx, socket, serving.Call{
		Operation: "op",
		Output:    func(string) (io.WriteCloser, error) { return half, nil },
		Report:    func(serving.Progress) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the operation ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the operation goes on")
	}
	if half.closed || !half.aborted || half.String() != "half" {
		t.Errorf("the half output: closed %v, aborted %v, %q", half.closed, half.aborted, half)
	}
}

// A file that the caller can't read fails the operation, by the file's name.
func TestFileThatBreaks(t *testing.T) {
	_, socket, _ := serve(t, &answers{}, operations(func(_ context.Context, call serving.Call) (any, error) {
		_, err := io.ReadAll(call.Files[0])
		return nil, err
	}))
	broken := io.MultiReader(strings.NewReader("a,b\n"), &brokenReader{})
	_, err := client.RunOperation(t.Context(), socket, serving.Call{Operation: "op", Files: []serving.File{{Name: "orders.csv", Reader: broken}}})
	if !errors.Is(err, serving.ErrInvalid) || !strings.Contains(err.Error(), "orders.csv") || !strings.Contains(err.Error(), "stale handle") {
		t.Errorf("got %v", err)
	}
}

type brokenReader struct{}

func (*brokenReader) Read([]byte) (int, error) { return 0, errors.New("stale handle") }

// An output that the caller can't write ends the operation.
func TestOutputThatBreaks(t *testing.T) {
	ended := make(chan struct{})
	_, socket, _ := serve(t, &answers{}, operations(func(ctx context.Context, call serving.Call) (any, error) {
		defer close(ended)
		w, err := call.Output("out.csv")
		if err != nil {
			return nil, err
		}
		for ctx.Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return nil, err
			}
		}
		return nil, ctx.Err()
	}))
	full := &kept{fail: errors.New("no space left")}
	_, err := client.RunOperation(t.Context(), socket, serving.Call{Operation: "op", Output: func(string) (io.WriteCloser, error) { return full, nil }})
	if err == nil || !strings.Contains(err.Error(), `write output "out.csv": no space left`) || !full.aborted {
		t.Errorf("got %v, aborted %v", err, full.aborted)
	}
	<-ended
}

// An output that the operation gives up, or forgets, is not kept.
func TestOutputGivenUp(t *testing.T) {
	for _, forget := range []bool{false, true} {
		_, socket, _ := serve(t, &answers{}, operations(func(_ context.Context, call serving.Call) (any, error) {
			w, err := call.Output("out.csv")
			if err != nil {
				return nil, err
			}
			if _, err := call.Output("out.csv"); !errors.Is(err, serving.ErrConflict) {
				return nil, fmt.Errorf("the same output twice: %w", err)
			}
			if forget {
				return "done", nil
			}
			a, ok := w.(client.Aborter)
			if !ok {
				return nil, errors.New("the output can't be given up")
			}
			return "done", a.Abort()
		}))
		out := &kept{}
		_, err := client.RunOperation(t.Context(), socket, serving.Call{Operation: "op", Output: func(string) (io.WriteCloser, error) { return out, nil }})
		if (err != nil) != forget || out.closed || !out.aborted {
			t.Errorf("forgotten %v: %v, closed %v, aborted %v", forget, err, out.closed, out.aborted)
		}
	}
}

// One writing operation runs at a time, also for callers of the socket.
func TestWritingOperationsTakeTurns(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	_, socket, _ := serve(t, &answers{}, operations(func(context.Context, serving.Call) (any, error) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		running--
		mu.Unlock()
		return nil, nil //nolint:nilnil // an operation without a result
	}))
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			if raw, err := client.RunOperation(t.Context(), socket, serving.Call{Operation: "op"}); err != nil || string(raw) != "null" {
				t.Errorf("%s, %v", raw, err)
			}
		})
	}
	callers.Wait()
	if most != 1 {
		t.Errorf("%d ran at once", most)
	}
}

// The end of serve while an operation runs is told as such.
func TestServeEndsMeanwhile(t *testing.T) {
	begun := make(chan struct{})
	_, socket, stop := serve(t, &answers{}, operations(func(ctx context.Context, _ serving.Call) (any, error) {
		close(begun)
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	failed := make(chan error, 1)
	go func() {
		_, err := client.RunOperation(context.Background(), socket, serving.Call{Operation: "op"})
		failed <- err
	}()
	<-begun
	stop()
	if err := <-failed; !errors.Is(err, serving.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestNobodyAtTheSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "none")
	if client.Running(t.Context(), socket) {
		t.Error("somebody answers")
	}
	if _, err := client.RunOperation(t.Context(), socket, serving.Call{Operation: "op"}); !errors.Is(err, serving.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestClientAsks(t *testing.T) {
	a := &answers{}
	address, _, _ := serve(t, a, nil)
	c, err := client.Dial(address, client.Options{Token: "fealty_k"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx := t.Context()
	if s, err := c.GetScore(ctx, "a/b"); err != nil || s.GetAccount() != "a/b" || s.GetProbability() != .5 {
		t.Errorf("GetScore: %v, %v", s, err)
	}
	if found, unknown, err := c.BatchGetScores(ctx, []string{"a", "b"}, false); err != nil || len(found) != 1 || len(unknown) != 1 {
		t.Errorf("BatchGetScores: %v, %v, %v", found, unknown, err)
	}
	if v, err := c.GetValue(ctx, "a/b"); err != nil || v.GetAccount() != "a/b" || v.GetLifetimeValue() != 5 {
		t.Errorf("GetValue: %v, %v", v, err)
	}
	if w, err := c.GetWallet(ctx, "a"); err != nil || w.GetAccount() != "a" || w.GetTotal().GetShare() != .5 {
		t.Errorf("GetWallet: %v, %v", w, err)
	}
	if d, err := c.DeclareWallet(ctx, &fealtyv1.DeclareWalletRequest{Account: "a", Rank: 2, Suppliers: 3, Period: "2026-01-01"}); err != nil || d.GetAuthor() != "Li Wei" || d.GetPeriod() != "2026-01-01" || d.GetSpend() != 2 {
		t.Errorf("DeclareWallet: %v, %v", d, err)
	}
	if r, err := c.GetRecommendations(ctx, "a"); err != nil || r.GetAccount() != "a" || len(r.GetRecommendations()) != 1 {
		t.Errorf("GetRecommendations: %v, %v", r, err)
	}
	if l, err := c.GetLoyalty(ctx, "a"); err != nil || l.GetAccount() != "a" || l.GetScore() != 50 {
		t.Errorf("GetLoyalty: %v, %v", l, err)
	}
	if g, err := c.GetGrowth(ctx, &fealtyv1.GetGrowthRequest{By: "region"}); err != nil || g.GetBy() != "region" || g.GetBase()[0].GetNew() != 3 {
		t.Errorf("GetGrowth: %v, %v", g, err)
	}
	if _, _, err := c.BatchGetScores(ctx, []string{"a"}, true); serving.KindOf(err) != serving.Unavailable {
		t.Errorf("of groups: %v, want what is said of groups", err)
	}
	if found, unknown, err := c.ScoreNow(ctx, []string{"a", "b"}); err != nil || len(found) != 1 || len(unknown) != 1 {
		t.Errorf("ScoreNow: %v, %v, %v", found, unknown, err)
	}
	if page, err := c.ListScores(ctx, &fealtyv1.ListScoresRequest{}); err != nil || page.GetTotalSize() != 1 {
		t.Errorf("ListScores: %v, %v", page, err)
	}
	if v, err := c.Version(ctx); err != nil || v.GetVersion() != "1" {
		t.Errorf("Version: %v, %v", v, err)
	}
	if h, err := c.Health(ctx); err != nil || !h.GetReady() {
		t.Errorf("Health: %v, %v", h, err)
	}
	for _, sentinel := range []error{serving.ErrInvalid, serving.ErrNotFound, serving.ErrConflict, serving.ErrUnavailable, serving.ErrExhausted, serving.ErrDenied, context.DeadlineExceeded, errors.New("x")} {
		a.err = sentinel
		if _, err := c.GetLoyalty(ctx, "a"); serving.KindOf(err) != serving.KindOf(sentinel) {
			t.Errorf("GetLoyalty after %v: %v", sentinel, err)
		}
		if _, err := c.DeclareWallet(ctx, &fealtyv1.DeclareWalletRequest{Account: "a", Rank: 2, Suppliers: 3}); serving.KindOf(err) != serving.KindOf(sentinel) {
			t.Errorf("DeclareWallet after %v: %v", sentinel, err)
		}
		if _, err := c.GetScore(ctx, "a"); serving.KindOf(err) != serving.KindOf(sentinel) {
			t.Errorf("%v came back as %v", sentinel, err)
		}
	}
	stranger, err := client.Dial(address, client.Options{Token: "fealty_other"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Version(ctx); !errors.Is(err, serving.ErrUnauthenticated) {
		t.Errorf("with another key: %v", err)
	}
	if err := stranger.Close(); err != nil {
		t.Error(err)
	}
}

// A key does not travel a network in the clear by accident.
func TestDialKeepsKeysOffOpenNetworks(t *testing.T) {
	for target, ok := range map[string]bool{"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "scores.example:1": false, "10.0.0.1:1": false, "127.0.0.1.example:1": false} {
		c, err := client.Dial(target, client.Options{Token: "fealty_k"})
		if ok != (err == nil) || (!ok && !errors.Is(err, serving.ErrInvalid)) {
			t.Errorf("%s: %v", target, err)
		}
		if c != nil {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	c, err := client.Dial("scores.example:1", client.Options{Token: "fealty_k", Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
