package files_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/files"
	"fealty/features/frame"
)

// data finds one of the public data sets that CONTRIBUTING.md speaks of.
func data(tb testing.TB, name string) string {
	tb.Helper()
	root := os.Getenv("FEALTY_DATA")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			tb.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			if dir == filepath.Dir(dir) {
				tb.Fatal("no go.mod above the test's directory")
			}
			dir = filepath.Dir(dir)
		}
		root = filepath.Join(dir, "..", "shared", "data")
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("the data set %s is absent, and CI must have it: set FEALTY_DATA", name)
		}
		tb.Skipf("SKIPPED: the data set %s is absent; set FEALTY_DATA to the folder of the public data sets", name)
	}
	return path
}

func schema(tb testing.TB, name string) features.TableSchema {
	tb.Helper()
	s, ok := features.Schema(name)
	if !ok {
		tb.Fatalf("there is no table %s", name)
	}
	return s
}

// protocolT is how Online Retail I is read: refs page, "protocol T".
func protocolT(tb testing.TB) files.Options {
	tb.Helper()
	return files.Options{
		Inputs: files.FromPaths(data(tb, "online-retail-1/online_retail.csv.gz")),
		Table:  schema(tb, "order_lines"),
		Map: []string{
			"account=integer(CustomerID)", "order_id=InvoiceNo", "product=StockCode", "quantity=Quantity",
			"amount=Quantity*UnitPrice", "currency='GBP'", "ordered_at=InvoiceDate",
		},
		Where: []string{"match(StockCode,'^[0-9]{5}') and not prefix(InvoiceNo,'C') and Quantity > 0 and UnitPrice > 0"},
		Null:  []string{"account=skip"},
	}
}

// The sums are those of the refs page: customer-days, customers and turnover of
// the cleaned file, found there with pandas.
func TestOnlineRetailCheckSums(t *testing.T) {
	r, err := files.Open(t.Context(), protocolT(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	type day struct {
		account string
		at      int64
	}
	days, accounts, sum := map[day]bool{}, map[string]bool{}, int64(0)
	for {
		batch, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := batch.Check(); err != nil {
			t.Fatal(err)
		}
		account, at, amount := batch.Column("account"), batch.Column("ordered_at"), batch.Column("amount")
		for i := range batch.Rows() {
			if strings.Contains(account.Texts[i], ".") {
				t.Fatalf("account %q is not a whole number", account.Texts[i])
			}
			accounts[account.Texts[i]] = true
			days[day{account.Texts[i], at.Integers[i] / 86400}] = true
			sum += amount.Integers[i]
		}
	}
	if len(days) != 16_678 || len(accounts) != 4_334 {
		t.Errorf("%d customer-days of %d customers, want 16,678 of 4,334", len(days), len(accounts))
	}
	if sum != 8_761_066.65*frame.DecimalScale {
		t.Errorf("turnover %d ten-thousandths, want 8,761,066.65", sum)
	}
	report := r.Report()
	// 541,909 lines, 135,080 without customer: data/README.md and the refs page.
	if report.Records != 541_909 || report.Skipped["account"] != 135_080 {
		t.Errorf("%d records, %d without account; want 541,909 and 135,080", report.Records, report.Skipped["account"])
	}
	if report.Records != report.Rows+report.Skipped["account"]+report.Filtered+report.Quarantined {
		t.Errorf("records do not add up: %+v", report)
	}
	hash, err := files.ContentHash(t.Context(), protocolT(t))
	if err != nil || hash != r.ContentHash() || len(hash) != 64 {
		t.Errorf("hash %q of the reader, %q (%v) of the bytes alone", r.ContentHash(), hash, err)
	}
}
