package clickhouse_test

import (
	"errors"
	"strings"
	"testing"

	"fealty/features/clickhouse"
)

// orderColumns are the columns of the source that the expressions below read.
var orderColumns = []string{"cust", "nr", "net", "day", "qty", "price", "tags", "note", "format", "n.x"}

func TestExpressionsOfOneRowAreLetIn(t *testing.T) {
	w := opened(t, t.TempDir())
	for _, text := range []string{
		"cust", "`cust`", "n.x", "`format`", "net", "-net", "(net)",
		"qty * price * (1 - 0.1)", "price - -qty", "net::Decimal(18, 4)", "CAST(net AS Nullable(Decimal(20, 6)))",
		"concat(cust, '-', toString(nr))", "cust || '/' || nr", "lower(trim(note))",
		"if(net > 0, net, 0)", "CASE WHEN qty IS NULL THEN 0 ELSE qty END", "CASE note WHEN 'x' THEN 1 ELSE 2 END",
		"nullIf(net, 0)", "coalesce(note, '')", "ifNull(note, 'it''s \\'quoted\\'; -- really')",
		"parseDateTimeBestEffort(day, 'Europe/Berlin')", "toDateTime(nr, 'UTC')", "day + INTERVAL 3 DAY", "toStartOfMonth(day)", "fromUnixTimestamp(nr)",
		"note IN ('a', 'b')", "note NOT IN ('a')", "nr IN (1)", "nr BETWEEN 1 AND 5 AND NOT (qty = 0) OR note LIKE 'a%'",
		"arrayStringConcat(arrayMap(x -> upper(x), tags), ',')", "arrayMap((x, i) -> x || toString(i), tags, tags)[1]", "tags[1]", "has(tags, 'x')",
		"multiIf(net > 1, 'a', net > 2, 'b', 'c')", "round(net / 3, 2)", "splitByChar('-', cust)[1]", "JSONExtractString(note, 'k')",
		"'SELECT 1 FROM system.tables'", "''", "1", "[1, 2][1]", "extract(note, '[0-9]+')", "toDecimal64(net, 4)", "cityHash64(cust)",
		"replaceRegexpAll(cust, '^C-', '')", "substring(cust, 3)", "leftPad(cust, 8, '0')",
	} {
		if err := clickhouse.GuardExpression(t.Context(), w, text, orderColumns); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// attacks are expressions that must not get into a view.
var attacks = []string{
	"file('/etc/passwd')", "`file`('/etc/passwd')", "\"file\"('/etc/passwd')", "FILE ('/etc/passwd')", "file\n('/etc/passwd')", "upper(file('/etc/passwd'))",
	"(SELECT * FROM file('/etc/passwd', 'LineAsString'))", "(SELECT name FROM system.tables LIMIT 1)", "(SELECT 1)", "exists(SELECT 1 FROM system.one)",
	"cust IN system.tables", "cust IN (SELECT name FROM system.tables)", "in(cust, system.tables)", "cust IN (system.tables)", "cust IN file", "cust IN cust",
	"globalIn(cust, system.tables)", "cust GLOBAL IN system.tables",
	"url('http://127.0.0.1/')", "(SELECT * FROM url('http://127.0.0.1/', CSV, 'x String'))", "s3('https://b/k')", "executable('sh', 'TSV', 'x String')",
	"remote('127.0.0.1', system.one)", "mysql('h', 'd', 't', 'u', 'p')", "dictGet('d', 'a', 1)", "joinGet('t', 'a', 1)", "getSetting('password')",
	"getMacro('x')", "hostName()", "currentUser()", "version()", "sleep(3)", "sleepEachRow(1)", "throwIf(1)", "catboostEvaluate('/m', 1)", "aiGenerate('x')",
	"addressToLine(1)", "hasColumnInTable('system', 'users', 'name')", "filesystemAvailable()", "zookeeperSessionUptime()", "initializeAggregation('sum', 1)",
	"1; DROP TABLE loads", "1) FROM system.one; DROP TABLE loads --", "1) FROM system.tables WHERE (1", "cust) AS x, (nr", "cust) UNION ALL SELECT (1",
	"1 INTO OUTFILE '/tmp/x'", "1 SETTINGS max_threads = 1", "1 FORMAT CSV", "1 -- comment", "1 /* comment */", "1 # comment", "cust // x",
	"$$file$$", "$tag$ x $tag$", "{account:String}", "?", "@x", "\\", "‘x’", "“cust”", "cust\x00", "cust\u00a0", "cust\xff", "'\x01'", "\u2212net",
	"cust AS account", "(cust AS account)", "*", "COLUMNS('.*')", "* APPLY(file)", "cust.*", "t.cust", "nobody", "account", "fealty_expression.cust",
	"sum(net)", "count()", "row_number() OVER (ORDER BY nr)", "sum(net) OVER ()", "arrayJoin(tags)", "any(cust)", "sumIf(net, 1)", "quantile(0.5)(net)",
	"now()", "today()", "rand()", "generateUUIDv4()", "NOW()", "rowNumberInAllBlocks()", "current_timestamp()",
	"'unclosed", "`unclosed", "(1", "1)", "[1)", "", "  ", "`a.b`", "`a\\`b`", "format", "settings", "1 2", "0x('y')", "'f'('x')", "cust; ", "lambda(x, 1)",
	"x -> file(x)", "arrayMap(x -> file(x), tags)", "arrayMap(x -> y, tags)", "EXPLAIN SELECT 1", "viewExplain('EXPLAIN', '', (SELECT 1))", "view(SELECT 1)",
	strings.Repeat("(", 9000) + "1" + strings.Repeat(")", 9000), strings.Repeat("(", 4000) + "cust" + strings.Repeat(")", 4000), strings.Repeat("abs(", 2000) + "net" + strings.Repeat(")", 2000),
}

func TestHostileExpressionsAreRefused(t *testing.T) {
	w := opened(t, t.TempDir())
	for _, text := range attacks {
		if err := clickhouse.GuardExpression(t.Context(), w, text, orderColumns); !errors.Is(err, clickhouse.ErrExpression) {
			t.Errorf("%.80q is answered by %v", text, err)
		}
	}
	if len(attacks) < 25 {
		t.Errorf("only %d attacks", len(attacks))
	}
	// And they say why.
	for text, want := range map[string]string{
		"file('/etc/passwd')":    "the function file is not one of those",
		"now()":                  "answers something else each time",
		"sum(net)":               "looks at several rows; write a query",
		"custt":                  `there is no column "custt"; there are cust, `,
		"1; DROP TABLE x":        "at byte 2 stands ';'",
		"cust -- x":              "at byte 6 stands a comment",
		"format":                 "a column of that name stands in backquotes",
		"(SELECT 1)":             "SELECT, and an expression is one value",
		"cust AS account":        "it gives a name to a part of itself",
		"arrayJoin(tags)":        "makes several rows of one",
		"‘x’":                    "has no place in an expression",
		"cust IN cust":           "IN is followed by Identifier cust",
		"net OVER":               "OVER, and an expression is one value",
		"concat(cust, 'x'":       "'(' is never closed",
		"generateUUIDv4()":       "no score could be computed again",
		"dictGet('d', 'a', net)": "dictGet",
	} {
		if err := clickhouse.GuardExpression(t.Context(), w, text, orderColumns); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", text, want, err)
		}
	}
}

func TestQueriesAreOneSelectFromTables(t *testing.T) {
	w := opened(t, t.TempDir())
	for text, want := range map[string]string{
		"SELECT a, b FROM shop.orders":                                        "shop.orders",
		"SELECT * FROM `my shop`.`order lines` AS o WHERE o.a > 1 ORDER BY a": "my shop.order lines",
		"SELECT o.id, sum(l.net) AS net FROM shop.orders AS o INNER JOIN shop.lines AS l ON l.id = o.id GROUP BY o.id HAVING net > 0 LIMIT 10": "shop.orders shop.lines",
		"WITH z AS (SELECT id FROM crm.z) SELECT a FROM shop.o WHERE id IN (SELECT id FROM z)":                                                 "crm.z shop.o",
		"SELECT a FROM shop.o UNION ALL SELECT a FROM shop.p":                                                                                  "shop.o shop.p",
		"SELECT a, row_number() OVER (PARTITION BY id ORDER BY day, nr) AS line FROM shop.o":                                                   "shop.o",
		"SELECT a, arrayJoin(b) AS c FROM shop.o FINAL":                                                                                        "shop.o",
		"SELECT a FROM shop.o ARRAY JOIN b AS c":                                                                                               "shop.o",
		"SELECT argMax(a, b), countIf(c > 1), quantile(0.5)(d) FROM shop.o, shop.p":                                                            "shop.o shop.p",
	} {
		got, err := clickhouse.GuardQuery(t.Context(), w, text)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"SELECT 1", "SELECT * FROM numbers(10)", "SELECT * FROM system.tables", "SELECT * FROM `system`.`users`", "SELECT * FROM SYSTEM.one",
		"SELECT * FROM information_schema.tables", "SELECT * FROM shop.o, system.users", "SELECT * FROM shop.o WHERE a IN (SELECT name FROM system.users)",
		"SELECT * FROM shop.o WHERE a IN system.users", "SELECT * FROM shop.o JOIN system.users USING a", "SELECT * FROM orders", "SELECT * FROM `passwd`",
		"SELECT * FROM '/etc/passwd'", "SELECT * FROM `etc.passwd`", "SELECT * FROM file('/etc/passwd')", "SELECT * FROM url('http://x')",
		"SELECT * FROM s3('https://b/k')", "SELECT * FROM executable('sh', 'TSV', 'x String')", "SELECT * FROM remote('h', shop.o)",
		"SELECT * FROM cluster('c', shop.o)", "SELECT * FROM merge('system', '.*')", "SELECT * FROM dictionary('d')", "SELECT * FROM view(SELECT 1)",
		"SELECT * FROM (EXPLAIN SELECT 1)", "SELECT * FROM (SHOW TABLES)", "SELECT * FROM generateRandom('a Int8')", "SELECT * FROM zeros(1)",
		"SELECT a FROM shop.o; DROP TABLE shop.o", "SELECT a FROM shop.o INTO OUTFILE '/tmp/x'", "SELECT a FROM shop.o FORMAT CSV",
		"SELECT a FROM shop.o SETTINGS max_memory_usage = 0", "INSERT INTO shop.o SELECT 1", "DROP TABLE shop.o", "EXPLAIN SELECT a FROM shop.o",
		"SELECT a FROM shop.o) UNION ALL (SELECT 1", "SELECT file('/etc/passwd') FROM shop.o", "SELECT * APPLY(file) FROM shop.o",
		"SELECT * REPLACE (file('/x') AS a) FROM shop.o", "SELECT * EXCEPT (a) FROM shop.o", "SELECT COLUMNS('a') FROM shop.o",
		"SELECT sum(a) OVER (PARTITION BY file('/etc/passwd')) FROM shop.o", "SELECT sum(a) OVER (PARTITION BY (SELECT 1 FROM system.one)) FROM shop.o",
		"SELECT sum(a) OVER (PARTITION BY a IN system.users) FROM shop.o", "SELECT a FROM shop.o WINDOW w AS (PARTITION BY (SELECT 1 FROM system.one))",
		"SELECT a FROM shop.o ORDER BY a WITH FILL FROM (SELECT 1 FROM system.one)", "SELECT now() FROM shop.o", "SELECT a FROM shop.o -- x",
		"SELECT a FROM shop.o WHERE a > ANY (SELECT 1 FROM system.one)", "SELECT {x:String} FROM shop.o", "SELECT dictGet('d', 'a', a) FROM shop.o",
		"FROM shop.o SELECT a", "(SELECT a FROM shop.o)", "SHOW TABLES", "SELECT a FROM shop.o PARALLEL WITH DROP TABLE shop.o",
		"SELECT in(a, system.users) FROM shop.o", "WITH o AS (SELECT 1) SELECT * FROM file",
	} {
		if got, err := clickhouse.GuardQuery(t.Context(), w, text); !errors.Is(err, clickhouse.ErrExpression) {
			t.Errorf("%s is answered by %v %v", text, got, err)
		}
	}
}

// Whatever the text, what is let in has no function that is not on the list, no
// second statement and no table, whichever way it is spelled.
func FuzzExpressionsThatAreLetInAreHarmless(f *testing.F) {
	for _, text := range attacks {
		f.Add(text)
	}
	f.Add("concat(cust, ' x ', toString(nr)) || note")
	f.Fuzz(func(t *testing.T, text string) {
		calls, err := clickhouse.GuardTokens(text)
		if err != nil {
			if !errors.Is(err, clickhouse.ErrExpression) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		bare := stripQuoted(text)
		for _, sign := range []string{";", "--", "/*", "#", "$", "{", "}", "?", "@", "\x00", "\\"} {
			if strings.Contains(bare, sign) {
				t.Errorf("%q is let in with %q", text, sign)
			}
		}
		for _, c := range bare {
			if c > 126 {
				t.Errorf("%q is let in with %q outside of quotes", text, c)
			}
		}
		if strings.Count(bare, "(") != strings.Count(bare, ")") || strings.Count(bare, "[") != strings.Count(bare, "]") {
			t.Errorf("%q is let in with a bracket too many", text)
		}
		for _, name := range calls {
			for _, bad := range []string{"file", "url", "s3", "executable", "remote", "dictget", "now", "sleep", "sum", "arrayjoin"} {
				if strings.EqualFold(name, bad) {
					t.Errorf("%q is let in and calls %s", text, name)
				}
			}
		}
	})
}

// stripQuoted takes strings and quoted names out of a text, by other means than
// the guard does.
func stripQuoted(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		quote := text[0]
		if quote != '\'' && quote != '"' && quote != '`' {
			b.WriteByte(quote)
			text = text[1:]
			continue
		}
		text = text[1:]
		for len(text) > 0 && text[0] != quote {
			if text[0] == '\\' && len(text) > 1 {
				text = text[1:]
			}
			text = text[1:]
		}
		if len(text) > 0 {
			text = text[1:]
		}
		b.WriteByte(' ')
	}
	return b.String()
}
