package featurestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// patience bounds what should take milliseconds; it is this long for machines
// that are busy with other tests.
const patience = 30 * time.Second

// Engine runs the suite of clickhouse.Engine. open returns an engine with the
// given limits on a database that the suite may fill; it is called several
// times, and an earlier engine is closed before the next is opened. open
// registers no cleanup that closes the engine: the suite does.
func Engine(t *testing.T, open func(t *testing.T, limits clickhouse.Limits) clickhouse.Engine) {
	t.Run("ordinary limits", func(t *testing.T) {
		e := opened{t, open(t, clickhouse.Limits{})}
		defer e.close(t)
		for name, test := range map[string]func(*testing.T, opened){
			"info":                     testInfo,
			"every kind round trips":   testKinds,
			"literals read exactly":    testLiterals,
			"unreadable answers":       testUnreadable,
			"range errors":             testRangeErrors,
			"texts are bytes":          testTexts,
			"parameters are data":      testHostileParameters,
			"parameters of every type": testParameterTypes,
			"refused parameters":       testRefusedParameters,
			"lists of 100,000":         testLongLists,
			"blocks stream in order":   testStreaming,
			"the caller ends a query":  testCallerEnds,
			"a deadline ends a query":  testDeadline,
			"a cancel ends a query":    testCancel,
			"queries side by side":     testSideBySide,
			"an error, then an answer": testErrorThenAnswer,
			"empty answers":            testEmpty,
			"statements":               testExec,
			"blocks one by one":        testBlocks,
		} {
			t.Run(name, func(t *testing.T) { test(t, opened{t, e.Engine}) })
		}
	})
	t.Run("busy", func(t *testing.T) {
		e := opened{t, open(t, clickhouse.Limits{Pool: 1, PoolWait: 200 * time.Millisecond})}
		defer e.close(t)
		testBusy(t, e)
	})
	t.Run("limits", func(t *testing.T) {
		e := opened{t, open(t, clickhouse.Limits{MaxMemory: 64 << 20, MaxTime: time.Second})}
		defer e.close(t)
		testLimits(t, e)
	})
	t.Run("closed", func(t *testing.T) {
		e := opened{t, open(t, clickhouse.Limits{})}
		e.close(t)
		if err := e.Exec(t.Context(), "SELECT 1", nil); err == nil {
			t.Error("a closed engine executes")
		}
		e.close(t) // once more is no error
	})
}

// opened is an engine with the short words of the suite.
type opened struct {
	t *testing.T
	clickhouse.Engine
}

func (e opened) close(t *testing.T) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func (e opened) exec(sql string) {
	e.t.Helper()
	if err := e.Exec(e.t.Context(), sql, nil); err != nil {
		e.t.Fatalf("%s: %v", sql, err)
	}
}

// table creates a table that ends with the test.
func (e opened) table(name, columns string) {
	e.t.Helper()
	e.exec("DROP TABLE IF EXISTS " + name)
	e.exec("CREATE TABLE " + name + " (" + columns + ") ENGINE = MergeTree ORDER BY tuple()")
	e.t.Cleanup(func() {
		if err := e.Exec(context.WithoutCancel(e.t.Context()), "DROP TABLE "+name, nil); err != nil {
			e.t.Errorf("drop %s: %v", name, err)
		}
	})
}

// all gathers an answer into one table, copied.
func (e opened) all(ctx context.Context, sql string, params clickhouse.Params) (*frame.Table, error) {
	answer := &frame.Table{}
	err := e.Query(ctx, sql, params, func(block *frame.Table) error {
		if err := block.Check(); err != nil {
			return err
		}
		if answer.Columns == nil {
			answer.Columns = make([]frame.Column, len(block.Columns))
			for i := range block.Columns {
				answer.Columns[i].Name, answer.Columns[i].Kind = block.Columns[i].Name, block.Columns[i].Kind
			}
		}
		for i := range block.Columns {
			extend(&answer.Columns[i], &block.Columns[i])
		}
		return nil
	})
	return answer, err
}

// extend appends the values of a block's column; Null always gets its marks.
func extend(to, from *frame.Column) {
	to.Numbers = append(to.Numbers, from.Numbers...)
	to.Texts = append(to.Texts, from.Texts...)
	to.Integers = append(to.Integers, from.Integers...)
	if from.Kind == frame.Number {
		return
	}
	for i := range from.Len() {
		to.Null = append(to.Null, from.IsNull(i))
	}
}

func (e opened) mustAll(sql string, params clickhouse.Params) *frame.Table {
	e.t.Helper()
	answer, err := e.all(e.t.Context(), sql, params)
	if err != nil {
		e.t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

// one returns the single integer of an answer.
func (e opened) one(sql string, params clickhouse.Params) int64 {
	e.t.Helper()
	answer := e.mustAll(sql, params)
	if len(answer.Columns) != 1 || answer.Rows() != 1 || answer.Columns[0].Kind != frame.Integer {
		e.t.Fatalf("%s: the answer is %v, want one integer", sql, answer)
	}
	return answer.Columns[0].Integers[0]
}

func integers(name string, values ...int64) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Integer, Integers: values}
}

func texts(name string, values ...string) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Text, Texts: values}
}

func numbers(name string, values ...float64) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values}
}

func decimals(name string, values ...int64) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Decimal, Integers: values}
}

func times(name string, values ...int64) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Time, Integers: values}
}

func nulls(c frame.Column, null ...bool) frame.Column {
	c.Null = null
	return c
}

func testInfo(t *testing.T, e opened) {
	info := e.Info()
	if info.Kind != "chdb" && info.Kind != "clickhouse" {
		t.Errorf("kind is %q", info.Kind)
	}
	if version := e.mustAll("SELECT version() AS v", nil); version.Columns[0].Texts[0] != info.Version {
		t.Errorf("version is %q, the engine says %q", info.Version, version.Columns[0].Texts[0])
	}
	if (info.Kind == "clickhouse") != (len(info.Hosts) > 0) {
		t.Errorf("kind %s has hosts %q", info.Kind, info.Hosts)
	}
}

// testKinds writes the extremes of every type, and reads them back.
func testKinds(t *testing.T, e opened) {
	const decimal18 = 999_999_999_999_999_999 // the greatest Decimal(18, 4), in ten-thousandths
	cases := []struct {
		ch   string
		want frame.Column
	}{
		{"Float64", numbers("c", 0, -1.5, math.MaxFloat64, 5e-324, math.NaN())},
		{"Nullable(Float64)", numbers("c", math.NaN(), 1, 2, 3, math.NaN())},
		{"Float32", numbers("c", 0, 0.5, -math.MaxFloat32, math.MaxFloat32, math.NaN())},
		{"Int8", integers("c", 0, 1, -1, math.MinInt8, math.MaxInt8)},
		{"Int16", integers("c", 0, 1, -1, math.MinInt16, math.MaxInt16)},
		{"Int32", integers("c", 0, 1, -1, math.MinInt32, math.MaxInt32)},
		{"Int64", integers("c", 0, 1<<53+1, -1, math.MinInt64, math.MaxInt64)},
		{"UInt8", integers("c", 0, 1, 2, 3, math.MaxUint8)},
		{"UInt16", integers("c", 0, 1, 2, 3, math.MaxUint16)},
		{"UInt32", integers("c", 0, 1, 2, 3, math.MaxUint32)},
		{"UInt64", integers("c", 0, 1, 2, 3, math.MaxInt64)},
		{"Bool", integers("c", 0, 1, 0, 1, 1)},
		{"Enum8('low' = -5, 'it''s, = (odd)' = 7)", integers("c", -5, 7, 7, -5, 7)},
		{"Enum16('a' = 1, 'b' = 30000)", integers("c", 1, 30000, 1, 1, 30000)},
		{"Nullable(Int64)", nulls(integers("c", 0, 5, 0, math.MinInt64, 0), true, false, false, false, true)},
		{"Nullable(UInt32)", nulls(integers("c", 0, 5, 0, 7, 0), true, false, true, false, true)},
		{"Decimal(18, 4)", decimals("c", 0, 1, -1, decimal18, -decimal18)},
		{"Decimal(9, 2)", decimals("c", 0, 100, -100, 999_999_999*100, -999_999_999*100)},
		{"Decimal(18, 0)", decimals("c", 0, 10_000, -10_000, 900_000_000_000_000*10_000, -900_000_000_000_000*10_000)},
		{"Nullable(Decimal(18, 4))", nulls(decimals("c", 0, 5, 0, decimal18, 0), true, false, false, false, true)},
		{"Date", times("c", 0, 86_400, 31_536_000, 5_662_224_000, 5_662_310_400-86_400)},             // … 2149-06-06
		{"Date32", times("c", 0, -2_208_988_800, 86_400, -86_400, 10_413_705_600)},                   // 1900-01-01 … 2299-12-31
		{"DateTime('UTC')", times("c", 0, 1, 1_315_612_800, math.MaxInt32+1, math.MaxUint32)},        // … 2106-02-07
		{"DateTime('Asia/Tokyo')", times("c", 0, 1, 1_315_612_800, math.MaxInt32+1, math.MaxUint32)}, // a zone changes no instant
		{"DateTime64(3, 'UTC')", times("c", 0, -1, 1_315_612_800, -2_208_988_800, 10_413_791_999)},   // 1900 … 2299
		{"DateTime64(9, 'UTC')", times("c", 0, -1, 1_315_612_800, -2_208_988_800, 9_223_372_035)},    // … 2262-04-11
		{"Nullable(DateTime('UTC'))", nulls(times("c", 0, 1, 0, math.MaxUint32, 0), true, false, true, false, true)},
		{"String", texts("c", "", "a", "0", "é世界🙂", strings.Repeat("x", 70_000))},
		{"Nullable(String)", nulls(texts("c", "", "a", "", "", "b"), false, false, true, true, false)},
		{"LowCardinality(String)", texts("c", "", "a", "a", "b", "")},
		{"LowCardinality(Nullable(String))", nulls(texts("c", "", "a", "", "a", ""), false, false, true, false, true)},
		{"FixedString(3)", texts("c", "EUR", "GBP", "\x00\x00\x00", "a'b", "\xff\xfe\xfd")},
		{"UUID", texts("c", "00000000-0000-0000-0000-000000000000", "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
			"ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000001", "01000000-0000-0000-0000-000000000000")},
	}
	for _, c := range cases {
		t.Run(c.ch, func(t *testing.T) {
			e := opened{t, e.Engine}
			e.table("suite_kinds", "i UInt8, c "+c.ch)
			want := &frame.Table{Columns: []frame.Column{integers("i", 0, 1, 2, 3, 4), c.want}}
			if err := e.Insert(t.Context(), "suite_kinds", want); err != nil {
				t.Fatal(err)
			}
			got := e.mustAll("SELECT c FROM suite_kinds ORDER BY i", nil)
			expectColumn(t, &c.want, &got.Columns[0])
		})
	}
}

// expectColumn compares values and null marks; a value below a null mark does not matter.
func expectColumn(t *testing.T, want, got *frame.Column) {
	t.Helper()
	if want.Kind != got.Kind || want.Len() != got.Len() {
		t.Fatalf("%s column of %d rows, want %s of %d", got.Kind, got.Len(), want.Kind, want.Len())
	}
	for i := range want.Len() {
		if want.IsNull(i) != got.IsNull(i) {
			t.Errorf("row %d: missing is %v, want %v", i, got.IsNull(i), want.IsNull(i))
			continue
		}
		if want.IsNull(i) {
			continue
		}
		a, b := want.Slice(i, i+1), got.Slice(i, i+1)
		if diff := cmp.Diff(a, b, cmpopts.IgnoreFields(frame.Column{}, "Meta", "Null"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
	}
}

// testLiterals reads what no insert of ours writes.
func testLiterals(t *testing.T, e opened) {
	for sql, want := range map[string]frame.Column{
		"SELECT toDateTime64('1969-12-31 23:59:59.750', 3, 'UTC') AS c":    times("c", -1), // the second that has begun
		"SELECT toDateTime64('2011-09-09 12:00:00.999999', 6, 'UTC') AS c": times("c", 1_315_569_600),
		"SELECT toDecimal32('-1.5', 1) AS c":                               decimals("c", -15_000),
		"SELECT -0.0 AS c":                                                 numbers("c", 0),
		"SELECT toNullable(toFloat64(2)) AS c":                             numbers("c", 2),
		"SELECT CAST(NULL, 'Nullable(Float64)') AS c":                      numbers("c", math.NaN()),
		"SELECT toLowCardinality('x') AS c":                                texts("c", "x"),
		"SELECT arrayJoin([1, 2, 3]) AS c":                                 integers("c", 1, 2, 3),
		"SELECT count() AS c FROM numbers(7)":                              integers("c", 7),
		"SELECT true AS c":                                                 integers("c", 1),
	} {
		got := e.mustAll(sql, nil)
		if len(got.Columns) != 1 || got.Columns[0].Name != "c" {
			t.Errorf("%s: columns %q, want c", sql, got.Names())
			continue
		}
		expectColumn(t, &want, &got.Columns[0])
	}
}

// testUnreadable asks for answers that a frame can't hold; each error names the
// column, and the row where there is one.
func testUnreadable(t *testing.T, e opened) {
	for sql, words := range map[string][]string{
		"SELECT toUInt64(9223372036854775808) AS big":                         {`"big"`, "9223372036854775808"},
		"SELECT number AS n, if(number = 3, inf, 0) AS ratio FROM numbers(5)": {`"ratio"`, "row 3", "infinite"},
		"SELECT toDecimal128(1, 4) AS total":                                  {`"total"`, "Decimal(38, 4)"},
		"SELECT toDecimal64(1, 6) AS fine":                                    {`"fine"`, "Decimal(18, 6)"},
		"SELECT [1, 2] AS list":                                               {`"list"`, "Array"},
		"SELECT toInt128(1) AS wide":                                          {`"wide"`, "Int128"},
	} {
		if _, err := e.all(t.Context(), sql, nil); err == nil {
			t.Errorf("%s: answered", sql)
		} else {
			expectWords(t, sql, err, words...)
		}
		if got := e.one("SELECT 42 AS c", nil); got != 42 {
			t.Errorf("after %s the next query says %d", sql, got)
		}
	}
}

func expectWords(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: the error %q does not say %q", what, err, word)
		}
	}
}

// testRangeErrors inserts values that the engine's own wire would wrap, cut or
// turn into 0. Nothing of such an insert may arrive.
func testRangeErrors(t *testing.T, e opened) {
	cases := []struct {
		ch    string
		c     frame.Column
		words []string
	}{
		{"DateTime('UTC')", times("c", 0, -1), []string{`"c"`, "row 1", "1969-12-31T23:59:59Z"}},
		{"DateTime('UTC')", times("c", 0, math.MaxUint32+1), []string{`"c"`, "row 1", "2106-02-07T06:28:16Z"}},
		{"DateTime('UTC')", times("c", 0, -62_135_596_800), []string{"row 1", "0001-01-01"}},
		{"DateTime('UTC')", times("c", 0, 253_402_300_800), []string{"row 1", "10000-01-01"}},
		{"Date", times("c", 0, -86_400), []string{"row 1", "1969-12-31"}},
		{"Date", times("c", 0, 5_662_310_400), []string{"row 1", "2149-06-07"}},
		{"Date", times("c", 0, 86_401), []string{"row 1", "1970-01-02T00:00:01Z"}},
		{"Date32", times("c", 0, -2_208_988_800-86_400), []string{"row 1", "1899-12-31"}},
		{"DateTime64(3, 'UTC')", times("c", 0, 10_413_792_000), []string{"row 1", "2300-01-01"}},
		{"DateTime64(9, 'UTC')", times("c", 0, 9_300_000_000), []string{"row 1", "2264-09-14"}},
		{"Int8", integers("c", 0, 128), []string{`"c"`, "row 1", "128"}},
		{"UInt64", integers("c", 0, -1), []string{"row 1", "-1"}},
		{"UInt8", integers("c", 0, 256), []string{"row 1", "256"}},
		{"Bool", integers("c", 0, 2), []string{"row 1", "2"}},
		{"Enum8('a' = 1)", integers("c", 1, 3), []string{"row 1", "3"}},
		{"Decimal(9, 2)", decimals("c", 0, -50), []string{"row 1", "-0.005"}},
		{"Decimal(9, 2)", decimals("c", 0, 123_456_789_010_000), []string{"row 1", "12345678901"}},
		{"Decimal(18, 4)", decimals("c", 0, 1_000_000_000_000_000_000), []string{"row 1", "100000000000000"}},
		{"Decimal(18, 4)", decimals("c", 0, math.MinInt64), []string{"row 1", "-922337203685477.5808"}},
		{"Float32", numbers("c", 0, 1e39), []string{"row 1", "1e+39"}},
		{"Float64", numbers("c", 0, math.Inf(1)), []string{`"c"`, "row 1", "infinite"}},
		{"FixedString(2)", texts("c", "ab", "abc"), []string{"row 1", "abc"}},
		{"UUID", texts("c", "00000000-0000-0000-0000-000000000000", "none"), []string{"row 1", "none"}},
		{"String", nulls(texts("c", "a", ""), false, true), []string{`"c"`, "row 1", "missing"}},
		{"Decimal(18, 4)", nulls(decimals("c", 1, 0), false, true), []string{`"c"`, "row 1", "missing"}},
		{"DateTime('UTC')", nulls(times("c", 1, 0), false, true), []string{`"c"`, "row 1", "missing"}},
		{"String", integers("c", 0, 1), []string{`"c"`, "integer", "String"}},
		{"Int64", texts("c", "0", "1"), []string{`"c"`, "text", "Int64"}},
		{"Float64", decimals("c", 0, 1), []string{`"c"`, "decimal", "Float64"}},
	}
	for _, c := range cases {
		t.Run(c.ch+" "+c.words[len(c.words)-1], func(t *testing.T) {
			e := opened{t, e.Engine}
			e.table("suite_range", "c "+c.ch)
			err := e.Insert(t.Context(), "suite_range", &frame.Table{Columns: []frame.Column{c.c}})
			if err == nil {
				t.Error("the insert was taken")
			} else {
				expectWords(t, c.ch, err, c.words...)
			}
			if n := e.one("SELECT count() AS c FROM suite_range", nil); n != 0 {
				t.Errorf("%d rows arrived", n)
			}
		})
	}
	t.Run("unknown column", func(t *testing.T) {
		e := opened{t, e.Engine}
		e.table("suite_range", "c Int64")
		err := e.Insert(t.Context(), "suite_range", &frame.Table{Columns: []frame.Column{integers("elsewhere", 1)}})
		if err == nil {
			t.Error("the insert was taken")
		} else {
			expectWords(t, "unknown column", err, "elsewhere")
		}
	})
	t.Run("unknown table", func(t *testing.T) {
		if err := e.Insert(t.Context(), "suite_nowhere", &frame.Table{Columns: []frame.Column{integers("c", 1)}}); err == nil {
			t.Error("the insert was taken")
		} else {
			expectWords(t, "unknown table", err, "suite_nowhere")
		}
	})
	t.Run("hostile names", func(t *testing.T) {
		for _, table := range []string{"", "a b", "a; DROP TABLE b", "a`b", "a.b.c"} {
			if err := e.Insert(t.Context(), table, &frame.Table{Columns: []frame.Column{integers("c", 1)}}); err == nil {
				t.Errorf("an insert into %q was taken", table)
			}
		}
	})
}

// hostile are texts that break what builds SQL from strings.
func hostile() []string {
	return []string{
		"", " ", "'", "''", `\'`, `\`, `\\`, `a\b`, `\N`, `\0`, `\x41`, "a\tb", "a\nb", "a\r\nb", "a\x00b", "\x00", "' OR 1=1 --", "'; DROP TABLE t; --",
		"$1", "?", "{x:String}", "{cutoffs:Array(DateTime)}", "%s", "NULL", "null", "[1,2]", "['a']", "]", ",", "\"", "`", "é世界🙂", "\u2028", "\u202e", "\ufeff",
		"\xff\xfe", "a\x80b", "\x1b[31m", strings.Repeat(`\'`, 1000),
	}
}

// testTexts stores every hostile text byte by byte.
func testTexts(t *testing.T, e opened) {
	e.table("suite_texts", "i UInt32, s String, l LowCardinality(String), n Nullable(String)")
	want := append(hostile(), strings.Repeat("0123456789", 1_000_000))
	order := make([]int64, len(want))
	for i := range order {
		order[i] = int64(i)
	}
	rows := &frame.Table{Columns: []frame.Column{integers("i", order...), texts("s", want...), texts("l", want...), texts("n", want...)}}
	if err := e.Insert(t.Context(), "suite_texts", rows); err != nil {
		t.Fatal(err)
	}
	got := e.mustAll("SELECT s, l, n FROM suite_texts ORDER BY i", nil)
	for _, c := range got.Columns {
		for i := range want {
			if c.Texts[i] != want[i] {
				t.Errorf("column %s row %d is %.80q (%d bytes), want %.80q (%d bytes)", c.Name, i, c.Texts[i], len(c.Texts[i]), want[i], len(want[i]))
			}
		}
	}
}

// testHostileParameters binds every hostile text alone and in a list.
func testHostileParameters(t *testing.T, e opened) {
	for _, text := range hostile() {
		got := e.mustAll("SELECT {x:String} AS c", clickhouse.Params{"x": text})
		if got.Columns[0].Texts[0] != text {
			t.Errorf("bound %.60q, read %.60q", text, got.Columns[0].Texts[0])
		}
	}
	got := e.mustAll("SELECT arrayJoin({xs:Array(String)}) AS c", clickhouse.Params{"xs": hostile()})
	if diff := cmp.Diff(hostile(), got.Columns[0].Texts); diff != "" {
		t.Errorf("list (-bound +read):\n%s", diff)
	}
	if err := e.Exec(t.Context(), "SELECT {x:String} FORMAT Null", clickhouse.Params{"x": `'\` + "\n"}); err != nil {
		t.Errorf("execute with a hostile parameter: %v", err)
	}
}

func testParameterTypes(t *testing.T, e opened) {
	noon := time.Date(2011, 9, 9, 12, 0, 0, 0, time.FixedZone("east", 3*3600))
	for _, c := range []struct {
		sql   string
		value any
		want  frame.Column
	}{
		{"{x:Int64}", int64(math.MinInt64), integers("c", math.MinInt64)},
		{"{x:UInt64}", uint64(math.MaxInt64), integers("c", math.MaxInt64)},
		{"toString({x:UInt64})", uint64(math.MaxUint64), texts("c", "18446744073709551615")},
		{"{x:Float64}", 0.1, numbers("c", 0.1)},
		{"{x:Float64}", 5e-324, numbers("c", 5e-324)},
		{"{x:Float64}", math.MaxFloat64, numbers("c", math.MaxFloat64)},
		{"{x:Bool}", true, integers("c", 1)},
		{"{x:Bool}", false, integers("c", 0)},
		{"{x:DateTime('UTC')}", noon, times("c", noon.Unix())},
		{"{x:DateTime('Asia/Tokyo')}", noon, times("c", noon.Unix())},
		{"{x:DateTime('UTC')}", frame.Cutoff(1_315_612_800), times("c", 1_315_612_800)},
		{"{x:DateTime('UTC')}", frame.KnownAt(math.MaxUint32), times("c", math.MaxUint32)},
		{"{x:DateTime('UTC')}", frame.Cutoff(0), times("c", 0)},
		{"{x:DateTime('UTC')}", frame.Cutoff(9_999), times("c", 9_999)},
		{"{x:DateTime('UTC')}", frame.Cutoff(10_000), times("c", 10_000)},
		{"arrayJoin({x:Array(Int64)})", []int64{3, -1, 2}, integers("c", 3, -1, 2)},
		{"length({x:Array(Int64)})", []int64{}, integers("c", 0)},
		{"length({x:Array(String)})", []string{}, integers("c", 0)},
		{"length({x:Array(String)})", []string(nil), integers("c", 0)},
		{"arrayJoin({x:Array(DateTime('UTC'))})", []time.Time{noon, time.Unix(0, 0)}, times("c", noon.Unix(), 0)},
		{"arrayJoin({x:Array(DateTime('UTC'))})", []frame.Cutoff{1_315_612_800, 5}, times("c", 1_315_612_800, 5)},
		{"arrayJoin({x:Array(DateTime('UTC'))})", []frame.KnownAt{7}, times("c", 7)},
	} {
		got := e.mustAll("SELECT "+c.sql+" AS c", clickhouse.Params{"x": c.value})
		expectColumn(t, &c.want, &got.Columns[0])
	}
}

func testRefusedParameters(t *testing.T, e opened) {
	for _, value := range []any{
		nil, 1, int32(1), []byte("x"), struct{}{}, math.NaN(), math.Inf(-1), time.Unix(0, 1), time.Unix(-1, 0), time.Unix(math.MaxUint32+1, 0),
		frame.Cutoff(-1), []time.Time{time.Unix(-1, 0)}, []any{"x"},
	} {
		err := e.Query(t.Context(), "SELECT {named:String}", clickhouse.Params{"named": value}, func(*frame.Table) error { return nil })
		if err == nil {
			t.Errorf("%v (%T) was bound", value, value)
			continue
		}
		expectWords(t, fmt.Sprintf("%T", value), err, "named")
	}
	if err := e.Query(t.Context(), "SELECT {x:String} AS c", nil, func(*frame.Table) error { return nil }); err == nil {
		t.Error("a query ran without its parameter")
	}
}

func testLongLists(t *testing.T, e opened) {
	const n = 100_000
	ids, keys := make([]string, n), make([]int64, n)
	for i := range ids {
		ids[i], keys[i] = fmt.Sprintf("account-%06d-é", i), int64(i)
	}
	if got := e.one("SELECT uniqExact(arrayJoin({ids:Array(String)})) AS c", clickhouse.Params{"ids": ids}); got != n {
		t.Errorf("%d different ids arrived, want %d", got, n)
	}
	if got := e.one("SELECT toInt64(arraySum({keys:Array(Int64)})) AS c", clickhouse.Params{"keys": keys}); got != n*(n-1)/2 {
		t.Errorf("the keys sum to %d, want %d", got, n*(n-1)/2)
	}
	// An IN of 100,000 constants takes the embedded engine minutes (26.7), one of
	// 20,000 some 30 ms; Build asks for at most 10,000 accounts by name.
	const named = 20_000
	if got := e.one("SELECT count() AS c FROM numbers(200000) WHERE concat('account-', leftPad(toString(number), 6, '0'), '-é') IN {ids:Array(String)}",
		clickhouse.Params{"ids": ids[:named]}); got != named {
		t.Errorf("%d rows are in the list, want %d", got, named)
	}
}

func testStreaming(t *testing.T, e opened) {
	const n = 1_000_000
	var (
		next   int64
		blocks int
	)
	err := e.Query(t.Context(), "SELECT toInt64(number) AS n, toString(number) AS s FROM system.numbers LIMIT 1000000 SETTINGS max_threads = 1", nil,
		func(block *frame.Table) error {
			blocks++
			if block.Rows() == 0 {
				return errors.New("an empty block was delivered")
			}
			for i, v := range block.Columns[0].Integers {
				if v != next || block.Columns[1].Texts[i] != fmt.Sprint(v) {
					return fmt.Errorf("row %d is %d, %q", next, v, block.Columns[1].Texts[i])
				}
				next++
			}
			return nil
		})
	if err != nil || next != n {
		t.Errorf("%d rows of %d arrived: %v", next, n, err)
	}
	if blocks < 2 {
		t.Errorf("the answer came in %d block: it was gathered instead of streamed", blocks)
	}
}

// marked returns a query that would run for hours, with a mark that
// system.processes shows.
func marked(t *testing.T) (sql, mark string) {
	t.Helper()
	mark = fmt.Sprintf("mark%d", time.Now().UnixNano())
	return "SELECT sum(sleepEachRow(0.01)) /* " + mark + " */ FROM system.numbers SETTINGS max_block_size = 10", mark
}

// expectGone fails unless the marked query leaves system.processes soon.
func expectGone(t *testing.T, e opened, mark string) {
	t.Helper()
	// system.processes shows parameters filled in: the question must not find itself.
	const running = "SELECT count() AS c FROM system.processes WHERE position(query, {mark:String}) > 0 AND position(query, 'system.processes') = 0"
	began := time.Now()
	for e.one(running, clickhouse.Params{"mark": mark}) != 0 {
		if time.Since(began) > patience {
			t.Fatalf("the query is still running %s after it was given up", patience)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the query ran on for %s", took)
	}
}

var errEnough = errors.New("enough")

func testCallerEnds(t *testing.T, e opened) {
	blocks := 0
	err := e.Query(t.Context(), "SELECT number FROM system.numbers", nil, func(*frame.Table) error {
		blocks++
		if blocks == 3 {
			return errEnough
		}
		return nil
	})
	if err != errEnough { //nolint:errorlint // the contract: returned as it is
		t.Errorf("the caller's error came back as %v", err)
	}
	if blocks != 3 {
		t.Errorf("%d blocks were delivered, want 3", blocks)
	}
	if got := e.one("SELECT 7 AS c", nil); got != 7 {
		t.Errorf("the next query says %d", got)
	}
}

func testDeadline(t *testing.T, e opened) {
	const deadline = 150 * time.Millisecond
	for range 3 {
		sql, mark := marked(t)
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		began := time.Now()
		_, err := e.all(ctx, sql, nil)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a deadline is told as %v", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a deadline of %s took %s", deadline, took)
		}
		expectGone(t, e, mark)

		sql, mark = marked(t)
		ctx, cancel = context.WithTimeout(t.Context(), deadline)
		err = e.Exec(ctx, "INSERT INTO FUNCTION null('x UInt64') "+sql, nil)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a deadline of a statement is told as %v", err)
		}
		expectGone(t, e, mark)
	}
}

func testCancel(t *testing.T, e opened) {
	sql, mark := marked(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	_, err := e.all(ctx, sql, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancel is told as %v", err)
	}
	expectGone(t, e, mark)

	// Cancelled before it began, in the middle of an answer, and many at random moments.
	if _, err := e.all(ctx, "SELECT 1 AS c", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a query with an ended context is told as %v", err)
	}
	if err := e.Exec(ctx, "SELECT 1", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a statement with an ended context is told as %v", err)
	}
	var wait sync.WaitGroup
	for i := range 40 {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%10)*7*time.Millisecond)
			defer cancel()
			_, err := e.all(ctx, "SELECT number FROM system.numbers LIMIT 20000000", nil)
			if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, clickhouse.ErrBusy) {
				t.Errorf("a cancelled query is told as %v", err)
			}
		})
	}
	wait.Wait()
	for i := range int64(20) {
		if got := e.one("SELECT {i:Int64} AS c", clickhouse.Params{"i": i}); got != i {
			t.Fatalf("after cancelled queries, the answer to %d is %d", i, got)
		}
	}
}

func testSideBySide(t *testing.T, e opened) {
	const many = 4
	var wait sync.WaitGroup
	began := time.Now()
	for i := range int64(many) {
		wait.Go(func() {
			got, err := e.all(t.Context(), "SELECT {i:Int64} + sum(sleepEachRow(0.5)) AS c FROM numbers(2)", clickhouse.Params{"i": i})
			if err != nil {
				t.Errorf("query %d: %v", i, err)
				return
			}
			if got.Columns[0].Integers[0] != i {
				t.Errorf("query %d got the answer %d", i, got.Columns[0].Integers[0])
			}
		})
	}
	wait.Wait()
	// Each sleeps for a second; one after the other they take many.
	if took := time.Since(began); took > (many-1)*time.Second {
		t.Errorf("%d queries of a second took %s: they ran one after the other", many, took)
	}
}

func testErrorThenAnswer(t *testing.T, e opened) {
	for _, c := range []struct{ sql, word string }{
		{"SELEKT 1", "yntax error"},
		{"SELECT * FROM nowhere_at_all", "nowhere_at_all"},
		{"SELECT throwIf(number = 100000, 'planted') AS c FROM numbers(200000)", "planted"},
		{"SELECT intDiv(1, toInt64(number) - 50000) AS c FROM numbers(100000)", "zero"},
	} {
		_, err := e.all(t.Context(), c.sql, nil)
		if err == nil {
			t.Errorf("%s: answered", c.sql)
		} else if !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: the error %q does not say %q", c.sql, err, c.word)
		}
		if err := e.Exec(t.Context(), c.sql, nil); err == nil {
			t.Errorf("%s: executed", c.sql)
		}
		if got := e.one("SELECT 42 AS c", nil); got != 42 {
			t.Errorf("after %s the next query says %d", c.sql, got)
		}
	}
}

func testEmpty(t *testing.T, e opened) {
	for _, sql := range []string{"SELECT 1 AS c WHERE 0", "SELECT number AS c FROM numbers(10) WHERE number > 100"} {
		if err := e.Query(t.Context(), sql, nil, func(block *frame.Table) error {
			return fmt.Errorf("a block of %d rows was delivered", block.Rows())
		}); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	e.table("suite_empty", "c Int64")
	if err := e.Insert(t.Context(), "suite_empty", &frame.Table{Columns: []frame.Column{integers("c")}}); err != nil {
		t.Errorf("insert of no rows: %v", err)
	}
	if n := e.one("SELECT count() AS c FROM suite_empty", nil); n != 0 {
		t.Errorf("%d rows arrived from nothing", n)
	}
}

func testExec(t *testing.T, e opened) {
	e.table("suite_exec", "a String, n Int64")
	const many = 200_000
	rows := &frame.Table{Columns: []frame.Column{texts("a"), integers("n")}}
	for i := range int64(many) {
		rows.Columns[0].Texts = append(rows.Columns[0].Texts, fmt.Sprintf("a%d", i%7))
		rows.Columns[1].Integers = append(rows.Columns[1].Integers, i)
	}
	if err := e.Insert(t.Context(), "suite_exec", rows); err != nil {
		t.Fatal(err)
	}
	if got := e.one("SELECT toInt64(sum(n)) AS c FROM suite_exec", nil); got != many*(many-1)/2 {
		t.Errorf("the inserted rows sum to %d, want %d", got, many*(many-1)/2)
	}
	if err := e.Exec(t.Context(), "INSERT INTO suite_exec SELECT {a:String}, {n:Int64} + number FROM numbers(3)",
		clickhouse.Params{"a": `it's \ here`, "n": int64(1_000_000)}); err != nil {
		t.Fatal(err)
	}
	if got := e.one("SELECT toInt64(sum(n)) AS c FROM suite_exec WHERE a = {a:String}", clickhouse.Params{"a": `it's \ here`}); got != 3_000_003 {
		t.Errorf("the rows of the statement sum to %d, want 3000003", got)
	}
	if err := e.Exec(t.Context(), "DELETE FROM suite_exec WHERE a != {a:String}", clickhouse.Params{"a": `it's \ here`}); err != nil {
		t.Fatal(err)
	}
	if got := e.one("SELECT count() AS c FROM suite_exec", nil); got != 3 {
		t.Errorf("%d rows are left, want 3", got)
	}
	// Columns in another order than the table's, and one left out.
	e.table("suite_order", "a String, b Int64 DEFAULT 9, n Int64")
	if err := e.Insert(t.Context(), "suite_order", &frame.Table{Columns: []frame.Column{integers("n", 5), texts("a", "x")}}); err != nil {
		t.Fatal(err)
	}
	got := e.mustAll("SELECT a, b, n FROM suite_order", nil)
	if got.Columns[0].Texts[0] != "x" || got.Columns[1].Integers[0] != 9 || got.Columns[2].Integers[0] != 5 {
		t.Errorf("columns in another order arrived as %v", got.Columns)
	}
}

// testBlocks inserts more blocks than one statement takes, out of memory that is
// used again, and ends inserts in the middle.
func testBlocks(t *testing.T, e opened) {
	const block, blocks = 65_536, 5
	// give hands out blocks of ascending n, then the last answer.
	give := func(last func() (*frame.Table, error)) func() (*frame.Table, error) {
		rows := &frame.Table{Columns: []frame.Column{integers("n", make([]int64, block)...), texts("a", make([]string, block)...)}}
		given := int64(0)
		return func() (*frame.Table, error) {
			if given == blocks*block {
				return last()
			}
			for i := range rows.Rows() {
				rows.Columns[0].Integers[i], rows.Columns[1].Texts[i] = given, fmt.Sprint(given%7)
				given++
			}
			return rows, nil
		}
	}
	end := func() (*frame.Table, error) { return nil, io.EOF }
	e.table("suite_blocks", "n Int64, a String, b Int64 DEFAULT 9")
	empty := func() {
		if err := e.Exec(t.Context(), "TRUNCATE TABLE suite_blocks", nil); err != nil {
			t.Fatal(err)
		}
	}
	sum := func(where string) int64 {
		return e.one("SELECT toInt64(sum(n)) + toInt64(sum(b)) AS c FROM suite_blocks WHERE "+where, nil)
	}
	const all = blocks * block * (blocks*block - 1) / 2

	other := &frame.Table{Columns: []frame.Column{integers("b", 5), integers("n", -1)}}
	if err := e.InsertAll(t.Context(), "suite_blocks", give(func() (*frame.Table, error) {
		defer func() { other = nil }()
		if other == nil {
			return nil, io.EOF
		}
		return other, nil
	})); err != nil {
		t.Fatal(err)
	}
	if got := sum("a = toString(n % 7)"); got != all+9*blocks*block {
		t.Errorf("the blocks sum to %d, want %d", got, all+9*blocks*block)
	}
	if got := sum("a = ''"); got != 4 {
		t.Errorf("the block with other columns sums to %d, want 4", got)
	}

	if err := e.InsertAll(t.Context(), "suite_nowhere", end); err != nil {
		t.Errorf("no block at all: %v", err)
	}
	empty()
	broken := errors.New("the source broke off")
	if err := e.InsertAll(t.Context(), "suite_blocks", give(func() (*frame.Table, error) { return nil, broken })); err != broken { //nolint:errorlint // the promise is the error itself
		t.Errorf("the error of the source came back as %v", err)
	}
	bad := &frame.Table{Columns: []frame.Column{integers("n", 1, 2), nulls(texts("a", "x", "y"), false, true)}}
	if err := e.InsertAll(t.Context(), "suite_blocks", give(func() (*frame.Table, error) { return bad, nil })); err == nil {
		t.Error("a missing value was taken")
	} else {
		expectWords(t, "missing value", err, `"a"`, "row 1", "missing")
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := e.InsertAll(ctx, "suite_blocks", give(func() (*frame.Table, error) {
		cancel()
		return nil, ctx.Err()
	})); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled insert ended as %v", err)
	}
	// Not the table of before, where the last statement of the cancelled insert may still arrive.
	e.table("suite_after", "n Int64, a String")
	if err := e.InsertAll(t.Context(), "suite_after", give(end)); err != nil {
		t.Fatal(err)
	}
	if got := e.one("SELECT toInt64(sum(n)) AS c FROM suite_after", nil); got != all {
		t.Errorf("after inserts that ended early the blocks sum to %d, want %d", got, all)
	}
}

func testBusy(t *testing.T, e opened) {
	err := e.Query(t.Context(), "SELECT 1 AS c", nil, func(*frame.Table) error {
		for what, call := range map[string]func(context.Context) error{
			"query":     func(ctx context.Context) error { _, err := e.all(ctx, "SELECT 1 AS c", nil); return err },
			"statement": func(ctx context.Context) error { return e.Exec(ctx, "SELECT 1", nil) },
		} {
			began := time.Now()
			if err := call(t.Context()); !errors.Is(err, clickhouse.ErrBusy) {
				t.Errorf("a %s beyond the pool is told as %v", what, err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("a wait of 200ms took %s", took)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a %s whose context ends while it waits is told as %v", what, err)
			}
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if got := e.one("SELECT 3 AS c", nil); got != 3 {
		t.Errorf("after the pool was free again, a query says %d", got)
	}
}

func testLimits(t *testing.T, e opened) {
	began := time.Now()
	sql, mark := marked(t)
	if _, err := e.all(t.Context(), sql, nil); !errors.Is(err, clickhouse.ErrLimit) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a query beyond MaxTime is told as %v", err)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("a limit of 1s took %s", took)
	}
	expectGone(t, e, mark)
	if _, err := e.all(t.Context(), "SELECT length(groupArray(toString(number))) AS c FROM numbers(20000000)", nil); !errors.Is(err, clickhouse.ErrLimit) {
		t.Errorf("a query beyond MaxMemory is told as %v", err)
	}
	if got := e.one("SELECT 5 AS c", nil); got != 5 {
		t.Errorf("after the limits, a query says %d", got)
	}
}
