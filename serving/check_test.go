package serving_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/files"
	"fealty/serving"
)

// shop is a warehouse with 700 customers in tables of their own, mapped in
// place: each orders every 25 days by day, a third of them for 200 days, the
// others for 370. Nothing is wrong with it.
type shop struct {
	clickhouse.Warehouse
	t       *testing.T
	sources []features.MappedSource
	checker serving.Checker
}

// shopNow is ten days after the last order.
var shopNow = time.Date(2024, 12, 21, 12, 0, 0, 0, time.UTC)

func newShop(t *testing.T) *shop {
	t.Helper()
	launch.Library(t) // skips, or fails in CI
	e, err := clickhouse.Open(t.Context(), "chdb://"+t.TempDir(), clickhouse.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &shop{Warehouse: clickhouse.Warehouse{Engine: e}, t: t}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.do("CREATE DATABASE shop")
	s.reset()
	settings := serving.DefaultSettings()
	settings.Label.HorizonDays = 60
	s.checker = serving.Checker{Facts: s.Warehouse, Inspector: s.Warehouse, Settings: settings, Now: func() time.Time { return shopNow }}
	return s
}

func (s *shop) do(statements ...string) {
	s.t.Helper()
	for _, sql := range statements {
		if err := s.Exec(s.t.Context(), sql, nil); err != nil {
			s.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// reset makes the tables and their mapping anew.
func (s *shop) reset() {
	s.t.Helper()
	const customer = "concat('c', leftPad(toString(number % 700), 4, '0'))"
	s.do(
		"CREATE OR REPLACE TABLE shop.lines (cust String, nr String, line Int64, product String, category String, net Decimal(18, 4), eur Nullable(Decimal(18, 4)), cost Nullable(Decimal(18, 4)), rebate Nullable(Decimal(18, 4)), cur String, at DateTime64(0, 'UTC'), known DateTime('UTC')) ENGINE = MergeTree ORDER BY cust",
		"INSERT INTO shop.lines SELECT "+customer+" AS cust, toString(number), 1, 'p', 'k', 10, 10, 6, 1, 'EUR', "+
			"toDateTime64('2024-01-02 09:00:00', 0, 'UTC') + toIntervalDay(25 * intDiv(number, 700) + number % 20) + toIntervalHour(number % 8) AS at, at + INTERVAL 1 HOUR "+
			"FROM numbers(700 * 14) WHERE number % 700 % 3 > 0 OR intDiv(number, 700) < 8",
		"CREATE OR REPLACE TABLE shop.customers (cust String, name String, since Nullable(Date), known DateTime('UTC')) ENGINE = MergeTree ORDER BY cust",
		"INSERT INTO shop.customers SELECT "+customer+", 'n', '2023-01-01', '2023-01-02 10:00:00' FROM numbers(700)",
		"CREATE OR REPLACE TABLE shop.calls (cust String, nr String, at DateTime('UTC'), known DateTime('UTC')) ENGINE = MergeTree ORDER BY cust",
		"INSERT INTO shop.calls SELECT "+customer+", toString(number), toDateTime('2024-03-01 10:00:00', 'UTC'), toDateTime('2024-03-02 10:00:00', 'UTC') FROM numbers(300)",
		"CREATE OR REPLACE TABLE shop.terms (cust String, nr String, since Date, known DateTime('UTC')) ENGINE = MergeTree ORDER BY cust",
		"INSERT INTO shop.terms SELECT "+customer+", toString(number), '2024-03-01', '2024-03-02 10:00:00' FROM numbers(300)",
		"CREATE OR REPLACE TABLE shop.budgets (cust String, since Date, amount Decimal(10, 2), known DateTime('UTC')) ENGINE = MergeTree ORDER BY cust",
		"INSERT INTO shop.budgets SELECT "+customer+", '2024-03-01', 1000, '2024-03-02 10:00:00' FROM numbers(300)")
	s.sources = []features.MappedSource{
		{Name: "shop", Table: "order_lines", From: "shop.lines", Columns: map[string]string{
			"account": "cust", "order_id": "nr", "line": "line", "product": "product", "category": "category", "amount": "net", "amount_base": "eur",
			"cost": "cost", "discount": "rebate", "currency": "cur", "ordered_at": "at", "recorded_at": "known",
		}},
		{Name: "shop", Table: "accounts", From: "shop.customers", Columns: map[string]string{"account": "cust", "name": "name", "valid_from": "since", "recorded_at": "known"}},
		{Name: "shop", Table: "interactions", From: "shop.calls", Columns: map[string]string{"account": "cust", "id": "nr", "at": "at", "kind": "'call'", "recorded_at": "known"}},
		{Name: "shop", Table: "contracts", From: "shop.terms", Columns: map[string]string{"account": "cust", "id": "nr", "start": "since", "recorded_at": "known"}},
		{Name: "shop", Table: "wallets", From: "shop.budgets", Columns: map[string]string{"account": "cust", "period": "since", "amount": "amount", "recorded_at": "known"}},
	}
}

// record loads the tables of the shared record, with one fault of each kind.
func (s *shop) record() {
	s.t.Helper()
	for table, csv := range map[string]string{
		"interactions": "id,account,at,kind,ref,person\n" +
			"k1,c0001,2024-05-01,complaint,,\nk2,c0001,2024-05-03,complaint_resolved,k1,\nk3,c0001,2024-05-03,complaint_resolved,k9,\nk4,c0001,2024-05-04,visit,,nobody\nk5,c0001,2024-05-05,referral,c9999,\nk6,c0001,2024-05-05,promise_kept,k1,\nk7,c0001,2024-05-05,Fax,,\n",
		"people":        "id,account,name,role,since,until\np1,c0001,,buyer,2024-05-01,2024-04-01\np2,c0001,Li Wei,Buyer,2024-01-01,\np3,c0001,Li Wei,buyer,2024-03-01,\np4,c0001,Li Wei,boss,2024-03-01,\n",
		"invoices":      "id,account,issued_at,due_at,amount,order_id\ni1,c0001,2024-05-01,2024-06-01,10,1\ni2,c0001,2024-05-01,2024-04-01,10,\ni3,c0001,2024-05-01,2024-06-01,10,none\n",
		"payments":      "id,account,invoice,paid_at,amount\nz1,c0001,i1,2024-05-20,10\nz2,c0001,i7,2024-05-20,10\nz4,c0002,i1,2024-05-20,10\nz5,c0001,i1,2024-04-20,1\n",
		"managers":      "manager,lead,valid_from,valid_to\nm1,m9,2024-01-01,2024-05-02\nm1,m9,2024-05-01,\nm1,m9,2024-06-01,2024-06-01\n",
		"touches":       "id,account,at,campaign,answered_at\nt1,c0001,2024-05-02,spring,2024-05-01\n",
		"wallets":       "account,category,period,amount\nc0001,,2024-05-01,5\nc0001,k,2024-05-01,900\n",
		"contracts":     "id,account,product,start,end\nv1,c0001,hosting,2024-01-01,2024-12-31\nv2,c0001,hosting,2024-06-01,\n",
		"targets":       "manager,period,amount\nm1,2024-05-01,10\nm2,2024-05-01,10\n",
		"consents":      "account,channel,purpose,given_at,withdrawn_at\nc0001,email,news,2024-05-01,2024-06-01\nc0001,email,news,2024-05-20,\nc0002,email,news,2024-05-01,2024-04-01\n",
		"account_links": "account,other,kind,since,until\nc0001,c0002,sister,2024-05-01,2024-04-01\nc0001,c0002,sister,2024-03-01,2024-06-01\nc0003,nobody,Related,2024-05-01,\n",
		"pauses": "account,start,end,kind\nc0001,2024-05-01,2024-06-01,season\nc0001,2024-05-20,2024-06-01,shutdown\nc0001,2024-06-01,2024-06-10,season\n" +
			"c0002,2024-05-01,,agreed\nc0003,2024-05-01,2024-04-01,agreed\n",
		"holidays": "country,day,name\nDE,2024-05-01,Tag der Arbeit\nGermany,2024-05-01,Tag der Arbeit\nUK,2024-05-06,Early May\n",
	} {
		schema, _ := features.Schema(table)
		rows, err := files.Open(s.t.Context(), files.Options{Table: schema, Inputs: []files.Input{{
			Name: table + ".csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil },
		}}})
		if err != nil {
			s.t.Fatal(err)
		}
		_, err = s.Load(s.t.Context(), features.LoadRequest{Table: table, Source: "desk", BaseCurrency: "EUR", Zone: "UTC"}, rows, nil)
		if err = errors.Join(err, rows.Close()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// lines is the source of the order lines.
func (s *shop) lines() *features.MappedSource { return &s.sources[0] }

// check maps the sources and checks them.
func (s *shop) check(r serving.CheckRequest) serving.CheckResult {
	s.t.Helper()
	if err := s.MapSources(s.t.Context(), s.sources); err != nil {
		s.t.Fatal(err)
	}
	return s.look(r)
}

// look checks the sources as they were mapped before.
func (s *shop) look(r serving.CheckRequest) serving.CheckResult {
	s.t.Helper()
	c := s.checker
	c.Sources = s.sources
	result, err := c.Check(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range result.Findings {
		if f.Now == "" || f.Needed == "" || f.Detail == "" || f.Phase == "" || f.Table == "" {
			s.t.Errorf("a finding that doesn't say enough: %+v", f)
		}
	}
	return result
}

// brief writes a finding in one line.
func brief(f serving.Finding) string {
	return fmt.Sprintf("%s %s %s.%s: %s", f.Severity, f.Check, f.Table, f.Column, f.Now)
}

func briefs(r serving.CheckResult) []string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, brief(f))
	}
	return all
}

func TestCheckIsQuietAboutCleanFactsAndNamesEachPlantedFault(t *testing.T) {
	s := newShop(t)
	clean := s.check(serving.CheckRequest{})
	if len(clean.Findings) > 0 || clean.Rung != serving.CheckBoosting || clean.Eligible != 700 || clean.Stayed+clean.Left != 700 || clean.Left != 234 {
		t.Errorf("clean facts: rung %s (%s), %d eligible, %d + %d, findings\n%s", clean.Rung, clean.Why, clean.Eligible, clean.Stayed, clean.Left, strings.Join(briefs(clean), "\n"))
	}
	// Lines at 9 … 16 o'clock, and from Monday to Sunday.
	if clean.Hours[8] != 0 || clean.Hours[9] == 0 || clean.Hours[16] == 0 || clean.Hours[17] != 0 || slices.Contains(clean.Weekdays[:], 0) {
		t.Errorf("lines by hour %v and weekday %v", clean.Hours, clean.Weekdays)
	}
	const some = "SELECT * REPLACE (%s) FROM (SELECT * FROM shop.lines WHERE cust = 'c0001' AND nr = '1')"
	for _, c := range []struct {
		name  string
		plant func()
		want  []string
	}{
		{"values", func() {
			for _, change := range []string{
				"'' AS nr", "'' AS cust", "toDateTime64('2200-01-01 00:00:00', 0, 'UTC') AS at, 'far' AS nr", "'c9999' AS cust, 'new' AS nr", "'USD' AS cur, NULL AS eur, 'usd' AS nr",
				"'again' AS nr", "'again' AS nr", "'later' AS nr, toDateTime64('2026-01-01 00:00:00', 0, 'UTC') AS at",
			} {
				s.do("INSERT INTO shop.lines " + fmt.Sprintf(some, change))
			}
			s.checker.Settings.DataThrough = through // otherwise the order of 2026 moves everything
		}, []string{
			"error currencies order_lines.amount_base: 1 of 1 order line (100 %) of source shop in USD have no amount in EUR: c0001/usd",
			"warning duplicate_rows order_lines.line: 1 of 8401 rows (0.01 %) of source shop repeat another row: c0001/again/1",
			"warning future_rows order_lines.ordered_at: 1 of 8401 rows (0.01 %) of source shop lie in the future: c0001/later/1",
			"warning missing_values order_lines.account: 1 of 8404 rows (0.01 %) of source shop have none, and are not read",
			"warning missing_values order_lines.order_id: 1 of 8404 rows (0.01 %) of source shop have none, and are not read",
			"warning unknown_accounts order_lines.account: 1 of 701 accounts (0.14 %) are not in accounts: c9999",
			"warning unusable_values order_lines.ordered_at: 1 of 8404 rows (0.01 %) of source shop have a value that can't be held, and read as missing",
		}},
		{"future without data_through", func() {
			s.do("INSERT INTO shop.lines " + fmt.Sprintf(some, "'later' AS nr, toDateTime64('2025-02-01 12:00:00', 0, 'UTC') AS at"))
		}, []string{
			"error future_rows order_lines.ordered_at: 1 of 8397 rows (0.01 %) of source shop lie in the future",
			"warning accounts order_lines.account: 466 accounts of 700 can be scored (234 lapsed, 0 never bought)", // data_through moved with it
		}},
		{"habits", func() {
			// A shop of the Pacific whose times were taken for UTC, whose sign is turned round and whose key is the order.
			s.do("CREATE OR REPLACE TABLE shop.other AS shop.lines ENGINE = MergeTree ORDER BY nr",
				"INSERT INTO shop.other SELECT * REPLACE (at + INTERVAL 13 HOUR AS at, -net AS net, -eur AS eur, '' AS category, at + INTERVAL 13 HOUR AS known) FROM shop.lines",
				"INSERT INTO shop.customers SELECT 'c0001', 'x', NULL, '2023-01-02 10:00:00'")
			s.lines().From = "shop.other"
			s.sources = s.sources[:2]
		}, []string{
			"error accounts order_lines.account: 0 accounts of 700 can be scored (0 lapsed, 700 never bought)",
			"error classes order_lines.: 0 stayed and 0 left as of ",
			"error returns_above_sales order_lines.amount: returns of 83960 against sales of 0 of source shop",
			"warning night_orders order_lines.ordered_at: 8396 of 8396 order lines (100 %) fall between 22:00 and 06:00 in UTC",
			"warning no_date accounts.valid_from: 1 of 701 accounts (0.14 %) of source shop have no date since when they stand there: c0001",
			"advice assumed_recorded_at order_lines.recorded_at: 8396 of 8396 rows (100 %) of source shop are taken to be known at once",
			"advice optional_table contracts.: no rows",
			"advice optional_table interactions.: no rows",
			"advice optional_table wallets.: no rows",
			"advice optional_values order_lines.category: 8396 of 8396 order lines (100 %) have none",
			"advice sorting_key order_lines.account: shop.other is sorted by nr of source shop",
		}},
		{"days only, twice", func() {
			s.lines().Columns["ordered_at"] = "toDate(at)"
			again := *s.lines()
			again.Name, again.Where = "again", "nr = '1'"
			s.sources = append(s.sources, again)
		}, []string{
			"error orders_twice order_lines.order_id: 1 of 8396 orders (0.01 %) stand in several sources: c0001/1",
			"advice no_time_of_day order_lines.ordered_at: 1 of 8397 order lines (0.01 %) are those of source again, which knows days only",
			"advice no_time_of_day order_lines.ordered_at: 8396 of 8397 order lines (99.99 %) are those of source shop, which knows days only",
		}},
		{"mostly missing", func() {
			s.do("CREATE OR REPLACE TABLE shop.other AS shop.lines ENGINE = MergeTree ORDER BY cust",
				"INSERT INTO shop.other SELECT * REPLACE (if(cityHash64(nr) % 4 = 0, '', nr) AS nr) FROM shop.lines")
			s.lines().From = "shop.other"
		}, []string{"error missing_values order_lines.order_id: "}},
		{"few", func() { s.lines().Where = "cust < 'c0150'" }, []string{
			"warning accounts order_lines.account: 150 accounts of 700 can be scored (0 lapsed, 550 never bought)",
			"warning classes order_lines.: 100 stayed and 50 left as of ",
		}},
		{"very few", func() { s.lines().Where = "cust < 'c0040'" }, []string{
			"warning accounts order_lines.account: 40 accounts of 700 can be scored (0 lapsed, 660 never bought)",
			"warning classes order_lines.: 26 stayed and 14 left as of ",
		}},
		{"one class", func() { s.lines().Where = "at < toDateTime('2024-07-01 00:00:00', 'UTC')" }, []string{
			"error classes order_lines.: 700 stayed and 0 left as of ",
		}},
		{"short", func() { s.lines().Where = "at < toDateTime('2024-04-01 00:00:00', 'UTC')" }, []string{
			"error history order_lines.ordered_at: 89 days of orders before 2024-03-30",
			"error labels order_lines.ordered_at: no cutoff has a final label with 60 days of orders before it",
		}},
		{"old", func() { s.checker.Settings.DataThrough = through + 45*86400 }, []string{
			"error fresh_orders order_lines.ordered_at: the newest order is 44 days older than the as-of date 2025-01-24",
			"warning accounts order_lines.account: 466 accounts of 700 can be scored (234 lapsed, 0 never bought)",
		}},
		{"another currency", func() {
			s.lines().Columns["amount_base"], s.lines().Columns["currency"], s.lines().Currency = "", "", "USD"
		}, []string{
			"error currencies order_lines.amount_base: source shop declares USD",
		}},
		{"round", func() { // which stops what is built of groups, and nothing else
			s.sources[1].Columns["parent"] = "if(cust = 'c0020', 'c0021', if(cust = 'c0021', 'c0020', ''))"
		}, []string{
			`error parents_in_a_cycle accounts.parent: links in a cycle: accounts "c0020" → "c0021" → "c0020": correct one of the parents (accounts), or`,
		}},
		{"contracts needed", func() {
			s.checker.Settings.Label.Label, s.checker.Settings.Label.GraceDays = features.Contractual, 0
			s.sources = slices.Delete(s.sources, 3, 4)
		}, []string{"error classes order_lines.: 0 stayed and 0 left as of ", "error contracts contracts.: no rows"}},
	} {
		before := s.checker
		s.reset()
		c.plant()
		result := s.check(serving.CheckRequest{})
		got := briefs(result)
		if len(got) != len(c.want) {
			t.Errorf("%s: %d findings, want %d:\n%s", c.name, len(got), len(c.want), strings.Join(got, "\n"))
		}
		for _, want := range c.want {
			if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, want) }) {
				t.Errorf("%s: no finding %q in\n%s", c.name, want, strings.Join(got, "\n"))
			}
		}
		rung := map[string]string{"few": "logistic", "old": "logistic", "future without data_through": "logistic", "very few": "rule", "one class": "none", "short": "none", "habits": "none", "contracts needed": "none"}[c.name]
		if rung == "" {
			rung = "boosting"
		}
		if result.Rung != rung || result.Why == "" {
			t.Errorf("%s: rung %s (%s), want %s", c.name, result.Rung, result.Why, rung)
		}
		s.checker = before
	}
}

func TestCheckNamesWhatTheSharedRecordContradicts(t *testing.T) {
	s := newShop(t)
	s.record()
	// An import converts what it takes, or refuses it; a mapped source may do neither.
	s.do("INSERT INTO imported_payments (id, account, invoice, paid_at, amount, currency, recorded_at, load, source) SELECT 'z3', 'c0001', 'i3', toDateTime('2024-05-20 00:00:00', 'UTC') AS at, 10, 'USD', at, load, 'desk' FROM loads WHERE `table` = 'payments'")
	got := briefs(s.check(serving.CheckRequest{}))
	want := []string{
		"warning ends_before_it_begins account_links.until: 1 of 3 rows (33 %) have until before they begin: c0001/c0002/sister/2024-05-01",
		"warning ends_before_it_begins consents.withdrawn_at: 1 of 3 rows (33 %) have withdrawn_at before they begin: c0002/email/news/2024-05-01",
		"warning ends_before_it_begins invoices.due_at: 1 of 3 rows (33 %) have due_at before they begin: i2",
		"warning ends_before_it_begins managers.valid_to: 1 of 3 rows (33 %) have valid_to no later than they begin: m1/2024-06-01",
		"warning ends_before_it_begins pauses.end: 1 of 5 rows (20 %) have end before they begin: c0003/2024-05-01",
		"warning ends_before_it_begins people.until: 1 of 4 rows (25 %) have until before they begin: p1",
		"warning lost_references account_links.other: 1 of 3 rows (33 %) of source desk have no such account: c0003 → nobody",
		"warning lost_references interactions.person: 1 of 1 row (100 %) of source desk have no such person: k4 → nobody",
		"warning lost_references interactions.ref: 1 of 2 rows (50 %) of source desk have no such complaint: k3 → k9",
		"warning lost_references payments.invoice: 1 of 5 rows (20 %) of source desk have no such invoice: z2 → i7",
		"warning lost_references targets.manager: 1 of 2 rows (50 %) of source desk have no such manager: 2024-05-01 → m2",
		"warning overlapping_validity account_links.since: 1 of 3 rows (33 %) begin before an earlier one of the same thing has ended: c0001/c0002/sister/2024-05-01",
		"warning overlapping_validity consents.given_at: 1 of 3 rows (33 %) begin before an earlier one of the same thing has ended: c0001/email/news/2024-05-20",
		"warning overlapping_validity managers.valid_from: 1 of 3 rows (33 %) begin before an earlier one of the same thing has ended: m1/2024-05-01",
		"warning overlapping_validity pauses.start: 1 of 5 rows (20 %) begin before an earlier one of the same thing has ended: c0001/2024-05-20",
		`warning unknown_country holidays.country: 1 row of source desk saying "Germany", which is no country: 2024-05-01`,
		`warning unknown_country holidays.country: 1 row of source desk saying "UK", which is no country: 2024-05-06`,
		"error currencies payments.amount_base: 1 of 1 payment (100 %) of source desk in USD have no amount in EUR: z3",
		"error unsettled_payments payments.amount_base: 1 of 4 payments (25 %) of source desk are in another currency than their invoice, and one of the two has no amount in EUR: z3",
		"warning ends_before_it_begins touches.answered_at: 1 of 1 row (100 %) have answered_at before they begin: t1",
		"warning overlapping_validity people.since: 1 of 3 rows (33 %) begin before an earlier one of the same thing has ended: p3/2024-03-01",
		"warning payments_of_others payments.account: 1 of 4 payments (25 %) of source desk name an invoice of another account: z4",
		`warning unknown_words people.role: 1 of 4 rows (25 %) say what nobody reads: "boss" (1)`,
		"warning wallets_below_spend wallets.amount: 1 of 301 declared wallets (0.33 %) are below what the account spent here in the last year: c0001",
		"advice lost_references interactions.ref: 1 of 1 row (100 %) of source desk have no such account: k5 → c9999",
		"advice lost_references interactions.ref: 1 of 1 row (100 %) of source desk have no such promise: k6 → k1",
		"advice lost_references invoices.order_id: 1 of 2 rows (50 %) of source desk have no such order: i3 → none",
		"advice lost_references managers.lead: 3 of 3 rows (100 %) of source desk have no such manager: m1 → m9",
		"advice overlapping_validity contracts.start: 1 of 2 rows (50 %) begin before an earlier one of the same thing has ended: v2/2024-06-01",
		"advice payments_before_invoice payments.paid_at: 1 of 4 payments (25 %) of source desk came before their invoice was issued: z5",
		`advice unknown_words interactions.kind: 1 of 307 rows (0.33 %) say what nobody reads: "fax" (1)`,
		`warning unknown_link_kind account_links.kind: 1 row of kind "related": c0003/nobody`,
		"advice holidays_of_nobody holidays.country: 1 holiday of \"DE\", where no account is", // also when no account has a country
		"advice holidays_of_nobody holidays.country: 1 holiday of \"Germany\", where no account is",
		"advice holidays_of_nobody holidays.country: 1 holiday of \"UK\", where no account is",
		"advice pause_without_end pauses.end: 1 of 5 pauses (20 %) have no end: c0002/2024-05-01",
	}
	for _, t := range []string{"account_links", "consents", "interactions", "invoices", "managers", "pauses", "payments", "people", "wallets", "contracts"} {
		want = append(want, "advice assumed_recorded_at "+t+".recorded_at: ")
	}
	if len(got) != len(want) {
		t.Errorf("%d findings, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, w) }) {
			t.Errorf("no finding %q in\n%s", w, strings.Join(got, "\n"))
		}
	}

	s.do("INSERT INTO imported_account_links (account, other, kind, since, recorded_at, load, source) SELECT ['c0010', 'c0011'][number] AS account, ['c0010', 'c0011'][3 - number], 'merged', " +
		"toDateTime('2024-02-01 00:00:00', 'UTC') AS since, since, (SELECT load FROM loads WHERE `table` = 'account_links'), 'desk' FROM numbers(1, 2)")
	cycle := s.check(serving.CheckRequest{})
	if got := briefs(cycle); cycle.Rung != serving.CheckNone || !slices.ContainsFunc(got, func(g string) bool {
		return strings.HasPrefix(g, `error links_in_a_cycle account_links.other: links in a cycle: accounts "c0010" → "c0011" → "c0010"`)
	}) {
		t.Errorf("a cycle of links: rung %s, not among %q", cycle.Rung, got)
	}
}

// through is 2024-12-11, the day of a shop's newest order, whose beginning ends
// what is complete.
const through = 1_733_875_200

func TestCheckSaysWhatBecameOfASource(t *testing.T) {
	s := newShop(t)
	if r := s.check(serving.CheckRequest{}); len(r.Findings) > 0 {
		t.Fatal(briefs(r))
	}
	s.do("ALTER TABLE shop.lines MODIFY COLUMN net Float64")
	if diff := cmp.Diff([]string{"warning schema_drift order_lines.amount: source shop: net was Decimal(18, 4) and is Float64"}, briefs(s.look(serving.CheckRequest{}))); diff != "" {
		t.Errorf("a type that changed (-want +got):\n%s", diff)
	}
	s.lines().Columns["amount"] = "round(net, 2)" // looked at anew
	if r := s.check(serving.CheckRequest{}); len(r.Findings) > 0 {
		t.Errorf("after the mapping was changed: %q", briefs(r))
	}
	s.do("ALTER TABLE shop.lines RENAME COLUMN rebate TO rebat")
	r := s.look(serving.CheckRequest{})
	if got := briefs(r); len(got) != 1 || got[0] != "error unreadable_source order_lines.: source shop can't be read" || r.Rung != serving.CheckNone ||
		!strings.Contains(r.Findings[0].Detail, `there is no column "rebate"; there are rebat,`) {
		t.Errorf("a column that is gone: rung %s, %q", r.Rung, r.Findings)
	}
}

func TestCheckOfAnEmptyWarehouse(t *testing.T) {
	s := newShop(t)
	s.sources = nil
	r := s.check(serving.CheckRequest{})
	if got := briefs(r); len(got) != 1 || got[0] != "error orders order_lines.: no order lines" || r.Rung != serving.CheckNone || r.Cutoff != "" {
		t.Errorf("%+v", r)
	}
	// The operation speaks the words of the report.
	raw, err := serving.NewOperations(nil, s.checker.Operation()).Run(t.Context(), serving.Call{Operation: serving.OpCheck})
	if err != nil || !strings.Contains(string(raw), `"findings":[{"check":"orders","phase":"train","severity":"error","table":"order_lines","column":"","now":"no order lines","needed":"order lines of at least 120 days","detail":`) {
		t.Errorf("%s, %v", raw, err)
	}
	var back serving.CheckResult
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Error(err)
	}
	for _, cutoff := range []string{"yesterday", "1066-10-14"} {
		if _, err := s.checker.Check(t.Context(), serving.CheckRequest{Cutoff: cutoff}); !errors.Is(err, serving.ErrInvalid) {
			t.Errorf("cutoff %s: %v", cutoff, err)
		}
	}
}

func TestCheckAsOfACutoff(t *testing.T) {
	s := newShop(t)
	r := s.check(serving.CheckRequest{Cutoff: "2024-09-30"})
	if r.Cutoff != "2024-09-30" || len(r.Findings) > 0 || r.Eligible != 700 || r.Labelled != "2024-09-30" {
		t.Errorf("%+v", r)
	}
	c := s.checker
	c.Sources = s.sources
	if _, err := c.Check(t.Context(), serving.CheckRequest{Cutoff: "2031-01-01"}); !errors.Is(err, serving.ErrInvalid) {
		t.Errorf("a cutoff outside of the data: %v", err)
	}
}

// counted answers an inspection with what was counted.
type counted []features.Measurement

func (c counted) Inspect(context.Context, features.Inspection) ([]features.Measurement, error) {
	return c, nil
}

// On a cluster pauses and segments that lie elsewhere than the orders are an error; segments
// only where a cadence is planned for some.
func TestCheckTellsTermsThatLieElsewhere(t *testing.T) {
	s := newShop(t)
	s.checker.Inspector = counted{
		{Check: "terms_apart", Table: "pauses", Column: "start", Count: 2, Total: 3}, {Check: "terms_apart", Table: "accounts", Column: "country", Total: 3},
		{Check: "terms_apart", Table: "accounts", Column: "segment", Count: 3, Total: 3},
	}
	told := func() []string {
		t.Helper()
		result, err := s.checker.Check(t.Context(), serving.CheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		var columns []string
		for _, f := range result.Findings {
			if f.Check == "terms_apart" && f.Severity == serving.SeverityError && strings.Contains(f.Detail, "sharded by account") {
				columns = append(columns, f.Table+"."+f.Column)
			}
		}
		return columns
	}
	if diff := cmp.Diff([]string{"pauses.start"}, told()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.checker.Settings.Cadence.Segments = map[string]int{"large": 14}
	if diff := cmp.Diff([]string{"accounts.segment", "pauses.start"}, told()); diff != "" {
		t.Errorf("with cadences (-want +got):\n%s", diff)
	}
}
