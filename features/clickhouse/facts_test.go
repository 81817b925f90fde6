package clickhouse_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/frame"
)

// at reads an instant: "2025-03-04" or "2025-03-04 15:00:00", UTC.
func at(s string) int64 {
	layout := time.DateOnly
	if strings.Contains(s, " ") {
		layout = time.DateTime
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		panic(err)
	}
	return t.Unix()
}

// euros is an amount in ten-thousandths.
func euros(v float64) int64 { return int64(math.Round(v * frame.DecimalScale)) }

// absent stands for a missing optional value.
const absent = math.MinInt64

// line is one order line; amounts in ten-thousandths.
type line struct {
	account, order    string
	number            int64
	product, category string
	amount            int64
	// discount and cost are absent when nobody knows them.
	discount, cost int64
	// ordered is the event, recorded (0 = ordered) when the business knew.
	ordered, recorded int64
	load              int64
	// promised, delivered, quantity and list price are 0 when nobody knows them.
	promised, delivered int64
	quantity, list      int64
	promotion, reason   string
}

func (l line) known() int64 {
	if l.recorded == 0 {
		return l.ordered
	}
	return l.recorded
}

type contact struct {
	id, account, kind, ref string
	at, recorded           int64
	value                  int64
	// due and responded are 0 when there is none.
	due, responded  int64
	factor, purpose string
	opinion         *opinion
	source          source
}

// source is where a row comes from, "" for the import.
type source string

func (s source) text() string {
	if s == "" {
		return "import"
	}
	return string(s)
}

// opinion is what a survey was answered on 0 … scale.
type opinion struct{ scale, expectation, perception int64 }

type invoice struct {
	id, account           string
	issued, due, recorded int64
	// base is the amount in base currency, 0 when nobody converted it.
	amount, base int64
	currency     string
	source       source
}

type payment struct {
	id, account, invoice string
	paid, recorded       int64
	amount, base         int64
	currency             string
	source               source
}

// person has been there always when since is 0, and is there still when until is 0.
type person struct {
	id, account, role      string
	since, until, recorded int64
}

// touch was answered never when answered is 0.
type touch struct {
	id, account, arm       string
	at, answered, recorded int64
}

// version is what an account was from an instant on; limit is 0 when there is none.
// Rows of a mapped source have load 0.
type version struct {
	account, manager string
	from, to         int64 // to is 0 when it has no end
	recorded         int64
	limit            int64
	country, parent  string
	segment          string
	orientation      string
	mapped           bool
}

type contract struct {
	id, account, recurring string
	start, end, cancelled  int64
	amount, recorded       int64
	base                   int64 // 0 when nobody converted it
}

type wallet struct {
	account, category string
	period, recorded  int64
	amount, base      int64 // base is 0 when nobody converted it
}

// said returns what the contact's survey was answered, absent without one.
func (c contact) said() opinion {
	if c.opinion == nil {
		return opinion{absent, absent, absent}
	}
	return *c.opinion
}

// town is what a test puts into the warehouse.
type town struct {
	lines     []line
	contacts  []contact
	contracts []contract
	wallets   []wallet
	invoices  []invoice
	payments  []payment
	people    []person
	touches   []touch
	versions  []version
	// members stand in the accounts table since the instant.
	members  map[string]int64
	outcomes []outcome
	links    []link
	pauses   []pause
	holidays []holiday
}

// pause is a time of rest; end is 0 while nobody knows it.
type pause struct {
	account              string
	start, end, recorded int64
}

type holiday struct {
	country       string
	day, recorded int64
}

// link says that the account belongs together with another; until is 0 when it still does.
type link struct {
	account, other, kind   string
	since, until, recorded int64
}

type outcome struct {
	account, label string
	cutoff, value  int64
}

// embedded opens an empty embedded warehouse with the canonical tables; with
// FEALTY_TEST_ENGINE=server one over the wire, so that the same tests run there.
func embedded(t *testing.T) clickhouse.Engine {
	t.Helper()
	launch.Library(t) // skips, or fails in CI
	var e clickhouse.Engine
	var err error
	if os.Getenv("FEALTY_TEST_ENGINE") == "server" {
		e, err = clickhouse.OpenServer(t.Context(), launch.Start(t, launch.Options{}).URL("default", ""), clickhouse.Limits{})
	} else {
		e, err = clickhouse.Open(t.Context(), "chdb://"+t.TempDir(), clickhouse.Limits{})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	clearTables(t, e)
	return e
}

// clearTables makes the canonical tables anew, without rows.
func clearTables(t *testing.T, e clickhouse.Engine) {
	t.Helper()
	for _, s := range features.Schemas() {
		columns := make([]string, 0, len(s.Fields)+2)
		for _, f := range s.Fields {
			columns = append(columns, f.Name+" "+sqlType(f))
		}
		columns = append(columns, "load UInt64", "source String")
		key := "tuple()"
		if s.Account != "" {
			key = s.Account
		}
		for _, sql := range []string{
			"DROP TABLE IF EXISTS " + s.Name,
			fmt.Sprintf("CREATE TABLE %s (%s) ENGINE = MergeTree ORDER BY %s", s.Name, strings.Join(columns, ", "), key),
		} {
			if err := e.Exec(t.Context(), sql, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func sqlType(f features.Field) string {
	name := map[frame.Kind]string{
		frame.Text: "String", frame.Integer: "Int64", frame.Decimal: "Decimal(18, 4)", frame.Time: "DateTime('UTC')", frame.Number: "Float64",
	}[f.Kind]
	if f.Nullable && f.Name != features.RecordedAt {
		return "Nullable(" + name + ")"
	}
	return name
}

func texts[T any](name string, rows []T, of func(T) string) frame.Column {
	c := frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Text, Texts: make([]string, len(rows))}
	for i := range rows {
		c.Texts[i] = of(rows[i])
	}
	return c
}

func numbers[T any](name string, kind frame.Kind, rows []T, of func(T) int64) frame.Column {
	c := frame.Column{Meta: frame.Meta{Name: name}, Kind: kind, Integers: make([]int64, len(rows))}
	for i := range rows {
		c.Integers[i] = of(rows[i])
		if c.Integers[i] == absent {
			if c.Null == nil {
				c.Null = make([]bool, len(rows))
			}
			c.Integers[i], c.Null[i] = 0, true
		}
	}
	return c
}

func orElse(v, other int64) int64 {
	if v == 0 {
		return other
	}
	return v
}

func insert(t *testing.T, e clickhouse.Engine, table string, columns ...frame.Column) {
	t.Helper()
	if columns[0].Len() == 0 {
		return
	}
	rows := &frame.Table{Columns: columns}
	if rows.Column("source") == nil {
		source := frame.Column{Meta: frame.Meta{Name: "source"}, Kind: frame.Text, Texts: make([]string, rows.Rows())}
		for i := range source.Texts {
			source.Texts[i] = "import"
		}
		rows.Columns = append(rows.Columns, source)
	}
	if rows.Column("load") == nil {
		load := frame.Column{Meta: frame.Meta{Name: "load"}, Kind: frame.Integer, Integers: make([]int64, rows.Rows())}
		for i := range load.Integers {
			load.Integers[i] = 1
		}
		rows.Columns = append(rows.Columns, load)
	}
	if err := e.Insert(t.Context(), table, rows); err != nil {
		t.Fatalf("insert into %s: %v", table, err)
	}
}

// fill inserts the town's rows.
func (w *town) fill(t *testing.T, e clickhouse.Engine) {
	t.Helper()
	w.fillLines(t, e, "order_lines")
	w.fillOther(t, e)
}

// fillLines inserts the town's order lines into a table.
func (w *town) fillLines(t *testing.T, e clickhouse.Engine, table string) {
	t.Helper()
	insert(t, e, table,
		texts("account", w.lines, func(l line) string { return l.account }),
		texts("order_id", w.lines, func(l line) string { return l.order }),
		numbers("line", frame.Integer, w.lines, func(l line) int64 { return l.number }),
		texts("product", w.lines, func(l line) string { return l.product }),
		texts("category", w.lines, func(l line) string { return l.category }),
		numbers("amount", frame.Decimal, w.lines, func(l line) int64 { return l.amount }),
		numbers("amount_base", frame.Decimal, w.lines, func(l line) int64 { return l.amount }),
		numbers("discount", frame.Decimal, w.lines, func(l line) int64 { return l.discount }),
		numbers("cost", frame.Decimal, w.lines, func(l line) int64 { return l.cost }),
		numbers("ordered_at", frame.Time, w.lines, func(l line) int64 { return l.ordered }),
		numbers("quantity", frame.Decimal, w.lines, func(l line) int64 { return orElse(l.quantity, absent) }),
		numbers("list_price", frame.Decimal, w.lines, func(l line) int64 { return orElse(l.list, absent) }),
		texts("promotion", w.lines, func(l line) string { return l.promotion }),
		numbers("promised_at", frame.Time, w.lines, func(l line) int64 { return orElse(l.promised, absent) }),
		numbers("delivered_at", frame.Time, w.lines, func(l line) int64 { return orElse(l.delivered, absent) }),
		texts("return_reason", w.lines, func(l line) string { return l.reason }),
		numbers("recorded_at", frame.Time, w.lines, line.known),
		numbers("load", frame.Integer, w.lines, func(l line) int64 { return orElse(l.load, 1) }))
}

// fillOther inserts the other rows of the town.
func (w *town) fillOther(t *testing.T, e clickhouse.Engine) {
	t.Helper()
	insert(t, e, "interactions",
		texts("id", w.contacts, func(c contact) string { return c.id }),
		texts("account", w.contacts, func(c contact) string { return c.account }),
		texts("kind", w.contacts, func(c contact) string { return c.kind }),
		texts("ref", w.contacts, func(c contact) string { return c.ref }),
		numbers("at", frame.Time, w.contacts, func(c contact) int64 { return c.at }),
		numbers("value", frame.Decimal, w.contacts, func(c contact) int64 { return c.value }),
		texts("factor", w.contacts, func(c contact) string { return c.factor }),
		texts("purpose", w.contacts, func(c contact) string { return c.purpose }),
		texts("source", w.contacts, func(c contact) string { return c.source.text() }),
		numbers("due_at", frame.Time, w.contacts, func(c contact) int64 { return orElse(c.due, absent) }),
		numbers("responded_at", frame.Time, w.contacts, func(c contact) int64 { return orElse(c.responded, absent) }),
		numbers("scale", frame.Decimal, w.contacts, func(c contact) int64 { return c.said().scale }),
		numbers("expectation", frame.Decimal, w.contacts, func(c contact) int64 { return c.said().expectation }),
		numbers("perception", frame.Decimal, w.contacts, func(c contact) int64 { return c.said().perception }),
		numbers("recorded_at", frame.Time, w.contacts, func(c contact) int64 { return orElse(c.recorded, c.at) }))
	insert(t, e, "contracts",
		texts("id", w.contracts, func(c contract) string { return c.id }),
		texts("account", w.contracts, func(c contract) string { return c.account }),
		texts("recurring", w.contracts, func(c contract) string { return c.recurring }),
		numbers("start", frame.Time, w.contracts, func(c contract) int64 { return c.start }),
		numbers("end", frame.Time, w.contracts, func(c contract) int64 { return orElse(c.end, absent) }),
		numbers("cancelled_at", frame.Time, w.contracts, func(c contract) int64 { return orElse(c.cancelled, absent) }),
		numbers("amount", frame.Decimal, w.contracts, func(c contract) int64 { return c.amount }),
		numbers("amount_base", frame.Decimal, w.contracts, func(c contract) int64 { return orElse(c.base, absent) }),
		numbers("recorded_at", frame.Time, w.contracts, func(c contract) int64 { return orElse(c.recorded, c.start) }))
	insert(t, e, "wallets",
		texts("account", w.wallets, func(x wallet) string { return x.account }),
		texts("category", w.wallets, func(x wallet) string { return x.category }),
		numbers("period", frame.Time, w.wallets, func(x wallet) int64 { return x.period }),
		numbers("amount", frame.Decimal, w.wallets, func(x wallet) int64 { return x.amount }),
		numbers("amount_base", frame.Decimal, w.wallets, func(x wallet) int64 { return orElse(x.base, absent) }),
		numbers("recorded_at", frame.Time, w.wallets, func(x wallet) int64 { return orElse(x.recorded, x.period) }))
	insert(t, e, "invoices",
		texts("id", w.invoices, func(x invoice) string { return x.id }),
		texts("account", w.invoices, func(x invoice) string { return x.account }),
		numbers("issued_at", frame.Time, w.invoices, func(x invoice) int64 { return x.issued }),
		numbers("due_at", frame.Time, w.invoices, func(x invoice) int64 { return x.due }),
		numbers("amount", frame.Decimal, w.invoices, func(x invoice) int64 { return x.amount }),
		numbers("amount_base", frame.Decimal, w.invoices, func(x invoice) int64 { return orElse(x.base, absent) }),
		texts("currency", w.invoices, func(x invoice) string { return x.currency }),
		texts("source", w.invoices, func(x invoice) string { return x.source.text() }),
		numbers("recorded_at", frame.Time, w.invoices, func(x invoice) int64 { return orElse(x.recorded, x.issued) }))
	insert(t, e, "payments",
		texts("id", w.payments, func(x payment) string { return x.id }),
		texts("account", w.payments, func(x payment) string { return x.account }),
		texts("invoice", w.payments, func(x payment) string { return x.invoice }),
		numbers("paid_at", frame.Time, w.payments, func(x payment) int64 { return x.paid }),
		numbers("amount", frame.Decimal, w.payments, func(x payment) int64 { return x.amount }),
		numbers("amount_base", frame.Decimal, w.payments, func(x payment) int64 { return orElse(x.base, absent) }),
		texts("currency", w.payments, func(x payment) string { return x.currency }),
		texts("source", w.payments, func(x payment) string { return x.source.text() }),
		numbers("recorded_at", frame.Time, w.payments, func(x payment) int64 { return orElse(x.recorded, x.paid) }))
	insert(t, e, "touches",
		texts("id", w.touches, func(x touch) string { return x.id }),
		texts("account", w.touches, func(x touch) string { return x.account }),
		texts("arm", w.touches, func(x touch) string { return x.arm }),
		numbers("at", frame.Time, w.touches, func(x touch) int64 { return x.at }),
		numbers("answered_at", frame.Time, w.touches, func(x touch) int64 { return orElse(x.answered, absent) }),
		numbers("recorded_at", frame.Time, w.touches, func(x touch) int64 { return orElse(x.recorded, x.at) }))
	insert(t, e, "people",
		texts("id", w.people, func(x person) string { return x.id }),
		texts("account", w.people, func(x person) string { return x.account }),
		texts("role", w.people, func(x person) string { return x.role }),
		numbers("since", frame.Time, w.people, func(x person) int64 { return orElse(x.since, absent) }),
		numbers("until", frame.Time, w.people, func(x person) int64 { return orElse(x.until, absent) }),
		numbers("recorded_at", frame.Time, w.people, func(x person) int64 { return orElse(x.recorded, x.since) }))
	insert(t, e, "accounts",
		texts("account", w.versions, func(x version) string { return x.account }),
		texts("account_manager", w.versions, func(x version) string { return x.manager }),
		numbers("credit_limit", frame.Decimal, w.versions, func(x version) int64 { return orElse(x.limit, absent) }),
		texts("country", w.versions, func(x version) string { return x.country }),
		texts("segment", w.versions, func(x version) string { return x.segment }),
		texts("orientation", w.versions, func(x version) string { return x.orientation }),
		texts("parent", w.versions, func(x version) string { return x.parent }),
		numbers("valid_from", frame.Time, w.versions, func(x version) int64 { return orElse(x.from, absent) }),
		numbers("valid_to", frame.Time, w.versions, func(x version) int64 { return orElse(x.to, absent) }),
		numbers("recorded_at", frame.Time, w.versions, func(x version) int64 { return orElse(x.recorded, x.from) }),
		numbers("load", frame.Integer, w.versions, func(x version) int64 {
			if x.mapped {
				return 0
			}
			return 1
		}))
	members := make([]outcome, 0, len(w.members))
	for account, since := range w.members {
		members = append(members, outcome{account: account, cutoff: since})
	}
	insert(t, e, "accounts",
		texts("account", members, func(o outcome) string { return o.account }),
		numbers("valid_from", frame.Time, members, func(o outcome) int64 { return o.cutoff }),
		numbers("recorded_at", frame.Time, members, func(o outcome) int64 { return o.cutoff }))
	insert(t, e, "account_links",
		texts("account", w.links, func(l link) string { return l.account }),
		texts("other", w.links, func(l link) string { return l.other }),
		texts("kind", w.links, func(l link) string { return l.kind }),
		numbers("since", frame.Time, w.links, func(l link) int64 { return l.since }),
		numbers("until", frame.Time, w.links, func(l link) int64 { return orElse(l.until, absent) }),
		numbers("recorded_at", frame.Time, w.links, func(l link) int64 { return orElse(l.recorded, l.since) }))
	insert(t, e, "pauses",
		texts("account", w.pauses, func(p pause) string { return p.account }),
		numbers("start", frame.Time, w.pauses, func(p pause) int64 { return p.start }),
		numbers("end", frame.Time, w.pauses, func(p pause) int64 { return orElse(p.end, absent) }),
		numbers("recorded_at", frame.Time, w.pauses, func(p pause) int64 { return orElse(p.recorded, p.start) }))
	insert(t, e, "holidays",
		texts("country", w.holidays, func(h holiday) string { return h.country }),
		numbers("day", frame.Time, w.holidays, func(h holiday) int64 { return h.day }),
		numbers("recorded_at", frame.Time, w.holidays, func(h holiday) int64 { return orElse(h.recorded, h.day) }))
	insert(t, e, "outcomes",
		texts("account", w.outcomes, func(o outcome) string { return o.account }),
		texts("label", w.outcomes, func(o outcome) string { return o.label }),
		numbers("cutoff", frame.Time, w.outcomes, func(o outcome) int64 { return o.cutoff }),
		numbers("value", frame.Decimal, w.outcomes, func(o outcome) int64 { return o.value }),
		numbers("recorded_at", frame.Time, w.outcomes, func(o outcome) int64 { return o.cutoff }))
}

// request asks for features at the cutoffs with known_at = cutoff.
func request(cutoffs ...string) features.Request {
	r := features.Request{Watermark: 1_000, ActiveWithinDays: 180}
	for _, c := range cutoffs {
		r.Cutoffs = append(r.Cutoffs, frame.Cutoff(at(c)))
		r.KnownAt = append(r.KnownAt, frame.KnownAt(at(c)))
	}
	return r
}

// matrix is a whole build in one piece.
type matrix struct {
	*features.Slice
	report *features.BuildReport
	row    map[string]int
}

func rowKey(account string, c frame.Cutoff) string { return account + " " + c.String() }

func build(ctx context.Context, t testing.TB, e clickhouse.Engine, r features.Request) *matrix {
	t.Helper()
	m := &matrix{Slice: &features.Slice{Frame: &frame.Frame{}}, row: map[string]int{}}
	var err error
	m.report, err = clickhouse.Build(ctx, e, r, func(s *features.Slice) error {
		if err := s.Frame.Check(); err != nil {
			return err
		}
		f := m.Frame
		if f.Columns == nil {
			f.Columns = make([]frame.Column, len(s.Frame.Columns))
		}
		f.Accounts = append(f.Accounts, s.Frame.Accounts...)
		f.Cutoffs = append(f.Cutoffs, s.Frame.Cutoffs...)
		for c := range f.Columns {
			f.Columns[c].Meta, f.Columns[c].Kind = s.Frame.Columns[c].Meta, frame.Number
			f.Columns[c].Numbers = append(f.Columns[c].Numbers, s.Frame.Columns[c].Numbers...)
		}
		m.Status = append(m.Status, s.Status...)
		m.FirstPurchase = append(m.FirstPurchase, s.FirstPurchase...)
		m.LastPurchase = append(m.LastPurchase, s.LastPurchase...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range m.Frame.Accounts {
		m.row[rowKey(string(a), m.Frame.Cutoffs[i])] = i
	}
	return m
}

// value returns a feature of an account at a cutoff.
func (m *matrix) value(t testing.TB, account, cutoff, name string) float64 {
	t.Helper()
	i, ok := m.row[rowKey(account, frame.Cutoff(at(cutoff)))]
	if !ok {
		t.Fatalf("account %s has no row at %s", account, cutoff)
	}
	c := m.Frame.Column(name)
	if c == nil {
		t.Fatalf("no feature %q", name)
	}
	return c.Numbers[i]
}
