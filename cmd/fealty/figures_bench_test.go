package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/files"
	"fealty/features/frame"
	"fealty/model"
	"fealty/serving/servingtest"
)

// atMost prints a figure that must not exceed its bound: a ratio (ours ÷ the
// peer's time) or a size.
func atMost(b *testing.B, name, engine, unit string, value, reference, bound float64) {
	b.Helper()
	f := servingtest.Figure{Name: name, Engine: engine, Value: model.Figure(value), Unit: unit, Reference: &reference}
	f.Bar("<=", bound)
	if err := servingtest.PrintFigures(os.Stdout, []servingtest.Figure{f}); err != nil {
		b.Error(err)
	}
}

const (
	benchLines    = 10_000_000
	benchAccounts = 200_000
	benchCutoff   = "2024-01-01T00:00:00Z"
	// benchRuns of each side, in turn; the quickest counts, because noise only adds.
	benchRuns = 3
)

// The town of the benchmark, made by the engine itself: 50 lines an account in
// 17 orders over three years, some lines returned.
const benchRows = `
SELECT
    concat('A', leftPad(toString(number % 200000), 7, '0')) AS account,
    concat('O', leftPad(toString(number % 200000), 7, '0'), '-', toString(intDiv(intDiv(number, 200000), 3))) AS order_id,
    toInt64(intDiv(number, 200000) % 3 + 1) AS line,
    concat('P', toString(cityHash64(number) % 240)) AS product,
    concat('C', toString(cityHash64(number) % 12)) AS category,
    toDecimal64(1, 4) AS quantity,
    toDecimal64(toInt64(cityHash64(number, 1) % 50000) - 1000, 4) / 100 AS amount,
    amount AS amount_base,
    toDecimal64(cityHash64(number, 2) % 200, 4) / 100 AS discount,
    toDecimal64(cityHash64(number, 3) % 20000, 4) / 100 AS cost,
    'EUR' AS currency,
    toDecimal64(cityHash64(product) % 500, 4) / 10 AS list_price,
    if(discount > 1, 'spring', '') AS promotion,
    if(amount < 0, ['quality', 'late'][1 + cityHash64(number, 4) % 2], '') AS return_reason,
    toDateTime('2021-01-01 00:00:00', 'UTC') + toIntervalSecond(intDiv(intDiv(number, 200000), 3) * 5500000 + cityHash64(number % 200000, intDiv(intDiv(number, 200000), 3)) % 5000000) AS ordered_at,
    ordered_at + toIntervalDay(5) AS promised_at,
    ordered_at + toIntervalHour(48 + cityHash64(number, 5) % 120) AS delivered_at,
    ordered_at AS recorded_at`

// benchColumns are those of benchRows.
var benchColumns = []string{
	"account", "order_id", "line", "product", "category", "quantity", "amount", "amount_base", "discount", "cost", "currency",
	"list_price", "promotion", "return_reason", "ordered_at", "promised_at", "delivered_at", "recorded_at",
}

// BenchmarkFigures measures what stands in the issue of speed: features,
// import and memory, each against its peer in the same run, in process and over
// the wire.
func BenchmarkFigures(b *testing.B) {
	if os.Getenv("FEALTY_BENCH") == "" {
		b.Skip("needs minutes and 4 GB: make bench")
	}
	launch.Library(b)
	collectOften() // as the shipped program does
	dir := b.TempDir()
	lines := filepath.Join(dir, "order_lines.csv")
	b.Run("chdb", func(b *testing.B) {
		w := benchWarehouse(b, "chdb://"+filepath.Join(dir, "warehouse"))
		importFigures(b, w, lines)
		featureFigures(b, w, "features/10m", false, 4)
		polars(b, w, dir)
		importRecord(b, w, dir)
		featureFigures(b, w, "features/record", true, 8)
	})
	b.Run("wire", func(b *testing.B) {
		w := benchWarehouse(b, launch.Start(b, launch.Options{Direct: true}).URL("default", "").String())
		importFigures(b, w, lines)
		featureFigures(b, w, "features/10m", false, 4)
		importRecord(b, w, dir)
		featureFigures(b, w, "features/record", true, 8)
	})
}

func benchWarehouse(b *testing.B, url string) clickhouse.Warehouse {
	b.Helper()
	engine, err := clickhouse.Open(b.Context(), url, clickhouse.Limits{MaxMemory: 8 << 30})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := engine.Close(); err != nil {
			b.Error(err)
		}
	})
	w := clickhouse.Warehouse{Engine: engine}
	if err := w.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	return w
}

// seconds returns the quickest of several runs of each, taken in turn.
func seconds(b *testing.B, runs ...func() error) []float64 {
	b.Helper()
	best := make([]float64, len(runs))
	for range benchRuns {
		for i, run := range runs {
			began := time.Now()
			if err := run(); err != nil {
				b.Fatal(err)
			}
			if took := time.Since(began).Seconds(); best[i] == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	return best
}

// importFigures reads 10 million CSV lines by the import and by the engine's
// own reader, into tables of the same columns. The import leaves the rows for featureFigures.
func importFigures(b *testing.B, w clickhouse.Warehouse, path string) {
	b.Helper()
	makeCSV(b, w, path, fmt.Sprintf("%s FROM numbers(%d)", benchRows, benchLines))
	own := func() error {
		err := w.Exec(b.Context(), "DROP TABLE IF EXISTS bench_lines", nil)
		if err == nil {
			err = w.Exec(b.Context(), "CREATE TABLE bench_lines AS imported_order_lines", nil)
		}
		if err == nil {
			columns := strings.Join(benchColumns, ", ")
			err = w.Exec(b.Context(), fmt.Sprintf("INSERT INTO bench_lines (%s, load, source) SELECT %s, 1, 'import' FROM file('%s', 'CSVWithNames') SETTINGS date_time_input_format = 'best_effort'",
				columns, columns, path), nil)
		}
		return err
	}
	// The same content is loaded once only, so that ours runs once and the engine's
	// reader before and after it. Neither pays for merging the other's parts.
	drop := func() {
		if err := w.Exec(b.Context(), "DROP TABLE bench_lines", nil); err != nil {
			b.Fatal(err)
		}
	}
	before := seconds(b, own)[0]
	drop()
	began := time.Now()
	if err := load(b, w, "order_lines", path); err != nil {
		b.Fatal(err)
	}
	ours := time.Since(began).Seconds()
	after := seconds(b, own)[0]
	b.Logf("import of %d lines: %.2f s, the engine's own reader %.2f s and %.2f s", benchLines, ours, before, after)
	atMost(b, "import/10m/engine-reader", w.Describe(), "ratio", ours/min(before, after), 1, 1.5)
	drop()
}

// makeCSV has the engine write the answer of a SELECT, unless the file is there.
func makeCSV(b *testing.B, w clickhouse.Warehouse, path, sql string) {
	b.Helper()
	if _, err := os.Stat(path); err == nil {
		return
	}
	if err := w.Exec(b.Context(), fmt.Sprintf("INSERT INTO FUNCTION file('%s', 'CSVWithNames') %s", path, sql), nil); err != nil {
		b.Fatal(err)
	}
}

// load imports a CSV file.
func load(b *testing.B, w clickhouse.Warehouse, name, path string) error {
	b.Helper()
	table, _ := features.Schema(name)
	reader, err := files.Open(b.Context(), files.Options{Inputs: files.FromPaths(path), Table: table})
	if err != nil {
		return err
	}
	_, err = w.Load(b.Context(), features.LoadRequest{Table: name, Hash: reader.ContentHash, BaseCurrency: "EUR", Zone: "UTC"}, reader, func(int64) {})
	return errors.Join(err, reader.Close())
}

// The record of the town beside its order lines: for 200,000 accounts 2 million
// interactions, a million invoices and as many payments, 400,000 touches, buyers,
// contracts and declared wallets, so that every file of the catalogue is asked. All
// keep twelve holidays a year, and one account in fifty pauses for 40 days.
var benchRecord = map[string]string{
	"accounts": "SELECT concat('A', leftPad(toString(number), 7, '0')) AS account, ['DE', 'CN'][1 + number % 2] AS country, 50000 AS credit_limit, concat('M', toString(number % 97)) AS account_manager FROM numbers(200000)",
	"interactions": `SELECT concat('I', toString(number)) AS id, concat('A', leftPad(toString(number % 200000), 7, '0')) AS account,
		toDateTime('2021-01-01 00:00:00', 'UTC') + toIntervalSecond(cityHash64(number) % 94000000) AS at,
		['visit', 'call', 'email', 'care', 'complaint', 'complaint_resolved', 'survey', 'competitor_offer', 'people_change', 'promise'][1 + intDiv(number, 200000) % 10] AS kind,
		if(kind = 'complaint_resolved', concat('I', toString(number - 200000)), '') AS ref, ['publicity', 'service', 'price', ''][1 + cityHash64(number, 2) % 4] AS factor,
		['care', 'information'][1 + number % 2] AS purpose, if(kind = 'promise', toString(at + toIntervalDay(7)), '') AS due_at, if(kind = 'email', toString(at + toIntervalHour(number % 90)), '') AS responded_at,
		if(kind = 'survey', toString(cityHash64(number, 1) % 11), '') AS value, value AS perception, if(kind = 'survey', '10', '') AS scale FROM numbers(2000000)`,
	"invoices": `SELECT concat('V', toString(number)) AS id, concat('A', leftPad(toString(number % 200000), 7, '0')) AS account,
		toDateTime('2021-01-01 00:00:00', 'UTC') + toIntervalSecond(cityHash64(number) % 94000000) AS issued_at, issued_at + toIntervalDay(30) AS due_at, 100 + number % 1000 AS amount, 'EUR' AS currency FROM numbers(1000000)`,
	"payments": `SELECT concat('Y', toString(number)) AS id, concat('A', leftPad(toString(number % 200000), 7, '0')) AS account, concat('V', toString(number)) AS invoice,
		toDateTime('2021-01-01 00:00:00', 'UTC') + toIntervalSecond(cityHash64(number) % 94000000) + toIntervalDay(20 + cityHash64(number, 1) % 30) AS paid_at, 100 + number % 1000 AS amount, 'EUR' AS currency FROM numbers(950000)`,
	"people": `SELECT concat('E', toString(number)) AS id, concat('A', leftPad(toString(number % 200000), 7, '0')) AS account, ['buyer', 'user'][1 + intDiv(number, 200000)] AS role,
		toDateTime('2021-01-01 00:00:00', 'UTC') + toIntervalDay(number % 700) AS since FROM numbers(400000)`,
	"contracts": `SELECT concat('K', toString(number)) AS id, concat('A', leftPad(toString(number * 2), 7, '0')) AS account, toDateTime('2023-01-01 00:00:00', 'UTC') + toIntervalDay(number % 300) AS start,
		start + toIntervalDay(365) AS end, 1000 AS amount FROM numbers(100000)`,
	"touches": `SELECT concat('T', toString(number)) AS id, concat('A', leftPad(toString(number % 200000), 7, '0')) AS account,
		toDateTime('2021-01-01 00:00:00', 'UTC') + toIntervalSecond(cityHash64(number) % 94000000) AS at, concat('C', toString(number % 40)) AS campaign FROM numbers(400000)`,
	"holidays": `SELECT ['CN', 'DE'][1 + number % 2] AS country, toDateTime('2021-01-01 00:00:00', 'UTC') + toIntervalDay(30 * intDiv(number, 2)) AS day,
		toDateTime('2020-01-01 00:00:00', 'UTC') AS recorded_at FROM numbers(74)`,
	"pauses": `SELECT concat('A', leftPad(toString(number * 50), 7, '0')) AS account, toDateTime('2023-03-01 00:00:00', 'UTC') + toIntervalDay(number % 200) AS start,
		start + toIntervalDay(40) AS end, toDateTime('2023-01-01 00:00:00', 'UTC') AS recorded_at FROM numbers(4000)`,
	"wallets": "SELECT concat('A', leftPad(toString(number * 4), 7, '0')) AS account, toDateTime('2023-01-01 00:00:00', 'UTC') AS period, 100000 AS amount FROM numbers(50000)",
}

// benchCalendar are the holidays of the record as a build asks by them.
func benchCalendar(b *testing.B, r features.Request) features.Calendar {
	b.Helper()
	const first = 18628 // 2021-01-01
	var holidays []features.Holiday
	for i := range 74 {
		holidays = append(holidays, features.Holiday{Country: []string{"CN", "DE"}[i%2], Day: first + 30*(i/2)})
	}
	today := make([]int, len(r.Cutoffs))
	for k, c := range r.Cutoffs {
		today[k] = int(int64(c) / 86400)
	}
	calendar, err := features.NewCalendar(holidays, first, slices.Max(today), today, r.KnownAt)
	if err != nil {
		b.Fatal(err)
	}
	return calendar
}

// importRecord imports the record.
func importRecord(b *testing.B, w clickhouse.Warehouse, dir string) {
	b.Helper()
	for _, schema := range features.Schemas() {
		sql, ok := benchRecord[schema.Name]
		if !ok {
			continue
		}
		path := filepath.Join(dir, schema.Name+".csv")
		makeCSV(b, w, path, sql)
		if err := load(b, w, schema.Name, path); err != nil {
			b.Fatal(err)
		}
	}
}

// featureFigures builds the catalogue, of accounts that rest or don't; twelve is the bound of twelve cutoffs.
func featureFigures(b *testing.B, w clickhouse.Warehouse, name string, rests bool, twelve float64) {
	b.Helper()
	watermark, err := w.Watermark(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	one := monthEnds(b, watermark, 1)
	var rows int
	build := func(r features.Request) func() error {
		return func() error {
			rows = 0
			_, err := w.Build(b.Context(), r, func(s *features.Slice) error {
				rows += s.Frame.Rows()
				return nil
			})
			return err
		}
	}
	watch := watchMemory()
	took := seconds(b, build(one), bare(b, w, one, rests), build(monthEnds(b, watermark, 12)))
	peak := watch()
	if rows != 12*benchAccounts {
		b.Fatalf("%d rows for 12 cutoffs of %d accounts", rows, benchAccounts)
	}
	b.Logf("features: one cutoff %.2f s, the bare SQL %.2f s, twelve cutoffs %.2f s", took[0], took[1], took[2])
	atMost(b, name+"/bare-sql", w.Describe(), "ratio", took[0]/took[1], 1, 1.25)
	atMost(b, name+"/twelve-cutoffs", w.Describe(), "ratio", took[2]/took[0], 1, twelve)
	// A slice holds at most 200,000 rows of the catalogue in float64 beside their keys.
	slice := float64(200_000 * (8*len(features.Catalogue()) + 64))
	atMost(b, name+"/go-memory", w.Describe(), "ratio", peak/slice, 1, 2)
}

// monthEnds asks for the newest n month ends.
func monthEnds(b *testing.B, watermark uint64, n int) features.Request {
	b.Helper()
	last, err := time.Parse(time.RFC3339, benchCutoff)
	if err != nil {
		b.Fatal(err)
	}
	r := features.Request{Watermark: watermark, Zone: "UTC"}
	for i := range n {
		at := last.AddDate(0, -i, 0).Unix()
		r.Cutoffs, r.KnownAt = append(r.Cutoffs, frame.Cutoff(at)), append(r.KnownAt, frame.KnownAt(at))
	}
	return r
}

// bare runs the statements of a build by the engine alone, their answers
// discarded where they arise. Files whose source has no row are left out, as a
// build does.
func bare(b *testing.B, w clickhouse.Warehouse, r features.Request, rests bool) func() error {
	b.Helper()
	coverage, err := w.Measure(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	catalogue := slices.DeleteFunc(features.Catalogue(), func(f features.Feature) bool {
		return !slices.ContainsFunc(coverage, func(c features.Coverage) bool { return c.Source == f.Needs() && c.Rows > 0 })
	})
	statements, err := clickhouse.BuildStatements(catalogue, rests)
	if err != nil {
		b.Fatal(err)
	}
	values := map[string]any{
		"cutoffs": r.Cutoffs, "known_at": r.KnownAt, "watermark": r.Watermark, "tz": r.Zone,
		"accounts": []string{}, "from_account": "", "to_account": "",
		"rest_days": []int64{0}, "rest_before": []int64{0}, "rest_beats": []int64{0}, "rest_passed": []int64{0}, "cadence_days": []int64{0},
	}
	if rests {
		c := benchCalendar(b, r)
		values["rested"], values["calendars"], values["rest_countries"] = uint64(1), c.Of, c.Countries
		values["rest_days"], values["rest_before"], values["rest_beats"], values["rest_passed"] = c.Days, c.Before, c.Beats, c.Passed
		values["cadence_segments"] = []string{""}
	}
	return func() error {
		for _, sql := range statements {
			params := clickhouse.Params{}
			for name, value := range values {
				if strings.Contains(sql, "{"+name+":") {
					params[name] = value
				}
			}
			if err := w.Exec(b.Context(), sql, params); err != nil {
				return err
			}
		}
		return nil
	}
}

// watchMemory samples the heap of Go until the function that it returns is
// called, which answers with the growth in bytes.
func watchMemory() func() float64 {
	const every = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak := before.HeapInuse
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapInuse)
			}
		}
	})
	return func() float64 {
		cancel()
		done.Wait()
		return float64(peak - before.HeapInuse)
	}
}

// polars compares the features of the orders alone with a script of the same
// features; it skips where no Python environment with polars can be made.
func polars(b *testing.B, w clickhouse.Warehouse, dir string) {
	b.Helper()
	watermark, err := w.Watermark(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	r := monthEnds(b, watermark, 1)
	python, err := polarsPython(b.Context())
	if err != nil {
		b.Logf("no comparison with polars: %v", err)
		return
	}
	path := filepath.Join(dir, "lines.parquet")
	scaled := strings.NewReplacer("\n", " ").Replace(`SELECT account, order_id, line, product, toInt64(amount * 10000) AS amount, toInt64(discount * 10000) AS discount,
		toInt64(cost * 10000) AS cost, toDateTime64(ordered_at, 3, 'UTC') AS ordered_at, toDateTime64(recorded_at, 3, 'UTC') AS recorded_at FROM order_lines`)
	if err := w.Exec(b.Context(), fmt.Sprintf("INSERT INTO FUNCTION file('%s', 'Parquet') %s", path, scaled), nil); err != nil {
		b.Fatal(err)
	}
	r.Catalogue = nil
	for _, f := range features.Catalogue() {
		if f.File == features.Orders {
			r.Catalogue = append(r.Catalogue, f)
		}
	}
	ours := seconds(b, func() error {
		_, err := w.Build(b.Context(), r, func(*features.Slice) error { return nil })
		return err
	})[0]
	script := exec.CommandContext(b.Context(), python, "testdata/bench/order_features.py", path, benchCutoff)
	script.Stderr = os.Stderr
	out, err := script.Output()
	if err != nil {
		b.Fatalf("the polars script: %v", err)
	}
	said := strings.Fields(string(out))
	theirs, err := strconv.ParseFloat(said[0], 64)
	if err != nil || said[1] != strconv.Itoa(benchAccounts) {
		b.Fatalf("the polars script says %q", out)
	}
	b.Logf("order features: %.2f s, polars %s %.2f s", ours, said[len(said)-1], theirs)
	atMost(b, "features/10m/polars", w.Describe(), "ratio", ours/theirs, 1, 1)
}

// polarsPython returns a Python with polars, made once and kept beside the
// engine.
func polarsPython(ctx context.Context) (string, error) {
	cache := os.Getenv("FEALTY_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find a folder for the environment: %w", err)
		}
		cache = filepath.Join(home, ".cache", "fealty")
	}
	venv := filepath.Join(cache, "venv-polars-1.35.2")
	python := filepath.Join(venv, "bin", "python")
	for _, args := range [][]string{
		{"python3", "-m", "venv", venv},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "polars==1.35.2"},
	} {
		var said bytes.Buffer
		command := exec.CommandContext(ctx, args[0], args[1:]...)
		command.Stderr = &said
		if err := command.Run(); err != nil {
			return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, said.String())
		}
	}
	return python, nil
}

// A CSV header is what the import maps by name: the benchmark names fields that its
// rows have.
func TestBenchRowsNameFields(t *testing.T) {
	table, _ := features.Schema("order_lines")
	for _, name := range benchColumns {
		if table.Field(name) == nil || !strings.Contains(benchRows, name) {
			t.Errorf("%q is no field of order_lines, or not in the rows", name)
		}
	}
}
