package clickhouse_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/synthetic"
)

// A business that has orders and nothing else gets, from import to frame, the rows that it got when
// orders_alone.txt was stored, to the bit, whatever the shared record learns since: the file has a hash
// of each column that says anything. All others are missing for every account.
func TestOrdersAloneGiveTheRowsTheyAlwaysGave(t *testing.T) {
	e := embedded(t)
	town, err := synthetic.New(synthetic.Params{Seed: 1, Accounts: 150, SeveralCurrencies: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range features.Schemas() { // embedded has made tables where a warehouse has views
		if err := e.Exec(t.Context(), "DROP TABLE "+s.Name, nil); err != nil {
			t.Fatal(err)
		}
	}
	w := clickhouse.Warehouse{Engine: e}
	if err := w.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"fx_rates", "accounts", "order_lines"} {
		rows, err := town.Rows(table)
		if err != nil {
			t.Fatal(err)
		}
		loaded(t, w, into(table), rows)
	}
	m := build(t.Context(), t, e, request("2025-03-31", "2026-04-15"))
	path := filepath.Join("testdata", "features", "orders_alone.txt")
	now := map[string]string{}
	var text strings.Builder
	for i := range m.Frame.Columns {
		c := &m.Frame.Columns[i]
		h, some := sha256.New(), false
		for row, v := range c.Numbers {
			_, _ = fmt.Fprintln(h, m.Frame.Accounts[row], m.Frame.Cutoffs[row])
			some = some || !math.IsNaN(v)
			if math.IsNaN(v) {
				v = math.NaN() // one of them
			}
			_ = binary.Write(h, binary.LittleEndian, math.Float64bits(v))
		}
		if some {
			now[c.Name] = fmt.Sprintf("%x", h.Sum(nil)[:12])
			fmt.Fprintln(&text, c.Name, now[c.Name])
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for l := range strings.Lines(string(stored)) {
		name, hash, _ := strings.Cut(strings.TrimSpace(l), " ")
		want[name] = hash
	}
	if diff := cmp.Diff(want, now); diff != "" {
		t.Errorf("%s (-stored +now):\n%s", path, diff)
	}
	if m.Frame.Rows() < 200 || len(want) < 40 {
		t.Errorf("only %d rows of %d features compared", m.Frame.Rows(), len(want))
	}
}
