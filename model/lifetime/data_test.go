package lifetime

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dataFile opens a file of the public data sets, unpacked.
func dataFile(tb testing.TB, name string) io.Reader {
	tb.Helper()
	root := os.Getenv("FEALTY_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(root, name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("the data set %s is not there: set FEALTY_DATA", name)
		}
		tb.Skipf("SKIPPED: the data set %s is not there: set FEALTY_DATA to run this", name)
	}
	tb.Cleanup(func() { _ = f.Close() })
	if !strings.HasSuffix(name, ".gz") {
		return f
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

// columns reads a CSV of numbers.
func columns(tb testing.TB, name string) map[string][]float64 {
	tb.Helper()
	records, err := csv.NewReader(dataFile(tb, name)).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	byName := make(map[string][]float64)
	for _, record := range records[1:] {
		for k, cell := range record {
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				tb.Fatal(err)
			}
			byName[records[0][k]] = append(byName[records[0][k]], v)
		}
	}
	return byName
}

func cdnowSample(tb testing.TB) Histories {
	tb.Helper()
	c := columns(tb, "cdnow/cdnow_customers_summary.csv.gz")
	return Histories{Frequency: c["frequency"], Recency: c["recency"], Age: c["T"]}
}

// cdnow is the full CDNOW data in weeks: calibration to 1997-09-30, 39 weeks of
// holdout.
func cdnow(tb testing.TB) *Split {
	tb.Helper()
	var purchases []Purchase
	lines := bufio.NewScanner(dataFile(tb, "cdnow/CDNOW_master.txt.gz"))
	for lines.Scan() {
		p := strings.Fields(lines.Text())
		if len(p) != 4 || p[0] == "customer_id" {
			continue
		}
		purchases = append(purchases, Purchase{p[0], day(tb, p[1]), number(tb, p[3])})
	}
	s, err := SplitAt(purchases, day(tb, "19970930"), 39*7, 7)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func day(tb testing.TB, text string) int {
	tb.Helper()
	at, err := time.Parse("20060102", text)
	if err != nil {
		tb.Fatal(err)
	}
	return int(at.Unix() / 86400)
}

func number(tb testing.TB, text string) float64 {
	tb.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func fit(tb testing.TB, kind Kind, h Histories) *Model {
	tb.Helper()
	m, err := Fit(context.Background(), kind, h, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}
