package serving

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/files"
)

const threeLines = "account,order_id,amount,ordered_at\nC1,o1,10.50,2025-01-02\nC2,o2,20,2025-01-03\nC1,o3,30,2025-02-04\n"

// sink is an output that remembers what was written and whether it was closed.
type sink struct {
	bytes.Buffer
	closed bool
	refuse error
}

func (s *sink) Close() error {
	s.closed = true
	return s.refuse
}

func importing(t *testing.T, loads *twinLoads, request ImportRequest, outputs map[string]*sink, contents ...string) (ImportResult, []Progress, error) {
	t.Helper()
	service := &Service{Settings: DefaultSettings(), Loads: loads}
	raw, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	call := Call{Operation: OpImport, Request: raw}
	for i, c := range contents {
		call.Files = append(call.Files, File{Name: string(rune('a'+i)) + ".csv", Reader: strings.NewReader(c)})
	}
	if outputs != nil {
		call.Output = func(name string) (io.WriteCloser, error) {
			outputs[name] = &sink{}
			return outputs[name], nil
		}
	}
	var progress []Progress
	call.Report = func(p Progress) { progress = append(progress, p) }
	answer, err := NewOperations(service.Settings.Map(), service.Operations()...).Run(t.Context(), call)
	var result ImportResult
	if err == nil {
		if err := json.Unmarshal(answer, &result); err != nil {
			t.Fatal(err)
		}
	}
	return result, progress, err
}

func TestImportLoadsFilesAsOne(t *testing.T) {
	loads := &twinLoads{}
	more := "order_id,account,amount,ordered_at\no9,C3,5,2025-03-01\n"
	result, progress, err := importing(t, loads, ImportRequest{Table: "order_lines", Sizes: []int64{int64(len(threeLines)), int64(len(more))}}, nil, threeLines, more)
	if err != nil {
		t.Fatal(err)
	}
	var read files.Report
	if err := json.Unmarshal(result.Read, &read); err != nil {
		t.Fatal(err)
	}
	if result.Load.Rows != 4 || read.Rows != 4 || len(loads.requests) != 1 {
		t.Errorf("%d rows loaded, %d read, in %d loads; want 4, 4 and 1", result.Load.Rows, read.Rows, len(loads.requests))
	}
	if r := loads.requests[0]; r.Source != "import" || r.BaseCurrency != "EUR" || r.Zone != "UTC" || strings.Join(r.Files, " ") != "a.csv b.csv" {
		t.Errorf("the load was asked for as %+v", r)
	}
	if last := progress[len(progress)-1]; last.Unit != "bytes" || last.Done != last.Total || last.Total != int64(len(threeLines)+len(more)) {
		t.Errorf("the last progress is %+v, want all bytes of both files", last)
	}
	again, _, err := importing(t, loads, ImportRequest{Table: "order_lines"}, nil, threeLines, more)
	if err != nil || !again.Load.Already || loads.rows != 4 {
		t.Errorf("the same files again: %+v (%v), %d rows; want to be known", again.Load, err, loads.rows)
	}
}

func TestEveryTableIsImported(t *testing.T) {
	for _, schema := range features.Schemas() {
		var names, values []string
		for i := range schema.Fields {
			if f := &schema.Fields[i]; f.Required {
				names = append(names, f.Name)
				values = append(values, map[string]string{"text": "x", "time": "2025-01-02", "decimal": "1", "number": "1", "integer": "1"}[f.Kind.String()])
			}
		}
		result, _, err := importing(t, &twinLoads{}, ImportRequest{Table: schema.Name}, nil, strings.Join(names, ",")+"\n"+strings.Join(values, ",")+"\n")
		if err != nil || result.Load.Rows != 1 {
			t.Errorf("%s: %d rows (%v), want 1", schema.Name, result.Load.Rows, err)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	bad := "account,order_id,amount,ordered_at\nC1,o1,10,2025-01-02\nC1,o2,many,2025-01-02\n"
	for _, c := range []struct {
		name    string
		request ImportRequest
		files   []string
		want    []string
	}{
		{"an unknown table", ImportRequest{Table: "orders"}, []string{threeLines}, []string{`"orders"`, "accounts, order_lines", "outcomes"}},
		{"no file", ImportRequest{Table: "order_lines"}, nil, []string{"no file"}},
		{"a bad row", ImportRequest{Table: "order_lines"}, []string{bad}, []string{"a.csv:3", "column 3", `"amount"`, `"many"`}},
		{"a second file with a bad row", ImportRequest{Table: "order_lines"}, []string{threeLines, bad}, []string{"b.csv:3"}},
		{"a missing column", ImportRequest{Table: "order_lines"}, []string{"account,amount\nC1,1\n"}, []string{"order_id", "ordered_at"}},
		{"an unknown field", ImportRequest{Table: "order_lines", Map: []string{"price=amount"}}, []string{threeLines}, []string{"price"}},
		{"an unknown zone", ImportRequest{Table: "order_lines", Zone: "Mars/Olympus"}, []string{threeLines}, []string{"Mars/Olympus"}},
		{"a long delimiter", ImportRequest{Table: "order_lines", Delimiter: "||"}, []string{threeLines}, []string{"||"}},
		{"an empty file", ImportRequest{Table: "order_lines"}, []string{""}, []string{"a.csv"}},
		{"a quarantine without anywhere to write", ImportRequest{Table: "order_lines", Quarantine: "bad.jsonl"}, []string{threeLines}, []string{"bad.jsonl"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			loads := &twinLoads{}
			_, _, err := importing(t, loads, c.request, nil, c.files...)
			if KindOf(err) != Invalid {
				t.Fatalf("error %v is of kind %d, want Invalid", err, KindOf(err))
			}
			for _, word := range c.want {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
			if loads.rows != 0 {
				t.Errorf("%d rows were committed", loads.rows)
			}
		})
	}
}

func TestImportKeepsBadRowsApart(t *testing.T) {
	bad := "account,order_id,amount,ordered_at\nC1,o1,10,2025-01-02\nC1,o2,many,2025-01-02\n"
	outputs := map[string]*sink{}
	result, _, err := importing(t, &twinLoads{}, ImportRequest{Table: "order_lines", Quarantine: "bad.jsonl"}, outputs, bad)
	if err != nil || result.Load.Rows != 1 {
		t.Fatalf("%d rows (%v), want 1", result.Load.Rows, err)
	}
	out := outputs["bad.jsonl"]
	if out == nil || !out.closed || strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), `"many"`) {
		t.Errorf("the quarantine is %+v, want one line with the bad value, closed", out)
	}
	result, _, err = importing(t, &twinLoads{}, ImportRequest{Table: "order_lines", Quarantine: "-"}, nil, bad)
	var read files.Report
	if err != nil || json.Unmarshal(result.Read, &read) != nil || read.Quarantined != 1 {
		t.Errorf("counted %d bad rows (%v), want 1", read.Quarantined, err)
	}
}

// An order or a contact that lies ahead of the clock has not happened. A day of
// grace is for clocks and zones; what is planned may lie where it likes.
func TestTheFutureIsABadRow(t *testing.T) {
	now := time.Date(2025, 6, 30, 22, 0, 0, 0, time.UTC)
	begins := map[string]string{
		"order_lines":  "account,order_id,amount,ordered_at\nC1,o1,10,",
		"interactions": "id,account,kind,at\ni1,C1,visit,",
		"contracts":    "id,account,start\nk1,C1,",
		"wallets":      "account,amount,period\nC1,10,",
	}
	for _, c := range []struct {
		table, at string
		column    string // of the refusal, "" for none
	}{
		{"order_lines", "2025-06-30T21:59:59Z", ""},
		{"order_lines", "2025-07-01", ""},           // a day that has begun in Berlin
		{"order_lines", "2025-07-01T22:00:00Z", ""}, // the last instant that is accepted
		{"order_lines", "2025-07-01T22:00:01Z", `column 4 "ordered_at"`},
		{"interactions", "2025-07-02T00:00:00Z", `column 4 "at"`},
		{"contracts", "2030-01-01", ""},
		{"wallets", "2026-01-01", ""},
	} {
		loads := &twinLoads{}
		service := &Service{Settings: DefaultSettings(), Loads: loads, Now: func() time.Time { return now }}
		load := func(quarantine string) (ImportResult, error) {
			return service.Import(t.Context(), ImportRequest{Table: c.table, Quarantine: quarantine},
				Call{Files: []File{{"a.csv", strings.NewReader(begins[c.table] + c.at + "\n")}}, Report: func(Progress) {}})
		}
		_, err := load("")
		switch {
		case c.column == "" && (err != nil || loads.rows != 1):
			t.Errorf("%s at %s: %v", c.table, c.at, err)
		case c.column != "" && (KindOf(err) != Invalid || !strings.Contains(err.Error(), "a.csv:2: "+c.column) || loads.rows != 0):
			t.Errorf("%s at %s: %v, want line 2, %s", c.table, c.at, err, c.column)
		}
		if c.column == "" {
			continue
		}
		var read files.Report
		result, err := load("-")
		if err != nil || json.Unmarshal(result.Read, &read) != nil || read.Quarantined != 1 || result.Load.Rows != 0 {
			t.Errorf("%s at %s in quarantine: %+v (%v), want one bad row", c.table, c.at, read, err)
		}
	}
}

// Parquet that comes as a stream waits in the folder that the service was given
// and nowhere else, and nothing stays there, however the import ends.
func TestParquetWaitsInTheServicesFolder(t *testing.T) {
	s, _, _, _ := village(30) //nolint:dogsled // only the service is asked
	s.Loads, s.TempDir = &twinLoads{}, t.TempDir()
	built := &sink{}
	if _, err := s.Build(t.Context(), BuildRequest{Output: "f", Format: "parquet"}, func(string) (io.WriteCloser, error) { return built, nil }, nil); err != nil {
		t.Fatal(err)
	}
	load := func(content []byte, amount string) (ImportResult, error) {
		return s.Import(t.Context(), ImportRequest{Table: "order_lines", Map: []string{"order_id=account", "amount=" + amount, "ordered_at=cutoff"}},
			Call{Files: []File{{"f.parquet", bytes.NewReader(content)}}, Report: func(Progress) {}})
	}
	if result, err := load(built.Bytes(), "recency_days"); err != nil || result.Load.Rows != 30 {
		t.Errorf("%d rows (%v), want 30", result.Load.Rows, err)
	}
	for name, broken := range map[string]func() error{
		"cut short":        func() error { _, err := load(built.Bytes()[:built.Len()/2], "recency_days"); return err },
		"without a column": func() error { _, err := load(built.Bytes(), "nothing"); return err },
	} {
		if err := broken(); KindOf(err) != Invalid {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
	if left, err := os.ReadDir(s.TempDir); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
	s.TempDir = filepath.Join(s.TempDir, "gone")
	if _, err := load(built.Bytes(), "recency_days"); err == nil || !strings.Contains(err.Error(), s.TempDir) {
		t.Errorf("without its folder: %v, want an error that names it", err)
	}
}

// A fault of the warehouse is not the caller's, and neither is an interruption.
func TestFaultsAreToldApart(t *testing.T) {
	down := errors.New("connection refused")
	if _, _, err := importing(t, &twinLoads{refuse: down}, ImportRequest{Table: "order_lines"}, nil, threeLines); !errors.Is(err, down) || KindOf(err) != Internal {
		t.Errorf("the warehouse's error is %v of kind %d, want its own and Internal", err, KindOf(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	service := &Service{Settings: DefaultSettings(), Loads: &twinLoads{}}
	_, err := service.Import(ctx, ImportRequest{Table: "order_lines"}, Call{Files: []File{{"a.csv", strings.NewReader(threeLines)}}, Report: func(Progress) {}})
	if KindOf(err) != Canceled {
		t.Errorf("broken off: %v of kind %d, want Canceled", err, KindOf(err))
	}
}

// closing is a file that notices when somebody else closes it.
type closing struct {
	*strings.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

func TestTheCallersFilesStayOpen(t *testing.T) {
	file := &closing{Reader: strings.NewReader(threeLines)}
	service := &Service{Settings: DefaultSettings(), Loads: &twinLoads{}}
	_, err := service.Import(t.Context(), ImportRequest{Table: "order_lines"}, Call{Files: []File{{"a.csv", file}}, Report: func(Progress) {}})
	if err != nil || file.closed {
		t.Errorf("closed = %v (%v), want the file left to whoever opened it", file.closed, err)
	}
}

func TestRequestsAreReadStrictly(t *testing.T) {
	service := &Service{Settings: DefaultSettings(), Loads: &twinLoads{}}
	run := NewOperations(nil, service.Operations()...)
	for _, raw := range []string{`{"tabel":"order_lines"}`, `{"table":1}`, `{} {}`, `[`, `"x"`} {
		if _, err := run.Run(t.Context(), Call{Operation: OpImport, Request: json.RawMessage(raw)}); KindOf(err) != Invalid {
			t.Errorf("request %s: %v, want Invalid", raw, err)
		}
	}
}
