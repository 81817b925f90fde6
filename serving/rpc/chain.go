package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"fealty/serving"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// TokenVerifier knows the keys. Verify returns the key's id and scopes, or an
// error that wraps serving.ErrUnauthenticated for any reason why the key does
// not hold; other errors mean that it could not be told.
type TokenVerifier interface {
	Verify(ctx context.Context, key string) (id string, scopes []string, err error)
}

// principal is who asks: a key, or the person at this machine when keys are off.
type principal struct {
	id     string
	scopes []string
}

// principalKey marks a context whose caller was already identified. It is
// unexported, so nothing that came over the wire can set it.
type principalKey struct{}

// maxWatching bounds the streams without end on all connections.
const maxWatching = 64

// chain is what stands before every answer, on every path.
type chain struct {
	tokens   TokenVerifier
	authOff  bool
	limits   Limits
	rates    *rates
	inFlight chan struct{}
	// watching is the room of streams without end: they must not fill that of requests.
	watching chan struct{}
	log      *slog.Logger
	// chatter bounds the lines about callers' mistakes; silenced counts what was left out.
	chatter  *rate.Limiter
	silenced atomic.Int64
	// watch sees the method of every call that the chain let through; for tests.
	watch func(method string)
}

func newChain(o Options, limits Limits) *chain {
	return &chain{
		tokens: o.Tokens, authOff: o.AuthOff, limits: limits, log: o.Log,
		rates:    newRates(limits.Rate, limits.Burst),
		inFlight: make(chan struct{}, limits.InFlight),
		watching: make(chan struct{}, maxWatching),
		chatter:  rate.NewLimiter(20, 100),
	}
}

// call carries one unary request through: decision, key, rate, scope, room,
// deadline, the handler, and the words of its error.
func (c *chain) call(ctx context.Context, method string, request any, handler grpc.UnaryHandler) (response any, err error) {
	began := time.Now()
	who := principal{}
	defer func() {
		if r := recover(); r != nil {
			response, err = nil, &panicked{value: r, stack: debug.Stack()}
		}
		err = c.answer(ctx, method, who, began, err)
	}()
	ctx, who, leave, err := c.enter(ctx, method)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, c.limits.Deadline)
	defer cancel()
	if err := check(request); err != nil {
		return nil, err
	}
	response, err = handler(ctx, request)
	// A handler may report the engine's own error when the deadline cut it off.
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return response, err
}

// stream carries a streaming call through the same steps.
func (c *chain) stream(server any, ss grpc.ServerStream, method string, handler grpc.StreamHandler) (err error) {
	began := time.Now()
	who := principal{}
	ctx := ss.Context()
	defer func() {
		if r := recover(); r != nil {
			err = &panicked{value: r, stack: debug.Stack()}
		}
		err = c.answer(ctx, method, who, began, err)
	}()
	ctx, who, leave, err := c.enter(ctx, method)
	if err != nil {
		return err
	}
	defer leave()
	if !decisions[method].endless {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.limits.Deadline)
		defer cancel()
	}
	return handler(server, streamOf{ss, ctx})
}

type streamOf struct {
	grpc.ServerStream
	//nolint:containedctx // a server stream is asked for its context; there is no other way to give it one
	ctx context.Context
}

func (s streamOf) Context() context.Context { return s.ctx }

// enter decides whether the call may begin. leave gives its room back.
func (c *chain) enter(ctx context.Context, method string) (context.Context, principal, func(), error) {
	decision, decided := decisions[method]
	if !decided || decision.local {
		return ctx, principal{}, nil, refuse(serving.ErrDenied, "this call is not offered here")
	}
	ctx, who, err := c.identify(ctx, decision.open)
	if err != nil {
		return ctx, who, nil, err
	}
	if decision.scope != "" && !slices.Contains(who.scopes, decision.scope) {
		return ctx, who, nil, refuse(serving.ErrDenied, "the key lacks the scope "+decision.scope)
	}
	room := c.inFlight
	if decision.endless {
		room = c.watching
	}
	select {
	case room <- struct{}{}:
	default:
		return ctx, who, nil, &refusal{because: serving.ErrExhausted, words: "too much is being asked at once; try again in a second", retry: time.Second}
	}
	if c.watch != nil {
		c.watch(method)
	}
	return ctx, who, func() { <-room }, nil
}

// identify finds out who asks and takes one request from their rate. REST does
// so before it reads a body; the chain does not do it twice.
func (c *chain) identify(ctx context.Context, open bool) (context.Context, principal, error) {
	if who, done := ctx.Value(principalKey{}).(principal); done {
		return ctx, who, nil
	}
	var who principal
	switch {
	case c.authOff:
		who = principal{id: "local", scopes: Scopes()}
	case open:
		who = principal{}
	default:
		// A failure is paid by the address, not by the key that it claims to be: nobody
		// can use up another's rate. It is paid afterwards, so that a guesser behind the
		// same address doesn't lock out who has a key.
		id, scopes, err := c.verify(ctx)
		if err != nil {
			if werr := c.pay("address "+address(ctx), time.Now()); werr != nil {
				return ctx, who, werr
			}
			return ctx, who, err
		}
		who = principal{id: id, scopes: scopes}
	}
	purse := "key " + who.id
	if who.id == "" {
		purse = "address " + address(ctx)
	}
	if err := c.pay(purse, time.Now()); err != nil {
		return ctx, who, err
	}
	return context.WithValue(ctx, principalKey{}, who), who, nil
}

func (c *chain) pay(who string, now time.Time) error {
	ok, wait := c.rates.allow(who, now)
	if ok {
		return nil
	}
	return &refusal{because: serving.ErrExhausted, words: fmt.Sprintf("too many requests; try again in %d s", int(wait.Seconds())), retry: wait}
}

// maxKeyBytes bounds what is looked at as a key.
const maxKeyBytes = 256

// verify takes the key from the one authorization value that the call has. Two
// values are refused: which of them a proxy on the way looked at is unknown.
func (c *chain) verify(ctx context.Context) (string, []string, error) {
	none := fmt.Errorf("no single bearer key: %w", serving.ErrUnauthenticated)
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) != 1 || len(values[0]) > maxKeyBytes {
		return "", nil, none
	}
	scheme, key, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "bearer") || key == "" {
		return "", nil, none
	}
	id, scopes, err := c.tokens.Verify(ctx, key)
	if err != nil {
		return "", nil, fmt.Errorf("verify the key: %w", err)
	}
	return id, scopes, nil
}

// address is the socket's peer without its port. Forwarded-for headers are not
// looked at: anyone can write them.
func address(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return "unknown"
	}
	host, _, err := net.SplitHostPort(p.Addr.String())
	if err != nil {
		return p.Addr.String()
	}
	return host
}

// panicked is a panic on its way to the log.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// answer writes the line of the call to the log and returns the error as the
// caller may read it.
func (c *chain) answer(ctx context.Context, method string, who principal, began time.Time, err error) error {
	attrs := []slog.Attr{
		slog.String("method", method), slog.String("key", who.id), slog.String("peer", address(ctx)),
		slog.Duration("took", time.Since(began)),
	}
	if err == nil {
		c.log.LogAttrs(ctx, slog.LevelDebug, "answered", append(attrs, slog.String("code", codes.OK.String()))...)
		return nil
	}
	t := tell(err)
	attrs = append(attrs, slog.String("code", t.status.Code().String()))
	c.note(ctx, attrs, t, err)
	return t.status.Err()
}

// note logs a refusal. Errors of ours are always told in full; callers'
// mistakes without their words, which may name accounts, and not without bound.
func (c *chain) note(ctx context.Context, attrs []slog.Attr, t told, err error) {
	if t.incident != "" || t.kind == serving.Unavailable {
		attrs = append(attrs, slog.String("error", err.Error()))
		if t.incident != "" {
			attrs = append(attrs, slog.String("incident", t.incident))
		}
		if p, ok := errors.AsType[*panicked](err); ok {
			attrs = append(attrs, slog.String("stack", string(p.stack)))
		}
		level := slog.LevelError
		if t.kind != serving.Internal {
			level = slog.LevelWarn
		}
		c.log.LogAttrs(ctx, level, "refused", attrs...)
		return
	}
	if !c.chatter.Allow() {
		c.silenced.Add(1)
		return
	}
	if n := c.silenced.Swap(0); n > 0 {
		attrs = append(attrs, slog.Int64("silenced", n))
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "refused", attrs...)
}

// unary and streaming are the chain as gRPC wants it.
func (c *chain) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	return c.call(ctx, info.FullMethod, request, handler)
}

func (c *chain) streaming(server any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return c.stream(server, ss, info.FullMethod, handler)
}

// through carries one call of the gateway through the chain. The gateway calls
// the service's methods in process, past gRPC's interceptors; this is what
// makes the chain hold there.
func through[Request, Response any](ctx context.Context, c *chain, method string, request *Request, handler func(context.Context, *Request) (*Response, error)) (*Response, error) {
	response, err := c.call(ctx, method, request, func(ctx context.Context, _ any) (any, error) {
		return handler(ctx, request)
	})
	if err != nil {
		return nil, err
	}
	r, ok := response.(*Response)
	if !ok {
		return nil, status.Error(codes.Internal, "internal error")
	}
	return r, nil
}
