package clickhouse_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

func TestSourcesOfAClusterAreReadOnEachOfItsHosts(t *testing.T) {
	t.Parallel()
	s := twoShards(t)
	w := clickhouse.Warehouse{Engine: s.all}
	if err := w.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	loaded(t, w, into("order_lines"), csv(t, "order_lines", "account,order_id,amount,amount_base,ordered_at\nimported,i1,10,10,2025-01-01"))
	for i, e := range s.mapped {
		execute(t, e, "CREATE DATABASE shop",
			"CREATE TABLE shop.local_lines (c String, n UInt32, v Float64, d Date) ENGINE = MergeTree ORDER BY c",
			fmt.Sprintf("INSERT INTO shop.local_lines SELECT concat('shard-%d-', toString(number %% 3)), number, number / 4, '2025-01-02' FROM numbers(1, 12)", i))
	}
	m := features.MappedSource{
		Name: "erp", Table: "order_lines", From: "shop.local_lines", Currency: "EUR", Cluster: "town",
		Columns: map[string]string{"account": "c", "order_id": "n", "amount": "v", "ordered_at": "d"},
	}
	if err := w.MapSources(t.Context(), []features.MappedSource{m}); err != nil {
		t.Fatal(err)
	}
	// A file of orders and one of interactions: what is told of hosts does not hang on the features.
	asOf := func(cutoff string) features.Request {
		r := request(cutoff)
		r.Catalogue = fromFiles(features.Orders, features.Contact)
		return r
	}
	got := build(t.Context(), t, w, asOf("2025-02-01"))
	spend := map[string]float64{}
	for i, a := range got.Frame.Accounts {
		spend[string(a)] = got.Frame.Column("spend_90d").Numbers[i]
	}
	want := map[string]float64{"imported": 10}
	for i := range 2 {
		want[fmt.Sprintf("shard-%d-0", i)], want[fmt.Sprintf("shard-%d-1", i)], want[fmt.Sprintf("shard-%d-2", i)] = 7.5, 5.5, 6.5 // 3+6+9+12, 1+4+7+10, 2+5+8+11 quarters
	}
	if diff := cmp.Diff(want, spend); diff != "" {
		t.Errorf("spend (-want +got):\n%s", diff)
	}
	inspect := func() func(check, table string) []features.Measurement {
		t.Helper()
		all, err := w.Inspect(t.Context(), features.Inspection{Now: at("2025-03-01"), Watermark: 9, BaseCurrency: "EUR", Sources: []features.MappedSource{m}})
		if err != nil {
			t.Fatal(err)
		}
		return func(check, table string) (some []features.Measurement) {
			for _, m := range all {
				if m.Check == check && m.Table == table {
					some = append(some, m)
				}
			}
			return some
		}
	}
	// What says when an account rests, or how often it is contacted, on another side than its orders.
	loaded(t, w, into("pauses"), csv(t, "pauses", "account,start\nshard-0-1,2025-01-05\nshard-1-1,2025-01-05\nimported,2025-01-05\nstranger,2025-01-05"))
	loaded(t, w, into("accounts"), csv(t, "accounts", "account,country,segment\nshard-0-1,DE,large\nshard-1-1,AT,\nimported,DE,large"))
	loaded(t, w, into("holidays"), csv(t, "holidays", "country,day\nDE,2025-01-01\nFR,2025-05-01"))
	found := inspect()
	same1(t, "apart", found("apart", "order_lines"), []features.Measurement{{Check: "apart", Table: "order_lines", Column: "account", Total: 1}})
	same1(t, "left out", found("left_out", "order_lines")[0], features.Measurement{Check: "left_out", Table: "order_lines", Column: "account", Source: "erp", Total: 24})
	same1(t, "terms of pauses", found("terms_apart", "pauses"), []features.Measurement{{Check: "terms_apart", Table: "pauses", Column: "start", Count: 2, Total: 4, Detail: "shard-0-1, shard-1-1"}})
	same1(t, "terms of accounts", found("terms_apart", "accounts"), []features.Measurement{
		{Check: "terms_apart", Table: "accounts", Column: "country", Count: 1, Total: 2, Detail: "shard-0-1"}, {Check: "terms_apart", Table: "accounts", Column: "segment", Count: 1, Total: 2, Detail: "shard-0-1"},
	})
	// An account on both sides is refused by name, also when the cutoff lies before all its orders; the others are built.
	loaded(t, w, into("order_lines"), csv(t, "order_lines", "account,order_id,amount,amount_base,ordered_at\nshard-1-2,i2,10,10,2025-01-01"))
	refused := func(r features.Request, words ...string) {
		t.Helper()
		_, err := w.Build(t.Context(), r, func(*features.Slice) error { return nil })
		if !errors.Is(err, clickhouse.ErrSource) {
			t.Errorf("facts on both sides: %v, want %v", err, clickhouse.ErrSource)
			return
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q does not say %q", err, word)
			}
		}
	}
	refused(asOf("2025-02-01"), `"shard-1-2"`, "order_lines", `"town"`, "where")
	refused(asOf("2024-01-01"), `"shard-1-2"`)
	named := asOf("2025-02-01")
	named.Accounts = []frame.AccountID{"shard-1-2", "imported"}
	refused(named, `"shard-1-2"`)
	named.Accounts = []frame.AccountID{"shard-1-1", "imported"}
	if got := build(t.Context(), t, w, named); got.Frame.Rows() != 2 {
		t.Errorf("the others have %d rows, want 2", got.Frame.Rows())
	}

	// So are contacts on both sides of an account whose orders lie on one.
	for i, e := range s.mapped {
		execute(t, e, "CREATE TABLE shop.visits (id String, c String, d Date, kind String) ENGINE = MergeTree ORDER BY c",
			fmt.Sprintf("INSERT INTO shop.visits SELECT 'v%d', 'shard-%d-1', '2025-01-05', 'visit'", i, i))
	}
	visits := features.MappedSource{
		Name: "crm", Table: "interactions", From: "shop.visits", Cluster: "town",
		Columns: map[string]string{"id": "id", "account": "c", "at": "d", "kind": "kind"},
	}
	if err := w.MapSources(t.Context(), []features.MappedSource{m, visits}); err != nil {
		t.Fatal(err)
	}
	loaded(t, w, into("interactions"), csv(t, "interactions", "id,account,at,kind\ni1,shard-0-1,2025-01-06,visit"))
	if got := build(t.Context(), t, w, named); got.Frame.Rows() != 2 {
		t.Errorf("those with contacts on one side have %d rows, want 2", got.Frame.Rows())
	}
	named.Accounts = []frame.AccountID{"shard-0-1", "imported"}
	refused(named, `"shard-0-1"`, "interactions")

	// So would every bill read unpaid whose payments lie on the other side.
	for _, e := range s.mapped {
		execute(t, e, "CREATE TABLE shop.paid (id String, c String, bill String, d Date, v Float64) ENGINE = MergeTree ORDER BY c")
	}
	execute(t, s.mapped[1], "INSERT INTO shop.paid VALUES ('p1', 'shard-1-1', 'b1', '2025-01-09', 5)")
	paid := features.MappedSource{
		Name: "erp", Table: "payments", From: "shop.paid", Currency: "EUR", Cluster: "town",
		Columns: map[string]string{"id": "id", "account": "c", "invoice": "bill", "paid_at": "d", "amount": "v"},
	}
	if err := w.MapSources(t.Context(), []features.MappedSource{m, visits, paid}); err != nil {
		t.Fatal(err)
	}
	loaded(t, w, into("invoices"), csv(t, "invoices", "id,account,issued_at,due_at,amount\nb1,shard-1-1,2025-01-02,2025-01-10,5\nb2,imported,2025-01-02,2025-01-10,5"))
	found = inspect()
	same1(t, "an account on both sides", found("apart", "order_lines"), []features.Measurement{{Check: "apart", Table: "order_lines", Column: "account", Count: 1, Total: 2, Detail: "shard-1-2"}})
	same1(t, "bills apart from their payments", found("apart", "invoices"), []features.Measurement{
		{Check: "apart", Table: "invoices", Column: "account", Total: 2},
		{Check: "apart", Table: "invoices", Column: "account", Subject: "payments", Count: 1, Total: 2, Detail: "shard-1-1"},
	})

	// What one host lacks is refused with its name, and changes nothing.
	execute(t, s.mapped[1], "ALTER TABLE shop.local_lines RENAME COLUMN v TO worth")
	other := m
	other.Name = "other"
	if err := w.MapSources(t.Context(), []features.MappedSource{other}); !errors.Is(err, clickhouse.ErrExpression) {
		t.Errorf("a host without the column: %v", err)
	}
	same1(t, "sources of the first host", answer(t, s.mapped[0], "SELECT DISTINCT source FROM order_lines"), []string{"erp"})
	if err := w.MapSources(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.mapped {
		same1(t, "rows without sources", answer(t, e, "SELECT count() FROM order_lines"), []string{"0"})
	}
}
