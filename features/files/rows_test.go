package files_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"fealty/features"
	"fealty/features/featurestest"
	"fealty/features/files"
	"fealty/features/frame"
	"fealty/features/synthetic"
)

// parquetLine is an order line as parquet-go writes it, with the encodings that
// it has and pyarrow's fixtures lack.
type parquetLine struct {
	Account    string    `parquet:"account,dict"`
	Order      string    `parquet:"order_id,delta"`
	Line       int64     `parquet:"line,delta"`
	Product    string    `parquet:"product,dict,zstd"`
	Category   string    `parquet:"category,snappy"`
	Quantity   *int64    `parquet:"quantity,optional,decimal(4:18)"`
	Amount     int64     `parquet:"amount,decimal(4:18)"`
	Discount   *int64    `parquet:"discount,optional,decimal(4:18)"`
	Cost       *int64    `parquet:"cost,optional,decimal(4:18),dict"`
	Currency   string    `parquet:"currency,dict"`
	OrderedAt  time.Time `parquet:"ordered_at,timestamp(microsecond),delta"`
	RecordedAt time.Time `parquet:"recorded_at,timestamp(nanosecond)"`
}

// encoded writes a table of the town as JSON lines and as Parquet.
func encoded(t *testing.T, rows features.Rows) (jsonl, pq []byte) {
	t.Helper()
	var lines, out bytes.Buffer
	w := parquet.NewGenericWriter[parquetLine](&out, parquet.MaxRowsPerRowGroup(20_000), parquet.PageBufferSize(16<<10))
	for {
		batch, err := rows.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for row := range batch.Rows() {
			object := map[string]any{}
			for i := range batch.Columns {
				c := &batch.Columns[i]
				if c.IsNull(row) {
					continue
				}
				switch c.Kind {
				case frame.Text:
					object[c.Name] = c.Texts[row]
				case frame.Time:
					object[c.Name] = time.Unix(c.Integers[row], 0).UTC()
				case frame.Integer:
					object[c.Name] = c.Integers[row]
				default:
					object[c.Name] = json.Number(strings.TrimSuffix(money(c.Integers[row]), ".0000"))
				}
			}
			line, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			lines.Write(append(line, '\n'))
			text := func(name string) string { return batch.Column(name).Texts[row] }
			number := func(name string) *int64 {
				if c := batch.Column(name); !c.IsNull(row) {
					return &c.Integers[row]
				}
				return nil
			}
			if _, err := w.Write([]parquetLine{{
				Account: text("account"), Order: text("order_id"), Line: *number("line"), Product: text("product"), Category: text("category"),
				Quantity: number("quantity"), Amount: *number("amount"), Discount: number("discount"), Cost: number("cost"), Currency: text("currency"),
				OrderedAt: time.Unix(*number("ordered_at"), 0), RecordedAt: time.Unix(*number("recorded_at"), 0),
			}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return lines.Bytes(), out.Bytes()
}

// money writes ten-thousandths with all four digits.
func money(v int64) string {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	digits := strings.Repeat("0", max(0, 5-len(strconv.FormatInt(v, 10)))) + strconv.FormatInt(v, 10)
	return sign + digits[:len(digits)-4] + "." + digits[len(digits)-4:]
}

// The town's order lines are the same rows however they come: drawn, or written
// as CSV, JSON lines or Parquet and read again.
func TestFilesAreRows(t *testing.T) {
	t.Parallel()
	town, err := synthetic.New(synthetic.Params{Seed: 6, Accounts: 700})
	if err != nil {
		t.Fatal(err)
	}
	table := schema(t, "order_lines")
	drawn := func(t *testing.T) features.Rows {
		t.Helper()
		rows, err := town.Rows("order_lines")
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	want := featurestest.Rows(t, &table, drawn)
	var csv bytes.Buffer
	if err := town.WriteTable(t.Context(), "order_lines", &csv); err != nil {
		t.Fatal(err)
	}
	jsonl, pq := encoded(t, drawn(t))
	path := filepath.Join(t.TempDir(), "lines.parquet")
	if err := os.WriteFile(path, pq, 0o600); err != nil {
		t.Fatal(err)
	}
	half := bytes.LastIndexByte(csv.Bytes()[:csv.Len()/2], '\n') + 1
	header := csv.Bytes()[:bytes.IndexByte(csv.Bytes(), '\n')+1]
	for name, inputs := range map[string][]files.Input{
		"csv":               {memory("lines.csv", csv.Bytes())},
		"csv in two":        {memory("1.csv", csv.Bytes()[:half]), memory("2.csv.gz", packed(t, append(bytes.Clone(header), csv.Bytes()[half:]...)))},
		"csv with CRLF":     {memory("lines.csv", bytes.ReplaceAll(csv.Bytes(), []byte("\n"), []byte("\r\n")))},
		"json lines":        {memory("lines.jsonl", jsonl)},
		"parquet":           files.FromPaths(path),
		"parquet, a stream": {memory("lines.parquet.gz", packed(t, pq))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			temp := t.TempDir()
			got := featurestest.Rows(t, &table, func(t *testing.T) features.Rows {
				t.Helper()
				r, err := files.Open(t.Context(), files.Options{Inputs: inputs, Table: table, TempDir: temp})
				if err != nil {
					t.Fatal(err)
				}
				return r
			})
			if got != want {
				t.Errorf("the rows are %s, drawn they are %s", got, want)
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("%d files are left in the folder for temporary ones (%v)", len(left), err)
			}
		})
	}
}
