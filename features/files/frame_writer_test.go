package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"fealty/features"
	"fealty/features/files"
	"fealty/features/frame"
)

// matrix invents a slice of the catalogue with every kind of value.
func matrix(rows int, catalogue []features.Feature) *features.Slice {
	chance := rand.New(rand.NewPCG(3, uint64(rows)))
	s := &features.Slice{Frame: &frame.Frame{}}
	hostile := []string{"=cmd|' /C calc'!A0", "+49 30", "-5", "@sum", "\tx", "a,b", "quote \"q\"", "line\nbreak", "语言😀", " space ", "C-1", "\x01\x7f\\"}
	for row := range rows {
		account := fmt.Sprintf("A%07d", row)
		if row < len(hostile) {
			account = hostile[row]
		}
		s.Frame.Accounts = append(s.Frame.Accounts, frame.AccountID(account))
		s.Frame.Cutoffs = append(s.Frame.Cutoffs, frame.Cutoff(1_700_000_000+86_400*int64(row%12)))
		status, first, last := features.Eligible, int64(1_600_000_000+row), int64(1_650_000_000+row)
		if row%5 == 0 {
			status, first, last = features.NeverBought, 0, 0
		}
		s.Status, s.FirstPurchase, s.LastPurchase = append(s.Status, status), append(s.FirstPurchase, first), append(s.LastPurchase, last)
	}
	for i := range catalogue {
		c := frame.Column{Meta: catalogue[i].Meta, Kind: frame.Number, Numbers: make([]float64, rows)}
		for row := range c.Numbers {
			switch v := chance.NormFloat64(); {
			case chance.IntN(4) == 0:
				c.Numbers[row] = math.NaN()
			case catalogue[i].Integer:
				c.Numbers[row] = math.Trunc(v * 1000)
			default:
				c.Numbers[row] = []float64{v, 0.1, 1e21, 5e-324, -1.7976931348623157e308, 0, 123456.75}[chance.IntN(7)]
			}
		}
		s.Frame.Columns = append(s.Frame.Columns, c)
	}
	return s
}

func written(tb testing.TB, format files.Format, catalogue []features.Feature, slices ...*features.Slice) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := files.NewFrameWriter(format, &out, catalogue)
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range slices {
		if err := w.Write(s); err != nil {
			tb.Fatal(err)
		}
	}
	for range 2 { // the second does nothing
		if err := w.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	return out.Bytes()
}

// What is written reads back as the same accounts, instants and bits of every
// number, in each format.
func TestFeaturesReadBack(t *testing.T) {
	t.Parallel()
	catalogue := features.Catalogue()
	names := append([]string{"account", "cutoff", "first_purchase", "last_purchase", "status"}, features.Names(catalogue)...)
	parts := []*features.Slice{matrix(700, catalogue), matrix(1, catalogue), matrix(40, catalogue)}
	for _, format := range []files.Format{files.CSV, files.TSV, files.JSONLines, files.Parquet} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			content := written(t, format, catalogue, parts...)
			got, report, err := readAll(t, files.Options{Inputs: []files.Input{memory("features."+string(format), content)}, Table: textTable(names...), TempDir: t.TempDir()})
			if err != nil || report.Rows != 741 {
				t.Fatalf("%d rows, error %v", report.Rows, err)
			}
			at := 0
			for _, s := range parts {
				for row := range s.Frame.Accounts {
					account := string(s.Frame.Accounts[row])
					if (format == files.CSV || format == files.TSV) && strings.ContainsAny(account[:1], "=+-@\t") {
						account = "'" + account
					}
					if got["account"].texts[at] != account || got["status"].texts[at] != s.Status[row].String() {
						t.Fatalf("row %d is account %q, %s; want %q, %s", at, got["account"].texts[at], got["status"].texts[at], account, s.Status[row])
					}
					for name, want := range map[string]int64{"cutoff": int64(s.Frame.Cutoffs[row]), "first_purchase": s.FirstPurchase[row], "last_purchase": s.LastPurchase[row]} {
						text := ""
						if want != 0 {
							text = time.Unix(want, 0).UTC().Format(time.RFC3339)
						}
						if got[name].texts[at] != text || got[name].null[at] != (want == 0) {
							t.Fatalf("row %d: %s is %q, want %q", at, name, got[name].texts[at], text)
						}
					}
					for i := range s.Frame.Columns {
						name, want := catalogue[i].Name, s.Frame.Columns[i].Numbers[row]
						text, null := got[name].texts[at], got[name].null[at]
						if math.IsNaN(want) != null {
							t.Fatalf("row %d: %s is %q, want %v", at, name, text, want)
						}
						if v, err := strconv.ParseFloat(text, 64); !null && (err != nil || v != want) {
							t.Fatalf("row %d: %s is %q, want %v", at, name, text, want)
						}
					}
					at++
				}
			}
		})
	}
}

// Another reader of Parquet finds the columns in their order, typed, in row
// groups that bound memory.
func TestFeaturesInParquetAreTyped(t *testing.T) {
	t.Parallel()
	catalogue := features.Catalogue()[:6]
	content := written(t, files.Parquet, catalogue, matrix(66_000, catalogue), matrix(5, catalogue))
	f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != 66_005 || len(f.RowGroups()) != 2 {
		t.Errorf("%d rows in %d groups, want 66,005 in 2", f.NumRows(), len(f.RowGroups()))
	}
	kinds := map[string]string{"account": "STRING", "cutoff": "TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS)", "last_purchase": "TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS)", "status": "STRING"}
	for i, field := range f.Schema().Fields() {
		want := kinds[field.Name()]
		if i >= 5 {
			c := catalogue[i-5]
			if field.Name() != c.Name || !field.Optional() {
				t.Errorf("column %d is %s (optional %t), want %s", i, field.Name(), field.Optional(), c.Name)
			}
			if want = "DOUBLE"; c.Integer {
				want = "INT(64,true)"
			}
		}
		if got := field.Type().String(); want != "" && got != want {
			t.Errorf("%s is %s, want %s", field.Name(), got, want)
		}
	}
}

func TestEmptyMatrixIsAFile(t *testing.T) {
	t.Parallel()
	catalogue := features.Catalogue()[:2]
	if got, want := string(written(t, files.CSV, catalogue)), "account,cutoff,first_purchase,last_purchase,status,"+catalogue[0].Name+","+catalogue[1].Name+"\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	content := written(t, files.Parquet, catalogue)
	if f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content))); err != nil || f.NumRows() != 0 || len(f.Schema().Fields()) != 7 {
		t.Errorf("Parquet without rows: %v", err)
	}
}

// brokenPipe takes some bytes and then no more.
type brokenPipe struct{ left int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestFeaturesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	catalogue := features.Catalogue()[:8]
	whole := -1
	for i := range catalogue {
		if catalogue[i].Integer {
			whole = i
		}
	}
	for name, spoil := range map[string]func(*features.Slice){
		"a column is missing":       func(s *features.Slice) { s.Frame.Columns = s.Frame.Columns[1:] },
		"columns change places":     func(s *features.Slice) { c := s.Frame.Columns; c[0], c[1] = c[1], c[0] },
		"a column is short":         func(s *features.Slice) { c := &s.Frame.Columns[2]; c.Numbers = c.Numbers[1:] },
		"a status is missing":       func(s *features.Slice) { s.Status = s.Status[1:] },
		"an infinity":               func(s *features.Slice) { s.Frame.Columns[3].Numbers[0] = math.Inf(1) },
		"a count is no whole":       func(s *features.Slice) { s.Frame.Columns[whole].Numbers[1] = 1.5 },
		"an account is no UTF-8":    func(s *features.Slice) { s.Frame.Accounts[0] = "\xff" },
		"a cutoff beyond all years": func(s *features.Slice) { s.Frame.Cutoffs[0] = 1 << 60 },
	} {
		for _, format := range []files.Format{files.CSV, files.Parquet} {
			w, err := files.NewFrameWriter(format, io.Discard, catalogue)
			if err != nil {
				t.Fatal(err)
			}
			s := matrix(30, catalogue)
			spoil(s)
			if err := w.Write(s); !errors.Is(err, files.ErrFrame) {
				t.Errorf("%s, %s: error %v, want ErrFrame", name, format, err)
			}
			if err := w.Close(); !errors.Is(err, files.ErrFrame) {
				t.Errorf("%s, %s: a file that lacks rows is completed (%v)", name, format, err)
			}
		}
	}
	if _, err := files.NewFrameWriter("xlsx", io.Discard, catalogue); !errors.Is(err, files.ErrFrame) {
		t.Errorf("format xlsx: %v", err)
	}
	if _, err := files.NewFrameWriter(files.CSV, io.Discard, append(catalogue, catalogue[0])); !errors.Is(err, files.ErrFrame) {
		t.Errorf("a name twice: %v", err)
	}
	for _, format := range []files.Format{files.CSV, files.JSONLines, files.Parquet} {
		w, err := files.NewFrameWriter(format, &brokenPipe{3}, catalogue)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Write(matrix(40_000, catalogue)), w.Close()); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s to a broken pipe: %v", format, err)
		}
	}
}
