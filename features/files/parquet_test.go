package files_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/files"
	"fealty/features/frame"
)

// textTable is a table of texts, which shows what a format makes of its values.
func textTable(names ...string) features.TableSchema {
	s := features.TableSchema{Name: "texts"}
	for _, name := range names {
		s.Fields = append(s.Fields, features.Field{Name: name, Kind: frame.Text, Nullable: true})
	}
	return s
}

// memory is an input that can be read as a stream only.
func memory(name string, content []byte) files.Input {
	return files.Input{Name: name, Size: int64(len(content)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// kept is a copy of a column that outlives its batch.
type kept struct {
	texts    []string
	integers []int64
	numbers  []float64
	null     []bool
}

// readAll reads everything; the error is that of Open or Next.
func readAll(tb testing.TB, o files.Options) (map[string]*kept, files.Report, error) {
	tb.Helper()
	r, err := files.Open(tb.Context(), o)
	if err != nil {
		return nil, files.Report{}, err
	}
	defer func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	}()
	all := map[string]*kept{}
	for _, f := range o.Table.Fields {
		all[f.Name] = &kept{}
	}
	for {
		batch, err := r.Next(tb.Context())
		if err == io.EOF { //nolint:errorlint // the promise of features.Rows is io.EOF itself
			return all, r.Report(), nil
		}
		if err != nil {
			return all, r.Report(), err
		}
		if err := batch.Check(); err != nil {
			tb.Fatal(err)
		}
		for i := range batch.Columns {
			c := &batch.Columns[i]
			k := all[c.Name]
			k.texts = append(k.texts, c.Texts...)
			k.integers = append(k.integers, c.Integers...)
			k.numbers = append(k.numbers, c.Numbers...)
			for row := range c.Len() {
				k.null = append(k.null, c.IsNull(row))
			}
		}
	}
}

// typesFixture is what testdata/types.jsonl says of the columns, by row.
func typesFixture(tb testing.TB) (names []string, rows []map[string]*string) {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "types.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var row map[string]*string
		if err := json.Unmarshal(line, &row); err != nil {
			tb.Fatal(err)
		}
		rows = append(rows, row)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		token, err := d.Token()
		if err != nil {
			tb.Fatal(err)
		}
		if token == json.Delim('}') {
			return names, rows
		}
		if token == json.Delim('{') {
			continue
		}
		names = append(names, token.(string)) //nolint:forcetypeassert,errcheck // a key is a string
		if _, err := d.Token(); err != nil {
			tb.Fatal(err)
		}
	}
}

// sameText compares as texts; floats as the numbers that they are, since there
// are many ways to write one.
func sameText(name, got, want string) bool {
	size := map[string]int{"f32": 32, "f64": 64}[name]
	if size == 0 {
		return got == want
	}
	a, err := strconv.ParseFloat(got, size)
	if err != nil {
		return false
	}
	b, err := strconv.ParseFloat(want, size)
	return err == nil && math.Float64bits(a) == math.Float64bits(b)
}

// Every kind of column, page format, encoding and compression that pyarrow
// writes reads as the values from which the file was made; in place, from a
// stream and packed alike.
func TestParquetOfEveryKind(t *testing.T) {
	t.Parallel()
	names, want := typesFixture(t)
	paths, err := filepath.Glob(filepath.Join("testdata", "types-*.parquet"))
	if err != nil || len(paths) != 5 {
		t.Fatalf("fixtures %v (%v), want 5", paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for way, in := range map[string]files.Input{
				"in place": files.FromPaths(path)[0], "stream": memory("x.parquet", content), "gzip": memory("x.parquet.gz", packed(t, content)),
			} {
				got, report, err := readAll(t, files.Options{Inputs: []files.Input{in}, Table: textTable(names...), TempDir: t.TempDir()})
				if err != nil {
					t.Fatalf("%s: %v", way, err)
				}
				if report.Rows != int64(len(want)) || report.Records != report.Rows {
					t.Fatalf("%s: %d rows, want %d", way, report.Rows, len(want))
				}
				for _, name := range names {
					for row := range want {
						null := got[name].null[row]
						w := ""
						if value := want[row][name]; value != nil {
							w = *value
						}
						if w == "" {
							if !null {
								t.Fatalf("%s: row %d %s is %q, want nothing", way, row, name, got[name].texts[row])
							}
							continue
						}
						if strings.Contains(path, "v1-plain") && strings.HasPrefix(name, "clock") {
							w += "Z" // INT96 has no way to say that it is the reading of a clock
						}
						if null || !sameText(name, got[name].texts[row], w) {
							t.Fatalf("%s: row %d %s is %q (null %t), want %q", way, row, name, got[name].texts[row], null, w)
						}
					}
				}
			}
		})
	}
}
