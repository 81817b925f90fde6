package clickhouse_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// cases are the hand-written histories; each account is named for what it shows.
func cases() *town {
	buy := func(account, order, day string, amount float64) line {
		return line{account: account, order: order, number: 1, product: "p1", category: "paper", amount: euros(amount),
			discount: absent, cost: absent, ordered: at(day + " 10:00:00")}
	}
	w := &town{members: map[string]int64{"never-bought": at("2024-01-01"), "steady": at("2024-01-01")}}
	w.lines = []line{
		buy("one-order", "o1", "2025-02-01", 50),
		buy("two-orders", "o1", "2025-02-01", 50), buy("two-orders", "o2", "2025-02-21", 70),
		buy("same-day", "o1", "2025-02-01", 10), buy("same-day", "o2", "2025-02-01", 20), buy("same-day", "o3", "2025-02-01", 30),
		buy("all-returns", "c1", "2025-02-01", -10), buy("all-returns", "c2", "2025-02-11", -20),
		buy("only-later", "o1", "2025-06-01", 10),
		buy("long-gone", "o1", "2023-01-10", 99),
	}
	// Every 30 days for two years, 100 each, the last on 2025-02-24; then nothing.
	for i := range 26 {
		l := buy("steady", "o"+strconv.Itoa(i), "2023-02-05", 100)
		l.ordered += int64(i) * 30 * 86400
		l.discount, l.cost = euros(25), euros(60)
		w.lines = append(w.lines, l)
	}
	// Ordered for 100, corrected to 40 on 2025-03-10: a reversal and the new value at the same event time.
	first := buy("corrected", "o1", "2025-02-01", 100)
	reversal, again := first, first
	reversal.amount, reversal.recorded = -first.amount, at("2025-03-10")
	again.amount, again.recorded = euros(40), at("2025-03-10")
	w.lines = append(w.lines, first, reversal, again)
	// Ordered on 2025-02-20, entered on 2025-04-01.
	late := buy("late-row", "o2", "2025-02-20", 80)
	late.recorded = at("2025-04-01")
	w.lines = append(w.lines, buy("late-row", "o1", "2025-01-20", 80), late)
	// Bought 100 in two lines and sent one back in the same order ten days later; then a whole order came back.
	part := buy("returned", "o1", "2025-01-05", 60)
	other := part
	other.number, other.product, other.category, other.amount = 2, "p2", "ink", euros(40)
	back := other
	back.amount, back.ordered = -other.amount, other.ordered+10*86400
	w.lines = append(w.lines, part, other, back, buy("returned", "o2", "2025-02-05", 30), buy("returned", "o2", "2025-02-15", -30))

	w.contacts = []contact{
		{id: "1", account: "steady", kind: "visit", at: at("2025-02-10"), value: absent},
		{id: "2", account: "steady", kind: "call", at: at("2024-12-20"), value: absent},
		{id: "3", account: "steady", kind: "email", at: at("2024-06-20"), value: absent},
		{id: "4", account: "steady", kind: "complaint", at: at("2025-01-10"), value: absent},
		{id: "5", account: "steady", kind: "complaint_resolved", ref: "4", at: at("2025-01-15"), value: absent},
		{id: "6", account: "steady", kind: "complaint", at: at("2025-02-20"), value: absent},
		{id: "7", account: "steady", kind: "complaint_resolved", ref: "6", at: at("2025-03-20"), value: absent},
		{id: "8", account: "steady", kind: "survey", at: at("2024-08-01"), value: euros(9)},
		{id: "9", account: "steady", kind: "survey_nps", at: at("2025-02-01"), value: euros(6)},
		{id: "10", account: "steady", kind: "survey", at: at("2025-02-02"), value: absent},
		{id: "11", account: "steady", kind: "referral", at: at("2024-09-01"), value: absent},
		{id: "12", account: "steady", kind: "care", at: at("2024-09-01"), value: absent},
		// A call that later turns out to have been a visit, a week earlier.
		{id: "13", account: "one-order", kind: "call", at: at("2025-02-25"), value: absent},
		{id: "13", account: "one-order", kind: "visit", at: at("2025-02-18"), recorded: at("2025-03-15"), value: absent},
	}
	w.contracts = []contract{
		{id: "k1", account: "steady", recurring: "yes", start: at("2024-01-01"), end: at("2025-12-31"), amount: euros(1200)},
		// Cancelled on 2025-03-10, known the same day; it runs until its end.
		{id: "k1", account: "steady", recurring: "yes", start: at("2024-01-01"), end: at("2025-12-31"), cancelled: at("2025-03-10"), amount: euros(1200), recorded: at("2025-03-10")},
		{id: "k2", account: "steady", recurring: "no", start: at("2023-01-01"), end: at("2023-12-31"), amount: absent},
		{id: "k3", account: "two-orders", start: at("2024-06-01"), cancelled: at("2025-01-30"), amount: absent, recorded: at("2024-06-01")},
		{id: "k4", account: "one-order", start: at("2025-01-01"), amount: euros(10)},
	}
	w.wallets = []wallet{
		{account: "steady", category: "paper", period: at("2024-01-01"), amount: euros(2000)},
		{account: "steady", category: "paper", period: at("2025-01-01"), amount: euros(2400)},
		{account: "steady", category: "ink", period: at("2025-01-01"), amount: euros(600)},
		// Declared for the whole; corrected from 500 to 400 on 2025-03-12.
		{account: "two-orders", period: at("2025-01-01"), amount: euros(500)},
		{account: "two-orders", period: at("2025-01-01"), amount: euros(-500), recorded: at("2025-03-12")},
		{account: "two-orders", period: at("2025-01-01"), amount: euros(400), recorded: at("2025-03-12")},
	}
	w.recordCases()
	return w
}

// workedOut is a value of a feature that was worked out by hand.
type workedOut struct {
	account, cutoff, feature string
	want                     float64
}

// holds compares the matrix with values that were worked out by hand.
func (m *matrix) holds(t *testing.T, all []workedOut) {
	t.Helper()
	for _, c := range all {
		if got := m.value(t, c.account, c.cutoff, c.feature); !same(got, c.want) {
			t.Errorf("%s of %s at %s = %v, want %v", c.feature, c.account, c.cutoff, got, c.want)
		}
	}
}

// The expected values are worked out by hand from the histories above.
func TestHandWrittenHistoriesGiveTheValuesWorkedOutByHand(t *testing.T) {
	e := embedded(t)
	cases().fill(t, e)
	m := build(t.Context(), t, e, request("2025-03-01", "2025-04-15"))
	nan := math.NaN()
	m.holds(t, []workedOut{
		{"one-order", "2025-03-01", "orders_30d", 1},
		{"one-order", "2025-03-01", "recency_days", 28},
		{"one-order", "2025-03-01", "gap_median_days", nan},
		{"one-order", "2025-03-01", "recency_to_gap", nan},
		{"one-order", "2025-03-01", "spend_per_day", 50.0 / 28},
		{"one-order", "2025-03-01", "orders_trend_90d", 1},
		{"one-order", "2025-03-01", "orders_last_year_90d", nan}, // no tenure a year ago
		{"two-orders", "2025-03-01", "gap_median_days", 20},
		{"two-orders", "2025-03-01", "gap_spread_days", nan}, // one gap has no spread
		{"two-orders", "2025-03-01", "recency_to_gap", 8.0 / 20},
		{"two-orders", "2025-03-01", "basket_mean_365d", 60},
		{"two-orders", "2025-03-01", "basket_last", 70},
		{"two-orders", "2025-03-01", "largest_order_share_365d", 70.0 / 120},
		{"same-day", "2025-03-01", "orders_90d", 3},
		{"same-day", "2025-03-01", "buying_days_90d", 1},
		{"same-day", "2025-03-01", "gap_mean_days", nan},
		{"all-returns", "2025-03-01", "orders_365d", 0},
		{"all-returns", "2025-03-01", "spend_365d", -30},
		{"all-returns", "2025-03-01", "returns_365d", 30},
		{"all-returns", "2025-03-01", "returns_share_365d", nan}, // nothing was sold
		{"all-returns", "2025-03-01", "return_orders_365d", 2},
		{"all-returns", "2025-03-01", "recency_days", nan},
		{"steady", "2025-03-01", "orders_total", 26},
		{"steady", "2025-03-01", "gap_median_days", 30},
		{"steady", "2025-03-01", "gap_spread_days", 0},
		{"steady", "2025-03-01", "gap_variation", 0},
		{"steady", "2025-03-01", "recency_days", 5},
		{"steady", "2025-03-01", "tenure_days", 755}, // 2023-02-05 … 2025-03-01
		{"steady", "2025-03-01", "spend_365d", 1300}, // 2024-03-01 … 2025-02-24, every 30 days
		{"steady", "2025-03-01", "orders_last_year_90d", 3},
		{"steady", "2025-03-01", "discount_share_365d", 0.2}, // 25 of 125
		{"steady", "2025-03-01", "margin_share_365d", 0.4},
		{"steady", "2025-03-01", "categories_ever", 1},
		{"steady", "2025-03-01", "category_entropy_365d", 0},
		{"steady", "2025-03-01", "visits_90d", 1},
		{"steady", "2025-03-01", "calls_90d", 1},
		{"steady", "2025-03-01", "contacts_365d", 3},
		{"steady", "2025-03-01", "contact_recency_days", 19},
		{"steady", "2025-03-01", "complaints_365d", 2},
		{"steady", "2025-03-01", "complaints_open", 1}, // resolved on 03-20
		{"steady", "2025-03-01", "complaint_open_days", 9},
		{"steady", "2025-03-01", "complaints_resolved_share_365d", 0.5},
		{"steady", "2025-03-01", "complaint_resolution_days", 5},
		{"steady", "2025-04-15", "complaints_open", 0},
		{"steady", "2025-04-15", "complaint_open_days", nan},
		{"steady", "2025-04-15", "complaint_resolution_days", (5.0 + 28) / 2},
		{"steady", "2025-03-01", "survey_last", 6},
		{"steady", "2025-03-01", "survey_change", -3},
		{"steady", "2025-03-01", "survey_mean_365d", 7.5},
		{"steady", "2025-03-01", "survey_recency_days", 28},
		{"steady", "2025-03-01", "contracts_in_force", 1},
		{"steady", "2025-03-01", "contract_days_left", 305}, // 2025-12-31
		{"steady", "2025-03-01", "contracts_running_out", 0},
		{"steady", "2025-04-15", "contracts_running_out", 1},
		{"steady", "2025-04-15", "contracts_cancelled_365d", 1},
		{"steady", "2025-03-01", "contract_amount", 1200},
		{"two-orders", "2025-03-01", "contracts_in_force", 0},
		{"two-orders", "2025-03-01", "contract_gap_days", 30},
		{"one-order", "2025-03-01", "contract_days_left", nan}, // open-ended
		{"steady", "2025-03-01", "wallet_declared", 3000},
		{"steady", "2025-03-01", "wallet_share", 1300.0 / 3000},
		{"steady", "2025-03-01", "wallet_gap", 1700},
		{"steady", "2025-03-01", "wallet_least_category_share", 0}, // no ink
		{"steady", "2025-03-01", "wallet_largest_category_gap", 1100},
		{"two-orders", "2025-03-01", "wallet_declared", 500},
		{"two-orders", "2025-04-15", "wallet_declared", 400},
		{"two-orders", "2025-03-01", "wallet_least_category_share", nan},
		{"corrected", "2025-03-01", "spend_365d", 100},
		{"corrected", "2025-04-15", "spend_365d", 40},
		{"corrected", "2025-04-15", "returns_365d", 0}, // a correction is no return
		{"corrected", "2025-04-15", "orders_365d", 1},
		{"late-row", "2025-03-01", "orders_365d", 1},
		{"late-row", "2025-04-15", "orders_365d", 2},
		{"late-row", "2025-04-15", "gap_median_days", 31},
		{"returned", "2025-03-01", "orders_365d", 1}, // the second order's net is 0
		{"returned", "2025-03-01", "spend_365d", 60},
		{"returned", "2025-03-01", "returns_365d", 70},
		{"returned", "2025-03-01", "returns_share_365d", 70.0 / 130},
		{"returned", "2025-03-01", "return_orders_365d", 2},
		{"returned", "2025-03-01", "categories_365d", 1}, // all ink came back
		{"returned", "2025-03-01", "products_365d", 1},
		{"one-order", "2025-03-01", "calls_90d", 1},
		{"one-order", "2025-04-15", "calls_90d", 0}, // it was a visit
		{"one-order", "2025-04-15", "visits_90d", 1},
		{"one-order", "2025-04-15", "contact_recency_days", 56}, // on 02-18
		{"never-bought", "2025-03-01", "orders_365d", 0},
		{"never-bought", "2025-03-01", "visits_90d", 0},
		{"never-bought", "2025-03-01", "recency_days", nan},
		{"long-gone", "2025-03-01", "orders_365d", 0},
		{"long-gone", "2025-03-01", "spend_trend_90d", nan},
		{"long-gone", "2025-03-01", "discount_share_365d", nan},
	})
	for account, want := range map[string]features.Eligibility{
		"steady": features.Eligible, "never-bought": features.NeverBought, "all-returns": features.NeverBought, "long-gone": features.Lapsed,
	} {
		if got := m.Status[m.row[rowKey(account, frame.Cutoff(at("2025-03-01")))]]; got != want {
			t.Errorf("%s is %s, want %s", account, got, want)
		}
	}
	if _, ok := m.row[rowKey("only-later", frame.Cutoff(at("2025-04-15")))]; ok {
		t.Error("only-later has a row before anything was known of it")
	}
	golden(t, "matrix.txt", m)
}

// same compares to the last digit but one; NaN equals NaN.
func same(a, b float64) bool {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(a) && math.IsNaN(b)
	}
	return math.Abs(a-b) <= 1e-12*math.Max(1, math.Abs(b))
}

// golden compares every present value with the stored ones.
func golden(t *testing.T, name string, m *matrix) {
	t.Helper()
	var b strings.Builder
	for i, a := range m.Frame.Accounts {
		fmt.Fprintf(&b, "%s at %s, %s\n", a, m.Frame.Cutoffs[i], m.Status[i])
		for c := range m.Frame.Columns {
			if v := m.Frame.Columns[c].Numbers[i]; !math.IsNaN(v) {
				fmt.Fprintf(&b, "  %s %s\n", m.Frame.Columns[c].Name, strconv.FormatFloat(v, 'g', 12, 64))
			}
		}
	}
	path := filepath.Join("testdata", "features", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("%s (-stored +now), -update rewrites it:\n%s", path, diff)
	}
}

func TestEmptyWarehouseGivesNoRowsAndNoError(t *testing.T) {
	e := embedded(t)
	m := build(t.Context(), t, e, request("2025-03-01"))
	if m.Frame.Rows() != 0 || m.report.Rows != 0 {
		t.Errorf("%d rows of nothing", m.Frame.Rows())
	}
	if s, err := clickhouse.Extent(t.Context(), e, 9); err != nil || s != (features.Span{}) {
		t.Errorf("span of nothing: %+v, %v", s, err)
	}
	p, err := clickhouse.ProposeHorizon(t.Context(), e, frame.Cutoff(at("2025-03-01")), frame.KnownAt(at("2025-03-01")), 9, "UTC")
	if err != nil || p.Accounts != 0 || p.HorizonDays != 0 || !math.IsNaN(p.GapDays) {
		t.Errorf("horizon of nothing: %+v, %v", p, err)
	}
	// Accounts alone: they never bought, and with no source having rows every number is missing.
	(&town{members: map[string]int64{"a": at("2024-01-01")}}).fill(t, e)
	m = build(t.Context(), t, e, request("2025-03-01"))
	if got := m.value(t, "a", "2025-03-01", "orders_365d"); !math.IsNaN(got) {
		t.Errorf("orders_365d without any source = %v, want missing", got)
	}
}

func TestRequestOutsideItsBoundsIsRefused(t *testing.T) {
	good := request("2025-03-01")
	for name, change := range map[string]func(*features.Request){
		"no cutoff":      func(r *features.Request) { r.Cutoffs, r.KnownAt = nil, nil },
		"fewer known_at": func(r *features.Request) { r.KnownAt = nil },
		"cutoff twice": func(r *features.Request) {
			r.Cutoffs = append(r.Cutoffs, r.Cutoffs[0])
			r.KnownAt = append(r.KnownAt, 1)
		},
		"unknown zone":     func(r *features.Request) { r.Zone = "Mars/Olympus" },
		"local zone":       func(r *features.Request) { r.Zone = "Local" },
		"negative windows": func(r *features.Request) { r.ActiveWithinDays = -1 },
		"bad cadence":      func(r *features.Request) { r.Cadence.Segments = map[string]int{"small": -1} },
		"bad catalogue":    func(r *features.Request) { r.Catalogue = []features.Feature{{}} },
	} {
		r := good
		change(&r)
		if _, err := clickhouse.Build(t.Context(), nil, r, nil); !errors.Is(err, features.ErrBadRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRowsDoNotDependOnSlicesAndSingleAccountsEqualTheBatch(t *testing.T) {
	e := embedded(t)
	cases().fill(t, e)
	r := request("2025-03-01", "2025-04-15", "2024-05-05")
	all := build(t.Context(), t, e, r)
	// Three slices: the first and the last are open at one end, the one in the middle at none.
	r.SliceAccounts = (all.report.Accounts + 2) / 3
	sliced := build(t.Context(), t, e, r)
	if sliced.report.Slices != 3 {
		t.Fatalf("%d slices, want 3", sliced.report.Slices)
	}
	if diff := cmp.Diff(hashes(all), hashes(sliced)); diff != "" {
		t.Errorf("slices of %d (-one slice +slices):\n%s", r.SliceAccounts, diff)
	}
	r.SliceAccounts = 0
	r.Coverage = all.report.Coverage
	// Accounts with rows in every table, each by itself: a build costs as much for one as for a hundred.
	single, batch := map[string]string{}, map[string]string{}
	for _, a := range []frame.AccountID{"steady", "helped", "answers-prices", "owes-twice", "refers"} {
		r.Accounts = []frame.AccountID{a}
		maps.Copy(single, hashes(build(t.Context(), t, e, r)))
	}
	for row, hash := range hashes(all) {
		if _, asked := single[row]; asked {
			batch[row] = hash
		}
	}
	if diff := cmp.Diff(batch, single); diff != "" || len(single) < 10 {
		t.Errorf("single accounts (-batch +single):\n%s", diff)
	}
}

func hashes(m *matrix) map[string]string {
	h := map[string]string{}
	for i, a := range m.Frame.Accounts {
		h[rowKey(string(a), m.Frame.Cutoffs[i])] = features.RowHash(m.Frame, i) + " " + m.Status[i].String()
	}
	return h
}

func TestRowsAboveTheWatermarkAreNotSeen(t *testing.T) {
	e := embedded(t)
	w := &town{lines: []line{
		{account: "a", order: "o1", amount: euros(5), discount: absent, cost: absent, ordered: at("2025-01-01"), load: 1},
		{account: "a", order: "o2", amount: euros(7), discount: absent, cost: absent, ordered: at("2025-01-02"), load: 2},
		{account: "b", order: "o3", amount: euros(7), discount: absent, cost: absent, ordered: at("2025-01-02"), load: 2},
	}}
	w.fill(t, e)
	r := request("2025-03-01")
	r.Catalogue = fromFiles(features.Orders)
	r.Watermark = 1
	m := build(t.Context(), t, e, r)
	if m.Frame.Rows() != 1 || m.value(t, "a", "2025-03-01", "spend_total") != 5 {
		t.Errorf("watermark 1: %d rows, spend %v", m.Frame.Rows(), m.value(t, "a", "2025-03-01", "spend_total"))
	}
	if c := m.report.Coverage[0]; c.Rows != 1 || c.Source != features.OrderLines {
		t.Errorf("coverage at watermark 1: %+v", c)
	}
	r.Watermark = 2
	if m = build(t.Context(), t, e, r); m.Frame.Rows() != 2 || m.value(t, "a", "2025-03-01", "spend_total") != 12 {
		t.Errorf("watermark 2: %d rows, spend %v", m.Frame.Rows(), m.value(t, "a", "2025-03-01", "spend_total"))
	}
}

func TestDaysFollowTheBusinessZone(t *testing.T) {
	e := embedded(t)
	w := &town{}
	// 22:00 and 23:30 UTC: one day in UTC, two in Shanghai's afternoon and New York… one again.
	for i, s := range []string{"2025-02-01 15:30:00", "2025-02-01 16:30:00", "2025-02-03 16:30:00"} {
		w.lines = append(w.lines, line{account: "a", order: strconv.Itoa(i), amount: euros(1), discount: absent, cost: absent, ordered: at(s)})
	}
	w.fill(t, e)
	for _, c := range []struct {
		zone      string
		days, gap float64
	}{
		{"UTC", 2, 2}, {"Asia/Shanghai", 3, 1.5}, {"America/New_York", 2, 2},
	} {
		r := request("2025-03-01")
		r.Zone, r.Catalogue = c.zone, fromFiles(features.Orders)
		m := build(t.Context(), t, e, r)
		if got := m.value(t, "a", "2025-03-01", "buying_days_365d"); got != c.days {
			t.Errorf("%s: %v buying days, want %v", c.zone, got, c.days)
		}
		if got := m.value(t, "a", "2025-03-01", "gap_mean_days"); got != c.gap {
			t.Errorf("%s: mean gap %v, want %v", c.zone, got, c.gap)
		}
	}
}

func TestWindowsBeforeTheFirstDataAreReported(t *testing.T) {
	e := embedded(t)
	(&town{
		lines:    []line{{account: "a", order: "o", amount: 1, discount: absent, cost: absent, ordered: at("2025-01-01")}},
		contacts: []contact{{id: "1", account: "a", kind: "complaint", at: at("2025-01-01"), value: absent, opinion: &opinion{scale: euros(10), expectation: absent, perception: absent}}},
	}).fill(t, e)
	got, err := clickhouse.Measure(t.Context(), e, request("2025-03-01", "2024-12-31"))
	if err != nil {
		t.Fatal(err)
	}
	want := []features.Coverage{
		{Source: features.OrderLines, Cutoff: frame.Cutoff(at("2025-03-01")), Rows: 1, First: at("2025-01-01"), Last: at("2025-01-01"), Truncated: []int{90, 180, 365}},
		{Source: features.OrderLines, Cutoff: frame.Cutoff(at("2024-12-31"))},
	}
	if diff := cmp.Diff(want, got[:2]); diff != "" {
		t.Error(diff)
	}
	for _, c := range got {
		if c.Source == features.Surveys && c.Rows != 0 {
			t.Errorf("a complaint with a scale counts as a survey: %+v", c)
		}
	}
}

func TestErrorOfTheReceiverEndsTheBuildUnchanged(t *testing.T) {
	e := embedded(t)
	cases().fill(t, e)
	stop := errors.New("enough")
	r := request("2025-03-01")
	r.SliceAccounts, r.Catalogue = 1, fromFiles(features.Orders)
	calls := 0
	_, err := clickhouse.Build(t.Context(), e, r, func(*features.Slice) error { calls++; return stop })
	if err != stop || calls != 1 { //nolint:errorlint // the very same error is promised
		t.Errorf("%d calls, error %v", calls, err)
	}
}
