package rpc

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fealty/features/frame"
	"fealty/model/score"
	"fealty/serving"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeAnswers answers what a test puts into it.
type fakeAnswers struct {
	get   func(ctx context.Context, a frame.AccountID) (serving.Answer, error)
	list  func(ctx context.Context, r serving.ListRequest) (serving.ListPage, error)
	worth func(a frame.AccountID) (serving.WorthAnswer, error)
	grow  func(r serving.GrowthRequest) (serving.GrowthResult, error)
	now   func(ctx context.Context, a []frame.AccountID) ([]serving.Answer, []frame.AccountID, error)
	mu    sync.Mutex
	ready bool
	asked []frame.AccountID
	// groups answers of groups; nil means this one.
	groups *fakeAnswers
}

func (f *fakeAnswers) Get(ctx context.Context, a frame.AccountID) (serving.Answer, error) {
	f.mu.Lock()
	f.asked = append(f.asked, a)
	f.mu.Unlock()
	if f.get != nil {
		return f.get(ctx, a)
	}
	return answerFor(a), nil
}

func (f *fakeAnswers) Worth(_ context.Context, a frame.AccountID) (serving.WorthAnswer, error) {
	f.mu.Lock()
	f.asked = append(f.asked, a)
	f.mu.Unlock()
	if f.worth != nil {
		return f.worth(a)
	}
	return worthOf(a), nil
}

func (f *fakeAnswers) Growth(_ context.Context, r serving.GrowthRequest) (serving.GrowthResult, error) {
	if f.grow != nil {
		return f.grow(r)
	}
	return serving.GrowthResult{By: r.By}, nil
}

func (f *fakeAnswers) BatchGet(ctx context.Context, accounts []frame.AccountID) (found []serving.Answer, unknown []frame.AccountID, err error) {
	for _, a := range accounts {
		if strings.HasPrefix(string(a), "unknown") {
			unknown = append(unknown, a)
			continue
		}
		x, err := f.Get(ctx, a)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, x)
	}
	return found, unknown, nil
}

func (f *fakeAnswers) List(ctx context.Context, r serving.ListRequest) (serving.ListPage, error) {
	if f.list != nil {
		return f.list(ctx, r)
	}
	return serving.ListPage{Answers: []serving.Answer{answerFor("a")}, NextPageToken: "next", Total: 2}, nil
}

func (f *fakeAnswers) ScoreNow(ctx context.Context, accounts []frame.AccountID) ([]serving.Answer, []frame.AccountID, error) {
	if f.now != nil {
		return f.now(ctx, accounts)
	}
	return f.BatchGet(ctx, accounts)
}

func (f *fakeAnswers) Groups() serving.Answers {
	if f.groups == nil {
		return f
	}
	return f.groups
}

func (f *fakeAnswers) Status(context.Context) serving.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return serving.Status{Version: "1.2.3", Engine: "chdb 26.7", Ready: f.ready, Run: "run-1", Model: "m1", Grade: "A", Cutoff: 1_315_612_800, Scored: 3, Bytes: 1 << 40, PublishedAt: time.Unix(1_315_700_000, 0)}
}

func answerFor(a frame.AccountID) serving.Answer {
	days := 74.0
	return serving.Answer{
		Found: serving.Found{Score: score.Score{
			Account: a, Name: "Ærø & Co", Margin: 1.5, Base: -.25, Probability: .75, Percentile: 98.5, Band: score.High, Stage: score.AtRisk,
			ValueAtRisk: 1200.5, RunRate: 1600.25, Change: &score.Change{Probability: .1, Previous: 1_312_934_400},
			Receipt: score.Receipt{Model: "m1", Cutoff: 1_315_612_800, KnownAt: 1_315_612_800, Watermark: math.MaxUint64},
		}},
		Up:  []serving.Said{{Reason: score.Reason{Feature: "recency_days", Value: &days, Contribution: 1.1}, Label: "Days since the last order", LabelZH: "距上次下单天数", Unit: "days", EN: "no order for 74 days", ZH: "已有74天未下单"}},
		Run: "run-1", HorizonDays: 90, Currency: "GBP", MarginRate: 1,
	}
}

// The keys of the tests: full has every scope, reader only scores.read, none no scope.
const (
	fullKey   = "fealty_full"
	readerKey = "fealty_reader"
	noneKey   = "fealty_none"
)

type fakeTokens struct{ broken error }

func (f *fakeTokens) Verify(_ context.Context, key string) (string, []string, error) {
	if f.broken != nil {
		return "", nil, f.broken
	}
	switch key {
	case fullKey:
		return "full", Scopes(), nil
	case readerKey:
		return "reader", []string{ScopeRead}, nil
	case noneKey:
		return "none", nil, nil
	}
	return "", nil, fmt.Errorf("token %q: %w", key, serving.ErrUnauthenticated)
}

// lines is a log that tests read.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// served is a server on free loopback ports with clients to it.
type served struct {
	*Server
	answers *fakeAnswers
	log     *lines
	url     string
	conn    *grpc.ClientConn
	http    *http.Client
	socket  string
	stop    func() error
}

// serve starts a server with fakes; change may alter its options.
func serve(t *testing.T, change func(*Options)) *served {
	t.Helper()
	log := &lines{}
	answers := &fakeAnswers{ready: true}
	o := Options{
		Answers: answers, Tokens: &fakeTokens{},
		Declare: func(context.Context, serving.DeclareRequest) (serving.DeclareResult, error) {
			return serving.DeclareResult{Period: "2026-01-01", Recorded: 1_767_225_600}, nil
		},
		KeyName: func(_ context.Context, id string) (string, error) { return "key " + id, nil },
		Log:     slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Limits:  Limits{Rate: -1, Notice: -1, Stop: 2 * time.Second},
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	g, h := listen(t), listen(t)
	// Not t.TempDir: its path holds the test's name and gets too long for a socket.
	socket := filepath.Join(shortDir(t), "s")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, g, h, socket) }()
	conn, err := grpc.NewClient("passthrough:///"+g.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	v := &served{Server: s, answers: answers, log: log, url: "http://" + h.Addr().String(), conn: conn, http: &http.Client{Transport: transport}, socket: socket}
	var once sync.Once
	var stopped error
	v.stop = func() error {
		once.Do(func() {
			cancel()
			stopped = <-ended
		})
		return stopped
	}
	t.Cleanup(func() {
		if err := v.stop(); err != nil {
			t.Errorf("Serve returned %v", err)
		}
		transport.CloseIdleConnections()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	v.until(t, "the first answer", func() bool {
		code, _, _ := v.rest(t, http.MethodGet, healthPath, "", "")
		return code != 0
	})
	return v
}

func (v *served) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s did not come within 5 s", what)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// as is a context that carries a key; "" carries none.
func as(t *testing.T, key string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	if key == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
}

// rest asks over REST; status 0 means that nothing answered.
func (v *served) rest(t *testing.T, method, path, key, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, v.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := v.http.Do(r)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer), response.Header
}
