// Package shap says what each feature contributed to a margin: exact Shapley
// values of tree ensembles.
//
// Place in the flow: model/tree (predicts) → [shap] (explains) → model/score
// (puts contributions into words). Contributions say how the model came to its
// margin, not what would happen if a feature changed: the package claims no cause.
//
// # The game
//
// A Shapley value needs to know what the model says when only some features are
// known. New plays the game of TreeSHAP (Lundberg et al., Nature Machine
// Intelligence 2, 2020) and of LightGBM's pred_contrib: a feature that is not
// known is averaged out along the tree, by the training rows that went each way.
//
// Owen (Management Science 18, 1972) writes a Shapley value as an integral over
// the share t of features that are known. For one leaf of value v it is
//
//	φᵢ = v · (oᵢ − zᵢ) · ∫₀¹ Π_{j≠i} (zⱼ(1−t) + oⱼt) dt,
//
// where zⱼ is the share of rows that go the leaf's way at the nodes of feature
// j, and oⱼ is 1 if the row itself does, else 0. For a path of d features the
// integrand is a polynomial of degree d−1, so Gauss–Legendre quadrature with
// ⌈d/2⌉ points is not an approximation but equal to it. Every factor is
// positive, so that nothing cancels on deep paths, where the unwinding of the
// original algorithm loses digits.
//
// NewInterventional plays another game: a feature that is not known has the value
// of a row of a background, on average. What a leaf contributes depends on the
// same bits, so that all that follows holds for both.
//
// # Tables
//
// What a leaf contributes depends on the row only through the bits oⱼ. So the
// leaves of a tree are cut into pieces, such that a piece has few states: to its
// leaves, the values of a feature fall into a few classes, and the states are the
// product of the classes of its features, at most 1024, or 2048 for a leaf alone. A
// table holds, per state, the summed contributions of the piece. To explain a row
// is then to find its state in every piece, by comparing small whole numbers, four
// rows at once, and to add one line of the table.
//
// Tables take Σ over pieces of states × features × 8 bytes, at most 128 MB per
// explainer: 16 MB for 100 trees of 31 leaves, 85 MB for 300. They are built when
// they pay off: before a call that brings the rows explained to 256, or, in calls
// of fewer rows, one tree per call from there on, so that a process that scores
// one account at a time never waits for all of them. Until then, and for leaves on
// paths of more than eleven features or beyond the bound, contributions are
// computed leaf by leaf, in a block of rows once per state that occurs in it, with
// the same bits as a result. Paths of more than fifteen features, and trees that
// tell more than 64 cells of a feature apart, are walked row by row.
//
// Tables are float64, so that contributions sum to the margin to 1e-9 on every
// row. Float32 would take half the memory and was 8 % faster in batches, 13 % for
// a row alone, with sums off by 3e-8.
package shap
