package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"fealty/features/files"
)

// orderLines makes a CSV of order lines as a shop exports them.
func orderLines(n int) []byte {
	var b bytes.Buffer
	chance := rand.New(rand.NewPCG(1, 2))
	b.WriteString("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n")
	at := time.Date(2023, 1, 1, 8, 0, 0, 0, time.UTC)
	invoice, customer := 536_365, 17_850
	for range n {
		if chance.IntN(15) == 0 {
			invoice++
			customer = 10_000 + chance.IntN(20_000)
			at = at.Add(time.Duration(chance.IntN(600)) * time.Second)
		}
		fmt.Fprintf(&b, "%d,%dA,WHITE HANGING HEART T-LIGHT HOLDER,%d,%s,%d.%02d,%d.0,United Kingdom\n", invoice, 10_000+chance.IntN(4_000),
			1+chance.IntN(40), at.Format(time.DateTime), chance.IntN(20), chance.IntN(100), customer)
	}
	return b.Bytes()
}

// BenchmarkCSV reads order lines with a mapping, a product and conditions: the
// figure is records a second on one core.
func BenchmarkCSV(b *testing.B) {
	const lines = 400_000
	text := orderLines(lines)
	o := files.Options{
		Inputs: []files.Input{{Name: "lines.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}},
		Table:  schema(b, "order_lines"),
		Map: []string{
			"account=integer(CustomerID)", "order_id=InvoiceNo", "product=StockCode", "quantity=Quantity",
			"amount=Quantity*UnitPrice", "currency='GBP'", "ordered_at=InvoiceDate",
		},
		Where: []string{"match(StockCode,'^[0-9]{5}') and not prefix(InvoiceNo,'C') and Quantity > 0"},
		Null:  []string{"account=skip"},
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		r, err := files.Open(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = r.Next(b.Context())
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
