package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fealty/features/frame"
	"fealty/model/boost"
	"fealty/model/ladder"
	"fealty/model/shap"
	"fealty/model/tree"
)

// request is what a trial is asked for: the same JSON for ours (this program) and
// for the peers (python/trial.py), on standard input.
type request struct {
	// Task is fit, bags, predict, explain, row, row-explain, models or check, and for
	// ours ladder.
	Task string `json:"task"`
	// Learner names the peer's library and way; ours has one.
	Learner string `json:"learner"`
	// Set is the folder of a table, Params how to fit on it.
	Set    string `json:"set"`
	Params params `json:"params"`
	// Model is the file that fit writes and the other tasks read.
	Model string `json:"model"`
	// Rows of the test part are predicted or explained, all where 0, Passes times.
	// bags fits with Passes seeds from the one of Params on.
	Rows   int `json:"rows"`
	Passes int `json:"passes"`
	// Out, where given, is where the margins or contributions of the test rows go.
	Out string `json:"out"`
}

// params are the parameters that all learners share.
type params struct {
	Rounds          int     `json:"rounds"`
	Leaves          int     `json:"leaves"`
	LearningRate    float64 `json:"learning_rate"`
	MinRows         int     `json:"min_rows"`
	Bins            int     `json:"bins"`
	Monotone        bool    `json:"monotone"`
	RowFraction     float64 `json:"row_fraction"`
	FeatureFraction float64 `json:"feature_fraction"`
	Seed            uint64  `json:"seed"`
	Threads         int     `json:"threads"`
}

// usualParams are those of all speeds.
func usualParams() params {
	return params{Rounds: 100, Leaves: 31, LearningRate: 0.1, MinRows: 20, Bins: 255, RowFraction: 1, FeatureFraction: 1, Seed: 1, Threads: threads}
}

// answer is what a trial found, as one JSON line on standard output.
type answer struct {
	// Seconds has the wall time of each pass: of the fit, of all rows at once, or of
	// each row; CPU the processor seconds of all passes together.
	Seconds []float64 `json:"seconds"`
	CPU     float64   `json:"cpu"`
	// Prepare is what came before the first pass: tables built, models compiled.
	Prepare float64 `json:"prepare"`
	// Rows were predicted in each pass.
	Rows int `json:"rows"`
	// Peak is the most memory that the process held (of a fit: until it was over), in
	// bytes, interpreter, libraries and table included.
	Peak int64 `json:"peak"`
	// Version names the library, or the processor features that ours found.
	Version string `json:"version"`
	// Differences are the largest relative ones of a check, by what was compared.
	Differences map[string]float64 `json:"differences,omitempty"`
	// Refused says why a model was not read, by its name.
	Refused map[string]string `json:"refused,omitempty"`
}

// runTrial answers one request with ours.
func runTrial(ctx context.Context, in io.Reader, out io.Writer) error {
	var r request
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("read the trial's request: %w", err)
	}
	task := map[string]func(context.Context, request) (answer, error){
		"fit": fit, "bags": fitBags, "predict": predict, "explain": explain, "row": row, "row-explain": row,
		"ladder": climb, "models": writeModels, "check": checkModels,
	}[r.Task]
	if task == nil {
		return fmt.Errorf("trial %q is unknown", r.Task)
	}
	a, err := task(ctx, r)
	if err != nil {
		return fmt.Errorf("trial %s: %w", r.Task, err)
	}
	if a.Peak == 0 {
		if a.Peak, err = peakMemory(); err != nil {
			return err
		}
	}
	a.Version = runtime.Version()
	return json.NewEncoder(out).Encode(a)
}

// peakMemory returns the most resident memory of this process so far, in bytes.
func peakMemory() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if kilobytes, is := strings.CutPrefix(line, "VmHWM:"); is {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kilobytes), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, errors.New("/proc/self/status has no line VmHWM")
}

// timed runs one pass and adds its time to the answer.
func (a *answer) timed(pass func() error) error {
	cpu, err := cpuSeconds()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := pass(); err != nil {
		return err
	}
	a.Seconds = append(a.Seconds, time.Since(began).Seconds())
	after, err := cpuSeconds()
	a.CPU += after - cpu
	return err
}

// cpuSeconds returns what this process has used of processors.
func cpuSeconds() (float64, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds(), nil
}

func (p params) ours() boost.Params {
	b := boost.Defaults()
	b.Rounds, b.Leaves, b.LearningRate, b.MinRows, b.MaxBins = p.Rounds, p.Leaves, p.LearningRate, p.MinRows, p.Bins
	b.Monotone, b.RowFraction, b.FeatureFraction, b.Seed, b.Threads = p.Monotone, p.RowFraction, p.FeatureFraction, p.Seed, p.Threads
	return b
}

// fit times boost.Fit from the frame to the ensemble, bins and all.
func fit(ctx context.Context, r request) (answer, error) {
	f, y, err := readTable(r.Set, "train", 0)
	if err != nil {
		return answer{}, err
	}
	a := answer{Rows: f.Rows()}
	var e *tree.Ensemble
	err = a.timed(func() error {
		e, err = boost.Fit(ctx, r.Params.ours(), f, y, nil)
		return err
	})
	if err != nil {
		return answer{}, err
	}
	// What comes after the fit is not the fit's.
	if a.Peak, err = peakMemory(); err != nil {
		return answer{}, err
	}
	if r.Model != "" {
		if err := saveEnsemble(r.Model, e); err != nil {
			return answer{}, err
		}
	}
	if r.Out == "" {
		return a, nil
	}
	f = nil // the test rows take its place in memory
	test, _, err := readTable(r.Set, "test", 0)
	if err != nil {
		return answer{}, err
	}
	margins := make([]float64, test.Rows())
	if err := e.Predict(test, margins); err != nil {
		return answer{}, err
	}
	return a, writeArray(r.Out, margins, 0)
}

// fitBags fits with several seeds and writes the margins of the test rows, a row of
// the file per seed.
func fitBags(ctx context.Context, r request) (answer, error) {
	f, y, err := readTable(r.Set, "train", 0)
	if err != nil {
		return answer{}, err
	}
	test, _, err := readTable(r.Set, "test", 0)
	if err != nil {
		return answer{}, err
	}
	a := answer{Rows: f.Rows()}
	margins := make([]float64, r.Passes*test.Rows())
	for k := range r.Passes {
		if err := a.timed(func() error {
			e, err := boost.Fit(ctx, r.Params.ours(), f, y, nil)
			if err != nil {
				return err
			}
			return e.Predict(test, margins[k*test.Rows():(k+1)*test.Rows()])
		}); err != nil {
			return answer{}, err
		}
		r.Params.Seed++
	}
	return a, writeArray(r.Out, margins, test.Rows())
}

// loaded reads the model and the first rows of the test table.
func loaded(r request) (*tree.Ensemble, *frame.Frame, error) {
	e, err := load(r.Model, tree.Read)
	if err != nil {
		return nil, nil, err
	}
	f, _, err := readTable(r.Set, "test", r.Rows)
	return e, f, err
}

// predict times the margins of all rows at once.
func predict(_ context.Context, r request) (answer, error) {
	e, f, err := loaded(r)
	if err != nil {
		return answer{}, err
	}
	out := make([]float64, f.Rows())
	return passes(r, f, out, 0, func() error { return e.Predict(f, out) })
}

// explain times the contributions of all rows at once.
func explain(_ context.Context, r request) (answer, error) {
	e, f, err := loaded(r)
	if err != nil {
		return answer{}, err
	}
	began := time.Now()
	x, err := shap.New(e)
	if err != nil {
		return answer{}, err
	}
	columns := len(x.Features())
	out := make([]float64, f.Rows()*columns)
	pass := func() error {
		_, err := x.Explain(f, out)
		return err
	}
	prepared := time.Since(began)
	a, err := passes(r, f, out, columns, pass)
	a.Prepare += prepared.Seconds()
	return a, err
}

// passes runs one pass that is not counted (what is built at the first use counts
// as preparation) and r.Passes that are.
func passes(r request, f *frame.Frame, out []float64, columns int, pass func() error) (answer, error) {
	a := answer{Rows: f.Rows()}
	if err := a.timed(pass); err != nil {
		return answer{}, err
	}
	first := a.Seconds[0]
	a.Seconds, a.CPU = nil, 0
	for range r.Passes {
		if err := a.timed(pass); err != nil {
			return answer{}, err
		}
	}
	a.Prepare = max(0, first-slices.Min(a.Seconds))
	if r.Out == "" {
		return a, nil
	}
	return a, writeArray(r.Out, out, columns)
}

// row times rows one by one, as a server meets them: the margin, and for
// row-explain the contributions beside it.
func row(_ context.Context, r request) (answer, error) {
	e, f, err := loaded(r)
	if err != nil {
		return answer{}, err
	}
	x, err := shap.New(e)
	if err != nil {
		return answer{}, err
	}
	bound, err := e.Bind(f)
	if err != nil {
		return answer{}, err
	}
	a := answer{Rows: 1}
	values, contributions := make([]float64, len(e.Features())), make([]float64, len(e.Features()))
	sum := 0.0
	for i := range f.Rows() {
		bound.Row(i, values)
		if err := a.timed(func() error {
			sum += e.Margin(values)
			if r.Task == "row-explain" {
				sum += x.ExplainRow(values, contributions)
			}
			return nil
		}); err != nil {
			return answer{}, err
		}
	}
	runtime.KeepAlive(sum)
	return a, nil
}

// climb times the full ladder: folds, rungs, choice, calibration and report.
func climb(ctx context.Context, r request) (answer, error) {
	var samples [2]ladder.Sample
	for i, part := range []string{"train", "test"} {
		f, y, err := readTable(r.Set, part, 0)
		if err != nil {
			return answer{}, err
		}
		for k := range f.Accounts {
			f.Accounts[k] = frame.AccountID(part + strconv.Itoa(k))
		}
		samples[i] = ladder.Sample{Frame: f, Y: y}
	}
	p := ladder.Defaults()
	p.Seed = r.Params.Seed
	a := answer{Rows: samples[0].Frame.Rows()}
	err := a.timed(func() error {
		_, err := ladder.Train(ctx, p, samples[0], samples[1], nil)
		return err
	})
	return a, err
}

func saveEnsemble(path string, e *tree.Ensemble) error {
	var text bytes.Buffer
	if err := e.Write(&text); err != nil {
		return err
	}
	return os.WriteFile(filepath.Clean(path), text.Bytes(), 0o600)
}

// modelBytes bounds a model file that is read here.
const modelBytes = 1 << 30

// reader reads a model of one library's format.
type reader func(from io.Reader, limit int64) (*tree.Ensemble, error)

func load(path string, read reader) (e *tree.Ensemble, err error) {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return read(file, modelBytes)
}
