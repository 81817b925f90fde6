package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"fealty/features/clickhouse"
	"fealty/serving"
	"fealty/serving/client"
	"fealty/serving/store"

	"github.com/spf13/pflag"
)

// The rooms that are plugged in keep what serving asks of them.
var (
	_ serving.Facts     = clickhouse.Warehouse{}
	_ serving.Loads     = clickhouse.Warehouse{}
	_ serving.Admission = clickhouse.Warehouse{}
	_ serving.Runs      = (*store.Runs)(nil)
	_ serving.Registry  = (*store.State)(nil)
)

// house is everything that a verb needs when no other process holds the
// warehouse: the warehouse, the state directory, and the use cases over both.
type house struct {
	warehouse clickhouse.Warehouse
	state     *store.State
	runs      *store.Runs
	service   *serving.Service
}

// openHouse opens the warehouse and the state directory of a configuration and
// brings both up to this release.
func openHouse(ctx context.Context, e *env, c *config) (_ *house, err error) {
	at, err := c.engineURL()
	if err != nil {
		return nil, err
	}
	h := &house{}
	if h.state, err = store.OpenState(ctx, c.stateDir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	engine, err := clickhouse.Open(ctx, at, c.warehouse.limits)
	if err != nil {
		if serving.KindOf(err) == serving.Internal {
			// What no sentinel of an outage names is what the URL says.
			err = fmt.Errorf("%w: %w", err, serving.ErrInvalid)
		}
		return nil, err
	}
	h.warehouse = clickhouse.Warehouse{Engine: engine}
	if err := h.warehouse.Migrate(ctx); err != nil {
		return nil, fmt.Errorf("bring the warehouse up to this release: %w", err)
	}
	if err := h.warehouse.MapSources(ctx, c.sources); err != nil {
		return nil, fmt.Errorf("map the sources: %w", err)
	}
	if h.runs, err = store.OpenRuns(ctx, engine); err != nil {
		return nil, fmt.Errorf("open the runs: %w", err)
	}
	h.service = &serving.Service{
		Facts: h.warehouse, Loads: h.warehouse, Runs: h.runs, Registry: h.state.By("fealty"),
		Settings: c.settings, Sources: c.sources, Own: c.own, Admission: h.warehouse, Now: e.now, TempDir: h.state.TempDir(),
	}
	return h, nil
}

// operations are the verbs over this house.
func (h *house) operations(c *config) *serving.Operations {
	check := serving.Checker{Facts: h.warehouse, Inspector: h.warehouse, Settings: c.settings, Sources: c.sources, Now: h.service.Now}
	matchmaker := serving.Matchmaker{Facts: h.warehouse, Finder: h.warehouse, Settings: c.settings, Now: h.service.Now}
	return serving.NewOperations(c.settings.Map(), append(h.service.Operations(), check.Operation(), matchmaker.Operation())...)
}

func (h *house) close() error {
	var errs []error
	if h.warehouse.Engine != nil {
		errs = append(errs, h.warehouse.Close())
	}
	if h.state != nil {
		errs = append(errs, h.state.Close())
	}
	return errors.Join(errs...)
}

// job is one operation asked for on the command line.
type job struct {
	operation string
	request   any
	in        *inputs
	out       *outputs
	// begins is set when the operation may be the first that the warehouse sees.
	begins bool
}

// perform carries out a job: in the process that serves the state directory
// when there is one, in this one otherwise.
func perform[Result any](ctx context.Context, e *env, flags *pflag.FlagSet, j job) (result Result, err error) {
	c, err := e.loadConfig(flags)
	if err != nil {
		return result, err
	}
	raw, err := e.performRaw(ctx, c, j)
	if err != nil {
		return result, err
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return result, fmt.Errorf("read the result of %s: %w", j.operation, err)
	}
	return result, nil
}

func (e *env) performRaw(ctx context.Context, c *config, j job) (raw json.RawMessage, err error) {
	call := serving.Call{Operation: j.operation, Settings: c.settings.Map()}
	if call.Request, err = json.Marshal(j.request); err != nil {
		return nil, fmt.Errorf("encode the request of %s: %w", j.operation, err)
	}
	if j.in != nil {
		call.Files = j.in.files
	}
	if j.out != nil {
		call.Output = j.out.open
		defer func() { err = errors.Join(err, j.out.finish(err == nil)) }()
	}
	p := e.newProgress()
	defer p.end()
	call.Report = p.report
	if client.Running(ctx, c.socket()) {
		return client.RunOperation(ctx, c.socket(), call)
	}
	if !j.begins {
		if err := c.warehouseExists(); err != nil {
			return nil, err
		}
	}
	h, err := openHouse(ctx, e, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	return h.operations(c).Run(ctx, call)
}

// warehouseExists refuses to make an empty warehouse only to find nothing in
// it: the configuration or the working directory is not the one that was meant.
func (c *config) warehouseExists() error {
	dir, embedded := strings.CutPrefix(c.warehouse.url, embeddedScheme)
	if !embedded {
		return nil
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no warehouse at %s; import something first, or run this where its %s is: %w", dir, configName, serving.ErrUnavailable)
	}
	return nil
}
