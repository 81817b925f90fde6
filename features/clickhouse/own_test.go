package clickhouse_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// ownHead begins a file of a team; seen are the lines (ordered, amount) as of the cutoff.
const ownHead = `-- Question: how many large orders were there?
WITH
    history AS
    (
        SELECT account, arraySort(groupArray((toInt64(toUnixTimestamp(ordered_at)), toUnixTimestamp(recorded_at), amount))) AS lines
        FROM order_lines
        WHERE load <= {watermark:UInt64}
          AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})
          AND account >= {from_account:String} AND ({to_account:String} = '' OR account <= {to_account:String})
        GROUP BY account
    ),
    as_of AS
    (
        SELECT account, cutoff, toInt64(toUnixTimestamp(cutoff)) AS now, lines, toUnixTimestamp(known_at) AS knew,
            arrayFilter(l -> l.1 < now AND l.2 <= knew, lines) AS seen -- what was known
        FROM history
        ARRAY JOIN {cutoffs:Array(DateTime('UTC'))} AS cutoff, {known_at:Array(DateTime('UTC'))} AS known_at
        WHERE notEmpty(seen)
    )
`

// ownGood is right.
const ownGood = ownHead + `SELECT account, cutoff, arrayCount(l -> l.3 >= 50 AND l.1 >= now - 180 * 86400, seen) AS large_orders_180d
FROM as_of
`

const ownWords = `
    unit: orders
    group: own
    factor: value
    risk_when_higher: lower
    kind: count
    label: {en: Large orders, zh: 大额订单}
    reasons: {en: ["Large orders: {large_orders_180d}"], zh: ["大额订单：{large_orders_180d}"]}
`

// own returns the catalogue with a team's file of one feature, and the file.
func own(t *testing.T, sql string) ([]features.Feature, features.File) {
	t.Helper()
	all, refused := features.WithOwn(features.Catalogue(), []features.OwnFile{{
		Name: "large", SQL: sql, Entry: "source: order_lines\nfeatures:\n  - name: large_orders_180d" + ownWords,
	}})
	if len(refused) > 0 {
		t.Fatal(refused)
	}
	return all, all[len(all)-1].File
}

func TestATeamsFileIsAdmittedAndMeasured(t *testing.T) {
	w := clickhouse.Warehouse{Engine: embedded(t)}
	catalogue, file := own(t, ownGood)
	// An empty warehouse tells nothing; the invented rows do.
	proof, err := w.AdmitOwn(t.Context(), catalogue, file, features.OwnTrial{})
	if err != nil || proof.Accounts != 0 || proof.Invented == 0 {
		t.Fatalf("on an empty warehouse: %+v %v", proof, err)
	}
	cases().fill(t, w)
	proof, err = w.AdmitOwn(t.Context(), catalogue, file, features.OwnTrial{Watermark: 9, Zone: "Europe/Berlin"})
	if err != nil || proof.Accounts < 5 || proof.Rows == 0 || len(proof.Cutoffs) != 3 {
		t.Fatalf("%+v %v", proof, err)
	}
	cutoff := frame.Cutoff(at("2025-03-01"))
	values := map[string]float64{}
	// Beside what an order is, the team's file alone.
	beside := func(catalogue []features.Feature) []features.Feature {
		return append(fromFiles(features.Orders), catalogue[len(catalogue)-1])
	}
	request := features.Request{Cutoffs: []frame.Cutoff{cutoff}, KnownAt: []frame.KnownAt{frame.KnownAt(cutoff)}, Watermark: 9, Catalogue: beside(catalogue)}
	_, err = w.Build(t.Context(), request, func(s *features.Slice) error {
		column := s.Frame.Column("large_orders_180d")
		for i, a := range s.Frame.Accounts {
			values[string(a)] = column.Numbers[i]
		}
		return nil
	})
	// Steady ordered every 30 days; never-bought stands in the accounts table alone.
	if err != nil || values["two-orders"] != 2 || values["same-day"] != 0 || values["steady"] != 6 || values["never-bought"] != 0 {
		t.Errorf("measured %v, %v", values, err)
	}
	// The grain is looked at in every build.
	twice, _ := own(t, strings.Replace(ownGood, "FROM as_of\n", "FROM as_of ARRAY JOIN [1, 2] AS twice\n", 1))
	request.Catalogue = beside(twice)
	_, err = w.Build(t.Context(), request, func(*features.Slice) error { return nil })
	if !errors.Is(err, features.ErrOwn) || !strings.Contains(err.Error(), "own/large.sql") || !strings.Contains(err.Error(), "two rows for account") {
		t.Errorf("a build of two rows per account ends with %v", err)
	}
	// The definitions are those of the text and of the words.
	hash := func(sql, words string) string {
		all, refused := features.WithOwn(features.Catalogue(), []features.OwnFile{{Name: "large", SQL: sql, Entry: "source: order_lines\nfeatures:\n  - name: large_orders_180d" + words}})
		h, err := clickhouse.DefinitionsHash(all)
		if err != nil || len(refused) > 0 {
			t.Fatal(err, refused)
		}
		return h
	}
	usual, _ := clickhouse.DefinitionsHash(features.Catalogue())
	first := hash(ownGood, ownWords)
	for what, other := range map[string]string{
		"without it": usual, "another text": hash(ownGood+" ", ownWords),
		"another word": hash(ownGood, strings.Replace(ownWords, "risk_when_higher: lower", "risk_when_higher: either", 1)),
	} {
		if other == first {
			t.Errorf("%s has the same definitions hash", what)
		}
	}
}

func TestTeamsFilesThatAreRefused(t *testing.T) {
	w := clickhouse.Warehouse{Engine: embedded(t)}
	cases().fill(t, w)
	change := func(from, to string) string {
		if !strings.Contains(ownGood, from) {
			t.Fatalf("the file has no %q", from)
		}
		return strings.Replace(ownGood, from, to, 1)
	}
	tail := func(s string) string { return ownHead + s }
	for name, c := range map[string]struct{ sql, want string }{
		"reads the future":        {change("l -> l.1 < now AND l.2 <= knew, lines", "l -> l.2 <= knew, lines"), "it reads the future"},
		"reads what came later":   {change("l.1 < now AND l.2 <= knew", "l.1 < now"), "it reads the future"},
		"one day too far":         {change("l.1 < now AND", "l.1 < now + 86400 * 2 AND"), "it reads the future"},
		"counts what is to come":  {change("AS large_orders_180d", "+ toInt64(max(now) OVER () > 0) * arrayCount(l -> l.1 >= now, lines) AS large_orders_180d"), "it reads the future"},
		"two rows per account":    {change("FROM as_of\n", "FROM as_of ARRAY JOIN [1, 2] AS twice\n"), "two rows for account"},
		"looks at the others":     {tail("SELECT account, cutoff, count() OVER () AS large_orders_180d FROM as_of"), "when fewer accounts or cutoffs are asked for"},
		"is not asked who":        {change("AND (empty({accounts:Array(String)}) OR account IN {accounts:Array(String)})", "AND (1 OR account IN {accounts:Array(String)})"), "which was not asked for"},
		"takes no cutoffs":        {"SELECT account, now AS cutoff, 1 AS large_orders_180d FROM order_lines", "doesn't take {cutoffs"},
		"reads a file":            {change("FROM order_lines", "FROM file('/etc/passwd', 'LineAsString', 'account String')"), "the function file is not one of those"},
		"reads a file's content":  {tail("SELECT account, cutoff, length(file('/etc/passwd')) AS large_orders_180d FROM as_of"), "the function file is not one of those"},
		"reads the web":           {change("FROM order_lines", "FROM url('http://127.0.0.1/x', 'CSV', 'account String')"), "the function url is not one of those"},
		"reads another host":      {change("FROM order_lines", "FROM remote('127.0.0.1', system.one)"), "the function remote is not one of those"},
		"runs a program":          {change("FROM order_lines", "FROM executable('x.sh', 'TSV', 'account String')"), "the function executable is not one of those"},
		"reads the engine":        {change("FROM order_lines", "FROM system.tables"), "system.tables is none of the views"},
		"reads fealty's tables":   {change("FROM order_lines", "FROM imported_order_lines"), "imported_order_lines is none of the views"},
		"reads the labels":        {change("FROM order_lines", "FROM outcomes"), "outcomes is none of the views"},
		"reads an unknown table":  {change("FROM order_lines", "FROM my_lines"), "my_lines is none of the views"},
		"reads another view":      {change("FROM order_lines", "FROM interactions"), "it reads interactions, and its source is order_lines"},
		"reads none":              {change("FROM order_lines", "FROM accounts"), "doesn't read its source"},
		"a second statement":      {ownGood + "; DROP TABLE order_lines", "stands ';'"},
		"an insert":               {"INSERT INTO order_lines " + ownGood, "a query begins with SELECT or WITH"},
		"writes a file":           {ownGood + " INTO OUTFILE '/tmp/x'", "INTO"},
		"a format":                {ownGood + " FORMAT CSV", "FORMAT"},
		"settings":                {ownGood + " SETTINGS max_memory_usage = 0", "SETTINGS"},
		"asks the clock":          {change("toInt64(toUnixTimestamp(cutoff)) AS now", "toInt64(toUnixTimestamp(now())) AS now"), "now answers something else each time"},
		"draws lots":              {change("l.3 >= 50", "l.3 >= rand()"), "rand answers something else each time"},
		"asks who it is":          {change("l.3 >= 50", "currentUser() = 'x'"), "the function currentUser is not one of those"},
		"asks a dictionary":       {change("l.3 >= 50", "dictGet('d', 'a', l.1) > 0"), "the function dictGet is not one of those"},
		"asks settings":           {change("l.3 >= 50", "getSetting('x') = 'y'"), "the function getSetting is not one of those"},
		"an unknown parameter":    {change("l.3 >= 50", "l.3 >= {password:String}"), "a parameter that features don't take"},
		"a hidden comment":        {ownGood + "/* x */", "a comment"},
		"a quoted view":           {change("FROM order_lines", "FROM `order_lines`"), "without quotes"},
		"a view by its name":      {change("SELECT account, arraySort", "SELECT order_lines.account, arraySort"), "order_lines before a dot"},
		"a view's name":           {strings.ReplaceAll(ownGood, "history", "products"), "WITH gives the name products"},
		"a view behind a comment": {change("FROM order_lines", "FROM -- x\n order_lines"), "without quotes or a comment between"},
		"a hidden end":            {change("-- Question", "-- \x00 Question"), "a control character"},
		"a view behind a comma":   {change("FROM order_lines", "FROM order_lines, holidays"), "behind FROM or JOIN"},
		"another column":          {change("AS large_orders_180d", "AS large_orders"), `a column "large_orders", which has no entry`},
		"a column too many":       {change("AS large_orders_180d", "AS large_orders_180d, 1 AS other"), `a column "other", which has no entry`},
		"no cutoff":               {change("SELECT account, cutoff, arrayCount", "SELECT account, arrayCount"), `no column "cutoff"`},
		"a text":                  {change("AS large_orders_180d", "|| 'x' AS large_orders_180d"), "is a text, need a number"},
		"half a count":            {change("AS large_orders_180d", "+ 0.5 AS large_orders_180d"), "a count is whole"},
		"no SQL":                  {"SELEC 1", "doesn't take {cutoffs"},
		"a slip":                  {change("arrayCount(l ->", "arrayCount(l >"), ""},
		"a column that is not":    {change("recorded_at)", "known)"), ""},
		"only a comment":          {"-- SELECT 1", "comment"},
	} {
		catalogue, file := own(t, c.sql)
		proof, err := w.AdmitOwn(t.Context(), catalogue, file, features.OwnTrial{Watermark: 9})
		if !errors.Is(err, features.ErrOwn) || !strings.HasPrefix(err.Error(), "own/large.sql: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("a file that %s: want %q, got %+v %v", name, c.want, proof, err)
		}
	}
	// An engine that doesn't answer is no fault of the file.
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	catalogue, file := own(t, ownGood)
	if _, err := w.AdmitOwn(ended, catalogue, file, features.OwnTrial{}); errors.Is(err, features.ErrOwn) || !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// A difference shows where it is.
func TestAFileThatReadsTheFutureIsShownWhere(t *testing.T) {
	w := clickhouse.Warehouse{Engine: embedded(t)}
	town := &town{}
	for i := range 40 {
		town.lines = append(town.lines, line{account: "A1", order: "o" + string(rune('a'+i)), number: 1, amount: euros(60), discount: absent, cost: absent, ordered: at("2024-01-01") + 7 + int64(i)*10*86400})
	}
	town.fill(t, w)
	catalogue, file := own(t, strings.Replace(ownGood, "l.1 < now AND", "l.1 < now + 365 * 86400 AND", 1))
	_, err := w.AdmitOwn(t.Context(), catalogue, file, features.OwnTrial{Watermark: 9})
	if err == nil || !strings.Contains(err.Error(), `feature "large_orders_180d" of account "invented 0`) || !strings.Contains(err.Error(), " as of 20") {
		t.Errorf("got %v", err)
	}
	// Only real accounts order seven seconds past midnight.
	catalogue, file = own(t, strings.Replace(ownGood, "l.1 < now AND", "(l.1 < now OR l.1 % 86400 = 7) AND", 1))
	_, err = w.AdmitOwn(t.Context(), catalogue, file, features.OwnTrial{Watermark: 9})
	if err == nil || !strings.Contains(err.Error(), `of account "A1" as of 2024-`) || !strings.Contains(err.Error(), "when other facts lie after the cutoff") {
		t.Errorf("got %v", err)
	}
}

// houseOnly are the files that take what a team's may not, and why those would be refused.
var houseOnly = map[features.File]string{
	features.Orders:      "a parameter that features don't take", // the calendar of those who rest
	features.Contact:     "a parameter that features don't take", // likewise
	features.Breadth:     "a parameter that features don't take", // likewise
	features.Receivables: "facts of two views meet in two files",
	features.Answers:     "the function named is not one of those", // a lambda with a name
}

// What the house itself measures stands the trial: the files of the catalogue
// are let in as a team's would be, and what the trial calls a leak is one. A few of
// them are enough where nobody waits (FEALTY_TORTURE=1 tries all).
func TestTheCatalogueStandsTheTrial(t *testing.T) {
	w := clickhouse.Warehouse{Engine: embedded(t)}
	cases().fill(t, w)
	for _, f := range features.Files(features.Catalogue()) {
		sql, err := clickhouse.FileStatement(f)
		if err != nil {
			t.Fatal(err)
		}
		catalogue := features.Catalogue()
		own := features.File{Name: "own/" + f.Name, Source: f.Source, SQL: sql}
		for i := range catalogue {
			if catalogue[i].File == f {
				catalogue[i].File = own
			}
		}
		guarded := clickhouse.GuardFeatures(t.Context(), w, own)
		if why := houseOnly[f]; why != "" {
			if guarded == nil || !strings.Contains(guarded.Error(), why) {
				t.Errorf("%s: %v", f.Name, guarded)
			}
			continue
		}
		if guarded != nil {
			t.Errorf("%s: %v", f.Name, guarded)
		}
		if os.Getenv("FEALTY_TORTURE") == "" && !slices.Contains([]features.File{features.Bonds, features.Members, features.Persons, features.Approaches}, f) {
			continue
		}
		proof, err := w.AdmitOwn(t.Context(), catalogue, own, features.OwnTrial{Watermark: 9, Zone: "Europe/Berlin"})
		if err != nil || proof.Invented == 0 {
			t.Errorf("%s: %+v %v", f.Name, proof, err)
		}
	}
}

// Whatever the text, what is let in as a file of features calls nothing that is
// not on the list, and what the engine is shown of it has no parameter left.
func FuzzFilesOfFeaturesThatAreLetInAreHarmless(f *testing.F) {
	f.Add(ownGood)
	for _, text := range attacks {
		f.Add("SELECT {tz:String}, " + text + " FROM order_lines -- x")
	}
	f.Fuzz(func(t *testing.T, text string) {
		calls, shown, err := clickhouse.GuardFeatureTokens(text)
		if err != nil {
			if !errors.Is(err, clickhouse.ErrExpression) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		bare := stripQuoted(regexp.MustCompile("(?m)--.*$").ReplaceAllString(shown, ""))
		for _, sign := range []string{";", "/*", "#", "{", "?", "@", "\x00"} {
			if strings.Contains(bare, sign) && !strings.Contains(text, "--") { // a quote may stand in a comment
				t.Errorf("%q is let in with %q", text, sign)
			}
		}
		for _, name := range calls {
			for _, bad := range []string{"file", "url", "s3", "executable", "remote", "dictget", "now", "sleep", "numbers"} {
				if strings.EqualFold(name, bad) {
					t.Errorf("%q is let in and calls %s", text, name)
				}
			}
		}
	})
}
