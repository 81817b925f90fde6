package rpc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	fealtyv1 "fealty/serving/gen/fealty/v1"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Every method that any server offers has an explicit decision, and no
// decision is left over for a method that is gone (faults A1).
func TestEveryMethodHasADecision(t *testing.T) {
	v := serve(t, nil)
	offered := map[string]bool{}
	for _, server := range []*grpc.Server{v.Server.grpc, newLocal(nil, nil), localWithOperations(t)} {
		for service, info := range server.GetServiceInfo() {
			for _, m := range info.Methods {
				offered["/"+service+"/"+m.Name] = true
			}
		}
	}
	for method := range offered {
		if _, ok := decisions[method]; !ok {
			t.Errorf("%s has no decision", method)
		}
	}
	for method := range decisions {
		if !offered[method] {
			t.Errorf("decision about %s, which nothing offers", method)
		}
	}
}

// The only methods without a key are the two health probes.
func TestOnlyHealthIsOpen(t *testing.T) {
	var open []string
	for method, d := range decisions {
		if d.open {
			open = append(open, method)
		}
	}
	slices.Sort(open)
	want := []string{"/fealty.v1.System/GetHealth", "/grpc.health.v1.Health/Check"}
	if !slices.Equal(open, want) {
		t.Errorf("open methods are %v, want %v", open, want)
	}
}

type rpcAndRoute struct {
	method     string // gRPC's
	descriptor protoreflect.MethodDescriptor
	verb, path string
	body       string
}

// publicMethods reads every method of the public API from the descriptors,
// with a REST request that reaches it.
func publicMethods(t *testing.T) []rpcAndRoute {
	t.Helper()
	var all []rpcAndRoute
	services := fealtyv1.File_fealty_v1_fealty_proto.Services()
	for i := range services.Len() {
		methods := services.Get(i).Methods()
		for j := range methods.Len() {
			m := methods.Get(j)
			rule, ok := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
			if !ok {
				t.Fatalf("%s has no route", m.FullName())
			}
			r := rpcAndRoute{method: "/" + string(services.Get(i).FullName()) + "/" + string(m.Name()), descriptor: m}
			switch {
			case rule.GetGet() != "":
				r.verb, r.path = http.MethodGet, strings.ReplaceAll(rule.GetGet(), "{account=**}", "A-1")
			case rule.GetPost() != "":
				r.verb, r.path, r.body = http.MethodPost, strings.ReplaceAll(rule.GetPost(), "{account=**}", "A-1"), `{"accounts":["A-1"]}`
				if m.Input().Fields().ByName("accounts") == nil {
					r.body = `{}`
				}
			default:
				t.Fatalf("%s: this test knows GET and POST only", m.FullName())
			}
			all = append(all, r)
		}
	}
	if len(all) < 11 {
		t.Fatalf("found %d methods in the descriptors, want at least 11", len(all))
	}
	return all
}

func (r *rpcAndRoute) call(ctx context.Context, conn *grpc.ClientConn) error {
	request := dynamicpb.NewMessage(r.descriptor.Input())
	if f := r.descriptor.Input().Fields().ByName("account"); f != nil {
		request.Set(f, protoreflect.ValueOfString("A-1"))
	}
	if f := r.descriptor.Input().Fields().ByName("accounts"); f != nil {
		request.Mutable(f).List().Append(protoreflect.ValueOfString("A-1"))
	}
	return conn.Invoke(ctx, r.method, request, dynamicpb.NewMessage(r.descriptor.Output()))
}

// Every method × every key × both paths gives the decision of the table: the
// chain holds on gRPC and on REST alike.
func TestDecisionsHoldOnBothPaths(t *testing.T) {
	v := serve(t, nil)
	keys := map[string][]string{"": nil, "fealty_forged": nil, noneKey: {}, readerKey: {ScopeRead}, fullKey: Scopes()}
	for _, m := range publicMethods(t) {
		d, ok := decisions[m.method]
		if !ok {
			t.Fatalf("%s has no decision", m.method)
		}
		for key, scopes := range keys {
			code, httpStatus := codes.OK, http.StatusOK
			switch {
			case d.open:
			case scopes == nil:
				code, httpStatus = codes.Unauthenticated, http.StatusUnauthorized
			case d.scope != "" && !slices.Contains(scopes, d.scope):
				code, httpStatus = codes.PermissionDenied, http.StatusForbidden
			}
			if got := status.Code(m.call(as(t, key), v.conn)); got != code {
				t.Errorf("gRPC %s with key %q: %s, want %s", m.method, key, got, code)
			}
			if got, body, _ := v.rest(t, m.verb, m.path, key, m.body); got != httpStatus {
				t.Errorf("REST %s %s with key %q: %d %s, want %d", m.verb, m.path, key, got, body, httpStatus)
			}
		}
	}
}

// The proof that REST goes through the very chain that gRPC goes through: it
// sees the same method for both.
func TestBothPathsPassTheOneChain(t *testing.T) {
	v := serve(t, nil)
	var mu sync.Mutex
	var seen []string
	v.chain.watch = func(method string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, method)
	}
	for _, m := range publicMethods(t) {
		mu.Lock()
		seen = nil
		mu.Unlock()
		if err := m.call(as(t, fullKey), v.conn); err != nil {
			t.Fatal(err)
		}
		if code, body, _ := v.rest(t, m.verb, m.path, fullKey, m.body); code != http.StatusOK {
			t.Fatalf("%s: %d %s", m.path, code, body)
		}
		mu.Lock()
		if want := []string{m.method, m.method}; !slices.Equal(seen, want) {
			t.Errorf("the chain saw %v, want %v", seen, want)
		}
		mu.Unlock()
	}
}

// Paths that differ from a method's by a slash, case or name are not answered,
// with or without a key (faults S1).
func TestOddMethodPaths(t *testing.T) {
	v := serve(t, nil)
	for _, method := range []string{"/fealty.v1.Scores/getscore", "//fealty.v1.Scores/GetScore", "/fealty.v1.scores/GetScore", "/fealty.v1.Scores/GetScore/", "/fealty.v1.Scores/Erase", "/fealty.internal.v1.Operations/Run"} {
		for _, key := range []string{"", fullKey} {
			err := v.conn.Invoke(as(t, key), method, &fealtyv1.GetScoreRequest{Account: "A-1"}, &fealtyv1.Score{})
			if code := status.Code(err); code != codes.Unimplemented && code != codes.Internal {
				t.Errorf("%s with key %q: %v, want Unimplemented", method, key, err)
			}
		}
	}
	if len(v.answers.asked) > 0 {
		t.Errorf("%v were asked for through odd paths", v.answers.asked)
	}
}

// Without a key no path of REST can be told from another.
func TestUnknownPathsNeedAKeyToo(t *testing.T) {
	v := serve(t, nil)
	for _, path := range []string{"/", "/v1", "/v1/nothing", "/metrics", "/debug/pprof/", "/v1/scores?nonsense=1", "/v1/health/", "/v1/health/x", "//v1/health"} {
		if code, body, _ := v.rest(t, http.MethodGet, path, "", ""); code != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d %s, want 401", path, code, body)
		}
	}
	for _, path := range []string{"/", "/v1/nothing", "/metrics", "/debug/pprof/", "/v1/health/x"} {
		if code, body, _ := v.rest(t, http.MethodGet, path, fullKey, ""); code != http.StatusNotFound {
			t.Errorf("%s with a key: %d %s, want 404", path, code, body)
		}
	}
}

// A key store that can't be asked is no reason to let anyone in, nor to tell
// what is wrong with it.
func TestBrokenKeyStoreLetsNobodyIn(t *testing.T) {
	v := serve(t, func(o *Options) {
		o.Tokens = &fakeTokens{broken: errors.New("sqlite: /var/lib/fealty/state.db is locked")}
	})
	code, body, _ := v.rest(t, http.MethodGet, "/v1/scores/A-1", fullKey, "")
	if code != http.StatusInternalServerError || strings.Contains(body, "sqlite") || strings.Contains(body, "state.db") {
		t.Errorf("REST: %d %s", code, body)
	}
	_, err := fealtyv1.NewScoresClient(v.conn).GetScore(as(t, fullKey), &fealtyv1.GetScoreRequest{Account: "A-1"})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "sqlite") {
		t.Errorf("gRPC: %v", err)
	}
	if !strings.Contains(v.log.String(), "is locked") {
		t.Error("the log does not say what is wrong")
	}
}
