// Command peers measures fealty's learners against the ones they are named beside:
// LightGBM, XGBoost, scikit-learn, shap, fasttreeshap, lleaves and tl2cgen, on the
// same arrays, in one run.
//
// Place in the flow: beside it. cmd/peers/run makes the peers' Python environments,
// builds this program twice (as it ships, and with the portable twins of the
// assembly only) and starts it; `make bench-peers` calls that. Every measurement is
// a process of its own, which takes a request and gives an answer (trial.go, and
// python/trial.py for the peers); sides take turns, and medians count. It refuses to
// know how anybody learns.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-peers:", err)
		os.Exit(1)
	}
}

// run is main without the process. Its error wraps servingtest.ErrBelowBar when all
// was measured and a figure misses its bar.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	if len(args) == 1 && args[0] == "trial" {
		return runTrial(ctx, in, out)
	}
	b := bench{out: out, err: errs}
	flags := flag.NewFlagSet("bench-peers", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&b.environments, "environments", "", "the folder of the peers' Python environments")
	flags.StringVar(&b.scripts, "scripts", "", "the folder of trial.py")
	flags.StringVar(&b.twin, "twin", "", "this program built with -tags purego; none: no twin is measured")
	flags.StringVar(&b.data, "data", "", "the folder of the public data sets; none: they are skipped")
	flags.Float64Var(&b.scale, "scale", 1, "multiplies the rows of every made table; bars hold at 1 only")
	flags.IntVar(&b.rounds, "rounds", 5, "how often each side takes its turn, ≥ 1; every round draws other rows")
	chosen := flags.String("chapters", strings.Join(usualChapters(), ","), "what to measure; large (10 million rows) is one more")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if b.rounds < 1 || b.scale <= 0 || b.scale > 1 {
		return fmt.Errorf("rounds %d must be at least 1 and scale %g in (0, 1]", b.rounds, b.scale)
	}
	return b.measure(ctx, strings.Split(*chosen, ","))
}
