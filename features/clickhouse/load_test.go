package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/files"
	"fealty/features/frame"
)

// given is a stream of rows in batches of at most size; after the rows it ends
// with err, io.EOF by default.
type given struct {
	table *frame.Table
	size  int
	from  int
	err   error
}

func (g *given) Next(context.Context) (*frame.Table, error) {
	if g.from >= g.table.Rows() {
		if g.err != nil {
			return nil, g.err
		}
		return nil, io.EOF
	}
	to := min(g.table.Rows(), g.from+g.size)
	batch := g.table.Slice(g.from, to)
	g.from = to
	return &batch, nil
}

func (*given) Close() error { return nil }

// csv reads rows as a person writes them: the first line names the columns,
// an empty cell is missing.
func csv(t testing.TB, table, text string) *given {
	t.Helper()
	schema, ok := features.Schema(table)
	if !ok {
		t.Fatalf("no table %q", table)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	g := &given{table: &frame.Table{}, size: 2}
	for k, name := range strings.Split(lines[0], ",") {
		name = strings.TrimSpace(name)
		f := schema.Field(name)
		if f == nil {
			t.Fatalf("%s has no field %q", table, name)
		}
		c := frame.Column{Meta: frame.Meta{Name: name}, Kind: f.Kind, Null: make([]bool, len(lines)-1)}
		for i, line := range lines[1:] {
			cell := strings.TrimSpace(strings.Split(line, ",")[k])
			c.Null[i] = cell == "" && f.Kind != frame.Text
			switch f.Kind {
			case frame.Text:
				c.Texts = append(c.Texts, cell)
			case frame.Time:
				v := int64(0)
				if cell != "" {
					v = at(cell)
				}
				c.Integers = append(c.Integers, v)
			case frame.Number:
				v, err := strconv.ParseFloat(cell, 64)
				if err != nil {
					t.Fatal(err)
				}
				c.Numbers = append(c.Numbers, v)
			case frame.Integer:
				v, _ := strconv.ParseInt(cell, 10, 64)
				c.Integers = append(c.Integers, v)
			default:
				v, _ := strconv.ParseFloat(cell, 64)
				c.Integers = append(c.Integers, euros(v))
			}
		}
		if f.Kind == frame.Number {
			c.Null = nil // NaN is the mark
		}
		g.table.Columns = append(g.table.Columns, c)
	}
	return g
}

func loaded(t testing.TB, w clickhouse.Warehouse, r features.LoadRequest, rows features.Rows) features.LoadReport {
	t.Helper()
	report, err := w.Load(t.Context(), r, rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func into(table string) features.LoadRequest {
	return features.LoadRequest{Table: table, BaseCurrency: "EUR"}
}

func same1(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

const orders = `
account,order_id,product,amount,ordered_at
a,o1,p1,10,2024-01-05
a,o1,p2,20,2024-01-05
b,o2,p1,30,2024-01-06
a,o1,p1,10,2024-01-05
b,o3,p9,-5.5,2024-02-06`

func TestRowsGetTheirDefaultsAndALoadIsRecognised(t *testing.T) {
	w := migrated(t)
	hashed := into("order_lines")
	hashed.Hash, hashed.Files = func() string { return "h1" }, []string{"orders.csv"}
	var sent []int64
	report, err := w.Load(t.Context(), hashed, csv(t, "order_lines", orders), func(n int64) { sent = append(sent, n) })
	if err != nil {
		t.Fatal(err)
	}
	same1(t, "report", report, features.LoadReport{Table: "order_lines", Load: 1, Rows: 5, Assumed: 5})
	same1(t, "progress", sent, []int64{2, 4, 5})
	const all = "SELECT account, order_id, line, product, amount, amount_base, currency, ordered_at, recorded_at, load, source FROM order_lines ORDER BY account, order_id, line"
	want := []string{ // the exact duplicate stays, as the third line of its order
		"a o1 1 p1 10 10  2024-01-05T00:00:00 2024-01-05T00:00:00 1 import",
		"a o1 2 p2 20 20  2024-01-05T00:00:00 2024-01-05T00:00:00 1 import",
		"a o1 3 p1 10 10  2024-01-05T00:00:00 2024-01-05T00:00:00 1 import",
		"b o2 1 p1 30 30  2024-01-06T00:00:00 2024-01-06T00:00:00 1 import",
		"b o3 1 p9 -5.5 -5.5  2024-02-06T00:00:00 2024-02-06T00:00:00 1 import",
	}
	same1(t, "rows", answer(t, w, all), want)

	again := loaded(t, w, hashed, csv(t, "order_lines", orders))
	same1(t, "the same content again", again, features.LoadReport{Table: "order_lines", Load: 1, Already: true})
	same1(t, "rows after the same content again", answer(t, w, all), want)
	if left := answer(t, w, "SELECT count() FROM imported_order_lines"); left[0] != "5" {
		t.Errorf("%s rows lie in the table", left[0])
	}
	// The same rows from another file change nothing either, but are a load.
	other := loaded(t, w, into("order_lines"), csv(t, "order_lines", orders+"\nc,o4,p1,1,2024-03-01"))
	if other.Load <= 1 || other.Rows != 1 || other.Unchanged != 5 || other.Corrected != 0 || other.Already {
		t.Errorf("a longer file: %+v", other)
	}
	if got := answer(t, w, "SELECT count(), toFloat64(sum(amount)) FROM order_lines"); got[0] != "6 65.5" {
		t.Errorf("lines and their sum after a longer file: %s", got[0])
	}
	if mark, err := w.Watermark(t.Context()); err != nil || mark != other.Load {
		t.Errorf("watermark %d (%v), want %d", mark, err, other.Load)
	}
	loads, err := w.Loads(t.Context(), 0)
	if err != nil || len(loads) != 2 || loads[0].Load != other.Load || loads[1].Hash != "h1" || loads[1].Rows != 5 || time.Since(loads[1].CommittedAt) > time.Hour {
		t.Errorf("loads %+v (%v)", loads, err)
	}
	if loads, err = w.Loads(t.Context(), 1); err != nil || len(loads) != 1 {
		t.Errorf("the newest load: %+v (%v)", loads, err)
	}
}

func TestKnownKeysWithOtherValuesAreRefusedByName(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("order_lines"), csv(t, "order_lines", orders))
	loaded(t, w, into("interactions"), csv(t, "interactions", "id,account,at,kind,value\n1,a,2024-01-01,visit,\n2,a,2024-01-02,survey,7"))
	loaded(t, w, into("accounts"), csv(t, "accounts", "account,segment,valid_from\na,gold,\na,silver,2024-06-01"))
	before := answer(t, w, "SELECT count() FROM order_lines")
	for _, c := range []struct{ table, rows, want string }{
		{"order_lines", "account,order_id,product,amount,ordered_at\nb,o2,p1,31,2024-01-06", `order_lines account "b" order_id "o2" line 1: amount was 30, now 31`},
		{"order_lines", "account,order_id,product,amount,ordered_at\nb,o2,p1,30,2024-01-07", `ordered_at was 2024-01-06T00:00:00Z, now 2024-01-07T00:00:00Z`},
		{"order_lines", "account,order_id,line,product,amount,ordered_at\nb,o2,1,p1,30,2024-01-06\nb,o2,1,p1,30,2024-01-06", `the number of its rows`},
		{"order_lines", "account,order_id,product,amount,amount_base,ordered_at\nb,o2,p1,30,29,2024-01-06", `amount_base was 30, now 29`},
		{"interactions", "id,account,at,kind,value\n2,a,2024-01-02,survey,8", `id "2": value was 7, now 8`},
		{"interactions", "id,account,at,kind,value\n1,b,2024-01-01,visit,", `id "1": account was "a", now "b"`},
		{"accounts", "account,segment,valid_from\na,bronze,2024-06-01", `valid_from 2024-06-01T00:00:00Z: segment was "silver", now "bronze"`},
		{"accounts", "account,segment,valid_from\na,bronze,", `valid_from empty: segment was "gold", now "bronze"`},
	} {
		_, err := w.Load(t.Context(), into(c.table), csv(t, c.table, c.rows), nil)
		if !errors.Is(err, features.ErrKnown) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q in a refusal, got %v", c.want, err)
		}
	}
	if after := answer(t, w, "SELECT count() FROM order_lines"); after[0] != before[0] {
		t.Errorf("%s lines after refusals, %s before", after[0], before[0])
	}
	if left := answer(t, w, "SELECT count() FROM imported_order_lines WHERE load NOT IN (SELECT load FROM loads)"); left[0] != "0" {
		t.Errorf("refused loads left %s rows behind", left[0])
	}
	// A new version of an account is no conflict, and neither is the same id from another source.
	if r := loaded(t, w, into("accounts"), csv(t, "accounts", "account,segment,valid_from\na,bronze,2024-07-01\na,silver,2024-06-01")); r.Rows != 1 || r.Unchanged != 1 {
		t.Errorf("a new version: %+v", r)
	}
	elsewhere := into("interactions")
	elsewhere.Source = "crm"
	if r := loaded(t, w, elsewhere, csv(t, "interactions", "id,account,at,kind,value\n2,b,2024-03-02,visit,")); r.Rows != 1 {
		t.Errorf("the same id from another source: %+v", r)
	}
}

// corrections are first values of an account and what was recorded at noon of 2024-03-10 in
// their place, with a feature that tells one from the other as of 2024-03-01; told reads it
// where no feature does. Without fixed, first holds both, each with its recording.
var corrections = []struct {
	table, first, fixed, account, feature string
	told                                  func(t *testing.T, w clickhouse.Warehouse, r features.Request) float64
	before, after                         float64
}{
	{
		table: "invoices", first: "id,account,issued_at,due_at,amount\ni1,a,2024-01-10,2024-02-10,300", fixed: "id,account,issued_at,due_at,amount,recorded_at\ni1,a,2024-01-10,2024-02-10,200,2024-03-10 12:00:00",
		account: "a", feature: "invoices_overdue", before: 1, after: 1, // its amount is told by what is paid of it, next
	},
	{
		table: "payments", first: "id,account,invoice,paid_at,amount\ny1,a,i1,2024-02-20,10", fixed: "id,account,invoice,paid_at,amount,recorded_at\ny1,a,i1,2024-02-20,50,2024-03-10 12:00:00",
		account: "a", feature: "overdue_amount", before: 290, after: 150,
	},
	{
		table: "people", first: "id,account,role,since,until\np1,a,buyer,2023-12-01,\np9,b,buyer,2023-01-01,2023-12-01", fixed: "id,account,role,since,until,recorded_at\np1,a,buyer,2023-12-01,2024-02-01,2024-03-10 12:00:00",
		account: "a", feature: "key_people_left_180d", before: 0, after: 1,
	},
	{ // 41 days since the last order, less those of the pause
		table: "pauses", first: "account,start,end\na,2024-02-01,2024-02-06", fixed: "account,start,end,recorded_at\na,2024-02-01,2024-02-11,2024-03-10 12:00:00",
		account: "a", feature: "recency_days", before: 36, after: 31,
	},
	{
		table: "contracts", first: "id,account,start,amount,recorded_at\nk1,b,2023-06-01,1000,2023-06-01\nk1,b,2023-06-01,800,2024-03-10 12:00:00",
		account: "b", feature: "contract_amount", before: 1000, after: 800,
	},
	{ // had been answered all along
		table: "touches", first: "id,account,at,campaign,answered_at,recorded_at\nt1,b,2023-10-01,spring,,2023-10-01\nt9,a,2023-10-01,spring,2023-10-02,2023-10-02\nt1,b,2023-10-01,spring,2023-10-15,2024-03-10 12:00:00",
		account: "b", feature: "touches_silent_365d", before: 1, after: 0,
	},
	{ // the two were one until February only
		table: "account_links", first: "account,other,kind,since,until,recorded_at\nold,new,merged,2024-01-25,,2024-01-25\nold,new,merged,2024-01-25,2024-02-10,2024-03-10 12:00:00",
		account: "new", feature: "spend_365d", before: 12, after: 5,
	},
	{
		table: "accounts", first: "account,country,credit_limit,valid_from,recorded_at\ngerman,DE,900,2023-01-01,2023-01-01\ngerman,DE,700,2023-01-01,2024-03-10 12:00:00",
		account: "german", feature: "credit_limit", before: 900, after: 700,
	},
	{ // 36 days since the last order, less the holidays
		table: "holidays", first: "country,day,recorded_at\nDE,2024-02-20,2024-01-01\nDE,2024-02-21,2024-03-10 12:00:00",
		account: "german", feature: "recency_days", before: 35, after: 34,
	},
	{
		table: "consents", first: "account,channel,purpose,given_at,withdrawn_at,recorded_at\nb,email,news,2023-06-01,,2023-06-01\nb,email,news,2023-06-01,2024-02-01,2024-03-10 12:00:00",
		before: 0, after: 1,
		told: func(t *testing.T, w clickhouse.Warehouse, r features.Request) float64 {
			t.Helper()
			all, err := w.Standings(t.Context(), r, 60)
			if err != nil {
				t.Fatal(err)
			}
			if all["b"].OptedOut {
				return 1
			}
			return 0
		},
	},
	{
		table: "targets", first: "manager,period,amount,recorded_at\nLi,2024-02-01,500,2024-02-01\nLi,2024-02-01,400,2024-03-10 12:00:00",
		before: 500, after: 400,
		told: func(t *testing.T, w clickhouse.Warehouse, r features.Request) float64 {
			t.Helper()
			_, all := portfolio(t, w, features.PortfolioRequest{Request: r, From: frame.Cutoff(at("2024-02-01")), By: features.PerManager})
			return all.TargetAmount.Float()
		},
	},
	{
		table: "assessments", first: "id,account,item,value,scale,kind,at,recorded_at\nq1,b,trust,6,10,survey,2024-02-01,2024-02-01\nq1,b,trust,9,10,survey,2024-02-01,2024-03-10 12:00:00",
		before: 6, after: 9,
		told: func(t *testing.T, w clickhouse.Warehouse, r features.Request) float64 {
			t.Helper()
			all, err := clickhouse.Assessed(t.Context(), w, r)
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			return all[0].Value
		},
	},
	{ // the ready-made label of a cutoff, as known at the later one of its answer
		table: "outcomes", first: "account,cutoff,label,value\nb,2024-01-15,left,1", fixed: "account,cutoff,label,value,recorded_at\nb,2024-01-15,left,0,2024-03-10 12:00:00",
		before: 1, after: 0,
		told: func(t *testing.T, w clickhouse.Warehouse, r features.Request) float64 {
			t.Helper()
			o, err := clickhouse.Outcomes(t.Context(), w, features.LabelRequest{
				Rule: features.LabelRule{Label: features.ReadyMade, Outcome: "left", HorizonDays: 30}, Through: r.Cutoffs[0], Watermark: r.Watermark, KnownAt: r.KnownAt[0],
			}, rowsAt([]string{"b"}, "2024-01-15"))
			if err != nil {
				t.Fatal(err)
			}
			return o.Y[0]
		},
	},
	{
		table: "products", first: "product,name,valid_from,recorded_at\np1,6,2023-01-01,2023-01-01\np1,7,2023-01-01,2024-03-10 12:00:00",
		before: 6, after: 7,
		told: func(t *testing.T, w clickhouse.Warehouse, r features.Request) float64 {
			t.Helper()
			all, err := w.Products(t.Context(), r.Cutoffs[0], r.KnownAt[0], r.Watermark)
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			name, err := strconv.ParseFloat(all[0].Name, 64)
			if err != nil {
				t.Fatal(err)
			}
			return name
		},
	},
}

func TestCorrectionsAreSeenExactlyFromTheirRecordingOn(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("order_lines"), csv(t, "order_lines", `
account,order_id,line,product,amount,discount,ordered_at
a,o1,1,p1,100,5,2024-01-05
a,o2,1,p1,50,,2024-01-20
b,o3,1,p1,10,,2024-01-05
old,o4,1,p1,7,,2024-01-15
new,o5,1,p1,5,,2024-01-10
german,o6,1,p1,1,,2024-01-25`))
	loaded(t, w, into("interactions"), csv(t, "interactions", "id,account,at,kind\n1,a,2024-01-01,call\n9,b,2024-01-01,visit")) // somebody logs visits
	loaded(t, w, into("wallets"), csv(t, "wallets", "account,period,amount\na,2024-01-01,1000"))
	fix := func(table, rows string) features.LoadReport {
		t.Helper()
		r := into(table)
		r.Correct = true
		return loaded(t, w, r, csv(t, table, rows))
	}
	report := fix("order_lines", `
account,order_id,line,product,amount,discount,ordered_at,recorded_at
a,o1,1,p1,40,2,2024-01-05,2024-03-10 12:00:00
a,o2,1,p1,50,,2024-01-20,2024-01-20`)
	same1(t, "report", report, features.LoadReport{Table: "order_lines", Load: report.Load, Rows: 1, Unchanged: 1, Corrected: 1})
	fix("interactions", "id,account,at,kind,recorded_at\n1,a,2024-01-01,visit,2024-03-10 12:00:00")
	fix("wallets", "account,period,amount,recorded_at\na,2024-01-01,800,2024-03-10 12:00:00")

	asksFor := []string{"spend_365d", "returns_365d", "visits_90d", "wallet_declared"}
	proved := map[string]bool{"order_lines": true, "interactions": true, "wallets": true}
	var put []string
	for _, c := range corrections {
		if c.fixed == "" {
			insert(t, w, "imported_"+c.table, csv(t, c.table, c.first).table.Columns...)
			put = append(put, c.table)
		} else {
			loaded(t, w, into(c.table), csv(t, c.table, c.first))
			fix(c.table, c.fixed)
		}
		proved[c.table] = true
		asksFor = append(asksFor, c.feature)
	}
	execute(t, w, "INSERT INTO loads (load, `table`) SELECT 1, arrayJoin(['"+strings.Join(put, "', '")+"'])")
	for _, s := range features.Schemas() {
		// Rates are read by imports alone, and managers by the check of the data and a team's own files.
		if !proved[s.Name] && s.Name != "fx_rates" && s.Name != "managers" {
			t.Errorf("no correction of %s is looked at", s.Name)
		}
	}

	// One matrix of all tables: at a second each, what was known then, just before the corrections, and with them.
	const then, before, after = "2024-03-01 00:00:00", "2024-03-01 00:00:01", "2024-03-01 00:00:02"
	known := map[string]string{then: then, before: "2024-03-10 11:59:59", after: "2024-03-10 12:00:00"}
	asOf := func(cutoffs ...string) features.Request {
		r := request(cutoffs...)
		r.Watermark = 1000
		for i, c := range cutoffs {
			r.KnownAt[i] = frame.KnownAt(at(known[c]))
		}
		return r
	}
	only := func(names ...string) []features.Feature {
		return slices.DeleteFunc(features.Catalogue(), func(f features.Feature) bool { return !slices.Contains(names, f.Name) })
	}
	r := asOf(then, before, after)
	r.Catalogue = only(asksFor...)
	all := build(t.Context(), t, w, r)
	r = request("2024-04-01")
	r.Watermark, r.Catalogue = 3, only(asksFor[:4]...)
	three := build(t.Context(), t, w, r)
	for _, c := range []struct {
		matrix        *matrix
		cutoff        string
		spend, visits float64
		wallet        float64
	}{
		{all, then, 150, 0, 1000},
		{all, before, 150, 0, 1000},
		{all, after, 90, 1, 800},
		{three, "2024-04-01", 150, 0, 1000}, // the first three loads know nothing of corrections
	} {
		spend, visits, wallet := c.matrix.value(t, "a", c.cutoff, "spend_365d"), c.matrix.value(t, "a", c.cutoff, "visits_90d"), c.matrix.value(t, "a", c.cutoff, "wallet_declared")
		if spend != c.spend || visits != c.visits || wallet != c.wallet {
			t.Errorf("at %s: spend %v, visits %v, wallet %v; want %v, %v, %v", c.cutoff, spend, visits, wallet, c.spend, c.visits, c.wallet)
		}
		if returned := c.matrix.value(t, "a", c.cutoff, "returns_365d"); returned != 0 {
			t.Errorf("at %s: a correction counts as %v of returns", c.cutoff, returned)
		}
	}
	for _, c := range corrections {
		for cutoff, want := range map[string]float64{then: c.before, before: c.before, after: c.after} {
			var got float64
			if c.told != nil {
				got = c.told(t, w, asOf(cutoff))
			} else {
				got = all.value(t, c.account, cutoff, c.feature)
			}
			if got != want {
				t.Errorf("%s at %s, known %s: %s = %v, want %v", c.table, cutoff, known[cutoff], c.feature, got, want)
			}
		}
	}
	// Corrected again, without a recording time: known since it was loaded. What was known last is taken back, not the first value.
	start := time.Now().Unix()
	if r := fix("order_lines", "account,order_id,line,product,amount,discount,ordered_at\na,o1,1,p1,45,2,2024-01-05"); r.Corrected != 1 || r.Assumed != 0 {
		t.Errorf("corrected again: %+v", r)
	}
	got := answer(t, w, "SELECT toFloat64(sum(amount)), toFloat64(sum(amount_base)), toFloat64(sum(discount)), toInt64(max(toUnixTimestamp(recorded_at))) - "+fmt.Sprint(start)+" BETWEEN 0 AND 600 FROM order_lines WHERE order_id = 'o1'")
	same1(t, "sums of the corrected order", got, []string{"45 45 2 1"})
	r = asOf(after)
	r.Catalogue = only("spend_365d")
	if m := build(t.Context(), t, w, r); m.value(t, "a", after, "spend_365d") != 90 {
		t.Error("a correction without a recording time is seen before it was loaded")
	}
	// What is known now is no correction, what was known before is one.
	if r := fix("order_lines", "account,order_id,line,product,amount,discount,ordered_at\na,o1,1,p1,45,2,2024-01-05"); r.Rows != 0 || r.Unchanged != 1 {
		t.Errorf("the corrected value again: %+v", r)
	}
	if _, err := w.Load(t.Context(), into("order_lines"), csv(t, "order_lines", "account,order_id,line,product,amount,discount,ordered_at\na,o1,1,p1,100,5,2024-01-05"), nil); !errors.Is(err, features.ErrKnown) {
		t.Errorf("the first value again: %v", err)
	}
}

func TestAmountsAreConvertedByTheLastRateOfTheWeek(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("fx_rates"), csv(t, "fx_rates", `
currency,day,rate
USD,2024-01-05,0.9
USD,2024-01-08,1.1
JPY,2024-01-01,0.00625`))
	fix := into("fx_rates")
	fix.Correct = true
	loaded(t, w, fix, csv(t, "fx_rates", "currency,day,rate\nUSD,2024-01-05,0.91"))
	r := into("order_lines")
	r.Zone = "Asia/Tokyo"
	report := loaded(t, w, r, csv(t, "order_lines", `
account,order_id,amount,amount_base,currency,ordered_at
a,eur,7,,EUR,2023-06-01
a,none,8,,,2023-06-01
a,given,9,1.25,CHF,2023-06-01
a,d5,100,,USD,2024-01-05 10:00:00
a,d7,-100,,USD,2024-01-07 14:59:59
a,d8,100,,USD,2024-01-07 15:00:00
a,d15,0.0005,,USD,2024-01-15
a,yen,-12.3456,,JPY,2024-01-08`))
	if report.Rows != 8 {
		t.Errorf("report %+v", report)
	}
	// In Tokyo 2024-01-07 ends at 15:00 UTC. 0.0005 × 1.1 = 0.00055 → 0.0006; 12.3456 × 0.00625 = 0.07716 → 0.0772.
	same1(t, "amounts in base currency", answer(t, w, "SELECT order_id, amount_base FROM order_lines ORDER BY order_id"),
		[]string{"d15 0.0006", "d5 91", "d7 -91", "d8 110", "eur 7", "given 1.25", "none 8", "yen -0.0772"})
	for _, c := range []struct{ row, want string }{
		{"a,x,1,,USD,2024-01-16", "row 1 is in USD: no exchange rate from USD into EUR on 2024-01-16"},
		{"a,x,1,,USD,2024-01-04 14:00:00", "on 2024-01-04 or the 7 days before"},
		{"a,x,1,,GBP,2024-01-05", "from GBP into EUR"},
	} {
		if _, err := w.Load(t.Context(), r, csv(t, "order_lines", "account,order_id,amount,amount_base,currency,ordered_at\n"+c.row), nil); !errors.Is(err, clickhouse.ErrNoRate) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
	// New rates don't make conflicts of rows that are known.
	loaded(t, w, into("fx_rates"), csv(t, "fx_rates", "currency,day,rate\nUSD,2024-01-07,2"))
	if again := loaded(t, w, r, csv(t, "order_lines", "account,order_id,amount,currency,ordered_at\na,d8,100,USD,2024-01-07 15:00:00\na,d7,-100,USD,2024-01-07 14:59:59")); again.Unchanged != 2 {
		t.Errorf("known rows under new rates: %+v", again)
	}
}

func TestRowsThatCannotBeKeptAreRefusedByNumberAndColumn(t *testing.T) {
	w := migrated(t)
	for _, c := range []struct{ table, rows, want string }{
		{"order_lines", "account,order_id,amount,ordered_at\na,o,1,2024-01-01\na,o,1,2024-01-01\na,o,1,", `row 3, column "ordered_at": the value is missing`},
		{"order_lines", "account,order_id,ordered_at\na,o,2024-01-01", `row 1, column "amount": the value is missing`},
		{"order_lines", "account,order_id,amount,ordered_at\na,,1,2024-01-01", `row 1, column "order_id": the text is empty`},
		{"order_lines", "account,order_id,amount,ordered_at\n,o,1,2024-01-01", `column "account": the text is empty`},
		{"order_lines", "account,order_id,amount,ordered_at\na,o,1,1969-12-31 23:59:59", `1969-12-31T23:59:59Z lies outside`},
		{"order_lines", "account,order_id,amount,ordered_at\na,o,1,2106-02-08", `2106-02-08T00:00:00Z lies outside`},
		{"order_lines", "account,order_id,amount,ordered_at,recorded_at\na,o,1,2024-01-01,2200-01-01", `column "recorded_at": 2200`},
		{"order_lines", "account,order_id,amount,ordered_at\na,o,123456789012345,2024-01-01", `more than 18 digits`},
		{"fx_rates", "currency,day,rate\nUSD,2024-01-01,-1", `-1 is not above 0`},
		{"fx_rates", "currency,day,rate\nUSD,2024-01-01,NaN", `NaN is not above 0`},
	} {
		if _, err := w.Load(t.Context(), into(c.table), csv(t, c.table, c.rows), nil); !errors.Is(err, clickhouse.ErrBadRow) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
	if _, err := w.Load(t.Context(), into("nothing"), csv(t, "wallets", "account,period,amount\na,2024-01-01,1"), nil); !errors.Is(err, features.ErrBadRequest) {
		t.Errorf("an unknown table: %v", err)
	}
	if n := answer(t, w, "SELECT count() FROM loads"); n[0] != "0" {
		t.Errorf("refused rows made %s loads", n[0])
	}
	loaded(t, w, into("order_lines"), csv(t, "order_lines", orders)) // and the next load is clean
	if n := answer(t, w, "SELECT count() FROM imported_order_lines"); n[0] != "5" {
		t.Errorf("%s rows after the next load", n[0])
	}
}

// many are order lines enough for several inserts.
func many(n int) *given {
	g := &given{table: &frame.Table{}, size: 65_536}
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	g.table.Columns = []frame.Column{
		texts("account", index, func(i int) string { return fmt.Sprintf("a%06d", i/10) }),
		texts("order_id", index, func(i int) string { return strconv.Itoa(i / 2) }),
		numbers("amount", frame.Decimal, index, func(i int) int64 { return int64(i) }),
		numbers("ordered_at", frame.Time, index, func(i int) int64 { return at("2024-01-01") + int64(i) }),
	}
	return g
}

func TestALoadCutOffAtAnyStatementIsAbsentOrComplete(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("order_lines"), csv(t, "order_lines", orders))
	const visible = "SELECT count(), toFloat64(sum(amount)) FROM order_lines"
	const absent, complete = "5 64.5", "8 76.5" // a line of 20 becomes 25 by a reversal and the new value, and one of 7 comes
	correct := into("order_lines")
	correct.Correct, correct.Hash = true, func() string { return "corrected" }
	rows := func() *given {
		return csv(t, "order_lines", "account,order_id,product,amount,ordered_at\na,o1,p1,10,2024-01-05\na,o1,p2,25,2024-01-05\na,o1,p1,10,2024-01-05\nz,o9,p1,7,2024-05-05")
	}
	// Without its marker a load is as if it had never been committed.
	uncommit := func() {
		t.Helper()
		if err := w.Exec(t.Context(), "ALTER TABLE loads DELETE WHERE load > 1 SETTINGS mutations_sync = 2", nil); err != nil {
			t.Fatal(err)
		}
	}
	whole := &cutting{Engine: w.Engine}
	loaded(t, clickhouse.Warehouse{Engine: whole}, correct, rows())
	same1(t, "sums of the whole load", answer(t, w, visible), []string{complete})
	seen := map[string]int{}
	// Cut off before a statement is cut off after the one before it, so that one way is enough.
	step := 4
	if os.Getenv("FEALTY_TORTURE") == "1" {
		step = 1
	}
	cuts := 0
	for k := whole.count; k >= 1; k -= step {
		cuts++
		uncommit()
		_, err := clickhouse.Warehouse{Engine: &cutting{Engine: w.Engine, at: k, after: true}}.Load(t.Context(), correct, rows(), nil)
		if !errors.Is(err, errCut) {
			t.Fatalf("cut off at statement %d: %v", k, err)
		}
		got := answer(t, w, visible)[0]
		if seen[got]++; got != absent && got != complete {
			t.Errorf("cut off at statement %d, readers see %s", k, got)
		}
		report := loaded(t, w, correct, rows())
		if report.Already != (got == complete) {
			t.Errorf("loading again after a cut at statement %d: %+v", k, report)
		}
		if got := answer(t, w, visible)[0]; got != complete {
			t.Errorf("cut off at statement %d and loaded again, readers see %s", k, got)
		}
		if left := answer(t, w, "SELECT count() FROM imported_order_lines"); left[0] != "8" {
			t.Errorf("cut off at statement %d and loaded again, %s rows lie in the table", k, left[0])
		}
	}
	if whole.count < 15 || seen[absent] < cuts/2 || seen[complete] < 1 {
		t.Errorf("a load of %d statements was seen %v", whole.count, seen)
	}
}

func TestAStreamThatBreaksLeavesNothing(t *testing.T) {
	w := migrated(t)
	broken := many(300_000)
	broken.err = errors.New("line 300,002: too many columns")
	if _, err := w.Load(t.Context(), into("order_lines"), broken, nil); !errors.Is(err, broken.err) {
		t.Errorf("a broken stream: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := w.Load(ctx, into("order_lines"), many(600_000), func(int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled load: %v", err)
	}
	if n := answer(t, w, "SELECT count() FROM order_lines"); n[0] != "0" {
		t.Errorf("readers see %s rows", n[0])
	}
	if r := loaded(t, w, into("order_lines"), many(300_000)); r.Rows != 300_000 {
		t.Errorf("the next load: %+v", r)
	}
	// 0 + 1 + … + 299,999 ten-thousandths.
	if n := answer(t, w, "SELECT count(), toFloat64(sum(amount) * 10000), max(line) FROM order_lines"); n[0] != "300000 4.499985e+10 2" {
		t.Errorf("rows, sum and greatest line: %s", n[0])
	}
	if n := answer(t, w, "SELECT uniqExact(load) FROM imported_order_lines"); n[0] != "1" {
		t.Errorf("%s loads lie in the table", n[0])
	}
}

// loadingChild makes the test program load rows and be killed.
const loadingChild = "FEALTY_TEST_LOAD_INTO"

// loadAndBeKilled turns the test program into that child when it is one.
func loadAndBeKilled() {
	dir := os.Getenv(loadingChild)
	if dir == "" {
		return
	}
	ctx := context.Background()
	e, err := clickhouse.Open(ctx, "chdb://"+dir, clickhouse.Limits{})
	if err == nil {
		_, _ = fmt.Fprintln(os.Stdout, "begun")
		r := into("order_lines")
		r.Hash = func() string { return "big" }
		_, err = clickhouse.Warehouse{Engine: e}.Load(ctx, r, many(killedRows()), nil)
	}
	_, _ = fmt.Fprintln(os.Stdout, "ended", err)
	os.Exit(0)
}

func killedRows() int {
	if os.Getenv("FEALTY_TORTURE") == "1" {
		return 3_000_000
	}
	return 400_000
}

// A process killed by SIGKILL in the middle of a load leaves the load absent or
// complete, and loading again completes it.
func TestAKilledLoadIsAbsentOrComplete(t *testing.T) {
	dir := t.TempDir()
	w := opened(t, dir)
	if err := w.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, w)
	kills := 3
	if os.Getenv("FEALTY_TORTURE") == "1" {
		kills = 50
	}
	rows, chance := killedRows(), rand.New(rand.NewPCG(1, 2))
	longest := time.Duration(rows) * 1800 * time.Nanosecond // about what opening the stream to its commit takes
	for k := range kills {
		child := launch.Again(t, loadingChild+"="+dir, "begun")
		wait := time.Duration(chance.Int64N(int64(longest)))
		time.Sleep(wait)
		_ = child.Process.Kill() // it may have ended
		_ = child.Wait()
		e, err := clickhouse.Open(t.Context(), "chdb://"+dir, clickhouse.Limits{})
		if err != nil {
			t.Fatalf("open after kill %d: %v", k, err)
		}
		got := answer(t, e, "SELECT count() FROM order_lines")[0]
		t.Logf("killed after %s: %s rows to see", wait.Round(time.Millisecond), got)
		if got != "0" && got != strconv.Itoa(rows) {
			t.Errorf("killed after %s, readers see %s rows", wait, got)
		}
		if k == kills-1 {
			r := into("order_lines")
			r.Hash = func() string { return "big" }
			report := loaded(t, clickhouse.Warehouse{Engine: e}, r, many(rows))
			if got := answer(t, e, "SELECT count() FROM order_lines")[0]; got != strconv.Itoa(rows) || !report.Already && report.Rows != int64(rows) {
				t.Errorf("loading again: %+v, %s rows", report, got)
			}
			if got := answer(t, e, "SELECT count() FROM imported_order_lines")[0]; got != strconv.Itoa(rows) {
				t.Errorf("%s rows lie in the table, want %d", got, rows)
			}
		}
		// The next kill finds the load as if it had never been committed.
		if err := e.Exec(t.Context(), "TRUNCATE TABLE loads", nil); err != nil {
			t.Fatal(err)
		}
		closeEngine(t, e)
	}
}

// Every field of a row but its recording time makes the row another one: a key
// field another key, any other field other values.
func TestEveryFieldCountsWhenRowsAreCompared(t *testing.T) {
	w := migrated(t)
	for _, schema := range features.Schemas() {
		for k := -1; k < len(schema.Fields); k++ {
			row := &frame.Table{}
			for i, f := range schema.Fields {
				c := frame.Column{Meta: frame.Meta{Name: f.Name}, Kind: f.Kind}
				changed := int64(0)
				if i == k {
					changed = 1
				}
				switch f.Kind {
				case frame.Text:
					c.Texts = []string{fmt.Sprint("t", changed)}
				case frame.Number:
					c.Numbers = []float64{float64(changed)}
				default:
					c.Integers = []int64{changed}
				}
				row.Columns = append(row.Columns, c)
			}
			row.Columns = append(row.Columns,
				frame.Column{Meta: frame.Meta{Name: "load"}, Kind: frame.Integer, Integers: []int64{int64(k + 1)}},
				frame.Column{Meta: frame.Meta{Name: "source"}, Kind: frame.Text, Texts: []string{"s"}})
			if err := w.Insert(t.Context(), "imported_"+schema.Name, row); err != nil {
				t.Fatal(err)
			}
		}
		got := answer(t, w, "SELECT k.load, k.row_key != z.row_key, k.row_values != z.row_values, k.row_given != z.row_given FROM (SELECT load, row_key, row_values, row_given FROM imported_"+schema.Name+
			") AS k CROSS JOIN (SELECT row_key, row_values, row_given FROM imported_"+schema.Name+" WHERE load = 0) AS z WHERE k.load > 0 ORDER BY k.load")
		for i, f := range schema.Fields {
			want := "0 1 1" // key, values, values with the amount in base currency
			switch {
			case f.Name == features.RecordedAt:
				want = "0 0 0"
			case f.Name == "amount_base":
				want = "0 0 1"
			case f.Key || schema.Versioned && f.Name == "valid_from":
				want = "1 0 0"
			}
			if got[i] != fmt.Sprint(i+1, " ", want) {
				t.Errorf("%s.%s changes key, values, given values: %s, want %s", schema.Name, f.Name, got[i], want)
			}
		}
	}
}

// retail is Online Retail I as protocol T reads it, or skips.
func retail(t testing.TB) files.Options {
	t.Helper()
	root := os.Getenv("FEALTY_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(root, "online-retail-1", "online_retail.csv.gz")
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("Online Retail I is absent, and CI must have it: set FEALTY_DATA")
		}
		t.Skip("SKIPPED: Online Retail I is absent; set FEALTY_DATA to the folder of the public data sets")
	}
	schema, _ := features.Schema("order_lines")
	return files.Options{
		Inputs: files.FromPaths(path), Table: schema,
		Map: []string{
			"account=integer(CustomerID)", "order_id=InvoiceNo", "product=StockCode", "quantity=Quantity",
			"amount=Quantity*UnitPrice", "currency='GBP'", "ordered_at=InvoiceDate",
		},
		Where: []string{"match(StockCode,'^[0-9]{5}') and not prefix(InvoiceNo,'C') and Quantity > 0 and UnitPrice > 0"},
		Null:  []string{"account=skip"},
	}
}

// The check sums are those of the refs page, protocol T.
func TestOnlineRetailIsLoadedWithItsCheckSums(t *testing.T) {
	w := migrated(t)
	load := func() features.LoadReport {
		rows, err := files.Open(t.Context(), retail(t))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := rows.Close(); err != nil {
				t.Error(err)
			}
		}()
		return loaded(t, w, features.LoadRequest{Table: "order_lines", Hash: rows.ContentHash, BaseCurrency: "GBP", Zone: "UTC"}, rows)
	}
	first := load()
	const sums = "SELECT uniqExact(account, toDate(ordered_at, 'UTC')), uniqExact(account), toFloat64(sum(amount_base)), count() FROM order_lines"
	want := []string{fmt.Sprint("16678 4334 8.76106665e+06 ", first.Rows)}
	same1(t, "customer-days, customers, turnover, lines", answer(t, w, sums), want)
	again := load()
	if !again.Already || again.Load != first.Load {
		t.Errorf("loading the file again: %+v", again)
	}
	same1(t, "sums after loading the file again", answer(t, w, sums), want)
}
