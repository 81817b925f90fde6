package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"fealty/serving"
	"fealty/serving/client"
	"fealty/serving/rpc"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type serveOptions struct {
	verbose bool
	flags   *pflag.FlagSet
}

func newServe(e *env) *cobra.Command {
	o := serveOptions{}
	c := &cobra.Command{
		Use: "serve", Short: "Answer on gRPC and REST from the published scores", Args: none,
		Long: `Answers on gRPC and REST from the published run, which it holds in memory, and takes the verbs of this state
directory over a socket that only its owner may use: while it runs, every other verb is carried out here. SIGTERM and
Ctrl-C end it after the requests in flight.`,
		Example: `  fealty serve
  fealty serve --grpc 0.0.0.0:7443 --http 0.0.0.0:7480 --tls-cert cert.pem --tls-key key.pem
  fealty serve --auth=false          # without keys, for this machine only`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runServe(c.Context(), e, o)
		},
	}
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "log every request")
	addConfigFlags(c.Flags(), "warehouse.url", "state.dir", "serve.grpc", "serve.http", "serve.auth", "serve.tls_cert", "serve.tls_key")
	return c
}

func runServe(ctx context.Context, e *env, o serveOptions) (err error) {
	c, err := e.loadConfig(o.flags)
	if err != nil {
		return err
	}
	if client.Running(ctx, c.socket()) {
		return fmt.Errorf("another process serves %s already: %w", c.stateDir, serving.ErrConflict)
	}
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level}))
	rpc.LogLibraries(log)
	// Addresses before the warehouse: one that is taken is told at once.
	d, err := listen(ctx, c)
	if err != nil {
		return err
	}
	h, err := openHouse(ctx, e, c)
	if err != nil {
		return errors.Join(err, d.close())
	}
	defer func() { err = errors.Join(err, h.close()) }()
	return h.serve(ctx, e, c, d, log)
}

// doors are where a served fealty is asked; either may be nil.
type doors struct {
	grpc, http net.Listener
	tls        *tls.Config
}

func listen(ctx context.Context, c *config) (*doors, error) {
	d := &doors{}
	if c.serve.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(c.serve.tlsCert, c.serve.tlsKey)
		if err != nil {
			return nil, fmt.Errorf("serve.tls_cert and serve.tls_key: %w: %w", err, serving.ErrInvalid)
		}
		d.tls = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	if c.serve.grpc == "" && c.serve.http == "" {
		return nil, fmt.Errorf("serve.grpc and serve.http are both empty: nobody could ask: %w", serving.ErrInvalid)
	}
	var config net.ListenConfig
	for _, door := range []struct {
		key, address string
		to           *net.Listener
	}{{"serve.grpc", c.serve.grpc, &d.grpc}, {"serve.http", c.serve.http, &d.http}} {
		if door.address == "" {
			continue
		}
		l, err := config.Listen(ctx, "tcp", door.address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w: %w", door.key, err, serving.ErrConflict), d.close())
		}
		*door.to = l
	}
	return d, nil
}

func (d *doors) close() error {
	var errs []error
	for _, l := range []net.Listener{d.grpc, d.http} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// url is where REST is asked; "" when it isn't.
func (d *doors) url() string {
	switch {
	case d.http == nil:
		return ""
	case d.tls != nil:
		return "https://" + d.http.Addr().String()
	}
	return "http://" + d.http.Addr().String()
}

// serve answers at the doors until ctx ends. It closes them.
func (h *house) serve(ctx context.Context, e *env, c *config, d *doors, log *slog.Logger) error {
	desk := serving.NewDesk(serving.DeskOptions{
		Runs: h.runs, Score: h.service.ScoreNow, Grow: h.service.Growth, WhyNothingNext: h.service.WhyNothingNext, Moves: h.service.Moves, Erased: h.service.Erased, Standings: h.service.Standings, Metas: h.service.Metas(), Settings: c.settings,
		Version: programVersion(), Describe: h.warehouse.Describe, DataThrough: h.service.DataThrough, Now: e.now, Log: log,
	})
	h.service.Published = func() {
		// Whoever published may ask at once for what they published. When it fails,
		// the desk's watch tries again and its status says why.
		_, _ = desk.Refresh(ctx)
	}
	operations := h.operations(c)
	declare := func(ctx context.Context, r serving.DeclareRequest) (d serving.DeclareResult, err error) {
		request, err := json.Marshal(r)
		if err != nil {
			return d, fmt.Errorf("encode a declaration: %w", err)
		}
		// As a job, so that it waits for another one that writes.
		result, err := operations.Run(ctx, serving.Call{Operation: serving.OpDeclare, Request: request})
		if err != nil {
			return d, err
		}
		err = json.Unmarshal(result, &d)
		return d, err
	}
	server, err := rpc.New(rpc.Options{ //nolint:contextcheck // the gateway lives as long as the server, not as this call
		Answers: desk, Operations: operations, Declare: declare, KeyName: h.state.TokenName, Tokens: h.state, Log: log, TLS: d.tls, AuthOff: !c.serve.auth,
	})
	if err != nil {
		return errors.Join(err, d.close())
	}
	if _, err := desk.Refresh(ctx); err != nil {
		e.say("the published run can't be read yet: %s", sentence(err))
	}
	e.sayDoors(c, d, desk.Status(ctx))
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { desk.Watch(watching) })
	err = server.Serve(ctx, d.grpc, d.http, c.socket())
	stop()
	watch.Wait()
	return err
}

// sayDoors tells where to ask, and what is answered.
func (e *env) sayDoors(c *config, d *doors, status serving.Status) {
	if d.grpc != nil {
		e.say("gRPC on %s", d.grpc.Addr())
	}
	if d.http != nil {
		e.say("REST on %s", d.url())
	}
	e.say("verbs of %s are carried out here", c.stateDir)
	if !c.serve.auth {
		e.say("callers need no key (serve.auth is false)")
	}
	if status.Ready {
		e.say("serving run %s of model %s, %d accounts with a score", status.Run, status.Model, status.Scored)
	} else {
		e.say("nothing is published yet: fealty score")
	}
}

// discardLog is for a serve whose requests nobody wants to read of.
func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
