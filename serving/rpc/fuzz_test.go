package rpc

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	fealtyv1 "fealty/serving/gen/fealty/v1"

	"google.golang.org/grpc"
)

// handler is the whole REST door without a socket.
func handler(t testing.TB) http.Handler {
	t.Helper()
	s, err := New(Options{Answers: &fakeAnswers{ready: true}, Tokens: &fakeTokens{}, Limits: Limits{Rate: -1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.grpc.Stop()
		s.local.Stop()
	})
	return s.http.Handler
}

// sane fails unless the answer is JSON and no failure of ours.
func sane(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= http.StatusInternalServerError && w.Code != http.StatusNotImplemented || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func FuzzRESTBody(f *testing.F) {
	for _, seed := range []string{`{"accounts":["a"]}`, `{}`, ``, `null`, `[]`, `{"accounts":[1e3]}`, `{"accounts":"a"}`, "\xff", `{"accounts":["a"]} x`, strings.Repeat("[", 100)} {
		f.Add(seed)
	}
	h := handler(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/v1/scores:batchGet", "/v1/scores:scoreNow"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+fullKey)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			sane(t, w)
		}
	})
}

func FuzzRESTQueryAndPath(f *testing.F) {
	for _, seed := range [][2]string{{"a/b", "page_size=3"}, {"%2F", "filter=%ff&order_by=a"}, {"", ""}, {"..", "page_size[a]=1"}, {"a:batchGet", "page_token=x&pageToken=y"}, {"\x00", ";"}, {"a", "groups=true"}} {
		f.Add(seed[0], seed[1])
	}
	h := handler(f)
	f.Fuzz(func(t *testing.T, path, query string) {
		for _, u := range []*url.URL{
			{Path: "/v1/scores/" + path}, {Path: "/v1/scores/x", RawPath: "/v1/scores/" + path}, {Path: "/v1/scores", RawQuery: query}, {Path: "/" + path, RawQuery: query},
			{Path: "/v1/values/" + path, RawQuery: query}, {Path: "/v1/growth", RawQuery: query}, {Path: "/v1/wallets/" + path}, {Path: "/v1/recommendations/" + path}, {Path: "/v1/loyalty/x", RawPath: "/v1/loyalty/" + path, RawQuery: query},
		} {
			r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{"Authorization": {"Bearer " + fullKey}}, Body: http.NoBody, Host: "localhost", RemoteAddr: "127.0.0.1:1"}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r.WithContext(t.Context()))
			sane(t, w)
		}
	})
}

// What one answer costs, server and client together, with a score of one
// reason and nothing behind it.
func BenchmarkGetScore(b *testing.B) {
	b.Run("REST handler", func(b *testing.B) {
		h := handler(b)
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/v1/scores/A-1", nil)
		r.Header.Set("Authorization", "Bearer "+fullKey)
		for b.Loop() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				b.Fatal(w.Code, w.Body)
			}
		}
	})
	b.Run("chain and conversion", func(b *testing.B) {
		s, err := New(Options{Answers: &fakeAnswers{ready: true}, AuthOff: true, Limits: Limits{Rate: -1}})
		if err != nil {
			b.Fatal(err)
		}
		service := &scores{answers: s.options.Answers}
		info := &grpc.UnaryServerInfo{FullMethod: fealtyv1.Scores_GetScore_FullMethodName}
		for b.Loop() {
			_, err := s.chain.unary(b.Context(), &fealtyv1.GetScoreRequest{Account: "A-1"}, info, func(ctx context.Context, r any) (any, error) {
				request, ok := r.(*fealtyv1.GetScoreRequest)
				if !ok {
					b.Fatalf("%T", r)
				}
				return service.GetScore(ctx, request)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
