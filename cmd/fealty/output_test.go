package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/model"
	"fealty/serving"

	"github.com/google/go-cmp/cmp"
)

// shown is an answer with everything that is awkward in one of the forms.
func shown() answer {
	type item struct {
		Name   string       `json:"name"`
		Value  model.Figure `json:"value"`
		Number string       `json:"number"`
	}
	missing := model.Figure(math.NaN())
	return answer{
		data: []item{{"广州 <金诚>, \"x\"", .123456789, "007"}, {"plain", missing, "yes"}},
		sections: []section{{head: []string{"name", "value", "number", "at"}, rows: [][]any{
			{"广州 <金诚>, \"x\"", model.Figure(.123456789), "007", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
			{"plain\x1b[31m\n", missing, "yes", time.Time{}},
		}}},
	}
}

func TestForms(t *testing.T) {
	for form, want := range map[string]string{
		"json": `[
  {
    "name": "广州 <金诚>, \"x\"",
    "value": 0.123456789,
    "number": "007"
  },
  {
    "name": "plain",
    "value": null,
    "number": "yes"
  }
]
`,
		// Texts that would read as numbers or booleans stay texts.
		"yaml": `- name: 广州 <金诚>, "x"
  value: 0.123456789
  number: "007"
- name: plain
  value: null
  number: "yes"
`,
		"csv": "name,value,number,at\n\"广州 <金诚>, \"\"x\"\"\",0.123456789,007,2026-01-02T03:04:05Z\n\"plain\x1b[31m\n\",,yes,\n",
		// Chinese letters are two columns wide, and nothing plays with the terminal.
		"table": "name               value  number  at\n" +
			"广州 <金诚>, \"x\"  0.1235  007     2026-01-02T03:04:05Z\n" +
			"plain [31m             -  yes     -\n",
	} {
		var out bytes.Buffer
		e := &env{stdout: &out, global: globalFlags{output: form}}
		if err := e.show(shown()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s:\n%s", form, diff)
		}
	}
}

// What may be absent is read through its pointer, and never printed as one.
func TestCellsThatMayBeAbsent(t *testing.T) {
	yes, half := true, .5
	for _, c := range []struct {
		cell         any
		exact, short string
	}{
		{&yes, "true", "yes"}, {(*bool)(nil), "", "-"},
		{&half, "0.5", "0.5000"}, {(*float64)(nil), "", "-"},
	} {
		if exact(c.cell) != c.exact || short(c.cell) != c.short {
			t.Errorf("%T: %q and %q, want %q and %q", c.cell, exact(c.cell), short(c.cell), c.exact, c.short)
		}
	}
}

// Every kind of error has one exit code, also behind the rooms' own sentinels.
func TestExitCodes(t *testing.T) {
	registerKinds()
	for err, want := range map[error]int{
		nil: 0, errors.New("x"): 1, serving.ErrInvalid: 2, features.ErrBadRequest: 2, features.ErrCalendar: 2, clickhouse.ErrBadRow: 2,
		serving.ErrNotFound: 3, serving.ErrConflict: 4, features.ErrKnown: 4, clickhouse.ErrLocked: 4,
		serving.ErrUnavailable: 5, clickhouse.ErrNoEngine: 5, clickhouse.ErrUnreachable: 5, clickhouse.ErrBusy: 5, context.DeadlineExceeded: 5,
		errFindings: 6, serving.ErrUnauthenticated: 7, serving.ErrDenied: 7, context.Canceled: 130,
	} {
		if err != nil {
			err = fmt.Errorf("somewhere: %w", err)
		}
		if got := exitCode(err); got != want {
			t.Errorf("exitCode(%v) = %d, want %d", err, got, want)
		}
	}
}

// Work that was broken off says so, and leaves nothing behind.
func TestBrokenOff(t *testing.T) {
	dir := t.TempDir()
	var out, said bytes.Buffer
	e := &env{args: []string{"town", "--dir", "town"}, dir: dir, stdout: &out, stderr: &said, now: time.Now}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := runRoot(ctx, e); code != exitCancelled {
		t.Errorf("exit code %d, want %d: %s", code, exitCancelled, said.String())
	}
	left, err := filepath.Glob(filepath.Join(dir, "town", "*"))
	if err != nil || len(left) > 0 || out.Len() > 0 {
		t.Errorf("left behind: %v, %v; printed %q", left, err, out.String())
	}
}

// Outputs stand under their names after success, and not at all otherwise;
// what stood there before stays.
func TestOutputsAreWholeOrAbsent(t *testing.T) {
	for _, ok := range []bool{true, false} {
		dir := t.TempDir()
		path := filepath.Join(dir, "bad.jsonl")
		if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		o := &outputs{env: &env{dir: dir}}
		label, err := o.output("bad.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		w, err := o.open(label)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "after"); err != nil {
			t.Fatal(err)
		}
		// The use case closes what it wrote, also when it fails later.
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if raw, err := os.ReadFile(path); err != nil || string(raw) != "before" {
			t.Errorf("before the end: %q, %v", raw, err)
		}
		if err := o.finish(ok); err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "after", false: "before"}[ok]
		if raw, err := os.ReadFile(path); err != nil || string(raw) != want {
			t.Errorf("success %v: %q, %v; want %q", ok, raw, err, want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("success %v: left behind %v, %v", ok, left, err)
		}
	}
	o := &outputs{env: &env{}}
	if _, err := o.open("other"); err == nil {
		t.Error("a file that was not asked for was opened")
	}
	for _, path := range []string{"..", "/", "."} {
		if _, err := o.output(path); err == nil {
			t.Errorf("output %q was taken", path)
		}
	}
}

func TestPlainProgressIsALineNowAndThen(t *testing.T) {
	var said bytes.Buffer
	now := time.Unix(0, 0)
	e := &env{stderr: &said, now: func() time.Time { return now }}
	p := e.newProgress()
	for i := range 100 {
		now = now.Add(time.Second)
		p.report(serving.Progress{Stage: "loading", Done: int64(i) << 20, Total: 100 << 20, Unit: "bytes"})
	}
	p.report(serving.Progress{Stage: "fitting"})
	p.end()
	p.report(serving.Progress{Stage: "afterwards"})
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	if len(lines) != 21 || lines[0] != "loading" || lines[1] != "loading: 5.0 MiB of 100.0 MiB" || lines[20] != "fitting" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	said.Reset()
	e.global.quiet = true
	quiet := e.newProgress()
	quiet.report(serving.Progress{Stage: "loading"})
	quiet.end()
	if said.Len() > 0 {
		t.Errorf("quiet says %q", said.String())
	}
}
