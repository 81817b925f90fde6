package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"fealty/features/clickhouse"
	"fealty/serving/client"
	"fealty/serving/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newDoctor(e *env) *cobra.Command {
	c := &cobra.Command{
		Use: "doctor", Short: "Look for what is in the way: engine, folders, addresses, configuration", Args: none,
		Long:    "Looks at what fealty needs and says for each whether it is there. Exit code 6 when something is not.",
		Example: "  fealty doctor\n  fealty doctor -o json",
		RunE:    func(c *cobra.Command, _ []string) error { return runDoctor(c.Context(), e, c.Flags()) },
	}
	addConfigFlags(c.Flags(), "warehouse.url", "state.dir")
	return c
}

// examined is one thing that was looked at.
type examined struct {
	What string `json:"what"`
	// Verdict is ok, note or error.
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
}

type doctor struct{ found []examined }

func (d *doctor) add(what, verdict, format string, args ...any) {
	d.found = append(d.found, examined{what, verdict, fmt.Sprintf(format, args...)})
}

// tell adds ok with a detail, or the error.
func (d *doctor) tell(what, detail string, err error) {
	if err != nil {
		d.add(what, "error", "%s", sentence(err))
		return
	}
	d.add(what, "ok", "%s", detail)
}

func runDoctor(ctx context.Context, e *env, flags *pflag.FlagSet) error {
	d := &doctor{}
	d.add("fealty", "ok", "%s", programVersion())
	c, err := e.loadConfig(flags)
	if err != nil {
		d.tell("configuration", "", err)
	} else {
		from := c.file
		if from == "" {
			from = "defaults; there is no " + configName + " here (fealty init writes one)"
		}
		d.add("configuration", "ok", "%s", from)
		for _, n := range c.settings.StrayLoyalty(c.own) {
			d.add("loyalty settings", "note", "%s %s", n.EN, n.ZH)
		}
		d.examine(ctx, c)
	}
	s := section{head: []string{"what", "verdict", "detail"}}
	bad := false
	for _, f := range d.found {
		s.rows = append(s.rows, []any{f.What, f.Verdict, f.Detail})
		bad = bad || f.Verdict == "error"
	}
	if err := e.show(answer{data: d.found, sections: []section{s}}); err != nil {
		return err
	}
	if bad {
		return errFindings
	}
	return nil
}

func (d *doctor) examine(ctx context.Context, c *config) {
	d.state(ctx, c)
	served := client.Running(ctx, c.socket())
	if served {
		d.add("serve", "ok", "a process serves this state directory; verbs run there")
	} else {
		d.add("serve", "note", "no process serves this state directory; verbs open the warehouse themselves")
		for _, address := range []struct{ key, address string }{{"serve.grpc", c.serve.grpc}, {"serve.http", c.serve.http}} {
			if address.address != "" {
				d.tell(address.key, address.address+" is free", free(ctx, address.address))
			}
		}
	}
	d.warehouse(ctx, c, served)
}

func (d *doctor) state(ctx context.Context, c *config) {
	if _, err := os.Stat(c.stateDir); errors.Is(err, os.ErrNotExist) {
		d.add("state directory", "note", "%s is not there yet; the first verb makes it", c.stateDir)
		return
	}
	state, err := store.OpenState(ctx, c.stateDir)
	if err == nil {
		err = errors.Join(state.VerifyAudit(ctx), state.Close())
	}
	d.tell("state directory", c.stateDir+"; the audit trail is whole", err)
}

// free reports whether an address can be listened on.
func free(ctx context.Context, address string) error {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// warehouse opens what is there; it makes nothing. An engine without a
// warehouse is tried on a folder that goes away again.
func (d *doctor) warehouse(ctx context.Context, c *config, served bool) {
	dir, embedded := strings.CutPrefix(c.warehouse.url, embeddedScheme)
	if served && embedded {
		d.add("warehouse", "ok", "%s is held by the process that serves", dir)
		return
	}
	at, err := c.engineURL()
	what := masked(c.warehouse.url)
	if embedded && c.warehouseExists() != nil {
		var folder string
		if folder, err = os.MkdirTemp("", "fealty-doctor-"); err == nil {
			defer func() { _ = os.RemoveAll(folder) }() // a temporary folder
			at, what = embeddedScheme+filepath.Join(folder, "warehouse"), dir+" is not there yet; the first import makes it"
		}
	}
	if err != nil {
		d.tell("warehouse", "", err)
		return
	}
	engine, err := clickhouse.Open(ctx, at, c.warehouse.limits)
	if err != nil {
		d.tell("warehouse", "", err)
		return
	}
	info := engine.Info()
	d.tell("warehouse", fmt.Sprintf("%s %s, %s", info.Kind, info.Version, what), engine.Close())
}
