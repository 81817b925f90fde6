package main

import (
	"context"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Rows and bars of the quality chapter: AUC within 0.002 and log-loss within 0.5 %
// of LightGBM's at the same parameters, means over the draws.
const (
	qualityRows  = 200_000
	qualityDraws = 5
	aucBar       = -0.002
	logLossBar   = 1.005
)

// quality compares ours with LightGBM on draws of several shapes.
func (b *bench) quality(ctx context.Context) error {
	draws := *b
	draws.rounds = qualityDraws
	for _, s := range []shape{heavy, categories, sparse, imbalance} {
		all, err := draws.fits(ctx, s, b.rows(qualityRows), []string{ours, "lightgbm"}, usualParams(), "")
		if err != nil {
			return err
		}
		draws.closeness(s.name, all)
		if err := draws.writeFits("quality, "+s.name+", "+size(b.rows(qualityRows))+" rows, "+strconv.Itoa(qualityDraws)+" draws", all); err != nil {
			return err
		}
	}
	b.figures = draws.figures
	return nil
}

// closeness adds how far ours is from LightGBM on held-out rows.
func (b *bench) closeness(name string, all []*measured) {
	our := slices.IndexFunc(all, func(m *measured) bool { return m.side == ours })
	peer := slices.IndexFunc(all, func(m *measured) bool { return m.side == "lightgbm" })
	if our < 0 || peer < 0 {
		return
	}
	auc, logLoss := mean(all[our].auc)-mean(all[peer].auc), mean(all[our].logLoss)/mean(all[peer].logLoss)
	if b.scale < 1 {
		b.figure("quality/"+name+"/auc/lightgbm", "difference", auc)
		b.figure("quality/"+name+"/log-loss/lightgbm", ratioUnit, logLoss)
		return
	}
	b.barred("quality/"+name+"/auc/lightgbm", "difference", auc, ">=", aucBar)
	b.barred("quality/"+name+"/log-loss/lightgbm", ratioUnit, logLoss, "<=", logLossBar)
}

// travelParams are enough trees to meet every kind of node.
func travelParams() params {
	p := usualParams()
	p.Rounds = 40
	return p
}

// roundtrip has models of LightGBM and XGBoost read here, and ours read in LightGBM.
func (b *bench) roundtrip(ctx context.Context) error {
	theirs, mine := b.path("models"), b.path("models-of-ours")
	if len(b.here(ctx, []string{"xgboost"})) == 0 {
		return nil
	}
	for _, step := range []struct {
		writer, reader, folder, name string
	}{
		{"xgboost", ours, theirs, "read-here"},
		{ours, "lightgbm", mine, "read-by-lightgbm"},
	} {
		if err := os.MkdirAll(step.folder, 0o750); err != nil {
			return err
		}
		if _, err := b.trial(ctx, step.writer, threads, request{Task: "models", Set: step.folder, Params: travelParams()}); err != nil {
			return err
		}
		a, err := b.trial(ctx, step.reader, threads, request{Task: "check", Set: step.folder})
		if err != nil {
			return err
		}
		rows := [][]string{{"model", "largest relative difference"}}
		for _, what := range slices.Sorted(maps.Keys(a.Differences)) {
			b.barred("roundtrip/"+step.name+"/"+what, "relative", a.Differences[what], "<=", tolerance(what))
			rows = append(rows, []string{what, short(a.Differences[what])})
		}
		for _, model := range slices.Sorted(maps.Keys(a.Refused)) {
			b.barred("roundtrip/"+step.name+"/"+model+"/margins", "relative", math.NaN(), "<=", tolerance(model))
			b.say("%s refused %s: %s", step.reader, model, a.Refused[model])
		}
		if err := writeTable(b.err, "models "+step.name, rows); err != nil {
			return err
		}
	}
	return nil
}

// tolerance returns how far a prediction may be from the one of the library that
// wrote the model. XGBoost sums in float32.
func tolerance(what string) float64 {
	switch {
	case strings.HasPrefix(what, "xgboost"):
		return 1e-5
	case strings.HasSuffix(what, "contributions"):
		return 1e-9
	default:
		return 1e-12
	}
}
