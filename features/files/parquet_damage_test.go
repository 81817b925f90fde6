package files_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"fealty/features/files"
)

// crafted is a Parquet file of one column "v" with one page, of which every
// claim can be made to lie.
type crafted struct {
	kind     format.Type
	optional bool
	rows     int64 // of the file, the row group and the chunk
	codec    format.CompressionCodec
	page     format.PageHeader
	body     []byte // as it stands in the file
	footer   func(*format.FileMetaData)
}

func marshal(tb testing.TB, v any) []byte {
	tb.Helper()
	b, err := thrift.Marshal(new(thrift.CompactProtocol), v)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func (c *crafted) file(tb testing.TB) []byte {
	tb.Helper()
	if c.page.CompressedPageSize == 0 {
		c.page.CompressedPageSize = int32(len(c.body))
	}
	if c.page.UncompressedPageSize == 0 {
		c.page.UncompressedPageSize = c.page.CompressedPageSize
	}
	file := append([]byte("PAR1"), marshal(tb, &c.page)...)
	file = append(file, c.body...)
	repetition := format.Required
	if c.optional {
		repetition = format.Optional
	}
	meta := &format.FileMetaData{
		Version: 1, NumRows: c.rows,
		Schema: []format.SchemaElement{
			{Name: "root", NumChildren: thrift.New[int32](1)},
			{Name: "v", Type: thrift.New(c.kind), RepetitionType: thrift.New(repetition)},
		},
		RowGroups: []format.RowGroup{{NumRows: c.rows, Columns: []format.ColumnChunk{{MetaData: format.ColumnMetaData{
			Type: c.kind, PathInSchema: []string{"v"}, Codec: c.codec, NumValues: c.rows, TotalCompressedSize: int64(len(file) - 4), DataPageOffset: 4,
		}}}}},
	}
	if c.footer != nil {
		c.footer(meta)
	}
	footer := marshal(tb, meta)
	file = append(file, footer...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(footer)))
	return append(file, "PAR1"...)
}

func dataPage(values int32, encoding format.Encoding) format.PageHeader {
	return format.PageHeader{Type: format.DataPage, DataPageHeader: thrift.New(format.DataPageHeader{NumValues: values, Encoding: encoding, DefinitionLevelEncoding: format.RLE})}
}

// uvarints joins numbers as a page does.
func uvarints(values ...uint64) []byte {
	var b []byte
	for _, v := range values {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

// A file may claim whatever it likes: it is refused within the limits of
// memory, and a few bytes are not read for hours.
func TestParquetThatLies(t *testing.T) {
	const plenty = 1<<31 - 1
	// 2^40 rows of nothing: one run of empty values.
	nothing := append(binary.LittleEndian.AppendUint32(nil, 7), append(uvarints(1<<41), 0)...)
	for name, c := range map[string]struct {
		file crafted
		want string // "" for a file that reads
	}{
		"two numbers":                  {crafted{kind: format.Int64, rows: 2, page: dataPage(2, format.Plain), body: make([]byte, 16)}, ""},
		"three differences":            {crafted{kind: format.Int64, rows: 3, page: dataPage(3, format.DeltaBinaryPacked), body: append(uvarints(128, 4, 3, 10, 2), 0, 0, 0, 0)}, ""},
		"2^31 differences":             {crafted{kind: format.Int64, rows: 3, page: dataPage(3, format.DeltaBinaryPacked), body: append(uvarints(128, 4, plenty, 10, 2), 0, 0, 0, 0)}, "do not follow their encoding"},
		"2^63 differences":             {crafted{kind: format.Int64, rows: 3, page: dataPage(3, format.DeltaBinaryPacked), body: append(uvarints(128, 4, 1<<63, 10, 2), 0, 0, 0, 0)}, "do not follow their encoding"},
		"a block of 2^62":              {crafted{kind: format.Int64, rows: 3, page: dataPage(3, format.DeltaBinaryPacked), body: append(uvarints(1<<62, 4, 3, 10, 2), 0, 0, 0, 0)}, "do not follow their encoding"},
		"2^31 lengths":                 {crafted{kind: format.ByteArray, rows: 3, page: dataPage(3, format.DeltaLengthByteArray), body: append(uvarints(128, 4, plenty, 10, 2), 0, 0, 0, 0)}, "do not follow their encoding"},
		"a length beyond the page":     {crafted{kind: format.ByteArray, rows: 1, page: dataPage(1, format.Plain), body: []byte{255, 255, 255, 255, 'x'}}, "fewer values than it says"},
		"fewer numbers than said":      {crafted{kind: format.Int64, rows: 3, page: dataPage(3, format.Plain), body: make([]byte, 16)}, "fewer values than it says"},
		"a page of more than the rows": {crafted{kind: format.Int64, rows: 1, page: dataPage(2, format.Plain), body: make([]byte, 16)}, "not as many values"},
		"a page of fewer":              {crafted{kind: format.Int64, rows: 3, page: dataPage(2, format.Plain), body: make([]byte, 16)}, "not as many values"},
		"no dictionary":                {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.RLEDictionary), body: []byte{1, 2, 0}}, "a dictionary that is not there"},
		"an unknown encoding":          {crafted{kind: format.Int64, rows: 1, page: dataPage(1, 77), body: make([]byte, 8)}, "encoding 77"},
		"an unknown codec":             {crafted{kind: format.Int64, rows: 1, codec: 99, page: dataPage(1, format.Plain), body: make([]byte, 8)}, "packed with"},
		"Brotli":                       {crafted{kind: format.Int64, rows: 1, codec: format.Brotli, page: dataPage(1, format.Plain), body: make([]byte, 8)}, "packed with Brotli; write it with zstd"},
		"snappy of 4 GB":               {crafted{kind: format.Int64, rows: 1, codec: format.Snappy, page: dataPage(1, format.Plain), body: append(uvarints(1<<32-1), 0, 1)}, "unpacks to another size"},
		"LZ4 without end":              {crafted{kind: format.Int64, rows: 1, codec: format.Lz4Raw, page: dataPage(1, format.Plain), body: []byte{0x1f, 'x', 1, 0, 255, 255, 255, 255, 255, 255}}, "cannot be unpacked"},
		"a page of 2 GB": {crafted{kind: format.Int64, rows: 1, codec: format.Snappy, page: func() format.PageHeader {
			p := dataPage(1, format.Plain)
			p.UncompressedPageSize = plenty
			return p
		}(), body: snappy.Encode(nil, make([]byte, 8))}, "more than the limit of 268435456"},
		"a page beyond the file": {crafted{kind: format.Int64, rows: 1, page: func() format.PageHeader {
			p := dataPage(1, format.Plain)
			p.CompressedPageSize = plenty
			return p
		}(), body: make([]byte, 8)}, "outside the file"},
		"2^40 rows of nothing":    {crafted{kind: format.Int64, optional: true, rows: 1 << 40, page: dataPage(plenty, format.Plain), body: nothing}, "values for each of its bytes"},
		"a column of other files": {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8), footer: func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].FilePath = "/etc/passwd" }}, "another file"},
		"a column before the file": {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8), footer: func(m *format.FileMetaData) {
			m.RowGroups[0].Columns[0].MetaData.DataPageOffset = -1 << 62
		}}, "outside the file"},
		"a column in the footer": {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8), footer: func(m *format.FileMetaData) {
			m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = 1 << 62
		}}, "outside the file"},
		"another type in the chunk": {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8), footer: func(m *format.FileMetaData) {
			m.RowGroups[0].Columns[0].MetaData.Type = format.ByteArray
		}}, "not as many values"},
		"more rows than groups have": {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8), footer: func(m *format.FileMetaData) { m.NumRows = 2 }}, "not as many rows as the table"},
		"fewer rows":                 {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8), footer: func(m *format.FileMetaData) { m.NumRows = 0 }}, "not as many rows as the table"},
		"children without end":       {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8), footer: func(m *format.FileMetaData) { m.Schema[0].NumChildren = thrift.New[int32](plenty) }}, "cannot be read"},
		"a schema without columns":   {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8), footer: func(m *format.FileMetaData) { m.Schema = m.Schema[:1] }}, "cannot be read"},
		"5,000 columns": {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8), footer: func(m *format.FileMetaData) {
			m.Schema = append(m.Schema[:1], slices.Repeat(m.Schema[1:], 5_000)...)
			m.Schema[0].NumChildren = thrift.New[int32](5_000)
		}}, "more than 4096 columns"},
		"a chain of 100,000 groups": {crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8), footer: func(m *format.FileMetaData) {
			chain := slices.Repeat([]format.SchemaElement{{Name: "g", NumChildren: thrift.New[int32](1), RepetitionType: thrift.New(format.Required)}}, 100_000)
			m.Schema = append(append([]format.SchemaElement{m.Schema[0]}, chain...), m.Schema[1])
		}}, `no column "v"`},
	} {
		content := c.file.file(t)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, report, err := readAll(t, files.Options{Inputs: []files.Input{memory("lies.parquet", content)}, Table: textTable("v"), Map: []string{"v=v"}, TempDir: t.TempDir()})
		runtime.ReadMemStats(&after)
		if c.want == "" {
			if err != nil || report.Rows != c.file.rows {
				t.Errorf("%s: %d rows, error %v; the test's own files do not read", name, report.Rows, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "lies.parquet") {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		// 2^40 rows of nothing are read as long as their number is plausible.
		if used := after.TotalAlloc - before.TotalAlloc; used > 60<<20 && c.file.rows < 1<<40 {
			t.Errorf("%s: %d MiB were allocated for a file of %d bytes", name, used>>20, len(content))
		}
	}
	for _, cut := range []uint32{1 << 31, 1<<32 - 1, 200} { // the footer's own length
		file := (&crafted{kind: format.Int64, rows: 1, page: dataPage(1, format.Plain), body: make([]byte, 8)}).file(t)
		binary.LittleEndian.PutUint32(file[len(file)-8:], cut)
		if _, _, err := readAll(t, files.Options{Inputs: []files.Input{memory("lies.parquet", file)}, Table: textTable("v"), TempDir: t.TempDir()}); err == nil {
			t.Errorf("a footer of %d bytes is believed", cut)
		}
	}
}

// Damage is an error, never a crash; under a checksum it is never another value.
func TestDamagedParquet(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join("testdata", "types-*.parquet"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("fixtures %v (%v)", paths, err)
	}
	names, _ := typesFixture(t)
	rounds := 60
	if os.Getenv("FEALTY_TORTURE") == "1" {
		rounds = 20_000
	}
	chance := rand.New(rand.NewPCG(11, 12))
	refused := 0
	for _, path := range paths {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range rounds {
			content := bytes.Clone(whole)
			switch chance.IntN(4) {
			case 0:
				content = content[:chance.IntN(len(content))]
			case 1:
				at := chance.IntN(len(content))
				content = slices.Delete(content, at, min(len(content), at+1+chance.IntN(50)))
			default:
				for range 1 + chance.IntN(4) {
					at := chance.IntN(len(content))
					if chance.IntN(2) == 0 { // the footer is a small part and decides the most
						at = len(content) - 1 - chance.IntN(min(len(content), 4000))
					}
					content[at] ^= 1 << chance.IntN(8)
				}
			}
			_, _, err := readAll(t, files.Options{Inputs: []files.Input{memory("damaged.parquet", content)}, Table: textTable(names...), TempDir: t.TempDir(), Quarantine: io.Discard})
			if err != nil {
				refused++
				if !strings.Contains(err.Error(), "damaged.parquet") {
					t.Fatalf("an error without its file: %v", err)
				}
			}
		}
	}
	if refused < rounds {
		t.Errorf("of %d damaged files %d were refused", rounds*len(paths), refused)
	}
	whole, err := os.ReadFile(filepath.Join("testdata", "types-v1-snappy.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, []byte("Schraube M8")) // inside the dictionary of the texts, and not in its statistics
	if at < 0 {
		t.Fatal("the fixture does not hold its text")
	}
	whole[at+9] = 'N'
	_, _, err = readAll(t, files.Options{Inputs: []files.Input{memory("damaged.parquet", whole)}, Table: textTable("text"), TempDir: t.TempDir()})
	var row *files.RowError
	if !errors.As(err, &row) || row.Name != "text" || !strings.Contains(row.Reason, "checksum") {
		t.Errorf("another text under a checksum: error %v", err)
	}
}

// Columns that cannot be read are refused by name when they are asked for, and
// not in the way of others.
func TestNestedParquet(t *testing.T) {
	t.Parallel()
	in := files.FromPaths(filepath.Join("testdata", "nested.parquet"))
	got, _, err := readAll(t, files.Options{Inputs: in, Table: textTable("account", "amount", "behind")})
	if err != nil || !slices.Equal(got["behind"].texts, []string{"yes", "no"}) || got["amount"].texts[0] != "1.5" || !got["amount"].null[1] {
		t.Errorf("flat columns between nested ones: %+v (%v)", got, err)
	}
	for name, want := range map[string]string{"lines": "is nested", "address": "is nested", "tags": "is nested", "raw": "bytes without a meaning", "city": `no column "city"; there are account, amount, lines, address, tags, raw, behind`} {
		_, _, err := readAll(t, files.Options{Inputs: in, Table: textTable("x"), Map: []string{"x=" + name}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "nested.parquet") {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

// What Parquet says about a value is not lost on the way to a field.
func TestParquetValuesByPlace(t *testing.T) {
	t.Parallel()
	in := files.FromPaths(filepath.Join("testdata", "types-v2-zstd.parquet"))
	table := schema(t, "order_lines")
	maps := []string{"account=text", "order_id=row", "amount=d18_4", "ordered_at=utc_us", "line=row"}
	var bad bytes.Buffer
	_, report, err := readAll(t, files.Options{Inputs: in, Table: table, Map: maps, Quarantine: &bad, Null: []string{"account=skip"}})
	if err != nil || report.Quarantined == 0 || report.Records != 160 || report.Rows+report.Skipped["account"]+report.Quarantined != 160 {
		t.Fatalf("%+v (%v)", report, err)
	}
	first := report.Examples[0]
	if first.Line == 0 || first.Column == 0 || first.Name == "" || !strings.Contains(bad.String(), `"record":"{\"`) {
		t.Errorf("the first bad record is %+v, the quarantine begins %.300s", first, bad.String())
	}
	if _, _, err := readAll(t, files.Options{Inputs: in, Table: table, Map: append(maps, "cost=f64"), Null: []string{"account=skip", "amount=skip", "ordered_at=skip"}}); err == nil || !strings.Contains(err.Error(), `"f64" for cost:`) || !strings.Contains(err.Error(), "types-v2-zstd.parquet:") {
		t.Errorf("a float with many digits as an amount: %v", err)
	}
}
