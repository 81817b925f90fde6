package files_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"fealty/features/files"
	"fealty/features/synthetic"
)

// BenchmarkTownCSV reads the town's order lines, every column of which is
// asked for by its own name: the figure is records a second on one core.
func BenchmarkTownCSV(b *testing.B) {
	town, err := synthetic.New(synthetic.Params{Seed: 1, Lines: 300_000})
	if err != nil {
		b.Fatal(err)
	}
	var text bytes.Buffer
	if err := town.WriteTable(b.Context(), "order_lines", &text); err != nil {
		b.Fatal(err)
	}
	o := files.Options{Inputs: []files.Input{memory("lines.csv", text.Bytes())}, Table: schema(b, "order_lines")}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	b.ResetTimer()
	rows := int64(0)
	for range b.N {
		r, err := files.Open(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = r.Next(b.Context())
		}
		rows += r.Report().Rows
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "records/s")
}
