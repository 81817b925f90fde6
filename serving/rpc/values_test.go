package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fealty/features/frame"
	"fealty/model/score"
	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func decode(t *testing.T, body string) map[string]any {
	t.Helper()
	var m map[string]any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return m
}

// The whole answer over REST, as a reader of the OpenAPI file would expect it.
func TestScoreAsJSON(t *testing.T) {
	v := serve(t, nil)
	code, body, header := v.rest(t, http.MethodGet, "/v1/scores/A-1", fullKey, "")
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	want := map[string]any{
		"account": "A-1", "name": "Ærø & Co",
		"probability": json.Number("0.75"), "percentile": json.Number("98.5"), "band": "BAND_HIGH", "stage": "STAGE_AT_RISK",
		"valueAtRisk": json.Number("1200.5"), "runRate": json.Number("1600.25"), "currency": "GBP", "marginRate": json.Number("1"), "optedOut": false,
		"horizonDays": json.Number("90"), "margin": json.Number("1.5"), "base": json.Number("-0.25"),
		"change": map[string]any{"probability": json.Number("0.1"), "previousCutoff": "2011-08-10T00:00:00Z", "modelChanged": false},
		"up": []any{map[string]any{
			"feature": "recency_days", "label": map[string]any{"en": "Days since the last order", "zh": "距上次下单天数"}, "unit": "days",
			"value": json.Number("74"), "contribution": json.Number("1.1"),
			"sentence": map[string]any{"en": "no order for 74 days", "zh": "已有74天未下单"},
		}},
		"receipt": map[string]any{
			// 2^64 − 1: a JSON number would be rounded, so it is a string.
			"model": "m1", "cutoff": "2011-09-10T00:00:00Z", "knownAt": "2011-09-10T00:00:00Z", "watermark": "18446744073709551615",
		},
		"run": "run-1", "live": false,
	}
	if d := cmp.Diff(want, decode(t, body)); d != "" {
		t.Error(d)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got := header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}

// What is not known is absent; a true 0 is there. NaN and infinities never get
// out (S10, S14).
func TestMissingNumbersAreAbsentAndZerosAreNot(t *testing.T) {
	v := serve(t, nil)
	nan, inf := math.NaN(), math.Inf(1)
	v.answers.get = func(_ context.Context, a frame.AccountID) (serving.Answer, error) {
		if a == "zero" {
			return serving.Answer{Found: serving.Found{Score: score.Score{Account: a, Band: score.Low, Change: &score.Change{}}}, Up: []serving.Said{{Reason: score.Reason{Feature: "f", Value: new(float64)}}}, Live: true}, nil
		}
		return serving.Answer{
			Found: serving.Found{Score: score.Score{
				Account: a, Unscorable: "lapsed", Stage: score.Lapsed, Probability: nan, Percentile: nan, Margin: nan, Base: nan,
				ValueAtRisk: inf, RunRate: math.Inf(-1), Change: &score.Change{Probability: nan},
			}},
			Up: []serving.Said{{Reason: score.Reason{Feature: "f", Value: &nan, Contribution: inf}}}, MarginRate: nan,
		}, nil
	}
	_, body, _ := v.rest(t, http.MethodGet, "/v1/scores/lapsed", fullKey, "")
	for _, bad := range []string{"NaN", "Infinity", "null", `"probability"`, `"percentile"`, `"valueAtRisk"`, `"runRate"`, `"margin"`, `"marginRate"`, `"value"`, `"contribution"`, `"band"`} {
		if strings.Contains(body, bad) {
			t.Errorf("an account without a score has %s: %s", bad, body)
		}
	}
	if got := decode(t, body); got["unscorable"] != "lapsed" || got["stage"] != "STAGE_LAPSED" {
		t.Errorf("the reason is missing: %s", body)
	}
	_, body, _ = v.rest(t, http.MethodGet, "/v1/scores/zero", fullKey, "")
	got := decode(t, body)
	for _, name := range []string{"probability", "percentile", "valueAtRisk", "runRate", "margin", "base", "marginRate"} {
		if got[name] != json.Number("0") {
			t.Errorf("%s of 0 reads %v", name, got[name])
		}
	}
	if got["live"] != true {
		t.Errorf("live reads %v", got["live"])
	}
}

// Broken bytes in one name must not make a page impossible to encode (I10).
func TestBrokenBytesAreReplaced(t *testing.T) {
	v := serve(t, nil)
	v.answers.list = func(context.Context, serving.ListRequest) (serving.ListPage, error) {
		a := answerFor("A\xff1")
		a.Name = "\xc3\x28"
		return serving.ListPage{Answers: []serving.Answer{a, answerFor("B")}, Total: 2}, nil
	}
	page, err := fealtyv1.NewScoresClient(v.conn).ListScores(as(t, fullKey), &fealtyv1.ListScoresRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got := page.GetScores(); len(got) != 2 || got[0].GetAccount() != "A\uFFFD1" || got[0].GetName() != "\uFFFD(" {
		t.Errorf("got %v", got)
	}
}

// Account ids pass through the path unchanged, whatever they hold.
func TestOddIDsInThePath(t *testing.T) {
	v := serve(t, nil)
	for _, id := range []string{
		"A-1", "a/b", "/a", "a/", "a//b", "%2F", "%252F", "100%", "a b", "a+b", "账户-7", "é", "e\u0301", "..", ".", "../x", "a/../b",
		"x:batchGet", ":batchGet", "x:scoreNow", "a?b", "a#b", "a;b", "a&b=c", `a\b`, `"a"`, "<img src=x>", "a\u202eb", "😀", "{account}", "-", strings.Repeat("x", 512),
	} {
		code, body, _ := v.rest(t, http.MethodGet, "/v1/scores/"+url.PathEscape(id), fullKey, "")
		if code != http.StatusOK {
			t.Errorf("id %q: %d %s", id, code, body)
			continue
		}
		if got := decode(t, body)["account"]; got != id {
			t.Errorf("id %q came back as %q", id, got)
		}
		if got := v.answers.asked[len(v.answers.asked)-1]; string(got) != id {
			t.Errorf("id %q was asked for as %q", id, got)
		}
	}
	// Encoded in lower case, or not at all, a slash is a slash.
	for _, path := range []string{"/v1/scores/a%2fb", "/v1/scores/a/b", "/v1/values/a%2fb", "/v1/loyalty/a/b"} {
		if _, body, _ := v.rest(t, http.MethodGet, path, fullKey, ""); decode(t, body)["account"] != "a/b" {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestRequestsOutsideTheBounds(t *testing.T) {
	v := serve(t, nil)
	many := `"` + strings.Repeat(`a","`, 1000) + `a"`
	tests := []struct {
		name, verb, path, body string
		want                   int
		words                  string
	}{
		{"empty id", "GET", "/v1/scores/", "", 400, "account: is empty"},
		{"long id", "GET", "/v1/scores/" + strings.Repeat("x", 513), "", 400, "account: has 513 bytes"},
		{"NUL in an id", "GET", "/v1/scores/a%00b", "", 400, "NUL"},
		{"broken UTF-8 in an id", "GET", "/v1/scores/a%ffb", "", 400, "not UTF-8"},
		{"no ids", "POST", "/v1/scores:batchGet", `{}`, 400, "accounts: is empty"},
		{"no body", "POST", "/v1/scores:batchGet", ``, 400, "accounts: is empty"},
		{"1,001 ids", "POST", "/v1/scores:batchGet", `{"accounts":[` + many + `]}`, 400, "accounts: has 1001 ids"},
		{"1,001 ids now", "POST", "/v1/scores:scoreNow", `{"accounts":[` + many + `]}`, 400, "accounts: has 1001 ids"},
		{"an empty id among others", "POST", "/v1/scores:batchGet", `{"accounts":["a",""]}`, 400, "accounts[1]: is empty"},
		{"unknown field", "POST", "/v1/scores:batchGet", `{"accounts":["a"],"acounts":["b"]}`, 400, "acounts"},
		{"two values", "POST", "/v1/scores:batchGet", `{"accounts":["a"]}{"accounts":["b"]}`, 400, "unexpected token"},
		{"field twice", "POST", "/v1/scores:batchGet", `{"accounts":["a"],"accounts":["b"]}`, 400, "duplicate"},
		{"no JSON", "POST", "/v1/scores:batchGet", `accounts=a`, 400, ""},
		{"a form", "POST", "/v1/scores:batchGet", `accounts=a&account=b`, 400, ""},
		{"numbers for ids", "POST", "/v1/scores:batchGet", `{"accounts":[1]}`, 400, ""},
		{"null for an id", "POST", "/v1/scores:batchGet", `{"accounts":[null]}`, 400, ""},
		{"lone surrogate", "POST", "/v1/scores:batchGet", `{"accounts":["\ud800"]}`, 400, ""},
		{"broken UTF-8 in a body", "POST", "/v1/scores:batchGet", "{\"accounts\":[\"\xff\"]}", 400, "UTF-8"},
		{"deep JSON", "POST", "/v1/scores:batchGet", strings.Repeat(`{"accounts":[`, 10_000), 400, ""},
		{"deep JSON in an unknown field", "POST", "/v1/scores:batchGet", `{"x":` + strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000) + `}`, 400, ""},
		{"page too large", "GET", "/v1/scores?page_size=1001", "", 400, "page_size: is 1001"},
		{"page negative", "GET", "/v1/scores?page_size=-1", "", 400, "page_size: is -1"},
		{"page no number", "GET", "/v1/scores?page_size=1e3", "", 400, ""},
		{"page beyond 32 bits", "GET", "/v1/scores?page_size=9223372036854775808", "", 400, ""},
		{"page twice", "GET", "/v1/scores?page_size=1&pageSize=2", "", 400, "page_size"},
		{"misspelt parameter", "GET", "/v1/scores?fliter=x", "", 400, `"fliter" is unknown; known are filter, groups, order_by, page_size, page_token`},
		{"parameter of a path", "GET", "/v1/scores/A-1?account=B-2", "", 400, "no query parameters"},
		{"long filter", "GET", "/v1/scores?filter=" + strings.Repeat("x", 2001), "", 400, "filter: has 2001 bytes"},
		{"long order", "GET", "/v1/scores?order_by=" + strings.Repeat("x", 501), "", 400, "order_by: has 501 bytes"},
		{"long page token", "GET", "/v1/scores?page_token=" + strings.Repeat("x", 4097), "", 400, "page_token"},
		{"broken UTF-8 in a filter", "GET", "/v1/scores?filter=%ff", "", 400, ""},
		{"wrong verb", "DELETE", "/v1/scores/A-1", "", 405, ""},
		{"wrong verb for a batch", "GET", "/v1/scores:batchGet", "", 405, ""},
		{"method override", "POST", "/v1/scores/A-1", "", 405, ""},
		{"broken percent", "GET", "/v1/scores/%zz", "", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == 0 {
				if _, err := url.Parse(tt.path); err == nil {
					t.Error("the client was to refuse it")
				}
				return
			}
			before := len(v.answers.asked)
			code, body, _ := v.rest(t, tt.verb, tt.path, fullKey, tt.body, "X-HTTP-Method-Override", "GET", "Content-Type", "application/x-www-form-urlencoded")
			message, ok := decode(t, body)["message"].(string)
			if code != tt.want || !ok || !strings.Contains(message, tt.words) {
				t.Errorf("%d %s, want %d and %q", code, body, tt.want, tt.words)
			}
			if len(v.answers.asked) != before {
				t.Error("it was answered all the same")
			}
		})
	}
	scores := fealtyv1.NewScoresClient(v.conn)
	for name, err := range map[string]error{
		"empty id": func() error { _, err := scores.GetScore(as(t, fullKey), &fealtyv1.GetScoreRequest{}); return err }(),
		"no ids": func() error {
			_, err := scores.ScoreNow(as(t, fullKey), &fealtyv1.ScoreNowRequest{})
			return err
		}(),
		"page": func() error {
			_, err := scores.ListScores(as(t, fullKey), &fealtyv1.ListScoresRequest{PageSize: 5000})
			return err
		}(),
	} {
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("gRPC, %s: %v, want InvalidArgument", name, err)
		}
	}
}

func TestListAndBatchPassThrough(t *testing.T) {
	v := serve(t, nil)
	var asked serving.ListRequest
	v.answers.list = func(_ context.Context, r serving.ListRequest) (serving.ListPage, error) {
		asked = r
		return serving.ListPage{Answers: []serving.Answer{answerFor("a")}, NextPageToken: "t2", Total: 0}, nil
	}
	q := url.Values{"filter": {`band = "high" AND value_at_risk > 1000`}, "order_by": {"value_at_risk desc, account"}, "pageSize": {"7"}, "page_token": {"t1"}}
	code, body, _ := v.rest(t, http.MethodGet, "/v1/scores?"+q.Encode(), readerKey, "")
	if want := (serving.ListRequest{Filter: `band = "high" AND value_at_risk > 1000`, OrderBy: "value_at_risk desc, account", PageSize: 7, PageToken: "t1"}); code != 200 || asked != want {
		t.Errorf("%d, asked %+v, want %+v", code, asked, want)
	}
	if got := decode(t, body); got["nextPageToken"] != "t2" || got["totalSize"] != json.Number("0") {
		t.Errorf("got %s", body)
	}
	_, body, _ = v.rest(t, http.MethodPost, "/v1/scores:batchGet", readerKey, `{"accounts":["b","unknown-1","a","b"]}`)
	got := decode(t, body)
	var order []any
	scores, ok := got["scores"].([]any)
	if !ok {
		t.Fatalf("no scores in %s", body)
	}
	for _, s := range scores {
		score, ok := s.(map[string]any)
		if !ok {
			t.Fatalf("a score is %v in %s", s, body)
		}
		order = append(order, score["account"])
	}
	if !cmp.Equal(order, []any{"b", "a", "b"}) || !cmp.Equal(got["unknown"], []any{"unknown-1"}) {
		t.Errorf("got %s", body)
	}
}

func TestVersionAndHealth(t *testing.T) {
	v := serve(t, nil)
	_, body, _ := v.rest(t, http.MethodGet, "/v1/version", noneKey, "")
	want := map[string]any{
		"version": "1.2.3", "engine": "chdb 26.7", "ready": true, "run": "run-1", "model": "m1", "grade": "A",
		"cutoff": "2011-09-10T00:00:00Z", "publishedAt": "2011-09-11T00:13:20Z", "scored": json.Number("3"), "bytes": "1099511627776",
	}
	if d := cmp.Diff(want, decode(t, body)); d != "" {
		t.Error(d)
	}
	code, body, _ := v.rest(t, http.MethodGet, healthPath, "", "")
	if code != http.StatusOK || !cmp.Equal(decode(t, body), map[string]any{"live": true, "ready": true}) {
		t.Errorf("%d %s", code, body)
	}
	v.answers.mu.Lock()
	v.answers.ready = false
	v.answers.mu.Unlock()
	code, body, _ = v.rest(t, http.MethodGet, healthPath, "", "")
	if code != http.StatusServiceUnavailable || !cmp.Equal(decode(t, body), map[string]any{"live": true, "ready": false}) {
		t.Errorf("not ready: %d %s", code, body)
	}
}

// The OpenAPI file describes every route, in version 3.1, with its key.
func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "gen", "fealty", "v1", "fealty.openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI  string
		Security []map[string]any
		Paths    map[string]map[string]struct {
			Security    []map[string]any
			Description string
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Description string }
			}
		}
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || len(doc.Security) != 1 {
		t.Errorf("OpenAPI %s, security %v", doc.OpenAPI, doc.Security)
	}
	for _, m := range publicMethods(t) {
		path := strings.ReplaceAll(m.path, "A-1", "{account}")
		op, ok := doc.Paths[path][strings.ToLower(m.verb)]
		if !ok {
			t.Errorf("%s %s is not described", m.verb, path)
		}
		if open := len(op.Security) == 1 && len(op.Security[0]) == 0; open != decisions[m.method].open {
			t.Errorf("%s %s: described as open %v, decided %v", m.verb, path, open, decisions[m.method].open)
		}
	}
	for name, schema := range doc.Components.Schemas {
		if !strings.HasPrefix(name, "fealty.") {
			continue
		}
		for property, p := range schema.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s has no description", name, property)
			}
		}
	}
}
