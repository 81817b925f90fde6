package crosssell

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fealty/features/frame"
)

// The bars are those of the reference page; the bounds are its printed digits.
func TestOnlineRetailReachesTheReference(t *testing.T) {
	figures, err := RetailFigures(context.Background(), retail(t), retailCutoff, 90, Defaults())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		name     string
		at       float64
		within   float64
		accounts int
	}{
		{"online-retail-1/new/ndcg@10", .119, .0005, 1850},
		{"online-retail-1/new/precision@10", .103, .0005, 1850},
		{"online-retail-1/new/hit@10", .521, .0005, 1850},
		{"online-retail-1/popular/ndcg@10", .054, .0005, 1850},
		{"online-retail-1/cosine/ndcg@10", .099, .0005, 1850},
		{"online-retail-1/repeat/precision@10", .333, .0005, 1916},
		{"online-retail-1/repeat/ndcg@10", .381, .0005, 1916},
	} {
		hold(t, figures, want.name, want.at, want.within, want.accounts)
	}
}

func TestTaFengReachesTheReference(t *testing.T) {
	var history map[string][][]int
	var next map[string][][]int
	read(t, "tafeng/tafeng_history.json.gz", func(r io.Reader) error { return json.NewDecoder(r).Decode(&history) })
	read(t, "tafeng/tafeng_future.json.gz", func(r io.Reader) error { return json.NewDecoder(r).Decode(&next) })
	// The first and the last basket of the file are marks: [-1].
	for account, baskets := range history {
		history[account] = baskets[1 : len(baskets)-1]
	}
	last := make(map[string][]int, len(next))
	for account, baskets := range next {
		last[account] = baskets[1]
	}
	figures, err := BasketFigures(history, last)
	if err != nil {
		t.Fatal(err)
	}
	hold(t, figures, "ta-feng/recall@10", .1350, .0001, len(last))
	hold(t, figures, "ta-feng/ndcg@10", .1236, .0001, len(last))
	hold(t, figures, "ta-feng/hit@10", .4205, .0001, len(last))
	hold(t, figures, "ta-feng/own/recall@10", .1217, .0001, len(last))
	hold(t, figures, "ta-feng/own/ndcg@10", .1182, .0001, len(last))
	hold(t, figures, "ta-feng/own/hit@10", .3996, .0001, len(last))
}

func hold(t *testing.T, figures []Figure, name string, want, within float64, accounts int) {
	t.Helper()
	for _, f := range figures {
		if f.Name == name {
			t.Logf("%s = %.5f over %d accounts", name, f.Value, f.Accounts)
			if math.Abs(f.Value-want) > within || f.Accounts != accounts {
				t.Errorf("%s = %.5f over %d accounts, want %v ± %v over %d", name, f.Value, f.Accounts, want, within, accounts)
			}
			return
		}
	}
	t.Errorf("no figure %q", name)
}

// retailCutoff is the end of 2011-09-09.
var retailCutoff = frame.Cutoff(time.Date(2011, 9, 10, 0, 0, 0, 0, time.UTC).Unix())

var retailLines = sync.OnceValues(func() ([]Line, error) {
	file, err := os.Open(dataPath("online-retail-1/online_retail.csv.gz"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	zipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	rows := csv.NewReader(zipped)
	rows.ReuseRecord = true
	rows.LazyQuotes = true
	if _, err := rows.Read(); err != nil {
		return nil, err
	}
	var lines []Line
	for {
		r, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		quantity, price := number(r[3]), number(r[5])
		if r[6] == "" || strings.HasPrefix(r[0], "C") || len(r[1]) < 5 || strings.Trim(r[1][:5], "0123456789") != "" || quantity <= 0 || price <= 0 {
			continue
		}
		at, err := time.Parse(time.DateTime, r[4])
		if err != nil {
			return nil, err
		}
		item := strings.Clone(r[1])
		lines = append(lines, Line{
			Account: frame.AccountID(strings.Clone(r[6])), Order: strings.Clone(r[0]), Item: item,
			Category: item[:2], At: at, Amount: quantity * price,
		})
	}
})

// retail returns the order lines of Online Retail I, cleaned by protocol T. The
// file has no categories; the first two digits of the product number stand for them.
func retail(t testing.TB) []Line {
	t.Helper()
	lines, err := retailLines()
	if err != nil {
		absent(t, "online-retail-1", err)
	}
	total := 0.0
	for _, l := range lines {
		total += l.Amount
	}
	if math.Abs(total-8761066.65) > .01 {
		t.Fatalf("the cleaned lines sum to %.2f, the check sum is 8761066.65", total)
	}
	return lines
}

func number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

func read(t *testing.T, name string, decode func(io.Reader) error) {
	t.Helper()
	file, err := os.Open(dataPath(name))
	if err != nil {
		absent(t, name, err)
	}
	defer func() { _ = file.Close() }() // only read
	zipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := decode(zipped); err != nil {
		t.Fatal(err)
	}
}

func dataPath(name string) string {
	root := os.Getenv("FEALTY_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	return filepath.Join(root, filepath.FromSlash(name))
}

func absent(t testing.TB, name string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("the data set %s is not there: set FEALTY_DATA: %v", name, err)
	}
	t.Skipf("SKIPPED: the data set %s is not there: set FEALTY_DATA to run this test: %v", name, err)
}
