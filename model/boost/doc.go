// Package boost learns ensembles of trees by gradient boosting over histograms:
// Friedman's gradient boosting (Annals of Statistics 29, 2001) with the
// second-order gain of XGBoost (Chen and Guestrin, KDD 2016) and the leaf-wise
// growth and categorical splits of LightGBM (Ke et al., NIPS 2017).
//
// Place in the flow: frame → [boost] → model/tree (predicts) → model/shap
// (explains). It is read chapter by chapter: bin.go (values become at most 255
// bins and one for missing), hist.go (sums per bin), split.go (the best cut of
// a leaf), grow.go (one tree), loss.go (what is minimised), fit.go (all rounds).
//
// Gradients and hessians are rounded once per row to whole multiples of a power
// of two, so that sums are exact: the same parameters and rows give the same
// bytes with any number of threads and in any order of summation. The rounding
// is finer than 2⁻³⁵ of the largest sum.
//
// The package refuses to guess: labels, weights or values that are not finite,
// one class where two are needed, no rows and no columns are errors that name
// the row and the column. It knows no clock, file or log.
package boost
