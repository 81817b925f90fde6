package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"fealty/features/synthetic"
	"fealty/serving"
	"fealty/serving/client"
	"fealty/serving/rpc"

	"github.com/spf13/cobra"
)

type demoOptions struct {
	accounts int
	seed     uint64
	dir      string
	record   bool
	check    bool
	grpc     string
	http     string
}

func newDemo(e *env) *cobra.Command {
	o := demoOptions{}
	c := &cobra.Command{
		Use: "demo", Short: "Run the whole walk on an invented town and serve it", Args: none,
		Long: `Invents a town of business accounts, imports it, checks it, trains, scores and serves: every step as you would do it
with your own data. Then it asks for the riskiest account over HTTP and prints the answer, and serves until Ctrl-C.`,
		Example: `  fealty demo
  fealty demo --accounts 500 --check`,
		RunE: func(c *cobra.Command, _ []string) error { return runDemo(c.Context(), e, o) },
	}
	f := c.Flags()
	f.IntVar(&o.accounts, "accounts", 2000, "how many accounts the town has")
	f.Uint64Var(&o.seed, "seed", 1, "which town")
	f.StringVar(&o.dir, "dir", "", "folder of the demo (default: a temporary one, removed at the end); an earlier demo in it is replaced")
	f.BoolVar(&o.record, "record", true, "the town has a shared record beside its orders (see fealty town)")
	f.BoolVar(&o.check, "check", false, "end after the answer")
	f.StringVar(&o.grpc, "grpc", "127.0.0.1:7443", "address of gRPC (with --check: any free port)")
	f.StringVar(&o.http, "http", "127.0.0.1:7480", "address of REST (with --check: any free port)")
	return c
}

// demoMark says that a folder is a demo's, so that the next one may replace it.
const demoMark = ".fealty-demo"

// demoFolder prepares the folder of a demo and returns how to give it back.
func demoFolder(ctx context.Context, e *env, dir string) (string, func() error, error) {
	if dir == "" {
		made, err := os.MkdirTemp("", "fealty-demo-")
		if err != nil {
			return "", nil, fmt.Errorf("make the folder of the demo: %w", err)
		}
		return made, func() error { return os.RemoveAll(made) }, nil
	}
	dir = e.path(dir)
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", nil, fmt.Errorf("look into the folder of the demo: %w: %w", err, serving.ErrInvalid)
	case len(entries) > 0:
		if _, err := os.Stat(filepath.Join(dir, demoMark)); err != nil {
			return "", nil, fmt.Errorf("%s is not empty and no demo's; it stays as it is: %w", dir, serving.ErrConflict)
		}
		if client.Running(ctx, demoConfig(dir).socket()) {
			return "", nil, fmt.Errorf("a demo is being served from %s; stop it first: %w", dir, serving.ErrConflict)
		}
		if err := os.RemoveAll(dir); err != nil {
			return "", nil, fmt.Errorf("remove the demo before: %w", err)
		}
	}
	const private = 0o700
	if err := os.MkdirAll(dir, private); err != nil {
		return "", nil, fmt.Errorf("make the folder of the demo: %w: %w", err, serving.ErrInvalid)
	}
	mark := "This folder belongs to `fealty demo`, which replaces everything in it.\n"
	if err := os.WriteFile(filepath.Join(dir, demoMark), []byte(mark), 0o600); err != nil {
		return "", nil, fmt.Errorf("mark the folder of the demo: %w", err)
	}
	return dir, func() error { return nil }, nil
}

// demoConfig is the configuration of a demo: the defaults, in its folder. The
// surroundings' variables and files don't touch it.
func demoConfig(dir string) *config {
	c := defaultConfig()
	c.stateDir = filepath.Join(dir, "state")
	c.warehouse.url = c.embeddedDefault()
	return c
}

func runDemo(ctx context.Context, e *env, o demoOptions) (err error) {
	began := e.now()
	dir, giveBack, err := demoFolder(ctx, e, o.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, giveBack()) }()
	c := demoConfig(dir)
	if c.serve.grpc, c.serve.http = o.grpc, o.http; o.check {
		c.serve.grpc, c.serve.http = "127.0.0.1:0", "127.0.0.1:0"
	}
	if err := c.finish(dir); err != nil {
		return err
	}
	doors, err := listen(ctx, c)
	if err != nil {
		return err
	}
	h, err := openHouse(ctx, e, c)
	if err != nil {
		return errors.Join(err, doors.close())
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.walk(ctx, e, c, dir, o); err != nil {
		return errors.Join(err, doors.close())
	}
	key, _, err := h.state.CreateToken(ctx, "demo", rpc.Scopes(), 0)
	if err != nil {
		return errors.Join(err, doors.close())
	}
	return h.serveDemo(ctx, e, c, doors, key, began, o.check)
}

// walk is the main job, from the town to published scores. Each step is the
// operation that the verb of its name runs.
func (h *house) walk(ctx context.Context, e *env, c *config, dir string, o demoOptions) error {
	town, err := synthetic.New(synthetic.Params{
		Seed: o.seed, Accounts: o.accounts, Record: o.record,
		// The town's newest day is yesterday, so that its scores are not stale.
		Through: e.now().UTC().AddDate(0, 0, -1),
	})
	if err != nil {
		return err
	}
	paths, err := town.WriteCSV(ctx, filepath.Join(dir, "town"))
	if err != nil {
		return err
	}
	e.say("# an invented town of %d accounts in %s", town.Params().Accounts, filepath.Join(dir, "town"))
	operations := h.operations(c)
	for i, table := range town.Tables() {
		var result serving.ImportResult
		err := e.step(ctx, operations, c, "fealty import "+table+" "+filepath.Base(paths[i]), job{
			operation: serving.OpImport, request: serving.ImportRequest{Table: table},
		}, []string{paths[i]}, &result)
		if err != nil {
			return err
		}
		e.say("  %d rows", result.Load.Rows)
	}
	var checked serving.CheckResult
	if err := e.step(ctx, operations, c, "fealty data check", job{operation: serving.OpCheck, request: serving.CheckRequest{}}, nil, &checked); err != nil {
		return err
	}
	e.say("  %d eligible accounts; the highest rung is %s: %s", checked.Eligible, checked.Rung, checked.Why)
	for i := range checked.Findings {
		if f := &checked.Findings[i]; f.Severity != serving.SeverityAdvice {
			e.say("  %s: %s: %s, needed %s", f.Severity, f.Check, f.Now, f.Needed)
		}
	}
	var trained serving.TrainResult
	if err := e.step(ctx, operations, c, "fealty train", job{operation: serving.OpTrain, request: serving.TrainRequest{}}, nil, &trained); err != nil {
		return err
	}
	quality := &trained.Card.Report.Quality
	e.say("  model %s: %s, grade %s, AUC %.3f at the test cutoff %s", trained.Model, trained.Card.Rung, trained.Card.Report.Grade, quality.AUC, trained.Card.TestCutoff)
	var scored serving.ScoreResult
	if err := e.step(ctx, operations, c, "fealty score", job{operation: serving.OpScore, request: serving.ScoreRequest{}}, nil, &scored); err != nil {
		return err
	}
	e.say("  %d accounts: %d high, %d medium, %d low; %.0f %s at risk", scored.Run.Rows,
		scored.Bands["high"], scored.Bands["medium"], scored.Bands["low"], scored.ValueAtRisk, scored.Run.Currency)
	return nil
}

// step runs one operation of the walk and says so.
func (e *env) step(ctx context.Context, operations *serving.Operations, c *config, words string, j job, paths []string, result any) (err error) {
	e.say("$ %s", words)
	in, err := e.openInputs(paths)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	request, err := json.Marshal(j.request)
	if err != nil {
		return fmt.Errorf("encode the request of %s: %w", j.operation, err)
	}
	p := e.newProgress()
	defer p.end()
	raw, err := operations.Run(ctx, serving.Call{
		Operation: j.operation, Request: request, Settings: c.settings.Map(), Files: in.files, Report: p.report,
	})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, result); err != nil {
		return fmt.Errorf("read the result of %s: %w", j.operation, err)
	}
	return nil
}

// serveDemo serves, asks for the riskiest account as anybody would, shows the
// answer, and goes on serving unless it was only to be checked.
func (h *house) serveDemo(ctx context.Context, e *env, c *config, d *doors, key string, began time.Time, check bool) error {
	e.say("$ fealty serve")
	serving, stop := context.WithCancel(ctx)
	defer stop()
	address := d.url()
	ended := make(chan error, 1)
	go func() { ended <- h.serve(serving, e, c, d, discardLog()) }()
	asked := askDemo(ctx, e, address, key, began)
	if asked != nil || check {
		stop()
		return errors.Join(asked, <-ended)
	}
	e.say("\nServing until Ctrl-C.")
	return <-ended
}

// toldScore is what the demo reads of an answer.
type toldScore struct {
	Account     string       `json:"account"`
	Name        string       `json:"name"`
	Probability *float64     `json:"probability"`
	Band        string       `json:"band"`
	Up          []toldReason `json:"up"`
}

type toldReason struct {
	Sentence struct {
		EN string `json:"en"`
		ZH string `json:"zh"`
	} `json:"sentence"`
}

func askDemo(ctx context.Context, e *env, address, key string, began time.Time) error {
	asking := http.Client{Timeout: 30 * time.Second}
	ask := func(path string) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+path, http.NoBody)
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", path, err)
		}
		request.Header.Set("Authorization", "Bearer "+key)
		response, err := asking.Do(request)
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", path, err)
		}
		defer func() { _ = response.Body.Close() }() // it was read whole, or is of no use
		const most = 1 << 20
		body, err := io.ReadAll(io.LimitReader(response.Body, most))
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(body))
		}
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", path, err)
		}
		return body, nil
	}
	body, err := ask("/v1/scores?page_size=1")
	if err != nil {
		return err
	}
	var page struct {
		Scores []toldScore `json:"scores"`
	}
	if err := json.Unmarshal(body, &page); err != nil || len(page.Scores) == 0 {
		return errors.Join(errors.New("the list of scores is empty"), err)
	}
	path := "/v1/scores/" + url.PathEscape(page.Scores[0].Account)
	if body, err = ask(path); err != nil {
		return err
	}
	took := e.now().Sub(began)
	var told toldScore
	if err := json.Unmarshal(body, &told); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if told.Probability == nil || len(told.Up) == 0 {
		return errors.New("the riskiest account has no score, or no reason why")
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "key: %s\n\ncurl -H 'Authorization: Bearer %s' %s%s\n\n", key, key, address, path)
	if err := json.Indent(&out, body, "", "  "); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	fmt.Fprintf(&out, "\n\n%s (%s): %.0f %% within the horizon\n", told.Name, told.Account, 100**told.Probability)
	for _, r := range told.Up {
		fmt.Fprintf(&out, "  %s\n  %s\n", r.Sentence.EN, r.Sentence.ZH)
	}
	if err := worthOfDemo(&out, ask, told.Account); err != nil {
		return err
	}
	if _, err := e.stdout.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	e.say("%.1f s from nothing to the first answer", took.Seconds())
	return nil
}

// worthOfDemo asks what the account is worth and how loyal it is, and says so in a line.
func worthOfDemo(out io.Writer, ask func(path string) ([]byte, error), account string) error {
	type term struct {
		Text struct {
			EN string `json:"en"`
			ZH string `json:"zh"`
		} `json:"text"`
	}
	var value struct {
		Currency        string   `json:"currency"`
		CommercialValue *float64 `json:"commercialValue"` //nolint:tagliatelle // as REST names it
		LifetimeValue   *float64 `json:"lifetimeValue"`   //nolint:tagliatelle // as REST names it
		Tier            term     `json:"tier"`
		Verdict         term     `json:"verdict"`
	}
	var loyalty struct {
		Score *float64 `json:"score"`
	}
	for path, into := range map[string]any{"/v1/values/": &value, "/v1/loyalty/": &loyalty} {
		body, err := ask(path + url.PathEscape(account))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(body, into); err != nil {
			return fmt.Errorf("read the answer of %s: %w", path, err)
		}
	}
	figure := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return strconv.FormatFloat(math.Round(*v), 'f', -1, 64)
	}
	a, life, c, s := figure(value.CommercialValue), figure(value.LifetimeValue), value.Currency, figure(loyalty.Score)
	_, err := fmt.Fprintf(out, "worth %s %s a year, lifetime value %s %s, loyalty %s of 100; %s; %s\n年价值%s %s，生命周期价值%s %s，忠诚度%s（满分100）；%s；%s\n",
		a, c, life, c, s, value.Tier.Text.EN, value.Verdict.Text.EN, a, c, life, c, s, value.Tier.Text.ZH, value.Verdict.Text.ZH)
	return err //nolint:wrapcheck // a buffer's
}
