package main

import (
	"fmt"

	"fealty/model"
	"fealty/serving/servingtest"
)

// A ratio is our time ÷ the peer's on the same rows in the same run. Where fealty
// promises to be n times as fast, the bar is 1/n.
var bars = map[string]float64{
	"train/500k/lightgbm":           1 / 1.6,
	"train/500k/lightgbm-quantized": 1 / 1.2,
	"train/500k/xgboost":            1 / 1.7,
	"train/500k/sklearn":            1 / 1.9,
	"memory/500k/lightgbm":          1.2,
	"train/20k/lightgbm":            0.7, // the full ladder ÷ six fits

	"predict/500k/lightgbm":      1.0 / 25,
	"predict/500k/xgboost":       1.0 / 15,
	"predict/500k/lleaves":       1.0 / 8,
	"predict/500k/tl2cgen":       1.0 / 8,
	"predict-twin/500k/lightgbm": 1 / 2.5,
	"predict-twin/500k/xgboost":  1 / 1.3,
	"predict-twin/500k/lleaves":  1 / 0.7,
	"predict-twin/500k/tl2cgen":  1 / 0.7,

	"shap/500k/lightgbm":     1.0 / 35,
	"shap/500k/xgboost":      1.0 / 45,
	"shap/500k/shap":         1.0 / 35,
	"shap/500k/fasttreeshap": 1.0 / 30,

	"shap/single/100-trees": 60,  // µs, margin and contributions
	"shap/single/300-trees": 150, // µs
}

// size names a number of rows as the figures do: 500k, 10m.
func size(rows int) string {
	switch {
	case rows >= 1_000_000:
		return fmt.Sprintf("%gm", float64(rows)/1e6)
	case rows >= 1000:
		return fmt.Sprintf("%gk", float64(rows)/1e3)
	default:
		return fmt.Sprint(rows)
	}
}

// figure adds a figure, with its bar where it has one.
func (b *bench) figure(name, unit string, value float64) {
	f := servingtest.Figure{Name: name, Value: model.Figure(value), Unit: unit}
	if unit == ratioUnit {
		par := 1.0
		f.Reference = &par
	}
	if bound, has := bars[name]; has && (b.scale == 1) {
		f.Bar("<=", bound)
	}
	b.figures = append(b.figures, f)
}

const ratioUnit = "ratio"

// barred adds a figure whose bar does not depend on the size.
func (b *bench) barred(name, unit string, value float64, op string, bound float64) {
	f := servingtest.Figure{Name: name, Value: model.Figure(value), Unit: unit}
	f.Bar(op, bound)
	b.figures = append(b.figures, f)
}

// ratios adds a figure for each pair of a side of ours and a peer: of is what is
// compared, a time or a size.
func (b *bench) ratios(task, size string, all []*measured, of func(*measured) float64) {
	for _, our := range all {
		if !isOurs(our.side) {
			continue
		}
		for _, peer := range all {
			if !isOurs(peer.side) {
				b.figure(task+our.side[len(ours):]+"/"+size+"/"+peer.side, ratioUnit, of(our)/of(peer))
			}
		}
	}
}
