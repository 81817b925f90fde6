package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"

	"fealty/features/frame"
	"fealty/model/boost"
	"fealty/model/shap"
	"fealty/model/tree"
)

// Models that travel, as python/roundtrip.py describes: a folder per kind with the
// model, the rows x.npy, margins.npy and contributions.npy with the base last.

// travellers are the kinds of model of ours that LightGBM is to read.
var travellers = []struct {
	name   string
	shape  shape
	change func(*boost.Params)
}{
	{"binary", usual, func(*boost.Params) {}},
	{"categories", categories, func(*boost.Params) {}},
	{"one-hot", categories, func(p *boost.Params) { p.OneHot = 255 }},
	{"missing", sparse, func(*boost.Params) {}},
	{"deep", usual, func(p *boost.Params) { p.Leaves, p.MinRows = 255, 2 }},
	{"stumps", usual, func(p *boost.Params) { p.Leaves = 2 }},
	{"monotone", usual, func(p *boost.Params) { p.Monotone = true }},
	{"sampled", usual, func(p *boost.Params) { p.RowFraction, p.FeatureFraction = 0.5, 0.5 }},
	{"regression", usual, func(p *boost.Params) { p.Loss = boost.Squared{} }},
	{"poisson", usual, func(p *boost.Params) { p.Loss = boost.Poisson{} }},
	{"quantile", usual, func(p *boost.Params) { p.Loss = boost.Pinball{Alpha: 0.9} }},
}

// writeModels writes models of ours, one folder per kind, into the request's set;
// of the request's parameters only the rounds count.
func writeModels(ctx context.Context, r request) (answer, error) {
	for _, t := range travellers {
		if err := writeModel(ctx, filepath.Join(r.Set, t.name), t.shape, r.Params.Rounds, t.change); err != nil {
			return answer{}, fmt.Errorf("model %s: %w", t.name, err)
		}
	}
	return answer{}, nil
}

func writeModel(ctx context.Context, folder string, s shape, rounds int, change func(*boost.Params)) (err error) {
	set, err := os.MkdirTemp("", "fealty-peers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(set)) }()
	if err := s.make(set, 4000, 200, 1); err != nil {
		return err
	}
	f, y, err := readTable(set, "train", 0)
	if err != nil {
		return err
	}
	p := boost.Defaults()
	p.Rounds = rounds
	change(&p)
	e, err := boost.Fit(ctx, p, f, y, nil)
	if err != nil {
		return err
	}
	test, _, err := readTable(set, "test", 0)
	if err != nil {
		return err
	}
	margins, contributions, err := spoken(e, test)
	if err != nil {
		return err
	}
	x, columns, err := readArray(filepath.Join(set, "test_x.npy"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	return errors.Join(
		saveEnsemble(filepath.Join(folder, "model.txt"), e),
		writeArray(filepath.Join(folder, "x.npy"), x, columns),
		writeArray(filepath.Join(folder, "margins.npy"), margins, 0),
		writeArray(filepath.Join(folder, "contributions.npy"), contributions, columns+1),
	)
}

// spoken returns the margins of a frame and the contributions, row by row with the
// base last.
func spoken(e *tree.Ensemble, f *frame.Frame) (margins, contributions []float64, err error) {
	margins = make([]float64, f.Rows())
	if err := e.Predict(f, margins); err != nil {
		return nil, nil, err
	}
	x, err := shap.New(e)
	if err != nil {
		return nil, nil, err
	}
	columns := len(e.Features())
	each := make([]float64, f.Rows()*columns)
	base, err := x.Explain(f, each)
	if err != nil {
		return nil, nil, err
	}
	for i := range f.Rows() {
		contributions = append(append(contributions, each[i*columns:(i+1)*columns]...), base)
	}
	return margins, contributions, nil
}

// checkModels reads the peers' models below the request's set and compares.
func checkModels(_ context.Context, r request) (answer, error) {
	a := answer{Differences: map[string]float64{}, Refused: map[string]string{}}
	for pattern, read := range map[string]reader{"lightgbm/*/model.txt": tree.Read, "xgboost/*/model.json": tree.ReadXGBoost} {
		models, err := fs.Glob(os.DirFS(r.Set), pattern)
		if err != nil {
			return answer{}, err
		}
		for _, model := range models {
			name := path.Dir(model)
			folder := filepath.Join(r.Set, filepath.FromSlash(name))
			e, err := load(filepath.Join(folder, path.Base(model)), read)
			if err != nil {
				a.Refused[name] = err.Error()
				continue
			}
			if err := compare(a.Differences, name, folder, e); err != nil {
				return answer{}, fmt.Errorf("%s: %w", model, err)
			}
		}
	}
	return a, nil
}

// compare writes the largest relative differences between what e says and what
// stands in the folder.
func compare(differences map[string]float64, name, folder string, e *tree.Ensemble) error {
	x, columns, err := readArray(filepath.Join(folder, "x.npy"))
	if err != nil {
		return err
	}
	margins, contributions, err := spoken(e, frameOf(e, x, columns))
	if err != nil {
		return err
	}
	for side, got := range map[string][]float64{"margins": margins, "contributions": contributions} {
		want, _, err := readArray(filepath.Join(folder, side+".npy"))
		if err != nil {
			return err
		}
		if len(want) != len(got) {
			return fmt.Errorf("%s.npy holds %d values, ours are %d", side, len(want), len(got))
		}
		differences[name+"/"+side] = largestDifference(got, want)
	}
	return nil
}

// largestDifference returns max |got − want| ÷ max(1, |want|); NaN where one is NaN.
func largestDifference(got, want []float64) float64 {
	largest := 0.0
	for i, w := range want {
		largest = max(largest, math.Abs(got[i]-w)/max(1, math.Abs(w)))
	}
	return largest
}

// frameOf gives raw rows the columns that the ensemble reads.
func frameOf(e *tree.Ensemble, x []float64, columns int) *frame.Frame {
	rows := len(x) / columns
	f := &frame.Frame{Accounts: make([]frame.AccountID, rows), Cutoffs: make([]frame.Cutoff, rows)}
	for j, feature := range e.Header().Features {
		levels := 0
		if feature.Category {
			for i := range rows {
				if v := x[i*columns+j]; v >= float64(levels) {
					levels = int(v) + 1
				}
			}
		}
		c := columnOf{Name: feature.Name, Levels: levels}.empty(rows)
		for i := range rows {
			set(&c, i, x[i*columns+j])
		}
		f.Columns = append(f.Columns, c)
	}
	return f
}
