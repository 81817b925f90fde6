package files_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"

	"fealty/features"
	"fealty/features/files"
	"fealty/features/frame"
)

const (
	csvHeader = "account,order_id,amount,ordered_at\n"
	goodLine  = "A1,O1,10.50,2026-01-02\n"
)

// orders reads one CSV of order lines.
func orders(t *testing.T, content string, more ...func(*files.Options)) (map[string]*kept, files.Report, error) {
	t.Helper()
	o := files.Options{Inputs: []files.Input{memory("orders.csv", []byte(content))}, Table: schema(t, "order_lines")}
	for _, change := range more {
		change(&o)
	}
	return readAll(t, o)
}

// A bad value names file, line, column and field, whatever is wrong with it;
// with a quarantine it is one bad record among good ones.
func TestBadValuesAreRefusedByPlace(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{ // of ordered_at
		"1900-01-01": "outside 1970", "1969-12-31": "outside 1970", "2106-02-08": "outside 1970", "2149-06-07": "outside 1970", "2200-01-01": "outside 1970",
		"0001-01-01": "outside 1970", "9999-12-31 23:59:59": "outside 1970", "10000-01-01": "no date", "2023-02-29": "does not exist", "2024-13-01": "does not exist",
		"2024-00-10": "does not exist", "2024-04-31": "does not exist", "2024-01-02 24:00": "does not exist", "2024-01-02 10:60": "does not exist",
		"02/01/2026": "no date", "1700000000": "no date", "null": "no date", "-": "no date", "NaN": "no date", "": "is empty", "2026-01-02T10:00:00+25:00": "24 hours",
		"2026-01-02 10:00 CET": "no offset", "2026-01-0２": "no date", "2026/01-02": "no date", "1970-01-01T00:00:00+00:01": "outside 1970",
	} {
		badValue(t, "ordered_at", 4, fmt.Sprintf("A1,O2,10.50,%s\n", value), value, want)
	}
	for value, want := range map[string]string{ // of amount
		"NaN": "not finite", "nan": "not finite", "Inf": "not finite", "-inf": "not finite", "+Infinity": "not finite", "#N/A": "not finite", "null": "not a number", "-": "not a number",
		"": "is empty", "1e308": "14 digits before", "123456789012345": "14 digits before", "99999999999999.99994": "more than 4 significant digits", "-0.005000001": "more than 4 significant digits",
		"0.00001": "more than 4 significant digits", "5e-324": "more than 4 significant digits", "0x10": "not a number", "1_000": "not a number", "$5": "not a number", "5 EUR": "not a number",
		"\"1,234.50\"": "declare a decimal comma", "\"12,5\"": "declare a decimal comma", "1.2.3": "not a number", "--5": "not a number", "1e": "not a number", "1e999999999999": "huge exponent",
		strings.Repeat("9", 401): "more than 400", "１２": "not a number", "e5": "not a number", ".": "not a number",
	} {
		badValue(t, "amount", 3, fmt.Sprintf("A1,O2,%s,2026-01-02\n", value), strings.Trim(value, "\""), want)
	}
	badValue(t, "account", 1, ",O2,1,2026-01-02\n", "", "is empty")
	badValue(t, "account", 1, strings.Repeat("x", 65_537)+",O2,1,2026-01-02\n", "", "longer than the limit of 65536")
	badValue(t, "", 0, "A1,O2,1\n", "", "has 3 columns, the header has 4")
	badValue(t, "", 0, "A1,O2,1,2026-01-02,x\n", "", "has 5 columns, the header has 4")
	badValue(t, "", 0, csvHeader, "", "is the header again")
	badValue(t, "", 0, "M\xfcller,O2,1,2026-01-02\n", "", "not valid UTF-8")
	badValue(t, "", 0, "A\x00,O2,1,2026-01-02\n", "", "NUL")
	badValue(t, "order_id", 2, "A1,5\" nail,1,2026-01-02\n", "", "quote inside a field")
	badValue(t, "order_id", 2, "A1,\"O\"2,1,2026-01-02\n", "", "text behind its closing quote")
}

func badValue(t *testing.T, name string, column int, line, value, want string) {
	t.Helper()
	content := csvHeader + goodLine + line + goodLine
	_, _, err := orders(t, content)
	var row *files.RowError
	if !errors.As(err, &row) {
		t.Errorf("%.60q: error %v, want one with a place", line, err)
		return
	}
	if row.File != "orders.csv" || row.Line != 3 || row.Column != column || row.Name != name || !strings.Contains(row.Reason, want) {
		t.Errorf("%.60q: error %v, want orders.csv:3 column %d %q with %q", line, err, column, name, want)
	}
	if value != "" && len(value) < 60 && row.Value != value {
		t.Errorf("%.60q: the error shows %q", line, row.Value)
	}
	place := fmt.Sprintf("orders.csv:3: column %d %q: ", column, name)
	if column == 0 {
		place = "orders.csv:3: "
	}
	if !strings.HasPrefix(err.Error(), place) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%.60q: error %q, want it to begin with %q", line, err, place)
	}
	var bad bytes.Buffer
	_, report, err := orders(t, content, func(o *files.Options) { o.Quarantine = &bad })
	if err != nil || report.Rows != 2 || report.Quarantined != 1 || report.Records != 3 || len(report.Reasons) != 1 || len(report.Examples) != 1 {
		t.Errorf("%.60q with quarantine: error %v, report %+v", line, err, report)
	}
	if !bytes.Contains(bad.Bytes(), []byte(`"file":"orders.csv","line":3`)) || bytes.Count(bad.Bytes(), []byte("\n")) != 1 {
		t.Errorf("%.60q: the quarantine holds %.200q", line, bad.String())
	}
}

// What is far out and still a value is kept exactly.
func TestExtremesAreKept(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"99999999999999.9999": 999_999_999_999_999_999, "-99999999999999.9999": -999_999_999_999_999_999, "-0.0": 0, "0.0001": 1, "-0.005": -50, "1e13": 100_000_000_000_000_000,
		".5": 5_000, "+7": 70_000, "5.": 50_000, " 12.50 ": 125_000, "000012.5000000": 125_000, "1.5E2": 1_500_000, //nolint:gocritic // the spaces are the case
	} {
		got, _, err := orders(t, csvHeader+"A1,O1,"+text+",2026-01-02\n")
		if err != nil || got["amount"].integers[0] != want {
			t.Errorf("%q is %v ten-thousandths (%v), want %d", text, got["amount"], err, want)
		}
	}
	for text, want := range map[string]int64{"1970-01-01": 0, "2105-12-31 23:59:59": 4_291_747_199, "2024-02-29": 1_709_164_800, "1970-01-01T01:00:00+01:00": 0} {
		got, _, err := orders(t, csvHeader+"A1,O1,1,"+text+"\n")
		if err != nil || got["ordered_at"].integers[0] != want {
			t.Errorf("%q is %v (%v), want %d", text, got["ordered_at"], err, want)
		}
	}
	for text, want := range map[string]int64{"0.00005": 1, "-0.00005": -1, "0.00004999": 0, "-1.23455": -12_346, "99999999999999.99994": 999_999_999_999_999_999} {
		got, _, err := orders(t, csvHeader+"A1,O1,"+text+",2026-01-02\n", func(o *files.Options) { o.Round = true })
		if err != nil || got["amount"].integers[0] != want {
			t.Errorf("%q rounds to %v ten-thousandths (%v), want %d", text, got["amount"], err, want)
		}
	}
	// Texts are kept byte for byte: ids beyond 2^63, right-to-left marks, emoji,
	// line separators, formulas.
	for _, text := range []string{"18446744073709551615", "007", "9007199254740993", "\u202eabc", "😀👩‍👩‍👧", "a\u2028b", "=1+1", "  spaced ", "a\tb", "NULL", "NaN"} {
		got, _, err := orders(t, csvHeader+text+",O1,1,2026-01-02\n")
		if err != nil || got["account"].texts[0] != text {
			t.Errorf("account %q is %+v (%v)", text, got["account"], err)
		}
	}
	got, _, err := orders(t, csvHeader+"\"a\r\nb \"\"c\"\",\",O1,1,2026-01-02\r\n")
	if err != nil || got["account"].texts[0] != "a\r\nb \"c\"," {
		t.Errorf("a quoted field is %+v (%v)", got["account"], err)
	}
}

// What a file is, when it is not what its name says.
func TestFilesThatAreSomethingElse(t *testing.T) {
	t.Parallel()
	wide := utf16.Encode([]rune(csvHeader + goodLine))
	little, big := []byte{0xff, 0xfe}, []byte{}
	for _, c := range wide {
		little, big = append(little, byte(c), byte(c>>8)), append(big, byte(c>>8), byte(c))
	}
	for name, c := range map[string]struct{ file, content, want string }{
		"nothing":              {"orders.csv", "", "orders.csv: is empty (0 bytes)"},
		"a BOM alone":          {"orders.csv", "\xef\xbb\xbf", "empty behind its byte order mark"},
		"empty lines":          {"orders.csv", "\n\r\n\n", "no header"},
		"a header alone":       {"orders.csv", csvHeader, "orders.csv:1: has a header and no record"},
		"a header, no newline": {"orders.csv", strings.TrimSpace(csvHeader), "has a header and no record"},
		"UTF-16":               {"orders.csv", string(little), "iconv -f UTF-16"},
		"UTF-16 without BOM":   {"orders.csv", string(big), "iconv -f UTF-16"},
		"a spreadsheet":        {"orders.csv", "PK\x03\x04....", "spreadsheet"},
		"an old spreadsheet":   {"orders.csv", "\xd0\xcf\x11\xe0....", "old spreadsheet"},
		"Parquet":              {"orders.csv", "PAR1....", "begins as Parquet but does not end so"},
		"no Parquet":           {"orders.parquet", csvHeader, "does not begin as Parquet does"},
		"half of Parquet":      {"orders.parquet", "PAR1" + strings.Repeat("x", 100), "does not end so"},
		"ORC":                  {"orders.csv", "ORC....", "ORC"},
		"named gzip":           {"orders.csv.gz", csvHeader, "is named .gz but is not packed so"},
		"packed twice":         {"orders.csv.gz", string(packed(t, packed(t, []byte(csvHeader)))), "packed twice"},
		"nothing, packed":      {"orders.csv.gz", string(packed(t, nil)), "empty when unpacked"},
		"cut gzip":             {"orders.csv.gz", string(packed(t, []byte(csvHeader+strings.Repeat(goodLine, 1000)))[:60]), "unexpected EOF"},
		"semicolons":           {"orders.csv", strings.ReplaceAll(csvHeader+goodLine, ",", ";"), `seems to be delimited by ';', not by ','`},
		"tabs":                 {"orders.csv", strings.ReplaceAll(csvHeader+goodLine, ",", "\t"), `delimited by '\t'`},
		"a name twice":         {"orders.csv", "account,order_id,amount,ordered_at,amount\nA1,O1,1,2026-01-02,2\n", `column "amount" stands twice, as 3 and 5`},
		"a name too few":       {"orders.csv", "account,order_id,amount\nA1,O1,1\n", "needs ordered_at; map each to one of the columns account, order_id, amount"},
		"another case":         {"orders.csv", "Account,order_id,amount,ordered_at\nA1,O1,1,2026-01-02\n", "needs account"},
		"the header in quotes": {"orders.csv", "\"account\",\"order_id", "opens a quote that is never closed"},
		"an unclosed quote":    {"orders.csv", csvHeader + goodLine + "A1,\"O2,1,2026-01-02\n" + strings.Repeat(goodLine, 50), `orders.csv:3: column 2 "order_id": opens a quote that is never closed`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readAll(t, files.Options{Inputs: []files.Input{memory(c.file, []byte(c.content))}, Table: schema(t, "order_lines"), TempDir: t.TempDir()})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
				t.Errorf("error %v, want %q and the file's name", err, c.want)
			}
			// A file that is something else is an error whatever the quarantine is.
			_, _, err = readAll(t, files.Options{Inputs: []files.Input{memory(c.file, []byte(c.content))}, Table: schema(t, "order_lines"), TempDir: t.TempDir(), Quarantine: io.Discard})
			if err == nil {
				t.Error("with a quarantine the file is taken")
			}
		})
	}
}

// endless gives one byte pattern without end and counts what was taken.
type endless struct {
	pattern []byte
	taken   int64
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.pattern[(int(e.taken)+i)%len(e.pattern)]
	}
	e.taken += int64(len(p))
	return len(p), nil
}

func (e *endless) Close() error { return nil }

// Whatever a file asks for, memory stays within the limits.
func TestMemoryIsBounded(t *testing.T) {
	zeros := make([]byte, 1<<20)
	var bomb, zbomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zz, err := zstd.NewWriter(&zbomb)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(strings.Repeat(goodLine, len(zeros)/len(goodLine)))
	for _, w := range []io.WriteCloser{z, zz} {
		if _, err := io.WriteString(w, csvHeader); err != nil {
			t.Fatal(err)
		}
		for range 120 {
			if _, err := w.Write(line); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	many := strings.Repeat("c,", 100_000) + "c\n"
	for name, c := range map[string]struct {
		in    files.Input
		want  string
		taken int64 // bytes after which it must have been refused
	}{
		"one endless line":           {files.Input{Name: "x.csv"}, "longer than the limit of 1048576 bytes", 4 << 20},
		"one endless line of JSON":   {files.Input{Name: "x.jsonl"}, "longer than the limit of 1048576 bytes", 4 << 20},
		"an endless quote":           {files.Input{Name: "q.csv"}, "a quote that is not closed may be the cause", 4 << 20},
		"an endless header":          {files.Input{Name: "h.csv"}, "longer than the limit", 4 << 20},
		"100,000 columns":            {memory("wide.csv", []byte(many)), "more than 4096 columns", 0},
		"100,000 columns of a line":  {memory("wide.csv", []byte(csvHeader+goodLine+many)), "more than 4096 columns", 0},
		"a bomb of gzip":             {memory("bomb.csv.gz", bomb.Bytes()), "more than 250 times its size", 0},
		"a bomb of zstd":             {memory("bomb.csv.zst", zbomb.Bytes()), "more than 250 times its size", 0},
		"a bomb below its threshold": {memory("bomb.csv.gz", bomb.Bytes()), "more than 50000000 bytes", 0},
	} {
		e := &endless{pattern: []byte("0123456789")}
		if c.in.Open == nil {
			begin := csvHeader
			switch c.in.Name {
			case "x.jsonl":
				begin = `{"account":"`
			case "q.csv":
				begin, e.pattern = csvHeader+"A,\"O", []byte(goodLine)
			case "h.csv":
				begin = "account"
			}
			c.in.Open = func() (io.ReadCloser, error) {
				return struct {
					io.Reader
					io.Closer
				}{io.MultiReader(strings.NewReader(begin), e), e}, nil
			}
		}
		o := files.Options{Inputs: []files.Input{c.in}, Table: schema(t, "order_lines")}
		if strings.Contains(name, "threshold") {
			o.Limits.Unpacked = 50_000_000
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		most := uint64(0)
		r, err := files.Open(t.Context(), o)
		for err == nil {
			_, err = r.Next(t.Context())
			runtime.ReadMemStats(&after)
			most = max(most, after.HeapInuse)
		}
		if r != nil {
			err = errors.Join(err, r.Close())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "read ") && !strings.HasPrefix(err.Error(), "open ") && !strings.Contains(err.Error(), c.in.Name+":") {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		if held := int64(most) - int64(before.HeapInuse); held > 100<<20 {
			t.Errorf("%s: %d MiB were held", name, held>>20)
		}
		if e.taken > c.taken {
			t.Errorf("%s: %d bytes were read before it was refused", name, e.taken)
		}
	}
}

func TestByteOrderMarkAndLineEnds(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"BOM":               "\xef\xbb\xbf" + csvHeader + goodLine,
		"CRLF":              strings.ReplaceAll(csvHeader+goodLine, "\n", "\r\n"),
		"BOM and CRLF":      "\xef\xbb\xbf" + strings.ReplaceAll(csvHeader+goodLine, "\n", "\r\n"),
		"no newline at end": strings.TrimSpace(csvHeader + goodLine),
		"CR at the end":     csvHeader + strings.TrimSpace(goodLine) + "\r",
		"empty lines":       "\n" + csvHeader + "\n\r\n" + goodLine + "\n\n",
	} {
		got, report, err := orders(t, content)
		if err != nil || report.Rows != 1 || got["account"].texts[0] != "A1" || got["ordered_at"].integers[0] != 1_767_312_000 {
			t.Errorf("%s: %+v (%v)", name, report, err)
		}
	}
	// A byte order mark inside is no mark.
	if _, _, err := orders(t, csvHeader+"\xef\xbb\xbfA1,O1,1,2026-01-02\n"); err != nil {
		t.Errorf("U+FEFF in a text: %v", err)
	}
}

// The future is bad only where a bound was set, and named by its field.
func TestTheFutureIsQuarantined(t *testing.T) {
	t.Parallel()
	content := csvHeader + goodLine + "A1,O2,1,2026-01-03\nA1,O3,1,2025-12-31\n"
	limit := func(o *files.Options) { o.NotAfter = time.Date(2026, 1, 2, 23, 59, 59, 0, time.UTC) }
	if _, _, err := orders(t, content, limit); err == nil || !strings.Contains(err.Error(), `orders.csv:3: column 4 "ordered_at": "2026-01-03T00:00:00Z" lies after the newest instant`) {
		t.Errorf("error %v", err)
	}
	_, report, err := orders(t, content, limit, func(o *files.Options) { o.Quarantine = io.Discard })
	if err != nil || report.Rows != 2 || report.Quarantined != 1 {
		t.Errorf("%+v (%v)", report, err)
	}
}

func TestEmptyValuesByPolicy(t *testing.T) {
	t.Parallel()
	content := "account,order_id,amount,ordered_at,cost\n" +
		"A1,O1,1,2026-01-02,\n" + // cost kept empty
		",O2,1,2026-01-02,2\n" + // skipped
		"NULL,O3,-,2026-01-02,2\n" + // skipped, although its amount is empty too
		"A2,O4,1,2026-01-02,\\N\n"
	got, report, err := orders(t, content, func(o *files.Options) {
		o.Null, o.NullTokens = []string{"account=skip"}, []string{"NULL", `\N`, "-"}
	})
	if err != nil || report.Rows != 2 || report.Skipped["account"] != 2 || !got["cost"].null[0] || !got["cost"].null[1] {
		t.Errorf("%+v (%v)", report, err)
	}
	if _, _, err := orders(t, content, func(o *files.Options) { o.Null = []string{"account=skip", "cost=refuse"} }); err == nil || !strings.Contains(err.Error(), `orders.csv:2: column 5 "cost": is empty`) {
		t.Errorf("cost=refuse: %v", err)
	}
	for entry, want := range map[string]string{"amount=keep": "required", "nothing=skip": "one of the fields", "account": "expected", "account=maybe": "expected skip, refuse or keep"} {
		if _, _, err := orders(t, content, func(o *files.Options) { o.Null = []string{entry} }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("null %q: %v, want %q", entry, err, want)
		}
	}
}

// brokenReader fails after some bytes.
type brokenReader struct {
	io.Reader
	err error
}

func (b brokenReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = b.err
	}
	return n, err
}

func (brokenReader) Close() error { return nil }

// A disk that fails is no end of the file, and a cancelled import is no damage.
func TestBrokenStreams(t *testing.T) {
	t.Parallel()
	types, err := files.FromPaths("testdata/types-v2-zstd.parquet")[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(types)
	if err := errors.Join(err, types.Close()); err != nil {
		t.Fatal(err)
	}
	disk := errors.New("input/output error")
	for name, content := range map[string][]byte{
		"orders.csv": []byte(csvHeader + strings.Repeat(goodLine, 50_000)), "orders.csv.gz": packed(t, []byte(csvHeader+strings.Repeat(goodLine, 50_000))),
		"orders.jsonl": []byte(strings.Repeat(`{"account":"A","order_id":"1","amount":1,"ordered_at":"2026-01-02"}`+"\n", 20_000)), "orders.parquet": whole,
	} {
		table := schema(t, "order_lines")
		if name == "orders.parquet" {
			table = textTable("row", "text")
		}
		for _, fault := range []error{disk, context.Canceled} {
			in := files.Input{Name: name, Open: func() (io.ReadCloser, error) { return brokenReader{bytes.NewReader(content), fault}, nil }}
			_, _, err := readAll(t, files.Options{Inputs: []files.Input{in}, Table: table, TempDir: t.TempDir(), Quarantine: io.Discard})
			if !errors.Is(err, fault) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s with %q: error %v", name, fault, err)
			}
		}
	}
	closed := files.Input{Name: "gone.csv", Open: func() (io.ReadCloser, error) { return nil, disk }}
	if _, _, err := readAll(t, files.Options{Inputs: []files.Input{closed}, Table: schema(t, "order_lines")}); !errors.Is(err, disk) || !strings.Contains(err.Error(), "gone.csv") {
		t.Errorf("a file that cannot be opened: %v", err)
	}
}

func TestOptionsAreRefused(t *testing.T) {
	t.Parallel()
	in := []files.Input{memory("orders.csv", []byte(csvHeader+goodLine))}
	category := features.TableSchema{Name: "x", Fields: []features.Field{{Name: "c", Kind: frame.Category}}}
	for name, c := range map[string]struct {
		o    files.Options
		want string
	}{
		"no input":             {files.Options{Table: schema(t, "order_lines")}, "no input"},
		"no table":             {files.Options{Inputs: in}, "no table"},
		"a category":           {files.Options{Inputs: in, Table: category}, "which no file holds"},
		"a format":             {files.Options{Inputs: in, Table: schema(t, "order_lines"), Format: "xls"}, `format "xls" is not known`},
		"a digit as delimiter": {files.Options{Inputs: in, Table: schema(t, "order_lines"), Delimiter: '1'}, "cannot delimit"},
		"comma and comma":      {files.Options{Inputs: in, Table: schema(t, "order_lines"), Delimiter: ',', DecimalComma: true}, "both the delimiter and the decimal mark"},
		"a negative limit":     {files.Options{Inputs: in, Table: schema(t, "order_lines"), Limits: files.Limits{Line: -1}}, "limit of line"},
		"no such field":        {files.Options{Inputs: in, Table: schema(t, "order_lines"), Map: []string{"amont=amount"}}, `has no field "amont"`},
		"no such column":       {files.Options{Inputs: in, Table: schema(t, "order_lines"), Map: []string{"cost=price"}}, `no column "price"; there are account`},
		"mapped twice":         {files.Options{Inputs: in, Table: schema(t, "order_lines"), Map: []string{"cost=amount", "cost=amount"}}, "mapped twice"},
		"a text as amount":     {files.Options{Inputs: in, Table: schema(t, "order_lines"), Map: []string{"amount='5'"}}, "cannot be read as a decimal"},
	} {
		_, _, err := readAll(t, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
