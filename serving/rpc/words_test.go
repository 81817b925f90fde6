package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fealty/features/frame"
	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// One table for all kinds of errors: code, HTTP status and words, the same on
// both paths; nothing of the inside gets out (faults S9).
func TestErrorsAreToldByKind(t *testing.T) {
	secret := "clickhouse://fealty:hunter2@10.1.2.3:9000/db"
	tests := []struct {
		name string
		err  error
		code codes.Code
		http int
		want string // part of the message
	}{
		{"internal", errors.New("code 47: Unknown column in SELECT x FROM scores at /var/lib/fealty/store.go:12"), codes.Internal, 500, "internal error (incident "},
		{"invalid", fmt.Errorf("filter: unknown field %q: %w", "probablity", serving.ErrInvalid), codes.InvalidArgument, 400, `filter: unknown field "probablity"`},
		{"invalid with an inside", fmt.Errorf("%s: SELECT 1 FROM t: %w", secret, serving.ErrInvalid), codes.InvalidArgument, 400, "the request can't be carried out as it stands (incident "},
		{"not found", fmt.Errorf("account %q of manager 7 in run /runs/8: %w", "A-9", serving.ErrNotFound), codes.NotFound, 404, "no such account is known"},
		{"conflict", fmt.Errorf("another run is being published: %w", serving.ErrConflict), codes.Aborted, 409, "another run is being published"},
		{"unavailable", fmt.Errorf("dial tcp 10.1.2.3:9000: %w", serving.ErrUnavailable), codes.Unavailable, 503, "not available now"},
		{"exhausted", fmt.Errorf("page of 10,000: %w", serving.ErrExhausted), codes.ResourceExhausted, 429, "page of 10,000"},
		{"unauthenticated", fmt.Errorf("%s: %w", secret, serving.ErrUnauthenticated), codes.Unauthenticated, 401, "a valid key is needed"},
		{"denied", fmt.Errorf("%s: %w", secret, serving.ErrDenied), codes.PermissionDenied, 403, "does not allow"},
		{"canceled", fmt.Errorf("%s: %w", secret, context.Canceled), codes.Canceled, 499, "canceled by the caller"},
		{"deadline", fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), codes.DeadlineExceeded, 504, "the deadline passed"},
		{"a line break and a bell", fmt.Errorf("filter: bad\n\x07value: %w", serving.ErrInvalid), codes.InvalidArgument, 400, "filter: bad  value"},
		{"a code of gRPC by an error of ours", fmt.Errorf("x: %w", status.Error(codes.Internal, secret)), codes.Internal, 500, "internal error (incident "},
	}
	v := serve(t, nil)
	client := fealtyv1.NewScoresClient(v.conn)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v.answers.get = func(context.Context, frame.AccountID) (serving.Answer, error) { return serving.Answer{}, tt.err }
			_, err := client.GetScore(as(t, fullKey), &fealtyv1.GetScoreRequest{Account: "A-1"})
			st := status.Convert(err)
			if st.Code() != tt.code || !strings.Contains(st.Message(), tt.want) {
				t.Errorf("gRPC: %s %q, want %s and %q", st.Code(), st.Message(), tt.code, tt.want)
			}
			httpStatus, body, header := v.rest(t, http.MethodGet, "/v1/scores/A-1", fullKey, "")
			var told struct {
				Code    int
				Message string
			}
			if err := json.Unmarshal([]byte(body), &told); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if httpStatus != tt.http || told.Code != int(tt.code) || !strings.Contains(told.Message, tt.want) {
				t.Errorf("REST: %d %s, want %d, code %d and %q", httpStatus, body, tt.http, tt.code, tt.want)
			}
			for _, inside := range []string{"hunter2", "10.1.2.3", "SELECT", "/var/lib", "store.go", "A-9", "manager 7", "\n", "\x07"} {
				if strings.Contains(told.Message+st.Message()+header.Get("WWW-Authenticate"), inside) {
					t.Errorf("the answer holds %q: %s / %s", inside, st.Message(), body)
				}
			}
		})
	}
	if !strings.Contains(v.log.String(), "Unknown column") {
		t.Error("the log does not have the internal error")
	}
}

// Every kind of serving has a code, and the words of each are decided.
func TestEveryKindHasACode(t *testing.T) {
	for kind := serving.Internal; kind <= serving.Deadline; kind++ {
		if _, ok := codeOf[kind]; !ok {
			t.Errorf("kind %d has no code", kind)
		}
		if _, ok := kindNames[kind]; !ok {
			t.Errorf("kind %d has no name", kind)
		}
	}
	if len(codeOf) != int(serving.Deadline)+1 || len(kindNames) != len(codeOf) {
		t.Errorf("%d codes and %d names for %d kinds", len(codeOf), len(kindNames), serving.Deadline+1)
	}
}

func TestIncidentTiesAnswerToLog(t *testing.T) {
	v := serve(t, nil)
	v.answers.get = func(context.Context, frame.AccountID) (serving.Answer, error) {
		return serving.Answer{}, errors.New("the disk is on fire")
	}
	_, body, _ := v.rest(t, http.MethodGet, "/v1/scores/A-1", fullKey, "")
	_, after, ok := strings.Cut(body, "incident ")
	if !ok {
		t.Fatalf("no incident in %s", body)
	}
	id, _, _ := strings.Cut(after, ")")
	var line string
	for l := range strings.Lines(v.log.String()) {
		if strings.Contains(l, "incident="+id) {
			line = l
		}
	}
	if !strings.Contains(line, "the disk is on fire") || !strings.Contains(line, "/fealty.v1.Scores/GetScore") {
		t.Errorf("the log's line of incident %s is %q", id, line)
	}
}

// A panic ends one call, not the process; its stack is in the log only (S8).
func TestPanicEndsOneCall(t *testing.T) {
	v := serve(t, nil)
	v.answers.get = func(_ context.Context, a frame.AccountID) (serving.Answer, error) {
		if a == "bad" {
			panic("index out of range in secret place")
		}
		return answerFor(a), nil
	}
	client := fealtyv1.NewScoresClient(v.conn)
	_, err := client.GetScore(as(t, fullKey), &fealtyv1.GetScoreRequest{Account: "bad"})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("gRPC: %v", err)
	}
	code, body, _ := v.rest(t, http.MethodGet, "/v1/scores/bad", fullKey, "")
	if code != http.StatusInternalServerError || strings.Contains(body, "secret") || strings.Contains(body, "goroutine") {
		t.Errorf("REST: %d %s", code, body)
	}
	if _, err := client.GetScore(as(t, fullKey), &fealtyv1.GetScoreRequest{Account: "good"}); err != nil {
		t.Errorf("after the panic: %v", err)
	}
	if log := v.log.String(); !strings.Contains(log, "secret place") || !strings.Contains(log, "words_test.go") {
		t.Error("the log has no stack")
	}
}

// Refusals are logged without the caller's words, and not without bound (O8).
func TestLogOfRefusalsIsBoundedAndWithoutIDs(t *testing.T) {
	v := serve(t, nil)
	for i := range 300 {
		v.rest(t, http.MethodGet, fmt.Sprintf("/v1/scores/%s-%d", strings.Repeat("x", 600), i), fullKey, "")
	}
	log := v.log.String()
	if n := strings.Count(log, "msg=refused"); n < 50 || n > 200 {
		t.Errorf("%d lines for 300 refusals", n)
	}
	if strings.Contains(log, "xxx") || strings.Contains(log, fullKey) {
		t.Error("the log holds an account id or a key")
	}
	if v.chain.silenced.Load() == 0 {
		t.Error("nothing counts the lines left out")
	}
}

func FuzzPlain(f *testing.F) {
	for _, seed := range []string{"filter: unknown field", "a\u2028b\x00c", "SELECT 1", "\xff\xfe", strings.Repeat("é", 700)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, words string) {
		said, ok := plain(words)
		if !ok {
			return
		}
		for _, r := range said {
			if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == '\u202e' {
				t.Errorf("plain(%q) holds %U", words, r)
			}
		}
		if n := len([]rune(said)); n > maxWords+1 {
			t.Errorf("plain(%q) has %d runes", words, n)
		}
	})
}
