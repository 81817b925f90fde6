package modeltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"testing"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/logistic"
)

// buggy is a good learner with one planted bug.
type buggy struct {
	before func(f *frame.Frame, y, weights []float64) (*frame.Frame, []float64, []float64)
	after  func(m *logistic.Model) model.Predictor
	fit    func(ctx context.Context, f *frame.Frame, y, weights []float64) (model.Predictor, error)
}

func (buggy) Name() string { return "buggy" }

func (b buggy) Fit(ctx context.Context, f *frame.Frame, y, weights []float64) (model.Predictor, error) {
	if b.fit != nil {
		return b.fit(ctx, f, y, weights)
	}
	if b.before != nil {
		f, y, weights = b.before(f, y, weights)
	}
	m, err := logistic.Fit(ctx, logistic.Defaults(), f, y, weights)
	if err != nil {
		return nil, err
	}
	if b.after != nil {
		return b.after(m), nil
	}
	return m, nil
}

// predictor overrides the methods of a good model.
type predictor struct {
	*logistic.Model
	predict func(m *logistic.Model, f *frame.Frame, out []float64) error
	explain func(m *logistic.Model, f *frame.Frame, out []float64) (float64, error)
}

func (p predictor) Predict(f *frame.Frame, out []float64) error {
	if p.predict == nil {
		return p.Model.Predict(f, out)
	}
	return p.predict(p.Model, f, out)
}

func (p predictor) Explain(f *frame.Frame, out []float64) (float64, error) {
	if p.explain == nil {
		return p.Model.Explain(f, out)
	}
	return p.explain(p.Model, f, out)
}

// mangled predicts well and then changes the margins.
func mangled(change func(f *frame.Frame, out []float64)) buggy {
	return buggy{after: func(m *logistic.Model) model.Predictor {
		return predictor{Model: m, predict: func(m *logistic.Model, f *frame.Frame, out []float64) error {
			if err := m.Predict(f, out); err != nil {
				return err
			}
			change(f, out)
			return nil
		}}
	}}
}

func misexplained(change func(f *frame.Frame, base *float64, out []float64)) buggy {
	return buggy{after: func(m *logistic.Model) model.Predictor {
		return predictor{Model: m, explain: func(m *logistic.Model, f *frame.Frame, out []float64) (float64, error) {
			base, err := m.Explain(f, out)
			if err == nil {
				change(f, &base, out)
			}
			return base, err
		}}
	}}
}

func rewritten(change func(f *frame.Frame, y, weights []float64) (*frame.Frame, []float64, []float64)) buggy {
	return buggy{before: change}
}

var options = Options{
	RowOrder: Tolerance{Margin: 1e-9}, ColumnOrder: Tolerance{Margin: 1e-9}, Weights: Tolerance{Margin: 1e-9},
	Duplicate: Tolerance{AUC: 0.002}, Rescale: Tolerance{Margin: 1e-9},
	OneClass: logistic.ErrOneClass, LevelsByName: true,
	Save: func(p model.Predictor) ([]byte, error) {
		m, ok := p.(*logistic.Model)
		if !ok {
			return nil, errors.New("not a logistic model")
		}
		return m.MarshalText()
	},
	Load: func(text []byte) (model.Predictor, error) { return logistic.Parse(text) },
}

// Every check has at least one learner here that it must catch, and the learner
// without a bug passes them all.
func TestEveryCheckCatchesItsBug(t *testing.T) {
	type rows = *frame.Frame
	var toggle atomic.Bool
	truncated := func(text []byte) (model.Predictor, error) {
		return logistic.Parse(bytes.Replace(text, []byte(`"base":`), []byte(`"base":1`), 1))
	}
	fitWith := func(f func(m model.Predictor, err error, y []float64) (model.Predictor, error)) buggy {
		return buggy{fit: func(ctx context.Context, fr rows, y, w []float64) (model.Predictor, error) {
			m, err := logistic.Learner{Params: logistic.Defaults()}.Fit(ctx, fr, y, w)
			return f(m, err, y)
		}}
	}
	clip := func(v float64) float64 {
		if math.IsInf(v, 0) {
			return 0
		}
		return v
	}
	var kept predictor // a learner that remembers its last model
	bugs := []struct {
		check, bug string
		learner    buggy
		options    func(*Options)
	}{
		{"finds the planted truth", "flips the outcomes", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			flipped := make([]float64, len(y))
			for i, v := range y {
				flipped[i] = 1 - v
			}
			return f, flipped, w
		}), nil},
		{"constant features give the base rate", "is half a log-odds off", mangled(func(_ rows, out []float64) {
			for i := range out {
				out[i] += 0.5
			}
		}), nil},
		{"an all-missing column does no harm", "reads a column that said nothing", mangled(func(f rows, out []float64) {
			if c := f.Column("gone"); c != nil {
				for i, v := range c.Numbers {
					if !math.IsNaN(v) {
						out[i]++
					}
				}
			}
		}), nil},
		{"one class", "forges a second class", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			y = append([]float64(nil), y...)
			if len(y) > 1 {
				y[0], y[1] = 0, 1
			}
			return f, y, w
		}), nil},
		{"no rows, no columns, one row", "panics on no rows", buggy{fit: func(ctx context.Context, f rows, y, w []float64) (model.Predictor, error) {
			_ = y[0]
			return logistic.Learner{Params: logistic.Defaults()}.Fit(ctx, f, y, w)
		}}, nil},
		{"stumps", "has the sign wrong", mangled(func(_ rows, out []float64) {
			for i := range out {
				out[i] = -out[i]
			}
		}), nil},
		{"bad outcomes are refused", "takes NaN for 0", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			y = append([]float64(nil), y...)
			for i, v := range y {
				if v != 1 {
					y[i] = 0
				}
			}
			return f, y, w
		}), nil},
		{"bad outcomes are refused", "does not say which", fitWith(func(m model.Predictor, err error, _ []float64) (model.Predictor, error) {
			if err != nil {
				return nil, errors.New("an outcome is not a number")
			}
			return m, nil
		}), nil},
		{"bad weights are refused", "takes negative weights for 1", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			w = append([]float64(nil), w...)
			for i, v := range w {
				if !(v >= 0) || math.IsInf(v, 0) {
					w[i] = 1
				}
			}
			return f, y, w
		}), nil},
		{"lengths that differ are refused", "pads the outcomes", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			for len(y) < f.Rows() {
				y = append([]float64{0}, y...)
			}
			return f, y, w
		}), nil},
		{"lengths that differ are refused", "fills what it is given", buggy{after: func(m *logistic.Model) model.Predictor {
			return predictor{Model: m, predict: func(m *logistic.Model, f rows, out []float64) error {
				all := make([]float64, f.Rows())
				if err := m.Predict(f, all); err != nil {
					return err
				}
				copy(out, all)
				return nil
			}}
		}}, nil},
		{"more than 2³¹ values are refused", "looks at the first columns only", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			return newFrame(f.Rows(), f.Columns[:min(len(f.Columns), 4)]...), y, w
		}), nil},
		{"infinite values", "takes infinity for 0", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			if f.Column("trend") != nil {
				f = replaced(f, "trend", func(_ int, v float64) float64 { return clip(v) })
			}
			return f, y, w
		}), nil},
		{"extreme values", "overflows", mangled(func(f rows, out []float64) {
			if c := f.Column("x"); c != nil {
				for i, v := range c.Numbers {
					out[i] += v * 1e10 / 1e10
				}
			}
		}), nil},
		{"degenerate quantiles", "draws a margin per row", mangled(func(_ rows, out []float64) {
			for i := range out {
				out[i] += float64(i)
			}
		}), nil},
		{"weight 0 is no row", "raises small weights", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			w = append([]float64(nil), w...)
			for i := range w {
				w[i] = max(w[i], 0.01)
			}
			return f, y, w
		}), nil},
		{"weight 2 is the row twice", "ignores weights", rewritten(func(f rows, y, _ []float64) (rows, []float64, []float64) { return f, y, nil }), nil},
		{"row order", "learns from the first half", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			if w != nil || len(y) < 100 {
				return f, y, w
			}
			n := len(y) / 2
			return f.Take(counting(len(y))[:n]), y[:n], nil
		}), nil},
		{"column order", "drops its last column", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			if len(f.Columns) < 2 {
				return f, y, w
			}
			return newFrame(f.Rows(), f.Columns[:len(f.Columns)-1]...), y, w
		}), nil},
		{"a column twice", "is confused by more columns", mangled(func(f rows, out []float64) {
			if len(f.Columns) > 6 {
				for i := range out {
					out[i] += float64(i % 5)
				}
			}
		}), nil},
		{"a column times 1,000", "has an absolute scale", mangled(func(f rows, out []float64) {
			if c := f.Column("trend"); c != nil {
				for i, v := range c.Numbers {
					out[i] += 0.01 * v
				}
			}
		}), nil},
		{"a column in another unit, order kept", "takes a straight line", buggy{}, func(o *Options) { o.OrderOnly = true }},
		{"the same seed, the same model", "rolls dice", mangled(func(_ rows, out []float64) {
			for i := range out {
				out[i] += 1e-9 * rand.Float64()
			}
		}), nil},
		{"any number of threads, the same model", "sums in the order of threads", mangled(func(_ rows, out []float64) {
			for i := range out {
				out[i] += 1e-12 * float64(runtime.GOMAXPROCS(0))
			}
		}), nil},
		{"fit leaves its input alone", "fills gaps in place", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			for k := range f.Columns {
				for i, v := range f.Columns[k].Numbers {
					if math.IsNaN(v) {
						f.Columns[k].Numbers[i] = 0
					}
				}
			}
			return f, y, w
		}), nil},
		{"row by row equals batch", "centres the batch", mangled(func(_ rows, out []float64) {
			m := mean(out)
			for i := range out {
				out[i] -= m
			}
		}), nil},
		{"contributions sum to the margin", "forgets the base", misexplained(func(_ rows, base *float64, _ []float64) { *base = 0 }), nil},
		{"contributions sum to the margin", "shifts the features by one", misexplained(func(f rows, _ *float64, out []float64) {
			width := len(out) / f.Rows()
			for i := range f.Rows() {
				row := out[i*width : (i+1)*width]
				first := row[0]
				copy(row, row[1:])
				row[width-1] = first
			}
		}), func(o *Options) { o.NoCategories = true }},
		{"columns are found by name", "goes by position", mangled(func(f rows, out []float64) {
			if len(f.Columns) > 0 && len(f.Columns[0].Numbers) > 0 {
				for i, v := range f.Columns[0].Numbers {
					out[i] += clip(v)
				}
			}
		}), nil},
		{"a column of another name", "takes the next column instead", buggy{after: func(m *logistic.Model) model.Predictor {
			return predictor{Model: m, predict: func(m *logistic.Model, f rows, out []float64) error {
				columns := append([]frame.Column(nil), f.Columns...)
				for k, name := range m.Features() {
					columns[k].Name = name
				}
				return m.Predict(newFrame(f.Rows(), columns...), out)
			}}
		}}, nil},
		{"a column of another name", "does not say what it found", buggy{after: func(m *logistic.Model) model.Predictor {
			return predictor{Model: m, predict: func(m *logistic.Model, f rows, out []float64) error {
				if err := m.Predict(f, out); err != nil {
					return errors.New("expected trend at 2")
				}
				return nil
			}}
		}}, nil},
		{"missing where training had none", "passes NaN on", mangled(func(f rows, out []float64) {
			if c := f.Column("noise"); c != nil {
				for i, v := range c.Numbers {
					out[i] += 0 * v
				}
			}
		}), nil},
		{"unseen levels", "goes by code", mangled(func(f rows, out []float64) {
			if c := f.Column("sector"); c != nil {
				for i, v := range c.Codes {
					out[i] += float64(v)
				}
			}
		}), nil},
		{"levels are found by name", "goes by code", mangled(func(f rows, out []float64) {
			if c := f.Column("sector"); c != nil {
				for i, v := range c.Codes {
					out[i] += float64(v)
				}
			}
		}), nil},
		{"codes outside the levels", "takes a stray code for missing", rewritten(func(f rows, y, w []float64) (rows, []float64, []float64) {
			g := newFrame(f.Rows(), append([]frame.Column(nil), f.Columns...)...)
			for k := range g.Columns {
				c := &g.Columns[k]
				c.Codes = append([]int32(nil), c.Codes...)
				for i, v := range c.Codes {
					if v < 0 || int(v) >= len(c.Levels) {
						c.Codes[i] = -1
					}
				}
			}
			return g, y, w
		}), nil},
		{"100,000 levels", "has an array of 256", mangled(func(f rows, out []float64) {
			if c := f.Column("product"); c != nil {
				var table [256]float64
				for i, v := range c.Codes {
					out[i] += table[v]
				}
			}
		}), nil},
		{"save and load keep every bit", "loads another base", buggy{}, func(o *Options) { o.Load = truncated }},
		{"a newer format is refused", "reads every version", buggy{}, func(o *Options) {
			o.Load = func(text []byte) (model.Predictor, error) {
				return logistic.Parse(formatVersion.ReplaceAll(text, []byte(`version":1`)))
			}
		}},
		{"a newer format is refused", "does not say which version it reads", buggy{}, func(o *Options) {
			o.Load = func(text []byte) (model.Predictor, error) {
				m, err := logistic.Parse(text)
				if err != nil {
					return nil, errors.New("not a model")
				}
				return m, nil
			}
		}},
		{"a newer format is refused", "names no version", buggy{}, func(o *Options) {
			o.Save = func(model.Predictor) ([]byte, error) { return []byte("{}"), nil }
		}},
		{"a model cut short is refused", "closes what is open", buggy{}, func(o *Options) {
			save := o.Save
			var whole []byte
			o.Save = func(m model.Predictor) (text []byte, err error) {
				whole, err = save(m)
				return whole, err
			}
			o.Load = func(text []byte) (model.Predictor, error) { return logistic.Parse(append(text, whole[len(text):]...)) }
		}},
		{"a model cut short is refused", "panics", buggy{}, func(o *Options) {
			o.Load = func(text []byte) (model.Predictor, error) { panic(len(text)) }
		}},
		{"several readers at once", "has a state", mangled(func(_ rows, out []float64) {
			if toggle.Swap(!toggle.Load()) {
				out[0]++
			}
		}), nil},
		{"a cancelled fit", "does not look", buggy{fit: func(_ context.Context, f rows, y, w []float64) (model.Predictor, error) {
			return logistic.Learner{Params: logistic.Defaults()}.Fit(context.Background(), f, y, w)
		}}, nil},
		{"a cancelled fit", "looks once", buggy{fit: func(ctx context.Context, f rows, y, w []float64) (model.Predictor, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return logistic.Learner{Params: logistic.Defaults()}.Fit(context.Background(), f, y, w)
		}}, nil},
		{"a cancelled fit", "returns a half-grown model", fitWith(func(m model.Predictor, err error, _ []float64) (model.Predictor, error) {
			if err == nil {
				if p, ok := m.(*logistic.Model); ok {
					kept.Model = p
				}
				return m, nil
			}
			return kept, err
		}), nil},
	}
	tried := map[string]bool{}
	for _, c := range bugs {
		tried[c.check] = true
		t.Run(c.check+"/"+c.bug, func(t *testing.T) {
			o := options
			if c.options != nil {
				c.options(&o)
			}
			run := find(t, c.check)
			err := run(newSuite(func(uint64) model.Learner { return c.learner }, o))
			if err == nil || errors.Is(err, errNotApplicable) {
				t.Errorf("a learner that %s passes (%v)", c.bug, err)
			}
		})
	}
	for _, c := range checks {
		if !tried[c.name] {
			t.Errorf("no bug is planted for the check %q", c.name)
		}
	}
}

func find(t *testing.T, name string) func(*suite) error {
	t.Helper()
	for _, c := range checks {
		if c.name == name {
			return c.run
		}
	}
	t.Fatalf("no check %q", name)
	return nil
}

func TestAGoodLearnerPasses(t *testing.T) {
	Run(t, func(uint64) model.Learner { return buggy{} }, options)
}

// ranked is a learner to which only the order of numbers counts: the good one on
// the places of the values among those of the training.
func ranked() buggy {
	places := func(f, training *frame.Frame) *frame.Frame {
		g := f
		for _, c := range training.Columns {
			if c.Kind != frame.Number || f.Column(c.Name) == nil {
				continue
			}
			sorted := slices.DeleteFunc(slices.Clone(c.Numbers), math.IsNaN)
			slices.Sort(sorted)
			g = replaced(g, c.Name, func(_ int, v float64) float64 {
				if math.IsNaN(v) {
					return v
				}
				return float64(sort.SearchFloat64s(sorted, v))
			})
		}
		return g
	}
	return buggy{fit: func(ctx context.Context, f *frame.Frame, y, w []float64) (model.Predictor, error) {
		m, err := logistic.Fit(ctx, logistic.Defaults(), places(f, f), y, w)
		if err != nil {
			return nil, err
		}
		return predictor{Model: m, predict: func(m *logistic.Model, g *frame.Frame, out []float64) error {
			return m.Predict(places(g, f), out)
		}}, nil
	}}
}

func TestALearnerOfOrderPasses(t *testing.T) {
	o := options
	o.OrderOnly = true
	if err := find(t, "a column in another unit, order kept")(newSuite(func(uint64) model.Learner { return ranked() }, o)); err != nil {
		t.Error(err)
	}
}

// A constant model is what a learner may return instead of ErrOneClass.
func TestOptionsSwitchChecksOff(t *testing.T) {
	o := Options{NoCategories: true}
	for _, name := range []string{"a column in another unit, order kept", "unseen levels", "levels are found by name", "codes outside the levels", "100,000 levels",
		"save and load keep every bit", "a newer format is refused", "a model cut short is refused"} {
		if err := find(t, name)(newSuite(func(uint64) model.Learner { return buggy{} }, o)); !errors.Is(err, errNotApplicable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := find(t, "one class")(newSuite(func(uint64) model.Learner { return buggy{} }, o)); err == nil || !strings.Contains(err.Error(), "all outcomes 0") {
		t.Errorf("a learner that refuses one class where a constant is wanted: %v", err)
	}
}

func TestToleranceCompares(t *testing.T) {
	s := newSuite(func(uint64) model.Learner { return buggy{} }, options)
	a := make([]float64, len(s.fresh.y))
	for i := range a {
		a[i] = float64(i % 13)
	}
	b := append([]float64(nil), a...)
	b[0] += 1e-3
	for _, c := range []struct {
		t    Tolerance
		want bool
	}{{Tolerance{}, false}, {Tolerance{Margin: 1e-4}, false}, {Tolerance{Margin: 1e-2}, true}, {Tolerance{AUC: 0.001}, true}, {Tolerance{AUC: 1e-9}, false}} {
		if err := s.alike("shifted", a, b, c.t); (err == nil) != c.want {
			t.Errorf("%+v: %v", c.t, err)
		}
	}
	// A tolerance of AUC is capped: half of the rows reversed is not alike.
	for i := range b[:len(b)/2] {
		b[i] = -b[i]
	}
	if err := s.alike("half reversed", a, b, Tolerance{AUC: 1}); err == nil {
		t.Error("an AUC may differ by anything")
	}
	if err := s.alike("the same", a, a, Tolerance{}); err != nil {
		t.Error(err)
	}
	if err := s.baseRate("half", []float64{0, 0}, 0.5); err != nil {
		t.Error(err)
	}
	for _, bad := range [][]float64{{0, 1e-12}, {0.1, 0.1}} {
		if err := s.baseRate(fmt.Sprint(bad), bad, 0.5); err == nil {
			t.Errorf("%v passes for a constant base rate of one half", bad)
		}
	}
}
