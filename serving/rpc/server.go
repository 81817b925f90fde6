package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"fealty/serving"
	internalv1 "fealty/serving/gen/fealty/internalv1"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
)

// maxHeaderBytes bounds the headers of one request on every path.
const maxHeaderBytes = 16 << 10

// Options are what a server is made of.
type Options struct {
	// Answers is what is asked; required.
	Answers serving.Answers
	// Operations run for the command line over the unix socket; nil when there is none.
	Operations *serving.Operations
	// Declare takes declarations of wallets in the name of the key, which KeyName tells
	// by its id; without either none is taken.
	Declare func(context.Context, serving.DeclareRequest) (serving.DeclareResult, error)
	KeyName func(ctx context.Context, id string) (string, error)
	// Tokens knows the keys; required unless AuthOff.
	Tokens TokenVerifier
	// Log receives one line per refused call and, at debug level, one per answered
	// call; nil discards. It never sees keys, and account ids only inside errors
	// that are ours.
	Log *slog.Logger
	// Limits bound the cost of callers; the zero value has the defaults.
	Limits Limits
	// TLS, when set, is what both listeners speak, at least TLS 1.2.
	TLS *tls.Config
	// AuthOff answers without keys. Serve then takes loopback listeners only.
	AuthOff bool
}

// Server answers on gRPC, REST and the unix socket. It serves once.
type Server struct {
	options Options
	limits  Limits
	chain   *chain
	grpc    *grpc.Server
	http    *http.Server
	local   *grpc.Server
	health  *health.Server
	// stopping is set before anything else when the service ends.
	stopping atomic.Bool
	served   atomic.Bool
}

// New builds a server; it opens nothing yet. It refuses options without
// Answers, and options that need keys without Tokens.
func New(o Options) (*Server, error) {
	if o.Answers == nil {
		return nil, errors.New("rpc: Options.Answers is missing")
	}
	if o.Tokens == nil && !o.AuthOff {
		return nil, errors.New("rpc: Options.Tokens is missing and AuthOff is not set")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{options: o, limits: o.Limits.withDefaults(), health: health.NewServer()}
	s.chain = newChain(o, s.limits)
	scores := &scores{answers: o.Answers}
	worths := &worths{answers: o.Answers, declare: o.Declare, keyName: o.KeyName}
	system := &system{answers: o.Answers, stopping: s.stopping.Load}

	s.grpc = grpc.NewServer(s.grpcOptions()...)
	fealtyv1.RegisterScoresServer(s.grpc, scores)
	fealtyv1.RegisterWorthsServer(s.grpc, worths)
	fealtyv1.RegisterSystemServer(s.grpc, system)
	healthv1.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)

	handler, err := rest(s.chain, scores, worths, system)
	if err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           handler,
		TLSConfig:         s.tls(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      s.limits.Deadline + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: int(s.limits.Streams)},
	}
	s.local = newLocal(o.Operations, o.Log)
	// Ready is what Answers says, from the first moment on.
	s.tellHealth(context.Background())
	return s, nil
}

func (s *Server) tls() *tls.Config {
	if s.options.TLS == nil {
		return nil
	}
	c := s.options.TLS.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

func (s *Server) grpcOptions() []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(s.chain.unary),
		grpc.ChainStreamInterceptor(s.chain.streaming),
		grpc.MaxRecvMsgSize(s.limits.RequestBytes),
		grpc.MaxConcurrentStreams(s.limits.Streams),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 15 * time.Minute, Time: 2 * time.Minute, Timeout: 20 * time.Second}),
	}
	if c := s.tls(); c != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(c)))
	}
	return options
}

// Serve answers on the listeners until ctx ends or one of them breaks. Either
// listener may be nil and socket empty: that door stays shut. socket is the
// path at which the owner of this process finds the operations; it is made with
// mode 0600 and removed at the end.
//
// At the end the service first says that it is not ready (for Limits.Notice),
// then takes no new work, lets work in flight go on for Limits.Stop, and then
// cuts it off. Serve returns nil after ctx ended, whatever was cut off; it
// closes the listeners in every case.
func (s *Server) Serve(ctx context.Context, grpcListener, httpListener net.Listener, socket string) error {
	if s.served.Swap(true) {
		return errors.New("rpc: Serve was called twice")
	}
	listeners := []net.Listener{grpcListener, httpListener}
	if s.options.AuthOff {
		for _, l := range listeners {
			if l != nil && !loopback(l.Addr()) {
				closeAll(listeners)
				return fmt.Errorf("listen on %s without keys: only loopback addresses are allowed then: %w", l.Addr(), serving.ErrInvalid)
			}
		}
	}
	var localListener net.Listener
	if socket != "" {
		var err error
		if localListener, err = listenLocal(ctx, socket); err != nil {
			closeAll(listeners)
			return err
		}
		made, err := os.Lstat(socket)
		if err != nil {
			closeAll(append(listeners, localListener))
			return fmt.Errorf("look at the socket: %w", err)
		}
		defer func() {
			if err := removeLocal(socket, made); err != nil {
				s.options.Log.Warn("end", slog.String("error", err.Error()))
			}
		}()
	}

	var running sync.WaitGroup
	broken := make(chan error, 3)
	start := func(l net.Listener, what string, serve func(net.Listener) error) {
		if l == nil {
			return
		}
		running.Go(func() {
			if err := serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
				broken <- fmt.Errorf("serve %s on %s: %w", what, l.Addr(), err)
			}
		})
	}
	start(grpcListener, "gRPC", s.grpc.Serve)
	start(httpListener, "REST", func(l net.Listener) error {
		if s.http.TLSConfig != nil {
			return s.http.ServeTLS(l, "", "")
		}
		return s.http.Serve(l)
	})
	start(localListener, "operations", s.local.Serve)

	watching, stopWatching := context.WithCancel(ctx)
	running.Go(func() { s.watchHealth(watching) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-broken:
	}
	stopWatching()
	s.stop() //nolint:contextcheck // ctx has ended; the requests in flight get Limits.Stop beyond it
	running.Wait()
	return err
}

// watchHealth keeps gRPC's health service at what Answers says.
func (s *Server) watchHealth(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		s.tellHealth(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Server) tellHealth(ctx context.Context) {
	st := healthv1.HealthCheckResponse_NOT_SERVING
	if s.options.Answers.Status(ctx).Ready && !s.stopping.Load() {
		st = healthv1.HealthCheckResponse_SERVING
	}
	for _, service := range []string{
		"", fealtyv1.Scores_ServiceDesc.ServiceName, fealtyv1.Worths_ServiceDesc.ServiceName, fealtyv1.System_ServiceDesc.ServiceName,
	} {
		s.health.SetServingStatus(service, st)
	}
}

// stop ends the three servers side by side.
func (s *Server) stop() {
	s.stopping.Store(true)
	s.health.Shutdown()
	time.Sleep(s.limits.Notice)

	var stopping sync.WaitGroup
	for _, g := range []*grpc.Server{s.grpc, s.local} {
		stopping.Go(func() {
			cut := time.AfterFunc(s.limits.Stop, g.Stop)
			defer cut.Stop()
			g.GracefulStop()
		})
	}
	stopping.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.limits.Stop)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			s.options.Log.Warn("cut off REST requests in flight", slog.String("error", err.Error()))
			if err := s.http.Close(); err != nil {
				s.options.Log.Warn("close REST", slog.String("error", err.Error()))
			}
		}
	})
	stopping.Wait()
}

func loopback(a net.Addr) bool {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		if l != nil {
			_ = l.Close() // nothing was served on it
		}
	}
}

// LogLibraries sends what gRPC and the gateway say by themselves (a caller that
// left, a handshake that broke off) to log at debug level; otherwise it goes to
// standard error, as often as callers like. The setting belongs to the whole
// process: call it once, before any server or client is made.
func LogLibraries(log *slog.Logger) {
	lines := slog.NewLogLogger(log.Handler(), slog.LevelDebug).Writer()
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, lines))
}

func newLocal(operations *serving.Operations, log *slog.Logger) *grpc.Server {
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxPieceBytes+maxHeaderBytes),
		grpc.MaxSendMsgSize(maxPieceBytes+maxHeaderBytes),
		grpc.MaxConcurrentStreams(64),
		grpc.WaitForHandlers(true),
	)
	if operations != nil {
		internalv1.RegisterOperationsServer(server, &operationsServer{operations: operations, log: log})
	}
	return server
}
