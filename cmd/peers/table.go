package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// writeTable prints rows of cells under a title, numbers to the right.
func writeTable(to io.Writer, title string, rows [][]string) error {
	if _, err := fmt.Fprintf(to, "\n%s\n", title); err != nil {
		return err
	}
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		for _, cell := range row {
			if _, err := fmt.Fprintf(t, "%s\t", cell); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(t); err != nil {
			return err
		}
	}
	return t.Flush()
}

// writeFits prints time, memory and quality of fits.
func (b *bench) writeFits(title string, all []*measured) error {
	rows := [][]string{{"side", "wall s", "from", "to", "CPU s", "peak MB", "AUC", "log-loss", "version"}}
	for _, m := range all {
		low, high := extremes(m.wall)
		row := []string{m.side, short(median(m.wall)), short(low), short(high), short(median(m.cpu)), fmt.Sprintf("%.0f", float64(m.peak)/1e6), "", "", m.version}
		if len(m.auc) > 0 {
			row[6], row[7] = fmt.Sprintf("%.4f", mean(m.auc)), fmt.Sprintf("%.4f", mean(m.logLoss))
		}
		rows = append(rows, row)
	}
	return writeTable(b.err, title, rows)
}

// writeRates prints how many rows a second a side gets through.
func (b *bench) writeRates(title string, all []*measured) error {
	rows := [][]string{{"side", "rows/s", "CPU µs/row", "rows a pass", "prepare s", "peak MB", "apart", "version"}}
	for _, m := range all {
		rows = append(rows, []string{m.side, fmt.Sprintf("%.0f", 1/m.perRow()), short(1e6 * m.perRowCPU()), fmt.Sprint(m.rows), short(median(m.prepare)), fmt.Sprintf("%.0f", float64(m.peak)/1e6), short(m.apart), m.version})
	}
	return writeTable(b.err, title, rows)
}

// writeRows prints what one row takes.
func (b *bench) writeRows(title string, all []*measured) error {
	rows := [][]string{{"side", "p50 µs", "version"}}
	for _, m := range all {
		rows = append(rows, []string{m.side, fmt.Sprintf("%.1f", 1e6*median(m.wall)), m.version})
	}
	return writeTable(b.err, title, rows)
}

// short prints three digits.
func short(v float64) string { return fmt.Sprintf("%.3g", v) }

func extremes(values []float64) (low, high float64) {
	low, high = values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}
