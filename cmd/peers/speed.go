package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fealty/model/metrics"
)

// Rows of the tables at scale 1.
const (
	usualRows   = 500_000
	testRows    = 200_000
	largeRows   = 10_000_000
	accountRows = 20_000
)

// Rows that are predicted and explained in one pass. Peers that explain a thousand
// rows a second get fewer; times are compared per row.
const (
	predictRows     = 200_000
	explainRows     = 20_000
	explainRowsPeer = 2_000
	singleRows      = 5_000
	batchPasses     = 3
)

func (b *bench) rows(atScale1 int) int { return max(1000, int(b.scale*float64(atScale1))) }

// path is a file of the run.
func (b *bench) path(name string) string { return filepath.Join(b.work, name) }

// keptTable is the first draw of the usual table, which train leaves for later
// chapters with the models that were fitted on it.
const keptTable = "usual"

// modelOf returns where the fit of a side on the kept table leaves its model.
func (b *bench) modelOf(side string) string { return b.path("model-of-" + side) }

var trainers = []string{ours, oursTwin, oursAVX2, "lightgbm", "lightgbm-quantized", "xgboost", "sklearn"}

// train times fits of the usual table, another draw of it in each round, and
// compares the quality on held-out rows.
func (b *bench) train(ctx context.Context) error {
	rows := b.rows(usualRows)
	all, err := b.fits(ctx, usual, rows, trainers, usualParams(), keptTable)
	if err != nil {
		return err
	}
	b.ratios("train", size(rows), all, func(m *measured) float64 { return median(m.wall) })
	b.ratios("train-cpu", size(rows), all, func(m *measured) float64 { return median(m.cpu) })
	b.ratios("memory", size(rows), all, func(m *measured) float64 { return float64(m.peak) })
	b.closeness("usual", all)
	return b.writeFits("train, "+size(rows)+" × 40, 100 trees × 31 leaves", all)
}

// fits has the sides fit draws of a shape, one per round, and scores them on the
// draw's test rows. The first draw stays as the folder kept, unless that is "";
// with keptTable the models fitted on it stay too.
func (b *bench) fits(ctx context.Context, s shape, rows int, sides []string, p params, kept string) ([]*measured, error) {
	made := -1
	all, err := b.turns(ctx, sides, threads, func(side string, round int) (request, error) {
		first := kept != "" && round == 0
		set := b.path("draw")
		if first {
			set = b.path(kept)
		}
		if made != round {
			if err := s.make(set, rows, b.rows(testRows), uint64(round)+1); err != nil { //nolint:gosec // rounds are few
				return request{}, err
			}
			made = round
		}
		r := request{Task: "fit", Set: set, Params: p, Out: b.path("margins.npy")}
		if first && kept == keptTable {
			r.Model = b.modelOf(side)
		}
		return r, nil
	}, (*measured).judge)
	return all, errors.Join(err, os.RemoveAll(b.path("draw")))
}

// judge scores the margins that a fit left on the test rows.
func (m *measured) judge(r request) error {
	margins, _, err := readArray(r.Out)
	if err != nil {
		return err
	}
	y, _, err := readArray(filepath.Join(r.Set, "test_y.npy"))
	if err != nil {
		return err
	}
	auc, err := metrics.AUC(y, margins, nil)
	if err != nil {
		return err
	}
	logLoss, err := metrics.LogLossOfMargins(y, margins, nil)
	if err != nil {
		return err
	}
	m.auc, m.logLoss = append(m.auc, auc), append(m.logLoss, logLoss)
	return nil
}

// wide times trees of 255 leaves.
func (b *bench) wide(ctx context.Context) error {
	p := usualParams()
	p.Leaves = 255
	return b.report(ctx, "train-255-leaves", usual, b.rows(usualRows), p)
}

// kinds times a table of which a quarter are categories, with monotone constraints.
func (b *bench) kinds(ctx context.Context) error {
	p := usualParams()
	p.Monotone = true
	return b.report(ctx, "train-categories-monotone", categories, b.rows(usualRows), p)
}

// large times 10 million rows, once per side.
func (b *bench) large(ctx context.Context) error {
	once := *b
	once.rounds = 1
	err := once.report(ctx, "train", usual, b.rows(largeRows), usualParams())
	b.figures = once.figures
	return err
}

// reportRounds bound the turns where no bar stands on the figures.
const reportRounds = 3

// report times fits that have no bar.
func (b *bench) report(ctx context.Context, name string, s shape, rows int, p params) error {
	fewer := *b
	fewer.rounds = min(b.rounds, reportRounds)
	all, err := fewer.fits(ctx, s, rows, trainers, p, "")
	if err != nil {
		return err
	}
	b.ratios(name, size(rows), all, func(m *measured) float64 { return median(m.wall) })
	b.ratios(strings.Replace(name, "train", "memory", 1), size(rows), all, func(m *measured) float64 { return float64(m.peak) })
	return b.writeFits(name+", "+size(rows), all)
}

// accounts times the usual size of a shop: the full ladder with its folds and
// calibration against six fits of LightGBM, and one fit against one.
func (b *bench) accounts(ctx context.Context) error {
	rows := b.rows(accountRows)
	all, err := b.fits(ctx, accounts, rows, trainers, usualParams(), accounts.name)
	if err != nil {
		return err
	}
	b.ratios("train-fit", size(rows), all, func(m *measured) float64 { return median(m.wall) })
	ladders, err := b.turns(ctx, []string{ours, oursTwin}, threads, always(request{Task: "ladder", Set: b.path(accounts.name), Params: usualParams()}), nil)
	if err != nil {
		return err
	}
	for _, peer := range all {
		if peer.side != "lightgbm" {
			continue
		}
		for _, l := range ladders {
			b.figure("train"+l.side[len(ours):]+"/"+size(rows)+"/lightgbm", ratioUnit, median(l.wall)/(6*median(peer.wall)))
		}
	}
	for _, l := range ladders {
		l.side += ", full ladder"
	}
	return b.writeFits("train, "+size(rows)+" × 60", append(all, ladders...))
}

// batch has the sides predict or explain the table of the first round with the model
// that LightGBM fitted on it; XGBoost and scikit-learn take their own. Where the model
// is the same the answers must be, and the table says how far they are from LightGBM's.
func (b *bench) batch(ctx context.Context, task string, sides []string, rows func(side string) int) ([]*measured, error) {
	if err := b.needModels(ctx); err != nil {
		return nil, err
	}
	out := func(side string) string { return b.path(task + "-" + side + ".npy") }
	ask := b.asking(task, rows)
	all, err := b.turns(ctx, sides, 1, func(side string, round int) (request, error) {
		r, err := ask(side, round)
		if round == 0 {
			r.Out = out(side)
		}
		return r, err
	}, nil)
	if err != nil || !slices.ContainsFunc(all, func(m *measured) bool { return m.side == "lightgbm" }) {
		return all, err
	}
	for _, m := range all {
		if b.modelFor(m.side) != b.modelOf("lightgbm") {
			continue
		}
		if m.apart, err = apart(out(m.side), out("lightgbm")); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// asking returns the requests of a task on the kept table.
func (b *bench) asking(task string, rows func(side string) int) asker {
	return func(side string, _ int) (request, error) {
		return request{Task: task, Set: b.path(keptTable), Model: b.modelFor(side), Rows: rows(side), Passes: batchPasses}, nil
	}
}

// apart returns the largest relative difference between two files of predictions in
// the rows and columns that both have: pred_contrib has the base as one column more.
func apart(path, reference string) (float64, error) {
	got, width, err := readArray(path)
	if err != nil {
		return 0, err
	}
	want, wide, err := readArray(reference)
	if err != nil {
		return 0, err
	}
	largest := 0.0
	for i := range min(len(got)/width, len(want)/wide) {
		columns := min(width, wide)
		largest = max(largest, largestDifference(got[i*width:i*width+columns], want[i*wide:i*wide+columns]))
	}
	return largest, nil
}

// modelFor returns the model that a side predicts with.
func (b *bench) modelFor(side string) string {
	switch side {
	case "xgboost", "sklearn":
		return b.modelOf(side)
	default:
		return b.modelOf("lightgbm")
	}
}

// needModels fits the models for the chapters of prediction where train was not
// chosen.
func (b *bench) needModels(ctx context.Context) error {
	if _, err := os.Stat(b.modelOf("lightgbm")); err == nil {
		return nil
	}
	once := *b
	once.rounds = 1
	_, err := once.fits(ctx, usual, b.rows(usualRows), []string{"lightgbm", "xgboost", "sklearn"}, usualParams(), keptTable)
	return err
}

// predict times margins of all rows at once on one core.
func (b *bench) predict(ctx context.Context) error {
	all, err := b.batch(ctx, "predict", []string{ours, oursTwin, oursAVX2, "lightgbm", "xgboost", "sklearn", "lleaves", "tl2cgen", "treelite"}, func(string) int { return b.rows(predictRows) })
	if err != nil {
		return err
	}
	return b.rates("predict", "predict, batch, one core, 100 trees × 31 leaves", all)
}

// explain times exact contributions of many rows at once on one core.
func (b *bench) explain(ctx context.Context) error {
	all, err := b.batch(ctx, "explain", []string{ours, oursTwin, oursAVX2, "lightgbm", "xgboost", "shap", "shap-own", "fasttreeshap"}, func(side string) int {
		if isOurs(side) {
			return b.rows(explainRows)
		}
		return b.rows(explainRowsPeer)
	})
	if err != nil {
		return err
	}
	return b.rates("shap", "exact SHAP, batch, one core, 100 trees × 31 leaves", all)
}

// rates gives the figures of a batch, by wall and by CPU, and writes its table.
func (b *bench) rates(name, title string, all []*measured) error {
	rows := size(b.rows(usualRows))
	b.ratios(name, rows, all, (*measured).perRow)
	b.ratios(name+"-cpu", rows, all, (*measured).perRowCPU)
	return b.writeRates(title, all)
}

// single times one row after the other: the margin, and margin with contributions.
func (b *bench) single(ctx context.Context) error {
	if err := b.needModels(ctx); err != nil {
		return err
	}
	for _, task := range []struct {
		request, name string
		sides         []string
	}{
		{"row", "predict", []string{ours, oursTwin, "lightgbm", "xgboost", "lleaves", "tl2cgen"}},
		{"row-explain", "shap", []string{ours, oursTwin, "lightgbm", "xgboost"}},
	} {
		all, err := b.turns(ctx, task.sides, 1, b.asking(task.request, func(string) int { return b.rows(singleRows) }), nil)
		if err != nil {
			return err
		}
		b.ratios(task.name, "single", all, (*measured).perRow)
		if err := b.writeRows(task.name+", one row at a time, 100 trees × 31 leaves", all); err != nil {
			return err
		}
		for _, m := range all {
			if isOurs(m.side) {
				b.figure(task.name+m.side[len(ours):]+"/single/100-trees", "µs", 1e6*median(m.wall))
			}
		}
	}
	return b.manyTrees(ctx)
}

// manyTrees times ours on 300 trees.
func (b *bench) manyTrees(ctx context.Context) error {
	p := usualParams()
	p.Rounds = 300
	model := b.path("model-300")
	if _, err := b.trial(ctx, ours, threads, request{Task: "fit", Set: b.path(keptTable), Params: p, Model: model}); err != nil {
		return err
	}
	all, err := b.turns(ctx, []string{ours, oursTwin}, 1, always(request{Task: "row-explain", Set: b.path(keptTable), Model: model, Rows: b.rows(singleRows)}), nil)
	if err != nil {
		return err
	}
	for _, m := range all {
		b.figure("shap"+m.side[len(ours):]+"/single/300-trees", "µs", 1e6*median(m.wall))
	}
	return b.writeRows("margin and exact SHAP, one row at a time, 300 trees × 31 leaves", all)
}
