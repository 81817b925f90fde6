package rpc

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fealty/features/frame"
	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/grpclog"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
)

// Identity comes from one verified key and from nothing else that a caller can
// write (S2, S18).
func TestHeadersCarryNoIdentity(t *testing.T) {
	v := serve(t, nil)
	var got metadata.MD
	v.answers.get = func(ctx context.Context, a frame.AccountID) (serving.Answer, error) {
		got, _ = metadata.FromIncomingContext(ctx)
		return answerFor(a), nil
	}
	refused := [][]string{
		{"Grpc-Metadata-Authorization", "Bearer " + fullKey},
		{"grpcgateway-authorization", "Bearer " + fullKey},
		{"X-Forwarded-User", "full"},
		{"Cookie", "authorization=Bearer " + fullKey},
		{"Authorization", "Bearer " + fullKey, "Authorization", "Bearer " + fullKey},
		{"Authorization", "Bearer  " + fullKey},
		{"Authorization", "Basic " + fullKey},
		{"Authorization", fullKey},
		{"Authorization", "Bearer "},
		{"Authorization", "Bearer " + strings.Repeat("x", 10_000)},
		{"Authorization", "Bearer " + fullKey + "\u00e9"},
	}
	for _, headers := range refused {
		if code, body, h := v.rest(t, http.MethodGet, "/v1/scores/A-1", "", "", headers...); code != http.StatusUnauthorized || h.Get("WWW-Authenticate") != `Bearer realm="fealty"` {
			t.Errorf("%.80q: %d %s %v", headers, code, body, h)
		}
	}
	code, _, _ := v.rest(t, http.MethodGet, "/v1/scores/A-1", readerKey, "",
		"Grpc-Metadata-X-User", "admin", "X-Forwarded-User", "admin", "Cookie", "a=b", "Grpc-Metadata-Key-Bin", "!!!", "X-Evil", "a",
		"X-Forwarded-For", "9.9.9.9", "X-Forwarded-Host", "evil.example", "Content-Type", "a/b; broken", "TE", "trailers", "Accept", "text/html")
	if code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	for name := range got {
		// The last two are the gateway's own, from the socket and the Host line.
		if name != "authorization" && name != "x-forwarded-for" && name != "x-forwarded-host" {
			t.Errorf("header became metadata %s: %v", name, got[name])
		}
	}
	if from, host := got.Get("x-forwarded-for"), got.Get("x-forwarded-host"); len(from) != 1 || from[0] != "127.0.0.1" || len(host) != 1 || host[0] == "evil.example" {
		t.Errorf("forwarded for %v, host %v", from, host)
	}
	// Over gRPC too: two keys are refused.
	ctx := metadata.AppendToOutgoingContext(as(t, fullKey), "authorization", "Bearer "+fullKey)
	if _, err := fealtyv1.NewScoresClient(v.conn).GetScore(ctx, &fealtyv1.GetScoreRequest{Account: "A-1"}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("two keys over gRPC: %v", err)
	}
}

// A request that is too large is refused before its content costs anything, on
// both paths (S4).
func TestLargeRequests(t *testing.T) {
	v := serve(t, nil)
	large := `{"accounts":["` + strings.Repeat("x", 1<<20) + `"]}`
	if code, body, _ := v.rest(t, http.MethodPost, "/v1/scores:batchGet", fullKey, large); code != http.StatusRequestEntityTooLarge {
		t.Errorf("REST: %d %s", code, body)
	}
	if code, _, _ := v.rest(t, http.MethodPost, "/v1/scores:batchGet", "", large); code != http.StatusUnauthorized {
		t.Errorf("REST without a key: %d, want 401: the body is not to be looked at", code)
	}
	// Without Content-Length too.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.url+"/v1/scores:batchGet", io.MultiReader(strings.NewReader(large), strings.NewReader(large)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+fullKey)
	response, err := v.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("REST, chunked: %d", response.StatusCode)
	}
	_, err = fealtyv1.NewScoresClient(v.conn).GetScore(as(t, fullKey), &fealtyv1.GetScoreRequest{Account: strings.Repeat("x", 1<<20)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("gRPC: %v", err)
	}
	if code, body, _ := v.rest(t, http.MethodGet, "/v1/health", "", "", "X-Long", strings.Repeat("x", 64<<10)); code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("long header: %d %s", code, body)
	}
}

// 1,000 ids of 512 bytes, the largest batch that the API promises, fits.
func TestLargestBatchFits(t *testing.T) {
	v := serve(t, nil)
	accounts := make([]string, 1000)
	for i := range accounts {
		accounts[i] = fmt.Sprintf("unknown%0505d", i)
	}
	r, err := fealtyv1.NewScoresClient(v.conn).BatchGetScores(as(t, fullKey), &fealtyv1.BatchGetScoresRequest{Accounts: accounts})
	if err != nil || len(r.GetUnknown()) != 1000 {
		t.Errorf("gRPC: %d unknown, %v", len(r.GetUnknown()), err)
	}
	if code, body, _ := v.rest(t, http.MethodPost, "/v1/scores:batchGet", fullKey, `{"accounts":["`+strings.Join(accounts, `","`)+`"]}`); code != http.StatusOK {
		t.Errorf("REST: %d %.200s", code, body)
	}
}

// Deadlines: the caller's reaches the use case, ours caps it, garbage is
// refused (S6).
func TestDeadlines(t *testing.T) {
	v := serve(t, func(o *Options) { o.Limits.Deadline = 2 * time.Second })
	var mu sync.Mutex
	var left time.Duration
	v.answers.get = func(ctx context.Context, a frame.AccountID) (serving.Answer, error) {
		deadline, ok := ctx.Deadline()
		mu.Lock()
		left = time.Until(deadline)
		mu.Unlock()
		if !ok {
			return serving.Answer{}, errors.New("no deadline")
		}
		if a == "slow" {
			<-ctx.Done()
			return serving.Answer{}, errors.New("i/o timeout") // as a driver says it
		}
		return answerFor(a), nil
	}
	seen := func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return left
	}
	client := fealtyv1.NewScoresClient(v.conn)
	if _, err := client.GetScore(as(t, fullKey), &fealtyv1.GetScoreRequest{Account: "a"}); err != nil || seen() > 2*time.Second || seen() < time.Second {
		t.Errorf("gRPC with 10 s: %v left, %v", seen(), err)
	}
	for _, timeout := range []string{"9999999H", "99999999H", "10S", "18446744073709551615n"} {
		if code, body, _ := v.rest(t, http.MethodGet, "/v1/scores/a", fullKey, "", "Grpc-Timeout", timeout); code == http.StatusOK && (seen() > 2*time.Second || seen() < time.Second) {
			t.Errorf("%s: %v left, %s", timeout, seen(), body)
		} else if code != http.StatusOK && code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", timeout, code, body)
		}
	}
	for _, timeout := range []string{"-1S", "x", "10", "1e3S", "S", "10s"} {
		if code, body, _ := v.rest(t, http.MethodGet, "/v1/scores/a", fullKey, "", "Grpc-Timeout", timeout); code != http.StatusBadRequest {
			t.Errorf("Grpc-Timeout %q: %d %s, want 400", timeout, code, body)
		}
	}
	began := time.Now()
	if code, body, _ := v.rest(t, http.MethodGet, "/v1/scores/slow", fullKey, "", "Grpc-Timeout", "20m"); code != http.StatusGatewayTimeout || !strings.Contains(body, "the deadline passed") || time.Since(began) > time.Second {
		t.Errorf("REST with 20 ms: %d %s after %v", code, body, time.Since(began))
	}
	ctx, cancel := context.WithTimeout(as(t, fullKey), 20*time.Millisecond)
	defer cancel()
	if _, err := client.GetScore(ctx, &fealtyv1.GetScoreRequest{Account: "slow"}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("gRPC with 20 ms: %v", err)
	}
	if _, err := client.GetScore(as(t, fullKey), &fealtyv1.GetScoreRequest{Account: "slow"}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("gRPC beyond the cap: %v", err)
	}
}

// One key beyond its rate is refused with Retry-After; another is not (S16).
// Both paths draw on the same purse.
func TestRatePerKey(t *testing.T) {
	v := serve(t, func(o *Options) { o.Limits.Rate, o.Limits.Burst = 0.001, 4 })
	for range 2 {
		if code, body, _ := v.rest(t, http.MethodGet, "/v1/scores/a", readerKey, ""); code != http.StatusOK {
			t.Fatalf("%d %s", code, body)
		}
		if _, err := fealtyv1.NewScoresClient(v.conn).GetScore(as(t, readerKey), &fealtyv1.GetScoreRequest{Account: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	code, body, header := v.rest(t, http.MethodGet, "/v1/scores/a", readerKey, "")
	if code != http.StatusTooManyRequests || header.Get("Retry-After") != "1000" {
		t.Errorf("the fifth: %d %s, Retry-After %q", code, body, header.Get("Retry-After"))
	}
	_, err := fealtyv1.NewScoresClient(v.conn).GetScore(as(t, readerKey), &fealtyv1.GetScoreRequest{Account: "a"})
	if status.Code(err) != codes.ResourceExhausted || len(status.Convert(err).Details()) != 1 {
		t.Errorf("the sixth, over gRPC: %v", err)
	}
	if code, _, _ := v.rest(t, http.MethodGet, "/v1/scores/a", fullKey, "", "X-Forwarded-For", "9.9.9.9"); code != http.StatusOK {
		t.Errorf("another key: %d", code)
	}
	// Guessing keys is paid by the address, whatever it says of itself (S18).
	last := 0
	for i := range 8 {
		last, _, _ = v.rest(t, http.MethodGet, "/v1/scores/a", fmt.Sprintf("fealty_guess%d", i), "", "X-Forwarded-For", fmt.Sprintf("9.9.9.%d", i))
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the eighth guess: %d, want 429", last)
	}
}

func TestRatesForgetWhoWasSilent(t *testing.T) {
	r := newRates(10, 10)
	now := time.Unix(1_000_000, 0)
	for i := range maxCallers {
		r.allow(fmt.Sprint(i), now)
	}
	r.allow("late", now.Add(time.Minute))
	if len(r.callers) != 1 {
		t.Errorf("%d callers after a minute of silence, want 1", len(r.callers))
	}
	for i := range 3 * maxCallers {
		r.allow(fmt.Sprint(i), now.Add(time.Minute))
	}
	if len(r.callers) > maxCallers {
		t.Errorf("%d callers at once, want at most %d", len(r.callers), maxCallers)
	}
}

// More in flight than the room there is: the rest is refused at once, and room
// comes back.
func TestRoomInFlight(t *testing.T) {
	v := serve(t, func(o *Options) { o.Limits.InFlight = 2 })
	entered, leave := make(chan struct{}), make(chan struct{})
	v.answers.get = func(_ context.Context, a frame.AccountID) (serving.Answer, error) {
		entered <- struct{}{}
		<-leave
		return answerFor(a), nil
	}
	var waiting sync.WaitGroup
	client := fealtyv1.NewScoresClient(v.conn)
	for range 2 {
		ctx := as(t, fullKey)
		waiting.Go(func() {
			if _, err := client.GetScore(ctx, &fealtyv1.GetScoreRequest{Account: "a"}); err != nil {
				t.Error(err)
			}
		})
		<-entered
	}
	if code, _, header := v.rest(t, http.MethodGet, "/v1/version", fullKey, ""); code != http.StatusTooManyRequests || header.Get("Retry-After") != "1" {
		t.Errorf("the third: %d, Retry-After %q", code, header.Get("Retry-After"))
	}
	close(leave)
	waiting.Wait()
	if code, body, _ := v.rest(t, http.MethodGet, "/v1/version", fullKey, ""); code != http.StatusOK {
		t.Errorf("afterwards: %d %s", code, body)
	}
}

// At the end: not ready first, work in flight is finished, then Serve returns (S7).
func TestEndFinishesWorkInFlight(t *testing.T) {
	v := serve(t, func(o *Options) { o.Limits.Notice, o.Limits.Stop = 300*time.Millisecond, 5*time.Second })
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	v.answers.get = func(_ context.Context, a frame.AccountID) (serving.Answer, error) {
		entered <- struct{}{}
		<-leave
		return answerFor(a), nil
	}
	var waiting sync.WaitGroup
	ctx := as(t, fullKey)
	waiting.Go(func() {
		if _, err := fealtyv1.NewScoresClient(v.conn).GetScore(ctx, &fealtyv1.GetScoreRequest{Account: "a"}); err != nil {
			t.Errorf("gRPC in flight: %v", err)
		}
	})
	waiting.Go(func() {
		if code, body, _ := v.rest(t, http.MethodGet, "/v1/scores/a", fullKey, ""); code != http.StatusOK {
			t.Errorf("REST in flight: %d %s", code, body)
		}
	})
	<-entered
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- v.stop() }()
	health := healthv1.NewHealthClient(v.conn)
	v.until(t, "not ready", func() bool {
		code, _, _ := v.rest(t, http.MethodGet, healthPath, "", "")
		r, err := health.Check(as(t, ""), &healthv1.HealthCheckRequest{})
		return code == http.StatusServiceUnavailable && err == nil && r.GetStatus() == healthv1.HealthCheckResponse_NOT_SERVING
	})
	select {
	case err := <-ended:
		t.Fatalf("Serve returned %v with work in flight", err)
	case <-time.After(400 * time.Millisecond):
	}
	close(leave)
	waiting.Wait()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if code, _, _ := v.rest(t, http.MethodGet, healthPath, "", ""); code != 0 {
		t.Errorf("after the end: %d", code)
	}
}

// Work that doesn't end in time is cut off.
func TestEndCutsOffWhatGoesOn(t *testing.T) {
	v := serve(t, func(o *Options) { o.Limits.Stop = 100 * time.Millisecond })
	entered := make(chan struct{}, 2)
	v.answers.get = func(ctx context.Context, _ frame.AccountID) (serving.Answer, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return serving.Answer{}, ctx.Err()
	}
	var waiting sync.WaitGroup
	ctx := as(t, fullKey)
	waiting.Go(func() {
		if _, err := fealtyv1.NewScoresClient(v.conn).GetScore(ctx, &fealtyv1.GetScoreRequest{Account: "a"}); err == nil {
			t.Error("gRPC answered")
		}
	})
	waiting.Go(func() { v.rest(t, http.MethodGet, "/v1/scores/a", fullKey, "") })
	<-entered
	<-entered
	began := time.Now()
	if err := v.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the end took %v", took)
	}
	waiting.Wait()
}

func TestHealthServiceFollowsReadiness(t *testing.T) {
	v := serve(t, nil)
	health := healthv1.NewHealthClient(v.conn)
	check := func(service string) healthv1.HealthCheckResponse_ServingStatus {
		r, err := health.Check(as(t, ""), &healthv1.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetStatus()
	}
	if check("") != healthv1.HealthCheckResponse_SERVING || check("fealty.v1.Scores") != healthv1.HealthCheckResponse_SERVING {
		t.Error("ready, but not SERVING")
	}
	v.answers.mu.Lock()
	v.answers.ready = false
	v.answers.mu.Unlock()
	v.until(t, "NOT_SERVING", func() bool { return check("") == healthv1.HealthCheckResponse_NOT_SERVING })
	if _, err := health.Check(as(t, ""), &healthv1.HealthCheckRequest{Service: "nobody"}); status.Code(err) != codes.NotFound {
		t.Errorf("unknown service: %v", err)
	}
	watch, err := health.Watch(as(t, ""), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); status.Code(err) != codes.Unauthenticated {
		t.Errorf("watch without a key: %v", err)
	}
}

// Reflection is on, behind a key (S15).
func TestReflectionNeedsAKey(t *testing.T) {
	v := serve(t, nil)
	list := func(key string) (*reflectv1.ServerReflectionResponse, error) {
		s, err := reflectv1.NewServerReflectionClient(v.conn).ServerReflectionInfo(as(t, key))
		if err != nil {
			return nil, err
		}
		if err := s.Send(&reflectv1.ServerReflectionRequest{MessageRequest: &reflectv1.ServerReflectionRequest_ListServices{}}); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		r, err := s.Recv()
		if cerr := s.CloseSend(); err == nil {
			err = cerr
		}
		return r, err
	}
	if _, err := list(""); status.Code(err) != codes.Unauthenticated {
		t.Errorf("without a key: %v", err)
	}
	r, err := list(noneKey)
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, s := range r.GetListServicesResponse().GetService() {
		found += s.GetName() + " "
	}
	if !strings.Contains(found, "fealty.v1.Scores") || strings.Contains(found, "internal") {
		t.Errorf("services are %s", found)
	}
}

// No page of another origin gets an answer that it may read, or does anything (S12).
func TestOtherOrigins(t *testing.T) {
	v := serve(t, nil)
	for _, origin := range []string{"https://evil.example", "null", v.url + ".evil.example"} {
		for _, verb := range []string{http.MethodGet, http.MethodOptions, http.MethodPost} {
			code, body, header := v.rest(t, verb, "/v1/scores:batchGet", fullKey, `{"accounts":["a"]}`,
				"Origin", origin, "Sec-Fetch-Site", "cross-site", "Access-Control-Request-Method", "POST")
			for name := range header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s from %s: header %s", verb, origin, name)
				}
			}
			if verb == http.MethodPost && code != http.StatusForbidden {
				t.Errorf("POST from %s: %d %s", origin, code, body)
			}
		}
	}
}

// Without keys: everybody at this machine, nobody else.
func TestAuthOffIsForThisMachineOnly(t *testing.T) {
	v := serve(t, func(o *Options) { o.AuthOff, o.Tokens = true, nil })
	if code, body, _ := v.rest(t, http.MethodGet, "/v1/scores/A-1", "", ""); code != http.StatusOK {
		t.Errorf("from this machine: %d %s", code, body)
	}
	if _, err := fealtyv1.NewScoresClient(v.conn).ScoreNow(as(t, ""), &fealtyv1.ScoreNowRequest{Accounts: []string{"a"}}); err != nil {
		t.Errorf("gRPC: %v", err)
	}
	// DNS rebinding: a page's own name that resolves to this address.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.url+"/v1/scores/A-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example:80"
	response, err := v.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("as evil.example: %d", response.StatusCode)
	}

	s, err := New(Options{Answers: &fakeAnswers{}, AuthOff: true})
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	everywhere, err := config.Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context(), everywhere, nil, ""); !errors.Is(err, serving.ErrInvalid) {
		t.Errorf("on every address without keys: %v", err)
	}
	if _, err := everywhere.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}

func TestLogLibraries(t *testing.T) {
	log := &lines{}
	LogLibraries(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { LogLibraries(slog.New(slog.DiscardHandler)) })
	grpclog.Error("a caller left\nlevel=ERROR forged")
	if got := log.String(); !strings.Contains(got, "level=DEBUG") || !strings.Contains(got, "a caller left") || strings.Count(got, "\n") != 1 {
		t.Errorf("got %q", got)
	}
}

func TestNewRefusesWhatCannotServe(t *testing.T) {
	for name, o := range map[string]Options{"no answers": {AuthOff: true}, "no tokens": {Answers: &fakeAnswers{}}} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestListenerThatBreaksEndsServe(t *testing.T) {
	s, err := New(Options{Answers: &fakeAnswers{}, Tokens: &fakeTokens{}, Limits: Limits{Notice: -1}})
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context(), nil, l, ""); err == nil || !strings.Contains(err.Error(), "serve REST on ") {
		t.Errorf("got %v", err)
	}
}

// TLS on both ports; old versions and plain text are refused (A9).
func TestTLS(t *testing.T) {
	certificate, pool := selfSigned(t)
	s, err := New(Options{
		Answers: &fakeAnswers{ready: true}, Tokens: &fakeTokens{}, Limits: Limits{Notice: -1, Stop: time.Second},
		TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS10}, // the server is to raise it
	})
	if err != nil {
		t.Fatal(err)
	}
	g, h := listen(t), listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, g, h, "") }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	client := &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}
	conn, err := grpc.NewClient("passthrough:///"+g.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(client)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fealtyv1.NewSystemClient(conn).GetHealth(as(t, ""), &fealtyv1.GetHealthRequest{}); err != nil {
		t.Errorf("gRPC: %v", err)
	}
	for _, forceHTTP2 := range []bool{false, true} {
		transport := &http.Transport{TLSClientConfig: client.Clone(), ForceAttemptHTTP2: forceHTTP2}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+h.Addr().String()+healthPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{false: 1, true: 2}[forceHTTP2]; response.StatusCode != http.StatusOK || response.ProtoMajor != want {
			t.Errorf("REST: %s %s, want HTTP/%d", response.Proto, response.Status, want)
		}
		transport.CloseIdleConnections()
	}
	old := &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} // to be refused
	for name, addr := range map[string]string{"gRPC": g.Addr().String(), "REST": h.Addr().String()} {
		if c, err := (&tls.Dialer{Config: old}).DialContext(t.Context(), "tcp", addr); err == nil {
			_ = c.Close()
			t.Errorf("%s speaks TLS 1.1", name)
		}
	}
	plain, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", h.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(plain, "GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(plain).ReadString('\n') // how it breaks off doesn't matter
	if strings.Contains(line, "200") {
		t.Errorf("plain text on the TLS port: %s", line)
	}
	_ = plain.Close()
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
