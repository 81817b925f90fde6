package tree

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fealty/features/frame"
)

// TestRoundTripWithLightGBM has Python's lightgbm train models of every kind
// that is read, and predict them, models of XGBoost and ensembles of ours from
// what Write wrote.
func TestRoundTripWithLightGBM(t *testing.T) {
	python := os.Getenv("FEALTY_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: FEALTY_PYTHON names no Python that has lightgbm; the round trip is not tested")
	}
	folder := t.TempDir()
	run := func(verb string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "roundtrip.py"), verb, folder).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", verb, err, out)
		}
	}
	save := func(name string, e *Ensemble) {
		t.Helper()
		var b bytes.Buffer
		if err := e.Write(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+".ours.txt"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run("train")
	texts, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil || len(texts) != 20 {
		t.Fatalf("%d models were trained (%v), want 20", len(texts), err)
	}
	refused := map[string]string{"refused-linear": "linear", "refused-average": "random forest", "refused-classes": "num_class"}
	margins := map[string][]float64{}
	for _, path := range texts {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Read(bytes.NewReader(text), int64(len(text)))
		if why, ok := refused[name]; ok {
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: got %v, want ErrFormat with %q", name, err, why)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		margins[name] = predicted(t, e, doubles(t, folder, name+".rows"))
		agree(t, name, margins[name], doubles(t, folder, name+".raw"))
		save(name, e)
	}
	for _, c := range xgboostCases(t) {
		e, err := ReadXGBoost(bytes.NewReader(testdata(t, c.Model)), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		e = sayable(t, e)
		var flat []float64
		for _, row := range c.Rows {
			for _, v := range row {
				if v == nil {
					flat = append(flat, math.NaN())
					continue
				}
				flat = append(flat, *v)
			}
		}
		write(t, folder, c.Model+".rows", flat)
		margins[c.Model] = predicted(t, e, flat)
		save(c.Model, e)
	}
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 5 {
		name := fmt.Sprintf("drawn-%d", i)
		e, f := mixed(r, 1000, 5, 20, 40)
		e = sayable(t, e)
		rows, err := e.Bind(f)
		if err != nil {
			t.Fatal(err)
		}
		flat := make([]float64, 5*f.Rows())
		for i := range f.Rows() {
			rows.Row(i, flat[5*i:])
		}
		for j, v := range flat { // LightGBM reads what is as small as 0; see Write
			if math.Abs(v) <= ZeroThreshold {
				flat[j] = 0
			}
		}
		write(t, folder, name+".rows", flat)
		margins[name] = predicted(t, e, flat)
		save(name, e)
	}
	run("predict")
	for name, want := range margins {
		agree(t, name+" opened in Python", doubles(t, folder, name+".theirs"), want)
	}
}

// sayable returns e as LightGBM can say it: missing values of a category go
// right, and its note lists codes. Levels are taken away: the rows are codes.
func sayable(t *testing.T, e *Ensemble) *Ensemble {
	t.Helper()
	for k := range e.trees {
		for n, d := range e.trees[k].Decision {
			if d == CategoricalMissingLeft {
				e.trees[k].Decision[n] = CategoricalDecision
			}
		}
	}
	h := e.Header()
	for i := range h.Features {
		f := &h.Features[i]
		f.Levels = nil
		if f.Category && f.Info == "none" {
			f.Info = "-1:0:1"
		}
	}
	e, err := New(h, e.trees)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// predicted predicts rows of numbers, codes among them, in a batch.
func predicted(t *testing.T, e *Ensemble, flat []float64) []float64 {
	t.Helper()
	width := len(e.names)
	f := &frame.Frame{Accounts: make([]frame.AccountID, len(flat)/width), Cutoffs: make([]frame.Cutoff, len(flat)/width)}
	for j, name := range e.names {
		c := frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number}
		for i := range f.Accounts {
			c.Numbers = append(c.Numbers, flat[i*width+j])
		}
		f.Columns = append(f.Columns, c)
	}
	out := make([]float64, f.Rows())
	if err := e.Predict(f, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func write(t *testing.T, folder, name string, values []float64) {
	t.Helper()
	text := make([]byte, 0, 8*len(values))
	for _, v := range values {
		text = binary.LittleEndian.AppendUint64(text, math.Float64bits(v))
	}
	if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func doubles(t *testing.T, folder, name string) []float64 {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(raw)/8)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return out
}

func agree(t *testing.T, name string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: %d margins, want %d", name, len(got), len(want))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-12) {
			t.Errorf("%s: row %d is %v, want %v", name, i, got[i], want[i])
			return
		}
	}
}
