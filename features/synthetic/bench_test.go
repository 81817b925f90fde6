package synthetic_test

import (
	"errors"
	"io"
	"testing"

	"fealty/features/synthetic"
)

// BenchmarkOrderLines streams order lines: the figure is lines a second on one
// core, without and with the shared record.
func BenchmarkOrderLines(b *testing.B) {
	b.Run("plain", func(b *testing.B) { orderLines(b, synthetic.Params{Seed: 3, Accounts: 3_000}) })
	b.Run("record", func(b *testing.B) { orderLines(b, synthetic.Params{Seed: 3, Accounts: 3_000, Record: true}) })
}

func orderLines(b *testing.B, p synthetic.Params) {
	b.Helper()
	built := town(b, p)
	b.ReportAllocs()
	lines := 0
	for range b.N {
		rows, err := built.Rows("order_lines")
		if err != nil {
			b.Fatal(err)
		}
		for {
			batch, err := rows.Next(b.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			lines += batch.Rows()
		}
		if err := rows.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(float64(lines)/float64(b.N)/3_000, "lines/account")
}

// BenchmarkWriteCSV writes order lines as CSV, without and with the shared record.
func BenchmarkWriteCSV(b *testing.B) {
	for name, record := range map[string]bool{"plain": false, "record": true} {
		b.Run(name, func(b *testing.B) {
			built := town(b, synthetic.Params{Seed: 3, Accounts: 3_000, Record: record})
			b.ReportAllocs()
			for range b.N {
				if err := built.WriteTable(b.Context(), "order_lines", io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
