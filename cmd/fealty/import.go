package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"fealty/features"
	"fealty/features/files"
	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type importOptions struct {
	request    serving.ImportRequest
	paths      []string
	quarantine string
	flags      *pflag.FlagSet
}

func newImport(e *env) *cobra.Command {
	o := importOptions{}
	var tables []string
	for _, s := range features.Schemas() {
		tables = append(tables, s.Name)
	}
	c := &cobra.Command{
		Use: "import TABLE FILE…", Short: "Load files into a table: whole or not at all",
		Args: arguments(2, -1, "a table and one or more files"),
		Long: `Reads CSV, TSV, JSON lines or Parquet, plain, .gz or .zst ("-" is standard input), as rows of a table and
loads them: the files whole or not at all. Loading the same files again changes nothing. A record that does not fit,
or an order or interaction more than a day ahead of the clock, is refused by file, line and column, or kept apart by
--quarantine.

Tables: ` + strings.Join(tables, ", ") + `.`,
		Example: `  fealty import order_lines orders.csv.gz \
      --map account='integer(CustomerID)' --map order_id=InvoiceNo --map product=StockCode \
      --map quantity=Quantity --map amount='Quantity*UnitPrice' --map currency="'GBP'" --map ordered_at=InvoiceDate \
      --where "Quantity > 0 and UnitPrice > 0" --null account=skip
  zcat orders.csv.gz | fealty import order_lines - --format csv
  fealty import interactions visits.csv --time-zone Europe/Berlin --quarantine bad.jsonl`,
		ValidArgs: tables,
		RunE: func(c *cobra.Command, args []string) error {
			o.request.Table, o.paths, o.flags = args[0], args[1:], c.Flags()
			return runImport(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.request.Map, "map", nil, "FIELD=EXPRESSION over the file's columns: a column, 'text', a*b, integer(a), concat(a,…), row(), time(a,'%d-%b-%y')")
	f.StringArrayVar(&o.request.Where, "where", nil, "condition that a record must satisfy: a > 0, prefix(a,'C'), match(a,'^[0-9]{5}'), not, and, or")
	f.StringArrayVar(&o.request.Null, "null", nil, "FIELD=skip, refuse or keep: what an empty value means")
	f.StringArrayVar(&o.request.NullTokens, "null-token", nil, "a text that means an empty value, such as NULL")
	f.StringVar(&o.request.Format, "format", "", "csv, tsv, jsonl or parquet (default: by the first bytes and the name)")
	f.StringVar(&o.request.Delimiter, "delimiter", "", "one byte between values of CSV; tab for the tab")
	f.BoolVar(&o.request.NoQuotes, "no-quotes", false, "quotes in CSV are ordinary characters")
	f.StringSliceVar(&o.request.Columns, "columns", nil, "names of the columns of CSV without a header, comma-separated")
	f.StringVar(&o.request.Zone, "time-zone", "", "IANA time zone of instants without an offset (default business_time_zone)")
	f.BoolVar(&o.request.DecimalComma, "decimal-comma", false, "numbers are written 1.234,56")
	f.BoolVar(&o.request.Round, "round", false, "round decimals with more than four digits behind the point")
	f.StringVar(&o.quarantine, "quarantine", "", "write bad records to this file as JSON lines and go on (- only counts them)")
	f.BoolVar(&o.request.Correct, "correct", false, "known keys with other values are corrections")
	f.StringVar(&o.request.Source, "source", "", "name of where the rows come from (default import)")
	addConfigFlags(f, "warehouse.url", "state.dir")
	return c
}

func runImport(ctx context.Context, e *env, o importOptions) (err error) {
	in, err := e.openInputs(o.paths)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	o.request.Sizes = in.sizes
	out := &outputs{env: e}
	o.request.Quarantine = o.quarantine
	if o.quarantine != stdio {
		if o.request.Quarantine, err = out.output(o.quarantine); err != nil {
			return err
		}
	}
	result, err := perform[serving.ImportResult](ctx, e, o.flags, job{operation: serving.OpImport, request: o.request, in: in, out: out, begins: true})
	if err != nil {
		return err
	}
	var read files.Report
	if err := json.Unmarshal(result.Read, &read); err != nil {
		return fmt.Errorf("read the report of the reader: %w", err)
	}
	load := result.Load
	if load.Already {
		e.say("this content was loaded before, as load %d; nothing changed", load.Load)
		e.say("此内容此前已作为批次%d导入，未作更改", load.Load)
	}
	pairs := []any{
		"table", load.Table, "load", load.Load, "already loaded", load.Already, "rows loaded", load.Rows,
		"unchanged rows left out", load.Unchanged, "corrected", load.Corrected, "recorded_at assumed", load.Assumed,
		"records read", read.Records, "filtered", read.Filtered, "quarantined", read.Quarantined,
	}
	for _, field := range sortedKeys(read.Skipped) {
		pairs = append(pairs, "skipped for empty "+field, read.Skipped[field])
	}
	a := answer{data: result, sections: []section{facts(pairs...)}}
	if len(read.Reasons) > 0 {
		s := section{title: "Quarantined", head: []string{"field", "column", "reason", "rows"}}
		for _, r := range read.Reasons {
			s.rows = append(s.rows, []any{r.Field, r.Name, r.Reason, r.Rows})
		}
		a.sections = append(a.sections, s)
	}
	return e.show(a)
}
