package servingtest_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/serving/servingtest"
)

// TestMain turns the test binary into a server when launch starts it as one.
func TestMain(m *testing.M) {
	launch.Child()
	os.Exit(m.Run())
}

// folder finds the public data sets that CONTRIBUTING.md speaks of.
func folder(t *testing.T) string {
	t.Helper()
	root := os.Getenv("FEALTY_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(root, "online-retail-1")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the public data sets are absent, and CI must have them: set FEALTY_DATA (%v)", err)
		}
		t.Skip("SKIPPED: the public data sets are absent; set FEALTY_DATA to their folder")
	}
	return root
}

// warehouse opens an empty embedded warehouse for the test.
func warehouse(t *testing.T) clickhouse.Warehouse {
	t.Helper()
	launch.Library(t) // skips, or fails in CI
	return opened(t, "chdb://"+t.TempDir())
}

func opened(t *testing.T, url string) clickhouse.Warehouse {
	t.Helper()
	e, err := clickhouse.Open(t.Context(), url, clickhouse.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	w := clickhouse.Warehouse{Engine: e}
	if err := w.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// Protocol T is reached, exactly where it is a sum and at the bars where it is
// learnt; the references and bars are from the refs page.
func TestProtocolT(t *testing.T) {
	data := folder(t)
	w := warehouse(t)
	figures, table, err := servingtest.OnlineRetail().Measure(t.Context(), w, w, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range table {
		t.Logf("%s %-9s served %-5v %s auc %.4f log-loss %.4f ece %.4f", row.Cutoff, row.Rung, row.Served, row.Grade, row.Quality.AUC, row.Quality.LogLoss, row.Quality.ECE)
	}
	bars := 0
	for _, f := range figures {
		if f.OK == nil {
			continue
		}
		if bars++; !f.Reached() {
			t.Errorf("%s = %v, want %s %v", f.Name, f.Value, f.Op, *f.Bound)
		}
		if math.IsNaN(float64(f.Value)) {
			t.Errorf("%s was not measured", f.Name)
		}
	}
	// Three check sums, two of the population, AUC and log-loss at three cutoffs.
	if bars != 11 {
		t.Errorf("%d figures have a bar, want 11", bars)
	}
	overTheWire(t, data, figures)
}

// overTheWire runs the last test cutoff on a ClickHouse server: the figures are
// those of the embedded engine.
func overTheWire(t *testing.T, data string, figures []servingtest.Figure) {
	t.Helper()
	embedded := map[string]float64{}
	for _, f := range figures {
		embedded[f.Name] = float64(f.Value)
	}
	w := opened(t, launch.Start(t, launch.Options{}).URL("default", "").String())
	public := servingtest.OnlineRetail()
	public.Backtest.Cutoffs = []string{"2011-09-09"}
	wire, _, err := public.Measure(t.Context(), w, w, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range wire {
		if want, ok := embedded[f.Name]; !ok || !(math.Abs(float64(f.Value)-want) <= 1e-9) || f.Engine != "clickhouse" {
			t.Errorf("%s on %s = %v, embedded %v", f.Name, f.Engine, f.Value, want)
		}
	}
	if len(wire) < 20 {
		t.Errorf("%d figures came over the wire", len(wire))
	}
}

// What nobody can know beforehand is not known: a higher AUC is a leak.
func TestNegativeControl(t *testing.T) {
	data := folder(t)
	w := warehouse(t)
	figures, table, err := servingtest.NegativeControl().Measure(t.Context(), w, w, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	bars := 0
	for _, f := range figures {
		if f.OK != nil {
			if bars++; !f.Reached() {
				t.Errorf("%s = %v, want %s %v", f.Name, f.Value, f.Op, *f.Bound)
			}
		}
	}
	if bars != 1 {
		t.Errorf("%d figures have a bar, want 1", bars)
	}
	for _, row := range table {
		t.Logf("%s %-9s served %-5v %s auc %.4f", row.Cutoff, row.Rung, row.Served, row.Grade, row.Quality.AUC)
	}
}
