package clickhouse_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

func declared(t *testing.T, e clickhouse.Engine, r features.Request) []features.Declared {
	t.Helper()
	all, err := clickhouse.Declared(t.Context(), e, r)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// told writes what is declared in one line.
func told(all []features.Declared) string {
	parts := make([]string, len(all))
	day := func(s features.Statement) string {
		return frame.Cutoff(s.Period).Time().Format("2006-01-02") + " by " + s.Author + "/" + s.Origin + " known " + frame.Cutoff(s.Recorded).Time().Format("2006-01-02")
	}
	for i, d := range all {
		parts[i] = fmt.Sprintf("%s %q", d.Account, d.Category)
		if !math.IsNaN(d.Amount) {
			parts[i] += fmt.Sprintf(" %v of %s", d.Amount, day(d.Said))
		}
		if d.Rank > 0 {
			parts[i] += fmt.Sprintf(" rank %d of %d of %s", d.Rank, d.Suppliers, day(d.Ranked))
		}
	}
	return strings.Join(parts, "\n")
}

func TestDeclaredWalletsAsTheyCame(t *testing.T) {
	w := migrated(t)
	const header = "account,category,period,amount,rank,suppliers,origin,author,recorded_at\n"
	load := func(correct bool, rows ...string) {
		t.Helper()
		r := into("wallets")
		r.Correct = correct
		loaded(t, w, r, csv(t, "wallets", header+strings.Join(rows, "\n")))
	}
	load(false,
		"a,ink,2024-01-01,1000,,,survey,Li,2024-01-10",
		"a,ink,2024-07-01,,2,5,manager,Wang,2024-07-02",
		"a,pens,2024-01-01,50,1,3,manager,Wang,2024-01-01",
		"a,,2024-01-01,9000,,,manager,Li,2024-01-01",
		"b,ink,2024-01-01,700,,,survey,Li,2024-01-01",
		"b,ink,2025-06-01,800,,,survey,Li,2024-02-01", // planned
		"c,ink,2024-01-01,0,,,survey,Li,2024-01-01")
	ask := func(cutoff string) string { return told(declared(t, w, request(cutoff))) }
	before := `a "" 9000 of 2024-01-01 by Li/manager known 2024-01-01
a "ink" 1000 of 2024-01-01 by Li/survey known 2024-01-10 rank 2 of 5 of 2024-07-01 by Wang/manager known 2024-07-02
a "pens" 50 of 2024-01-01 by Wang/manager known 2024-01-01 rank 1 of 3 of 2024-01-01 by Wang/manager known 2024-01-01
b "ink" 700 of 2024-01-01 by Li/survey known 2024-01-01`
	if diff := cmp.Diff(before, ask("2024-09-01")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Before the rank was known, and at the instant of a period.
	if got := ask("2024-07-01 12:00:00"); strings.Contains(got, "rank 2") {
		t.Errorf("known too early: %s", got)
	}
	if got := ask("2024-01-01"); got != "" {
		t.Errorf("a period begins at the cutoff: %s", got)
	}
	// Corrections: of an amount, of a rank, and a rank in place of an amount.
	load(true,
		"a,ink,2024-01-01,1200,,,manager,Wang,2024-10-01",
		"a,ink,2024-07-01,,1,4,manager,Wang,2024-10-01",
		"b,ink,2024-01-01,,3,4,manager,Wang,2024-10-01")
	if diff := cmp.Diff(before, ask("2024-09-01")); diff != "" {
		t.Errorf("what was corrected later changed the past (-want +got):\n%s", diff)
	}
	after := `a "" 9000 of 2024-01-01 by Li/manager known 2024-01-01
a "ink" 1200 of 2024-01-01 by Wang/manager known 2024-10-01 rank 1 of 4 of 2024-07-01 by Wang/manager known 2024-10-01
a "pens" 50 of 2024-01-01 by Wang/manager known 2024-01-01 rank 1 of 3 of 2024-01-01 by Wang/manager known 2024-01-01
b "ink" rank 3 of 4 of 2024-01-01 by Wang/manager known 2024-10-01`
	if diff := cmp.Diff(after, ask("2024-10-02")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r := request("2024-10-02")
	r.Accounts = []frame.AccountID{"b"}
	if got := told(declared(t, w, r)); got != `b "ink" rank 3 of 4 of 2024-01-01 by Wang/manager known 2024-10-01` {
		t.Errorf("of one account: %s", got)
	}
}

// The declared amounts are what the wallet features read.
func TestRanksChangeNoWalletFeature(t *testing.T) {
	e := embedded(t)
	w := crowd(60, 4)
	w.fill(t, e)
	r := request(goldenCutoffs...)
	r.Catalogue = fromFiles(features.Orders, features.Declarations)
	for _, f := range features.Catalogue() {
		if f.Group == "wallet" && f.File != features.Declarations {
			r.Catalogue = append(r.Catalogue, f)
		}
	}
	want := build(t.Context(), t, e, r)
	execute(t, e, "INSERT INTO wallets (account, category, period, rank, suppliers, recorded_at, load, source) "+
		"SELECT account, category, period + 86400, 2, 3, recorded_at, 1, 'import' FROM wallets",
		"INSERT INTO wallets (account, category, period, rank, suppliers, recorded_at, load, source) "+
			"SELECT account, 'pens', ordered_at, 1, 3, ordered_at, 1, 'import' FROM order_lines")
	got := build(t.Context(), t, e, r)
	if diff := cmp.Diff(hashes(want), hashes(got)); diff != "" {
		t.Errorf("(-without ranks +with them):\n%.2000s", diff)
	}
	if diff := cmp.Diff(want.report.Coverage, got.report.Coverage); diff != "" {
		t.Errorf("coverage (-without ranks +with them):\n%.2000s", diff)
	}
	sums, ranks := map[string]float64{}, 0
	for _, d := range declared(t, e, r) {
		if d.Category != "" && !math.IsNaN(d.Amount) {
			sums[rowKey(string(d.Account), d.Cutoff)] += d.Amount
		} else if d.Category == "" {
			sums[rowKey(string(d.Account), d.Cutoff)] = math.NaN() // the whole goes before the sum
		}
		if d.Rank > 0 {
			ranks++
		}
	}
	compared := 0
	for i, account := range got.Frame.Accounts {
		sum, ok := sums[rowKey(string(account), got.Frame.Cutoffs[i])]
		if !ok || math.IsNaN(sum) {
			continue
		}
		compared++
		if v := got.Frame.Column("wallet_declared").Numbers[i]; math.Abs(v-sum) > 1e-9*sum && !(sum == 0 && math.IsNaN(v)) {
			t.Errorf("%s at %s: the feature reads %v, declared are %v", account, got.Frame.Cutoffs[i], v, sum)
		}
	}
	if compared < 20 || ranks < 50 {
		t.Errorf("only %d sums and %d ranks compared", compared, ranks)
	}
}

// What lies after a cutoff, or was recorded after known_at, changes nothing: for each
// cutoff, every account has a double that holds only what was visible then.
func TestWhatIsNotYetKnownDeclaresNothing(t *testing.T) {
	e := embedded(t)
	w := &town{}
	for i := range 60 {
		w.wallets = append(w.wallets, wallets(fmt.Sprintf("a%02d", i)).Example(7000+i)...)
	}
	w.fill(t, e)
	execute(t, e, "INSERT INTO wallets (account, category, period, rank, suppliers, author, recorded_at, load, source) "+
		"SELECT account, category, period + 86400, 1 + cityHash64(account, period) % 3, 3, toString(period), recorded_at + 86400, 1, 'import' FROM wallets")
	r := randomCutoffs(5)
	for k, c := range r.Cutoffs {
		execute(t, e, fmt.Sprintf("INSERT INTO wallets SELECT * REPLACE (concat(account, '#%d') AS account) FROM wallets "+
			"WHERE position(wallets.account, '#') = 0 AND period < toDateTime(%d, 'UTC') AND recorded_at <= toDateTime(%d, 'UTC')", k, c, r.KnownAt[k]))
	}
	whole, part := map[frame.Cutoff][]features.Declared{}, map[frame.Cutoff][]features.Declared{}
	for _, d := range declared(t, e, r) {
		name, number, doubled := strings.Cut(string(d.Account), "#")
		switch {
		case !doubled:
			whole[d.Cutoff] = append(whole[d.Cutoff], d)
		case number == strconv.Itoa(slices.Index(r.Cutoffs, d.Cutoff)):
			d.Account = frame.AccountID(name)
			part[d.Cutoff] = append(part[d.Cutoff], d)
		}
	}
	compared := 0
	for _, c := range r.Cutoffs {
		compared += len(whole[c])
		if diff := cmp.Diff(part[c], whole[c], cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("at %s (-without its future +with it):\n%.2000s", c, diff)
		}
	}
	if compared < 80 {
		t.Errorf("only %d declarations of %d wallets compared", compared, len(w.wallets))
	}
}

func TestDeclaredWalletsOfAccountsThatAreOne(t *testing.T) {
	e := embedded(t)
	(&town{
		wallets: []wallet{
			{account: "old", category: "ink", period: at("2024-01-01"), amount: euros(10)},
			{account: "new", category: "ink", period: at("2024-01-01"), amount: euros(5)},
			{account: "new", category: "pens", period: at("2024-01-01"), amount: euros(7)},
		},
		links: []link{{account: "old", other: "new", kind: features.Renamed, since: at("2025-01-01")}},
	}).fill(t, e)
	got := ""
	for _, d := range declared(t, e, request("2024-12-01", "2025-02-01")) {
		got += fmt.Sprintf("%s %s %v; ", d.Account, d.Category, d.Amount)
	}
	if want := "new ink 5; new pens 7; new ink 15; new pens 7; old ink 10; "; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestWalletsNeedAnAmountOrARank(t *testing.T) {
	w := migrated(t)
	for row, want := range map[string]string{
		",,":    `column "amount": it is missing, and so are rank and suppliers`,
		"5,2,":  `column "suppliers": it is missing`,
		",,4":   `column "rank": it is missing`,
		",0,4":  `column "rank": 0 is below 1`,
		",-1,4": `column "rank": -1 is below 1`,
		",5,4":  `column "rank": 5 of 4 suppliers`,
		",1,0":  `column "rank": 1 of 0 suppliers`,
	} {
		_, err := w.Load(t.Context(), into("wallets"), csv(t, "wallets", "account,period,amount,rank,suppliers\na,2024-01-01,1,1,1\nb,2024-01-01,"+row), nil)
		if !errors.Is(err, clickhouse.ErrBadRow) || !strings.Contains(err.Error(), "row 2, "+want) {
			t.Errorf("%q: %v", row, err)
		}
	}
}

func TestMappedWalletsNeedAnAmountOrARank(t *testing.T) {
	w := migrated(t)
	execute(t, w,
		"CREATE DATABASE crm",
		"CREATE TABLE crm.ranks (who String, day Date, amount Nullable(Float64), place Nullable(Int8), n Nullable(Int8)) ENGINE = Memory",
		"INSERT INTO crm.ranks VALUES ('a', '2024-01-01', NULL, 2, 3), ('b', '2024-01-01', 7, NULL, NULL), ('c', '2024-01-01', NULL, NULL, NULL), "+
			"('d', '2024-01-01', 7, 4, 3), ('e', '2024-01-01', NULL, 2, NULL), ('f', '2024-01-01', 7, 0, 3)")
	source := features.MappedSource{Name: "crm", Table: "wallets", From: "crm.ranks", Columns: map[string]string{
		"account": "who", "period": "day", "amount": "amount", "rank": "place", "suppliers": "n",
	}}
	if err := w.MapSources(t.Context(), []features.MappedSource{source}); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(answer(t, w, "SELECT account, amount, rank, suppliers FROM wallets ORDER BY account"), "; ")
	if want := "a ∅ 2 3; b 7 ∅ ∅"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
	for want, columns := range map[string][]string{
		"amount: it is missing":    nil,
		"suppliers: it is missing": {"rank"},
		"rank: it is missing":      {"amount", "suppliers"},
	} {
		m := source
		m.Columns = map[string]string{"account": "who", "period": "day"}
		for _, c := range columns {
			m.Columns[c] = "n"
		}
		if err := m.Validate(); !errors.Is(err, features.ErrBadRequest) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", columns, err)
		}
	}
}

// A warehouse that was filled before there were ranks keeps what it knows.
func TestWarehousesFromBeforeRanksKeepTheirWallets(t *testing.T) {
	w := opened(t, t.TempDir())
	steps := fstest.MapFS{}
	for _, name := range []string{"0001_facts_and_loads.sql", "0002_shared_record.sql"} {
		text, err := os.ReadFile(filepath.Join("sql", "migrations", name))
		if err != nil {
			t.Fatal(err)
		}
		steps[name] = &fstest.MapFile{Data: text}
	}
	if err := clickhouse.Migrate(t.Context(), w, clickhouse.MigrationSet{Name: "facts", FS: steps}); err != nil {
		t.Fatal(err)
	}
	execute(t, w,
		"INSERT INTO imported_wallets (account, category, period, amount, origin, author, recorded_at, load, source) "+
			"SELECT 'a', 'ink', toDateTime('2024-01-01', 'UTC'), 12.5, 'survey', 'Li', toDateTime('2024-01-02', 'UTC'), 1, 'import'",
		"INSERT INTO loads (load, `table`, rows) SELECT 1, 'wallets', 1")
	if err := w.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := `a "ink" 12.5 of 2024-01-01 by Li/survey known 2024-01-02`
	if got := told(declared(t, w, request("2024-03-01"))); got != want {
		t.Errorf("got %s want %s", got, want)
	}
	done := loaded(t, w, into("wallets"), csv(t, "wallets", "account,category,period,amount,origin,author\na,ink,2024-01-01,12.50,survey,Li"))
	if done.Unchanged != 1 || done.Rows != 0 {
		t.Errorf("the same row again: %+v", done)
	}
}

func TestDeclarationsReplaceEachOtherOnce(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("wallets"), csv(t, "wallets", "account,category,period,amount,origin,author\na,ink,2024-01-01,1000,survey,Li"))
	say := func(amount float64, rank, suppliers int, day string) features.LoadReport {
		t.Helper()
		done, err := w.Declare(t.Context(), features.Declaration{
			Account: "a", Category: "ink", Period: at("2024-01-01"), Recorded: at(day), Amount: amount, Rank: rank, Suppliers: suppliers, Author: "Wang",
		})
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	first := say(1234.56785, 0, 0, "2024-03-01")
	if first.Corrected != 1 || first.Already {
		t.Errorf("a correction: %+v", first)
	}
	if again := say(1234.56785, 0, 0, "2024-03-01"); !again.Already || again.Load != first.Load {
		t.Errorf("the same again: %+v after %+v", again, first)
	}
	say(math.NaN(), 2, 3, "2024-04-01")
	say(1234.56785, 0, 0, "2024-05-01") // back to what it was
	want := `a "ink" 1000 of 2024-01-01 by Li/survey known 2024-01-01
a "ink" 1234.5679 of 2024-01-01 by Wang/manager known 2024-03-01
a "ink" rank 2 of 3 of 2024-01-01 by Wang/manager known 2024-04-01
a "ink" 1234.5679 of 2024-01-01 by Wang/manager known 2024-05-01`
	if diff := cmp.Diff(want, told(declared(t, w, request("2024-02-01", "2024-03-02", "2024-04-02", "2024-05-02")))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for what, spoil := range map[string]func(*features.Declaration){
		"account":   func(d *features.Declaration) { d.Account = "" },
		"author":    func(d *features.Declaration) { d.Author = "" },
		"period":    func(d *features.Declaration) { d.Period = 0 },
		"0 … 1e+13": func(d *features.Declaration) { d.Amount = 0 },
		"1e+13":     func(d *features.Declaration) { d.Amount = math.Inf(1) },
		"amount":    func(d *features.Declaration) { d.Amount = math.NaN() },
		"suppliers": func(d *features.Declaration) { d.Rank = 1 },
		"rank":      func(d *features.Declaration) { d.Rank, d.Suppliers = 5, 4 },
	} {
		d := features.Declaration{Account: "a", Period: 1, Recorded: 1, Amount: 1, Author: "Wang"}
		spoil(&d)
		if _, err := w.Declare(t.Context(), d); !errors.Is(err, features.ErrBadRequest) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The wallet features read a period whose amount a rank replaced as if there had been
// that rank from the start.
func TestARankInPlaceOfAnAmountTakesItBack(t *testing.T) {
	const header = "account,category,period,amount,rank,suppliers,recorded_at\n"
	w := migrated(t)
	loaded(t, w, into("order_lines"), csv(t, "order_lines", "account,order_id,amount,ordered_at\n"+
		"whole,1,10,2024-08-01\nolder,2,10,2024-08-01\nparts,3,10,2024-08-01\nagain,4,10,2024-08-01\nnothing,5,10,2024-08-01"))
	loaded(t, w, into("wallets"), csv(t, "wallets", header+strings.Join([]string{
		"whole,,2024-01-01,9000,,,2024-01-01",
		"older,,2023-01-01,5000,,,2023-01-01",
		"older,,2024-01-01,9000,,,2024-01-01",
		"parts,ink,2023-01-01,60,,,2023-01-01",
		"parts,ink,2024-01-01,100,,,2024-01-01",
		"parts,pens,2024-01-01,50,,,2024-01-01",
		"again,,2024-01-01,9000,,,2024-01-01",
		"nothing,,2024-01-01,0,,,2024-01-01", // says that it buys nothing
	}, "\n")))
	correct := into("wallets")
	correct.Correct = true
	loaded(t, w, correct, csv(t, "wallets", header+strings.Join([]string{
		"whole,,2024-01-01,,2,3,2024-09-01",
		"older,,2024-01-01,,2,3,2024-09-01",
		"parts,ink,2024-01-01,,2,3,2024-09-01",
		"again,,2024-01-01,,2,3,2024-09-01",
	}, "\n")))
	loaded(t, w, correct, csv(t, "wallets", header+"again,,2024-01-01,0,,,2024-11-01"))
	r := request("2024-08-15", "2024-10-01", "2024-12-01")
	r.Catalogue = fromFiles(features.Orders, features.Declarations)
	m := build(t.Context(), t, w, r)
	nan := math.NaN()
	m.holds(t, []workedOut{
		{"whole", "2024-08-15", "wallet_declared", 9000},
		{"whole", "2024-10-01", "wallet_declared", nan},
		{"whole", "2024-10-01", "wallet_age_days", nan},
		{"older", "2024-08-15", "wallet_declared", 9000},
		{"older", "2024-10-01", "wallet_declared", 5000},
		{"older", "2024-10-01", "wallet_age_days", 639},
		{"parts", "2024-08-15", "wallet_declared", 150},
		{"parts", "2024-10-01", "wallet_declared", 110},
		{"parts", "2024-10-01", "wallet_categories", 2},
		{"again", "2024-10-01", "wallet_declared", nan},
		{"again", "2024-12-01", "wallet_declared", 0},
		{"nothing", "2024-12-01", "wallet_declared", 0},
	})
	want := `again "" rank 2 of 3 of 2024-01-01 by / known 2024-09-01
older "" 5000 of 2023-01-01 by / known 2023-01-01 rank 2 of 3 of 2024-01-01 by / known 2024-09-01
parts "ink" 60 of 2023-01-01 by / known 2023-01-01 rank 2 of 3 of 2024-01-01 by / known 2024-09-01
parts "pens" 50 of 2024-01-01 by / known 2024-01-01
whole "" rank 2 of 3 of 2024-01-01 by / known 2024-09-01`
	if diff := cmp.Diff(want, told(declared(t, w, request("2024-10-01")))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
