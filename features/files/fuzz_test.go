package files

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fealty/features"
	"fealty/features/frame"
)

// small are limits that a fuzzer reaches.
var small = Limits{Line: 4096, Field: 1024, Columns: 64, Unpacked: 1 << 22, Ratio: 250, Page: 1 << 18, Examples: 5}

// fuzzed reads a stream of one input into texts, and checks what must hold for
// any bytes: batches that fit, counts that add up, no error without its file.
func fuzzed(t *testing.T, o Options, content []byte) ([][]string, error) {
	t.Helper()
	o.Inputs = []Input{{Name: "fuzz", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}}
	o.Limits, o.TempDir = small, t.TempDir()
	r, err := Open(t.Context(), o)
	if err != nil {
		if !strings.Contains(err.Error(), "fuzz") {
			t.Errorf("an error without its file: %v", err)
		}
		return nil, err
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	var rows [][]string
	for {
		batch, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if !strings.Contains(err.Error(), "fuzz") {
				t.Errorf("an error without its file: %v", err)
			}
			return nil, err
		}
		if err := batch.Check(); err != nil {
			t.Fatal(err)
		}
		for row := range batch.Rows() {
			texts := make([]string, 0, len(batch.Columns))
			for i := range batch.Columns {
				texts = append(texts, batch.Columns[i].Texts[row])
			}
			rows = append(rows, texts)
		}
		if len(rows) > 1<<20 {
			t.Fatal("a small input has a million rows")
		}
	}
	p := r.Report()
	skipped := int64(0)
	for _, n := range p.Skipped {
		skipped += n
	}
	if p.Records != p.Rows+skipped+p.Filtered+p.Quarantined || p.Rows != int64(len(rows)) {
		t.Errorf("records do not add up: %+v", p)
	}
	return rows, nil
}

func textFields(names ...string) features.TableSchema {
	s := features.TableSchema{Name: "texts"}
	for _, name := range names {
		s.Fields = append(s.Fields, features.Field{Name: name, Kind: frame.Text})
	}
	return s
}

// The splitter agrees with encoding/csv wherever both accept, except that it
// keeps \r\n inside quotes, and it never accepts more.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"1,2,3\n", "\"a\",\"b\"\"c\",\r\n", "a,b,c\n\n\"x\ny\",2,3\n", "1,2\n", "\"", "a\"b,2,3\n", "\"a\"b,2,3", ",,\n", "\r\r\n,,", "\"\r\n\",\r,\n", "\xef\xbb\xbf1,2,3\n", "1,2,3\r",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := fuzzed(t, Options{Format: CSV, Table: textFields("a", "b", "c"), Columns: []string{"a", "b", "c"}}, content)
		if err != nil {
			return
		}
		// The twin knows no byte order mark.
		twin := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, magicBOM)))
		twin.FieldsPerRecord = 3
		want, err := twin.ReadAll()
		if err != nil {
			// It takes \r\n for a line end after a \r, and a lone \r\n for an empty line, as we do; what it refuses we refuse.
			t.Fatalf("%q is taken as %q, encoding/csv says %v", content, got, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d records %q, encoding/csv has %d %q", content, len(got), got, len(want), want)
		}
		for i := range want {
			for k := range want[i] {
				if strings.ReplaceAll(got[i][k], "\r\n", "\n") != strings.ReplaceAll(want[i][k], "\r\n", "\n") {
					t.Fatalf("%q: record %d is %q, encoding/csv has %q", content, i, got[i], want[i])
				}
			}
		}
	})
}

// What is taken as JSON is JSON, and says the same to encoding/json.
func FuzzJSONLines(f *testing.F) {
	for _, seed := range []string{
		`{"a":"x","b":1.5e3,"c":null}`, `{"c":true,"x":{"a":[1,2,{"b":"\u0000"}]}}`, "{}\n{\"a\":\"\\ud83d\\ude00\"}", `{"a":-0}`, `{"\u0061":"1"}`, `{"a":9007199254740993}`, `{"a":1}{"b":2}`, `{"a":01}`, "{\"a\"\r:\t\"\\\\\\\"\"}", `{"a":"\/\b\f\n\r\t"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := fuzzed(t, Options{Format: JSONLines, Table: textFields("a", "b", "c")}, content)
		if err != nil {
			return
		}
		i := 0
		for line := range bytes.Lines(bytes.TrimPrefix(content, magicBOM)) {
			if line = trimJSON(line); len(line) == 0 {
				continue
			}
			var object map[string]any
			d := json.NewDecoder(bytes.NewReader(line))
			d.UseNumber()
			if err := d.Decode(&object); err != nil || !json.Valid(line) {
				t.Fatalf("%q is taken, encoding/json says %v", line, err)
			}
			for k, name := range []string{"a", "b", "c"} {
				want := ""
				switch v := object[name].(type) {
				case string:
					want = v
				case json.Number:
					want = v.String()
				case bool:
					want = strconv.FormatBool(v)
				}
				if got[i][k] != want {
					t.Fatalf("%q: %s is %q, encoding/json has %q", line, name, got[i][k], want)
				}
			}
			i++
		}
		if i != len(got) {
			t.Fatalf("%q: %d rows of %d objects", content, len(got), i)
		}
	})
}

// No bytes that call themselves Parquet bring the reader down, take more than
// the limits, or go on without end.
func FuzzParquet(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join("testdata", "*.parquet"))
	if err != nil || len(paths) == 0 {
		f.Fatalf("fixtures %v (%v)", paths, err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, 0, byte(0))
		f.Add(content, len(content)-40, byte(0x80))
	}
	f.Fuzz(func(t *testing.T, content []byte, at int, flip byte) {
		if len(content) == 0 {
			return
		}
		content = bytes.Clone(content)
		content[((at%len(content))+len(content))%len(content)] ^= flip
		for _, names := range [][]string{{"row", "flag", "i8", "u64", "f32", "text", "product", "day", "utc_ns", "d9_2", "d38_10", "clock_us"}, {"account", "amount"}} {
			_, _ = fuzzed(t, Options{Format: Parquet, Table: textFields(names...), Quarantine: io.Discard}, content)
		}
	})
}

// An expression is refused with its position or compiled into something that
// reads any record without going wrong.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		"a*b*-1", "integer(a)", "concat(a,'-',b)", "time(a,'%d/%m/%Y')", "first(a,b,'x')", "trim(\"a\")", "row()", "'it''s'", "match(a,'^[0-9]') and not prefix(b,'C') and a > 0",
		"time(a) >= '2024-01-01'", "empty(trim(a))", "((((a))))", "a.b", "`x y`", "1e400", "not not a = ''",
	} {
		f.Add(seed, "12.5", "2024-02-29")
	}
	f.Fuzz(func(t *testing.T, text, a, b string) {
		cal := newCalendar(nil)
		for _, where := range []bool{false, true} {
			s, err := newSyntax(text, 0, false, cal)
			var n node
			var all []condition
			if err == nil && where {
				all, err = parseConditions(s)
			} else if err == nil {
				n, err = parseExpression(s)
			}
			if err != nil {
				var syntax *SyntaxError
				if !errors.As(err, &syntax) || syntax.At < 1 || syntax.At > utf8.RuneCountInString(text)+1 {
					t.Fatalf("%q: error %v without a position in it", text, err)
				}
				continue
			}
			r := &record{ordinal: 3}
			for i := range s.names {
				value := []string{a, b, ""}[i%3]
				r.cells, r.null, r.point = append(r.cells, []byte(value)), append(r.null, value == ""), append(r.point, false)
			}
			for _, c := range all {
				if _, err := c.holds(r); err != nil && !isFault(err) {
					t.Fatalf("%q: %v is no fault", text, err)
				}
			}
			if n == nil || n.missing(r) {
				continue
			}
			if _, err := n.bytes(r); err != nil && !isFault(err) {
				t.Fatalf("%q: %v is no fault", text, err)
			}
			if fits(n.kind(), frame.Decimal) == "" {
				if v, err := n.number(r); err == nil {
					_, _ = v.decimal(true)
				} else if !isFault(err) {
					t.Fatalf("%q: %v is no fault", text, err)
				}
			}
			if fits(n.kind(), frame.Time) == "" {
				if v, err := n.instant(r); err == nil && (v < firstInstant || v >= endInstant) {
					t.Fatalf("%q gives the instant %d", text, v)
				} else if err != nil && !isFault(err) {
					t.Fatalf("%q: %v is no fault", text, err)
				}
			}
		}
	})
}

func isFault(err error) bool {
	var f *fault
	return errors.As(err, &f)
}

// A layout that compiles reads back what is written by it, and nothing outside
// the range.
func FuzzLayout(f *testing.F) {
	for _, seed := range []string{"%Y-%m-%d", "%d/%m/%y %H:%M", "%F %T%z", "%b %e, %Y %I:%M %p", "%s", "%Q", "%Y%j", "%A %d %B %Y %R", "%%%Y"} {
		f.Add(seed, int64(1_709_208_930), "29/02/24 12:15")
	}
	f.Fuzz(func(t *testing.T, text string, at int64, value string) {
		l, err := ParseLayout(text)
		if err != nil {
			return
		}
		for _, zone := range []string{"UTC", "Europe/Berlin", "Asia/Kathmandu"} {
			location, err := time.LoadLocation(zone)
			if err != nil {
				t.Skip(err)
			}
			cal := newCalendar(location)
			if v, err := cal.parseLayout([]byte(value), l); err == nil && (v < firstInstant || v >= endInstant) {
				t.Fatalf("layout %q reads %q as %d", text, value, v)
			}
			if at < firstInstant+2*secondsPerDay || at >= endInstant-2*secondsPerDay {
				continue
			}
			written, whole := strftime(l, time.Unix(at, 0).In(location))
			v, err := cal.parseLayout([]byte(written), l)
			if !whole {
				continue
			}
			if err != nil {
				t.Fatalf("layout %q does not read %q of its own: %v", text, written, err)
			}
			// An hour that clocks show twice reads as the earlier one.
			if v != at && v != at-3600 {
				t.Fatalf("layout %q: %q reads as %d, want %d", text, written, v, at)
			}
		}
	})
}

// strftime writes an instant by a layout; whole tells that nothing is lost.
func strftime(l Layout, at time.Time) (text string, whole bool) {
	var b strings.Builder
	seen := map[byte]bool{}
	for i := 0; i < len(l.steps); i++ {
		d := l.steps[i]
		seen[d] = true
		if d == 0 {
			i++
			b.WriteByte(l.steps[i])
			// A digit behind a number, or spaces at the ends, would be read as part of something else.
			if c := l.steps[i]; c >= '0' && c <= '9' || c == ' ' || c == '\t' || c >= 0x80 {
				seen['?'] = true
			}
			continue
		}
		if d == 's' {
			b.WriteString(strconv.FormatInt(at.Unix(), 10))
			continue
		}
		if d == 'Q' {
			b.WriteString(strconv.FormatInt(at.UnixMilli(), 10))
			continue
		}
		if d == 'j' {
			b.WriteString(at.Format("002"))
			continue
		}
		b.WriteString(at.Format(map[byte]string{
			'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "02", 'b': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday",
			'H': "15", 'I': "03", 'p': "PM", 'M': "04", 'S': "05", 'f': "000000", 'z': "-0700",
		}[d]))
	}
	day := seen['j'] || (seen['m'] || seen['b'] || seen['B']) && (seen['d'] || seen['e'])
	once := !(seen['j'] && (seen['m'] || seen['d'])) && !(seen['H'] && seen['I']) && !(seen['Y'] && seen['y']) //nolint:staticcheck // what excludes what, as one says it
	clock := (seen['H'] || seen['I']) && seen['M'] && seen['S']
	whole = seen['s'] || seen['Q'] || day && once && clock && (seen['Y'] || seen['y'] && at.Year() < 2069)
	return b.String(), whole && !seen['?']
}

// A number agrees with math/big wherever both read one.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"12.50", "-0.00005", "1e13", "1e-400", "99999999999999.9999", "18446744073709551616", ".5", "+7", " 1 ", "1,5", "NaN", "0x1", "00001", "1E+2", strings.Repeat("9", 400)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseNumber([]byte(text), false)
		trimmed := strings.Trim(text, " \t")
		want, ok := new(big.Rat).SetString(trimmed)
		if err != nil {
			// big.Rat reads more kinds of numbers than people write in files.
			if ok && !strings.ContainsAny(trimmed, "/_xXbBoOpPiI") && len(trimmed) <= maxNumberBytes && !errors.Is(err, errTooLong) {
				t.Fatalf("%q is refused (%v), and is %s", text, err, want.RatString())
			}
			return
		}
		if !ok {
			t.Fatalf("%q is read, and is no number", text)
		}
		comma, err := parseNumber([]byte(strings.ReplaceAll(text, ".", ",")), true)
		if err != nil || comma.compare(n) != 0 {
			t.Fatalf("%q with a comma: %v", text, err)
		}
		back, ok := new(big.Rat).SetString(string(n.append(nil)))
		if !ok || back.Cmp(want) != 0 {
			t.Fatalf("%q is written as %s", text, n.append(nil))
		}
		scaled := new(big.Rat).Mul(want, big.NewRat(frame.DecimalScale, 1))
		v, err := n.decimal(false)
		if fits := scaled.IsInt() && new(big.Rat).Abs(scaled).Cmp(big.NewRat(maxDecimal, 1)) < 0; fits != (err == nil) || fits && scaled.Cmp(big.NewRat(v, 1)) != 0 {
			t.Fatalf("%q is %d ten-thousandths (%v), want %s", text, v, err, scaled.RatString())
		}
		// Half away from zero.
		half := new(big.Rat).Add(new(big.Rat).Abs(scaled), big.NewRat(1, 2))
		floor := new(big.Int).Quo(half.Num(), half.Denom())
		if v, err := n.decimal(true); err == nil {
			if want.Sign() < 0 {
				floor.Neg(floor)
			}
			if !floor.IsInt64() || floor.Int64() != v {
				t.Fatalf("%q rounds to %d ten-thousandths, want %s", text, v, floor)
			}
		}
		whole, err := n.whole()
		if fits := want.IsInt() && want.Num().IsInt64(); fits != (err == nil) || fits && want.Num().Int64() != whole {
			t.Fatalf("%q is the integer %d (%v)", text, whole, err)
		}
		if v, err := n.float(); err == nil {
			if nearest, _ := want.Float64(); nearest != v && !(math.IsInf(nearest, 0) || v == 0 && nearest == 0) {
				t.Fatalf("%q is the float %v, want %v", text, v, nearest)
			}
		}
	})
}
