package synthetic_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"runtime"
	"slices"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/features/synthetic"
)

// instants returns a column of times, never (the greatest) where it is missing.
func instants(b *frame.Table, name string) []int64 {
	c := b.Column(name)
	out := slices.Clone(c.Integers)
	for row := range out {
		if c.IsNull(row) {
			out[row] = 1 << 62
		}
	}
	return out
}

// hashRow adds the given values of a row to a hash.
func hashRow(t *testing.T, h hash.Hash, b *frame.Table, row int) {
	t.Helper()
	for i := range b.Columns {
		c := &b.Columns[i]
		var value any
		switch {
		case c.IsNull(row) || c.Kind == frame.Text && c.Texts[row] == "":
			continue
		case c.Kind == frame.Text:
			value = c.Texts[row]
		case c.Kind == frame.Number:
			value = c.Numbers[row]
		default:
			value = c.Integers[row]
		}
		if _, err := fmt.Fprintf(h, "%s=%v\n", c.Name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// Without the record the town is what it was before there was one: the hashes
// are those of the given values then; but that what is declared and agreed in one
// of several currencies says in which, and that the rates begin early enough for it.
func TestWithoutRecordTheTownStays(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("hashes of another architecture: floating point may be fused here")
	}
	built := town(t, synthetic.Params{Seed: 1, Accounts: 60, SeveralCurrencies: true})
	for table, want := range map[string]string{
		"accounts": "7c22a5a558786de6", "order_lines": "52b7bba6628be285", "interactions": "7a5b7da3c6caacce", "wallets": "6813f472c7f2240a",
		"contracts": "535c4ce85d5fc83b", "products": "e9d824dfb79bb5aa", "fx_rates": "8212273adf347b45", "truth": "681d58299ce561c0", "truth_wallets": "a13653ba2db2373b",
	} {
		h := sha256.New()
		each(t, built, table, func(b *frame.Table) {
			for row := range b.Rows() {
				hashRow(t, h, b, row)
			}
		})
		if got := hex.EncodeToString(h.Sum(nil)[:8]); got != want {
			t.Errorf("%s is %s, was %s", table, got, want)
		}
	}
}

// Beside the tables of before, what the record refers to is there, and nothing
// ends before it begins.
func TestTheRecordHangsTogether(t *testing.T) {
	t.Parallel()
	built := town(t, synthetic.Params{Seed: 5, Accounts: 500, Record: true})
	end := built.Params().Through.Unix() + day
	known := map[string]map[string]bool{}
	ids := func(table, column string) map[string]bool {
		if known[table] == nil {
			known[table] = map[string]bool{}
			each(t, built, table, func(b *frame.Table) {
				for _, id := range b.Column(column).Texts {
					known[table][id] = true
				}
			})
		}
		return known[table]
	}
	refers := func(table, column, to, id string) {
		each(t, built, table, func(b *frame.Table) {
			for row, v := range b.Column(column).Texts {
				if v != "" && !ids(to, id)[v] {
					t.Fatalf("%s row %d: %s %q is not in %s", table, row, column, v, to)
				}
			}
		})
	}
	for _, table := range []string{"people", "invoices", "payments", "touches", "consents", "account_links", "pauses", "assessments", "truth_causes", "truth_moves"} {
		refers(table, "account", "accounts", "account")
	}
	// The town speaks in the words that features read.
	for _, v := range features.Vocabularies() {
		each(t, built, v.Table, func(b *frame.Table) {
			for row, text := range b.Column(v.Column).Texts {
				if _, known := v.Read(text); text != "" && !known {
					t.Fatalf("%s row %d: %s %q is no word that features read", v.Table, row, v.Column, text)
				}
			}
		})
	}
	reasons := map[features.ReturnClass]int{}
	each(t, built, "order_lines", func(b *frame.Table) {
		for _, reason := range b.Column("return_reason").Texts {
			reasons[features.ClassOfReturn(reason)]++
		}
	})
	if reasons[features.ReturnUnknown] > 0 || reasons[features.ReturnQuality] < 50 || reasons[features.ReturnService] < 50 || reasons[features.ReturnUnneeded] < 50 {
		t.Errorf("reasons of return by class: %v", reasons)
	}
	refers("payments", "invoice", "invoices", "id")
	refers("invoices", "order_id", "order_lines", "order_id")
	refers("account_links", "other", "accounts", "account")
	refers("truth_moves", "other", "accounts", "account")
	refers("interactions", "person", "people", "id")
	refers("interactions", "manager", "managers", "manager")
	refers("accounts", "account_manager", "managers", "manager")
	refers("targets", "manager", "managers", "manager")

	// columns whose second, where given, doesn't come before the first.
	for _, c := range []struct{ table, first, second string }{
		{"order_lines", "ordered_at", "promised_at"},
		{"order_lines", "ordered_at", "delivered_at"},
		{"interactions", "at", "due_at"},
		{"interactions", "at", "responded_at"},
		{"interactions", "at", "recorded_at"},
		{"people", "since", "until"},
		{"invoices", "issued_at", "due_at"},
		{"touches", "at", "answered_at"},
		{"consents", "given_at", "withdrawn_at"},
		{"account_links", "since", "until"},
		{"pauses", "start", "end"},
		{"truth_causes", "from", "to"},
		{"truth_causes", "from", "felt_from"},
		{"truth_causes", "to", "felt_to"},
	} {
		each(t, built, c.table, func(b *frame.Table) {
			first, second := instants(b, c.first), instants(b, c.second)
			for row := range first {
				if first[row] > second[row] {
					t.Fatalf("%s row %d: %s is after %s", c.table, row, c.first, c.second)
				}
				if c.second == "delivered_at" && second[row] < 1<<62 && second[row] >= end {
					t.Fatalf("%s row %d: %s is after the town's last day", c.table, row, c.second)
				}
			}
		})
	}
}

// What was billed is what was ordered, and nobody pays more.
func TestBillsAddUp(t *testing.T) {
	t.Parallel()
	built := town(t, synthetic.Params{Seed: 6, Accounts: 300, Record: true})
	ordered, billed, paid := map[string]int64{}, map[string]int64{}, map[string]int64{}
	of := map[string]string{}
	issued := map[string]int64{}
	each(t, built, "order_lines", func(b *frame.Table) {
		for row, id := range b.Column("order_id").Texts {
			ordered[id] += max(b.Column("amount").Integers[row], 0)
		}
	})
	each(t, built, "invoices", func(b *frame.Table) {
		for row, id := range b.Column("id").Texts {
			of[id], billed[id], issued[id] = b.Column("order_id").Texts[row], b.Column("amount").Integers[row], b.Column("issued_at").Integers[row]
		}
	})
	each(t, built, "payments", func(b *frame.Table) {
		for row, id := range b.Column("invoice").Texts {
			paid[id] += b.Column("amount").Integers[row]
			if b.Column("paid_at").Integers[row] < issued[id] {
				t.Fatalf("invoice %s is paid before it is issued", id)
			}
		}
	})
	open := 0
	for id, amount := range billed {
		if amount != ordered[of[id]] {
			t.Fatalf("invoice %s is for %d, its order for %d", id, amount, ordered[of[id]])
		}
		if paid[id] > amount {
			t.Fatalf("invoice %s of %d was paid %d", id, amount, paid[id])
		}
		if paid[id] < amount {
			open++
		}
	}
	if len(billed) < len(ordered)*3/4 || open == 0 || open > len(billed)/4 {
		t.Errorf("%d invoices of %d orders and credit notes, %d open: want most billed, and some open", len(billed), len(ordered), open)
	}
}

// spans are times by account.
type spans map[string][][2]int64

func (s spans) holds(account string, at int64) bool {
	return slices.ContainsFunc(s[account], func(x [2]int64) bool { return at >= x[0] && at < x[1] })
}

// In a pause, on a holiday of its country and after its move an account orders nothing.
func TestRestIsRest(t *testing.T) {
	t.Parallel()
	built := town(t, synthetic.Params{Seed: 7, Accounts: 1500, Record: true})
	pauses := spans{}
	each(t, built, "pauses", func(b *frame.Table) {
		ends := instants(b, "end")
		for row, a := range b.Column("account").Texts {
			pauses[a] = append(pauses[a], [2]int64{b.Column("start").Integers[row], ends[row]})
		}
	})
	rest := map[string]map[int64]string{}
	each(t, built, "holidays", func(b *frame.Table) {
		for row, c := range b.Column("country").Texts {
			if rest[c] == nil {
				rest[c] = map[int64]string{}
			}
			rest[c][b.Column("day").Integers[row]] = b.Column("name").Texts[row]
		}
	})
	country := map[string]string{}
	each(t, built, "accounts", func(b *frame.Table) {
		for row, a := range b.Column("account").Texts {
			country[a] = b.Column("country").Texts[row]
		}
	})
	moves := map[string]int64{}
	heirs := map[string]string{}
	each(t, built, "truth_moves", func(b *frame.Table) {
		for row, a := range b.Column("account").Texts {
			moves[a], heirs[a] = b.Column("moved_at").Integers[row], b.Column("other").Texts[row]
		}
	})
	inOthers, lines := 0, map[string]int{}
	each(t, built, "order_lines", func(b *frame.Table) {
		for row, a := range b.Column("account").Texts {
			at, amount := b.Column("ordered_at").Integers[row], b.Column("amount").Integers[row]
			if pauses.holds(a, at) {
				t.Fatalf("account %s has a line at %s, in a pause", a, time.Unix(at, 0).UTC())
			}
			if amount < 0 {
				continue
			}
			if name := rest[country[a]][at/day*day]; name != "" {
				t.Fatalf("account %s of %s orders at %s, on %s", a, country[a], time.Unix(at, 0).UTC(), name)
			}
			if rest["CN"][at/day*day] == "春节" {
				inOthers++
			}
			if moved, ok := moves[a]; ok && at >= moved {
				t.Fatalf("account %s orders at %s, after its move", a, time.Unix(at, 0).UTC())
			}
			lines[a]++
		}
	})
	if inOthers == 0 {
		t.Error("nobody orders in the Spring Festival, want those outside China")
	}
	if len(pauses) < 20 || len(moves) < 15 {
		t.Errorf("%d accounts with pauses, %d that move: want some", len(pauses), len(moves))
	}
	went := 0
	for a, heir := range heirs {
		if lines[a] > 0 && lines[heir] > 0 {
			went++
		}
	}
	if went < len(heirs)*3/4 {
		t.Errorf("of %d accounts that move, %d bought before and their heirs after: want most", len(heirs), went)
	}
	declared, hidden := 0, 0
	each(t, built, "truth_moves", func(b *frame.Table) {
		for _, kind := range b.Column("declared").Texts {
			if kind == "" {
				hidden++
			} else {
				declared++
			}
		}
	})
	if declared == 0 || hidden == 0 {
		t.Errorf("%d moves are declared and %d not: want both", declared, hidden)
	}
}
