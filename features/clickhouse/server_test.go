package clickhouse_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/featurestest"
	"fealty/features/frame"
)

// The server engine keeps the contract of every engine.
func TestServerPassesTheEngineSuite(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{})
	featurestest.Engine(t, func(t *testing.T, limits clickhouse.Limits) clickhouse.Engine {
		t.Helper()
		return serverOf(t, s.URL("default", ""), limits)
	})
}

// What accounts hold, what is declared of them and how, over the wire as in process.
func TestHoldingsAndDeclarationsOverTheWire(t *testing.T) {
	t.Parallel()
	server := serverOf(t, launch.Start(t, launch.Options{}).URL("default", ""), clickhouse.Limits{})
	t.Cleanup(func() { closeEngine(t, server) })
	type answers struct {
		declared  []features.Declared
		corrected int64
		already   bool
		holdings  map[features.HoldingKey][]features.Holding
	}
	ask := func(e clickhouse.Engine) answers {
		var a answers
		w := clickhouse.Warehouse{Engine: e}
		if err := w.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		loaded(t, w, into("wallets"), csv(t, "wallets", "account,category,period,amount,origin,author\na,ink,2024-01-01,1000,survey,Li\na,,2024-01-01,9000,survey,李"))
		for range 2 {
			done, err := w.Declare(t.Context(), features.Declaration{
				Account: "a", Category: "ink", Period: at("2024-01-01"), Recorded: at("2024-03-01"), Amount: 1234.5, Rank: 1, Suppliers: 3, Author: "王",
			})
			if err != nil {
				t.Fatal(err)
			}
			a.corrected, a.already = done.Corrected, done.Already
		}
		a.declared = declared(t, e, request("2024-02-01", "2024-04-01"))
		clearTables(t, e)
		town := crowd(40, 11)
		town.restsAndLinks()
		town.fill(t, e)
		a.declared = append(a.declared, declared(t, e, randomCutoffs(3))...)
		a.holdings = map[features.HoldingKey][]features.Holding{}
		for _, key := range []features.HoldingKey{features.ByCategory, features.ByProduct} {
			a.holdings[key] = holdings(t, e, features.HoldingRequest{Request: randomCutoffs(3), Key: key, HorizonDays: 75})
		}
		return a
	}
	want, got := ask(migrated(t).Engine), ask(server)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(answers{}), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-in process +over the wire):\n%.3000s", diff)
	}
	if !got.already || len(got.declared) < 10 || len(got.holdings[features.ByProduct]) < 100 {
		t.Errorf("already %t, %d declared, %d holdings", got.already, len(got.declared), len(got.holdings[features.ByProduct]))
	}
	if d := got.declared[3]; d.Account != "a" || d.Cutoff != frame.Cutoff(at("2024-04-01")) || d.Amount != 1234.5 || d.Rank != 1 || d.Said.Author != "王" {
		t.Errorf("declared: %+v", d)
	}
}
