package clickhouse_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
)

// foreignLines are the order lines of a trading house whose tables have other
// names, other types and other notions than fealty: orders and their details
// apart, prices as binary fractions, days as texts.
const foreignLines = `
account,order_id,line,product,category,quantity,amount,amount_base,discount,ordered_at
ALFKI,10643,28,Rösle,Produce,15,513.0000,513.0000,171.0000,2025-01-05
ALFKI,10643,39,Chartreuse,Beverages,21,283.5000,283.5000,94.5000,2025-01-05
ALFKI,10692,63,Vegie,Condiments,20,878.0000,878.0000,0.0000,2025-02-01
ALFKI,10702,3,Aniseed,Condiments,-6,-60.0000,-60.0000,0.0000,2025-02-10
BONAP,10730,16,Pavlova,Confections,15,0.5700,0.5700,0.0000,2025-01-20
BONAP,10755,47,Zaanse,Confections,30,213.7500,213.7500,71.2500,2025-03-02
BONAP,10755,56,Gnocchi,Grains,30,1140.0000,1140.0000,0.0000,2025-03-02
"CHOP S",10746,13,Konbu,Seafood,6,36.0001,36.0001,0.0000,2025-03-01
ÉTOILE,1,1,Konbu,Seafood,1,1.1100,1.1100,0.0000,2024-11-30`

// northwind makes the trading house's tables. order_details has a sorting key
// that begins with the account, as a house has it whose questions are about
// accounts.
func northwind(t *testing.T, w clickhouse.Warehouse) {
	t.Helper()
	execute(t, w,
		"CREATE DATABASE IF NOT EXISTS nw",
		"CREATE TABLE nw.`order details` (customer_id LowCardinality(String), order_nr UInt32, product_nr UInt16, unit_price Float64, quantity Nullable(Int32), rebate Float64, `order date` String, freight Nullable(String), entered DateTime('Asia/Tokyo')) ENGINE = MergeTree ORDER BY customer_id SETTINGS index_granularity = 64",
		"CREATE TABLE nw.products (nr UInt16, title String, cat Enum8('Beverages' = 1, 'Condiments' = 2, 'Confections' = 3, 'Grains' = 5, 'Produce' = 7, 'Seafood' = 8)) ENGINE = MergeTree ORDER BY nr")
	for _, row := range strings.Split(strings.TrimSpace(foreignLines), "\n")[1:] {
		c := strings.Split(row, ",")
		execute(t, w, fmt.Sprintf("INSERT INTO nw.`order details` SELECT '%s', %s, %s, (%s + %s) / %s, %s, if(%s + %s = 0, 0, %s / (%s + %s)), '%s', NULL, toDateTime('%s 00:00:00', 'UTC')",
			strings.Trim(c[0], `"`), c[1], c[2], c[6], c[8], c[5], c[5], c[6], c[8], c[8], c[6], c[8], c[9], c[9]))
		execute(t, w, fmt.Sprintf("INSERT INTO nw.products SELECT %s, '%s', '%s'", c[2], c[3], c[4]))
	}
}

// northwindQuery reads the tables of northwind.
func northwindQuery() features.MappedSource {
	return features.MappedSource{
		Name: "northwind", Table: "order_lines", Currency: "EUR",
		Query: "SELECT d.*, p.title AS title, p.cat AS cat FROM nw.`order details` AS d ANY LEFT JOIN nw.products AS p ON p.nr = d.product_nr",
		Columns: map[string]string{
			"account": "customer_id", "order_id": "order_nr", "line": "product_nr", "product": "title", "category": "cat", "quantity": "quantity",
			"amount": "unit_price * quantity * (1 - rebate)", "discount": "unit_price * quantity * rebate", "ordered_at": "`order date`",
		},
	}
}

func TestMappedSourceGivesTheFeaturesOfAnImportOfTheSameRows(t *testing.T) {
	w := migrated(t)
	rows := strings.ReplaceAll(foreignLines, `"`, "")
	loaded(t, w, into("order_lines"), csv(t, "order_lines", strings.TrimSpace(rows)))
	r := request("2025-02-15", "2025-03-20")
	want := build(t.Context(), t, w, r)
	if want.Frame.Rows() != 7 || want.value(t, "BONAP", "2025-03-20", "spend_90d") != 1354.32 {
		t.Fatalf("the import has %d rows", want.Frame.Rows())
	}
	execute(t, w, "TRUNCATE TABLE loads")
	northwind(t, w)
	for name, change := range map[string]func(*features.MappedSource){
		"query":                    func(*features.MappedSource) {},
		"without line numbers":     func(m *features.MappedSource) { delete(m.Columns, "line") },
		"instants of another zone": func(m *features.MappedSource) { m.Columns["ordered_at"] = "entered" },
	} {
		m := northwindQuery()
		m.Columns = maps.Clone(m.Columns)
		change(&m)
		if err := w.MapSources(t.Context(), []features.MappedSource{m}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := build(t.Context(), t, w, r)
		if diff := cmp.Diff(hashes(want), hashes(got)); diff != "" {
			t.Errorf("%s (-imported +mapped):\n%s", name, diff)
		}
		if diff := cmp.Diff(want.report.Coverage, got.report.Coverage); diff != "" {
			t.Errorf("%s: coverage (-imported +mapped):\n%s", name, diff)
		}
	}
	// A source that is left out is read no more.
	if err := w.MapSources(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	same1(t, "rows without sources", answer(t, w, "SELECT count() FROM order_lines"), []string{"0"})
}

func TestCanonicalViewsKeepTheirTypesBesideSources(t *testing.T) {
	w := migrated(t)
	const layout = "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() AND table NOT LIKE 'imported%' AND table != 'mapped_columns' ORDER BY table, position"
	before := answer(t, w, layout)
	execute(t, w,
		"CREATE DATABASE crm",
		"CREATE TABLE crm.every (a Nullable(String), b FixedString(4), c Nullable(Date), d Date32, e DateTime64(6, 'Asia/Tokyo'), f Nullable(Float32), g UUID, h Int8, i Nullable(UInt64), j Decimal(38, 9), k LowCardinality(Nullable(String)), l Bool) ENGINE = Memory")
	text := func(s string) string { return s }
	sources := []features.MappedSource{
		{Name: "crm", Table: "accounts", Columns: map[string]string{"account": text("a"), "name": "k", "opened": "c", "valid_from": "d", "valid_to": "e", "type": "l", "region": "b"}},
		{Name: "crm", Table: "order_lines", Columns: map[string]string{"account": "k", "order_id": "g", "line": "i", "amount": "f", "amount_base": "j", "ordered_at": "e", "recorded_at": "c", "cost": "i", "product": "h"}},
		{Name: "crm", Table: "interactions", Columns: map[string]string{"account": "a", "id": "i", "at": "c", "kind": "b", "value": "a"}},
		{Name: "crm", Table: "wallets", Columns: map[string]string{"account": "a", "period": "c", "amount": "h"}},
		{Name: "crm", Table: "contracts", Columns: map[string]string{"account": "a", "id": "h", "start": "k", "end": "c", "amount": "j"}},
		{Name: "crm", Table: "products", Columns: map[string]string{"product": "b", "list_price": "f", "valid_from": "e"}},
		{Name: "crm", Table: "fx_rates", Columns: map[string]string{"currency": "b", "day": "d", "rate": "f"}},
		{Name: "crm", Table: "outcomes", Columns: map[string]string{"account": "a", "cutoff": "e", "value": "l"}},
	}
	for i := range sources {
		sources[i].From = "crm.every"
	}
	if err := w.MapSources(t.Context(), sources); err != nil {
		t.Fatal(err)
	}
	same1(t, "layout", answer(t, w, layout), before)
	// The views survive a migration, and a second mapping changes nothing.
	if err := w.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const texts = "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() AND engine = 'View' ORDER BY name"
	made := answer(t, w, texts)
	counting := &cutting{Engine: w.Engine}
	if err := (clickhouse.Warehouse{Engine: counting}).MapSources(t.Context(), sources); err != nil {
		t.Fatal(err)
	}
	same1(t, "texts of the views", answer(t, w, texts), made)
	same1(t, "columns remembered", answer(t, w, "SELECT count(), uniqExact(mapping) FROM mapped_columns"), []string{"38 8"})
	same1(t, "views left behind", answer(t, w, "SELECT count() FROM system.tables WHERE name LIKE 'fealty_probe%'"), []string{"0"})
}

func TestValuesThatDoNotFitReadAsMissingAndNeverAsOthers(t *testing.T) {
	w := migrated(t)
	execute(t, w,
		"CREATE DATABASE odd",
		"CREATE TABLE odd.days (id String, t String, d Date32, s DateTime64(3, 'UTC')) ENGINE = Memory",
		"INSERT INTO odd.days VALUES ('a', '2025-02-28', '1925-01-01', '1969-12-31 23:59:59.500'), ('b', '2025-02-31', '2199-12-31', '2106-02-08 00:00:00'), "+
			"('c', '10000-01-01', '2025-01-01', '2105-12-31 23:59:59.999'), ('d', '2120-01-01 00:00:00', '1970-01-01', '1970-01-01 00:00:00'), ('e', 'n/a', '2105-12-31', '2299-01-01 00:00:00'), "+
			"('f', '', '2106-01-01', '1900-01-01 00:00:00'), ('g', '2025-03-01T12:00:00.25', '2024-02-29', '2025-01-01 00:00:00'), ('h', '1969-12-31', '1900-01-01', '2025-01-01 00:00:00')",
		"CREATE TABLE odd.amounts (id String, f Float64, s String, u UInt64, d Decimal(38, 6)) ENGINE = Memory",
		"INSERT INTO odd.amounts VALUES ('a', 0.57, '0.57', 1, 0.57), ('b', nan, 'NaN', 18446744073709551615, 12345678901234567890), ('c', inf, '-', 0, -0.00005), ('d', 1e308, '1,5', 123456789012345678, 1.00015), "+
			"('e', -0.00005, '-0.005', 5, -99999999999999.9999), ('f', 5e-324, ' 1', 6, 100000000000000000), ('g', -2.3, '1e3', 7, 0), ('h', -1e15, '12345678901234567890123', 8, 0)")
	sources := make([]features.MappedSource, 0, 7)
	add := func(name, from string, columns map[string]string) {
		columns["account"], columns["order_id"] = "id", "id"
		for field, otherwise := range map[string]string{"amount": "1", "ordered_at": "toDate('2025-01-01')"} {
			if columns[field] == "" {
				columns[field] = otherwise
			}
		}
		sources = append(sources, features.MappedSource{Name: name, Table: "order_lines", From: from, Currency: "EUR", Columns: columns})
	}
	for _, c := range []string{"t", "d", "s"} {
		add("day_"+c, "odd.days", map[string]string{"ordered_at": c})
	}
	for _, c := range []string{"f", "s", "u", "d"} {
		add("amount_"+c, "odd.amounts", map[string]string{"amount": c, "discount": c})
	}
	if err := w.MapSources(t.Context(), sources); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ sql, want string }{
		{"SELECT account, ordered_at FROM order_lines WHERE source = 'day_t' ORDER BY account", "a 2025-02-28T00:00:00|g 2025-03-01T12:00:00"},
		{"SELECT account, ordered_at FROM order_lines WHERE source = 'day_d' ORDER BY account", "c 2025-01-01T00:00:00|d 1970-01-01T00:00:00|e 2105-12-31T00:00:00|g 2024-02-29T00:00:00"},
		{"SELECT account, ordered_at FROM order_lines WHERE source = 'day_s' ORDER BY account", "c 2105-12-31T23:59:59|d 1970-01-01T00:00:00|g 2025-01-01T00:00:00|h 2025-01-01T00:00:00"},
		// Halves round away from zero, those of binary fractions to even.
		{"SELECT account, toString(amount) FROM order_lines WHERE source = 'amount_f' ORDER BY account", "a 0.57|e 0|f 0|g -2.3"},
		{"SELECT account, toString(amount) FROM order_lines WHERE source = 'amount_s' ORDER BY account", "a 0.57|e -0.005|g 1000"},
		{"SELECT account, toString(amount) FROM order_lines WHERE source = 'amount_u' ORDER BY account", "a 1|c 0|e 5|f 6|g 7|h 8"},
		{"SELECT account, toString(amount) FROM order_lines WHERE source = 'amount_d' ORDER BY account", "a 0.57|c -0.0001|d 1.0002|e -99999999999999.9999|g 0|h 0"},
		{"SELECT countIf(discount != amount), countIf(amount_base != amount), countIf(isNull(discount)) FROM order_lines WHERE startsWith(source, 'amount')", "0 0 0"},
		{"SELECT countIf(recorded_at != ordered_at), countIf(load != 0), uniqExact(source), uniqExact(currency) FROM order_lines", "0 0 7 1"},
	} {
		if got := strings.Join(answer(t, w, c.sql), "|"); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.sql, got, c.want)
		}
	}
}

func TestMappedSourcesPruneByTheAccount(t *testing.T) {
	w := migrated(t)
	execute(t, w,
		"CREATE DATABASE big",
		"CREATE TABLE big.lines (cust String, nr UInt64, net Decimal(10, 2), day DateTime('UTC')) ENGINE = MergeTree ORDER BY (cust, day) SETTINGS index_granularity = 128",
		"INSERT INTO big.lines SELECT leftPad(toString(number % 5000), 6, '0'), number, 10, toDateTime('2025-01-01 00:00:00', 'UTC') + number FROM numbers(50000)")
	m := features.MappedSource{
		Name: "big", Table: "order_lines", From: "big.lines", Currency: "EUR", Where: "net > 0",
		Columns: map[string]string{"account": "cust", "order_id": "nr", "amount": "net", "ordered_at": "day"},
	}
	granules := func() string {
		t.Helper()
		for _, line := range answer(t, w, "SELECT * FROM (EXPLAIN indexes = 1 SELECT account, sum(amount) FROM order_lines WHERE load <= 9 AND (empty(CAST(['000007'], 'Array(String)')) OR account IN CAST(['000007'], 'Array(String)')) AND account >= '' GROUP BY account)") {
			if _, found, ok := strings.Cut(line, "Granules: "); ok && strings.Contains(found, "/") {
				return found
			}
		}
		return "none"
	}
	if err := w.MapSources(t.Context(), []features.MappedSource{m}); err != nil {
		t.Fatal(err)
	}
	if got := granules(); got != "2/391" && got != "1/391" {
		t.Errorf("one account of a mapped table reads %s granules", got)
	}
	m.Columns["account"] = "concat('C-', cust)" // the account no longer passes through as it is
	if err := w.MapSources(t.Context(), []features.MappedSource{m}); err != nil {
		t.Fatal(err)
	}
	if got := granules(); got != "391/391" && got != "none" {
		t.Errorf("the test of pruning can't fail: it sees %s where everything is read", got)
	}
}

func TestMappedSourcesThatDoNotFitAreRefusedByName(t *testing.T) {
	w := migrated(t)
	execute(t, w,
		"CREATE DATABASE shop",
		"CREATE TABLE shop.lines (cust String, nr UInt64, net Float64, day Date, tags Array(String)) ENGINE = MergeTree ORDER BY cust",
		"CREATE TABLE shop.orders (cust String) ENGINE = MergeTree ORDER BY cust")
	valid := features.MappedSource{
		Name: "erp", Table: "order_lines", From: "shop.lines", Currency: "EUR",
		Columns: map[string]string{"account": "cust", "order_id": "nr", "amount": "net", "ordered_at": "day"},
	}
	if err := w.MapSources(t.Context(), []features.MappedSource{valid}); err != nil {
		t.Fatal(err)
	}
	before := answer(t, w, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'order_lines'")
	for _, c := range []struct {
		is    error
		want  string
		spoil func(*features.MappedSource)
	}{
		{clickhouse.ErrSource, `there is no table shop.line; in shop there are lines, orders`, func(m *features.MappedSource) { m.From = "shop.line" }},
		{clickhouse.ErrSource, `there is no table shopp.lines; databases with tables: there are shop`, func(m *features.MappedSource) { m.From = "shopp.lines" }},
		{clickhouse.ErrSource, `"lines" is not database.table`, func(m *features.MappedSource) { m.From = "lines" }},
		{clickhouse.ErrExpression, "system.users belongs to the engine", func(m *features.MappedSource) { m.From = "system.users" }},
		{clickhouse.ErrExpression, "belongs to the engine", func(m *features.MappedSource) { m.From = "INFORMATION_SCHEMA.tables" }},
		{clickhouse.ErrSource, "default.order_lines is fealty's own", func(m *features.MappedSource) { m.From = "default.order_lines" }},
		{clickhouse.ErrSource, "default.imported_accounts is fealty's own", func(m *features.MappedSource) { m.From = "default.imported_accounts" }},
		{clickhouse.ErrExpression, `source "erp" of order_lines: column amount: "nett": the expression is not allowed: there is no column "nett"; there are net`, func(m *features.MappedSource) { m.Columns["amount"] = "nett" }},
		{clickhouse.ErrSource, `column ordered_at: "nr": the mapped source does not fit: it is UInt64, and ordered_at of order_lines is time; make an instant of it`, func(m *features.MappedSource) { m.Columns["ordered_at"] = "nr" }},
		{clickhouse.ErrSource, `column account: "net": the mapped source does not fit: it is Float64`, func(m *features.MappedSource) { m.Columns["account"] = "net" }},
		{clickhouse.ErrSource, `column amount: "tags"`, func(m *features.MappedSource) { m.Columns["amount"] = "tags" }},
		{clickhouse.ErrSource, `column amount: "net + tags"`, func(m *features.MappedSource) { m.Columns["amount"] = "net + tags" }},
		{clickhouse.ErrSource, `where: "cust": the mapped source does not fit: it is String, not true or false`, func(m *features.MappedSource) { m.Where = "cust" }},
		{clickhouse.ErrExpression, `where: "1 = 1; DROP TABLE loads"`, func(m *features.MappedSource) { m.Where = "1 = 1; DROP TABLE loads" }},
		{clickhouse.ErrExpression, `column amount: "file('/etc/passwd')"`, func(m *features.MappedSource) { m.Columns["amount"] = "file('/etc/passwd')" }},
		{clickhouse.ErrExpression, "query: the expression is not allowed: the function file", func(m *features.MappedSource) { m.From, m.Query = "", "SELECT * FROM file('/etc/passwd')" }},
		{clickhouse.ErrSource, "query: the mapped source does not fit: there is no table shop.x", func(m *features.MappedSource) { m.From, m.Query = "", "SELECT * FROM shop.x" }},
		{clickhouse.ErrSource, "is fealty's own", func(m *features.MappedSource) { m.From, m.Query = "", "SELECT * FROM default.order_lines" }},
		{features.ErrBadRequest, "amount is not mapped", func(m *features.MappedSource) { m.Columns["amount"] = "" }},
		{features.ErrBadRequest, `cluster "town" is not the one of warehouse.url`, func(m *features.MappedSource) { m.Cluster = "town" }},
	} {
		m := valid
		m.Columns = maps.Clone(valid.Columns)
		c.spoil(&m)
		other := valid
		other.Name = "good"
		err := w.MapSources(t.Context(), []features.MappedSource{other, m})
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
	if err := w.MapSources(t.Context(), []features.MappedSource{valid, valid}); !errors.Is(err, features.ErrBadRequest) {
		t.Errorf("two sources of one name: %v", err)
	}
	// Nothing has changed.
	same1(t, "the view", answer(t, w, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'order_lines'"), before)
	same1(t, "views left behind", answer(t, w, "SELECT count() FROM system.tables WHERE name LIKE 'fealty_probe%'"), []string{"0"})
}

func TestSourcesAndImportsStandSideBySide(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("order_lines"), csv(t, "order_lines", "account,order_id,amount,amount_base,ordered_at\nimported,i1,10,10,2025-01-01"))
	execute(t, w,
		"CREATE DATABASE shop",
		"CREATE TABLE shop.a (c String, n String, amount Nullable(Int32), d DateTime('UTC'), known DateTime('UTC')) ENGINE = MergeTree ORDER BY c",
		"CREATE TABLE shop.b AS shop.a",
		"INSERT INTO shop.a VALUES ('one', 'a1', 20, '2025-01-02 00:00:00', '2025-01-20 00:00:00'), ('one', '', 21, '2025-01-02 00:00:00', '2025-01-02 00:00:00'), ('', 'a3', 22, '2025-01-02 00:00:00', '2025-01-02 00:00:00'), ('two', 'a4', NULL, '2025-01-02 00:00:00', '2025-01-02 00:00:00')",
		"INSERT INTO shop.b VALUES ('two', 'b1', 30, '2025-01-03 00:00:00', '2025-01-03 00:00:00'), ('two', 'b2', 99, '2025-01-03 00:00:00', '2025-01-03 00:00:00')")
	a := features.MappedSource{Name: "web", Table: "order_lines", From: "shop.a", Columns: map[string]string{
		// The fields' names are also columns of the source: amount of the field is not amount of the table.
		"account": "c", "order_id": "n", "amount": "amount * 2", "amount_base": "amount * 3", "cost": "amount", "currency": "'CHF'", "ordered_at": "d", "recorded_at": "known",
	}}
	b := features.MappedSource{Name: "shop", Table: "order_lines", From: "shop.b", Currency: "EUR", Where: "amount < 50", Columns: map[string]string{
		"account": "c", "order_id": "n", "amount": "amount", "ordered_at": "d",
	}}
	if err := w.MapSources(t.Context(), []features.MappedSource{a, b}); err != nil {
		t.Fatal(err)
	}
	// Rows without an order's id, without an account or without an amount are not seen.
	same1(t, "rows", answer(t, w, "SELECT account, order_id, amount, amount_base, cost, currency, recorded_at, load, source FROM order_lines ORDER BY account"), []string{
		"imported i1 10 10 ∅  2025-01-01T00:00:00 1 import",
		"one a1 40 60 20 CHF 2025-01-20T00:00:00 0 web",
		"two b1 30 30 ∅ EUR 2025-01-03T00:00:00 0 shop",
	})
	m := build(t.Context(), t, w, request("2025-01-10", "2025-02-01"))
	if got := m.value(t, "two", "2025-01-10", "spend_90d"); got != 30 {
		t.Errorf("spend is %v", got)
	}
	if _, early := m.row[rowKey("one", m.Frame.Cutoffs[0])]; early {
		t.Error("a row recorded later was known at the cutoff")
	}
	if got := m.value(t, "one", "2025-02-01", "spend_90d"); got != 60 || math.IsNaN(got) {
		t.Errorf("spend in base currency is %v", got)
	}
}
