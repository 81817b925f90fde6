// Package boost learns ensembles of trees by gradient boosting over histograms:
// Friedman's gradient boosting (Annals of Statistics 29, 2001) with the
// second-order gain of XGBoost (Chen and Guestrin, KDD 2016) and the leaf-wise
// growth and categorical splits of LightGBM (Ke et al., NIPS 2017).
//
// Place in the flow: frame → [boost] → model/tree (predicts) → model/shap
// (explains). It is read chapter by chapter: bin.go (values become at most 255
// bins and one for missing), hist.go and pack.go (sums per bin), split.go (the
// best cut of a leaf), grow.go (one tree), loss.go (what is minimised), fit.go
// (all rounds); kernel.go has the innermost loops, of which amd64 has some in
// assembly, chosen by what the processor has. -tags purego leaves plain Go.
//
// Gradients and hessians are rounded once per row to whole multiples of a power
// of two, so that sums are exact: the same parameters and rows give the same
// bytes with any number of threads. On few rows the rounding is finer than 2⁻³⁵
// of the largest sum, and the order of rows does not show either; on many, where
// cuts are looked for with packed gradients (pack.go), it is 2⁻¹¹ of the largest
// gradient, and only the values of leaves stay that fine.
//
// The package refuses to guess: labels, weights or values that are not finite,
// one class where two are needed, no rows and no columns are errors that name
// the row and the column. It knows no clock, file or log.
package boost
