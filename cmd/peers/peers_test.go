package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fealty/features/frame"
	"fealty/model/metrics"
	"fealty/serving/servingtest"

	"github.com/google/go-cmp/cmp"
)

// answerTo runs one trial of ours in this process.
func answerTo(t *testing.T, r request) answer {
	t.Helper()
	in, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(context.Background(), []string{"trial"}, bytes.NewReader(in), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		t.Fatalf("answer %q: %v", out.String(), err)
	}
	return a
}

func made(t *testing.T, s shape, train, test int, seed uint64) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), s.name)
	if err := s.make(folder, train, test, seed); err != nil {
		t.Fatal(err)
	}
	return folder
}

func file(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestArraysComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	want := []float64{1, math.Pi, -0.25, 1e300, math.SmallestNonzeroFloat64, 7}
	if err := writeArray(path, want, 3); err != nil {
		t.Fatal(err)
	}
	got, columns, err := readArray(path)
	if err != nil || columns != 3 || !slices.Equal(got, want) {
		t.Errorf("read %v with %d columns (%v), want %v with 3", got, columns, err, want)
	}
	// The form that NumPy documents: magic, version 1.0, length, a header that ends the first 64·k bytes.
	raw := file(t, path)
	if length := int(raw[8]) | int(raw[9])<<8; (10+length)%64 != 0 || raw[9+length] != '\n' {
		t.Errorf("the header of %d bytes does not end at a multiple of 64 with a line's end: %q", length, raw[:10+length])
	}
	if err := os.WriteFile(path, raw[:len(raw)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readArray(path); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file cut short: %v", err)
	}
}

// The tables hold what their shapes promise, and a seed is a draw.
func TestShapesAreAsPlanned(t *testing.T) {
	const rows = 10_000
	for _, s := range []shape{usual, accounts, heavy, categories, sparse, imbalance} {
		t.Run(s.name, func(t *testing.T) {
			folder := made(t, s, rows, 10, 1)
			f, y, err := readTable(folder, "train", 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Check(); err != nil {
				t.Fatal(err)
			}
			var lacking []float64
			coded := 0
			for j := range f.Columns {
				c := &f.Columns[j]
				if c.Kind == frame.Category {
					coded++
					continue
				}
				missing := 0
				for i := range rows {
					if c.IsNull(i) || math.IsNaN(c.Float(i)) {
						missing++
					}
				}
				if missing > 0 {
					lacking = append(lacking, float64(missing)/rows)
				}
			}
			if len(f.Columns) != s.columns || coded != s.categories || len(lacking) != s.missing {
				t.Errorf("%d columns, %d coded, %d with gaps; want %d, %d, %d", len(f.Columns), coded, len(lacking), s.columns, s.categories, s.missing)
			}
			// Four standard errors of a share of 10,000 are .02 at most.
			if s.missing > 0 && (math.Abs(slices.Min(lacking)-s.least) > .02 || math.Abs(slices.Max(lacking)-s.most) > .02) {
				t.Errorf("shares missing %v, want %g … %g", lacking, s.least, s.most)
			}
			if rate := mean(y); math.Abs(rate-s.rate) > 4*math.Sqrt(s.rate*(1-s.rate)/rows)*1.5 {
				t.Errorf("rate of ones %g, want %g", rate, s.rate)
			}
		})
	}
	first, again, other := made(t, usual, 500, 10, 1), made(t, usual, 500, 10, 1), made(t, usual, 500, 10, 2)
	x := func(folder string) []byte { return file(t, filepath.Join(folder, "train_x.npy")) }
	if !bytes.Equal(x(first), x(again)) || bytes.Equal(x(first), x(other)) {
		t.Error("the same seed must draw the same rows, and another seed others")
	}
}

// A column that is told to raise the odds does: without it no monotone constraint
// would be fair.
func TestDirectionsAreTrue(t *testing.T) {
	f, y, err := readTable(made(t, accounts, 20_000, 10, 1), "train", 0)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for j := range f.Columns {
		c := &f.Columns[j]
		if c.Direction == frame.Unknown {
			continue
		}
		told++
		var values, labels []float64
		for i, v := range c.Numbers {
			if !math.IsNaN(v) {
				values, labels = append(values, v), append(labels, y[i])
			}
		}
		auc, err := metrics.AUC(labels, values, nil)
		if err != nil {
			t.Fatal(err)
		}
		// The standard error of an AUC of 20,000 rows is .004.
		if (auc-0.5)*float64(c.Direction) < 0.012 {
			t.Errorf("%s is told to go %+d, and its AUC is %.3f", c.Name, c.Direction, auc)
		}
	}
	if told != 8 {
		t.Errorf("%d columns have a direction, want 2 of every 5 informative ones", told)
	}
}

// A fit leaves a model and margins; predict, explain, row and bags take it from there.
func TestTrialsOfOurs(t *testing.T) {
	set, work := made(t, usual, 2000, 500, 1), t.TempDir()
	p := usualParams()
	p.Rounds = 20
	model, margins := filepath.Join(work, "model"), filepath.Join(work, "margins.npy")
	fitted := answerTo(t, request{Task: "fit", Set: set, Params: p, Model: model, Out: margins})
	if len(fitted.Seconds) != 1 || fitted.Seconds[0] <= 0 || fitted.CPU <= 0 || fitted.Peak < 1<<20 || fitted.Rows != 2000 {
		t.Errorf("fit answered %+v", fitted)
	}
	want, _, err := readArray(margins)
	if err != nil {
		t.Fatal(err)
	}
	m := measured{}
	if err := m.judge(request{Set: set, Out: margins}); err != nil || m.auc[0] < 0.6 {
		t.Errorf("the AUC on held-out rows is %v (%v), want one that has learnt", m.auc, err)
	}

	out := filepath.Join(work, "out.npy")
	predicted := answerTo(t, request{Task: "predict", Set: set, Model: model, Passes: 2, Rows: 100, Out: out})
	got, _, err := readArray(out)
	if err != nil || len(predicted.Seconds) != 2 || predicted.Rows != 100 || !slices.Equal(got, want[:100]) {
		t.Errorf("predict: %d passes over %d rows (%v), and margins other than the fit's", len(predicted.Seconds), predicted.Rows, err)
	}

	answerTo(t, request{Task: "explain", Set: set, Model: model, Passes: 1, Rows: 100, Out: out})
	contributions, columns, err := readArray(out)
	if err != nil || columns != 40 || len(contributions) != 4000 {
		t.Errorf("explain wrote %d values in %d columns (%v)", len(contributions), columns, err)
	}
	if rows := answerTo(t, request{Task: "row-explain", Set: set, Model: model, Rows: 30}); len(rows.Seconds) != 30 || rows.Rows != 1 {
		t.Errorf("row-explain timed %d rows", len(rows.Seconds))
	}

	p.RowFraction = 0.5
	answerTo(t, request{Task: "bags", Set: set, Params: p, Passes: 2, Out: out})
	bag, columns, err := readArray(out)
	if err != nil || columns != 500 || slices.Equal(bag[:500], bag[500:]) {
		t.Errorf("bags wrote %d columns (%v); two seeds must differ", columns, err)
	}
}

// What we write we read back: the halves of the round trip that need no library.
func TestModelsTravelToOurselves(t *testing.T) {
	folder := t.TempDir()
	answerTo(t, request{Task: "models", Set: filepath.Join(folder, "lightgbm"), Params: params{Rounds: 5}})
	a := answerTo(t, request{Task: "check", Set: folder})
	if len(a.Differences) != 2*len(travellers) {
		t.Fatalf("%d differences of %d models", len(a.Differences), len(travellers))
	}
	for what, difference := range a.Differences {
		if !(difference <= tolerance(what)) {
			t.Errorf("%s differs by %g", what, difference)
		}
	}
	// A broken answer is seen.
	margins := filepath.Join(folder, "lightgbm", "binary", "margins.npy")
	values, _, err := readArray(margins)
	if err != nil {
		t.Fatal(err)
	}
	values[7] += 1e-9
	if err := writeArray(margins, values, 0); err != nil {
		t.Fatal(err)
	}
	if a := answerTo(t, request{Task: "check", Set: folder}); a.Differences["lightgbm/binary/margins"] <= tolerance("margins") {
		t.Errorf("a margin moved by 1e-9 gives %g", a.Differences["lightgbm/binary/margins"])
	}
}

// The base that pred_contrib puts last is no difference, and a wrong value is.
func TestPredictionsApart(t *testing.T) {
	folder := t.TempDir()
	got, want := filepath.Join(folder, "got.npy"), filepath.Join(folder, "want.npy")
	if err := errors.Join(writeArray(got, []float64{1, 2, 3, 4}, 2), writeArray(want, []float64{1, 2, 9, 3, 4.5, 9, 7, 7, 9}, 3)); err != nil {
		t.Fatal(err)
	}
	if d, err := apart(got, want); err != nil || d != 0.5/4.5 {
		t.Errorf("apart by %g (%v), want 0.5 of 4.5", d, err)
	}
}

func TestFiguresAndBars(t *testing.T) {
	b := bench{scale: 1}
	all := []*measured{
		{side: ours, wall: []float64{5, 6, 50}}, {side: oursTwin, wall: []float64{9}},
		{side: "lightgbm", wall: []float64{10}}, {side: "xgboost", wall: []float64{8}},
	}
	b.ratios("train", size(500_000), all, func(m *measured) float64 { return median(m.wall) })
	var lines strings.Builder
	err := servingtest.PrintFigures(&lines, b.figures)
	want := `{"name":"train/500k/lightgbm","engine":"","value":0.6,"unit":"ratio","reference":1,"op":"<=","bound":0.625,"ok":true}
{"name":"train/500k/xgboost","engine":"","value":0.75,"unit":"ratio","reference":1,"op":"<=","bound":0.5882352941176471,"ok":false}
{"name":"train-twin/500k/lightgbm","engine":"","value":0.9,"unit":"ratio","reference":1}
{"name":"train-twin/500k/xgboost","engine":"","value":1.125,"unit":"ratio","reference":1}
`
	if diff := cmp.Diff(want, lines.String()); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	if !errors.Is(err, servingtest.ErrBelowBar) {
		t.Errorf("a missed bar gives %v", err)
	}
	for rows, want := range map[int]string{500_000: "500k", 10_000_000: "10m", 20_000: "20k", 600: "600", 12_500: "12.5k"} {
		if got := size(rows); got != want {
			t.Errorf("size(%d) = %q, want %q", rows, got, want)
		}
	}
	// On smaller tables nothing was promised.
	b = bench{scale: 0.5}
	b.figure("train/500k/lightgbm", ratioUnit, 3)
	if !b.figures[0].Reached() || b.figures[0].Op != "" {
		t.Errorf("at half the rows %+v has a bar", b.figures[0])
	}
}

// Without any Python the run still measures ours, says who is not here, and compares
// with nobody.
func TestPeersThatAreAbsent(t *testing.T) {
	b := bench{environments: t.TempDir(), scale: 1, rounds: 1}
	if got := b.here(context.Background(), trainers); !slices.Equal(got, []string{ours, oursAVX2}) {
		t.Errorf("here are %v", got)
	}
	if _, err := b.trial(context.Background(), "lleaves", 1, request{}); err == nil || !strings.Contains(err.Error(), "lleaves is not installed") {
		t.Errorf("a peer that is absent: %v", err)
	}
	for _, args := range [][]string{{"-rounds", "0"}, {"-scale", "2"}, {"-chapters", "trian"}} {
		if err := run(context.Background(), args, nil, io.Discard, io.Discard); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
