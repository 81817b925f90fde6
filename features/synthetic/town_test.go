package synthetic_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/features/synthetic"
)

// town lays out a town or ends the test.
func town(t testing.TB, p synthetic.Params) *synthetic.Town {
	t.Helper()
	built, err := synthetic.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// each calls do for every batch of a table.
func each(t testing.TB, from *synthetic.Town, table string, do func(*frame.Table)) {
	t.Helper()
	rows, err := from.Rows(table)
	if err != nil {
		t.Fatal(err)
	}
	for {
		batch, err := rows.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		do(batch)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
}

// digests returns the SHA-256 of every table as CSV.
func digests(t testing.TB, from *synthetic.Town) map[string]string {
	t.Helper()
	sums := make(map[string]string)
	for _, table := range append(from.Tables(), from.Truths()...) {
		h := sha256.New()
		if err := from.WriteTable(t.Context(), table, h); err != nil {
			t.Fatal(err)
		}
		sums[table] = hex.EncodeToString(h.Sum(nil))
	}
	return sums
}

func TestSameSeedSameTown(t *testing.T) {
	t.Parallel()
	p := synthetic.Params{Seed: 7, Accounts: 120, Record: true}
	first, second := digests(t, town(t, p)), digests(t, town(t, p))
	p.Seed = 8
	other := digests(t, town(t, p))
	for table, sum := range first {
		if second[table] != sum {
			t.Errorf("table %s differs between two towns of one seed", table)
		}
		// Who our managers are, and when holidays are, is the same everywhere.
		if other[table] == sum && table != "managers" && table != "holidays" {
			t.Errorf("table %s is the same for seeds 7 and 8", table)
		}
	}
	if got, want := len(first), 6+11+4; got != want {
		t.Errorf("%d tables, want %d: accounts, order_lines, interactions, wallets, contracts, products, those of the record and the truth", got, want)
	}
}

// A town of more accounts holds the smaller town: each account has its own seed.
func TestMoreAccountsKeepTheFirst(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"order_lines", "people", "payments", "truth"} {
		write := func(accounts int) []byte {
			var b bytes.Buffer
			if err := town(t, synthetic.Params{Seed: 3, Accounts: accounts, Record: true}).WriteTable(t.Context(), table, &b); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
		// 21 accounts end between two that belong together.
		if all, some := write(60), write(21); !bytes.HasPrefix(all, some) || len(all) == len(some) {
			t.Errorf("%s of 21 accounts is not the beginning of that of 60", table)
		}
	}
}

func TestRowsFitTheSchema(t *testing.T) {
	t.Parallel()
	for _, p := range []synthetic.Params{
		{Seed: 1, Accounts: 300}, {Seed: 2, Accounts: 150, SeveralCurrencies: true, Days: 400}, {Accounts: 1, Days: 30},
		{Seed: 1, Accounts: 300, Record: true}, {Seed: 2, Accounts: 150, SeveralCurrencies: true, Days: 400, Record: true}, {Accounts: 1, Days: 30, Record: true},
	} {
		built := town(t, p)
		full := built.Params()
		end := full.Through.Unix() + 86_400
		for _, table := range built.Tables() {
			schema, ok := features.Schema(table)
			if !ok {
				t.Fatalf("table %q is not canonical", table)
			}
			keys := make(map[string]bool)
			each(t, built, table, func(batch *frame.Table) {
				if err := batch.Check(); err != nil {
					t.Fatalf("%s: %v", table, err)
				}
				if n := batch.Rows(); n == 0 || n > 65_536 {
					t.Fatalf("%s: a batch of %d rows", table, n)
				}
				for i, f := range schema.Fields {
					c := &batch.Columns[i]
					if c.Name != f.Name || c.Kind != f.Kind {
						t.Fatalf("%s: column %d is %s %s, want %s %s", table, i, c.Name, c.Kind, f.Name, f.Kind)
					}
					for row := range c.Len() {
						if (f.Required || !f.Nullable) && c.IsNull(row) {
							t.Fatalf("%s row %d: %s is missing", table, row, f.Name)
						}
						if f.Required && f.Kind == frame.Text && c.Texts[row] == "" {
							t.Fatalf("%s row %d: %s is empty", table, row, f.Name)
						}
						if f.Name == schema.Event && c.Integers[row] >= end {
							t.Fatalf("%s row %d: event at %s, after the town's last day", table, row, time.Unix(c.Integers[row], 0).UTC())
						}
					}
				}
				for row := range batch.Rows() {
					key := ""
					for i, f := range schema.Fields {
						if f.Key {
							c := &batch.Columns[i]
							if c.Kind == frame.Text {
								key += c.Texts[row] + "|"
							} else {
								key += fmt.Sprint(c.Integers[row], "|")
							}
						}
					}
					if keys[key] {
						t.Fatalf("%s: two rows with key %s", table, key)
					}
					keys[key] = true
				}
			})
			if len(keys) == 0 && p.Accounts > 1 {
				t.Errorf("%s is empty", table)
			}
		}
	}
}

// What refers to something refers to something that is there.
func TestReferencesHold(t *testing.T) {
	t.Parallel()
	for _, record := range []bool{false, true} {
		t.Run(fmt.Sprintf("record %v", record), func(t *testing.T) {
			t.Parallel()
			referencesHold(t, town(t, synthetic.Params{Seed: 5, Accounts: 400, Record: record}))
		})
	}
}

func referencesHold(t *testing.T, built *synthetic.Town) {
	t.Helper()
	accounts := make(map[string]bool)
	parents := make(map[string]string)
	each(t, built, "accounts", func(b *frame.Table) {
		for i, id := range b.Column("account").Texts {
			accounts[id] = true
			if p := b.Column("parent").Texts[i]; p != "" {
				parents[id] = p
			}
		}
	})
	for child, parent := range parents {
		if !accounts[parent] || parent >= child {
			t.Errorf("account %s has the parent %s, which is not an earlier account", child, parent)
		}
	}
	if len(parents) == 0 {
		t.Error("no account has a parent")
	}
	products := make(map[string]string)
	each(t, built, "products", func(b *frame.Table) {
		for i, id := range b.Column("product").Texts {
			products[id] = b.Column("category").Texts[i]
		}
	})
	returns, credits := 0, 0
	each(t, built, "order_lines", func(b *frame.Table) {
		for i, id := range b.Column("product").Texts {
			if products[id] == "" || products[id] != b.Column("category").Texts[i] {
				t.Fatalf("order line with product %q in category %q, which the shop keeps in %q", id, b.Column("category").Texts[i], products[id])
			}
			quantity, amount := b.Column("quantity").Integers[i], b.Column("amount").Integers[i]
			if (quantity < 0) != (amount < 0) || amount == 0 {
				t.Fatalf("order line of quantity %d and amount %d", quantity, amount)
			}
			if amount < 0 {
				returns++
				if b.Column("order_id").Texts[i][0] == 'R' {
					credits++
				}
			}
		}
	})
	if returns == 0 || credits == 0 || credits == returns {
		t.Errorf("%d returns, %d of them on credit notes: want both kinds", returns, credits)
	}
	kinds := make(map[string]int)
	complaints := make(map[string]int64)
	each(t, built, "interactions", func(b *frame.Table) {
		for i, kind := range b.Column("kind").Texts {
			kinds[kind]++
			ref, at := b.Column("ref").Texts[i], b.Column("at").Integers[i]
			switch kind {
			case "complaint":
				complaints[b.Column("id").Texts[i]] = at
			case "complaint_resolved":
				if begun, ok := complaints[ref]; !ok || begun > at {
					t.Fatalf("resolution of %q, which is no earlier complaint", ref)
				}
			case "referral":
				if !accounts[ref] || ref == b.Column("account").Texts[i] {
					t.Fatalf("referral to %q", ref)
				}
			case "survey":
				if v := b.Column("value"); v.IsNull(i) && !built.Params().Record || !v.IsNull(i) && (v.Float(i) < 0 || v.Float(i) > 10) {
					t.Fatalf("survey answered with %v", v.Float(i))
				}
			}
		}
	})
	for _, kind := range []string{"visit", "call", "email", "care", "complaint", "complaint_resolved", "referral", "survey"} {
		if kinds[kind] == 0 {
			t.Errorf("no interaction of kind %s", kind)
		}
	}
}

func TestDefaultTownHasItsSize(t *testing.T) {
	t.Parallel()
	built := town(t, synthetic.Params{Seed: 1})
	lines := 0
	each(t, built, "order_lines", func(b *frame.Table) { lines += b.Rows() })
	if lines < 150_000 || lines > 300_000 {
		t.Errorf("the default town has %d order lines, want 150,000 … 300,000", lines)
	}
	// LinesPerAccount is what turns a wish for lines into accounts.
	asked := int64(100_000)
	got := int64(0)
	each(t, town(t, synthetic.Params{Seed: 2, Lines: asked}), "order_lines", func(b *frame.Table) { got += int64(b.Rows()) })
	if got < asked*8/10 || got > asked*12/10 {
		t.Errorf("asked for %d order lines, got %d", asked, got)
	}
	recorded := int64(0)
	each(t, town(t, synthetic.Params{Seed: 2, Lines: asked, Record: true}), "order_lines", func(b *frame.Table) { recorded += int64(b.Rows()) })
	if recorded < asked*8/10 || recorded > asked*12/10 {
		t.Errorf("asked for %d order lines, got %d with the record", asked, recorded)
	}
	t.Logf("%d lines by default, %d and %d for %d asked", lines, got, recorded, asked)
}

func TestBadParamsAreRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []synthetic.Params{
		{Accounts: -1}, {Accounts: 10_000_000}, {Lines: -5}, {Lines: 2_000_000_000}, {Days: 3}, {Days: 10_000}, {Days: -1},
		{Through: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)}, {Through: time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if _, err := synthetic.New(p); !errors.Is(err, synthetic.ErrParams) {
			t.Errorf("New(%+v): %v, want ErrParams", p, err)
		}
	}
	if _, err := town(t, synthetic.Params{Accounts: 5}).Rows("outcomes"); err == nil {
		t.Error("the town gives rows of a table that it doesn't have")
	}
	if _, err := town(t, synthetic.Params{Accounts: 5}).Rows("people"); err == nil {
		t.Error("a town without the record gives people")
	}
	if _, err := town(t, synthetic.Params{Accounts: 5}).Rows("fx_rates"); err == nil {
		t.Error("a town of one currency gives rates")
	}
}

func TestStreamsEndWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	rows, err := town(t, synthetic.Params{}).Rows("order_lines")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rows.Next(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 3 { // what is drawn already may still be given out
		if _, err = rows.Next(ctx); err != nil {
			break
		}
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
	if _, err := rows.Next(t.Context()); err == nil {
		t.Error("a closed stream goes on")
	}
}

// A stream holds one account and one batch, however large the town.
func TestMemoryIsBounded(t *testing.T) {
	built := town(t, synthetic.Params{Seed: 9, Accounts: 6000, Record: true})
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most, rows := uint64(0), 0
	each(t, built, "order_lines", func(b *frame.Table) {
		rows += b.Rows()
		runtime.GC()
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapAlloc)
	})
	if held := int64(most) - int64(before.HeapAlloc); held > 40<<20 {
		t.Errorf("streaming %d rows held %d MiB", rows, held>>20)
	}
}

func TestWriteCSV(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "town")
	built := town(t, synthetic.Params{Seed: 4, Accounts: 30, SeveralCurrencies: true, Record: true})
	paths, err := built.WriteCSV(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"accounts", "order_lines", "interactions", "wallets", "contracts", "products", "fx_rates", "people", "managers", "invoices", "payments",
		"targets", "touches", "consents", "account_links", "pauses", "assessments", "holidays", "truth", "truth_wallets", "truth_causes", "truth_moves"}
	if len(paths) != len(want) {
		t.Fatalf("wrote %v", paths)
	}
	for i, name := range want {
		if paths[i] != filepath.Join(dir, name+".csv") {
			t.Errorf("path %d is %s, want %s.csv", i, paths[i], name)
		}
		info, err := os.Stat(paths[i])
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 || info.Size() == 0 {
			t.Errorf("%s: mode %v, %d bytes", name, info.Mode(), info.Size())
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != len(want) {
		t.Errorf("%d files in the folder, want %d", len(left), len(want))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := built.WriteCSV(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled write: %v", err)
	}
	if again, err := os.ReadDir(dir); err != nil || len(again) != len(want) {
		t.Errorf("a cancelled write left %d files (%v)", len(again), err)
	}
}
