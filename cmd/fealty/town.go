package main

import (
	"context"
	"fmt"
	"time"

	"fealty/features/synthetic"
	"fealty/serving"

	"github.com/spf13/cobra"
)

type townOptions struct {
	params  synthetic.Params
	dir     string
	through string
}

func newTown(e *env) *cobra.Command {
	o := townOptions{}
	c := &cobra.Command{
		Use: "town", Short: "Write an invented town of accounts as CSV", Args: none,
		Long: `Writes the files of an invented town of business accounts whose hidden truth is known: one CSV per table, and
truth*.csv with when each account truly left and why. --record=false leaves out deliveries, people, payments, moves
and the like, and gives other fates, as nothing of that happens then. The same seed gives the same town. Its tables go through
` + "`fealty import`" + ` like any file; the truth is for you, never for import.`,
		Example: `  fealty town --dir town
  fealty town --dir big --lines 10000000 --seed 7`,
		RunE: func(c *cobra.Command, _ []string) error { return runTown(c.Context(), e, o) },
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "town", "folder to write into; it is made when missing")
	f.IntVar(&o.params.Accounts, "accounts", 0, "how many accounts (default 2000)")
	f.Int64Var(&o.params.Lines, "lines", 0, "instead of --accounts: about how many order lines, up to 1000000000")
	f.Uint64Var(&o.params.Seed, "seed", 0, "which town")
	f.StringVar(&o.through, "through", "", "the newest day (default 2026-06-30)")
	f.IntVar(&o.params.Days, "days", 0, "how many days it has (default 1096)")
	f.BoolVar(&o.params.SeveralCurrencies, "several-currencies", false, "a third of the accounts trade in another currency than EUR")
	f.BoolVar(&o.params.Record, "record", true, "with the shared record: service, payments, people, moves and pauses, and planted causes of leaving")
	c.MarkFlagsMutuallyExclusive("accounts", "lines")
	return c
}

// townFile is a file that was written.
type townFile struct {
	Table string `json:"table"`
	File  string `json:"file"`
}

func runTown(ctx context.Context, e *env, o townOptions) error {
	if o.through != "" {
		day, err := time.Parse(time.DateOnly, o.through)
		if err != nil {
			return fmt.Errorf("--through %q is no date such as 2026-06-30: %w", o.through, serving.ErrInvalid)
		}
		o.params.Through = day
	}
	town, err := synthetic.New(o.params)
	if err != nil {
		return err
	}
	written, err := town.WriteCSV(ctx, e.path(o.dir))
	if err != nil {
		return err
	}
	files := []townFile{}
	s := section{head: []string{"table", "file"}}
	for i, table := range append(town.Tables(), town.Truths()...) {
		files = append(files, townFile{table, written[i]})
		s.rows = append(s.rows, []any{table, written[i]})
	}
	return e.show(answer{data: files, sections: []section{s}})
}
