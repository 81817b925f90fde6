package clickhouse_test

import (
	"fmt"
	"hash/fnv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/featurestest"
	"fealty/features/frame"
)

// shards are two hosts of one cluster. Mapped facts lie on both, by account, in
// the database that URL names for them; imported facts lie in fealty's own
// database on the first.
type shards struct {
	first, second *launch.Server
	// all is the warehouse; each of mapped is one host's part.
	all    clickhouse.Engine
	mapped [2]clickhouse.Engine
}

func twoShards(t *testing.T) *shards {
	t.Helper()
	ports := []int{launch.FreePort(t), launch.FreePort(t)}
	s := &shards{
		first:  launch.Start(t, launch.Options{Port: ports[0], Clusters: map[string][]int{"town": ports}}),
		second: launch.Start(t, launch.Options{Port: ports[1], Clusters: map[string][]int{"town": ports}}),
	}
	for i, server := range []*launch.Server{s.first, s.second} {
		admin := serverOf(t, server.URL("default", ""), clickhouse.Limits{})
		execute(t, admin, "CREATE DATABASE fealty", "CREATE DATABASE fealty_shard",
			// Where a query that names no database would look on the second host: nothing of this may be seen.
			"CREATE TABLE order_lines (account String, load UInt64) ENGINE = MergeTree ORDER BY account",
			"INSERT INTO order_lines SELECT 'nobody', 0")
		closeEngine(t, admin)
		s.mapped[i] = serverOf(t, server.URL("fealty_shard", ""), clickhouse.Limits{})
	}
	s.all = serverOf(t, s.first.URL("fealty", "cluster=town"), clickhouse.Limits{})
	t.Cleanup(func() {
		closeEngine(t, s.mapped[0])
		closeEngine(t, s.mapped[1])
		closeEngine(t, s.all)
	})
	return s
}

// An engine on a cluster keeps the contract of every engine.
func TestTwoShardsPassTheEngineSuite(t *testing.T) {
	t.Parallel()
	ports := []int{launch.FreePort(t), launch.FreePort(t)}
	cluster := map[string][]int{"town": ports}
	first := launch.Start(t, launch.Options{Port: ports[0], Clusters: cluster})
	launch.Start(t, launch.Options{Port: ports[1], Clusters: cluster})
	featurestest.Engine(t, func(t *testing.T, limits clickhouse.Limits) clickhouse.Engine {
		t.Helper()
		return serverOf(t, first.URL("default", "cluster=town"), limits)
	})
}

func execute(t *testing.T, e clickhouse.Engine, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if err := e.Exec(t.Context(), sql, nil); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// place deals accounts to imported facts (0) and the two shards (1, 2).
func place(account string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(account)) // never fails
	return int(h.Sum32() % 3)
}

// fill spreads a town: a third of the accounts is imported, two thirds are
// mapped. Mapped order lines have the usual shape of a cluster: a Distributed
// table deals them to local ones, which are what is mapped.
func (s *shards) fill(t *testing.T, w *town) {
	t.Helper()
	clearTables(t, s.all)
	w.part(func(account string) bool { return place(account) == 0 }).fill(t, s.all)
	var lines []line
	for i, e := range s.mapped {
		execute(t, e, "DROP VIEW IF EXISTS order_lines")
		clearTables(t, e)
		part := w.part(func(account string) bool { return place(account) == i+1 })
		lines, part.lines = append(lines, part.lines...), nil
		part.fill(t, e)
		execute(t, e,
			"CREATE DATABASE IF NOT EXISTS shop",
			"CREATE OR REPLACE TABLE shop.local_lines AS order_lines ENGINE = MergeTree ORDER BY account",
			"CREATE OR REPLACE TABLE shop.all_lines AS order_lines ENGINE = Distributed(town, shop, local_lines, cityHash64(account))",
			"CREATE OR REPLACE TABLE shop.staging AS order_lines ENGINE = Memory",
			"DROP TABLE order_lines",
			"CREATE VIEW order_lines AS SELECT * FROM shop.local_lines")
	}
	(&town{lines: lines}).fillLines(t, s.mapped[0], "shop.staging")
	execute(t, s.mapped[0], "INSERT INTO shop.all_lines SELECT * FROM shop.staging SETTINGS distributed_foreground_insert = 1")
	here, there := rowsOf(t, s.mapped[0], "shop.local_lines"), rowsOf(t, s.mapped[1], "shop.local_lines")
	if here == 0 || there == 0 || here+there != int64(len(lines)) {
		t.Fatalf("the shards hold %d and %d of %d order lines", here, there, len(lines))
	}
}

func rowsOf(t *testing.T, e clickhouse.Engine, table string) int64 {
	t.Helper()
	n := int64(-1)
	if err := e.Query(t.Context(), "SELECT count() AS n FROM "+table, nil, func(f *frame.Table) error {
		n = f.Columns[0].Integers[0]
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOnShardsNamesTheDatabaseOfEverySource(t *testing.T) {
	got := clickhouse.OnShards("it's", "fealty$1`\\", "-- from when\nSELECT account FROM order_lines JOIN\n  accounts USING account -- end ; \n;\n")
	want := "SELECT * FROM cluster('it\\'s', view(-- from when\nSELECT account FROM `fealty$1\\`\\\\`.order_lines JOIN\n  `fealty$1\\`\\\\`.accounts USING account -- end\n))"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMatrixOnTwoShards(t *testing.T) {
	t.Parallel()
	s := twoShards(t)
	// Every question gives the answer of one host that holds everything, which for the
	// hand-written histories is matrix.txt.
	w := crowd(60, 3)
	for account := range w.members {
		w.outcomes = append(w.outcomes, outcome{account: account, label: "left", cutoff: at("2025-03-01"), value: euros(1)})
	}
	// Accounts that are one live where they fall, on one host or on several.
	for i := range 6 {
		w.links = append(w.links, link{account: fmt.Sprintf("crowd-%d", 10*i), other: fmt.Sprintf("crowd-%d", 10*i+7), kind: features.Merged, since: at("2025-03-20")})
	}
	w.add(cases())
	s.fill(t, w)
	execute(t, s.mapped[0], "CREATE DATABASE whole")
	one := serverOf(t, s.first.URL("whole", ""), clickhouse.Limits{})
	defer closeEngine(t, one)
	clearTables(t, one)
	w.fill(t, one)
	r := request(goldenCutoffs...)
	want, got := build(t.Context(), t, one, r), build(t.Context(), t, s.all, r)
	if want.Frame.Rows() < 100 {
		t.Fatalf("%d rows to compare", want.Frame.Rows())
	}
	if diff := cmp.Diff(hashes(want), hashes(got)); diff != "" {
		t.Errorf("matrix (-one host +two shards):\n%.2000s", diff)
	}
	if diff := cmp.Diff(want.report, got.report); diff != "" {
		t.Errorf("report (-one host +two shards):\n%.2000s", diff)
	}
	// Which accounts are asked for, by range or by name, every file is told in the same words.
	r.Catalogue = fromFiles(features.Orders, features.Contact)
	whole := hashes(build(t.Context(), t, one, r))
	r.SliceAccounts = want.report.Accounts * 3 / 4 // those who go on in others are listed too
	got = build(t.Context(), t, s.all, r)
	if diff := cmp.Diff(whole, hashes(got)); diff != "" || got.report.Slices != 2 {
		t.Errorf("in %d slices (-one host +two shards):\n%.2000s", got.report.Slices, diff)
	}
	r.Accounts = []frame.AccountID{"crowd-1", "crowd-2", "crowd-3", "crowd-4", "crowd-5", "crowd-6"}
	if diff := cmp.Diff(hashes(build(t.Context(), t, one, r)), hashes(build(t.Context(), t, s.all, r))); diff != "" {
		t.Errorf("named accounts (-one host +two shards):\n%.2000s", diff)
	}

	r = request(goldenCutoffs...)
	both := func(what string, ask func(e clickhouse.Engine) (any, error)) {
		t.Helper()
		a, err := ask(one)
		if err != nil {
			t.Fatalf("%s of one host: %v", what, err)
		}
		b, err := ask(s.all)
		if err != nil {
			t.Fatalf("%s of two shards: %v", what, err)
		}
		if diff := cmp.Diff(a, b, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s (-one host +two shards):\n%.2000s", what, diff)
		}
	}
	both("population", func(e clickhouse.Engine) (any, error) { return clickhouse.Population(t.Context(), e, r) })
	both("extent", func(e clickhouse.Engine) (any, error) { return clickhouse.Extent(t.Context(), e, 9) })
	both("assessed", func(e clickhouse.Engine) (any, error) { return clickhouse.Assessed(t.Context(), e, r) })
	both("declared", func(e clickhouse.Engine) (any, error) { return clickhouse.Declared(t.Context(), e, r) })
	both("holdings", func(e clickhouse.Engine) (any, error) {
		return holdings(t, e, features.HoldingRequest{Request: r, Key: features.ByProduct, HorizonDays: 60}), nil
	})
	for _, rule := range []features.LabelRule{
		{Label: features.NonContractual, HorizonDays: 60},
		{Label: features.PartialDefection, HorizonDays: 60},
		{Label: features.Contractual, HorizonDays: 60, GraceDays: 30},
		{Label: features.NonRenewal, HorizonDays: 60, GraceDays: 30},
		{Label: features.ReadyMade, HorizonDays: 60, Outcome: "left"},
	} {
		both(string(rule.Label), func(e clickhouse.Engine) (any, error) {
			return clickhouse.Outcomes(t.Context(), e, features.LabelRequest{Rule: rule, Through: frame.Cutoff(at("2025-09-01")), Watermark: 9}, want.Slice)
		})
	}
	// The larger host speaks for all: near, not equal.
	p, err := clickhouse.ProposeHorizon(t.Context(), s.all, r.Cutoffs[0], r.KnownAt[0], 9, "UTC")
	if err != nil || p.Accounts == 0 || p.GapDays <= 0 {
		t.Errorf("horizon of two shards: %+v, %v", p, err)
	}

	// An answer of the living shard alone would look like a smaller town.
	extent, err := clickhouse.Extent(t.Context(), s.all, 9)
	if err != nil {
		t.Fatal(err)
	}
	s.second.Kill()
	if span, err := clickhouse.Extent(t.Context(), s.all, 9); err == nil {
		t.Errorf("with a dead shard there are %d of %d order lines, and no error", span.Rows, extent.Rows)
	} else {
		oneLine(t, "dead shard", err)
	}
	s.second.Restart()
	if span, err := clickhouse.Extent(t.Context(), s.all, 9); err != nil || span != extent {
		t.Errorf("after the shard came back there are %+v, want %+v (%v)", span, extent, err)
	}
}
