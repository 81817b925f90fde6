// Package tree holds decision-tree ensembles: one flat, immutable Ensemble
// that predicts, and that reads and writes LightGBM's v4 text format, so that a
// model trained here opens in Python and the other way round. It reads XGBoost's
// JSON, too.
//
// Place in the flow: frame → model/boost (learns) → [tree] (predicts) →
// model/shap (explains) → score. There is no learner here, no probability (an
// ensemble speaks margins only), no file and no clock. The text holds no code;
// its size is bounded before anything is allocated, and what it says is checked
// whole before an Ensemble exists.
//
// Three forms predict, equal to the bit: Tree.Leaf, the reference; Margin, four
// trees at a time for one row; and for batches a layout of bits, 512 rows at a
// time, with assembly for AVX-512 and AVX2 (the build tag purego leaves it out).
//
// Refused in LightGBM's text, with the reason: more than one class, linear
// leaves, averaged forests (average_output), a format version other than v4,
// keys that stand twice or that v4 does not know, cycles, children, features or
// counts out of range, thresholds that are NaN, leaf values that are not finite.
// ReadXGBoost says what is refused there.
package tree
