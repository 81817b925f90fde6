package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"fealty/features/clickhouse"
	"fealty/serving"
	"fealty/serving/servingtest"

	"github.com/spf13/cobra"
)

// newProtocolT is hidden: it measures fealty, and people with orders of their own
// have backtest.
func newProtocolT(e *env) *cobra.Command {
	o := protocolTOptions{out: e.stdout, err: e.stderr}
	c := &cobra.Command{
		Use: "protocol-t", Hidden: true,
		Short: "Measure fealty on public orders whose results are known",
		Long: "Runs protocol T on Online Retail I and the negative control retail-46m through import, features and training, each in an embedded\n" +
			"warehouse of its own. Prints every rung to stderr and one JSON line per figure to stdout; a figure that misses its bar is exit 1.",
		Example: "  fealty protocol-t --data ../shared/data",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.data = e.path(o.data)
			return runProtocolT(c.Context(), o)
		},
	}
	c.Flags().StringVar(&o.data, "data", filepath.Join("..", "shared", "data"), "the folder of the public data sets")
	return c
}

// protocolTOptions are the folder of the public data sets and where to write:
// the table to err, one JSON line per figure to out.
type protocolTOptions struct {
	data     string
	out, err io.Writer
}

// runProtocolT measures the public data sets, each in an embedded warehouse of
// its own that is removed afterwards. The error wraps servingtest.ErrBelowBar when all were
// measured and one is not good enough.
func runProtocolT(ctx context.Context, o protocolTOptions) error {
	var figures []servingtest.Figure
	for _, public := range []servingtest.Public{servingtest.OnlineRetail(), servingtest.NegativeControl()} {
		found, table, err := measurePublic(ctx, o, public)
		if err != nil {
			return err
		}
		figures = append(figures, found...)
		if err := writeRungs(o.err, public.Name, table); err != nil {
			return err
		}
	}
	return servingtest.PrintFigures(o.out, figures)
}

func measurePublic(ctx context.Context, o protocolTOptions, public servingtest.Public) (figures []servingtest.Figure, table []serving.BacktestRow, err error) {
	dir, err := os.MkdirTemp("", "fealty-"+public.Name+"-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a folder for %s: %w", public.Name, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	engine, err := clickhouse.Open(ctx, "chdb://"+filepath.Join(dir, "warehouse"), clickhouse.Limits{})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	w := clickhouse.Warehouse{Engine: engine}
	if err := w.Migrate(ctx); err != nil {
		return nil, nil, err
	}
	return public.Measure(ctx, w, w, o.data, nil)
}

// writeRungs prints every rung at every cutoff, the served one marked.
func writeRungs(to io.Writer, name string, table []serving.BacktestRow) error {
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, err := fmt.Fprintf(t, "%s\trung\tAUC\tPR-AUC\tlift\tlog-loss\tBrier\tECE\tgrade\t\n", name)
	for i := range table {
		row := &table[i]
		rung := row.Rung
		if row.Served {
			rung = "*" + rung
		}
		if err == nil {
			q := &row.Quality
			_, err = fmt.Fprintf(t, "%s\t%s\t%.4f\t%.4f\t%.2f\t%.4f\t%.4f\t%.4f\t%s\t\n", row.Cutoff, rung, q.AUC, q.PRAUC, q.Lift, q.LogLoss, q.Brier, q.ECE, row.Grade)
		}
	}
	if err := errors.Join(err, t.Flush()); err != nil {
		return fmt.Errorf("print the table of %s: %w", name, err)
	}
	return nil
}
