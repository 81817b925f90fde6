package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"fealty/serving"

	"github.com/spf13/cobra"
)

// run carries out the command line and returns the exit code.
func run(e *env) int {
	registerKinds()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		// A second signal ends the process at once.
		<-ctx.Done()
		stop()
	}()
	return runRoot(ctx, e)
}

func runRoot(ctx context.Context, e *env) int {
	root := newRoot(e) //nolint:contextcheck // verbs take the context that cobra hands them
	root.SetArgs(e.args)
	began := false
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		began = true
		return e.checkForm()
	}
	at, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		e.say("fealty: broken off; nothing half done is visible")
		return exitCancelled
	}
	if !began {
		// Cobra's own complaints are about the command line.
		err = fmt.Errorf("%w: %w", err, serving.ErrInvalid)
	}
	if !errors.Is(err, errFindings) {
		e.say("fealty: %s", sentence(err))
	}
	if !began {
		e.say("Run `%s --help` for how it is used.", at.CommandPath())
	}
	return exitCode(err)
}

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "fealty",
		Short: "Predicts which accounts are about to leave, and says why",
		Long: `fealty predicts which accounts are about to leave, says why, and serves the answers.

Every key of fealty.yaml is also an environment variable (horizon_days is
FEALTY_HORIZON_DAYS) and a flag of the verbs that use it (--horizon-days); a
flag beats the environment, which beats the file. ` + "`fealty config show`" + ` tells
where each value came from.

Data goes to standard output, everything else to standard error.

` + exitCodes,
		Example: `  fealty demo                                    an invented town, from orders to answers
  fealty import order_lines orders.csv.gz \
      --map account=customer --map order_id=invoice --map amount='qty*price' --map ordered_at=date
  fealty data check                              is this enough to learn from?
  fealty train                                   learn, test, grade, and go live if good
  fealty score                                   publish a score for every account
  fealty serve                                   answer on gRPC and REST`,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetIn(e.stdin)
	flags := root.PersistentFlags()
	flags.StringVarP(&e.global.output, "output", "o", tableForm, "form of the answer: "+strings.Join(forms, ", "))
	flags.StringVar(&e.global.config, "config", "", "configuration file (default fealty.yaml, or FEALTY_CONFIG)")
	flags.BoolVarP(&e.global.quiet, "quiet", "q", false, "no progress")
	cobra.EnableCommandSorting = false
	root.AddCommand(
		newInit(e), newImport(e), newData(e), newFeatures(e), newLabels(e), newTrain(e), newEvaluate(e), newBacktest(e), newHindsight(e), newGrowth(e), newPortfolio(e), newScore(e),
		newLifetime(e), newWallet(e), newCrossSell(e), newLoyalty(e), newValue(e), newDecide(e),
		newRuns(e), newModels(e), newReplay(e), newServe(e), newGet(e), newList(e), newToken(e), newConfig(e), newDoctor(e),
		newDemo(e), newTown(e), newVersion(e), newProtocolT(e), newRefs(e),
	)
	root.SetHelpTemplate(helpTemplate)
	root.SetUsageTemplate(helpTemplate)
	return root
}

// helpTemplate puts the examples first: most people want one to change.
const helpTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}{{end}}
{{if .HasExample}}
Examples:
{{.Example}}
{{end}}{{if .Runnable}}
Usage:
  {{.UseLine}}
{{end}}{{if .HasAvailableSubCommands}}
Verbs:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableInheritedFlags}}
Flags of every verb:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}`

// arguments wraps a check of the arguments with words for people.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || (most >= 0 && len(args) > most) {
			return fmt.Errorf("expected %s, got %d arguments", what, len(args))
		}
		return nil
	}
}

// none is for verbs without arguments.
var none = arguments(0, 0, "no arguments")

// group makes a verb of verbs, which alone only tells what it has.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown verb %q for %q", args[0], c.CommandPath())
		}
		return errors.New("a verb is missing")
	}, RunE: func(*cobra.Command, []string) error { return nil }}
	g.AddCommand(verbs...)
	return g
}
