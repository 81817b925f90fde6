package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// healthPath needs no key; every other path is answered only to who has one,
// so that nobody without a key learns which paths there are.
const healthPath = "/v1/health"

// listPath and growthPath are those whose query is read whole; the paths of single
// accounts, which lie below accountPaths, take groupsParameter; anywhere else a
// parameter is a mistake that would otherwise be ignored.
const (
	listPath        = "/v1/scores"
	growthPath      = "/v1/growth"
	groupsParameter = "groups"
)

var accountPaths = []string{listPath + "/", "/v1/values/", "/v1/wallets/", "/v1/recommendations/", "/v1/loyalty/"}

// takes tells whether the path reads all of the query's parameters.
func takes(u *url.URL) bool {
	if u.RawQuery == "" || u.Path == listPath || u.Path == growthPath {
		return true
	}
	values, err := url.ParseQuery(u.RawQuery)
	below := func(path string) bool { return strings.HasPrefix(u.Path, path) }
	return err == nil && slices.ContainsFunc(accountPaths, below) && len(values) == 1 && len(values[groupsParameter]) == 1
}

// maxDepth bounds the nesting of a JSON body. Our requests have two levels.
const maxDepth = 16

// rest returns the REST handler: our own guard, then the gateway, which calls
// the services in process through the chain.
func rest(c *chain, scores *scores, worths *worths, system *system) (http.Handler, error) {
	mux := runtime.NewServeMux(
		// Nothing that a caller writes in a header becomes metadata; the gateway adds
		// Authorization by itself, and identity comes from there alone.
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithOutgoingTrailerMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithDisablePathLengthFallback(),
		// An id's slash arrives as %2F and must come out as a slash.
		runtime.WithUnescapingMode(runtime.UnescapingModeAllCharacters),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &wholeJSON{runtime.JSONPb{
			MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: false},
			UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false, RecursionLimit: maxDepth},
		}}),
		runtime.SetQueryParameterParser(&strictQuery{}),
		runtime.WithErrorHandler(c.gatewayError),
		runtime.WithRoutingErrorHandler(c.routingError),
		runtime.WithForwardResponseOption(unready),
	)
	ctx := context.Background()
	if err := fealtyv1.RegisterScoresHandlerServer(ctx, mux, &scoresThroughChain{chain: c, to: scores}); err != nil {
		return nil, fmt.Errorf("mount Scores on the gateway: %w", err)
	}
	if err := fealtyv1.RegisterWorthsHandlerServer(ctx, mux, &worthsThroughChain{chain: c, to: worths}); err != nil {
		return nil, fmt.Errorf("mount Worths on the gateway: %w", err)
	}
	if err := fealtyv1.RegisterSystemHandlerServer(ctx, mux, &systemThroughChain{chain: c, to: system}); err != nil {
		return nil, fmt.Errorf("mount System on the gateway: %w", err)
	}
	// No CORS header is ever sent: browsers are not among those who ask here.
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := refuse(serving.ErrDenied, "requests from other origins are not answered")
		c.write(w, c.answer(r.Context(), r.Method, principal{}, time.Now(), err), 0)
	}))
	return protection.Handler(c.guard(mux)), nil
}

// guard stands before the gateway, which reads bodies and queries before it
// calls a service: size, identity and rate are settled before that costs
// anything. The identity is handed to the chain in the context.
func (c *chain) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ctx := peer.NewContext(r.Context(), &peer.Peer{Addr: remote(r.RemoteAddr)})
		r = r.WithContext(ctx)
		refused := func(err error, httpStatus int) {
			// answer logs and turns err into words; the gateway's own handler isn't reached.
			c.write(w, c.answer(ctx, r.Method, principal{}, began, err), httpStatus)
		}
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				refused(&panicked{value: p, stack: debug.Stack()}, 0)
			}
		}()
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		if c.authOff && !ownHost(r.Host) {
			// Without keys the only guard is that nobody else reaches this address; a web
			// page that rebinds its own name to it must not.
			refused(refuse(serving.ErrDenied, "without keys only this machine's own names are answered"), 0)
			return
		}
		if r.URL.Path != healthPath {
			incoming := metadata.MD{}
			incoming.Append("authorization", r.Header.Values("Authorization")...)
			known, _, err := c.identify(metadata.NewIncomingContext(ctx, incoming), false)
			if err != nil {
				refused(err, 0)
				return
			}
			r = r.WithContext(known)
			if !takes(r.URL) {
				refused(refuse(serving.ErrInvalid, "this path takes no query parameters, or only groups, as that of one account does"), 0)
				return
			}
		}
		if timeout := r.Header.Values("Grpc-Timeout"); len(timeout) > 1 {
			refused(refuse(serving.ErrInvalid, "Grpc-Timeout stands twice"), 0)
			return
		}
		body, err := c.body(r)
		if err != nil {
			httpStatus := 0
			if serving.KindOf(err) == serving.Exhausted {
				httpStatus = http.StatusRequestEntityTooLarge
			}
			refused(err, httpStatus)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		// The gateway gets the two headers that it needs. It would look into others and
		// write what it can't read of them to its own log. r is a copy of ours.
		r.Header = http.Header{"Authorization": r.Header["Authorization"], "Grpc-Timeout": r.Header["Grpc-Timeout"]}
		next.ServeHTTP(w, r)
	})
}

// body reads the whole body, so that one that is too large is told from one
// that is broken.
func (c *chain) body(r *http.Request) ([]byte, error) {
	limit := int64(c.limits.RequestBytes)
	tooLarge := refuse(serving.ErrExhausted, fmt.Sprintf("the request is larger than %d bytes", limit))
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, refuse(serving.ErrInvalid, "the request's body broke off")
	}
	return body, nil
}

// remote is the socket's peer as gRPC knows peers.
type remote string

func (remote) Network() string  { return "tcp" }
func (r remote) String() string { return string(r) }

// ownHost reports whether a Host header names this machine itself.
func ownHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

// gatewayError answers for errors of the gateway and of the chain alike. Those
// of the chain are told already; those of the gateway (a body that is no JSON,
// a query that names no field) are about what the caller sent.
func (c *chain) gatewayError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	httpStatus := 0
	if fixed, ok := errors.AsType[*runtime.HTTPStatusError](err); ok {
		httpStatus, err = fixed.HTTPStatus, fixed.Err
		if _, ok := status.FromError(err); !ok {
			err = status.Error(codes.InvalidArgument, "the path is not percent-encoded as it should be")
		}
	}
	st, ok := status.FromError(err)
	if !ok {
		// The gateway itself failed, e.g. to encode an answer.
		c.write(w, c.answer(r.Context(), r.Method, principal{}, time.Now(), err), httpStatus) //nolint:contextcheck // the request's own context, as for every other answer
		return
	}
	if st.Code() == codes.InvalidArgument {
		st = status.New(st.Code(), plainOr(ourWords(st.Message()), "the request can't be read"))
	}
	c.write(w, st.Err(), httpStatus)
}

// ourWords takes the name of the JSON library off its errors; it separates
// with a no-break space or not, by chance, so that nobody relies on them.
func ourWords(words string) string {
	words = strings.ReplaceAll(words, "\u00a0", " ")
	return strings.TrimSpace(strings.TrimPrefix(words, "proto:"))
}

func (c *chain) routingError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, httpStatus int) {
	st := status.New(codes.InvalidArgument, "the request line can't be read")
	switch httpStatus {
	case http.StatusNotFound:
		st = status.New(codes.NotFound, "no such path")
	case http.StatusMethodNotAllowed:
		st = status.New(codes.Unimplemented, "the path does not take this method")
	}
	c.write(w, st.Err(), httpStatus)
}

// write sends an error that was told already. httpStatus 0 means the one that
// goes with the code.
func (c *chain) write(w http.ResponseWriter, err error, httpStatus int) {
	st := status.Convert(err)
	if httpStatus == 0 {
		httpStatus = runtime.HTTPStatusFromCode(st.Code())
	}
	body, merr := protojson.Marshal(st.Proto())
	if merr != nil {
		c.log.Error("encode an error", slog.String("error", merr.Error()))
		body = []byte(`{"code":13,"message":"internal error"}`)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if st.Code() == codes.Unauthenticated {
		header.Set("WWW-Authenticate", `Bearer realm="fealty"`)
	}
	for _, detail := range st.Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			header.Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.GetRetryDelay().AsDuration().Seconds()))))
		}
	}
	w.WriteHeader(httpStatus)
	if _, werr := w.Write(body); werr != nil {
		c.log.Debug("the caller left before the error was told", slog.String("error", werr.Error()))
	}
}

// unready gives probes that look at nothing but the status their answer.
func unready(_ context.Context, w http.ResponseWriter, message proto.Message) error {
	if health, ok := message.(*fealtyv1.GetHealthResponse); ok && !health.GetReady() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	return nil
}

// wholeJSON reads a body as one JSON value and nothing after it. The gateway's
// own decoder stops after the first value and would ignore the rest.
type wholeJSON struct{ runtime.JSONPb }

func (j *wholeJSON) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		body, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("read the body: %w", err)
		}
		if len(body) == 0 {
			return io.EOF // the gateway takes it for an empty request
		}
		message, ok := v.(proto.Message)
		if !ok {
			return fmt.Errorf("%T is no message", v)
		}
		return j.UnmarshalOptions.Unmarshal(body, message)
	})
}

// strictQuery refuses a query parameter that is no field of the request. A
// misspelt filter would otherwise be ignored and everything be answered.
type strictQuery struct{ runtime.DefaultQueryParser }

func (q *strictQuery) Parse(message proto.Message, values url.Values, filter *utilities.DoubleArray) error {
	fields := message.ProtoReflect().Descriptor().Fields()
	for name := range values {
		if fields.ByName(protoreflect.Name(name)) == nil && fields.ByJSONName(name) == nil {
			return fmt.Errorf("query parameter %q is unknown; known are %s", name, strings.Join(fieldNames(fields), ", "))
		}
	}
	return q.DefaultQueryParser.Parse(message, values, filter)
}

func fieldNames(fields protoreflect.FieldDescriptors) []string {
	var known []string
	for i := range fields.Len() {
		known = append(known, string(fields.Get(i).Name()))
	}
	slices.Sort(known)
	return known
}
